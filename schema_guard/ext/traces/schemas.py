# SPDX-License-Identifier: Apache-2.0
"""Which schema a stored reply is held to: the one that is named, or the one that its row says.

Rules: a row may hold a schema itself, or the name of one of those that the user gave; it is data, so no file and no
module that it names is ever opened.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidSchema
from schema_guard.ext.traces.values import MISSING, at, decoded
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.ext.traces.stored_reply import StoredReply

__all__ = ["Schemas"]

# What providers wrap around the schema that they are sent.
_AROUND = (
    "json_schema",
    "schema",
    "response_format",
    "response_schema",
    "parameters",
    "input_schema",
    "function",
)
_DEEPEST = 5


class Schemas:
    """Finds the schemas of stored replies.

    Args:
        named: By name; the one without a name, `""`, holds for all that say nothing.
        column: Place in a row at which its schema, or the name of one, stands; None for none.
    """

    def __init__(self, named: Mapping[str, Schema[Any]], column: str | None = None) -> None:
        self._named = dict(named)
        self._column = column
        self._read: dict[str, Schema[Any] | None] = {}

    def of(self, reply: StoredReply) -> Schema[Any] | None:
        """Give the schema of a reply; None where it is not known."""
        if self._column is None:
            return self._named.get("")
        document = at(dict(reply.row), self._column)
        if document is MISSING or document is None:
            return self._named.get("")
        if isinstance(document, str) and document in self._named:
            return self._named[document]
        return self._of_document(decoded(document))

    def _of_document(self, document: Any) -> Schema[Any] | None:
        if not isinstance(document, dict):
            return None
        key = json.dumps(document, sort_keys=True, default=str)
        if key not in self._read:
            self._read[key] = _schema(document)
        return self._read[key]


def _schema(document: dict[str, Any]) -> Schema[Any] | None:
    name = None
    for _ in range(_DEEPEST):
        name = document["name"] if isinstance(document.get("name"), str) else name
        if document.keys() & {
            "properties",
            "$ref",
            "anyOf",
            "allOf",
            "oneOf",
            "enum",
            "const",
            "items",
            "$schema",
        }:
            break
        inside = next((document[key] for key in _AROUND if isinstance(document.get(key), dict)), None)
        if inside is None:
            break
        document = inside
    try:
        return Schema.of(document, name=None if "title" in document else name)
    except InvalidSchema:
        return None
