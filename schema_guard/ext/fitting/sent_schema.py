# SPDX-License-Identifier: Apache-2.0
"""The schema to send to a provider for a strategy: the user's, or the strongest one that the provider accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.fitting.adapting.adaptation import adapt, adapt_arguments
from schema_guard.providers.options import PROVIDER_OPTIONS

if TYPE_CHECKING:
    from schema_guard.ext.fitting.adapting.result import Adapted
    from schema_guard.ext.fitting.rules.rule import Rules
    from schema_guard.schema import Schema

# Providers enforce less of a schema for tuned models.
_TUNED: Final = {"openai": "openai-tuned", "openai-responses": "openai-tuned"}


def sent_schema(
    provider: str, strategy: str, schema: Schema[Any], *, tuned: bool = False, rules: Rules | None = None
) -> Adapted | None:
    """Return the schema to send in place of the user's schema.

    Args:
        provider: A key of `PROVIDER_OPTIONS`.
        strategy: Name of a strategy.
        schema: Schema of the user, which is never changed.
        tuned: Whether the model was fine-tuned. Some providers accept fewer keywords for such a model.
        rules: The result of a probe of the server. Default: the rules of the provider.

    Returns:
        The adapted schema. None if the schema needs no change, if the strategy sends no schema, or if its schema is
        only a hint for the model.
    """
    row = PROVIDER_OPTIONS[provider]
    if strategy not in row.formats or not (strategy in row.enforces or _is_no_tool(strategy, schema)):
        return None
    named = _TUNED.get(provider, provider) if tuned else provider
    is_tool = strategy == "tool_call"
    adapted = adapt_arguments(schema, named, rules) if is_tool else adapt(schema, named, rules=rules)
    return None if adapted.schema == schema.document else adapted


def _is_no_tool(strategy: str, schema: Schema[Any]) -> bool:
    """Return whether a schema cannot be the arguments of a tool, which are an object."""
    document = schema.document
    return strategy == "tool_call" and not (isinstance(document, dict) and document.get("type") == "object")
