# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of the objects in the files of a suite.

Rules:
1. The forms of schema_guard's own files are closed, because an unknown key is probably a typo.
2. Files from other tools may have additional keys.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from schema_guard.schema import Schema

_TEXT = {"type": "string", "minLength": 1}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_TASK: dict[str, Any] = {
    "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_./-]*$", "maxLength": 80},
    "input": _TEXT,
    "instruction": _TEXT,
    "gold": True,
    "match": {"type": "object"},
    "tags": {"type": "array", "items": _TEXT},
    "split": {"enum": ["dev", "test"]},
    "difficulty": _SHARE,
}

OWN_FORMS: dict[str, dict[str, Any]] = {
    "suite": {
        "properties": {
            "format": {"const": 1},
            "name": _TEXT,
            "description": _TEXT,
            "licence": _TEXT,
            "schemas": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
            "difficulty": _TEXT,
            "most_output_tokens": {"type": "integer", "minimum": 1},
        },
        "required": ["format", "name", "description", "licence", "schemas"],
    },
    "meta": {
        "properties": {"description": _TEXT, "instruction": _TEXT, "licence": _TEXT},
        "required": ["description", "instruction"],
    },
    "task": {"properties": _TASK, "required": ["id", "input", "gold", "split"]},
    "line": {
        "properties": {
            **_TASK,
            "schema": {"type": ["object", "boolean"]},
            "schema_file": _TEXT,
            "licence": _TEXT,
            "source": _TEXT,
        },
        "required": ["id", "input", "gold"],
    },
}


def _turn(*roles: str) -> dict[str, Any]:
    properties = {"role": {"enum": list(roles)}, "content": _TEXT}
    return {"type": "object", "properties": properties, "required": ["role", "content"]}


_COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}

_FOREIGN_FORMS: dict[str, dict[str, Any]] = {
    "training set": {
        "properties": {
            "format": {"const": 1},
            "schema": {"type": "object", "properties": {"name": _TEXT}, "required": ["name", "document"]},
            "function": {"type": ["string", "null"]},
            "sources_by_file": {"type": "object", "properties": {"test": _COUNTS}},
        },
        "required": ["schema"],
    },
    "training row": {
        "if": {"required": ["messages"]},
        "then": {
            "properties": {
                "system": _TEXT,
                "messages": {"type": "array", "items": _turn("system", "user", "assistant"), "minItems": 2},
            }
        },
        "else": {"properties": {"prompt": _TEXT, "completion": _TEXT}, "required": ["prompt", "completion"]},
    },
    "row": {},
}


@cache
def form(name: str) -> Schema[Any]:
    """Return the form of a file's objects as a schema, which is loaded on first use."""
    if name in OWN_FORMS:
        return Schema.of({"type": "object", "additionalProperties": False, **OWN_FORMS[name]}, name=name)
    return Schema.of({"type": "object", **_FOREIGN_FORMS[name]}, name=name)
