# SPDX-License-Identifier: Apache-2.0
"""Valid instances of any schema, as a Hypothesis strategy.

Rules:
1. Every value that is drawn is valid by `Schema.is_valid`.
2. What is drawn is built to be valid. Where the last check says otherwise, the part that its first violation names
   is drawn anew, a bounded number of times, before the draw is given up.
"""

from __future__ import annotations

from copy import deepcopy
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.pointer import pointer, split
from schema_guard.schema import Schema
from schema_guard.testing.schemas.drawing import DeadEnd, Drawing
from schema_guard.testing.schemas.shapes import Shapes
from schema_guard.text import clip
from schema_guard.validation.references import References

if TYPE_CHECKING:
    from random import Random

    from schema_guard.testing.schemas.shapes import ShapeGroup

# Draws of a whole value, and of a part of one.
_TRIES = 5
_REPAIRED = 4
# Draws without an instance, none having been seen before, after which it is told that there may be none. The first
# one that Hypothesis makes is no proof: all of its choices are the simplest ones.
MISSES = 10
_FIRST_TRIES = 10
# Bytes for one draw outside a test; most take some hundred. A draw that runs out of them is made anew with others.
_BYTES = 16_384
_MOST_DRAWS = 40

T = TypeVar("T")


def instances(schema: Any) -> st.SearchStrategy[Any]:
    """Return a Hypothesis strategy of JSON values that are valid for a schema.

    It covers all keywords of the five dialects, with references and recursion. Values shrink to small ones.

    Args:
        schema: A schema for `Schema.of`.

    Raises:
        InvalidSchema: The schema can't be loaded.
        InvalidArgument: No instance satisfies the schema. If that isn't known in advance, the first draws raise it.
    """
    loaded = Schema.of(schema)
    shapes = shapes_of(loaded)
    root = shapes.group([loaded.document])
    check_possible(loaded, shapes, root)
    return _instances(DrawingSource(loaded, shapes, root))


def shapes_of(schema: Schema[Any]) -> Shapes:
    """Give the shapes of a loaded schema."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # comes with an engine

    # What the engines know by themselves; the schema's own resources win.
    known = {uri: REGISTRY.contents(uri) for uri in REGISTRY} | schema._resources  # noqa: SLF001 - it has no other name
    return Shapes(References(schema.document, schema.dialect, known), formats=schema.formats)


def check_possible(schema: Schema[Any], shapes: Shapes, root: ShapeGroup) -> None:
    """Refuse a schema that is known to have no instance.

    Raises:
        InvalidArgument: With the place and the reason.
    """
    why = shapes.why_not(root)
    if why is not None:
        raise InvalidArgument(
            f"no instance satisfies schema {clip(schema.name)!r} at {pointer(clip(why.location))}: {clip(why.why, 200)}"
        )
    if shapes.height(root) == inf and shapes.knows_all(root):
        raise InvalidArgument(
            f"no instance satisfies schema {clip(schema.name)!r} at (root): every instance would have to contain "
            "another one, without end"
        )


class _Counted:
    """Hypothesis' draw, with a count of the choices that it was asked for."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.choices = 0

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any:
        self.choices += 1
        return self._draw(strategy)


class DrawingSource:
    """What draws valid instances of one schema.

    Attributes:
        has_instance: Whether an instance was drawn before.
    """

    def __init__(self, schema: Schema[Any], shapes: Shapes, root: ShapeGroup) -> None:
        self.schema = schema
        self.shapes = shapes
        self.root = root
        self.has_instance = False
        self._misses = 0

    def draw(self, draw: st.DrawFn) -> Any:
        """Draw an instance, or reject.

        Raises:
            InvalidArgument: None was found, now or before.
        """
        why = "the values that were drawn are not valid"
        counted = _Counted(draw)
        for _ in range(_TRIES if self.has_instance else _FIRST_TRIES):
            drawing = Drawing(self.shapes, counted)
            try:
                value = drawing.root(self.root)
            except DeadEnd as end:
                why = end.why
                continue
            repaired, value = self._repaired(drawing, value)
            if repaired:
                self.has_instance = True
                return value
        self._misses += 1
        # Without a choice, another draw would be the same one.
        if not self.has_instance and (self._misses >= MISSES or counted.choices == 0):
            raise InvalidArgument(
                f"no instance of schema {clip(self.schema.name)!r} was found by drawing: {why}; "
                "its keywords may contradict each other"
            )
        return reject()

    def _repaired(self, drawing: Drawing, value: Any) -> tuple[bool, Any]:
        """Draw the invalid parts of a value anew; say whether it is valid now."""
        for _ in range(_REPAIRED):
            if self.schema.is_valid(value):
                return True, value
            location = self.schema.violations(value)[0].instance_location
            while location not in drawing.places:
                location = location.rpartition("/")[0]
            try:
                part = drawing.value(*drawing.places[location], location)
            except DeadEnd:
                return False, value
            value = replaced(value, location, part)
        return self.schema.is_valid(value), value


def replaced(value: Any, location: str, part: Any) -> Any:
    """Give a value with another part at a location."""
    if not location:
        return part
    changed = around = deepcopy(value)
    *steps, last = split(location)
    for step in steps:
        around = around[int(step) if isinstance(around, list) else step]
    around[int(last) if isinstance(around, list) else last] = part
    return changed


@st.composite
def _instances(draw: st.DrawFn, source: DrawingSource) -> Any:
    return source.draw(draw)


def drawn(strategy: st.SearchStrategy[T], count: int, random: Random) -> list[T]:
    """Draw values outside a Hypothesis test, from the bytes of a source of random numbers.

    Raises:
        InvalidArgument: The strategy hardly gives a value.
    """
    values: list[T] = []

    @settings(database=None)
    @given(strategy)
    def keep(value: T) -> None:
        values.append(value)

    for _ in range(_MOST_DRAWS * count):
        if len(values) == count:
            return values
        keep.hypothesis.fuzz_one_input(random.randbytes(_BYTES))  # type: ignore[attr-defined]
    raise InvalidArgument(f"only {len(values)} of {count} replies could be drawn for the schema")
