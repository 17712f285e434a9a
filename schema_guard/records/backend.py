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
    """The database of an unusable URL. It refuses every use, and gives the reason.

    Attributes:
        url: As it was given, without its password.
    """

    def __init__(self, url: str, why: str) -> None:
        self.url = url
        self._why = why

    def _refuse(self, *_: object) -> NoReturn:
        raise WriteRefused(self._why)

    session = reading = info = check = _refuse

    def close(self) -> None:
        """Let go of nothing."""

    def waits_since(self) -> float | None:
        """Wait for nobody."""

    def hurry(self) -> None:
        """Hurry nothing."""

    def before_fork(self, deadline: float) -> None:
        """Wait for nothing."""

    def after_fork(self, *, in_child: bool) -> None:
        """Go on."""


class Backend(Protocol):
    """A database that may not be open yet."""

    @property
    def url(self) -> str:
        """Where it is, without its password."""

    def session(self) -> Session:
        """Open for writing and make what is missing; `WriteRefused` if that cannot be."""

    def reading(self) -> AbstractContextManager[Snapshot]:
        """Open for reading one state of the database; empty when nothing was stored; `StoreError`."""

    def info(self) -> StoreInfo:
        """Return what the store is; `StoreError` if it cannot be read."""

    def check(self, on_step: Callable[[str, int, int], None]) -> StoreCheck:
        """Look for damage in all that is stored, in one state of the database; changes nothing.

        Args:
            on_step: Is told what is looked at, how many attempts of it are done, and how many there are.

        Raises:
            StoreError: It cannot be read, is not this library's, or has another layout.
        """

    def close(self) -> None:
        """Let go of what outlives a session."""

    def waits_since(self) -> float | None:
        """Say since when a write waits for another process, on the monotonic clock; None when none does."""

    def hurry(self) -> None:
        """Break off waits for others, until `after_fork`: a write that waited is refused as `hurried`."""

    def before_fork(self, deadline: float) -> None:
        """Wait until no other thread has a connection open, at most until *deadline* (monotonic clock), and let none be opened.

        Calls no code of a user's and logs nothing.
        """

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; a child in which a connection of its parent's is open refuses every use as `forked_while_writing`."""


def pages(backend: Backend, where: Where, *, first: int = 0) -> Iterator[list[StoredRow]]:
    """Yield the attempts that are stored now, from an `id` on, in order.

    A page is read at a time: an open read would keep the log from being checkpointed.
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
