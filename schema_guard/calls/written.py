# SPDX-License-Identifier: Apache-2.0
"""What a model wrote, in the forms that several providers share."""

from __future__ import annotations

from typing import Any, NamedTuple

from schema_guard.calls.fields import as_json, either, field, items, words

__all__ = ["Written", "arguments_of", "message_written", "text_of"]


class Written(NamedTuple):
    """What a model wrote: text, tool calls, and the words of a refusal."""

    text: str
    calls: list[Any]
    refusal: str | None = None


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
    """Read a message, whole or a delta: content, tool_calls, refusal.

    The shape is OpenAI's; Cohere and Ollama have taken it over, and all who copied its API.
    """
    content = field(message, "content")
    text = content if isinstance(content, str) else text_of(content)
    calls = field(message, "tool_calls")
    if calls or text:
        return Written(text, items(calls), words(field(message, "refusal")))
    legacy = field(message, "function_call")
    return Written(text, [] if legacy is None else [legacy], words(field(message, "refusal")))
