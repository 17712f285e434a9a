# SPDX-License-Identifier: Apache-2.0
"""Compare the sizes of two models.

A name alone does not show the size of a model. The order that the user states comes first. Otherwise, the model with
the higher price in a table is the larger one. Snapshots of one model have the same size.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from schema_guard.configuration.model_names import model_and_snapshot
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.prices.costs import GENAI_PRICES, read_prices, token_prices
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

Compared: TypeAlias = Literal["same", "larger", "smaller", "unknown"]


class Sizes(NamedTuple):
    """The known sizes of models.

    Attributes:
        order: Models from small to large, as the user named them.
        prices: A table of token prices in a form that `prices.costs.token_prices` accepts. None without a table.
    """

    order: tuple[str, ...] = ()
    prices: str | None = None

    def compared(self, model: str, other: str) -> Compared:
        """Return the size of a model compared with another one."""
        model, other = _last(model), _last(other)
        if model == other:
            return "same"
        sizes = self._sizes(model, other)
        if sizes is None or sizes[0] == sizes[1]:
            return "unknown"
        return "larger" if sizes[0] > sizes[1] else "smaller"

    def _sizes(self, model: str, other: str) -> tuple[float, float] | None:
        if model in self.order and other in self.order:
            return self.order.index(model), self.order.index(other)
        if self.prices is None:
            return None
        try:
            prices = [token_prices(name, source=self.prices).per_million(0) for name in (model, other)]
        except (InvalidArgument, MissingExtra):
            return None
        return prices[0].p_in + prices[0].p_out, prices[1].p_in + prices[1].p_out


def sizes_of(names: Sequence[str], prices: str | None) -> Sizes:
    """Read the sizes that a user names.

    Raises:
        InvalidArgument: There is only one name, a name is empty or occurs twice, or the table cannot be read.
    """
    order = tuple(_last(name.strip()) for name in names)
    if len(order) == 1 or len(set(order)) < len(order) or not all(order):
        raise InvalidArgument(
            f"sizes={clip(repr(list(names)))}: expected the names of at least two different models, from small to large"
        )
    if prices is not None and prices != GENAI_PRICES:
        read_prices(Path(prices))
    return Sizes(order, prices)


def _last(model: str) -> str:
    """Return the last model of an escalation such as `a>b`, or the model itself, without its snapshot."""
    return model_and_snapshot(model.rpartition(">")[2]).model
