# SPDX-License-Identifier: Apache-2.0
"""The keywords that outlines-core enforces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_EVIDENCE = "measured with outlines-core 0.2.14"
_DAY = "2026-11-25"
_FORMATS = ("date", "date-time", "email", "time", "uuid", "uri")
_NEED_TYPE = ("items", "maxItems", "maxLength", "minItems", "minLength", "pattern", "prefixItems")
_measured = fact.Sourced("outlines-core", _EVIDENCE, _DAY)
_DESCRIBED = "rejects other keywords in a schema for any value"
_UNTYPED = "accepts only objects for properties without a type"
_OPEN = "allows only the listed properties"


def _is_described(site: Site) -> bool:
    return bool(site.schema) and when.takes_anything(site)


def _is_uri(site: Site) -> bool:
    return site.schema.get("format") == "uri"


def _is_open(site: Site) -> bool:
    closing = ("additionalProperties", "unevaluatedProperties")
    return "properties" in site.schema and not any(site.schema.get(keyword) is False for keyword in closing)


OUTLINES_CORE: Final = Rules(
    name="outlines-core",
    takes=fact.CORE
    | fact.SIZES
    | {"$anchor", "$dynamicAnchor", "$ref", "allOf", "format", "minProperties", "maxProperties", "oneOf"}
    | {"pattern", "prefixItems", "unevaluatedProperties"},
    others="ignored",
    rules=(
        *_measured.rejects_all(fact.anywhere("rejects {}", "$dynamicRef", "patternProperties")),
        _measured.narrows(
            "all-of", "allOf", "writes the parts of allOf one after another", when.joins_several
        ),
        *_measured.ignores_all(fact.siblings()),
        _measured.ignores(*fact.OVERLAP),
        _measured.rejects("described-any", "description", _DESCRIBED, _is_described),
        _measured.rejects(
            "untyped", "type", "requires a type beside a keyword of values", when.is_untyped(*_NEED_TYPE)
        ),
        _measured.narrows("untyped-parts", "type", _UNTYPED, when.is_untyped("properties")),
        _measured.narrows(*fact.UNANCHORED),
        _measured.rejects(*fact.PATTERN),
        _measured.rejects(*fact.formats(_FORMATS)),
        _measured.narrows("uri", "format", "accepts only some URIs", _is_uri),
        _measured.ignores(*fact.UNLISTED),
        *(
            _measured.ignores(
                keyword,
                keyword,
                f"does not enforce {keyword} beside properties",
                when.with_any(keyword, "properties"),
            )
            for keyword in ("maxProperties", "minProperties")
        ),
        _measured.narrows(*fact.LOOSE_TUPLE),
        _measured.rejects(*fact.TUPLE_ITEMS),
        _measured.rejects(*fact.OUTSIDE),
        _measured.rejects(*fact.ESCAPES),
        _measured.rejects(*fact.ANCHOR),
        _measured.narrows("open-object", "additionalProperties", _OPEN, _is_open),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    always=fact.GRAMMAR_ALWAYS,
)
