# SPDX-License-Identifier: Apache-2.0
"""The variants of a result, ranked from best to worst, each with its side of a target and the variants that beat it.

Rules:
1. The bounds of all variants hold together, because the best one is picked from several. Each variant has an equal part
   of alpha.
2. A variant is beaten if another one is called better (`comparisons`). A lower rate alone is not enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.report.document import Tone
from schema_guard.report.words import shortened
from schema_guard.stats import Rate
from schema_guard.stats.rate import ALPHA
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.result.values import BenchResult, Measure, VariantResult

# Displayed characters of the name of a schema or variant.
NAME_CHARS = 48
_ORDER = (Tone.GOOD, Tone.OPEN, Tone.BAD, Tone.PLAIN)


class Ranked(NamedTuple):
    """A variant that has calls.

    Attributes:
        number: Number from 1, in the order of the result.
        name: Displayed name, which is unique.
        variant: Its figures.
        failed: Rate of its tasks without a valid value, with bounds that hold for all variants together.
        right: Rate of its tasks with a right value, with such bounds.
        tone: Tone for its side of the target. Plain without a target.
        beaten: The measures by which another variant is called better.
    """

    number: int
    name: str
    variant: VariantResult
    failed: Rate
    right: Rate
    tone: Tone
    beaten: frozenset[Measure]


def alpha_of(result: BenchResult) -> float:
    """Return the part of alpha for each side of a variant's bounds."""
    return ALPHA / max(sum(variant.calls > 0 for variant in result.variants), 1)


def ranked(result: BenchResult) -> list[Ranked]:
    """Return the variants with calls: those that meet the target first, and on each side those that fail least."""
    alpha, names = alpha_of(result), names_of(result)
    beaten = {
        (one.a if one.better == one.b else one.b, one.measure)
        for one in result.comparisons
        if one.better is not None
    }
    variants = []
    for number, (name, variant) in enumerate(zip(names, result.variants, strict=True), 1):
        if not variant.calls:
            continue
        failed, right = (Rate.of(rate.count, rate.n, alpha=alpha) for rate in (variant.failed, variant.right))
        measures = frozenset(measure for worse, measure in beaten if worse == variant.name)
        tone = _tone(failed, result.setup.target)
        variants.append(Ranked(number, name, variant, failed, right, tone, measures))
    return sorted(
        variants,
        key=lambda one: (_ORDER.index(one.tone), one.failed.rate, -(one.right.rate or 0.0), one.number),
    )


def shown(name: str) -> str:
    """Return a name, cut to its displayed length."""
    return clip(name, NAME_CHARS)


def names_of(result: BenchResult) -> Sequence[str]:
    """Return the displayed names of the variants. Long names are cut, and all are different."""
    return shortened([variant.name for variant in result.variants], NAME_CHARS)


def _tone(failed: Rate, target: float | None) -> Tone:
    if target is None:
        return Tone.PLAIN
    if failed.bounds.upper <= target:
        return Tone.GOOD
    return Tone.BAD if failed.bounds.lower > target else Tone.OPEN
