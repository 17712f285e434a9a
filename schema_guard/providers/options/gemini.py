# SPDX-License-Identifier: Apache-2.0
"""What Gemini's generateContent takes, as the argument `config` of the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.provider_options import ProviderOptions, document_of, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]

_JSON: Final = "application/json"


def _json_mode(_: Schema[Any]) -> dict[str, Any]:
    return {"config": {"response_mime_type": _JSON}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"config": {"response_mime_type": _JSON, "response_json_schema": document_of(schema)}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    declared = {"name": name, "parameters_json_schema": document_of(schema)}
    calling = {"mode": "ANY", "allowed_function_names": [name]}
    return {
        "config": {
            "tools": [{"function_declarations": [declared]}],
            "tool_config": {"function_calling_config": calling},
        }
    }


OPTIONS: Final = ProviderOptions(
    limit="config.max_output_tokens",
    formats={"json_mode": _json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
    enforces=frozenset({"strict_schema", "tool_call"}),
)
