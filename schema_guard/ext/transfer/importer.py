# SPDX-License-Identifier: Apache-2.0
"""Imports of files and of other stores, in batches of whole calls, each all or nothing.

Rules:
1. A file is read to its end and checked before any of it is imported.
2. The id identifies a call. Calls that are stored already don't change, so an import that was killed can be repeated.
3. Hashes of another key are refused. If the user wants them anyway, they are hashed once more, so that no input of one store
   equals an input of another. Clusters are names that users give, and are never changed.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar

from schema_guard.errors import InvalidArgument
from schema_guard.ext.transfer.exporter import store_data_of
from schema_guard.ext.transfer.json_lines import FileReading
from schema_guard.ext.transfer.moved import add_content, moved_calls, payload_of
from schema_guard.records.attempts import Where
from schema_guard.records.backend import pages
from schema_guard.records.declarations import DeclaredStep, DeclaredTarget
from schema_guard.records.rows import COLUMNS, key_fingerprint, keyed_hash
from schema_guard.records.sql import writing
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from schema_guard.ext.transfer.json_lines import StoreData
    from schema_guard.ext.transfer.moved import Moved
    from schema_guard.records.backend import Backend
    from schema_guard.records.declarations import Declared
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.session import Session
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import LostRecords

D = TypeVar("D", DeclaredStep, DeclaredTarget)
BATCH_ROWS = 5_000  # in one transaction, which blocks other writers for a fifth of a second
_BATCH_CHARS = 16 * 1024 * 1024  # of texts
_PAUSE_S = 0.01  # several times the interval at which another process tries to write
_CALL_ID, _INPUT_HASH = COLUMNS.index("call_id"), COLUMNS.index("input_hash")


def check(source: str, stream: IO[bytes]) -> FileReading:
    """Read a file to its end, and return its content.

    Args:
        source: Name of the file, for messages.
        stream: The file, which must be seekable.

    Raises:
        InvalidArgument: The file is no export, or has faults. The message lists the first ten.
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
        InvalidArgument: The file has hashes of another key, and *taking* doesn't allow that.
        StoreError: The store cannot be written.
    """
    source = checked.source
    how = linked(backend, source, checked.data.keys, unlinked=taking.unlinked)
    reading = FileReading(source, checked.stream)
    added = Added(source, checked.calls, checked.attempts)
    return _add(backend, reading.whole_calls(), checked.data, how, added, taking)


def merge(backend: Backend, source: str, other: Backend, taking: Taking) -> Added:
    """Copy the records of another store into a store. The other store is only read.

    Args:
        backend: The store.
        source: Name of the other store.
        other: The other store.
        taking: How to import it.

    Raises:
        InvalidArgument: The other store has hashes of another key, and *taking* doesn't allow that.
        StoreError: The store cannot be written, or the other store cannot be read.
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
            stored = pages(backend, Where(call_ids=sorted({moved.call_id for moved in attempts})))
            known = {str(row[_CALL_ID]) for page in stored for _, row in page}
            added.added += sum(moved.call_id not in known for moved in attempts)
            taking.on_step(len(attempts))
        with backend.reading() as snapshot:
            add_store_data(snapshot.connection, beside, added, dry_run=True)
        return added
    with closing(backend.session()) as session:
        if how.key is not None:
            adopt_key(session, how.key)
        with session.writing() as connection:
            writing.note_keys(connection, how.keys)
        added.is_of_another_key = bool(how.keys) and key_fingerprint(session.key) not in how.keys
        added.added = add_calls(session, calls, taking, namespace=how.namespace)
        with session.writing() as connection:
            add_store_data(connection, beside, added)
    return added


@dataclass
class Added:
    """The result of importing a file or a store.

    Attributes:
        source: Name of the file or the store.
        calls: Number of its calls.
        attempts: Number of the attempts of these calls.
        added: Number of these attempts that are new to the store.
        declarations: Number of targets and declarations about steps that are new to the store.
        lost_records: Number of counts of lost records that are new to the store.
        unlinked: Whether its inputs count as different from those of the store.
        is_of_another_key: Whether the store was empty and hashes new records with another key.
    """

    source: str
    calls: int = 0
    attempts: int = 0
    added: int = 0
    declarations: int = 0
    lost_records: int = 0
    unlinked: bool = False
    is_of_another_key: bool = False


@dataclass(frozen=True)
class Taking:
    """The options of an import.

    Attributes:
        unlinked: Whether to import hashes of another key, whose inputs then count as different inputs.
        dry_run: Whether to count the new records without storing them.
        with_texts: Whether to import the texts of prompts and replies.
        on_step: Takes the number of attempts after each batch.
    """

    unlinked: bool = False
    dry_run: bool = False
    with_texts: bool = False
    on_step: Callable[[int], None] = lambda _: None


class Linked(NamedTuple):
    """The relation between the hashes of a source and those of a store.

    Attributes:
        keys: Fingerprints to note in the store.
        namespace: Key with which the inputs of the source are hashed once more, or None to use their hashes unchanged.
        key: Key of the source, if the store has no hashes and continues with this key. None if the key is unknown.
    """

    keys: frozenset[str]
    namespace: bytes | None = None
    key: bytes | None = None


def linked(
    backend: Backend, source: str, keys: frozenset[str], key: bytes | None = None, *, unlinked: bool
) -> Linked:
    """Compare the keys of a source with those of a store, and return the relation.

    Args:
        backend: The store.
        source: Name of the source, for the message.
        keys: Fingerprints of the source's keys.
        key: Key with which the source hashes, or None if it is unknown.
        unlinked: Whether the store may contain inputs of different keys.

    Raises:
        InvalidArgument: The keys differ, and *unlinked* is false.
    """
    with backend.reading() as snapshot:
        there = snapshot.keys()
    if keys <= there:
        return Linked(frozenset())
    if not there:
        is_all = key is not None and keys == {key_fingerprint(key)}
        return Linked(keys, key=key if is_all else None)
    with closing(backend.session()) as session:
        own = key_fingerprint(session.key)
    if keys <= there | {own}:
        return Linked(keys)
    if not unlinked:
        raise InvalidArgument(
            f"{source}: its input hashes use the key {_listed(keys)}, but those of the store use {_listed(there)}, "
            "so schema_guard can't match equal inputs. Use one SCHEMA_GUARD_HASH_KEY on all machines. To import the file "
            "anyway, add --unlinked, which counts its inputs as different inputs"
        )
    return Linked(frozenset(), ",".join(sorted(keys)).encode())


def _listed(keys: Iterable[str]) -> str:
    return " and ".join(sorted(keys))


def add_calls(
    session: Session,
    calls: Iterable[list[Moved]],
    taking: Taking,
    *,
    namespace: bytes | None = None,
) -> int:
    """Store the calls that are new to the store. Other processes can write in between.

    Args:
        session: Session of the store.
        calls: Attempts of each call, in the order of storing.
        taking: How to import them.
        namespace: As in `Linked`.

    Returns:
        The number of stored attempts.
    """
    added = 0
    for attempts in batches(calls):
        rows = [moved.row if namespace is None else _apart(moved.row, namespace) for moved in attempts]
        texts = [moved.texts for moved in attempts] if taking.with_texts else []
        added += session.add_calls(rows, [None if one is None else payload_of(one) for one in texts])
        content = {moved.call_id: moved.content for moved in attempts if moved.content is not None}
        if content:
            with session.writing() as connection:
                add_content(connection, content)
        taking.on_step(len(rows))
        if len(rows) >= BATCH_ROWS:
            time.sleep(_PAUSE_S)
    return added


def batches(calls: Iterable[list[Moved]]) -> Iterator[list[Moved]]:
    """Yield the attempts of several whole calls at a time."""
    attempts: list[Moved] = []
    chars = 0
    for call in calls:
        attempts += call
        chars += sum(len(f"{moved.texts.prompt}{moved.texts.reply}") for moved in call if moved.texts)
        if len(attempts) >= BATCH_ROWS or chars >= _BATCH_CHARS:
            yield attempts
            attempts, chars = [], 0
    if attempts:
        yield attempts


def _apart(row: Row, namespace: bytes) -> Row:
    """Return a row whose input equals no input of another store."""
    input_hash = row[_INPUT_HASH]
    if input_hash is None:
        return row
    return (*row[:_INPUT_HASH], keyed_hash(str(input_hash), namespace), *row[_INPUT_HASH + 1 :])


def add_store_data(connection: Connection, beside: StoreData, added: Added, *, dry_run: bool = False) -> None:
    """Count the declarations and counts of lost records that are not stored. Store them unless it is a dry run."""
    for declared in beside.declared:
        added.declarations += add_declared(connection, declared, dry_run=dry_run)
    added.lost_records += add_lost_records(connection, beside.lost_records, dry_run=dry_run)
    if not dry_run:
        writing.add_schemas(connection, beside.schemas)


def joined(there: Sequence[D], coming: Sequence[D]) -> list[D]:
    """Merge declarations of another store into those of this one, so that the latest one applies.

    Declarations that both stores have are not added. The declarations of each store keep their order, which no clock
    decides. Between the two stores, the earlier date goes first.
    """
    known = Counter(there)
    new = []
    for declaration in coming:
        if known[declaration]:
            known[declaration] -= 1
        else:
            new.append(declaration)
    declarations: list[D] = []
    for declaration in there:
        while new and new[0].at < declaration.at:
            declarations.append(new.pop(0))
        declarations.append(declaration)
    return declarations + new


def add_declared(connection: Connection, declared: Declared, *, dry_run: bool = False) -> int:
    """Merge declarations about a schema into the stored ones, and return the number of new ones."""
    which = declared.schema_fingerprint
    steps = [DeclaredStep(*row) for row in connection.select(writing.STEPS, (which,))]
    targets = [DeclaredTarget(*row) for row in connection.select(writing.TARGETS, (which,))]
    all_steps, all_targets = joined(steps, declared.steps), joined(targets, declared.targets)
    new = len(all_steps) - len(steps) + len(all_targets) - len(targets)
    if new and not dry_run:
        # Their order is that of `id`, so the others are stored again.
        sql = "DELETE FROM notes WHERE kind IN ('step', 'target') AND schema_fingerprint = ?"
        connection.execute(sql, (which,))
        writing.insert_declarations(connection, which, [*all_steps, *all_targets])
    return new


def add_lost_records(
    connection: Connection, lost_records: Sequence[LostRecords], *, dry_run: bool = False
) -> int:
    """Store the counts that are new to the store, each as often as it occurs, and return their number."""
    new = list((Counter(lost_records) - Counter(writing.every_lost_record(connection))).elements())
    if not dry_run:
        writing.insert_lost_records(connection, new)
    return len(new)


def adopt_key(session: Session, key: bytes) -> None:
    """Use a key for the hashes of a store that has none yet, unless the environment names a key.

    So a store that moves from a file to a server still recognizes its inputs.
    """
    with session.writing() as connection:
        if not writing.last_id(connection) and not writing.noted_keys(connection):
            connection.execute(writing.SET_META, ("hash_key", key.hex()))
        session.key = writing.hash_key(connection)
