# SPDX-License-Identifier: Apache-2.0
"""The recorded and declared status of each step of the playbook, and whether a model can be tuned.

Rules: a decision model is proposed if at least half of the failed replies fail at fields that it can be asked. Without
failures above the target, at least half of the fields must be such. Given facts of tuning replace recorded ones. Without
a recent job or call, `active_tuner` stays unknown: other programs can use the same account.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.model_names import is_tuned
from schema_guard.decide.failures import WHOLE
from schema_guard.decide.playbook import DECISION, RAISE_OUTPUT, STEPS, STRICT
from schema_guard.decide.recorded.configurations import RecordedConfiguration, last_call, settings_of, step_of
from schema_guard.decide.recorded.weeks import day_of
from schema_guard.errors import MissingPart
from schema_guard.extensions import load
from schema_guard.pointer import split
from schema_guard.prices.tuning import closing_of
from schema_guard.records.declarations import TUNING, DeclaredStep
from schema_guard.records.selection import stored_schema
from schema_guard.text import plural
from schema_guard.values import NOT_FIXED_BY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records import ConfigurationCounts, Store
    from schema_guard.records.declarations import D


_ENOUGH = 0.5
_OPENAI = "openai "
_ACTIVE_S = 60 * 86_400.0
_DAY_S = 86_400.0


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
    named = {claim["rung"] for claim in given if "rung" in claim}
    tested = {step for one in configurations for step in _tested(one)}
    ruled_out = _facts(best, tested, store, config.get("target", 0.01))
    # Later claims replace earlier ones.
    claims = {
        **{step: {"status": "untested"} for step in STEPS},
        **{step: {"status": "not_applicable", "reason": reason} for step, reason in ruled_out},
        **{
            one.step: {"status": one.status, "reason": f"{one.reason} ({day_of(one.at)})"} for one in declared
        },
        **{step: {"status": "tested"} for step in tested},
    }
    return [*given, *({"rung": step, **claims[step]} for step in STEPS if step not in named)]


def holding(declared: Sequence[D], function: str | None) -> list[D]:
    """Return the declarations of a function. Without one, return those without a function."""
    return [one for one in declared if function is not None or one.function is None]


def _tested(configuration: RecordedConfiguration) -> set[str]:
    """Return the steps that a configuration tests."""
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


def _facts(
    best: RecordedConfiguration, tested: set[str], store: Store, target: float
) -> Iterable[tuple[str, str]]:
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
    if best.step != DECISION and (why := _not_askable(store, best, target)) is not None:
        yield DECISION, why


def _not_askable(store: Store, best: RecordedConfiguration, target: float) -> str | None:
    first = best.first
    schema = stored_schema(store, first.schema_fingerprint, first.schema_name)
    if schema is None:
        return "the store does not have the schema, so its fields are unknown"
    try:
        asked, texts = load("profile:decisions").fields_by_place(schema)
    except MissingPart:
        return None  # the command of the step names the part
    if not asked:
        return (
            f"a decision model can answer no field. For example, {texts[0].reason}"
            if texts
            else "the schema has only one value"
        )
    return _too_few(best, asked, len(texts), target) if texts else None


def _too_few(
    best: RecordedConfiguration, asked: Sequence[tuple[str, ...]], texts: int, target: float
) -> str | None:
    """Return why too few of the failing fields, or of all fields, can be asked. None if there are enough."""
    number = len(asked) + texts
    fields = f"{len(asked)} of {plural(number, 'field')}"
    if best.failed <= target * best.n:
        return None if len(asked) >= _ENOUGH * number else f"a decision model can answer only {fields}"
    at_asked = sum(one.attempts for one in best.counts.violations if _is_at(one.location, asked))
    failed = sum(one.attempts for one in best.counts.violations)
    # Failures of a whole reply, which the text model can still make.
    failed += sum(one.attempts for one in best.counts.failures if one.kind in WHOLE)
    if at_asked >= _ENOUGH * failed:
        return None
    return f"a decision model can answer {fields}, but only {at_asked:,} of {plural(failed, 'failure')} are in them"


def _is_at(location: str, asked: Sequence[tuple[str, ...]]) -> bool:
    tokens = split(location)
    return any(tuple(tokens[: len(path)]) == path for path in asked)


def tunings(store: Store) -> list[DeclaredStep]:
    """Return the tuning jobs of a store, of all schemas."""
    with store.reading() as snapshot:
        return [
            one for declared in snapshot.every_declaration() for one in declared.steps if one.step == TUNING
        ]


def with_recorded_model(
    feasibility: Mapping[str, Any],
    candidates: Sequence[RecordedConfiguration],
    calls: Iterable[ConfigurationCounts],
    jobs: Iterable[DeclaredStep],
    day: Any,
    notes: list[str],
) -> dict[str, Any]:
    """Return the feasibility with the base model and the recent calls of tuned models, if they are not given.

    Args:
        feasibility: The given facts.
        candidates: Configurations whose model can be the base model, the first choice first.
        calls: All rows of the store.
        jobs: All tuning jobs of the store.
        day: The day of the decision, in ISO format.
        notes: Receive each fact that was filled in.
    """
    filled = dict(feasibility)
    if filled.get("base_model") is None:
        models = [one.first.model.rpartition(">")[2] for one in candidates if one.first.model]
        known = next((model for model in models if closing_of(model) is not None), None)
        if known is not None:
            filled["base_model"] = known
            notes.append(f"the base model for tuning comes from the recorded calls: {known}")
    if filled.get("active_tuner") is None and (proof := _recent_tuning(calls, jobs, day)) is not None:
        filled["active_tuner"] = True
        notes.append(f"the store has {proof} within 60 days, so the account counts as an active tuner")
    return filled


def _recent_tuning(
    calls: Iterable[ConfigurationCounts], jobs: Iterable[DeclaredStep], day: Any
) -> str | None:
    """Return the calls of a tuned model, or the job, of OpenAI in the 60 days before the end of a day."""
    try:
        end = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() + _DAY_S
    except (TypeError, ValueError):
        return None  # The reader of the evidence reports a wrong day.
    models = [row.model for row in calls if row.model and end - _ACTIVE_S <= last_call(row) < end]
    called = [f"calls of {model}" for model in models if is_tuned(model)]
    begun = [
        f"a tuning job ({one.reason})"
        for one in jobs
        if end - _ACTIVE_S <= one.at < end and one.reason.startswith(_OPENAI)
    ]
    return next(iter([*called, *begun]), None)
