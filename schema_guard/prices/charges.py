# SPDX-License-Identifier: Apache-2.0
"""The cost of attempts during calls, from a table of prices that a guard, the environment, or the project names.

Rules:
1. An unknown cost is None, never $0.
2. No exception reaches a call from here.
3. A table is read once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.configuration.model_names import model_and_snapshot
from schema_guard.configuration.project import setting
from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.interruptions import is_interruption, value_or
from schema_guard.schema import Schema
from schema_guard.text import clip, safe
from schema_guard.validation.published_schemas import judged

if TYPE_CHECKING:
    from schema_guard.prices.costs import TokenPrices
    from schema_guard.values import Usage

Table: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
"""A path, `"genai-prices"`, or the JSON of a table: model -> prices, as `token_prices` has them."""

# Largest number of cached names of models, because each reply can name another model.
_MOST_KNOWN = 1_000
_logger = logging.getLogger("schema_guard")


class Charges:
    """Prices of one table, by the name of the model.

    Raises:
        InvalidArgument: The table cannot be read. Only the constructor raises it.
        MissingExtra: The package genai-prices is not installed. Only the constructor raises it.
    """

    def __init__(self, source: Table) -> None:
        self.source = source
        self._known: dict[str, TokenPrices | None] = {}
        self._is_reported = False
        self._table, self._file = _read(source)

    def cost(self, usage: Usage, *models: str | None) -> float | None:
        """Return the dollars of one attempt. None if its tokens or the price of its model are unknown.

        Args:
            usage: Tokens of the attempt.
            models: The names of its model. The first one with known prices counts.
        """
        sent, received = usage.input_tokens, usage.output_tokens
        if sent is None or received is None:
            return None
        for model in models:
            prices = None if model is None else self._prices(model)
            if prices is not None:
                from schema_guard.prices.costs import CallTokens

                # The package can lack a part of the prices.
                tokens = CallTokens(sent, min(usage.cached_input_tokens or 0, sent), received)
                return value_or(None, prices.cost, tokens)
        return None

    def _prices(self, model: str) -> TokenPrices | None:
        if model in self._known:
            return self._known[model]
        prices = self._look_up(model)
        if prices is None and (base := model_and_snapshot(model).model) != model:
            prices = self._look_up(base)
        if prices is None and not self._is_reported:
            self._is_reported = True
            _logger.warning(
                "prices %r have no model %r, so its cost is unknown", self._file, safe(clip(model))
            )
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[model] = prices
        return prices

    def _look_up(self, model: str) -> TokenPrices | None:
        from schema_guard.prices.costs import prices_in, token_prices

        # The package can raise any exception for an unknown name.
        if self._table is None:
            return value_or(None, token_prices, model, source=self._file)
        return value_or(None, prices_in, self._table, model, source=self._file)


def _read(source: Table) -> tuple[Any, str]:
    """Return the JSON of a table and its name. The JSON is None for the package."""
    from schema_guard.prices.costs import GENAI_PRICES, TOKENS_SCHEMA, read_prices

    if source == GENAI_PRICES:
        from importlib.util import find_spec

        if find_spec("genai_prices") is None:
            raise missing_extra(f"prices {GENAI_PRICES!r}", "genai-prices", "prices")
        return None, GENAI_PRICES
    if isinstance(source, Mapping):
        return judged(source, Schema.of(TOKENS_SCHEMA), "prices"), "prices="
    if not isinstance(source, (str, os.PathLike)):
        raise InvalidArgument(
            f"prices={clip(repr(source))}: expected the path of a JSON file, 'genai-prices', or a dict from models to prices"
        )
    table = read_prices(Path(source))
    if not isinstance(table, dict):
        raise InvalidArgument(
            f"prices {clip(str(source))!r}: expected an object that maps each model to its prices"
        )
    return table, str(source)


def charges_of(source: Table) -> Charges:
    """Return the prices of a table. A file is read again only if it changed. Raise the same errors as `Charges`."""
    try:
        stat = Path(source).stat() if isinstance(source, (str, os.PathLike)) else None
    except (OSError, ValueError) as error:
        if is_interruption(error):
            raise
        stat = None
    if stat is None:
        return Charges(source)
    key = str(source), stat.st_mtime_ns, stat.st_size
    if key not in _read_tables:
        _read_tables[key] = Charges(source)
    return _read_tables[key]


def default_charges() -> Charges | None:
    """Return the prices that $SCHEMA_GUARD_PRICES or the project names. None without any, or if reading them fails."""
    named, source = "", "settings of the project"
    try:
        named, source = setting("prices")
        if named is not None and named not in _by_name:
            _by_name[named] = charges_of(named)
    except Exception as error:
        if is_interruption(error):
            raise
        # A wrong table never fails a call.
        _by_name[named] = None
        _logger.warning("%s: reading the prices failed, so the cost of calls is unknown: %s", source, error)
    return _by_name.get(named)


_read_tables: dict[tuple[str, int, int], Charges] = {}
_by_name: dict[str, Charges | None] = {}
