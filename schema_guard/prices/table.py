"""Prices: of tokens, from a table that the user names, and of tuning, as they were seen.

Rules: no price is a default; each comes with where it is from. A model that a table does not know is an error,
never $0. What a call costs depends on its own size where a table has tiers, so calls are priced one by one and
then summed, never a sum of tokens at once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.prices.reading import Reader
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable

GENAI_PRICES = "genai-prices"

_MILLION = 1_000_000
_MOST_NEAR = 3

_LITELLM = {
    "p_in": "input_cost_per_token",
    "p_cached": "cache_read_input_token_cost",
    "p_out": "output_cost_per_token",
}
_LITELLM_TIER = re.compile(rf"(?:{'|'.join(_LITELLM.values())})_above_(\d+)k_tokens")


class CallTokens(NamedTuple):
    """Tokens of one call: *cached* is a part of *sent*."""

    sent: int
    cached: int
    received: int


class PerMillion(NamedTuple):
    """Dollars for a million tokens: the names of an evidence's costs."""

    p_in: float
    p_cached: float
    p_out: float


class TokenPrices(Protocol):
    """Prices of one model."""

    @property
    def model(self) -> str:
        """Its name in the table."""

    @property
    def source(self) -> str:
        """The table, for a reader to find it."""

    def per_million(self, sent: int) -> PerMillion:
        """Give the prices of a call that sends so many tokens."""

    def cost(self, call: CallTokens) -> float:
        """Give the dollars of one call."""


class Tier(NamedTuple):
    """Prices of a call that sends more than so many tokens, for all of its tokens."""

    above: int
    prices: PerMillion


@dataclass(frozen=True, slots=True)
class TablePrices:
    """Prices of a model in a table.

    Attributes:
        model: Its name in the table.
        source: Path of the table.
        tiers: Ascending; the first is above -1, every call.
    """

    model: str
    source: str
    tiers: tuple[Tier, ...]

    def per_million(self, sent: int) -> PerMillion:
        """Give the prices of a call that sends so many tokens."""
        return next(tier.prices for tier in reversed(self.tiers) if sent > tier.above)

    def cost(self, call: CallTokens) -> float:
        """Give the dollars of one call."""
        prices = self.per_million(call.sent)
        fresh = call.sent - call.cached
        return (fresh * prices.p_in + call.cached * prices.p_cached + call.received * prices.p_out) / _MILLION


@dataclass(frozen=True, slots=True)
class PackagePrices:
    """Prices of a model by the package genai-prices.

    Attributes:
        model: As it was asked for.
        source: The package and its version.
    """

    model: str
    source: str

    def per_million(self, sent: int) -> PerMillion:
        """Give the prices of a call that sends so many tokens."""
        size = max(sent, 1)
        return PerMillion(
            p_in=self._price(size, 0, 0) / size * _MILLION,
            p_cached=self._price(size, size, 0) / size * _MILLION,
            p_out=(self._price(size, 0, size) - self._price(size, 0, 0)) / size * _MILLION,
        )

    def cost(self, call: CallTokens) -> float:
        """Give the dollars of one call."""
        return self._price(*call)

    def _price(self, sent: int, cached: int, received: int) -> float:
        from genai_prices import Usage, calc_price  # an extra

        usage = Usage(input_tokens=sent, cache_read_tokens=cached, output_tokens=received)
        return float(calc_price(usage, model_ref=self.model).total_price)


def token_prices(model: str, *, source: str | Path) -> TokenPrices:
    """Look up what a model's tokens cost.

    Args:
        model: As the table names it.
        source: Path of a JSON file: the user's own, `{model: {"p_in", "p_cached", "p_out"}}` in dollars for
            a million tokens, or litellm's `model_prices_and_context_window.json`; or `"genai-prices"` for
            the package of that name.

    Raises:
        InvalidArgument: The table cannot be read or does not know the model.
        MissingExtra: The package genai-prices is not installed.
    """
    if source == GENAI_PRICES:
        return _package_prices(model)
    table = _read(Path(source))
    found = table.members()
    if model not in found:
        raise _unknown(model, str(source), found)
    entry = found[model]
    is_litellm = (
        isinstance(entry.value, dict) and "p_in" not in entry.value and "litellm_provider" in entry.value
    )
    return TablePrices(model, str(source), _litellm_tiers(entry) if is_litellm else _own_tiers(entry))


def total_cost(prices: TokenPrices, calls: Iterable[CallTokens]) -> float:
    """Give the dollars of many calls, each priced by its own size."""
    return fsum(prices.cost(call) for call in calls)


def mean_prices(prices: TokenPrices, calls: Iterable[CallTokens]) -> PerMillion:
    """Give the prices that calls paid in the mean, each by its own size: with them their tokens can be summed.

    Args:
        prices: Of their model.
        calls: Calls, at least one that sent something.
    """
    by_size: dict[int, CallTokens] = {}
    for call in calls:
        known = by_size.get(call.sent, CallTokens(0, 0, 0))
        by_size[call.sent] = CallTokens(*(sum(pair) for pair in zip(known, call, strict=True)))
    priced = [(total, prices.per_million(size)) for size, total in by_size.items()]

    def mean(weights: list[int], name: str) -> float:
        paid = fsum(weight * getattr(each, name) for weight, (_, each) in zip(weights, priced, strict=True))
        # What was never bought has the price of the last size.
        return paid / sum(weights) if sum(weights) else float(getattr(priced[-1][1], name))

    return PerMillion(
        p_in=mean([total.sent - total.cached for total, _ in priced], "p_in"),
        p_cached=mean([total.cached for total, _ in priced], "p_cached"),
        p_out=mean([total.received for total, _ in priced], "p_out"),
    )


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
    file = Path(__file__).with_name("tuning_prices.json") if path is None else Path(path)
    rows = _read(file).fields(("prices",), ("about",))["prices"].items()
    return tuple(_tuning_price(row) for row in rows)


def _tuning_price(row: Reader) -> TuningPrice:
    found = row.fields(TuningPrice._fields)
    return TuningPrice(
        found["what"].text(),
        found["amount"].number(least=0),
        found["unit"].text(),
        found["source"].text(),
        found["as_of"].text(),
    )


def _read(path: Path) -> Reader:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"prices {clip(str(path))!r}: expected a JSON file, got {clip(str(error))}"
        ) from error
    return Reader(document, str(path))


def _own_tiers(entry: Reader) -> tuple[Tier, ...]:
    found = entry.fields(PerMillion._fields)
    return (Tier(-1, PerMillion(*(found[name].number(least=0) for name in PerMillion._fields))),)


def _litellm_tiers(entry: Reader) -> tuple[Tier, ...]:
    """Read litellm's dollars for one token; a tier names its threshold in thousands of tokens sent.

    Without a price for cached tokens they cost as much as others.
    """
    found = entry.members()
    for name in (_LITELLM["p_in"], _LITELLM["p_out"]):
        if name not in found:
            raise entry.fault(f"the key {name!r}", advice="this model is not priced by the token")
    thresholds = {int(match[1]) for name in found if (match := _LITELLM_TIER.fullmatch(name))}
    tiers = [Tier(-1, _litellm_prices(found, "", None))]
    for thousands in sorted(thresholds):
        suffix = f"_above_{thousands}k_tokens"
        tiers.append(Tier(1000 * thousands, _litellm_prices(found, suffix, tiers[-1].prices)))
    return tuple(tiers)


def _litellm_prices(found: dict[str, Reader], suffix: str, below: PerMillion | None) -> PerMillion:
    """Read one tier; what it does not name costs what it does *below*."""

    def price(column: str) -> float | None:
        entry = found.get(_LITELLM[column] + suffix)
        if entry is None:
            return None if below is None else float(getattr(below, column))
        return entry.number(least=0) * _MILLION

    p_in, p_cached, p_out = price("p_in"), price("p_cached"), price("p_out")
    assert p_in is not None
    assert p_out is not None
    return PerMillion(p_in, p_in if p_cached is None else p_cached, p_out)


def _package_prices(model: str) -> TokenPrices:
    try:
        import genai_prices  # an extra
    except ImportError as error:
        raise missing_extra(f"prices {GENAI_PRICES!r}", "genai-prices", "prices") from error
    prices = PackagePrices(model, f"{GENAI_PRICES} {genai_prices.__version__}")
    try:
        prices.per_million(1)
    except LookupError as error:
        raise _unknown(model, GENAI_PRICES, _package_models()) from error
    return prices


def _package_models() -> list[str]:
    from genai_prices.data_snapshot import get_snapshot  # an extra

    return [model.id for provider in get_snapshot().providers for model in provider.models]


def _unknown(model: str, source: str, known: Iterable[Any]) -> InvalidArgument:
    from difflib import get_close_matches  # 6 ms that only a wrong name has to pay

    near = get_close_matches(model, list(dict.fromkeys(known)), n=_MOST_NEAR)
    hint = f"the nearest are {' '.join(near)}" if near else "none of its models is near"
    return InvalidArgument(
        f"prices {clip(source)!r}: expected a model that it knows, got {clip(repr(model))}: {hint}"
    )
