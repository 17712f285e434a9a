# SPDX-License-Identifier: Apache-2.0
"""The availability of a tuned model on a day, from the models that a provider has closed.

Rules: Given facts take precedence over known ones. No clock is read. The day is the evidence's day, or the day on which
the table was read. A note names the day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from schema_guard.prices.tuning import ModelClosing, active_only, closing_of

_DAYS_A_MONTH = 365.25 / 12
# Names of models that OpenAI hosts. It publishes the weights of gpt-oss.
_OPENAI = re.compile(r"(ft:)?(gpt-(?!oss)|o[1-9](-|$))")
NEXT_LIFE_MONTHS = 18.0


@dataclass(frozen=True, slots=True)
class Feasibility:
    """The availability of a tuned model. None is unknown, which is a risk but doesn't block tuning.

    Attributes:
        train_examples: Number of available validated examples.
        new_jobs_allowed: Whether the provider accepts new tuning jobs.
        months_to_shutdown: Remaining life of the base model.
        base_model: Name of the base model. If it is given, known days of this model fill in missing facts.
        active_tuner: Whether the account called a tuned model of the provider within 60 days, or has a tuning job.
        next_life_months: Months that each later base model lives.
    """

    train_examples: int | None = None
    new_jobs_allowed: bool | None = None
    months_to_shutdown: float | None = None
    base_model: str | None = None
    active_tuner: bool | None = None
    next_life_months: float = NEXT_LIFE_MONTHS


def with_closing(feasibility: Feasibility, day: str | None, notes: list[str]) -> tuple[Feasibility, bool]:
    """Fill in the known days of the base model. Also return whether its provider takes new jobs of active tuners only.

    Args:
        feasibility: The given facts.
        day: Day of the decision. None if unknown.
        notes: Receive the known days.
    """
    model = feasibility.base_model
    if model is None:
        return feasibility, False
    closing, allowed = closing_of(model), feasibility.new_jobs_allowed
    rule = active_only("OpenAI") if _OPENAI.match(model) else None
    today = _day(day) or (None if closing is None else date.fromisoformat(closing.read))
    is_restricted = allowed is None and _holds_since(rule, today)
    if closing is None or today is None:
        notes.append(f"base model {model}: its last day is unknown")
        return feasibility, is_restricted
    months = feasibility.months_to_shutdown
    notes.append(_closing_note(model, closing, today))
    filled = replace(
        feasibility,
        new_jobs_allowed=_allowed(closing, today) if allowed is None else allowed,
        months_to_shutdown=_months(closing, today) if months is None else months,
    )
    return filled, is_restricted


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        return None


def _allowed(closing: ModelClosing, today: date) -> bool | None:
    """Return whether a job can be started. A model that is gone accepts none."""
    days = [day for day in (closing.last_training, closing.last_inference) if day is not None]
    if any(today > date.fromisoformat(day) for day in days):
        return False
    return None if closing.last_training is None else True


def _holds_since(rule: ModelClosing | None, today: date | None) -> bool:
    since = None if rule is None else rule.active_only_since
    return since is not None and (today is None or today >= date.fromisoformat(since))


def end_of(model: str, day: str | None) -> dict[str, Any] | None:
    """Return the known last day of a model, and the months until then. None if unknown."""
    closing = closing_of(model)
    if closing is None or closing.last_inference is None:
        return None
    return {
        "model": model,
        "last_day": closing.last_inference,
        "months": _months(closing, _day(day) or date.fromisoformat(closing.read)),
        "source": closing.read_at,
        "second_hand": closing.second_hand,
    }


def _months(closing: ModelClosing, today: date) -> float | None:
    if closing.last_inference is None:
        return None
    # The last day is a day of use.
    return max((date.fromisoformat(closing.last_inference) - today).days + 1, 0) / _DAYS_A_MONTH


def _closing_note(model: str, closing: ModelClosing, today: date) -> str:
    training = closing.last_training or "an unknown day"
    inference = closing.last_inference_text if closing.last_inference else "an unknown day"
    more = f"; {closing.note}" if closing.note else ""
    return (
        f"base model {model} ({closing.provider}): the last day to start tuning is {training}, the last day of tuned "
        f"models {inference}; seen from {today.isoformat()} ({closing.read_at}{more})"
    )
