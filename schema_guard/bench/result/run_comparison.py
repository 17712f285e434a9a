# SPDX-License-Identifier: Apache-2.0
"""Two results, of two runs: on which tasks and how sure are they different?

Rules:
1. Variants are paired by name, tasks by schema and id; all epochs of a task are one cluster.
2. What is called different is decided over all variants and both measures together; the bounds are those of each
   difference by itself. So bounds may leave 0 out where nothing is called.
3. Where the suites are not the same, the tasks that both have in name are compared, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schema_guard.bench.result.clusters import clusters_of
from schema_guard.bench.result.comparisons import ALPHA, compared, corrected, shares_of
from schema_guard.bench.result.sections import differences_line, shown
from schema_guard.bench.result.values import MEASURES, PASSED
from schema_guard.errors import InvalidArgument
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.report.words import known_percent, points
from schema_guard.text import clip, did_you_mean, exact_percent, odds, percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.result.clusters import Clusters, TaskKey
    from schema_guard.bench.result.values import BenchResult, Compared, Measure
    from schema_guard.bench.run.scored_call import Setup

# Of the tasks that changed so many are named.
MOST_TASKS = 20

OTHER_SUITE = "the suites differ, so tasks are paired by name, and their texts may differ"


@dataclass(frozen=True, slots=True)
class Changes:
    """The tasks whose calls went better or worse in B than in A.

    Attributes:
        worse: Those of which a larger share failed, as (schema, task), by how much larger.
        better: Those of which a smaller share failed.
    """

    worse: tuple[TaskKey, ...]
    better: tuple[TaskKey, ...]


@dataclass(frozen=True, slots=True)
class VariantPair:
    """A variant of A and one of B.

    Attributes:
        a: Name of the variant in A.
        b: Name of the variant in B.
        format: Whether a valid value came out, on the tasks that both answered.
        content: Whether a right value came out.
        format_changes: Tasks that newly fail, and those that are newly valid.
        content_changes: Tasks that are newly wrong, and those that are newly right.
    """

    a: str
    b: str
    format: Compared
    content: Compared
    format_changes: Changes
    content_changes: Changes


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results.

    Attributes:
        a: What was run first.
        b: What was run second.
        same_suite: Whether the suites have one fingerprint.
        common_tasks: Asked in both.
        only_a: Tasks asked in A alone, as (schema, task).
        only_b: Tasks asked in B alone.
        variants: That were paired, in the order of A.
        unpaired_a: Variants that only A has.
        unpaired_b: Variants that only B has.
    """

    a: Setup
    b: Setup
    same_suite: bool
    common_tasks: int
    only_a: tuple[TaskKey, ...]
    only_b: tuple[TaskKey, ...]
    variants: tuple[VariantPair, ...]
    unpaired_a: tuple[str, ...]
    unpaired_b: tuple[str, ...]


def compare(a: BenchResult, b: BenchResult, *, pair: tuple[str, str] | None = None) -> Comparison:
    """Compare two results.

    Args:
        a: The one.
        b: The other.
        pair: A variant of A and one of B, by name. Default: equal names, or the only variant of each.

    Raises:
        InvalidArgument: A variant is unknown, none can be paired, or no task was answered in both.
    """
    pairs = pairs_of(a, b, pair)
    clusters = [(clusters_in(a, of_a), clusters_in(b, of_b)) for of_a, of_b in pairs]
    comparisons = corrected(
        compared((of_a, in_a), (of_b, in_b), measure=measure)
        for measure in MEASURES
        for (of_a, of_b), (in_a, in_b) in zip(pairs, clusters, strict=True)
    )
    check_common(comparisons)
    tasks_a, tasks_b = _tasks(a), _tasks(b)
    return Comparison(
        a=a.setup,
        b=b.setup,
        same_suite=a.setup.suite_fingerprint == b.setup.suite_fingerprint,
        common_tasks=len(tasks_a.keys() & tasks_b.keys()),
        only_a=tuple(task for task in tasks_a if task not in tasks_b),
        only_b=tuple(task for task in tasks_b if task not in tasks_a),
        variants=tuple(
            VariantPair(*names, in_format, in_content, *(_changes(*both, measure) for measure in MEASURES))
            for names, both, in_format, in_content in zip(
                pairs, clusters, comparisons[: len(pairs)], comparisons[len(pairs) :], strict=True
            )
        ),
        unpaired_a=tuple(c.name for c in a.variants if c.name not in {of_a for of_a, _ in pairs}),
        unpaired_b=tuple(c.name for c in b.variants if c.name not in {of_b for _, of_b in pairs}),
    )


def pairs_of(a: BenchResult, b: BenchResult, pair: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Pair the variants of two results.

    Raises:
        InvalidArgument: A variant is unknown, or none can be paired.
    """
    names_a, names_b = [variant.name for variant in a.variants], [variant.name for variant in b.variants]
    if pair is not None:
        _check_known(pair[0], names_a, "first")
        _check_known(pair[1], names_b, "second")
        return [pair]
    same = [(name, name) for name in names_a if name in names_b]
    if not same and len(names_a) == len(names_b) == 1:
        return [(names_a[0], names_b[0])]
    if not same:
        raise InvalidArgument(
            f"the two results share no variant name. The first has {_listed(names_a)}, and the second has {_listed(names_b)}. Name the two variants to compare, as in A=B"
        )
    return same


def _check_known(name: str, names: Sequence[str], which: str) -> None:
    if name not in names:
        raise InvalidArgument(
            f"the {which} result has no variant {clip(repr(name))}: expected one of {_listed(names)}"
            f"{did_you_mean(name, names)}"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(safe(shown(name)) for name in names)


def clusters_in(result: BenchResult, name: str) -> Clusters:
    """Give the judged calls of a variant by task."""
    index = [variant.name for variant in result.variants].index(name)
    return clusters_of(call for call in result.calls if call.variant == index)


def check_common(comparisons: Sequence[Compared]) -> None:
    """Make sure that there is something to compare.

    Raises:
        InvalidArgument: No task was answered in both results.
    """
    if not any(comparison.tasks for comparison in comparisons):
        raise InvalidArgument(
            "no task has an answer in both results. Compare two runs of the same suite, or of two versions of a suite"
        )


def _tasks(result: BenchResult) -> dict[TaskKey, None]:
    return dict.fromkeys((call.schema, call.task) for call in result.calls)


def _changes(a: Clusters, b: Clusters, measure: Measure) -> Changes:
    gaps = [(of_b - of_a, task) for task, (of_a, of_b) in shares_of(a, b, measure).items()]
    worse = sorted((gap for gap in gaps if gap[0] > 0), key=lambda gap: (-gap[0], gap[1]))
    better = sorted((gap for gap in gaps if gap[0] < 0), key=lambda gap: (gap[0], gap[1]))
    return Changes(tuple(task for _, task in worse), tuple(task for _, task in better))


def document_of(comparison: Comparison) -> Document:
    """Return a comparison as a document."""
    return Document(_headline(comparison), tuple(_facts(comparison)), tuple(_sections(comparison)))


def _headline(comparison: Comparison) -> str:
    """Return the result in one sentence: the difference with the largest lower bound, if any is known."""
    pairs = [item for pair in comparison.variants for item in (pair.format, pair.content)]
    found = [item for item in pairs if item.called]
    if not found:
        return f"No difference between A and B was found on {plural(comparison.common_tasks, 'common task')}"
    item = max(found, key=lambda one: max(one.lower, -one.upper))
    better, least = ("B", item.lower) if item.only_a > item.only_b else ("A", -item.upper)
    more = f", and {plural(len(found) - 1, 'more difference')}" if len(found) > 1 else ""
    known = (
        f" (at least {percent(least, -1)[:-1]} with {exact_percent(1 - ALPHA)} confidence)"
        if least > 0
        else ""
    )
    size = (
        f"{percent(abs(item.difference or 0.0))[:-1]} percentage points more tasks are {PASSED[item.measure]}"
    )
    return f"{better} is better. With {_pair_name(item.a, item.b)}, {size}{known}{more}"


def _facts(comparison: Comparison) -> Iterator[Fact]:
    yield Fact("A", setup_line(comparison.a))
    yield Fact("B", setup_line(comparison.b))
    rest = [
        f"{len(tasks)} only in {name}"
        for name, tasks in (("A", comparison.only_a), ("B", comparison.only_b))
        if tasks
    ]
    yield Fact("compared", ", ".join([f"{plural(comparison.common_tasks, 'common task')}", *rest]))
    if not comparison.same_suite:
        yield Fact("suites", OTHER_SUITE)
    for name, unpaired in (("A", comparison.unpaired_a), ("B", comparison.unpaired_b)):
        if unpaired:
            yield Fact("omitted", f"variants that only {name} has: {', '.join(map(shown, unpaired))}")


def setup_line(setup: Setup) -> str:
    """Return the suite, the plan, and the start of a run in a line."""
    taught = (
        "" if setup.teacher is None else f"; right: agreement with the teacher ({setup.teacher} test rows)"
    )
    began = "" if setup.started_at is None else f", {setup.started_at}"
    return (
        f"suite {shown(setup.suite)} ({setup.suite_fingerprint}), plan {setup.plan}{began}, "
        f"schema-guard {setup.library_version}{taught}"
    )


def _sections(comparison: Comparison) -> Iterator[Section]:
    comparisons = [item for pair in comparison.variants for item in (pair.format, pair.content)]
    yield Section(
        "Differences",
        f"[low, high]: both bounds of a difference hold with {exact_percent(1 - ALPHA)} confidence, at any time",
        Table(
            ("variant", "tasks", "A", "B", "B less A, points", "odds", "better"),
            tuple(_row(item) for item in comparisons),
        ),
        (differences_line(comparisons),),
    )
    for pair in comparison.variants:
        lines = tuple(_changed_lines(pair))
        if lines:
            yield Section(f"What changed: {_pair_name(pair.a, pair.b)}", lines=lines)


def _pair_name(a: str, b: str) -> str:
    return shown(a) if a == b else f"{shown(a)} against {shown(b)}"


def _row(comparison: Compared) -> tuple[str, ...]:
    better = (
        "not called" if not comparison.called else ("B" if comparison.only_a > comparison.only_b else "A")
    )
    return (
        f"{_pair_name(comparison.a, comparison.b)}: {PASSED[comparison.measure]}",
        f"{comparison.tasks:,}",
        passed_text(comparison.rate_a),
        passed_text(comparison.rate_b),
        # A's failures less B's are B's successes less A's.
        points(comparison.difference, comparison.lower, comparison.upper),
        odds(comparison.e_value),
        better,
    )


def passed_text(failure_rate: float | None) -> str:
    """Write the rate of what did not fail."""
    return known_percent(None if failure_rate is None else 1 - failure_rate)


def _changed_lines(pair: VariantPair) -> Iterator[str]:
    for what, tasks in (
        ("newly failing", pair.format_changes.worse),
        ("newly valid", pair.format_changes.better),
        ("newly wrong", pair.content_changes.worse),
        ("newly right", pair.content_changes.better),
    ):
        if tasks:
            named = ", ".join(f"{shown(schema)} {shown(task)}" for schema, task in tasks[:MOST_TASKS])
            more = len(tasks) - MOST_TASKS
            yield f"{plural(len(tasks), 'task')} {what}: {named}" + (f" and {more} more" if more > 0 else "")
