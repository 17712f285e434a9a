# SPDX-License-Identifier: Apache-2.0
"""The strict schemas of OpenAI, of its tuned models, of Azure's older deployments, and of Groq, which copied OpenAI."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rule, Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_EVIDENCE = "OpenAI's guide to structured outputs, supported schemas"
_DAY = "2026-11-25"
_MOST_LEVELS = 10
_MOST_ENUM, _LONG_ENUM, _MOST_ENUM_CHARACTERS = 1000, 250, 15_000
_SIZES = {"properties": (5000, "properties in all"), "levels": (_MOST_LEVELS, "nested objects")}
# Limits from Azure's copy of the guide, which dates from 2025-01.
_OLD_SIZES = {"properties": (100, "properties in all"), "levels": (5, "nested objects")}
_GROQ_EVIDENCE = "Groq's guide to structured outputs, strict mode"
_GROQ_DAY = "2026-11-26"
_ALWAYS = ("keys come in the order of the schema's properties",)
_REFERENCE = "accepts only references to '#', '#/$defs/NAME', and '#/definitions/NAME'"
_NULL = "may reject a default of null, which the SDK leaves out"
_FIRST_KEY = "rejects objects of an anyOf that begin with the same key, unless its values differ"
_STEPS = f"may reject more than {_MOST_LEVELS} nested schemas; the count is not documented"
_LARGE = f"accepts at most {_MOST_ENUM_CHARACTERS} characters in an enum of more than {_LONG_ENUM} values"


def _has_default(site: Site) -> bool:
    return site.schema.get("default") is not None


def _has_null_default(site: Site) -> bool:
    return "default" in site.schema and site.schema["default"] is None


def _begin_alike(site: Site) -> bool:
    branches = [when.resolved(site.document, part) for part in site.schema.get("anyOf", ())]
    listed = [part["properties"] for part in branches if isinstance(part, dict) and part.get("properties")]
    alike: dict[str, list[Any]] = defaultdict(list)
    for properties in listed:
        key = next(iter(properties))
        values = when.strings_of(site.document, properties[key])
        if any(when.may_share(other, values) for other in alike[key]):
            return True
        alike[key].append(values)
    return False


def _is_stepped(site: Site) -> bool:
    return Above("steps", _MOST_LEVELS)(site) and not Above("levels", _MOST_LEVELS)(site)


def _has_large_enum(site: Site) -> bool:
    values = site.schema.get("enum", ())
    if len(values) <= _LONG_ENUM:
        return False
    return sum(len(value) for value in values if isinstance(value, str)) > _MOST_ENUM_CHARACTERS


def _rules(name: str) -> tuple[Rule, ...]:
    """Return OpenAI's rules for every strict schema, from its guide and from observed behavior."""
    guide = fact.Sourced(name, _EVIDENCE, _DAY)
    copied = fact.Sourced(name, "pydantic-ai 2.68, its transformer for OpenAI", _DAY)
    answered = fact.Sourced(name, "answers of the API that users have reported", _DAY)
    return (
        guide.rejects(*fact.ROOT),
        guide.rejects(*fact.OPEN),
        guide.rejects(*fact.ALL_REQUIRED),
        guide.rejects(
            "required-unlisted",
            "required",
            "rejects required keys that are not in properties",
            when.requires_unlisted,
        ),
        copied.rejects(
            "items", "items", "requires a schema for the items of an array", when.has_untyped_items
        ),
        copied.rejects("any", "type", "requires a keyword for the values, such as type", when.takes_anything),
        guide.rejects("ref", "$ref", _REFERENCE, when.refers_elsewhere),
        guide.rejects("ref-sibling", "$ref", "rejects keywords beside $ref", when.beside_ref),
        answered.rejects("default", "default", "rejects a default that is not null", _has_default),
        answered.rejects("null-default", "default", _NULL, _has_null_default, confidence="low"),
        answered.rejects("first-key", "anyOf", _FIRST_KEY, _begin_alike, confidence="low"),
        *_of_sizes(guide),
    )


def _of_sizes(guide: fact.Sourced) -> tuple[Rule, ...]:
    return (
        *(
            guide.rejects(what, "properties", f"accepts at most {most} {text}", Above(what, most))
            for what, (most, text) in _SIZES.items()
        ),
        guide.rejects("steps", "properties", _STEPS, _is_stepped, confidence="low"),
        guide.rejects(
            "characters",
            "properties",
            "accepts at most 120000 characters in names, enums, and constants",
            Above("characters", 120_000),
        ),
        guide.rejects(
            "values", "enum", f"accepts at most {_MOST_ENUM} enum values in all", Above("values", _MOST_ENUM)
        ),
        guide.rejects("enum-size", "enum", _LARGE, _has_large_enum),
    )


def _of_old_sizes() -> tuple[Rule, ...]:
    old = fact.Sourced("openai-legacy", "Azure's copy of the guide, of 2025-01", _DAY, "low")
    return tuple(
        old.rejects(
            f"old-{what}",
            "properties",
            f"accepts at most {most} {text} on older deployments",
            Above(what, most),
        )
        for what, (most, text) in _OLD_SIZES.items()
    )


def _of_patterns(name: str) -> tuple[Rule, ...]:
    guide = fact.Sourced(name, _EVIDENCE, _DAY)
    return (
        guide.rejects("lookaround", "pattern", "rejects patterns with look-around", when.looks_around),
        guide.rejects(*fact.formats(fact.FORMATS, of_any=True)),
    )


def _of_groq() -> tuple[Rule, ...]:
    """Return Groq's rules for strict schemas. OpenAI's other rules are likely to apply, too."""
    groq = fact.Sourced("groq", _GROQ_EVIDENCE, _GROQ_DAY)
    said = groq.rejects_all((fact.OPEN, fact.ALL_REQUIRED))
    names = {one.name for one in said}
    return said + tuple(
        replace(one, confidence="low", evidence=f"{one.evidence}: Groq's API has its form")
        for one in _rules("groq") + _of_patterns("groq")
        if one.name not in names
    )


OPENAI: Final = Rules(
    name="openai",
    takes=fact.CORE | fact.NUMBERS | fact.SIZES | {"$ref", "format", "pattern"},
    others="rejected",
    rules=_rules("openai") + _of_patterns("openai"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    requires_object=True,
    always=_ALWAYS,
)
LEGACY: Final = replace(
    OPENAI,
    name="openai-legacy",
    takes=fact.CORE | {"$ref"},
    rules=_rules("openai-legacy") + _of_old_sizes(),
    evidence="OpenAI's guide to structured outputs, keywords that fine-tuned models do not take",
)
GROQ: Final = replace(
    OPENAI,
    name="groq",
    rules=_of_groq(),
    evidence=f"{_EVIDENCE}: Groq's API has its form",
    verified_on=_GROQ_DAY,
    confidence="low",
    is_cautious=True,
    always=(
        *_ALWAYS,
        (
            "few models enforce the schema. For the others, it is only a hint, and an invalid reply causes status 400 with the code json_validate_failed"
        ),
        "a request with a schema can't use streaming or tools",
    ),
)
