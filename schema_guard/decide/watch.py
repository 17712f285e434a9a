# SPDX-License-Identifier: Apache-2.0
"""Watching the configurations in use: has one of them passed its objective, or drifted?

Rules: imported failures, and imports of an unknown part of the traffic, are never fine and never a breach; a breach is proved, not suspected: the lower bound of the unhandled rate is above the objective, or the change
detector fired. All configurations that are watched share alpha, so that they hold together. A function too many of whose
calls stand outside of the rate for a cause that nobody knows is not fine either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schema_guard.decide.outside import unexplained, ways_of
from schema_guard.decide.recorded.configurations import (
    alarm_of,
    configurations_of,
    is_trial,
    is_used,
    of_newest_schema,
    problems_of,
)
from schema_guard.errors import InvalidArgument
from schema_guard.records.chosen import rows_of
from schema_guard.stats import Rate
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.outside import OutsideCalls, Unexplained
    from schema_guard.decide.recorded.configurations import RecordedConfiguration
    from schema_guard.records import Store
    from schema_guard.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Watched:
    """A configuration in use.

    Attributes:
        schema: Name of its schema.
        function: Name of the guarded function.
        configuration: Its strategies, and what else tells it apart.
        n: Judged calls; distinct inputs where inputs repeat.
        k: Unhandled ones; a sum of shares where inputs repeat.
        rate: k / n; None without judged calls.
        lower: The true rate is below it with probability at most alpha, however often someone looks.
        upper: The true rate is above it with probability at most alpha.
        breach: Whether lower is above the objective.
        risen_at: Number of the call at which the change detector fired, the earliest over segments; None if it did not.
        outside: Its calls without a judged reply, by code and exception.
        traffic: What part of the traffic its calls are; None for calls that were recorded as they were made.
        unexplained: Those of all configurations of the function of which nobody knows whose fault they are; None where
            they are fewer than 5, or no more than the objective's share of all calls.
    """

    schema: str
    function: str
    configuration: str
    n: int
    k: float
    rate: float | None
    lower: float
    upper: float
    breach: bool
    risen_at: int | None
    outside: tuple[OutsideCalls, ...]
    unexplained: Unexplained | None
    traffic: Traffic | None = None

    @property
    def is_rated(self) -> bool:
        """Whether its rate is one of the traffic, or of a sample of it."""
        return self.traffic is None or self.traffic.is_rated

    @property
    def is_below(self) -> bool:
        """Whether the rate is neither proved to be above the objective nor has risen; of imported failures nobody knows."""
        return not self.breach and self.risen_at is None

    @property
    def is_fine(self) -> bool:
        """Whether that holds of a rate of the traffic, and it is known whose fault the calls outside of the rate are."""
        return self.is_below and self.is_rated and self.unexplained is None


def watch(  # noqa: PLR0913 - which calls, by name
    store: Store,
    objective: float,
    *,
    schema: str | None = None,
    function: str | None = None,
    segment: str | None = None,
    since: float | None = None,
    alpha: float = 0.05,
) -> list[Watched]:
    """Look at the newest version of every configuration that is no trial.

    Args:
        store: Where to read.
        objective: The largest unhandled rate that is good enough, in (0, 1).
        schema: Only this name or fingerprint.
        function: Only this guarded function: its name, or an end of it behind a dot that no other has.
        segment: Only this part of the traffic.
        since: Only calls that started then or later, in seconds since the epoch.
        alpha: The probability that any of these reports a breach that is none, over all looks, in (0, 1).

    Returns:
        Those that are not fine first, then by lower bound, highest first; empty when nothing is recorded.

    Raises:
        InvalidArgument: The objective is out of its range, or a name is not recorded.
        StoreError: The store cannot be read.
    """
    if not 0 < objective < 1:
        raise InvalidArgument(
            f"objective={clip(repr(objective))}: expected a rate between 0 and 1, such as 0.01"
        )
    asked = rows_of(store, since=since, schema=schema, function=function, segment=segment)
    rows = [row for row in asked if is_used(row) and not is_trial(row)]
    functions = [
        _rated(configurations_of(of_newest_schema(problem.rows, []), []))
        for problem in problems_of(rows, rows)
    ]
    judged = sum(configuration.n > 0 for configurations in functions for configuration in configurations)
    each = alpha / max(judged, 1)
    watched = [
        _watched(configuration, objective, each, _unexplained(configurations, objective))
        for configurations in functions
        for configuration in configurations
    ]
    return sorted(watched, key=lambda one: (one.is_below, one.is_fine, -one.lower))


def _rated(configurations: list[RecordedConfiguration]) -> list[RecordedConfiguration]:
    """Leave out imported failures, and imports of an unknown part, where a function has other calls."""
    return [one for one in configurations if one.is_rated] or configurations


def _unexplained(configurations: Sequence[RecordedConfiguration], objective: float) -> Unexplained | None:
    """Look at the calls outside of the rate of one function."""
    outside = [calls for configuration in configurations for calls in configuration.outside]
    return unexplained(outside, sum(configuration.n for configuration in configurations), objective)


def _watched(
    configuration: RecordedConfiguration, objective: float, alpha: float, unknown: Unexplained | None
) -> Watched:
    n = sum(row.inputs for row in configuration.rows)
    found = Rate.of(sum(row.unhandled_inputs for row in configuration.rows), n, alpha=alpha)
    is_rated = configuration.is_rated
    alarms = [alarm for row in configuration.rows if is_rated and (alarm := alarm_of(row)) is not None]
    first = configuration.first
    return Watched(
        schema=first.schema_name,
        function=first.function,
        configuration=configuration.id,
        n=n,
        k=found.count,
        rate=found.rate,
        lower=found.bounds.lower,
        upper=found.bounds.upper,
        breach=is_rated and found.bounds.lower > objective,
        risen_at=min(alarms, default=None),
        outside=tuple(ways_of(configuration.outside)),
        unexplained=unknown,
        traffic=configuration.traffic,
    )
