# SPDX-License-Identifier: Apache-2.0
"""Read the result of a function by its shape: the text to validate, and the other facts about the reply.

Rules: The shapes are those of `providers`, tried in the order of `providers.order`. This module interprets stop words,
refusals, and several tool calls, in the same way for all providers. Nothing here raises for any value. An unknown value
is None, never 0.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from schema_guard.interruptions import is_interruption, value_or
from schema_guard.providers import failures
from schema_guard.providers.fields import field, name, word_of
from schema_guard.providers.model_output import EMPTY_OBJECT, WrittenCall, arguments_of, call_of, tool_of
from schema_guard.values import Reply

if TYPE_CHECKING:
    from schema_guard.providers.order import Readers
    from schema_guard.providers.provider import RawReply, Rejection
    from schema_guard.values import Failure, FinishReason

_MISSING: Final = object()
PARSED: Final = ("output_parsed", "parsed_output", "parsed")
"""Attributes in which SDKs keep the parsed value beside the text."""
# Number of characters that are checked to distinguish a page from a reply.
HTML_HEAD_CHARS: Final = 64


@cache
def readers() -> Readers:
    """Return the readers for the replies of providers."""
    # Imported with the first value that is not a text, because a call that returns a text needs no provider.
    from schema_guard.providers.order import READERS

    return READERS


def read(reply: object) -> Reply:
    """Read the result of a function. Never raises.

    Args:
        reply: A text, its bytes, or the reply of a provider as an object or a dict.
    """
    if isinstance(reply, str):
        return _text(reply) if "<" in reply[:HTML_HEAD_CHARS] else Reply(reply)
    if isinstance(reply, Reply):
        return reply
    if isinstance(reply, bytes | bytearray):
        return _decoded(bytes(reply))
    try:
        return read_shape(reply) or no_reply(reply)
    except Exception as error:
        if is_interruption(error):
            raise
        # A foreign object may raise anything from any access.
        return no_reply(reply)


def read_shape(reply: object) -> Reply | None:
    """Return the reply of a provider, or None if no known shape fits."""
    raw = raw_shape(reply)
    return None if raw is None else reply_of(raw)


def raw_shape(reply: object) -> RawReply | None:
    """Return the reply of a provider in its own words, or None if no known shape fits."""
    for marker, known in readers().replies:
        value = field(reply, marker, _MISSING)
        if value is _MISSING:
            continue
        for reader in known:
            raw = reader(reply, value)
            if raw is not None:
                return raw if raw.source is None else raw_shape(raw.source) or raw
    return None


@cache
def markers() -> frozenset[str]:
    """Return the fields that identify whole replies."""
    return frozenset(marker for marker, _ in readers().replies)


def rejected(error: BaseException) -> Reply | None:
    """Return the reply that an exception carries, or None if it carries none.

    Such an exception is a failure of the model, not of the call, because the provider or its SDK rejected the output of
    the model. The reply has the text if the exception has it. It always has a failure: syntax `provider_rejected`,
    truncation `max_tokens`, or refusal `content_filter`. Never raises.
    """
    return value_or(None, _rejected, error)


def _rejected(error: BaseException) -> Reply | None:
    rejections = (reader(error) for reader in readers().rejections)
    return next((_carried(rejection) for rejection in rejections if rejection is not None), None)


def _carried(rejection: Rejection) -> Reply:
    held = rejection.content
    reply = Reply(held) if held is None or isinstance(held, str) else read(held)
    if reply.text is None:
        return Reply(finish_reason=rejection.finish_reason, failure=rejection.failure)
    return reply._replace(finish_reason=rejection.finish_reason, failure=rejection.failure)


# The meaning of a provider's words.


def reply_of(raw: RawReply) -> Reply:
    """Convert a reply in its provider's own words to a `Reply`."""
    written = raw.written
    if written is None:
        return Reply(None, None, raw.usage, None, name(raw.model), raw.failure)
    finish, failure = stopped(raw.stop_word)
    text, failure, tool = written.text, raw.failure or failure, None
    if written.calls:
        texts = [arguments_of(call) for call in written.calls]
        if texts == [None]:
            return Reply(failure=raw.failure or failures.no_reply(written.calls[0]))
        text = "\n".join([arguments or "" for arguments in texts])
        if len(texts) > 1:
            failure = failure or failures.SEVERAL_CALLS
        if finish == "length" and text == EMPTY_OBJECT:
            text = ""
        tool = tool_of(written.calls[0]) if len(texts) == 1 else None
    finish = (
        "refusal" if written.refusal else stopped_at_call(finish or raw.otherwise, calls=bool(written.calls))
    )
    return Reply(
        text,
        finish,
        raw.usage,
        written.refusal,
        name(raw.model),
        failure,
        reasoned=written.reasoned and not text,
        tool=tool,
    )


def stopped(word: object) -> tuple[FinishReason | None, Failure | None]:
    """Return the finish reason for a provider's own word or enum member, and the failure that the word implies.

    The reason is None for an unknown word. The failure is None unless the word is an error. If the provider could not
    use the output of the model, the failure differs from its other errors. It concerns the model's format, and may be
    retried.
    """
    known = word_of(word)
    reason = readers().finish_reasons.get(known)
    # Gemini and Bedrock have a family of such words, and add to it.
    if known.startswith("malformed") or (reason == "error" and known in readers().rejecting):
        return "error", failures.unusable(known)
    return reason, failures.stop_error(known) if reason == "error" else None


def stopped_at_call(finish: FinishReason | None, *, calls: bool) -> FinishReason | None:
    """Return the finish reason of a reply, which may call a tool.

    For a call, above all a forced one, some providers report only that the model stopped. Here the call takes
    precedence. So `stop` shows that a reply is a text although a tool was requested.
    """
    return "tool_call" if calls and finish == "stop" else finish


def written_calls(raw: RawReply) -> list[WrittenCall]:
    """Return the tool calls of a reply, in order.

    A call that the provider rejected because it could not use it has no name.
    """
    finish, failure = stopped(raw.stop_word)
    calls = [] if raw.written is None else [call_of(call) for call in raw.written.calls]
    return stopped_in_call(calls, finish or raw.otherwise, failure)


def stopped_in_call(
    calls: list[WrittenCall], finish: FinishReason | None, failure: Failure | None
) -> list[WrittenCall]:
    """Return tool calls with the reason why the model stopped. A reply that was cut off is cut off in its last call."""
    if not calls:
        thrown_away = failure is not None and failure.code == "provider_rejected"
        return [WrittenCall(None, None, None, "error", failure)] if thrown_away else []
    *before, last = calls
    if finish not in ("stop", "tool_call"):
        # Some providers turn arguments that the output limit cut off into an empty object.
        text = "" if finish == "length" and last.text == EMPTY_OBJECT else last.text
        last = last._replace(text=text, finish_reason=finish, failure=failure)
    return [*before, last]


# Texts, bytes, and values that are not replies.


def no_reply(reply: object) -> Reply:
    """Return the reply that represents a value that is not a reply."""
    return Reply(failure=failures.no_reply(reply))


def is_html(text: str) -> bool:
    """Return whether a text is an HTML page, by its first characters."""
    head = text[:HTML_HEAD_CHARS].lstrip("\ufeff \t\r\n")
    return head[:1] == "<" and head.lower().startswith(("<!doctype html", "<html"))


def _text(text: str) -> Reply:
    return Reply(failure=failures.html_page()) if is_html(text) else Reply(text)


def _decoded(content: bytes) -> Reply:
    try:
        return _text(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Reply(content[: error.start].decode("utf-8"), failure=failures.bad_unicode(error))
