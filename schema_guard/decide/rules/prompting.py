# SPDX-License-Identifier: Apache-2.0
"""The rules about prompting: changes, whether it is enough, cheaper strategies, missing data, and the next fix.

Rules: Bounds decide, never a point estimate. The next fix can fix the observed failures.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.breaches import breaches, change_text, open_rise
from schema_guard.decide.case import Case, helps
from schema_guard.decide.failures import FIXABLE
from schema_guard.decide.measure import pairs_needed
from schema_guard.decide.playbook import RAISE_OUTPUT, STRICT, next_step, untested
from schema_guard.decide.rules.ruling import (
    PATIENCE_MONTHS,
    Ruling,
    all_fail,
    best_of,
    content_text,
    further_calls,
    inputs_text,
    need_more,
    payback_text,
    strategy_text,
)
from schema_guard.stats import Bursts, bounds, calls_needed
from schema_guard.text import dollars, exact_percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.measure import Measured, Met

# Fewer failures than these don't show the most frequent kind.
_FEWEST_FAILURES = 5
_CUT_OFF = ("max_tokens", "unfinished")


def explain_first(case: Case) -> Ruling | None:
    """Return a ruling, before all other rules, if too many calls of unknown cause are excluded from the rate.

    A rate that is proved too high takes precedence.
    """
    unexplained = case.unexplained
    if unexplained is None or any(breach.what != "excluded" for breach in breaches(case)):
        return None
    target = exact_percent(case.config.target)
    figures = {
        "strategy": case.evidence.current or case.strategies[0].strategy.id,
        "n_more": None,
        "months_to_answer": None,
        "unexplained": {**unexplained._asdict(), "exceptions": dict(unexplained.exceptions)},
    }
    return Ruling(
        "NEED_MORE_DATA",
        f"{unexplained.text}, which is more than the target of {target}. No failure rate can decide until you know whether the model failed in these calls",
        figures,
    )


def import_all_first(case: Case) -> Ruling | None:
    """Return a ruling, before other rules, if all calls were imported and chosen by result or in an unknown way."""
    unrated = [one for one in case.strategies if not one.strategy.is_rated and one.calls]
    if case.best is not None or not unrated:
        return None
    named = {one.strategy.id: one for one in unrated}
    strategy = named.get(case.evidence.current or "", unrated[0]).strategy
    traffic = " and ".join(
        dict.fromkeys(one.strategy.traffic.text for one in unrated if one.strategy.traffic)
    )
    figures = {"strategy": strategy.id, "n_more": None, "months_to_answer": None, "unrated": list(named)}
    return Ruling(
        "NEED_MORE_DATA",
        f"{plural(sum(one.calls for one in unrated), 'call')} {traffic}. They show the kinds of failures, but not their rate, so they decide nothing",
        figures,
    )


def find_what_changed(case: Case) -> Ruling | None:
    """Return a ruling if a rate in production has a lasting rise and may be above the target.

    A change of strategy doesn't answer such a rise.
    """
    for measurement in _judged(case):
        change = open_rise(case, measurement)
        if change is not None:
            why = f"{measurement.strategy.id}: {change_text(change)}; the target is {exact_percent(case.config.target)}"
            return Ruling("FIND_WHAT_CHANGED", why, {"strategy": measurement.strategy.id})
    return None


def _judged(case: Case) -> list[Measured]:
    """Return the strategies that the verdict is about.

    This is the main strategy, or every strategy in production if the order of arrival is unknown.
    """
    if case.main is None:
        return case.in_production
    return [one for one in case.in_production if one is case.main]


def cheaper_model(case: Case) -> Ruling | None:
    """Return a switch to an unused prompted strategy that passes for less, if all strategies in use pass too."""
    used = _judged(case)
    if not used or any(one.state != "pass" or one.strategy.is_tuned for one in used):
        return None
    return switch_for_less(case, used[0])


def switch_for_less(case: Case, used: Measured) -> Ruling | None:
    """Return a switch to the cheapest prompted strategy that passes, if it costs less than *used*.

    Strategies in production are candidates only if *used* is a tuned model.
    """
    now = _cost(case, used, used.failed.bounds.lower)
    # If a tuned model is in use, the prompt has a part of the calls too.
    others = [one for one in case.in_state("pass") if one is not used and one.strategy.prompt_cost]
    candidates = [one for one in others if used.strategy.is_tuned or one not in case.in_production]
    costs = [(_cost(case, one, one.failed.bounds.upper), one) for one in candidates]
    known = [(cost, measurement) for cost, measurement in costs if cost is not None]
    if now is None or not known:
        return None
    cost, chosen = min(known, key=lambda pair: pair[0])
    if cost >= now:
        return None
    volume = case.evidence.calls_per_month
    saving = None if volume is None else volume * (now - cost)
    model = f" on {chosen.strategy.model}" if chosen.strategy.model else ""
    why = f"{strategy_text(used)} passes, and so does {strategy_text(chosen)}{model} for {dollars(cost)} a call instead of {dollars(now)}"
    why += "" if saving is None else f", which saves {dollars(saving)} a month"
    if not _are_compared(case, used, chosen):
        why += "; schema_guard compared only format and price, so compare the values first"
    why += inputs_text(case, used) if used.strategy.is_tuned else ""
    figures = {
        "strategy": used.strategy.id,
        "switch_to": chosen.strategy.id,
        "saving_per_month": saving,
    }
    return Ruling("USE_CHEAPER_MODEL", why, figures)


def prompting_is_enough(case: Case) -> Ruling | None:
    """Return a ruling if a strategy is proved good enough. Tuning may still pay through lower costs."""
    passing, main = case.in_state("pass"), case.main
    if main is not None and main.state in ("inconclusive", "no_data"):
        # A strategy that is gone replaces the main one only if the main one is proved to fail.
        passing = [one for one in passing if one not in case.gone]
    if not passing:
        return None
    used = case.in_use
    chosen = used if used is not None and used in passing else case.cheapest(passing)
    figures: dict[str, Any] = {"strategy": chosen.strategy.id}
    others = [one for one in case.in_production if one is not chosen and one.state == "fail"]
    is_piloted = case.piloted is not None and case.piloted.state == "fail"
    if others or is_piloted or (used is not None and chosen is not used):
        figures["switch_to"] = chosen.strategy.id
    text = f"{strategy_text(chosen)} is below the target of {exact_percent(case.config.target)}"
    text += inputs_text(case, chosen)
    text += f"; {content_text(chosen)}" if chosen.content is not None else ""
    if case.cost is None or not case.cost.would_pass:
        return Ruling("PROMPTING_ENOUGH", text + (payback_text(case.cost) if case.cost else ""), figures)
    reasons = case.blocked(case.cost)
    if reasons:
        why = f"{text}; tuning would pay by its cost, but is blocked: {', '.join(reasons)}"
        return Ruling("PROMPTING_ENOUGH", why, {**figures, "cost_case_blocked": reasons})
    return Ruling("FINE_TUNE_FOR_COST", text + payback_text(case.cost), figures)


def more_data_needed(case: Case) -> Ruling | None:
    """Return a request for more data if it's open whether a strategy is good enough, for the one decided soonest."""
    if case.best is None:
        name, nothing = case.evidence.current or case.strategies[0].strategy.id, case.strategies[0].failed
        return need_more(case, name, "no strategy has data", further_calls(case, nothing))
    open_ones = [one for one in case.in_state("inconclusive") if one not in case.gone]
    # Right answers cost more than calls, so a trial of a decision model requests them only after all other steps.
    waits = bool(untested(case.playbook))
    open_ones = [
        one
        for one in open_ones
        if one is case.in_use or one.content is None or not (waits or _is_uncompared(one))
    ]
    if case.main in open_ones:
        open_ones = [one for one in open_ones if one is case.main]
    missing = [_missing(case, one) for one in open_ones]
    if not missing:
        return None
    least = min(missing, key=lambda one: inf if one.n_more is None else one.n_more)
    measurement = least.strategy
    aim = "right" if _is_uncompared(measurement) else least.aim
    figures: dict[str, Any] = {} if aim is None else {"missing": [aim]}
    meanwhile = None if aim is not None else _meanwhile(case, measurement, least.n_more)
    if meanwhile is not None:
        figures["meanwhile"] = meanwhile
    if least.aim is not None:
        known = {"strategy": measurement.strategy.id, "n_more": None, "months_to_answer": None}
        return Ruling("NEED_MORE_DATA", least.text, {**figures, **known})
    return need_more(
        case,
        measurement.strategy.id,
        least.text,
        least.n_more,
        calls_per_unit=measurement.calls_per_unit,
        figures=figures,
    )


def truncation_first(case: Case) -> Ruling | None:
    """Return a ruling if all strategies fail, and half of the best one's failures are replies that were cut off."""
    best = best_of(case)
    codes = (best.strategy.failure_codes or {}) if best.failure_kinds else {}
    cut_off = (
        sum(codes.get(code, 0) for code in _CUT_OFF) if codes else best.failure_kinds.get("truncation", 0)
    )
    enough = best.failed.count >= _FEWEST_FAILURES and 2 * cut_off >= best.failed_calls
    if not enough or not best.missed("format") or RAISE_OUTPUT not in untested(case.playbook):
        return None
    why = f"{all_fail(case)}; {cut_off} of the {best.failed_calls} failures of {best.strategy.id} are cut-off replies"
    return Ruling("TRY_NEXT_FIX", why, {"next_rung": RAISE_OUTPUT})


def strict_decoding(case: Case) -> Ruling | None:
    """Return a ruling if all fail, and the failures that decoding can't fix are not proved above the target."""
    best = best_of(case)
    if STRICT not in untested(case.playbook) or any(met.state == "fail" for met in best.met[1:]):
        return None
    unfixable = _not_fixable(case)
    if unfixable["lower"] > case.config.target:
        return None
    known = f"only {unfixable['k']:g}" if unfixable["k"] else "none"
    verb = "are" if unfixable["k"] > 1 else "is"
    why = (
        f"{all_fail(case)}; {known} of the {best.failed_calls} failures of {best.strategy.id} {verb} known to be of a kind "
        "that strict decoding can't fix"
    )
    return Ruling(
        "USE_CONSTRAINED_DECODING", why, {"next_rung": STRICT, "not_fixable_by_decoding": unfixable}
    )


def try_next_fix(case: Case) -> Ruling | None:
    """Return the next fix if all strategies fail and a step is untested.

    This is the first step that can reach the target alone, or the one that fixes the most. Without failure codes, it is
    the next step of the playbook.
    """
    best, steps = best_of(case), untested(case.playbook)
    if not steps:
        return None
    if best.strategy.failure_codes is not None:
        step = _first_that_helps(case, best, steps)
        failures = best.failures
        text = (
            f". {step} can fix {failures.fixed_by(step):g} of these failures: {failures.told()}"
            if best.missed("format")
            else ""
        )
    else:
        step, text = next_step(case.playbook) or steps[0], ""
    figures: dict[str, Any] = {"next_rung": step}
    if STRICT in steps:
        figures["not_fixable_by_decoding"] = _not_fixable(case)
    why = f"{all_fail(case)}. Untested: {', '.join(steps)}{text}"
    return Ruling("TRY_NEXT_FIX", why, figures)


class _Missing(NamedTuple):
    """The data needed to decide about a strategy.

    Attributes:
        strategy: The strategy.
        n_more: Further calls, or inputs. None if no number decides.
        text: The reason why they are needed.
        aim: The requirement that was not measured. None if only calls are missing.
    """

    strategy: Measured
    n_more: int | None
    text: str
    aim: str | None = None


def _missing(case: Case, measurement: Measured) -> _Missing:
    is_open = [met for met in measurement.met if met.state != "pass"]
    unmeasured = next((met for met in is_open if not met.rate.n), None)
    if unmeasured is not None:
        name = unmeasured.name
        return _Missing(measurement, None, f"{strategy_text(measurement)}; {_UNMEASURED[name]}", name)
    if [met.name for met in is_open] == ["right"] and measurement.strategy.right_bound is not None:
        # More labels decide it, not more calls.
        (met,) = is_open
        text = f"{plural(met.rate.n, 'label')} do not prove yet whether {exact_percent(1 - met.limit)} of its values are right"
        return _Missing(measurement, None, f"{strategy_text(measurement)}; {text}", "right")
    if not is_open and measurement.content is not None:
        counts, text = measurement.strategy.content, content_text(measurement)
        if counts is None or _is_uncompared(measurement):
            return _Missing(measurement, None, text, "right")
        needed_pairs = pairs_needed(counts, case.alpha_each, case.config.content_margin)
        margin = exact_percent(case.config.content_margin)
        return _Missing(measurement, needed_pairs, f"{text}; the margin is {margin}")
    wanted = [_open(case, measurement, met) for met in is_open]
    needed, questions = [calls for calls, _ in wanted], [question for _, question in wanted]
    n_more = None if None in needed else max(filter(None, needed), default=0)
    questions += [content_text(measurement)] if _is_uncompared(measurement) else []
    return _Missing(measurement, n_more, "; ".join(questions))


def _is_uncompared(measurement: Measured) -> bool:
    return measurement.content is not None and measurement.content.state == "no_data"


_UNMEASURED = {
    "right": "no known answer shows the share of right values",
    "latency": "no recorded call shows its duration",
}


def _open(case: Case, measurement: Measured, met: Met) -> tuple[int | None, str]:
    """Return the further calls that decide one requirement, and the open question."""
    strategy, limit, text = measurement.strategy, met.limit, strategy_text(measurement)
    needed, question = further_calls(case, met.rate, limit), f"{text} needs more data for the target of "
    question += exact_percent(case.config.target)
    if met.name != "format":
        return needed, f"{strategy.id}: the target for {met.name} needs more data"
    least = measurement.calls_for_bursts
    if strategy.weekly is not None and strategy.weekly.is_young:
        least, question = (
            strategy.weekly.calls_until_whole,
            f"{text} is not decided, because {strategy.weekly.young_text}",
        )
    elif met.rate.bounds.upper <= limit:
        target, length = exact_percent(case.config.target), case.config.burst_length
        return (
            least,
            f"{text} is below the target of {target} if failures are isolated, but not if they come in bursts of {length:g}",
        )
    elif strategy.bursts is not None:
        needed = Bursts(*strategy.bursts, e_value=inf).calls_needed(limit, alpha=case.alpha_each)
    return None if needed is None else max(needed, least), question


def _meanwhile(case: Case, measurement: Measured, n_more: int | None) -> dict[str, Any] | None:
    """Return a trial to run until the calls arrive.

    It is a trial of a fix if that needs fewer calls, or one of the strategy in use. If failures come in bursts, neither
    helps, because a trial ends before the next burst.
    """
    if measurement.strategy.traffic_share is None or n_more == 0 or measurement.strategy.bursts is not None:
        return None
    steps = untested(case.playbook)
    fewest = _calls_of_trial(case, [(0.0, met.limit) for met in measurement.met])
    if (
        measurement.strategy.failure_codes is not None
        and measurement.failed.bounds.upper > case.config.target
        and any(helps(step, measurement) for step in steps)
        and fewest is not None
        and (n_more is None or fewest < n_more)
    ):
        return _trial(case, measurement, _first_that_helps(case, measurement, steps), fewest)
    volume = case.evidence.calls_per_month
    same = _calls_of_trial(case, [(met.rate.rate or 0.0, met.limit) for met in measurement.met])
    is_late = n_more is not None and volume is not None and n_more / volume > PATIENCE_MONTHS
    return (
        _trial(case, measurement, None, same)
        if is_late and same and not measurement.calls_for_bursts
        else None
    )


def _trial(case: Case, measurement: Measured, step: str | None, calls: int) -> dict[str, Any]:
    price = case.price(measurement)
    return {"rung": step, "calls": calls, "cost": None if price is None else calls * price}


def _calls_of_trial(case: Case, missed: Sequence[tuple[float, float]]) -> int | None:
    """Return the number of calls that decides about one more strategy. Each pair has the missed share and its limit."""
    alpha = 1 / (1 / case.alpha_each + 1 / case.alpha)
    needed = [calls_needed(share, 1, limit, alpha=alpha) for share, limit in missed]
    return None if None in needed else 1 + max(filter(None, needed), default=0)


def _first_that_helps(case: Case, measurement: Measured, steps: Sequence[str]) -> str:
    """Return the first step that can reach the target alone, or the first of those that fix the most."""
    failures = measurement.failures
    reaching = next((step for step in steps if _reaches(case, measurement, step)), None)
    return reaching or max(steps, key=failures.fixed_by)


def _reaches(case: Case, measurement: Measured, step: str) -> bool:
    fixable = FIXABLE.get(step)
    if (measurement.missed("right") and not (fixable and fixable.right)) or (
        measurement.missed("latency") and not (fixable and fixable.latency)
    ):
        return False
    return (
        not measurement.missed("format") or _unfixable(case, measurement, step)["lower"] <= case.config.target
    )


def _unfixable(case: Case, measurement: Measured, step: str) -> dict[str, float]:
    """Return the failures that a step is known not to fix, in the unit of the rate, and their lower bound."""
    k = measurement.in_unit(measurement.failures.left_by(step))
    return {"k": k, "lower": bounds(k, measurement.failed.n, alpha=case.alpha_each).lower}


def _not_fixable(case: Case) -> dict[str, float]:
    return _unfixable(case, best_of(case), STRICT)


def _cost(case: Case, measurement: Measured, rate: float) -> float | None:
    price = case.price(measurement)
    return None if price is None else price + rate * case.failure_cost


def _are_compared(case: Case, one: Measured, other: Measured) -> bool:
    """Return whether the values of both were compared with known answers."""
    if other.content is not None:
        return other.content.state == "pass"
    return all(
        measurement.strategy.right is not None and measurement.strategy.right.n
        for measurement in (one, other)
    )
