# SPDX-License-Identifier: Apache-2.0
"""The details of a verdict: tables and lists under headings, with every figure as text.

Rules: all figures come from `Verdict.as_dict()`; a section that does not apply is left out, and an unmeasured figure is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.configuration.early_stop import NOT_COMPARED
from schema_guard.decide.economics import months
from schema_guard.report.decision.words import (
    COLUMNS,
    TUNED,
    calls,
    hazards_of,
    imported_of,
    name_of,
    payback,
    rate_of,
    state_of,
)
from schema_guard.report.document import Section, Table
from schema_guard.report.words import EXCLUDED, NO_DATA, large
from schema_guard.text import dollars, exact_percent, interval, odds, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Figures = Mapping[str, Any]

_REASONS_TO_TUNE = {
    "consistent_format": "consistent format",
    "domain_vocabulary": "domain vocabulary",
    "cost_at_volume": "cost at volume",
    "latency": "latency",
}


def sections_of(figures: Figures) -> Iterator[Section]:
    """Yield the sections that apply to the figures of a verdict."""
    for build in _BUILDERS:
        section = build(figures)
        if section is not None:
            yield section
    for title, key in (("Assumptions", "assumptions"), ("Not measured", "not_measured"), ("Notes", "notes")):
        if figures.get(key):
            yield Section(title, lines=tuple(figures[key]))
    yield _words_section(figures)


def _table(
    title: str,
    gloss: str,
    header: Sequence[str],
    rows: Iterable[tuple[str, ...]],
    flush_left: tuple[int, ...] = (0,),
    lines: Sequence[str] = (),
) -> Section | None:
    """Return a section with a table; None without rows."""
    listed = tuple(rows)
    return Section(title, gloss, Table(tuple(header), listed, flush_left), tuple(lines)) if listed else None


def _rates_section(figures: Figures) -> Section | None:
    if "rates" not in figures:
        return None
    rated = [(name_of(name), rate, figures["odds"].get(name)) for name, rate in figures["rates"].items()]
    if "tuned" in figures:
        rated.append((TUNED, figures["tuned"], figures["odds"]["tuned"]))
    target = figures["config"]["target"]
    rows = [(name, *_rate_cells(rate, target), *_odds_cells(e)) for name, rate, e in rated]
    alpha = figures["alpha_each"]
    return _table(
        "Failure rates: calls without a valid reply",
        f"A rate passes if both bounds are at or below the target of {exact_percent(target)}, and fails if both are above it. Otherwise, it is inconclusive. Odds of {1 / alpha:,.0f}:1 or more are decisive.",
        ("strategy", "failed", "calls", "rate", "bounds", "state", "odds below", "odds above"),
        rows,
        lines=imported_of(figures),
    )


def _odds_cells(by_side: Figures | None) -> tuple[str, str]:
    """Write the odds of each side. If failures come in bursts, both cells are "bursts"."""
    return ("bursts", "bursts") if by_side is None else (odds(by_side["ok"]), odds(by_side["bad"]))


def _rate_cells(rate: Figures, target: float) -> tuple[str, ...]:
    counts = (f"{rate['k']:,.6g}", f"{rate['n']:,}")
    if rate["rate"] is None:
        return (*counts, NO_DATA, NO_DATA, state_of(rate))
    return (*counts, percent(rate["rate"]), interval(rate["lower"], rate["upper"], target), state_of(rate))


def _attempts_section(figures: Figures) -> Section | None:
    rows = [
        (name_of(name), hazards_of(hazards), *_retry_cells(figures["rates"][name].get("retry", {})))
        for name, hazards in figures.get("hazards", {}).items()
    ]
    return _table(
        "Effect of retries",
        "The table shows the failure rate of each attempt. At rho 0, retries are independent. At rho 1, a call that "
        "fails once always fails. The geometric rate assumes independent retries, and the recorded rate is measured.",
        ("strategy", "failed attempts", "rho", "geometric", "recorded", "attempts/call"),
        rows,
        (0, 1),
    )


def _retry_cells(retry: Figures) -> tuple[str, ...]:
    rho, geometric = retry.get("rho"), retry.get("geometric")
    residual, mean = retry.get("residual"), retry.get("E_attempts")
    return (
        "-" if rho is None else f"{rho:.2f}",
        "-" if geometric is None else percent(geometric),
        "-" if residual is None else percent(residual),
        "-" if mean is None else f"{mean:.3f}",
    )


def _comparisons_section(figures: Figures) -> Section | None:
    rows = [
        (
            name_of(pair["before"]),
            name_of(pair["after"]),
            f"{pair['n']:,}",
            f"{pair['b']:,}",
            f"{pair['c']:,}",
            interval(pair["lower"], pair["upper"]),
            odds(pair["e_value"]),
            "yes" if pair["better"] else "no",
        )
        for pair in figures.get("comparisons", ())
    ]
    return _table(
        "Two strategies on the same inputs",
        "The column `fewer` shows how much lower the failure rate of the second strategy is. The columns `odds` and `proved` show whether it is better.",
        ("before", "after", "inputs", "valid only after", "valid only before", "fewer", "odds", "proved"),
        rows,
        (0, 1),
    )


def _kinds_section(figures: Figures) -> Section | None:
    by_strategy = figures.get("failure_kinds", {})
    stopping = set(figures.get("stops_early", ()))
    # The strategy of the verdict, and the strategies that are comparable with it.
    about = figures["best"] if figures.get("best") in by_strategy else next(iter(by_strategy), None)
    alike = {name: kinds for name, kinds in by_strategy.items() if (name in stopping) == (about in stopping)}
    rows = [
        (name_of(name), kind, f"{count:,}") for name, kinds in alike.items() for kind, count in kinds.items()
    ]
    left_out = ", ".join(name_of(name) for name in by_strategy if name not in alike)
    lines = (f"not shown: {left_out} ({NOT_COMPARED})",) if left_out else ()
    header = ("strategy", "kind", "failed calls")
    return _table(
        "Kinds of failures", "Failed calls of each strategy by kind of failure.", header, rows, (0, 1), lines
    )


def _excluded_section(figures: Figures) -> Section | None:
    rows = [
        (
            name_of(name),
            calls["cause"],
            calls["code"],
            calls["exception"] or "-",
            f"{calls['calls']:,}",
        )
        for name, several in figures.get("excluded", {}).items()
        for calls in several
    ]
    header = ("strategy", "cause", "code", "exception", "calls")
    return _table("Excluded calls", EXCLUDED, header, rows, (0, 1, 2, 3))


def _segments_section(figures: Figures) -> Section | None:
    rows = [
        (
            name_of(part["name"]),
            percent(part["share"]),
            interval(*part["prompt"]),
            interval(*part["tuned"]) if "tuned" in part else "not measured",
        )
        for part in figures.get("segments", ())
    ]
    each = 1 - figures.get("alpha_segment", 0)
    gloss = (
        "The table shows the bounds of the failure rate in each segment. "
        f"Each bound holds with {exact_percent(each)} confidence."
    )
    return _table("Segments", gloss, ("segment", "of the calls", "prompted", "tuned"), rows)


def _schemas_section(figures: Figures) -> Section | None:
    if "schemas" not in figures:
        return None
    flagged = set(figures["flagged"])
    ordered = sorted(figures["schemas"], key=lambda name: -figures["e_bad"][name])
    rows = [
        (
            name_of(name),
            *_rate_cells(figures["schemas"][name], figures["config"]["target"]),
            odds(figures["e_bad"][name]),
            "yes" if name in flagged else "no",
        )
        for name in ordered
    ]
    return _table(
        "Schemas",
        "The schema with the strongest evidence of failing comes first. Target: "
        f"{exact_percent(figures['config']['target'])}. At most {exact_percent(figures['config']['fdr'])} of the "
        "flagged schemas are expected to be flagged wrongly.",
        ("schema", "failed", "calls", "rate", "bounds", "state", "odds above", "flagged"),
        rows,
    )


def _playbook_section(figures: Figures) -> Section | None:
    if "ladder" not in figures:
        return None
    rows = tuple(
        (one["rung"], one["status"].replace("_", " "), _step_told(one, figures)) for one in figures["ladder"]
    )
    return _table(
        "Playbook: fixes, the cheapest first",
        "Fine-tuning is the last step.",
        ("step", "status", "result or reason"),
        rows,
        (0, 1, 2),
        [figures["ladder_line"]],
    )


def _step_told(one: Figures, figures: Figures) -> str:
    measured = [f"{name_of(name)} {rate_of(figures['rates'][name])}" for name in one["strategies"]]
    if measured:
        return " ; ".join(measured)
    return "no counts" if one["status"] == "tested" else one["reason"] or "-"


def _costs_section(figures: Figures) -> Section | None:
    if "cost" not in figures:
        return None
    cost, money = figures["cost"], figures["economics"]

    def row(label: str, key: str) -> tuple[str, ...]:
        return (label, *(dollars(money[column][key]) for column in COLUMNS))

    rows = (
        row("a prompted call", "prompt_per_call"),
        row("a tuned call", "tuned_per_call"),
        row("saving a month", "saving_per_month"),
        ("payback", *(payback(money[column]["payback_months"]) for column in COLUMNS)),
    )
    totals = (
        f"tuning costs {dollars(money['upfront'])} once, and hosting and refresh cost "
        f"{dollars(money['hosting_plus_refresh'])} a month. {calls(cost['calls_per_month'])} calls a month would use "
        f"{large(cost['tokens_per_month']['tuned'])} tokens instead of {large(cost['tokens_per_month']['prompt'])}"
    )
    return Section(
        "Costs",
        "Costs include failures. The column `pess` assumes the worse bounds of both failure rates for tuning, and "
        "decides the verdict. The column `point` has the measured or assumed rates. The column `opt` assumes the better bounds.",
        Table(("", *COLUMNS), rows),
        (totals, *cost["lines"]),
    )


def _flips_section(figures: Figures) -> Section | None:
    if "cost" not in figures:
        return None
    rows = tuple(
        (flip["change"], payback(flip["payback_months"]), "flips" if flip["flips"] else "does not flip")
        for flip in figures["cost"]["flips"]
    )
    return Section(
        "Changes that could reverse the verdict",
        "Each row changes one fact and shows whether tuning still pays back within "
        f"{months(figures['config']['horizon_months'])}. The payback is that of the column `pess`.",
        Table(("changed fact", "new payback", "answer"), rows),
    )


def _choices_section(figures: Figures) -> Section | None:
    lines = tuple(figures.get("choices", ()))
    gloss = "It would take too long to record more calls."
    return Section("Choices without more calls", gloss, lines=lines) if lines else None


def _reasons_section(figures: Figures) -> Section | None:
    rows = [
        (
            _REASONS_TO_TUNE[reason["reason"]],
            "measured" if reason["measured"] else "not measured",
            reason["line"] if reason["measured"] else "-",
        )
        for reason in figures.get("reasons_to_tune", ())
    ]
    header = ("reason", "measured", "result")
    return _table("The four reasons to fine-tune", "", header, rows, (0, 1, 2))


def _beside_format_section(figures: Figures) -> Section | None:
    rated = {name_of(name): rate for name, rate in figures.get("rates", {}).items()}
    rated |= {TUNED: figures["tuned"]} if "tuned" in figures else {}
    return _table(
        "Beyond the format",
        "The column `right` shows the share of right values in the tasks with known answers. Tokens, seconds, and dollars are "
        f"totals of all calls of a trial. {_UNKNOWN} means unknown.",
        [
            "strategy",
            "valid",
            "right",
            "temperature/top_p",
            "examples",
            "tokens in/out",
            "seconds",
            "dollars",
        ],
        (_beside_format(name, rate) for name, rate in rated.items() if rate["rate"] is not None),
        lines=[f"{name}: {rate['guard']}" for name, rate in rated.items() if "guard" in rate],
    )


_UNKNOWN = "-"


def _beside_format(name: str, rate: Figures) -> tuple[str, ...]:
    sent, trial, right = (rate.get(key, {}) for key in ("sent", "trial", "right"))

    def told(value: float | None, form: str = ",g") -> str:
        return _UNKNOWN if value is None else f"{value:{form}}"

    settings = "/".join(told(sent.get(key)) for key in ("temperature", "top_p"))
    used = "/".join(told(trial.get(key), ",.0f") for key in ("input_tokens", "output_tokens"))
    cost = trial.get("dollars")
    return (
        name,
        percent(1 - rate["rate"]),
        f"{percent(1 - right['rate'])} of {right['n']:,}" if right else _UNKNOWN,
        settings,
        told(sent.get("examples")),
        used,
        told(trial.get("seconds"), ",.0f"),
        _UNKNOWN if cost is None else dollars(cost),
    )


def _sources_section(figures: Figures) -> Section | None:
    sources = [f"{source['name']}, as of {source['as_of']}" for source in figures.get("sources", ())]
    unused = [
        f"seen, not used: {price['what']} {dollars(price['amount'])} ({price['unit']}; {price['source']}, "
        f"{price['as_of']})"
        for price in figures.get("seen_prices", ())
    ]
    if not sources and not unused and "cost" not in figures:
        return None
    return Section("Prices", lines=(*(sources or ["you gave no source and no date"]), *unused))


def _content_section(figures: Figures) -> Section:
    lines = [figures["content_warning"]]
    if "content_right" in figures:
        lines.append(f"values that equal a known answer: {rate_of(figures['content_right'])}")
    if "content" in figures:
        content = figures["content"]
        lines.append(
            f"on {content['n']:,} known answers, the tuned model is right less often in {content['worse']:,} and more "
            f"often in {content['better']:,}. It loses {interval(content['lower'], content['upper'])} of the right answers; a loss of at most "
            f"{exact_percent(figures['config']['content_margin'])} is acceptable"
        )
    return Section("Content", lines=tuple(lines))


def _words_section(figures: Figures) -> Section:
    """Return the section that explains the terms of the other sections."""
    lines = [
        "failed call: call without a valid reply",
        "[lower, upper]: bounds of the true rate; the line `confidence` states how often a bound is wrong",
        "odds 412:1: if the statement were false, such evidence would appear at most once in 412 cases",
    ]
    if "cost" in figures:
        lines += [
            'payback: months until the savings cover the one-time cost, or "never" if there are no savings',
            "the bar: highest failure rate of the tuned model at which tuning pays for itself in time",
            "break-even volume: smallest number of calls per month at which tuning pays for itself in time",
            "flips: this change reverses the verdict",
        ]
    return Section("Terms", lines=tuple(lines))


_BUILDERS = (
    _rates_section,
    _attempts_section,
    _comparisons_section,
    _kinds_section,
    _excluded_section,
    _segments_section,
    _schemas_section,
    _playbook_section,
    _costs_section,
    _flips_section,
    _choices_section,
    _reasons_section,
    _beside_format_section,
    _sources_section,
    _content_section,
)
