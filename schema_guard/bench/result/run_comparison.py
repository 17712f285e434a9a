# SPDX-License-Identifier: Apache-2.0
"""Compare two results of two runs: which tasks changed, how sure are the differences, and did a rate drop too far?

Rules:
1. Variants are paired by name, and tasks by schema and id. All epochs of a task are one cluster.
2. All variants and both measures together decide which differences are called. Without a gate, the bounds are those of
   each difference alone, so they may leave 0 out although nothing is called. With a gate, all bounds hold together.
3. If the suites differ, the tasks with the same name are compared, and the report has a note about it.
4. A gate is missed if the data proves that a rate dropped by more than is allowed. The probability that it is missed
   although no rate dropped by more is at most 5%, over all variants and measures together, however often you check while
   the two runs grow. Another run is another comparison, with 5% of its own.
5. A pass reports the largest drop that is still possible. `proved` also misses the gate for a larger possible drop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.bench.result.comparisons import ALPHA, clusters_of, compared, corrected, shares_of
from schema_guard.bench.result.document import differences_line
from schema_guard.bench.result.ranking import shown
from schema_guard.bench.result.values import MEASURES, PASSED
from schema_guard.errors import InvalidArgument
from schema_guard.report.document import Document, Fact, Section, Table, Tone
from schema_guard.report.words import known_percent, points
from schema_guard.text import clip, did_you_mean, exact_percent, odds, percent, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.bench.result.comparisons import Clusters, TaskKey
    from schema_guard.bench.result.values import BenchResult, Compared, Measure
    from schema_guard.bench.run.scored_call import Setup

# The report names at most this many changed tasks.
MOST_TASKS = 20


class PairDifference(NamedTuple):
    """A variant of A and one of B by one measure.

    Attributes:
        compared: The comparison on the tasks that both answered.
        worse: Tasks of which B failed a larger share, as (schema, task), the largest change first.
        better: Tasks of which B failed a smaller share.
    """

    compared: Compared
    worse: tuple[TaskKey, ...]
    better: tuple[TaskKey, ...]


class Gate(NamedTuple):
    """The drop from A to B that is allowed.

    Attributes:
        max_drop: The largest drop of a rate, as a fraction.
        proved: Whether a pass needs a proof.
        alpha: Probability that the bounds of one difference are ever wrong. Over all differences together, it is 0.05.
        passed: Whether no rate dropped by more.
    """

    max_drop: float
    proved: bool
    alpha: float
    passed: bool = True

    def is_missed(self, difference: Compared) -> bool:
        """Return whether a difference is proved to be a larger drop, or with `proved`, can be one."""
        return -(difference.lower if self.proved else difference.upper) > self.max_drop


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results.

    Attributes:
        a: Setup of the first run.
        b: Setup of the second run.
        common_tasks: Number of tasks that both runs asked.
        only_a: Tasks that only A asked, as (schema, task).
        only_b: Tasks that only B asked.
        differences: Those of each pair of variants, in the order of A, for format and for content.
        unpaired_a: Variants that only A has.
        unpaired_b: Variants that only B has.
        gate: The drop that is allowed. None without a gate.
    """

    a: Setup
    b: Setup
    common_tasks: int
    only_a: tuple[TaskKey, ...]
    only_b: tuple[TaskKey, ...]
    differences: tuple[PairDifference, ...]
    unpaired_a: tuple[str, ...]
    unpaired_b: tuple[str, ...]
    gate: Gate | None = None


def compare(
    a: BenchResult,
    b: BenchResult,
    *,
    pair: tuple[str, str] | None = None,
    max_drop: float | None = None,
    proved: bool = False,
) -> Comparison:
    """Compare two results.

    Args:
        a: The first result, or the baseline of a gate.
        b: The second result.
        pair: A variant of A and one of B, by name. Default: equal names, or the only variant of each.
        max_drop: The largest drop of a rate from A to B that a gate allows, a fraction in [0, 1). None for no gate.
        proved: Whether to also miss the gate if a larger drop is possible.

    Raises:
        InvalidArgument: An argument is out of range, no variants can be paired, or no task was answered in both.
    """
    if max_drop is not None and not 0 <= max_drop < 1:
        raise InvalidArgument(
            f"max_drop={clip(repr(max_drop))}: expected a fraction from 0 to below 1, such as 0.02"
        )
    pairs = _pairs(a, b, pair)
    alpha = ALPHA if max_drop is None else ALPHA / (len(pairs) * len(MEASURES))
    clusters = [(_clusters(a, of_a), _clusters(b, of_b)) for of_a, of_b in pairs]
    comparisons = corrected(
        compared((of_a, in_a), (of_b, in_b), measure=measure, alpha=alpha)
        for (of_a, of_b), (in_a, in_b) in zip(pairs, clusters, strict=True)
        for measure in MEASURES
    )
    if not any(comparison.tasks for comparison in comparisons):
        raise InvalidArgument(
            "no task has an answer in both results. Compare two runs of the same suite, or of two versions of a suite"
        )
    gate = None if max_drop is None else Gate(max_drop, proved, alpha)
    tasks_a, tasks_b = _tasks(a), _tasks(b)
    return Comparison(
        a=a.setup,
        b=b.setup,
        common_tasks=len(tasks_a.keys() & tasks_b.keys()),
        only_a=tuple(task for task in tasks_a if task not in tasks_b),
        only_b=tuple(task for task in tasks_b if task not in tasks_a),
        differences=tuple(
            PairDifference(one, *_changes(*clusters[place // len(MEASURES)], one.measure))
            for place, one in enumerate(comparisons)
        ),
        unpaired_a=tuple(c.name for c in a.variants if c.name not in {of_a for of_a, _ in pairs}),
        unpaired_b=tuple(c.name for c in b.variants if c.name not in {of_b for _, of_b in pairs}),
        gate=gate and gate._replace(passed=not any(map(gate.is_missed, comparisons))),
    )


def _pairs(a: BenchResult, b: BenchResult, pair: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Pair the variants of two results."""
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


def _clusters(result: BenchResult, name: str) -> Clusters:
    """Return the validated calls of a variant by task."""
    index = [variant.name for variant in result.variants].index(name)
    return clusters_of(call for call in result.calls if call.variant == index)


def _tasks(result: BenchResult) -> dict[TaskKey, None]:
    return dict.fromkeys((call.schema, call.task) for call in result.calls)


def _changes(a: Clusters, b: Clusters, measure: Measure) -> tuple[tuple[TaskKey, ...], tuple[TaskKey, ...]]:
    """Return the tasks that became worse, and those that became better."""
    gaps = [(of_b - of_a, task) for task, (of_a, of_b) in shares_of(a, b, measure).items()]
    worse = sorted((gap for gap in gaps if gap[0] > 0), key=lambda gap: (-gap[0], gap[1]))
    better = sorted(gap for gap in gaps if gap[0] < 0)
    return tuple(task for _, task in worse), tuple(task for _, task in better)


def document_of(comparison: Comparison) -> Document:
    """Return a comparison as a document. With a gate, the title reports whether it was passed, and why."""
    gate = comparison.gate
    tone = Tone.PLAIN if gate is None else Tone.GOOD if gate.passed else Tone.BAD
    title = _headline(comparison) if gate is None else _gate_line(gate, comparison)
    return Document(title, tuple(_facts(comparison)), tuple(_sections(comparison)), tone=tone)


def _headline(comparison: Comparison) -> str:
    """Return the result in one sentence: the difference with the largest lower bound, if any is known."""
    found = [one.compared for one in comparison.differences if one.compared.called]
    if not found:
        return f"The data shows no difference between A and B on {plural(comparison.common_tasks, 'common task')}"
    item = max(found, key=lambda one: max(one.lower, -one.upper))
    better, least = ("B", item.lower) if item.only_a > item.only_b else ("A", -item.upper)
    more = f". Other differences: {len(found) - 1}" if len(found) > 1 else ""
    known = (
        f" (at least {percent(least, -1)[:-1]} with {exact_percent(1 - ALPHA)} confidence)"
        if least > 0
        else ""
    )
    size = (
        f"{percent(abs(item.difference or 0.0))[:-1]} percentage points more tasks are {PASSED[item.measure]}"
    )
    return f"{better} is better. With {_pair_name(item)}, {size}{known}{more}"


def _gate_line(gate: Gate, comparison: Comparison) -> str:
    """Return in one line whether the gate was passed, and why."""
    drops = [one.compared for one in comparison.differences]
    worst, widest = min(drops, key=lambda drop: drop.upper), min(drops, key=lambda drop: drop.lower)
    allowed = _points(gate.max_drop, 0, gate.max_drop)
    if -worst.upper > gate.max_drop:
        least = _points(-worst.upper, -1, gate.max_drop)
        return f"gate missed: {_share(worst)} dropped by at least {least}. Allowed: {allowed}."
    most = (
        f"{_share(widest)} may have dropped by up to {_points(-widest.lower, 1, gate.max_drop)} "
        f"({plural(widest.tasks, 'task')})"
    )
    if not gate.passed:
        return f"gate missed: {most}. Allowed: {allowed}."
    if -widest.lower <= gate.max_drop:
        return f"gate passed: no rate dropped by more than {allowed}."
    return f"gate passed: no rate is proved to have dropped by more than {allowed}. But {most}."


def _points(share: float, side: int, allowed: float) -> str:
    return f"{percent(share, side, target=allowed)[:-1]} percentage points"


def _facts(comparison: Comparison) -> Iterator[Fact]:
    a, b = comparison.a, comparison.b
    yield Fact("A", setup_line(a))
    yield Fact("B", setup_line(b))
    rest = [
        f"{len(tasks)} only in {name}"
        for name, tasks in (("A", comparison.only_a), ("B", comparison.only_b))
        if tasks
    ]
    yield Fact("compared", ", ".join([f"{plural(comparison.common_tasks, 'common task')}", *rest]))
    if a.suite_fingerprint != b.suite_fingerprint:
        yield Fact(
            "suites", "the suites differ, so the comparison pairs tasks by name, and their texts may differ"
        )
    for name, unpaired in (("A", comparison.unpaired_a), ("B", comparison.unpaired_b)):
        if unpaired:
            yield Fact("omitted", f"{', '.join(map(shown, unpaired))} (only in {name})")


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
    comparisons = [one.compared for one in comparison.differences]
    bounds = "both bounds of a difference" if comparison.gate is None else "all bounds"
    yield Section(
        "Differences",
        f"[low, high]: with {exact_percent(1 - ALPHA)} confidence, {bounds} are correct, at any time",
        Table(
            ("variant", "tasks", "A", "B", "B minus A, points", "odds", "better"),
            tuple(map(_row, comparisons)),
        ),
        (differences_line(comparisons),),
    )
    lines: dict[str, list[str]] = {}
    for one in comparison.differences:
        lines.setdefault(_pair_name(one.compared), []).extend(_changed_lines(one))
    for pair, changed in lines.items():
        if changed:
            yield Section(f"What changed: {pair}", lines=tuple(changed))


def _pair_name(one: Compared) -> str:
    return shown(one.a) if one.a == one.b else f"{shown(one.a)} against {shown(one.b)}"


def _share(one: Compared) -> str:
    return f"the share of {PASSED[one.measure]} replies of {_pair_name(one)}"


def _name(one: Compared) -> str:
    return f"{_pair_name(one)}: {PASSED[one.measure]}"


def _row(comparison: Compared) -> tuple[str, ...]:
    better = "undecided" if not comparison.called else ("B" if comparison.only_a > comparison.only_b else "A")
    rates = (comparison.rate_a, comparison.rate_b)
    return (
        _name(comparison),
        f"{comparison.tasks:,}",
        *(known_percent(None if failed is None else 1 - failed) for failed in rates),
        # A's failures minus B's are B's successes minus A's.
        points(comparison.difference, comparison.lower, comparison.upper),
        odds(comparison.e_value),
        better,
    )


_CHANGES = {"format": ("newly failing", "newly valid"), "content": ("newly wrong", "newly right")}


def _changed_lines(one: PairDifference) -> Iterator[str]:
    for what, tasks in zip(_CHANGES[one.compared.measure], (one.worse, one.better), strict=True):
        if tasks:
            named = ", ".join(f"{shown(schema)} {shown(task)}" for schema, task in tasks[:MOST_TASKS])
            more = len(tasks) - MOST_TASKS
            yield f"{plural(len(tasks), 'task')} {what}: {named}" + (f" and {more} more" if more > 0 else "")
