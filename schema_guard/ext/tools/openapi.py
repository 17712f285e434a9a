# SPDX-License-Identifier: Apache-2.0
"""Gemini's `parameters`, a subset of OpenAPI's schema objects, as JSON Schema; what is JSON Schema stays as it is."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["as_json_schema"]

_TYPES: Final = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
# Keywords whose numbers are written as texts, for they are 64 bits wide.
_COUNTS: Final = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
# Of schemas by name: what stands under a name is a schema, whatever the name is.
_BY_NAME: Final = ("properties", "$defs", "definitions", "patternProperties")
_DATA: Final = ("enum", "const", "default", "example", "examples", "required")
_FORMATS: Final = ("enum", "int32", "int64", "float", "double")


def as_json_schema(schema: Any) -> Any:
    """Return a schema whose types are in capitals, and `nullable`, as JSON Schema; any other as it is.

    >>> as_json_schema({"type": "STRING", "nullable": True})
    {'type': ['string', 'null']}
    """
    return _translated(schema) if _is_gemini(schema) else schema


def _is_gemini(schema: Any) -> bool:
    """Return whether a schema says a type in capitals, or `nullable`: JSON Schema does neither."""
    if isinstance(schema, list):
        return any(map(_is_gemini, schema))
    if not isinstance(schema, dict):
        return False
    if schema.get("type") in _TYPES if isinstance(schema.get("type"), str) else False:
        return True
    if isinstance(schema.get("nullable"), bool):
        return True
    return any(
        any(map(_is_gemini, part.values()))
        if name in _BY_NAME and isinstance(part, dict)
        else _is_gemini(part)
        for name, part in schema.items()
        if name not in _DATA
    )


def _translated(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_translated(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    document: dict[str, Any] = {}
    for name, part in schema.items():
        if name in _BY_NAME and isinstance(part, dict):
            document[name] = {key: _translated(inner) for key, inner in part.items()}
        elif name in _COUNTS and isinstance(part, str) and part.isdigit():
            document[name] = int(part)
        elif name == "type" and isinstance(part, str):
            document[name] = part.lower()
        else:
            document[name] = part if name in _DATA else _translated(part)
    document.pop("propertyOrdering", None)
    if document.get("format") in _FORMATS:
        del document["format"]
    return _with_null(document) if document.pop("nullable", None) is True else document


def _with_null(document: dict[str, Any]) -> dict[str, Any]:
    if "enum" in document:
        document["enum"] = [*document["enum"], None]
    if isinstance(document.get("type"), str):
        return {**document, "type": [document["type"], "null"]}
    return {"anyOf": [document, {"type": "null"}]} if document else document
