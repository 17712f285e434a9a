# SPDX-License-Identifier: Apache-2.0
"""Whether values are valid for a part of a schema, compiled when it is asked first."""

from __future__ import annotations

from typing import Any

from schema_guard.errors import InvalidArgument, InvalidSchema
from schema_guard.schema import Schema

__all__ = ["Validity", "as_json_schema", "with_definitions"]


class Validity:
    """Judges values by a schema whose references lead to definitions that are kept apart.

    Args:
        schema: A plain schema of 2020-12; read when it is needed.
        definitions: What "#/$defs/NAME" leads to.
        formats: Whether `format` is asserted.
    """

    def __init__(self, schema: Any, definitions: dict[str, Any], *, formats: bool) -> None:
        self._schema = schema
        self._definitions = definitions
        self._formats = formats
        self._loaded: Schema[Any] | None = None
        self._failed = False

    def takes(self, value: Any) -> bool:
        """Say whether a value is valid; True where the schema cannot be loaded."""
        if self._loaded is None and not self._failed:
            self._load()
        if self._loaded is None:
            return True
        try:
            return self._loaded.is_valid(value)
        except InvalidArgument:
            # No JSON, or nested deeper than anything that is judged.
            return False

    def _load(self) -> None:
        try:
            self._loaded = Schema.of(
                _whole(self._schema, self._definitions), formats=self._formats, allow_unknown=True
            )
        except InvalidSchema:
            self._failed = True


def _whole(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema, which may be a bool, with its definitions and in JSON Schema."""
    return as_json_schema(with_definitions(schema, definitions)) if isinstance(schema, dict) else schema


def with_definitions(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a schema with the definitions that it reaches."""
    reached: dict[str, Any] = {}
    stack: list[Any] = [schema]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in reached:
                reached[name] = definitions[name]
                stack.append(definitions[name])
            stack += part.values()
    return {**schema, "$defs": reached} if reached else schema


def as_json_schema(schema: Any) -> Any:
    """Give an adapted schema with OpenAPI's `nullable` said in JSON Schema."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    document = {key: as_json_schema(part) for key, part in schema.items()}
    if document.get("nullable") is True:
        del document["nullable"]
        # References lead to the definitions from the root: there they stay.
        held = {"$defs": document.pop("$defs")} if "$defs" in document else {}
        return {"anyOf": [document, {"type": "null"}], **held}
    return document
