# SPDX-License-Identifier: Apache-2.0
"""A schema with the findings for a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema_guard.ext.fitting.lint_command.sources import NamedSchema
    from schema_guard.ext.fitting.linting import Finding
    from schema_guard.ext.fitting.rules.rule import Rules

__all__ = ["Linted", "has_errors"]


@dataclass(frozen=True)
class Linted:
    """The findings for a schema and a provider.

    Attributes:
        source: The schema, and where it stands.
        provider: Name of the provider.
        rules: The table that it goes by.
        findings: What `lint` says, outermost places first.
    """

    source: NamedSchema
    provider: str
    rules: Rules
    findings: list[Finding]


def has_errors(linted: list[Linted]) -> bool:
    """Say whether anything is known to go wrong."""
    return any(finding.severity == "error" for entry in linted for finding in entry.findings)
