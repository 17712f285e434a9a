# SPDX-License-Identifier: Apache-2.0
"""The shapes that many providers share: an error instead of a reply, or of a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import field, words
from schema_guard.providers.provider import Provider, RawReply, broken

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _reply(reply: object, error: object) -> RawReply | None:
    """Read an error that came with status 200."""
    if words(field(error, "message")):
        return RawReply(None, None, model=field(reply, "model"), failure=provider_error(error))
    return None


def _chunk(stream: Stream, chunk: object, error: object) -> str | None:
    return broken(stream, chunk) if words(error) or words(field(error, "message")) else None


PROVIDER: Final = Provider(
    replies={"error": _reply},
    chunks={"error": _chunk},
    events={"error": broken},
)
