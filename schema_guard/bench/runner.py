"""The benchmark's run: one model, some strategies, every task of a suite, all of it recorded.

Rules:
1. A call goes through the same `guard` as a user's own function would.
2. Strategies are compared on the same inputs, and every task has its own fixed output limit: a reply that is cut
   off there has failed.
3. What few-shot shows are the suite's `dev` tasks; what is scored are its `test` tasks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.scoring import Score, score, unanswered
from schema_guard.calls.identity import new_call_id
from schema_guard.core.prompting import Example
from schema_guard.core.strategy import strategies_of
from schema_guard.core.values import Budget
from schema_guard.errors import CallFailed, InvalidArgument
from schema_guard.guard import guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schema_guard.bench.suite import Suite, SuiteSchema, Task
    from schema_guard.core.values import Outcome
    from schema_guard.models import Model
    from schema_guard.records import Store

    OnCall: TypeAlias = Callable[["Scored"], None]

# The slots of the local model; hosted ones take as many without a rate limit.
CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class Scored:
    """One task under one strategy.

    Attributes:
        schema: Name of the suite's schema.
        task: Id of the task.
        strategy: As given, `a>b` for an escalation.
        outcome: All attempts.
        content: How right the value is; a call without a valid value has no leaf right.
    """

    schema: str
    task: str
    strategy: str
    outcome: Outcome[Any]
    content: Score


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    Attributes:
        id: Name that its calls have in the store: `bench:` and the id of the run.
        suite: Name of the suite.
        suite_fingerprint: Of everything that decides results.
        model: Name of the model.
        started_at: UTC, ISO 8601.
        max_attempts: Of each call.
        strategies: In the order given.
        scored: One entry a task and strategy.
    """

    id: str
    suite: str
    suite_fingerprint: str
    model: str
    started_at: str
    max_attempts: int
    strategies: tuple[str, ...]
    scored: tuple[Scored, ...]


def most_output_tokens(suite: Suite, strategies: Sequence[str], *, max_attempts: int) -> int:
    """Give how many tokens a run can generate at the most."""
    attempts = sum(_most_attempts(strategy, max_attempts) for strategy in strategies)
    return suite.output_tokens("test") * attempts


def _most_attempts(strategy: str, max_attempts: int) -> int:
    """Give the attempts of one call: an escalation goes on to its last strategy."""
    return max(max_attempts, len(strategies_of(strategy)))


def run(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    suite: Suite,
    model: Model,
    strategies: Sequence[str],
    *,
    store: Store | None,
    max_attempts: int = 2,
    concurrency: int = CONCURRENCY,
    on_call: OnCall = lambda _: None,
) -> Run:
    """Run every task of a suite under every strategy, one strategy of one schema after the other.

    Args:
        suite: What to run.
        model: Whom to ask; it is closed at the end.
        strategies: Names, or escalations as `a>b`.
        store: Where attempts are recorded; None for nowhere.
        max_attempts: Of each call; an escalation may always go on to its last strategy.
        concurrency: Calls at once.
        on_call: Is told of each finished call, in the order in which they finish.

    Raises:
        InvalidArgument: A strategy is unknown, given twice, or cannot ask this model for one of the schemas.
    """
    if not strategies or len(set(strategies)) < len(strategies):
        raise InvalidArgument(f"strategies={list(strategies)!r}: expected one or more, each once")
    for strategy in strategies:
        strategies_of(strategy)
    if max_attempts < 1 or concurrency < 1:
        raise InvalidArgument(f"max_attempts={max_attempts}, concurrency={concurrency}: expected ints >= 1")
    run_id = f"bench:{new_call_id(time())[:12]}"
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    # Prepared before the first call: what cannot be asked for is an error before anything is spent.
    prepared = [
        (entry, strategy, task, _guarded(entry, strategy, task, model, run_id, store, max_attempts))
        for entry in suite.schemas
        for strategy in strategies
        for task in entry.tasks_of("test")
    ]
    scored = asyncio.run(_all(prepared, model, concurrency, on_call))
    return Run(
        run_id,
        suite.name,
        suite.fingerprint,
        model.name,
        started_at,
        max_attempts,
        tuple(strategies),
        tuple(scored),
    )


def _guarded(  # noqa: PLR0913, PLR0917 - everything that one call is made of
    entry: SuiteSchema,
    strategy: str,
    task: Task,
    model: Model,
    run_id: str,
    store: Store | None,
    max_attempts: int,
) -> Any:
    shown = [Example(example.gold, example.text) for example in entry.tasks_of("dev")]
    settings = guard(
        entry.schema,
        strategy=strategy,
        max_attempts=_most_attempts(strategy, max_attempts),
        examples=shown,
        name=run_id,
        store=store,
        on_failure="return",
        budget=Budget(output_tokens=task.output_tokens),
    )
    return settings(model.acall)


async def _all(
    prepared: list[tuple[SuiteSchema, str, Task, Any]], model: Model, concurrency: int, on_call: OnCall
) -> list[Scored]:
    free = asyncio.Semaphore(concurrency)

    async def one(entry: SuiteSchema, strategy: str, task: Task, guarded: Any) -> Scored:
        async with free:
            scored = await _scored(entry, strategy, task, guarded)
        on_call(scored)
        return scored

    # Connections belong to the event loop that opened them, which ends with the run.
    async with model:
        return list(await asyncio.gather(*(one(*call) for call in prepared)))


async def _scored(entry: SuiteSchema, strategy: str, task: Task, guarded: Any) -> Scored:
    try:
        outcome = await guarded.outcome([{"role": "user", "content": task.text}])
    except CallFailed as error:
        outcome = error.outcome
    content = score(outcome.value, task.gold, task.match) if outcome.ok else unanswered(task.gold)
    return Scored(entry.name, task.id, strategy, outcome, content)
