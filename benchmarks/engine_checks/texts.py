# SPDX-License-Identifier: Apache-2.0
"""The texts in which an instance is shown to an engine.

Rules:
1. JSON says nothing about the order of keys and about blanks: an engine may insist on one writing of a value, and
   accepts the value when it accepts any of the writings here.
2. Which writings there are depends on the value and the schema alone, so every engine is shown the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.validation.references import References

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.schema import Schema

_BRANCHES = ("allOf", "anyOf", "oneOf")
_CONDITIONS = ("then", "else")


def writings(value: Any, schema: Schema[Any]) -> list[str]:
    """Give an instance as JSON, compact and with blanks, in each order of keys that an engine may insist on.

    These are: as given, as the schema lists them, and those that are required first.

    >>> from schema_guard import Schema
    >>> schema = Schema.of({"properties": {"a": {}, "b": {}}, "required": ["b"]})
    >>> writings({"b": 1, "a": 2}, schema)
    ['{"b":1,"a":2}', '{"b": 1, "a": 2}', '{"a":2,"b":1}', '{"a": 2, "b": 1}']
    """
    listed = SchemaOrder(schema).of(value)
    required = SchemaOrder(schema, required_first=True).of(value)
    return list(
        dict.fromkeys(text for each in (value, listed, required) for text in _compact_and_spaced(each))
    )


def reversed_writings(value: Any) -> list[str]:
    """Give an instance with the keys of every object in reverse; nothing where no object has two keys.

    >>> reversed_writings({"a": 1, "b": [{"c": 2, "d": 3}]})
    ['{"b":[{"d":3,"c":2}],"a":1}', '{"b": [{"d": 3, "c": 2}], "a": 1}']
    >>> reversed_writings({"a": 1})
    []
    """
    texts, others = _compact_and_spaced(value), _compact_and_spaced(_reversed(value))
    return [] if texts == others else list(dict.fromkeys(others))


def _compact_and_spaced(value: Any) -> list[str]:
    return [_written(value, ",", ":"), _written(value, ", ", ": ")]


def _written(value: Any, comma: str, colon: str) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(comma, colon))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair has no UTF-8, but an escape.
        return json.dumps(value, separators=(comma, colon))
    return text


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reversed(item) for item in value]
    return value


class SchemaOrder:
    """Puts the keys of a value in the order in which a schema lists them; those that it does not list come last.

    References inside the document are followed. Of several schemas that speak of one object the first that lists
    a key decides, whether or not the object is of its kind.
    """

    def __init__(self, schema: Schema[Any], *, required_first: bool = False) -> None:
        self._document = schema.document
        self._references = References(schema.document, schema.dialect, {})
        self._required_first = required_first

    def of(self, value: Any) -> Any:
        """Give the value in this order."""
        return self._ordered(value, [self._document])

    def _ordered(self, value: Any, schemas: Iterable[Any]) -> Any:
        if not isinstance(value, (dict, list)) or not value:
            return value
        places = self._places(schemas)
        if isinstance(value, list):
            return [self._ordered(item, _of_item(places, index)) for index, item in enumerate(value)]
        return {key: self._ordered(value[key], _of_key(places, key)) for key in self._keys(value, places)}

    def _keys(self, value: dict[str, Any], places: list[dict[str, Any]]) -> list[str]:
        listed = dict.fromkeys(key for place in places for key in place.get("properties", ()) if key in value)
        keys = [*listed, *(key for key in value if key not in listed)]
        if not self._required_first:
            return keys
        # Draft 3 has a boolean there.
        lists = [place["required"] for place in places if isinstance(place.get("required"), list)]
        required = {key for names in lists for key in names}
        return sorted(keys, key=lambda key: key not in required)

    def _places(self, schemas: Iterable[Any]) -> list[dict[str, Any]]:
        """Give the schemas that speak of the same value: themselves, what they refer to, and their branches."""
        results: dict[int, dict[str, Any]] = {}
        stack = list(schemas)[::-1]
        while stack:
            schema = stack.pop()
            if not isinstance(schema, dict) or id(schema) in results:
                continue
            results[id(schema)] = schema
            led = [target for target, _ in self._references.targets(schema)]
            branches = [branch for keyword in _BRANCHES for branch in schema.get(keyword, ())]
            stack += [*led, *branches, *(schema.get(keyword) for keyword in _CONDITIONS)][::-1]
        return list(results.values())


def _of_key(places: list[dict[str, Any]], key: str) -> list[Any]:
    own = [place["properties"][key] for place in places if key in place.get("properties", ())]
    return own or [place.get("additionalProperties") for place in places]


def _of_item(places: list[dict[str, Any]], index: int) -> list[Any]:
    results = []
    for place in places:
        items = place.get("items")
        listed = place.get("prefixItems", items if isinstance(items, list) else ())
        results.append(listed[index] if index < len(listed) else items)
    return results
