# SPDX-License-Identifier: Apache-2.0
"""The result of an import: every row that was read is in one of its counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.excluded_calls import cause_of
from schema_guard.records.counts.calls import result_of

if TYPE_CHECKING:
    from schema_guard.configuration.recorded_settings import Traffic
    from schema_guard.ext.traces.files import Unreadable
    from schema_guard.values import Outcome

_MOST_PLACES = 5
_MOST_UNREADABLE = 20
_COUNTS = ("rows", "replies", "calls", "attempts", "stored", "already_stored", "judged", "valid", "repeated")


class Examples(NamedTuple):
    """The number of rows that were left out for a cause, and the places of the first ones."""

    rows: int
    places: tuple[str, ...]


@dataclass(slots=True)
class TraceImport:
    """The counts of an import.

    Attributes:
        traffic: The part of the traffic, and the tool that had stored the replies.
        dry_run: Whether nothing was stored.
        rows: Number of readable rows.
        replies: Number of calls of models in them.
        calls: Number of calls that they were grouped into, without those in `left_out` and `repeated`.
        attempts: Number of attempts of these calls.
        stored: Number of new calls in the store; in a dry run, of calls that would be new.
        already_stored: Number of calls that were already in the store.
        judged: Number of calls with at least one validated reply, the n of every rate.
        valid: Number of those with a valid attempt.
        failures: The failed calls, by kind and code of the last attempt.
        excluded: Calls without a validated reply, by cause and code.
        left_out: Rows that are in no call, by cause.
        repeated: Number of replies that the files have a second time.
        unreadable: The first unreadable parts of the files.
        unread: The number of all unreadable parts.
        functions: The number of calls of each function.
    """

    traffic: Traffic
    dry_run: bool = False
    rows: int = 0
    replies: int = 0
    calls: int = 0
    attempts: int = 0
    stored: int = 0
    already_stored: int = 0
    judged: int = 0
    valid: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    excluded: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: dict[str, Examples] = field(default_factory=dict)
    repeated: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)
    unread: int = 0
    functions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_unreadable(self, part: Unreadable) -> None:
        """Count an unreadable part of a file."""
        self.unread += 1
        self.unreadable += [part] if len(self.unreadable) < _MOST_UNREADABLE else []

    def leave_out(self, cause: str, place: str) -> None:
        """Count a row that is in no call."""
        known = self.left_out.get(cause, Examples(0, ()))
        self.left_out[cause] = Examples(known.rows + 1, (*known.places, place)[:_MOST_PLACES])

    def add(self, outcome: Outcome[Any]) -> None:
        """Count a validated call."""
        self.calls += 1
        self.attempts += len(outcome.attempts)
        self.functions[outcome.call.function, outcome.call.schema_name] += 1
        kinds = [None if attempt.failure is None else attempt.failure.kind for attempt in outcome.attempts]
        failure = outcome.failure
        if all(kind == "transport" for kind in kinds) or result_of(outcome) == "transport":
            assert failure is not None
            self.excluded[cause_of(failure.code), failure.code] += 1
            return
        self.judged += 1
        if failure is None:
            self.valid += 1
        else:
            self.failures[failure.kind, failure.code] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the counts as plain JSON."""
        return {
            "traffic": self.traffic.as_figures(),
            "dry_run": self.dry_run,
            **{name: getattr(self, name) for name in _COUNTS},
            "failures": _calls_by(self.failures, "kind", "code"),
            "excluded": _calls_by(self.excluded, "cause", "code"),
            "left_out": [
                {"cause": cause, "rows": counted.rows, "places": list(counted.places)}
                for cause, counted in self.left_out.items()
            ],
            "unread": self.unread,
            "unreadable": [part._asdict() for part in self.unreadable],
            "functions": _calls_by(self.functions, "function", "schema"),
        }


def _calls_by(counted: Counter[tuple[str, str]], *names: str) -> list[dict[str, Any]]:
    return [{**dict(zip(names, key, strict=True)), "calls": n} for key, n in counted.most_common()]
