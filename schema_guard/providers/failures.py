# SPDX-License-Identifier: Apache-2.0
"""The failures that are known before a reply is validated."""

from __future__ import annotations

from typing import Final

from schema_guard.providers.fields import either, field
from schema_guard.text import clip
from schema_guard.values import Failure, FinishReason

SEVERAL_CALLS: Final = Failure(
    "syntax", "several_documents", "expected exactly one tool call in the reply, got several"
)

ENDED_EARLY: Final[dict[FinishReason, Failure]] = {
    "length": Failure("truncation", "max_tokens", "the output limit cut off the reply"),
    "content_filter": Failure("refusal", "content_filter", "a content filter stopped the reply"),
    "refusal": Failure("refusal", "refusal", "the model refused"),
}
"""Finish reason -> the failure of a reply that only the finish reason shows."""


def no_reply(reply: object) -> Failure:
    """Return the failure for a value that is not a reply. The message names its type, never its value."""
    kind = "None" if reply is None else f"a value of type {clip(type(reply).__name__)!r}"
    message = f"the function returned {kind}, not a model's reply. Return the reply or its text"
    return Failure("transport", "no_reply", message)


def unknown_chunk(chunk: object) -> Failure:
    """Return the failure for a value that is not a chunk. The message names its type, never its value."""
    kind = clip(type(chunk).__name__)
    message = f"the stream yielded a value of type {kind!r}. Yield texts, bytes, or the provider's own chunks"
    return Failure("transport", "no_reply", message)


def bad_unicode(error: UnicodeDecodeError, *, offset: int = 0) -> Failure:
    """Return the failure for bytes that are not UTF-8. *offset* is the number of bytes before them."""
    at = offset + error.start
    return Failure("syntax", "bad_unicode", f"the reply is not UTF-8: {error.reason} at byte {at}")


def html_page() -> Failure:
    """Return the failure for an HTML page, which comes from a proxy, a login, or a wrong base URL."""
    message = "the server sent an HTML page instead of a reply. Check the base URL and the proxy"
    return Failure("transport", "provider_error", message)


def provider_error(error: object = None) -> Failure:
    """Return the failure for a provider that sent an error or nothing instead of a reply."""
    parts = [error] if isinstance(error, str) else [either(error, "code", "type"), field(error, "message")]
    details = ", ".join(clip(repr(part)) for part in parts if part and isinstance(part, str | int))
    message = "the provider sent no reply" if not details else f"the provider sent this error: {details}"
    return Failure("transport", "provider_error", message)


def stop_error(word: str) -> Failure:
    """Return the failure for a provider that ended a reply with a stop word that is an error."""
    return Failure("transport", "provider_error", f"the provider ended the reply with {clip(word)!r}")


def unusable(word: str) -> Failure:
    """Return the failure for a provider that could not use the output of the model and reported this as *word*."""
    message = f"the provider could not use the model's reply: {clip(word)!r}"
    return Failure("syntax", "provider_rejected", message)


def refused_inside(reason: object) -> Failure:
    """Return the failure for a reply that a library inside the function rejected."""
    detail = f": {clip(reason, 200)}" if isinstance(reason, str) else ""
    return Failure("semantic", "refused", f"the function rejected the reply{detail}")
