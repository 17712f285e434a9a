# SPDX-License-Identifier: Apache-2.0
"""What llama.cpp's own converter of schemas enforces: its server, Ollama and LM Studio use it."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, GRAMMAR_ALWAYS, SIZES, Sourced

__all__ = ["LLAMACPP_GBNF"]

_EVIDENCE = "llama.cpp's converter from JSON Schema to GBNF, read in its source of autumn 2026"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "time", "uuid")
_rule = Sourced("llamacpp-gbnf", _EVIDENCE, _DAY).rule
_lost = "what stands beside it is not enforced"

LLAMACPP_GBNF: Final = Rules(
    name="llamacpp-gbnf",
    takes=CORE
    | SIZES
    | {
        "$anchor",
        "$dynamicAnchor",
        "$ref",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maximum",
        "minimum",
        "oneOf",
        "pattern",
    }
    | {"prefixItems"},
    others="ignored",
    rules=(
        _rule("all-of", "allOf", "narrowed", "allOf makes the properties of all its parts required"),
        _rule("dynamic", "$dynamicRef", "rejected", "$dynamicRef gives no grammar"),
        _rule(
            "tuple",
            "prefixItems",
            "narrowed",
            "a tuple has as many items as prefixItems",
            conditions.is_loose_tuple,
        ),
        _rule(
            "short-tuple",
            "maxItems",
            "ignored",
            "maxItems is not enforced on tuples",
            conditions.is_short_tuple,
        ),
        _rule(
            "property",
            "pattern",
            "rejected",
            "a pattern may not name a property of characters",
            conditions.names_a_property,
        ),
        _rule("pointer", "$ref", "rejected", "a reference may hold no escapes", conditions.refers_by_escapes),
        _rule(
            "anchor", "$ref", "rejected", "a reference may not lead to an anchor", conditions.refers_by_name
        ),
        *(
            _rule(f"{keyword}-sibling", keyword, "ignored", _lost, conditions.beside(keyword))
            for keyword in ("$ref", "anyOf", "oneOf")
        ),
        *(
            _rule(f"{keyword}-sibling", keyword, "ignored", _lost, conditions.loses_beside(keyword))
            for keyword in ("const", "enum")
        ),
        _rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
        ),
        _rule(
            "unanchored",
            "pattern",
            "rejected",
            "a pattern begins with ^ and ends with $",
            conditions.is_unanchored,
        ),
        _rule(
            "pattern",
            "pattern",
            "rejected",
            "a pattern may not look around, refer back or ask for a word boundary",
            conditions.is_beyond_automata,
        ),
        *(
            _rule(
                f"{keyword}-length",
                keyword,
                "ignored",
                f"lengths beside {keyword} are not enforced",
                conditions.with_any(keyword, "maxLength", "minLength"),
            )
            for keyword in ("format", "pattern")
        ),
        _rule(
            "format",
            "format",
            "ignored",
            f"enforced are {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        *(
            _rule(
                keyword,
                keyword,
                "ignored",
                f"{keyword} is enforced for integers",
                conditions.is_number(keyword),
            )
            for keyword in ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum")
        ),
        _rule(
            "required",
            "required",
            "ignored",
            "a required key that is not among the properties is not enforced",
            conditions.requires_unlisted,
        ),
        _rule(
            "ref",
            "$ref",
            "ignored",
            "a reference out of the document takes any JSON",
            conditions.refers_outside,
        ),
        _rule(
            "open-object",
            "additionalProperties",
            "narrowed",
            "an object that says nothing of other keys takes none",
            lambda site: "properties" in site.schema and "additionalProperties" not in site.schema,
        ),
        _rule(
            "any",
            "type",
            "narrowed",
            "an empty schema takes objects only",
            lambda site: not conditions.siblings(site.schema),
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    always=(*GRAMMAR_ALWAYS, "numbers have at most 16 digits"),
)
