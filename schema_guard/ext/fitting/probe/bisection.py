# SPDX-License-Identifier: Apache-2.0
"""Whether a schema is taken, and which keyword of it is refused, found with few requests.

Rules:
1. A place is a keyword where it stands. The requests are at most 2 log2(places) + 4, the first one included.
2. Each request sends a schema that is valid: the first so many subschemas as they are, in the order in which they are
   written, and in the place of the others what everybody takes.
3. Found is the first place with which a schema is refused: without it the same schema is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.errors import InvalidSchema
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, STRUCTURE
from schema_guard.pointer import escape
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["RefusedKeyword", "SchemaReply", "find_refused", "most_requests", "places_of"]


class RefusedKeyword(NamedTuple):
    """A keyword that is refused where it stands.

    Attributes:
        location: JSON Pointer of the schema that it stands in.
        keyword: The keyword; `required` or `additionalProperties` where it is missed.
        text: The server's words.
        is_missed: Whether the schema is taken when the keyword says more than it does.
    """

    location: str
    keyword: str
    text: str
    is_missed: bool = False


@dataclass(frozen=True, slots=True)
class SchemaReply:
    """Whether a schema is taken.

    Attributes:
        is_accepted: None where a request was not answered.
        requests: How many were made.
        places: How many keywords the schema has, each where it stands.
        refused: What is refused; None where nothing is, or where it was not found.
        text: The server's words to the whole schema, where they are no reply.
    """

    is_accepted: bool | None
    requests: int
    places: int
    refused: RefusedKeyword | None = None
    text: str = ""


class _Unanswered(Exception):
    """A request was neither taken nor refused."""


class _Asking:
    """Asks whether schemas are taken, and counts."""

    def __init__(self, ask: Callable[[Any], tuple[bool | None, str]]) -> None:
        self._ask = ask
        self.requests = 0
        self.text = ""

    def takes(self, document: Any) -> bool:
        self.requests += 1
        is_taken, words = self._ask(document)
        if is_taken is None:
            raise _Unanswered(words)
        if not is_taken:
            self.text = words
        return is_taken


def most_requests(document: Any) -> int:
    """Give how many requests are made at most for a schema.

    >>> most_requests({"type": "object", "properties": {"a": {"type": "string"}}})
    7
    """
    return int(2 * log2(max(places_of(document), 2))) + 4


def places_of(document: Any) -> int:
    """Give how many keywords a schema has, each where it stands."""
    return sum(len(node) for _, node in _nodes(document))


def find_refused(document: Any, ask: Callable[[Any], tuple[bool | None, str]]) -> SchemaReply:
    """Say whether a schema is taken, and where it is refused which keyword is.

    Args:
        document: A JSON Schema.
        ask: Sends a schema; gives whether it is taken, None where it is not answered, and the server's words.
    """
    asking, places = _Asking(ask), places_of(document)
    try:
        if asking.takes(document):
            return SchemaReply(True, asking.requests, places)
        words = asking.text
        keyword = _searched(document, asking) if isinstance(document, dict) else None
    except _Unanswered as error:
        return SchemaReply(None if not asking.text else False, asking.requests, places, text=str(error))
    return SchemaReply(False, asking.requests, places, keyword, words)


# The subschemas of these are looked into; what stands in others is part of the place.
_MAPS: Final = ("properties", "patternProperties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "oneOf", "prefixItems")
_SINGLES: Final = ("items", "additionalProperties")
# Keywords that a schema is hardly taken without.
_CORE: Final = (
    "type", "$ref", "properties", "required", "additionalProperties", "items", "prefixItems", "$defs", "definitions",
    "$schema", "$id", "description",
)  # fmt: skip


def _children(node: dict[str, Any]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """Give the subschemas that are looked into: their pointers behind the schema's, and the way there."""
    for keyword, value in node.items():
        if keyword in _MAPS and isinstance(value, dict):
            yield from ((f"/{escape(keyword)}/{escape(name)}", (keyword, name)) for name in value)
        elif keyword in _LISTS and isinstance(value, list) and _stands_alone(node, keyword):
            yield from ((f"/{keyword}/{at}", (keyword, at)) for at in range(len(value)))
        elif keyword in _SINGLES and isinstance(value, dict):
            yield f"/{keyword}", (keyword,)


def _stands_alone(node: dict[str, Any], keyword: str) -> bool:
    """Say whether what stands in another's place cannot contradict what stands beside it."""
    others = node.keys() - {keyword, *STRUCTURE, *ANNOTATIONS}
    return keyword == "prefixItems" or not others or (others == {"type"} and node["type"] == "object")


def _at(node: Any, way: Sequence[Any]) -> Any:
    for step in way:
        node = node[step]
    return node


def _nodes(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the subschemas that are looked into with their pointers, in the order in which they are written."""
    ahead: list[tuple[str, Any]] = [("", document)]
    while ahead:
        location, node = ahead.pop()
        if isinstance(node, dict):
            yield location, node
            ahead += reversed([(location + step, _at(node, way)) for step, way in _children(node)])


def _cut(document: dict[str, Any], count: int, own: dict[str, Any] | None = None) -> Any:
    """Give a schema with its first subschemas as they are, and the others as what everybody takes.

    Args:
        document: The schema.
        count: How many of its subschemas stay.
        own: What the last of them says instead; None: what it says.
    """
    numbered = {location: at for at, (location, _) in enumerate(_nodes(document))}

    def build(location: str, node: Any, way: tuple[str | int, ...], above: dict[str, Any]) -> Any:
        if not isinstance(node, dict):
            return node
        at = numbered[location]
        if at >= count:
            return _neutral(way, above)
        source = node if own is None or at != count - 1 else own
        schema: dict[str, Any] = {word: list(value) if isinstance(value, list) else dict(value) if isinstance(value, dict) else value
                for word, value in source.items()}  # fmt: skip
        for step, inner in _children(node):
            if inner[0] in schema:
                built = build(location + step, _at(node, inner), inner, node)
                if len(inner) == 1:
                    schema[str(inner[0])] = built
                else:
                    schema[str(inner[0])][inner[1]] = built
        return schema

    return build("", document, (), {})


def _neutral(way: tuple[str | int, ...], above: dict[str, Any]) -> dict[str, Any]:
    """Give what everybody takes in the place of a subschema; branches of a union are to be told apart."""
    if not way:
        return _object_of("answer")
    if way[0] not in ("anyOf", "oneOf"):
        return {"type": "string"}
    name = f"option {way[1]}"
    return _object_of(name) if above.get("type") == "object" else {"type": "string", "enum": [name]}


def _object_of(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"}},
        "required": [name],
        "additionalProperties": False,
    }


def _is_valid(document: Any) -> bool:
    try:
        Schema.of(document, allow_unknown=True)
    except InvalidSchema:  # a reference may lead into what was taken out
        return False
    return True


def _searched(document: dict[str, Any], asking: _Asking) -> RefusedKeyword | None:
    """Find the first subschema, and in it the first keyword, with which a schema is refused."""
    nodes = list(_nodes(document))
    counts = [count for count in range(1, len(nodes)) if _is_valid(_cut(document, count))]
    count = [*counts, len(nodes)][
        _first(len(counts), lambda at: not asking.takes(_cut(document, counts[at])))
    ]
    location, node = nodes[count - 1]
    core = {word: value for word, value in node.items() if word in _CORE}
    others = [word for word in node if word not in _CORE]
    steps = [{**core, **{word: node[word] for word in others[:size]}} for size in range(len(others))]
    usable = [at for at, step in enumerate(steps) if step and _is_valid(_cut(document, count, step))]
    index = _first(len(usable), lambda at: not asking.takes(_cut(document, count, steps[usable[at]])))
    size = [*usable, len(others)][index]
    if size > 0:
        return RefusedKeyword(location, others[size - 1], asking.text)
    return _in_core(document, count, location, node, core, asking)


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """Give the first index below *count* for which something holds, *count* if for none; it holds from there on."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _in_core(
    document: dict[str, Any],
    count: int,
    location: str,
    node: dict[str, Any],
    core: dict[str, Any],
    asking: _Asking,
) -> RefusedKeyword | None:
    """Tell what is refused of the keywords that a schema is hardly taken without: one, or that one is missed."""
    words = asking.text
    names = list(node.get("properties", ())) if isinstance(node.get("properties"), dict) else []
    if "properties" in core or core.get("type") == "object":
        closed = {**core, "additionalProperties": False}
        if core.get("additionalProperties") is not False and asking.takes(_cut(document, count, closed)):
            return RefusedKeyword(location, "additionalProperties", words, is_missed=True)
        if set(core.get("required", ())) != set(names) and asking.takes(
            _cut(document, count, {**closed, "required": names})
        ):
            return RefusedKeyword(location, "required", words, is_missed=True)
    word = next(
        (word for word in ("$ref", "prefixItems", "items", "properties", "type") if word in core), None
    )
    return None if word is None else RefusedKeyword(location, word, words)
