# SPDX-License-Identifier: Apache-2.0
"""What Amazon Bedrock's Converse takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.provider_options import ProviderOptions, document_of, switched, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]

# What a model takes that Converse has no name for: Claude's thinking stands under either.
_FIELDS: Final = "additionalModelRequestFields"
_THINKING: Final = ("thinking", "reasoning_config")


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": json.dumps(document_of(schema))}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    tool = {"toolSpec": {"name": name, "inputSchema": {"json": document_of(schema)}}}
    return {"toolConfig": {"tools": [tool], "toolChoice": {"tool": {"name": name}}}}


def _thinks(options: Mapping[str, Any], _: str | None) -> bool:
    fields = options.get(_FIELDS)
    held = fields if isinstance(fields, Mapping) else {}
    return any(switched(held, name) in ("enabled", "adaptive") for name in _THINKING)


def _unforced(options: Mapping[str, Any]) -> dict[str, Any]:
    config = options.get("toolConfig")
    choice = config.get("toolChoice") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(choice, Mapping) or "auto" in choice:
        return dict(options)
    return {**options, "toolConfig": {**config, "toolChoice": {"auto": {}}}}


# No json_mode: Converse has none.
OPTIONS: Final = ProviderOptions(
    limit="inferenceConfig.maxTokens",
    formats={"tool_call": _tool_call, "strict_schema": _strict_schema},
    refuses_force=_thinks,
    unforced=_unforced,
)
