# SPDX-License-Identifier: Apache-2.0
"""A Hypothesis strategy for invalid replies with the failures of real ones.

Rules:
1. The label of a reply, which is the failure that `judge` returns for it, follows from its construction. `judge` is
   called only to determine the result of a repair.
2. If a fault is impossible for a schema, or for the drawn instance, another one is tried.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument, MissingPart
from schema_guard.judging import judge
from schema_guard.schema import Schema
from schema_guard.testing import instances, near_misses
from schema_guard.testing.model_replies import faulty_text, faulty_values
from schema_guard.testing.model_replies.faults import Ground
from schema_guard.testing.model_replies.writing import in_chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

    from schema_guard.testing import NearMiss
    from schema_guard.testing.model_replies.faults import Fault
    from schema_guard.values import FailureKind, FinishReason

# Examples shrink in this order, so faults that are easy to read come first.
_TEXT_FAULTS = (
    "prose_only", "empty", "refusal", "cut_off", "repetition_loop", "trailing_comma", "missing_comma", "single_quotes",
    "python_literals", "bad_escape", "unescaped_quote", "not_finite", "duplicate_key", "several_documents",
    "cut_schema_echo",
)  # fmt: skip
_VALUE_FAULTS = (
    "null", "missing_key", "extra_key", "number_as_string", "wrong_type", "wrong_arm", "wrong_value", "schema_echo",
)  # fmt: skip
_FAULTS: dict[str, Callable[[Ground], Fault | None]] = {
    **{how: getattr(faulty_text, how) for how in _TEXT_FAULTS},
    **{how: getattr(faulty_values, how) for how in _VALUE_FAULTS},
}
# Failures of replies that are read without repair.
_PARSED = ("structure", "value", "refusal")
_LEVELS: tuple[Literal["lossless", "lossy"], ...] = ("lossless", "lossy")


@dataclass(frozen=True)
class Broken:
    """A reply that fails validation.

    Attributes:
        text: The reply.
        kind: Kind of the failure, such as `structure` or `refusal`.
        code: Code of the failure, which is the violated keyword if the kind is `structure` or `value`.
        how: Name of the fault, such as `"trailing_comma"` or `"schema_echo"`.
        finish_reason: Finish reason that the provider reports. The fields *kind* and *code* depend on this reason.
        repaired_by: Lowest level of repair that makes the reply valid. The level is None if no level makes the reply
            valid, or if your installation lacks the part of schema_guard that repairs JSON.
        chunks: Chunks of the reply, as a stream delivers them. The joined chunks are the text. Some chunks can be
            empty.
    """

    text: str
    kind: FailureKind
    code: str
    how: str
    finish_reason: FinishReason | None
    repaired_by: Literal["lossless", "lossy"] | None
    chunks: tuple[str, ...]


def broken(schema: Any) -> SearchStrategy[Broken]:
    """Return a Hypothesis strategy for realistic invalid replies, each with its expected failure.

    The strategy omits faults that are impossible for the schema. For example, every JSON value is valid for the schema
    `true`, so the strategy generates only broken JSON, prose, and refusals.

    Args:
        schema: A schema in a form that `Schema.of` accepts.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: schema_guard found no instance that is valid for the schema.
    """
    loaded = Schema.of(schema)
    _compile()
    return _broken(loaded, instances(loaded), _near_misses(loaded), _faults(loaded))


@cache
def _compile() -> None:
    """Compile the code of repair, because otherwise the first draw is slow enough to fail Hypothesis' health check."""
    with suppress(MissingPart):
        judge("{'a': 1, b: [2,, }", Schema.of(True), repair="lossy")


def _near_misses(schema: Schema[Any]) -> SearchStrategy[NearMiss] | None:
    try:
        return near_misses(schema)
    except InvalidArgument:
        return None


def _faults(schema: Schema[Any]) -> tuple[str, ...]:
    """Return the names of the faults that are possible with the schema."""
    text = json.dumps(schema.document)
    has_union = '"anyOf"' in text or '"oneOf"' in text
    return tuple(how for how in _FAULTS if has_union or how != "wrong_arm")


@st.composite
def _broken(
    draw: DrawFn,
    schema: Schema[Any],
    values: SearchStrategy[Any],
    near: SearchStrategy[NearMiss] | None,
    ways: tuple[str, ...],
) -> Broken:
    ground = Ground(draw, schema, values, near)
    remaining = list(ways)
    while True:
        how = remaining.pop(ground.index(len(remaining)))
        fault = _FAULTS[how](ground)
        # Prose is always possible.
        if fault is not None:
            break
    return Broken(
        fault.text,
        fault.kind,
        fault.code,
        how,
        fault.finish_reason,
        _repaired_by(fault, schema),
        in_chunks(draw, fault.text),
    )


def _repaired_by(fault: Fault, schema: Schema[Any]) -> Literal["lossless", "lossy"] | None:
    if fault.kind in _PARSED:
        return None
    with suppress(MissingPart):  # without the part, no reply can be repaired
        for level in _LEVELS:
            if judge(fault.text, schema, finish_reason=fault.finish_reason, repair=level).ok:
                return level
    return None
