# SPDX-License-Identifier: Apache-2.0
"""CSV (RFC 4180): an attempt a row; what is no attempt has its name in the first column and its fields in the last.

Rules: no cell that holds a text is a formula to a spreadsheet. One that would begin as one, behind white space or
what has no width, gets an apostrophe before it, and so does one that begins with an apostrophe or is empty, so that
the text comes back. An empty cell is null; numbers, `true` and `false` stay what they are; lists are JSON.
"""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.ext.transfer.as_jsonl import MOST_BYTES_WITH_TEXTS, MOST_LINE_BYTES, lines
from schema_guard.ext.transfer.columns import TEXTS, kind_of
from schema_guard.ext.transfer.entries import ATTEMPT, NAMES, Entry, FileFault, head_entries
from schema_guard.records.rows import COLUMNS
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from schema_guard.ext.transfer.entries import EntryOrFault, Fields, Head

_RECORD, _ABOUT = "record", "about"
_COLUMNS = (*COLUMNS, TEXTS)
_HEADER = (_RECORD, *_COLUMNS, _ABOUT)

# What spreadsheets skip before they look whether a cell is a formula, and what a formula begins with there.
_SKIPPED = "\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f-\x9f"
_FORMULA = re.compile(
    f"[{_SKIPPED}]*[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]|[\t\r\n]|'"
)


def safe_cell(text: str) -> str:
    """Give a text that no spreadsheet takes for a formula; `text_of` takes it back.

    >>> safe_cell("=1+1"), safe_cell("billing"), safe_cell("'quoted'")
    ("'=1+1", 'billing', "''quoted'")
    """
    return f"'{text}" if not text or _FORMULA.match(text) else text


def text_of(cell: str) -> str:
    """Give the text that `safe_cell` made a cell of."""
    return cell.removeprefix("'")


def write(head: Head, pages: Iterable[list[Fields]], stream: IO[bytes]) -> int:
    """Write a store; gives the number of attempts."""
    columns = _COLUMNS if head.has_texts else COLUMNS
    none = [""] * len(columns)
    attempts = 0
    stream.write(_text([[_RECORD, *columns, _ABOUT]]))
    stream.write(_text([name, *none, json.dumps(fields)] for name, fields in head_entries(head)))
    for page in pages:
        stream.write(_text([ATTEMPT, *_cells(fields, columns), ""] for fields in page))
        attempts += len(page)
    stream.write(_text([["end", *none, json.dumps({"attempts": attempts})]]))
    return attempts


def _text(rows: Iterable[Iterable[Any]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


def _cells(fields: Fields, columns: Iterable[str]) -> Iterator[Any]:
    for value in map(fields.get, columns):
        if value is None or isinstance(value, str):
            yield "" if value is None else safe_cell(value)
        else:
            yield value if type(value) in (int, float) else json.dumps(value)


def read(source: str, stream: IO[bytes]) -> Iterator[EntryOrFault]:
    """Give what each row says; `InvalidArgument` for columns that are not known."""
    text = _Lines(stream)
    reader = csv.reader(text, strict=True)  # strict: what is left of a broken quotation is no row
    columns: list[str] = []
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _LineFault) as error:
            yield FileFault(f"line {text.number}", f"expected a row of CSV: {clip(str(error))}")
            continue
        if not columns:
            columns = _columns(source, cells)
            if TEXTS in columns:
                text.longest[0] = MOST_BYTES_WITH_TEXTS
                csv.field_size_limit(max(csv.field_size_limit(), MOST_BYTES_WITH_TEXTS))
        elif cells:
            yield _entry(f"line {text.number}", columns, cells)


class _Lines:
    """The lines of a stream as text; raises a fault for a line that is none, and goes on behind it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.longest = [MOST_LINE_BYTES]
        self._lines = lines(stream, self.longest)
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        if line is None:
            raise _LineFault(f"expected at most {self.longest[0]:,} bytes")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _LineFault("expected UTF-8") from error


class _LineFault(ValueError):
    pass


def _columns(source: str, header: list[str]) -> list[str]:
    if unknown := [name for name in header if name not in _HEADER]:
        near = did_you_mean(unknown[0], _HEADER)
        raise InvalidArgument(f"{source}, line 1: unknown column {clip(repr(unknown[0]))}{near}")
    if len(set(header)) < len(header):
        raise InvalidArgument(f"{source}, line 1: expected each column once")
    if missing := [name for name in (_RECORD, _ABOUT) if name not in header]:
        raise InvalidArgument(f"{source}, line 1: expected a column {missing[0]!r}")
    return header


def _entry(place: str, columns: list[str], cells: list[str]) -> EntryOrFault:
    if len(cells) != len(columns):
        return FileFault(place, f"expected {len(columns)} cells, got {len(cells)}")
    by_column = dict(zip(columns, cells, strict=True))
    name, about = by_column.pop(_RECORD), by_column.pop(_ABOUT)
    if name == ATTEMPT:
        return Entry(place, ATTEMPT, {column: _value(column, cell) for column, cell in by_column.items()})
    if name not in NAMES:
        expected = " ".join((ATTEMPT, *NAMES))
        return FileFault(place, f"at /{_RECORD}: expected one of {expected}, got {clip(repr(name))}")
    fields = _json(about)
    return (
        Entry(place, name, fields)
        if isinstance(fields, dict)
        else FileFault(place, f"at /{_ABOUT}: {_NO_OBJECT}")
    )


_NO_OBJECT = "expected a JSON object"


def _value(column: str, cell: str) -> Any:
    """Give what a cell holds; what is not of its kind is given as the text that it is, and refused later."""
    if not cell:
        return None
    kind = kind_of(column)[0]
    if kind == "text":
        return text_of(cell)
    # Spreadsheets write TRUE and FALSE.
    value = _json(cell.lower() if kind == "flag" else cell)
    return cell if value is None else value


@cache
def _parser() -> Callable[..., Any]:
    from jiter import from_json  # as in `core`: what is parsed is parsed by it

    return from_json


def _json(text: str) -> Any:
    """Read JSON; None for what is none."""
    try:
        return _parser()(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError:
        return None
