# SPDX-License-Identifier: Apache-2.0
"""Connections to PostgreSQL with a limit for each wait, and the meaning of their errors.

Rules: A forked child never uses a connection of its parent, and sends nothing on it. Every wait for the server has a
limit, on the server's side and on ours. An error either refuses a batch, or means that the server is not available, and
then the batch waits for it.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from schema_guard.ext.postgres.address import driver
from schema_guard.records.values import WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schema_guard.ext.postgres.address import Address

CONNECT_S = 5
_SLACK_S = 2.0  # for an answer to come, after the server has ended a statement that took too long
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 15.0

_REASONS = {"53100": "disk_full", "53200": "disk_full", "55P03": "locked", "57014": "locked"}
# The server restarts, is too full, is a standby now, or gave way to another transaction.
_AWAY = ("08", "57P", "53300", "25006", "40001", "40P01")
_ADVICE = {
    "53100": "is full. Free some space on the server's disk",
    "55P03": "was locked by another process for too long. End that process's transaction",
    "57014": "took too long. Check the load of the server",
    "42501": "does not permit this user to do that",
    "3F000": "has no such schema",
}

_abandoned: list[Any] = []  # connections of a parent, which the garbage collector must not close


class Links:
    """Opens the connections of one process to one server, and tracks the open ones.

    Attributes:
        is_hurried: Whether a fork is imminent, so waits for an answer are broken off.
        waits_since: Time since which a write waits for the server, on the monotonic clock. None if no write waits.
    """

    def __init__(self, address: Address, connect: Callable[..., Any] | None = None) -> None:
        self._address = address
        self._connect = connect
        self._restart()

    def _restart(self) -> None:
        self._open: list[Any] = []
        self._opening = RLock()
        self._is_held = False
        self._failures = 0
        self.is_hurried = False
        self.waits_since: float | None = None

    def open(self, limit_s: float) -> Any:
        """Connect. A wait for an answer ends `_SLACK_S` after *limit_s*, which is the limit of a statement."""
        options = {"fallback_application_name": "schema-guard", "client_encoding": "UTF8"}
        if "connect_timeout=" not in self._address.conninfo and "PGCONNECT_TIMEOUT" not in os.environ:
            options["connect_timeout"] = str(CONNECT_S)
        with self._opening:
            connect = self._connect or _patient().connect
            # Prepares no statements, because a pooler may use another session for each transaction.
            connection = connect(self._address.conninfo, autocommit=True, prepare_threshold=None, **options)
            connection.limit_s, connection.is_hurried = limit_s + _SLACK_S, lambda: self.is_hurried
            self._open.append(connection)
        return connection

    def close(self, connection: Any) -> None:
        """Close a connection, in any state. Do nothing in a forked child."""
        if connection in self._open:
            self._open.remove(connection)
            with suppress(Exception):
                connection.close()

    def before_fork(self, deadline: float) -> None:
        """Prevent new connections, unless one is still being opened at *deadline* (monotonic clock)."""
        self.is_hurried = True
        self._is_held = self._opening.acquire(timeout=max(0.0, deadline - time.monotonic()))

    def after_fork(self, *, in_child: bool) -> None:
        """Resume after a fork. A child closes the sockets of its parent's connections without notifying the server."""
        if in_child:
            _abandoned.extend(self._open)
            for connection in self._open:
                with suppress(Exception):
                    os.close(connection.fileno())
            self._restart()
            return
        self.is_hurried = False
        if self._is_held:
            self._is_held = False
            self._opening.release()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Note since when a write waits. If the server is not available, the wait continues after the block."""
        self.waits_since = self.waits_since or time.monotonic()
        try:
            with self.translated("write_failed"):
                yield
        except WriteRefused as error:
            if error.retry_after_s is None:
                self.waits_since = None
            raise
        self.waits_since, self._failures = None, 0

    @contextmanager
    def translated(self, otherwise: str) -> Iterator[None]:
        """Convert errors of psycopg to `WriteRefused`.

        Args:
            otherwise: Reason to use if the error has no other one.
        """
        errors = driver()
        try:
            yield
        except errors.Error as error:
            raise self._refused(error, otherwise) from error

    def _refused(self, error: Any, otherwise: str) -> WriteRefused:
        where, code = self._address.url, error.sqlstate or ""
        if self.is_hurried and not code:
            return WriteRefused(
                f"schema_guard can't write to {where} while the process forks, and retries after the fork",
                reason="hurried",
            )
        is_lost = not code and isinstance(error, (driver().OperationalError, driver().InterfaceError))
        if is_lost or code.startswith(_AWAY):
            return WriteRefused(
                f"{where} is not available now: {self._address.error_text(error)}",
                reason="store_unavailable",
                retry_after_s=self._pause_s(),
            )
        reason = "store_unavailable" if code in ("42501", "3F000") else _REASONS.get(code, otherwise)
        advice = _ADVICE.get(code)
        message = self._address.error_text(error)
        return WriteRefused(
            f"{where} {f'{advice} ({message})' if advice else f'gave an error: {message}'}", reason=reason
        )

    def _pause_s(self) -> float:
        """Return the pause before the next try. It doubles each time up to a limit, and a random part is subtracted."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        return random.uniform(longest / 2, longest)


@lru_cache(maxsize=1)
def _patient() -> Any:
    """Return psycopg's connection class with a limit for each wait."""
    psycopg = driver()

    class Patient(psycopg.Connection):  # type: ignore[misc,name-defined,unused-ignore]
        limit_s, is_hurried = float(CONNECT_S), bool

        def wait(self, gen: Any, *rest: Any, **options: Any) -> Any:
            return super().wait(self._bounded(gen), *rest, **options)

        def _bounded(self, gen: Any) -> Any:
            """Pass on a wait, and check its limit when psycopg resumes without an event, every tenth of a second."""
            deadline = time.monotonic() + self.limit_s
            try:
                waits_for = next(gen)
                while True:
                    ready = yield waits_for
                    if not ready and (self.is_hurried() or time.monotonic() > deadline):
                        self.pgconn.finish()
                        raise psycopg.OperationalError(
                            f"the server did not reply within {self.limit_s:g} seconds"
                        )
                    waits_for = gen.send(ready)
            except StopIteration as end:
                return end.value

    return Patient
