# SPDX-License-Identifier: Apache-2.0
"""A store written into a file: its attempts in the order of storing, with what stands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from schema_guard.ext.transfer import forms
from schema_guard.ext.transfer.columns import TEXTS, fields_of
from schema_guard.ext.transfer.entries import Head, StoreData
from schema_guard.ext.transfer.texts import texts_as_json
from schema_guard.records.reading import pages
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.ext.transfer.entries import Fields
    from schema_guard.ext.transfer.forms import Form
    from schema_guard.ext.transfer.texts import TextsAs
    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.payloads.texts import Texts
    from schema_guard.records.rows import Row

__all__ = ["Export", "export", "store_data_of", "texts_by_attempt"]

_CALL_ID, _NUMBER = COLUMNS.index("call_id"), COLUMNS.index("number")
_FUNCTION, _SCHEMA_NAME, _SCHEMA_FINGERPRINT = 0, 1, 2  # of `CONFIGURATION_COLUMNS`


@dataclass(frozen=True)
class Export:
    """What goes out, and how.

    Attributes:
        form: Of the file.
        where: Which calls.
        release: Of this library.
        texts: How the texts of prompts and replies go out; None for not at all.
        on_step: Is told after each page how many attempts it had.
    """

    form: Form
    where: Where
    release: str
    texts: TextsAs | None = None
    on_step: Callable[[int], None] | None = None


def export(backend: Backend, stream: IO[bytes], leaving: Export) -> int:
    """Write the attempts of a store that are stored now, a page at a time.

    Args:
        backend: The store.
        stream: Where to.
        leaving: What and how.

    Returns:
        How many attempts there were.

    Raises:
        StoreError: The store cannot be read.
        MissingExtra: Parquet was asked for and pyarrow is not installed.
    """

    def read() -> Iterator[list[Fields]]:
        for page in pages(backend, leaving.where):
            rows = [row for _, row in page]
            fields = [fields_of(row) for row in rows]
            if leaving.texts is not None:
                by_attempt = texts_by_attempt(backend, rows)
                for row, attempt in zip(rows, fields, strict=True):
                    texts = by_attempt.get((row[_CALL_ID], row[_NUMBER]))
                    attempt[TEXTS] = None if texts is None else texts_as_json(texts, leaving.texts)
            yield fields
            if leaving.on_step is not None:
                leaving.on_step(len(page))

    head = Head(store_data_of(backend, leaving.where), leaving.release, leaving.texts is not None)
    return forms.write(leaving.form, head, read(), stream)


def texts_by_attempt(backend: Backend, rows: Sequence[Row]) -> dict[tuple[object, object], Texts]:
    """Give what is kept of the texts of attempts, by `call_id` and number."""
    call_ids = list(dict.fromkeys(str(row[_CALL_ID]) for row in rows))
    with backend.reading() as snapshot:
        return {(texts.call_id, texts.number): texts for texts in snapshot.texts(call_ids)}


def store_data_of(backend: Backend, where: Where) -> StoreData:
    """Give what a store has beside the attempts in question.

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
        tuple(one for one in declared if one.steps or one.targets),
        tuple(lost),
        tuple(schema for schema in schemas if schema.fingerprint in sent),
    )
