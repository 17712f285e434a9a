# SPDX-License-Identifier: Apache-2.0
"""The use of each configuration in production, in words: main, canary, only at night, or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.breaches import Breach, too_few
from schema_guard.decide.in_use import Arrival, rounded_up
from schema_guard.text import percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.case import Case

STOP = "it has too few calls to matter, but stop it anyway"

# A configuration beside the main one with a larger part of the calls is no canary.
_CANARY = 0.25
_NIGHT = (18, 8)
_DOES = {"format": "fails", "right": "is not right", "latency": "is too slow", "rise": "now fails"}


def uses_of(case: Case) -> dict[str, dict[str, Any]]:
    """Return, for each configuration with a known arrival, its `use` (`main`, `beside`, or `gone`), also in words."""
    few, main = too_few(case), case.main
    uses: dict[str, dict[str, Any]] = {}
    for one in [*case.strategies, *([] if case.tuned is None else [case.tuned])]:
        name, configuration = one.strategy.id, one.strategy
        arrival = configuration.arrival
        if arrival is None:
            continue
        share = configuration.traffic_share or 0.0
        if configuration.is_gone:
            since = "" if arrival.last_day is None else f" since {arrival.last_day}"
            text = f"not used{since} (last used {plural(arrival.absent, 'call')} ago)"
            uses[name] = {"use": "gone", "text": text}
        elif main is not None and main.strategy is configuration:
            uses[name] = {"use": "main", "text": f"main: {_share_text(share)}"}
        else:
            own = [breach for breach in few if breach.strategy == name]
            kind = _kind(arrival, share, case.config.time_zone)
            low, high = percent(one.failed.bounds.lower, -1), percent(one.failed.bounds.upper, 1)
            rate = f", failure rate {low} to {high}" if one.failed.n else ""
            text = f"{kind}: {_share_text(share)}{rate}"
            uses[name] = {"use": "beside", "text": _few_text(share, own) if own else text}
    return uses


def functions_figures(case: Case) -> dict[str, Any]:
    """Return the number of functions that share alpha, or nothing for one function."""
    functions, priority = rounded_up(case.evidence.n_functions), case.evidence.priority
    if functions == 1:
        return {}
    return {"n_functions": functions} | ({} if priority is None else {"priority": priority})


def _few_text(share: float, proved: Sequence[Breach]) -> str:
    """Write the proved facts about a configuration with few calls, as the end of a sentence after its name."""
    known = [
        f"{_DOES[breach.what]} in {percent(breach.lower, -1)} of them or more"
        for breach in proved
        if breach.lower is not None
    ]
    return f"has {_share_text(share)} and {' and '.join(known)}; {STOP}"


def _kind(arrival: Arrival, share: float, zone: str) -> str:
    if arrival.hours is not None:
        first, last = arrival.hours
        length, offset = (last - first) % 24, (first - _NIGHT[0]) % 24
        if offset + length <= (_NIGHT[1] - _NIGHT[0]) % 24:
            return "nights only"
        return f"only from {first}:00 to {last}:00 {zone}"
    return "canary" if share < _CANARY else "also in use"


def _share_text(share: float) -> str:
    return f"{percent(share)} of the calls" if share < 1 else "all of the latest calls"
