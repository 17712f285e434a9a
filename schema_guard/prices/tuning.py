# SPDX-License-Identifier: Apache-2.0
"""Prices of tuning and of hosting what was tuned, as they were seen.

Rules: none is used unless it is asked for, and each comes with where and when it was seen.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from schema_guard.core.schema import Schema
from schema_guard.core.validation.published import judged
from schema_guard.prices.files import read_prices

_SEEN = Path(__file__).with_name("tuning_prices.json")
_SCHEMA = Path(__file__).with_name("tuning.schema.json")


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


def tuning_prices(path: str | Path | None = None) -> tuple[TuningPrice, ...]:
    """Give what training and hosting were seen to cost, to be shown with source and date.

    Args:
        path: A file of the user's in the shape of the one that comes with the library, which it replaces.

    Raises:
        InvalidArgument: The file cannot be read or has another shape.
    """
    document = read_prices(_SEEN if path is None else Path(path))
    if path is not None:
        document = judged(document, Schema.of(_SCHEMA), str(path))
    return tuple(TuningPrice(**{**row, "amount": float(row["amount"])}) for row in document["prices"])
