# SPDX-License-Identifier: Apache-2.0
"""A gate for continuous integration: has a rate dropped, compared with a result that is kept?

Rules:
1. A gate is missed when it is proved that a rate dropped by more than is allowed: the lower bound of its paired drop
   is above that. The probability that it is missed although no rate dropped by more is at most 5 %, over all variants
   and measures together, however often one looks while the two runs grow. Another run is another comparison, with
   5 % of its own.
2. What is not proved is not a pass without a word: the drop that cannot be ruled out is told, and `proved` asks for
   the opposite, that a drop of more than is allowed is ruled out.
3. A gate that would compare nothing is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from schema_guard.bench.result.comparisons import ALPHA, compared
from schema_guard.bench.result.run_comparison import (
    OTHER_SUITE,
    check_common,
    clusters_in,
    pairs_of,
    passed_text,
    setup_line,
)
from schema_guard.bench.result.sections import shown
from schema_guard.bench.result.values import MEASURES, PASSED
from schema_guard.errors import InvalidArgument
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import points
from schema_guard.text import clip, exact_percent, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.bench.result.values import BenchResult, Compared
    from schema_guard.bench.run.scored_call import Setup


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether the gate was passed.

    Attributes:
        passed: Whether it was.
        max_drop: The largest drop allowed, a fraction.
        proved: Whether a pass needs a proof.
        alpha: Probability that one drop's bounds are ever wrong; over all drops together it is at most 0.05.
        drops: Every variant and measure: A is the current result, and B the baseline. As each counts what failed, the
            difference is the drop of what went well.
        current: What was run now.
        baseline: What it is compared with.
        not_compared: Variants of the baseline that the current result does not have.
    """

    passed: bool
    max_drop: float
    proved: bool
    alpha: float
    drops: tuple[Compared, ...]
    current: Setup
    baseline: Setup
    not_compared: tuple[str, ...]

    def exit_code(self) -> int:
        """Give 0 when the gate was passed, else 1."""
        return 0 if self.passed else 1


def gate(
    current: BenchResult,
    baseline: BenchResult,
    *,
    max_drop: float = 0.02,
    proved: bool = False,
    pair: tuple[str, str] | None = None,
) -> GateResult:
    """Return whether no rate dropped by more than is allowed.

    Args:
        current: The result of now.
        baseline: The one it is held against.
        max_drop: The largest drop of a rate that is allowed, a fraction in [0, 1).
        proved: Also miss the gate where a larger drop is not ruled out.
        pair: A variant of *current*, and the one of *baseline* to compare it with. Default: equal names, or the only ones.

    Raises:
        InvalidArgument: An argument is out of range, no variants can be paired, or no task was answered in both.
    """
    if not isinstance(max_drop, Real) or not 0 <= max_drop < 1:
        raise InvalidArgument(
            f"max_drop={clip(repr(max_drop))}: expected a fraction from 0 to below 1, such as 0.02"
        )
    pairs = pairs_of(current, baseline, pair)
    alpha = ALPHA / (len(pairs) * len(MEASURES))
    drops = tuple(
        compared(
            (now, clusters_in(current, now)), (then, clusters_in(baseline, then)), measure=one, alpha=alpha
        )
        for now, then in pairs
        for one in MEASURES
    )
    check_common(drops)
    held = {then for _, then in pairs}
    return GateResult(
        passed=not any((drop.upper if proved else drop.lower) > max_drop for drop in drops),
        max_drop=max_drop,
        proved=proved,
        alpha=alpha,
        drops=drops,
        current=current.setup,
        baseline=baseline.setup,
        not_compared=tuple(variant.name for variant in baseline.variants if variant.name not in held),
    )


def document_of(result: GateResult) -> Document:
    """Return a gate's result as a document, whose title says whether it was passed, and why."""
    rows = tuple(map(_row, result.drops))
    drops = Section(
        "Drops",
        f"[low, high]: all bounds hold together with {exact_percent(1 - ALPHA)} confidence, at any time",
        Table(("variant", "tasks", "baseline", "current", "drop, points"), rows),
    )
    return Document(
        reason_of(result), tuple(_facts(result)), (drops,), tone=Tone.GOOD if result.passed else Tone.BAD
    )


def _facts(result: GateResult) -> Iterator[Fact]:
    yield Fact("current", setup_line(result.current))
    yield Fact("baseline", setup_line(result.baseline))
    if result.current.suite_fingerprint != result.baseline.suite_fingerprint:
        yield Fact("suites", OTHER_SUITE)
    if result.not_compared:
        missing = ", ".join(map(shown, result.not_compared))
        yield Fact("omitted", f"variants that are missing in the current result: {missing}")


def _row(drop: Compared) -> tuple[str, ...]:
    return (
        _drop_name(drop),
        f"{drop.tasks:,}",
        passed_text(drop.rate_b),
        passed_text(drop.rate_a),
        points(drop.difference, drop.lower, drop.upper),
    )


def reason_of(result: GateResult) -> str:
    """Say in a line whether the gate was passed, and why."""
    worst = max(result.drops, key=lambda drop: drop.lower)
    widest = max(result.drops, key=lambda drop: drop.upper)
    allowed = _points(result.max_drop, 0, result.max_drop)
    if worst.lower > result.max_drop:
        least = _points(worst.lower, -1, result.max_drop)
        return f"gate missed: {_drop_name(worst)} dropped by at least {least}. Allowed: {allowed}."
    most = (
        f"{_points(widest.upper, 1, result.max_drop)} ({_drop_name(widest)}, {plural(widest.tasks, 'task')})"
    )
    if not result.passed:
        return f"gate missed: a drop of {most} is possible. Allowed: {allowed}."
    if widest.upper <= result.max_drop:
        return f"gate passed: no rate dropped by more than {allowed}."
    return f"gate passed: no rate is proved to have dropped by more than {allowed}. A drop of up to {most} is possible."


def _drop_name(drop: Compared) -> str:
    return f"{shown(drop.a)}: {PASSED[drop.measure]}"


def _points(share: float, side: int, allowed: float) -> str:
    return f"{percent(share, side, target=allowed)[:-1]} percentage points"
