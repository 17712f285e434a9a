# SPDX-License-Identifier: Apache-2.0
"""The proved breaches of production. `decide` and `watch` use the same ones.

Rules: A breach is proved, not suspected. A requirement is missed if the lower bound of its rate is above the limit. A
rise is open while the calls after it may still be above the target, even if it is one of many bursts. So current
problems are reported now. Excluded calls of unknown cause are a breach if there are too many. Trials and configurations
that are gone have no breach. A failure rate beside the main configuration is a breach if it uses at least a tenth of
the share that all calls may miss.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.stats import Rate
from schema_guard.text import exact_percent, percent

if TYPE_CHECKING:
    from schema_guard.decide.case import Case
    from schema_guard.decide.evidence.changes import ChangeEvidence
    from schema_guard.decide.measure import Measured, Met

_TOO_EARLY = "a weekly pattern can be detected only after two full weeks, from {}"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_MISSED = {"format": "calls failed", "right": "values were wrong", "latency": "calls were too slow"}


class Breach(NamedTuple):
    """A proved problem.

    Attributes:
        strategy: Id of the strategy in production, or `tuned` for a pilot with a good part of the traffic. None for
            excluded calls, which belong to the function.
        what: `format`, `right`, or `latency` is missed; otherwise `rise`, `ungrounded`, or `excluded`.
        n: Calls that the breach is about.
        k: Of these, the calls that miss the limit. A sum of shares if inputs repeat.
        lower: Lower bound of the share. None for `excluded`, which counts all calls, and for `ungrounded`.
        limit: The share that may miss it.
        text: The breach in words, without the strategy.
    """

    strategy: str | None
    what: str
    n: int
    k: float
    lower: float | None
    limit: float
    text: str


LEAST_PART = 0.1
"""A configuration besides the main one has a breach only if it uses up this part of the limit for all calls."""


UNUSUAL = 0.1
"""The usual fraction of calls with an unusually large share of values outside the source."""


def breaches(case: Case) -> list[Breach]:
    """Return the breaches of production, those of the main configuration first."""
    problems = [breach for breach in _proved(case) if _matters(case, breach)]
    unknown = case.unexplained
    if unknown is not None:
        text = f"{unknown.text} (cause unknown)"
        problems.append(Breach(None, "excluded", unknown.of, unknown.calls, None, case.config.target, text))
    return problems


def too_few(case: Case) -> list[Breach]:
    """Return the proved breaches of configurations that have too few calls to matter."""
    return [breach for breach in _proved(case) if not _matters(case, breach)]


def _proved(case: Case) -> list[Breach]:
    """Return the proved breaches of each configuration in use."""
    return [breach for strategy in used(case) for breach in _of_strategy(case, strategy)]


def used(case: Case) -> list[Measured]:
    """Return the strategies in use, and the tuned model of a pilot that is in use."""
    return case.in_production + ([] if case.piloted is None else [case.piloted])


def _matters(case: Case, breach: Breach) -> bool:
    """Return whether a breach is in the main configuration, or in a good part of the share that all calls may miss.

    Without an order of arrival, only configurations with a good part of the calls are in use, and all of them matter.
    """
    configuration = next(one.strategy for one in used(case) if one.strategy.id == breach.strategy)
    main = case.main
    if configuration.arrival is None:
        return True
    if main is not None and configuration is main.strategy:
        return True
    return (configuration.traffic_share or 0.0) * (breach.lower or 0.0) >= LEAST_PART * breach.limit


def _of_strategy(case: Case, measurement: Measured) -> list[Breach]:
    name = measurement.strategy.id
    wrong = [_missed(case, name, one) for one in measurement.met if one.state == "fail"]
    change = open_rise(case, measurement)
    if change is not None:
        lower = _rate_after(case, measurement, change).bounds.lower
        counts = change.since_n, change.since_k
        wrong.append(Breach(name, "rise", *counts, lower, case.config.target, change_text(change)))
    values = measurement.strategy.ungrounded_rise
    if values is not None:
        wrong.append(Breach(name, "ungrounded", values.n, values.above, None, UNUSUAL, values.text))
    return wrong


def _missed(case: Case, name: str, met: Met) -> Breach:
    what, limit, rate, lower = met.name, met.limit, met.rate, met.rate.bounds.lower
    text = missed_target(what, rate.count, rate.n, lower, limit, case.config.alpha)
    return Breach(name, what, rate.n, rate.count, lower, limit, text)


def missed_target(what: str, k: float, n: int, lower: float, limit: float, alpha: float) -> str:
    """Write the rate of a missed target.

    >>> missed_target("format", 30, 900, 0.0167, 0.01, 0.05)
    '3.3% of calls failed (30 of 900; at least 1.6% with 95% confidence). Target: 1%'
    """
    bound = f"at least {percent(lower, -1, limit)}"
    text = failed_text(k, n, bound, alpha=alpha, what=_MISSED[what], target=limit)
    return f"{text}. Target: {exact_percent(limit)}"


def failed_text(
    k: float, n: int, *bounds: str, alpha: float = 0.05, what: str = "calls failed", target: float = 1.0
) -> str:
    """Write the share of calls that failed, with their number and the bounds of the true rate.

    Rounding does not move the share to the target or beyond it.

    >>> failed_text(81, 228, "at least 25%")
    '36% of calls failed (81 of 228; at least 25% with 95% confidence)'
    """
    bound = (
        f"; {' and '.join(bounds)}{', each' if len(bounds) > 1 else ''} with {exact_percent(1 - alpha)} confidence"
        if bounds
        else ""
    )
    return f"{percent(k / n, target=target)} of {what} ({k:,.6g} of {n:,}{bound})"


def open_rise(case: Case, strategy: Measured) -> ChangeEvidence | None:
    """Return a strategy's last change if it is a lasting rise that may leave the rate above the target."""
    change, target = strategy.strategy.change, case.config.target
    if change is None or change.direction != "rise" or not change.is_open:
        return None
    above = change.since_n > 0 and change.since_k / change.since_n > target
    return change if above and _rate_after(case, strategy, change).bounds.upper > target else None


def _rate_after(case: Case, measurement: Measured, change: ChangeEvidence) -> Rate:
    """Return the rate of the calls after an alarm. If failures come in bursts, it differs from the strategy's rate."""
    alpha = case.alpha_each
    return Rate.of(change.k, change.n, alpha=alpha, alpha_lower=alpha / len(measurement.met))


def change_text(change: ChangeEvidence) -> str:
    """Write the change of a rate: its time, its old and new counts, and the other changes at that time."""
    went, when = "rose" if change.direction == "rise" else "fell", _when(change)
    if change.growing_since is not None:
        when += f", or have been growing since {change.growing_since}"
    of = "" if change.part is None else f" of {change.part}"
    text = f"failures{of} {went} {when}, from {change.prior_k:,} of {change.prior_n:,} calls "
    text += f"to {change.since_k:,} of {change.since_n:,}"
    if change.pattern_from is not None and change.direction == "rise" and change.is_open:
        text += f" ({_TOO_EARLY.format(change.pattern_from)})"
    return f"{text}; changed at that time: {', '.join(change.changed)}" if change.changed else text


def undo_text(change: ChangeEvidence | None) -> str:
    """Write the advice on an open rise.

    Before two full weeks, the rise can be a weekly pattern, so there may be nothing to undo.
    """
    if change is None or change.days is None or change.pattern_from is None:
        return "undo the change that was made at that time"
    first, last = (_with_weekday(day).partition(",")[0] for day in change.days)
    when = f"on {first}" if first == last else f"between {first} and {last}"
    return f"failures rose {when}, but {_TOO_EARLY.format(change.pattern_from)}"


def _when(change: ChangeEvidence) -> str:
    """Write when a rate changed, with the days of the week if a weekly pattern is known or may still be detected."""
    if change.days is None:
        return f"between call {change.start:,} and call {change.alarm_at:,}"
    is_weekly = change.direction == "rise" and (change.part or change.pattern_from) is not None
    first, last = (_with_weekday(day) if is_weekly else day for day in change.days)
    return f"on {first}" if first == last else f"between {first} and {last}"


def _with_weekday(day: str) -> str:
    try:
        return f"{_WEEKDAYS[date.fromisoformat(day).weekday()]}, {day}"
    except ValueError:  # evidence from a file can have any text
        return day
