# SPDX-License-Identifier: Apache-2.0
"""The methods of a database engine that the writer and the store use.

All engines have the tables of `tables`, and the statements of `writing`, `snapshot`, `removal`, and `checking` run on
each. Another engine is a package in `ext/` that `urls.connect` finds by its scheme, and a line in
`tests/records/conftest.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol

from schema_guard.records.values import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from schema_guard.records.attempts import Where
    from schema_guard.records.counts.calls import StoredRow
    from schema_guard.records.sql.session import Session
    from schema_guard.records.sql.snapshot import Snapshot
    from schema_guard.records.values import StoreCheck, StoreInfo


class UnusableBackend:
    """The database of an unusable URL. Every use raises an error with the reason.

    Attributes:
        url: The given URL, without its password.
    """

    def __init__(self, url: str, why: str) -> None:
        self.url = url
        self._why = why

    def _refuse(self, *_: object) -> NoReturn:
        raise WriteRefused(self._why)

    session = reading = info = check = _refuse

    def close(self) -> None:
        """Do nothing."""

    def waits_since(self) -> float | None:
        """Return None, because nothing waits."""

    def hurry(self) -> None:
        """Do nothing."""

    def before_fork(self, deadline: float) -> None:
        """Do nothing."""

    def after_fork(self, *, in_child: bool) -> None:
        """Do nothing."""


class Backend(Protocol):
    """A database that may not be open yet."""

    @property
    def url(self) -> str:
        """URL of the database, without its password."""

    def session(self) -> Session:
        """Open the database for writing and create it if it is missing. Raise `WriteRefused` if that is impossible."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Open one state of the database for reading, empty if nothing was stored. Raise `StoreError`."""

    def info(self) -> StoreInfo:
        """Return the facts about the store. Raise `StoreError` if it cannot be read."""

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Check all stored data for damage, in one state of the database, without changing it.

        Args:
            on_step: Called with the name of the current part, its number of checked attempts, and their total.

        Raises:
            StoreError: It cannot be read, is not this library's, or has another layout.
        """

    def close(self) -> None:
        """Release the resources that outlive a session."""

    def waits_since(self) -> float | None:
        """Return the time since which a write waits for another process, on the monotonic clock. None if none waits."""

    def hurry(self) -> None:
        """Break off waits for others, until `after_fork`. A write that waited is refused as `hurried`."""

    def before_fork(self, deadline: float) -> None:
        """Wait until other threads have no connection open, until *deadline* (monotonic clock), and prevent new ones.

        Calls no code of a user's and logs nothing.
        """

    def after_fork(self, *, in_child: bool) -> None:
        """Allow connections again. In a child forked with one open, refuse every use as `forked_while_writing`."""


def pages(backend: Backend, where: Where, *, first: int = 0) -> Iterator[list[StoredRow]]:
    """Yield the attempts that are stored now, from an `id` on, in order.

    Each page is read separately, because an open read would prevent a checkpoint of the log.
    """
    with backend.reading() as snapshot:
        least, last = snapshot.span(where)
    first = max(first, least)
    while True:
        with backend.reading() as snapshot:
            rows = snapshot.page(where, first=first, last=last)
        if not rows:
            return
        yield rows
        first = rows[-1][0] + 1
