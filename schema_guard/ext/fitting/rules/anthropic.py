# SPDX-License-Identifier: Apache-2.0
"""What Anthropic takes as an output format or a strict tool."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, Sourced, closed_rules

__all__ = ["ANTHROPIC"]

_EVIDENCE = "Anthropic's guide to structured outputs, JSON Schema limitations"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid")
_MOST_OPTIONAL, _MOST_UNIONS = 24, 16
_MANY = 100
_SOURCE = Sourced("anthropic", _EVIDENCE, _DAY)
_rule = _SOURCE.rule
_seen = Sourced("anthropic", "an issue of Anthropic's SDK of 2026-07-31", _DAY).rule

ANTHROPIC: Final = Rules(
    name="anthropic",
    takes=CORE | {"$ref", "allOf", "default", "format", "minItems", "pattern"},
    others="rejected",
    rules=(
        *closed_rules(_SOURCE),
        _rule("recursion", "$ref", "rejected", "a schema may not lead back to itself", conditions.recursive),
        _rule(
            "ref",
            "$ref",
            "rejected",
            "a reference may not lead out of the document",
            conditions.refers_outside,
        ),
        _seen(
            "all-of-ref",
            "allOf",
            "rejected",
            "allOf may hold no $ref",
            lambda site: any(
                isinstance(part, dict) and "$ref" in part for part in site.schema.get("allOf", ())
            ),
        ),
        _rule("min-items", "minItems", "rejected", "minItems is 0 or 1", conditions.more_than("minItems", 1)),
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
            f"a format is one of {', '.join(_FORMATS)}",
            conditions.format_beyond(_FORMATS, of_any=True),
        ),
        _rule(
            "enum",
            "enum",
            "rejected",
            "an enum holds strings, numbers, booleans and null",
            conditions.enumerates(str, int, float, bool, type(None)),
        ),
        _rule(
            "optional",
            "required",
            "rejected",
            f"at most {_MOST_OPTIONAL} properties may be absent",
            Above("optional", _MOST_OPTIONAL),
        ),
        _rule(
            "unions",
            "anyOf",
            "rejected",
            f"at most {_MOST_UNIONS} places may have several types",
            Above("unions", _MOST_UNIONS),
        ),
        _rule(
            "root",
            "type",
            "rejected",
            "an object is advised at the root",
            conditions.root_is_no_object,
            confidence="low",
        ),
        _rule(
            "repeats",
            "pattern",
            "rejected",
            "a pattern that repeats often may be refused: no number is published",
            conditions.repeats_more_than(_MANY),
            confidence="low",
        ),
        _rule("tuple", "prefixItems", "rejected", "prefixItems is not named by the guide", confidence="low"),
        _rule(
            "tuple-items",
            "items",
            "rejected",
            "items is one schema",
            lambda site: isinstance(site.schema.get("items"), list),
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    always=(
        "required keys come first, then the others",
        f"all strict tools and the format of a request together have at most {_MOST_OPTIONAL} properties that may be absent, and {_MOST_UNIONS} unions",
        "an enum's value may come in another case",
    ),
)
