# SPDX-License-Identifier: Apache-2.0
"""Facts of a store about tuning: the base model, and whether the account tuned or called a tuned model within 60 days.

Rules: given facts replace recorded ones. Without a recent job or call, `active_tuner` stays unknown: other programs can use the
same account.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.model_names import is_tuned
from schema_guard.decide.recorded.configurations import RecordedConfiguration, last_call
from schema_guard.prices.tuning import closing_of
from schema_guard.records.declarations import TUNING, DeclaredStep

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records import ConfigurationCounts, Store

_OPENAI = "openai "
_ACTIVE_S = 60 * 86_400.0
_DAY_S = 86_400.0


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
