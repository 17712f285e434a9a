# SPDX-License-Identifier: Apache-2.0
"""Who is handed the outcomes of calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from schema_guard.core.values import Outcome, Prompt

__all__ = ["WRITE_WAIT_S", "PacedRecorder", "QueueingRecorder", "Recorder"]

# Outcomes after which the writer is waited for: a store drops what finds its queue of 10,000 full.
_MOST_UNWRITTEN = 1_000
WRITE_WAIT_S = 30.0
"""Seconds that a writer is waited for, by those who would rather wait than lose a record."""


class Recorder(Protocol):
    """Whoever is handed the outcomes of calls: a store, or somebody who listens."""

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Take the outcome of a call, once.

        Args:
            outcome: All attempts of the call.
            task: What the user's function was asked; None where nobody knows.
        """


class QueueingRecorder(Recorder, Protocol):
    """A recorder that writes in the background."""

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait until what was recorded before is written; gives how much is still pending."""


class PacedRecorder:
    """Records for calls that are faster than the writer: it waits for it now and then, so that nothing is dropped.

    Safe to use from several threads: a count that one of them overwrites delays a wait by one outcome.
    """

    def __init__(self, recorder: QueueingRecorder) -> None:
        self._recorder = recorder
        self._unwritten = 0

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Record an outcome, and wait for those before it when they are many."""
        self._recorder.record(outcome, task)
        self._unwritten += 1
        if self._unwritten >= _MOST_UNWRITTEN:
            self._unwritten = self._recorder.flush(WRITE_WAIT_S)
