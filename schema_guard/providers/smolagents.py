# SPDX-License-Identifier: Apache-2.0
"""The messages of smolagents, which hold the reply of the provider if there is one; and the pieces of its streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.providers.fields import field, has, items, usage_of, words
from schema_guard.providers.model_output import message_written
from schema_guard.providers.provider import Provider, RawReply, pieces

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream


def _message(reply: object, content: object) -> RawReply | None:
    if not has(reply, "token_usage") or not isinstance(field(reply, "role"), str):
        return None
    usage = usage_of(field(reply, "token_usage"))
    return RawReply(message_written(reply), usage=usage, source=field(reply, "raw"))


def _piece(stream: Stream, piece: object, content: object) -> str | None:
    """Read a piece. Each may be the last, because no piece marks the end of the message."""
    if not has(piece, "token_usage") or not isinstance(content, str | None):
        return None
    stream.is_ended = True
    usage = field(piece, "token_usage")
    if usage is not None:
        stream.usage = usage_of(usage)
    return (words(content) or "") + pieces(stream, items(field(piece, "tool_calls")))


PROVIDER: Final = Provider(replies={"content": _message}, chunks={"content": _piece})
