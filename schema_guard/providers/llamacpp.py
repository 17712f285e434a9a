# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own `/completion`, whole and in chunks, and the arguments for a format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.extensions import load
from schema_guard.providers.fields import count, field, has, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.openai_chat import compatible
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema

THOUGHT_TOKENS: Final = 256
"""The most tokens of thought before a constrained answer, because small models can repeat themselves endlessly."""


def _reply(reply: object, content: object) -> RawReply | None:
    if not isinstance(content, str) or not has(reply, "stop_type"):
        return None
    return RawReply(Written(content, []), _stop_word(reply), _usage(reply), field(reply, "model"))


def _chunk(stream: Stream, chunk: object, content: object) -> str | None:
    stop = field(chunk, "stop")
    if not isinstance(content, str) or not isinstance(stop, bool):
        return None
    if stop:
        stream.usage = _usage(chunk)
        stream.stop(_stop_word(chunk))
    return content


def _stop_word(reply: object) -> str | None:
    return "limit" if field(reply, "truncated") is True else words(field(reply, "stop_type"))


def _usage(reply: object) -> Usage:
    cached = count(field(reply, "timings"), "cache_n")
    return Usage(count(reply, "tokens_evaluated"), count(reply, "tokens_predicted"), cached)


def _grammar(schema: Schema[Any]) -> dict[str, Any]:
    # The server's own response_format json_schema enforces only the rough shape: no pattern, format, or bounds.
    return {"extra_body": {"grammar": load("provider:llguidance").grammar(schema)}}


def _thinking_grammar(schema: Schema[Any]) -> dict[str, Any]:
    return {"extra_body": {"grammar": load("provider:llguidance").thinking_grammar(schema)}}


PROVIDER: Final = Provider(
    stop_words={"stop": "eos word", "length": "limit"},
    replies={"content": _reply},
    chunks={"content": _chunk},
    options={
        # No tool_call: a forced tool is left to the model's chat template, and the server answers 200 without one.
        "llamacpp": compatible("json_mode", "strict_schema"),
        # A server that was built with llguidance.
        "llamacpp-llguidance": compatible(
            "json_mode", strict_schema=_grammar, reason_then_strict=_thinking_grammar
        ),
    },
)
