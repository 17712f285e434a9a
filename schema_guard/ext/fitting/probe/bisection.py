# SPDX-License-Identifier: Apache-2.0
"""Whether a schema is taken, and which keyword of it is refused, found with few requests.

Rules:
1. The structure of the schema (types, properties, references) is sent each time, with the first so many of the other
   keywords, outermost schemas first. Found is the first keyword with which the schema is refused.
2. If the structure alone is refused, it is sent with all objects closed, and then with all properties required.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.ext.fitting.probe.request import ask
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from schema_guard.models.interface import Model
    from schema_guard.schema import Schema

__all__ = ["SCHEMA_PROMPT", "RefusedKeyword", "SchemaReply", "find_refused", "most_requests", "probe_schema"]

SCHEMA_PROMPT: Final = "Reply with any JSON that the schema allows, as short as you can."
# Whether a schema is taken is known before the first token.
_OUTPUT_TOKENS: Final = 64
_STRUCTURE: Final = frozenset({
    "type", "$ref", "properties", "required", "additionalProperties", "items", "prefixItems", "$defs", "definitions",
    "$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "description",
})  # fmt: skip
# A schema without one of these says nothing, and some servers refuse it.
_TYPED: Final = frozenset({"type", "$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "enum", "const"})

Place = tuple[str, str]


class RefusedKeyword(NamedTuple):
    """A keyword that is refused where it stands.

    Attributes:
        location: JSON Pointer of the schema that it stands in.
        keyword: The keyword; `required` or `additionalProperties` if it is missing or says too little.
        text: The server's words.
        is_missed: Whether the schema is taken when the keyword says more than it does.
    """

    location: str
    keyword: str
    text: str
    is_missed: bool = False


@dataclass(slots=True)
class SchemaReply:
    """Whether a schema is taken.

    Attributes:
        is_accepted: None if a request was not answered.
        requests: The number of requests.
        refused: The refused keyword; None if nothing is refused, or if it was not found.
        text: The server's words to the whole schema, if it is not taken.
    """

    is_accepted: bool | None = None
    requests: int = 0
    refused: RefusedKeyword | None = None
    text: str = ""


class _Unanswered(Exception):
    """A request was neither taken nor refused."""


def most_requests(document: Any) -> int:
    """Return how many requests are made at most for a schema.

    >>> most_requests({"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}})
    5
    """
    return int(log2(max(len(_places(document)), 1))) + 5


def probe_schema(model: Model, schema: Schema[Any]) -> SchemaReply:
    """Send a schema unchanged and, if it is refused, parts of it until the keyword is found."""

    def send(document: Any) -> tuple[bool | None, str]:
        answer = ask(model, document, SCHEMA_PROMPT, output_tokens=_OUTPUT_TOKENS)
        return (None if answer.did == "unanswered" else answer.did != "refused"), answer.text

    return find_refused(schema.document, send)


def find_refused(document: Any, send: Callable[[Any], tuple[bool | None, str]]) -> SchemaReply:
    """Find out whether a schema is taken and, if it is refused, which keyword is.

    Args:
        document: A JSON Schema.
        send: Sends a schema. Returns whether it is taken, None if it is not answered, and the server's words.
    """
    reply, words = SchemaReply(), ""

    def takes(sent: Any) -> bool:
        nonlocal words
        reply.requests += 1
        is_taken, text = send(sent)
        if is_taken is None:
            reply.text = text
            raise _Unanswered
        words = words if is_taken else text
        return is_taken

    try:
        reply.is_accepted = takes(document)
        reply.text = words
        if not reply.is_accepted and isinstance(document, dict):
            places = _places(document)
            size = bisect_left(
                range(len(places)), True, key=lambda at: not takes(_without(document, places[at:]))
            )
            reply.refused = (
                RefusedKeyword(*places[size - 1], words)
                if size
                else _in_structure(document, places, takes, words)
            )
    except _Unanswered:
        pass
    return reply


def _places(document: Any) -> list[Place]:
    """Return the keywords that a schema may be taken without, each with the pointer of its schema."""
    return [
        (place.location, keyword)
        for place in _schemas(document)
        for keyword in place.schema
        if keyword not in _STRUCTURE
    ]


def _schemas(document: Any) -> list[Any]:
    """Return the schemas of a document, outermost first, then in the order in which they are written."""
    held = list(subschemas(document, "", ""))[::-1]
    return sorted((place for place in held if isinstance(place.schema, dict)), key=_depth)


def _depth(place: Any) -> int:
    return int(place.location.count("/"))


def _without(document: Any, places: Collection[Place]) -> Any:
    """Return a copy of a schema without some keywords."""
    copied, left_out = json.loads(json.dumps(document)), set(places)
    for place in _schemas(copied):
        for keyword in list(place.schema):
            if (place.location, keyword) in left_out:
                del place.schema[keyword]
                if not _TYPED & place.schema.keys():
                    place.schema["type"] = "string"
    return copied


def _in_structure(
    document: Any, places: Collection[Place], takes: Callable[[Any], bool], words: str
) -> RefusedKeyword | None:
    """Find what the structure lacks: a closed object, or a required property."""
    fuller = _without(document, places)
    objects = [place for place in _schemas(fuller) if "properties" in place.schema]
    for keyword, value in (
        ("additionalProperties", lambda schema: False),
        ("required", lambda schema: list(schema["properties"])),
    ):
        lacking = [place for place in objects if place.schema.get(keyword) != value(place.schema)]
        for place in lacking:
            place.schema[keyword] = value(place.schema)
        if lacking and takes(fuller):
            return RefusedKeyword(lacking[0].location, keyword, words, is_missed=True)
    return None
