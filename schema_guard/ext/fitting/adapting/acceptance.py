# SPDX-License-Identifier: Apache-2.0
"""The forms that a provider accepts, by its rules. The first form without an error is sent.

No code in this module names a provider. A new rule in a table takes effect without a change here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.linting import findings_at, findings_of
from schema_guard.ext.fitting.rules.limits import inner_rules
from schema_guard.ext.fitting.rules.rule import KEYWORDS, STRUCTURE, Site
from schema_guard.locks import cached_property

if TYPE_CHECKING:
    from schema_guard.ext.fitting.linting import Finding
    from schema_guard.ext.fitting.rules.rule import Rules

_MANY = 64
_STRING = {"type": "string"}


class Acceptance:
    """The schemas that one table accepts."""

    def __init__(self, table: Rules) -> None:
        self.table = table
        # Only these rules cause errors. A keyword without a rule may cause one too.
        self._sure = [rule for rule in inner_rules(table) if rule.confidence == "high"]
        self._unnamed = KEYWORDS - table.takes - STRUCTURE

    def errors(self, schema: dict[str, Any]) -> list[Finding]:
        """Return the known errors of one schema, without those of the schemas inside of it."""
        site = Site(schema, "/x", {})
        return [finding for finding in findings_at(site, self.table) if finding.severity == "error"]

    def is_clean(self, schema: dict[str, Any]) -> bool:
        """Return whether one schema, without the schemas inside of it, is accepted unchanged."""
        site = Site(schema, "/x", {})
        if self._unnamed.isdisjoint(schema) and not any(rule.is_broken(site) for rule in self._sure):
            return True
        return not self.errors(schema)

    def is_sure(self, schema: dict[str, Any]) -> bool:
        """Return whether one schema, without those inside of it, is accepted unchanged and not likely to be refused."""
        findings = findings_at(Site(schema, "/x", {}), self.table)
        return not any(finding.severity == "error" or finding.effect == "rejected" for finding in findings)

    def first(self, *candidates: dict[str, Any]) -> dict[str, Any] | None:
        """Return the first accepted schema. None if no schema is accepted."""
        return next((schema for schema in candidates if self.is_clean(schema)), None)

    @cached_property
    def most_optional(self) -> int | None:
        """The maximum number of optional properties of an object, or None for any number."""
        for number in range(_MANY):
            listed = {f"p{place}": _STRING for place in range(number + 1)}
            document = {"type": "object", "properties": listed, "additionalProperties": False}
            findings = findings_at(Site(document, "", document), self.table)
            if any(finding.severity == "error" and finding.keyword == "required" for finding in findings):
                return number
        return None

    @cached_property
    def untyped(self) -> bool:
        """Whether a schema without keywords is accepted."""
        return self.is_clean({})

    @cached_property
    def recurs(self) -> bool:
        """Whether a schema may lead back to itself."""
        document = {"$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/a"}}}}}
        site = Site({"$ref": "#/$defs/a"}, "/x", document)
        return not any(
            finding.severity == "error" and finding.keyword == "$ref"
            for finding in findings_at(site, self.table)
        )

    @cached_property
    def booleans(self) -> bool:
        """Whether a boolean is accepted as the schema of a property."""
        document = {"properties": {"a": False}}
        return not any(finding.location == "/properties/a" for finding in findings_of(document, self.table))

    @cached_property
    def nulls(self) -> bool:
        """Whether null is a type. Otherwise, a schema needs OpenAPI's `nullable`."""
        return self.is_clean({"type": "null"})

    @cached_property
    def open_objects(self) -> bool:
        """Whether an object with listed properties may be open."""
        listed = {"type": "object", "properties": {"a": _STRING}, "required": ["a"]}
        return self.first(listed, {**listed, "additionalProperties": True}) is not None

    @cached_property
    def maps(self) -> bool:
        """Whether an object may have a schema for its unknown properties."""
        return self.is_clean({"type": "object", "additionalProperties": _STRING})
