# SPDX-License-Identifier: Apache-2.0
"""Read the results of a streaming function chunk by chunk: the text as it arrives, and all other facts at the end.

Rules:
1. The shapes are identified as in `replies`. Nothing here raises for any chunk. The first failure counts.
2. Text that was returned is never withdrawn. If a whole reply would have another text (because of text before a tool
   call, or a page), the end has the text that replaces it.
3. A provider's stream must have an event for its end. Without it, the stream was cut off.
4. Texts and bytes have no such event, so they end with the stream.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.interruptions import value_or
from schema_guard.providers import failures
from schema_guard.providers.fields import field, name, words
from schema_guard.providers.model_output import (
    EMPTY_OBJECT,
    Written,
    WrittenCall,
    arguments_of,
    call_of,
    tool_of,
)
from schema_guard.received import replies
from schema_guard.values import UNKNOWN_USAGE, Failure, Reply

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable

    from schema_guard.providers.provider import RawReply, ReadChunk
    from schema_guard.values import FinishReason, Usage

K = TypeVar("K")

_Utf8: Final = getincrementaldecoder("utf-8")
_NONE_YET: Final = object()
_CUT: Final = Failure(
    "transport", "stream_cut", "the stream ended without the event that says that the reply is complete"
)
# After this many chunks in a row without content, the stream counts as endless.
MOST_IDLE_CHUNKS: Final = 10_000
_ENDLESS: Final = Failure(
    "transport", "stream_cut", f"the stream sent {MOST_IDLE_CHUNKS} empty chunks in a row and did not end"
)


class _Call:
    """A tool call, as far as it has arrived."""

    def __init__(self, index: object, call_id: str | None) -> None:
        self.index, self.call_id = index, call_id
        self.name: str | None = None
        self.parts: list[str] = []
        self.whole: WrittenCall | None = None  # if it came in one piece

    def matches(self, index: object, call_id: str | None) -> bool:
        """Return whether a piece belongs to this call."""
        return self.index == index and (call_id is None or self.call_id in (None, call_id))


class StreamReader:
    """Reads the chunks of one stream: texts, bytes, or a provider's events as objects or dicts.

    Feed every chunk, then call `end` once. Don't call `end` if you stop before the end of the stream, unless with
    `is_left`. Methods other than `feed` and `end` are for the files of providers. These return the text of a chunk, and
    pass its other content to the reader.

    Attributes:
        usage: Tokens, as far as they are known.
        model: Name of the model. None until a chunk has it.
        is_ended: Whether a chunk reported that the reply is complete.
        is_over: Whether to stop reading the stream, because it has no more content.
        grown: The last chunk, if chunks are neither texts nor a provider's, but successive states of a growing value.
        drops_earlier_text: Whether the last chunk began a tool call after text, so that only the call counts.
    """

    def __init__(self, source: object = None) -> None:
        """Create a reader.

        Args:
            source: Source of the chunks. A provider's client has its HTTP response there, or is a generator of the
                client's own. If such a stream ends without an event, it was cut off and is not an empty reply, because
                clients don't report an HTML page or a silent connection.
        """
        has_response = hasattr(source, "response")
        self._must_give = has_response or _is_client_generator(source)
        self._response = field(source, "response") if has_response else None
        self._decoder: IncrementalDecoder | None = _Utf8()  # None after a bad byte
        self._bytes_fed = 0
        self._head = ""  # the first characters of plain text, to recognize an HTML page
        self._is_provider = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._failure: Failure | None = None
        self._calls: list[_Call] = []
        self._calls_at_end: list[WrittenCall] = []  # if a last event has them
        self._gave_text = False  # beside that of tool calls
        self._whole: str | None = None  # all text, if a last event has it
        self._tool: str | None = None
        self._reasoned = self._has_text = False
        self._idle = 0
        self._states: dict[object, Any] = {}
        self._chunks: list[tuple[str, tuple[ReadChunk, ...]]] | None = None  # a stream of texts needs none
        self.usage: Usage = UNKNOWN_USAGE
        self.model: str | None = None
        self.is_ended = self.is_over = self.drops_earlier_text = False
        self.grown: object = None

    def feed(self, chunk: object) -> str:
        """Return the text that a chunk adds. `""` if it adds none. Never raises.

        None adds nothing, because `yield chunk.choices[0].delta.content` yields it for chunks without text.
        """
        self._must_give = self.drops_earlier_text = False
        usage = self.usage
        if isinstance(chunk, str):
            text = self._plain(chunk)
        elif isinstance(chunk, bytes | bytearray):
            text = self._plain(self._decoded(bytes(chunk)))
        else:
            text = "" if chunk is None else self._event(chunk)
        if text:
            self._idle = 0
        else:
            self._count_idle(has_content=self._has_text or self.usage is not usage or _event_name(chunk))
        return text

    def _count_idle(self, *, has_content: bool) -> None:
        """Count the chunks in a row without content."""
        self._has_text = False
        self._idle = 0 if has_content else self._idle + 1
        if self._idle >= MOST_IDLE_CHUNKS:
            self.is_over = True
            self.fail(_ENDLESS)

    def _event(self, chunk: object) -> str:
        """Return the text that a provider's chunk adds."""
        calls = len(self._calls)
        text = value_or(None, self.feed_event, chunk)
        if text is None:
            self.fail(failures.unknown_chunk(chunk))
            if not (self._is_provider or self._head):
                self.grown = chunk
            return ""
        self._is_provider = True
        if not self._calls:
            self._gave_text = self._gave_text or bool(text)
        elif not calls:
            self.drops_earlier_text = self._gave_text
        return text

    @property
    def is_past_head(self) -> bool:
        """Whether further texts need no reader, because the stream has only texts and its head is complete."""
        return len(self._head) >= replies.HTML_HEAD_CHARS and not self._is_provider

    @property
    def is_outside_calls(self) -> bool:
        """Whether a tool call may still replace the text that was returned."""
        return self._is_provider and not self._calls

    def end(self, *, is_left: bool = False) -> Reply:
        """Return the reply at the end of the stream. Its text is None if `feed` returned it already.

        Args:
            is_left: Whether reading stopped before the end. If so, no event is missing, and the tokens are incomplete.
        """
        is_left = is_left and not (self.is_over or self.is_ended)
        if not is_left:
            self._decoded(b"", final=True)
        calls = bool(self._calls) or self._tool is not None
        finish = "refusal" if self._refusal else replies.stopped_at_call(self._finish, calls=calls)
        refusal = "".join(self._refusal) or None
        failure = self._failure if is_left else self._failure or self._end_failure()
        reply = Reply(
            None,
            None if is_left else finish,
            self.usage._replace(output_tokens=None, reasoning_tokens=None) if is_left else self.usage,
            refusal,
            self.model,
            failure,
            reasoned=self._reasoned and not (self._gave_text or self._calls),
            tool=self._tool_name(),
            calls=self._written_calls(),
        )
        text = self._text_instead(failure)
        return reply if text is None else reply._replace(text=text, instead=True)

    def _written_calls(self) -> tuple[WrittenCall, ...]:
        if self._calls_at_end or not (self._calls or self._failure):
            return tuple(self._calls_at_end)
        if self._end_failure() is not None:
            # It was cut off, so the arguments are not complete.
            return ()
        calls = [
            call.whole or WrittenCall(call.call_id, call.name, "".join(call.parts)) for call in self._calls
        ]
        failure = None if self._failure is failures.SEVERAL_CALLS else self._failure
        return tuple(replies.stopped_in_call(calls, self._finish, failure))

    def _tool_name(self) -> str | None:
        return self._calls[0].name if len(self._calls) == 1 else self._tool

    def _text_instead(self, failure: Failure | None) -> str | None:
        """Return the text of the whole reply. None if it is the text that was already returned."""
        if failure is not None and failure.code == "provider_error" and replies.is_html(self._head):
            return ""
        if self._whole:
            return self._whole
        if self._finish == "length" and ["".join(call.parts) for call in self._calls] == [EMPTY_OBJECT]:
            return ""
        # The text of a whole reply with a tool call is only the call's arguments. Several calls have a line each.
        if self._calls and (self._gave_text or len(self._calls) > 1):
            return "\n".join(["".join(call.parts) for call in self._calls])
        return None

    def feed_event(self, chunk: object) -> str | None:
        """Return the text of a provider's event, or None if no known shape fits."""
        if self._chunks is None:
            self._chunks = replies.readers().chunks
        for marker, known in self._chunks:
            value = field(chunk, marker, _NONE_YET)
            if value is _NONE_YET:
                continue
            for reader in known:
                text = reader(self, chunk, value)
                if text is not None:
                    return text
        return None

    # Texts and bytes.

    def _plain(self, text: str) -> str:
        room = replies.HTML_HEAD_CHARS - len(self._head)
        if room > 0:
            self._head += text[:room]
        return text

    def _decoded(self, chunk: bytes, *, final: bool = False) -> str:
        """Decode a chunk. The text before an invalid byte is returned, and nothing after it."""
        if self._decoder is None:
            return ""
        pending = len(self._decoder.getstate()[0])
        before = self._bytes_fed - pending
        self._bytes_fed += len(chunk)
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            self._decoder = None
            self.fail(failures.bad_unicode(error, offset=before))
            return error.object[: error.start].decode("utf-8")

    def _end_failure(self) -> Failure | None:
        if replies.is_html(self._head) or (self._must_give and _is_page(self._response)):
            return failures.html_page()
        return _CUT if self._must_give or (self._is_provider and not self.is_ended) else None

    # Methods for the files of providers, as in `Stream`.

    def state(self, kind: Callable[[], K]) -> K:
        """Return the provider's own state of the stream: the one value of *kind*, created at the first request."""
        if kind not in self._states:
            self._states[kind] = kind()
        state: K = self._states[kind]
        return state

    def fail(self, failure: Failure | None) -> None:
        """Record a failure, unless there is one already."""
        if self._failure is None:
            self._failure = failure

    def stop(self, word: object) -> None:
        """Record that the reply is complete, and the stop word with the reason."""
        self.is_ended = True
        self.note_stop(word)

    def note_stop(self, word: object) -> None:
        """Record the stop word, for a stream with a separate event for its end."""
        self._finish, failure = replies.stopped(word)
        self.fail(failure)

    def end_as(self, raw: RawReply) -> None:
        """Record that the reply is complete, and the whole reply from its last event."""
        reply = replies.reply_of(raw)
        self.is_ended, self._finish, self.usage = True, reply.finish_reason, reply.usage
        self._whole, self._tool = reply.text, reply.tool
        self._calls_at_end = replies.written_calls(raw)
        self._reasoned = self._reasoned or reply.reasoned
        self.name_model(reply.model)
        self.fail(reply.failure)
        if not self._refusal:
            self.refuse(reply.refusal)

    def restart(self) -> None:
        """Start a further turn of an agent. Its reply replaces the earlier one."""
        self._calls, self._calls_at_end, self._refusal = [], [], []
        self._whole = self._failure = self._tool = None
        self.is_ended = False

    def name_model(self, model: object) -> None:
        """Record the name of the model. Only the first name counts."""
        if self.model is None:
            self.model = name(model)

    def refuse(self, text: object) -> None:
        """Record the text of a refusal, or a piece of it."""
        if isinstance(text, str) and text:
            self._has_text = True
            self._refusal.append(text)

    def think(self) -> None:
        """Record that the model has reasoned."""
        self._reasoned = self._has_text = True

    def call(
        self, index: object, text: str | None, *, call_id: object = None, tool: str | None = None
    ) -> str:
        """Add a piece of a tool call's arguments, and return it. Return `""` for a second call, which is a failure."""
        self._has_text = True
        identity = words(call_id)
        known = next((call for call in self._calls if call.matches(index, identity)), None)
        if known is None:
            known = _Call(index, identity)
            self._calls.append(known)
            if len(self._calls) > 1:
                self.fail(failures.SEVERAL_CALLS)
        known.call_id = known.call_id or identity
        known.name = known.name or tool
        if text:
            known.parts.append(text)
        return text or "" if known is self._calls[0] else ""

    def whole_parts(self, written: Written) -> str:
        """Return the text of a chunk that contains whole parts and whole tool calls."""
        self.refuse(written.refusal)
        if written.reasoned:
            self.think()
        if not written.calls:
            return written.text
        self._gave_text = self._gave_text or bool(written.text and not self._calls)
        texts = []
        for call in written.calls:
            texts.append(self.call(object(), arguments_of(call), tool=tool_of(call)))
            self._calls[-1].whole = call_of(call)
        return "".join(texts)


def _is_client_generator(source: object) -> bool:
    """Return whether a source is a provider client's generator, by the file of its code, which outlives it."""
    code = field(source, "gi_code") or field(source, "ag_code")
    return "/google/genai/" in str(field(code, "co_filename")).replace("\\", "/")


def _event_name(chunk: object) -> bool:
    """Return whether a chunk is an event that has a name."""
    return bool(words(field(chunk, "type")) or words(field(chunk, "event")))


def _is_page(response: object) -> bool:
    """Return whether an HTTP response has the content type of an HTML page."""
    headers = field(response, "headers")
    read = field(headers, "get")
    return callable(read) and "text/html" in str(read("content-type")).lower()
