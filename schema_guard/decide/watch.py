# SPDX-License-Identifier: Apache-2.0
"""A watch on production: is any problem proved?

Rules: The problems are those of `decide`, from the same evidence, so the two can't contradict each other. If nothing
proves that a rate is above the objective, it is still not called good until a bound proves that it is below. Earlier
calls show nothing about a function that is no longer called, so it has no breach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.configuration.excluded_calls import ways_of
from schema_guard.decide.breaches import LEAST_PART, Breach, breaches, change_text
from schema_guard.decide.case import Case
from schema_guard.decide.evidence.reading import read_evidence
from schema_guard.decide.explanation.uses import uses_of
from schema_guard.decide.in_use import rounded_up
from schema_guard.decide.recorded.from_store import Gathered, gather_each
from schema_guard.errors import InvalidArgument
from schema_guard.records.times import moment
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.measure import Measured
    from schema_guard.records import Store


class Watched:
    """A configuration in use.

    Attributes:
        schema: Name of its schema.
        function: Name of the guarded function.
        configuration: Its strategies, and the other facts that distinguish it. `tuned` for a tuned model in a pilot.
        share: Share of the function's latest calls, in [0, 1].
        n: Validated calls. After a change, only the calls after its detection.
        k: Failed calls.
        rate: k / n. None without validated calls.
        lower: Lower bound. The true rate is below it with probability at most alpha, however often you check.
        upper: Upper bound. The true rate is above it with probability at most alpha.
        state: The result for all requirements: `pass`, `fail`, `inconclusive`, `no_data`, or `unrated`.
        usage: Whether it is the main configuration, a canary, or used only at night, in words. Empty if unknown.
        objective: The largest failure rate that is good enough.
        n_functions: Functions of the store that share alpha, rounded up.
        is_main: Whether the verdict is about it. Without an order of arrival, it is about all.
        breaches: Its proved breaches.
        change: The last change of its rate, in words. None if there was none, or if failures come in bursts and no
            burst continues.
        pattern: Its weekly pattern, in words. None if no pattern is proved.
        excluded: Its calls without a validated reply, by code and exception.
        unexplained: Excluded calls of unknown cause, of all configurations of the function. None if there are fewer
            than 5, or no more than the objective's share of all calls.
        traffic: The part of the traffic that its calls are. None for calls that were recorded live.
        last_call: The day of the last of these calls of its function, in UTC. None if unknown. For a silent function,
            the calls of all segments count.
        is_silent: Whether its function had no call in the week before the store's last call.
    """

    def __init__(
        self,
        gathered: Gathered,
        case: Case,
        measurement: Measured,
        wrong: Sequence[Breach],
        use: Mapping[str, Any],
    ) -> None:
        rate, strategy = measurement.failed, measurement.strategy
        self.schema, self.function = gathered.schema, gathered.function or ""
        self.configuration = strategy.id
        self.share = strategy.traffic_share or 0.0
        self.n, self.k, self.rate = rate.n, rate.count, rate.rate
        self.lower, self.upper = rate.bounds.lower, rate.bounds.upper
        self.state = "no_data" if gathered.is_silent else measurement.state
        self.usage: str = use.get("text", "")
        self.is_main = use.get("use", "main") == "main"
        self.objective = case.config.target
        self.n_functions = rounded_up(case.evidence.n_functions)
        found = () if gathered.is_silent else wrong
        self.breaches = tuple(breach for breach in found if breach.strategy == strategy.id)
        rises = any(breach.what == "rise" for breach in self.breaches)
        change = strategy.change if rises or not strategy.bursts else None
        self.change = None if change is None else change_text(change)
        self.pattern = strategy.weekly.text if strategy.weekly and strategy.weekly.parts else None
        self.excluded = ways_of(strategy.excluded)
        self.unexplained = case.unexplained
        self.traffic = strategy.traffic
        self.last_call = moment(gathered.last_call, hours=False) if gathered.last_call else None
        self.is_silent = gathered.is_silent

    @property
    def is_rated(self) -> bool:
        """Whether its rate is the rate of the traffic, or of a sample of it."""
        return self.traffic is None or self.traffic.is_rated

    @property
    def can_matter(self) -> bool:
        """Whether the verdict is about it, or it may fail in a tenth of the objective's share of all calls."""
        return self.is_main or self.share * self.upper >= LEAST_PART * self.objective

    @property
    def is_below(self) -> bool:
        """Whether it has no proved breach."""
        return not self.breaches

    @property
    def is_fine(self) -> bool:
        """Whether it is silent, or has no breach, a rate of the traffic, and no `unexplained` calls."""
        return self.is_silent or (self.is_below and self.is_rated and self.unexplained is None)


def watch(
    store: Store,
    objective: float,
    *,
    alpha: float = 0.05,
    extra: Mapping[str, Any] | None = None,
    **which: Any,
) -> list[Watched]:
    """Return the state of every configuration that has a good part of its function's latest calls.

    Args:
        store: The store to read.
        objective: The largest failure rate that is good enough, in (0, 1).
        alpha: The probability that any configuration of the store is ever reported wrongly, in (0, 1).
        extra: Facts that a store can't contain, in the form of `gather_each`: `config` with further requirements
            (`right`, `latency_p95_s`, `burst_length`), `content` ...
        **which: The calls: `schema`, `function`, `segment`, `since`, `until`, and `priority` of `gather_each`.

    Returns:
        Configurations that are not fine first, then by lower bound, highest first, and silent ones last. Empty if
        nothing is recorded.

    Raises:
        InvalidArgument: The objective is out of its range, or a name is not recorded.
        StoreError: The store cannot be read.
    """
    if not 0 < objective < 1:
        raise InvalidArgument(
            f"objective={clip(repr(objective))}: expected a rate between 0 and 1, such as 0.01"
        )
    facts = dict(extra or {})
    facts["config"] = {**facts.get("config", {}), "target": objective, "alpha": alpha}
    watched: list[Watched] = []
    for gathered in gather_each(store, **which, extra=facts, may_be_empty=True):
        if gathered.function is not None:
            case = Case(read_evidence(gathered.evidence))
            wrong, uses = breaches(case), uses_of(case)
            own = [*_in_use(case), *([] if case.piloted is None else [case.piloted])]
            watched += [Watched(gathered, case, one, wrong, uses.get(one.strategy.id, {})) for one in own]
    watched.sort(key=lambda one: (one.is_below, one.is_fine, one.is_below and not one.is_main, -one.lower))
    return sorted(watched, key=lambda one: one.is_silent)


def _in_use(case: Case) -> Sequence[Measured]:
    """Return the strategies in production, or, if this is unknown, those that aren't trials."""
    own = [
        one for one in case.strategies if one.strategy.traffic_share is not None and not one.strategy.is_gone
    ]
    unrated = [one for one in case.strategies if not one.strategy.is_rated]
    return case.in_production or own or unrated
