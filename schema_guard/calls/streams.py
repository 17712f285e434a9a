# SPDX-License-Identifier: Apache-2.0
"""What a streaming function yields, read chunk by chunk: the text as it comes, the rest at the end.

Rules of this file: the shapes are told as in `replies`; what was given as text is never taken back, so text
that a model writes before a tool call stays in the stream, where a whole reply gives the call alone; a
provider's stream must say that it is over, and a stream that does not was cut; texts and bytes have no such
word, so their end is where they end; nothing here raises, whatever comes; the first failure stands.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.calls import failures, replies
from schema_guard.calls.fields import field, name, words
from schema_guard.calls.replies import Reply
from schema_guard.calls.written import Written, arguments_of
from schema_guard.core.values import UNKNOWN_USAGE, Failure

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable

    from schema_guard.calls.providers.provider import RawReply, ReadChunk
    from schema_guard.core.values import FinishReason, Usage

__all__ = ["StreamReader"]

K = TypeVar("K")

_Utf8: Final = getincrementaldecoder("utf-8")
_NONE_YET: Final = object()
_CUT: Final = Failure(
    "transport", "stream_cut", "the stream ended without the event that says that the reply is complete"
)


class StreamReader:
    """Reads the chunks of one stream: texts, bytes, or a provider's events as objects or dicts.

    Feed every chunk, then ask once for the end. A reader that is not fed to its end has no end to tell:
    whoever stops early leaves it there. All but `feed` and `end` is for the files of providers, which give the
    text of a chunk and tell the reader what else it says.

    Attributes:
        usage: Tokens, as far as they are known.
        model: Name of the model; None until a chunk tells it.
        is_ended: Whether a chunk has said that the reply is complete.
        call_index: The index of the only tool call.
    """

    __slots__ = (
        "_bytes_fed",
        "_call_id",
        "_chunks",
        "_decoder",
        "_failure",
        "_finish",
        "_head",
        "_is_provider",
        "_kept",
        "_must_give",
        "_refusal",
        "call_index",
        "is_ended",
        "model",
        "usage",
    )

    def __init__(self, source: object = None) -> None:
        """Make a reader.

        Args:
            source: What gives the chunks; a provider's client has its HTTP response there. Such a stream that ends
                without an event was cut, and is no empty reply: clients say nothing of a page, or of silence.
        """
        self._must_give = hasattr(source, "response")
        self._decoder: IncrementalDecoder | None = _Utf8()  # None after a bad byte
        self._bytes_fed = 0
        self._head = ""  # the first characters of plain text, to tell an HTML page
        self._is_provider = False
        self._finish: FinishReason | None = None
        self._refusal: list[str] = []
        self._failure: Failure | None = None
        self._call_id: str | None = None
        self._kept: dict[object, Any] = {}
        self._chunks: list[tuple[str, tuple[ReadChunk, ...]]] | None = None  # a stream of texts needs none
        self.usage: Usage = UNKNOWN_USAGE
        self.model: str | None = None
        self.is_ended = False
        self.call_index: object = _NONE_YET

    def feed(self, chunk: object) -> str:
        """Give the text that a chunk adds, `""` when it adds none; never raises.

        None adds nothing: `yield chunk.choices[0].delta.content` yields it for chunks without text.
        """
        self._must_give = False
        if isinstance(chunk, str):
            return self._plain(chunk)
        if isinstance(chunk, bytes | bytearray):
            return self._plain(self._decoded(bytes(chunk)))
        if chunk is None:
            return ""
        try:
            text = self.feed_event(chunk)
        except Exception:  # noqa: BLE001 - a foreign object may raise anything from any access
            text = None
        if text is None:
            self.fail(failures.unknown_chunk(chunk))
            return ""
        self._is_provider = True
        return text

    def end(self) -> Reply:
        """Give what is known when the stream is over; its text is None, for it was given as it came."""
        self._decoded(b"", final=True)
        finish = "refusal" if self._refusal else self._finish
        refusal = "".join(self._refusal) or None
        return Reply(None, finish, self.usage, refusal, self.model, self._failure or self._end_failure())

    def feed_event(self, chunk: object) -> str | None:
        """Give the text of a provider's event, or None when no known shape fits."""
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
        if replies.is_html(self._head):
            return failures.html_page()
        return _CUT if self._must_give or (self._is_provider and not self.is_ended) else None

    # What the files of providers tell of a chunk.

    def kept(self, kind: Callable[[], K]) -> K:
        """Give what a provider's file keeps from one chunk to the next: the one value of *kind*, made when first asked for."""
        if kind not in self._kept:
            self._kept[kind] = kind()
        kept: K = self._kept[kind]
        return kept

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
        self.name_model(reply.model)
        self.fail(reply.failure)
        if not self._refusal:
            self.refuse(reply.refusal)

    def name_model(self, model: object) -> None:
        """Note the name of the model; the first stands."""
        if self.model is None:
            self.model = name(model)

    def refuse(self, text: object) -> None:
        """Note the words of a refusal, or a piece of them."""
        if isinstance(text, str) and text:
            self._refusal.append(text)

    def is_the_call(self, index: object, call_id: object = None) -> bool:
        """Tell whether a piece belongs to the only tool call; a second call is a failure."""
        identity = words(call_id)
        if self.call_index is _NONE_YET:
            self.call_index = index
        same = self.call_index == index and (identity is None or self._call_id in (None, identity))
        if same:
            self._call_id = self._call_id or identity
        else:
            self.fail(failures.SEVERAL_CALLS)
        return same

    def whole_parts(self, written: Written) -> str:
        """Give the text of a chunk that holds whole parts, and each tool call whole."""
        self.refuse(written.refusal)
        if not written.calls:
            return written.text
        kept = [call for call in written.calls if self.is_the_call(object())]
        return "".join([arguments_of(call) or "" for call in kept])
