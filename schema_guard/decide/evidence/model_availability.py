# SPDX-License-Identifier: Apache-2.0
"""What a provider has closed -> whether a tuned model can still be had, on a day.

Rules: what is given goes before what is known; no clock is read: the day is the evidence's, else the one on which the table
was read, which is told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from schema_guard.prices.tuning import closing_of

if TYPE_CHECKING:
    from schema_guard.decide.evidence.values import Feasibility
    from schema_guard.prices.tuning import ModelClosing

_DAYS_A_MONTH = 365.25 / 12


def with_closing(feasibility: Feasibility, day: str | None, notes: list[str]) -> Feasibility:
    """Fill in what is known of the base model's end, and tell it.

    Args:
        feasibility: What the evidence says.
        day: Of the decision; None when unknown.
        notes: What has to be said is added here.
    """
    if feasibility.base_model is None:
        return feasibility
    closing = closing_of(feasibility.base_model)
    if closing is None:
        notes.append(f"base model {feasibility.base_model}: whether and when it is closed is not known here")
        return feasibility
    today = _day(day) or date.fromisoformat(closing.read)
    notes.append(_closing_note(feasibility.base_model, closing, today))
    return replace(
        feasibility,
        new_jobs_allowed=_allowed(closing, today)
        if feasibility.new_jobs_allowed is None
        else feasibility.new_jobs_allowed,
        months_to_shutdown=_months(closing, today)
        if feasibility.months_to_shutdown is None
        else feasibility.months_to_shutdown,
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
        f"models {inference}; seen from {today.isoformat()} ({closing.source}, read {closing.read}{more})"
    )
