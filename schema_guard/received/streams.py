# SPDX-License-Identifier: Apache-2.0
"""What a streaming function yields, read chunk by chunk: the text as it comes, the rest at the end.

Rules of this file: the shapes are told as in `replies`; what was given as text is never taken back, so where that is not
what a whole reply would have (text before a tool call, a page), the end says what stands in its place; a provider's stream
must say that it is over, and a stream that does not was cut; texts and bytes have no such word, so their end is where they
end; nothing here raises, whatever comes; the first failure stands.
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
# So many chunks in a row that bring nothing: a stream that never ends.
MOST_IDLE_CHUNKS: Final = 10_000
_ENDLESS: Final = Failure(
    "transport", "stream_cut", f"{MOST_IDLE_CHUNKS} chunks in a row brought nothing: the stream does not end"
)


class _Call:
    """A tool call, as far as it has come."""

    def __init__(self, index: object, call_id: str | None) -> None:
        self.index, self.call_id = index, call_id
        self.name: str | None = None
        self.parts: list[str] = []
        self.whole: WrittenCall | None = None  # where it came in one piece

    def matches(self, index: object, call_id: str | None) -> bool:
        """Return whether a piece belongs to this call."""
        return self.index == index and (call_id is None or self.call_id in (None, call_id))


class StreamReader:
    """Reads the chunks of one stream: texts, bytes, or a provider's events as objects or dicts.

    Feed every chunk, then ask once for the end. A reader that is not fed to its end has no end to tell:
    whoever stops early leaves it there. All but `feed` and `end` is for the files of providers, which give the
    text of a chunk and tell the reader what else it says.

    Attributes:
        usage: Tokens, as far as they are known.
        model: Name of the model; None until a chunk tells it.
        is_ended: Whether a chunk has said that the reply is complete.
        is_over: Whether the stream is to be left, for it brings nothing any more.
        grown: The last chunk, where chunks are neither texts nor a provider's: the values of a growing one.
        drops_earlier_text: Whether the last chunk began a tool call after text, so that only the call counts.
    """

    def __init__(self, source: object = None) -> None:
        """Make a reader.

        Args:
            source: What gives the chunks; a provider's client has its HTTP response there, or is a generator of the
                client's own. Such a stream that ends without an event was cut, and is no empty reply: clients say
                nothing of a page, or of silence.
        """
        has_response = hasattr(source, "response")
        self._must_give = has_response or _is_client_generator(source)
        self._response = field(source, "response") if has_response else None
        self._decoder: IncrementalDecoder | None = _Utf8()  # None after a bad byte
        self._bytes_fed = 0
        self._head = ""  # the first characters of plain text, to tell an HTML page
        self._is_provider = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._failure: Failure | None = None
        self._calls: list[_Call] = []
        self._calls_at_end: list[WrittenCall] = []  # where a last event has them
        self._gave_text = False  # beside that of tool calls
        self._whole: str | None = None  # all text, where a last event has it
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
        """Return the text that a chunk adds, `""` when it adds none; never raises.

        None adds nothing: `yield chunk.choices[0].delta.content` yields it for chunks without text.
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
        """Count the chunks in a row that brought nothing."""
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
        """Whether further texts need no reader: the stream has texts only, and its head is complete."""
        return len(self._head) >= replies.HTML_HEAD_CHARS and not self._is_provider

    @property
    def is_outside_calls(self) -> bool:
        """Whether a tool call may still come in the place of the text that was given."""
        return self._is_provider and not self._calls

    def end(self, *, is_left: bool = False) -> Reply:
        """Give what is known when the stream is over; its text is None where that was given as it came.

        Args:
            is_left: Whether it was left before its own end: then it lacks no event, and its tokens are not all.
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
            # It broke off: what the model would have written nobody knows.
            return ()
        calls = [
            call.whole or WrittenCall(call.call_id, call.name, "".join(call.parts)) for call in self._calls
        ]
        failure = None if self._failure is failures.SEVERAL_CALLS else self._failure
        return tuple(replies.stopped_in_call(calls, self._finish, failure))

    def _tool_name(self) -> str | None:
        return self._calls[0].name if len(self._calls) == 1 else self._tool

    def _text_instead(self, failure: Failure | None) -> str | None:
        """Return what a whole reply would have as its text; None if that is what was given."""
        if failure is not None and failure.code == "provider_error" and replies.is_html(self._head):
            return ""
        if self._whole:
            return self._whole
        if self._finish == "length" and ["".join(call.parts) for call in self._calls] == [EMPTY_OBJECT]:
            return ""
        # A whole reply that calls a tool is the call's arguments alone, and several calls are a line each.
        if self._calls and (self._gave_text or len(self._calls) > 1):
            return "\n".join(["".join(call.parts) for call in self._calls])
        return None

    def feed_event(self, chunk: object) -> str | None:
        """Return the text of a provider's event, or None when no known shape fits."""
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
        """Decode a chunk; what stands before a bad byte is still given, nothing after it."""
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

    # What the files of providers tell of a chunk.

    def state(self, kind: Callable[[], K]) -> K:
        """Return what a provider's file keeps from one chunk to the next: the one value of *kind*, made when first asked for."""
        if kind not in self._states:
            self._states[kind] = kind()
        state: K = self._states[kind]
        return state

    def fail(self, failure: Failure | None) -> None:
        """Note what is wrong, unless something was before."""
        if self._failure is None:
            self._failure = failure

    def stop(self, word: object) -> None:
        """Note that the reply is complete, and the stop word that says why it ended."""
        self.is_ended = True
        self.note_stop(word)

    def note_stop(self, word: object) -> None:
        """Note the stop word of a stream whose end has an event of its own."""
        self._finish, failure = replies.stopped(word)
        self.fail(failure)

    def end_as(self, raw: RawReply) -> None:
        """Note that the reply is complete, and what a last event says that holds all of it."""
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
        """Begin a further turn of an agent, whose reply replaces the one before."""
        self._calls, self._calls_at_end, self._refusal = [], [], []
        self._whole = self._failure = self._tool = None
        self.is_ended = False

    def name_model(self, model: object) -> None:
        """Note the name of the model; the first stands."""
        if self.model is None:
            self.model = name(model)

    def refuse(self, text: object) -> None:
        """Note the words of a refusal, or a piece of them."""
        if isinstance(text, str) and text:
            self._has_text = True
            self._refusal.append(text)

    def think(self) -> None:
        """Note that the model has reasoned."""
        self._reasoned = self._has_text = True

    def call(
        self, index: object, text: str | None, *, call_id: object = None, tool: str | None = None
    ) -> str:
        """Take a piece of the arguments of a tool call, and give it; of a second call, which is a failure, nothing."""
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
        """Return the text of a chunk that holds whole parts, and each tool call whole."""
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
    """Tell a bare generator that a provider's client wrote, by the file of its code: it outlives the generator."""
    code = field(source, "gi_code") or field(source, "ag_code")
    return "/google/genai/" in str(field(code, "co_filename")).replace("\\", "/")


def _event_name(chunk: object) -> bool:
    """Return whether a chunk is an event that has a name."""
    return bool(words(field(chunk, "type")) or words(field(chunk, "event")))


def _is_page(response: object) -> bool:
    """Return whether an HTTP response says that it is an HTML page."""
    headers = field(response, "headers")
    read = field(headers, "get")
    return callable(read) and "text/html" in str(read("content-type")).lower()
