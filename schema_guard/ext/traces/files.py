# SPDX-License-Identifier: Apache-2.0
"""The rows of exported files: JSON Lines, JSON, CSV, and Parquet, each also compressed by gzip.

Rules: the beginning of a file decides its format, not its name, except for CSV and Parquet. An unreadable line is
reported with its place and its fault, and the other lines are read. No line and no document above a limit is ever in
memory.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self, cast

from schema_guard.cli.shared.bounded_lines import MAX_LINE_BYTES, FileTooLarge, bounded_lines, mebibytes
from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator

# Keys of a page of an API besides its rows.
_OF_PAGES = frozenset(["meta", "next_cursor", "has_more"])
# A document is parsed as a whole, and its values can take 20 times its size in memory.
_MOST_OF_DOCUMENT = 64 * 1024 * 1024
_LONG_LINE = f"the line is longer than {mebibytes(MAX_LINE_BYTES)}"
_BATCH = 1_000
_BOM = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """One row of a file, and its place."""

    place: str
    value: dict[str, Any]


class Unreadable(NamedTuple):
    """A part of a file that cannot be read, and why."""

    place: str
    why: str


def rows_of(name: str) -> Iterator[Row | Unreadable]:
    """Return the rows of a file; `-` is standard input.

    Raises:
        InvalidArgument: The file can't be opened, or isn't an export.
        MissingExtra: It is Parquet, and pyarrow is not installed.
    """
    kind = name.removesuffix(".gz").rpartition(".")[2].lower()
    if kind == "parquet":
        return _of_parquet(name)
    return _of_csv(name) if kind == "csv" else _of_json(name)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    try:
        if name == "-":
            yield sys.stdin.buffer
        elif name.endswith(".gz"):
            with gzip.open(name) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            with Path(name).open("rb") as stream:
                yield stream
    except (OSError, EOFError) as error:
        raise InvalidArgument(
            f"reading {clip(name)} failed: {getattr(error, 'strerror', None) or error}. Check the path"
        ) from error


class _Pushback:
    """A stream that first returns bytes that were already read from it."""

    def __init__(self, content: bytes, stream: BinaryIO) -> None:
        self._content, self._stream = io.BytesIO(content), stream

    def readline(self, size: int) -> bytes:
        """Read a line, or *size* bytes of it."""
        line = self._content.readline(size)
        if line.endswith(b"\n") or len(line) == size:
            return line
        return line + self._stream.readline(size - len(line))


def _of_json(name: str) -> Iterator[Row | Unreadable]:
    """Read one document of several lines, or JSON Lines."""
    with _opened(name) as stream:
        content = stream.read(_MOST_OF_DOCUMENT + 1).removeprefix(_BOM)
        opening = content.lstrip().partition(b"\n")[0].strip()
        if len(content) > _MOST_OF_DOCUMENT and (opening == b"{" or opening.startswith(b"[")):
            size = mebibytes(_MOST_OF_DOCUMENT)
            yield Unreadable(name, f"the JSON document is larger than {size}. Convert it to JSON Lines")
        elif opening.startswith(b"[") or not (_is_document(opening) or not _is_document(content)):
            yield from _of_text(name, content, "rows")
        else:
            yield from _lines(name, _Pushback(content, stream))


def _lines(name: str, stream: _Pushback) -> Iterator[Row | Unreadable]:
    number = 1
    try:
        for number, line in enumerate(bounded_lines(cast("BinaryIO", stream)), 1):
            if line is None:
                yield Unreadable(f"{name}:{number}", _LONG_LINE)
            elif line.strip():
                yield from _of_text(f"{name}:{number}", line)
    except FileTooLarge as error:
        yield Unreadable(f"{name}:{number}", str(error))


def _is_document(content: bytes) -> bool:
    return not isinstance(_parsed("", content), Unreadable)


def _parsed(place: str, content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Unreadable(place, f"expected UTF-8: {error.reason} at byte {error.start}")
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        return Unreadable(place, f"expected JSON: {error.msg} at {line}column {error.colno}")
    except (ValueError, RecursionError) as error:
        return Unreadable(place, f"expected JSON: {clip(str(error))}")


def _of_text(place: str, content: bytes, expected: str = "a JSON object") -> Iterator[Row | Unreadable]:
    """Yield the rows in the text of a line, or of a document if *expected* is `rows`."""
    value = _parsed(place, content)
    if isinstance(value, Unreadable):
        yield value
    elif isinstance(value, dict):
        yield from _unpacked(place, value)
    elif isinstance(value, list) and expected == "rows":
        yield from _listed(place, value)
    else:
        yield Unreadable(place, f"expected {expected}, got {_kind(value)}")


def _unpacked(place: str, document: dict[str, Any]) -> Iterator[Row | Unreadable]:
    """Yield the rows of a page of an API, which are in `data`. Any other object is a row."""
    rows = document.get("data")
    if isinstance(rows, list) and (len(document) == 1 or not document.keys().isdisjoint(_OF_PAGES)):
        yield from _listed(f"{place} data", rows)
    else:
        yield Row(place, document)


def _listed(place: str, rows: list[Any]) -> Iterator[Row | Unreadable]:
    for number, row in enumerate(rows, 1):
        where = f"{place}[{number}]"
        if isinstance(row, dict):
            yield Row(where, row)
        else:
            yield Unreadable(where, f"expected an object, got {_kind(row)}")


class _CsvLines:
    """The lines of a CSV file, for a reader that joins them into rows.

    Attributes:
        number: Number of the line that was read last.
        row_size: Characters of the lines in the current row.
    """

    def __init__(self, lines: Iterator[str | None]) -> None:
        self._lines = lines
        self.number = 0
        self.row_size = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.row_size += 0 if line is None else len(line)
        if line is None or self.row_size > MAX_LINE_BYTES:
            raise csv.Error(f"the row is larger than {mebibytes(MAX_LINE_BYTES)}. Shorten or remove it")
        return line


def _of_csv(name: str) -> Iterator[Row | Unreadable]:
    csv.field_size_limit(MAX_LINE_BYTES)
    with _opened(name) as stream:
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="", errors="surrogateescape")
        lines = _CsvLines(bounded_lines(text, ends=("\n", "\r")))
        reader = csv.reader(lines, strict=True)
        header: list[str] | None = None
        while True:
            line, lines.row_size = lines.number + 1, 0
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Unreadable(f"{name}:{line}", f"no CSV: {error}")
                continue
            except FileTooLarge as error:
                yield Unreadable(f"{name}:{line}", str(error))
                return
            if cells is None:
                return
            if header is None:
                header = cells
            elif cells:
                yield _csv_row(f"{name}:{line}", header, cells)


def _csv_row(place: str, header: list[str], cells: list[str]) -> Row | Unreadable:
    if len(cells) != len(header):
        return Unreadable(place, f"expected {len(header)} cells, as the header has, got {len(cells)}")
    return Row(place, {name: cell for name, cell in zip(header, cells, strict=True) if cell})


def _of_parquet(name: str) -> Iterator[Row | Unreadable]:
    try:
        from pyarrow import parquet  # type: ignore[import-not-found,import-untyped,unused-ignore] # an extra
    except ImportError as error:
        raise missing_extra(f"{clip(name)}", "pyarrow", "parquet") from error
    try:
        table = parquet.ParquetFile(name)
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"{clip(name)}: expected a Parquet file, but reading it failed: {clip(str(error))}"
        ) from error
    number = 0
    for batch in table.iter_batches(_BATCH):
        for row in batch.to_pylist():
            number += 1
            yield Row(f"{name} row {number}", row)


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
