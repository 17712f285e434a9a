# SPDX-License-Identifier: Apache-2.0
"""What LM Studio's own SDK gives."""

from __future__ import annotations

from typing import Final

from schema_guard.providers.fields import count, either, field
from schema_guard.providers.model_output import Written
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage

__all__ = ["PROVIDER"]


def _prediction(reply: object, content: object) -> RawReply | None:
    stats = field(reply, "stats")
    stopped = either(stats, "stop_reason", "stopReason")
    if not isinstance(content, str) or not isinstance(stopped, str):
        return None
    usage = Usage(
        count(stats, "prompt_tokens_count", "promptTokensCount"),
        count(stats, "predicted_tokens_count", "predictedTokensCount"),
    )
    return RawReply(Written(content, []), stopped, usage)


PROVIDER: Final = Provider(
    stop_words={
        "stop": "eosfound stopstringfound",
        "tool_call": "toolcalls",
        "length": "contextlengthreached maxpredictedtokensreached",
        "error": "failed modelunloaded userstopped",
    },
    replies={"content": _prediction},
)
