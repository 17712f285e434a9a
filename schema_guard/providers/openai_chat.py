# SPDX-License-Identifier: Apache-2.0
"""OpenAI's chat completions, and those of all who copied the API: whole, in chunks, a message alone, and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.failures import ENDED_EARLY, provider_error
from schema_guard.providers.fields import as_json, either, field, first, has, items, usage_of, words
from schema_guard.providers.model_output import Written, message_written
from schema_guard.providers.provider import Provider, RawReply, Rejection, broken, pieces
from schema_guard.providers.request_options import ProviderOptions, document_of, wire_name
from schema_guard.values import UNKNOWN_USAGE, FinishReason

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.providers.request_options import Arguments
    from schema_guard.schema import Schema


def _has_signs(reply: object) -> bool:
    """Return whether an object with `choices` is a provider's, because it has other fields of OpenAI's."""
    return any(has(reply, sign) for sign in ("object", "model", "created", "usage", "error"))


# Whole replies.


def _completion(reply: object, choices: object) -> RawReply | None:
    choice = first(choices)
    written = _choice_written(choice)
    if written is None and not _has_no_choice(reply, choices, choice):
        return None
    usage, model = field(reply, "usage"), field(reply, "model")
    tokens = usage_of(field(reply, "timings") if usage is None else usage)
    if written is None:
        return RawReply(None, None, tokens, model, provider_error(field(reply, "error")))
    return RawReply(written, field(choice, "finish_reason"), tokens, model)


def _has_no_choice(reply: object, choices: object, choice: object) -> bool:
    """Return whether this is a completion without a choice, and not another object or a chunk."""
    is_list = isinstance(choices, Sequence | None)
    return is_list and _has_signs(reply) and not has(choice, "delta")


def _choice_written(choice: object) -> Written | None:
    """Read a choice, also of the old text completions. None if it has no message."""
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
    """Read a message without content. Its text is the value that the SDK parsed, if any."""
    parsed = field(message, "parsed")
    return Written("" if parsed is None else as_json(parsed) or "", [])


def _message_alone(reply: object, content: object) -> RawReply | None:
    """Read a message without the reply around it."""
    if field(reply, "role") != "assistant":
        return None
    written = message_written(reply)
    return RawReply(written if any(written) else _parsed(reply))


# Chunks.


def read_chunk(stream: Stream, chunk: object, choices: object) -> str | None:
    """Read a chunk, or a whole completion instead of one."""
    listed = items(choices)
    if not listed and not _has_signs(chunk):
        return None
    usage = field(chunk, "usage")
    if usage is not None:
        stream.usage = usage_of(usage)
    if stream.model is None:
        stream.name_model(field(chunk, "model"))
    if listed:
        return _choice(stream, chunk, listed[0])
    error = field(chunk, "error")
    return "" if error is None else broken(stream, chunk)


def _choice(stream: Stream, chunk: object, choice: object) -> str | None:
    """Read the first choice of a chunk. Chunks of other choices (`n` over 1) are ignored."""
    delta, stopped = either(choice, "delta", "message"), field(choice, "finish_reason")
    text = field(choice, "text") if delta is None else None
    if delta is None and text is None and stopped is None:
        return "" if _has_signs(chunk) else None  # Azure's filter results come alone
    if field(choice, "index") not in (None, 0):
        return ""
    text = words(text) or "" if delta is None else _delta(stream, delta)
    if stopped is not None:
        _end(stream, chunk, stopped)
    return text


def _delta(stream: Stream, delta: object) -> str:
    written = message_written(delta)
    stream.refuse(written.refusal)
    if written.reasoned:
        stream.think()
    if not written.calls:
        return written.text
    return written.text + pieces(stream, written.calls)


def _end(stream: Stream, chunk: object, stopped: object) -> None:
    stream.stop(stopped)
    if stream.usage is UNKNOWN_USAGE:  # Groq and llama.cpp have their own fields for it
        usage = field(field(chunk, "x_groq"), "usage")
        timings = field(chunk, "timings")
        stream.usage = usage_of(usage if timings is None else timings)


def _helper_chunk(stream: Stream, event: object) -> str | None:
    """Read the event of the SDK's helper that contains the chunk. Its other events repeat that chunk."""
    return stream.feed_event(field(event, "chunk"))


# Exceptions.

_PARSE_ERRORS: Final[dict[str, FinishReason]] = {
    "LengthFinishReasonError": "length",
    "ContentFilterFinishReasonError": "content_filter",
}


def _parse_error(error: BaseException) -> Rejection | None:
    """Read the exception that the SDK's `parse()` raises instead of returning the completion."""
    finish = _PARSE_ERRORS.get(type(error).__name__)
    if finish is None or not has(error, "completion"):
        return None
    return Rejection(field(error, "completion"), finish, ENDED_EARLY[finish])


# Arguments for a format.


def _json_mode(_: Schema[Any]) -> dict[str, Any]:
    """Request any JSON object."""
    return {"response_format": {"type": "json_object"}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    described = {"name": wire_name(schema), "schema": document_of(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    function = {"name": name, "parameters": document_of(schema)}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": name}},
    }


OPTIONS: Final = ProviderOptions(
    limit="max_completion_tokens",
    formats={"json_mode": _json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
)


def compatible(*strategies: str, **formats: Arguments) -> ProviderOptions:
    """Return the arguments of a provider that copied some of these strategies.

    Args:
        strategies: The strategies that it accepts in this form.
        formats: The functions that build its own arguments, by strategy.
    """
    return ProviderOptions("max_tokens", {**{name: OPTIONS.formats[name] for name in strategies}, **formats})


PROVIDER: Final = Provider(
    stop_words={
        "stop": "stop",
        "tool_call": "tool_calls function_call",
        "length": "length",
        "content_filter": "content_filter",
        "error": "error",
    },
    replies={"choices": _completion, "content": _message_alone, "tool_calls": _message_alone},
    chunks={"choices": read_chunk},
    events={"chunk": _helper_chunk},
    silent=("content.", "refusal.", "tool_calls.", "logprobs."),
    rejection=_parse_error,
    options={"openai": OPTIONS, "azure": OPTIONS},
)
