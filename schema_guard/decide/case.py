# SPDX-License-Identifier: Apache-2.0
"""The case: evidence after preparation, with every rate, the playbook, and the costs that the rules use.

Rules: All strategies with data, including the pilot, share a function's part of alpha, so that all verdicts hold
together. Segments share it separately. A tuned model is no prompted strategy. The best strategy is the prompted one
with the lowest rate. Of equal ones, it is the one with the earlier step, then the one given first. A figure that does
not exist is None, and the rules handle it. A figure is computed when a rule first needs it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.decide.economics import CostCase, Proposal, Rates, per_call, tuned_per_call
from schema_guard.decide.evidence.money import Three
from schema_guard.decide.evidence.values import CaseEvidence, Segment, StrategyCounts
from schema_guard.decide.failures import FIXABLE, Unexplained, unexplained
from schema_guard.decide.in_use import part_of_alpha
from schema_guard.decide.measure import Measured, as_figures, has_data, loss_of, state_of
from schema_guard.decide.playbook import STEPS, PlaybookStep, order_of, playbook_of
from schema_guard.locks import cached_property
from schema_guard.stats import Bounds, Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SegmentRates:
    """A segment's failure rates, and the states that their bounds prove. Those of *tuned* are None without a pilot."""

    def __init__(self, segment: Segment, *, alpha: float, target: float) -> None:
        self.name, self.share = segment.name, segment.share
        self.prompt = Rate.of(segment.prompt_failed, segment.prompt_n, alpha=alpha)
        self.prompt_state = state_of(self.prompt, target)
        self.tuned = self.tuned_state = None
        if segment.tuned_n is not None:
            self.tuned = Rate.of(segment.tuned_failed or 0, segment.tuned_n, alpha=alpha)
            self.tuned_state = state_of(self.tuned, target)

    def as_figures(self) -> dict[str, Any]:
        """Return the segment with its bounds and counts as plain JSON. With a pilot, it has those of both."""
        rates = {"prompt": self.prompt} | ({} if self.tuned is None else {"tuned": self.tuned})
        figures: dict[str, Any] = {"name": self.name, "share": self.share}
        figures |= {name: [rate.bounds.lower, rate.bounds.upper] for name, rate in rates.items()}
        if self.tuned is None:
            return figures | as_figures(self.prompt, self.prompt_state)
        counts = {name: {"n": rate.n, "k": rate.count} for name, rate in rates.items()}
        return figures | {f"{name}_{key}": n for name, both in counts.items() for key, n in both.items()}


class Case:
    """The case that the rules decide.

    Attributes:
        evidence: The evidence that was read.
        config: The requirements.
    """

    def __init__(self, evidence: CaseEvidence) -> None:
        self.evidence = evidence
        self.config = evidence.config

    @cached_property
    def alpha(self) -> float:
        """The function's part of alpha."""
        return self.config.alpha * part_of_alpha(self.evidence.n_functions, self.evidence.is_priority)

    @cached_property
    def alpha_each(self) -> float:
        """The alpha of each side of the bounds of each strategy."""
        return self.alpha / max(measured_of(self.evidence), 1)

    @cached_property
    def strategies(self) -> tuple[Measured, ...]:
        """The strategies, in the order of the evidence."""
        return tuple(map(self._measured, self.evidence.strategies))

    @cached_property
    def tuned(self) -> Measured | None:
        """The tuned model as measured by a pilot. None without a pilot."""
        pilot = self.evidence.pilot
        return None if pilot is None else self._measured(pilot)

    def _measured(self, strategy: StrategyCounts) -> Measured:
        return Measured(strategy, config=self.config, alpha=self.alpha_each)

    @cached_property
    def prompted(self) -> list[Measured]:
        """The strategies without a tuned model."""
        return [one for one in self.strategies if not one.strategy.is_tuned]

    @cached_property
    def best(self) -> Measured | None:
        """The best prompted strategy. None if no strategy has data that show a rate of the traffic."""
        rated = [one for one in self.prompted if one.is_rated]
        # The format of a decision model says nothing about its values.
        rated = [one for one in rated if one.content is None or one.state == "pass"] or rated
        return min(
            [one for one in rated if not one.strategy.is_gone] or rated,
            key=lambda one: (one.point, order_of(one.strategy.step)),
            default=None,
        )

    @cached_property
    def playbook(self) -> tuple[PlaybookStep, ...]:
        """Every step. An untested step that can fix no failure of the best strategy is no help."""
        tested: dict[str, list[str]] = defaultdict(list)
        for one in self.strategies:
            is_compared = one.content is None or one.content.state != "no_data"
            if one.is_rated and one.strategy.step in STEPS and is_compared:
                tested[one.strategy.step].append(one.strategy.id)
        playbook, best = playbook_of(self.evidence.playbook, tested), self.best
        if best is None or best.strategy.failure_codes is None or not best.misses_any:
            return playbook
        return tuple(
            step._replace(
                status="no_help", reason=f"this step fixes none of the failures ({best.failures.told()})"
            )
            if step.status == "untested" and not helps(step.name, best)
            else step
            for step in playbook
        )

    @cached_property
    def alpha_segment(self) -> float | None:
        """The alpha of each side of a segment's bounds. With a pilot, each has two rates. None without segments."""
        number = len(self._segments) * (2 if self.evidence.pilot else 1)
        return self.alpha / number if number else None

    @property
    def _segments(self) -> tuple[Segment, ...]:
        return self.evidence.pilot.segments if self.evidence.pilot else self.evidence.segments

    @cached_property
    def parts(self) -> tuple[SegmentRates, ...]:
        """The segments, those of a pilot first. Empty if there are none."""
        alpha = self.alpha_segment or 0.0
        return tuple(SegmentRates(one, alpha=alpha, target=self.config.target) for one in self._segments)

    @cached_property
    def cost(self) -> CostCase | None:
        """The cost of tuning for all of the traffic. None without economics or data.

        It is compared with the cheapest strategy that passes, if strategies have prices of their own, otherwise with
        the best.
        """
        evidence, tuned, before = self.evidence, self.tuned, self._compared
        money, volume = evidence.economics, evidence.calls_per_month
        if money is None or before is None or volume is None:
            return None
        piloted = tuned is not None and (tuned.failed.n > 0 or money.tuned.residual is None)
        rates = _tuned_rates(tuned.failed) if tuned is not None and piloted else money.tuned.residual
        assert rates is not None
        own = before.strategy.prompt_cost
        return CostCase(
            Proposal(
                economics=money if own is None else replace(money, prompt_cost=own),
                calls_per_month=volume,
                prompt_attempts=before.mean_attempts,
                rates=Rates(_prompt_rates(before.failed), rates),
                horizon_months=self.config.horizon_months,
                lead_months=self.config.lead_months,
                life_months=evidence.feasibility.months_to_shutdown,
                next_life_months=evidence.feasibility.next_life_months,
            )
        )

    @property
    def _compared(self) -> Measured | None:
        passing = self.in_state("pass")
        has_prices = any(one.strategy.prompt_cost for one in self.strategies)
        return self.cheapest(passing) if passing and has_prices else self.best

    @cached_property
    def unexplained(self) -> Unexplained | None:
        """Excluded calls in production without a known cause. None if they are few."""
        told = [one for one in self.evidence.strategies if one.excluded and one.is_rated and not one.is_gone]
        excluded = [calls for one in told for calls in one.excluded]
        return unexplained(excluded, sum(one.n for one in told), self.config.target)

    def in_state(self, state: str) -> list[Measured]:
        """Return the prompted strategies in a state."""
        return [strategy for strategy in self.prompted if strategy.state == state]

    @property
    def in_production(self) -> list[Measured]:
        """The strategies in use, the main one first, then the largest part of the calls."""
        used = [one for one in self.strategies if one.strategy.is_rated and one.strategy.is_in_use]
        current = self.evidence.current

        def order(measurement: Measured) -> tuple[bool, float]:
            strategy = measurement.strategy
            is_main = strategy.arrival is not None and strategy.id == current
            return not is_main, -(strategy.traffic_share or 0.0)

        return sorted(used, key=order)

    @property
    def gone(self) -> list[Measured]:
        """The strategies that are no longer in use, by the order of arrival."""
        return [one for one in self.strategies if one.strategy.is_gone]

    @property
    def piloted(self) -> Measured | None:
        """The tuned model of a pilot that is in use; otherwise None."""
        return self.tuned if self.tuned is not None and self.tuned.strategy.is_in_use else None

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
        """Return the dollars of a call of a strategy, without failures. None if its prices are unknown."""
        money, own = self.evidence.economics, strategy.strategy.prompt_cost
        if money and own is None and strategy.strategy.is_tuned:
            return tuned_per_call(money)
        cost = own or (money.prompt_cost if money else None)
        if cost is None:
            return None
        return per_call(cost, strategy.mean_attempts, money.latency_cost_per_s if money else 0.0)

    @property
    def failure_cost(self) -> float:
        """Dollars of a failed call, or 0 without economics."""
        money = self.evidence.economics
        return money.failure_cost if money else 0.0

    def cheapest(self, among: Sequence[Measured]) -> Measured:
        """Return the strategy with the lowest cost of a call, including failures. Of equal ones, return the earliest step.

        Without economics, the earliest step is the cheapest, because the playbook is in the order of cost.
        """
        has_prices = self.evidence.economics is not None or all(one.strategy.prompt_cost for one in among)

        def cost(one: Measured) -> tuple[float, int]:
            dollars = (self.price(one) or 0.0) + one.point * self.failure_cost if has_prices else 0.0
            return dollars, order_of(one.strategy.step)

        return min(among, key=cost)

    def blocked(self, cost: CostCase | None) -> list[str]:
        """Return the reasons that rule out a tuned model, such as a base model that ends before payback."""
        feasible = self.evidence.feasibility
        reasons = {
            "train_examples": feasible.train_examples is not None
            and feasible.train_examples < self.config.min_train_examples,
            "provider_closed": feasible.new_jobs_allowed is False,
            "not_an_active_tuner": self.evidence.only_active_tuners
            and feasible.new_jobs_allowed is not False
            and feasible.active_tuner is not True
            and self.evidence.pilot is None,
            "base_model_shutdown_before_payback": cost is not None
            and cost.proposal.ends_early
            and cost.pess.saving_per_month > 0
            and not cost.passes,
        }
        return [reason for reason, holds in reasons.items() if holds]

    def routed_cost(self, tune: Sequence[SegmentRates]) -> CostCase | None:
        """Price tuning for some segments only.

        Returns:
            The case for their calls: a month's calls times their share, at their rates. None without economics.
        """
        if self.cost is None:
            return None
        share = fsum(part.share for part in tune)
        proposal = self.cost.proposal
        piloted = [part.tuned for part in tune if part.tuned is not None]
        tuned = _blend(tune, lambda part: _tuned_rates(part.tuned)) if piloted else proposal.rates.tuned
        return CostCase(
            replace(
                proposal,
                calls_per_month=proposal.calls_per_month * share,
                rates=Rates(_blend(tune, lambda part: _prompt_rates(part.prompt)), tuned),
            )
        )

    @property
    def content_loss(self) -> Bounds | None:
        """Bounds of the lost share of right answers, with worse and better at alpha / 4 a side. None if not counted."""
        content = self.evidence.pilot.content if self.evidence.pilot else None
        return None if content is None else loss_of(content.worse, content.better, content.n, self.alpha)


def measured_of(evidence: CaseEvidence) -> int:
    """Return the number of strategies with data, which share alpha. Each measured form of a piloted model counts."""
    pilot = evidence.pilot
    forms = (pilot.forms or 1) if pilot and pilot.n else 0
    return sum(map(has_data, evidence.strategies)) + forms


def helps(step: str, strategy: Measured) -> bool:
    """Return whether a step can fix any of the failures or missed requirements of a strategy."""
    if strategy.failures.fixed_by(step) > 0:
        return True
    fixable = FIXABLE.get(step)
    return fixable is not None and (
        (fixable.right and strategy.missed("right")) or (fixable.latency and strategy.missed("latency"))
    )


def _blend(tune: Sequence[SegmentRates], rates: Callable[[SegmentRates], Three]) -> Three:
    """Return the rates over several segments: their means, weighted by share.

    Bounds that hold for every segment hold for the mean, in whatever proportion they were sampled.
    """
    share = fsum(part.share for part in tune)
    each = [(part.share / share, rates(part)) for part in tune]
    return Three(*(fsum(weight * three[index] for weight, three in each) for index in range(3)))


def _prompt_rates(rate: Rate) -> Three:
    """Return a prompted rate in three columns. The lower bound is pessimistic, because tuning then gains the least."""
    limits = rate.bounds
    return Three(limits.lower, limits.lower if rate.rate is None else rate.rate, limits.upper)


def _tuned_rates(rate: Rate | None) -> Three:
    assert rate is not None
    limits = rate.bounds
    return Three(limits.upper, limits.upper if rate.rate is None else rate.rate, limits.lower)
