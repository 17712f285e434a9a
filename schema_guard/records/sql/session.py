# SPDX-License-Identifier: Apache-2.0
"""An open store, for writing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING

from schema_guard.records.rows import key_fingerprint
from schema_guard.records.sql import writing
from schema_guard.records.values import ContentRow, LostRecords, SecondOpinion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from schema_guard.records.payloads.texts import Payload
    from schema_guard.records.rows import Row
    from schema_guard.records.sql.removal import Removal
    from schema_guard.records.sql.tables import Connection
    from schema_guard.records.values import SchemaText


class Session(ABC):
    """An open store, for writing. It is used by one thread. `write` and `add_calls` are one transaction each.

    Attributes:
        key: The key of the hashes.
    """

    key: bytes

    def __init__(self) -> None:
        self._has_noted = False

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """Return a block in which nobody else writes. It is committed at its end, or rolled back.

        Errors of the database become `WriteRefused`.
        """

    @abstractmethod
    def removal(self) -> Removal:
        """Return the object that deletes."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection. Never raises."""

    def write(
        self,
        rows: Sequence[Row],
        lost_records: Mapping[str, int],
        at: float,
        payloads: Sequence[Payload | None] = (),
        schemas: Sequence[SchemaText] = (),
        content: Sequence[ContentRow | SecondOpinion] = (),
    ) -> None:
        """Store the rows of whole calls and counts of lost records: all of them, or nothing with `WriteRefused`.

        Args:
            rows: Rows of whole calls.
            lost_records: Lost records, by reason.
            at: Now, in seconds since the epoch, UTC.
            payloads: The texts of each row, None for a row without texts. Empty if no row has any.
            schemas: Texts of the schemas of these calls.
            content: Facts about the values of these calls, and second opinions about these or earlier calls.
        """
        lost = [LostRecords(reason, attempts, at) for reason, attempts in lost_records.items()]
        with self._sending(rows, lost_records), self.writing() as connection:
            is_new, lost = self._unstored(connection, lost)
            if is_new and rows:
                content_rows = [one for one in content if isinstance(one, ContentRow)]
                writing.append(connection, rows, payloads, content_rows)
                if not self._has_noted:
                    writing.note_keys(connection, [key_fingerprint(self.key)])
            opinions = [one for one in content if isinstance(one, SecondOpinion)]
            writing.add_second_opinions(connection, opinions)
            writing.add_schemas(connection, schemas)
            writing.insert_lost_records(connection, lost)
        self._has_noted = self._has_noted or bool(rows)

    def _sending(
        self, rows: Sequence[Row], lost_records: Mapping[str, int]
    ) -> AbstractContextManager[object]:
        """Return a block in which a batch is sent. A server may store it although its answer is lost."""
        return nullcontext()

    def _unstored(
        self, connection: Connection, lost_records: list[LostRecords]
    ) -> tuple[bool, list[LostRecords]]:
        """Return whether the rows of the batch are not stored yet, and the counts that are not stored yet."""
        return True, lost_records

    def add_calls(
        self,
        rows: Sequence[Row],
        payloads: Sequence[Payload | None] = (),
    ) -> int:
        """Store the calls whose `call_id` is not stored.

        A call of an hour with deleted attempts is not stored, because it may have been counted there already.

        Args:
            rows: Rows of whole calls. If a call occurs twice, the first one counts.
            payloads: As in `write`.

        Returns:
            How many attempts were stored.
        """
        with self.writing() as connection:
            return writing.add_calls(connection, rows, payloads)
