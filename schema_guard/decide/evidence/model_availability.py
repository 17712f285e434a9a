# SPDX-License-Identifier: Apache-2.0
"""What a provider has closed -> whether a tuned model can still be had, on a day.

Rules: what is given goes before what is known; no clock is read: the day is the evidence's, else the one on which the table
was read, which is told.
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
    """Whether a tuned model can be had; None is unknown, which is a risk and no bar.

    Attributes:
        train_examples: Validated examples at hand.
        new_jobs_allowed: Whether the provider takes new tuning jobs.
        months_to_shutdown: How long the base model will live.
        base_model: Its name; with it the days that are known of it fill in what is not given.
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
    """Fill in the known days of the base model. Return also whether its provider takes new jobs of active tuners only.

    Args:
        feasibility: The given facts.
        day: Day of the decision. None if it is unknown.
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
    """Return whether a job can be started; a model that is gone takes none."""
    days = [day for day in (closing.last_training, closing.last_inference) if day is not None]
    if any(today > date.fromisoformat(day) for day in days):
        return False
    return None if closing.last_training is None else True


def _holds_since(rule: ModelClosing | None, today: date | None) -> bool:
    since = None if rule is None else rule.active_only_since
    return since is not None and (today is None or today >= date.fromisoformat(since))


def end_of(model: str, day: str | None) -> dict[str, Any] | None:
    """Return the known last day of a model, and the months until then. None if it is not known."""
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
