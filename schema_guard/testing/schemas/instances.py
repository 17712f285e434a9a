# SPDX-License-Identifier: Apache-2.0
"""Valid instances of any schema, as a Hypothesis strategy."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from hypothesis import reject
from hypothesis import strategies as st

from schema_guard.schema import Schema
from schema_guard.validation.drawing.demand import DeadEnd, NormalizedDocument
from schema_guard.validation.drawing.drawing import document_of, first_drawn, valid_value
from schema_guard.validation.drawing.sources import ChoiceSource

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

_TRIES = 4


def instances(schema: Any) -> SearchStrategy[Any]:
    """Return a Hypothesis strategy for JSON values that are valid for a schema.

    The strategy covers all keywords of the five supported JSON Schema dialects, including references and recursion.
    Hypothesis shrinks examples to small values.

    Args:
        schema: A schema in a form that `Schema.of` accepts.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: schema_guard found no valid instance. The error message names the location in the schema and
            the reason.
    """
    loaded = Schema.of(schema)
    document = document_of(loaded)
    first_drawn(loaded, lambda source: valid_value(loaded, document, source), Random(0), "instance")
    return _instances(loaded, document)


@st.composite
def _instances(draw: DrawFn, schema: Schema[Any], document: NormalizedDocument) -> Any:
    for _ in range(_TRIES):
        try:
            return valid_value(schema, document, HypothesisChoices(draw))[0]
        except DeadEnd:
            continue
    return reject()


class HypothesisChoices(ChoiceSource):
    """Choices that Hypothesis makes, replays, and shrinks."""

    def __init__(self, draw: DrawFn) -> None:
        self._draw = draw

    def between(self, low: int, high: int) -> int:  # noqa: D102 - as in ChoiceSource
        return low if low == high else self._draw(st.integers(low, high))

    def real(self, low: float, high: float) -> float:  # noqa: D102
        return self._draw(st.floats(low, high, allow_nan=False, allow_infinity=False))

    def text(self, least: int, most: int) -> str:  # noqa: D102
        return self._draw(st.text(st.characters(codec="utf-8"), min_size=least, max_size=most))
