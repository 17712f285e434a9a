# SPDX-License-Identifier: Apache-2.0
"""Prices of tokens, from a table that the user names, and the cost of calls.

Rules:
1. There are no default prices, and each price has its source.
2. A model that is not in the table is an error, never $0.
3. If a table has tiers, the cost of a call depends on its size. So the costs of calls are summed, not their tokens.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.configuration.model_names import DECISIONS
from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.schema import Schema
from schema_guard.text import clip, clip_path, reason_of
from schema_guard.validation.published_schemas import judged

if TYPE_CHECKING:
    from collections.abc import Iterable

GENAI_PRICES = "genai-prices"

TOKENS_SCHEMA = Path(__file__).with_name("tokens.schema.json")
_MILLION = 1_000_000
_MOST_NEAR = 3

_LITELLM = {
    "p_in": "input_cost_per_token",
    "p_cached": "cache_read_input_token_cost",
    "p_out": "output_cost_per_token",
}
_LITELLM_DECISIONS = "_decisions"
_LITELLM_TIER = re.compile(rf"(?:{'|'.join(_LITELLM.values())})_above_(\d+)k_tokens")


class NoPrice(InvalidArgument):
    """A table has no prices of a model."""


class CallTokens(NamedTuple):
    """Tokens of one call. *cached* is a part of *sent*."""

    sent: int
    cached: int
    received: int


class PerMillion(NamedTuple):
    """Dollars for a million tokens. The fields have the names of the costs in the evidence."""

    p_in: float
    p_cached: float
    p_out: float

    def dollars(self, fresh: float, cached: float, received: float) -> float:
        """Return the dollars of tokens. All costs of tokens are computed here.

        Args:
            fresh: Input tokens that are not billed as cached.
            cached: Input tokens that are billed as cached.
            received: Output tokens.
        """
        return (fresh * self.p_in + cached * self.p_cached + received * self.p_out) / _MILLION


class Tier(NamedTuple):
    """Prices for all tokens of a call that sends more than *above* tokens."""

    above: int
    prices: PerMillion


@dataclass(frozen=True, slots=True)
class TablePrices:
    """Prices of a model in a table.

    Attributes:
        model: Its name in the table.
        source: Path of the table, and the source of its prices.
        tiers: Tiers in ascending order. The first one is above -1, so it fits every call.
        as_of: Day of the prices. None if the table has none.
        has_cached_price: Whether the table has a price of cached input. Without one, cached tokens cost as much as
            other input.
    """

    model: str
    source: str
    tiers: tuple[Tier, ...]
    as_of: str | None = None
    has_cached_price: bool = True

    def per_million(self, sent: int) -> PerMillion:
        """Return the prices of a call that sends *sent* tokens."""
        return next(tier.prices for tier in reversed(self.tiers) if sent > tier.above)

    def cost(self, call: CallTokens) -> float:
        """Return the dollars of one call."""
        return self.per_million(call.sent).dollars(call.sent - call.cached, call.cached, call.received)


@dataclass(frozen=True, slots=True)
class PackagePrices:
    """Prices of a model by the package genai-prices.

    Attributes:
        model: The requested name.
        source: The package and its version.
        provider: Owner of the model. None if the package finds the owner by the name of the model.
    """

    model: str
    source: str
    provider: str | None = None

    @property
    def has_cached_price(self) -> bool:
        """Whether the package has a price of cached input for the model."""
        from genai_prices import Usage, calc_price  # an extra

        priced = calc_price(Usage(input_tokens=1), model_ref=self.model, provider_id=self.provider)
        return priced.model_price.cache_read_mtok is not None

    @property
    def as_of(self) -> str | None:
        """The latest start of a price in the package. Its data is not older than this day."""
        return _package_day()

    def per_million(self, sent: int) -> PerMillion:
        """Return the prices of a call that sends *sent* tokens."""
        size = max(sent, 1)
        return PerMillion(
            p_in=self._price(size, 0, 0) / size * _MILLION,
            p_cached=self._price(size, size, 0) / size * _MILLION,
            p_out=(self._price(size, 0, size) - self._price(size, 0, 0)) / size * _MILLION,
        )

    def cost(self, call: CallTokens) -> float:
        """Return the dollars of one call."""
        return self._price(*call)

    def _price(self, sent: int, cached: int, received: int) -> float:
        from genai_prices import Usage, calc_price  # an extra

        usage = Usage(input_tokens=sent, cache_read_tokens=cached, output_tokens=received)
        return float(calc_price(usage, model_ref=self.model, provider_id=self.provider).total_price)


TokenPrices: TypeAlias = TablePrices | PackagePrices
"""Prices of one model."""


def read_prices(path: Path) -> Any:
    """Return the JSON of a file.

    Raises:
        InvalidArgument: The file cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"prices {clip_path(path)!r}: expected a JSON file, but reading it failed: {clip(reason_of(error))}"
        ) from error


def token_prices(model: str, *, source: str | Path) -> TokenPrices:
    """Return the prices of a model's tokens.

    Args:
        model: Its name in the table.
        source: Path of a JSON file, or `"genai-prices"` for the package with this name. The file is your own table,
            `{model: {"p_in", "p_cached", "p_out"}}` in dollars for a million tokens, or litellm's
            `model_prices_and_context_window.json`.

    Raises:
        InvalidArgument: The table cannot be read, or has no prices of the model.
        MissingExtra: The package genai-prices is not installed.
    """
    if source == GENAI_PRICES:
        return _package_prices(model)
    return prices_in(read_prices(Path(source)), model, source=str(source))


def prices_in(table: Any, model: str, *, source: str) -> TokenPrices:
    """Return the prices of a model's tokens from the JSON of a table. See `token_prices`, which reads the table.

    Args:
        table: JSON of the table.
        model: Its name in the table.
        source: Source of the table.
    """
    if isinstance(table, dict):
        known = {name: entry for name, entry in table.items() if entry is not None}
        if model.endswith(DECISIONS) and model not in known:
            entry = _decision_entry(known.get(model.removesuffix(DECISIONS)))
            known |= {} if entry is None else {model: entry}
        if model not in known:
            raise _unknown(model, source, known)
        # The other models are not validated, because litellm's table has a sample that is not a model.
        table = {model: known[model]}
    entry = judged(table, Schema.of(TOKENS_SCHEMA), source)[model]
    origin = entry.get("source")
    return TablePrices(
        model=model,
        source=f"{source} ({origin})" if origin else source,
        tiers=_tiers(entry) if "p_in" in entry else _litellm_tiers(entry),
        as_of=entry.get("as_of"),
        has_cached_price=entry.get("p_cached", entry.get(_LITELLM["p_cached"])) is not None,
    )


def _decision_entry(entry: Any) -> dict[str, Any] | None:
    """Return the prices of a model's decisions in litellm's table. None if it has only prices of texts."""
    if not isinstance(entry, dict) or entry.get("mode") == "decisions":
        return entry if isinstance(entry, dict) else None
    return {
        name.removesuffix(_LITELLM_DECISIONS): price
        for name, price in entry.items()
        if name.endswith(_LITELLM_DECISIONS)
    } or None


def _tiers(entry: dict[str, float]) -> tuple[Tier, ...]:
    return (Tier(-1, PerMillion(*(float(entry[name]) for name in PerMillion._fields))),)


def _litellm_tiers(entry: dict[str, Any]) -> tuple[Tier, ...]:
    """Read litellm's prices in dollars per token. The name of a tier has its threshold in thousands of sent tokens.

    Without a price for cached tokens, they cost as much as others.
    """
    fields = {name: value for name, value in entry.items() if value is not None}
    p_in, p_out = (float(fields[_LITELLM[name]]) * _MILLION for name in ("p_in", "p_out"))
    prices = _litellm_prices(fields, "", PerMillion(p_in, p_in, p_out))
    tiers = [Tier(-1, prices)]
    thresholds = {int(match[1]) for name in fields if (match := _LITELLM_TIER.fullmatch(name))}
    for thousands in sorted(thresholds):
        prices = _litellm_prices(fields, f"_above_{thousands}k_tokens", prices)
        tiers.append(Tier(1000 * thousands, prices))
    return tuple(tiers)


def _litellm_prices(fields: dict[str, float], suffix: str, below: PerMillion) -> PerMillion:
    """Read one tier. The prices that it lacks are those of the tier *below*."""
    names = {column: name + suffix for column, name in _LITELLM.items()}
    prices = {column: float(fields[name]) * _MILLION for column, name in names.items() if name in fields}
    return below._replace(**prices)


def _package_prices(model: str) -> TokenPrices:
    try:
        import genai_prices  # an extra
    except ImportError as error:
        raise missing_extra(f"prices {GENAI_PRICES!r}", "genai-prices", "prices") from error
    # The package does not find the provider of OpenAI's tuned models by their names.
    provider = "openai" if model.startswith("ft:") else None
    provider = "openai-decisions" if model.endswith(DECISIONS) else provider
    named = model.removesuffix(DECISIONS)
    prices = PackagePrices(named, f"{GENAI_PRICES} {genai_prices.__version__}", provider)
    try:
        prices.per_million(1)
    except LookupError as error:
        raise _unknown(model, GENAI_PRICES, _package_models()) from error
    return prices


@cache
def _package_day() -> str | None:
    """Return the latest start of a price in the package's data, at most today."""
    from genai_prices.data_snapshot import get_snapshot  # an extra

    today = datetime.now(UTC).date()
    models = [model for provider in get_snapshot().providers for model in provider.models]
    priced = [price for model in models for price in _dated_prices(model)]
    starts = [getattr(price.constraint, "start_date", None) for price in priced]
    days = [day for day in starts if day is not None and day <= today]
    return max(days).isoformat() if days else None


def _dated_prices(model: Any) -> list[Any]:
    """Return the prices of a model that can have a day, from its lists of prices and its variants."""
    prices = model.prices if isinstance(model.prices, list) else []
    return [*prices, *(getattr(model, "price_variants", None) or ())]


def _package_models() -> list[str]:
    from genai_prices.data_snapshot import get_snapshot  # an extra

    return [model.id for provider in get_snapshot().providers for model in provider.models]


def _unknown(model: str, source: str, known: Iterable[Any]) -> NoPrice:
    from difflib import get_close_matches  # takes 6 ms, and only a wrong name needs it

    near = get_close_matches(model, list(dict.fromkeys(known)), n=_MOST_NEAR)
    hint = f". Similar models: {', '.join(near)}" if near else ". No model has a similar name"
    return NoPrice(
        f"prices {clip(source)!r}: expected a model with known prices, got {clip(repr(model))}{hint}"
    )
