# SPDX-License-Identifier: Apache-2.0
"""A verdict as a document: the head, then the details.

Rules: those of the head and of the sections; the first section has the figures that the head tells in words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.report.as_text import as_text
from schema_guard.report.decision.head import facts_of
from schema_guard.report.decision.plain_words import BLOCKS, label, meaning, tone_of
from schema_guard.report.decision.sections import sections_of
from schema_guard.report.decision.words import (
    COLUMNS,
    DAYS_A_MONTH,
    calls,
    hazards_of,
    imported_of,
    name_of,
    payback,
    rate_of,
    state_of,
)
from schema_guard.report.document import Document, Fact, Section, Table
from schema_guard.text import dollars, interval, months, odds, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.decide import Verdict

    Figures = Mapping[str, Any]

# Of the answer alone, as text: what a terminal shows at once.
_MOST_LINES = 25


def document_of(verdict: Verdict) -> Document:
    """Give a verdict as a document: the answer first in plain words, the details below it."""
    figures = verdict.as_dict()
    return Document(
        title=f"VERDICT: {label(figures)} - {meaning(figures)}",
        facts=tuple(facts_of(figures)),
        sections=(_in_figures(figures), *sections_of(figures)),
        tone=tone_of(figures),
    )


def head_of(verdict: Verdict) -> Document:
    """Give the answer alone: a document of at most 25 lines of text, which says how to get the rest."""
    whole = document_of(verdict)
    more = Fact("more", "add --full for all figures, the playbook, and what would change the answer")
    facts = list(whole.facts)
    while True:
        head = whole._replace(facts=(*facts, more), sections=())
        if len(as_text(head).splitlines()) <= _MOST_LINES or not facts:
            return head
        facts.pop()


def _in_figures(figures: Figures) -> Section:
    """Give the verdict once more, in the figures' own words."""
    rows = tuple(tuple(fact) for fact in _facts(figures))
    return Section("In figures", "the words are explained at the end", Table(("", "figures"), rows, (0, 1)))


def _facts(figures: Figures) -> Iterator[Fact]:
    yield Fact("why", figures["why"])
    if "traffic" in figures:
        yield Fact("traffic", " ; ".join(imported_of(figures)))
    yield from _decision_facts(figures)
    yield from _measured_facts(figures)
    yield from _cost_facts(figures)
    if "not_measured" in figures:
        yield Fact("unmeasured", " ; ".join(figures["not_measured"]) or "nothing")
    against = "nothing is decided" if "unrated" in figures else "something has to be done"
    yield Fact("exit status", f"{figures['exit_code']} ({against if figures['exit_code'] else 'good'})")


def _decision_facts(figures: Figures) -> Iterator[Fact]:
    """Give what the verdict asks for or rests on, beside its sentence."""
    if "n_more" in figures and "unexplained" not in figures and "unrated" not in figures:
        yield Fact("collect", _collect(figures))
    if "next_rung" in figures:
        yield Fact("next step", figures["next_rung"])
    if "not_fixable_by_decoding" in figures:
        unfixable = figures["not_fixable_by_decoding"]
        target = percent(figures["config"]["target"])
        yield Fact(
            "decoding",
            f"{unfixable['k']:g} failures are known to be of a kind that strict decoding cannot fix: a rate of at "
            f"least {percent(unfixable['lower'])}, target {target}",
        )
    if "tune" in figures:
        yield Fact("tune", ", ".join(map(name_of, figures["tune"])))
        yield Fact("prompt", ", ".join(map(name_of, figures["prompt"])))
    blocked = figures.get("blocked") or figures.get("cost_case_blocked")
    if blocked:
        yield Fact("blocked", " ; ".join(f"{reason}: {BLOCKS[reason]}" for reason in blocked))
    if "flagged" in figures:
        yield Fact("flagged", ", ".join(map(name_of, figures["flagged"])) or "none")


def _collect(figures: Figures) -> str:
    n_more, duration = figures["n_more"], figures["months_to_answer"]
    whose = {"tuned": "the tuned model", "tuned_content": "the tuned model, known answers"}.get(
        figures["strategy"], name_of(figures["strategy"])
    )
    if n_more is None:
        return f"no number of calls of {whose} decides it at the observed rate"
    needed = f"{n_more:,} more of {whose} (calls; distinct inputs where inputs repeat)"
    if duration is None:
        return f"{needed} ; how long that takes is not known: calls_per_month is not given"
    return f"{needed} ; {_months_and_days(duration)} at {calls(figures['calls_per_month'])} calls/month"


def _months_and_days(duration: float) -> str:
    days = duration * DAYS_A_MONTH
    return f"{months(duration)} ({plural(round(days), 'day') if days >= 1 else 'less than a day'})"


def _measured_facts(figures: Figures) -> Iterator[Fact]:
    best = figures.get("best")
    if best is not None:
        each, together = 1 - figures["alpha_each"], 1 - 2 * figures["config"]["alpha"]
        yield Fact("target", f"at most {percent(figures['config']['target'])} of the calls failed")
        yield Fact(
            "best prompt",
            f"{name_of(best)}  {rate_of(figures['rates'][best])}{_traffic_note(figures, best)}  ({100 * each:.1f}% each side; all bounds together "
            f">= {100 * together:.0f}%, at every look)",
        )
        if best in figures["hazards"]:
            yield Fact("retries", _retries(figures, best))
    if "tuned" in figures:
        yield Fact("tuned model", f"{rate_of(figures['tuned'])}  {state_of(figures['tuned'])}")
    if "paired" in figures:
        yield Fact("tuned wins", _paired(figures["paired"]))


def _traffic_note(figures: Figures, strategy: str) -> str:
    """Say beside a rate what part of the traffic it is of, where the calls were imported."""
    imported = figures.get("traffic", {}).get(strategy)
    return "" if imported is None else f" {imported['text']}"


def _retries(figures: Figures, strategy: str) -> str:
    retry = figures["rates"][strategy].get("retry", {})
    text = f"f = {hazards_of(figures['hazards'][strategy])}"
    if retry.get("rho") is not None:
        text += f"  rho {retry['rho']:.2f}"
    if retry.get("geometric") is not None:
        text += (
            f"  geometric would claim {percent(retry['geometric'])}, recorded {percent(retry['residual'])}"
        )
    return text


def _paired(paired: Figures) -> str:
    claim = "proved" if paired["better"] else "not proved"
    return (
        f"on the same inputs: odds {odds(paired['e_value'])}, {claim}; it leaves {interval(paired['lower'], paired['upper'])} "
        "fewer calls failed"
    )


def _cost_facts(figures: Figures) -> Iterator[Fact]:
    if "cost" not in figures:
        if "rates" in figures:
            yield Fact("costs", "no economics are given: what prompting and a tuned model cost is not known")
        return
    cost, money = figures["cost"], figures["economics"]
    pess, horizon = money["pess"], figures["config"]["horizon_months"]
    yield Fact(
        "cost/call",
        " ; ".join(
            f"{side} {dollars(cost[f'{side}_tokens_per_call'])} tokens + {percent(cost[f'{side}_rate']['pess'])} x "
            f"{dollars(cost['failure_cost'])} = {dollars(pess[f'{side}_per_call'])}"
            for side in ("prompt", "tuned")
        ),
    )
    yield Fact(
        "saving",
        f"{dollars(pess['saving_per_month'])}/month at {calls(cost['calls_per_month'])} calls/month ; "
        f"upfront {dollars(money['upfront'])}",
    )
    paybacks = (f"{payback(money[column]['payback_months'])} ({column})" for column in COLUMNS)
    yield Fact("payback", f"{' / '.join(paybacks)} ; it has to be within {months(horizon)}")
    yield Fact(
        "total",
        f"{dollars(cost['total'])} over {months(horizon)} ; {dollars(cost['lowest_total'])} to "
        f"{dollars(cost['highest_total'])} with volume and failure cost each halved and doubled",
    )
    if cost["not_given"]:
        yield Fact("not given", f"{', '.join(cost['not_given'])}: not counted")
    yield Fact(
        "the bar",
        f"to pay back within {months(horizon)}: {_bar(money)} ; {_volume(money)} ; upfront may reach "
        f"{dollars(cost['largest_upfront'])}",
    )
    yield Fact("flips", _flips(cost))


def _bar(money: Figures) -> str:
    bar = money["max_tuned_residual_for_horizon"]
    if bar is None:
        return "failures cost nothing, so any failure rate of the tuned model pays the same"
    if bar < 0:
        return f"no tuned model pays: it would have to fail {percent(bar)} of the calls"
    return f"the tuned model may fail <= {percent(bar)} of the calls"


def _volume(money: Figures) -> str:
    volume = money["break_even_calls_per_month"]
    return "no volume pays" if volume is None else f"volume must stay >= {calls(volume)} calls/month"


def _flips(cost: Figures) -> str:
    flips = [flip["change"] for flip in cost["flips"] if flip["flips"]]
    stays = [
        f"{flip['change']} ({payback(flip['payback_months'])})" for flip in cost["flips"] if not flip["flips"]
    ]
    parts = [f"the answer changes with: {', '.join(flips) or 'nothing that was tried'}"]
    if stays:
        parts.append(f"not with: {', '.join(stays)}")
    live = cost["base_model_must_live_months"]
    if live is not None:
        parts.append(f"base model must live >= {months(live)}")
    return " ; ".join(parts)
