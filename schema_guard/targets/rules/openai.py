# SPDX-License-Identifier: Apache-2.0
"""What OpenAI takes as a strict schema, and what its tuned models and Azure's older deployments do."""

from __future__ import annotations

from typing import Final

from schema_guard.targets.rules import conditions
from schema_guard.targets.rules.making import CORE, NUMBERS, SIZES, Sourced, closed_rules
from schema_guard.targets.rules.rule import Rule, Rules

__all__ = ["LEGACY", "OPENAI"]

_EVIDENCE = "OpenAI's guide to structured outputs, supported schemas"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
_MOST_PROPERTIES, _MOST_ENUM, _LONG_ENUM, _MOST_ENUM_CHARACTERS = 5000, 1000, 250, 15_000


def _rules(name: str) -> tuple[Rule, ...]:
    source = Sourced(name, _EVIDENCE, _DAY)
    rule = source.rule
    seen = Sourced(name, "pydantic-ai 2.68, its transformer for OpenAI", _DAY).rule
    return (
        rule(
            "root",
            "type",
            "rejected",
            "the root has to be an object, without anyOf",
            conditions.root_is_no_object,
        ),
        *closed_rules(source),
        rule(
            "optional", "required", "rejected", "every property has to be required", conditions.has_optional
        ),
        rule(
            "required-unlisted",
            "required",
            "rejected",
            "a required key is not among the properties",
            conditions.requires_unlisted,
        ),
        seen(
            "items",
            "items",
            "rejected",
            "an array has to say what its items are",
            conditions.has_untyped_items,
        ),
        seen(
            "any",
            "type",
            "rejected",
            "a schema has to say what it takes",
            lambda site: not conditions.siblings(site.schema),
        ),
        rule(
            "ref",
            "$ref",
            "rejected",
            "a reference may lead to '#', '#/$defs/NAME' or '#/definitions/NAME'",
            conditions.refers_elsewhere,
        ),
        rule("ref-sibling", "$ref", "rejected", "nothing may stand beside $ref", conditions.beside_ref),
    )


def _of_sizes(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "enum-size",
            "enum",
            "rejected",
            f"at most {_MOST_ENUM} values, and {_MOST_ENUM_CHARACTERS} characters in more than {_LONG_ENUM}",
            lambda site: _is_large(site.schema.get("enum", ())),
        ),
    )


def _is_large(values: list[object]) -> bool:
    if len(values) <= _LONG_ENUM:
        return False
    characters = sum(len(value) for value in values if isinstance(value, str))
    return len(values) > _MOST_ENUM or characters > _MOST_ENUM_CHARACTERS


def _of_patterns(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule("lookaround", "pattern", "rejected", "a pattern may not look around", conditions.looks_around),
        rule(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
    )


OPENAI: Final = Rules(
    name="openai",
    takes=CORE | NUMBERS | SIZES | {"$ref", "format", "pattern"},
    others="rejected",
    rules=_rules("openai") + _of_sizes("openai") + _of_patterns("openai"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    requires_all=True,
    requires_object=True,
)
LEGACY: Final = Rules(
    name="openai-legacy",
    takes=CORE | {"$ref"},
    others="rejected",
    rules=_rules("openai-legacy") + _of_sizes("openai-legacy"),
    evidence="OpenAI's guide to structured outputs, keywords that fine-tuned models do not take",
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    requires_all=True,
    requires_object=True,
)
