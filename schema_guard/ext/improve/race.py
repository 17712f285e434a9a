# SPDX-License-Identifier: Apache-2.0
"""The race: candidates answer the same inputs side by side, and those that are worse than the leader are dropped.

Rules:
1. All candidates get the same inputs in the same order. A pair is an input that both candidates answered.
2. The leader has the fewest failures on the inputs that all remaining candidates answered. The prompt in use is first
   among equals.
3. A candidate is dropped if `stats.paired`, at alpha / (2 x candidates), proves that it is worse than the leader.
4. The best candidate is dropped with a probability of at most alpha / 2. The leader changes, so any two candidates may
   be compared. But only the comparisons of the best candidate can drop it, and it has at most candidates - 1 of them.
   Other good candidates have no such guarantee together.
5. The race ends with one candidate, with the budget, or with the inputs. It proves nothing about the leader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.run.runner import Calls
from schema_guard.stats import paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.run.plan import Cell
    from schema_guard.bench.run.scored_call import CallRow


class Runner(NamedTuple):
    """The result of a candidate in the race.

    Attributes:
        name: The candidate.
        n: Inputs that it answered.
        k: Inputs that it failed on.
        right: Inputs with a right answer; None without labels.
        dropped_after: Inputs after which it was dropped; None if it stayed.
    """

    name: str
    n: int
    k: int
    right: int | None
    dropped_after: int | None


class Race:
    """The answers so far, and the candidates that are left.

    Attributes:
        left: The remaining candidates, in order.
    """

    def __init__(self, names: Sequence[str], alpha: float) -> None:
        """Begin a race of these candidates, the prompt in use first."""
        self._names = tuple(names)
        self._alpha = alpha / (2 * len(names))
        self.left = list(names)
        self._answers: dict[str, dict[str, bool]] = {name: {} for name in names}
        self._right: dict[str, int] | None = None
        self._dropped: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether one candidate is left."""
        return len(self.left) == 1

    def add(self, name: str, task: str, *, ok: bool, right: bool | None = None) -> None:
        """Record an answer, and drop the candidates that are proved worse than the leader.

        Args:
            name: The candidate.
            task: The input.
            ok: Whether the reply is valid.
            right: Whether the value is right; None without a label.
        """
        self._answers[name][task] = ok
        if right is not None:
            self._right = self._right or dict.fromkeys(self._names, 0)
            self._right[name] += right
        if not all(task in self._answers[one] for one in self.left):
            return
        leader = self.leader()
        for one in [one for one in self.left if one != leader]:
            if self._is_worse(one, leader):
                self.left.remove(one)
                self._dropped[one] = len(self._answers[one])

    def leader(self) -> str:
        """Return the candidate that fails least on the inputs that all remaining candidates answered."""
        tasks = set.intersection(*(set(self._answers[one]) for one in self.left))
        return min(self.left, key=lambda one: sum(not self._answers[one][task] for task in tasks))

    def _is_worse(self, name: str, leader: str) -> bool:
        own, best = self._answers[name], self._answers[leader]
        pairs = [(best[task], ok) for task, ok in own.items() if task in best]
        only_best, only_own = pairs.count((False, True)), pairs.count((True, False))
        return paired(only_best, only_own, len(pairs), alpha=self._alpha).upper < 0

    def result(self) -> tuple[Runner, ...]:
        """Return the candidates in their order."""
        return tuple(
            Runner(
                name,
                len(self._answers[name]),
                sum(not ok for ok in self._answers[name].values()),
                None if self._right is None else self._right[name],
                self._dropped.get(name),
            )
            for name in self._names
        )


class RaceCalls(Calls):
    """The calls of a race. They are those of a benchmark, without the candidates that were dropped."""

    race: Race
    calls_left: int

    def is_wanted(self, cell: Cell) -> bool:
        """Return whether to make a call. A reply of the journal is always taken, because it was paid for."""
        if not super().is_wanted(cell):
            return False
        is_stored = cell.key in self.journal.replies
        if not is_stored and (
            self.calls_left <= 0 or self.race.is_over or cell.variant.name not in self.race.left
        ):
            return False
        self.calls_left -= 1
        return True


def add_row(race: Race, row: CallRow, names: Sequence[str], *, is_labeled: bool) -> None:
    """Add a finished call. A call without a validated reply is in no pair."""
    if not row.is_lost:
        race.add(names[row.variant], row.task, ok=row.is_valid, right=row.right if is_labeled else None)
