# SPDX-License-Identifier: Apache-2.0
"""The schemas that Gemini accepts, as JSON Schema and as an OpenAPI schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.limits import Above
from schema_guard.ext.fitting.rules.rule import Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_EVIDENCE = "google-genai 3.6.1 and Google's guide to structured output, supported keywords"
_OPENAPI_EVIDENCE = "measured with google-genai 3.6.1, its conversion to types.Schema"
_DAY = "2026-11-25"
_guide = fact.Sourced("gemini", _EVIDENCE, _DAY)
_likely = fact.Sourced("gemini", _EVIDENCE, _DAY, "low")
_openapi = fact.Sourced("gemini-openapi", _OPENAPI_EVIDENCE, _DAY)
_DEEP = 5
_DEPTH = f"may reject more than {_DEEP} nested objects; no limit is published"
_RECURSION = "accepts recursion only through optional properties"
_FORMATS = "documents only the formats {} as enforced"
_NULL = "has no type null, so it accepts any value, with nullable"
_ALWAYS = ("the keys in required come first, in that order, and then the others",)


def _has_beside(site: Site) -> bool:
    return "$ref" in site.schema and any(not key.startswith("$") for key in site.schema)


def _is_other_constant(site: Site) -> bool:
    return "const" in site.schema and not isinstance(site.schema["const"], str)


def _refers_elsewhere(site: Site) -> bool:
    return not str(site.schema.get("$ref", "#/$defs/")).startswith("#/$defs/")


def _is_null(site: Site) -> bool:
    return site.schema.get("type") == "null" and not site.location.rpartition("/")[0].endswith("/anyOf")


GEMINI: Final = Rules(
    name="gemini",
    takes=(fact.CORE - {"const"})
    | {"$anchor", "$ref", "format", "maxItems", "maximum", "minItems", "minimum", "oneOf", "prefixItems"},
    others="ignored",
    rules=(
        _guide.ignores(*fact.OVERLAP),
        _guide.ignores(
            "enum", "enum", "enforces only strings and numbers in an enum", when.enumerates(str, int, float)
        ),
        _likely.ignores(*fact.formats(("date", "date-time", "time"), message=_FORMATS)),
        _guide.rejects("ref-sibling", "$ref", "rejects keywords beside $ref", _has_beside),
        _guide.rejects(*fact.OUTSIDE),
        _guide.rejects("recursion", "$ref", _RECURSION, when.recursive_where_required),
        _likely.rejects("depth", "properties", _DEPTH, Above("levels", _DEEP)),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    always=_ALWAYS,
)
OPENAPI: Final = Rules(
    name="gemini-openapi",
    takes=fact.SIZES
    | {"$ref", "anyOf", "const", "default", "enum", "format", "items", "maxProperties", "maximum"}
    | {"minProperties", "minimum", "pattern", "properties", "required", "type"},
    others="rejected",
    rules=(
        _openapi.rejects("enum", "enum", "accepts only strings in an enum", when.enumerates(str)),
        _openapi.rejects("const", "const", "accepts only a string in const", _is_other_constant),
        _openapi.rejects("types", "type", "accepts only one type, with nullable", when.lists_types),
        _openapi.rejects(*fact.RECURSION),
        _openapi.rejects("ref", "$ref", "accepts only references to '#/$defs/NAME'", _refers_elsewhere),
        _openapi.ignores("null", "type", _NULL, _is_null),
    ),
    evidence=_OPENAPI_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    always=_ALWAYS,
)
