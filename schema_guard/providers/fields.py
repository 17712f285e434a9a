# SPDX-License-Identifier: Apache-2.0
"""Fields of foreign objects, with the same access for objects and mappings.

Rules:
1. No class of an SDK is named. A field may be an attribute or a key.
2. Nothing here raises, for any object. An unknown value is None, never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from schema_guard.interruptions import is_interruption, value_or
from schema_guard.text import clip
from schema_guard.values import Usage

_MISSING: Final = object()
# No provider has longer names. A reply can contain a text of any size here, and every attempt stores it.
_NAME_CHARS: Final = 200


def field(holder: object, name: str, default: object = None) -> Any:
    """Return an attribute of an object, or the value of a mapping's key. Return *default* if there is none."""
    if type(holder) is dict:
        return holder.get(name, default)
    try:
        return _look_up(holder, name, default)
    except Exception as error:
        # A foreign object may raise anything from any access.
        if is_interruption(error):
            raise
        return default


def _look_up(holder: object, name: str, default: object) -> Any:
    held = getattr(holder, "__dict__", None)
    if type(held) is dict and name in held:
        return held[name]
    value = getattr(holder, name, default)
    return holder.get(name, default) if value is default and isinstance(holder, Mapping) else value


def has(holder: object, name: str) -> bool:
    """Return whether the attribute or the key exists, even if its value is None."""
    return field(holder, name, _MISSING) is not _MISSING


def either(holder: object, *names: str) -> Any:
    """Return the first value that is not None, of a field with several spellings."""
    for name in names:
        value = field(holder, name)
        if value is not None:
            return value
    return None


def items(value: object) -> list[Any]:
    """Return a sequence as a list. Return an empty list for any other value, including a text or a mapping."""
    if type(value) is list:
        return value
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return list(value)
    return []


def first(value: object) -> Any:
    """Return the first item of a list, or of an object with an index. None if there is none."""
    if isinstance(value, list | tuple):
        return value[0] if value else None
    if isinstance(value, str | Mapping):
        return None
    return value_or(None, lambda: value[0])  # type: ignore[index]


def words(value: object) -> str | None:
    """Return a text if it is not empty. None for any other value."""
    return value if isinstance(value, str) and value else None


def name(value: object) -> str | None:
    """Return a name in a reply, such as its model's, cut to 200 characters. None if there is none."""
    text = words(value)
    return None if text is None else clip(text, _NAME_CHARS)


def count(holder: object, *names: str) -> int | None:
    """Return a number of tokens: the first field of *names* that has one. Cohere sends floats."""
    for name in names:
        value = field(holder, name)
        if type(value) is int and value >= 0:
            return value
        if type(value) is float and value >= 0 and value.is_integer():
            return int(value)
    return None


def total(first: int | None, *more: int | None) -> int | None:
    """Add the known counts to a first count. If the first count is unknown, so is the sum."""
    return None if first is None else first + sum([part for part in more if part is not None])


def usage_of(usage: object) -> Usage:
    """Read the tokens of a usage, in the names of OpenAI's APIs and of the frameworks, or of llama.cpp's timings."""
    inputs = either(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    outputs = either(
        usage, "completion_tokens_details", "output_tokens_details", "output_token_details", "details"
    )
    cached = None if inputs is None else count(inputs, "cached_tokens", "cache_read")
    cached = count(usage, "cache_read_tokens", "cache_n") if cached is None else cached
    sent = count(usage, "prompt_tokens", "input_tokens", "total_input_tokens")
    return Usage(
        total(count(usage, "prompt_n"), cached) if sent is None else sent,
        count(usage, "completion_tokens", "output_tokens", "total_output_tokens", "predicted_n"),
        cached,
        None if outputs is None else count(outputs, "reasoning_tokens", "reasoning"),
    )


def word_of(value: object) -> str:
    """Return a provider's word in lower case: a text, or the name of an enum's member. `""` for any other value."""
    word = value if isinstance(value, str) else field(value, "name")
    return word.lower() if isinstance(word, str) else ""


def as_json(value: object) -> str | None:
    """Return a parsed value as JSON text, and a text unchanged. None if the value cannot be written."""
    if isinstance(value, str):
        return value
    try:
        return _dumped(value)
    except (TypeError, ValueError, RecursionError) as error:
        if is_interruption(error):
            raise
        return None


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """Convert a Pydantic model, or a protobuf mapping or list, to a value that json can write."""
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)
