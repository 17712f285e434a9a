# SPDX-License-Identifier: Apache-2.0
"""Gemini: whole and in chunks, by its REST names and by those of its SDK, its lists of messages, and its arguments for a format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from schema_guard.providers.failures import provider_error
from schema_guard.providers.fields import count, either, field, has, items, total, word_of, words
from schema_guard.providers.messages import (
    CHAT,
    Dialect,
    RawMessage,
    Side,
    instance,
    joined,
    raw_message,
    rest_of,
    with_field,
    with_text,
    word,
)
from schema_guard.providers.model_output import Written, has_reasoned, text_of
from schema_guard.providers.provider import Provider, RawReply
from schema_guard.providers.request_options import ProviderOptions, document_of, wire_name
from schema_guard.values import Message, Usage

if TYPE_CHECKING:
    from schema_guard.providers.provider import Stream
    from schema_guard.schema import Schema

_FEEDBACK: Final = ("prompt_feedback", "promptFeedback")
_USAGE: Final = ("usage_metadata", "usageMetadata")
# The stop word for a blocked prompt, for any reason. Its reply has no candidate with a stop word.
_BLOCKED: Final = "blocklist"


def _reply(reply: object, marked: object) -> RawReply | None:
    listed = field(reply, "candidates")
    candidates = items(listed)
    usage, model = _usage(either(reply, *_USAGE)), _model(reply)
    if candidates and _is_candidate(candidates[0]):
        return RawReply(_written(candidates[0]), _stop_word(candidates[0]), usage, model)
    if _is_blocked(reply):
        return RawReply(Written("", []), _BLOCKED, usage, model)
    is_list = isinstance(listed, Sequence | None)
    if candidates or not is_list or not any(has(reply, sign) for sign in (*_FEEDBACK, *_USAGE)):
        return None
    return RawReply(None, None, usage, model, provider_error(field(reply, "error")))


def _chunk(stream: Stream, chunk: object, marked: object) -> str | None:
    listed = items(field(chunk, "candidates"))
    candidate = listed[0] if listed else None
    if listed and not _is_candidate(candidate):
        return None
    stream.name_model(_model(chunk))
    usage = either(chunk, *_USAGE)
    if usage is not None:  # each chunk's usage is that of the reply so far
        stream.usage = _usage(usage)
    stopped = _stop_word(candidate)
    if stopped is not None or _is_blocked(chunk):
        stream.stop(_BLOCKED if stopped is None else stopped)
    return stream.whole_parts(_written(candidate))


def _is_candidate(candidate: object) -> bool:
    """Return whether a candidate is Gemini's, and not one of the user's own."""
    return has(field(candidate, "content"), "parts") or _stop_word(candidate) is not None


def _written(candidate: object) -> Written:
    parts = items(field(field(candidate, "content"), "parts"))
    calls = [either(part, "function_call", "functionCall") for part in parts]
    return Written(text_of(parts), [call for call in calls if call is not None], None, has_reasoned(parts))


def _stop_word(candidate: object) -> object:
    """Return the finish reason: a text, or an enum's member."""
    return either(candidate, "finish_reason", "finishReason")


def _is_blocked(reply: object) -> bool:
    """Return whether the prompt was blocked, so that there is no candidate."""
    return word_of(either(either(reply, *_FEEDBACK), "block_reason", "blockReason")) != ""


def _model(reply: object) -> str | None:
    return words(either(reply, "model_version", "modelVersion"))


def _usage(usage: object) -> Usage:
    """Read the usage, whose candidate tokens exclude the thoughts."""
    thoughts = count(usage, "thoughts_token_count", "thoughtsTokenCount")
    written = count(usage, "candidates_token_count", "candidatesTokenCount")
    tools = count(usage, "tool_use_prompt_token_count", "toolUsePromptTokenCount")
    return Usage(
        total(count(usage, "prompt_token_count", "promptTokenCount"), tools),
        thoughts if written is None else total(written, thoughts),
        count(usage, "cached_content_token_count", "cachedContentTokenCount"),
        thoughts,
    )


# Lists of messages.


_PARTS = (
    "inline_data", "inlineData", "file_data", "fileData", "function_call", "functionCall", "function_response",
    "functionResponse", "executable_code", "executableCode", "code_execution_result", "codeExecutionResult",
    "file_uri", "fileUri",
)  # fmt: skip
_CALLS, _RESULTS = ("function_call", "functionCall"), ("function_response", "functionResponse")


def _is_loose(element: Any) -> bool:
    """Return whether an element is a text, a part of a turn, or a file or image to become one."""
    if isinstance(element, str):
        return True
    if isinstance(element, Mapping):
        return (
            not has(element, "role")
            and not has(element, "type")
            and any(has(element, n) for n in ("text", *_PARTS))
        )
    if has(element, "role") or has(element, "content"):
        return False
    is_file = has(element, "uri") and has(element, "mime_type")
    return has(element, "inline_data") or is_file or type(element).__module__.startswith("PIL.")


def _marks(elements: Sequence[Any]) -> bool:
    return any(has(element, "parts") and not has(element, "content") for element in elements) or all(
        _read(element) is not None for element in elements
    )


def _read(element: Any) -> Message | None:
    if isinstance(element, list):
        return Message("user", element) if element and all(_is_loose(part) for part in element) else None
    if has(element, "parts"):
        if not isinstance(element, Mapping) and not has(element, "role"):
            return None
        role = field(element, "role")
        if role is not None and word(role) is None:
            return None
        return Message(word(role) or "user", field(element, "parts"), rest_of(element, "role", "parts"))
    if not _is_loose(element):
        return None
    is_call = any(field(element, name) is not None for name in _CALLS)
    return Message("model" if is_call else "user", element)


def _is_tool_result(message: Message) -> bool:
    parts = message.content if isinstance(message.content, (list, tuple)) else (message.content,)
    return message.role in ("function", "tool") or any(
        field(part, name) is not None for part in parts for name in _RESULTS
    )


def _extended(dialect: Dialect, message: Message, text: str, behind: bool) -> tuple[Message, ...]:
    if not isinstance(message, RawMessage):
        return ()
    element = message.element
    if isinstance(element, str):
        both = joined(text, element, behind=behind)
        return (raw_message(Message(message.role, both), both, GEMINI),)
    if isinstance(element, list):
        content = with_text(element, text, behind=behind, part=lambda text, _: text)
        return (raw_message(Message(message.role, content), content, GEMINI),)
    if not has(element, "parts"):
        new = raw_message(Message(message.role, text), text, GEMINI)
        return (message, new) if behind else (new, message)
    content = with_text(message.content, text, behind=behind, part=_part)
    changed = None if content is None else with_field(element, "parts", content)
    if changed is None:
        return ()
    return (raw_message(Message(message.role, content, message.fields), changed, GEMINI),)


def _part(text: str, beside: Sequence[Any]) -> Any:
    """Return a part of text in the class of the parts beside it."""
    mapping = {"text": text}
    classes = [type(part) for part in beside if not isinstance(part, (str, Mapping))]
    if beside and all(isinstance(part, str) for part in beside):
        return text
    element = instance(classes, mapping, mapping)
    if element is None:
        # Vertex AI's own class.
        element = instance([getattr(kind, "from_text", None) for kind in classes], mapping, mapping)
    return mapping if element is None else element


def _turn(side: Side, text: str, near: Sequence[Message]) -> Message:
    message = Message(side, [{"text": text}])
    elements = [one.element for one in near if isinstance(one, RawMessage)]
    mapping: dict[str, Any] = {"role": side, "parts": [{"text": text}]}
    element = None
    # A function that receives only objects may read their attributes. The SDK always reads dicts correctly, but it reads
    # an object next to a loose part that is a dict as a file.
    if all(has(one, "parts") and not isinstance(one, Mapping) for one in elements):
        element = instance(_classes(elements), mapping, {"role": side})
    return raw_message(message, mapping if element is None else element, GEMINI)


def _classes(elements: Sequence[Any]) -> Iterator[Any]:
    """Yield the classes of turns, from the base up. A class for one role accepts no other role."""
    for element in elements:
        yield from [kind for kind in type(element).__mro__ if kind.__name__ == "Content"]
        yield type(element)


# Arguments for a format.


_JSON: Final = "application/json"


def _json_mode(_: Schema[Any]) -> dict[str, Any]:
    return {"config": {"response_mime_type": _JSON}}


def _strict_schema(schema: Schema[Any]) -> dict[str, Any]:
    return {"config": {"response_mime_type": _JSON, "response_json_schema": document_of(schema)}}


def _tool_call(schema: Schema[Any]) -> dict[str, Any]:
    name = wire_name(schema)
    declared = {"name": name, "parameters_json_schema": document_of(schema)}
    calling = {"mode": "ANY", "allowed_function_names": [name]}
    return {
        "config": {
            "tools": [{"function_declarations": [declared]}],
            "tool_config": {"function_calling_config": calling},
        }
    }


GEMINI: Final = CHAT._replace(
    name="gemini",
    marks=_marks,
    read=_read,
    systems=frozenset({"system"}),
    is_tool_result=_is_tool_result,
    extend=_extended,
    turn=_turn,
)


PROVIDER: Final = Provider(
    # malformed_function_call and malformed_response are recognized by their prefix.
    stop_words={
        "stop": "stop",
        "length": "max_tokens continuation",
        "content_filter": "safety recitation blocklist prohibited_content spii model_armor escalation jailbreak",
        "error": "other language unexpected_tool_call too_many_tool_calls missing_thought_signature",
    },
    rejecting=frozenset({"unexpected_tool_call", "too_many_tool_calls"}),
    replies=dict.fromkeys(("candidates", "promptFeedback", "prompt_feedback", "usageMetadata"), _reply),
    chunks=dict.fromkeys(("candidates", "promptFeedback", "prompt_feedback", "usageMetadata"), _chunk),
    messages=GEMINI,
    options={
        "gemini": ProviderOptions(
            limit="config.max_output_tokens",
            formats={"json_mode": _json_mode, "tool_call": _tool_call, "strict_schema": _strict_schema},
            enforces=frozenset({"strict_schema", "tool_call"}),
        ),
    },
)
