# SPDX-License-Identifier: Apache-2.0
"""A share that grows only while bounds allow, and returns to 0 automatically.

Rules:
1. The share is at most target / U, where U is the upper bound of the tuned model's rate. So at every check, with
   probability 1 - alpha, its failures are at most the target as a share of the primary inputs, also while nothing is
   known yet. The share never shrinks except to 0, so an input changes its branch at most twice. Each input counts
   once, by its first call. Repeated inputs always have the same branch, so they prove nothing about new inputs. All of
   this is true within one process. Counts from records may contain an input twice, as a shadow and as an answer, and
   the process counts it again. So the share may be up to three times as large if inputs are repeated.
2. The share returns to 0 when the rate is proved above the target, by a bound that is valid at every check. It also
   returns when failures come that a rate at the target doesn't cause in 100,000 calls. So the latest calls, and not all
   calls, reveal a model that was good for a long time. It returns only after 5 failures or 20 calls.
3. Only primary calls count. The assignment is random, so both branches have the same kinds of inputs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.records.store import Store
from schema_guard.stats import Drift, bounds, log_e_value
from schema_guard.text import clip, dataclass_repr, exact_percent, interval

if TYPE_CHECKING:
    from schema_guard.preparing.prepare import Prepared
    from schema_guard.records import ConfigurationCounts
    from schema_guard.values import Outcome

SHADOW = "shadow:route:tuned:"
"""Prefix of the names of shadows in records. They are trials of the function whose name follows, and no traffic."""

_logger = logging.getLogger("schema_guard")

# Rate of false alarms per call at the target itself. Below the target, they are rarer.
_DRIFT_ALPHA = 1e-5

# A rising rate must have room to double.
_MOST_TARGET = 0.5

# The first failed call already proves a rate above 1%. A rollout goes back only after this many failures or calls.
_FEWEST_FAILURES = 5
_FEWEST_CALLS = 20

# Most stored inputs, 100 bytes each. Further ones don't increase the share.
_MOST_INPUTS = 100_000

# The bound is computed again when the inputs have grown by a twentieth, because it needs a search.
_GROWTH = 1.05


@dataclass(frozen=True, slots=True)
class Rollout:
    """Settings that control how the share of the calls that go to a tuned model grows.

    Attributes:
        target: Highest acceptable failure rate of the tuned model, in (0, 0.5). A call counts as failed even if the
            fallback then returns a valid value. Use the same target as for `decide`.
        alpha: Highest acceptable probability of wrongly raising the share, and of wrongly resetting it, in (0, 1).
        most: Highest share of the primary inputs that the rollout sends to the tuned model, in (0, 1].
    """

    __repr__ = dataclass_repr

    target: float = 0.01
    alpha: float = 0.05
    most: float = 1.0

    def __post_init__(self) -> None:
        for name, most, expected in (
            ("target", _MOST_TARGET, "(0, 0.5)"),
            ("alpha", 1, "(0, 1)"),
            ("most", 1, "(0, 1]"),
        ):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 < value <= most or (value == most and expected[-1] == ")"):
                raise InvalidArgument(f"Rollout({name}={clip(repr(value))}): expected a number in {expected}")


class Course:
    """The progress of a rollout.

    Attributes:
        share: Share of the primary inputs that the tuned model receives now, in [0, 1].
        why_back: Why it went back to 0; None if it didn't.
    """

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        self.share = min(rollout.target, rollout.most)
        self.why_back: str | None = None
        self.tuned = (0, 0)
        self.inputs: tuple[int, float] = (0, 0)
        self._met: set[float] = set()
        self._lock = fork_safe_lock()
        self._alarmed = False
        self._drift = Drift(rollout.target, alpha=_DRIFT_ALPHA)
        self._next_look = 1.0

    def take_up(self, calls: tuple[int, int], inputs: tuple[int, float]) -> bool:
        """Count earlier calls of the tuned model. Return whether they prove it bad.

        Args:
            calls: Number of calls, and of failed calls.
            inputs: Number of inputs, and expected number of those whose first call failed. An input that was shadowed
                and then answered counts as two.
        """
        with self._lock:
            self.tuned = self.tuned[0] + calls[0], self.tuned[1] + calls[1]
            self.inputs = n, _ = self.inputs[0] + inputs[0], self.inputs[1] + inputs[1]
            self.why_back = self._proved()
            if self.why_back is not None:
                self.share = 0.0
            elif n:
                self._next_look = n * _GROWTH
                self._grow(*self.inputs)
            return self.why_back is not None

    def note(self, outcome: Outcome[Any], bucket: float | None) -> bool:
        """Count a call of the tuned model, including a shadow. Return whether the rollout has just gone back.

        Args:
            outcome: Outcome of the call.
            bucket: Bucket of its input; None if the tuned model has all inputs, and nothing is left to prove.
        """
        if not is_judged(outcome):
            return False
        with self._lock:
            n, k = self.tuned
            self.tuned = n + 1, k + (not outcome.ok)
            if self.why_back is not None:
                return False
            self._alarmed = self._drift.update(not outcome.ok) or self._alarmed
            self.why_back = self._proved() or (
                self._risen() if self._alarmed and self._has_enough() else None
            )
            if self.why_back is not None:
                self.share = 0.0
                return True
            self._note_input(bucket, is_missed=not outcome.ok)
            return False

    def _note_input(self, bucket: float | None, *, is_missed: bool) -> None:
        if self.share >= self.rollout.most:
            self._met.clear()
            return
        if bucket is None or bucket in self._met or len(self._met) >= _MOST_INPUTS:
            return
        self._met.add(bucket)
        n, k = self.inputs
        self.inputs = n, k = n + 1, k + is_missed
        if n >= self._next_look:
            self._next_look = n * _GROWTH
            self._grow(n, k)

    def _grow(self, n: int, k: float) -> None:
        upper = bounds(k, n, alpha=self.rollout.alpha).upper
        self.share = max(self.share, min(self.rollout.target / upper, self.rollout.most))

    def _proved(self) -> str | None:
        """Return why the tuned model is out if that is proved, otherwise None. Only a failed call can prove it."""
        n, k = self.tuned
        target, alpha = self.rollout.target, self.rollout.alpha
        if not self._has_enough():
            return None
        if k > n * target and log_e_value(k, n, target, side="bad") >= -log(alpha):
            return f"{_rate_text(k, n, alpha)}, which proves a failure rate above the target of {exact_percent(target)}"
        return None

    def _has_enough(self) -> bool:
        """Return whether there are enough calls or failures to go back."""
        n, k = self.tuned
        return n >= _FEWEST_CALLS or k >= _FEWEST_FAILURES

    def _risen(self) -> str:
        n, k = self.tuned
        return f"its failure rate has risen above the target of {exact_percent(self.rollout.target)} ({k} of all {n} calls failed)"


def is_judged(outcome: Outcome[Any]) -> bool:
    """Return whether a call counts in the rate, because it has a validated reply."""
    return any(attempt.failure is None or attempt.failure.kind != "transport" for attempt in outcome.attempts)


def _rate_text(k: int, n: int, alpha: float) -> str:
    limits = bounds(k, n, alpha=alpha)
    return f"{k} of {n} calls failed {interval(limits.lower, limits.upper)}"


def stored_counts(store: Any, tuned: Prepared) -> tuple[tuple[int, int], tuple[int, float]]:
    """Return the validated calls of a tuned model in a store, and its inputs, each with the failed ones. Shadows count too.

    An input counts once, as failed by the share of its calls that failed. Only calls with the same model, version,
    strategy, and settings count. If the store can't be read, the rollout starts with nothing, which is its smallest share.

    Args:
        store: The store of the function. Another recorder has no calls.
        tuned: The function of the tuned model, under the name by which it is recorded.
    """
    if not isinstance(store, Store):
        return (0, 0), (0, 0)
    try:
        fingerprint = tuned.configuration[2]
        names = (tuned.name, SHADOW + tuned.name)
        found = [row for name in names for row in store.configurations(schema=fingerprint, function=name)]
    except Exception as error:
        if is_interruption(error):
            raise
        _logger.warning(
            "%s: reading the records of the tuned model failed (%s), so the rollout starts without records",
            tuned.name,
            type(error).__name__,
        )
        return (0, 0), (0, 0)
    rows = [row for row in found if _is_same(row, tuned)]
    shapes = [
        shape
        for row in rows
        for shape in row.clusters or ((1, 1, row.failed), (1, 0, row.calls - row.failed))
    ]
    inputs = sum(many for _, _, many in shapes), sum(many * k / n for n, k, many in shapes)
    return (sum(row.calls for row in rows), sum(row.failed for row in rows)), inputs


def _is_same(row: ConfigurationCounts, tuned: Prepared) -> bool:
    _, _, _, model, _, strategies, settings = tuned.configuration
    expected = strategies, settings, tuned.version.text or tuned.version.compute()
    return (
        row.tuned and model in (None, row.model) and (row.strategies, row.settings, row.version) == expected
    )
