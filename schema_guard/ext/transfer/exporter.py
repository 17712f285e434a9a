# SPDX-License-Identifier: Apache-2.0
"""A store as a file: its attempts in the order of storing, and for JSON Lines its other records.

JSON Lines can be imported again. CSV is for spreadsheets, and Parquet for data frames.
"""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from schema_guard.ext.transfer.columns import TEXTS, kind_of
from schema_guard.ext.transfer.frames import modules, types_of
from schema_guard.ext.transfer.json_lines import StoreData, write_lines
from schema_guard.ext.transfer.moved import moved_of
from schema_guard.records.backend import pages
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from schema_guard.ext.transfer.json_lines import Fields
    from schema_guard.ext.transfer.moved import TextsAs
    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend

Form: TypeAlias = Literal["jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)

_FUNCTION, _SCHEMA_NAME, _SCHEMA_FINGERPRINT = 0, 1, 2  # of `CONFIGURATION_COLUMNS`


_GROUP_ROWS = 20_000  # about 30 MB in memory
# Characters that spreadsheets skip before a formula, and characters that begin one.
_SKIPPED = "\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f-\x9f"
_FORMULA = re.compile(f"[{_SKIPPED}]*[=+\\-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212]|[\t\r\n]")


def export(
    backend: Backend,
    stream: IO[bytes],
    form: Form,
    where: Where,
    *,
    texts: TextsAs | None = None,
    on_step: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the attempts of a store that are stored now, a page at a time, and return their number.

    Args:
        backend: The store.
        stream: The file.
        form: The format of the file.
        where: The calls to write.
        texts: How to write the texts of prompts and replies. None writes none.
        on_step: Takes the number of attempts after each page.

    Raises:
        StoreError: The store cannot be read.
        MissingExtra: The format is Parquet, and pyarrow is not installed.
    """

    def read() -> Iterator[list[Fields]]:
        for page in pages(backend, where):
            rows = [row for _, row in page]
            moved = moved_of(backend, rows, with_texts=texts is not None, with_content=form == "jsonl")
            yield [one.as_fields(texts) for one in moved]
            on_step(len(page))

    has_texts = texts is not None
    if form == "jsonl":
        return write_lines(store_data_of(backend, where), read(), stream, has_texts=has_texts)
    write = write_csv if form == "csv" else write_parquet
    return write(read(), stream, has_texts=has_texts)


def store_data_of(backend: Backend, where: Where) -> StoreData:
    """Return the records of a store that belong to the selected attempts.

    Declarations are selected by schema and function, at all times. Counts of lost records are selected by time. Their
    schema and function are unknown, so a selection of these has no counts.
    """
    with backend.reading() as snapshot:
        keys, declared = snapshot.keys(), snapshot.every_declaration()
        lost = snapshot.every_lost_record()
        configurations = snapshot.names()
        schemas = snapshot.every_schema()
    sent = {
        one[_SCHEMA_FINGERPRINT]
        for one in configurations
        if where.schema in (None, one[_SCHEMA_NAME], one[_SCHEMA_FINGERPRINT])
        and where.function in (None, one[_FUNCTION])
    }
    if where.schema is not None:
        declared = [one for one in declared if one.schema_fingerprint in {*sent, where.schema}]
    if where.function is not None:
        names = (None, where.function)
        declared = [
            one._replace(
                steps=tuple(step for step in one.steps if step.function in names),
                targets=tuple(target for target in one.targets if target.function in names),
            )
            for one in declared
        ]
    if where.schema is not None or where.function is not None:
        lost = []
    since, until = where.since, where.until
    lost = [one for one in lost if (since is None or one.at >= since) and (until is None or one.at < until)]
    return StoreData(
        keys,
        [one for one in declared if one.steps or one.targets],
        lost,
        [schema for schema in schemas if schema.fingerprint in sent],
    )


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
    pa, parquet = modules("Parquet", "parquet", "pyarrow", "pyarrow.parquet")
    kinds = types_of(pa)
    columns = [(name, *kind_of(name)) for name in ((*COLUMNS, TEXTS) if has_texts else COLUMNS)]
    schema = pa.schema([pa.field(name, kinds[kind], nullable=nullable) for name, kind, nullable in columns])
    attempts = 0
    with parquet.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True) as writer:
        rows = map(_flat, chain.from_iterable(pages))
        while group := [*islice(rows, _GROUP_ROWS)]:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            attempts += len(group)
    return attempts


def _flat(fields: Fields) -> Fields:
    texts = fields.get(TEXTS)
    return fields if texts is None else fields | {TEXTS: json.dumps(texts)}
