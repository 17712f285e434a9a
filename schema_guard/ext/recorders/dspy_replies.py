# SPDX-License-Identifier: Apache-2.0
"""The reply behind the outputs of a language model of DSPy, and the mode of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.recorders.requests import requested
from schema_guard.providers.fields import count, field, first, items, usage_of, words
from schema_guard.received.dspy import model_of
from schema_guard.received.replies import stopped
from schema_guard.values import UNKNOWN_USAGE, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEWEST: Final = 100


def mode_of(sent: Mapping[str, Any], provider: str | None) -> str:
    """Return the strategy with which the first attempt requests the format."""
    request = requested(sent, provider)
    if request is not None and request.source is not None:
        return request.mode
    return "json_mode" if field(sent.get("response_format"), "type") == "json_object" else "system_prompt"


def reply_of(lm: Any, outputs: Any) -> Reply | None:
    """Return the reply behind the outputs of a language model, or None if it is from DSPy's cache."""
    entry = _entry(lm, outputs)
    response, counted = field(entry, "response"), field(entry, "usage")
    is_counted = count(field(response, "usage"), "prompt_tokens", "input_tokens") is not None
    if field(response, "cache_hit") is True or (entry is not None and not counted and is_counted):
        return None
    choice, output = first(field(response, "choices")), first(outputs)
    parts = items(field(field(response, "message"), "parts"))
    finish, failure = stopped(field(response, "finish_reason") or field(choice, "finish_reason"))
    refusal = words(field(field(choice, "message"), "refusal")) or next(
        (words(field(part, "text")) for part in parts if field(part, "type") == "refusal"), None
    )
    text = output if isinstance(output, str) else words(field(output, "text"))
    model = words(field(entry, "response_model")) or model_of(field(lm, "model"))
    usage = UNKNOWN_USAGE if choice is not None and _is_streamed() else usage_of(counted)
    return Reply(text or "", "refusal" if refusal else finish, usage, refusal, model, failure)


def _is_streamed() -> bool:
    """Return whether the reply is streamed. For a stream, litellm estimates the tokens."""
    from dspy import settings  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return settings.send_stream is not None


def _entry(lm: Any, outputs: Any) -> Any:
    """Return the entry of DSPy's history for some outputs, or None if its history is off."""
    from dspy.clients.base_lm import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        GLOBAL_HISTORY,
    )

    for history in (items(field(lm, "history")), GLOBAL_HISTORY):
        # Other threads may have added entries in the meantime.
        for entry in reversed(history[-_NEWEST:]):
            if entry.get("outputs") is outputs:
                return entry
    return None
