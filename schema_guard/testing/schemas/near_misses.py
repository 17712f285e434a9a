# SPDX-License-Identifier: Apache-2.0
"""Instances that are invalid by exactly one keyword at one place, as a Hypothesis strategy.

Rules:
1. `Schema.violations` has exactly one entry for every value that is drawn, and that entry is its label.
2. A keyword is broken by drawing from the schema with that keyword turned round; what was drawn is held against the
   schema itself. A keyword that gives no near miss makes way for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from hypothesis import reject
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.schema import Schema
from schema_guard.testing.schemas.breaking import cuts
from schema_guard.testing.schemas.drawing import DeadEnd, Drawing
from schema_guard.testing.schemas.instances import MISSES, shapes_of
from schema_guard.text import clip
from schema_guard.validation.violations import TOO_COSTLY

if TYPE_CHECKING:
    from schema_guard.testing.schemas.shapes import ShapeGroup, Shapes

# Draws for one keyword, and keywords for one draw.
_TRIES = 4
_KEYWORDS = 6


@dataclass(frozen=True)
class NearMiss:
    """An instance that violates one keyword at one place.

    Attributes:
        value: The instance as JSON.
        instance_location: JSON Pointer of the violation in the instance.
        keyword: The violated keyword, named as in `Schema.violations`. For a union, it is the union itself.
        keyword_location: JSON Pointer of that keyword in the schema, through references.
    """

    value: Any
    instance_location: str
    keyword: str
    keyword_location: str


def near_misses(schema: Any) -> st.SearchStrategy[NearMiss]:
    """Return a Hypothesis strategy of instances that violate exactly one keyword of a schema at one place.

    It covers every keyword that can be violated alone. Examples shrink to keywords of the root.

    Args:
        schema: A schema for `Schema.of`.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: No keyword can be violated alone. If that isn't known in advance, the first draws raise it.
    """
    loaded = Schema.of(schema)
    source = _Source(loaded, shapes_of(loaded))
    if not source.any_possible():
        raise InvalidArgument(
            f"schema {clip(loaded.name)!r} has no near miss: no keyword of it can be broken while the rest holds"
        )
    return _near_misses(source)


class _Source:
    """What draws near misses of one schema."""

    def __init__(self, schema: Schema[Any], shapes: Shapes) -> None:
        self._schema = schema
        self._shapes = shapes
        self._groups: list[ShapeGroup] = [shapes.group([cut.schema]) for cut in cuts(schema.document, shapes)]
        self._has_instance = False
        self._misses = 0

    def any_possible(self) -> bool:
        """Say whether there is a keyword that may be broken."""
        return any(self._shapes.height(group) != inf for group in self._groups)

    def draw(self, draw: st.DrawFn) -> NearMiss:
        """Draw a near miss, or reject.

        Raises:
            InvalidArgument: None was found, now or before.
        """
        index = draw(st.integers(0, len(self._groups) - 1))
        for _ in range(_KEYWORDS if self._has_instance else len(self._groups)):
            index = self._possible(index)
            group = self._groups[index]
            for _ in range(_TRIES):
                miss = self._drawn(group, draw)
                if miss is not None:
                    self._has_instance = True
                    return miss
            index += 1
        self._misses += 1
        if self._misses >= MISSES and not self._has_instance:
            raise InvalidArgument(
                f"no near miss of schema {clip(self._schema.name)!r} was found: its keywords may only be broken together"
            )
        return reject()

    def _possible(self, index: int) -> int:
        """Give the first keyword from an index on that may be broken."""
        while self._shapes.height(self._groups[index % len(self._groups)]) == inf:
            index += 1
        return index % len(self._groups)

    def _drawn(self, group: ShapeGroup, draw: st.DrawFn) -> NearMiss | None:
        try:
            value = Drawing(self._shapes, draw).root(group)
        except DeadEnd:
            return None
        violations = self._schema.violations(value)
        if len(violations) != 1 or violations[0].keyword == TOO_COSTLY:
            return None
        return NearMiss(
            value, violations[0].instance_location, violations[0].keyword, violations[0].keyword_location
        )


@st.composite
def _near_misses(draw: st.DrawFn, source: _Source) -> NearMiss:
    return source.draw(draw)
