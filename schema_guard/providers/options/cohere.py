# SPDX-License-Identifier: Apache-2.0
"""What Cohere's chat takes, in its second version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.openai_chat import json_mode
from schema_guard.providers.options.provider_options import ProviderOptions, document_of, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_object", "json_schema": document_of(schema)}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    function = {"name": wire_name(schema), "parameters": document_of(schema)}
    # A tool cannot be named there; it is the only one.
    return {"tools": [{"type": "function", "function": function}], "tool_choice": "REQUIRED"}


OPTIONS: Final = ProviderOptions(
    limit="max_tokens",
    formats={"json_mode": json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
)
