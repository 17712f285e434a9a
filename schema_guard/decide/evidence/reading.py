# SPDX-License-Identifier: Apache-2.0
"""Plain JSON -> evidence: judged by the published schema, then held against itself.

Rules: evidence is checked whole before anything is computed from it; what it says is taken as it stands, what
contradicts itself is an error. A claim without its reason is not taken: it becomes a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from schema_guard.decide.evidence.conflicts import conflicts
from schema_guard.decide.evidence.model_availability import with_closing
from schema_guard.decide.evidence.plain import from_json
from schema_guard.decide.evidence.values import CaseEvidence
from schema_guard.decide.playbook import Claim
from schema_guard.schema import Schema
from schema_guard.validation.published_schemas import Conflict, judged

# How a pilot is named among the strategies.
_TUNED = {"id": "tuned", "rung": "tuned", "tuned": True}


@cache
def evidence_schema() -> Schema[Any]:
    """Return the published schema of evidence."""
    return Schema.of(Path(__file__).with_name("evidence.schema.json"))


def read_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts that complete recorded evidence, without their nulls. No key is required.

    Raises:
        InvalidArgument: They are not what the format of evidence asks for.
    """
    known: dict[str, Any] = _without_nulls(judged(facts, _facts_schema(), "evidence"))
    return known


@cache
def _facts_schema() -> Schema[Any]:
    return Schema.of(_optional(evidence_schema().document), name="evidence")


def _optional(schema: Any) -> Any:
    """Return a schema in which no key is required."""
    if isinstance(schema, dict):
        return {key: _optional(part) for key, part in schema.items() if key != "required"}
    return list(map(_optional, schema)) if isinstance(schema, list) else schema


def read_evidence(evidence: Mapping[str, Any]) -> CaseEvidence:
    """Check evidence and give it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    document = _without_nulls(judged(evidence, evidence_schema(), "evidence", _contradictions))
    for strategy in document.get("strategies", ()):
        if "lower" in strategy.get("right", ()):
            strategy["right_bound"] = strategy.pop("right")
    notes = list(document.get("notes", ()))
    config = with_budget(document.get("config", {}), document.get("latency"))
    options = document.get("options", {})
    read: CaseEvidence = from_json(
        CaseEvidence,
        {
            **document,
            "config": config,
            "is_users_target": "target" in document.get("config", {}),
            "pilot": document.get("pilot") and {**_TUNED, **document["pilot"]},
            "segments": [
                {**one, "prompt_n": one["n"], "prompt_k": one["k"]} for one in document.get("segments", ())
            ],
            "options": {
                name: value if isinstance(value, list) else [value] for name, value in options.items()
            },
        },
    )
    feasibility, only_active_tuners = with_closing(read.feasibility, read.day, notes)
    return replace(
        read,
        playbook=tuple(_reasoned(claim, notes) for claim in read.playbook),
        feasibility=feasibility,
        only_active_tuners=only_active_tuners,
        notes=tuple(notes),
    )


def with_budget(config: Any, latency: Any) -> Any:
    """Return the config with the budget of seconds as the limit of 95% of the calls, unless it has a limit."""
    budget_s = latency.get("budget_s") if isinstance(latency, Mapping) else None
    if not isinstance(config, Mapping) or "latency_p95_s" in config or not budget_s:
        return config
    return {**config, "latency_p95_s": budget_s}


def _without_nulls(value: Any) -> Any:
    """Leave out the keys that are null."""
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _contradictions(plain: Any) -> Iterator[Conflict]:
    return conflicts(_without_nulls(plain))


def _reasoned(claim: Claim, notes: list[str]) -> Claim:
    """Return a claim; a step that is not tried without a reason counts as untested."""
    reason = claim.reason.strip()
    if claim.status in ("not_applicable", "declined") and not reason:
        notes.append(f"{claim.step} is {claim.status} without a reason, so it counts as untested")
        return Claim(claim.step, "untested", reason)
    return claim._replace(reason=reason)
