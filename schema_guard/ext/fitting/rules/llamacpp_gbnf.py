# SPDX-License-Identifier: Apache-2.0
"""The keywords that llama.cpp's own schema converter enforces. Its server, Ollama, and LM Studio use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rules

if TYPE_CHECKING:
    from schema_guard.ext.fitting.rules.rule import Site

_EVIDENCE = "llama.cpp's converter from JSON Schema to GBNF, read in its source of autumn 2026"
_DAY = "2026-11-25"
_read = fact.Sourced("llamacpp-gbnf", _EVIDENCE, _DAY)
_ALL_OF = "makes the properties of all parts of allOf required"
_UNANCHORED = "requires patterns that begin with ^ and end with $"
_PROPERTY = "rejects character properties in patterns"
_OPEN = "allows no other properties if additionalProperties is missing"


def _says_nothing(site: Site) -> bool:
    return "properties" in site.schema and "additionalProperties" not in site.schema


LLAMACPP_GBNF: Final = Rules(
    name="llamacpp-gbnf",
    takes=fact.CORE
    | fact.SIZES
    | {"$anchor", "$dynamicAnchor", "$ref", "exclusiveMaximum", "exclusiveMinimum", "format", "maximum"}
    | {"minimum", "oneOf", "pattern", "prefixItems"},
    others="ignored",
    rules=(
        _read.narrows("all-of", "allOf", _ALL_OF),
        _read.rejects("dynamic", "$dynamicRef", "rejects $dynamicRef"),
        _read.narrows(*fact.LOOSE_TUPLE),
        _read.ignores("short-tuple", "maxItems", "does not enforce maxItems on tuples", when.is_short_tuple),
        _read.rejects("property", "pattern", _PROPERTY, when.names_a_property),
        _read.rejects(*fact.ESCAPES),
        _read.rejects(*fact.ANCHOR),
        *_read.ignores_all(fact.siblings()),
        _read.ignores(*fact.OVERLAP),
        _read.rejects("unanchored", "pattern", _UNANCHORED, when.is_unanchored),
        _read.rejects(*fact.PATTERN),
        *_read.ignores_all(fact.lengths("does not enforce lengths beside a {}")),
        _read.ignores(*fact.formats(fact.SHORT_FORMATS, message="enforces only the formats {}")),
        *(
            _read.ignores(keyword, keyword, f"enforces {keyword} only for integers", when.is_number(keyword))
            for keyword in ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum")
        ),
        _read.ignores(*fact.UNLISTED),
        _read.ignores(*fact.OUTSIDE_TAKEN),
        _read.narrows("open-object", "additionalProperties", _OPEN, _says_nothing),
        _read.narrows("any", "type", "accepts only objects for an empty schema", when.takes_anything),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    always=(*fact.GRAMMAR_ALWAYS, "numbers have at most 16 digits"),
)
