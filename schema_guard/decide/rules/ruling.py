# SPDX-License-Identifier: Apache-2.0
"""The ruling of a rule, and the words that rules use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import months
from schema_guard.stats import Rate, calls_needed
from schema_guard.text import exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.decide.case import Case, SegmentRates
    from schema_guard.decide.economics import CostCase
    from schema_guard.decide.measure import Measured, Met

_WHAT = {"format": "failed", "right": "not right", "latency": "too slow"}
# After more months than this, the traffic or the model will have changed before the answer comes.
PATIENCE_MONTHS = 3.0


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision of a rule.

    Attributes:
        verdict: Name of the verdict.
        why: The reason in one sentence.
        figures: The keys of the verdict's JSON that this rule sets.
        cost: The priced case. None for tuning all of the traffic.
    """

    verdict: str
    why: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    cost: CostCase | None = None


def best_of(case: Case) -> Measured:
    """Return the best prompted strategy. Requires a strategy with data, which exists if all of them fail."""
    assert case.best is not None
    return case.best


def further_calls(case: Case, rate: Rate, limit: float | None = None) -> int | None:
    """Return a forecast of the further calls.

    Without data, it is the fewest calls that can prove a rate below the limit. Default limit: the target.
    """
    limit = case.config.target if limit is None else limit
    if rate.n == 0:
        clean = calls_needed(0, 1, limit, alpha=case.alpha_each)
        return None if clean is None else 1 + clean
    return calls_needed(rate.count, rate.n, limit, alpha=case.alpha_each)


def need_more(
    case: Case,
    strategy: str,
    question: str,
    n_more: int | None,
    *,
    calls_per_unit: float = 1.0,
    figures: Mapping[str, Any] | None = None,
) -> Ruling:
    """Return a ruling that requests further calls of a strategy, with the time that they take."""
    volume = case.evidence.calls_per_month
    duration = n_more * calls_per_unit / volume if n_more is not None and volume is not None else None
    if n_more is None:
        why = f"{question}; at the observed rate, no number of calls decides"
    else:
        what = "inputs" if calls_per_unit > 1 else "calls"
        why = f"{question}, and about {n_more:,} more {what} are needed to decide"
        why += f" ({months(duration)})" if duration is not None and duration >= 1 else ""
    if duration is not None and duration > PATIENCE_MONTHS:
        why += "; at your volume, that takes too long"
    known = {"strategy": strategy, "n_more": n_more, "months_to_answer": duration}
    return Ruling("NEED_MORE_DATA", why, {**(figures or {}), **known})


def accept(case: Case, reason: str, why: str) -> Ruling:
    """Return the ruling that no fix is left that is worth its cost."""
    return Ruling("ACCEPT_OR_REDESIGN", why, {**exhausted(case), "reason": reason})


def exhausted(case: Case) -> dict[str, Any]:
    """Return the figures of a playbook without a remaining step."""
    return {"strategy": best_of(case).strategy.id, "ladder_exhausted": True}


def names_of(parts: Sequence[SegmentRates]) -> str:
    """Write the names of segments."""
    return ", ".join(part.name for part in parts)


def rate_text(rate: Rate, target: float) -> str:
    """Write a rate with its counts and bounds, with enough digits to tell a bound from the target."""
    if rate.rate is None:
        return "rate (no data)"
    bounds = interval(rate.bounds.lower, rate.bounds.upper, target)
    return f"{rate.count:,.6g}/{rate.n:,} = {percent(rate.rate)} {bounds}"


def failed_calls(rate: Rate, target: float) -> str:
    """Write a failure rate with its counts and bounds as words in parentheses."""
    if rate.rate is None:
        return "no data"
    bounds = interval(rate.bounds.lower, rate.bounds.upper, target)
    return f"{rate.count:,.6g} of {plural(rate.n, 'call')} failed: {percent(rate.rate)} {bounds}"


def strategy_text(strategy: Measured) -> str:
    """Write a strategy with its rate."""
    traffic = strategy.strategy.traffic
    whose = "" if traffic is None else f"; {traffic.text}"
    return f"{strategy.strategy.id} ({failed_calls(strategy.failed, strategy.met[0].limit)}{whose})"


def missed_text(met: Iterable[Met]) -> str:
    """Write which of several requirements are missed."""
    return ", ".join(
        f"{rate_text(one.rate, one.limit)} {_WHAT[one.name]}, above {exact_percent(one.limit)}" for one in met
    )


def content_text(strategy: Measured) -> str:
    """Write how a decision model's values compare with those of a prompt."""
    counts, content = strategy.strategy.content, strategy.content
    if content is None or content.loss is None or counts is None:
        return f"no known answer shows whether the values of {strategy.strategy.id} are right"
    beside = f" than {counts.beside}" if counts.beside else ""
    return (
        f"of {plural(counts.n, 'known answer')}, {strategy.strategy.id} has fewer right values{beside} for {counts.worse:,} and "
        f"more for {counts.better:,}: it loses {interval(content.loss.lower, content.loss.upper)}"
    )


def all_fail(case: Case) -> str:
    """Write that every prompted strategy misses a requirement, and what the best one misses besides the format."""
    failed = case.in_state("fail")
    worse = [
        one for one in failed if one.content is not None and not any(met.state == "fail" for met in one.met)
    ]
    text = _all_miss(case, len(failed) - len(worse)) if len(failed) > len(worse) else ""
    return "; ".join(filter(None, [text, *map(content_text, worse)]))


def _all_miss(case: Case, tested: int) -> str:
    limit = exact_percent(case.config.target)
    strategies = f"all {tested} tested strategies"
    failing = "the only tested strategy fails" if tested == 1 else f"{strategies} fail"
    text = f"{failing} in more than {limit} of the calls"
    best = best_of(case)
    others = [met for met in best.met[1:] if met.state == "fail"]
    if not others:
        return text
    missing = "the only tested strategy misses" if tested == 1 else f"{strategies} miss"
    return f"{missing} a target; {best.strategy.id}: {missed_text(others)}"


def payback_text(cost: CostCase | None) -> str:
    """Write whether tuning pays, as the end of a sentence."""
    if cost is None:
        return "; without economics, nothing shows that fine-tuning pays"
    payback, horizon = cost.pess.payback_months, cost.proposal.horizon_months
    if payback is None:
        return "; fine-tuning never pays back"
    if cost.would_pass:
        return f"; fine-tuning pays back in {months(payback)}"
    if cost.pays:
        lead = months(cost.proposal.lead_months)
        return (
            f"; fine-tuning pays back in {months(payback)} of use; with a lead of {lead}, that is after the horizon of "
            f"{months(horizon)}"
        )
    return f"; fine-tuning pays back in {months(payback)}, which is after the horizon of {months(horizon)}"


def inputs_text(case: Case, strategy: Measured) -> str:
    """Write which other strategies have a part of the calls, if one of them is tuned.

    Each rate is valid only for its own inputs. A router may have chosen them, and the records don't show how. The text
    is empty if one strategy has all calls, or if none is tuned.
    """
    others = [one for one in case.in_production if one is not strategy]
    if not others or not any(one.strategy.is_tuned for one in (strategy, *others)):
        return ""
    parts = [f"{percent(one.strategy.traffic_share or 0.0)} went to {strategy_text(one)}" for one in others]
    return f"; of the calls, {', '.join(parts)}. Each rate is valid only for its own inputs, because primary= of a router may have chosen them"
