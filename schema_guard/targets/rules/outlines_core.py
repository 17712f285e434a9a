# SPDX-License-Identifier: Apache-2.0
"""What outlines-core enforces."""

from __future__ import annotations

from typing import Final

from schema_guard.targets.rules import conditions
from schema_guard.targets.rules.making import CORE, SIZES, Sourced
from schema_guard.targets.rules.rule import Rules

__all__ = ["OUTLINES_CORE"]

_EVIDENCE = "measured with outlines-core 0.2.14"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "email", "time", "uuid")
_rule = Sourced("outlines-core", _EVIDENCE, _DAY).rule

OUTLINES_CORE: Final = Rules(
    name="outlines-core",
    takes=CORE | SIZES | {"$ref", "format", "oneOf", "pattern", "prefixItems"},
    others="ignored",
    rules=(
        *(
            _rule(keyword, keyword, "rejected", f"{keyword} gives no automaton")
            for keyword in ("$dynamicRef", "patternProperties")
        ),
        _rule("all-of", "allOf", "narrowed", "the parts of allOf are written one after another"),
        _rule(
            "ref-sibling",
            "$ref",
            "ignored",
            "what stands beside $ref is not enforced",
            conditions.beside("$ref"),
        ),
        _rule(
            "any-of-sibling",
            "anyOf",
            "ignored",
            "what stands beside anyOf is not enforced",
            conditions.beside("anyOf"),
        ),
        _rule(
            "enum-sibling",
            "enum",
            "ignored",
            "the type beside an enum is not enforced",
            conditions.beside("enum"),
        ),
        _rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
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
            "ignored",
            f"enforced are {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS),
        ),
        _rule(
            "required",
            "required",
            "ignored",
            "a required key that is not among the properties is not enforced",
            conditions.requires_unlisted,
        ),
        _rule("ref", "$ref", "rejected", "a reference may not lead out", conditions.refers_outside),
        _rule(
            "open-object",
            "additionalProperties",
            "narrowed",
            "an object that says nothing of other keys takes none",
            lambda site: "properties" in site.schema and site.schema.get("additionalProperties") is not False,
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
)
