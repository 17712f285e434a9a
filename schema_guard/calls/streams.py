"""What a streaming function yields, read chunk by chunk: the text as it comes, the rest at the end.

Rules of this file: the shapes are told as in `replies`; what was given as text is never taken back, so text
that a model writes before a tool call stays in the stream, where a whole reply gives the call alone; a
provider's stream must say that it is over, and a stream that does not was cut; texts and bytes have no such
word, so their end is where they end; nothing here raises, whatever comes; the first failure stands.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import TYPE_CHECKING, Any, ClassVar, Final

from schema_guard.calls import replies
from schema_guard.calls.replies import Reply, Written, count, either, field, has, items, words
from schema_guard.core.values import UNKNOWN_USAGE, Failure
from schema_guard.text import clip

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable

    from schema_guard.core.values import FinishReason

_Utf8: Final = getincrementaldecoder("utf-8")
_NONE_YET: Final = object()
_CUT: Final = Failure(
    "transport", "stream_cut", "the stream ended without the event that says that the reply is complete"
)

_INPUT_COUNTS: Final = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
# Known events that add nothing: life cycle, reasoning, and the events by which the SDKs' helpers repeat
# others.
_SILENT: Final = frozenset(
    {
        *("ping", "text", "input_json", "citation", "thinking", "signature"),
        *("message-start", "content-end", "tool-plan-delta", "tool-call-end", "debug"),
        *("citation-start", "citation-end"),
    }
)
_SILENT_FAMILIES: Final = ("response.", "content.", "refusal.", "tool_calls.", "logprobs.")


class StreamReader:
    """Reads the chunks of one stream: texts, bytes, or a provider's events as objects or dicts.

    Feed every chunk, then ask once for the end. A reader that is not fed to its end has no end to tell:
    whoever stops early leaves it there.
    """

    __slots__ = (
        "_bytes_fed",
        "_call",
        "_call_id",
        "_commentary",
        "_counts",
        "_decoder",
        "_ended",
        "_failure",
        "_finish",
        "_head",
        "_input",
        "_is_provider",
        "_model",
        "_must_give",
        "_refusal",
        "_usage",
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
        self._ended = False
        self._finish: FinishReason | None = None
        self._usage = UNKNOWN_USAGE
        self._counts: dict[str, Any] = {}  # Anthropic tells its usage in two events
        self._refusal: list[str] = []
        self._model: str | None = None
        self._failure: Failure | None = None
        self._call: object = _NONE_YET  # the index of the only tool call
        self._call_id: str | None = None
        self._input: object = None  # Anthropic's tool call without arguments, which sends no delta
        self._commentary: list[object] = []

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
            self._fail(_unknown(chunk))
            return ""
        self._is_provider = True
        return text

    def end(self) -> Reply:
        """Give what is known when the stream is over; its text is None, for it was given as it came."""
        self._decoded(b"", final=True)
        finish = "refusal" if self._refusal else self._finish
        usage = replies.messages_usage(self._counts) if self._counts else self._usage
        refusal = "".join(self._refusal) or None
        return Reply(None, finish, usage, refusal, self._model, self._failure or self._end_failure())

    def feed_event(self, chunk: object) -> str | None:
        """Give the text of a provider's event, or None when no known shape fits."""
        for marker, reader in self._SHAPES:
            value = field(chunk, marker, _NONE_YET)
            if value is not _NONE_YET:
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
            self._fail(replies.bad_unicode(error, offset=before))
            return error.object[: error.start].decode("utf-8")

    # What every provider's reader does.

    def _fail(self, failure: Failure | None) -> None:
        if self._failure is None:
            self._failure = failure

    def _end_failure(self) -> Failure | None:
        if replies.is_html(self._head):
            return replies.html_page()
        return _CUT if self._must_give or (self._is_provider and not self._ended) else None

    def _stop(self, word: object) -> None:
        """Note that the reply is complete, and why it ended."""
        self._ended = True
        self._finish = replies.finish_reason(word)
        self._fail(replies.stop_failure(word))

    def _name(self, model: object) -> None:
        if self._model is None:
            self._model = words(model)

    def _refuse(self, text: object) -> None:
        if isinstance(text, str) and text:
            self._refusal.append(text)

    def _is_the_call(self, index: object, call_id: object = None) -> bool:
        """Tell whether a piece belongs to the only tool call; a second call is a failure."""
        identity = words(call_id)
        if self._call is _NONE_YET:
            self._call = index
        same = self._call == index and (identity is None or self._call_id in (None, identity))
        if same:
            self._call_id = self._call_id or identity
        else:
            self._fail(replies.SEVERAL_CALLS)
        return same

    def _written(self, written: Written) -> str:
        """Give the text of a chunk that holds whole parts, and each tool call whole."""
        self._refuse(written.refusal)
        if not written.calls:
            return written.text
        kept = [call for call in written.calls if self._is_the_call(object())]
        return "".join([replies.arguments_of(call) or "" for call in kept])

    # OpenAI's chat completions.

    def _chat(self, chunk: object, choices: object) -> str | None:
        listed = items(choices)
        if not listed and not replies.has_chat_signs(chunk):
            return None
        usage = field(chunk, "usage")
        if usage is not None:
            self._usage = replies.chat_usage(usage)
        if self._model is None:
            self._name(field(chunk, "model"))
        if listed:
            return self._choice(chunk, listed[0])
        error = field(chunk, "error")
        return "" if error is None else self._broken(chunk)

    def _choice(self, chunk: object, choice: object) -> str | None:
        """Read the first choice of a chunk; with `n` over 1 the other choices' chunks are not read."""
        delta, stopped = either(choice, "delta", "message"), field(choice, "finish_reason")
        text = field(choice, "text") if delta is None else None
        if delta is None and text is None and stopped is None:
            return "" if replies.has_chat_signs(chunk) else None  # Azure's filter results come alone
        if field(choice, "index") not in (None, 0):
            return ""
        text = words(text) or "" if delta is None else self._delta(delta)
        if stopped is not None:
            self._chat_end(chunk, stopped)
        return text

    def _delta(self, delta: object) -> str:
        written = replies.message_written(delta)
        self._refuse(written.refusal)
        pieces = [self._piece(call) for call in written.calls]
        return written.text + "".join(pieces)

    def _piece(self, call: object) -> str:
        """Give the piece of its arguments that a delta of a tool call brings."""
        is_it = self._is_the_call(field(call, "index"), field(call, "id"))
        return (replies.arguments_of(call) or "") if is_it else ""

    def _chat_end(self, chunk: object, stopped: object) -> None:
        self._stop(stopped)
        if self._usage is UNKNOWN_USAGE:  # Groq and llama.cpp have their own places for it
            usage = field(field(chunk, "x_groq"), "usage")
            timings = field(chunk, "timings")
            self._usage = replies.timings_usage(timings) if timings is not None else replies.chat_usage(usage)

    # Events with a `type`: OpenAI's Responses API, Anthropic, Cohere, and the helpers of the SDKs.

    def _typed(self, event: object, kind: object) -> str | None:
        if not isinstance(kind, str):
            return None
        reader = self._EVENTS.get(kind)
        if reader is not None:
            return reader(self, event)
        return "" if kind in _SILENT or kind.startswith(_SILENT_FAMILIES) else None

    def _snapshot(self, event: object) -> str | None:
        """Read the event of openai's helper that holds the chunk; its other events repeat that chunk."""
        return self.feed_event(field(event, "chunk"))

    def _broken(self, event: object) -> str:
        error = field(event, "error")
        self._fail(replies.provider_error(event if error is None else error))
        return ""

    def _item_added(self, event: object) -> str:
        item, index = field(event, "item"), field(event, "output_index")
        if field(item, "phase") == "commentary":
            self._commentary.append(index)
        if field(item, "type") in ("function_call", "custom_tool_call"):
            self._is_the_call(index)
        return ""

    def _output_text(self, event: object) -> str:
        if self._commentary and field(event, "output_index") in self._commentary:
            return ""
        return words(field(event, "delta")) or ""

    def _output_refusal(self, event: object) -> str:
        self._refuse(field(event, "delta"))
        return ""

    def _output_arguments(self, event: object) -> str:
        is_it = self._is_the_call(field(event, "output_index"))
        return (words(field(event, "delta")) or "") if is_it else ""

    def _response_end(self, event: object) -> str:
        response = field(event, "response")
        end = replies.responses_reply(response, field(response, "output"))
        self._ended, self._finish, self._usage = True, end.finish_reason, end.usage
        self._name(end.model)
        self._fail(end.failure)
        if not self._refusal:
            self._refuse(end.refusal)
        return ""

    # Anthropic's messages.

    def _message_start(self, event: object) -> str:
        message = field(event, "message")
        self._name(field(message, "model"))
        # Its output_tokens are those of the first instant, not of the reply.
        self._count(field(message, "usage"), _INPUT_COUNTS)
        return ""

    def _count(self, usage: object, names: tuple[str, ...]) -> None:
        for name in names:
            tokens = count(usage, name)
            if tokens is not None:
                self._counts[name] = tokens

    def _block_start(self, event: object) -> str:
        block = field(event, "content_block")
        if field(block, "type") == "tool_use" and self._is_the_call(field(event, "index")):
            self._input = field(block, "input")
        return replies.text_of([block])

    def _block_delta(self, event: object) -> str:
        delta = field(event, "delta")
        kind = field(delta, "type")
        if kind == "text_delta":
            return words(field(delta, "text")) or ""
        # A tool that the provider runs itself streams its input the same way, in a block of its own.
        if kind == "input_json_delta" and field(event, "index") == self._call:
            text = words(field(delta, "partial_json"))
            if text:
                self._input = None
                return text
        return ""

    def _block_stop(self, event: object) -> str:
        if self._input is None or field(event, "index") != self._call:
            return ""
        text, self._input = replies.as_json(self._input), None
        return text or ""

    def _message_delta(self, event: object) -> str:
        delta = field(event, "delta")
        stopped = field(delta, "stop_reason")
        if stopped is not None:
            self._finish = replies.finish_reason(stopped)
            self._fail(replies.stop_failure(stopped))
        if stopped == "refusal":
            self._refuse(replies.refusal_words(delta))
        usage = field(event, "usage")
        self._count(usage, (*_INPUT_COUNTS, "output_tokens"))
        self._counts["output_tokens_details"] = field(usage, "output_tokens_details")
        return ""

    def _message_stop(self, event: object) -> str:
        self._ended = True
        return ""

    # Cohere.

    def _cohere_text(self, event: object) -> str:
        content = field(field(field(event, "delta"), "message"), "content")
        return words(field(content, "text")) or ""

    def _cohere_call(self, event: object) -> str:
        call = field(field(field(event, "delta"), "message"), "tool_calls")
        is_it = self._is_the_call(field(event, "index"), field(call, "id"))
        return (replies.arguments_of(call) or "") if is_it else ""

    def _cohere_end(self, event: object) -> str:
        delta = field(event, "delta")
        self._usage = replies.cohere_usage(field(delta, "usage"))
        self._stop(field(delta, "finish_reason"))
        return ""

    # Gemini.

    def _gemini(self, chunk: object, marked: object) -> str | None:
        listed = items(field(chunk, "candidates"))
        candidate = listed[0] if listed else None
        if listed and not replies.is_gemini_candidate(candidate):
            return None
        self._name(replies.gemini_model(chunk))
        usage = either(chunk, "usage_metadata", "usageMetadata")
        if usage is not None:  # each chunk's usage is that of the reply so far
            self._usage = replies.gemini_usage(usage)
        stopped = replies.gemini_stop(candidate)
        if stopped is not None or replies.is_gemini_blocked(chunk):
            self._stop("content_filter" if stopped is None else stopped)
        return self._written(replies.gemini_written(candidate))

    # Local servers: Ollama's lines, llama.cpp's own `/completion`.

    def _ollama(self, chunk: object, said: object) -> str | None:
        if not has(chunk, "done"):
            return None
        self._name(field(chunk, "model"))
        if field(chunk, "done") is True:
            self._usage = replies.ollama_usage(chunk)
            self._stop(field(chunk, "done_reason"))
        return said if isinstance(said, str) else self._written(replies.message_written(said))

    def _llamacpp(self, chunk: object, content: object) -> str | None:
        stop = field(chunk, "stop")
        if not isinstance(content, str) or not isinstance(stop, bool):
            return None
        if stop:
            self._usage = replies.llamacpp_usage(chunk)
            self._stop(replies.llamacpp_stop(chunk))
        return content

    # Bedrock Converse: one key a chunk names the event.

    def _converse_silent(self, chunk: object, value: object) -> str:
        return ""

    def _converse_block(self, chunk: object, start: object) -> str:
        if field(field(start, "start"), "toolUse") is not None:
            self._is_the_call(field(start, "contentBlockIndex"))
        return ""

    def _converse_delta(self, chunk: object, part: object) -> str:
        delta = field(part, "delta")
        piece = field(field(delta, "toolUse"), "input")
        if piece is None:
            return words(field(delta, "text")) or ""
        is_it = self._is_the_call(field(part, "contentBlockIndex"))
        return (words(piece) or "") if is_it else ""

    def _converse_stop(self, chunk: object, stop: object) -> str:
        self._stop(field(stop, "stopReason"))
        return ""

    def _converse_usage(self, chunk: object, metadata: object) -> str | None:
        usage = field(metadata, "usage")
        if usage is None:
            return None
        self._usage = replies.bedrock_usage(usage)
        return ""

    def _converse_error(self, chunk: object, error: object) -> str:
        self._fail(replies.provider_error(error))
        return ""

    # What holds another chunk, or an error in its place.

    def _wrapped(self, event: object, chunk: object) -> str | None:
        """Read the event of Mistral's SDK, whose `data` is the chunk."""
        return self._chat(chunk, field(chunk, "choices")) if has(chunk, "choices") else None

    def _error(self, chunk: object, error: object) -> str | None:
        return self._broken(chunk) if words(error) or words(field(error, "message")) else None

    # The tables. A reader of a shape is handed the chunk and the value of its marker.

    _EVENTS: ClassVar[dict[str, Callable[[StreamReader, object], str | None]]] = {
        "response.output_item.added": _item_added,
        "response.output_text.delta": _output_text,
        "response.refusal.delta": _output_refusal,
        "response.function_call_arguments.delta": _output_arguments,
        "response.custom_tool_call_input.delta": _output_arguments,
        "response.completed": _response_end,
        "response.incomplete": _response_end,
        "response.failed": _response_end,
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "content-start": _cohere_text,
        "content-delta": _cohere_text,
        "tool-call-start": _cohere_call,
        "tool-call-delta": _cohere_call,
        "message-end": _cohere_end,
        "chunk": _snapshot,
        "error": _broken,
    }
    _SHAPES: ClassVar[tuple[tuple[str, Callable[[StreamReader, object, Any], str | None]], ...]] = (
        ("choices", _chat),
        ("type", _typed),
        ("candidates", _gemini),
        ("message", _ollama),
        ("response", _ollama),
        ("content", _llamacpp),
        ("data", _wrapped),
        ("contentBlockDelta", _converse_delta),
        ("contentBlockStart", _converse_block),
        ("contentBlockStop", _converse_silent),
        ("messageStart", _converse_silent),
        ("messageStop", _converse_stop),
        ("metadata", _converse_usage),
        ("modelStreamErrorException", _converse_error),
        ("internalServerException", _converse_error),
        ("serviceUnavailableException", _converse_error),
        ("throttlingException", _converse_error),
        ("validationException", _converse_error),
        ("promptFeedback", _gemini),
        ("prompt_feedback", _gemini),
        ("usageMetadata", _gemini),
        ("error", _error),
    )


def _unknown(chunk: object) -> Failure:
    kind = clip(type(chunk).__name__)
    message = f"the stream gave a value of type {kind!r}: yield texts, bytes or the provider's own chunks"
    return Failure("transport", "no_reply", message)
