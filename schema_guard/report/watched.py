# SPDX-License-Identifier: Apache-2.0
"""What `watch` says: one line, and how each configuration stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.report.document import Document, Section, Table
from schema_guard.text import interval, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.watch import Watched


def by_function(watched: Sequence[Watched]) -> list[list[Watched]]:
    """Part what was watched into functions and their schemas: the worst one first, in each as well."""
    found: dict[tuple[str, str], list[Watched]] = {}
    for one in watched:
        found.setdefault((one.schema, one.function), []).append(one)
    return list(found.values())


def document_of(watched: Sequence[Watched], objective: float) -> Document:
    """Give what was watched as a document, whose title says all that a line can.

    Args:
        watched: As `watch` gives them, the worst one first.
        objective: That they were held against.
    """
    if not watched:
        return Document("no data: nothing is recorded")
    worst = watched[0]
    wrong = sum(not one.is_fine for one in watched)
    counted = f"{worst.k:g}/{worst.n} = {percent(worst.rate)} {interval(worst.lower, worst.upper)} unhandled"
    return Document(
        f"{'BREACH' if wrong else 'OK'}: {wrong} of {len(watched)} configurations; {worst.schema} "
        f"{worst.function} {worst.configuration} {counted}: {_state(worst)} of {percent(objective)}",
        sections=(
            Section(
                "Configurations",
                "the worst first; all bounds hold together, however often someone looks",
                Table(
                    ("schema", "function", "configuration", "unhandled", "calls", "rate", "bounds", "state"),
                    tuple(map(_row, watched)),
                    (0, 1, 2, 7),
                ),
            ),
        ),
        good=not wrong,
    )


def _row(one: Watched) -> tuple[str, ...]:
    counts = (f"{one.k:g}", f"{one.n:,}", percent(one.rate), interval(one.lower, one.upper))
    return (one.schema, one.function, one.configuration, *counts, _state(one))


def _state(one: Watched) -> str:
    proved = ["above the objective"] if one.breach else []
    risen = [f"risen since call {one.risen_at}"] if one.risen_at is not None else []
    return " and ".join(proved + risen) or "not proved above the objective"
