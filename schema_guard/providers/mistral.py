# SPDX-License-Identifier: Apache-2.0
"""Mistral. It has OpenAI's chat completions. Its SDK's events have the chunk as their `data`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.fields import field, has
from schema_guard.providers.openai_chat import compatible, read_chunk
from schema_guard.providers.provider import Provider

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _event(stream: Stream, event: object, chunk: object) -> str | None:
    return read_chunk(stream, chunk, field(chunk, "choices")) if has(chunk, "choices") else None


PROVIDER: Final = Provider(
    stop_words={
        "stop": "stop",
        "tool_call": "tool_calls",
        "length": "length model_length",
        "error": "error",
    },
    chunks={"data": _event},
    options={"mistral": compatible("json_mode", "tool_call", "strict_schema")},
)
