# SPDX-License-Identifier: Apache-2.0
"""JSON Pointers (RFC 6901)."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Most digits of an index. A longer one is a key that a model made up.
_INDEX_DIGITS = 6
# Most characters of a cached location, because a key that a model made up may have any length.
_LONGEST_CACHED = 200
# Most references in a chain. A longer chain is a cycle.
_MOST_REFERENCES = 20


def escape(token: str) -> str:
    """Write one token of a pointer.

    >>> escape("a/b~c")
    'a~1b~0c'
    """
    # RFC 6901 s. 3: "~" first, otherwise the "~" of "~1" would be escaped again.
    return token.replace("~", "~0").replace("/", "~1") if "~" in token or "/" in token else token


def unescape(token: str) -> str:
    """Read one token of a pointer."""
    # RFC 6901 s. 4: "~1" first, otherwise "~01" would decode to "/".
    return token.replace("~1", "/").replace("~0", "~")


def join(tokens: Sequence[str | int]) -> str:
    """Return the pointer of a path.

    >>> join(["lines", 0, "qty"])
    '/lines/0/qty'
    """
    location = ""
    # A list and `"".join` take 0.1 us more. Escaping each token takes 0.2 us more.
    for token in tokens:
        location += f"/{token}"
    if "~" not in location and location.count("/") == len(tokens):
        return location
    return "".join([f"/{escape(str(token))}" for token in tokens])


def split(location: str) -> list[str]:
    """Return the tokens of a pointer.

    >>> split("/lines/0")
    ['lines', '0']
    """
    return [unescape(token) for token in location.split("/")[1:]]


def member(place: Any, token: str, default: Any = None) -> Any:
    """Return the part of a JSON value at one step of a JSON Pointer. *default* if there is none."""
    if isinstance(place, dict):
        return place.get(token, default)
    if isinstance(place, list) and token.isdecimal() and len(token) < 10 and int(token) < len(place):
        return place[int(token)]
    return default


def part_at(value: Any, steps: Iterable[str], default: Any = None) -> Any:
    """Return the part of a JSON value at a path. *default* if there is none."""
    for step in steps:
        value = member(value, step, default)
    return value


def subschema(document: Any, steps: Iterable[str]) -> dict[str, Any]:
    """Return the schema at a keyword location, through local references. {} if there is none.

    >>> subschema({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"type": "null"}}}}, ["$ref", "items"])
    {'type': 'null'}
    """
    found = _target(document, document)
    for step in steps:
        if step != "$ref":
            found = _target(document, member(found, step))
    return found if isinstance(found, dict) else {}


def _target(document: Any, schema: Any) -> Any:
    """Return the schema that a reference leads to, and any other schema itself."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            break
        schema = part_at(document, split(schema["$ref"].removeprefix("#")))
    return schema


def pointer(location: str) -> str:
    """Write a pointer for people: `(root)` for the empty text, and any other pointer unchanged."""
    return location or "(root)"


def declared_location(violation: tuple[str, str, str, str, str], *, indices: bool = True) -> str:
    """Return the instance location with `*` for every step that the schema does not name.

    A key that a model made up is the model's text, so it is neither stored nor sent back. A key stays if the keyword
    location passes through `properties` and that key.

    Args:
        violation: The violation. Only its two pointers are read.
        indices: Whether array indices stay. Without them, equal places in different items are one place.

    >>> from schema_guard.values import Violation
    >>> declared_location(Violation("/tags/evil", "/properties/tags/additionalProperties/type", "type", "", ""))
    '/tags/*'
    >>> lines = Violation("/lines/3/qty", "/properties/lines/items/properties/qty/type", "type", "", "")
    >>> declared_location(lines), declared_location(lines, indices=False)
    ('/lines/3/qty', '/lines/*/qty')
    """
    location, keyword_location, _, _, _ = violation
    if len(location) > _LONGEST_CACHED:
        return _declared_location.__wrapped__(location, keyword_location, indices)
    return _declared_location(location, keyword_location, indices)


# Cached because replies violate the same places again and again, and each takes 0.5 us.
@lru_cache(maxsize=1_024)
def _declared_location(location: str, keyword_location: str, indices: bool) -> str:
    """Return an instance location with `*` for steps that the keyword location does not name. *indices* as above."""
    declared = _declared(keyword_location)
    for key in location.split("/")[1:]:
        if key not in declared and not (indices and _is_index(key)):
            break
    else:
        # Most places have only names of the schema and indices, so they need not be rebuilt.
        return location
    root, *keys = location.split("/")
    tokens = [key if key in declared or (indices and _is_index(key)) else "*" for key in keys]
    return "/".join([root, *tokens])


@lru_cache(maxsize=1_024)
def _declared(keyword_location: str) -> frozenset[str]:
    """Return the keys that a keyword location names under `properties`."""
    return frozenset(key for step, key in pairwise(keyword_location.split("/")) if step == "properties")


def _is_index(key: str) -> bool:
    return key.isdecimal() and key.isascii() and len(key) <= _INDEX_DIGITS
