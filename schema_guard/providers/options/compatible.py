# SPDX-License-Identifier: Apache-2.0
"""What those take who copied OpenAI's chat completions in part: its arguments, and which of them mean something.

What is ignored there is left out: a forced tool that is not forced is no strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from schema_guard.providers.options.openai_chat import OPTIONS as CHAT
from schema_guard.providers.options.provider_options import ProviderOptions, switched

__all__ = ["DEEPSEEK", "LLAMA_CPP", "LM_STUDIO", "MISTRAL", "OLLAMA", "OPENROUTER", "SGLANG", "VLLM"]


def _with(*strategies: str) -> ProviderOptions:
    formats = {name: CHAT.formats[name] for name in strategies}
    return ProviderOptions(limit="max_tokens", formats=formats)


def _thinks_by_default(options: Mapping[str, Any], _: str | None) -> bool:
    return switched(options, "thinking") != "disabled"


def _would_not_think(options: Mapping[str, Any], model: str | None) -> bool:
    """Tell whether the thinking that is asked for would be dropped beside a forced tool, without a word."""
    extra = options.get("extra_body")
    reasoning = extra.get("reasoning") if isinstance(extra, Mapping) else None
    if not isinstance(reasoning, Mapping) or not reasoning:
        return False
    is_off = reasoning.get("enabled") is False or reasoning.get("effort") == "none"
    return not is_off and (model or "").startswith("anthropic/")


# No strict_schema: `response_format` takes `text` and `json_object` alone.
DEEPSEEK: Final = replace(_with("json_mode", "tool_call"), refuses_force=_thinks_by_default)
OPENROUTER: Final = replace(CHAT, refuses_force=_would_not_think)
# `tool_choice` is ignored there.
OLLAMA: Final = _with("json_mode", "strict_schema")
# `response_format` takes `text` and `json_schema` alone, and a tool cannot be named in `tool_choice`.
LM_STUDIO: Final = _with("strict_schema")
# `response_format` becomes the engine's structured outputs, in versions that have no argument of that name too; a
# `structured_outputs` in `extra_body`, such as one that switches blanks off, is joined with it. A tool that is named in
# `tool_choice` is forced by the same engine.
VLLM: Final = _with(
    "json_mode",
    "tool_call",
    "strict_schema",
)
MISTRAL: Final = _with("json_mode", "tool_call", "strict_schema")
SGLANG: Final = _with(
    "json_mode",
    "tool_call",
    "strict_schema",
)
# No tool_call: a forced tool is left to the model's chat template.
LLAMA_CPP: Final = _with("json_mode", "strict_schema")
