# SPDX-License-Identifier: Apache-2.0
"""Plain JSON -> evidence: judged by the published schema, then held against itself.

Rules: evidence is checked whole before anything is computed from it; what it says is taken as it stands, what
contradicts itself is an error. A claim without its reason is not taken: it becomes a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.traffic import Traffic
from schema_guard.decide.evidence.changes import ChangeEvidence, Counted, WeeklyEvidence
from schema_guard.decide.evidence.conflicts import conflicts
from schema_guard.decide.evidence.model_availability import NEXT_LIFE_MONTHS, Feasibility, with_closing
from schema_guard.decide.evidence.money import CallCost, Economics, GpuBill, Three, TokenBill, TrialCost
from schema_guard.decide.evidence.subject import EvidenceSource, EvidenceSubject
from schema_guard.decide.evidence.values import (
    KINDS,
    AttemptCounts,
    BehindRouter,
    BurstEvidence,
    CallSeconds,
    CaseEvidence,
    Cluster,
    ComparisonCounts,
    Config,
    ContentEvidence,
    DriftEvidence,
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
from schema_guard.decide.failing_places import FailingPlace
from schema_guard.decide.in_use import Absence, Arrival
from schema_guard.decide.playbook import Claim
from schema_guard.schema import Schema
from schema_guard.validation.published_schemas import fault, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@cache
def evidence_schema() -> Schema[Any]:
    """Return the published schema of evidence."""
    return Schema.of(Path(__file__).with_name("evidence.schema.json"))


def read_evidence(evidence: Mapping[str, Any]) -> CaseEvidence:
    """Check evidence and give it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    document = _without_nulls(judged(evidence, evidence_schema(), "evidence"))
    for wrong in conflicts(document):
        raise fault(
            "evidence",
            wrong.location,
            expected=wrong.expected,
            got=_described(wrong.got),
            advice=wrong.advice,
        )
    notes = list(document.get("notes", ()))
    given = _feasibility(document.get("feasibility", {}))
    feasibility, only_active_tuners = with_closing(given, document.get("day"), notes)
    return CaseEvidence(
        strategies=tuple(map(_strategy, document.get("strategies", ()))),
        playbook=tuple(_claim(claim, notes) for claim in document.get("ladder", ())),
        calls_per_month=float(document["calls_per_month"]) if "calls_per_month" in document else None,
        current=document.get("current"),
        config=_config(with_budget(document.get("config", {}), document.get("latency"))),
        is_users_target="target" in document.get("config", {}),
        economics=_economics(document["economics"]) if "economics" in document else None,
        feasibility=feasibility,
        pilot=_pilot(document["pilot"]) if "pilot" in document else None,
        segments=tuple(map(_segment, document.get("segments", ()))),
        schemas=tuple(SchemaCount(name, int(n), int(k)) for name, n, k in document.get("schemas", ())),
        comparisons=tuple(map(_comparison, document.get("comparisons", ()))),
        latency=CallSeconds(**_floats(document["latency"])) if "latency" in document else None,
        content=Right(**_ints(document["content"])) if "content" in document else None,
        target_history=tuple((day, float(target)) for day, target in document.get("target_history", ())),
        sources=tuple(EvidenceSource(**source) for source in document.get("sources", ())),
        notes=tuple(notes),
        about=_read_about(document["about"]) if "about" in document else None,
        day=document.get("day"),
        options={
            name: tuple(value) if isinstance(value, list) else (value,)
            for name, value in document.get("options", {}).items()
        },
        n_functions=int(document.get("n_functions", 1)),
        priority=document.get("priority"),
        target_sources=document.get("target_sources", {}),
        only_active_tuners=only_active_tuners,
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


def _described(value: Any) -> str:
    from schema_guard.validation.violations import describe  # only faults need it

    return describe(value)


def _floats(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items()}


def _ints(counts: Mapping[str, float]) -> dict[str, int]:
    """Give whole numbers as ints: JSON does not tell 60 from 60.0."""
    return {name: int(value) for name, value in counts.items()}


def _strategy(strategy: dict[str, Any]) -> StrategyCounts:
    kinds = strategy.get("failure_kinds", {})
    return StrategyCounts(
        id=strategy["id"],
        step=strategy["rung"],
        n=int(strategy["n"]),
        failed=int(strategy["k_final"]),
        attempts=_attempts(strategy.get("attempts", ())),
        failure_kinds={kind: int(kinds[kind]) for kind in KINDS if kind in kinds},
        clusters=tuple(_cluster(*row) for row in strategy.get("clusters", ())),
        drift=_drift(strategy["drift"]) if "drift" in strategy else None,
        excluded=tuple(
            ExcludedCalls(outcome["code"], outcome.get("exception"), int(outcome["calls"]))
            for outcome in strategy.get("excluded", ())
        ),
        traffic=Traffic(**strategy["traffic"]) if "traffic" in strategy else None,
        failure_codes=_ints(strategy["failure_codes"]) if "failure_codes" in strategy else None,
        model=strategy.get("model"),
        is_tuned=strategy.get("tuned", False),
        traffic_share=float(strategy["traffic_share"]) if "traffic_share" in strategy else None,
        arrival=_arrival(strategy),
        prompt_cost=CallCost(**_floats(strategy["prompt_cost"])) if "prompt_cost" in strategy else None,
        inputs=_shares(strategy, "inputs"),
        frequent_inputs=tuple(FrequentInput(name, int(n), int(k)) for name, n, k in strategy.get("hot", ())),
        change=_change(strategy["change"]) if "change" in strategy else None,
        history=FunctionHistory(**_ints(strategy["history"])) if "history" in strategy else None,
        bursts=BurstEvidence(**_ints(strategy["bursts"])) if "bursts" in strategy else None,
        weekly=WeeklyEvidence.of(strategy["weekly"]) if "weekly" in strategy else None,
        right=_counted(strategy, "right"),
        latency=_counted(strategy, "latency"),
        sent=SentSettings(**strategy["sent"]) if "sent" in strategy else None,
        guard=strategy.get("guard") or None,
        trial=TrialCost(**_floats(strategy["trial"])) if "trial" in strategy else None,
        stops_early=strategy.get("early_stop", False),
        fails_at=tuple(
            FailingPlace(one.get("place"), one["code"], int(one["k"]), int(one["n"]))
            for one in strategy.get("fails_at", ())
        ),
        behind=BehindRouter(**_ints(strategy["behind"])) if "behind" in strategy else None,
    )


def _arrival(record: Mapping[str, Any]) -> Arrival | None:
    if "arrival" not in record:
        return None
    said = record["arrival"]
    hours = said.get("hours")
    return Arrival(
        Absence(int(said["absent"]), int(said["longest_absence"])),
        said.get("last_day"),
        (int(hours[0]), int(hours[1])) if hours else None,
    )


def _counted(record: Mapping[str, Any], key: str) -> Counted | None:
    return Counted(int(record[key]["n"]), int(record[key]["k"])) if key in record else None


def _shares(strategy: Mapping[str, Any], key: str) -> InputShares | None:
    return InputShares(int(strategy[key]["n"]), float(strategy[key]["k"])) if key in strategy else None


def _change(change: dict[str, Any]) -> ChangeEvidence:
    after, since, prior = (
        Counted(int(change[f"{part}n"]), int(change[f"{part}k"])) for part in ("", "since_", "prior_")
    )
    days = change.get("days")
    return ChangeEvidence(
        direction=change["direction"],
        start=int(change["at"]),
        alarm_at=int(change["alarm_at"]),
        after=after,
        since=since,
        prior=prior,
        is_open=change["open"],
        changed=tuple(change.get("with", ())),
        days=(days[0], days[1]) if days else None,
        first_failed=change.get("first_failed"),
        part=change.get("part"),
        pattern_from=change.get("pattern_from"),
        growing_since=change.get("growing_since"),
    )


def _read_about(about: dict[str, Any]) -> EvidenceSubject:
    period = about.get("period")
    return EvidenceSubject(
        function=about.get("function"),
        schema=about["schema"],
        models=tuple(about.get("models", ())),
        period=(period[0], period[1]) if period else None,
        calls=int(about.get("calls", 0)),
        left_out=int(about.get("left_out", 0)),
        lost_records=_ints(about.get("lost_records", {})),
        latest_days=float(about["latest_days"]) if "latest_days" in about else None,
        latest_calls=int(about["latest_calls"]) if "latest_calls" in about else None,
        schemas_of_function=int(about.get("schemas_of_function", 1)),
        schema_fingerprint=about.get("schema_fingerprint"),
        texts=int(about["texts"]) if "texts" in about else None,
        storing=about.get("storing"),
        clocks=_ints(about["clocks"]) if "clocks" in about else None,
    )


def _attempts(rows: Iterable[Sequence[float]]) -> tuple[AttemptCounts, ...]:
    return tuple(AttemptCounts(int(reached), int(failed)) for reached, failed in rows)


def _cluster(n: float, k: float, inputs: float = 1) -> Cluster:
    return Cluster(int(n), int(k), int(inputs))


def _drift(drift: dict[str, Any]) -> DriftEvidence:
    return DriftEvidence(
        alarm_at=int(drift["alarm_at"]),
        post_n=int(drift["post_n"]),
        post_failed=int(drift["post_k"]),
        post_attempts=_attempts(drift.get("post_attempts", ())),
    )


def _claim(claim: dict[str, str], notes: list[str]) -> Claim:
    step, status, reason = claim["rung"], claim["status"], claim.get("reason", "").strip()
    if status in ("not_applicable", "declined") and not reason:
        notes.append(f"{step} is {status} without a reason: it counts as untested")
        status = "untested"
    return Claim(step, status, reason)


def _config(config: dict[str, Any]) -> Config:
    texts = {name: value for name, value in config.items() if name == "time_zone"}
    numbers: dict[str, Any] = _floats({name: value for name, value in config.items() if name not in texts})
    if "min_train_examples" in numbers:
        numbers["min_train_examples"] = int(numbers["min_train_examples"])
    return Config(**numbers, **texts)


def _economics(economics: dict[str, Any]) -> Economics:
    tuned, bills = economics["tuned"], tuple(_bills(economics["upfront"]))
    return Economics(
        prompt_cost=CallCost(**_floats(economics["prompt_cost"])),
        tuned_cost=CallCost(**_floats(economics["tuned_cost"])),
        failure_cost=float(economics["failure_cost"]),
        tuned_hazards=tuple(map(float, tuned["hazards"])),
        tuned_residual=Three(**_floats(tuned["residual"])) if "residual" in tuned else None,
        upfront=_floats(
            {name: part for name, part in economics["upfront"].items() if not isinstance(part, dict)}
        )
        | {bill.name: bill.dollars for bill in bills},
        hosting_per_month=float(economics["hosting_per_month"]),
        refresh_per_month=float(economics["refresh_per_month"]),
        latency_cost_per_s=float(economics.get("latency_cost_per_s", 0)),
        bills=bills,
        **_floats({name: economics[name] for name in _OPTIONAL_COSTS if name in economics}),
    )


_OPTIONAL_COSTS = ("hosting_per_call", "retuning_cost", "retuning_every_months", "next_tuning")


def _bills(upfront: Mapping[str, Any]) -> Iterator[TokenBill | GpuBill]:
    """Give the parts of what is paid once that say how they come about."""
    for name, part in upfront.items():
        if isinstance(part, dict):
            amounts = _floats(part)
            yield GpuBill(name, **amounts) if "gpu_hours" in amounts else TokenBill(name, **amounts)


def _feasibility(feasibility: dict[str, Any]) -> Feasibility:
    examples, months = feasibility.get("train_examples"), feasibility.get("months_to_shutdown")
    return Feasibility(
        train_examples=None if examples is None else int(examples),
        new_jobs_allowed=feasibility.get("new_jobs_allowed"),
        months_to_shutdown=None if months is None else float(months),
        base_model=feasibility.get("base_model"),
        active_tuner=feasibility.get("active_tuner"),
        next_life_months=float(feasibility.get("next_life_months", NEXT_LIFE_MONTHS)),
    )


def _pilot(pilot: dict[str, Any]) -> Pilot:
    return Pilot(
        n=int(pilot["n"]),
        failed=int(pilot["k_final"]),
        paired=PairCounts(**_ints(pilot["paired"])) if "paired" in pilot else None,
        traffic_share=None if pilot.get("traffic_share") is None else float(pilot["traffic_share"]),
        arrival=_arrival(pilot),
        segments=tuple(map(_piloted_segment, pilot.get("segments", ()))),
        content=ContentEvidence(**_ints(pilot["content"])) if "content" in pilot else None,
        right=_counted(pilot, "right"),
        latency=_counted(pilot, "latency"),
    )


def _segment(segment: dict[str, Any]) -> Segment:
    return Segment(segment["name"], float(segment["share"]), int(segment["n"]), int(segment["k"]))


def _piloted_segment(segment: dict[str, Any]) -> Segment:
    counts = (int(segment[name]) for name in ("prompt_n", "prompt_k", "tuned_n", "tuned_k"))
    return Segment(segment["name"], float(segment["share"]), *counts)


def _comparison(comparison: dict[str, Any]) -> ComparisonCounts:
    counts = {name: int(comparison[name]) for name in ("n", "b", "c")}
    return ComparisonCounts(comparison["before"], comparison["after"], **counts)
