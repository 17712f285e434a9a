"""Reading stored attempts in the order in which they were stored, a page at a time.

Attempts are only ever appended, so that pages that are read one after the other, up to an `id` that was
the last one at the beginning, are of one state of the database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.backend import Select
    from schema_guard.records.rollups import StoredRow

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Where:
    """Which attempts, or configurations, are meant; None does not restrict.

    Attributes:
        since: Of calls started then or later; seconds since the epoch, UTC.
        until: Of calls started before then.
        schema: Name or fingerprint.
        function: Name of the guarded function.
        call_ids: Of these calls.
        configuration: Values of `CONFIGURATION_COLUMNS`.
    """

    since: float | None = None
    until: float | None = None
    schema: str | None = None
    function: str | None = None
    call_ids: Sequence[str] | None = None
    configuration: Row | None = None

    def sql(self) -> tuple[str, list[Any]]:
        """Give the condition and its parameters."""
        terms = self._times()
        if self.schema is not None:
            terms.append(("(schema_name = ? OR schema_fingerprint = ?)", [self.schema, self.schema]))
        if self.function is not None:
            terms.append(("function = ?", [self.function]))
        if self.call_ids is not None:
            terms.append(("call_id IN (SELECT value FROM json_each(?))", [json.dumps(list(self.call_ids))]))
        if self.configuration is not None:
            same = " AND ".join(f"{name} IS ?" for name in CONFIGURATION_COLUMNS)
            terms.append((same, list(self.configuration)))
        return _all_of(terms)

    def times(self) -> tuple[str, list[Any]]:
        """Give the condition on the times alone."""
        return _all_of(self._times())

    def _times(self) -> list[tuple[str, list[Any]]]:
        terms: list[tuple[str, list[Any]]] = [("1", [])]
        if self.since is not None:
            terms.append(("started_at >= ?", [self.since]))
        if self.until is not None:
            terms.append(("started_at < ?", [self.until]))
        return terms


def _all_of(terms: list[tuple[str, list[Any]]]) -> tuple[str, list[Any]]:
    return " AND ".join(term for term, _ in terms), [value for _, values in terms for value in values]


def span(select: Select, where: Where) -> tuple[int, int]:
    """Give the least and the greatest `id` that attempts in these times can have; (0, 0) for an empty store."""
    if where.since is None and where.until is None:
        ((last,),) = select("SELECT MAX(id) FROM attempts", ())
        return 0, last or 0
    condition, values = where.times()
    # Both in one: SQLite then looks at the index of times, not at one attempt after the other.
    ((first, last),) = select(f"SELECT MIN(id), MAX(id) FROM attempts WHERE {condition}", values)
    return first or 0, last or 0


def page(select: Select, where: Where, *, first: int, last: int) -> list[StoredRow]:
    """Give the next attempts with an `id` from *first* to *last*; none when that was all."""
    condition, values = where.sql()
    sql = (
        f"SELECT id, {', '.join(COLUMNS)} FROM attempts "
        f"WHERE id BETWEEN ? AND ? AND {condition} ORDER BY id LIMIT {_PAGE}"
    )
    return [(attempt_id, tuple(row)) for attempt_id, *row in select(sql, [first, last, *values])]


def as_dict(row: Row) -> dict[str, Any]:
    """Give a row by the names of its columns, lists as lists."""
    found: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in ("repairs", "violations"):
        found[name] = json.loads(found[name])
    return found


def drop_counts(select: Select, *, since: float | None) -> dict[str, int]:
    """Give the attempts that were dropped since then, by reason."""
    sql = "SELECT reason, SUM(count) FROM drops WHERE at >= ? GROUP BY reason ORDER BY reason"
    return dict(select(sql, [since or 0.0]))
