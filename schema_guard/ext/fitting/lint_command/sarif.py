# SPDX-License-Identifier: Apache-2.0
"""What was found, as SARIF 2.1.0: what code hosts and editors show beside the lines.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0, 2020-03-27; the sections stand where they are followed.
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
    from schema_guard.ext.fitting.lint_command.linted import Linted
    from schema_guard.ext.fitting.lint_command.sources import NamedSchema
    from schema_guard.ext.fitting.linting import Finding

__all__ = ["as_sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def as_sarif(linted: list[Linted]) -> dict[str, Any]:
    """Give a log with one run: the rules that are broken, each once, and a result for each fault.

    Annotations are no faults: a host would open an alert for each title.
    """
    told = [(one, found) for one in linted for found in one.findings if found.severity != "info"]
    rules = {_rule_id(one, found): _descriptor(one, found) for one, found in told}
    places = list(rules)
    results = [_result(one, found, places.index(_rule_id(one, found))) for one, found in told]
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


def _rule_id(one: Linted, found: Finding) -> str:
    """Give a rule's name; of a provider that goes by another's rules its own name stands before it."""
    return found.rule if one.provider == one.rules.name else f"{one.provider}/{found.rule}"


def _descriptor(one: Linted, found: Finding) -> dict[str, Any]:
    known = one.rules.named(found.rule)
    return {
        "id": _rule_id(one, found),
        "shortDescription": {"text": f"{one.provider}: {found.message}"},
        "help": {"text": f"{fix_of(found)}. Known from: {known.evidence}, {known.verified_on}."},
        "defaultConfiguration": {"level": found.severity},
        "properties": {
            "effect": found.effect,
            "confidence": found.confidence,
            "tags": [one.provider, found.effect],
        },
    }


def _result(one: Linted, found: Finding, index: int) -> dict[str, Any]:
    place = pointer(found.location)
    # s. 3.27.17: what stays the same while lines move.
    print_of = "\0".join((one.source.file or one.source.name, one.provider, found.rule, found.location))
    return {
        "ruleId": _rule_id(one, found),
        "ruleIndex": index,
        "level": found.severity,
        "message": {
            "text": safe(f"{one.provider}, {found.keyword} at {place}: {found.message}; {fix_of(found)}")
        },
        "locations": [_location(one.source, found)],
        "partialFingerprints": {
            "place/v1": hashlib.sha256(print_of.encode("utf-8", "replace")).hexdigest()[:32]
        },
    }


def _location(source: NamedSchema, found: Finding) -> dict[str, Any]:
    named = {"fullyQualifiedName": f"{source.name}#{found.location}", "kind": "object"}
    location: dict[str, Any] = {"logicalLocations": [named]}
    if source.file is not None:
        line = source.line_of(found.location, found.keyword) or 1
        # s. 3.4.3: a URI, and as it is relative the reader resolves it against the top of the repository.
        artifact = {"uri": quote(source.file)}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": line}}
    return location
