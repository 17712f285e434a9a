# SPDX-License-Identifier: Apache-2.0
"""The effects of a provider or engine on a schema, before it is sent.

Rules:
1. A finding has one of three effects: the schema is rejected, a keyword is not enforced, or right answers are
   impossible. A known effect is an error, and a likely effect is a warning.
2. The document is never changed. Every reply is validated against it, whatever was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from schema_guard.ext.fitting.probed_rules import table_of
from schema_guard.ext.fitting.rules.limits import inner_rules
from schema_guard.ext.fitting.rules.rule import ANNOTATIONS, KEYWORDS, STRUCTURE, Rule, Site
from schema_guard.ext.fitting.rules.tables import DECISIONS, UNSURE
from schema_guard.extensions import load
from schema_guard.schema import Schema
from schema_guard.text import dataclass_repr
from schema_guard.validation.references import subschemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.ext.fitting.probed_rules import RulesLike
    from schema_guard.ext.fitting.rules.rule import Confidence, Effect, Rules

Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The effect of a provider's rules on one location in a schema.

    Attributes:
        severity: `error` for a known effect, `warning` for a likely effect, and `info` for an effect on an annotation.
        effect: The name of the effect: `rejected`, `ignored`, or `narrowed`.
        rule: Name of the rule that causes the effect.
        location: JSON Pointer to the location in the schema.
        keyword: The keyword whose presence or absence causes the effect.
        message: The effect, as a phrase that follows the name of the provider, such as
            "requires additionalProperties: false".
        confidence: The confidence that the rule is correct: `high` or `low`.
    """

    __repr__ = dataclass_repr

    severity: Severity
    effect: Effect
    rule: str
    location: str
    keyword: str
    message: str
    confidence: Confidence


def lint(schema: Any, provider: str, *, rules: RulesLike | None = None) -> list[Finding]:
    """Return a finding for each location in a schema that a provider rejects, ignores, or narrows, outermost first.

    The list omits the effects that a provider has on every schema. `rules_of(provider).always` lists those effects.

    Args:
        schema: A JSON Schema, a `Schema`, or a type that `guard` accepts.
        provider: Name of a provider or engine.
        rules: File that `schema-guard schema probe --output` wrote, with the rules of your server. Default: the
            built-in rules for the provider.

    Raises:
        InvalidArgument: The provider is unknown, or the rules belong to another provider.
        InvalidSchema: The schema can't be loaded.

    >>> [(found.keyword, found.effect) for found in lint({"type": "object", "not": {"required": ["a"]}}, "llguidance")]
    [('not', 'rejected')]
    """
    table = table_of(provider, rules)
    if provider in DECISIONS:
        found: list[Finding] = load("profile:decisions").findings(schema, provider)
        return found
    findings = findings_of(Schema.of(schema).document, table)
    if provider in UNSURE:
        findings = (
            finding
            if finding.severity == "info" or finding.rule.startswith("probed-")
            else replace(finding, severity="warning", confidence="low")
            for finding in findings
        )
    return sorted(findings, key=lambda each: (each.location.count("/"), each.location))


def findings_of(document: Any, table: Rules) -> Iterator[Finding]:
    """Yield the findings of a table in a document, which must be a valid schema."""
    refused: set[str] = set()
    known: dict[str, Any] = {}
    inner = inner_rules(table)
    for place in subschemas(document, "", ""):
        # The finding for a rejected keyword covers the schemas inside of it.
        if refused and any(
            place.location == above or place.location.startswith(f"{above}/") for above in refused
        ):
            continue
        if not isinstance(place.schema, dict):
            yield from _of_boolean(place.location, place.schema, table)
            continue
        site = Site(place.schema, place.location, document, known)
        for rule in _broken(site, table, inner if place.location else table.rules):
            yield _finding(rule, site)
            if rule.covers or (rule.keyword in KEYWORDS and rule.name == f"{table.name}:{rule.keyword}"):
                refused.add(f"{place.location}/{rule.keyword}")


def findings_at(site: Site, table: Rules) -> Iterator[Finding]:
    """Return the findings of a table in one schema, without those of the schemas inside of it."""
    return (_finding(rule, site) for rule in _broken(site, table, table.rules))


def _broken(site: Site, table: Rules, rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield the rules that a schema breaks. Rules for keywords that the table does not name come last."""
    keywords: set[str] = set()
    schema = site.schema
    for rule in rules:
        # The same as `Rule.is_broken`, inlined because a large schema needs it a million times.
        if rule.keyword in schema if rule.applies is None else rule.applies(site):
            keywords.add(rule.keyword)
            yield rule
    for keyword in schema:
        if keyword in table.takes or keyword in STRUCTURE or keyword in keywords:
            continue
        if _is_reported(table, keyword):
            yield _unnamed(table, keyword)


def _is_reported(table: Rules, keyword: str) -> bool:
    return keyword in KEYWORDS or (keyword in ANNOTATIONS and table.drops_annotations)


def _unnamed(table: Rules, keyword: str) -> Rule:
    """Return the rule for a keyword that a table does not name."""
    is_refused = table.others == "rejected"
    message = f"{'rejects' if is_refused else 'does not enforce'} the keyword '{keyword}'"
    return Rule(
        name=f"{table.name}:{keyword}",
        keyword=keyword,
        effect="ignored" if keyword in ANNOTATIONS else table.others,
        message=f"does not use the keyword '{keyword}'" if keyword in ANNOTATIONS else message,
        evidence=table.evidence,
        verified_on=table.verified_on,
        confidence=table.confidence,
    )


def _finding(rule: Rule, site: Site) -> Finding:
    severity: Severity = "error" if rule.confidence == "high" else "warning"
    # An annotation doesn't restrict values, so its loss matters only if it is rejected.
    if rule.keyword in ANNOTATIONS and rule.effect != "rejected":
        severity = "info"
    return Finding(
        severity, rule.effect, rule.name, site.location, rule.keyword, rule.message, rule.confidence
    )


# Keywords whose value may be true or false in every table that accepts the keyword.
_TAKE_BOOLEANS = frozenset(
    {"additionalItems", "additionalProperties", "items", "unevaluatedItems", "unevaluatedProperties"}
)


def _of_boolean(location: str, value: bool, table: Rules) -> Iterator[Finding]:
    if location.rpartition("/")[2] in _TAKE_BOOLEANS or value in table.booleans:
        return
    yield Finding(
        "error",
        "rejected",
        f"{table.name}-boolean",
        location,
        str(value).lower(),
        f"rejects {str(value).lower()} as a schema",
        "high",
    )
