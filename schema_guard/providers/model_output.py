# SPDX-License-Identifier: Apache-2.0
"""The output of a model, in the forms that several providers share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard.providers.fields import as_json, either, field, items, name, words

if TYPE_CHECKING:
    from schema_guard.values import Failure, FinishReason

EMPTY_OBJECT: Final = "{}"
"""The arguments that some providers return for a cut-off tool call: they parsed the beginning, and closed it."""
# Fields for the reasoning beside the content, and kinds of parts for reasoning inside it.
_REASONING = ("reasoning_content", "reasoning", "thinking")
_REASONING_PARTS = ("thinking", "redacted_thinking", "reasoning")


class Written(NamedTuple):
    """Output of a model.

    Attributes:
        text: Text of the reply.
        calls: Tool calls.
        refusal: Text of a refusal.
        reasoned: Whether it is known that the model reasoned. Determined only if there is neither text nor call.
    """

    text: str
    calls: list[Any]
    refusal: str | None = None
    reasoned: bool = False


class WrittenCall(NamedTuple):
    """A tool call as a model wrote it.

    Attributes:
        id: The provider's ID of the call. None if there is none.
        name: Name of the tool. None if the call has none.
        text: The arguments. None if they are not JSON.
        finish_reason: The reason why the model stopped writing it. None if unknown.
        failure: The provider's complaint about it. None if there is none.
    """

    id: str | None
    name: str | None
    text: str | None
    finish_reason: FinishReason | None = "tool_call"
    failure: Failure | None = None


def call_of(call: object) -> WrittenCall:
    """Read a whole tool call."""
    function = either(call, "function", "custom")
    arguments = either(call if function is None else function, "arguments", "input", "args")
    # A call without arguments calls the tool without arguments.
    text = EMPTY_OBJECT if arguments is None else as_json(arguments)
    return WrittenCall(words(either(call, "call_id", "toolUseId", "id")), tool_of(call), text)


def arguments_of(call: object) -> str | None:
    """Return the arguments of a tool call as JSON text. None if they cannot be written as JSON."""
    function = either(call, "function", "custom")
    arguments = either(function if function is not None else call, "arguments", "input", "args")
    return "" if arguments is None else as_json(arguments)


def tool_of(call: object) -> str | None:
    """Return the name of the called tool. None if the call has none."""
    function = either(call, "function", "custom")
    return name(field(function if function is not None else call, "name"))


def text_of(content: object) -> str:
    """Return a content's text: the content itself, or its text parts joined. Thoughts are not text."""
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
    """Read a message, whole or a delta: content, tool_calls, refusal.

    The shape is OpenAI's. Cohere, Ollama, and all who copied OpenAI's API use it too.
    """
    content = field(message, "content")
    text = content if isinstance(content, str) else text_of(content)
    calls = items(field(message, "tool_calls"))
    if not calls:
        legacy = field(message, "function_call")
        is_call = legacy is not None and isinstance(field(legacy, "arguments"), str | Mapping)
        calls = [legacy] if is_call else []
    reasoned = not (text or calls) and (
        has_reasoned(content) or any(words(field(message, where)) for where in _REASONING)
    )
    return Written(text, calls, words(field(message, "refusal")), reasoned)


def has_reasoned(content: object) -> bool:
    """Return whether a content has parts that are thoughts."""
    return any(
        field(part, "type") in _REASONING_PARTS or field(part, "thought") is True for part in items(content)
    )
