# SPDX-License-Identifier: Apache-2.0
"""What many providers send alike: an error in the place of a reply, or of a chunk; and a refusal as an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import field, has, words
from schema_guard.providers.provider import Provider, RawReply, Rejection, broken
from schema_guard.values import Failure

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream

__all__ = ["PROVIDER"]


def _reply(reply: object, error: object) -> RawReply | None:
    """Read an error that came with status 200."""
    if words(field(error, "message")):
        return RawReply(None, None, model=field(reply, "model"), failure=provider_error(error))
    return None


def _chunk(stream: Stream, chunk: object, error: object) -> str | None:
    return broken(stream, chunk) if words(error) or words(field(error, "message")) else None


def _refusal(error: BaseException) -> Rejection | None:
    """Read what outlines raises for a refusal, whoever the provider is: an error that no provider sent."""
    if field(error, "original_exception", error) is not None or not has(error, "retryable"):
        return None
    head, colon, _ = str(error).partition(": ")
    if not (colon and head.endswith(" refused to answer the request")):
        return None
    return Rejection(None, "refusal", Failure("refusal", "refusal", "the model refused"))


PROVIDER: Final = Provider(
    stop_words={"error": "abort"},  # vLLM's
    replies={"error": _reply},
    chunks={"error": _chunk},
    events={"error": broken},
    rejection=_refusal,
)
