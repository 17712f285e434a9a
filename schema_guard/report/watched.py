# SPDX-License-Identifier: Apache-2.0
"""What `watch` says: one line, and how each configuration stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.report.decision.words import missed, share
from schema_guard.report.document import Document, Section, Table, Tone
from schema_guard.report.words import NO_DATA
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.watch import Watched


_TONES: Mapping[str, Tone] = {
    "OK": Tone.GOOD,
    "UNDECIDED": Tone.OPEN,
    "UNKNOWN": Tone.BAD,
    "BREACH": Tone.BAD,
}
_WRONG = {"format": "too many failures", "right": "not right often enough", "latency": "too slow"}


def by_function(watched: Sequence[Watched]) -> list[list[Watched]]:
    """Part what was watched into functions and their schemas: the worst one first, in each as well."""
    found: dict[tuple[str, str], list[Watched]] = {}
    for one in watched:
        found.setdefault((one.schema, one.function), []).append(one)
    return list(found.values())


def document_of(watched: Sequence[Watched], objective: float) -> Document:
    """Give what was watched as a document, whose title says all that a line can.

    Args:
        watched: As `watch` gives them, the worst one first.
        objective: That they were held against.
    """
    if not watched:
        return Document("no data: nothing is recorded")
    worst = watched[0]
    wrong = sum(not one.is_below for one in watched)
    state, said = _state_of_all(watched)
    others = f"; {wrong} of {len(watched)} configurations are wrong" if len(watched) > 1 else ""
    return Document(
        f"{state}: {said}{worst.function} (schema {worst.schema}), {worst.configuration}: {_told(worst, objective)}{others}",
        sections=(
            Section(
                "Configurations",
                "the worst first; all bounds hold together, however often someone looks",
                Table(
                    (
                        "schema",
                        "function",
                        "configuration",
                        "failed",
                        "calls",
                        "rate",
                        "bounds",
                        "excluded",
                        "state",
                    ),
                    tuple(map(_row, watched)),
                    (0, 1, 2, 8),
                ),
            ),
        ),
        tone=_TONES[state],
    )


def _state_of_all(watched: Sequence[Watched]) -> tuple[str, str]:
    """Give one word for all that was watched, and what has to be said before the counts."""
    unknown = next((one.unexplained for one in watched if one.unexplained), None)
    unrated = next((one.traffic.text for one in watched if one.traffic and not one.is_rated), None)
    said = f"{unknown.text}, whose fault is not known; " if unknown else f"{unrated}; " if unrated else ""
    if any(not one.is_below for one in watched):
        return "BREACH", said
    if said:
        return "UNKNOWN", said
    return ("OK" if all(one.state == "pass" for one in watched) else "UNDECIDED"), said


def _told(one: Watched, objective: float) -> str:
    """Say in plain words how a configuration stands."""
    told = []
    for breach in one.breaches:
        if breach.what in _WRONG and breach.lower is not None:
            told.append(missed(breach.what, breach.k, breach.n, breach.lower, breach.limit))
        elif breach.what == "rise" and one.change:
            told.append(one.change)
    if told:
        return "; ".join(told)
    if one.rate is None:
        return "no call had a reply that could be judged"
    failed = f"{one.k:,.6g} of {one.n:,} failed, {percent(one.rate)}"
    if not one.is_rated:
        return f"{failed}, which is no rate of the traffic"
    if one.state == "pass":
        return f"{failed}, proved to be less than {percent(one.upper)}; at most {share(objective)} may"
    return f"{failed}; whether at most {share(objective)} do is not decided yet"


def _row(one: Watched) -> tuple[str, ...]:
    rate = NO_DATA if one.rate is None else percent(one.rate)
    excluded = sum(calls.calls for calls in one.excluded)
    counts = (f"{one.k:g}", f"{one.n:,}", rate, interval(one.lower, one.upper), f"{excluded:,}")
    return (one.schema, one.function, one.configuration, *counts, _state(one))


def _state(one: Watched) -> str:
    if not one.is_rated:
        return "no rate of the traffic"
    told = [_WRONG[breach.what] for breach in one.breaches if breach.what in _WRONG]
    told += [one.change] if one.change and any(breach.what == "rise" for breach in one.breaches) else []
    if told:
        return " and ".join(told)
    return "good enough" if one.state == "pass" else "not decided yet"
