# SPDX-License-Identifier: Apache-2.0
"""What was found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from schema_guard.ext.fitting.fixes import fix_of
from schema_guard.pointer import pointer
from schema_guard.text import clip, plural, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.ext.fitting.lint_command.fix import Fixed
    from schema_guard.ext.fitting.lint_command.linted import Linted

__all__ = ["as_json", "as_text", "fixes_as_text"]

_DOES = {"rejected": "refuses", "ignored": "does not enforce", "narrowed": "takes less than"}


def as_text(linted: list[Linted]) -> Iterator[str]:
    """Yield the text: each place with its effect and its fix, and then a line for each provider."""
    for one in linted:
        yield from _told(one)
    for provider in dict.fromkeys(one.provider for one in linted):
        yield from _summary([one for one in linted if one.provider == provider])


def _told(one: Linted) -> Iterator[str]:
    name = safe(one.source.file or one.source.name)
    faults = [(one.source.line_of(found.location, found.keyword), found) for found in one.findings]
    for line, found in sorted(faults, key=lambda fault: fault[0] or 0):
        if found.severity != "info":
            does = f"{one.provider} {_DOES[found.effect]} {safe(clip(found.keyword))} at {safe(pointer(found.location))}"
            # A rule that has a keyword for its name says nothing more than what it does.
            why = "" if found.rule.endswith(f":{found.keyword}") else f": {found.message}"
            where = name + (f":{line}" if line else "")
            yield f"{where}: {found.severity}: {does}{why} [{found.rule}]"
            yield f"    {fix_of(found)}"


def _summary(linted: list[Linted]) -> Iterator[str]:
    provider = linted[0].provider
    counted = Counter(found.severity for one in linted for found in one.findings)
    left_out = {found.keyword for one in linted for found in one.findings if found.severity == "info"}
    told = [plural(counted[severity], severity) for severity in ("error", "warning")]
    yield f"{provider}: {plural(len(linted), 'schema')}, {', '.join(told)}"
    if left_out:
        yield f"    left out, for they judge nothing: {', '.join(map(safe, sorted(left_out)))}"
    yield from (f"    always: {said}" for said in linted[0].rules.always)


def fixes_as_text(written: list[Fixed]) -> Iterator[str]:
    """Give a line for each schema that was written, or why none was."""
    for one in written:
        made = one.adapted
        lost = ", ".join(f"{len(getattr(made, kind))} {kind}" for kind in ("relaxed", "narrowed", "dropped"))
        if one.schema is None:
            yield f"{made.provider}: {safe(made.relaxed[0].reason)}, told in {safe(one.report)}"
        else:
            form = (
                ""
                if made.is_same_form
                else "; values come in another form, which `adapt(...).restore` undoes"
            )
            yield f"{made.provider}: {safe(one.schema)}: {lost}, told in {safe(one.report)}{form}"


def as_json(linted: list[Linted], written: Sequence[Fixed] = ()) -> dict[str, Any]:
    """Give all that was found, as `lint.schema.json` describes it; *written* are the fixes of all of it, or none."""
    fixes: list[dict[str, str | None] | None] = [
        {"schema": one.schema, "report": one.report} for one in written
    ] or [None] * len(linted)
    return {"format": 1, "linted": [_one(*pair) for pair in zip(linted, fixes, strict=True)]}


def _one(one: Linted, fix: dict[str, str | None] | None) -> dict[str, Any]:
    table = one.rules
    return {
        "schema": one.source.schema.name,
        "fingerprint": one.source.schema.fingerprint,
        "file": one.source.file,
        "provider": one.provider,
        "rules": table.name,
        "always": list(table.always),
        "findings": [
            {
                **asdict(found),
                "line": one.source.line_of(found.location, found.keyword),
                "fix": fix_of(found),
                "evidence": known.evidence,
                "verified_on": known.verified_on,
            }
            for found in one.findings
            for known in [table.named(found.rule)]
        ],
        "fix": fix,
    }
