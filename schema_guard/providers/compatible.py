# SPDX-License-Identifier: Apache-2.0
"""Providers that send OpenAI's chat completions unchanged, and accept some of its arguments for a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from schema_guard.providers.openai_chat import OPTIONS, compatible
from schema_guard.providers.provider import Provider
from schema_guard.providers.request_options import switched


def _thinks_by_default(options: Mapping[str, Any], _: str | None) -> bool:
    return switched(options, "thinking") != "disabled"


def _would_not_think(options: Mapping[str, Any], model: str | None) -> bool:
    """Return whether the thinking that is asked for would be dropped beside a forced tool, without an error."""
    extra = options.get("extra_body")
    reasoning = extra.get("reasoning") if isinstance(extra, Mapping) else None
    if not isinstance(reasoning, Mapping) or not reasoning:
        return False
    is_off = reasoning.get("enabled") is False or reasoning.get("effort") == "none"
    return not is_off and (model or "").startswith("anthropic/")


PROVIDER: Final = Provider(
    stop_words={"error": "abort"},  # vLLM's
    options={
        # No strict_schema: `response_format` accepts only `text` and `json_object`.
        "deepseek": replace(compatible("json_mode", "tool_call"), refuses_force=_thinks_by_default),
        "openrouter": replace(OPTIONS, refuses_force=_would_not_think),
        # All versions pass `response_format` to the engine, and merge `structured_outputs` of `extra_body`, which can
        # switch blanks off. The same engine forces the tool in `tool_choice`.
        **dict.fromkeys(("vllm", "sglang"), compatible("json_mode", "tool_call", "strict_schema")),
    },
)
