"""Observed rules of Mistral, Cohere, and Bedrock for the schema of an output format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from benchmarks.provider_refusals import anthropic
from benchmarks.provider_refusals.sent_schema import (
    SentPlace,
    SentSchema,
    WireRule,
    at_places,
    refuse,
    types,
)
from schema_guard.ext.loopback.wire import BadRequest

__all__ = [
    "COHERE_RULES",
    "CONVERSE_RULES",
    "MISTRAL_RULES",
    "check_cohere",
    "check_converse",
    "check_mistral",
]


def _format(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if "format" in place.schema:
        yield "Received unsupported keyword `format` in schema."


MISTRAL_RULES: Final = (WireRule("mistral-format", at_places(_format), "langchain-ai/langchain#29604"),)


def check_mistral(body: Mapping[str, Any]) -> None:
    """Refuse the schema of a request for a chat.

    Raises:
        BadRequest: It breaks a rule.
    """
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        refuse(
            MISTRAL_RULES,
            [SentSchema(response_format["json_schema"]["schema"], "response_format.json_schema.schema")],
        )


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


def check_cohere(body: Mapping[str, Any]) -> None:
    """Refuse the schema of a request for a chat.

    Raises:
        BadRequest: It breaks a rule.
    """
    response_format = body.get("response_format") or {}
    schema = response_format.get("json_schema", response_format.get("schema"))
    if schema is not None:
        refuse(COHERE_RULES, [SentSchema(schema, "response_format.json_schema")])


# Lengths of strings are named as unsupported and were seen to be taken.
CONVERSE_RULES: Final = tuple(rule for rule in anthropic.RULES if rule.name != "anthropic-string")


def check_converse(body: Mapping[str, Any]) -> None:
    """Refuse the schema of a request to converse, as Claude's is there.

    Raises:
        BadRequest: It breaks a rule.
    """
    text_format = (body.get("outputConfig") or {}).get("textFormat")
    if text_format is None:
        return
    schema = json.loads(text_format["structure"]["jsonSchema"]["schema"])
    try:
        refuse(CONVERSE_RULES, [SentSchema(schema, "output_config.format.schema")])
    except BadRequest as error:
        raise BadRequest(f"The model returned the following errors: {error}") from None
