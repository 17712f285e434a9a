# SPDX-License-Identifier: Apache-2.0
"""How a table's rules are written: one line each, and what several tables say alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.rules import conditions
from schema_guard.ext.fitting.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.fitting.rules.rule import Confidence, Effect, Site

__all__ = ["CORE", "GRAMMAR_ALWAYS", "NUMBERS", "OBJECTS", "SIZES", "Sourced", "closed_rules"]

NUMBERS = frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"})
SIZES = frozenset({"maxItems", "maxLength", "minItems", "minLength"})
OBJECTS = frozenset({"additionalProperties", "properties", "required"})
# True of every grammar that is made from a schema.
GRAMMAR_ALWAYS = (
    "keys come in the order of the schema's properties, and in no other",
    "an integer has no fraction: 1.0 is not given",
    "an open map may have a key twice",
)
CORE = OBJECTS | {"anyOf", "const", "enum", "items", "type"}


class Sourced:
    """A table's name and where its rules are known from: it writes them."""

    def __init__(self, name: str, evidence: str, verified_on: str, confidence: Confidence = "high") -> None:
        self.name = name
        self.evidence = evidence
        self.verified_on = verified_on
        self.confidence: Confidence = confidence

    def rule(
        self,
        part: str,
        keyword: str,
        effect: Effect,
        message: str,
        applies: Callable[[Site], bool] | None = None,
        **more: Any,
    ) -> Rule:
        """Write one rule of the table; *part* is what its name ends on, *more* are other fields of `Rule`."""
        return Rule(
            name=f"{self.name}-{part}",
            keyword=keyword,
            effect=effect,
            message=message,
            evidence=self.evidence,
            verified_on=self.verified_on,
            applies=applies,
            **{"confidence": self.confidence, **more},
        )


def closed_rules(source: Sourced) -> tuple[Rule, ...]:
    """Give the rules of those who take closed objects only."""
    message = "every object has to say additionalProperties: false; no other keys can be given"
    return (source.rule("open-object", "additionalProperties", "rejected", message, conditions.is_open),)
