# SPDX-License-Identifier: Apache-2.0
"""What Gemini takes as a JSON Schema, and what it takes as a schema of OpenAPI."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rules
from schema_guard.ext.fitting.rules.shorthand import CORE, SIZES, Sourced

__all__ = ["GEMINI", "OPENAPI"]

_EVIDENCE = "google-genai 3.6.1 and Google's guide to structured output, supported keywords"
_DAY = "2026-11-25"
_rule = Sourced("gemini", _EVIDENCE, _DAY).rule
_likely = Sourced("gemini", _EVIDENCE, _DAY, "low").rule
_OPENAPI_EVIDENCE = "measured with google-genai 3.6.1, its conversion to types.Schema"
_openapi = Sourced("gemini-openapi", _OPENAPI_EVIDENCE, _DAY).rule
_FORMATS = ("date", "date-time", "time")
_DEEP = 5

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
        _rule(
            "recursion",
            "$ref",
            "rejected",
            "a schema may lead back to itself only through properties that are not required",
            conditions.recursive_where_required,
        ),
        _likely(
            "depth",
            "properties",
            "rejected",
            f"more than {_DEEP} objects inside of each other may be refused: no number is published",
            Above("levels", _DEEP),
        ),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    always=("keys come in the order of required, then the others",),
)
OPENAPI: Final = Rules(
    name="gemini-openapi",
    takes=SIZES
    | {
        "$ref",
        "anyOf",
        "const",
        "default",
        "enum",
        "format",
        "items",
        "maxProperties",
        "maximum",
    }
    | {"minProperties", "minimum", "pattern", "properties", "required", "type"},
    others="rejected",
    rules=(
        _openapi("enum", "enum", "rejected", "an enum holds strings", conditions.enumerates(str)),
        _openapi(
            "const",
            "const",
            "rejected",
            "a constant is a string",
            lambda site: "const" in site.schema and not isinstance(site.schema["const"], str),
        ),
        _openapi("types", "type", "rejected", "one type, with nullable", conditions.lists_types),
        _openapi(
            "recursion", "$ref", "rejected", "a schema may not lead back to itself", conditions.recursive
        ),
        _openapi(
            "ref",
            "$ref",
            "rejected",
            "a reference leads to '#/$defs/NAME'",
            lambda site: not str(site.schema.get("$ref", "#/$defs/")).startswith("#/$defs/"),
        ),
        _openapi(
            "null",
            "type",
            "ignored",
            "null is no type there: any value is taken, with nullable",
            lambda site: (
                site.schema.get("type") == "null" and not site.location.rpartition("/")[0].endswith("/anyOf")
            ),
        ),
    ),
    evidence=_OPENAPI_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    always=("keys come in the order of required, then the others",),
)
