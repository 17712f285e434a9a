# SPDX-License-Identifier: Apache-2.0
"""The schemas that Anthropic accepts in an output format or a strict tool."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rules

_EVIDENCE = "Anthropic's guide to structured outputs, JSON Schema limitations"
_DAY = "2026-11-25"
_FORMATS = (*fact.FORMATS[:-1], "uri", "uuid")
_MOST_OPTIONAL, _MOST_UNIONS = 24, 16
_MANY = 100
_guide = fact.Sourced("anthropic", _EVIDENCE, _DAY)
_likely = fact.Sourced("anthropic", _EVIDENCE, _DAY, "low")
_seen = fact.Sourced("anthropic", "an issue of Anthropic's SDK of 2026-07-31", _DAY)
_REPEATS = "may reject a pattern that repeats often; no limit is published"

ANTHROPIC: Final = Rules(
    name="anthropic",
    takes=fact.CORE | {"$ref", "allOf", "default", "format", "minItems", "pattern"},
    others="rejected",
    rules=(
        _guide.rejects(*fact.OPEN),
        _guide.rejects(*fact.RECURSION),
        _guide.rejects(*fact.OUTSIDE),
        _seen.rejects("all-of-ref", "allOf", "rejects $ref in allOf", when.joins_references),
        _guide.rejects(*fact.MIN_ITEMS),
        _guide.rejects(*fact.PATTERN),
        _guide.rejects(*fact.formats(_FORMATS, of_any=True)),
        _guide.rejects(
            "enum",
            "enum",
            "accepts only strings, numbers, booleans, and null in an enum",
            when.enumerates(str, int, float, bool, type(None)),
        ),
        *_guide.rejects_all(fact.few(_MOST_OPTIONAL, _MOST_UNIONS)),
        _likely.rejects("root", "type", "recommends an object at the root", when.root_is_no_object),
        _likely.rejects("repeats", "pattern", _REPEATS, when.repeats_more_than(_MANY)),
        _likely.rejects("tuple", "prefixItems", "does not document prefixItems"),
        _guide.rejects(*fact.TUPLE_ITEMS),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    drops_annotations=True,
    is_closed=True,
    always=(
        "required keys come first, and then the others",
        (
            f"the strict tools and the format of a request can have at most {_MOST_OPTIONAL} optional properties and {_MOST_UNIONS} unions together"
        ),
        "the reply can change the letter case of an enum value",
    ),
)
