# SPDX-License-Identifier: Apache-2.0
"""Gemini: whole and in chunks, by its REST names and by those of its SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import count, either, field, has, items, total, word_of, words
from schema_guard.providers.model_output import Written, has_reasoned, text_of
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

__all__ = ["PROVIDER"]

_FEEDBACK: Final = ("prompt_feedback", "promptFeedback")
_USAGE: Final = ("usage_metadata", "usageMetadata")
# The stop word for a prompt that was blocked, for whichever reason: there is no candidate that could have one.
_BLOCKED: Final = "blocklist"


def _reply(reply: object, marked: object) -> RawReply | None:
    listed = field(reply, "candidates")
    candidates = items(listed)
    usage, model = _usage(either(reply, *_USAGE)), _model(reply)
    if candidates and _is_candidate(candidates[0]):
        return RawReply(_written(candidates[0]), _stop_word(candidates[0]), usage, model)
    if _is_blocked(reply):
        return RawReply(Written("", []), _BLOCKED, usage, model)
    is_list = isinstance(listed, Sequence | None)
    if candidates or not is_list or not any(has(reply, sign) for sign in (*_FEEDBACK, *_USAGE)):
        return None
    return RawReply(None, None, usage, model, provider_error(field(reply, "error")))


def _chunk(stream: Stream, chunk: object, marked: object) -> str | None:
    listed = items(field(chunk, "candidates"))
    candidate = listed[0] if listed else None
    if listed and not _is_candidate(candidate):
        return None
    stream.name_model(_model(chunk))
    usage = either(chunk, *_USAGE)
    if usage is not None:  # each chunk's usage is that of the reply so far
        stream.usage = _usage(usage)
    stopped = _stop_word(candidate)
    if stopped is not None or _is_blocked(chunk):
        stream.stop(_BLOCKED if stopped is None else stopped)
    return stream.whole_parts(_written(candidate))


def _is_candidate(candidate: object) -> bool:
    """Tell a candidate from one of the user's own."""
    return has(field(candidate, "content"), "parts") or _stop_word(candidate) is not None


def _written(candidate: object) -> Written:
    parts = items(field(field(candidate, "content"), "parts"))
    calls = [either(part, "function_call", "functionCall") for part in parts]
    return Written(text_of(parts), [call for call in calls if call is not None], None, has_reasoned(parts))


def _stop_word(candidate: object) -> object:
    """Give the finish reason: a text, or an enum's member."""
    return either(candidate, "finish_reason", "finishReason")


def _is_blocked(reply: object) -> bool:
    """Tell whether the prompt was blocked, so that there is no candidate."""
    return word_of(either(either(reply, *_FEEDBACK), "block_reason", "blockReason")) != ""


def _model(reply: object) -> str | None:
    return words(either(reply, "model_version", "modelVersion"))


def _usage(usage: object) -> Usage:
    """Read the usage, whose candidate tokens leave out the thoughts."""
    thoughts = count(usage, "thoughts_token_count", "thoughtsTokenCount")
    written = count(usage, "candidates_token_count", "candidatesTokenCount")
    tools = count(usage, "tool_use_prompt_token_count", "toolUsePromptTokenCount")
    return Usage(
        total(count(usage, "prompt_token_count", "promptTokenCount"), tools),
        thoughts if written is None else total(written, thoughts),
        count(usage, "cached_content_token_count", "cachedContentTokenCount"),
        thoughts,
    )


PROVIDER: Final = Provider(
    # malformed_function_call and malformed_response are known by their beginning.
    stop_words={
        "stop": "stop",
        "length": "max_tokens continuation",
        "content_filter": "safety recitation blocklist prohibited_content spii model_armor escalation jailbreak",
        "error": "other language unexpected_tool_call too_many_tool_calls missing_thought_signature",
    },
    rejecting=frozenset({"unexpected_tool_call", "too_many_tool_calls"}),
    replies=dict.fromkeys(("candidates", "promptFeedback", "prompt_feedback", "usageMetadata"), _reply),
    chunks=dict.fromkeys(("candidates", "promptFeedback", "prompt_feedback", "usageMetadata"), _chunk),
)
