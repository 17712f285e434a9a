# SPDX-License-Identifier: Apache-2.0
"""The lines of a verdict's head about the calls: their function, number, time, inputs, and volume."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from schema_guard.report.decision.words import DAYS_A_MONTH, calls, listed, name_of, time_text
from schema_guard.report.document import Fact
from schema_guard.text import percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Figures = Mapping[str, Any]

# A volume is read from at least so many days and calls.
_FEWEST_DAYS, _FEWEST_CALLS = 2, 100
# Fewer calls without a reply, or a smaller part of the target, do not matter.
_FEWEST_LOST, _PART_OF_TARGET = 5, 0.1
# Calls repeat their inputs if a smaller part of these is distinct.
_FEW_DISTINCT = 1 / 3


def scope_facts(figures: Figures) -> Iterator[Fact]:
    """Yield the function of the calls, their number, and the facts about the traffic."""
    if figures.get("schema"):
        whose = name_of(figures["function"]) if figures.get("function") else "trials"
        models = listed(figures.get("models", ()))
        model = f", model {models}" if models else ""
        yield Fact("function", f"{whose}, schema {name_of(figures['schema'])}{model}")
        yield Fact("calls", _counted(figures))
    elif figures.get("day"):
        yield Fact("decided", f"on {figures['day']}")
    for name, traffic in figures.get("traffic", {}).items():
        yield Fact("traffic", f"{name_of(name)}: {traffic['text']}")


def _counted(figures: Figures) -> str:
    lost_records = sum(figures["lost_records"].values())
    period = figures["period"]
    when = ""
    if period is not None:
        when = f" on {period[0]}" if period[0] == period[1] else f" from {period[0]} to {period[1]}"
    parts = [f"{calls(figures['calls'])}{when}"]
    if figures.get("is_silent"):
        parts.append("none in the week before the store's last call")
    if figures["left_out"]:
        parts.append(f"{calls(figures['left_out'])} not counted")
    parts.append(f"{plural(lost_records, 'lost record')}" if lost_records else "no lost records")
    return ", ".join([*parts, *([f"decided on {figures['day']}"] if figures.get("day") else [])])


def no_reply(figures: Figures) -> Iterator[Fact]:
    """Yield the production calls without a reply, if they are a large enough part of the calls that may fail."""
    rates, uses = figures.get("rates", {}), figures.get("uses", {})
    names = [
        name
        for name, rate in rates.items()
        if rate.get("traffic_share") is not None and uses.get(name, {}).get("use") != "gone"
    ]
    ways: Counter[str] = Counter()
    for way in (way for name in names for way in figures.get("excluded", {}).get(name, ())):
        ways[way["exception"] or way["code"]] += way["calls"]
    lost = ways.total()
    of = lost + sum(figures["counted"]["strategies"][name]["n"] for name in names)
    is_named = any(
        breach["what"] == "excluded" and breach["k"] == lost for breach in figures.get("breach", ())
    )
    if is_named or lost < _FEWEST_LOST or lost <= _PART_OF_TARGET * figures["config"]["target"] * of:
        return
    named = listed([f"{n:,} {way}" if len(ways) > 1 else way for way, n in ways.most_common()])
    yield Fact("no reply", f"{lost:,} of {calls(of)} calls got no reply ({named})")


def inputs(figures: Figures) -> Iterator[Fact]:
    """Yield the number of distinct inputs of each configuration in use, if most calls repeat one."""
    used = [name for name, rate in figures.get("rates", {}).items() if rate.get("traffic_share")]
    for name in used:
        counted = figures["counted"]["strategies"][name]
        inputs = counted.get("inputs")
        if inputs and inputs < _FEW_DISTINCT * counted["n"]:
            whose = f"{name_of(name)}: " if len(used) > 1 else ""
            yield Fact(
                "inputs",
                f"{whose}{plural(counted['n'], 'call')}, {plural(inputs, 'distinct input')}, so one new input that fails adds "
                f"{percent(1 / inputs)}",
            )


def clocks(figures: Figures) -> Iterator[Fact]:
    """Yield how many calls have a time that cannot be right."""
    clocks = figures.get("clocks")
    if clocks is None:
        return
    parts = {
        "in the future": clocks["ahead"],
        "over an hour earlier than the call before it": clocks["behind"],
    }
    named = [(n, text) for text, n in parts.items() if n]
    (first, text), *more = named
    others = "".join(f", and {n:,} {text}" for n, text in more)
    yield Fact(
        "clocks",
        f"{first:,} of the last {plural(clocks['calls'], 'call')} have a time {text}{others}, so the verdict uses the order of arrival",
    )


def volume(figures: Figures) -> Iterator[Fact]:
    """Yield the calls a month of a recorded function, and from which days they are read."""
    volume, days, counted = (figures.get(name) for name in ("calls_per_month", "latest_days", "latest_calls"))
    if volume is None or not figures.get("schema"):
        return
    if days is None:
        yield Fact("volume", f"{calls(volume)} calls per month, as you stated")
        return
    span = time_text(days / DAYS_A_MONTH)
    if days < _FEWEST_DAYS or (counted is not None and counted < _FEWEST_CALLS):
        those = f"the calls of {span}" if counted is None else f"{plural(counted, 'call')} in {span}"
        yield Fact("volume", f"{calls(volume)} calls per month, but {those} are too few for an estimate")
    else:
        yield Fact("volume", f"{calls(volume)} calls per month, if all days are like the latest {span}")
