"""Rules of Anthropic for the schema of an output format, and of a strict tool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from benchmarks.provider_refusals.sent_schema import (
    Fault,
    SentPlace,
    SentSchema,
    WireRule,
    at_places,
    refuse,
    types,
)

__all__ = ["RULES", "check_messages"]

_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_COMBINERS = ("oneOf", "not", "if", "then", "else")
# Of values of a type, what is not taken.
_OF_TYPES: Final[dict[str, tuple[str, ...]]] = {
    "number": ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum", "multipleOf"),
    "string": ("maxLength", "minLength"),
    "array": ("maxItems", "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems"),
    "object": (
        "patternProperties", "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties",
        "dependentRequired", "dependentSchemas", "dependencies",
    ),
}  # fmt: skip
_NAMED: Final = {"number": ("integer", "number")}
# What an automaton cannot do: to look around, to refer back, to know the border of a word.
_NOT_REGULAR = re.compile(r"(?<!\\)(?:\\\\)*(?:\(\?<?[=!]|\(\?P=|\\[1-9bBk])")
_MOST_TOOLS, _MOST_OPTIONAL, _MOST_UNIONS = 20, 24, 16


def _where(sent: SentSchema, words: str) -> str:
    return f"{sent.where}: {words}"


def _open(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if not place.is_object or place.schema.get("additionalProperties") is False:
        return
    if "additionalProperties" not in place.schema:
        words = "For 'object' type, 'additionalProperties' must be explicitly set to false"
    else:
        value = "true" if place.schema["additionalProperties"] is True else "object"
        words = (
            f"For 'object' type, 'additionalProperties: {value}' is not supported. "
            "Please set 'additionalProperties' to false"
        )
    yield _where(sent, words)


def _combiner(keyword: str) -> Any:
    def said(sent: SentSchema, place: SentPlace) -> Iterator[str]:
        if keyword in place.schema:
            yield _where(sent, f"Schema type '{keyword}' is not supported")

    return at_places(said)


def _bounds(kind: str, keywords: tuple[str, ...]) -> Any:
    def said(sent: SentSchema, place: SentPlace) -> Iterator[str]:
        bounds = [keyword for keyword in keywords if keyword in place.schema]
        if bounds:
            named = next((one for one in types(place.schema) if one in _NAMED.get(kind, (kind,))), kind)
            one, many = f"property '{bounds[0]}' is", f"properties {', '.join(bounds)} are"
            yield _where(sent, f"For '{named}' type, {one if len(bounds) == 1 else many} not supported")

    return at_places(said)


def _min_items(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if place.schema.get("minItems", 0) not in (0, 1):
        yield _where(sent, "For 'array' type, 'minItems' values other than 0 or 1 are not supported")


def _recursion(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    for schema in sent:
        for way in schema.circles():
            reason = "Self-referencing or mutually-referencing definitions are not supported."
            words = f"Circular reference detected in schema definitions: {' -> '.join(way)}. {reason}"
            yield schema, _where(schema, words)


def _reference(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    reference = place.schema.get("$ref")
    if reference is not None and sent.target(reference) is None:
        yield _where(sent, f"$ref '{reference}' is not supported: only definitions of the schema itself")


def _all_of(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if any(isinstance(part, dict) and "$ref" in part for part in place.schema.get("allOf", ())):
        yield _where(sent, "'allOf' with '$ref' is not supported")


def _pattern(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if _NOT_REGULAR.search(str(place.schema.get("pattern", ""))):
        yield _where(sent, f"For 'string' type, pattern '{place.schema['pattern']}' is not supported")


def _format(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    named = place.schema.get("format")
    if named is not None and named not in _FORMATS:
        yield _where(sent, f"For 'string' type, format '{named}' is not supported")


def _enum(sent: SentSchema, place: SentPlace) -> Iterator[str]:
    if any(isinstance(value, dict | list) for value in place.schema.get("enum", ())):
        yield _where(sent, "'enum' values other than strings, numbers, booleans and null are not supported")


# Budgets: of all schemas of a request together; what a reference leads to is not counted.

_INEFFICIENT = "which would make grammar compilation inefficient."


def _too_many(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    tools = [schema for schema in sent if schema.where.startswith("tools.")]
    if len(tools) > _MOST_TOOLS:
        advice = "Try reducing the number of tools marked as strict."
        words = f"Too many strict tools ({len(tools)}). The maximum number of strict tools supported is {_MOST_TOOLS}."
        yield tools[-1], f"{words} {advice}"


def _optional(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    count = sum(
        name not in place.schema.get("required", ())
        for place in _counted(sent)
        for name in place.schema.get("properties", ())
    )
    if count > _MOST_OPTIONAL:
        advice = f"Reduce the number of optional parameters in your tool schemas (limit: {_MOST_OPTIONAL})."
        yield sent[0], f"Schemas contains too many optional parameters ({count}), {_INEFFICIENT} {advice}"


def _unions(sent: Sequence[SentSchema]) -> Iterator[Fault]:
    count = sum(
        place.is_property and ("anyOf" in place.schema or len(types(place.schema)) > 1)
        for place in _counted(sent)
    )
    if count > _MOST_UNIONS:
        reason = f"too many parameters with union types ({count} parameters with type arrays or anyOf)"
        advice = f"Reduce the number of nullable or union-typed parameters (limit: {_MOST_UNIONS})."
        yield sent[0], f"Schemas contains {reason}, {_INEFFICIENT} {advice}"


def _counted(sent: Sequence[SentSchema]) -> Iterator[SentPlace]:
    return (
        place
        for schema in sent
        for place in schema.places
        if isinstance(place.schema, dict) and not place.is_defined
    )


RULES: Final = (
    WireRule("anthropic-open", at_places(_open), "veryfront/veryfront-code#3921"),
    *[WireRule(f"anthropic-{keyword}", _combiner(keyword), "vercel/ai#12876") for keyword in _COMBINERS],
    *[
        WireRule(f"anthropic-{kind}", _bounds(kind, keywords), "sherifkozman/the-llm-council#55")
        for kind, keywords in _OF_TYPES.items()
    ],
    WireRule("anthropic-min-items", at_places(_min_items), "ghostlobster/memorize-everything#93"),
    WireRule("anthropic-recursion", _recursion, "egonSchiele/agency-lang#487"),
    WireRule("anthropic-reference", at_places(_reference)),
    WireRule("anthropic-all-of", at_places(_all_of)),
    WireRule("anthropic-pattern", at_places(_pattern)),
    WireRule("anthropic-format", at_places(_format)),
    WireRule("anthropic-enum", at_places(_enum)),
    WireRule("anthropic-tools", _too_many),
    WireRule("anthropic-optional", _optional, "elie222/inbox-zero#2323"),
    WireRule("anthropic-unions", _unions),
)
"""The rules for output formats and strict tools, in the order of the errors."""


def check_messages(body: Mapping[str, Any]) -> None:
    """Refuse the schemas of a request for a message.

    Raises:
        BadRequest: One breaks a rule.
    """
    sent = []
    holders = {
        "output_config.format.schema": (body.get("output_config") or {}).get("format"),
        "output_format.schema": body.get("output_format"),
    }
    for where, described in holders.items():
        if isinstance(described, dict) and described.get("type") == "json_schema":
            sent.append(SentSchema(described.get("schema"), where))
    for at, tool in enumerate(body.get("tools") or []):
        if tool.get("strict") is True:
            sent.append(SentSchema(tool.get("input_schema"), f"tools.{at}.custom"))
    refuse(RULES, sent)
