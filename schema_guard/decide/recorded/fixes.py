# SPDX-License-Identifier: Apache-2.0
"""Where each step of the playbook stands, by what is recorded and declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.playbook import DECISION, RAISE_OUTPUT, STEPS, STRICT
from schema_guard.decide.recorded.configurations import RecordedConfiguration, settings_of, step_of
from schema_guard.decide.recorded.decision_models import decision_facts
from schema_guard.decide.recorded.weeks import day_of
from schema_guard.values import NOT_FIXED_BY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records import Store
    from schema_guard.records.declarations import D


def claims_of(
    configurations: Sequence[RecordedConfiguration],
    best: RecordedConfiguration,
    function: str | None,
    given: list[dict[str, Any]],
    config: Mapping[str, Any],
    store: Store,
) -> list[dict[str, Any]]:
    """Return the status of each step: tested by the records, declared, ruled out by a fact, otherwise untested.

    Args:
        configurations: The configurations.
        best: The configuration with the failures to fix.
        function: The function of the declared steps.
        given: Claims of the user, which go first.
        config: The targets.
        store: The store.
    """
    declared = holding(store.declared_steps(best.first.schema_fingerprint, function=function), function)
    facts = decision_facts(store, best, config.get("target", 0.01))
    named = {claim["rung"] for claim in given if "rung" in claim}
    tested = {step for one in configurations for step in _tested(one)}
    ruled_out = {
        declaration.step: (declaration.status, f"{declaration.reason} ({day_of(declaration.at)})")
        for declaration in declared
    }
    for step, reason in (*_facts(best, tested), *facts.items()):
        ruled_out.setdefault(step, ("not_applicable", reason))
    claims = []
    for step in STEPS:
        if step in named:
            continue
        if step in tested:
            claims.append({"rung": step, "status": "tested"})
        elif step in ruled_out:
            status, reason = ruled_out[step]
            claims.append({"rung": step, "status": status, "reason": reason})
        else:
            claims.append({"rung": step, "status": "untested"})
    return [*given, *claims]


def holding(declared: Sequence[D], function: str | None) -> list[D]:
    """Return the declarations of a function. Without one, return those without a function."""
    return [one for one in declared if function is not None or one.function is None]


def _tested(configuration: RecordedConfiguration) -> set[str]:
    """Give the steps on which a configuration stands."""
    if configuration.step == DECISION:
        # Its text model writes a part of the value, and the verdict knows whether its values were compared.
        return set()
    settings = settings_of(configuration.first)
    steps = {step_of(name) for name in configuration.first.strategies.split(">")} & set(STEPS)
    steps |= {configuration.step} & set(STEPS)
    if settings.get("repair") in ("lossless", "lossy"):
        steps.add("lenient_parse")
    if settings.get("max_attempts", 1) > 1:
        steps.add("repair_retry")
    if (settings.get("limits") or {}).get("max_output_tokens"):
        steps.add(RAISE_OUTPUT)
    return steps


def _facts(best: RecordedConfiguration, tested: set[str]) -> Iterable[tuple[str, str]]:
    """Yield the steps that the records rule out, and why."""
    truncated = best.counts.failure_kinds.get("truncation", 0)
    not_fixed = sum(calls for _, code, calls in best.counts.final_failures if code in NOT_FIXED_BY_LIMIT)
    if best.failed and not truncated:
        yield RAISE_OUTPUT, f"none of the {best.failed} failed calls of {best.id} was cut off"
    elif not_fixed and 2 * (truncated - not_fixed) < best.failed:
        reason = f"only {truncated - not_fixed} of the {best.failed} failed calls of {best.id} were too long"
        yield RAISE_OUTPUT, f"{reason}; {not_fixed} repeated themselves or used all tokens for reasoning"
    if STRICT in tested:
        yield "json_mode", "strict_schema was tested, which enforces more than JSON mode"
