"""What the writer and the store need of a database, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from schema_guard.errors import StoreError

if TYPE_CHECKING:
    from schema_guard.records.declarations import DeclaredRung, DeclaredTarget
    from schema_guard.records.rows import Row

Select: TypeAlias = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def has_roll_ups(select: Select) -> bool:
    """Say whether a database has the tables that came with version 2: roll-ups and declarations."""
    ((version,),) = select("PRAGMA user_version", ())
    return bool(version >= 2)


class WriteRefused(StoreError):
    """A store cannot be opened, or did not take a batch.

    Attributes:
        reason: What the rows are counted under: `store_unavailable locked disk_full write_failed`.
    """

    def __init__(self, message: str, *, reason: str = "store_unavailable") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store is and how large.

    Attributes:
        url: Without its password.
        path: Of the database file; None in memory and on a server.
        rows: Attempts stored.
        schema_version: Of the tables; None before the first record.
        engine: The database and its version: `"sqlite 3.46.1"`.
        size_bytes: Of the database and its log.
    """

    url: str
    path: str | None
    rows: int
    schema_version: int | None
    engine: str
    size_bytes: int


class Session(Protocol):
    """An open database, for writing; used by one thread.

    Attributes:
        key: Of the keyed hashes.
    """

    key: bytes

    def write(self, rows: Sequence[Row], drops: Mapping[str, int], at: float) -> None:
        """Store the rows of whole calls and counts of drops, all or nothing; `WriteRefused` if nothing."""

    def declare_rung(self, schema_fingerprint: str, declared: DeclaredRung) -> None:
        """Add a declaration; `WriteRefused`."""

    def set_target(self, schema_fingerprint: str, declared: DeclaredTarget) -> None:
        """Add a target rate; `WriteRefused`."""

    def close(self) -> None:
        """Let the database go; never raises."""


class Backend(Protocol):
    """A database that may not be open yet."""

    @property
    def url(self) -> str:
        """Where it is, without its password."""

    def session(self) -> Session:
        """Open for writing and make what is missing; `WriteRefused` if that cannot be."""

    def reading(self) -> AbstractContextManager[Select]:
        """Open for reading one state of the database; empty when nothing was stored; `StoreError`."""

    def info(self) -> StoreInfo:
        """Say what the store is; `StoreError` if it cannot be read."""

    def close(self) -> None:
        """Let go of what outlives a session."""
