# SPDX-License-Identifier: Apache-2.0
"""The findings about each function of a store, and the sentence that begins the page of a report.

Rules: A function misses its target if `decide` proves it, so that report and verdict never contradict each other. A target
is known if the store has one. Without it, only a rise and calls of unknown cause are called bad.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather_each
from schema_guard.report.document import Tone
from schema_guard.report.trends import short_day
from schema_guard.text import clip, exact_percent, percent, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records import Store

# The tone of each standing, the worst first.
_TONES = {"misses": Tone.BAD, "needs more data for": Tone.OPEN, "meets": Tone.GOOD, "": Tone.PLAIN}
# Other breaches in words. None means the words of the verdict.
_OTHERS = {
    "excluded": None,
    "right": "too many wrong values",
    "latency": "too many slow calls",
    "ungrounded": "more values outside the source",
}
_MOST_NAMED = 2
_NAME_SIZE = 50


class FunctionFinding(NamedTuple):
    """The verdict on a function, with its target.

    Attributes:
        figures: The figures of its verdict, from `Verdict.as_dict`.
        changes: Direction of each change of its rate, and its time.
    """

    figures: Mapping[str, Any]
    changes: tuple[tuple[str, int], ...]

    @property
    def target(self) -> float | None:
        """The share of its calls that may fail. None if the store has no target."""
        return self.figures["config"]["target"] if self.figures.get("target_sources") else None

    @property
    def rate(self) -> Mapping[str, Any]:
        """The failure rate of its `strategy`."""
        rates: Mapping[str, Mapping[str, Any]] = self.figures["rates"]
        return rates.get(self.strategy) or next(iter(rates.values()))

    @property
    def strategy(self) -> str:
        """The strategy in use whose rate is shown: the main one, unless only another one is proved to fail too often."""
        rates, current = self.figures["rates"], str(self.figures["counted"]["current"])
        wrong = [one["strategy"] for one in self.figures["breach"] if one["what"] in ("format", "rise")]
        wrong = [name for name in wrong if name in rates]
        return current if current in wrong or not wrong else max(wrong, key=lambda name: rates[name]["lower"])

    @property
    def calls(self) -> str:
        """The number of calls of its rate, with their strategy if the function has several."""
        several = sum(rate.get("traffic_share") is not None for rate in self.figures["rates"].values()) > 1
        return plural(self.rate["n"], "call") + (
            f" with {clip(self.strategy, _NAME_SIZE)}" if several else ""
        )

    @property
    def standing(self) -> str:
        """The proof of `decide`: `misses`, `meets`, or `needs more data for` the target; `""` without a target."""
        if self.target is None:
            return ""
        if any(breach["what"] == "format" for breach in self.figures["breach"]):
            return "misses"
        is_good = self.rate["state"] == "pass" and "unexplained" not in self.figures
        return "meets" if is_good else "needs more data for"

    @property
    def others(self) -> list[str]:
        """The other breaches, in words."""
        breaches = [one for one in self.figures["breach"] if one["what"] in _OTHERS]
        return list(dict.fromkeys(_OTHERS[one["what"]] or one["text"] for one in breaches))

    @property
    def rise(self) -> Mapping[str, Any] | None:
        """The last change of its rate, if that is a rise that lasts. Otherwise None."""
        change = self.figures.get("change", {}).get(self.strategy)
        return change if change and change["direction"] == "rise" and change["open"] else None

    @property
    def risen(self) -> str:
        """When its rate rose, in words; `""` if it did not."""
        days = self.rise and self.rise["days"]
        if not days:
            return "got worse" if self.rise else ""
        first, last = map(date.fromisoformat, days)
        end = str(last.day) if first.month == last.month else short_day(last)
        return f"got worse {f'on {short_day(first)}' if first == last else f'between {short_day(first)} and {end}'}"

    @property
    def tone(self) -> Tone:
        """The color of its status."""
        return Tone.BAD if self.rise or self.others else _TONES[self.standing]

    @property
    def status(self) -> str:
        """Its status in words."""
        against = f"{self.standing} {_goal([self])}" if self.standing else ""
        return ", ".join(part for part in (against, self.risen, *self.others) if part) or "no target is set"


def findings_of(store: Store, **which: Any) -> list[FunctionFinding]:
    """Return the findings about each function. *which* selects calls, as `gather_each` takes it."""
    return [
        FunctionFinding(decide(one.evidence).as_dict(), one.changes)
        for one in gather_each(store, **which, may_be_empty=True)
        if one.function is not None
    ]


def headline_of(failures: str, findings: Sequence[FunctionFinding]) -> tuple[str, Tone]:
    """Return the findings in one sentence, and their tone. *failures* stands for the targets if no target is known."""
    named = list(zip(short_names([one.figures["function"] for one in findings]), findings, strict=True))
    rises = [f"{name} {one.risen}" for name, one in named if one.rise]
    if len(rises) > _MOST_NAMED:
        rises = [f"{len(rises)} functions got worse"]
    others = [f"{name}: {text}" for name, one in named for text in one.others]
    if len(others) > _MOST_NAMED:
        others = [f"{sum(bool(one.others) for one in findings)} functions have other problems"]
    aimed = [one for one in findings if one.standing]
    if not aimed:
        # The first lines of a report have the calls of unknown cause.
        others = [text for text in others if text.partition(": ")[2] not in failures]
    first = _against_targets(named, aimed) if aimed else failures
    tones = {one.tone for one in findings} or {Tone.PLAIN}
    return "; ".join([first, *rises, *others]), next(tone for tone in _TONES.values() if tone in tones)


def _against_targets(named: Sequence[tuple[str, FunctionFinding]], aimed: Sequence[FunctionFinding]) -> str:
    goal, standings = _goal(aimed), [one.standing for one in aimed]
    missing, meeting = standings.count("misses"), standings.count("meets")
    if len(aimed) == 1:
        name = next(name for name, one in named if one.standing)
        rate, calls = aimed[0].rate, aimed[0].calls
        failed = f"{percent(rate['rate'], target=aimed[0].target or 1.0)} of {calls} failed"
        return f"{name} {standings[0]} {goal}: {failed if rate['n'] else 'no call has a validated reply'}"
    of = plural(len(aimed), "function") + ("" if len(aimed) == len(named) else " with a target")
    if missing:
        return f"{missing} of {of} {'misses' if missing == 1 else 'miss'} {goal}"
    if meeting == len(aimed):
        return f"All {of} meet {goal}"
    if not meeting:
        return f"{of} need more data for {goal}"
    return f"{meeting} of {of} {'meets' if meeting == 1 else 'meet'} {goal}; the others need more data"


def _goal(aimed: Sequence[FunctionFinding]) -> str:
    targets = {one.target for one in aimed if one.target is not None}
    return f"the {exact_percent(min(targets))} target" if len(targets) == 1 else "their targets"


def short_names(functions: Sequence[str]) -> list[str]:
    """Return the last part of each name, if no other function has the same one.

    >>> short_names(["crm.enrich_contact", "shop.extract", "desk.extract"])
    ['enrich_contact', 'shop.extract', 'desk.extract']
    """
    ends = [function.rpartition(".")[2] for function in functions]
    return [
        clip(end if end and ends.count(end) == 1 else function, _NAME_SIZE)
        for function, end in zip(functions, ends, strict=True)
    ]
