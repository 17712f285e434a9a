# SPDX-License-Identifier: Apache-2.0
"""Evidence from plain JSON, validated against the published schema and checked for contradictions.

Rules: The whole evidence is checked before anything is computed from it. A contradiction is an error that names the
place and the value that the rest of the document requires there. A claim without its reason is not used. It becomes a
note. The key of a field is its name, or the one that `Annotated` has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from inspect import signature
from math import fsum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from schema_guard.decide.evidence.model_availability import with_closing
from schema_guard.decide.evidence.values import CaseEvidence
from schema_guard.decide.playbook import PlaybookStep
from schema_guard.schema import Schema
from schema_guard.text import did_you_mean
from schema_guard.validation.published_schemas import Conflict, judged

if TYPE_CHECKING:
    from collections.abc import Iterator

# The names of a pilot among the strategies.
_TUNED = {"id": "tuned", "rung": "tuned", "tuned": True}


@cache
def evidence_schema() -> Schema[Any]:
    """Return the published schema of evidence."""
    return Schema.of(Path(__file__).with_name("evidence.schema.json"))


def read_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts that complete recorded evidence, without their nulls. No key is required.

    Raises:
        InvalidArgument: The facts don't match the format of evidence.
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
    """Check evidence and return it as frozen values.

    Raises:
        InvalidArgument: It is not what the format asks for, or contradicts itself; the message names the
            place by its JSON Pointer.
    """
    document = _without_nulls(
        judged(evidence, evidence_schema(), "evidence", lambda plain: conflicts(_without_nulls(plain)))
    )
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


def _reasoned(claim: PlaybookStep, notes: list[str]) -> PlaybookStep:
    """Return a claim; a step that is not tried without a reason counts as untested."""
    reason = claim.reason.strip()
    if claim.status in ("not_applicable", "declined") and not reason:
        notes.append(f"{claim.name} is {claim.status} without a reason, so it counts as untested")
        return PlaybookStep(claim.name, "untested")
    return claim._replace(reason=reason)


# Shares are typed by people, as 0.333 for a third.
_SHARE_ROUNDING = 0.0015

# Keys in an object, or in the one around it: a count, its total, and another part of the total.
_PARTS = (
    ("k", "n", ""), ("k_final", "n", ""), ("right", "n", ""), ("asked", "n", ""), ("k", "asked", ""),
    ("b", "n", ""), ("c", "n", "b"), ("worse", "n", ""), ("better", "n", "worse"),
    ("prompt_k", "prompt_n", ""), ("tuned_k", "tuned_n", ""),
    ("n", "since_n", ""), ("since_k", "since_n", ""), ("prior_k", "prior_n", ""), ("whole", "complete", ""),
    ("failures", "calls", ""), ("entries", "failures", ""), ("at_risk", "calls", ""), ("since_outage", "calls", ""),
)  # fmt: skip
# Objects whose n is a part of the n of the object around them.
_OF_OWNER = ("inputs", "right", "latency", "weekly")
# In arrays: the index of a count, and the index of its total.
_ARRAYS = (("schemas/*", 2, 1), ("strategies/*/clusters/*", 1, 0), ("strategies/*/hot/*", 2, 1))
_NAMES = (
    ("strategies", "id"), ("schemas", 0), ("ladder", "rung"), ("segments", "name"), ("pilot/segments", "name"),
)  # fmt: skip
# Counts of failed calls, the counted things, and the fix.
_OF_FAILED = (
    ("failure_kinds", "kinds", ": count the calls without a valid attempt, not attempts"),
    ("failure_codes", "codes", ""),
)
# Two keys about costs that need each other.
_PAIRS = (
    ("economics", "retuning_cost", "retuning_every_months"),
    ("economics/prompt_cost", "batch_share", "batch_price"),
    ("economics/tuned_cost", "batch_share", "batch_price"),
)


def conflicts(document: dict[str, Any]) -> Iterator[Conflict]:
    """Yield the contradictions in evidence that is valid against its schema."""
    yield from _of_question(document)
    yield from _twins(document)
    for location, value, owner in _objects("", document, {}):
        yield from _too_large(location, value, owner)
    for path, index, whole in _ARRAYS:
        for location, _, counts in _places(document, path):
            yield from _larger(f"{location}/{index}", counts[index], "n", counts[whole])
    yield from _unknown_ids(document)
    for location, _, strategy in _places(document, "strategies/*"):
        yield from _of_strategy(location, strategy)
    for path in ("segments", "pilot/segments"):
        yield from _of_shares(document, path)
    yield from _of_pilot(document)
    yield from _of_money(document)


def _places(document: dict[str, Any], path: str) -> list[tuple[str, Any, Any]]:
    """Return the values at a path, each with its place and the object around it."""
    places: list[tuple[str, Any, Any]] = [("", {}, document)]
    for token in path.split("/"):
        places = [
            (f"{location}/{key}", value if isinstance(value, dict) else owner, member)
            for location, owner, value in places
            for key, member in (enumerate(value) if isinstance(value, list) else value.items())
            if token in ("*", key)
        ]
    return places


def _objects(location: str, value: Any, owner: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield a value and all inside of it that are objects, each with its place and the object around it."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict):
        yield location, value, owner
    for key, member in members:
        if isinstance(member, (dict, list)):
            yield from _objects(f"{location}/{key}", member, value if isinstance(value, dict) else owner)


def _too_large(location: str, value: Any, owner: Any) -> Iterator[Conflict]:
    """Yield each part that is larger than its whole."""
    for part, whole, other in _PARTS:
        most = value.get(whole, owner.get(whole))
        if isinstance(value.get(part), (int, float)) and isinstance(most, (int, float)):
            words = f"{whole} - {other}" if other else whole
            yield from _larger(f"{location}/{part}", value[part], words, most - value.get(other, 0))
    if location.rpartition("/")[2] in _OF_OWNER and "n" in value and "n" in owner:
        yield from _larger(f"{location}/n", value["n"], "n", owner["n"])


def _larger(location: str, part: float, words: str, most: float) -> Iterator[Conflict]:
    if part > most:
        yield Conflict(location, f"at most {words} = {int(most)}", part)


def _of_question(document: dict[str, Any]) -> Iterator[Conflict]:
    """Yield a conflict unless the document asks about either strategies or schemas."""
    strategies, schemas = document.get("strategies"), document.get("schemas")
    if strategies and schemas:
        advice = "schemas alone ask which of them fail, so decide twice"
        yield Conflict("", "either 'strategies' or 'schemas'", document, advice)
    if not strategies and not schemas:
        advice = "without a count there is no verdict"
        yield Conflict("", "at least one member in 'strategies' or in 'schemas'", document, advice)
    if "current" in document and not strategies:
        expected = "no current strategy where schemas are asked about"
        yield Conflict("/current", expected, document["current"], "leave the key out")


def _twins(document: dict[str, Any]) -> Iterator[Conflict]:
    """Yield each array member whose name another member already has."""
    for path, key in _NAMES:
        known: set[str] = set()
        for location, _, member in _places(document, f"{path}/*"):
            if member[key] in known:
                expected = f"another {'name' if key == 0 else key} than those before"
                yield Conflict(location, expected, member[key], "rename one of the two")
            known.add(member[key])


def _unknown_ids(document: dict[str, Any]) -> Iterator[Conflict]:
    """Yield each id that no strategy has."""
    ids = [strategy["id"] for strategy in document.get("strategies", ())]
    for path in ("current", "comparisons/*/before", "comparisons/*/after"):
        for location, _, name in _places(document, path):
            if name not in ids:
                yield Conflict(location, f"one of {' '.join(ids)}", name, did_you_mean(name, ids))


def _of_strategy(location: str, strategy: dict[str, Any]) -> Iterator[Conflict]:
    n, k = int(strategy["n"]), int(strategy["k_final"])
    for key, what, advice in _OF_FAILED:
        counts = strategy.get(key, {})
        total = int(sum(counts.values()))
        if total > k:
            expected = f"{what} of the k_final = {k} failed calls"
            yield Conflict(f"{location}/{key}", expected, counts, f"these are {total}{advice}")
    transport = strategy.get("failure_kinds", {}).get("transport")
    if "clusters" in strategy and transport:
        advice = "leave these calls out of n, k_final and clusters"
        yield Conflict(f"{location}/failure_kinds/transport", "none beside clusters", transport, advice)
    yield from _of_attempts(f"{location}/attempts", strategy.get("attempts"), n, k)
    if "clusters" in strategy:
        yield from _of_clusters(f"{location}/clusters", strategy["clusters"], (n, k))


def _of_attempts(location: str, rows: list[list[int]] | None, n: float, k: float) -> Iterator[Conflict]:
    """All calls reach attempt 1, those that failed may reach the next one, and some are never valid."""
    if rows is None:
        return
    if rows[0][0] != n:
        yield Conflict(f"{location}/0/0", f"n = {int(n)}, which all reach attempt 1", rows[0][0])
    for index, (reached, failed) in enumerate(rows):
        if index and reached > rows[index - 1][1]:
            expected = f"at most failed before = {int(rows[index - 1][1])}"
            yield Conflict(f"{location}/{index}/0", expected, reached)
        if failed > reached:
            yield Conflict(f"{location}/{index}/1", f"at most n_j = {int(reached)}", failed)
    least = int(rows[-1][1])
    most = int(sum(failed for _, failed in rows) - sum(reached for reached, _ in rows[1:]))
    if not least <= k <= most:
        expected = f"attempts that leave k_final = {int(k)} calls without a valid one"
        yield Conflict(
            location, expected, rows, f"these leave {least if least == most else f'{least} to {most}'}"
        )


def _of_clusters(location: str, rows: list[list[int]], counted: tuple[int, int]) -> Iterator[Conflict]:
    inputs = [row[2] if len(row) > 2 else 1 for row in rows]
    n, k = (int(sum(row[at] * of for row, of in zip(rows, inputs, strict=True))) for at in (0, 1))
    if (n, k) != counted:
        expected = f"clusters of {counted[0]} calls with {counted[1]} failures in all"
        advice = f"these have {n} with {k}. Pass one pair for each distinct input"
        yield Conflict(location, expected, rows, advice)


def _of_shares(document: dict[str, Any], path: str) -> Iterator[Conflict]:
    for location, _, segments in _places(document, path):
        shares = fsum(segment["share"] for segment in segments)
        if segments and abs(shares - 1) > _SHARE_ROUNDING:
            advice = f"they sum to {shares:g}. Add the segments left out"
            yield Conflict(location, "shares that sum to 1", segments, advice)


def _of_pilot(document: dict[str, Any]) -> Iterator[Conflict]:
    for location, pilot, segments in _places(document, "pilot/segments"):
        tuned_n = int(sum(segment["tuned_n"] for segment in segments))
        if tuned_n > pilot["n"]:
            expected = f"segments of the pilot's n = {int(pilot['n'])} calls"
            yield Conflict(location, expected, segments, f"their tuned_n sum to {tuned_n}")


def _of_money(document: dict[str, Any]) -> Iterator[Conflict]:
    for path, *names in _PAIRS:
        for location, _, owner in _places(document, path):
            missing = [name for name in names if name not in owner]
            if len(missing) == 1:
                advice = f"{' and '.join(names)} need each other"
                yield Conflict(location, f"property {missing[0]!r}", owner, advice)
    for location, _, tuned in _places(document, "economics/tuned"):
        residual = tuned.get("residual")
        if residual is None and "pilot" not in document:
            advice = "add 'residual', the failure rate of the tuned model, which no pilot measures"
            yield Conflict(location, "property 'residual'", tuned, advice)
        if residual and not residual["opt"] <= residual["point"] <= residual["pess"]:
            values = ", ".join(f"{residual[name]:g}" for name in ("opt", "point", "pess"))
            yield Conflict(f"{location}/residual", "opt <= point <= pess", residual, f"they are {values}")
    if "economics" in document and "calls_per_month" not in document:
        advice = "costs are counted by the month"
        yield Conflict("", "property 'calls_per_month' beside 'economics'", document, advice)


class _Field(NamedTuple):
    """The key and the type of a field, and whether it has no default."""

    key: str
    kind: Any
    is_required: bool


def to_json(value: Any) -> Any:
    """Return a value as plain JSON, without the fields that are None."""
    if hasattr(value, "__annotations__"):
        members = ((field.key, getattr(value, name)) for name, field in _fields(value.__class__).items())
        return {key: to_json(member) for key, member in members if member is not None}
    return [to_json(member) for member in value] if isinstance(value, (list, tuple)) else value


def from_json(kind: Any, value: Any) -> Any:
    """Return a value of a type from its JSON. A field without a key has its default, or None."""
    origin, parts = get_origin(kind), get_args(kind)
    if value is None:
        known = None
    elif origin is UnionType:  # of a type and None
        known = from_json(parts[0], value)
    elif origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        known = tuple(map(from_json, kinds, value))
    elif origin is Mapping:
        known = {key: from_json(parts[1], member) for key, member in value.items()}
    elif kind in (int, float):
        known = kind(value)  # JSON does not distinguish 60 from 60.0
    elif kind is not Any and isinstance(value, (list, dict)):
        known = _of_fields(kind, value)
    else:
        known = value
    return known


def _of_fields(kind: Any, value: Any) -> Any:
    fields = _fields(kind)
    if isinstance(value, list):
        value = dict(zip((field.key for field in fields.values()), value, strict=False))
    return kind(
        **{
            name: from_json(field.kind, value.get(field.key))
            for name, field in fields.items()
            if field.is_required or field.key in value
        }
    )


@cache
def _fields(kind: Any) -> dict[str, _Field]:
    hints, parameters = get_type_hints(kind, include_extras=True), signature(kind).parameters
    fields = {}
    for name, hint in hints.items():
        plain, key = get_args(hint) if get_origin(hint) is Annotated else (hint, name)
        fields[name] = _Field(key, plain, parameters[name].default is parameters[name].empty)
    return fields
