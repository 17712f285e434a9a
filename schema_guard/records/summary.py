"""What a report needs to know of many calls, counted by the database."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.records.backend import Select

MAX_VIOLATIONS = 10

_Group: TypeAlias = tuple[str, str, str | None, str]

_GROUP = "schema_name, schema_fingerprint, model, strategies"

# A call counts when a reply of it was judged: all but those whose only attempt was a transport failure.
_TOTALS = f"""
WITH chosen AS (
    SELECT *, final AND NOT (number = 1 AND kind IS 'transport') AS counted,
        final AND number = 1 AND kind IS 'transport' AS unjudged,
        kind IS NULL AND COALESCE(form, 'exact') IN ('repaired_lossless', 'repaired_lossy', 'resumed') AS is_repaired
    FROM attempts WHERE {{where}}
)
SELECT {_GROUP},
    SUM(counted),
    SUM(counted AND kind IS NULL AND number = 1 AND NOT is_repaired),
    SUM(counted AND kind IS NULL AND number = 1 AND form IS 'exact'),
    SUM(counted AND is_repaired),
    SUM(counted AND kind IS NULL AND number > 1 AND NOT is_repaired),
    SUM(counted AND kind IS NOT NULL),
    SUM(unjudged),
    COUNT(*),
    SUM(input_tokens), SUM(input_tokens IS NULL),
    SUM(output_tokens), SUM(output_tokens IS NULL),
    SUM(cost), SUM(cost IS NULL),
    TOTAL(elapsed_s)
FROM chosen GROUP BY {_GROUP} ORDER BY {_GROUP}
"""  # noqa: S608 - our own names; values are parameters

# Nearest rank: the smallest value that at least p of all values do not exceed.
_PERCENTILES = f"""
WITH ranked AS (
    SELECT {_GROUP}, elapsed_s, CUME_DIST() OVER (PARTITION BY {_GROUP} ORDER BY elapsed_s) AS share
    FROM attempts WHERE elapsed_s IS NOT NULL AND {{where}}
)
SELECT {_GROUP},
    MIN(CASE WHEN share >= 0.5 THEN elapsed_s END), MIN(CASE WHEN share >= 0.95 THEN elapsed_s END)
FROM ranked GROUP BY {_GROUP}
"""  # noqa: S608

_FAILURES = f"""
SELECT {_GROUP}, kind, code, COUNT(*) AS n FROM attempts
WHERE kind IS NOT NULL AND {{where}} GROUP BY {_GROUP}, kind, code ORDER BY n DESC, kind, code
"""  # noqa: S608

_VIOLATIONS = f"""
SELECT {_GROUP}, broken.value, COUNT(*) AS n FROM attempts, json_each(attempts.violations) AS broken
WHERE attempts.violations <> '[]' AND {{where}}
GROUP BY {_GROUP}, broken.value ORDER BY n DESC, broken.value
"""  # noqa: S608

_PAGE = 1_000


class FailureCount(NamedTuple):
    """How many attempts failed in one way."""

    kind: str
    code: str
    attempts: int


class ViolationCount(NamedTuple):
    """How many attempts broke one keyword at one declared location."""

    location: str
    keyword: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What is stored of one schema under one model and one strategy (or escalation).

    calls = first_pass + repaired + reasked + unhandled. Sums are over attempts, transport included; a sum
    is None when no attempt's value is known.

    Attributes:
        schema_name: Of the schema.
        schema_fingerprint: Of the schema's content.
        model: None when unknown.
        strategies: As `a>b` for an escalation.
        calls: With at least one judged reply.
        first_pass: Attempt 1 was valid without repair.
        exact: The part of first_pass whose reply was nothing but the JSON.
        repaired: The valid attempt, whichever it was, was repaired or resumed.
        reasked: Valid at attempt 2 or later without repair.
        unhandled: No attempt was valid; ended by a transport failure after a judged reply included.
        transport: Calls without a judged reply; not in calls.
        attempts: Of all calls, transport included.
        failures: Of attempts, most frequent first.
        violations: The ten most frequent.
        input_tokens: Known ones.
        input_tokens_unknown: Attempts whose input tokens are unknown.
        output_tokens: Known ones.
        output_tokens_unknown: Attempts whose output tokens are unknown.
        cost: Of the attempts that have one.
        cost_unknown: Attempts without one.
        elapsed_s: Sum over attempts.
        elapsed_p50_s: Median over attempts, by nearest rank.
        elapsed_p95_s: 95th percentile over attempts, by nearest rank.
    """

    schema_name: str
    schema_fingerprint: str
    model: str | None
    strategies: str
    calls: int
    first_pass: int
    exact: int
    repaired: int
    reasked: int
    unhandled: int
    transport: int
    attempts: int
    failures: tuple[FailureCount, ...]
    violations: tuple[ViolationCount, ...]
    input_tokens: int | None
    input_tokens_unknown: int
    output_tokens: int | None
    output_tokens_unknown: int
    cost: float | None
    cost_unknown: int
    elapsed_s: float
    elapsed_p50_s: float | None
    elapsed_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Where:
    """Which attempts are meant; None does not restrict.

    Attributes:
        since: Of calls started then or later; seconds since the epoch, UTC.
        until: Of calls started before then.
        schema: Name or fingerprint.
        function: Name of the guarded function.
        call_ids: Of these calls.
    """

    since: float | None = None
    until: float | None = None
    schema: str | None = None
    function: str | None = None
    call_ids: Sequence[str] | None = None

    def sql(self) -> tuple[str, list[Any]]:
        """Give the condition and its parameters."""
        terms: list[tuple[str, list[Any]]] = [("1", [])]
        if self.since is not None:
            terms.append(("started_at >= ?", [self.since]))
        if self.until is not None:
            terms.append(("started_at < ?", [self.until]))
        if self.schema is not None:
            terms.append(("(schema_name = ? OR schema_fingerprint = ?)", [self.schema, self.schema]))
        if self.function is not None:
            terms.append(("function = ?", [self.function]))
        if self.call_ids is not None:
            terms.append(("call_id IN (SELECT value FROM json_each(?))", [json.dumps(list(self.call_ids))]))
        return " AND ".join(term for term, _ in terms), [value for _, values in terms for value in values]


def summarize(select: Select, where: Where) -> list[Summary]:
    """Give one summary for each schema, model and strategy; none for an empty store."""
    condition, values = where.sql()

    def grouped(sql: str) -> dict[_Group, list[tuple[Any, ...]]]:
        groups: dict[_Group, list[tuple[Any, ...]]] = defaultdict(list)
        for name, fingerprint, model, strategies, *rest in select(sql.format(where=condition), values):
            groups[name, fingerprint, model, strategies].append(tuple(rest))
        return groups

    percentiles, failures, violations = grouped(_PERCENTILES), grouped(_FAILURES), grouped(_VIOLATIONS)
    return [
        _summary(group, totals[0], percentiles[group], failures[group], violations[group])
        for group, totals in grouped(_TOTALS).items()
    ]


def _summary(
    group: _Group,
    totals: tuple[Any, ...],
    percentiles: list[tuple[Any, ...]],
    failures: Iterable[tuple[Any, ...]],
    violations: list[tuple[Any, ...]],
) -> Summary:
    calls, first_pass, exact, repaired, reasked, unhandled, transport, attempts, *sums = totals
    input_tokens, input_unknown, output_tokens, output_unknown, cost, cost_unknown, elapsed_s = sums
    p50_s, p95_s = percentiles[0] if percentiles else (None, None)
    return Summary(
        *group,
        calls=calls,
        first_pass=first_pass,
        exact=exact,
        repaired=repaired,
        reasked=reasked,
        unhandled=unhandled,
        transport=transport,
        attempts=attempts,
        failures=tuple(FailureCount(*failure) for failure in failures),
        violations=tuple(_violation_count(*counted) for counted in violations[:MAX_VIOLATIONS]),
        input_tokens=input_tokens,
        input_tokens_unknown=input_unknown,
        output_tokens=output_tokens,
        output_tokens_unknown=output_unknown,
        cost=cost,
        cost_unknown=cost_unknown,
        elapsed_s=elapsed_s,
        elapsed_p50_s=p50_s,
        elapsed_p95_s=p95_s,
    )


def _violation_count(pair: str, attempts: int) -> ViolationCount:
    location, keyword = json.loads(pair)
    return ViolationCount(location, keyword, attempts)


def last_id(select: Select) -> int:
    """Give the `id` of the attempt stored last; 0 when there is none."""
    ((last,),) = select("SELECT MAX(id) FROM attempts", ())
    return last or 0


def page(select: Select, where: Where, *, after: int, last: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the next attempts with their `id`s, in the order in which they were stored."""
    condition, values = where.sql()
    sql = (
        f"SELECT id, {', '.join(COLUMNS)} FROM attempts "  # noqa: S608 - our own names
        f"WHERE id > ? AND id <= ? AND {condition} ORDER BY id LIMIT {_PAGE}"
    )
    for attempt_id, *values_of_row in select(sql, [after, last, *values]):
        row = dict(zip(COLUMNS, values_of_row, strict=True))
        row["repairs"] = json.loads(row["repairs"])
        row["violations"] = json.loads(row["violations"])
        yield attempt_id, row


def drop_counts(select: Select, *, since: float | None) -> dict[str, int]:
    """Give the attempts that were dropped since then, by reason."""
    sql = "SELECT reason, SUM(count) FROM drops WHERE at >= ? GROUP BY reason ORDER BY reason"
    return dict(select(sql, [since or 0.0]))
