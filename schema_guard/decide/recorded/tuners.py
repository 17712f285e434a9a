# SPDX-License-Identifier: Apache-2.0
"""Facts of a store about tuning: the base model, and whether the account called a tuned model within 60 days.

Rules: given facts replace recorded ones. Without a recent call, `active_tuner` stays unknown: other programs can use the
same account.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.model_names import is_tuned
from schema_guard.decide.recorded.configurations import last_call
from schema_guard.prices.tuning import closing_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration
    from schema_guard.records import ConfigurationCounts

_ACTIVE_S = 60 * 86_400.0
_DAY_S = 86_400.0


def with_recorded_model(
    feasibility: Any,
    candidates: Sequence[RecordedConfiguration],
    calls: Iterable[ConfigurationCounts],
    day: Any,
    notes: list[str],
) -> Any:
    """Return the feasibility with the base model and the recent calls of tuned models, if they are not given.

    Args:
        feasibility: The given facts.
        candidates: Configurations whose model can be the base model, the first choice first.
        calls: All rows of the store.
        day: The day of the decision, in ISO format.
        notes: Receive each fact that was filled in.
    """
    if not isinstance(feasibility, Mapping):
        return feasibility
    filled = dict(feasibility)
    if filled.get("base_model") is None:
        models = [one.first.model.rpartition(">")[2] for one in candidates if one.first.model]
        known = next((model for model in models if closing_of(model) is not None), None)
        if known is not None:
            filled["base_model"] = known
            notes.append(f"the base model of a tuning is taken from the recorded calls: {known}")
    if filled.get("active_tuner") is None and (model := _recently_tuned(calls, day)) is not None:
        filled["active_tuner"] = True
        notes.append(f"the store has calls of {model} within 60 days: the account is an active tuner")
    return filled


def _recently_tuned(calls: Iterable[ConfigurationCounts], day: Any) -> str | None:
    """Return a model of OpenAI that was tuned and called in the 60 days before the end of a day."""
    try:
        end = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() + _DAY_S
    except (TypeError, ValueError):
        return None  # The reader of the evidence reports a wrong day.
    recent = [row.model for row in calls if row.model and end - _ACTIVE_S <= last_call(row) < end]
    return next((model for model in recent if is_tuned(model)), None)
