# SPDX-License-Identifier: Apache-2.0
"""A store as a file: its attempts in the order of storing, and for JSON Lines its other records."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Literal, TypeAlias, get_args

from schema_guard.ext.transfer.json_lines import StoreData, write_lines
from schema_guard.ext.transfer.moved import moved_of
from schema_guard.records.reading import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.ext.transfer.json_lines import Fields
    from schema_guard.ext.transfer.texts import TextsAs
    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend

__all__ = ["FORMS", "Form", "export", "store_data_of"]

Form: TypeAlias = Literal["jsonl", "csv", "parquet"]
FORMS: tuple[Form, ...] = get_args(Form)

_FUNCTION, _SCHEMA_NAME, _SCHEMA_FINGERPRINT = 0, 1, 2  # of `CONFIGURATION_COLUMNS`


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
        MissingExtra: Parquet was asked for and pyarrow is not installed.
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
    from schema_guard.ext.transfer import tables  # only for these forms

    write = tables.write_csv if form == "csv" else tables.write_parquet
    return write(read(), stream, has_texts=has_texts)


def store_data_of(backend: Backend, where: Where) -> StoreData:
    """Return what a store has beside the attempts in question.

    Declarations go by schema and function, whatever the times. Counts of lost records go by time, and nobody knows of which
    schema or function they were: where those are named there are none.
    """
    with backend.reading() as snapshot:
        keys, declared = snapshot.keys(), snapshot.every_declaration()
        lost = snapshot.every_lost_record()
        configurations = snapshot.names()
        schemas = snapshot.every_schema()
    if where.schema is not None:
        fingerprints = {
            one[_SCHEMA_FINGERPRINT] for one in configurations if where.schema == one[_SCHEMA_NAME]
        } | {where.schema}
        declared = [one for one in declared if one.schema_fingerprint in fingerprints]
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
    sent = {
        one[_SCHEMA_FINGERPRINT]
        for one in configurations
        if where.schema in (None, one[_SCHEMA_NAME], one[_SCHEMA_FINGERPRINT])
        and where.function in (None, one[_FUNCTION])
    }
    return StoreData(
        keys,
        [one for one in declared if one.steps or one.targets],
        lost,
        [schema for schema in schemas if schema.fingerprint in sent],
    )
