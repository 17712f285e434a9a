"""The provider's own arguments for a strategy, as data: a row of `TARGETS` for each provider or engine.

Rules: every call gives a new dict; nothing in it is shared with the schema or with another call; a row
says what the provider takes, not what is good for it.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import InvalidArgument
from schema_guard.targets.llguidance import grammar
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schema_guard.core.schema import Schema

TEXT_STRATEGIES = frozenset({"bare", "system_prompt", "few_shot", "reason_then_format"})
"""Strategies that ask for the format in the prompt alone: every target takes them."""

# The strategies that some target takes arguments for.
_FORMAT_STRATEGIES = ("json_mode", "tool_call", "strict_schema")


Arguments: TypeAlias = "Callable[[Schema[Any]], dict[str, Any]]"


@dataclass(frozen=True, slots=True)
class Target:
    """What a provider or engine takes.

    Attributes:
        limit: Name of the argument for the most tokens of output.
        formats: For each strategy that has arguments, the function that makes them from a schema.
    """

    limit: str
    formats: Mapping[str, Arguments]


def options_for(
    target: str, strategy: str, schema: Schema[Any], *, output_tokens: int | None = None
) -> dict[str, Any]:
    """Give the arguments for `create(..., **options)` that ask *target* for a strategy's format.

    Args:
        target: A key of `TARGETS`.
        strategy: Name of the strategy; a text strategy has no arguments of its own.
        schema: The schema; it is copied, never changed.
        output_tokens: The output limit to send, >= 1; None sends none.

    Raises:
        InvalidArgument: The target or strategy is unknown, they do not go together, the limit is no
            count, or the target's engine cannot enforce a keyword of the schema.
        MissingExtra: The strategy needs a package that is not installed.
    """
    row = _row(target)
    options = _format_arguments(target, row, strategy, schema)
    if output_tokens is not None:
        options[row.limit] = _count(output_tokens)
    return options


def capabilities(target: str) -> frozenset[str]:
    """Give the names of the strategies that a target takes.

    >>> sorted(capabilities("llamacpp-llguidance") - TEXT_STRATEGIES)
    ['json_mode', 'strict_schema']
    """
    return TEXT_STRATEGIES | _row(target).formats.keys()


def _count(output_tokens: object) -> int:
    if isinstance(output_tokens, int) and not isinstance(output_tokens, bool) and output_tokens >= 1:
        return output_tokens
    raise InvalidArgument(f"output_tokens={clip(repr(output_tokens))}: expected an int >= 1 or None")


def _row(target: object) -> Target:
    row = TARGETS.get(target) if isinstance(target, str) else None
    if row is None:
        raise InvalidArgument(f"target={clip(repr(target))}: {_expected(target, TARGETS)}")
    return row


def _format_arguments(target: str, row: Target, strategy: object, schema: Schema[Any]) -> dict[str, Any]:
    if not isinstance(strategy, str):
        raise InvalidArgument(f"strategy={clip(repr(strategy))}: expected the name of one strategy")
    if strategy in TEXT_STRATEGIES:
        return {}
    if strategy in row.formats:
        return row.formats[strategy](schema)
    if strategy in _FORMAT_STRATEGIES:
        taken = ", ".join(sorted(capabilities(target)))
        raise InvalidArgument(
            f"strategy {strategy!r} is not supported by target {target!r}: it takes {taken}"
        )
    known = [*sorted(TEXT_STRATEGIES), *_FORMAT_STRATEGIES]
    raise InvalidArgument(f"strategy={clip(repr(strategy))}: {_expected(strategy, known)}")


def _expected(name: object, known: Iterable[str]) -> str:
    names = list(known)
    return f"expected one of {', '.join(names)}{did_you_mean(name, names)}"


def _wire_name(schema: Schema[Any]) -> str:
    # OpenAI takes [A-Za-z0-9_-]{1,64}: "urn:invoice:2" goes as "urn_invoice_2".
    return re.sub(r"[^A-Za-z0-9_-]+", "_", schema.name).strip("_")[:64] or "reply"


def _document(schema: Schema[Any]) -> dict[str, Any]:
    """Give a copy as an object: providers take no boolean schema."""
    if isinstance(schema.document, bool):
        return {} if schema.document else {"not": {}}
    document: dict[str, Any] = copy.deepcopy(schema.document)
    return document


def _strict(schema: Schema[Any]) -> dict[str, Any]:
    return {"name": _wire_name(schema), "schema": _document(schema), "strict": True}


def _function(schema: Schema[Any]) -> dict[str, Any]:
    return {"name": _wire_name(schema), "parameters": _document(schema)}


def _chat_json(_: Schema[Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_object"}}


def _chat_strict(schema: Schema[Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": _strict(schema)}}


def _chat_tool(schema: Schema[Any]) -> dict[str, Any]:
    return {
        "tools": [{"type": "function", "function": _function(schema)}],
        "tool_choice": {"type": "function", "function": {"name": _wire_name(schema)}},
    }


def _responses_json(_: Schema[Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_object"}}}


def _responses_strict(schema: Schema[Any]) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", **_strict(schema)}}}


def _responses_tool(schema: Schema[Any]) -> dict[str, Any]:
    # Without "strict" the Responses API takes a function as strict; this strategy promises no such thing.
    return {
        "tools": [{"type": "function", **_function(schema), "strict": False}],
        "tool_choice": {"type": "function", "name": _wire_name(schema)},
    }


def _llguidance_strict(schema: Schema[Any]) -> dict[str, Any]:
    # The server's own response_format json_schema keeps only the rough shape: no pattern, format or bounds.
    return {"extra_body": {"grammar": grammar(schema)}}


TARGETS: Mapping[str, Target] = {
    "openai": Target(
        limit="max_completion_tokens",
        formats={"json_mode": _chat_json, "tool_call": _chat_tool, "strict_schema": _chat_strict},
    ),
    "openai-responses": Target(
        limit="max_output_tokens",
        formats={
            "json_mode": _responses_json,
            "tool_call": _responses_tool,
            "strict_schema": _responses_strict,
        },
    ),
    # No tool_call: llama.cpp leaves a forced tool to the model's chat template, and answers 200 without one.
    "llamacpp-llguidance": Target(
        limit="max_tokens",
        formats={"json_mode": _chat_json, "strict_schema": _llguidance_strict},
    ),
}
"""For each provider or engine, what it takes."""
