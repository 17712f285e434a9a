# SPDX-License-Identifier: Apache-2.0
"""Parquet, through pyarrow: an attempt a row in columns of their own types; what is no attempt is in its metadata."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.ext.transfer.columns import TEXTS, kind_of
from schema_guard.ext.transfer.entries import ATTEMPT, NAMES, Entry, FileFault, head_entries
from schema_guard.records.rows import COLUMNS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.ext.transfer.entries import EntryOrFault, Fields, Head

_KEY = b"schema_guard"
_GROUP_ROWS = 20_000  # held until they are written: some 30 MB
_READ_ROWS = 1_000


def _arrow() -> Any:
    try:
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
        import pyarrow.parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("Parquet", "pyarrow", "parquet") from error
    return pa


def _schema(pa: Any, columns: Sequence[str]) -> Any:
    kinds = {
        "text": pa.string(),
        "count": pa.int64(),
        "number": pa.float64(),
        "flag": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "pairs": pa.list_(pa.list_(pa.string())),
        "object": pa.string(),  # JSON
    }
    typed = [(name, *kind_of(name)) for name in columns]
    return pa.schema([pa.field(name, kinds[kind], nullable=nullable) for name, kind, nullable in typed])


def write(head: Head, pages: Iterable[list[Fields]], stream: IO[bytes]) -> int:
    """Write a store; gives the number of attempts. `MissingExtra` without pyarrow."""
    pa = _arrow()
    about = json.dumps([[name, fields] for name, fields in head_entries(head)])
    schema = _schema(pa, (*COLUMNS, TEXTS) if head.has_texts else COLUMNS).with_metadata(
        {_KEY: about.encode()}
    )
    attempts = 0
    with pa.parquet.ParquetWriter(stream, schema, compression="zstd", write_page_checksum=True) as writer:
        for rows in _groups(pages):
            writer.write_table(pa.Table.from_pylist([*map(_flat, rows)], schema=schema))
            attempts += len(rows)
    return attempts


def _flat(fields: Fields) -> Fields:
    texts = fields.get(TEXTS)
    return fields if texts is None else fields | {TEXTS: json.dumps(texts)}


def _groups(pages: Iterable[list[Fields]]) -> Iterator[list[Fields]]:
    rows: list[Fields] = []
    for page in pages:
        rows += page
        if len(rows) >= _GROUP_ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def read(source: str, stream: IO[bytes]) -> Iterator[EntryOrFault]:
    """Give what the metadata and each row say; `InvalidArgument` for a file or columns that are not ours."""
    pa = _arrow()
    try:
        file = pa.parquet.ParquetFile(stream, page_checksum_verification=True)
        about = _metadata_entries(source, (file.schema_arrow.metadata or {}).get(_KEY))
        _check(source, _schema(pa, (*COLUMNS, TEXTS)), file.schema_arrow)
        yield from about
        number = 0
        for batch in file.iter_batches(batch_size=_READ_ROWS):
            for fields in batch.to_pylist():
                number += 1
                yield _attempt(f"row {number}", fields)
        yield Entry("the end", "end", {"attempts": number})  # a file that was cut off has no metadata
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{source} is damaged: export it again: {clip(str(error))}") from error


def _attempt(place: str, fields: Fields) -> EntryOrFault:
    texts = fields.get(TEXTS)
    if texts is None:
        return Entry(place, ATTEMPT, fields)
    from jiter import from_json  # as in `core`: what is parsed is parsed by it

    try:
        return Entry(place, ATTEMPT, fields | {TEXTS: from_json(texts.encode(), catch_duplicate_keys=True)})
    except ValueError as error:
        return FileFault(place, f"at /{TEXTS}: expected JSON: {clip(str(error))}")


def _metadata_entries(source: str, metadata: bytes | None) -> list[EntryOrFault]:
    """Give the entries of the metadata."""
    from jiter import from_json

    if metadata is None:
        raise InvalidArgument(
            f"{source}: expected what `schema-guard store export` has written, got a Parquet file of another program"
        )
    try:
        document = from_json(metadata, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidArgument(f"{source}: its metadata {_KEY!r} is no JSON: {clip(str(error))}") from error
    entries = document if isinstance(document, list) else [document]
    return [_entry(f"metadata {number}", entry) for number, entry in enumerate(entries, start=1)]


def _entry(place: str, pair: Any) -> EntryOrFault:
    if isinstance(pair, list) and len(pair) == 2 and pair[0] in NAMES and isinstance(pair[1], dict):
        return Entry(place, *pair)
    return FileFault(place, f"expected a name and its fields, got {clip(repr(pair))}")


def _check(source: str, expected: Any, schema: Any) -> None:
    for field in schema:
        place = expected.get_field_index(field.name)
        if place < 0 or expected.field(place).type != field.type:
            wanted = "no such column" if place < 0 else expected.field(place).type
            raise InvalidArgument(
                f"{source}: column {clip(repr(field.name))}: expected {wanted}, got {clip(str(field.type))}"
            )
    if len(set(schema.names)) < len(schema.names):
        raise InvalidArgument(f"{source}: expected each column once")
