# SPDX-License-Identifier: Apache-2.0
"""Taking rows, texts and counts out of a store, step by step, until nothing is left of them in its files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.records.payloads.retention import STEP_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.records.payloads.retention import Forgotten, Retention
    from schema_guard.records.sql.session import Session

__all__ = ["Removed", "forget", "forget_counts", "prune"]

_PAUSE_S = 0.01  # several times what another process waits before it looks again whether it may write


class Removed(NamedTuple):
    """What was taken out.

    Attributes:
        attempts: How many rows.
        is_shredded: Whether nothing of them is left in the files; False where a reader kept the log from being emptied.
    """

    attempts: int
    is_shredded: bool


def prune(session: Session, retention: Retention, on_step: Callable[[int], None] | None = None) -> Removed:
    """Take out all rows that are not to be kept."""
    removal, done, step, now = session.removal(), 0, 1, time.time()
    while step:
        step = removal.prune(retention, now, STEP_ROWS)
        done = _report_step(done + step, on_step)
    return Removed(done, removal.shred())


def forget(session: Session, what: Forgotten, on_step: Callable[[int], None] | None = None) -> Removed:
    """Take out all rows of these."""
    removal, done, step = session.removal(), 0, 1
    while step:
        step = removal.forget(what, STEP_ROWS)
        done = _report_step(done + step, on_step)
    return Removed(done, removal.shred())


def forget_counts(session: Session, what: Forgotten) -> int:
    """Take out all rows of a function or a segment, then its counts; gives of how many configurations."""
    if what.by not in ("function", "segment"):
        raise InvalidArgument(
            f"counts are of functions and segments: those of one {what.by} cannot be told apart"
        )
    removal = session.removal()
    while removal.forget(what, STEP_ROWS):
        time.sleep(_PAUSE_S)
    done = removal.forget_counts(what)
    removal.shred()
    return done


def _report_step(done: int, on_step: Callable[[int], None] | None) -> int:
    if on_step is not None:
        on_step(done)
    time.sleep(_PAUSE_S)
    return done
