# SPDX-License-Identifier: Apache-2.0
"""Counters of a process's calls, with a bounded number of names.

Rules: counting never waits for a lock, because the garbage collector can end a call anywhere. Names beyond the limit
are counted as `others`. Counts never fall. A forked child starts at zero, because the counts of its parent belong to
the parent.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.records.counts.calls import result_of
from schema_guard.records.rows import LARGEST_COUNT
from schema_guard.records.writing.writer import live_writers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.values import Outcome

MOST_NAMES = 100
OTHERS = "others"
"""The replacement for each name beyond the limit. Names are counted in the order in which they come."""

Labels = tuple[str, ...]


class CountedQuantity(NamedTuple):
    """A quantity to count.

    Attributes:
        name: Words joined with `_`.
        unit: Unit in the form of OpenTelemetry.
        labels: Names of its labels.
        text: Description of the quantity.
    """

    name: str
    unit: str
    labels: tuple[str, ...]
    text: str


_OF = ("function", "schema")
COUNTED = (
    CountedQuantity("attempts", "{attempt}", _OF, "Attempts of calls, validated or not."),
    CountedQuantity("failures", "{attempt}", (*_OF, "kind", "code"), "Attempts that failed."),
    CountedQuantity("stopped", "{attempt}", _OF, "Attempts whose stream was stopped early."),
    CountedQuantity("calls", "{call}", (*_OF, "way"), "Calls, by result."),
    CountedQuantity("tokens", "{token}", (*_OF, "type"), "Tokens of attempts whose provider reports them."),
    CountedQuantity(
        "cost", "1", _OF, "Cost of attempts whose price is known, in the currency of the price table."
    ),
    CountedQuantity("lost_records", "{attempt}", ("reason",), "Attempts that this process could not store."),
    CountedQuantity(
        "untold", "{call}", (), "Calls without events and a span, because the exporters were too slow."
    ),
)
"""All counted quantities."""


class Counters:
    """The counts of this process. Thread-safe."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self.restart()

    def restart(self) -> None:
        """Start at zero, as a forked child does, whatever its parent's threads were doing."""
        self._waiting: deque[Outcome[Any]] = deque()
        self._untold: list[None] = []  # a list, because appending is atomic
        self._lock = Lock()
        self._sums: dict[str, dict[Labels, float]] = {counted.name: {} for counted in COUNTED}
        self._pairs: set[tuple[str, str]] = set()
        self._codes: set[tuple[str, str]] = set()
        self._lost_before: dict[str, int] = {}
        self._lost_last: dict[str, int] = {}

    def count(self, outcome: Outcome[Any]) -> None:
        """Count a call that has ended."""
        self._waiting.append(outcome)
        # The thread that counts now (maybe this one, further down the stack) or the next reader adds this call too.
        if self._lock.acquire(blocking=False):
            try:
                self._take()
            finally:
                self._lock.release()

    def untold(self) -> None:
        """Count a call that wasn't reported."""
        self._untold.append(None)

    def read(self) -> dict[str, Mapping[Labels, float]]:
        """Return the sums by name and labels, as they are now."""
        with self._lock:
            self._take()
            self._sums["lost_records"] = {(reason,): n for reason, n in self._all_lost().items()}
            self._sums["untold"] = {(): len(self._untold)}
            return {name: dict(sums) for name, sums in self._sums.items()}

    def _take(self) -> None:
        while self._waiting:
            try:
                outcome = self._waiting.popleft()
            except IndexError:  # pragma: no cover - only one thread takes
                return
            self._sum(outcome)

    def _sum(self, outcome: Outcome[Any]) -> None:
        call = outcome.call
        of = self._known(self._pairs, (call.function, call.schema_name), (OTHERS, OTHERS))
        self._add("calls", (*of, result_of(outcome)), 1)
        for attempt in outcome.attempts:
            self._add("attempts", of, 1)
            if attempt.failure is not None:
                kind, code = attempt.failure[:2]
                self._add("failures", (*of, *self._known(self._codes, (kind, code), (kind, OTHERS))), 1)
            if attempt.stopped_at is not None:
                self._add("stopped", of, 1)
            self._add("tokens", (*of, "input"), attempt.usage.input_tokens)
            self._add("tokens", (*of, "output"), attempt.usage.output_tokens)
            self._add("cost", of, attempt.cost)

    def _add(self, name: str, labels: Labels, n: float | None) -> None:
        # Unknown or invalid numbers add nothing, because a counter must never fall.
        if n is not None and 0 < n <= LARGEST_COUNT:
            sums = self._sums[name]
            sums[labels] = sums.get(labels, 0) + n

    def _known(self, names: set[tuple[str, str]], name: tuple[str, str], other: tuple[str, str]) -> Labels:
        """Return a counted name, or *other* if there are too many of them."""
        if name not in names:
            if len(names) >= self._most:
                return other
            names.add(name)
        return name

    def _all_lost(self) -> dict[str, int]:
        """Return the lost records of all stores, including stores that no longer exist."""
        now: dict[str, int] = {}
        for counts in [writer.counts() for writer in live_writers()]:
            for reason, count in counts.lost_records.items():
                now[reason] = now.get(reason, 0) + count
        for reason, last in self._lost_last.items():
            fallen = last - now.get(reason, 0)
            if fallen > 0:
                self._lost_before[reason] = self._lost_before.get(reason, 0) + fallen
        self._lost_last = now
        reasons = [*self._lost_before, *now]
        return {reason: self._lost_before.get(reason, 0) + now.get(reason, 0) for reason in reasons}
