# SPDX-License-Identifier: Apache-2.0
"""Decision models in the records: whether a schema's fields can be asked, and how right the values are beside a prompt's.

Rules: a decision model is proposed if at least half of the failed replies fail at fields that it can be asked. Without
failures above the target, at least half of the fields must be such. A prompt is compared on the same inputs. The best of
several prompts is chosen on these inputs too, so all of them share alpha.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.failing_places import WHOLE
from schema_guard.decide.playbook import DECISION
from schema_guard.errors import MissingPart
from schema_guard.extensions import load
from schema_guard.pointer import split
from schema_guard.records.selection import stored_schema
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration
    from schema_guard.records import Store

__all__ = ["add_known_answers", "decision_facts", "values_beside"]

_ENOUGH = 0.5


def decision_facts(store: Store, best: RecordedConfiguration, target: float) -> dict[str, str]:
    """Return the step and the reason if a decision model cannot help a function, as `claims_of` takes it.

    Args:
        store: The store, which has the schema.
        best: The configuration whose failures count.
        target: The failure rate that is good enough.
    """
    reason = None if best.step == DECISION else _not_askable(store, best, target)
    return {} if reason is None else {DECISION: reason}


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


def add_known_answers(
    strategies: Sequence[dict[str, Any]], configurations: Sequence[RecordedConfiguration], store: Store
) -> None:
    """Add the right values of trials with known answers, and those of each decision model beside the best prompt's.

    A decision model in use has the answers of the trial that asked the same model.
    """
    wrong = {one.id: _known_answers(one, store) for one in configurations}
    if not any(wrong.values()):
        return
    decided = [one for one in configurations if one.step == DECISION]
    for one in decided:
        same = [other.id for other in decided if wrong[other.id] and _asks_same(one, other)]
        wrong[one.id] = wrong[one.id] or (wrong[same[-1]] if same else {})
    prompts = {one.id: wrong[one.id] for one in configurations if one.step not in (DECISION, "tuned")}
    for strategy in strategies:
        found = wrong[strategy["id"]]
        if found and len(found) <= strategy["n"]:
            missed = sum(share > 0 for share in found.values())
            strategy.setdefault("right", {"n": len(found), "k": missed})
        if strategy["rung"] == DECISION and (content := values_beside(found, prompts)):
            strategy["content"] = content


def _known_answers(configuration: RecordedConfiguration, store: Store) -> dict[bytes, float]:
    """Return the share of wrong values of each input with a known answer, by the hash of the input."""
    ids = [row.id for row in configuration.rows if row.id is not None]
    with store.reading() as snapshot:
        if not snapshot.connection.select("SELECT 1 FROM content WHERE label = 'known' LIMIT 1"):
            return {}
        found: dict[bytes, float] = load("content:known").known_answers(snapshot.connection, ids)
        return found


def _asks_same(one: RecordedConfiguration, other: RecordedConfiguration) -> bool:
    def names(row: Any) -> tuple[str | None, ...]:
        return row.strategies, row.model, row.provider

    return names(one.first) == names(other.first)


def values_beside(
    found: Mapping[Any, float], prompts: Mapping[str, Mapping[Any, float]]
) -> dict[str, Any] | None:
    """Compare a decision model with the prompt that has the most right values, of those with the most inputs of both.

    The result has the number of prompts that could have been chosen. Each of them needs its part of alpha, because the
    best one is also the luckiest one on these inputs.

    Args:
        found: The share of wrong values of the decision model by input.
        prompts: The same of each prompt by the id of its strategy.
    """
    shared = {name: [task for task in found if task in known] for name, known in prompts.items()}
    most = max(map(len, shared.values()), default=0)
    if not most:
        return None
    largest = [name for name, tasks in shared.items() if len(tasks) == most]
    name = min(largest, key=lambda one: sum(prompts[one][task] for task in shared[one]) / most)
    pairs = [(prompts[name][task], found[task]) for task in shared[name]]
    worse, better = (sum(sign * (after - before) > 0 for before, after in pairs) for sign in (1, -1))
    compared = sum(1 for tasks in shared.values() if tasks)
    return {"n": most, "worse": worse, "better": better, "beside": name, "compared": compared}
