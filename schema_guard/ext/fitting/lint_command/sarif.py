# SPDX-License-Identifier: Apache-2.0
"""The findings as SARIF 2.1.0, which code hosts and editors show beside the lines.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, 2020-03-27. Comments name its sections.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import schema_guard
from schema_guard.ext.fitting.fixes import fix_of
from schema_guard.pointer import pointer
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.ext.fitting.lint_command.sources import Linted, NamedSchema
    from schema_guard.ext.fitting.linting import Finding

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(linted: list[Linted]) -> dict[str, Any]:
    """Return a log with one run, which has each broken rule once, and a result for each fault.

    Annotations are no faults, because a host would open an alert for each title.
    """
    faults = [
        (entry, finding) for entry in linted for finding in entry.findings if finding.severity != "info"
    ]
    rules = {_rule_id(entry, finding): _descriptor(entry, finding) for entry, finding in faults}
    places = list(rules)
    results = [_result(entry, finding, places.index(_rule_id(entry, finding))) for entry, finding in faults]
    driver = {
        "name": "schema-guard",
        "semanticVersion": schema_guard.__version__,
        "rules": list(rules.values()),
    }
    # s. 3.14.17: columns count characters as Python does.
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rule_id(entry: Linted, finding: Finding) -> str:
    """Return the name of a rule, with the provider in front if the rule belongs to another provider."""
    return finding.rule if entry.provider == entry.rules.name else f"{entry.provider}/{finding.rule}"


def _descriptor(entry: Linted, finding: Finding) -> dict[str, Any]:
    known = entry.rules.named(finding.rule)
    return {
        "id": _rule_id(entry, finding),
        "shortDescription": {"text": f"{entry.provider} {finding.message}"},
        "help": {"text": f"{fix_of(finding)}. Known from: {known.evidence}, {known.verified_on}."},
        "defaultConfiguration": {"level": finding.severity},
        "properties": {
            "effect": finding.effect,
            "confidence": finding.confidence,
            "tags": [entry.provider, finding.effect],
        },
    }


def _result(entry: Linted, finding: Finding, index: int) -> dict[str, Any]:
    place = pointer(finding.location)
    # s. 3.27.17: a fingerprint that stays the same when lines move.
    print_of = "\0".join(
        (entry.source.file or entry.source.name, entry.provider, finding.rule, finding.location)
    )
    return {
        "ruleId": _rule_id(entry, finding),
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": safe(f"at {place}: {entry.provider} {finding.message}; {fix_of(finding)}")},
        "locations": [_location(entry.source, finding)],
        "partialFingerprints": {
            "place/v1": hashlib.sha256(print_of.encode("utf-8", "replace")).hexdigest()[:32]
        },
    }


def _location(source: NamedSchema, finding: Finding) -> dict[str, Any]:
    named = {"fullyQualifiedName": f"{source.name}#{finding.location}", "kind": "object"}
    location: dict[str, Any] = {"logicalLocations": [named]}
    if source.file is not None:
        line = source.line_of(finding.location, finding.keyword) or 1
        # s. 3.4.3: a relative URI, which the reader resolves against the root of the repository.
        artifact = {"uri": quote(source.file)}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": line}}
    return location
