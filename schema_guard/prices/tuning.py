# SPDX-License-Identifier: Apache-2.0
"""Observed prices of tuning and of hosting tuned models, and the days on which providers close models.

Rules: A price is used only on request, and each has its source and date. An unknown day is None.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from schema_guard.prices.costs import read_prices

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEEN = Path(__file__).with_name("tuning_prices.json")


class TuningPrice(NamedTuple):
    """An observed price of tuning or hosting.

    Attributes:
        what: Name of the service.
        amount: Price in dollars.
        unit: Unit of the price.
        source: Source of the price.
        as_of: Month or day of the price.
    """

    what: str
    amount: float
    unit: str
    source: str
    as_of: str


class ModelClosing(NamedTuple):
    """Base models that a provider has closed for tuning, or will close.

    Attributes:
        provider: Name of the provider.
        models: Names of the models.
        last_training: Last day on which a tuning job can be started. None if unknown.
        last_inference: Last day on which a model tuned from them answers. None if unknown.
        source: Source of these facts.
        read: Day on which the source was read.
        note: Further facts. Empty if there are none.
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
    """Return the closing of a base model. None if none is known.

    Args:
        model: Its name, or the name of a model tuned from it, such as `ft:gpt-4o-mini-2024-07-18:shop::1`.
        provider: The provider of the tuning. None for any provider.
    """
    base = model.split(":")[1] if model.startswith("ft:") else model
    return next(
        (one for one in _closings() if base in one.models and provider in (None, one.provider)),
        None,
    )


def active_only(provider: str) -> ModelClosing | None:
    """Return the closing with the day since which only active accounts can start jobs. None if there is none."""
    return next((one for one in _closings() if one.provider == provider and one.active_only_since), None)


def _closings() -> Iterator[ModelClosing]:
    for row in read_prices(_SEEN)["closings"]:
        yield ModelClosing(**{**row, "models": tuple(row["models"])})


def tuning_prices() -> tuple[TuningPrice, ...]:
    """Return the observed prices of training and hosting, which are shown with source and date."""
    rows = read_prices(_SEEN)["prices"]
    return tuple(TuningPrice(**{**row, "amount": float(row["amount"])}) for row in rows)
