# SPDX-License-Identifier: Apache-2.0
"""What OpenAI's chat completions take, and those who copied them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.provider_options import ProviderOptions, document_of, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS", "json_mode"]


def json_mode(_: Schema[Any]) -> dict[str, Any]:
    """Ask for any JSON object."""
    return {"response_format": {"type": "json_object"}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": document_of(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    function = {"name": name, "parameters": document_of(schema)}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": name}},
    }


OPTIONS: Final = ProviderOptions(
    limit="max_completion_tokens",
    formats={"json_mode": json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
)
