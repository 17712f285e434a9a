# SPDX-License-Identifier: Apache-2.0
"""What Amazon Bedrock's Converse takes as an output format; what models other than Claude take is known of few."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, NUMBERS, Sourced, closed_rules

__all__ = ["BEDROCK"]

_EVIDENCE = "AWS's guide to structured outputs on Bedrock, JSON Schema support; pydantic-ai 2.68, which asked Converse for each"
_DAY = "2026-11-26"
_MOST_OPTIONAL, _MOST_UNIONS = 24, 16
_SOURCE = Sourced("bedrock", _EVIDENCE, _DAY)
_rule = _SOURCE.rule
_of_claude = Sourced(
    "bedrock", "pydantic-ai 2.68: Claude has the limits of Anthropic's own API there", _DAY, "low"
).rule

BEDROCK: Final = Rules(
    name="bedrock",
    takes=CORE | {"$ref", "minItems", "pattern"},
    others="rejected",
    rules=(
        *closed_rules(_SOURCE),
        *(
            _rule(keyword, keyword, "rejected", f"{keyword} is refused, of numbers and of integers")
            for keyword in sorted(NUMBERS)
        ),
        _rule("maxItems", "maxItems", "rejected", "maxItems is refused"),
        _rule("min-items", "minItems", "rejected", "minItems is 0 or 1", conditions.more_than("minItems", 1)),
        _rule("contains", "contains", "rejected", "contains is refused for most models"),
        _rule(
            "pattern",
            "pattern",
            "rejected",
            "a pattern may not look around, refer back or ask for a word boundary",
            conditions.is_beyond_automata,
        ),
        _rule("recursion", "$ref", "rejected", "a schema may not lead back to itself", conditions.recursive),
        _rule(
            "ref",
            "$ref",
            "rejected",
            "a reference may not lead out of the document",
            conditions.refers_outside,
        ),
        _of_claude(
            "root", "type", "rejected", "an object is what is shown at the root", conditions.root_is_no_object
        ),
        _of_claude(
            "optional",
            "required",
            "rejected",
            f"at most {_MOST_OPTIONAL} properties may be absent",
            Above("optional", _MOST_OPTIONAL),
        ),
        _of_claude(
            "unions",
            "anyOf",
            "rejected",
            f"at most {_MOST_UNIONS} places may have several types",
            Above("unions", _MOST_UNIONS),
        ),
        *(
            _of_claude(
                keyword,
                keyword,
                "rejected",
                f"{keyword} is named as unsupported, and was seen to be taken",
            )
            for keyword in ("maxLength", "minLength")
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    is_closed=True,
    is_cautious=True,
    always=("few models take a schema: another one refuses outputConfig",),
)
