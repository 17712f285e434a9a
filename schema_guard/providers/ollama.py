# SPDX-License-Identifier: Apache-2.0
"""Ollama's chat and `/api/generate`, whole and line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import count, field, has, words
from schema_guard.providers.model_output import Written, message_written
from schema_guard.providers.openai_chat import compatible
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _chat(reply: object, message: object) -> RawReply | None:
    if not isinstance(field(reply, "done"), bool) or not (
        has(message, "content") or has(message, "tool_calls")
    ):
        return None
    return _raw(reply, message_written(message))


def _generate(reply: object, response: object) -> RawReply | None:
    if not isinstance(response, str) or not has(reply, "done"):
        return None
    return _raw(reply, Written(response, [], None, words(field(reply, "thinking")) is not None))


def _raw(reply: object, written: Written) -> RawReply:
    return RawReply(written, field(reply, "done_reason"), _usage(reply), field(reply, "model"))


def _bare_error(reply: object, error: object) -> RawReply | None:
    """Read an error with status 200: a text, alone in its object."""
    if isinstance(error, str) and isinstance(reply, Mapping) and len(reply) == 1:
        return RawReply(None, failure=provider_error(error))
    return None


def _line(stream: Stream, chunk: object, content: object) -> str | None:
    if not has(chunk, "done"):
        return None
    stream.name_model(field(chunk, "model"))
    if field(chunk, "done") is True:
        stream.usage = _usage(chunk)
        stream.stop(field(chunk, "done_reason"))
    if not isinstance(content, str):
        return stream.whole_parts(message_written(content))
    if words(field(chunk, "thinking")):
        stream.think()
    return content


def _usage(reply: object) -> Usage:
    """Read the counts, which are fields of the reply itself."""
    return Usage(count(reply, "prompt_eval_count"), count(reply, "eval_count"))


PROVIDER: Final = Provider(
    stop_words={"stop": "stop", "length": "length"},
    replies={"message": _chat, "response": _generate, "error": _bare_error},
    chunks={"message": _line, "response": _line},
    # `tool_choice` is ignored there.
    options={"ollama": compatible("json_mode", "strict_schema")},
)
