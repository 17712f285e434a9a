# SPDX-License-Identifier: Apache-2.0
"""What a rule says, and the table of them that a provider or engine has.

Rules of the tables:
1. A keyword that is neither taken nor named by a rule has the table's `others`, except annotations.
2. What is true of every schema (the order of keys) is no rule: it is told once, as `always`.
3. Each rule carries the day when somebody last looked, because what providers take changes by the month.
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
"""Keywords that judge nothing; `description` is taken everywhere."""

STRUCTURE: Final = frozenset({"$defs", "$id", "definitions", "description", "id"})
"""Keywords that only hold, name or describe schemas."""

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
"""Keywords that judge."""


@dataclass(slots=True)
class Site:
    """A schema where a rule is tried.

    Attributes:
        schema: The schema, an object.
        location: Its pointer in the document.
        document: The whole document.
        known: Results about the document that several rules use, by name.
    """

    schema: dict[str, Any]
    location: str
    document: Any
    known: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a provider or engine does with a keyword.

    Attributes:
        name: The rule's own name, the table's first: "openai-not".
        keyword: The keyword that is at fault, or that is missed.
        effect: What comes of it: the schema is refused, the keyword is not enforced, right answers cannot be given.
        message: The effect as a phrase after the name of the provider.
        evidence: Where that is known from.
        verified_on: The day of it, ISO 8601.
        confidence: Low where nobody has measured or documented it.
        applies: Whether the rule is broken at a site; None: wherever the keyword stands.
        loses_parts: All that stands inside of the keyword is lost with it, where `applies` says so; always without it.
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
        """Whether what stands inside of the keyword is told by this rule."""
        return self.applies is None or self.loses_parts

    def is_broken(self, site: Site) -> bool:
        """Return whether the rule is broken at a site."""
        return self.keyword in site.schema if self.applies is None else self.applies(site)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The table of a provider or engine.

    Attributes:
        name: Its name.
        takes: The keywords that it takes wherever no rule says otherwise.
        rules: What it does with the others, and with some uses of those that it takes.
        others: The effect of a keyword that is not named at all.
        evidence: Where `takes` and `others` are known from.
        verified_on: The day of it, ISO 8601.
        confidence: Low where nobody has measured or documented `others`.
        drops_annotations: Annotations are no part of what it takes.
        booleans: The boolean schemas that it takes where a schema stands.
        always: What holds for every schema, so that no finding tells it.
        is_closed: Every object has to be closed by `additionalProperties: false`.
        requires_object: The root has to be an object.
        is_cautious: What is only likely to be refused is not sent either.
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
        """Return the rule of that name, for its evidence; the table itself for a keyword that no rule names."""
        return next((rule for rule in self.rules if rule.name == name), self)

    def as_sent(self) -> Rules:
        """Give the table by which a schema is sent: where it is cautious, what may be refused counts as refused."""
        if not self.is_cautious:
            return self
        surer = tuple(
            replace(one, confidence="high") if one.effect == "rejected" else one for one in self.rules
        )
        return replace(self, rules=surer, confidence="high" if self.others == "rejected" else self.confidence)
