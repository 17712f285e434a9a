# SPDX-License-Identifier: Apache-2.0
"""What Anthropic's Messages take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.options.provider_options import ProviderOptions, document_of, switched, wire_name

if TYPE_CHECKING:
    from schema_guard.schema import Schema

__all__ = ["OPTIONS"]


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"output_config": {"format": {"type": "json_schema", "schema": document_of(schema)}}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    # Else the arguments come in one piece at the end: nothing could be told of a stream before.
    tool = {"name": name, "input_schema": document_of(schema), "eager_input_streaming": True}
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": name}}


def _thinks(options: Mapping[str, Any], _: str | None) -> bool:
    return switched(options, "thinking") in ("enabled", "adaptive")


def _unforced(options: Mapping[str, Any]) -> dict[str, Any]:
    choice = options.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("type") in (None, "auto", "none"):
        return dict(options)
    others = {name: part for name, part in choice.items() if name != "name"}
    return {**options, "tool_choice": {**others, "type": "auto"}}


# No json_mode: the API has none.
OPTIONS: Final = ProviderOptions(
    limit="max_tokens",
    formats={"tool_call": _tool_call, "strict_schema": _strict_schema},
    refuses_force=_thinks,
    unforced=_unforced,
)
