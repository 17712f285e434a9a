# SPDX-License-Identifier: Apache-2.0
"""Where each rung of the ladder stands, by what is recorded and declared."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schema_guard.decide.ladder import RAISE_OUTPUT, RUNGS, STRICT
from schema_guard.decide.recorded.configurations import rung_of, settings_of
from schema_guard.values import UNMENDED_BY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration


def claims_of(
    configurations: Sequence[RecordedConfiguration],
    best: RecordedConfiguration,
    declared: Iterable[Any],
    given: Any,
) -> list[dict[str, Any]]:
    """Say where each rung stands: tested by the records, declared, ruled out by a fact, else untested."""
    claimed = given if isinstance(given, list) else []
    named = {claim.get("rung") for claim in claimed if isinstance(claim, Mapping)}
    tested = {rung for configuration in configurations for rung in _tested(configuration)}
    ruled_out = {found.rung: (found.status, f"{found.reason} ({_day(found.at)})") for found in declared}
    for rung, reason in _facts(best, tested):
        ruled_out.setdefault(rung, ("not_applicable", reason))
    claims = []
    for rung in RUNGS:
        if rung in named:
            continue
        if rung in tested:
            claims.append({"rung": rung, "status": "tested"})
        elif rung in ruled_out:
            status, reason = ruled_out[rung]
            claims.append({"rung": rung, "status": status, "reason": reason})
        else:
            claims.append({"rung": rung, "status": "untested"})
    return [*claimed, *claims]


def _tested(configuration: RecordedConfiguration) -> set[str]:
    """Give the rungs on which a configuration stands."""
    settings = settings_of(configuration.first)
    rungs = {rung_of(name) for name in configuration.first.strategies.split(">")} & set(RUNGS)
    rungs |= {configuration.rung} & set(RUNGS)
    if settings.get("repair") in ("lossless", "lossy"):
        rungs.add("lenient_parse")
    if settings.get("max_attempts", 1) > 1:
        rungs.add("repair_retry")
    if (settings.get("budget") or {}).get("max_output_tokens"):
        rungs.add(RAISE_OUTPUT)
    return rungs


def _facts(best: RecordedConfiguration, tested: set[str]) -> Iterable[tuple[str, str]]:
    """Give the rungs that the records rule out, and why."""
    truncated = sum(row.failure_kinds.get("truncation", 0) for row in best.rows)
    unmended = sum(
        calls for row in best.rows for _, code, calls in row.unhandled_failures if code in UNMENDED_BY_LIMIT
    )
    if best.unhandled and not truncated:
        yield RAISE_OUTPUT, f"0 of {best.unhandled} unhandled calls of {best.id} are truncation"
    elif unmended and 2 * (truncated - unmended) < best.unhandled:
        told = f"only {truncated - unmended} of {best.unhandled} unhandled calls of {best.id} were too long"
        yield RAISE_OUTPUT, f"{told}: {unmended} ran away or were spent on reasoning"
    if STRICT in tested:
        yield "json_mode", "strict_schema was tried, which holds more than JSON mode"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
