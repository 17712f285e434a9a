# SPDX-License-Identifier: Apache-2.0
"""Run a benchmark: make every call of a plan, write it to a journal, record it in a store, and score it.

Rules:
1. A call goes through the same `guard` as your own function.
2. Every reply goes through the journal. A stored reply is used, and a missing one is requested and stored. So a resumed
   run, a run with replies from other machines, and a run on a provider's batch use the same code.
3. If a provider raises an exception, the call is lost and the run continues. A model that only raises isn't called
   again.
4. Few-shot examples are the suite's `dev` tasks. Scored tasks are its `test` tasks.
5. If a strategy doesn't support a schema with this model, the variant omits the schema, and the result reports it. A
   variant without any schema is an error before any cost.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from math import log
from time import monotonic, time
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.run.concurrency import AT_ONCE, LostInARow, make_all, ran_to_end
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.journal_model import JournalModel, OpenCall, open_call
from schema_guard.bench.run.scored_call import Run, Setup, call_row, failed_examples
from schema_guard.bench.run.trial_model import TrialModel, check_is_able, dev_tasks_text, trial_task
from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.decorator import guard
from schema_guard.errors import CallFailed, InvalidArgument
from schema_guard.limits import Limits
from schema_guard.preparing.steps import check_is_sent
from schema_guard.prices.costs import CallTokens
from schema_guard.prompting import Example
from schema_guard.records.recorder import PacedRecorder
from schema_guard.settings import Params
from schema_guard.stats import log_e_value
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from schema_guard.bench.run.journal import Key
    from schema_guard.bench.run.plan import Cell, RunPlan
    from schema_guard.bench.run.scored_call import CallRow, FailedExample
    from schema_guard.models import Model
    from schema_guard.records import Store
    from schema_guard.values import Outcome

    OnCall: TypeAlias = Callable[[CallRow], None]
    from schema_guard.prices.costs import TokenPrices
    from schema_guard.values import Attempt

    Prices = Mapping[str, TokenPrices]

INTERRUPTED = "interrupted"
"""The reason for missing calls if Ctrl-C ended the run."""
# A model that raises in this many calls in a row is likely to raise in all calls.
_MOST_LOST = 20
# Thresholds of the garbage collector while a run makes its calls.
_COLLECTIONS = (10_000, 50, 100)
# Probability that any variant is ever put on the wrong side of a target, over all variants together.
_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """The settings of a run, which don't change its requests.

    Attributes:
        concurrency: Calls at once for each model, >= 1.
        calls_per_minute: Requests per minute to each model, evenly spaced. None for no limit.
        max_cost: Dollars over all models after which no call starts. None for no limit.
        max_time_s: Seconds of this process after which no call starts. None for no limit.
        target: Failure rate in (0, 1). A variant stops when its rate is proved to be on one side of it. None to make
            all calls.
        prices: Prices of each model, by name, in dollars. Empty if all costs are unknown.
    """

    concurrency: int = AT_ONCE
    calls_per_minute: float | None = None
    max_cost: float | None = None
    max_time_s: float | None = None
    target: float | None = None
    prices: Prices = field(default_factory=dict)


def run(
    plan: RunPlan,
    models: Mapping[str, Model],
    *,
    store: Store | None = None,
    journal: Journal | None = None,
    settings: RunSettings | None = None,
    on_call: OnCall = lambda _: None,
) -> Run:
    """Make the calls of a plan that its journal does not have, and score all of them.

    An interrupt (Ctrl-C) ends the run early. The result then has the finished calls, and `Setup.stopped` the reason.

    Args:
        plan: The plan.
        models: The models by name, one for every model of the plan's variants. They are closed at the end.
        store: Store in which attempts are recorded, with those of the journal that it does not have. None for no store.
        journal: Journal of the replies, to which new ones are added. None to store none.
        settings: Settings of the run.
        on_call: Called with each finished call, in the order in which they finish.

    Raises:
        InvalidArgument: A variant supports none of the schemas, or the journal belongs to other prompts.
    """
    calls = Calls(plan, models, store=store, journal=journal, settings=settings, on_call=on_call)
    with rare_collections():
        if not ran_to_end(calls.make()):
            calls.stop(INTERRUPTED)
    return calls.result()


@contextmanager
def rare_collections() -> Iterator[None]:
    """Run the garbage collector less often, because it visits all objects of a run, and most of them stay in use."""
    before = gc.get_threshold()
    gc.set_threshold(*(max(pair) for pair in zip(before, _COLLECTIONS, strict=True)))
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _Look:
    """Evidence about a variant's failure rate. Each task counts once."""

    __slots__ = ("enough", "k", "n", "side")

    def __init__(self, variants: int) -> None:
        self.enough = log(variants / _ALPHA)
        self.n = self.k = 0
        self.side: str | None = None

    def add(self, scored: CallRow, target: float) -> None:
        """Count a call, and check whether the rate is proved to be on one side of the target."""
        if scored.epoch or scored.is_lost or self.side is not None:
            return
        self.n += 1
        self.k += not scored.is_valid
        if log_e_value(self.k, self.n, target, side="ok") >= self.enough:
            self.side = "not above"
        elif log_e_value(self.k, self.n, target, side="bad") >= self.enough:
            self.side = "above"


class Calls:
    """The calls of a plan during a run.

    Attributes:
        plan: The plan.
        models: The models by name.
        settings: Settings of the run.
        journal: Journal of the replies.
    """

    def __init__(  # noqa: PLR0913 - the arguments of `run`
        self,
        plan: RunPlan,
        models: Mapping[str, Model],
        *,
        store: Store | None = None,
        journal: Journal | None = None,
        settings: RunSettings | None = None,
        on_call: OnCall = lambda _: None,
        is_offline: bool = False,
    ) -> None:
        self.plan = plan
        self.settings = settings or RunSettings()
        self.models = models
        self._recorder = None if store is None else PacedRecorder(store)
        self.journal = journal or Journal.of(plan)
        self._on_call = on_call
        self._models = {
            name: JournalModel(
                model, self.journal, calls_per_minute=self.settings.calls_per_minute, is_offline=is_offline
            )
            for name, model in models.items()
        }
        self._guards: dict[tuple[str, str, int | None, str], tuple[Any, TrialModel]] = {}
        self._made: dict[Key, tuple[CallRow, tuple[FailedExample, ...]]] = {}
        self._index = {variant.name: number for number, variant in enumerate(plan.variants)}
        self._stopped: dict[str, None] = {}
        self._spending = Spending(self.settings.max_cost, self.settings.max_time_s)
        self._lost_in_a_row = {name: LostInARow(_MOST_LOST) for name in models}
        self._looks = {variant.name: _Look(len(plan.variants)) for variant in plan.variants}
        self._refused: dict[tuple[str, str], str] = {}
        # Prepared before the first call, so that unsupported schemas are known before any cost.
        for cell in plan.cells():
            self._prepare(cell)
        self._check_variants()
        self._recorded = _recorded(store, self.journal)

    def cells(self) -> Iterator[Cell]:
        """Return the calls that can be made, in the planned order."""
        return (
            cell for cell in self.plan.cells() if (cell.variant.name, cell.entry.name) not in self._refused
        )

    async def make(self) -> None:
        """Make all calls, several at once for each model in the planned order, and all models at the same time."""
        cells: dict[str, list[Cell]] = {name: [] for name in self.models}
        for cell in self.cells():
            cells[cell.variant.model].append(cell)
        await asyncio.gather(*(self._make_all(name, own) for name, own in cells.items()))

    async def call(self, cell: Cell) -> None:
        """Make one call, record it, and score it."""
        call = self._open_call(cell)
        outcome = _with_journal_times(await self._outcome(cell, call), call)
        if self._recorder is not None and outcome.call.id not in self._recorded:
            layout = self.plan.layout(cell.entry)
            self._recorder.record(outcome, trial_task(cell.task.text, layout, cell.task.before))
        cost = self._spending.add(outcome, self.settings.prices.get(cell.variant.model))
        row = call_row(outcome, cell, self._index[cell.variant.name], cost=cost, elapsed_s=call.elapsed_s())
        self._made[cell.key] = row, failed_examples(outcome, row)
        self._count(cell, row)

    async def outcome(self, cell: Cell) -> Outcome[Any]:
        """Make one call without recording or counting it."""
        return await self._outcome(cell, self._open_call(cell))

    def stop(self, why: str) -> None:
        """Add a reason for calls that were not made. Adding it twice is no error."""
        self._stopped[why] = None

    def result(self) -> Run:
        """Return the calls that have been made so far."""
        from schema_guard import (
            __version__,
        )  # imported lazily, because the package finds all its other names through itself

        plan, looks = self.plan, self._looks.items()
        at = datetime.fromtimestamp(self.journal.started_at, UTC).isoformat(timespec="seconds")
        is_timed = any(model.is_timed for model in self._models.values())
        decided = [
            f"{name} after {look.n} tasks, because its failure rate is {look.side} the target"
            for name, look in looks
            if look.side
        ]
        setup = Setup(
            suite=plan.suite.name,
            suite_fingerprint=plan.suite.fingerprint,
            suite_tasks=sum(len(entry.tasks_of("test")) for entry in plan.suite.schemas),
            plan=plan.fingerprint,
            variants=plan.variants,
            tasks=len(plan.tasks),
            epochs=plan.settings.epochs,
            seed=plan.settings.seed,
            max_attempts=plan.settings.max_attempts,
            started_at=at if is_timed else None,
            currency="USD" if self.settings.prices else None,
            stopped=(*self.refusals(), *self._stopped, *decided),
            left_out=plan.left_out,
            target=self.settings.target,
            library_version=__version__,
            teacher=plan.suite.teacher,
        )
        made = [self._made[cell.key] for cell in self.cells() if cell.key in self._made]
        return Run(setup, tuple(row for row, _ in made), tuple(one for _, failed in made for one in failed))

    def refusals(self) -> list[str]:
        """Return the tasks that cannot be sent with a variant, one line per variant."""
        lines = []
        for variant in self.plan.variants:
            refused = {schema: why for (name, schema), why in self._refused.items() if name == variant.name}
            tasks = sum(entry.name in refused for entry, _ in self.plan.tasks)
            if tasks:
                lines.append(
                    f"schema_guard can't send {tasks} tasks of {len(refused)} schemas with variant {variant.name}. The first fault is: {clip(next(iter(refused.values())), 200)}"
                )
        return lines

    async def _make_all(self, model: str, cells: Iterable[Cell]) -> None:
        wanted = filter(self.is_wanted, cells)
        # Connections belong to the event loop that opened them, which ends with the run.
        async with self.models[model]:
            await make_all(partial(next, wanted, None), self.call, at_once=self.settings.concurrency)

    def is_wanted(self, cell: Cell) -> bool:
        """Return whether to make a call. True for each call with replies in the journal, because they were paid for."""
        if cell.key in self.journal.replies:
            return True
        if (used_up := self._spending.exhausted()) is not None:
            self.stop(used_up)
            return False
        is_down = self._lost_in_a_row[cell.variant.model].are_too_many
        return not is_down and self._looks[cell.variant.name].side is None

    def _open_call(self, cell: Cell) -> OpenCall:
        entries = self.journal.replies.get(cell.key, [])
        return OpenCall(cell.key, list(entries), time(), len(entries))

    async def _outcome(self, cell: Cell, call: OpenCall) -> Outcome[Any]:
        open_call.set(call)
        try:
            guarded, model = self._guarded(cell)
            outcome: Outcome[Any] = await guarded.outcome(model.task(cell.task.text))
        except CallFailed as error:
            return error.outcome
        return outcome

    def _guarded(self, cell: Cell) -> tuple[Any, TrialModel]:
        """Return the guarded function for a call, and the model behind it. Calls with equal settings share them."""
        limit = self.plan.output_limit(cell.entry, cell.task, cell.variant.strategy)
        key = (cell.variant.name, cell.entry.name, limit, str(cell.task.before))
        guarded = self._guards.get(key)
        if guarded is None:
            model = self._models[cell.variant.model]
            shown = [Example(example.gold, example.text) for example in cell.entry.tasks_of("dev")]
            source = dev_tasks_text(self.plan.suite.name, cell.entry.name) if shown else ""
            layout = model.layout or self.plan.layout(cell.entry)
            trial = TrialModel(model, layout, cell.task.before, source)
            settings = guard(
                cell.entry.schema,
                strategy=cell.variant.strategy,
                max_attempts=self.plan.settings.most_attempts(cell.variant.strategy),
                examples=shown,
                name=self.journal.name,
                store=None,
                on_failure="return",
                limits=Limits(output_tokens=limit),
                params=Params(prompt_file=cell.variant.prompt_file),
            )
            guarded = self._guards[key] = settings(trial.function), trial
        return guarded

    def _prepare(self, cell: Cell) -> None:
        variant, schema = cell.variant.name, cell.entry.name
        if (variant, schema) in self._refused:
            return
        try:
            model = self._models[cell.variant.model]
            check_is_sent(model.provider, cell.variant.strategy, cell.entry.schema)
            check_is_able(model, cell.variant.strategy)
            self._guarded(cell)
        except InvalidArgument as error:
            self._refused[variant, schema] = str(error)

    def _check_variants(self) -> None:
        """Raise `InvalidArgument` if a variant supports none of the schemas."""
        schemas = {entry.name for entry, _ in self.plan.tasks}
        for variant in self.plan.variants:
            words = [why for (name, _), why in self._refused.items() if name == variant.name]
            if len(words) == len(schemas):
                raise InvalidArgument(words[0])

    def _count(self, cell: Cell, scored: CallRow) -> None:
        model = cell.variant.model
        lost = self._lost_in_a_row[model]
        lost.add(is_lost=scored.is_lost)
        if lost.count == _MOST_LOST:
            self.stop(f"{_MOST_LOST} calls of {model} in a row were lost (last error: {scored.error})")
        if self.settings.target is not None:
            self._looks[cell.variant.name].add(scored, self.settings.target)
        self._on_call(scored)


def _recorded(store: Store | None, journal: Journal) -> frozenset[str]:
    """Return the ids of the journal's calls that are already in the store."""
    ids = [entries[0].call_id for entries in journal.replies.values()]
    if store is None or not ids:
        return frozenset()
    return frozenset(row["call_id"] for row in store.attempts(call_ids=ids))


def _with_journal_times(outcome: Outcome[Any], call: OpenCall) -> Outcome[Any]:
    """Return an outcome with the original id and times of its call if an earlier process got some of its replies."""
    if not call.earlier:
        return outcome
    first = call.replies[0]
    attempts = tuple(
        attempt._replace(elapsed_s=entry.elapsed_s or 0.0)
        for attempt, entry in zip(outcome.attempts, call.replies, strict=True)
    )
    return outcome._replace(
        attempts=attempts,
        elapsed_s=sum(attempt.elapsed_s for attempt in attempts),
        call=outcome.call._replace(id=first.call_id, started_at=first.started_at),
    )


class Spending:
    """The cost of a run so far, and its budget."""

    def __init__(self, max_cost: float | None, max_time_s: float | None) -> None:
        """Start to count dollars over all models, and seconds of this process."""
        self._max_cost, self._max_time_s = max_cost, max_time_s
        self._began = monotonic()
        self.cost = 0.0

    def add(self, outcome: Outcome[Any], prices: TokenPrices | None) -> float | None:
        """Count a call, and return its cost. None without prices or if its tokens are unknown."""
        if prices is None:
            return None
        cost = sum(prices.cost(_tokens_of(attempt)) for attempt in outcome.attempts)
        self.cost += cost
        return None if None in (outcome.usage.input_tokens, outcome.usage.output_tokens) else cost

    def exhausted(self) -> str | None:
        """Return the budget that is used up, as a sentence. None if none is."""
        if self._max_cost is not None and self.cost >= self._max_cost:
            return f"the budget of ${self._max_cost:g} is used up"
        if self._max_time_s is not None and monotonic() - self._began >= self._max_time_s:
            return f"the budget of {self._max_time_s:g} seconds is used up"
        return None


def _tokens_of(attempt: Attempt) -> CallTokens:
    """Return the tokens of an attempt, estimated from its texts if they are unknown."""
    usage, prompt = attempt.usage, attempt.prompt or ""
    sent, received = usage.input_tokens, usage.output_tokens
    if sent is None:
        sent = estimated_tokens(prompt if isinstance(prompt, str) else [turn.content for turn in prompt])
    if received is None:
        received = estimated_tokens(attempt.reply or "")
    return CallTokens(sent, usage.cached_input_tokens or 0, received)
