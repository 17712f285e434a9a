# SPDX-License-Identifier: Apache-2.0
"""What llguidance enforces."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, GRAMMAR_ALWAYS, NUMBERS, SIZES, Sourced

__all__ = ["LLGUIDANCE"]

_EVIDENCE = "measured with llguidance 1.9.1"
_DAY = "2026-11-25"
_FORMATS = (
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "time",
    "unknown",
    "uri",
    "uuid",
)
_rule = Sourced("llguidance", _EVIDENCE, _DAY).rule

LLGUIDANCE: Final = Rules(
    name="llguidance",
    takes=CORE
    | NUMBERS
    | SIZES
    | {"$anchor", "$ref", "allOf", "format", "maxProperties", "minProperties", "oneOf", "pattern"}
    | {"additionalItems", "patternProperties", "prefixItems"},
    others="rejected",
    rules=(
        _rule(
            "one-of",
            "oneOf",
            "rejected",
            "the branches of oneOf have to shut each other out",
            conditions.is_overlapping,
        ),
        _rule(
            "format",
            "format",
            "rejected",
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        _rule(
            "pattern",
            "pattern",
            "rejected",
            "a pattern may not look around, refer back or ask for a word boundary",
            conditions.is_beyond_automata,
        ),
        _rule(
            "pattern-name",
            "patternProperties",
            "rejected",
            "a pattern may not look around, refer back or ask for a word boundary",
            conditions.has_names_beyond_automata,
        ),
        _rule("ref", "$ref", "rejected", "a reference may not lead out", conditions.leads_out),
        *(
            _rule(
                keyword,
                keyword,
                "rejected",
                f"{keyword} is taken only where no properties are listed",
                conditions.with_any(keyword, "properties", "required", "patternProperties"),
            )
            for keyword in ("maxProperties", "minProperties")
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    booleans=frozenset({True, False}),
    always=GRAMMAR_ALWAYS,
)
