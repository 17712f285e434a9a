# SPDX-License-Identifier: Apache-2.0
"""A result of a benchmark as a document, with a section for each kind of figures.

Rules:
1. A rate has its n and its bounds beside it. A figure that was not measured is marked as missing, and is never 0.
2. A table names variants by their labels, which are short if there are many variants or long names.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from schema_guard.bench.result.comparisons import DELTA
from schema_guard.bench.result.headline import headline_of
from schema_guard.bench.result.ranking import names_of, shown
from schema_guard.bench.result.values import FAILED
from schema_guard.bench.suites.values import Difficulty
from schema_guard.pointer import pointer
from schema_guard.report.document import Fact, Quote, Section, Table
from schema_guard.report.words import BOUNDS, NO_DATA, bounded, points, tokens
from schema_guard.text import exact_percent, odds, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.bench.result.values import BenchResult, Compared, VariantResult
    from schema_guard.bench.run.scored_call import FailedExample
    from schema_guard.report.document import Document

    Labels: TypeAlias = Sequence[str]

_DIFFICULTIES: tuple[str, ...] = get_args(Difficulty)

PartOf: TypeAlias = Literal["schema", "group", "difficulty"]

# A table with more rows than a screen is hard to read. The hardest ones come first.
MOST_ROWS = 30

# The comparisons of up to three variants are all listed. Of more, only those that are called different.
_MOST_LISTED = 6

_CODES, _PLACES = 6, 6

# With longer names, or with more of them, a table would be wider than a terminal.
_LONGEST_NAME, _LONGEST_HEADER = 19, 80


def document_of(result: BenchResult, store: str | None = None, *, examples: bool = False) -> Document:
    """Return a result as a document.

    Args:
        result: The result.
        store: URL of the store that a next command names.
        examples: Whether failed replies are shown. Without them, the document fits a terminal or a comment.
    """
    labels = _labels(result)
    sections = (
        format_section(result, labels),
        failed_section(result, labels),
        content_section(result, labels),
        cost_section(result, labels),
        differences_section(result, labels),
        parts_section(result, labels, "difficulty"),
        parts_section(result, labels, "group"),
        parts_section(result, labels, "schema"),
        gaps_section(result),
        examples_section(result, labels) if examples else None,
    )
    findings = headline_of(result, store)
    *facts, next_step = findings.facts
    return findings._replace(
        facts=(*facts, *_facts(result, labels), next_step),
        sections=tuple(section for section in sections if section),
    )


def _labels(result: BenchResult) -> Labels:
    names = names_of(result)
    fits = (
        all(len(name) <= _LONGEST_NAME for name in names)
        and sum(len(n) + 2 for n in names) <= _LONGEST_HEADER
    )
    return names if fits else [f"#{number}" for number in range(1, len(names) + 1)]


def _facts(result: BenchResult, labels: Labels) -> Iterator[Fact]:
    setup = result.setup
    models = list(dict.fromkeys(shown(variant.model) for variant in result.variants))
    lost = sum(variant.lost for variant in result.variants)
    epochs = "" if setup.epochs == 1 else f", each task {setup.epochs} times"
    yield Fact("suite", f"{shown(setup.suite)} ({setup.suite_fingerprint}): {_planned_text(result)}")
    yield Fact("model" if len(models) == 1 else "models", ", ".join(models))
    yield Fact(
        "calls",
        f"{plural(len(result.calls), 'call')}, {lost or 'none'} of them lost; at most {plural(setup.max_attempts, 'attempt')} per call{epochs}",
    )
    yield Fact("plan", f"{setup.plan}, seed {setup.seed}, schema-guard {setup.library_version}")
    if setup.started_at is not None:
        yield Fact("began", setup.started_at)
    names = names_of(result)
    yield from (
        Fact(f"variant {label}", name) for label, name in zip(labels, names, strict=True) if label != name
    )
    yield Fact("differences", differences_line(result.comparisons))
    together = ". In the first line, the bounds of all variants together are correct with this confidence"
    yield Fact("bounds", BOUNDS if len(names) == 1 else BOUNDS + together)


def _planned_text(result: BenchResult) -> str:
    """Return the planned part of the suite."""
    setup = result.setup
    schemas = plural(len({call.schema for call in result.calls}), "schema")
    tasks = plural(setup.tasks, "task")
    return f"{schemas}, {tasks}" + (f" of {setup.suite_tasks:,}" if setup.tasks < setup.suite_tasks else "")


def format_section(result: BenchResult, labels: Labels) -> Section:
    """Return how calls went."""
    is_repaired = any(variant.repaired.count for variant in result.variants)
    repeated = result.setup.epochs > 1
    header = ["variant", "n", *(["tasks"] if repeated else []), "clean", "valid first time"]
    header += [*(["repaired"] if is_repaired else []), "fixed by retry", "failed"]
    rows = []
    for label, one in zip(labels, result.variants, strict=True):
        counts = [f"{one.calls:,}", *([f"{one.tasks:,}"] if repeated else [])]
        rates = [one.clean, one.valid_first_time, *([one.repaired] if is_repaired else [])]
        rates += [one.fixed_by_retry, one.failed]
        rows.append((label, *counts, *map(bounded, rates)))
    return Section(
        "Format",
        "n: number of calls with a model reply",
        Table(tuple(header), tuple(rows)),
        ("Rates are means over tasks, so each task counts once.",) if repeated else (),
    )


def content_section(result: BenchResult, labels: Labels) -> Section:
    """Return the rates of valid and right values."""
    has_nulls = any(variant.invented.n for variant in result.variants)
    teacher = result.setup.teacher
    header = ("variant", "n", "valid", "right", "wrong but valid", "right leaves")
    gloss = "A valid value can be wrong. A right value equals the known answer. A call without a valid value has no right leaves (single values)."
    if teacher is not None:
        header = ("variant", "n", "valid", "agrees", "valid, and differs", "leaves that agree")
        gloss = f"Agreement with the teacher, because a model answered {teacher} test rows. The share of right values is unknown."
    rows = (
        (
            label,
            f"{variant.calls:,}",
            *map(bounded, (variant.valid, variant.right, variant.wrong_valid, variant.leaf_share)),
            *([f"{bounded(variant.invented)} of {variant.invented.n:,}"] if has_nulls else []),
        )
        for label, variant in zip(labels, result.variants, strict=True)
    )
    return Section(
        "Content",
        gloss,
        Table((*header, *(["invented"] if has_nulls else [])), tuple(rows)),
        ("invented: share of the tasks whose answer has a null, but whose reply has another value there",)
        if has_nulls
        else (),
    )


def cost_section(result: BenchResult, labels: Labels) -> Section:
    """Return the cost of the calls: attempts, tokens, seconds, and money."""
    currency = result.setup.currency
    unit = "output tokens" if currency is None else currency
    header = (
        "variant",
        "attempts",
        "tokens in/out",
        "s/call p50/p95",
        f"{unit} per valid value",
        "per right value" if result.setup.teacher is None else "per value that agrees",
    )
    money = () if currency is None else (currency,)
    rows = (
        (label, *_cost_cells(variant, has_prices=currency is not None))
        for label, variant in zip(labels, result.variants, strict=True)
    )
    return Section("Tokens, time, and cost", "", Table((*header[:4], *money, *header[4:]), tuple(rows)))


def _cost_cells(variant: VariantResult, *, has_prices: bool) -> tuple[str, ...]:
    used = f"{tokens(variant.input_tokens)}/{tokens(variant.output_tokens)}"
    seconds = f"{_amount(variant.elapsed_p50_s)}/{_amount(variant.elapsed_p95_s)}"
    per = (
        (variant.cost, variant.cost_per_valid, variant.cost_per_right)
        if has_prices
        else (variant.output_tokens_per_valid, variant.output_tokens_per_right)
    )
    return str(variant.attempts), used, seconds, *map(_amount, per)


def _amount(amount: float | None) -> str:
    if amount is None:
        return NO_DATA
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.3g}"  # three digits


def differences_section(result: BenchResult, labels: Labels) -> Section | None:
    """Return the paired differences: all of them if they are few, otherwise those that are called different."""
    if len(result.variants) == 1:
        return None
    compared = result.comparisons
    listed = [comparison for comparison in compared if comparison.called or len(compared) <= _MOST_LISTED]
    # Of many, the ones with the most evidence come first.
    if len(compared) > _MOST_LISTED:
        listed.sort(key=lambda one: -one.e_value)
    label_of = {variant.name: label for variant, label in zip(result.variants, labels, strict=True)}
    failed = (
        FAILED
        if result.setup.teacher is None
        else {**FAILED, "content": "calls that differ from the teacher"}
    )
    rows = tuple(_difference_row(one, label_of, failed[one.measure]) for one in listed[:MOST_ROWS])
    more = len(listed) - MOST_ROWS
    return Section(
        "Differences",
        "Each difference is the rate of A minus that of B, in percentage points. It counts only the tasks that both "
        "answered. Both bounds hold with 95% confidence, at any time.",
        Table(("A minus B", "tasks", "points", "odds", "better"), rows) if rows else None,
        (f"and {more} more differences",) if more > 0 else (),
    )


def differences_line(comparisons: Sequence[Compared]) -> str:
    """Return how many comparisons there were, and how many of them are called different."""
    called = sum(comparison.called for comparison in comparisons)
    if not comparisons:
        return "only one variant, so there is nothing to compare"
    return f"{called or 'none'} of {plural(len(comparisons), 'comparison')} {'show' if called > 1 else 'shows'} a difference, and at most {exact_percent(DELTA)} of reported differences are expected to be wrong (e-BH)"


def _difference_row(comparison: Compared, label_of: dict[str, str], failed: str) -> tuple[str, ...]:
    better = "undecided" if comparison.better is None else label_of[comparison.better]
    pair = f"{failed}: {label_of[comparison.a]} minus {label_of[comparison.b]}"
    return (
        pair,
        str(comparison.tasks),
        points(comparison.difference, comparison.lower, comparison.upper),
        odds(comparison.e_value),
        better,
    )


def parts_section(result: BenchResult, labels: Labels, part_of: PartOf) -> Section | None:
    """Return the calls without a valid value by schema, group or difficulty, the hardest first.

    Returns:
        None if no part is known, such as no difficulty, or if the groups are the schemas.
    """
    names = dict.fromkeys(name for call in result.calls if (name := getattr(call, part_of)) is not None)
    counts: Counter[tuple[str, int, bool]] = Counter(
        (getattr(call, part_of), call.variant, call.is_valid) for call in result.calls if not call.is_lost
    )
    if not names or (part_of == "group" and set(names) == {call.schema for call in result.calls}):
        return None

    def hardness(name: str) -> tuple[float, str]:
        failed, valid = (sum(counts[name, at, ok] for at in range(len(labels))) for ok in (False, True))
        return -failed / max(failed + valid, 1), name

    def cell(name: str, variant: int) -> str:
        failed, valid = (counts[name, variant, is_valid] for is_valid in (False, True))
        return f"{failed}/{failed + valid}" if failed + valid else "-"

    ordered = sorted(names, key=_DIFFICULTIES.index if part_of == "difficulty" else hardness)
    rows = tuple(
        (shown(name), *(cell(name, at) for at in range(len(labels)))) for name in ordered[:MOST_ROWS]
    )
    more = len(ordered) - MOST_ROWS
    return Section(
        f"Calls without a valid value, by {part_of}",
        "",
        Table((part_of, *labels), rows),
        (f"The table has the {MOST_ROWS} worst rows. {more} more are not shown.",) if more > 0 else (),
    )


def failed_section(result: BenchResult, labels: Labels) -> Section | None:
    """Return the kinds of the failed attempts and the violations of each variant, in a line each."""
    lines = []
    for number, label in enumerate(labels):
        failures = [one for call in result.calls if call.variant == number for one in call.failures]
        if codes := _most((f"{one.kind} ({shown(one.code)})" for one in failures), _CODES):
            lines.append(f"{label}: failed attempts by kind: {codes}")
        places = (
            f"{shown(pointer(one.location or ''))} ({shown(one.keyword)})"
            for one in failures
            if one.keyword is not None
        )
        if listed := _most(places, _PLACES):
            lines.append(f"{label}: schema violations by location: {listed}")
    return Section("Failed attempts", lines=tuple(lines)) if lines else None


def _most(names: Iterable[str], most: int) -> str:
    counts = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{name} {attempts}" for name, attempts in counts[:most])
    more = len(counts) - most
    return f"{text} and {more} others" if more > 0 else text


def gaps_section(result: BenchResult) -> Section | None:
    """Return the figures that were not measured, and why."""
    return Section("Not measured", lines=result.not_measured) if result.not_measured else None


def examples_section(result: BenchResult, labels: Labels) -> Section | None:
    """Return failed attempts for people to inspect."""
    if not result.examples:
        return None
    return Section(
        "Examples of failed attempts",
        "Each example shows the beginning of a reply. Characters that can't be printed are escaped.",
        quotes=tuple(_quote(example, labels[example.variant]) for example in result.examples),
    )


def _quote(example: FailedExample, label: str) -> Quote:
    epoch = f", epoch {example.epoch}" if example.epoch else ""
    return Quote(
        heading=f"{label}: {example.kind} {shown(example.code)}",
        gloss=f"{shown(example.schema)}, task {shown(example.task)}{epoch}, attempt {example.attempt}: {example.message}",
        text=example.reply,
    )
