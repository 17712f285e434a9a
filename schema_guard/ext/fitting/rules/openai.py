# SPDX-License-Identifier: Apache-2.0
"""What OpenAI takes as a strict schema, what its tuned models and Azure's older deployments do, and Groq, who copied it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rule, Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, NUMBERS, SIZES, Sourced, closed_rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

__all__ = ["GROQ", "LEGACY", "OPENAI"]

_EVIDENCE = "OpenAI's guide to structured outputs, supported schemas"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
_MOST_PROPERTIES, _MOST_LEVELS, _MOST_CHARACTERS = 5000, 10, 120_000
_MOST_ENUM, _LONG_ENUM, _MOST_ENUM_CHARACTERS = 1000, 250, 15_000
# Of the copy of the guide that Azure has kept since 2025-01.
_OLD_MOST_PROPERTIES, _OLD_MOST_LEVELS = 100, 5
_GROQ_EVIDENCE = "Groq's guide to structured outputs, strict mode"
_GROQ_DAY = "2026-11-26"
_ALWAYS = ("keys come in the order of the schema's properties",)


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


def _of_unions(name: str) -> tuple[Rule, ...]:
    seen = Sourced(name, "answers of the API that users have reported", _DAY).rule
    return (
        seen(
            "default",
            "default",
            "rejected",
            "a default that is not null is refused",
            lambda site: site.schema.get("default") is not None,
        ),
        seen(
            "null-default",
            "default",
            "rejected",
            "a default of null is left out by the SDK, and may be refused",
            lambda site: "default" in site.schema and site.schema["default"] is None,
            confidence="low",
        ),
        seen(
            "first-key",
            "anyOf",
            "rejected",
            "objects of an anyOf may not begin with the same key, unless its values tell them apart",
            _begin_alike,
            confidence="low",
        ),
    )


def _begin_alike(site: Site) -> bool:
    branches = [conditions.resolved(site.document, part) for part in site.schema.get("anyOf", ())]
    listed = [part["properties"] for part in branches if isinstance(part, dict) and part.get("properties")]
    alike: dict[str, list[Any]] = defaultdict(list)
    for properties in listed:
        key = next(iter(properties))
        values = conditions.strings_of(site.document, properties[key])
        if any(conditions.may_share(other, values) for other in alike[key]):
            return True
        alike[key].append(values)
    return False


def _of_sizes(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "properties",
            "properties",
            "rejected",
            f"at most {_MOST_PROPERTIES} properties in all",
            Above("properties", _MOST_PROPERTIES),
        ),
        rule(
            "levels",
            "properties",
            "rejected",
            f"at most {_MOST_LEVELS} objects inside of each other",
            Above("levels", _MOST_LEVELS),
        ),
        rule(
            "steps",
            "properties",
            "rejected",
            f"more than {_MOST_LEVELS} schemas inside of each other may be too many: how they are counted is not said",
            lambda site: Above("steps", _MOST_LEVELS)(site) and not Above("levels", _MOST_LEVELS)(site),
            confidence="low",
        ),
        rule(
            "characters",
            "properties",
            "rejected",
            f"at most {_MOST_CHARACTERS} characters in names, enums and constants",
            Above("characters", _MOST_CHARACTERS),
        ),
        rule(
            "values",
            "enum",
            "rejected",
            f"at most {_MOST_ENUM} values of enums in all",
            Above("values", _MOST_ENUM),
        ),
        rule(
            "enum-size",
            "enum",
            "rejected",
            f"at most {_MOST_ENUM_CHARACTERS} characters in an enum of more than {_LONG_ENUM} values",
            lambda site: _is_large(site.schema.get("enum", ())),
        ),
    )


def _of_old_sizes() -> tuple[Rule, ...]:
    rule = Sourced("openai-legacy", "Azure's copy of the guide, of 2025-01", _DAY, "low").rule
    return (
        rule(
            "old-properties",
            "properties",
            "rejected",
            f"at most {_OLD_MOST_PROPERTIES} properties in all, on older deployments",
            Above("properties", _OLD_MOST_PROPERTIES),
        ),
        rule(
            "old-levels",
            "properties",
            "rejected",
            f"at most {_OLD_MOST_LEVELS} objects inside of each other, on older deployments",
            Above("levels", _OLD_MOST_LEVELS),
        ),
    )


def _is_large(values: list[object]) -> bool:
    if len(values) <= _LONG_ENUM:
        return False
    characters = sum(len(value) for value in values if isinstance(value, str))
    return characters > _MOST_ENUM_CHARACTERS


def _of_patterns(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule("lookaround", "pattern", "rejected", "a pattern may not look around", conditions.looks_around),
        rule(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS, of_any=True),
        ),
    )


def _of_groq() -> tuple[Rule, ...]:
    """Give what Groq says of strict schemas; what else OpenAI asks of them is likely there too."""
    rule = Sourced("groq", _GROQ_EVIDENCE, _GROQ_DAY).rule
    said = (
        *closed_rules(Sourced("groq", _GROQ_EVIDENCE, _GROQ_DAY)),
        rule(
            "optional", "required", "rejected", "every property has to be required", conditions.has_optional
        ),
    )
    names = {one.name for one in said}
    likely = _rules("groq") + _of_unions("groq") + _of_sizes("groq") + _of_patterns("groq")
    return said + tuple(
        replace(one, confidence="low", evidence=f"{one.evidence}: Groq's API has its form")
        for one in likely
        if one.name not in names
    )


OPENAI: Final = Rules(
    name="openai",
    takes=CORE | NUMBERS | SIZES | {"$ref", "format", "pattern"},
    others="rejected",
    rules=_rules("openai") + _of_unions("openai") + _of_sizes("openai") + _of_patterns("openai"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    requires_all=True,
    requires_object=True,
    always=_ALWAYS,
)
LEGACY: Final = Rules(
    name="openai-legacy",
    takes=CORE | {"$ref"},
    others="rejected",
    rules=_rules("openai-legacy")
    + _of_unions("openai-legacy")
    + _of_sizes("openai-legacy")
    + _of_old_sizes(),
    evidence="OpenAI's guide to structured outputs, keywords that fine-tuned models do not take",
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    requires_all=True,
    requires_object=True,
    always=_ALWAYS,
)
GROQ: Final = Rules(
    name="groq",
    takes=OPENAI.takes,
    others="rejected",
    rules=_of_groq(),
    evidence=f"{_EVIDENCE}: Groq's API has its form",
    verified_on=_GROQ_DAY,
    confidence="low",
    drops_annotations=True,
    is_closed=True,
    requires_all=True,
    requires_object=True,
    is_cautious=True,
    always=(
        *_ALWAYS,
        "a schema is enforced for few models; for the others it is a hint, and a reply that breaks it is status 400 with the code json_validate_failed",
        "streams and tools are refused beside a schema",
    ),
)
