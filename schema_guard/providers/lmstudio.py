# SPDX-License-Identifier: Apache-2.0
"""The replies of LM Studio's own SDK, and the arguments of its server for a format."""

from __future__ import annotations

from typing import Final

from schema_guard.providers.fields import count, either, field
from schema_guard.providers.model_output import Written
from schema_guard.providers.openai_chat import compatible
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.values import Usage


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
    # `response_format` accepts only `text` and `json_schema`, and `tool_choice` cannot name a tool.
    options={"lmstudio": compatible("strict_schema")},
)
