# SPDX-License-Identifier: Apache-2.0
"""What `watch` says: one line, and how each configuration stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.decide.explanation.uses import STOP
from schema_guard.report.decision.words import missed, share
from schema_guard.report.document import Document, Section, Table, Tone
from schema_guard.report.words import NO_DATA, excluded_cell
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
    groups: dict[tuple[str, str], list[Watched]] = {}
    for entry in watched:
        groups.setdefault((entry.schema, entry.function), []).append(entry)
    return list(groups.values())


def document_of(watched: Sequence[Watched], objective: float) -> Document:
    """Give what was watched as a document, whose title says all that a line can.

    Args:
        watched: As `watch` gives them, the worst one first.
        objective: That they were held against.
    """
    if not watched:
        return Document("no data: nothing is recorded")
    worst = watched[0]
    pattern = f"; {worst.configuration} follows the week: {worst.pattern}" if worst.pattern else ""
    wrong = sum(not entry.is_below for entry in watched)
    state, caveat = _state_of_all(watched)
    others = f"; {wrong} of {len(watched)} configurations are wrong" if len(watched) > 1 else ""
    few = next((entry for entry in watched[1:] if entry.usage.startswith("has ")), None)
    if few is not None:
        others += f"; {few.configuration} {few.usage}"
    if worst.n_functions > 1:
        others += f"; bounds for {worst.n_functions} functions"
    of_worst = f"{worst.function} (schema {worst.schema}), {worst.configuration}: {_state_text(worst, objective)}{others}{pattern}"
    # A rate that is proved too high goes first.
    parts = [of_worst, caveat] if state == "BREACH" else [caveat, of_worst]
    return Document(
        f"{state}: {'; '.join(filter(None, parts))}",
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
    unknown = next((entry.unexplained for entry in watched if entry.unexplained), None)
    unrated = next((entry.traffic.text for entry in watched if entry.traffic and not entry.is_rated), None)
    caveat = f"{unknown.text}, whose fault is not known" if unknown else unrated or ""
    if any(not entry.is_below for entry in watched):
        return "BREACH", caveat
    if caveat:
        return "UNKNOWN", caveat
    judged = [entry for entry in watched if entry.can_matter] or watched
    return ("OK" if all(entry.state == "pass" for entry in judged) else "UNDECIDED"), caveat


def _state_text(entry: Watched, objective: float) -> str:
    """Say in plain words how a configuration stands."""
    faults = _fault_texts(entry)
    if faults:
        return "; ".join([*faults, *([] if entry.is_main else [entry.usage])])
    if entry.rate is None:
        return "no call had a reply that could be judged"
    failed = f"{entry.k:,.6g} of {entry.n:,} calls failed ({percent(entry.rate)})"
    if not entry.is_rated:
        return f"{failed}, which is no rate of the traffic"
    if not entry.is_main and entry.state == "fail":
        return f"{failed}; it {entry.usage}" if entry.usage.startswith("has ") else f"{failed}; {entry.usage}"
    if entry.state == "pass":
        return f"{failed}, proved below {percent(entry.upper)}; the limit is {share(objective)}"
    return f"{failed}; the limit is {share(objective)}, and more calls are needed to decide"


def _fault_texts(entry: Watched) -> list[str]:
    faults = []
    for breach in entry.breaches:
        if breach.what in _WRONG and breach.lower is not None:
            faults.append(missed(breach.what, breach.k, breach.n, breach.lower, breach.limit))
        elif breach.what == "rise" and entry.change:
            faults.append(entry.change)
    return faults


def _row(entry: Watched) -> tuple[str, ...]:
    rate = NO_DATA if entry.rate is None else percent(entry.rate)
    bounds = interval(entry.lower, entry.upper)
    counts = (f"{entry.k:g}", f"{entry.n:,}", rate, bounds, excluded_cell(entry.excluded))
    return (entry.schema, entry.function, entry.configuration, *counts, _state(entry))


def _state(entry: Watched) -> str:
    if not entry.is_rated:
        return "no rate of the traffic"
    faults = [_WRONG[breach.what] for breach in entry.breaches if breach.what in _WRONG]
    faults += (
        [entry.change] if entry.change and any(breach.what == "rise" for breach in entry.breaches) else []
    )
    if faults:
        return " and ".join(faults)
    if entry.state == "fail":
        return STOP
    return "good enough" if entry.state == "pass" else "not decided yet"
