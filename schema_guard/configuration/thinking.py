# SPDX-License-Identifier: Apache-2.0
"""The thinking that a request asks a model for.

Rules:
1. It is a part of the settings, so calls with it and calls without it are two configurations.
2. Without such arguments, it is unknown, because a model can think by default.
3. A reply only reports its reasoning tokens. They don't define a configuration, because that would select calls by
   their result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from schema_guard.configuration.recorded_settings import parsed

THINKING: Final = "thinking"
"""The key of the settings: `on`, `off`, or the value of the request (an effort, a level, a number of tokens)."""

# Arguments that contain further ones: of OpenAI's package, of Gemini, of Bedrock, of a server's chat template.
_HOLDERS: Final = (
    "extra_body",
    "config",
    "generation_config",
    "additionalModelRequestFields",
    "chat_template_kwargs",
    "model_kwargs",
)
# The value is a word, true or false, or a mapping with a part that `_PART` names. pydantic-ai adds a prefix. Read on
# 2026-11-26 in the documentation of OpenAI, OpenRouter, Anthropic, Bedrock, Gemini, Qwen, Ollama, and pydantic-ai.
_NAME: Final = (
    "(?:(?:enable|anthropic|google|groq|mistral|openai|openrouter)_)?"
    "(?:think|thinking(?:_?config|_budget)?|reasoning(?:_config|_effort)?|output_config)"
)
_PART: Final = "type|enabled|(?:thinking_?)?budget(?:_tokens)?|token_budget|max_tokens|thinking_?level|effort"
_OFF: Final = frozenset({"disabled", "false", "none", "off"})
_ON: Final = frozenset({"enabled", "true", "on"})
_WORDS: Final = frozenset(
    {"adaptive", "auto", "default", "high", "low", "max", "medium", "minimal", "off", "on", "xhigh"}
)
_BY_ITSELF: Final = -1
_DEEPEST: Final = 3


def thinking(options: Any, *, bounded: bool = False) -> str | None:
    """Return the thinking that the arguments of a request ask for. None for no thinking, or if they are not a mapping.

    Args:
        options: The arguments in the form of the provider.
        bounded: Whether to return one of few texts, with a number of tokens rounded up to a power of two. Use it for
            the arguments of single calls, so that not each budget is a configuration.

    >>> thinking({"thinking": {"type": "enabled", "budget_tokens": 1024}})
    '1024 tokens'
    >>> thinking({"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}})
    'off'
    >>> thinking({"reasoning_effort": "high"})
    'high'
    """
    words = list(dict.fromkeys(_thinking_texts(options, _DEEPEST)))
    if bounded:
        words = list(dict.fromkeys(map(_bounded, words)))
    if "off" in words:
        return "off"
    more = [word for word in words if word != "on"]
    return ", ".join(more or words) or None


def thinking_of(settings: str | None) -> tuple[str, ...]:
    """Return the thinking in the settings of a configuration, for each model. Empty if they have none."""
    value = parsed(settings).get(THINKING)
    listed = value if isinstance(value, list) else [value]
    return tuple(text for text in listed if isinstance(text, str))


def _bounded(word: str) -> str:
    number = word.partition(" ")[0]
    if number.isdecimal():
        return f"up to {1 << (int(number[:9]) - 1).bit_length()} tokens"
    return word if word in _WORDS else "on"


def _thinking_texts(options: Any, deepest: int) -> Iterator[str]:
    if not isinstance(options, Mapping) or not deepest:
        return
    for name, argument in options.items():
        if re.fullmatch(_NAME, str(name), re.IGNORECASE):
            part = "effort" if str(name).endswith("output_config") else _PART
            yield from _words(argument)
            held = argument if isinstance(argument, Mapping) else getattr(argument, "__dict__", {})
            for key in held:
                if re.fullmatch(part, str(key), re.IGNORECASE):
                    yield from _words(held[key])
    for holder in _HOLDERS:
        yield from _thinking_texts(options.get(holder), deepest - 1)


def _words(value: Any) -> Iterator[str]:
    """Yield the thinking that one argument requests. Yield nothing for another kind of value."""
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, bool):
        yield "on" if value else "off"
    elif isinstance(value, int):
        yield "on" if value == _BY_ITSELF else f"{value} tokens" if value > 0 else "off"
    elif isinstance(value, str) and value.strip():
        word = value.strip().lower()
        yield "off" if word in _OFF else "on" if word in _ON else word
