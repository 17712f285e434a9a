# SPDX-License-Identifier: Apache-2.0
"""What guides to prompting and tuning commonly claim, beside what was measured of it here.

Rules: a claim is never repeated as a finding: it stands beside the figures of this evidence, or beside the command that would
measure it. Every figure is one of the case.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.economics import crossing_month
from schema_guard.decide.evidence.money import TrialCost
from schema_guard.decide.explanation.commands import playbook_command
from schema_guard.decide.explanation.gain import gain_shares
from schema_guard.decide.explanation.money import tokens_per_month
from schema_guard.decide.explanation.reasons import with_file
from schema_guard.decide.playbook import STRICT, order_of
from schema_guard.stats import Rate, paired
from schema_guard.text import dollars, interval, large, months, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.decide.case import Case
    from schema_guard.decide.economics import CostCase
    from schema_guard.decide.explanation.gain import GainShare
    from schema_guard.decide.measure import Measured


_BENCH = "schema-guard help bench run  # how to measure"
_SAME_INPUTS = f"{_BENCH} both models on one suite, with --strategy bare,few_shot"
_KNOWN_ANSWERS = f"{_BENCH} system_prompt and reason_then_format on a suite with known answers"
_ECONOMICS = "economics and calls_per_month"
_UNPRICED = "costs and calls a month are not known"


class GuideClaim(NamedTuple):
    """What guides claim, and what is known of it here.

    Attributes:
        claim: Its name.
        says: The claim in a few words.
        measured: Whether this evidence says whether it is so.
        line: What was found.
        measure: What would measure it; None where it is measured, or cannot be.
        figures: Of *line*; empty without.
    """

    claim: str
    says: str
    measured: bool
    line: str
    measure: str | None = None
    figures: dict[str, Any] = {}  # noqa: RUF012 - never changed


def guides_of(case: Case, cost: CostCase | None) -> list[dict[str, Any]]:
    """Give each claim as plain JSON, with the names of `GuideClaim`."""
    return [
        claim._asdict()
        for claim in (
            _share_of_gain(case),
            _reasoning(case),
            _examples(case),
            _temperature(case),
            _no_training_cost(case, cost),
            _train_examples(case),
            _training(case),
            _volume(case, cost),
            _crossing(case, cost),
        )
    ]


def _share_of_gain(case: Case) -> GuideClaim:
    name, says = "share_of_gain", "prompting reaches most of what tuning does"
    shares = gain_shares(case)
    if isinstance(shares, str):
        return GuideClaim(name, says, measured=False, line=shares, measure=_SAME_INPUTS)
    keys = ("first", "best", "share", "lower", "upper")
    figures = {share.what: {key: getattr(share, key) for key in keys} for share in shares}
    return GuideClaim(name, says, measured=True, line="; ".join(map(_share_text, shares)), figures=figures)


def _share_text(gain: GainShare) -> str:
    first, best, tuned = (percent(rate.rate or 0.0) for rate in gain.rates)
    what = "of the calls failed" if gain.what == "format" else "of the values were wrong"
    return (
        f"{gain.best} reaches {percent(gain.share)} {interval(gain.lower, gain.upper)} of what the tuned model gains "
        f"over {gain.first}, on the same inputs: {first}, {best} and {tuned} {what}"
    )


def _reasoning(case: Case) -> GuideClaim:
    name, says = "reasoning", "thinking first makes answers right"
    measurement, base = _of_step(case, "reason_then_format")
    if measurement is None:
        return _untried(case, name, says, "reason_then_format")
    right, gain = _right_rows(case, measurement, base), _gain_text(case, measurement, base)
    if base is not None and len(right) == len((measurement, base)):
        return GuideClaim(name, says, measured=True, line="; ".join((*right, gain)))
    line = "; ".join(("whether values are right is not known of both", *right, gain))
    return GuideClaim(name, says, measured=False, line=line, measure=_KNOWN_ANSWERS)


def _examples(case: Case) -> GuideClaim:
    name, says = "examples", "a few examples in the prompt help"
    measurement, base = _of_step(case, "few_shot")
    if measurement is None:
        return _untried(case, name, says, "few_shot")
    sent = None if measurement.strategy.sent is None else measurement.strategy.sent.examples
    shown = "how many were sent is not known" if sent is None else f"{sent} sent"
    parts = (
        shown,
        _gain_text(case, measurement, base),
        *_right_rows(case, measurement, base),
        *_added_text(measurement, base),
    )
    figures = {} if sent is None else {"examples": sent}
    return GuideClaim(name, says, base is not None, "; ".join(parts), _other_prompt(case, base), figures)


def _temperature(case: Case) -> GuideClaim:
    name, says = "temperature", "a low temperature keeps the format"
    sent = "; ".join(_sent_lines(case)) or "what was sent is not recorded"
    measurement, base = _of_step(case, "temperature")
    if measurement is None:
        untried = _untried(case, name, says, "temperature")
        return untried._replace(line=f"{sent}; {untried.line}")
    line = f"{sent}; {_gain_text(case, measurement, base)}"
    return GuideClaim(name, says, base is not None, line, _other_prompt(case, base))


def _other_prompt(case: Case, base: Measured | None) -> str | None:
    """Say what measures a prompt to compare with; None where there is one."""
    return playbook_command(case.evidence, "system_prompt") if base is None else None


def _sent_lines(case: Case) -> Iterator[str]:
    """Say which strategies sent which temperature, and which top_p."""
    for what in ("temperature", "top_p"):
        by_value: dict[float | None, list[str]] = {}
        for measurement in case.strategies:
            if measurement.strategy.sent is not None:
                by_value.setdefault(getattr(measurement.strategy.sent, what), []).append(
                    measurement.strategy.id
                )
        for value, names in by_value.items():
            yield f"{what} {'not sent' if value is None else f'{value:g}'} by {', '.join(names)}"


def _no_training_cost(case: Case, cost: CostCase | None) -> GuideClaim:
    name, says = "no_training_cost", "prompting costs nothing to train"
    known = [(measurement.strategy.n, measurement.strategy.trial) for measurement in case.prompted]
    trials = [(n, trial) for n, trial in known if trial is not None]
    if not trials:
        measure = playbook_command(case.evidence, "system_prompt")
        return GuideClaim(name, says, measured=False, line="no trial tells what it took", measure=measure)
    calls = sum(n for n, _ in trials)
    totals = TrialCost(*(_total(parts) for parts in zip(*(trial for _, trial in trials), strict=True)))
    line = f"{plural(len(trials), 'trial')} of {calls:,} calls took {', '.join(_spent_lines(totals))}"
    if cost is not None:
        line += f"; tuning costs {dollars(cost.upfront)} once"
    figures = {"trials": len(trials), "calls": calls, **totals._asdict()}
    if totals.dollars is not None:
        return GuideClaim(name, says, measured=True, line=line, figures=figures)
    measure = "the same command with --prices SOURCE"
    return GuideClaim(name, says, measured=False, line=line, measure=measure, figures=figures)


def _total(parts: Sequence[float | None]) -> float | None:
    """Add up; None where a part is not known."""
    known = [part for part in parts if part is not None]
    return fsum(known) if len(known) == len(parts) else None


def _spent_lines(spent: TrialCost) -> Iterator[str]:
    """Say what calls took, as far as it is known."""
    yield "dollars that are not known" if spent.dollars is None else dollars(spent.dollars)
    if spent.seconds is not None:
        yield f"{spent.seconds:,.0f} s"
    for count, way in ((spent.input_tokens, "in"), (spent.output_tokens, "out")):
        if count is not None:
            yield f"{large(count)} tokens {way}"


def _train_examples(case: Case) -> GuideClaim:
    name, says = "train_examples", "tuning takes 100 to 1,000s of examples"
    count, needed = case.evidence.feasibility.train_examples, case.config.min_train_examples
    if count is not None:
        line = f"{count:,} checked examples at hand; fewer than {needed:,} are taken for too few"
        return GuideClaim(name, says, measured=True, line=line, figures={"train_examples": count})
    valid = sum(measurement.calls - measurement.failed_calls for measurement in case.strategies)
    line = f"{valid:,} calls gave a valid reply; which of them are right nobody has said"
    return GuideClaim(
        name, says, measured=False, line=line, measure=_hint(case, "feasibility.train_examples")
    )


def _training(case: Case) -> GuideClaim:
    name, says = "training", "tuning takes GPU hours"
    money = case.evidence.economics
    if money is not None and money.bills:
        bills = [f"{bill.name}: {bill.arithmetic()} = {dollars(bill.dollars)}" for bill in money.bills]
        figures = {bill.name: {**bill._asdict(), "dollars": bill.dollars} for bill in money.bills}
        return GuideClaim(name, says, measured=True, line="; ".join(bills), figures=figures)
    paid = "" if money is None else f"{dollars(fsum(money.upfront.values()))} once, and "
    measure = _hint(
        case,
        "economics.upfront.training as gpu_hours and price_per_hour, or as tokens, epochs and price_per_million",
    )
    return GuideClaim(
        name, says, measured=False, line=f"{paid}what training is billed for is not known", measure=measure
    )


def _hint(case: Case, what: str) -> str:
    """Say how a number is given that no record holds."""
    return with_file(case.evidence, what)


def _volume(case: Case, cost: CostCase | None) -> GuideClaim:
    name, says = "volume", "tuning pays from billions of tokens on"
    if cost is None:
        volume = case.evidence.calls_per_month
        line = _UNPRICED if volume is None else f"{volume:,.0f} calls a month; their tokens are not known"
        return GuideClaim(name, says, measured=False, line=line, measure=_hint(case, _ECONOMICS))
    volume, least = cost.proposal.calls_per_month, cost.break_even_calls_per_month
    month = tokens_per_month(cost)
    each = month["prompt"] / volume
    pays = "at no volume does it pay"
    if least is not None:
        pays = f"it pays from {large(least * each)} a month on, {least:,.0f} calls"
    line = (
        f"{large(month['prompt'])} tokens a month are prompted, {volume:,.0f} calls of {each:,.0f}, and "
        f"{large(month['tuned'])} would be tuned; {pays}"
    )
    figures = {**month, "break_even": None if least is None else least * each}
    return GuideClaim(name, says, measured=True, line=line, figures=figures)


def _crossing(case: Case, cost: CostCase | None) -> GuideClaim:
    name, says = "crossing", "after some months tuning is cheaper"
    if cost is None:
        return GuideClaim(name, says, measured=False, line=_UNPRICED, measure=_hint(case, _ECONOMICS))
    columns = {"pess": cost.pess, "point": cost.point, "opt": cost.opt}
    first = {column: crossing_month(cost_column.payback_months) for column, cost_column in columns.items()}
    crossings = ", ".join(
        f"{'never' if month is None else month} ({column})" for column, month in first.items()
    )
    lead = cost.proposal.lead_months
    line = (
        f"all that was paid is no more than prompting would have cost from this month of its use on: {crossings}; "
        f"{months(lead)} go by before the first"
    )
    return GuideClaim(name, says, measured=True, line=line, figures={**first, "lead_months": lead})


# Strategies beside one another.


def _of_step(case: Case, step: str) -> tuple[Measured | None, Measured | None]:
    """Give the strategy that measured a step, and the one that it is to be compared with.

    That is one on the same inputs where it is a plain prompt; only the temperature is a change of whatever was best before.
    """
    measured = [
        measurement for measurement in case.prompted if measurement.failed.n and measurement.strategy.is_rated
    ]
    of_step = [candidate for candidate in measured if candidate.strategy.step == step]
    if not of_step:
        return None, None
    measurement = min(of_step, key=lambda one: (one.point, one.strategy.id))
    before = [
        pair.before for pair in case.evidence.comparisons if pair.after == measurement.strategy.id and pair.n
    ]
    plain = [candidate for candidate in measured if order_of(candidate.strategy.step) < order_of(STRICT)]
    others = (
        [candidate for candidate in measured if candidate is not measurement]
        if step == "temperature"
        else plain
    )
    same = [candidate for candidate in others if candidate.strategy.id in before]
    return measurement, min(
        same or plain, key=lambda one: (order_of(one.strategy.step), one.strategy.id), default=None
    )


def _untried(case: Case, name: str, says: str, step: str) -> GuideClaim:
    """Say that a step is not measured, and why, or how it is."""
    found = next(one for one in case.playbook if one.name == step)
    if found.reason:
        return GuideClaim(name, says, measured=False, line=f"{step} was not tried: {found.reason}")
    tested = "is said to be tested, without counts here" if found.status == "tested" else "was not tried"
    measure = playbook_command(case.evidence, step)
    return GuideClaim(name, says, measured=False, line=f"{step} {tested}", measure=measure)


def _gain_text(case: Case, measurement: Measured, base: Measured | None) -> str:
    """Say how many fewer calls fail than with another strategy."""
    if base is None:
        return "there is no plain prompt to compare it with"
    after, before = measurement.strategy.id, base.strategy.id
    pairs = [
        pair for pair in case.evidence.comparisons if (pair.before, pair.after) == (before, after) and pair.n
    ]
    if pairs:
        compared = paired(pairs[0].b, pairs[0].c, pairs[0].n, alpha=case.alpha_each)
        less, on = interval(compared.lower, compared.upper), f"on {pairs[0].n:,} same inputs"
    else:
        mine, theirs = measurement.failed.bounds, base.failed.bounds
        less = interval(theirs.lower - mine.upper, theirs.upper - mine.lower)
        on = "not on the same inputs"
    return f"{after} fails {less} fewer calls than {before}, {on}"


def _right_rows(case: Case, *several: Measured | None) -> list[str]:
    """Say how many values of strategies are right, of each of which answers are known."""
    lines = []
    for measurement in several:
        right = None if measurement is None else measurement.strategy.right
        if measurement is not None and right is not None and right.n:
            rate = Rate.of(right.missed, right.n, alpha=case.alpha_each)
            bounds = interval(1 - rate.bounds.upper, 1 - rate.bounds.lower)
            share = percent(1 - right.missed / right.n)
            lines.append(f"{measurement.strategy.id}: {share} {bounds} of {right.n:,} values right")
    return lines


def _added_text(measurement: Measured, base: Measured | None) -> list[str]:
    """Say how many input tokens a call has more than with another strategy, where that is known."""
    mine, theirs = (None if strategy is None else _input_tokens(strategy) for strategy in (measurement, base))
    return [] if mine is None or theirs is None else [f"{mine - theirs:+,.0f} input tokens a call"]


def _input_tokens(measurement: Measured) -> float | None:
    """Give the input tokens of a call of a trial."""
    trial, n = measurement.strategy.trial, measurement.strategy.n
    return trial.input_tokens / n if trial is not None and trial.input_tokens is not None and n else None
