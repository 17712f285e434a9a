# SPDX-License-Identifier: Apache-2.0
"""The fields of an attempt in files: the values that each can have, and the fault of a wrong one.

Rules: Pure. A row that is exported and imported again is the same row. Imported rows aren't trusted. Their texts are
escaped like recorded ones, and no field gets a default that would change a count.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from schema_guard.records.rows import COLUMNS, store_text
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.records.rows import Row

_TEXTS = (
    "call_id", "function", "schema_name", "schema_fingerprint", "strategies", "settings", "version", "strategy",
)  # fmt: skip
_COUNTS = (
    "number", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "prompt_chars",
    "reply_bytes", "stopped_at",
)  # fmt: skip
_NUMBERS = ("started_at", "elapsed_s", "cost")
_FLAGS = ("final", "tuned", "unseen", "adapted", "gateway_repaired")
_NEVER_NULL = {*_TEXTS, *_FLAGS, "prompt_chars", "repairs", "coercions", "violations"}
_KINDS = {
    **dict.fromkeys(COLUMNS, "text"),
    **dict.fromkeys(_COUNTS, "count"),
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(_FLAGS, "flag"),
    "kind": "failure_kind",
    "form": "form",
    "repairs": "texts",
    "coercions": "pairs",
    "violations": "pairs",
}
_COLUMNS = {name: (_KINDS[name], name not in _NEVER_NULL) for name in COLUMNS}

TEXTS, CONTENT = "texts", "content"
"""The fields beside the columns, each an object or null: the texts of an attempt, and the facts about the values of a call."""

_HASH = re.compile("[0-9a-f]{32}")
_LARGEST = 2**63 - 1  # the largest integer in both databases


class FieldFault(ValueError):
    """A fault of a field.

    Args:
        field: Name of the field. None for all fields together, empty for no place.
        why: The expected value, and the actual one.
    """

    def __init__(self, field: str | None, why: str) -> None:
        super().__init__(why if field == "" else f"at {f'/{field}' if field else '(root)'}: {why}")


def kind_of(column: str) -> tuple[str, bool]:
    """Return the kind of the values of a column, as `frames.types_of` names it, and whether they can be unknown."""
    return ("object", True) if column == TEXTS else _COLUMNS[column]


def row_of(fields: Mapping[str, Any]) -> Row:
    """Return the row of an imported attempt. A column that can be unknown may be missing.

    Raises:
        FieldFault: A column is missing or unknown, or has an invalid value.
    """
    if fields.keys() - _KNOWN:
        unknown = min(fields.keys() - _KNOWN)
        near = did_you_mean(unknown, COLUMNS)
        raise FieldFault(None, f"unknown column {clip(repr(unknown))}{near}")
    return tuple(_values(fields, _COLUMNS))


def checked(fields: Any, kinds: Mapping[str, tuple[str, bool]], under: str | None = None) -> dict[str, Any]:
    """Validate the fields of an object that is no attempt, and return them.

    Args:
        fields: The object.
        kinds: Kind of each field, and whether it can be null.
        under: Field of the attempt that contains the object. None for a separate object.

    Raises:
        FieldFault: A field is unknown, or has an invalid value.
    """
    if not isinstance(fields, dict):
        raise FieldFault(under, f"expected an object or null, got {clip(repr(fields))}")
    if unknown := fields.keys() - kinds.keys():
        raise FieldFault(under, f"unknown field {clip(repr(min(unknown)))}")
    return dict(zip(kinds, _values(fields, kinds, "" if under is None else f"{under}/"), strict=True))


def _values(
    fields: Mapping[str, Any], kinds: Mapping[str, tuple[str, bool]], before: str = ""
) -> Iterator[Any]:
    for name, (kind, nullable) in kinds.items():
        value = fields.get(name)
        yield None if value is None and nullable else _BY_KIND[kind](before + name, value)


def _wrong(name: str, expected: str, value: Any) -> NoReturn:
    actual = "nothing" if value is None else f"{_TYPES.get(type(value), 'object')} {clip(repr(value))}"
    raise FieldFault(name, f"expected {expected}, got {actual}")


_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        _wrong(name, "a string", value)
    return store_text(value)


def _count(name: str, value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        _wrong(name, "an integer from 0 to 2^63 - 1", value)
    return value


def _number(name: str, value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        _wrong(name, "a number", value)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _wrong(name, "a number that is finite", value)
    return number


def _flag(name: str, value: Any) -> int:
    if value is not True and value is not False:
        _wrong(name, "true or false", value)
    return int(value)


def _texts(name: str, value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        _wrong(name, "an array of strings", value)
    return json.dumps([store_text(text) for text in value]) if value else "[]"


def _pairs(name: str, value: Any) -> str:
    if not isinstance(value, list) or not all(_is_pair(pair) for pair in value):
        _wrong(name, "an array of [location, keyword]", value)
    return json.dumps([[*map(store_text, pair)] for pair in value], separators=(",", ":")) if value else "[]"


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _kept_as_is(expected: str, is_right: Callable[[Any], bool]) -> Callable[[str, Any], Any]:
    """Return the check of a value that is stored unchanged."""

    def check(name: str, value: Any) -> Any:
        if not is_right(value):
            _wrong(name, expected, value)
        return value

    return check


def _one_of(*known: str) -> Callable[[str, Any], Any]:
    return _kept_as_is(f"one of {', '.join(known)}, or null", known.__contains__)


def _is_prompt(value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(message, dict) for message in value)
    return isinstance(value, str) or is_list


def _are_places(value: Any) -> bool:
    kinds = [str, str, str, int, int]
    return isinstance(value, list) and all(
        isinstance(place, list) and [type(part) for part in place] == kinds for place in value
    )


_BY_KIND: dict[str, Callable[[str, Any], Any]] = {
    "text": _text,
    "raw": _kept_as_is("a string", lambda value: isinstance(value, str)),
    "prompt": _kept_as_is("a string or an array of objects", _is_prompt),
    "hash": _kept_as_is(
        "32 hex digits", lambda value: isinstance(value, str) and bool(_HASH.fullmatch(value))
    ),
    "places": _kept_as_is("an array of [text, location, kind, start, stop]", _are_places),
    "count": _count,
    "number": _number,
    "flag": _flag,
    "texts": _texts,
    "pairs": _pairs,
    "failure_kind": _one_of("syntax", "structure", "value", "semantic", "truncation", "refusal", "transport"),
    "form": _one_of("clean", "unwrapped", "parsed", "coerced", "repaired_lossless", "repaired_lossy"),
}


_KNOWN = frozenset((*COLUMNS, TEXTS, CONTENT))
