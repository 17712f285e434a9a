# SPDX-License-Identifier: Apache-2.0
"""The summary of a loop: results by set, with the predictions, and the results of prompting."""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.finetune_loop import COSTS
from schema_guard.bench.result.as_json import result_from_json
from schema_guard.bench.result.comparisons import clusters_of, leaf_share_of, rate_of
from schema_guard.decide.economics import months
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.report import as_json
from schema_guard.report.decision.words import tone_of
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.text import clip, dollars, interval, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.finetune_loop import Loop
    from benchmarks.finetune_router import RoutedCall
    from schema_guard.bench.result.values import BenchResult
    from schema_guard.bench.run.scored_call import CallRow
    from schema_guard.stats import Rate

VARIANTS = ("bare", "few_shot", "best", "pilot")
SETS = ("shared", "unseen", "hard")


class LoopSummary(NamedTuple):
    """A loop, as a document and as figures."""

    document: Document
    figures: dict[str, Any]


class Predicted(NamedTuple):
    """A prediction of the first verdict about the tuned model, and the measured value.

    Attributes:
        what: Name of the value.
        low: Lowest predicted value.
        high: Highest predicted value. None for never.
        measured: Measured value. None for never.
        write: Returns the text of a value.
        bounds: Bounds of the true rate. None without bounds.
    """

    what: str
    low: float
    high: float | None
    measured: float | None
    write: Callable[[Any], str]
    bounds: tuple[float, float] | None = None

    @property
    def where(self) -> str:
        """Whether the measured value is `inside` or `outside` of the prediction, or `outside, not proved`."""
        high = inf if self.high is None else self.high
        measured = inf if self.measured is None else self.measured
        if self.low <= measured <= high:
            return "inside"
        is_open = self.bounds is not None and self.bounds[0] <= high and self.low <= self.bounds[1]
        return "outside, not proved" if is_open else "outside"

    @property
    def text(self) -> str:
        """The measured value with its bounds."""
        return self.write(self.measured) + (f" {interval(*self.bounds)}" if self.bounds is not None else "")


def summary_of(loop: Loop, calls: Sequence[RoutedCall] = ()) -> LoopSummary:
    """Return the summary of a finished loop and of the calls that were routed after it."""
    results = {name: result_from_json(json.loads(loop.text(f"{name}.json"))) for name in VARIANTS}
    before, after = (json.loads(loop.text(f"{name}.json")) for name in ("before", "after"))
    sets = {
        task["id"]: tuple(task["tags"])
        for task in map(json.loads, loop.suite.read_text("utf-8").splitlines())
    }
    rows = list(_rows(results, sets))
    predicted = _predicted(before, after)
    facts = [
        Fact("before", _verdict(before)),
        Fact("after", _verdict(after)),
        Fact("trained", _trained(loop)),
        Fact("money", _money(after)),
    ]
    if loop.path("elsewhere.json").exists():
        facts.append(Fact("elsewhere", _elsewhere(result_from_json(json.loads(loop.text("elsewhere.json"))))))
    sections: tuple[Section, ...] = (
        _measured(rows),
        _differences(predicted),
        _by_kind(results["pilot"], sets),
    )
    sections += (_routed(calls),) if calls else ()
    figures = {
        "sets": as_json(rows),
        "predicted": [
            {**entry._asdict(), "write": entry.write.__name__, "where": entry.where} for entry in predicted
        ],
        "routed": as_json(list(calls)),
        "before": before,
        "after": after,
    }
    title = f"{loop.kind}: from the verdict to a tuned model and back"
    return LoopSummary(Document(title, tuple(facts), sections, tone=tone_of(after)), figures)


def _verdict(verdict: dict[str, Any]) -> str:
    stage = verdict.get("stage") or verdict.get("reason")
    return f"{verdict['verdict']}{f' ({stage})' if stage else ''}: {verdict['why']}"


def _routed(calls: Sequence[RoutedCall]) -> Section:
    return Section(
        "Routed",
        gloss="English goes to the tuned model, other languages to the best prompt, which also answers where that fails",
        table=Table(
            ("task", "answered by", "valid", "right"),
            tuple(
                (clip(call.task, 60), call.branch, "yes" if call.ok else "no", "yes" if call.right else "no")
                for call in calls
            ),
            flush_left=(0, 1, 2, 3),
        ),
    )


def _trained(loop: Loop) -> str:
    job = json.loads((loop.tuned / JOB_FILE).read_text(encoding="utf-8"))
    seconds = job["cost"].get("seconds")
    return str(job["message"]) + ("" if seconds is None else f", {seconds:.0f} s")


def _money(verdict: dict[str, Any]) -> str:
    """Return the costs and savings of tuning at the measured rates."""
    economics = verdict.get("economics")
    if economics is None:
        return "not known"
    saved = economics["point"]["saving_per_month"]
    text = f"saves {dollars(saved)}" if saved >= 0 else f"loses {dollars(-saved)}"
    return (
        f"tuning costs {dollars(economics['upfront'])} once and {text} a month at the measured rates and "
        f"{verdict['calls_per_month']:,.0f} calls; pays back: {_payback(economics['point']['payback_months'])}"
    )


class _Row(NamedTuple):
    """One variant on one set."""

    variant: str
    held_out: str
    n: int
    failed: Rate
    right: Rate
    fields: Rate
    input_tokens: float
    output_tokens: float
    seconds: float


def _rows(results: dict[str, BenchResult], sets: dict[str, tuple[str, ...]]) -> Iterator[_Row]:
    for way, result in results.items():
        for name in (*SETS, "all"):
            calls = [call for call in result.calls if name in (sets[call.task][0], "all")]
            if calls:
                yield _row(way, name, calls)


def _row(way: str, name: str, calls: Sequence[CallRow]) -> _Row:
    clusters = clusters_of(calls)
    seconds = sorted(call.elapsed_s or 0.0 for call in calls)
    return _Row(
        way,
        name,
        len(calls),
        rate_of(clusters, lambda call: not call.is_valid),
        rate_of(clusters, lambda call: call.right),
        leaf_share_of(clusters),
        _mean(call.input_tokens for call in calls),
        _mean(call.output_tokens for call in calls),
        seconds[len(seconds) // 2],
    )


def _mean(values: Iterable[int | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def _measured(rows: Sequence[_Row]) -> Section:
    return Section(
        "Measured on what was held out",
        lines=(
            "bare: no word about the format; pilot: the tuned model, bare",
            "best: few_shot>strict_schema, examples, and a grammar where they do not suffice",
            "a rate has its bounds, each at 95 % at every look; fields: the mean share of an answer's values that are right",
            "few_shot was ended when a bound had passed 5 %",
        ),
        table=Table(
            ("way", "set", "n", "failed %", "right %", "fields %", "tokens in/out", "s, median"),
            tuple(
                (
                    row.variant,
                    row.held_out,
                    str(row.n),
                    *map(_percent, (row.failed, row.right, row.fields)),
                    f"{row.input_tokens:.0f}/{row.output_tokens:.0f}",
                    f"{row.seconds:.1f}",
                )
                for row in rows
            ),
        ),
    )


def _percent(rate: Rate) -> str:
    if rate.rate is None:
        return "no data"
    if rate.lower is None or rate.upper is None:
        return f"{100 * rate.rate:.1f}"
    return f"{100 * rate.rate:.1f} [{100 * rate.lower:.1f}, {100 * rate.upper:.1f}]"


def _by_kind(pilot: BenchResult, sets: dict[str, tuple[str, ...]]) -> Section:
    """Return the results of the tuned model on each kind of hard task."""
    kinds: dict[str, list[CallRow]] = {}
    for call in pilot.calls:
        name, *more = sets[call.task]
        if name == "hard":
            kinds.setdefault(more[0], []).append(call)
    return Section(
        "The hard ones, asked of the tuned model",
        table=Table(
            ("hard", "n", "failed", "right", "fields %"),
            tuple(
                (
                    kind,
                    str(len(calls)),
                    str(sum(not call.is_valid for call in calls)),
                    str(sum(call.right for call in calls)),
                    f"{100 * (leaf_share_of(clusters_of(calls)).rate or 0):.1f}",
                )
                for kind, calls in sorted(kinds.items())
            ),
        ),
    )


def _predicted(before: dict[str, Any], after: dict[str, Any]) -> list[Predicted]:
    """Return the first verdict's predictions about the tuned model with the second verdict's measurements."""
    forecast, measured = before.get("economics"), after.get("economics")
    if forecast is None or measured is None:
        return []
    assumed = json.loads(COSTS.read_text(encoding="utf-8"))["economics"]["tuned"]["residual"].values()
    tuned = after["tuned"]
    bounds = None if tuned["lower"] is None else (tuned["lower"], tuned["upper"])
    rows = [Predicted("failed, tuned", min(assumed), max(assumed), tuned["rate"], percent, bounds)]
    for what, name, write in (
        ("cost a call, prompt", "prompt_per_call", dollars),
        ("cost a call, tuned", "tuned_per_call", dollars),
        ("payback", "payback_months", _payback),
    ):
        values = [forecast[end][name] for end in ("opt", "point", "pess")]
        known = [value for value in values if value is not None]
        high = None if len(known) < len(values) else max(known)
        rows.append(Predicted(what, min(known, default=inf), high, measured["point"][name], write))
    return rows


def _payback(value: float | None) -> str:
    return "never" if value is None or value == inf else months(value)


def _differences(predicted: Sequence[Predicted]) -> Section:
    return Section(
        "Predicted, and measured",
        lines=(
            "predicted by the first verdict, from the assumptions in costs.json: from the hopeful to the careful end",
            "measured by the second verdict, from the records of the pilot; costs and payback at the measured rates alone",
        ),
        table=Table(
            ("what", "predicted", "measured", ""),
            tuple(
                (
                    row.what,
                    f"{row.write(row.low)} to {row.write(row.high)}",
                    row.text,
                    row.where,
                )
                for row in predicted
            ),
        ),
    )


def _elsewhere(result: BenchResult) -> str:
    parts = [
        f"{variant.name} {variant.calls - variant.failed.count:g} valid and {variant.right.count:g} right of {variant.calls}"
        for variant in result.variants
    ]
    return f"on other schemas, asked bare: {', '.join(parts)}; it decides only where one endpoint serves several functions"
