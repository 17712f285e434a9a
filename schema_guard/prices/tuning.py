# SPDX-License-Identifier: Apache-2.0
"""Prices of tuning and of hosting what was tuned, as they were seen; and what providers close, with its days.

Rules: no price is used unless it is asked for, and each comes with where and when it was seen. A day that is not
known is None.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.prices.costs import read_prices

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEEN = Path(__file__).with_name("tuning_prices.json")


class TuningPrice(NamedTuple):
    """What tuning or hosting was seen to cost.

    Attributes:
        what: Of what.
        amount: Dollars.
        unit: For how much of it.
        source: Where it was seen.
        as_of: Month or day.
    """

    what: str
    amount: float
    unit: str
    source: str
    as_of: str


class ModelClosing(NamedTuple):
    """Base models that a provider has closed for tuning, or will close.

    Attributes:
        provider: Whose they are.
        models: Their names.
        last_training: Last day on which a tuning job can be started; None when unknown.
        last_inference: Last day on which a tuned model of them answers; None when unknown.
        source: Where that is said.
        read: Day on which it was read there.
        note: What else has to be known; empty for nothing.
        active_only_since: Day since which only accounts with a tuned model in use can start jobs. None if all can.
        second_hand: Whether no page of the provider confirms *last_inference*.
    """

    provider: str
    models: tuple[str, ...]
    last_training: str | None
    last_inference: str | None
    source: str
    read: str
    note: str = ""
    active_only_since: str | None = None
    second_hand: bool = False

    @property
    def read_at(self) -> str:
        """The source, and the day on which it was read."""
        return f"{self.source}, read {self.read}"

    @property
    def last_inference_text(self) -> str:
        """The last day on which a tuned model answers. It is marked if no page of the provider confirms it."""
        return (self.last_inference or "not known") + (" (second-hand)" if self.second_hand else "")


def closing_of(model: str, provider: str | None = None) -> ModelClosing | None:
    """Give what is known of the end of a base model; None where nothing is.

    Args:
        model: Its name; that of a tuned model, as `ft:gpt-4o-mini-2024-07-18:shop::1`, holds it.
        provider: Where it is tuned; None for whoever has it.
    """
    base = model.split(":")[1] if model.startswith("ft:") else model
    return next(
        (one for one in _closings() if base in one.models and provider in (None, one.provider)),
        None,
    )


def active_only(provider: str) -> ModelClosing | None:
    """Return the closing that says since when a provider takes new jobs only of active tuners. None if none does."""
    return next((one for one in _closings() if one.provider == provider and one.active_only_since), None)


def _closings() -> Iterator[ModelClosing]:
    for row in read_prices(_SEEN)["closings"]:
        yield ModelClosing(**{**row, "models": tuple(row["models"])})


def tuning_prices() -> tuple[TuningPrice, ...]:
    """Return what training and hosting were seen to cost, to be shown with source and date."""
    rows = read_prices(_SEEN)["prices"]
    return tuple(TuningPrice(**{**row, "amount": float(row["amount"])}) for row in rows)
