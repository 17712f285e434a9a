# SPDX-License-Identifier: Apache-2.0
"""Calls of a router: those that the prompt answered in place of a tuned model, and shadows, made beside the answer.

Rules: A call of the user is one call. If the tuned model gives no valid value, the router sends the call to the prompt,
whose result is the result of the call. The strategy in use is the tuned model with the prompt behind it. The prompt's
own rate is that of the inputs that it received first, because the others were selected for being hard. Shadows are
trials. They are calls of the pilot and no traffic.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.early_stop import stops_early
from schema_guard.configuration.recorded_settings import again_of
from schema_guard.decide.recorded.configurations import (
    Problem,
    RecordedConfiguration,
    in_place_of,
    is_trial,
    trial_of,
)
from schema_guard.decide.recorded.strategies import failures_of, places_of
from schema_guard.records.counts.tallies import together
from schema_guard.text import clip, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records import ConfigurationCounts

_SHADOW = "shadow:route"

# Facts about single inputs are those of the tuned model alone.
_OF_INPUTS = ("clusters", "inputs", "hot")


def split_fallbacks(problem: Problem) -> tuple[Problem, tuple[ConfigurationCounts, ...]]:
    """Split off the calls that a router sent to the prompt after the tuned model had given no value."""
    again = tuple(
        row
        for row in problem.rows
        if (marker := again_of(row.settings)) is not None and marker.why == "fallback"
    )
    if not again:
        return problem, ()
    return problem._replace(rows=tuple(row for row in problem.rows if row not in again)), again


def with_fallback_prompt(
    configuration: RecordedConfiguration, again: Sequence[ConfigurationCounts]
) -> RecordedConfiguration:
    """Return a tuned model with the calls that the prompt answered in its place, and with the name of that prompt."""
    is_answered = configuration.step == "tuned" and not is_trial(configuration.first)
    own = in_place_of(configuration.rows, again) if is_answered else ()
    if not own:
        return configuration
    behind = ", ".join(sorted({row.strategies for row in own}))
    return replace(configuration, id=f"{configuration.id}, else {behind}", again=own)


def with_fallback(
    said: dict[str, Any], configuration: RecordedConfiguration, notes: list[str]
) -> dict[str, Any]:
    """Return the evidence of a tuned model with the prompt as its fallback.

    Args:
        said: Evidence of the tuned model, without its fallback.
        configuration: The tuned model.
        notes: Receives the result of the fallback.
    """
    again = configuration.again
    if not any(row.calls for row in again):
        return said
    counts = together(again)
    calls, unhandled = counts.calls, counts.failed
    own = said["k_final"]
    k = own - (calls - unhandled)
    notes.append(
        f"{clip(said['id'])}: the tuned model gave no valid value in {own} of {plural(said['n'], 'call')}. The prompt "
        f"then replied to {calls} of these calls, and {unhandled} of its replies failed, so {k} calls failed in total"
    )
    if k == 0 and calls == own:
        # Without failures, there are no bursts, and no failures since a change.
        said = {key: part for key, part in said.items() if key not in ("change", "bursts", "weekly")}
    if k < 0 or "change" in said or "bursts" in said or "parts" in said.get("weekly", {}):
        # Counts since a change, or in bursts, are those of the tuned model alone.
        notes.append(f"{clip(said['id'])}: the failure rate doesn't include the fallback prompt")
        return said
    evidence = {key: part for key, part in said.items() if key not in _OF_INPUTS}
    evidence["k_final"] = k
    evidence["behind"] = {"n": own, "asked": calls, "k": unhandled}
    evidence["fails_at"] = places_of(again)
    if calls < own:
        # Some calls were not sent to the prompt, and the kind of their failure is unknown.
        evidence.pop("attempts", None)
        return evidence | {"failure_kinds": {}, "failure_codes": {}}
    if "attempts" in evidence:
        evidence["attempts"] = [*evidence["attempts"], *map(list, counts.attempts)]
    evidence.pop("early_stop", None)
    if any(stops_early(row.settings) for row in again):
        evidence["early_stop"] = True
    return evidence | failures_of(counts)


def answered_for(
    pilot: dict[str, Any] | None,
    tuned: Sequence[RecordedConfiguration],
    again: Sequence[ConfigurationCounts],
    notes: list[str],
) -> dict[str, Any] | None:
    """Return a pilot's evidence without its share of the traffic, if the prompt answers in its place.

    Callers don't see the failures of such a pilot.
    """
    own = in_place_of((row for one in tuned for row in one.rows), again)
    if pilot is None or not own:
        return pilot
    calls, unhandled = sum(row.calls for row in own), sum(row.failed for row in own)
    notes.append(
        f"pilot: the tuned model gave no valid value in {plural(calls, 'call')} of the traffic. The prompt then replied, and "
        f"{unhandled} of its replies failed. The failure rate of the pilot counts only the tuned model"
    )
    return {key: part for key, part in pilot.items() if key not in ("traffic_share", "arrival")}


def joined_pilots(
    tuned: Sequence[RecordedConfiguration], used: RecordedConfiguration | None, notes: list[str]
) -> list[RecordedConfiguration]:
    """Join the shadows of a tuned model with its own calls, because both are drawn from the inputs that it is for.

    Args:
        tuned: Tuned models that are not in use.
        used: The tuned model that is in use. None if there is none.
        notes: Receive the calls that are left out.
    """
    shadows = [one for one in tuned if trial_of(one.first).name == _SHADOW]
    joined = [one for one in tuned if one not in shadows]
    for shadow in shadows:
        if used is not None and _same(shadow, used):
            notes.append(
                f"{plural(shadow.n, 'shadow call')} of the tuned model in use are not counted, because its own calls count"
            )
            continue
        own = [one for one in joined if _same(one, shadow)]
        joined = [one for one in joined if one not in own]
        # The shadow is first because the prompt received the same inputs.
        rows = (*shadow.rows, *(row for one in own for row in one.rows))
        share = sum(one.share for one in own)
        joined.append(replace(own[0] if own else shadow, id=shadow.id, rows=rows, share=share))
    return joined


def _same(one: RecordedConfiguration, other: RecordedConfiguration) -> bool:
    named = [(row.model, row.strategies, row.settings, row.version) for row in (one.first, other.first)]
    return named[0] == named[1]
