# SPDX-License-Identifier: Apache-2.0
"""The document of `watch`: one line for each function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.decide.breaches import failed_text
from schema_guard.report.document import Document, Tone
from schema_guard.text import exact_percent, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.watch import Watched


_TONES: Mapping[str, Tone] = {
    "OK": Tone.GOOD,
    "UNDECIDED": Tone.OPEN,
    "UNKNOWN": Tone.BAD,
    "BREACH": Tone.BAD,
}


def by_function(watched: Sequence[Watched]) -> list[list[Watched]]:
    """Return the configurations of each function and schema, the worst first."""
    groups: dict[tuple[str, str], list[Watched]] = {}
    for entry in watched:
        groups.setdefault((entry.schema, entry.function), []).append(entry)
    return list(groups.values())


def document_of(watched: Sequence[Watched], objective: float) -> Document:
    """Return watched configurations as a document, whose title is the result in one line.

    Args:
        watched: From `watch`, the worst one first.
        objective: The largest failure rate that is good enough.
    """
    if not watched:
        return Document("no data, because no call is recorded")
    worst = watched[0]
    if worst.is_silent:
        return Document(
            f"NO CALLS: {worst.function} (schema {worst.schema}) was last called on {worst.last_call}"
        )
    wrong = sum(not entry.is_below for entry in watched)
    state, caveat = _state_of_all(watched)
    parts = [
        f"{worst.function} (schema {worst.schema}), {worst.configuration}: {_state_text(worst, objective)}"
    ]
    # A failure rate that is too high comes first.
    parts.insert(1 if state == "BREACH" else 0, caveat)
    if len(watched) > 1:
        parts.append(f"Configurations with a problem: {wrong} of {len(watched)}")
    parts += [f"{one.configuration} {one.usage}" for one in watched[1:] if one.usage.startswith("has ")][:1]
    if worst.n_functions > 1 and worst.is_rated:
        parts.append(
            f"With this confidence, the bounds of up to {worst.n_functions} functions are all correct"
        )
    if worst.pattern:
        parts.append(f"{worst.configuration} has a weekly pattern: {worst.pattern}")
    return Document(f"{state}: {'. '.join(filter(None, parts))}", tone=_TONES[state])


def _state_of_all(watched: Sequence[Watched]) -> tuple[str, str]:
    """Return one word for all configurations, and the caveat of their counts."""
    unknown = next((entry.unexplained for entry in watched if entry.unexplained), None)
    unrated = next((entry.traffic.text for entry in watched if entry.traffic and not entry.is_rated), None)
    caveat = f"{unknown.text} (cause unknown)" if unknown else unrated or ""
    if any(not entry.is_below for entry in watched):
        return "BREACH", caveat
    if caveat:
        return "UNKNOWN", caveat
    judged = [entry for entry in watched if entry.can_matter] or watched
    return ("OK" if all(entry.state == "pass" for entry in judged) else "UNDECIDED"), caveat


def _state_text(entry: Watched, objective: float) -> str:
    """Return the state of a configuration as text."""
    if entry.breaches:
        faults = [breach.text for breach in entry.breaches]
        return "; ".join([*faults, *([] if entry.is_main else [entry.usage])])
    if entry.rate is None:
        return "no call has a reply that can be validated"
    bounds = (
        [f"at most {percent(entry.upper, 1, objective)}"] if entry.state == "pass" and entry.is_rated else []
    )
    failed = failed_text(entry.k, entry.n, *bounds)
    if not entry.is_rated:
        return failed
    if not entry.is_main and entry.state == "fail":
        return f"{failed}. It {entry.usage}" if entry.usage.startswith("has ") else f"{failed}, {entry.usage}"
    target = f"{failed}. Target: {exact_percent(objective)}"
    return target if entry.state == "pass" else f"{target}. There are too few calls to tell"
