"""What a run has shown: format from the records, content from the gold answers, reported apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.errors import safe
from schema_guard.report import Configuration, Rate, as_json
from schema_guard.report.as_text import BOUNDS_NOTE, percent, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.bench.runner import Run, Scored
    from schema_guard.report import Report


@dataclass(frozen=True, slots=True)
class StrategyResult:
    """One strategy over all schemas of the suite: the same tasks for every strategy.

    Attributes:
        strategy: As given.
        exact: Attempt 1 was nothing but valid JSON.
        first_pass: Attempt 1 was valid.
        reasked: Valid after a re-ask.
        unhandled: No attempt was valid.
        right: Valid, and equal to the gold answer.
        leaf_share: Mean share of the gold's leaves that are right, 0 for a call without a valid value; None
            without calls.
        failures: Attempts by kind and code, most frequent first.
        attempts: Of all calls.
        input_tokens: Over all attempts; None when unknown.
        output_tokens: As input_tokens.
        elapsed_s: Seconds over all attempts, which ran side by side.
    """

    strategy: str
    exact: Rate
    first_pass: Rate
    reasked: Rate
    unhandled: Rate
    right: Rate
    leaf_share: float | None
    failures: tuple[tuple[str, str, int], ...]
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A run's result.

    Attributes:
        run: Name of its calls in the store.
        suite: Name of the suite.
        suite_fingerprint: Of everything that decides results.
        model: Name of the model.
        started_at: UTC, ISO 8601.
        max_attempts: Of each call.
        schemas: Names, in the suite's order.
        strategies: In the order given.
        unhandled: Calls without a valid value by schema, then by strategy, as (count, n).
        configurations: What is recorded of the run, by schema and strategy.
    """

    run: str
    suite: str
    suite_fingerprint: str
    model: str
    started_at: str
    max_attempts: int
    schemas: tuple[str, ...]
    strategies: tuple[StrategyResult, ...]
    unhandled: dict[str, dict[str, tuple[int, int]]]
    configurations: tuple[Configuration, ...]


def result_of(run: Run, report: Report) -> BenchResult:
    """Put a run and what was recorded of it together.

    Args:
        run: A finished run.
        report: On the calls of the run alone.
    """
    schemas = tuple(dict.fromkeys(scored.schema for scored in run.scored))
    return BenchResult(
        run=run.id,
        suite=run.suite,
        suite_fingerprint=run.suite_fingerprint,
        model=run.model,
        started_at=run.started_at,
        max_attempts=run.max_attempts,
        schemas=schemas,
        strategies=tuple(_strategy(name, run, report) for name in run.strategies),
        unhandled={
            schema: {
                name: _unhandled([s for s in run.scored if s.schema == schema and s.strategy == name])
                for name in run.strategies
            }
            for schema in schemas
        },
        configurations=report.configurations,
    )


def _unhandled(scored: Sequence[Scored]) -> tuple[int, int]:
    return sum(not s.outcome.ok for s in scored), len(scored)


def _strategy(name: str, run: Run, report: Report) -> StrategyResult:
    rows = [found for found in report.configurations if found.strategies == name]
    scored = [s for s in run.scored if s.strategy == name]
    n = sum(found.calls for found in rows)

    def rate(field: str) -> Rate:
        return Rate.of(sum(getattr(found, field).count for found in rows), n)

    return StrategyResult(
        strategy=name,
        exact=rate("exact"),
        first_pass=rate("first_pass"),
        reasked=rate("reasked"),
        unhandled=rate("unhandled"),
        right=Rate.of(sum(s.content.exact for s in scored), len(scored)),
        leaf_share=sum(s.content.share for s in scored) / len(scored) if scored else None,
        failures=_failures(rows),
        attempts=sum(found.attempts for found in rows),
        input_tokens=_total(found.input_tokens for found in rows),
        output_tokens=_total(found.output_tokens for found in rows),
        elapsed_s=sum(found.elapsed_s for found in rows),
    )


def _failures(rows: Sequence[Configuration]) -> tuple[tuple[str, str, int], ...]:
    counts: dict[tuple[str, str], int] = {}
    for found in rows:
        for kind, code, attempts in found.failures:
            counts[kind, code] = counts.get((kind, code), 0) + attempts
    return tuple((*key, n) for key, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _total(tokens: Iterable[int | None]) -> int | None:
    known = [count for count in tokens if count is not None]
    return sum(known) if known else None


def result_as_json(result: BenchResult) -> Any:
    """Give a result as plain JSON: the names of its fields, rates as fractions, None as null."""
    return as_json(result)


def result_as_text(result: BenchResult) -> str:
    """Give a result as text."""
    tasks = sum(n for row in result.unhandled.values() for _, n in list(row.values())[:1])
    heading = (
        f"suite {safe(result.suite)} ({result.suite_fingerprint}): {len(result.schemas)} schemas, {tasks} tasks\n"
        f"model {safe(result.model)}, at most {result.max_attempts} attempts a call, {result.started_at}"
    )
    lines = [
        heading,
        "",
        "format",
        *table(
            ("strategy", "n", "exact %", "first pass %", "after re-ask %", "unhandled %"),
            [
                (
                    found.strategy,
                    str(found.unhandled.n),
                    *(percent(r) for r in (found.exact, found.first_pass, found.reasked, found.unhandled)),
                )
                for found in result.strategies
            ],
        ),
        *(
            f"  {found.strategy} failed: {', '.join(f'{kind} {code} {n}' for kind, code, n in found.failures[:6])}"
            for found in result.strategies
            if found.failures
        ),
        "",
        "content, and what it took",
        *table(
            ("strategy", "right answer %", "leaves right %", "attempts", "tokens in/out", "s an attempt"),
            [_content_row(found) for found in result.strategies],
        ),
        "",
        "calls without a valid value, by schema",
        *table(
            ("schema", *(found.strategy for found in result.strategies)),
            [
                (schema, *(f"{count}/{n}" for count, n in row.values()))
                for schema, row in result.unhandled.items()
            ],
        ),
        "",
        BOUNDS_NOTE,
    ]
    return "\n".join(lines)


def _content_row(found: StrategyResult) -> tuple[str, ...]:
    share = "no data" if found.leaf_share is None else f"{100 * found.leaf_share:.1f}"
    seconds = f"{found.elapsed_s / found.attempts:.2f}" if found.attempts else "no data"
    tokens = "/".join(
        "?" if count is None else str(count) for count in (found.input_tokens, found.output_tokens)
    )
    return found.strategy, percent(found.right), share, str(found.attempts), tokens, seconds
