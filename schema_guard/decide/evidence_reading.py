# SPDX-License-Identifier: Apache-2.0
"""Plain JSON -> evidence: judged by the published schema, then held against itself.

Rules: evidence is checked whole before anything is computed from it; what it says is taken as it stands, what
contradicts itself is an error. A claim without its reason is not taken: it becomes a note.
"""

from __future__ import annotations

from functools import cache
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.core.schema import Schema
from schema_guard.core.validation.published import fault, judged
from schema_guard.decide.evidence import (
    KINDS,
    AttemptCounts,
    CallCost,
    CallSeconds,
    Cluster,
    ComparisonCounts,
    Config,
    ContentEvidence,
    DriftEvidence,
    Economics,
    Evidence,
    EvidenceSource,
    Feasibility,
    PairCounts,
    Pilot,
    Right,
    SchemaCount,
    Segment,
    StrategyCounts,
    Three,
)
from schema_guard.decide.ladder import Claim
from schema_guard.decide.outside import OutsideCalls
from schema_guard.text import did_you_mean
from schema_guard.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# Shares are typed by people, as 0.333 for a third.
_SHARE_ROUNDING = 0.0015


class _Contradiction(NamedTuple):
    """What a schema cannot say: a place that does not fit to others of the same document."""

    location: str
    expected: str
    got: Any
    advice: str = ""


@cache
def evidence_schema() -> Schema[Any]:
    """Give the published schema of evidence."""
    return Schema.of(Path(__file__).with_name("evidence.schema.json"))


def read_evidence(evidence: Mapping[str, Any]) -> Evidence:
    """Check evidence and give it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    found = _given(judged(evidence, evidence_schema(), "evidence"))
    for wrong in _contradictions(found):
        raise fault(
            "evidence",
            wrong.location,
            expected=wrong.expected,
            got=_described(wrong.got),
            advice=wrong.advice,
        )
    notes = list(found.get("notes", ()))
    return Evidence(
        strategies=tuple(map(_strategy, found.get("strategies", ()))),
        ladder=tuple(_claim(claim, notes) for claim in found.get("ladder", ())),
        calls_per_month=float(found["calls_per_month"]) if "calls_per_month" in found else None,
        current=found.get("current"),
        config=_config(found.get("config", {})),
        target_given="target" in found.get("config", {}),
        economics=_economics(found["economics"]) if "economics" in found else None,
        feasibility=_feasibility(found.get("feasibility", {})),
        pilot=_pilot(found["pilot"]) if "pilot" in found else None,
        segments=tuple(map(_segment, found.get("segments", ()))),
        schemas=tuple(SchemaCount(name, int(n), int(k)) for name, n, k in found.get("schemas", ())),
        comparisons=tuple(map(_comparison, found.get("comparisons", ()))),
        latency=CallSeconds(**_floats(found["latency"])) if "latency" in found else None,
        content=Right(**_ints(found["content"])) if "content" in found else None,
        target_history=tuple((day, float(target)) for day, target in found.get("target_history", ())),
        sources=tuple(EvidenceSource(**source) for source in found.get("sources", ())),
        notes=tuple(notes),
    )


def _given(value: Any) -> Any:
    """Leave out the keys that are null."""
    if isinstance(value, dict):
        return {key: _given(member) for key, member in value.items() if member is not None}
    return [_given(member) for member in value] if isinstance(value, list) else value


def _described(value: Any) -> str:
    from schema_guard.core.validation.violations import describe  # only faults need it

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
        rung=found["rung"],
        n=int(found["n"]),
        unhandled=int(found["k_final"]),
        attempts=_attempts(found.get("attempts", ())),
        failure_kinds={kind: int(kinds[kind]) for kind in KINDS if kind in kinds},
        clusters=tuple(_cluster(*row) for row in found.get("clusters", ())),
        drift=_drift(found["drift"]) if "drift" in found else None,
        outside=tuple(
            OutsideCalls(one["code"], one.get("exception"), int(one["calls"]))
            for one in found.get("outside", ())
        ),
        traffic=Traffic(**found["traffic"]) if "traffic" in found else None,
    )


def _attempts(rows: Iterable[Sequence[float]]) -> tuple[AttemptCounts, ...]:
    return tuple(AttemptCounts(int(reached), int(failed)) for reached, failed in rows)


def _cluster(n: float, k: float, inputs: float = 1) -> Cluster:
    return Cluster(int(n), int(k), int(inputs))


def _drift(found: dict[str, Any]) -> DriftEvidence:
    return DriftEvidence(
        alarm_at=int(found["alarm_at"]),
        post_n=int(found["post_n"]),
        post_unhandled=int(found["post_k"]),
        post_attempts=_attempts(found.get("post_attempts", ())),
    )


def _claim(found: dict[str, str], notes: list[str]) -> Claim:
    rung, status, reason = found["rung"], found["status"], found.get("reason", "").strip()
    if status in ("not_applicable", "declined") and not reason:
        notes.append(f"{rung} is {status} without a reason: it counts as untested")
        status = "untested"
    return Claim(rung, status, reason)


def _config(found: dict[str, Any]) -> Config:
    numbers: dict[str, Any] = _floats(found)
    if "min_train_examples" in numbers:
        numbers["min_train_examples"] = int(numbers["min_train_examples"])
    return Config(**numbers)


def _economics(found: dict[str, Any]) -> Economics:
    tuned = found["tuned"]
    return Economics(
        prompt_cost=CallCost(**_floats(found["prompt_cost"])),
        tuned_cost=CallCost(**_floats(found["tuned_cost"])),
        failure_cost=float(found["failure_cost"]),
        tuned_hazards=tuple(map(float, tuned["hazards"])),
        tuned_residual=Three(**_floats(tuned["residual"])) if "residual" in tuned else None,
        upfront=_floats(found["upfront"]),
        hosting_per_month=float(found["hosting_per_month"]),
        refresh_per_month=float(found["refresh_per_month"]),
        latency_cost_per_s=float(found.get("latency_cost_per_s", 0)),
    )


def _feasibility(found: dict[str, Any]) -> Feasibility:
    examples, months = found.get("train_examples"), found.get("months_to_shutdown")
    return Feasibility(
        train_examples=None if examples is None else int(examples),
        new_jobs_allowed=found.get("new_jobs_allowed"),
        months_to_shutdown=None if months is None else float(months),
    )


def _pilot(found: dict[str, Any]) -> Pilot:
    return Pilot(
        n=int(found["n"]),
        unhandled=int(found["k_final"]),
        paired=PairCounts(**_ints(found["paired"])) if "paired" in found else None,
        segments=tuple(map(_piloted_segment, found.get("segments", ()))),
        content=ContentEvidence(**_ints(found["content"])) if "content" in found else None,
    )


def _segment(found: dict[str, Any]) -> Segment:
    return Segment(found["name"], float(found["share"]), int(found["n"]), int(found["k"]))


def _piloted_segment(found: dict[str, Any]) -> Segment:
    counts = (int(found[name]) for name in ("prompt_n", "prompt_k", "tuned_n", "tuned_k"))
    return Segment(found["name"], float(found["share"]), *counts)


def _comparison(found: dict[str, Any]) -> ComparisonCounts:
    counts = {name: int(found[name]) for name in ("n", "b", "c")}
    return ComparisonCounts(found["before"], found["after"], **counts)


def _contradictions(found: dict[str, Any]) -> Iterator[_Contradiction]:
    yield from _of_question(found)
    ids = [strategy["id"] for strategy in found.get("strategies", ())]
    yield from _twins("/strategies", "id", ids)
    yield from _twins("/schemas", "name", [name for name, _, _ in found.get("schemas", ())])
    yield from _twins("/ladder", "rung", [claim["rung"] for claim in found.get("ladder", ())])
    for location, strategy in _members(found, "strategies"):
        yield from _of_strategy(location, strategy)
    for location, schema in _members(found, "schemas"):
        yield from _too_many(location, schema, 2, schema[1], "n")
    for location, comparison in _members(found, "comparisons"):
        yield from _of_two(location, comparison, "b", "c")
    yield from _unknown_ids(found, ids)
    yield from _of_segments("/segments", found.get("segments", []), ("n", "k"))
    yield from _of_pilot(found)
    yield from _of_economics(found)
    if "content" in found:
        yield from _too_many("/content", found["content"], "right", found["content"]["n"], "n")


def _members(found: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Give the members of an array of the document with their places."""
    return ((f"/{key}/{index}", member) for index, member in enumerate(found.get(key, ())))


def _of_question(found: dict[str, Any]) -> Iterator[_Contradiction]:
    """Either strategies are asked about, or schemas."""
    if found.get("strategies") and found.get("schemas"):
        yield _Contradiction(
            "",
            "either 'strategies' or 'schemas'",
            found,
            "schemas alone ask which of them fail; decide twice",
        )
    if not found.get("strategies") and not found.get("schemas"):
        yield _Contradiction(
            "",
            "at least one member in 'strategies' or in 'schemas'",
            found,
            "without a count there is no verdict",
        )
    if "current" in found and not found.get("strategies"):
        yield _Contradiction(
            "/current",
            "no current strategy where schemas are asked about",
            found["current"],
            "leave the key out",
        )


def _too_many(location: str, counts: Any, key: str | int, most: float, of: str) -> Iterator[_Contradiction]:
    """A part is larger than the whole."""
    if counts[key] > most:
        yield _Contradiction(f"{location}/{key}", f"at most {of} = {int(most)}", counts[key])


def _of_two(location: str, counts: dict[str, Any], one: str, other: str) -> Iterator[_Contradiction]:
    """Two parts of n that have nothing in common."""
    n = counts["n"]
    yield from _too_many(location, counts, one, n, "n")
    yield from _too_many(location, counts, other, n - counts[one], f"n - {one}")


def _twins(location: str, key: str, names: Iterable[str]) -> Iterator[_Contradiction]:
    """Two members of an array have one name."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield _Contradiction(
                f"{location}/{index}", f"another {key} than those before", name, "rename one of the two"
            )
        seen.add(name)


def _unknown_ids(found: dict[str, Any], ids: Sequence[str]) -> Iterator[_Contradiction]:
    """An id is none of the strategies'."""
    named = {"/current": found["current"]} if "current" in found else {}
    for location, comparison in _members(found, "comparisons"):
        named |= {f"{location}/{name}": comparison[name] for name in ("before", "after")}
    for location, name in named.items():
        if name not in ids:
            advice = did_you_mean(name, ids).removeprefix(", ")
            yield _Contradiction(location, f"one of {' '.join(ids)}", name, advice)


def _of_strategy(location: str, found: dict[str, Any]) -> Iterator[_Contradiction]:
    n, k = found["n"], found["k_final"]
    yield from _too_many(location, found, "k_final", n, "n")
    if "drift" in found:
        yield from _of_drift(f"{location}/drift", found["drift"], n, k)
    if "failure_kinds" in found:
        yield from _of_kinds(location, found)
    if "attempts" in found:
        yield from _of_attempts(f"{location}/attempts", found["attempts"], n, k)
    if "clusters" in found:
        after = found.get("drift", {})
        counted = after.get("post_n", n), after.get("post_k", k)
        yield from _of_clusters(f"{location}/clusters", found["clusters"], *counted)


def _of_kinds(location: str, found: dict[str, Any]) -> Iterator[_Contradiction]:
    kinds, k = found["failure_kinds"], int(found["k_final"])
    total = int(sum(kinds.values()))
    if total > k:
        yield _Contradiction(
            f"{location}/failure_kinds",
            f"kinds of the k_final = {k} unhandled calls",
            kinds,
            f"these are {total}: count the calls without a valid attempt, not attempts",
        )
    if "clusters" in found and kinds.get("transport"):
        yield _Contradiction(
            f"{location}/failure_kinds/transport",
            "none beside clusters",
            kinds["transport"],
            "leave these calls out of n, k_final and clusters",
        )


def _of_attempts(location: str, rows: list[list[float]], n: float, k: float) -> Iterator[_Contradiction]:
    """All calls reach attempt 1, those that failed may reach the next one, and some are never valid."""
    if rows[0][0] != n:
        yield _Contradiction(f"{location}/0/0", f"n = {int(n)}, which all reach attempt 1", rows[0][0])
    for index, row in enumerate(rows):
        if index:
            yield from _too_many(f"{location}/{index}", row, 0, rows[index - 1][1], "failed before")
        yield from _too_many(f"{location}/{index}", row, 1, row[0], "n_j")
    least = int(rows[-1][1])
    most = int(sum(failed for _, failed in rows) - sum(reached for reached, _ in rows[1:]))
    if not least <= k <= most:
        yield _Contradiction(
            location,
            f"attempts that leave k_final = {int(k)} calls without a valid one",
            rows,
            f"these leave {least if least == most else f'{least} to {most}'}",
        )


def _of_clusters(location: str, rows: list[list[float]], n: float, k: float) -> Iterator[_Contradiction]:
    for index, row in enumerate(rows):
        yield from _too_many(f"{location}/{index}", row, 1, row[0], "n")
    clusters = [_cluster(*row) for row in rows]
    sums = tuple(sum(cluster.inputs * cluster[column] for cluster in clusters) for column in (0, 1))
    if sums != (n, k):
        yield _Contradiction(
            location,
            f"clusters of {int(n)} calls with {int(k)} failures in all",
            rows,
            f"these have {sums[0]} with {sums[1]}: give one pair for each distinct input",
        )


def _of_drift(location: str, found: dict[str, Any], n: float, k: float) -> Iterator[_Contradiction]:
    yield from _too_many(location, found, "post_n", n, "n")
    most = min(found["post_n"], k)
    yield from _too_many(location, found, "post_k", most, "the smaller of post_n and k_final")
    yield from _too_many(location, found, "alarm_at", n, "n")
    if "post_attempts" in found:
        yield from _of_attempts(
            f"{location}/post_attempts", found["post_attempts"], found["post_n"], found["post_k"]
        )


def _of_economics(found: dict[str, Any]) -> Iterator[_Contradiction]:
    if "economics" not in found:
        return
    tuned = found["economics"]["tuned"]
    if "residual" not in tuned and "pilot" not in found:
        yield _Contradiction(
            "/economics/tuned",
            "property 'residual'",
            tuned,
            "add 'residual', the unhandled rate of the tuned model, which no pilot measures",
        )
    residual = tuned.get("residual")
    if residual and not residual["opt"] <= residual["point"] <= residual["pess"]:
        told = ", ".join(f"{residual[name]:g}" for name in ("opt", "point", "pess"))
        yield _Contradiction(
            "/economics/tuned/residual", "opt <= point <= pess", residual, f"they are {told}"
        )
    if "calls_per_month" not in found:
        yield _Contradiction(
            "", "property 'calls_per_month' beside 'economics'", found, "costs are counted by the month"
        )


def _of_pilot(document: dict[str, Any]) -> Iterator[_Contradiction]:
    if "pilot" not in document:
        return
    found = document["pilot"]
    yield from _too_many("/pilot", found, "k_final", found["n"], "n")
    if "paired" in found:
        yield from _of_two("/pilot/paired", {**found["paired"], "n": found["n"]}, "b", "c")
    if "content" in found:
        yield from _of_two("/pilot/content", found["content"], "worse", "better")
    segments = found.get("segments", [])
    yield from _of_segments("/pilot/segments", segments, ("prompt_n", "prompt_k"), ("tuned_n", "tuned_k"))
    tuned_n = int(sum(segment["tuned_n"] for segment in segments))
    if tuned_n > found["n"]:
        yield _Contradiction(
            "/pilot/segments",
            f"segments of the pilot's n = {int(found['n'])} calls",
            segments,
            f"their tuned_n sum to {tuned_n}",
        )


def _of_segments(
    location: str, found: list[dict[str, Any]], *counts: tuple[str, str]
) -> Iterator[_Contradiction]:
    for index, segment in enumerate(found):
        for n, k in counts:
            yield from _too_many(f"{location}/{index}", segment, k, segment[n], n)
    yield from _twins(location, "name", [segment["name"] for segment in found])
    shares = fsum(segment["share"] for segment in found)
    if found and abs(shares - 1) > _SHARE_ROUNDING:
        yield _Contradiction(
            location, "shares that sum to 1", found, f"they sum to {shares:g}: add the segments left out"
        )
