# SPDX-License-Identifier: Apache-2.0
"""How often an SDK had sent a request again by itself, where it tells it: nothing is claimed of the others.

Boto3 tells it of every reply. The packages of OpenAI and Anthropic, and those that are generated like them, tell it of a response that was asked for
`with_raw_response`, and in a header of each request that they send. A reply that they have parsed does not say it.
"""

from __future__ import annotations

import json
from typing import Any

from schema_guard.interruptions import is_interruption
from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import field
from schema_guard.received.replies import Reply

__all__ = ["NOTED", "note", "retries_of_error", "retries_of_reply", "retries_of_response", "unwrapped"]

NOTED = "_retries_taken"
"""The attribute in which a model of ours keeps it, on a reply or on a stream's first chunk."""

_HEADER = "x-stainless-retry-count"
_MOST = 1_000


def note(reply: Any, retries: object) -> Any:
    """Keep with a reply how often its request was repeated; gives the reply, which is not shown to have it."""
    if _count(retries) is not None and hasattr(reply, "__dict__"):
        object.__setattr__(reply, NOTED, retries)
    return reply


def retries_of_reply(reply: object) -> int | None:
    """Give it of a reply, of a chunk, or of a response that an SDK gave unparsed; None for what does not say it."""
    if isinstance(reply, dict):
        return _count(field(reply.get("ResponseMetadata"), "RetryAttempts"))
    held = getattr(reply, "__dict__", None)
    if not isinstance(held, dict):
        return None
    is_response = "http_response" in held
    return _count(held.get("retries_taken") if is_response else held.get(NOTED))


def retries_of_response(response: object) -> int | None:
    """Give it by the request that an HTTP response answers, or that an exception has."""
    read = field(field(field(response, "request"), "headers"), "get")
    return _header(read) if callable(read) else None


def retries_of_error(error: BaseException) -> int | None:
    """Give it of an exception of an SDK's, which has the last request that was sent."""
    retries = retries_of_response(error)
    return retries_of_response(field(error, "response")) if retries is None else retries


def unwrapped(response: object) -> object:
    """Give what a response says that an SDK gave unparsed; everything else as it is."""
    held = getattr(response, "__dict__", None)
    if not isinstance(held, dict) or "http_response" not in held:
        return response
    text = field(held.get("http_response"), "text")
    kind = field(field(held.get("http_response"), "headers"), "get")
    if not isinstance(text, str) or not callable(kind) or "event-stream" in str(kind("content-type")):
        return response
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        if is_interruption(error):
            raise
        return text if text.lstrip().startswith("<") else Reply(failure=provider_error())


def _header(read: Any) -> int | None:
    text = str(read(_HEADER))
    return int(text) if text.isdecimal() and int(text) <= _MOST else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST else None
