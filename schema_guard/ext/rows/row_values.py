# SPDX-License-Identifier: Apache-2.0
"""How values and words are written into a row: as a schema takes them again, and as Arrow takes them."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["json_text", "sendable"]


def sendable(text: str) -> str:
    """Give a text of a stranger's as Arrow takes it: half of a surrogate pair has no UTF-8, but an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def json_text(value: Any) -> str:
    """Give a valid value as JSON text; one of a Python type as it stood in the reply."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except TypeError:
        # Keys that are no texts: only a type of Pydantic's has such.
        return json.dumps(_of_pydantic(value), ensure_ascii=False, separators=(",", ":"))


def _of_pydantic(value: Any) -> Any:
    written = import_module("pydantic_core").to_jsonable_python
    return written(value, by_alias=True, serialize_unknown=True)


def _plain(value: Any) -> Any:
    """Give what JSON has for a value of a schema's Python type: what the schema takes again."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    for kind, written in _WRITTEN.items():
        if isinstance(value, kind):
            return written(value)
    # Dates and times: what RFC 3339 has. All else, such as a UUID, stood in the reply as its text.
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)


_WRITTEN: dict[type, Callable[[Any], Any]] = {
    Enum: attrgetter("value"),
    set: list,
    frozenset: list,
    Decimal: _number,
    timedelta: _of_pydantic,
}
