"""The benchmark's run on the workers of a Ray cluster: they ask the models, this process does all the rest.

Rules:
1. Only this process writes the journal and the store. A worker gives every reply as a row of the journal as soon as
   it is there, and says when a call is finished; the call is then made here again from its replies, so that it is
   judged, recorded, counted and told once, by the code of a run without Ray.
2. Ray repeats nothing by itself. When a worker dies, its replies that came are kept, and what is missing of its
   shard is asked for again call by call: a call that kills its worker takes no other one with it. A call whose
   workers died several times is lost.
3. What may end a run early (an interrupt, a budget, a target, a model that only raises) is looked at between shards.

What a dead worker was asking for at that moment may be asked and paid for twice; it is kept, recorded and counted
once.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter, deque
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import count
from math import ceil
from queue import SimpleQueue
from threading import Thread
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.asked import NotAsked, prompt_digest, under_way
from schema_guard.bench.run.budget import RunBudget
from schema_guard.bench.run.journal import Journal, Kept, kept_of, row_of
from schema_guard.bench.run.runner import INTERRUPTED, Calls, RunSettings
from schema_guard.calls.identity import new_call_id
from schema_guard.calls.replies import Reply
from schema_guard.calls.side_by_side import make_all, ran_to_end
from schema_guard.core.values import Failure
from schema_guard.errors import InvalidArgument, missing_extra
from schema_guard.models import connect
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from schema_guard.bench.run.journal import Key
    from schema_guard.bench.run.plan import Cell, RunPlan
    from schema_guard.bench.run.runner import OnCall
    from schema_guard.bench.run.scored import Run
    from schema_guard.models import Model
    from schema_guard.records import Store

# A shard is so many times as many calls as a worker makes at once: enough that one slow call does not leave the
# others idle, few enough that a budget is looked at often.
_ROUNDS = 4
# As Ray has it for tasks: the first time and three more.
_MOST_DEATHS = 4


def run_on_ray(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    plan: RunPlan,
    models: Mapping[str, Model],
    *,
    names: Mapping[str, str] | None = None,
    address: str | None = None,
    store: Store | None = None,
    journal: Journal | None = None,
    settings: RunSettings | None = None,
    on_call: OnCall = lambda _: None,
    retries: int = 0,
) -> Run:
    """Make the calls of a plan on a Ray cluster; with the same meaning as `runner.run`.

    `settings.concurrency` is the calls at once in each worker; there are as many workers as the cluster has CPUs.
    `settings.calls_per_minute` is shared out evenly over them. Workers need schema-guard, and the keys of the models
    in their own environment.

    Args:
        plan: What to ask.
        models: Name -> whom to ask, for every model of the plan's columns; they are closed at the end.
        names: Name -> what `connect` takes, for models that hold connections: each worker connects its own. A model
            that is not there is sent to the workers as it is.
        address: Of the cluster: `"ray://HOST:PORT"`, `"HOST:PORT"` or `"auto"`. None takes the connection that this
            process has, else the cluster that $RAY_ADDRESS names, else starts one on this machine for this run.
        store: Where attempts are recorded; None for nowhere.
        journal: The replies that are there already, and where new ones are kept; None keeps none.
        settings: How to carry it out.
        on_call: Is told of each finished call, in the order in which they finish.
        retries: Requests that a connected model repeats by itself, as `connect(max_retries=...)`.

    Raises:
        MissingExtra: Ray is not installed.
        InvalidArgument: As `run` says; or the cluster cannot be reached, or a model cannot be sent to workers.
    """
    ray = ray_module("executor 'ray'")
    settings = settings or RunSettings()
    with _connected(ray, address):
        workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        job = _Job(plan, _sent(models, names or {}), retries, _for_workers(settings, workers))
        spread = _Spread(
            plan, models, store=store, journal=journal, settings=settings, on_call=on_call, is_offline=True
        )
        kind = _Relayed if import_module("ray.util.client").ray.is_connected() else _Streamed
        if not ran_to_end(spread.make_on(kind(ray, ray.put(job)), workers)):
            spread.stop(INTERRUPTED)
    return spread.result()


def ray_module(what: str) -> Any:
    """Give the module `ray`, which sends its makers nothing when this process starts it.

    Args:
        what: What needs it, for the message.

    Raises:
        MissingExtra: It is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise missing_extra(what, "ray", "ray") from error


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    """Connect to a cluster; one that is connected already stays so."""
    if ray.is_initialized():
        if address is not None:
            raise InvalidArgument(
                f"address={address!r}: this process is connected to a Ray cluster already: expected address=None"
            )
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None and not os.environ.get("RAY_ADDRESS"):
        quiet["include_dashboard"] = False
    try:
        ray.init(address=address, **quiet)
    # RuntimeError: the cluster has another version of Ray or of Python.
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InvalidArgument(
            f"Ray cluster {address!r} cannot be reached: {clip(str(error), 200)}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _sent(models: Mapping[str, Model], names: Mapping[str, str]) -> dict[str, _Named | bytes]:
    """Give what workers make their models of: names, and pickles of those that have none."""
    sent: dict[str, _Named | bytes] = {}
    for name, model in models.items():
        named = name in names
        sent[name] = _Named(names[name], model.target) if named else pickled(f"model {name!r}", model)
    return sent


def pickled(name: str, model: Any) -> bytes:
    """Give a model as workers can have it.

    Raises:
        InvalidArgument: It holds what cannot be sent, such as connections.
    """
    try:
        pickle: bytes = import_module("ray").cloudpickle.dumps(model)
    except Exception as error:
        raise InvalidArgument(
            f"{name}: cannot be sent to workers ({clip(str(error))}): give the name that connect() takes"
        ) from error
    return pickle


def _for_workers(settings: RunSettings, workers: int) -> RunSettings:
    """Give the settings of one worker; what ends a run early is not its business."""
    a_minute = settings.calls_per_minute
    return replace(
        settings,
        calls_per_minute=None if a_minute is None else a_minute / workers,
        budget=RunBudget(),
        target=None,
        prices={},
    )


class _Named(NamedTuple):
    """A model that a worker connects by itself."""

    spec: str
    target: str


@dataclass(frozen=True, slots=True)
class _Job:
    """What workers need of a run.

    Attributes:
        plan: What is asked.
        models: Name in the plan -> how to get it.
        retries: Of a connected model's requests.
        settings: Of one worker.
    """

    plan: RunPlan
    models: dict[str, _Named | bytes]
    retries: int
    settings: RunSettings

    def connected(self) -> dict[str, Model]:
        """Give the models of this process."""
        return {name: self._model(given) for name, given in self.models.items()}

    def _model(self, given: _Named | bytes) -> Model:
        if isinstance(given, bytes):
            model: Model = import_module("ray").cloudpickle.loads(given)
            return model
        return connect(given.spec, target=given.target, max_retries=self.retries)


class _Answer(NamedTuple):
    """What a worker tells of a call.

    Attributes:
        key: Of the call.
        row: A reply as a row of the journal; None when there is no new one.
        is_finished: Whether the call needs no more; a reply beside it failed in transport and is not to be kept.
    """

    key: Key
    row: dict[str, Any] | None
    is_finished: bool


class _Streamed:
    """The workers of a cluster, as a process of the cluster reaches them."""

    def __init__(self, ray: Any, job: Any) -> None:
        self._ray = ray
        self._job = job
        self._ask = ray.remote(max_retries=0, num_returns="streaming")(_answers)

    async def answers(self, known: dict[Key, list[dict[str, Any]]]) -> AsyncGenerator[_Answer, None]:
        """Have the calls of a shard made, and give what is told of them; when left, they are given up."""
        # In a list: a reference that is an argument itself would be fetched and unpickled for every shard.
        running = self._ask.remote([self._job], known)
        try:
            async for answer in running:
                yield await answer
        finally:
            self._ray.cancel(running, force=True)

    def close(self) -> None:
        """Give up what is under way: nothing, `answers` does it."""


class _Relayed:
    """The workers of a cluster, as a process outside of it reaches them: Ray's client takes no streams."""

    def __init__(self, ray: Any, job: Any) -> None:
        self._ray = ray
        self._relay = ray.remote(num_cpus=0)(_Relay).remote([job])
        self._numbers = count()

    async def answers(self, known: dict[Key, list[dict[str, Any]]]) -> AsyncGenerator[_Answer, None]:
        """Have the calls of a shard made, and give what is told of them."""
        number = next(self._numbers)
        await self._came(self._relay.begin.remote(number, known))
        while (answer := await self._came(self._relay.answer.remote(number))) is not None:
            yield answer

    def close(self) -> None:
        """Give up what is under way: it ends with its owner."""
        self._ray.kill(self._relay)

    @staticmethod
    async def _came(reference: Any) -> Any:
        # The client's references cannot be awaited.
        return await asyncio.wrap_future(reference.future())


class _Relay:
    """An actor in the cluster that has shards made for a process outside of it."""

    def __init__(self, job: list[Any]) -> None:
        self._streamed = _Streamed(import_module("ray"), job[0])
        self._shards: dict[int, AsyncGenerator[_Answer, None]] = {}

    async def begin(self, number: int, known: dict[Key, list[dict[str, Any]]]) -> None:
        """Begin a shard."""
        self._shards[number] = self._streamed.answers(known)

    async def answer(self, number: int) -> _Answer | None:
        """Give what is told next of a shard; None when that was all."""
        told = await anext(self._shards[number], None)
        if told is None:
            del self._shards[number]
        return told


class _Spread(Calls):
    """The calls of a plan, whose replies come from workers."""

    async def make_on(self, cluster: _Streamed | _Relayed, workers: int) -> None:
        """Make all calls: those that the journal has here, the others in shards, so many at once as workers."""
        self._cluster = cluster
        self._came: dict[Key, list[Kept]] = {}
        self._deaths: Counter[Key] = Counter()
        self._again: deque[Cell] = deque()
        async with AsyncExitStack() as stack:
            for model in self._models.values():
                await stack.enter_async_context(model)
            try:
                self._fresh = self._cut(await self._missing(), workers)
                await make_all(self._next_shard, self._have_made, at_once=workers)
            finally:
                cluster.close()

    async def _missing(self) -> list[Cell]:
        """Make the calls that the journal has all replies of; gives the others."""
        missing = []
        for cell in self.cells():
            kept = self._journal.replies.get(cell.key)
            if kept is None or await self._made(cell, kept) is not None:
                missing.append(cell)
                self._came[cell.key] = list(kept or ())
        return missing

    async def _made(self, cell: Cell, replies: list[Kept]) -> NotAsked | None:
        """Make a call from its replies; gives the attempt that is missing when they are not all there."""
        before = self._journal.replies.get(cell.key)
        self._journal.replies[cell.key] = replies
        try:
            await self.call(cell)
        except NotAsked as attempt:
            return attempt
        finally:
            if before is None:
                del self._journal.replies[cell.key]
            else:
                self._journal.replies[cell.key] = before
        return None

    def _cut(self, missing: list[Cell], workers: int) -> Iterator[list[Cell]]:
        """Give shards of calls of one model each, in the planned order, while calls are wanted."""
        size = min(ceil(len(missing) / workers), _ROUNDS * self.settings.concurrency)
        shards: dict[str, list[Cell]] = {}
        for cell in missing:
            shard = shards.setdefault(cell.column.model, [])
            shard.append(cell)
            if len(shard) == size:
                yield from self._wanted(shards.pop(cell.column.model))
        for shard in shards.values():
            yield from self._wanted(shard)

    def _wanted(self, shard: Iterable[Cell]) -> Iterator[list[Cell]]:
        """Give a shard of the calls that are still wanted; nothing when none is."""
        wanted = [cell for cell in shard if self._is_wanted(cell)]
        if wanted:
            yield wanted

    def _next_shard(self) -> list[Cell] | None:
        while self._again:
            for shard in self._wanted([self._again.popleft()]):
                return shard
        return next(self._fresh, None)

    async def _have_made(self, shard: list[Cell]) -> None:
        cells = {cell.key: cell for cell in shard}
        known = {key: [row_of(key, kept) for kept in self._came[key]] for key in cells}
        failed = import_module("ray.exceptions")
        try:
            async for answer in self._cluster.answers(known):
                await self._take(answer, cells)
        except failed.RayError as raised:
            error: Any = raised
            while isinstance(error, failed.RayTaskError):
                error = error.cause
            # Ray has these two in place of an exception that cannot be sent.
            is_unsent = type(error) in (failed.RayError, failed.UnserializableException)
            if is_unsent or not isinstance(error, failed.RayError):
                # Of our own code, or a model that cannot be asked this at all: so it would be every time.
                # The one from Ray has the worker's traceback.
                raise error from (None if error is raised else raised)
            await self._after_death([cell for cell in shard if cell.key in self._came], error)

    async def _take(self, answer: _Answer, cells: Mapping[Key, Cell]) -> None:
        """Keep a reply, or finish its call; what came before is passed over."""
        key, row, is_finished = answer
        came = self._came.get(key)
        if came is None:
            return
        replies = [] if row is None else [kept_of(row)[1]]
        if is_finished:
            await self._finish(cells[key], [*came, *replies])
            return
        for kept in replies:
            if kept.attempt == len(came) + 1:
                came.append(kept)
                self._journal.add(key, kept)

    async def _finish(self, cell: Cell, replies: list[Kept]) -> None:
        del self._came[cell.key]
        if await self._made(cell, replies) is not None:
            raise InvalidArgument(
                f"call {'/'.join(map(str, cell.key))}: a worker judged its replies otherwise than this process: "
                "expected the same version of schema-guard on all machines"
            )

    async def _after_death(self, unfinished: list[Cell], error: Exception) -> None:
        """See to what is missing of a shard: it is asked for again, or lost."""
        for cell in unfinished:
            came = self._came[cell.key]
            attempt = await self._made(cell, came)
            if attempt is None:
                del self._came[cell.key]
                continue
            self._deaths[cell.key] += 1
            if self._deaths[cell.key] < _MOST_DEATHS:
                self._again.append(cell)
            else:
                await self._finish(cell, [*came, _lost(attempt, came, error)])


def _lost(attempt: NotAsked, came: list[Kept], error: Exception) -> Kept:
    """Give the reply that stands for workers that died."""
    words = (
        f"{type(error).__name__}: {_MOST_DEATHS} workers died one after the other while they made this call"
    )
    at = time()
    call_id, started_at = came[0][1:3] if came else (new_call_id(at), at)
    reply = Reply(failure=Failure("transport", "call_raised", words))
    return Kept(attempt.attempt, call_id, started_at, prompt_digest(attempt.prompt), reply, None)


# What runs in the workers.


def _answers(job: list[Any], known: dict[Key, list[dict[str, Any]]]) -> Iterator[_Answer]:
    """Make the calls of a shard, and tell of them as they go on.

    Args:
        job: A reference to the `_Job`, alone in a list.
        known: Call -> its replies so far, as rows of the journal.
    """
    (reference,) = job
    worker: _Worker = once(reference.hex(), lambda: _Worker(import_module("ray").get(reference)))
    yield from worker.answers(known)


def once(key: str, make: Callable[[], Any]) -> Any:
    """Give what this process keeps under a key; only the last key is kept."""
    if key not in _kept:
        _kept.clear()
        _kept[key] = make()
    return _kept[key]


_kept: dict[str, Any] = {}


class _Passing(Journal):
    """A journal that passes new replies on."""

    __slots__ = ("answers",)

    answers: SimpleQueue[_Answer | None]

    def add(self, key: Key, kept: Kept) -> None:
        """Pass a reply on."""
        self.answers.put(_Answer(key, row_of(key, kept), is_finished=False))


class _Worker:
    """What a process keeps from shard to shard: its models, their guards, and the event loop of their connections."""

    def __init__(self, job: _Job) -> None:
        begun = Journal.of(job.plan)
        self._journal = _Passing(begun.plan, begun.name, begun.started_at)
        self._calls = Calls(job.plan, job.connected(), journal=self._journal, settings=job.settings)
        self._cells = {cell.key: cell for cell in job.plan.cells()}
        self._loop = asyncio.new_event_loop()
        # A thread of its own: the time of a reply must not hold that of telling the one before.
        Thread(target=self._loop.run_forever, name="schema-guard-calls", daemon=True).start()

    def answers(self, known: Mapping[Key, list[dict[str, Any]]]) -> Iterator[_Answer]:
        """Make calls, some at once, and tell of them as they go on."""
        answers: SimpleQueue[_Answer | None] = SimpleQueue()
        self._journal.answers = answers
        self._journal.replies = {key: [kept_of(row)[1] for row in rows] for key, rows in known.items()}
        made = asyncio.run_coroutine_threadsafe(self._make(iter(known), answers), self._loop)
        made.add_done_callback(lambda _: answers.put(None))
        while (answer := answers.get()) is not None:
            yield answer
        made.result()

    async def _make(self, keys: Iterator[Key], answers: SimpleQueue[_Answer | None]) -> None:
        async def make(key: Key) -> None:
            await self._calls.outcome(self._cells[key])
            last = under_way.get().kept[-1]
            failure = last.reply.failure
            is_lost = failure is not None and failure.kind == "transport"
            answers.put(_Answer(key, row_of(key, last) if is_lost else None, is_finished=True))

        await make_all(partial(next, keys, None), make, at_once=self._calls.settings.concurrency)
