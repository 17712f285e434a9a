# SPDX-License-Identifier: Apache-2.0
"""What OpenAI's Responses API takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.provider_options import ProviderOptions, document_of, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]


def _json_mode(_: Schema[Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_object"}}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": document_of(schema), "strict": True}
    return {"text": {"format": {"type": "json_schema", **described}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    # Without "strict" the API takes a function as strict; this strategy promises no such thing.
    function = {"name": name, "parameters": document_of(schema), "strict": False}
    return {
        "tools": [{"type": "function", **function}],
        "tool_choice": {"type": "function", "name": name},
    }


OPTIONS: Final = ProviderOptions(
    limit="max_output_tokens",
    formats={"json_mode": _json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
)
