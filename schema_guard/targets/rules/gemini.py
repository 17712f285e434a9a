# SPDX-License-Identifier: Apache-2.0
"""What Gemini takes as a JSON Schema, and what it takes as a schema of OpenAPI."""

from __future__ import annotations

from typing import Final

from schema_guard.targets.rules import conditions
from schema_guard.targets.rules.making import CORE, SIZES, Sourced
from schema_guard.targets.rules.rule import Rules

__all__ = ["GEMINI", "OPENAPI"]

_EVIDENCE = "google-genai 3.6.1 and Google's guide to structured output, supported keywords"
_DAY = "2026-11-25"
_rule = Sourced("gemini", _EVIDENCE, _DAY).rule
_likely = Sourced("gemini", _EVIDENCE, _DAY, "low").rule
_openapi = Sourced("gemini-openapi", "google-genai 3.6.1, types.Schema and its conversion", _DAY).rule
_FORMATS = ("date", "date-time", "time")

GEMINI: Final = Rules(
    name="gemini",
    takes=(CORE - {"const"})
    | {"$anchor", "$ref", "format", "maxItems", "maximum", "minItems", "minimum", "oneOf", "prefixItems"},
    others="ignored",
    rules=(
        _rule(
            "one-of", "oneOf", "ignored", "oneOf is taken as anyOf: overlaps pass", conditions.is_overlapping
        ),
        _rule(
            "enum",
            "enum",
            "ignored",
            "an enum holds strings and numbers",
            conditions.enumerates(str, int, float),
        ),
        _likely(
            "format",
            "format",
            "ignored",
            f"only {', '.join(_FORMATS)} are named as enforced",
            conditions.format_beyond(_FORMATS),
        ),
        _rule(
            "ref-sibling",
            "$ref",
            "rejected",
            "nothing may stand beside $ref",
            lambda site: "$ref" in site.schema and any(not key.startswith("$") for key in site.schema),
        ),
        _rule("ref", "$ref", "rejected", "a reference may not lead out", conditions.refers_outside),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
)
OPENAPI: Final = Rules(
    name="gemini-openapi",
    takes=SIZES
    | {"anyOf", "enum", "format", "items", "maxProperties", "maximum", "minProperties", "minimum", "pattern"}
    | {"properties", "required", "type"},
    others="rejected",
    rules=(
        _openapi("enum", "enum", "rejected", "an enum holds strings", conditions.enumerates(str)),
        _openapi("types", "type", "rejected", "one type, with nullable", conditions.lists_types),
        _openapi(
            "null",
            "type",
            "rejected",
            "null is no type there: it is said by nullable",
            lambda site: site.schema.get("type") == "null",
        ),
    ),
    evidence="google-genai 3.6.1, types.Schema and its conversion",
    verified_on=_DAY,
    drops_annotations=True,
)
