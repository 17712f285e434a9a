# SPDX-License-Identifier: Apache-2.0
"""Attempts as a table for other programs: CSV for spreadsheets, Parquet for data frames. Only `json_lines` is read back."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from schema_guard.errors import missing_extra
from schema_guard.ext.transfer.columns import TEXTS, kind_of
from schema_guard.ext.transfer.frames import types_of
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.transfer.json_lines import Fields

_GROUP_ROWS = 20_000  # about 30 MB in memory
# Characters that spreadsheets skip before a formula, and characters that begin one.
_SKIPPED = "\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f-\x9f"
_FORMULA = re.compile(f"[{_SKIPPED}]*[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]|[\t\r\n]")


def safe_cell(text: str) -> str:
    """Return a text with an apostrophe before it if a spreadsheet would run it as a formula.

    >>> safe_cell("=1+1"), safe_cell("billing")
    ("'=1+1", 'billing')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def write_csv(pages: Iterable[list[Fields]], stream: IO[bytes], *, has_texts: bool) -> int:
    """Write attempts as CSV (RFC 4180), and return their number. An empty cell is null; lists are JSON."""
    columns = (*COLUMNS, TEXTS) if has_texts else COLUMNS
    attempts = 0
    stream.write(_lines([columns]))
    for page in pages:
        stream.write(_lines(_cells(fields, columns) for fields in page))
        attempts += len(page)
    return attempts


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


def _cells(fields: Fields, columns: Iterable[str]) -> Iterator[Any]:
    for value in map(fields.get, columns):
        if isinstance(value, str):
            yield safe_cell(value)
        else:
            yield value if value is None or type(value) in (int, float) else json.dumps(value)


def write_parquet(pages: Iterable[list[Fields]], stream: IO[bytes], *, has_texts: bool) -> int:
    """Write attempts as Parquet, each column in its own type, and return their number.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("Parquet", "pyarrow", "parquet") from error
    kinds = types_of(pa)
    columns = [(name, *kind_of(name)) for name in ((*COLUMNS, TEXTS) if has_texts else COLUMNS)]
    schema = pa.schema([pa.field(name, kinds[kind], nullable=nullable) for name, kind, nullable in columns])
    attempts = 0
    with pa.parquet.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True) as writer:
        rows = map(_flat, chain.from_iterable(pages))
        while group := [*islice(rows, _GROUP_ROWS)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            attempts += len(group)
    return attempts


def _flat(fields: Fields) -> Fields:
    texts = fields.get(TEXTS)
    return fields if texts is None else fields | {TEXTS: json.dumps(texts)}
