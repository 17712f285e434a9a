"""What a function gave back, read by its shape: the text to judge, and all that is known beside it.

Rules of this file: no SDK is imported and no class is named, a shape is told by its fields, whether they
are attributes or keys; nothing here raises, whatever comes; unknown is None, never 0; a value that only
looks like a reply (the user's own `choices` or `candidates`) is not taken for one, so each reader asks for
a second sign before it believes the first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from schema_guard.core.values import UNKNOWN_USAGE, Failure, FinishReason, Usage
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Reply(NamedTuple):
    """What came back from one call.

    Attributes:
        text: What the model wrote, `""` when it wrote nothing. Beside a failure it is for the record only
            and not to be judged; None when nothing was received that could be judged.
        finish_reason: Why the model stopped; None when unknown. `refusal` and `content_filter` stand here
            and are no failure: the text is kept, and the judgement is the caller's.
        usage: Tokens, each None when unknown.
        refusal: The words with which the model, or its provider, explained a refusal; None without words.
        model: Name of the model as the reply gives it; None when it does not.
        failure: Why there is no text to judge; None when there is one.
    """

    text: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage = UNKNOWN_USAGE
    refusal: str | None = None
    model: str | None = None
    failure: Failure | None = None


class Written(NamedTuple):
    """What a model wrote: text, tool calls, and the words of a refusal."""

    text: str
    calls: list[Any]
    refusal: str | None = None


_MISSING: Final = object()
# As much of a text as is looked at to tell a page from a reply.
HTML_HEAD_CHARS: Final = 64
SEVERAL_CALLS: Final = Failure(
    "syntax", "several_documents", "the reply holds several tool calls: expected exactly one"
)


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
    except Exception:  # noqa: BLE001 - a foreign object may raise anything from any access
        return no_reply(reply)


def rejected(error: BaseException) -> Reply | None:
    """Give the reply that an exception carries, or None for an exception that carries none.

    Such an exception is the model's failure and not the call's: the provider, or its SDK, threw away what
    the model wrote. The reply has that text where the exception holds it, and always a failure: syntax
    `provider_rejected`, truncation `max_tokens` or refusal `content_filter`. Never raises.
    """
    try:
        return next((reply for reader in _REJECTIONS if (reply := reader(error)) is not None), None)
    except Exception:  # noqa: BLE001 - as in read()
        return None


def read_shape(reply: object) -> Reply | None:
    """Give the reply of a provider, or None when no known shape fits."""
    for marker, readers in _SHAPES:
        value = field(reply, marker, _MISSING)
        if value is _MISSING:
            continue
        for reader in readers:
            found = reader(reply, value)
            if found is not None:
                return found
    return None


# Access: one way in for objects and mappings.


def field(holder: object, name: str, default: object = None) -> Any:
    """Give what an object has as an attribute, or a mapping under a key; *default* when it has nothing."""
    if type(holder) is dict:
        return holder.get(name, default)
    try:
        value = getattr(holder, name, default)
        if value is default and isinstance(holder, Mapping):
            return holder.get(name, default)
    except Exception:  # noqa: BLE001 - as in read()
        return default
    return value


def has(holder: object, name: str) -> bool:
    """Tell whether the attribute or the key exists, be its value None."""
    return field(holder, name, _MISSING) is not _MISSING


def either(holder: object, *names: str) -> Any:
    """Give the first of several spellings of a field that is not None."""
    for name in names:
        value = field(holder, name)
        if value is not None:
            return value
    return None


def items(value: object) -> list[Any]:
    """Give a sequence as a list; everything else, a text or a mapping too, is an empty one."""
    if type(value) is list:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return list(value)
    return []


def first(value: object) -> Any:
    """Give the first of a list, or of what can be indexed like one; None when there is none."""
    if isinstance(value, list | tuple):
        return value[0] if value else None
    if isinstance(value, str | Mapping):
        return None
    try:
        return value[0]  # type: ignore[index]
    except Exception:  # noqa: BLE001 - as in read()
        return None


def words(value: object) -> str | None:
    """Give a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def count(holder: object, *names: str) -> int | None:
    """Give a number of tokens, the first of *names* that is known; Cohere sends floats."""
    for name in names:
        value = field(holder, name)
        if type(value) is int and value >= 0:
            return value
        if type(value) is float and value >= 0 and value.is_integer():
            return int(value)
    return None


def as_json(value: object) -> str | None:
    """Give a parsed value as JSON text again, a text as it is; None when it cannot be written."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError):
        return None


def _plain(value: object) -> object:
    """Give what json can write of a Pydantic model, or of a protobuf mapping or list."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)


# Finish reasons.

_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "stop end_turn stop_sequence complete completed eos word eosfound stopstringfound",
    "tool_call": "tool_call tool_calls tool_use function_call toolcalls",
    "length": """length max_tokens max_output_tokens model_length model_context_window_exceeded limit
        max_messages steered pause_turn compaction continuation contextlengthreached
        maxpredictedtokensreached""",
    "refusal": "refusal",
    "content_filter": """content_filter content_filtered guardrail_intervened safety recitation blocklist
        prohibited_content spii model_armor escalation jailbreak""",
    "error": """error failed cancelled timeout abort other language unexpected_tool_call
        too_many_tool_calls missing_thought_signature modelunloaded userstopped""",
}
_FINISH: Final = {word: reason for reason, known in _WORDS.items() for word in known.split()}
# The provider could not make sense of what the model wrote. Told apart from the other errors because
# it is a failure of the model's format and may be asked again.
_REJECTED: Final = frozenset({"unexpected_tool_call", "too_many_tool_calls"})


def finish_reason(value: object) -> FinishReason | None:
    """Give the finish reason for a provider's own word, an enum's member included; None when unknown."""
    word = _stop_word(value)
    return "error" if word.startswith("malformed") else _FINISH.get(word)


def stop_failure(value: object) -> Failure | None:
    """Give the failure that a provider's stop word stands for; None for every word but an error."""
    word = _stop_word(value)
    if word in _REJECTED or word.startswith("malformed"):
        return Failure(
            "syntax", "provider_rejected", f"the provider could not use what the model wrote: {clip(word)!r}"
        )
    if _FINISH.get(word) == "error":
        return Failure("transport", "provider_error", f"the provider ended the reply with {clip(word)!r}")
    return None


def _stop_word(value: object) -> str:
    word = value if isinstance(value, str) else field(value, "name")
    return word.lower() if isinstance(word, str) else ""


# Failures.


def no_reply(reply: object) -> Reply:
    """Give the failure for a value that is no reply; it names the type and never the value."""
    kind = "None" if reply is None else f"a value of type {clip(type(reply).__name__)!r}"
    message = f"the function gave {kind}, not a model's reply: return the reply or its text"
    return Reply(failure=Failure("transport", "no_reply", message))


def provider_error(error: object = None) -> Failure:
    """Give the failure for a provider that sent an error, or nothing, where a reply should be."""
    said = [error] if isinstance(error, str) else [either(error, "code", "type"), field(error, "message")]
    told = ", ".join(clip(repr(part)) for part in said if part and isinstance(part, str | int))
    message = "the provider sent no reply" if not told else f"the provider sent an error, no reply: {told}"
    return Failure("transport", "provider_error", message)


def bad_unicode(error: UnicodeDecodeError, *, offset: int = 0) -> Failure:
    """Give the failure for bytes that are not UTF-8; *offset* counts the bytes that went before."""
    at = offset + error.start
    return Failure("syntax", "bad_unicode", f"the reply is not UTF-8: {error.reason} at byte {at}")


def html_page() -> Failure:
    """Give the failure for an HTML page: a proxy, a login or a wrong base URL has answered."""
    message = "an HTML page came instead of a reply: is the base URL right, is there a proxy?"
    return Failure("transport", "provider_error", message)


def is_html(text: str) -> bool:
    """Tell whether a text is an HTML page, by its first characters."""
    head = text[:HTML_HEAD_CHARS].lstrip("\ufeff \t\r\n")
    return head[:1] == "<" and head.lower().startswith(("<!doctype html", "<html"))


def _text(text: str) -> Reply:
    return Reply(failure=html_page()) if is_html(text) else Reply(text)


def _decoded(content: bytes) -> Reply:
    try:
        return _text(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Reply(failure=bad_unicode(error))


# What was written.


def arguments_of(call: object) -> str | None:
    """Give the arguments of a tool call as JSON text; None when they cannot be written as JSON."""
    function = either(call, "function", "custom")
    arguments = either(function if function is not None else call, "arguments", "input", "args")
    return "" if arguments is None else as_json(arguments)


def text_of(content: object) -> str:
    """Give a content's text: the content itself, or its text parts joined. Thoughts are not text."""
    if isinstance(content, str):
        return content
    return "".join([_part_text(part) for part in items(content)])


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    kind = field(part, "type")
    if kind not in ("text", "output_text") and (kind is not None or field(part, "thought") is True):
        return ""
    return words(field(part, "text")) or ""


def message_written(message: object) -> Written:
    """Read a message of OpenAI's shape, whole or a delta: content, tool_calls, refusal."""
    content = field(message, "content")
    text = content if isinstance(content, str) else text_of(content)
    calls = field(message, "tool_calls")
    if calls or text:
        return Written(text, items(calls), words(field(message, "refusal")))
    legacy = field(message, "function_call")
    return Written(text, [] if legacy is None else [legacy], words(field(message, "refusal")))


def gemini_written(candidate: object) -> Written:
    """Read the parts of a Gemini candidate."""
    parts = items(field(field(candidate, "content"), "parts"))
    calls = [either(part, "function_call", "functionCall") for part in parts]
    return Written(text_of(parts), [call for call in calls if call is not None])


def _reply(written: Written, stopped: object, usage: Usage, model: object) -> Reply:
    text, failure = written.text, stop_failure(stopped)
    if len(written.calls) == 1:
        arguments = arguments_of(written.calls[0])
        if arguments is None:
            return no_reply(written.calls[0])
        text = arguments
    elif written.calls:
        text = "\n".join([arguments_of(call) or "" for call in written.calls])
        failure = failure or SEVERAL_CALLS
    finish = "refusal" if written.refusal else finish_reason(stopped)
    return Reply(text, finish, usage, written.refusal, words(model), failure)


# Usage, one function for each way of counting.


def chat_usage(usage: object) -> Usage:
    """Read OpenAI's chat usage, which all who copied the API share."""
    if usage is None:
        return UNKNOWN_USAGE
    read_back = field(usage, "prompt_tokens_details")
    reasoned = field(usage, "completion_tokens_details")
    return Usage(
        count(usage, "prompt_tokens"),
        count(usage, "completion_tokens"),
        None if read_back is None else count(read_back, "cached_tokens"),
        None if reasoned is None else count(reasoned, "reasoning_tokens"),
    )


def timings_usage(timings: object) -> Usage:
    """Read the timings of a llama.cpp server: `prompt_n` leaves out what `cache_n` counts."""
    cached = count(timings, "cache_n")
    return Usage(_total(count(timings, "prompt_n"), cached), count(timings, "predicted_n"), cached)


def messages_usage(usage: object) -> Usage:
    """Read Anthropic's usage, whose input_tokens leave out what was read from and written to the cache."""
    cached = count(usage, "cache_read_input_tokens")
    return Usage(
        _total(count(usage, "input_tokens"), cached, count(usage, "cache_creation_input_tokens")),
        count(usage, "output_tokens"),
        cached,
        count(field(usage, "output_tokens_details"), "thinking_tokens"),
    )


def gemini_usage(usage: object) -> Usage:
    """Read Gemini's usage, whose candidate tokens leave out the thoughts."""
    thoughts = count(usage, "thoughts_token_count", "thoughtsTokenCount")
    written = count(usage, "candidates_token_count", "candidatesTokenCount")
    tools = count(usage, "tool_use_prompt_token_count", "toolUsePromptTokenCount")
    return Usage(
        _total(count(usage, "prompt_token_count", "promptTokenCount"), tools),
        thoughts if written is None else _total(written, thoughts),
        count(usage, "cached_content_token_count", "cachedContentTokenCount"),
        thoughts,
    )


def bedrock_usage(usage: object) -> Usage:
    """Read the usage of Bedrock Converse, which leaves out the cache as Anthropic's does."""
    cached = count(usage, "cacheReadInputTokens")
    total = _total(count(usage, "inputTokens"), cached, count(usage, "cacheWriteInputTokens"))
    return Usage(total, count(usage, "outputTokens"), cached)


def cohere_usage(usage: object) -> Usage:
    """Read Cohere's usage: tokens, or the billed units where it gives only them."""
    tokens = either(usage, "tokens", "billed_units")
    return Usage(count(tokens, "input_tokens"), count(tokens, "output_tokens"), count(usage, "cached_tokens"))


def ollama_usage(reply: object) -> Usage:
    """Read Ollama's counts, which stand in the reply itself."""
    return Usage(count(reply, "prompt_eval_count"), count(reply, "eval_count"))


def llamacpp_usage(reply: object) -> Usage:
    """Read the counts of llama.cpp's own `/completion`."""
    cached = count(field(reply, "timings"), "cache_n")
    return Usage(count(reply, "tokens_evaluated"), count(reply, "tokens_predicted"), cached)


def _total(first: int | None, *more: int | None) -> int | None:
    """Add what is known to a first count; without that one the sum is unknown."""
    return None if first is None else first + sum([part for part in more if part is not None])


# The shapes. A reader is handed the reply and the value of its marker, and gives None for another shape.


def has_chat_signs(reply: object) -> bool:
    """Tell whether something with `choices` is a provider's: OpenAI's other fields are there."""
    return any(has(reply, sign) for sign in ("object", "model", "created", "usage", "error"))


def _chat(reply: object, choices: object) -> Reply | None:
    choice = first(choices)
    written = _choice_written(choice)
    if written is None and not _has_no_choice(reply, choices, choice):
        return None
    usage = field(reply, "usage")
    tokens = chat_usage(usage) if usage is not None else timings_usage(field(reply, "timings"))
    if written is None:
        failure = provider_error(field(reply, "error"))
        return Reply(usage=tokens, model=words(field(reply, "model")), failure=failure)
    return _reply(written, field(choice, "finish_reason"), tokens, field(reply, "model"))


def _has_no_choice(reply: object, choices: object, choice: object) -> bool:
    """Tell whether this is a completion that came without a choice, and not another thing or a chunk."""
    is_list = isinstance(choices, Sequence | None)
    return is_list and has_chat_signs(reply) and not has(choice, "delta")


def _choice_written(choice: object) -> Written | None:
    """Read a choice, of the old text completions too; None when it holds no message."""
    message = field(choice, "message")
    if message is not None:
        written = message_written(message)
        if any(written):
            return written
        if (has(message, "role") or has(message, "content")) and _may_be_empty(message):
            return _parsed(message)
    text = field(choice, "text")
    if isinstance(text, str) and has(choice, "finish_reason"):
        return Written(text, [])
    return Written("", []) if words(field(choice, "finish_reason")) else None


def _may_be_empty(message: object) -> bool:
    content = field(message, "content")
    return isinstance(content, Sequence | None)


def _parsed(message: object) -> Written:
    """Read a message without content: what the SDK parsed from it, where it did."""
    parsed = field(message, "parsed")
    return Written("" if parsed is None else as_json(parsed) or "", [])


def _responses(reply: object, output: object) -> Reply | None:
    known = field(reply, "object") == "response" or has(reply, "incomplete_details")
    return responses_reply(reply, output) if known and isinstance(output, Sequence | None) else None


def responses_reply(reply: object, output: object) -> Reply:
    """Read a reply of OpenAI's Responses API: its output items, its status, and why it is incomplete."""
    status = field(reply, "status")
    if status in ("queued", "in_progress"):
        message = f"the function gave a response that is still {status}: return it when it is completed"
        return Reply(failure=Failure("transport", "no_reply", message))
    written = _output_written(items(output))
    found = _reply(written, _responses_stop(reply, status), responses_usage(reply), field(reply, "model"))
    if status == "failed":
        return found._replace(failure=provider_error(field(reply, "error")))
    return found


def _responses_stop(reply: object, status: object) -> object:
    """Give the stop word of a response; its calls are seen from the output, not from the status."""
    if status == "incomplete":
        reason = field(field(reply, "incomplete_details"), "reason")
        return reason if finish_reason(reason) else "length"
    if status == "completed" and any(_is_call(item) for item in items(field(reply, "output"))):
        return "tool_call"
    return status


def _is_call(item: object) -> bool:
    return field(item, "type") in ("function_call", "custom_tool_call")


def _output_written(output: list[Any]) -> Written:
    text, refusal = [], []
    for item in output:
        # Commentary is the model talking to itself before its final answer.
        if field(item, "type") == "message" and field(item, "phase") != "commentary":
            parts = items(field(item, "content"))
            text.append(text_of(parts))
            refusal += [field(part, "refusal") for part in parts if field(part, "type") == "refusal"]
    refused = "".join([part for part in refusal if isinstance(part, str)])
    return Written("".join(text), [item for item in output if _is_call(item)], refused or None)


def responses_usage(reply: object) -> Usage:
    """Read the usage of OpenAI's Responses API."""
    usage = field(reply, "usage")
    return Usage(
        count(usage, "input_tokens"),
        count(usage, "output_tokens"),
        count(field(usage, "input_tokens_details"), "cached_tokens"),
        count(field(usage, "output_tokens_details"), "reasoning_tokens"),
    )


def _bedrock(reply: object, output: object) -> Reply | None:
    stopped = field(reply, "stopReason")
    if not isinstance(stopped, str):
        return None
    content = items(field(field(output, "message"), "content"))
    calls = [call for part in content if (call := field(part, "toolUse")) is not None]
    return _reply(Written(text_of(content), calls), stopped, bedrock_usage(field(reply, "usage")), None)


def _messages(reply: object, content: object) -> Reply | None:
    stopped = field(reply, "stop_reason")
    if not isinstance(stopped, str) and field(reply, "type") != "message":
        return None
    blocks = items(content)
    calls = [block for block in blocks if field(block, "type") == "tool_use"]
    written = Written(text_of(content), calls, refusal_words(reply) if stopped == "refusal" else None)
    return _reply(written, stopped, messages_usage(field(reply, "usage")), field(reply, "model"))


def refusal_words(holder: object) -> str | None:
    """Give what Anthropic says of a refusal: its explanation, else its category."""
    details = field(holder, "stop_details")
    return words(field(details, "explanation")) or words(field(details, "category"))


def _assistant(reply: object, content: object) -> Reply | None:
    """Read a message that was taken out of its reply."""
    if field(reply, "role") != "assistant":
        return None
    written = message_written(reply)
    return _reply(written if any(written) else _parsed(reply), None, UNKNOWN_USAGE, None)


_LLAMACPP_SIGNS: Final = ("stop_type", "tokens_predicted", "tokens_evaluated", "stopped_eos", "truncated")


def _llamacpp(reply: object, content: object) -> Reply | None:
    if not isinstance(content, str) or not any(has(reply, sign) for sign in _LLAMACPP_SIGNS):
        return None
    written = Written(content, [])
    return _reply(written, llamacpp_stop(reply), llamacpp_usage(reply), field(reply, "model"))


def llamacpp_stop(reply: object) -> str | None:
    """Give the stop word of llama.cpp's `/completion`, of the builds before `stop_type` too."""
    if field(reply, "truncated") is True or field(reply, "stopped_limit") is True:
        return "length"
    stopped = field(reply, "stopped_eos") is True or field(reply, "stopped_word") is True
    return words(field(reply, "stop_type")) or ("stop" if stopped else None)


def _lmstudio(reply: object, content: object) -> Reply | None:
    stats = field(reply, "stats")
    stopped = either(stats, "stop_reason", "stopReason")
    if not isinstance(content, str) or not isinstance(stopped, str):
        return None
    usage = Usage(
        count(stats, "prompt_tokens_count", "promptTokensCount"),
        count(stats, "predicted_tokens_count", "predictedTokensCount"),
    )
    return _reply(Written(content, []), stopped, usage, None)


_GEMINI_FEEDBACK: Final = ("prompt_feedback", "promptFeedback")
_GEMINI_USAGE: Final = ("usage_metadata", "usageMetadata")


def is_gemini_candidate(candidate: object) -> bool:
    """Tell a candidate of Gemini's from one of the user's own."""
    return has(field(candidate, "content"), "parts") or gemini_stop(candidate) is not None


def gemini_stop(candidate: object) -> object:
    """Give the finish reason of a Gemini candidate: a text, or an enum's member."""
    return either(candidate, "finish_reason", "finishReason")


def is_gemini_blocked(reply: object) -> bool:
    """Tell whether Gemini blocked the prompt, so that there is no candidate."""
    return _stop_word(either(either(reply, *_GEMINI_FEEDBACK), "block_reason", "blockReason")) != ""


def gemini_model(reply: object) -> str | None:
    """Give the name of the model that answered."""
    return words(either(reply, "model_version", "modelVersion"))


def _gemini(reply: object, marked: object) -> Reply | None:
    candidates = items(field(reply, "candidates"))
    usage, model = gemini_usage(either(reply, *_GEMINI_USAGE)), gemini_model(reply)
    if candidates and is_gemini_candidate(candidates[0]):
        return _reply(gemini_written(candidates[0]), gemini_stop(candidates[0]), usage, model)
    if is_gemini_blocked(reply):
        return Reply("", "content_filter", usage, model=model)
    is_list = isinstance(field(reply, "candidates"), Sequence | None)
    if candidates or not is_list or not any(has(reply, sign) for sign in (*_GEMINI_FEEDBACK, *_GEMINI_USAGE)):
        return None
    return Reply(usage=usage, model=model, failure=provider_error(field(reply, "error")))


def _message(reply: object, message: object) -> Reply | None:
    """Read Ollama's chat, which says `done`, and Cohere's, which says `finish_reason`."""
    if not (has(message, "content") or has(message, "tool_calls")):
        return None
    if isinstance(field(reply, "done"), bool):
        stopped, usage = field(reply, "done_reason"), ollama_usage(reply)
    elif isinstance(field(reply, "finish_reason"), str):
        stopped, usage = field(reply, "finish_reason"), cohere_usage(field(reply, "usage"))
    else:
        return None
    return _reply(message_written(message), stopped, usage, field(reply, "model"))


def _generate(reply: object, response: object) -> Reply | None:
    """Read Ollama's `/api/generate`."""
    if not isinstance(response, str) or not has(reply, "done"):
        return None
    stopped = field(reply, "done_reason")
    return _reply(Written(response, []), stopped, ollama_usage(reply), field(reply, "model"))


def _error(reply: object, error: object) -> Reply | None:
    """Read an error that came with status 200: a value with a message, or Ollama's bare text."""
    alone = isinstance(error, str) and isinstance(reply, Mapping) and len(reply) == 1
    if alone or words(field(error, "message")):
        return Reply(model=words(field(reply, "model")), failure=provider_error(error))
    return None


_Reader: TypeAlias = "Callable[[object, Any], Reply | None]"
# The most common first: an object of Pydantic's is slow to say that it has no such field.
_SHAPES: Final[tuple[tuple[str, tuple[_Reader, ...]], ...]] = (
    ("choices", (_chat,)),
    ("content", (_messages, _assistant, _llamacpp, _lmstudio)),
    ("output", (_responses, _bedrock)),
    ("candidates", (_gemini,)),
    ("message", (_message,)),
    ("response", (_generate,)),
    ("promptFeedback", (_gemini,)),
    ("prompt_feedback", (_gemini,)),
    ("usageMetadata", (_gemini,)),
    ("error", (_error,)),
)


# Exceptions that carry a reply.


def _bodies(error: BaseException) -> Iterator[object]:
    """Give every place in which an SDK's error keeps what the provider said."""
    body = field(error, "body")
    yield from (body, field(body, "error"))
    response = field(error, "response")
    yield from (field(response, "error"), field(response, "Error"))
    read_json = field(response, "json")
    if body is None and callable(read_json):
        try:
            yield field(read_json(), "error")
        except Exception:  # noqa: BLE001 - an unread or broken body says nothing
            return


def _groq(error: BaseException) -> Reply | None:
    for body in _bodies(error):
        if field(body, "code") in ("json_validate_failed", "tool_use_failed"):
            return _rejection(field(body, "failed_generation"), str(field(body, "code")))
    return None


# Bedrock sends one exception for all that went wrong inside the model; the text tells which.
_BEDROCK_FORMAT: Final = re.compile(r"malformed|invalid sequence|tool ?use", re.IGNORECASE)


def _bedrock_error(error: BaseException) -> Reply | None:
    for body in _bodies(error):
        code, message = field(body, "Code"), field(body, "Message")
        if code == "ModelErrorException" and isinstance(message, str) and _BEDROCK_FORMAT.search(message):
            return _rejection(None, code)
    return None


def _rejection(text: object, code: str) -> Reply:
    message = f"the provider could not use what the model wrote: {clip(code)!r}"
    written = text if isinstance(text, str) else None
    return Reply(written, "error", failure=Failure("syntax", "provider_rejected", message))


_PARSE_ERRORS: Final[dict[str, tuple[FinishReason, Failure]]] = {
    "LengthFinishReasonError": (
        "length",
        Failure("truncation", "max_tokens", "the reply was cut off at the output limit"),
    ),
    "ContentFilterFinishReasonError": (
        "content_filter",
        Failure("refusal", "content_filter", "a content filter stopped the reply"),
    ),
}


def _parse_error(error: BaseException) -> Reply | None:
    """Read what openai's `parse()` raises instead of giving the completion."""
    known = _PARSE_ERRORS.get(type(error).__name__)
    if known is None or not has(error, "completion"):
        return None
    reason, failure = known
    completion = read(field(error, "completion"))
    if completion.text is None:
        return Reply(finish_reason=reason, failure=failure)
    return completion._replace(finish_reason=reason, failure=failure)


_REJECTIONS: Final = (_groq, _bedrock_error, _parse_error)
