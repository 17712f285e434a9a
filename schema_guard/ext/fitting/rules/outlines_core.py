# SPDX-License-Identifier: Apache-2.0
"""What outlines-core enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, GRAMMAR_ALWAYS, SIZES, Sourced

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

__all__ = ["OUTLINES_CORE"]

_EVIDENCE = "measured with outlines-core 0.2.14"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "email", "time", "uuid")
_NEED_TYPE = ("items", "maxItems", "maxLength", "minItems", "minLength", "pattern", "prefixItems")
_rule = Sourced("outlines-core", _EVIDENCE, _DAY).rule


def _is_open(site: Site) -> bool:
    return not any(
        site.schema.get(keyword) is False for keyword in ("additionalProperties", "unevaluatedProperties")
    )


OUTLINES_CORE: Final = Rules(
    name="outlines-core",
    takes=CORE
    | SIZES
    | {
        "$anchor",
        "$dynamicAnchor",
        "$ref",
        "allOf",
        "format",
        "minProperties",
        "maxProperties",
        "oneOf",
        "pattern",
        "prefixItems",
    }
    | {"unevaluatedProperties"},
    others="ignored",
    rules=(
        *(
            _rule(keyword, keyword, "rejected", f"{keyword} gives no automaton")
            for keyword in ("$dynamicRef", "patternProperties")
        ),
        _rule(
            "all-of",
            "allOf",
            "narrowed",
            "the parts of allOf are written one after another",
            lambda site: "allOf" in site.schema and not conditions.is_single_schema("allOf")(site),
        ),
        *(
            _rule(
                f"{keyword}-sibling",
                keyword,
                "ignored",
                "what stands beside it is not enforced",
                conditions.beside(keyword),
            )
            for keyword in ("$ref", "anyOf", "oneOf")
        ),
        *(
            _rule(
                f"{keyword}-sibling",
                keyword,
                "ignored",
                "what stands beside it is not enforced",
                conditions.loses_beside(keyword),
            )
            for keyword in ("const", "enum")
        ),
        _rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
        ),
        _rule(
            "described-any",
            "description",
            "rejected",
            "a schema that takes anything may not be described, nor say anything else",
            lambda site: bool(site.schema) and not conditions.siblings(site.schema),
        ),
        _rule(
            "untyped",
            "type",
            "rejected",
            "a keyword of values needs a type beside it",
            conditions.is_untyped(*_NEED_TYPE),
        ),
        _rule(
            "untyped-parts",
            "type",
            "narrowed",
            "properties without a type take objects only",
            conditions.is_untyped("properties"),
        ),
        _rule(
            "unanchored", "pattern", "narrowed", "a pattern has to match the whole", conditions.is_unanchored
        ),
        _rule(
            "pattern",
            "pattern",
            "rejected",
            "a pattern may not look around, refer back or ask for a word boundary",
            conditions.is_beyond_automata,
        ),
        _rule(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join((*_FORMATS, 'uri'))}",
            conditions.format_beyond((*_FORMATS, "uri")),
        ),
        _rule(
            "uri",
            "format",
            "narrowed",
            "not every URI is taken",
            lambda site: site.schema.get("format") == "uri",
        ),
        _rule(
            "required",
            "required",
            "ignored",
            "a required key that is not among the properties is not enforced",
            conditions.requires_unlisted,
        ),
        *(
            _rule(
                keyword,
                keyword,
                "ignored",
                f"{keyword} beside properties is not enforced",
                conditions.with_any(keyword, "properties"),
            )
            for keyword in ("maxProperties", "minProperties")
        ),
        _rule(
            "tuple",
            "prefixItems",
            "narrowed",
            "a tuple has as many items as prefixItems",
            conditions.is_loose_tuple,
        ),
        _rule(
            "tuple-items",
            "items",
            "rejected",
            "items is one schema",
            lambda site: isinstance(site.schema.get("items"), list),
        ),
        _rule("ref", "$ref", "rejected", "a reference may not lead out", conditions.refers_outside),
        _rule("pointer", "$ref", "rejected", "a reference may hold no escapes", conditions.refers_by_escapes),
        _rule(
            "anchor", "$ref", "rejected", "a reference may not lead to an anchor", conditions.refers_by_name
        ),
        _rule(
            "open-object",
            "additionalProperties",
            "narrowed",
            "an object with properties takes no other keys",
            lambda site: "properties" in site.schema and _is_open(site),
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    always=GRAMMAR_ALWAYS,
)
