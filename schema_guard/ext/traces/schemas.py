# SPDX-License-Identifier: Apache-2.0
"""The schema that a stored reply must match: the named one, or the one in its row.

A row can have a schema, or the name of one that the user passed. It is data, so no file and no module that it names is opened.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidSchema
from schema_guard.ext.traces.values import MISSING, at, decoded
from schema_guard.received.parsed_values import TypedValues
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

# The keys around a schema in the requests of providers.
_AROUND = (
    "json_schema",
    "schema",
    "response_format",
    "response_schema",
    "parameters",
    "input_schema",
    "function",
)
_KEYWORDS = frozenset(("properties", "$ref", "anyOf", "allOf", "oneOf", "enum", "const", "items", "$schema"))
_DEEPEST = 5


class Expected(NamedTuple):
    """A schema, and its values in parsed form."""

    schema: Schema[Any]
    values: TypedValues


class Schemas:
    """The schemas of stored replies.

    Args:
        named: By name. The one without a name, `""`, is for rows that name none.
        column: Place in a row of its schema, or of the name of one; None for none.
    """

    def __init__(self, named: Mapping[str, Schema[Any]], column: str | None = None) -> None:
        self._named = dict(named)
        self._column = column
        self._read: dict[str, Schema[Any] | None] = {}
        self._expected: dict[tuple[str, str], Expected] = {}

    def of(self, row: dict[str, Any]) -> Expected | None:
        """Return the schema of a row, or None if it is unknown."""
        schema = self._schema_of(row)
        if schema is None:
            return None
        key = (schema.fingerprint, schema.name)
        if key not in self._expected:
            self._expected[key] = Expected(schema, TypedValues(schema))
        return self._expected[key]

    def _schema_of(self, row: dict[str, Any]) -> Schema[Any] | None:
        document = MISSING if self._column is None else at(row, self._column)
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
        if document.keys() & _KEYWORDS:
            break
        inside = next((document[key] for key in _AROUND if isinstance(document.get(key), dict)), None)
        if inside is None:
            break
        document = inside
    try:
        return Schema.of(document, name=None if "title" in document else name)
    except InvalidSchema:
        return None
