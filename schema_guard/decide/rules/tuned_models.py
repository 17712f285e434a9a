# SPDX-License-Identifier: Apache-2.0
"""The rules about tuned models: in service, piloted, or not tried yet after every fix of prompting.

Rules: Bounds alone decide, with only the pessimistic column of the costs. Fine-tuning has the burden of proof. It must
pay, unless it meets a requirement that no prompt meets.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.decide.case import Case, SegmentRates
from schema_guard.decide.measure import pairs_needed
from schema_guard.decide.rules.prompting import switch_for_less
from schema_guard.decide.rules.ruling import (
    Ruling,
    accept,
    all_fail,
    best_of,
    exhausted,
    failed_calls,
    further_calls,
    inputs_text,
    missed_text,
    names_of,
    need_more,
    payback_text,
    rate_text,
    strategy_text,
)
from schema_guard.text import exact_percent, interval, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.economics import CostCase

# Shares are sums of decimal fractions.
_ROUNDING = 1e-9


def in_service(case: Case) -> Ruling | None:
    """Return a ruling if the strategy in use is tuned.

    It stays while it passes and no prompt passes for less. If it fails and a prompt passes, the prompt is enough.
    """
    used = case.in_use
    if used is None or not used.strategy.is_tuned:
        return None
    if used.state == "pass":
        figures = {"strategy": used.strategy.id, "stage": "in_service"}
        text = f"the tuned model in use passes: {strategy_text(used)}{inputs_text(case, used)}"
        return switch_for_less(case, used) or Ruling("FINE_TUNE_JUSTIFIED", text, figures)
    if used.state == "fail":
        if case.in_state("pass"):
            return None
        missed = missed_text(met for met in used.met if met.state == "fail")
        why = f"the tuned model in use, {used.strategy.id}: {missed}"
        figures = {"strategy": used.strategy.id, "reason": "tuned_failed"}
        return Ruling("ACCEPT_OR_REDESIGN", why, figures)
    text = f"the tuned model in use, {strategy_text(used)}, needs more data"
    return need_more(case, used.strategy.id, text, further_calls(case, used.failed))


def route_by_pilot(case: Case) -> Ruling | None:
    """Return a ruling if a pilot passes on most of the traffic, the prompt on the rest, and it pays (rule 6, first)."""
    tune = [part for part in case.parts if part.tuned_state == "pass"]
    prompt = [part for part in case.parts if part not in tune]
    share = fsum(part.share for part in tune)
    if not tune or not prompt or share < case.config.primary_share_min - _ROUNDING:
        return None
    cost = case.routed_cost(tune)
    if any(part.prompt_state != "pass" for part in prompt) or cost is None or not cost.would_pass:
        return None
    why = (
        f"the tuned model is below the target on {names_of(tune)} ({percent(share)} of the calls), the prompt "
        f"on {names_of(prompt)}{payback_text(cost)}"
    )
    if not cost.passes:
        return _ends_too_early(case, why, cost)
    return Ruling("FINE_TUNE_AND_ROUTE", why, {**exhausted(case), **_routes(tune, prompt)}, cost)


def _ends_too_early(case: Case, text: str, cost: CostCase) -> Ruling:
    """Return the ruling that a pilot passed, but its base model ends before it has earned its cost."""
    return _blocked(case, text, case.blocked(cost), cost)


def _blocked(case: Case, text: str, reasons: list[str], cost: CostCase | None = None) -> Ruling:
    """Return the ruling that tuning would pay, but can't be done."""
    why = f"{text}, but is blocked: {', '.join(reasons)}"
    return Ruling("FINE_TUNE_BLOCKED", why, {**exhausted(case), "blocked": reasons}, cost)


def pilot_failed(case: Case) -> Ruling | None:
    """Return a ruling if the tuned model is proved to miss a target (rule 6)."""
    if case.tuned is None or case.tuned.state != "fail":
        return None
    missed = [met for met in case.tuned.met if met.state == "fail"]
    if missed[0].name == "format":
        why = f"the tuned model ({failed_calls(case.tuned.failed, case.config.target)}) is above the target of {exact_percent(case.config.target)}"
    else:
        why = f"the tuned model: {missed_text(missed)}"
    return accept(case, "pilot_failed", why)


def content_lost(case: Case) -> Ruling | None:
    """Return a ruling if the tuned model is less often right, or may be, by more than the margin (rule 6)."""
    pilot, margin = case.evidence.pilot, case.config.content_margin
    loss = case.content_loss
    if loss is None or pilot is None or pilot.content is None:
        return None
    text = f"of {pilot.content.n:,} known answers, the tuned model loses {interval(loss.lower, loss.upper)}"
    if loss.lower > margin:
        return accept(
            case, "content_regression", f"{text}, which is more than the margin of {exact_percent(margin)}"
        )
    if loss.upper > margin:
        more = pairs_needed(pilot.content, case.alpha, margin)
        text = f"{text}; the margin is {exact_percent(margin)}"
        return need_more(case, "tuned_content", text, more, figures=exhausted(case))
    return None


def pilot_unclear(case: Case) -> Ruling | None:
    """Return a ruling if it's open whether the tuned model meets the targets (rule 6)."""
    if case.tuned is None or case.tuned.state not in ("inconclusive", "no_data"):
        return None
    rate = case.tuned.failed
    text = f"the tuned model ({failed_calls(rate, case.config.target)}) needs more data for the target of {exact_percent(case.config.target)}"
    is_open = [met for met in case.tuned.met if met.state not in ("pass", "fail")]
    if is_open and is_open[0].name != "format":
        name, rate = is_open[0].name, is_open[0].rate
        text = f"the tuned model needs more data for the target for {name}"
    more = further_calls(case, rate, is_open[0].limit if is_open else None)
    return need_more(case, "tuned", text, more, figures=exhausted(case))


def pilot_meets_what_prompts_miss(case: Case) -> Ruling | None:
    """Return a ruling if the pilot meets a requirement beyond the format that every prompt misses.

    The ruling has the cost, but doesn't depend on it.
    """
    if case.tuned is None or case.tuned.state != "pass":
        return None
    for met in case.tuned.met[1:]:
        name = met.name
        if _no_prompt_meets(case, name):
            why = f"{all_fail(case)}; the tuned model ({rate_text(met.rate, met.limit)}) meets the target for {name}{payback_text(case.cost)}"
            return Ruling("FINE_TUNE_JUSTIFIED", why, {**exhausted(case), "stage": "ship", "reason": name})
    return None


def pilot_for_what_prompts_miss(case: Case) -> Ruling | None:
    """Return a ruling if every prompt misses a requirement beyond the format, and there is no pilot yet.

    Only a pilot shows whether a tuned model meets it. The ruling has the cost, but doesn't depend on it, as after a
    pilot that met the requirement.
    """
    names = [met.name for met in best_of(case).met[1:] if _no_prompt_meets(case, met.name)]
    if case.tuned is not None or not names:
        return None
    why = f"{all_fail(case)}{payback_text(case.cost)}; only a pilot shows whether a tuned model meets the target for {names[0]}"
    reasons = case.blocked(case.cost)
    if reasons:
        why = f"{why}, but tuning is blocked: {', '.join(reasons)}"
        return Ruling("FINE_TUNE_BLOCKED", why, {**exhausted(case), "blocked": reasons, "reason": names[0]})
    return Ruling("FINE_TUNE_JUSTIFIED", why, {**exhausted(case), "stage": "pilot", "reason": names[0]})


def economics_needed(case: Case) -> Ruling | None:
    """Return a request for the missing ones of four numbers, if they decide whether tuning pays."""
    if case.cost is not None:
        return None
    missing = [] if case.evidence.economics is not None else ["failure_cost", "tuned_cost", "upfront"]
    missing += ["calls_per_month"] if case.evidence.calls_per_month is None else []
    if not missing:
        return None
    text = all_fail(case)
    if case.tuned is not None:
        text = f"the tuned model ({failed_calls(case.tuned.failed, case.config.target)}) is below {exact_percent(case.config.target)}"
    why = f"{text}; to decide whether fine-tuning pays, add {', '.join(missing)}"
    return Ruling("NEED_ECONOMICS", why, {**exhausted(case), "missing": missing})


def pilot_passed(case: Case) -> Ruling | None:
    """Return a ruling by cost if the tuned model is proved to meet the targets (rule 6, last)."""
    if case.tuned is None:
        return None
    text = f"the tuned model ({failed_calls(case.tuned.failed, case.config.target)}) is below the target of {exact_percent(case.config.target)}"
    if case.cost is None or not case.cost.would_pass:
        return accept(case, "not_economic", text + payback_text(case.cost))
    if not case.cost.passes:
        return _ends_too_early(case, text + payback_text(case.cost), case.cost)
    figures = {**exhausted(case), "stage": "ship"}
    return Ruling("FINE_TUNE_JUSTIFIED", text + payback_text(case.cost), figures)


def does_not_pay(case: Case) -> Ruling | None:
    """Return a ruling if nothing shows that fine-tuning pays, without a pilot (rule 7)."""
    if case.cost is not None and case.cost.would_pass:
        return None
    return accept(case, "not_economic", all_fail(case) + payback_text(case.cost))


def is_blocked(case: Case) -> Ruling | None:
    """Return a ruling if tuning would pay, but can't be done (rule 7)."""
    assert case.cost is not None
    reasons = case.blocked(case.cost)
    if not reasons:
        return None
    return _blocked(case, all_fail(case) + payback_text(case.cost), reasons)


def route_by_segments(case: Case) -> Ruling | None:
    """Return a ruling if the failures are concentrated (rule 7).

    Every segment must clearly fail or clearly pass, and both must occur. Tuning for the failing segments must pay on
    their calls alone. Otherwise, all of the traffic is tuned, which does pay.
    """
    tune, prompt = concentration(case)
    cost = case.routed_cost(tune) if tune else None
    if cost is None or not cost.would_pass or case.blocked(cost):
        return None
    why = f"{all_fail(case)}; the failures are in {names_of(tune)} and not in {names_of(prompt)}{payback_text(cost)}"
    figures = {**exhausted(case), "stage": "pilot", **_routes(tune, prompt)}
    return Ruling("FINE_TUNE_AND_ROUTE", why, figures, cost)


def justified(case: Case) -> Ruling:
    """Return the advice to run a pilot, because every fix fails, and tuning pays and is possible (rule 7, last)."""
    why = f"{all_fail(case)}, and no step is untested{payback_text(case.cost)}"
    return Ruling("FINE_TUNE_JUSTIFIED", why, {**exhausted(case), "stage": "pilot"})


def concentration(case: Case) -> tuple[list[SegmentRates], list[SegmentRates]]:
    """Return the segments that fail and those that pass. Both lists are empty if the failures are not concentrated."""
    fail = [part for part in case.parts if part.prompt_state == "fail"]
    passing = [part for part in case.parts if part.prompt_state == "pass"]
    return (fail, passing) if fail and passing and len(fail) + len(passing) == len(case.parts) else ([], [])


def _no_prompt_meets(case: Case, name: str) -> bool:
    """Return whether every measured prompt is proved to miss a requirement."""
    return all(one.missed(name) for one in case.prompted if one.failed.n)


def _routes(tune: Sequence[SegmentRates], prompt: Sequence[SegmentRates]) -> dict[str, Any]:
    return {"tune": [part.name for part in tune], "prompt": [part.name for part in prompt]}
