# SPDX-License-Identifier: Apache-2.0
"""The rules that give the verdict, one function each, in the order in which they are asked.

Rules: the first that matches wins; each gives a ruling or None. Only bounds decide, never a point estimate,
and only the pessimistic column of the costs. Fine-tuning carries the burden of proof: without economics it is
not shown to pay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum, inf
from typing import TYPE_CHECKING, Any

from schema_guard.decide.case import Case, SegmentRates, blocked, cheapest, loss_of, routed_cost
from schema_guard.decide.ladder import RAISE_OUTPUT, STRICT, next_rung, untested
from schema_guard.stats import bounds, calls_needed
from schema_guard.text import interval, months, percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schema_guard.decide.economics import CostCase
    from schema_guard.decide.evidence import ContentEvidence
    from schema_guard.decide.measure import Measured
    from schema_guard.stats import Rate

# Fewer failures than these say nothing about what most failures are.
_FEWEST_FAILURES = 5

# Longer than this, and traffic or model will have changed before the answer comes.
PATIENCE_MONTHS = 3.0

# Shares are sums of decimal fractions.
_ROUNDING = 1e-9

# Doublings of n before a forecast gives up: 2^40 times the calls at hand.
_MOST_DOUBLINGS = 40


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a rule decides.

    Attributes:
        verdict: Its name.
        why: One sentence.
        figures: The keys of the verdict's JSON that this rule fills.
        cost: What is priced; None for tuning all of the traffic.
    """

    verdict: str
    why: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    cost: CostCase | None = None


def rule(case: Case) -> Ruling:
    """Give the ruling of the first rule that matches."""
    # The last one matches every case.
    return next(ruling for ask in _RULES if (ruling := ask(case)) is not None)


def explain_first(case: Case) -> Ruling | None:
    """Before all others: too many calls are outside of the rate, and nobody knows whose fault they are."""
    found = case.unexplained
    if found is None:
        return None
    target = percent(case.config.target)
    figures = {
        "strategy": case.evidence.current or case.strategies[0].strategy.id,
        "n_more": None,
        "months_to_answer": None,
        "unexplained": {**found._asdict(), "exceptions": dict(found.exceptions)},
    }
    return Ruling(
        "NEED_MORE_DATA",
        f"{found.text}, which is more than the target's share of {target}: nobody knows whether the model failed in them, "
        "so no rate of the others decides",
        figures,
    )


def import_all_first(case: Case) -> Ruling | None:
    """Before all others: there are only imported calls that were chosen by how they ended, or by nobody knows what."""
    unrated = [found for found in case.strategies if not found.strategy.is_rated and found.calls]
    if case.best is not None or not unrated:
        return None
    named = {found.strategy.id: found for found in unrated}
    strategy = named.get(case.evidence.current or "", unrated[0]).strategy
    told = " and ".join(dict.fromkeys(one.strategy.traffic.text for one in unrated if one.strategy.traffic))
    figures = {"strategy": strategy.id, "n_more": None, "months_to_answer": None, "unrated": list(named)}
    return Ruling(
        "NEED_MORE_DATA",
        f"{plural(sum(found.calls for found in unrated), 'judged call')} {told}: they say what fails and not how "
        "often, so they decide nothing",
        figures,
    )


def prompting_is_enough(case: Case) -> Ruling | None:
    """Rule 1: a strategy is proved below the target; tuning may still pay by its cost alone."""
    passing = case.in_state("pass")
    if not passing:
        return None
    current = [found for found in passing if found.strategy.id == case.evidence.current]
    chosen = current[0] if current else cheapest(case, passing)
    figures = {"strategy": chosen.strategy.id}
    told = f"{_measured(chosen)} is below the target of {percent(case.config.target)} at every look"
    if case.cost is None or not case.cost.pays:
        return Ruling("PROMPTING_ENOUGH", told + (_cost_told(case.cost) if case.cost else ""), figures)
    reasons = blocked(case.evidence, case.cost)
    if reasons:
        why = f"{told}; tuning would pay by its cost, but is blocked: {', '.join(reasons)}"
        return Ruling("PROMPTING_ENOUGH", why, {**figures, "cost_case_blocked": reasons})
    return Ruling("FINE_TUNE_FOR_COST", told + _cost_told(case.cost), figures)


def more_data_needed(case: Case) -> Ruling | None:
    """Rule 2: a strategy may be below the target or above; the one decided soonest is asked for more."""
    if case.best is None:
        return _no_data(case)
    open_cases = case.in_state("inconclusive")
    if not open_cases:
        return None
    missing = [(_calls_needed(case, found.unhandled), found) for found in open_cases]
    n_more, found = min(missing, key=lambda pair: inf if pair[0] is None else pair[0])
    told = f"{_measured(found)} is neither proved below nor above the target of {percent(case.config.target)}"
    return _need_more(case, found.strategy.id, told, n_more, found.calls_per_unit)


def truncation_first(case: Case) -> Ruling | None:
    """Rule 3: all fail, and half of the best strategy's failures are replies that were cut off."""
    best = _best(case)
    cut_off = best.failure_kinds.get("truncation", 0)
    enough = best.unhandled.count >= _FEWEST_FAILURES and 2 * cut_off >= best.unhandled_calls
    if not enough or RAISE_OUTPUT not in untested(case.ladder):
        return None
    why = f"{_all_fail(case)}; {cut_off} of the {best.unhandled_calls} failures of {best.strategy.id} are cut off"
    return Ruling("CLIMB_LADDER", why, {"next_rung": RAISE_OUTPUT})


def strict_decoding(case: Case) -> Ruling | None:
    """Rule 4: all fail, and what decoding cannot fix is not proved to be above the target by itself."""
    if STRICT not in untested(case.ladder):
        return None
    left = _not_fixable(case)
    if left["lower"] > case.config.target:
        return None
    best = _best(case)
    known = f"only {left['k']:g} are" if left["k"] else "none is"
    why = (
        f"{_all_fail(case)}; of the {best.unhandled_calls} failures of {best.strategy.id} {known} known to be of a kind "
        "that strict decoding cannot fix"
    )
    return Ruling("USE_CONSTRAINED_DECODING", why, {"next_rung": STRICT, "not_fixable_by_decoding": left})


def climb(case: Case) -> Ruling | None:
    """Rule 5: all fail and a rung is untested; strict decoding, here out of reach, goes last."""
    rung = next_rung(case.ladder)
    if rung is None:
        return None
    left = untested(case.ladder)
    figures: dict[str, Any] = {"next_rung": rung}
    if STRICT in left:
        figures["not_fixable_by_decoding"] = _not_fixable(case)
    return Ruling(
        "CLIMB_LADDER", f"{_all_fail(case)}; {plural(len(left), 'rung')} untested: {', '.join(left)}", figures
    )


def route_by_pilot(case: Case) -> Ruling | None:
    """Rule 6, first: the pilot passes on most of the traffic and the prompt on all the rest, and it pays."""
    tune = [part for part in case.parts if part.tuned_state == "pass"]
    prompt = [part for part in case.parts if part not in tune]
    share = fsum(part.share for part in tune)
    if not tune or not prompt or share < case.config.primary_share_min - _ROUNDING:
        return None
    cost = routed_cost(case, tune)
    if any(part.prompt_state != "pass" for part in prompt) or cost is None or not cost.pays:
        return None
    why = (
        f"the tuned model is below the target on {_names(tune)} ({100 * share:.0f}% of the calls), the prompt "
        f"on {_names(prompt)}{_cost_told(cost)}"
    )
    return Ruling("FINE_TUNE_AND_ROUTE", why, {**_exhausted(case), **_routes(tune, prompt)}, cost)


def pilot_failed(case: Case) -> Ruling | None:
    """Rule 6: the tuned model is proved above the target."""
    if case.tuned is None or case.tuned.state != "fail":
        return None
    why = f"the tuned model's {_told(case.tuned.unhandled)} is above the target of {percent(case.config.target)}"
    return _accept(case, "pilot_failed", why)


def content_lost(case: Case) -> Ruling | None:
    """Rule 6: the tuned model is valid and less often right, or may be by more than the margin."""
    pilot, margin = case.evidence.pilot, case.config.content_margin
    if case.tuned is None or case.tuned.content_loss is None or pilot is None or pilot.content is None:
        return None
    loss = case.tuned.content_loss
    told = f"of {pilot.content.n} known answers the tuned model loses {interval(loss.lower, loss.upper)}"
    if loss.lower > margin:
        return _accept(case, "content_regression", f"{told}, more than the margin of {percent(margin)}")
    if loss.upper > margin:
        more = _pairs_needed(pilot.content, case.config.alpha, margin)
        ruling = _need_more(case, "tuned_content", f"{told}; the margin is {percent(margin)}", more, 1.0)
        return Ruling(ruling.verdict, ruling.why, {**_exhausted(case), **ruling.figures})
    return None


def pilot_unclear(case: Case) -> Ruling | None:
    """Rule 6: the tuned model may be below the target or above."""
    if case.tuned is None or case.tuned.state not in ("inconclusive", "no_data"):
        return None
    rate = case.tuned.unhandled
    told = f"the tuned model's {_told(rate)} is neither proved below nor above {percent(case.config.target)}"
    ruling = _need_more(case, "tuned", told, _calls_needed(case, rate), 1.0)
    return Ruling(ruling.verdict, ruling.why, {**_exhausted(case), **ruling.figures})


def pilot_passed(case: Case) -> Ruling | None:
    """Rule 6, last: the tuned model is proved below the target; whether to ship it is a matter of cost."""
    if case.tuned is None:
        return None
    told = f"the tuned model's {_told(case.tuned.unhandled)} is below the target of {percent(case.config.target)}"
    if case.cost is None or not case.cost.pays:
        return _accept(case, "not_economic", told + _cost_told(case.cost))
    figures = {**_exhausted(case), "stage": "ship"}
    return Ruling("FINE_TUNE_JUSTIFIED", told + _cost_told(case.cost), figures)


def does_not_pay(case: Case) -> Ruling | None:
    """Rule 7: without a pilot, fine-tuning is not shown to pay."""
    if case.cost is not None and case.cost.pays:
        return None
    return _accept(case, "not_economic", _all_fail(case) + _cost_told(case.cost))


def is_blocked(case: Case) -> Ruling | None:
    """Rule 7: it would pay, and cannot be done."""
    assert case.cost is not None
    reasons = blocked(case.evidence, case.cost)
    if not reasons:
        return None
    why = f"{_all_fail(case)}{_cost_told(case.cost)}, but is blocked: {', '.join(reasons)}"
    return Ruling("FINE_TUNE_BLOCKED", why, {**_exhausted(case), "blocked": reasons})


def route_by_segments(case: Case) -> Ruling | None:
    """Rule 7: failures are concentrated: every segment clearly fails or clearly passes, and both occur.

    Tuning the failing ones has to pay on their calls alone; else all of the traffic is tuned, which does.
    """
    tune, prompt = concentration(case)
    cost = routed_cost(case, tune) if tune else None
    if cost is None or not cost.pays or blocked(case.evidence, cost):
        return None
    why = f"{_all_fail(case)}; the failures are in {_names(tune)}, not in {_names(prompt)}{_cost_told(cost)}"
    figures = {**_exhausted(case), "stage": "pilot", **_routes(tune, prompt)}
    return Ruling("FINE_TUNE_AND_ROUTE", why, figures, cost)


def justified(case: Case) -> Ruling:
    """Rule 7, last: every remedy fails, and fine-tuning pays and can be done: run a pilot."""
    why = f"{_all_fail(case)}; 0 rungs untested{_cost_told(case.cost)}"
    return Ruling("FINE_TUNE_JUSTIFIED", why, {**_exhausted(case), "stage": "pilot"})


_RULES: Sequence[Callable[[Case], Ruling | None]] = (
    explain_first,
    import_all_first,
    prompting_is_enough,
    more_data_needed,
    truncation_first,
    strict_decoding,
    climb,
    route_by_pilot,
    pilot_failed,
    content_lost,
    pilot_unclear,
    pilot_passed,
    does_not_pay,
    is_blocked,
    route_by_segments,
    justified,
)


def concentration(case: Case) -> tuple[list[SegmentRates], list[SegmentRates]]:
    """Give the segments that fail and those that pass; none of either where failures are not concentrated."""
    fail = [part for part in case.parts if part.prompt_state == "fail"]
    passing = [part for part in case.parts if part.prompt_state == "pass"]
    return (fail, passing) if fail and passing and len(fail) + len(passing) == len(case.parts) else ([], [])


def _best(case: Case) -> Measured:
    """Give the best strategy where some have data, as they do from rule 3 on."""
    assert case.best is not None
    return case.best


def _not_fixable(case: Case) -> dict[str, float]:
    best = _best(case)
    k = best.not_fixable_by_decoding()
    return {"k": k, "lower": bounds(k, best.unhandled.n, alpha=case.alpha_each).lower}


def _no_data(case: Case) -> Ruling:
    """Ask for the first calls: of the strategy in production, else of the first."""
    name = case.evidence.current or case.strategies[0].strategy.id
    nothing = case.strategies[0].unhandled
    return _need_more(case, name, "no strategy has data", _calls_needed(case, nothing), 1.0)


def _calls_needed(case: Case, rate: Rate) -> int | None:
    """Forecast the further calls; from nothing, the fewest that can prove a rate below the target."""
    if rate.n == 0:
        clean = calls_needed(0, 1, case.config.target, alpha=case.alpha_each)
        return None if clean is None else 1 + clean
    return calls_needed(rate.count, rate.n, case.config.target, alpha=case.alpha_each)


def _need_more(case: Case, strategy: str, told: str, n_more: int | None, calls_per_unit: float) -> Ruling:
    volume = case.evidence.calls_per_month
    duration = n_more * calls_per_unit / volume if n_more is not None and volume is not None else None
    if n_more is None:
        why = f"{told}; at the observed rate no number of calls decides it"
    else:
        what = "inputs" if calls_per_unit > 1 else "calls"
        why = f"{told}; about {n_more:,} further {what} decide it"
        why += f" ({months(duration)})" if duration is not None else ""
    if n_more is None or (duration is not None and duration > PATIENCE_MONTHS):
        why += "; indistinguishable from the target at your volume"
    return Ruling(
        "NEED_MORE_DATA", why, {"strategy": strategy, "n_more": n_more, "months_to_answer": duration}
    )


def _pairs_needed(content: ContentEvidence, alpha: float, margin: float) -> int | None:
    """Forecast the further answers that decide whether the loss is above the margin, at the observed rates."""
    n = content.n
    if n == 0:
        return None

    def decided(more: int) -> bool:
        grown = (n + more) / n
        worse = min(content.worse * grown, n + more)
        loss = loss_of(worse, min(content.better * grown, n + more), n + more, alpha)
        return loss.lower > margin or loss.upper <= margin

    high = n
    for _ in range(_MOST_DOUBLINGS):
        if decided(high):
            break
        high *= 2
    else:
        return None
    low = 0 if high == n else high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high


def _accept(case: Case, reason: str, why: str) -> Ruling:
    return Ruling("ACCEPT_OR_REDESIGN", why, {**_exhausted(case), "reason": reason})


def _exhausted(case: Case) -> dict[str, Any]:
    return {"strategy": _best(case).strategy.id, "ladder_exhausted": True}


def _routes(tune: Sequence[SegmentRates], prompt: Sequence[SegmentRates]) -> dict[str, Any]:
    return {"tune": [part.name for part in tune], "prompt": [part.name for part in prompt]}


def _names(parts: Sequence[SegmentRates]) -> str:
    return ", ".join(part.name for part in parts)


def _told(rate: Rate) -> str:
    if rate.rate is None:
        return "rate (no data)"
    return f"{rate.count:g}/{rate.n} = {percent(rate.rate)} {interval(rate.bounds.lower, rate.bounds.upper)}"


def _measured(found: Measured) -> str:
    traffic = found.strategy.traffic
    whose = "" if traffic is None else f" ({traffic.text})"
    return f"{found.strategy.id} with {_told(found.unhandled)}{whose}"


def _all_fail(case: Case) -> str:
    tested = len(case.in_state("fail"))
    return f"{tested} of {tested} tested strategies are above {percent(case.config.target)}"


def _cost_told(cost: CostCase | None) -> str:
    """Say whether it pays, as the end of a sentence."""
    if cost is None:
        return "; without economics fine-tuning is not shown to pay"
    payback, horizon = cost.pess.payback_months, cost.proposal.horizon_months
    if payback is None:
        return "; fine-tuning never pays back"
    if cost.pays:
        return f"; fine-tuning pays back in {months(payback)}"
    return f"; fine-tuning pays back in {months(payback)}, after the horizon of {months(horizon)}"
