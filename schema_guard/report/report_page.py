# SPDX-License-Identifier: Apache-2.0
"""The report of a store as a page: the findings in one sentence, a card for each group of calls, then all figures.

Rules: All charts have one scale. A card has one stored reply at most, folded, and only if the store keeps texts. The same
store gives the same bytes.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.pointer import pointer
from schema_guard.records.times import moment
from schema_guard.report.document import Fact, Quote, Tone
from schema_guard.report.drawing import Plot, Scale
from schema_guard.report.findings import FunctionFinding, findings_of, headline_of
from schema_guard.report.first_lines import failing_text
from schema_guard.report.over_time import MOST_PLOTS
from schema_guard.report.page import Card, Live, Slide, page
from schema_guard.report.store_document import document_of, names_of
from schema_guard.report.trends import Steps, TrendMarks, axes_of, draw_trend, legend, steps_of
from schema_guard.report.words import BOUNDS, bounded, tokens
from schema_guard.stats import Rate
from schema_guard.text import clip, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.records import Store
    from schema_guard.report.figures import Configuration, Report

# Most characters of a name above a card.
_CARD_NAME = 56
# Attempts of the last step with failures in which a stored text is searched.
_SEARCHED = 1_000
_EXAMPLE_CHARS = 2_000
_NO_RATE = "The calls are not a fair sample of the traffic, so they have no failure rate"
# A verdict divides alpha among functions, configurations, and targets.
_BOUNDS = (
    f"{BOUNDS}. In the cards, all bounds together are correct with this confidence, so they are wider. A card counts the "
    "calls since the last change of the rate"
)


class _Row(NamedTuple):
    """A group of calls, and the knowledge about it."""

    group: Configuration
    name: str
    steps: Steps
    finding: FunctionFinding | None
    example: Quote | None

    @property
    def rate(self) -> Rate:
        """The present rate. Its bounds are those of the verdict, so that they agree with the status."""
        found = None if self.finding is None else self.finding.rate
        if found is None or found["rate"] is None:
            return self.group.failed
        return Rate(*(found[name] for name in ("k", "n", "rate", "lower", "upper")))

    @property
    def marks(self) -> TrendMarks:
        """The marks in its plot."""
        return TrendMarks() if self.finding is None else TrendMarks(self.finding.target, self.finding.changes)

    @property
    def tone(self) -> Tone:
        """The color of its status."""
        return Tone.PLAIN if self.finding is None else self.finding.tone


def report_page(
    report: Report,
    store: Store | None = None,
    *,
    title: str = "schema-guard report",
    live: Live | None = None,
    **which: Any,
) -> str:
    """Return a report as an HTML document that needs no network and no script.

    Args:
        report: With its hours.
        store: The store of the findings and the examples. None for a page without them.
        title: The subject of the page.
        live: Makes it follow its store.
        which: The calls of the report, as `gather_each` takes them.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    document = document_of(report)
    if not report.groups:
        return page(document, title=title, live=live)
    findings = [] if store is None else findings_of(store, **which)
    headline, tone = headline_of(_NO_RATE if _is_unrated(report) else document.title, findings)
    document = document._replace(tone=tone)
    rows = _rows(report, store, findings)
    if any(row.finding for row in rows):
        document = document._replace(facts=tuple(map(_of_verdicts, document.facts)))
    drawn = [row.steps for row in rows if row.steps.points]
    axes = axes_of(drawn, [row.marks.target for row in rows]) if drawn else None
    cards = [_card(number, row, axes) for number, row in enumerate(rows)]
    plots = [Plot("Failure rate over time", "", None, _missing(report))] if axes is None else []
    more = plural(len(report.groups) - len(rows), "more group")
    lines = [] if axes is None else [f"All charts have the same scale. {legend(row.marks for row in rows)}."]
    lines += [f"{more} with lower rates are in the tables."] if len(rows) < len(report.groups) else []
    slide = Slide(
        "", headline, _scope(report), tuple(lines), plots=1, cards=tuple(cards), folded="All figures"
    )
    return page(document, plots=plots, title=title, live=live, slide=slide)


def _of_verdicts(fact: Fact) -> Fact:
    return fact._replace(text=_BOUNDS) if fact.text == BOUNDS else fact


def _scope(report: Report) -> str:
    """Return which calls the page is about."""
    calls = plural(sum(group.calls for group in report.groups), "call")
    span = report.over_time.span if report.over_time else None
    when = f", {moment(span[0], hours=False)} to {moment(span[1] - 1, hours=False)}" if span else ""
    return f"{calls}{when}, {report.store}"


def _rows(report: Report, store: Store | None, findings: Sequence[FunctionFinding]) -> list[_Row]:
    """Return the groups with points, worst first. Findings are about functions, not about parts of their traffic."""
    names = ("function", "schema_fingerprint")
    found = {tuple(map(one.figures.get, names)): one for one in findings if report.by == "function"}
    series = steps_of(report.over_time) if report.over_time else [Steps(1, ()) for _ in report.groups]
    rows = []
    for group, name, steps in zip(report.groups, names_of(report, _CARD_NAME), series, strict=True):
        example = None if store is None else _example(store, group, steps)
        rows.append(
            _Row(group, name, steps, found.get((group.function or "", group.schema_fingerprint)), example)
        )
    drawn = [row for row in rows if row.steps.points] or rows
    return sorted(drawn, key=lambda row: -row.rate.bounds.lower)[:MOST_PLOTS]


def _example(store: Store, group: Configuration, steps: Steps) -> Quote | None:
    """Return a stored reply of the last step with failures. None if the store has no text of one."""
    at = max((point.at for point in steps.points if point.count), default=None)
    if group.function is None or at is None:
        return None
    attempts = store.attempts(
        since=at, until=at + steps.step_s, schema=group.schema_fingerprint, function=group.function
    )
    failed = {
        (row["call_id"], row["number"]): row
        for row in islice(attempts, _SEARCHED)
        if row["kind"] not in (None, "transport")
    }
    for texts in reversed(store.texts([call_id for call_id, _ in failed]) if failed else []):
        row = failed.get((texts.call_id, texts.number))
        if row is not None and texts.reply is not None:
            broken = ", ".join(f"{pointer(place)} ({keyword})" for place, keyword in row["violations"])
            what = f"{row['kind']} ({row['code']})" + (f" at {broken}" if broken else "")
            return Quote(
                f"Example of {moment(row['started_at'] or 0)} UTC", what, clip(texts.reply, _EXAMPLE_CHARS)
            )
    return None


def _is_unrated(report: Report) -> bool:
    """Return whether there are calls, and none shows the failure rate of the traffic."""
    counted = [group for group in report.groups if group.calls]
    return bool(counted) and not any(group.is_rated for group in counted)


def _missing(report: Report) -> str:
    if _is_unrated(report):
        return "the calls were imported, and they do not show the failure rate of your traffic"
    counted = any(group.calls for group in report.groups)
    return "no call has a known time" if counted else "no call has a validated reply"


def _card(number: int, row: _Row, axes: tuple[Scale, Scale] | None) -> Card:
    is_drawn = axes and row.steps.points
    return Card(
        f"f{number}",
        row.name,
        row.tone.value,
        "" if row.finding is None else row.finding.status,
        tuple(_lines(row)),
        draw_trend(f"trend{number}", row.name, row.steps, axes, row.marks) if axes and is_drawn else None,
        "" if row.finding is None else row.finding.figures["next_step"],
        row.example,
    )


def _lines(row: _Row) -> Iterator[str]:
    """Yield the facts of a card."""
    group, rate, rise = row.group, row.rate, row.finding and row.finding.rise
    if not group.is_rated:
        yield f"{rate.count:,.6g} of {plural(rate.n, 'call')} failed, which is not the failure rate of your traffic"
    elif rate.n:
        calls = plural(rate.n, "call") if row.finding is None else row.finding.calls
        text = f"{bounded(rate)} of {calls} failed"
        if rise and rise["prior_n"]:
            text += f" after the rise, {percent(rise['prior_k'] / rise['prior_n'])} of {rise['prior_n']:,} before it"
        yield text
    if rise and rise["with"]:
        yield f"What changed at that time: {', '.join(rise['with'])}"
    if places := failing_text(group):
        yield f"Fails at {places}"
    if group.attempts and group.input_tokens is not None and group.output_tokens is not None:
        each = [tokens(total / group.attempts) for total in (group.input_tokens, group.output_tokens)]
        time = (
            ""
            if group.elapsed_p50_s is None
            else f". Half of the attempts take at most {group.elapsed_p50_s:.2f} s"
        )
        yield f"On average, an attempt uses {each[0]} input tokens and {each[1]} output tokens{time}"
