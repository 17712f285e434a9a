# SPDX-License-Identifier: Apache-2.0
"""The schedule by which a writer deletes rows and texts beyond the retention."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from schema_guard.interruptions import is_interruption
from schema_guard.records.payloads.retention import STEP_ROWS, Retention
from schema_guard.records.process.threads import warn

if TYPE_CHECKING:
    from schema_guard.records.sql.session import Session

_EVERY_S: Final = 60.0


class Schedule:
    """Deletes rows and texts beyond a retention, at intervals and a limited number at a time.

    Attributes:
        retention: The retention that applies.
    """

    def __init__(self) -> None:
        self.retention = Retention()
        self._next_at = 0.0
        self._has_warned = False

    def after_write(self, session: Session) -> Session | None:
        """Delete some rows if it is time. Return the session to continue with, or None to open one. Never raises."""
        now = time.monotonic()
        if now < self._next_at or not self.retention.is_limited:
            return session
        self._next_at = now + _EVERY_S
        try:
            if session.removal().prune(self.retention, time.time(), STEP_ROWS) >= STEP_ROWS:
                self._next_at = now  # delete more rows with the next write
        except Exception as error:
            if is_interruption(error):
                raise
            session.close()
            is_postponed = getattr(error, "reason", None) == "hurried"
            if not (self._has_warned or is_postponed):
                self._has_warned = True
                warn("schema_guard could not delete old rows from the store: %s", error)
            return None
        return session
