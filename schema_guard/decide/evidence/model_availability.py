# SPDX-License-Identifier: Apache-2.0
"""What a provider has closed -> whether a tuned model can still be had, on a day.

Rules: what is given goes before what is known; no clock is read: the day is the evidence's, else the one on which the table
was read, which is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from schema_guard.prices.tuning import ModelEnd, closing_of

if TYPE_CHECKING:
    from schema_guard.prices.tuning import ModelClosing

_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Whether a tuned model can be had; None is unknown, which is a risk and no bar.

    Attributes:
        train_examples: Validated examples at hand.
        new_jobs_allowed: Whether the provider takes new tuning jobs.
        months_to_shutdown: How long the base model will live.
        base_model: Its name; with it the days that are known of it fill in what is not given.
        active_tuner: Whether the account called a tuned model of the provider within 60 days, or has a tuning job.
    """

    train_examples: int | None = None
    new_jobs_allowed: bool | None = None
    months_to_shutdown: float | None = None
    base_model: str | None = None
    active_tuner: bool | None = None


def with_closing(
    feasibility: Feasibility, day: str | None, notes: list[str]
) -> tuple[Feasibility, ModelEnd | None]:
    """Fill in the known days of the base model. Return the feasibility, and the facts that are not a part of it.

    Args:
        feasibility: The given facts.
        day: Day of the decision. None if it is unknown.
        notes: Receive the known days.
    """
    if feasibility.base_model is None:
        return feasibility, None
    closing = closing_of(feasibility.base_model)
    if closing is None:
        notes.append(f"base model {feasibility.base_model}: whether and when it is closed is not known here")
        return feasibility, None
    today = _day(day) or date.fromisoformat(closing.read)
    allowed, months = feasibility.new_jobs_allowed, feasibility.months_to_shutdown
    notes.append(_closing_note(feasibility.base_model, closing, today))
    filled = replace(
        feasibility,
        new_jobs_allowed=_allowed(closing, today) if allowed is None else allowed,
        months_to_shutdown=_months(closing, today) if months is None else months,
    )
    return filled, ModelEnd(
        last_day=closing.last_inference if months is None else None,
        source=closing.marked_source,
        only_active_tuners=allowed is None and _is_for_active_only(closing, today),
    )


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text[:10])
    except ValueError:
        return None


def _allowed(closing: ModelClosing, today: date) -> bool | None:
    """Say whether a job can be started; a model that is gone takes none."""
    days = [day for day in (closing.last_training, closing.last_inference) if day is not None]
    if any(today > date.fromisoformat(day) for day in days):
        return False
    return None if closing.last_training is None else True


def _is_for_active_only(closing: ModelClosing, today: date) -> bool:
    since = closing.active_only_since
    return since is not None and today >= date.fromisoformat(since)


def _months(closing: ModelClosing, today: date) -> float | None:
    if closing.last_inference is None:
        return None
    return max((date.fromisoformat(closing.last_inference) - today).days, 0) / _DAYS_A_MONTH


def _closing_note(model: str, closing: ModelClosing, today: date) -> str:
    training = closing.last_training or "an unknown day"
    inference = closing.last_inference or "an unknown day"
    more = f"; {closing.note}" if closing.note else ""
    return (
        f"base model {model} ({closing.provider}): the last day to start tuning is {training}, the last day of tuned "
        f"models {inference}; seen from {today.isoformat()} ({closing.marked_source}{more})"
    )
