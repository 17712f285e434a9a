# SPDX-License-Identifier: Apache-2.0
"""The case: evidence after preparation, with every rate, the playbook and the costs that the rules look at.

Rules: a function's part of alpha is shared by all strategies with data, the pilot among them, so that all verdicts hold together;
segments share it among themselves. A tuned model is no prompted strategy. The best strategy is the prompted one with the
lowest rate, the earlier step where two are equal, then the one given first. A figure that does not exist is None, and the
rules say what follows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.economics import CostCase, Proposal, Rates, cost_case, per_call, tuned_per_call
from schema_guard.decide.evidence.money import Three
from schema_guard.decide.evidence.values import CaseEvidence, Config, Pilot, Segment, StrategyCounts
from schema_guard.decide.exclusions import Unexplained, unexplained
from schema_guard.decide.fixable import FIXABLE, Failures
from schema_guard.decide.in_use import part_of_alpha
from schema_guard.decide.measure import Measured, as_figures, has_data, measured, state_of
from schema_guard.decide.playbook import STEPS, PlaybookStep, order_of, playbook_of
from schema_guard.stats import Bounds, Rate, bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


# Where the order of arrival is not known, what has less of the latest calls is being tried, or on its way out.
_IN_PRODUCTION = 0.1


TUNED = "tuned"
"""How the tuned model of a pilot is called."""


class SegmentRates(NamedTuple):
    """A segment's failure rates with their states; those of *tuned* are None without a pilot."""

    name: str
    share: float
    prompt: Rate
    prompt_state: str
    tuned: Rate | None
    tuned_state: str | None

    def as_figures(self) -> dict[str, Any]:
        """Return the segment with its bounds and counts as plain JSON; with a pilot, those of both."""
        rates = {"prompt": self.prompt} | ({} if self.tuned is None else {"tuned": self.tuned})
        figures: dict[str, Any] = {"name": self.name, "share": self.share}
        figures |= {name: [rate.bounds.lower, rate.bounds.upper] for name, rate in rates.items()}
        if self.tuned is None:
            return figures | as_figures(self.prompt, self.prompt_state)
        counts = {name: {"n": rate.n, "k": rate.count} for name, rate in rates.items()}
        return figures | {f"{name}_{key}": n for name, both in counts.items() for key, n in both.items()}


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at.

    Attributes:
        evidence: As it was read.
        alpha: Of the function.
        alpha_each: Of each strategy's bounds, a side.
        strategies: In the order of the evidence.
        best: None when no strategy has data of which a rate of the traffic can be read.
        playbook: Every step.
        tuned: The tuned model as a pilot measured it; None without a pilot.
        parts: The segments; empty without.
        alpha_segment: Of each segment's bounds, a side; None without segments.
        cost: Of tuning for all of the traffic, against the cheapest strategy that passes where strategies have prices of
            their own, else against the best; None without economics or data.
        unexplained: Calls of the strategies whose cause nobody knows; None where they are few.
    """

    evidence: CaseEvidence
    alpha: float
    alpha_each: float
    strategies: tuple[Measured, ...]
    best: Measured | None
    playbook: tuple[PlaybookStep, ...]
    tuned: Measured | None
    parts: tuple[SegmentRates, ...]
    alpha_segment: float | None
    cost: CostCase | None
    unexplained: Unexplained | None

    @property
    def config(self) -> Config:
        """What is asked for."""
        return self.evidence.config

    @property
    def prompted(self) -> list[Measured]:
        """The strategies that ask no tuned model."""
        return prompted_of(self.strategies)

    def in_state(self, state: str) -> list[Measured]:
        """Give the prompted strategies in a state."""
        return [strategy for strategy in self.prompted if strategy.state == state]

    @property
    def in_production(self) -> list[Measured]:
        """The strategies in use, the main one first, then the largest part of the calls."""
        used = [one for one in self.strategies if one.strategy.is_rated and is_in_use(one.strategy)]
        current = self.evidence.current

        def order(measurement: Measured) -> tuple[bool, float]:
            strategy = measurement.strategy
            is_main = strategy.arrival is not None and strategy.id == current
            return not is_main, -(strategy.traffic_share or 0.0)

        return sorted(used, key=order)

    @property
    def gone(self) -> list[Measured]:
        """The strategies that were in use and are no more, by the order of arrival."""
        return [one for one in self.strategies if is_gone(one.strategy)]

    @property
    def piloted(self) -> Measured | None:
        """The tuned model of a pilot that is in use; otherwise None."""
        return self.tuned if self.tuned is not None and is_in_use(self.tuned.strategy) else None

    @property
    def in_use(self) -> Measured | None:
        """The main strategy. Without a named one, it is the strategy in use with the largest part of the calls."""
        current = self.evidence.current
        named = [one for one in self.strategies if one.strategy.id == current]
        return next(iter(named or self.in_production), None)

    @property
    def main(self) -> Measured | None:
        """The main strategy if the order of arrival is known; otherwise None."""
        used = self.in_use
        return used if used is not None and used.strategy.arrival is not None else None

    def price(self, strategy: Measured) -> float | None:
        """Return the dollars of a call of a strategy, failures not counted; None if its prices are not known."""
        return _price(self.evidence, strategy)

    @property
    def failure_cost(self) -> float:
        """Dollars of a failed call; 0 where nobody says."""
        money = self.evidence.economics
        return money.failure_cost if money else 0.0


def is_in_use(configuration: StrategyCounts) -> bool:
    """Return whether a configuration is in use.

    The order of arrival decides. If it is not known, a tenth of the latest calls does.
    """
    if configuration.arrival is None:
        return (configuration.traffic_share or 0.0) >= _IN_PRODUCTION
    return not configuration.arrival.is_gone


def is_gone(configuration: StrategyCounts) -> bool:
    """Return whether a configuration was in use and is gone."""
    return configuration.arrival is not None and configuration.arrival.is_gone


def measured_of(evidence: CaseEvidence) -> int:
    """Return the number of strategies with data, which share alpha. A tuned model that is piloted counts as one."""
    return sum(map(has_data, evidence.strategies)) + bool(evidence.pilot and evidence.pilot.n)


def case_of(evidence: CaseEvidence) -> Case:
    """Measure the strategies, the pilot and the segments of evidence, and price tuning."""
    config, pilot = evidence.config, evidence.pilot
    alpha = config.alpha * part_of_alpha(evidence.n_functions, evidence.is_priority)
    alpha_each = alpha / max(measured_of(evidence), 1)
    strategies = tuple(
        measured(strategy, config=config, alpha=alpha_each) for strategy in evidence.strategies
    )
    with_data = [one for one in strategies if one.strategy.is_rated and one.failed.n]
    best = min(
        prompted_of([found for found in with_data if not is_gone(found.strategy)]) or prompted_of(with_data),
        key=lambda found: (found.point, order_of(found.strategy.step)),
        default=None,
    )
    tuned = measured(_counts_of(pilot), config=config, alpha=alpha_each) if pilot else None
    alpha_segment, parts = _parts(evidence, alpha)
    return Case(
        evidence=evidence,
        alpha=alpha,
        alpha_each=alpha_each,
        strategies=strategies,
        best=best,
        playbook=_steps(evidence, with_data, best),
        tuned=tuned,
        parts=parts,
        alpha_segment=alpha_segment,
        cost=_overall_cost(evidence, _compared_with(evidence, strategies, best), tuned),
        unexplained=_unexplained(evidence),
    )


def _unexplained(evidence: CaseEvidence) -> Unexplained | None:
    """Look at the strategies that tell of excluded calls: those in production, and neither trials nor what is gone."""
    telling = [
        strategy
        for strategy in evidence.strategies
        if strategy.excluded and strategy.is_rated and not is_gone(strategy)
    ]
    excluded = [calls for strategy in telling for calls in strategy.excluded]
    return unexplained(excluded, sum(strategy.n for strategy in telling), evidence.config.target)


def prompted_of(strategies: Iterable[Measured]) -> list[Measured]:
    """Give those that ask no tuned model."""
    return [one for one in strategies if not one.strategy.is_tuned]


def failures_of(strategy: Measured) -> Failures:
    """Give the failed calls of a strategy by what they failed at."""
    hazards = strategy.retries.hazards if strategy.retries else ()
    codes = (strategy.strategy.failure_codes or {}) if strategy.failure_kinds else {}
    again = hazards[1] if len(hazards) > 1 else None
    return Failures(strategy.failed_calls, strategy.failure_kinds, codes, again)


def _steps(given: CaseEvidence, rated: Sequence[Measured], best: Measured | None) -> tuple[PlaybookStep, ...]:
    """Give every step; one that is untested and can fix nothing of what the best strategy misses is no help."""
    playbook = playbook_of(given.playbook, _measured_steps(rated))
    if best is None or best.strategy.failure_codes is None or not _misses_any(best):
        return playbook
    failures = failures_of(best)
    return tuple(
        step._replace(status="no_help", reason=f"it fixes none of {failures.told()}")
        if step.status == "untested" and not helps(step.name, best)
        else step
        for step in playbook
    )


def _misses_any(measurement: Measured) -> bool:
    """Say whether there is anything to be fixed."""
    return measurement.failed_calls > 0 or any(met.state == "fail" for met in measurement.met)


def helps(step: str, strategy: Measured) -> bool:
    """Say whether a step can fix any of what a strategy misses."""
    if failures_of(strategy).fixed_by(step) > 0:
        return True
    fixable = FIXABLE.get(step)
    return fixable is not None and (
        (fixable.right and strategy.missed("right")) or (fixable.latency and strategy.missed("latency"))
    )


def cheapest(case: Case, among: Sequence[Measured]) -> Measured:
    """Give the strategy with the lowest cost per call, failures included; the earliest step among equals.

    Without economics the earliest step is the cheapest: the playbook's order is that of cost.
    """
    return _cheapest(case.evidence, among)


def _cheapest(evidence: CaseEvidence, among: Sequence[Measured]) -> Measured:
    money = evidence.economics

    if money is None and any(one.strategy.prompt_cost is None for one in among):
        return min(among, key=lambda one: order_of(one.strategy.step))

    def cost(one: Measured) -> tuple[float, int]:
        price = _price(evidence, one) or 0.0
        return price + one.point * (money.failure_cost if money else 0.0), order_of(one.strategy.step)

    return min(among, key=cost)


def _price(evidence: CaseEvidence, measurement: Measured) -> float | None:
    money, own = evidence.economics, measurement.strategy.prompt_cost
    if money and own is None and measurement.strategy.is_tuned:
        return tuned_per_call(money)
    cost = own or (money.prompt_cost if money else None)
    if cost is None:
        return None
    return per_call(cost, measurement.mean_attempts, money.latency_cost_per_s if money else 0.0)


def _compared_with(
    evidence: CaseEvidence, strategies: Sequence[Measured], best: Measured | None
) -> Measured | None:
    """Give the strategy that a tuned model would have to beat: the cheapest that passes where each has its own prices."""
    passing = [one for one in prompted_of(strategies) if one.state == "pass"]
    has_prices = any(one.strategy.prompt_cost for one in strategies)
    return _cheapest(evidence, passing) if passing and has_prices else best


def blocked(evidence: CaseEvidence, cost: CostCase | None) -> list[str]:
    """Give the reasons why a tuned model cannot be had, or would not live until it has paid, where its cost is known."""
    feasible = evidence.feasibility
    reasons = {
        "train_examples": feasible.train_examples is not None
        and feasible.train_examples < evidence.config.min_train_examples,
        "provider_closed": feasible.new_jobs_allowed is False,
        "not_an_active_tuner": evidence.only_active_tuners
        and feasible.new_jobs_allowed is not False
        and feasible.active_tuner is not True
        and evidence.pilot is None,
        "base_model_shutdown_before_payback": cost is not None
        and cost.proposal.ends_early
        and cost.pess.saving_per_month > 0
        and not cost.passes,
    }
    return [reason for reason, holds in reasons.items() if holds]


def routed_cost(case: Case, tune: Sequence[SegmentRates]) -> CostCase | None:
    """Price tuning for some segments only.

    Returns:
        The case for their calls: a month's calls times their share, at their rates; None without economics.
    """
    if case.cost is None:
        return None
    share = fsum(part.share for part in tune)
    proposal = case.cost.proposal
    piloted = [part.tuned for part in tune if part.tuned is not None]
    tuned = _blend(tune, lambda part: _tuned_rates(part.tuned)) if piloted else proposal.rates.tuned
    return cost_case(
        replace(
            proposal,
            calls_per_month=proposal.calls_per_month * share,
            rates=Rates(_blend(tune, lambda part: _prompt_rates(part.prompt)), tuned),
        )
    )


def _blend(tune: Sequence[SegmentRates], rates: Callable[[SegmentRates], Three]) -> Three:
    """Give the rates over several segments: their means, weighted by share.

    Bounds that hold for every segment hold for the mean, in whatever proportion they were sampled.
    """
    share = fsum(part.share for part in tune)
    each = [(part.share / share, rates(part)) for part in tune]
    return Three(*(fsum(weight * three[index] for weight, three in each) for index in range(3)))


def _prompt_rates(rate: Rate) -> Three:
    """Give a prompted rate as bad as can be for tuning: at its lower bound there is least to gain."""
    limits = rate.bounds
    return Three(pess=limits.lower, point=limits.lower if rate.rate is None else rate.rate, opt=limits.upper)


def _tuned_rates(rate: Rate | None) -> Three:
    assert rate is not None
    limits = rate.bounds
    return Three(pess=limits.upper, point=limits.upper if rate.rate is None else rate.rate, opt=limits.lower)


def _overall_cost(evidence: CaseEvidence, best: Measured | None, tuned: Measured | None) -> CostCase | None:
    money, config = evidence.economics, evidence.config
    if money is None or best is None or evidence.calls_per_month is None:
        return None
    piloted = tuned is not None and (tuned.failed.n > 0 or money.tuned.residual is None)
    rates = _tuned_rates(tuned.failed) if tuned is not None and piloted else money.tuned.residual
    assert rates is not None
    own = best.strategy.prompt_cost
    return cost_case(
        Proposal(
            economics=money if own is None else replace(money, prompt_cost=own),
            calls_per_month=evidence.calls_per_month,
            prompt_attempts=best.mean_attempts,
            rates=Rates(_prompt_rates(best.failed), rates),
            horizon_months=config.horizon_months,
            lead_months=config.lead_months,
            life_months=evidence.feasibility.months_to_shutdown,
            next_life_months=evidence.feasibility.next_life_months,
        )
    )


def _measured_steps(strategies: Sequence[Measured]) -> dict[str, list[str]]:
    steps: dict[str, list[str]] = defaultdict(list)
    for measurement in strategies:
        if measurement.strategy.step in STEPS:
            steps[measurement.strategy.step].append(measurement.strategy.id)
    return steps


def _counts_of(pilot: Pilot) -> StrategyCounts:
    """Return a pilot as a strategy of its own."""
    return StrategyCounts(
        id=TUNED,
        step=TUNED,
        n=pilot.n,
        failed=pilot.failed,
        is_tuned=True,
        traffic_share=pilot.traffic_share,
        arrival=pilot.arrival,
        right=pilot.right,
        latency=pilot.latency,
    )


def content_loss(case: Case) -> Bounds | None:
    """Bound the share of right answers lost: worse less better, each side of each at alpha / 4; None if not counted."""
    content = case.evidence.pilot.content if case.evidence.pilot else None
    return None if content is None else loss_of(content.worse, content.better, content.n, case.alpha)


def loss_of(worse: float, better: float, n: int, alpha: float) -> Bounds:
    """Bound worse/n less better/n; the counts may be fractional, for a forecast."""
    lost, won = bounds(worse, n, alpha=alpha / 4), bounds(better, n, alpha=alpha / 4)
    return Bounds(lost.lower - won.upper, lost.upper - won.lower)


def _parts(evidence: CaseEvidence, of_function: float) -> tuple[float | None, tuple[SegmentRates, ...]]:
    """Give the segments' alpha and rates; a pilot has two rates for each, and its segments come first."""
    config, pilot = evidence.config, evidence.pilot
    segments = pilot.segments if pilot else evidence.segments
    if not segments:
        return None, ()
    alpha = of_function / (len(segments) * (2 if pilot else 1))

    return alpha, tuple(_segment_rates(segment, config.target, alpha) for segment in segments)


def _segment_rates(segment: Segment, target: float, alpha: float) -> SegmentRates:
    prompt = Rate.of(segment.prompt_failed, segment.prompt_n, alpha=alpha)
    tuned = None
    if segment.tuned_n is not None:
        tuned = Rate.of(segment.tuned_failed or 0, segment.tuned_n, alpha=alpha)
    return SegmentRates(
        name=segment.name,
        share=segment.share,
        prompt=prompt,
        prompt_state=state_of(prompt, target),
        tuned=tuned,
        tuned_state=None if tuned is None else state_of(tuned, target),
    )
