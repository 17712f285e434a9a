# SPDX-License-Identifier: Apache-2.0
"""The provider's own arguments for a strategy, and the strategies that each provider supports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.providers.order import PROVIDERS
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.providers.request_options import ProviderOptions
    from schema_guard.schema import Schema

TEXT_STRATEGIES = frozenset({"bare", "system_prompt", "few_shot", "reason_then_format"})
"""Strategies that ask for the format only in the prompt, so every provider accepts them."""

STRICT = "strict_schema"
REASON_THEN_STRICT = "reason_then_strict"
# The strategies for which some provider has arguments.
_FORMAT_STRATEGIES = (
    "json_mode", "tool_call", "strict_schema", "strict_only", "reason_then_strict", "decision",
)  # fmt: skip
# Models that reject forced tool calls, with the sources.
_UNFORCED = Path(__file__).with_name("unforced.json")
_STRONGEST_FIRST = ("strict_schema", "tool_call", "json_mode", "decision")


def options_for(
    provider: str,
    strategy: str,
    schema: Schema[Any],
    *,
    output_tokens: int | None = None,
) -> dict[str, Any]:
    """Return the arguments for `create(..., **options)` that request a strategy's format from *provider*.

    Args:
        provider: A key of `PROVIDER_OPTIONS`.
        strategy: Name of the strategy. A text strategy has no arguments of its own.
        schema: The schema. It is copied, never changed.
        output_tokens: The output limit to send, >= 1. None sends none.

    Raises:
        InvalidArgument: The provider or strategy is unknown, or they do not fit. The limit is no count. The engine
            cannot enforce a keyword of the schema.
        MissingExtra: The strategy needs a package that is not installed.
    """
    row = _row(provider)
    options = _format_arguments(provider, row, strategy, schema)
    if output_tokens is not None and row.limit:
        *bag, name = row.limit.split(".")
        holder = options.setdefault(bag[0], {}) if bag else options
        holder[name] = _count(output_tokens)
    return options


def capabilities(provider: str) -> frozenset[str]:
    """Return the names of the strategies that a provider takes.

    >>> sorted(capabilities("llamacpp-llguidance") - TEXT_STRATEGIES)
    ['json_mode', 'reason_then_strict', 'strict_only', 'strict_schema']
    """
    row = _row(provider)
    formats = row.formats
    if not row.limit:
        return frozenset(formats)
    return TEXT_STRATEGIES | formats.keys() | ({REASON_THEN_STRICT} if STRICT in formats else set())


def unforced(
    provider: str,
    options: Mapping[str, Any],
    *,
    model: str | None = None,
    beside: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the arguments of a request, in which the model may choose whether to call the tool if force is rejected.

    Models that think reject forced calls, and some others do so by their name. There is only one tool, so the model can
    call no other tool. A reply in text is validated as text.

    Args:
        provider: A key of `PROVIDER_OPTIONS`.
        options: All arguments that are known. They are copied, never changed.
        model: The model that receives them. None if it is not known.
        beside: Further arguments of the request, which take precedence and are not returned.

    Raises:
        InvalidArgument: The provider is unknown.

    >>> unforced("deepseek", {"tool_choice": "required"})
    {'tool_choice': 'auto'}
    >>> unforced("openai", {"tool_choice": "required"})
    {'tool_choice': 'required'}
    """
    row = _row(provider)
    is_refused = row.refuses_force is not None and row.refuses_force({**options, **(beside or {})}, model)
    return row.unforced(options) if is_refused or _is_never_forced(model) else dict(options)


def _is_never_forced(model: str | None) -> bool:
    """Return whether a model's name is one of those that always reject forced calls."""
    name = re.sub(r"[^a-z0-9]+", "-", (model or "").lower())
    return any(re.search(rf"\b{known}\b", name) for known in _never_forced())


@cache
def _never_forced() -> tuple[str, ...]:
    rows = json.loads(_UNFORCED.read_text(encoding="utf-8"))
    return tuple(name for row in rows for name in row["models"])


def _count(output_tokens: object) -> int:
    if isinstance(output_tokens, int) and not isinstance(output_tokens, bool) and output_tokens >= 1:
        return output_tokens
    raise InvalidArgument(f"output_tokens={clip(repr(output_tokens))}: expected an int >= 1 or None")


def _row(provider: object) -> ProviderOptions:
    row = PROVIDER_OPTIONS.get(provider) if isinstance(provider, str) else None
    if row is None:
        raise InvalidArgument(
            f"provider={clip(repr(provider))}: {_expected(provider, sorted(PROVIDER_OPTIONS))}"
        )
    return row


def _format_arguments(
    provider: str, row: ProviderOptions, strategy: object, schema: Schema[Any]
) -> dict[str, Any]:
    if not isinstance(strategy, str):
        raise InvalidArgument(f"strategy={clip(repr(strategy))}: expected the name of a strategy as a str")
    # `bare` has no text of its own. It is used for the arguments that request no format.
    if strategy in TEXT_STRATEGIES and (row.limit or strategy == "bare"):
        return {}
    if strategy in row.formats:
        return row.formats[strategy](schema)
    if strategy in _FORMAT_STRATEGIES or strategy in TEXT_STRATEGIES:
        names = ", ".join(sorted(capabilities(provider)))
        strongest = next((name for name in _STRONGEST_FIRST if name in row.formats), "system_prompt")
        raise InvalidArgument(
            f"provider {provider!r} does not support the strategy {strategy!r}, only {names}. Use another strategy. The strongest one is {strongest!r}"
        )
    known = [*sorted(TEXT_STRATEGIES), *_FORMAT_STRATEGIES]
    raise InvalidArgument(f"strategy={clip(repr(strategy))}: {_expected(strategy, known)}")


def _expected(name: object, known: Iterable[str]) -> str:
    names = list(known)
    return f"expected one of {', '.join(names)}{did_you_mean(name, names)}"


def _with_strict_only(row: ProviderOptions) -> ProviderOptions:
    """Return a row with `strict_only`, which sends the arguments of `strict_schema` and a different prompt."""
    if STRICT not in row.formats:
        return row
    formats = {**row.formats, "strict_only": row.formats[STRICT]}
    return replace(row, formats=formats, enforces=row.enforces | {"strict_only", REASON_THEN_STRICT})


PROVIDER_OPTIONS: Mapping[str, ProviderOptions] = {
    name: _with_strict_only(taken) for provider in PROVIDERS for name, taken in provider.options.items()
}
"""Provider or engine -> the options that it takes."""
