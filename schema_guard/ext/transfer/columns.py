# SPDX-License-Identifier: Apache-2.0
"""The columns of an attempt as they stand in files: what each may be, and what is wrong with one that is not.

Rules: pure. What a store has goes out and comes in again as the same row. What comes in is checked as if anybody
had written it: a text is escaped as a recorded one is, and nothing gets a default that would change a count.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

from schema_guard.records.attempts import as_dict
from schema_guard.records.rows import COLUMNS, store_text
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.records.rows import Row

__all__ = ["TEXTS", "FieldFault", "checked", "fields_of", "kind_of", "row_of"]

_TEXTS = (
    "call_id", "function", "schema_name", "schema_fingerprint", "strategies", "settings", "version", "strategy",
)  # fmt: skip
_COUNTS = (
    "number", "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "prompt_chars",
    "reply_bytes", "stopped_at", "retries",
)  # fmt: skip
_NUMBERS = ("started_at", "elapsed_s", "cost")
_FLAGS = ("final", "tuned", "unseen", "adapted", "gateway_repaired")
_NEVER_NULL = {*_TEXTS, *_FLAGS, "prompt_chars", "repairs", "violations"}
_KINDS = {
    **dict.fromkeys(COLUMNS, "text"),
    **dict.fromkeys(_COUNTS, "count"),
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(_FLAGS, "flag"),
    "repairs": "texts",
    "violations": "pairs",
}
_ONE_OF = {
    "kind": ("syntax", "structure", "value", "semantic", "truncation", "refusal", "transport"),
    "form": ("clean", "unwrapped", "parsed", "repaired_lossless", "repaired_lossy", "resumed"),
}

TEXTS = "texts"
"""What stands beside the columns where the texts of prompts and replies come along: an object, or null."""

_LARGEST = 2**63 - 1  # what both databases hold


class FieldFault(ValueError):
    """What is wrong with a field.

    Attributes:
        field: Its name; None for all of them together.
        why: What was expected, and what came.
    """

    def __init__(self, field: str | None, why: str) -> None:
        super().__init__(f"at /{field}: {why}" if field else f"at (root): {why}")
        self.field = field
        self.why = why


def kind_of(column: str) -> tuple[str, bool]:
    """Give what a column holds, one of `text count number flag texts pairs object`, and whether it can be unknown."""
    return ("object", True) if column == TEXTS else (_KINDS[column], column not in _NEVER_NULL)


def fields_of(row: Row) -> dict[str, Any]:
    """Give a row by the names of its columns, in the types of JSON."""
    found = as_dict(row)
    found["final"] = bool(found["final"])
    return found


def row_of(fields: Mapping[str, Any]) -> Row:
    """Give the row of an attempt that came from outside; a column that can be unknown may be left out.

    Raises:
        FieldFault: A column is missing or not known, or does not hold what it should.
    """
    if fields.keys() - _KNOWN:
        unknown = min(fields.keys() - _KNOWN)
        near = did_you_mean(unknown, COLUMNS)
        raise FieldFault(None, f"unknown column {clip(repr(unknown))}{near}")
    get = fields.get
    return tuple([check(name, get(name)) for name, check in _CHECKS])


def checked(fields: Mapping[str, Any], kinds: Mapping[str, tuple[str, bool]]) -> dict[str, Any]:
    """Check what is no attempt: each field by its kind and whether it can be null; `FieldFault`."""
    if unknown := fields.keys() - kinds.keys():
        raise FieldFault(None, f"unknown field {clip(repr(min(unknown)))}")
    return {
        name: None if (found := fields.get(name)) is None and nullable else _BY_KIND[kind](name, found)
        for name, (kind, nullable) in kinds.items()
    }


def _wrong(name: str, expected: str, found: Any) -> NoReturn:
    said = "nothing" if found is None else f"{_TYPES.get(type(found), 'object')} {clip(repr(found))}"
    raise FieldFault(name, f"expected {expected}, got {said}")


_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def _text(name: str, found: Any) -> str:
    if not isinstance(found, str):
        _wrong(name, "a string", found)
    return store_text(found)


def _count(name: str, found: Any) -> int:
    if type(found) is not int or not 0 <= found <= _LARGEST:
        _wrong(name, "an integer from 0 to 2^63 - 1", found)
    return found


def _number(name: str, found: Any) -> float:
    if type(found) is not float and type(found) is not int:
        _wrong(name, "a number", found)
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _wrong(name, "a number that is finite", found)
    return number


def _flag(name: str, found: Any) -> int:
    if found is not True and found is not False:
        _wrong(name, "true or false", found)
    return int(found)


def _texts(name: str, found: Any) -> str:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        _wrong(name, "an array of strings", found)
    return json.dumps([store_text(one) for one in found]) if found else "[]"


def _pairs(name: str, found: Any) -> str:
    if not isinstance(found, list) or not all(_is_pair(one) for one in found):
        _wrong(name, "an array of [location, keyword]", found)
    return json.dumps([[*map(store_text, one)] for one in found], separators=(",", ":")) if found else "[]"


def _is_pair(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(isinstance(one, str) for one in found)


_BY_KIND: dict[str, Callable[[str, Any], Any]] = {
    "text": _text,
    "count": _count,
    "number": _number,
    "flag": _flag,
    "texts": _texts,
    "pairs": _pairs,
}


def _check_of(column: str) -> Callable[[str, Any], Any]:
    check = _BY_KIND[_KINDS[column]]
    if column in _NEVER_NULL:
        return check
    if column in _ONE_OF:
        return _one_of(_ONE_OF[column])
    return lambda name, found: None if found is None else check(name, found)


def _one_of(known: tuple[str, ...]) -> Callable[[str, Any], Any]:
    allowed = {None, *known}

    def check(name: str, found: Any) -> Any:
        if type(found) in (list, dict) or found not in allowed:
            _wrong(name, f"one of {', '.join(known)}, or null", found)
        return found

    return check


_CHECKS = tuple((column, _check_of(column)) for column in COLUMNS)
_KNOWN = frozenset((*COLUMNS, TEXTS))
