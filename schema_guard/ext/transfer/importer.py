# SPDX-License-Identifier: Apache-2.0
"""Imports of files and of other stores.

Rules: a file is read to its end and checked before any of it is imported. Calls that are stored already stay as they are.
"""

from __future__ import annotations

from contextlib import closing
from typing import IO, TYPE_CHECKING

from schema_guard.errors import InvalidArgument
from schema_guard.ext.transfer.exporter import store_data_of
from schema_guard.ext.transfer.insertion import (
    Added,
    add_calls,
    add_store_data,
    adopt_key,
    batches,
    count_store_data,
    linked,
    stored_call_ids,
)
from schema_guard.ext.transfer.json_lines import FileReading
from schema_guard.ext.transfer.moved import moved_calls
from schema_guard.records.attempts import Where
from schema_guard.records.rows import key_fingerprint
from schema_guard.records.sql import writing
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.transfer.insertion import Linked, Taking
    from schema_guard.ext.transfer.json_lines import StoreData
    from schema_guard.ext.transfer.moved import Moved
    from schema_guard.records.backend import Backend

__all__ = ["check", "import_file", "merge"]


def check(source: str, stream: IO[bytes]) -> FileReading:
    """Read a file to its end, and return what it has.

    Args:
        source: Its name, for messages.
        stream: The file; can be set back to its beginning.

    Raises:
        InvalidArgument: It is no export, or something in it is wrong; the message lists the first ten places.
    """
    reading = FileReading(source, stream)
    for _ in reading.whole_calls():
        pass
    if reading.faults:
        more = reading.faults - len(reading.first_faults)
        listed = [*reading.first_faults, *([f"and {more} more"] if more else [])]
        raise InvalidArgument(
            f"{source}: the file has {plural(reading.faults, 'fault')}, so nothing was imported. Export the store again, or fix the file\n  "
            + "\n  ".join(listed)
        )
    return reading


def import_file(backend: Backend, checked: FileReading, taking: Taking) -> Added:
    """Import a file into a store.

    Args:
        backend: The store.
        checked: The file, as `check` returned it.
        taking: How to import it.

    Raises:
        InvalidArgument: It is of another key, and that was not allowed.
        StoreError: The store cannot be written.
    """
    source = checked.source
    how = linked(backend, source, checked.data.keys, unlinked=taking.unlinked)
    reading = FileReading(source, checked.stream)
    added = Added(source, checked.calls, checked.attempts)
    return _add(backend, reading.whole_calls(), checked.data, how, added, taking)


def merge(backend: Backend, source: str, other: Backend, taking: Taking) -> Added:
    """Copy the records of another store into a store. The other one is only read.

    Args:
        backend: The store.
        source: Name of the other one.
        other: The other one.
        taking: How.

    Raises:
        InvalidArgument: It is of another key, and that was not allowed.
        StoreError: The store cannot be written, or the other one not be read.
    """
    beside = store_data_of(other, Where())
    with other.reading() as snapshot:
        key = snapshot.key()
    how = linked(backend, source, beside.keys, key, unlinked=taking.unlinked)
    added = Added(source)

    def read() -> Iterator[list[Moved]]:
        for call in moved_calls(other, Where(), with_texts=taking.with_texts):
            added.calls += 1
            added.attempts += len(call)
            yield call

    return _add(backend, read(), beside, how, added, taking)


def _add(
    backend: Backend,
    calls: Iterable[list[Moved]],
    beside: StoreData,
    how: Linked,
    added: Added,
    taking: Taking,
) -> Added:
    added.unlinked = how.namespace is not None
    if taking.dry_run:
        for attempts in batches(calls):
            known = stored_call_ids(backend, {moved.call_id for moved in attempts})
            added.added += sum(moved.call_id not in known for moved in attempts)
            taking.on_step(len(attempts))
        count_store_data(backend, beside, added)
        return added
    with closing(backend.session()) as session:
        if how.key is not None:
            adopt_key(session, how.key)
        with session.writing() as connection:
            writing.note_keys(connection, how.keys)
        added.is_of_another_key = bool(how.keys) and key_fingerprint(session.key) not in how.keys
        added.added = add_calls(session, calls, taking, namespace=how.namespace)
        add_store_data(session, beside, added)
    return added
