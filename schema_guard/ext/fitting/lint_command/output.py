# SPDX-License-Identifier: Apache-2.0
"""The result of `schema lint`, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.fixes import fix_of
from schema_guard.pointer import pointer
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.ext.fitting.lint_command.fix import Fixed
    from schema_guard.ext.fitting.lint_command.sources import Linted


def as_text(linted: list[Linted]) -> Iterator[str]:
    """Yield the text: each place with its effect and its fix, and then a line for each provider."""
    for entry in linted:
        yield from _schema_lines(entry)
    for provider in dict.fromkeys(entry.provider for entry in linted):
        yield from _summary([entry for entry in linted if entry.provider == provider])


def _schema_lines(entry: Linted) -> Iterator[str]:
    name = safe(entry.source.file or entry.source.name)
    faults = [
        (entry.source.line_of(finding.location, finding.keyword), finding) for finding in entry.findings
    ]
    for line, finding in sorted(faults, key=lambda fault: fault[0] or 0):
        if finding.severity != "info":
            where = name + (f":{line}" if line else "")
            place = f"at {safe(pointer(finding.location))}: {entry.provider} {safe(finding.message)}"
            yield f"{where}: {finding.severity}: {place} [{finding.rule}]"
            yield f"    {fix_of(finding)}"


def _summary(linted: list[Linted]) -> Iterator[str]:
    provider = linted[0].provider
    counted = Counter(finding.severity for entry in linted for finding in entry.findings)
    left_out = {
        finding.keyword for entry in linted for finding in entry.findings if finding.severity == "info"
    }
    counts = [plural(counted[severity], severity) for severity in ("error", "warning")]
    yield f"{provider}: {plural(len(linted), 'schema')}, {', '.join(counts)}"
    if left_out:
        yield f"    keywords that are not listed, because they do not restrict values: {', '.join(map(safe, sorted(left_out)))}"
    yield from (f"    for every schema: {line}" for line in linted[0].rules.always)


def fixes_as_text(written: list[Fixed]) -> Iterator[str]:
    """Yield a line for each schema: its file, or why there is none."""
    for fix in written:
        adapted = fix.adapted
        lost = ", ".join(
            f"{len(getattr(adapted, kind))} {kind}" for kind in ("relaxed", "narrowed", "dropped")
        )
        if fix.schema is None:
            yield f"{adapted.provider}: {safe(adapted.relaxed[0].reason)}; report: {safe(fix.report)}"
        else:
            form = (
                ""
                if adapted.is_same_form
                else "; `adapt(...).restore` converts values back to the form of your schema"
            )
            yield f"{adapted.provider}: {safe(fix.schema)}: {lost}; report: {safe(fix.report)}{form}"


def as_json(linted: list[Linted], written: Sequence[Fixed] = ()) -> dict[str, Any]:
    """Return the result in the form of `lint.schema.json`. *written* has a fix for each entry, or is empty."""
    fixes: list[dict[str, str | None] | None] = [
        {"schema": fix.schema, "report": fix.report} for fix in written
    ] or [None] * len(linted)
    return {"format": 1, "linted": [_one(*pair) for pair in zip(linted, fixes, strict=True)]}


def _one(entry: Linted, fix: dict[str, str | None] | None) -> dict[str, Any]:
    table = entry.rules
    return {
        "schema": entry.source.schema.name,
        "fingerprint": entry.source.schema.fingerprint,
        "file": entry.source.file,
        "provider": entry.provider,
        "rules": table.name,
        "always": list(table.always),
        "findings": [
            {
                **asdict(finding),
                "line": entry.source.line_of(finding.location, finding.keyword),
                "fix": fix_of(finding),
                "evidence": known.evidence,
                "verified_on": known.verified_on,
            }
            for finding in entry.findings
            for known in [table.named(finding.rule)]
        ],
        "fix": fix,
    }
