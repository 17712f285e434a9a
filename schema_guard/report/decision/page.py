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
from schema_guard.report.decision.words import payback
from schema_guard.report.document import Section
from schema_guard.report.over_time import HourOfGroup
from schema_guard.report.page import Slide, check_extra, page
from schema_guard.report.trends import TrendMarks, trend_of
from schema_guard.text import percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]

_MOST_FLIPS = 4

# The lines of the head that the first screen shows.
_AT_ONCE = ("try", "switch to", "but", "missing", "needs", "or now", "changed", "tune for", "money", "next")
_OTHER_TARGETS = {"right": "values are wrong", "latency": "calls are too slow"}


def decision_page(
    verdict: Verdict,
    *,
    hours: Iterable[tuple[int, int, int]] = (),
    changes: Iterable[tuple[str, int]] = (),
    title: str | None = None,
) -> str:
    """Give a verdict as an HTML document that needs no network and no script.

    Args:
        verdict: As `decide` gives it.
        hours: For each hour with calls in production: its start in seconds since the epoch, its calls, and its failed
            calls. With none there is no rate over time.
        changes: Direction of each change of that rate, `rise` or `fall`, and when it was.
        title: What the page is about; None names the verdict.

    Raises:
        MissingExtra: jinja2 or matplotlib is not installed.
    """
    figures = verdict.as_dict()
    check_extra("decision_page")
    trend = trend_of(
        (HourOfGroup(0, *hour) for hour in hours),
        TrendMarks(figures["config"]["target"], tuple(changes), _change_sentence(figures)),
    )
    plots = plots_of(figures, trend)
    return page(document_of(verdict), plots=plots, title=title, slide=slide_of(figures, plots=len(plots)))


def _change_sentence(figures: Figures) -> str:
    """Say when the rate of what is in use changed, and what changed then."""
    changes = [change["text"] for change in figures.get("change", {}).values()]
    return f"{changes[0][0].upper()}{changes[0][1:]}." if changes else ""


def slide_of(figures: Figures, *, plots: int) -> Slide:
    """Return the first screen of a verdict's page.

    Args:
        figures: As `Verdict.as_dict` returns them.
        plots: Number of plots on it.
    """
    told = _chosen(figures), "format"
    wrong = [
        f"wrong now: {breach_of(breach, figures)}"
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
        plots=plots,
        panels=tuple(_flips(figures)),
    )


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
    target, chosen = percent(figures["config"]["target"]), _chosen(figures)
    if "unexplained" in figures:
        return f"{plural(figures['unexplained']['calls'], 'call')} have no reply, and the cause is unknown"
    if "unrated" in figures:
        return f"the share of failed calls is unknown, and {target} may fail"
    if "flagged" in figures:
        schemas = plural(len(figures["schemas"]), "schema")
        return f"{len(figures['flagged'])} of {schemas} failed in more than {target} of the calls"
    measured = figures.get("tuned") if chosen == "tuned" else figures.get("rates", {}).get(chosen)
    what, met = "calls fail", measured or {}
    if measured and figures.get("reason") in measured.get("met", {}):
        met = measured["met"][figures["reason"]]
        what, target = _OTHER_TARGETS[figures["reason"]], percent(met["limit"])
    if met.get("rate") is None:
        return f"no call is recorded, and {target} may fail"
    rate = percent(met["rate"])
    if met["state"] == "pass":
        rate = f"at most {percent(met['upper'])}"
    elif met["state"] == "inconclusive":
        rate = f"between {percent(met['lower'])} and {percent(met['upper'])}"
    return f"{rate} of the {what}, and {target} may"


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
        lines.append(f"{fix(figures['next_rung'])}, if it fixes what fails")
    if "schemas" not in figures:
        lines.append("costs: without them nothing is said of money")
    if lines:
        yield Section("What would change the answer", lines=tuple(lines))


def _flips_of_rate(figures: Figures) -> Iterator[str]:
    best = figures.get("best")
    measured, margin = figures.get("rates", {}).get(best), figures.get("burst_margin", {}).get(best)
    if measured and measured["state"] == "pass":
        yield f"a target below {percent(measured['upper'])}: so much may fail by what is proved"
    if measured and measured["state"] == "fail":
        yield f"a target above {percent(measured['lower'])}: so much fails at least"
    if margin is not None:
        yield f"failures that come in bursts of more than {margin:.3g} calls, in the mean"
