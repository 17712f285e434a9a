# SPDX-License-Identifier: Apache-2.0
"""The schemas that Amazon Bedrock's Converse accepts in an output format. Few are known for models except Claude."""

from __future__ import annotations

from typing import Final

from schema_guard.ext.fitting.rules import conditions as when
from schema_guard.ext.fitting.rules import shorthand as fact
from schema_guard.ext.fitting.rules.rule import Rules

_EVIDENCE = "AWS's guide to structured outputs on Bedrock, JSON Schema support; pydantic-ai 2.68, which asked Converse for each"
_CLAUDE = "pydantic-ai 2.68: Claude has the limits of Anthropic's own API there"
_DAY = "2026-11-26"
_guide = fact.Sourced("bedrock", _EVIDENCE, _DAY)
_claude = fact.Sourced("bedrock", _CLAUDE, _DAY, "low")
_LENGTHS = "documents {} as unsupported, but has accepted it"

BEDROCK: Final = Rules(
    name="bedrock",
    takes=fact.CORE | {"$ref", "minItems", "pattern"},
    others="rejected",
    rules=(
        _guide.rejects(*fact.OPEN),
        *_guide.rejects_all(fact.anywhere("rejects {} of numbers and of integers", *sorted(fact.NUMBERS))),
        *_guide.rejects_all(fact.anywhere("rejects {}", "maxItems")),
        _guide.rejects(*fact.MIN_ITEMS),
        *_guide.rejects_all(fact.anywhere("rejects {} for most models", "contains")),
        _guide.rejects(*fact.PATTERN),
        _guide.rejects(*fact.RECURSION),
        _guide.rejects(*fact.OUTSIDE),
        _claude.rejects("root", "type", "shows only objects at the root", when.root_is_no_object),
        *_claude.rejects_all(fact.few(24, 16)),
        *_claude.rejects_all(fact.anywhere(_LENGTHS, "maxLength", "minLength")),
    ),
    evidence=_EVIDENCE,
    verified_on=_DAY,
    confidence="low",
    drops_annotations=True,
    is_closed=True,
    is_cautious=True,
    always=("few models accept a schema, and all others reject outputConfig",),
)
