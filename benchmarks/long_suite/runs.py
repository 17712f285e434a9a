# SPDX-License-Identifier: Apache-2.0
"""The rule that no two tasks share a run of 12 words, so that no task is a copy of another."""

from __future__ import annotations

from schema_guard.ext.suites.tools import RUN, runs_of, words_of


class Runs:
    """The runs of 12 words of all tasks so far."""

    def __init__(self) -> None:
        """Begin without a run."""
        self._used: set[tuple[str, ...]] = set()
        self._now: set[tuple[str, ...]] = set()
        self._tail: list[str] = []

    def add(self, piece: str) -> bool:
        """Add the next piece of the present text, if no other text shares a run with it."""
        words = [*self._tail, *words_of(piece)]
        runs = runs_of(words)
        if runs & self._used:
            return False
        self._now |= runs
        self._tail = words[-(RUN - 1) :]
        return True

    def end(self) -> None:
        """End the present text."""
        self._used |= self._now
        self._now, self._tail = set(), []
