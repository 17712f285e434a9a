"""Observed rules of Mistral, Cohere, and Bedrock for the schema of an output format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.provider_refusals import anthropic
from benchmarks.provider_refusals.sent_schema import (
    SentPlace,
    SentSchema,
    WireRule,
    at_places,
    types,
)

__all__ = [
    "COHERE_RULES",
    "CONVERSE_RULES",
    "MISTRAL_RULES",
]


def _format(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if "format" in place.schema:
        yield "Received unsupported keyword `format` in schema."


MISTRAL_RULES: Final = (WireRule("mistral-format", at_places(_format), "langchain-ai/langchain#29604"),)


_UNSUPPORTED: Final = (
    "allOf", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum",
    "multipleOf", "not", "oneOf", "uniqueItems",
)  # fmt: skip


def _unsupported(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    for keyword in _UNSUPPORTED:
        if keyword in place.schema:
            yield f"invalid request: {sent.where}: {keyword} is not supported"


def _root(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if not place.path and types(place.schema) != ["object"]:
        yield f"invalid request: {sent.where}: the top level must be of type object"


def _none_required(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if place.schema.get("properties") and not place.schema.get("required"):
        yield f"invalid request: {sent.where}: an object must have at least one required field"


COHERE_RULES: Final = (
    WireRule("cohere-root", at_places(_root)),
    WireRule("cohere-none-required", at_places(_none_required)),
    WireRule("cohere-unsupported", at_places(_unsupported)),
)


# Lengths of strings are named as unsupported and were seen to be taken.
CONVERSE_RULES: Final = tuple(rule for rule in anthropic.RULES if rule.name != "anthropic-string")
