# SPDX-License-Identifier: Apache-2.0
"""The keywords that llguidance enforces."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rules

_EVIDENCE = "measured with llguidance 1.9.1"
_DAY = "2026-11-25"
_FORMATS = (*fact.FORMATS[:-1], "unknown", "uri", "uuid")
_measured = fact.Sourced("llguidance", _EVIDENCE, _DAY)
_OVERLAP = "requires oneOf branches that exclude each other"

LLGUIDANCE: Final = Rules(
    name="llguidance",
    takes=fact.CORE
    | fact.NUMBERS
    | fact.SIZES
    | {"$anchor", "$ref", "allOf", "format", "maxProperties", "minProperties", "oneOf", "pattern"}
    | {"additionalItems", "patternProperties", "prefixItems"},
    others="rejected",
    rules=(
        _measured.rejects("one-of", "oneOf", _OVERLAP, when.is_overlapping),
        _measured.rejects(*fact.formats(_FORMATS)),
        _measured.rejects(*fact.PATTERN),
        _measured.rejects(
            "pattern-name", "patternProperties", fact.PATTERN[2], when.has_names_beyond_automata
        ),
        _measured.rejects("ref", "$ref", fact.OUTSIDE[2], when.leads_out),
        *(
            _measured.rejects(
                keyword,
                keyword,
                f"accepts {keyword} only without listed properties",
                when.with_any(keyword, "properties", "required", "patternProperties"),
            )
            for keyword in ("maxProperties", "minProperties")
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    booleans=frozenset({True, False}),
    always=fact.GRAMMAR_ALWAYS,
)
