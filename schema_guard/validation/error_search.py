# SPDX-License-Identifier: Apache-2.0
"""A bounded search for the violations of a large instance, used if the engine's own list would cost too much.

Rules:
1. Each violation found is real, but others can be missed. The search follows only keywords that must all hold, and
   unions if every arm is wrong.
2. Each schema is applied to each value once, so shared parts are not searched twice.
3. The engine checks single keywords. This module only walks from value to value.

jsonschema-rs 0.61 collects every error with a copy of its value before it returns the first. An error takes 14 us and
1.4 KB, and those of 20,000 items under 100 `anyOf` arms take 2.9 GB.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from schema_guard.validation.keywords import KEYWORDS, UNIONS
from schema_guard.validation.patterns import traits
from schema_guard.validation.references import REF_ALONE
from schema_guard.validation.violations import MAX_VIOLATIONS, BrokenKeyword, Kind, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.validation.references import References

# 0.4 s at 5 to 10 us a step.
_MAX_STEPS = 60_000
_STEPS_TO_COMPILE = 30  # 150 us
_MAX_UNIONS = 60
# Errors of an arm that are enough to measure its distance.
_MAX_OF_ARM = 10
_MAX_COMPARED = 10_000
# Expensive keywords come last. Keywords that cannot be checked alone are checked elsewhere, or not at all.
_DEAR = ("format", "pattern", "uniqueItems", "enum", "const")
_NOT_ALONE = {
    "required", "dependentRequired", "minContains", "maxContains", "contentEncoding", "contentMediaType", *_DEAR,
}  # fmt: skip
_ALONE = (
    *(
        row.name
        for row in KEYWORDS.values()
        if row.reported and row.place is None and row.name not in _NOT_ALONE
    ),
    *_DEAR,
)
_EXCLUSIVE = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}

# A path is a linked list from its last step, so that a new step copies nothing. A path in an instance also has the id
# of the container of each step.
_Path = tuple[Any, ...]
_ROOT: _Path = ()


class ErrorSearch:
    """A search for broken keywords.

    Args:
        references: The references of the schema.
        compiled: Compiles keywords, or returns None if it cannot.
        flat: Cache of compiled keywords, by schema and by their text.
        all_keywords: Whether to check every keyword, not only those with linear cost.
    """

    def __init__(
        self,
        references: References,
        compiled: Callable[[dict[str, Any]], Any],
        flat: dict[Any, Any],
        *,
        all_keywords: bool,
    ) -> None:
        self._all_keywords = all_keywords
        self._references = references
        self._compiled = compiled
        self._flat = flat
        self._steps = 0
        self._unions = 0
        self._arms: dict[tuple[Any, ...], list[BrokenKeyword]] = {}

    def errors(self, schema: Any, instance: Any) -> list[BrokenKeyword]:
        """Return broken keywords. The search stops at `MAX_VIOLATIONS`, or when its steps are used up."""
        return self._search(schema, instance, (_ROOT, _ROOT), MAX_VIOLATIONS)

    def _search(self, schema: Any, instance: Any, at: tuple[_Path, _Path], most: int) -> list[BrokenKeyword]:
        """Return broken keywords, with those of outer values first."""
        found: list[BrokenKeyword] = []
        seen: set[tuple[Any, ...]] = set()
        queue: deque[tuple[Any, Any, _Path, _Path]] = deque([(schema, instance, *at)])
        members = len(_steps(at[0])) + 1
        while queue and len(found) < most and self._steps < _MAX_STEPS:
            schema, value, path, location = queue.popleft()
            # A check may read all members or characters.
            size = len(value) if isinstance(value, (str, dict, list, tuple)) else 0
            self._steps += 1 + size // (1_024 if isinstance(value, str) else 16)
            if schema is False:
                found.append(_broken("falseSchema", {}, value, path, location))
            if not isinstance(schema, dict):
                continue
            key = (id(schema), *_identity(value, path))
            if key in seen:
                continue
            seen.add(key)
            alone = self._references.dialect in REF_ALONE and "$ref" in schema
            # Schemas for the same value come before schemas for the values inside it.
            queue.extendleft([*self._in_place(schema, value, path, location, alone=alone)][::-1])
            if not alone:
                own = [*self._own(schema, value, path, location)]
                found += own
                if most == _MAX_OF_ARM and any(_is_tag(broken, members) for broken in own):
                    break
                found += self._broken_unions(schema, value, path, location)
                # Each entry takes a step, so more entries would never be read.
                queue.extend(
                    islice(
                        _below(schema, value, path, location), max(0, _MAX_STEPS - self._steps - len(queue))
                    )
                )
        return found

    def _in_place(
        self, schema: dict[str, Any], value: Any, path: _Path, location: _Path, *, alone: bool
    ) -> Iterator[tuple[Any, Any, _Path, _Path]]:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield self._references.lookup(schema, reference), value, path, (location, "$ref")
        if alone:
            return
        for index, arm in enumerate(_list(schema, "allOf")):
            yield arm, value, path, ((location, "allOf"), index)
        if isinstance(value, dict):
            for keyword in ("dependentSchemas", "dependencies"):
                for key, arm in _dict(schema, keyword).items():
                    if key in value:
                        yield arm, value, path, ((location, keyword), key)

    def _broken_unions(
        self, schema: dict[str, Any], value: Any, path: _Path, location: _Path
    ) -> Iterator[BrokenKeyword]:
        for keyword in UNIONS:
            arms = _list(schema, keyword)
            if not arms or self._unions >= _MAX_UNIONS:
                continue
            self._unions += 1
            places = [(arm, ((location, keyword), index)) for index, arm in enumerate(arms)]
            context: list[list[BrokenKeyword]] = []
            while len(context) < len(places) and all(context[-1:]):
                arm, place = places[len(context)]
                context.append(self._arm(arm, value, path, place))
            if all(context):
                yield _broken(keyword, {"context": context}, value, path, location)
            self._unions -= 1

    def _arm(self, arm: Any, value: Any, path: _Path, location: _Path) -> list[BrokenKeyword]:
        """Return the broken keywords of a union's arm. The list is empty if the arm may match."""
        key = (id(arm) if isinstance(arm, dict) else int(arm is False), *_identity(value, path))
        if key not in self._arms:
            self._arms[key] = self._search(arm, value, (path, location), _MAX_OF_ARM)
        return self._arms[key]

    def _own(
        self, schema: dict[str, Any], value: Any, path: _Path, location: _Path
    ) -> Iterator[BrokenKeyword]:
        """Yield the broken keywords of a schema that are about the value itself."""
        for keyword, fields, check in self._checks(schema):
            if not check.is_valid(value):
                yield _broken(keyword, fields, value, path, (location, keyword))
        if isinstance(value, dict):
            for name in _list(schema, "required"):
                if name not in value:
                    yield _broken("required", {"property": name}, value, path, (location, "required"))
        keyword = "additionalProperties"
        unexpected = isinstance(value, dict) and schema.get(keyword) is False and [*_unnamed(schema, value)]
        if unexpected:
            yield _broken(keyword, {"unexpected": unexpected}, value, path, (location, keyword))

    def _checks(self, schema: dict[str, Any]) -> list[tuple[str, dict[str, Any], Any]]:
        """Return the name, the fields, and the compiled check of each keyword that can be checked alone."""
        found = self._flat.get(id(schema))
        if found is None:
            found = self._flat[id(schema)] = []
            for keyword, fields in _alone(schema, self._all_keywords):
                name = repr(fields)
                if name not in self._flat:
                    self._steps += _STEPS_TO_COMPILE
                    self._flat[name] = self._compiled(fields)
                check = self._flat[name]
                if check is not None:
                    found.append((keyword, fields_of(keyword, schema), check))
        return found


def _is_tag(broken: BrokenKeyword, members: int) -> bool:
    """Return whether an arm requires another constant at the value or a member. Such an arm is far away."""
    return broken.kind.name in ("const", "enum") and len(broken.instance_path) <= members


def _identity(value: Any, path: _Path) -> tuple[Any, ...]:
    """Return a key for a value: the id of a container, or the place of a scalar because equal scalars share ids."""
    if isinstance(value, (dict, list, tuple)) or not path:
        return (id(value),)
    return path[2], path[1]


def _broken(keyword: str, fields: dict[str, Any], value: Any, path: _Path, location: _Path) -> BrokenKeyword:
    steps = _steps(location)
    if keyword in UNIONS:
        steps.append(keyword)
    return BrokenKeyword(Kind(keyword, fields), value, _steps(path), steps)


def _steps(path: _Path) -> list[str | int]:
    steps = []
    while path:
        steps.append(path[1])
        path = path[0]
    return steps[::-1]


def _alone(schema: dict[str, Any], all_keywords: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keywords that can be checked alone, each as its own schema. Skip those that cost too much."""
    for keyword in _ALONE:
        if keyword not in schema or isinstance(schema[keyword], bool) is not (keyword == "uniqueItems"):
            # "exclusiveMinimum" of draft 4 is a boolean, and a part of "minimum".
            continue
        is_dear = keyword == "uniqueItems" or (keyword == "pattern" and not traits(schema[keyword]).simple)
        if is_dear and not all_keywords:
            continue
        if keyword in ("enum", "const") and len(repr(schema[keyword])) > _MAX_COMPARED:
            continue
        alone = {keyword: schema[keyword]}
        if isinstance(schema.get(_EXCLUSIVE.get(keyword, "")), bool):
            alone[_EXCLUSIVE[keyword]] = schema[_EXCLUSIVE[keyword]]
        yield keyword, alone


def _list(schema: dict[str, Any], keyword: str) -> list[Any]:
    members = schema.get(keyword)
    return members if isinstance(members, list) else []


def _dict(schema: dict[str, Any], keyword: str) -> dict[str, Any]:
    members = schema.get(keyword)
    return members if isinstance(members, dict) else {}


def _unnamed(schema: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    """Yield the keys to which `additionalProperties` applies, or none if a pattern may match them."""
    if not _dict(schema, "patternProperties"):
        named = _dict(schema, "properties")
        yield from (key for key in value if key not in named)


def _below(
    schema: dict[str, Any], value: Any, path: _Path, location: _Path
) -> Iterator[tuple[Any, Any, _Path, _Path]]:
    """Yield the schemas that apply to the values inside a value, with these values and both paths."""
    if isinstance(value, dict):
        named = _dict(schema, "properties")
        below = (location, "properties")
        for key in value:
            if key in named:
                yield named[key], value[key], (path, key, id(value)), (below, key)
        if isinstance(schema.get("additionalProperties"), dict):
            rest = schema["additionalProperties"]
            below = (location, "additionalProperties")
            for key in _unnamed(schema, value):
                yield rest, value[key], (path, key, id(value)), below
    elif isinstance(value, (list, tuple)):
        yield from _items(schema, value, path, location)


def _items(
    schema: dict[str, Any], value: Any, path: _Path, location: _Path
) -> Iterator[tuple[Any, Any, _Path, _Path]]:
    tuple_keyword = "items" if isinstance(schema.get("items"), list) else "prefixItems"
    rest_keyword = "additionalItems" if tuple_keyword == "items" else "items"
    firsts = _list(schema, tuple_keyword)
    for index, (item, each) in enumerate(zip(value, firsts, strict=False)):
        yield each, item, (path, index, id(value)), ((location, tuple_keyword), index)
    rest = schema.get(rest_keyword)
    if isinstance(rest, (dict, bool)):
        for index in range(len(firsts), len(value)):
            yield rest, value[index], (path, index, id(value)), (location, rest_keyword)
