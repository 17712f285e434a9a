# SPDX-License-Identifier: Apache-2.0
"""The columns of a result in an order, best first: how each stands against a target, and against the others.

Rules:
1. The bounds of all columns hold together, for what is said of the best of several was picked from them: each has its
   part of alpha.
2. A column is beaten where another one is called better (`comparisons`); a lower rate alone beats nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.result.sections import NAME_CHARS
from schema_guard.report.document import Tone
from schema_guard.stats import Rate
from schema_guard.stats.rate import ALPHA
from schema_guard.text import shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.result.values import BenchResult, ColumnResult, Measure

_ORDER = (Tone.GOOD, Tone.OPEN, Tone.BAD, Tone.PLAIN)


class Ranked(NamedTuple):
    """A column that has calls.

    Attributes:
        number: From 1, in the order of the result.
        name: As it is shown, which no other column's is.
        column: Its figures.
        unhandled: The rate of its tasks without a valid value, with bounds that hold for all columns together.
        right: The same of right values.
        tone: Of its side of the target; plain without a target.
        beaten: The measures by which another column is called better.
    """

    number: int
    name: str
    column: ColumnResult
    unhandled: Rate
    right: Rate
    tone: Tone
    beaten: frozenset[Measure]

    def spent(self, *, has_prices: bool) -> float | None:
        """Give the money, without prices the output tokens, of a call in which they are known."""
        column = self.column
        spent, unknown = (
            (column.cost, column.unknown_cost)
            if has_prices
            else (column.output_tokens, column.unknown_tokens)
        )
        known = column.calls + column.lost - unknown
        return None if spent is None or known <= 0 else spent / known


def alpha_of(result: BenchResult) -> float:
    """Give the part of alpha that each side of a column's bounds has."""
    return ALPHA / max(sum(column.calls > 0 for column in result.columns), 1)


def ranked(result: BenchResult) -> list[Ranked]:
    """Give the columns that have calls: below the target first, and on each side those that fail least."""
    alpha, names = alpha_of(result), names_of(result)
    beaten = {
        (one.a if one.better == one.b else one.b, one.measure)
        for one in result.comparisons
        if one.better is not None
    }
    found = []
    for number, (name, column) in enumerate(zip(names, result.columns, strict=True), 1):
        if not column.calls:
            continue
        unhandled, right = (
            Rate.of(rate.count, rate.n, alpha=alpha) for rate in (column.unhandled, column.right)
        )
        measures = frozenset(measure for worse, measure in beaten if worse == column.name)
        tone = _tone(unhandled, result.setup.target)
        found.append(Ranked(number, name, column, unhandled, right, tone, measures))
    return sorted(
        found,
        key=lambda one: (_ORDER.index(one.tone), one.unhandled.rate, -(one.right.rate or 0.0), one.number),
    )


def names_of(result: BenchResult) -> Sequence[str]:
    """Give the names of the columns as they are shown: cut where they are long, and no two alike."""
    return shortened([column.name for column in result.columns], NAME_CHARS)


def _tone(unhandled: Rate, target: float | None) -> Tone:
    if target is None:
        return Tone.PLAIN
    if unhandled.bounds.upper <= target:
        return Tone.GOOD
    return Tone.BAD if unhandled.bounds.lower > target else Tone.OPEN
