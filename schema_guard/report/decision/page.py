# SPDX-License-Identifier: Apache-2.0
"""A verdict as one static page: one screen with the answer and its plots, and below it, folded, every table.

The headline is for readers who know neither the library nor statistics. It has one rate, of the calls that the verdict is
about. The same verdict gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.document import document_of
from schema_guard.report.decision.head import breach_of, facts_of
from schema_guard.report.decision.plain_words import fix, label, meaning
from schema_guard.report.decision.plots import plots_of
from schema_guard.report.decision.words import name_of, payback
from schema_guard.report.document import Section, Table
from schema_guard.report.over_time import HourOfGroup
from schema_guard.report.page import Slide, check_extra, page
from schema_guard.report.trends import TrendMarks, trend_of
from schema_guard.report.words import NO_DATA
from schema_guard.text import exact_percent, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]

_MOST_FLIPS = 4

# The lines of the head that the first screen shows.
_AT_ONCE = ("try", "switch to", "but", "missing", "needs", "or now", "tune for", "money")
_OTHER_TARGETS = {"right": "values are wrong", "latency": "calls are too slow"}


def decision_page(
    verdict: Verdict,
    *,
    hours: Iterable[tuple[int, int, int]] = (),
    changes: Iterable[tuple[str, int]] = (),
    title: str | None = None,
) -> str:
    """Return a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: As `decide` gives it.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls. With none there is no rate over time.
        changes: Direction of each change of that rate, `rise` or `fall`, and when it was.
        title: What the page is about; None names the verdict.

    Raises:
        MissingExtra: jinja2 is not installed.
    """
    figures, counted = verdict.as_dict(), list(hours)
    check_extra("decision_page")
    trend = trend_of(
        (HourOfGroup(0, *hour) for hour in counted),
        TrendMarks(figures["config"]["target"], tuple(changes)),
    )
    plots, document = plots_of(figures, trend), document_of(verdict)
    document = document._replace(sections=(*_windows(figures, counted), *document.sections))
    return page(document, plots=plots, title=title, slide=slide_of(figures, plots=len(plots)))


def _windows(figures: Figures, hours: Sequence[tuple[int, int, int]]) -> Iterator[Section]:
    """Yield the rates of the same function over different windows, if there are several."""
    rows = []
    for name, change in figures.get("change", {}).items():
        rate, days = figures["rates"].get(name), change["days"] or ("the change", "the change")
        if rate and rate["n"]:
            rows.append(
                (name_of(name), f"after {days[1]}, when the change was noticed", rate["n"], rate["k"])
            )
        rows.append((name_of(name), f"from {days[0]} on", change["since_n"], change["since_k"]))
        rows.append((name_of(name), f"before {days[0]}", change["prior_n"], change["prior_k"]))
    if rows and hours:
        rows.append(
            ("all versions", "the whole chart", sum(n for _, n, _ in hours), sum(k for *_, k in hours))
        )
    if rows:
        cells = tuple(
            (name, window, f"{n:,}", f"{k:,.6g}", percent(k / n) if n else NO_DATA)
            for name, window, n, k in rows
        )
        yield Section(
            "Rates and their windows",
            "The headline shows the rate of the first row.",
            Table(("calls of", "window", "calls", "failed", "rate"), cells, (0, 1)),
        )


def slide_of(figures: Figures, *, plots: int) -> Slide:
    """Return the first screen of a verdict's page.

    Args:
        figures: As `Verdict.as_dict` returns them.
        plots: Number of plots on it.
    """
    told = _chosen(figures), "format"
    wrong = [
        f"problem: {_breach_line(breach, figures)}"
        for breach in figures.get("breach", ())
        if (breach["strategy"], breach["what"]) != told
    ]
    facts = tuple(facts_of(figures))
    return Slide(
        verdict=label(figures),
        headline=headline_of(figures),
        whose="; ".join(
            fact.text if fact.label == "function" else f"{fact.label}: {fact.text}"
            for fact in facts
            if fact.label in ("function", "calls")
        ),
        lines=(*wrong[:1], *(f"{fact.label}: {fact.text}" for fact in facts if fact.label in _AT_ONCE)),
        step=figures["next_step"],
        plots=plots,
        panels=tuple(_flips(figures)),
    )


def _breach_line(breach: Figures, figures: Figures) -> str:
    """Return the text of a breach. The rates of a rise are in the details, with their windows."""
    if breach["what"] != "rise":
        return breach_of(breach, figures)
    change = figures["change"][breach["strategy"]]
    changed = f"; changed at that time: {', '.join(change['with'])}" if change.get("with") else ""
    return f"{name_of(breach['strategy'])}: {change['text'].partition(': ')[0]}{changed}"


def headline_of(figures: Figures) -> str:
    """Return the verdict in plain words, and one rate."""
    return f"{_sentence(meaning(figures))} {_sentence(_rate(figures))}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _chosen(figures: Figures) -> str | None:
    """Return the strategy whose rate is in the headline."""
    wrong = [breach["strategy"] for breach in figures.get("breach", ()) if breach["what"] == "format"]
    if figures["verdict"] == "NEED_MORE_DATA" and wrong:
        return str(wrong[0])
    if figures.get("stage") == "ship" or figures.get("strategy") == "tuned_content":
        return "tuned"
    chosen: str | None = figures.get("switch_to") or figures.get("strategy") or figures.get("best")
    return chosen


def _rate(figures: Figures) -> str:
    """Return the rate that the verdict is about, and its target."""
    target, chosen = exact_percent(figures["config"]["target"]), _chosen(figures)
    if "unexplained" in figures:
        return f"{plural(figures['unexplained']['calls'], 'call')} have no reply, and the cause is unknown"
    if "unrated" in figures:
        return f"the failure rate is unknown; target: {target}"
    if "flagged" in figures:
        schemas = plural(len(figures["schemas"]), "schema")
        return f"{len(figures['flagged'])} of {schemas} failed in more than {target} of the calls"
    measured = figures.get("tuned") if chosen == "tuned" else figures.get("rates", {}).get(chosen)
    what, met, limit = "calls fail", measured or {}, figures["config"]["target"]
    if measured and figures.get("reason") in measured.get("met", {}):
        met = measured["met"][figures["reason"]]
        what, limit = _OTHER_TARGETS[figures["reason"]], met["limit"]
    if met.get("rate") is None:
        return f"no call is recorded; target: {target}"
    rate = percent(met["rate"])
    if met["state"] == "pass":
        rate = f"at most {percent(met['upper'], 1, limit)}"
    elif met["state"] == "inconclusive":
        rate = f"between {percent(met['lower'], -1, limit)} and {percent(met['upper'], 1, limit)}"
    return f"{rate} of the {what}, and {exact_percent(limit)} may"


def _flips(figures: Figures) -> Iterator[Section]:
    """Yield what would change the answer."""
    if "cost" in figures:
        flips = sorted(figures["cost"]["flips"], key=lambda flip: not flip["flips"])[:_MOST_FLIPS]
        lines = [f"{flip['change']}: payback {payback(flip['payback_months'])}" for flip in flips]
        yield Section("What would change the answer", lines=tuple(lines))
        return
    lines = [*_flips_of_rate(figures)]
    if figures.get("n_more"):
        lines.append(f"{figures['n_more']:,} more calls")
    if "next_rung" in figures:
        lines.append(f"{fix(figures['next_rung'])}, if it fixes the failures")
    if "schemas" not in figures:
        lines.append("costs: without them, the verdict compares no money")
    if lines:
        yield Section("What would change the answer", lines=tuple(lines))


def _flips_of_rate(figures: Figures) -> Iterator[str]:
    best = figures.get("best")
    measured, margin = figures.get("rates", {}).get(best), figures.get("burst_margin", {}).get(best)
    if measured and measured["state"] == "pass":
        yield f"a target below {percent(measured['upper'], 1)}, because up to that share may fail"
    if measured and measured["state"] == "fail":
        yield f"a target above {percent(measured['lower'], -1)}, because at least that share fails"
    if margin is not None:
        yield f"failures in bursts of more than {margin:.3g} calls on average"
