# SPDX-License-Identifier: Apache-2.0
"""A rule, and the table of rules for a provider or engine.

Rules of the tables:
1. A keyword that is neither accepted nor named by a rule has the effect `others` of the table, except annotations.
2. A fact about every schema, such as the order of keys, is no rule. The table has it once, in `always`.
3. Each rule has the day of its last check, because providers change every month.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Effect: TypeAlias = Literal["rejected", "ignored", "narrowed"]
Confidence: TypeAlias = Literal["high", "low"]

ANNOTATIONS: Final = frozenset(
    {
        "$comment", "$schema", "contentEncoding", "contentMediaType", "contentSchema", "default", "deprecated",
        "discriminator", "examples", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
"""Keywords that restrict no value. `description` is not among them, because it is accepted everywhere."""

STRUCTURE: Final = frozenset({"$defs", "$id", "definitions", "description", "id"})
"""Keywords that only contain, name, or describe schemas."""

KEYWORDS: Final = frozenset(
    {
        "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$ref", "additionalItems",
        "additionalProperties", "allOf", "anyOf", "const", "contains", "dependencies", "dependentRequired",
        "dependentSchemas", "else", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "if", "items",
        "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength",
        "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems",
        "properties", "propertyNames", "required", "then", "type", "unevaluatedItems", "unevaluatedProperties",
        "uniqueItems",
    }
)  # fmt: skip
"""Keywords that restrict values."""


@dataclass(slots=True)
class Site:
    """A schema to which a rule is applied.

    Attributes:
        schema: The schema, an object.
        location: Pointer to the schema in the document.
        document: The whole document.
        known: Results about the document that several rules use, by name.
    """

    schema: dict[str, Any]
    location: str
    document: Any
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The effect of a provider or engine on a keyword.

    Attributes:
        name: Name of the rule, which begins with the name of its table, such as "openai-not".
        keyword: The keyword at fault, or the missing keyword.
        effect: `rejected` if the schema is refused, `ignored` if the keyword is not enforced, or `narrowed` if right
            answers are impossible.
        message: The effect, as a phrase after the name of the provider.
        evidence: Source of the rule.
        verified_on: Day of the evidence, ISO 8601.
        confidence: `low` if nobody has measured or documented the effect.
        applies: Returns whether a site breaks the rule. With None, every site with the keyword breaks it.
        loses_parts: Whether the content of the keyword is lost with it, if `applies` returns true. Without `applies`,
            the content is always lost.
    """

    name: str
    keyword: str
    effect: Effect
    message: str
    evidence: str
    verified_on: str
    confidence: Confidence = "high"
    applies: Callable[[Site], bool] | None = None
    loses_parts: bool = False

    @property
    def covers(self) -> bool:
        """Whether this rule also covers the content of the keyword."""
        return self.applies is None or self.loses_parts

    def is_broken(self, site: Site) -> bool:
        """Return whether a site breaks the rule."""
        return self.keyword in site.schema if self.applies is None else self.applies(site)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The table of a provider or engine.

    Attributes:
        name: Name of the table.
        takes: Keywords that the provider accepts, unless a rule applies.
        rules: Effects on other keywords, and on some uses of the accepted keywords.
        others: Effect on a keyword that the table doesn't name.
        evidence: Source of `takes` and `others`.
        verified_on: Day of the evidence, ISO 8601.
        confidence: `low` if nobody has measured or documented `others`.
        drops_annotations: Whether the provider doesn't accept annotations.
        booleans: Boolean schemas that the provider accepts in place of a schema.
        always: Facts about every schema, which no finding reports.
        is_closed: Whether every object needs `additionalProperties: false`.
        requires_object: Whether the root must be an object.
        is_cautious: Whether to omit keywords that are only likely to be refused.
    """

    name: str
    takes: frozenset[str]
    others: Effect
    evidence: str
    verified_on: str
    rules: tuple[Rule, ...] = ()
    confidence: Confidence = "high"
    drops_annotations: bool = False
    booleans: frozenset[bool] = frozenset()
    always: tuple[str, ...] = ()
    is_closed: bool = False
    requires_object: bool = False
    is_cautious: bool = False

    def named(self, name: str) -> Rule | Rules:
        """Return the rule of that name, for its evidence. For a keyword without a rule, return the table itself."""
        return next((rule for rule in self.rules if rule.name == name), self)

    def as_sent(self) -> Rules:
        """Return the table for sending schemas. In a cautious table, a likely refusal counts as a refusal."""
        if not self.is_cautious:
            return self
        surer = tuple(
            replace(one, confidence="high") if one.effect == "rejected" else one for one in self.rules
        )
        return replace(self, rules=surer, confidence="high" if self.others == "rejected" else self.confidence)
