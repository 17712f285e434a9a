# SPDX-License-Identifier: Apache-2.0
"""llama.cpp's own `/completion`, whole and in chunks, and the timings that its chat completions have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.fields import count, field, has, total, words
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

__all__ = ["PROVIDER", "timings_usage"]

_SIGNS: Final = ("stop_type", "tokens_predicted", "tokens_evaluated", "stopped_eos", "truncated")


def timings_usage(timings: object) -> Usage:
    """Read the timings of a chat completion: `prompt_n` leaves out what `cache_n` counts."""
    cached = count(timings, "cache_n")
    return Usage(total(count(timings, "prompt_n"), cached), count(timings, "predicted_n"), cached)


def _reply(reply: object, content: object) -> RawReply | None:
    if not isinstance(content, str) or not any(has(reply, sign) for sign in _SIGNS):
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
    """Give the stop word, of the builds before `stop_type` too."""
    if field(reply, "truncated") is True or field(reply, "stopped_limit") is True:
        return "limit"
    stopped = field(reply, "stopped_eos") is True or field(reply, "stopped_word") is True
    return words(field(reply, "stop_type")) or ("eos" if stopped else None)


def _usage(reply: object) -> Usage:
    cached = count(field(reply, "timings"), "cache_n")
    return Usage(count(reply, "tokens_evaluated"), count(reply, "tokens_predicted"), cached)


PROVIDER: Final = Provider(
    stop_words={"stop": "eos word", "length": "limit"},
    replies={"content": _reply},
    chunks={"content": _chunk},
)
