# SPDX-License-Identifier: Apache-2.0
"""Plain JSON -> evidence: judged by the published schema, then held against itself.

Rules: evidence is checked whole before anything is computed from it; what it says is taken as it stands, what
contradicts itself is an error. A claim without its reason is not taken: it becomes a note.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.traffic import Traffic
from schema_guard.decide.evidence.closings import with_closing
from schema_guard.decide.evidence.conflicts import conflicts
from schema_guard.decide.evidence.money import CallCost, Economics, GpuBill, Three, TokenBill, TrialCost
from schema_guard.decide.evidence.values import (
    KINDS,
    AttemptCounts,
    BurstEvidence,
    CallSeconds,
    CaseEvidence,
    ChangeEvidence,
    Cluster,
    ComparisonCounts,
    Config,
    ContentEvidence,
    Counted,
    DriftEvidence,
    EvidenceSource,
    EvidenceSubject,
    Feasibility,
    FrequentInput,
    FunctionHistory,
    InputShares,
    PairCounts,
    Pilot,
    Right,
    SchemaCount,
    Segment,
    SentSettings,
    StrategyCounts,
)
from schema_guard.decide.exclusions import ExcludedCalls
from schema_guard.decide.playbook import Claim
from schema_guard.schema import Schema
from schema_guard.validation.published import fault, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@cache
def evidence_schema() -> Schema[Any]:
    """Give the published schema of evidence."""
    return Schema.of(Path(__file__).with_name("evidence.schema.json"))


def read_evidence(evidence: Mapping[str, Any]) -> CaseEvidence:
    """Check evidence and give it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    found = _given(judged(evidence, evidence_schema(), "evidence"))
    for wrong in conflicts(found):
        raise fault(
            "evidence",
            wrong.location,
            expected=wrong.expected,
            got=_described(wrong.got),
            advice=wrong.advice,
        )
    notes = list(found.get("notes", ()))
    return CaseEvidence(
        strategies=tuple(map(_strategy, found.get("strategies", ()))),
        playbook=tuple(_claim(claim, notes) for claim in found.get("ladder", ())),
        calls_per_month=float(found["calls_per_month"]) if "calls_per_month" in found else None,
        current=found.get("current"),
        config=_config(found.get("config", {})),
        target_given="target" in found.get("config", {}),
        economics=_economics(found["economics"]) if "economics" in found else None,
        feasibility=with_closing(_feasibility(found.get("feasibility", {})), found.get("day"), notes),
        pilot=_pilot(found["pilot"]) if "pilot" in found else None,
        segments=tuple(map(_segment, found.get("segments", ()))),
        schemas=tuple(SchemaCount(name, int(n), int(k)) for name, n, k in found.get("schemas", ())),
        comparisons=tuple(map(_comparison, found.get("comparisons", ()))),
        latency=CallSeconds(**_floats(found["latency"])) if "latency" in found else None,
        content=Right(**_ints(found["content"])) if "content" in found else None,
        target_history=tuple((day, float(target)) for day, target in found.get("target_history", ())),
        sources=tuple(EvidenceSource(**source) for source in found.get("sources", ())),
        notes=tuple(notes),
        about=_about(found["about"]) if "about" in found else None,
        day=found.get("day"),
    )


def _given(value: Any) -> Any:
    """Leave out the keys that are null."""
    if isinstance(value, dict):
        return {key: _given(member) for key, member in value.items() if member is not None}
    return [_given(member) for member in value] if isinstance(value, list) else value


def _described(value: Any) -> str:
    from schema_guard.validation.violations import describe  # only faults need it

    return describe(value)


def _floats(found: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in found.items()}


def _ints(found: Mapping[str, float]) -> dict[str, int]:
    """Give whole numbers as ints: JSON does not tell 60 from 60.0."""
    return {name: int(value) for name, value in found.items()}


def _strategy(found: dict[str, Any]) -> StrategyCounts:
    kinds = found.get("failure_kinds", {})
    return StrategyCounts(
        id=found["id"],
        step=found["rung"],
        n=int(found["n"]),
        failed=int(found["k_final"]),
        attempts=_attempts(found.get("attempts", ())),
        failure_kinds={kind: int(kinds[kind]) for kind in KINDS if kind in kinds},
        clusters=tuple(_cluster(*row) for row in found.get("clusters", ())),
        drift=_drift(found["drift"]) if "drift" in found else None,
        excluded=tuple(
            ExcludedCalls(one["code"], one.get("exception"), int(one["calls"]))
            for one in found.get("excluded", ())
        ),
        traffic=Traffic(**found["traffic"]) if "traffic" in found else None,
        failure_codes=_ints(found["failure_codes"]) if "failure_codes" in found else None,
        model=found.get("model"),
        is_tuned=found.get("tuned", False),
        traffic_share=float(found["traffic_share"]) if "traffic_share" in found else None,
        prompt_cost=CallCost(**_floats(found["prompt_cost"])) if "prompt_cost" in found else None,
        inputs=_shares(found, "inputs"),
        frequent_inputs=tuple(FrequentInput(name, int(n), int(k)) for name, n, k in found.get("hot", ())),
        change=_change(found["change"]) if "change" in found else None,
        history=FunctionHistory(**_ints(found["history"])) if "history" in found else None,
        bursts=BurstEvidence(**_ints(found["bursts"])) if "bursts" in found else None,
        right=_counted(found, "right"),
        latency=_counted(found, "latency"),
        sent=SentSettings(**found["sent"]) if "sent" in found else None,
        trial=TrialCost(**_floats(found["trial"])) if "trial" in found else None,
        stops_early=found.get("early_stop", False),
    )


def _counted(found: Mapping[str, Any], key: str) -> Counted | None:
    return Counted(int(found[key]["n"]), int(found[key]["k"])) if key in found else None


def _shares(found: Mapping[str, Any], key: str) -> InputShares | None:
    return InputShares(int(found[key]["n"]), float(found[key]["k"])) if key in found else None


def _change(found: dict[str, Any]) -> ChangeEvidence:
    after, since, prior = (
        Counted(int(found[f"{part}n"]), int(found[f"{part}k"])) for part in ("", "since_", "prior_")
    )
    days = found.get("days")
    return ChangeEvidence(
        direction=found["direction"],
        start=int(found["at"]),
        alarm_at=int(found["alarm_at"]),
        after=after,
        since=since,
        prior=prior,
        is_open=found["open"],
        changed=tuple(found.get("with", ())),
        days=(days[0], days[1]) if days else None,
    )


def _about(found: dict[str, Any]) -> EvidenceSubject:
    period = found.get("period")
    return EvidenceSubject(
        function=found.get("function"),
        schema=found["schema"],
        models=tuple(found.get("models", ())),
        period=(period[0], period[1]) if period else None,
        calls=int(found.get("calls", 0)),
        left_out=int(found.get("left_out", 0)),
        lost_records=_ints(found.get("lost_records", {})),
        latest_days=float(found["latest_days"]) if "latest_days" in found else None,
        schemas_of_function=int(found.get("schemas_of_function", 1)),
    )


def _attempts(rows: Iterable[Sequence[float]]) -> tuple[AttemptCounts, ...]:
    return tuple(AttemptCounts(int(reached), int(failed)) for reached, failed in rows)


def _cluster(n: float, k: float, inputs: float = 1) -> Cluster:
    return Cluster(int(n), int(k), int(inputs))


def _drift(found: dict[str, Any]) -> DriftEvidence:
    return DriftEvidence(
        alarm_at=int(found["alarm_at"]),
        post_n=int(found["post_n"]),
        post_failed=int(found["post_k"]),
        post_attempts=_attempts(found.get("post_attempts", ())),
    )


def _claim(found: dict[str, str], notes: list[str]) -> Claim:
    step, status, reason = found["rung"], found["status"], found.get("reason", "").strip()
    if status in ("not_applicable", "declined") and not reason:
        notes.append(f"{step} is {status} without a reason: it counts as untested")
        status = "untested"
    return Claim(step, status, reason)


def _config(found: dict[str, Any]) -> Config:
    numbers: dict[str, Any] = _floats(found)
    if "min_train_examples" in numbers:
        numbers["min_train_examples"] = int(numbers["min_train_examples"])
    return Config(**numbers)


def _economics(found: dict[str, Any]) -> Economics:
    tuned, bills = found["tuned"], tuple(_bills(found["upfront"]))
    return Economics(
        prompt_cost=CallCost(**_floats(found["prompt_cost"])),
        tuned_cost=CallCost(**_floats(found["tuned_cost"])),
        failure_cost=float(found["failure_cost"]),
        tuned_hazards=tuple(map(float, tuned["hazards"])),
        tuned_residual=Three(**_floats(tuned["residual"])) if "residual" in tuned else None,
        upfront=_floats({name: part for name, part in found["upfront"].items() if not isinstance(part, dict)})
        | {bill.name: bill.dollars for bill in bills},
        hosting_per_month=float(found["hosting_per_month"]),
        refresh_per_month=float(found["refresh_per_month"]),
        latency_cost_per_s=float(found.get("latency_cost_per_s", 0)),
        bills=bills,
    )


def _bills(upfront: Mapping[str, Any]) -> Iterator[TokenBill | GpuBill]:
    """Give the parts of what is paid once that say how they come about."""
    for name, part in upfront.items():
        if isinstance(part, dict):
            amounts = _floats(part)
            yield GpuBill(name, **amounts) if "gpu_hours" in amounts else TokenBill(name, **amounts)


def _feasibility(found: dict[str, Any]) -> Feasibility:
    examples, months = found.get("train_examples"), found.get("months_to_shutdown")
    return Feasibility(
        train_examples=None if examples is None else int(examples),
        new_jobs_allowed=found.get("new_jobs_allowed"),
        months_to_shutdown=None if months is None else float(months),
        base_model=found.get("base_model"),
    )


def _pilot(found: dict[str, Any]) -> Pilot:
    return Pilot(
        n=int(found["n"]),
        failed=int(found["k_final"]),
        paired=PairCounts(**_ints(found["paired"])) if "paired" in found else None,
        traffic_share=None if found.get("traffic_share") is None else float(found["traffic_share"]),
        segments=tuple(map(_piloted_segment, found.get("segments", ()))),
        content=ContentEvidence(**_ints(found["content"])) if "content" in found else None,
        right=_counted(found, "right"),
        latency=_counted(found, "latency"),
    )


def _segment(found: dict[str, Any]) -> Segment:
    return Segment(found["name"], float(found["share"]), int(found["n"]), int(found["k"]))


def _piloted_segment(found: dict[str, Any]) -> Segment:
    counts = (int(found[name]) for name in ("prompt_n", "prompt_k", "tuned_n", "tuned_k"))
    return Segment(found["name"], float(found["share"]), *counts)


def _comparison(found: dict[str, Any]) -> ComparisonCounts:
    counts = {name: int(found[name]) for name in ("n", "b", "c")}
    return ComparisonCounts(found["before"], found["after"], **counts)
