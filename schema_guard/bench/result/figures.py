# SPDX-License-Identifier: Apache-2.0
"""Compute the figures of a result from its calls.

The rules are those of `values`. All functions are pure. The order of the calls affects only the bounds of the leaf
share.
"""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, TypeVar, get_args

from schema_guard.bench.result.comparisons import (
    Clusters,
    clusters_of,
    comparisons_of,
    leaf_share_of,
    rate_of,
)
from schema_guard.bench.result.values import BenchResult, VariantResult
from schema_guard.bench.run.scored_call import Format
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.run.plan import Variant
    from schema_guard.bench.run.scored_call import CallRow, FailedExample, Run, Setup
    from schema_guard.stats import Rate

    T = TypeVar("T", int, float)

_FORMATS: tuple[Format, ...] = get_args(Format)

MOST_EXAMPLES = 12


def result_of(run: Run) -> BenchResult:
    """Return a run's result.

    Args:
        run: Finished or stopped.
    """
    return assembled(run.setup, run.calls, _examples(run.failed))


def assembled(setup: Setup, calls: tuple[CallRow, ...], examples: tuple[FailedExample, ...]) -> BenchResult:
    """Return a result with all figures computed from its facts."""
    of_variant = [[call for call in calls if call.variant == number] for number in range(len(setup.variants))]
    clusters = [clusters_of(group) for group in of_variant]
    variants = tuple(map(_column, setup.variants, of_variant, clusters))
    names = [variant.name for variant in setup.variants]
    return BenchResult(
        setup=setup,
        variants=variants,
        comparisons=comparisons_of(list(zip(names, clusters, strict=True))),
        calls=calls,
        examples=examples,
        not_measured=tuple(_not_measured(setup, variants, calls)),
    )


def _examples(failed: Sequence[FailedExample]) -> tuple[FailedExample, ...]:
    """Return a few failed attempts, chosen so that failures, variants, and schemas are shown about equally often."""
    candidates = sorted(failed, key=lambda example: example[:5])
    shown: Counter[tuple[object, ...]] = Counter()
    picked: list[FailedExample] = []
    while candidates and len(picked) < MOST_EXAMPLES:
        best = min(
            candidates,
            key=lambda e: (
                shown["failure", e.kind, e.code],
                shown["variant", e.variant],
                shown["schema", e.schema],
            ),
        )
        shown.update([("failure", best.kind, best.code), ("variant", best.variant), ("schema", best.schema)])
        candidates.remove(best)
        picked.append(best)
    return tuple(picked)


def _column(variant: Variant, calls: Sequence[CallRow], clusters: Clusters) -> VariantResult:
    formats = Counter(call.format for call in calls)
    valid, right = sum(call.is_valid for call in calls), sum(call.right for call in calls)
    cost, output_tokens = _total([c.cost for c in calls]), _total([c.output_tokens for c in calls])
    seconds = sorted(call.elapsed_s for call in calls if call.elapsed_s is not None)

    def rate(*wanted: Format) -> Rate:
        return rate_of(clusters, lambda call: call.format in wanted)

    return VariantResult(
        name=variant.name,
        model=variant.model,
        strategy=variant.strategy,
        tuned=variant.tuned,
        calls=len(calls) - formats["lost"],
        tasks=len(clusters),
        formats={name: formats[name] for name in _FORMATS},
        clean=rate("clean"),
        valid_first_time=rate("clean", "unwrapped"),
        repaired=rate("repaired"),
        fixed_by_retry=rate("fixed_by_retry"),
        failed=rate("failed"),
        valid=rate_of(clusters, lambda call: call.is_valid),
        right=rate_of(clusters, lambda call: call.right),
        wrong_valid=rate_of(clusters, lambda call: call.is_valid and not call.right),
        invented=rate_of(
            {task: calls for task, calls in clusters.items() if calls[0].invented is not None},
            lambda call: bool(call.invented),
        ),
        leaf_share=leaf_share_of(clusters),
        attempts=sum(call.attempts for call in calls),
        input_tokens=_total([call.input_tokens for call in calls]),
        output_tokens=output_tokens,
        unknown_tokens=sum(call.input_tokens is None or call.output_tokens is None for call in calls),
        cost=cost,
        unknown_cost=sum(call.cost is None for call in calls),
        cost_per_valid=_per(cost, valid),
        cost_per_right=_per(cost, right),
        output_tokens_per_valid=_per(output_tokens, valid),
        output_tokens_per_right=_per(output_tokens, right),
        elapsed_p50_s=_percentile(seconds, 0.5),
        elapsed_p95_s=_percentile(seconds, 0.95),
    )


def _total(amounts: Sequence[T | None]) -> T | None:
    """Return the sum of the known amounts. None if none is known."""
    known = [amount for amount in amounts if amount is not None]
    # Sorted because the sum of floats depends on their order.
    return sum(sorted(known)) if known else None


def _per(amount: float | None, count: int) -> float | None:
    return None if amount is None or not count else amount / count


def _percentile(ascending: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least *share* of the values don't exceed. None without values."""
    return ascending[ceil(share * len(ascending)) - 1] if ascending else None


def _not_measured(setup: Setup, variants: Sequence[VariantResult], calls: Sequence[CallRow]) -> Iterator[str]:
    if setup.tasks < setup.suite_tasks:
        why = f", because {' and '.join(setup.left_out)}" if setup.left_out else ""
        yield f"{setup.suite_tasks - setup.tasks} of the suite's {setup.suite_tasks} tasks were not used{why}"
    planned = setup.tasks * setup.epochs * len(setup.variants)
    if len(calls) < planned:
        why = f" (stopped: {'; '.join(setup.stopped)})" if setup.stopped else ""
        yield f"{planned - len(calls)} of {planned} planned calls were not made{why}"
    if setup.currency is None:
        yield "the cost is unknown, because you gave no prices"
    if setup.epochs == 1:
        yield "the variation of a model on one task is unknown, because each task ran once"
    for variant in variants:
        yield from _not_measured_of(
            variant, [call for call in calls if setup.variants[call.variant].name == variant.name]
        )


def _lost_calls(errors: Sequence[str]) -> str:
    """Return one error of each type, the most frequent type first. Texts of one type differ, for example, in numbers."""
    types = Counter(error.partition(":")[0] for error in errors).most_common()
    first = [next(error for error in errors if error.partition(":")[0] == name) for name, _ in types]
    if len(types) < 2:
        return "".join(f" ({error})" for error in first)
    shown = [f"{count} with {error}" for (_, count), error in zip(types, first, strict=True)]
    return f" ({'; '.join(shown)})"


def _not_measured_of(variant: VariantResult, calls: Sequence[CallRow]) -> Iterator[str]:
    if variant.lost:
        why = _lost_calls([call.error for call in calls if call.is_lost and call.error])
        yield f"{variant.name}: {variant.lost} of {len(calls)} calls had no validated reply, so they count in no rate{why}"
    if calls and variant.elapsed_p50_s is None:
        yield f"{variant.name}: the duration is unknown, because the model does not report it"
    if variant.unknown_tokens:
        yield f"{variant.name}: the tokens of {plural(variant.unknown_tokens, 'call')} are unknown, so the sums omit them"
    if variant.cost is not None and variant.unknown_cost:
        yield f"{variant.name}: the cost of {plural(variant.unknown_cost, 'call')} is unknown, so the sums omit it"
    if variant.leaf_share.n and variant.leaf_share.lower is None:
        yield f"{variant.name}: bounds of the share of right leaves (single values), because the share changed during the run"
