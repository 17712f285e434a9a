# SPDX-License-Identifier: Apache-2.0
"""What those take who copied OpenAI's chat completions in part: its arguments, and which of them mean something.

What is ignored there is left out: a forced tool that is not forced is no strategy.
"""

from __future__ import annotations

from typing import Final

from schema_guard.targets.openai_chat import TARGET as CHAT
from schema_guard.targets.target import Target

__all__ = ["DEEPSEEK", "LM_STUDIO", "OLLAMA"]


def _with(*strategies: str) -> Target:
    return Target(limit="max_tokens", formats={name: CHAT.formats[name] for name in strategies})


# No strict_schema: `response_format` takes `text` and `json_object` alone.
DEEPSEEK: Final = _with("json_mode", "tool_call")
# `tool_choice` is ignored there.
OLLAMA: Final = _with("json_mode", "strict_schema")
# `response_format` takes `text` and `json_schema` alone, and a tool cannot be named in `tool_choice`.
LM_STUDIO: Final = _with("strict_schema")
