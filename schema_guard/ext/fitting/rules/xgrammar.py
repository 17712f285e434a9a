# SPDX-License-Identifier: Apache-2.0
"""The keywords that xgrammar enforces, alone and behind vLLM and SGLang."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rule, Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_EVIDENCE = "measured with xgrammar 0.2.8"
_SERVER_EVIDENCE = "vLLM's own check before xgrammar, read in its source of autumn 2026"
_CHECK_EVIDENCE = (
    "SGLang's own check before the grammar, in its versions since 2026-09-03; and xgrammar 0.2.8 as measured"
)
_DAY = "2026-11-25"
_LARGEST_STEP = 1024
_FORMATS = (*fact.FORMATS[:-1], "uri", "uuid")
_BOUNDS = (*sorted(fact.NUMBERS), "maxLength", "minLength", "pattern", "format")
_ALL_OF = "accepts any JSON for an allOf with several schemas or with siblings"
_PARTS = "accepts only objects or arrays for properties or items without a type"
_LOOKAROUND = "does not enforce look-around in patterns"
_PATTERN = "rejects patterns with back references, word boundaries, or character properties"
_STEP = f"enforces multipleOf only for integers, up to {_LARGEST_STEP}, without a bound or with two"
_NAMES = "does not enforce the properties beside propertyNames"
_CLOSED = "allows no other properties if additionalProperties is missing"
_SHORT_TUPLE = "rejects maxItems below the number of prefixItems"
_ANCHOR = "accepts any JSON for a reference to an anchor"
_ELSEWHERE = "to the backend 'guidance', or rejects it if xgrammar is required"


def _has_null(site: Site) -> bool:
    return "\0" in str(site.schema.get("pattern", ""))


def _is_lost_step(site: Site) -> bool:
    step = site.schema.get("multipleOf")
    if step is None:
        return False
    bounds = [
        bool({keyword, f"exclusive{keyword.capitalize()}"} & site.schema.keys())
        for keyword in ("minimum", "maximum")
    ]
    return when.types_of(site.schema) != ["integer"] or step > _LARGEST_STEP or bounds[0] != bounds[1]


def _is_closed(site: Site) -> bool:
    return "patternProperties" in site.schema and "additionalProperties" not in site.schema


def _has_patterns(site: Site) -> bool:
    is_beside = when.with_any("patternProperties", "properties")(site)
    return len(site.schema.get("patternProperties", ())) > 1 or is_beside


def _of_values(measured: fact.Sourced) -> tuple[Rule, ...]:
    return (
        measured.ignores("all-of", "allOf", _ALL_OF, when.joins_several, loses_parts=True),
        *measured.ignores_all(fact.siblings()),
        measured.ignores(*fact.OVERLAP),
        measured.ignores(
            "untyped", "type", "does not enforce bounds without a type", when.is_untyped(*_BOUNDS)
        ),
        measured.narrows("untyped-parts", "type", _PARTS, when.is_untyped("items", "properties")),
        measured.narrows(*fact.UNANCHORED),
        measured.ignores("lookaround", "pattern", _LOOKAROUND, when.looks_around),
        measured.rejects("pattern", "pattern", _PATTERN, when.refers_back),
        measured.rejects("null-character", "pattern", "rejects a null character in a pattern", _has_null),
        *measured.ignores_all(fact.lengths("does not enforce lengths beside a {}")),
        measured.ignores(*fact.formats(_FORMATS, message="enforces only the formats {}")),
        measured.ignores("multiple-of", "multipleOf", _STEP, _is_lost_step),
    )


def _of_parts(measured: fact.Sourced) -> tuple[Rule, ...]:
    names = when.with_any("propertyNames", "properties", "patternProperties")
    return (
        measured.ignores(*fact.UNLISTED),
        measured.ignores("property-names", "propertyNames", _NAMES, names),
        measured.narrows(
            "pattern-names",
            "patternProperties",
            "matches a pattern against the whole key",
            when.has_unanchored_names,
        ),
        measured.narrows("pattern-closed", "patternProperties", _CLOSED, _is_closed),
        measured.rejects("tuple", "prefixItems", _SHORT_TUPLE, when.is_short_tuple),
        measured.rejects(*fact.TUPLE_ITEMS),
        measured.ignores(*fact.OUTSIDE_TAKEN),
        measured.ignores("anchor", "$ref", _ANCHOR, when.refers_by_name),
        measured.rejects(*fact.ESCAPES),
    )


def _of_server() -> tuple[Rule, ...]:
    """Return vLLM's own rules. Confidence is low if the backend that vLLM then uses by default enforces the keyword."""
    server = fact.Sourced("vllm", _SERVER_EVIDENCE, _DAY)
    likely = fact.Sourced("vllm", _SERVER_EVIDENCE, _DAY, "low")
    others = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties")
    alone = when.with_any("propertyNames", *others)
    return (
        likely.rejects("multiple-of", "multipleOf", f"passes multipleOf {_ELSEWHERE}"),
        *likely.rejects_all(fact.lengths(f"passes a length beside a {{}} {_ELSEWHERE}")),
        *server.rejects_all(
            fact.anywhere(
                "rejects {}, which no backend supports",
                "contains",
                "maxContains",
                "minContains",
                "uniqueItems",
            )
        ),
        server.rejects(*fact.formats(_FORMATS)),
        server.rejects("property-names", "propertyNames", "accepts propertyNames only alone", alone),
        server.rejects(
            "pattern-many",
            "patternProperties",
            "accepts one pattern, and no properties beside it",
            _has_patterns,
        ),
    )


def _joined(name: str, first: tuple[Rule, ...] = ()) -> tuple[Rule, ...]:
    """Return the rules of a table. The first ones replace others of the same name."""
    said = {rule.name for rule in first}
    measured = fact.Sourced(name, _EVIDENCE, _DAY)
    return first + tuple(rule for rule in _of_values(measured) + _of_parts(measured) if rule.name not in said)


def _checked(rule: Rule) -> Rule:
    """Return xgrammar's rule for a server that rejects schemas that xgrammar would not enforce."""
    if rule.effect != "ignored":
        return rule
    message = f"rejects what xgrammar would not enforce: xgrammar {rule.message}"
    return replace(rule, effect="rejected", message=message, evidence=_CHECK_EVIDENCE, confidence="low")


_THINKING = "JSON mode turns thinking off for a reasoning model without a reasoning parser"

XGRAMMAR: Final = Rules(
    name="xgrammar",
    takes=fact.CORE
    | fact.NUMBERS
    | fact.SIZES
    | {"$anchor", "$ref", "allOf", "format", "maxProperties", "minProperties", "oneOf", "pattern"}
    | {"patternProperties", "prefixItems", "propertyNames"},
    others="ignored",
    rules=_joined("xgrammar"),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    booleans=frozenset({True}),
    always=fact.GRAMMAR_ALWAYS,
)
VLLM: Final = replace(
    XGRAMMAR,
    name="vllm",
    takes=XGRAMMAR.takes - {"multipleOf"},
    rules=_joined("vllm", _of_server()),
    evidence="vLLM's source of autumn 2026, and xgrammar 0.2.8 as measured",
    always=(*fact.GRAMMAR_ALWAYS, _THINKING),
)
SGLANG: Final = replace(
    XGRAMMAR,
    name="sglang",
    others="rejected",
    rules=tuple(_checked(rule) for rule in _joined("sglang")),
    evidence=_CHECK_EVIDENCE,
    verified_on="2026-11-26",
    confidence="low",
    is_cautious=True,
    always=(
        *fact.GRAMMAR_ALWAYS,
        "versions before 2026-09 ignore some keywords without an error, and later versions reject them with status 400",
        _THINKING,
    ),
)
