# SPDX-License-Identifier: Apache-2.0
"""What an import came to, counted: nothing that was read is in none of the counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.exclusions import cause_of
from schema_guard.records.counts.calls import result_of

if TYPE_CHECKING:
    from schema_guard.configuration.traffic import Traffic
    from schema_guard.ext.traces.files import Unreadable
    from schema_guard.values import Outcome

__all__ = ["Examples", "TraceImport"]

_MOST_PLACES = 5
_MOST_UNREADABLE = 20


class Examples(NamedTuple):
    """How many rows were left out for a cause, and where the first of them stand."""

    rows: int
    places: tuple[str, ...]


@dataclass(slots=True)
class TraceImport:
    """What an import has read, judged and stored.

    Attributes:
        traffic: What it says of the part of the traffic; its tool is where the replies had been stored.
        dry_run: Whether nothing was stored.
        rows: Rows that were read, those that could not be read left out.
        replies: Of these, calls of models.
        calls: What they were put together to, those of `left_out` and `repeated` apart.
        attempts: Of these calls.
        stored: Calls that are new in the store; in a dry run, that would be.
        already_stored: Calls that were stored before.
        judged: Calls with at least one judged reply, the n of every rate.
        valid: Of these, calls of which an attempt was valid.
        failures: Of the failed ones, by kind and code of the last attempt.
        excluded: Calls without a judged reply, by cause and code.
        left_out: Rows that are in no call, by cause.
        repeated: Replies that the files hold a second time.
        unreadable: Parts of files that cannot be read: the first of them.
        unread: How many these are.
        functions: What records call whatever made the calls, with their number.
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

    def leave_out(self, cause: str, place: str) -> None:
        """Count a row that is in no call."""
        known = self.left_out.get(cause, Examples(0, ()))
        places = (*known.places, place) if known.rows < _MOST_PLACES else known.places
        self.left_out[cause] = Examples(known.rows + 1, places)

    def miss(self, part: Unreadable) -> None:
        """Count a part of a file that cannot be read."""
        self.unread += 1
        if len(self.unreadable) < _MOST_UNREADABLE:
            self.unreadable.append(part)

    def add(self, outcome: Outcome[Any]) -> None:
        """Count a call that was judged."""
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
        """Give it as plain JSON."""
        return {
            "traffic": self.traffic.as_figures(),
            "dry_run": self.dry_run,
            **{
                name: getattr(self, name)
                for name in (
                    "rows",
                    "replies",
                    "calls",
                    "attempts",
                    "stored",
                    "already_stored",
                    "judged",
                    "valid",
                    "repeated",
                )
            },
            "failures": [
                {"kind": kind, "code": code, "calls": n} for (kind, code), n in self.failures.most_common()
            ],
            "excluded": [
                {"cause": cause, "code": code, "calls": n} for (cause, code), n in self.excluded.most_common()
            ],
            "left_out": [
                {"cause": cause, "rows": counted.rows, "places": list(counted.places)}
                for cause, counted in self.left_out.items()
            ],
            "unread": self.unread,
            "unreadable": [part._asdict() for part in self.unreadable],
            "functions": [
                {"function": function, "schema": schema, "calls": n}
                for (function, schema), n in self.functions.most_common()
            ],
        }
