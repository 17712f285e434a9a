# SPDX-License-Identifier: Apache-2.0
"""Declarations, counts of lost records, and keys of another store, each added once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from schema_guard.records.declarations import DeclaredStep, DeclaredTarget
from schema_guard.records.sql import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.declarations import Declared
    from schema_guard.records.sql.session import Session
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import LostRecords

__all__ = ["add_declared", "add_lost_records", "adopt_key", "joined"]

D = TypeVar("D", DeclaredStep, DeclaredTarget)


def joined(there: Sequence[D], coming: Sequence[D]) -> list[D]:
    """Put declarations of another store among those of this one, so that the latest holds.

    What is there already is not added. Both keep their own order, which no clock decides; between the two the
    earlier date goes first.
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


def add_declared(connection: Connection, declared: Declared) -> int:
    """Put declarations about a schema among those that are stored, and return the number of new ones."""
    which = declared.schema_fingerprint
    steps = [DeclaredStep(*row) for row in connection.select(writing.STEPS, (which,))]
    targets = [DeclaredTarget(*row) for row in connection.select(writing.TARGETS, (which,))]
    all_steps, all_targets = joined(steps, declared.steps), joined(targets, declared.targets)
    new = len(all_steps) - len(steps) + len(all_targets) - len(targets)
    if new:
        # Their order is that of `id`, so the others are stored again.
        sql = "DELETE FROM notes WHERE kind IN ('step', 'target') AND schema_fingerprint = ?"
        connection.execute(sql, (which,))
        writing.insert_declarations(connection, which, [*all_steps, *all_targets])
    return new


def add_lost_records(connection: Connection, lost_records: Sequence[LostRecords]) -> int:
    """Store the counts that are not stored, each as often as it comes, and return their number."""
    new = list((Counter(lost_records) - Counter(writing.every_lost_record(connection))).elements())
    writing.insert_lost_records(connection, new)
    return len(new)


def adopt_key(session: Session, key: bytes) -> None:
    """Use a key for the hashes of a store that has none yet, unless the environment names a key.

    So a store that moves from a file to a server still knows its inputs.
    """
    with session.writing() as connection:
        if not writing.last_id(connection) and not writing.noted_keys(connection):
            connection.execute(writing.SET_META, ("hash_key", key.hex()))
        session.key = writing.hash_key(connection)
