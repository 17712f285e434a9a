# SPDX-License-Identifier: Apache-2.0
"""What a function gave back, read by its shape: the text to judge, and all that is known beside it.

Rules: the shapes are those of `providers`, tried in the order that `providers.order` states; what a stop word, a
refusal or several tool calls mean is judged here, for all providers alike; nothing here raises, whatever comes;
unknown is None, never 0.
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
"""Where SDKs keep what they had parsed, beside the text."""
# As much of a text as is looked at to tell a page from a reply.
HTML_HEAD_CHARS: Final = 64


@cache
def readers() -> Readers:
    """Return what reads the replies of providers."""
    # Imported with the first value that is no text: a call that gives a text needs no provider.
    from schema_guard.providers.order import READERS

    return READERS


def read(reply: object) -> Reply:
    """Read what a function gave back; never raises.

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
    """Return the reply of a provider, or None when no known shape fits."""
    raw = raw_shape(reply)
    return None if raw is None else reply_of(raw)


def raw_shape(reply: object) -> RawReply | None:
    """Return the reply of a provider in its own words, or None when no known shape fits."""
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
    """Return the fields by which whole replies are known."""
    return frozenset(marker for marker, _ in readers().replies)


def rejected(error: BaseException) -> Reply | None:
    """Return the reply that an exception carries, or None for an exception that carries none.

    Such an exception is the model's failure and not the call's: the provider, or its SDK, threw away what
    the model wrote. The reply has that text where the exception holds it, and always a failure: syntax
    `provider_rejected`, truncation `max_tokens` or refusal `content_filter`. Never raises.
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


# What a provider's words mean.


def reply_of(raw: RawReply) -> Reply:
    """Return what a reply in its provider's own words means."""
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
    """Return the finish reason for a provider's own word, an enum's member included, and the failure that it stands for.

    The reason is None for a word that nobody knows, and the failure for every word but an error. That the provider
    could not make sense of what the model wrote is told apart from its other errors: it is a failure of the
    model's format and may be asked again.
    """
    known = word_of(word)
    reason = readers().finish_reasons.get(known)
    # Gemini and Bedrock have a family of such words, and add to it.
    if known.startswith("malformed") or (reason == "error" and known in readers().rejecting):
        return "error", failures.unusable(known)
    return reason, failures.stop_error(known) if reason == "error" else None


def stopped_at_call(finish: FinishReason | None, *, calls: bool) -> FinishReason | None:
    """Return the finish reason of a reply that calls a tool or not.

    Some providers say of a call, a forced one above all, that the model just stopped: that it called is what counts, so
    that a reply in text where a tool was asked for can be told by its `stop`.
    """
    return "tool_call" if calls and finish == "stop" else finish


def written_calls(raw: RawReply) -> list[WrittenCall]:
    """Return the tool calls of a reply, in order.

    What a provider threw away as a call that it could not use is one without a name.
    """
    finish, failure = stopped(raw.stop_word)
    calls = [] if raw.written is None else [call_of(call) for call in raw.written.calls]
    return stopped_in_call(calls, finish or raw.otherwise, failure)


def stopped_in_call(
    calls: list[WrittenCall], finish: FinishReason | None, failure: Failure | None
) -> list[WrittenCall]:
    """Give tool calls with why the model stopped: a reply that was cut off is cut off in its last one."""
    if not calls:
        thrown_away = failure is not None and failure.code == "provider_rejected"
        return [WrittenCall(None, None, None, "error", failure)] if thrown_away else []
    *before, last = calls
    if finish not in ("stop", "tool_call"):
        # Some providers close what the output limit cut off, so that nothing is left.
        text = "" if finish == "length" and last.text == EMPTY_OBJECT else last.text
        last = last._replace(text=text, finish_reason=finish, failure=failure)
    return [*before, last]


# Texts, bytes, and what is no reply.


def no_reply(reply: object) -> Reply:
    """Return the reply that stands for a value that is none."""
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
