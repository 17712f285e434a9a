# SPDX-License-Identifier: Apache-2.0
"""What xgrammar enforces, as it is and behind vLLM and SGLang."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import Rule, Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, GRAMMAR_ALWAYS, NUMBERS, SIZES, Sourced

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

__all__ = ["SGLANG", "VLLM", "XGRAMMAR"]

_EVIDENCE = "measured with xgrammar 0.2.8"
_SERVER_EVIDENCE = "vLLM's own check before xgrammar, read in its source of autumn 2026"
_CHECK_EVIDENCE = (
    "SGLang's own check before the grammar, in its versions since 2026-09-03; and xgrammar 0.2.8 as measured"
)
_DAY = "2026-11-25"
_LARGEST_STEP = 1024
_OF_NUMBERS = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid")


def _of_unions(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    lost = "what stands beside it is not enforced"
    return (
        rule(
            "all-of",
            "allOf",
            "ignored",
            "allOf of two or more, or beside others, lets any JSON pass",
            lambda site: "allOf" in site.schema and not conditions.is_single_schema("allOf")(site),
            loses_parts=True,
        ),
        *(
            rule(f"{keyword}-sibling", keyword, "ignored", lost, conditions.beside(keyword))
            for keyword in ("$ref", "anyOf", "oneOf")
        ),
        *(
            rule(f"{keyword}-sibling", keyword, "ignored", lost, conditions.loses_beside(keyword))
            for keyword in ("const", "enum")
        ),
        rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
        ),
        rule(
            "untyped",
            "type",
            "ignored",
            "bounds without a type are not enforced",
            conditions.is_untyped(*_OF_NUMBERS, "maxLength", "minLength", "pattern", "format"),
        ),
        rule(
            "untyped-parts",
            "type",
            "narrowed",
            "properties or items without a type take objects or arrays only",
            conditions.is_untyped("items", "properties"),
        ),
    )


def _of_texts(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "unanchored", "pattern", "narrowed", "a pattern has to match the whole", conditions.is_unanchored
        ),
        rule(
            "lookaround",
            "pattern",
            "ignored",
            "what a pattern sees around it is not enforced",
            conditions.looks_around,
        ),
        rule(
            "pattern",
            "pattern",
            "rejected",
            "a pattern may not refer back, ask for a word boundary or name a property of characters",
            conditions.refers_back,
        ),
        rule(
            "null-character",
            "pattern",
            "rejected",
            "a pattern may not hold a null character",
            lambda site: "\0" in str(site.schema.get("pattern", "")),
        ),
    )


def _of_values(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        *(
            rule(
                f"{keyword}-length",
                keyword,
                "ignored",
                f"lengths beside a {keyword} are not enforced",
                conditions.with_any(keyword, "maxLength", "minLength"),
            )
            for keyword in ("format", "pattern")
        ),
        rule(
            "format",
            "format",
            "ignored",
            f"enforced are {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        rule(
            "multiple-of",
            "multipleOf",
            "ignored",
            f"multipleOf is enforced for integers, up to {_LARGEST_STEP}, without a bound or with two",
            _is_lost_step,
        ),
    )


def _is_lost_step(site: Site) -> bool:
    step = site.schema.get("multipleOf")
    if step is None:
        return False
    bounds = [
        bool({keyword, f"exclusive{keyword.capitalize()}"} & site.schema.keys())
        for keyword in ("minimum", "maximum")
    ]
    return conditions.types_of(site.schema) != ["integer"] or step > _LARGEST_STEP or bounds[0] != bounds[1]


def _of_parts(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "required",
            "required",
            "ignored",
            "a required key that is not among the properties is not enforced",
            conditions.requires_unlisted,
        ),
        rule(
            "property-names",
            "propertyNames",
            "ignored",
            "the properties beside propertyNames are not enforced",
            conditions.with_any("propertyNames", "properties", "patternProperties"),
        ),
        rule(
            "pattern-names",
            "patternProperties",
            "narrowed",
            "a pattern has to match the whole key",
            conditions.has_unanchored_names,
        ),
        rule(
            "pattern-closed",
            "patternProperties",
            "narrowed",
            "an object that says nothing of other keys takes none",
            lambda site: "patternProperties" in site.schema and "additionalProperties" not in site.schema,
        ),
        rule(
            "tuple",
            "prefixItems",
            "rejected",
            "maxItems may not be less than the number of prefixItems",
            conditions.is_short_tuple,
        ),
        rule(
            "tuple-items",
            "items",
            "rejected",
            "items is one schema",
            lambda site: isinstance(site.schema.get("items"), list),
        ),
    )


def _of_references(name: str) -> tuple[Rule, ...]:
    rule = Sourced(name, _EVIDENCE, _DAY).rule
    return (
        rule(
            "ref",
            "$ref",
            "ignored",
            "a reference out of the document takes any JSON",
            conditions.refers_outside,
        ),
        rule(
            "anchor", "$ref", "ignored", "a reference to an anchor takes any JSON", conditions.refers_by_name
        ),
        rule("pointer", "$ref", "rejected", "a reference may hold no escapes", conditions.refers_by_escapes),
    )


def _of_server() -> tuple[Rule, ...]:
    """Give what vLLM refuses by itself; low where another backend, which it takes by default then, enforces it."""
    rule = Sourced("vllm", _SERVER_EVIDENCE, _DAY).rule
    elsewhere = "goes to the backend guidance, or is refused where xgrammar is asked for"
    return (
        rule("multiple-of", "multipleOf", "rejected", f"multipleOf {elsewhere}", confidence="low"),
        *(
            rule(
                f"{keyword}-length",
                keyword,
                "rejected",
                f"a length beside a {keyword} {elsewhere}",
                conditions.with_any(keyword, "maxLength", "minLength"),
                confidence="low",
            )
            for keyword in ("format", "pattern")
        ),
        *(
            rule(keyword, keyword, "rejected", f"{keyword} is taken by no backend")
            for keyword in ("contains", "maxContains", "minContains", "uniqueItems")
        ),
        rule(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        *_of_server_keys(),
    )


def _of_server_keys() -> tuple[Rule, ...]:
    rule = Sourced("vllm", _SERVER_EVIDENCE, _DAY).rule
    others = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties")
    return (
        rule(
            "property-names",
            "propertyNames",
            "rejected",
            "propertyNames is taken alone",
            conditions.with_any("propertyNames", *others),
        ),
        rule(
            "pattern-many",
            "patternProperties",
            "rejected",
            "one pattern, and no properties beside it",
            lambda site: (
                len(site.schema.get("patternProperties", ())) > 1
                or conditions.with_any("patternProperties", "properties")(site)
            ),
        ),
    )


def _joined(name: str, first: tuple[Rule, ...] = ()) -> tuple[Rule, ...]:
    """Give the rules of a table; what the first ones say is not said again."""
    said = {rule.name for rule in first}
    rest = _of_unions(name) + _of_texts(name) + _of_values(name) + _of_parts(name) + _of_references(name)
    return first + tuple(rule for rule in rest if rule.name not in said)


def _checked(rule: Rule) -> Rule:
    """Give a rule of xgrammar's as it is behind a server that refuses what would not be enforced."""
    if rule.effect != "ignored":
        return rule
    return replace(rule, effect="rejected", evidence=_CHECK_EVIDENCE, confidence="low")


_TAKES = CORE | NUMBERS | SIZES | {"$anchor", "$ref", "allOf", "format", "maxProperties", "minProperties", "oneOf"} | {
    "pattern", "patternProperties", "prefixItems", "propertyNames",
}  # fmt: skip

XGRAMMAR: Final = Rules(
    name="xgrammar",
    takes=_TAKES,
    others="ignored",
    rules=_joined("xgrammar"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    booleans=frozenset({True}),
    always=GRAMMAR_ALWAYS,
)
VLLM: Final = Rules(
    name="vllm",
    takes=_TAKES - {"multipleOf"},
    others="ignored",
    rules=_joined("vllm", _of_server()),
    evidence="vLLM's source of autumn 2026, and xgrammar 0.2.8 as measured",
    verified_on=_DAY,
    booleans=frozenset({True}),
    always=(
        *GRAMMAR_ALWAYS,
        "with a reasoning model and no reasoning parser, JSON mode switches thinking off",
    ),
)
SGLANG: Final = Rules(
    name="sglang",
    takes=_TAKES,
    others="rejected",
    rules=tuple(_checked(rule) for rule in _joined("sglang")),
    evidence=_CHECK_EVIDENCE,
    verified_on="2026-11-26",
    confidence="low",
    booleans=frozenset({True}),
    is_cautious=True,
    always=(
        *GRAMMAR_ALWAYS,
        "what is refused with status 400 and its place is ignored without a word by versions before 2026-09",
        "with a reasoning model and no reasoning parser, JSON mode switches thinking off",
    ),
)
