# SPDX-License-Identifier: Apache-2.0
"""What a provider or engine would do with a schema, told before it is sent.

Rules:
1. A finding says which of three things happens: the schema is refused, a keyword is not enforced, or right answers
   cannot be given. Each is an error where that is known, a warning where it is only likely.
2. The document is read, never changed; every reply is judged against it, whatever was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from schema_guard.core.schema import Schema
from schema_guard.core.validation.references import subschemas
from schema_guard.targets.rules.rule import ANNOTATIONS, KEYWORDS, STRUCTURE, Site
from schema_guard.targets.rules.tables import rules_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.targets.rules.rule import Confidence, Effect, Rules

__all__ = ["Finding", "Severity", "findings_of", "lint"]

Severity: TypeAlias = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a target does with one place of a schema.

    Attributes:
        severity: `error` where it is known, `warning` where it is likely, `info` for an annotation.
        effect: `rejected`, `ignored` or `narrowed`.
        rule: Name of the rule.
        location: Pointer of the schema in the document.
        keyword: The keyword that is at fault, or that is missed.
        message: What happens, and what is expected.
        confidence: `high` or `low`.
    """

    severity: Severity
    effect: Effect
    rule: str
    location: str
    keyword: str
    message: str
    confidence: Confidence


def lint(schema: Any, target: str) -> list[Finding]:
    """Say what a target would do with a schema, outermost places first.

    Args:
        schema: A JSON Schema, a `Schema`, or whatever `guard` takes.
        target: Name of a provider or engine.

    Raises:
        InvalidArgument: The target is unknown.
        InvalidSchema: The schema is none.

    >>> [(found.keyword, found.effect) for found in lint({"type": "object", "not": {"required": ["a"]}}, "llguidance")]
    [('not', 'rejected')]
    """
    table = rules_of(target)
    return sorted(findings_of(Schema.of(schema).document, table), key=_outermost_first)


def _outermost_first(found: Finding) -> tuple[int, str]:
    return found.location.count("/"), found.location


def findings_of(document: Any, table: Rules) -> Iterator[Finding]:
    """Give the findings of a table in a document that is known to be a schema."""
    dead: set[str] = set()
    for place in subschemas(document, "", ""):
        # What stands inside of a keyword that is not taken is told by that keyword.
        if any(place.location.startswith(above) for above in dead):
            continue
        if not isinstance(place.schema, dict):
            yield from _of_boolean(place.location, place.schema, table)
            continue
        site = Site(place.schema, place.location, document)
        for found in _at(site, table):
            if found.keyword in place.schema and found.rule.endswith(":" + found.keyword):
                dead.add(f"{place.location}/{found.keyword}")
            yield found


def _at(site: Site, table: Rules) -> Iterator[Finding]:
    named = {rule.keyword for rule in table.rules if rule.applies is None}
    for rule in table.rules:
        if rule.is_broken(site):
            severity: Severity = "error" if rule.confidence == "high" else "warning"
            yield Finding(
                severity, rule.effect, rule.name, site.location, rule.keyword, rule.message, rule.confidence
            )
    for keyword in site.schema:
        if keyword in table.takes or keyword in STRUCTURE or keyword in named:
            continue
        if keyword in ANNOTATIONS:
            if table.drops_annotations:
                yield Finding(
                    "info",
                    "ignored",
                    f"{table.name}:{keyword}",
                    site.location,
                    keyword,
                    f"{keyword} is no part of what is taken",
                    "high",
                )
        elif keyword in KEYWORDS:
            message = f"{keyword} is refused" if table.others == "rejected" else f"{keyword} is not enforced"
            severity = "error" if table.confidence == "high" else "warning"
            yield Finding(
                severity,
                table.others,
                f"{table.name}:{keyword}",
                site.location,
                keyword,
                message,
                table.confidence,
            )


def _of_boolean(location: str, value: bool, table: Rules) -> Iterator[Finding]:
    """Tell a boolean schema where it is no value of a keyword that takes one."""
    keyword = location.rpartition("/")[2]
    if keyword in (
        "additionalProperties",
        "items",
        "additionalItems",
        "unevaluatedProperties",
        "unevaluatedItems",
    ):
        return
    if table.name in ("llguidance", "xgrammar", "vllm"):
        return
    yield Finding(
        "error",
        "rejected",
        f"{table.name}-boolean",
        location,
        str(value).lower(),
        "a boolean is not taken as a schema",
        "high",
    )
