# SPDX-License-Identifier: Apache-2.0
"""Whether a model is asked to think before it answers, and how much, as a request says it.

Rules: what is asked for is a part of the settings, so that calls with it and without it are two configurations. What no
request says is not known: a model may think by itself. Of a reply only its reasoning tokens are told, and they make no
configuration: a rate of the calls in which a model happened to think would be a choice by what came out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from schema_guard.configuration.recorded_settings import parsed

THINKING: Final = "thinking"
"""The key of the settings: `on`, `off`, or the value of the request (an effort, a level, a number of tokens)."""

# What holds arguments of the same kind: of OpenAI's package, of Gemini, of Bedrock, of a server's chat template.
_HOLDERS: Final = (
    "extra_body",
    "config",
    "generation_config",
    "additionalModelRequestFields",
    "chat_template_kwargs",
    "model_kwargs",
)
# Each holds a word, true or false, or a mapping with a part that `_PART` names. pydantic-ai adds a prefix. Read on
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
    """Give what the arguments of a request say of thinking; None for nothing, and for what is no mapping.

    Args:
        options: The arguments, as the provider takes them.
        bounded: Whether they are of one call among many: what it says is one of few things then, a number of tokens
            the next power of two, so that calls of many budgets are no configuration each.

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
    """Return what a configuration's settings say of it, of each model; empty for nothing, and for settings that are none."""
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
