# SPDX-License-Identifier: Apache-2.0
"""The report about the missing parts of a playbook or an improvement, and the time to collect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schema_guard.records.urls import command_on
from schema_guard.report.document import Document, Fact, Tone
from schema_guard.stats import calls_needed
from schema_guard.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.records import Store

_HOURS_A_MONTH = 24 * 365.25 / 12
_HOURS_A_DAY = 24.0


class Missing(NamedTuple):
    """The missing parts of a playbook, or of an improvement.

    Attributes:
        what: The missing parts, one text each.
        function: The function; None if there is none.
        calls: Number of its recorded calls.
        texts: Number of these with stored texts.
        needed: Number of different inputs that decide a step that never fails. None if no inputs are missing.
        calls_per_month: The present volume; None if unknown.
        storing: How to store texts; empty if no inputs are missing.
        skipping: The command that rules an impossible step out; empty if there is none.
    """

    what: tuple[str, ...]
    function: str | None = None
    calls: int = 0
    texts: int = 0
    needed: int | None = None
    calls_per_month: float | None = None
    storing: str = ""
    skipping: str = ""

    @property
    def collecting(self) -> str | None:
        """Time to collect the inputs, or None if unknown."""
        if self.needed is None or not self.calls_per_month:
            return None
        hours = self.needed / self.calls_per_month * _HOURS_A_MONTH
        days = hours / _HOURS_A_DAY
        time = (
            plural(max(round(hours), 1), "hour") if hours < 2 * _HOURS_A_DAY else plural(round(days), "day")
        )
        return f"about {time} for {self.needed:,} inputs, at {self.calls_per_month:,.0f} calls a month"


def inputs_needed(target: float, alpha: float) -> int | None:
    """Return the number of different inputs that decide a step that never fails."""
    needed = calls_needed(0, 1, target, alpha=alpha)
    return None if needed is None else needed + 1


def skipping_command(store: Store, function: str | None, schema: str, step: str, reason: str) -> str:
    """Return the command that marks a step as impossible in the store."""
    whose = ("--schema", schema) if function is None else ("--function", function)
    return command_on(store.url, "decide", *whose, "--decline", f"{step}={reason}")


def missing_document(missing: Missing) -> Document:
    """Return the report as a document."""
    return Document("NOT MEASURED, because nothing was sent", tuple(_facts(missing)), tone=Tone.OPEN)


def missing_as_json(missing: Missing) -> dict[str, object]:
    """Return the report as plain JSON, by its field names and `collecting`."""
    return {**missing._asdict(), "what": list(missing.what), "collecting": missing.collecting}


def _facts(missing: Missing) -> Iterator[Fact]:
    if missing.function is not None:
        yield Fact("function", missing.function)
    for what in missing.what:
        yield Fact("missing", what)
    if missing.needed is not None:
        yield Fact("texts", f"stored for {missing.texts:,} of {plural(missing.calls, 'call')}")
    if missing.storing:
        yield Fact("store texts", missing.storing)
    if missing.collecting is not None:
        yield Fact("collecting", missing.collecting)
    if missing.needed is not None:
        yield Fact("or give", "--inputs FILE: a .txt file with one input a line, or a .jsonl file")
    if missing.skipping:
        yield Fact("to skip it", missing.skipping)
