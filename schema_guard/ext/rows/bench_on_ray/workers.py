# SPDX-License-Identifier: Apache-2.0
"""What runs in the workers of a cluster: they ask the models, and tell of every reply as soon as it is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.concurrency import LoopThread, make_all
from schema_guard.bench.run.journal import Journal, reply_of_row, row_of
from schema_guard.bench.run.journal_model import open_call
from schema_guard.bench.run.runner import Calls
from schema_guard.ext.rows.bench_on_ray.cluster import once
from schema_guard.models import connect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.bench.run.journal import JournalReply, Key
    from schema_guard.bench.run.plan import RunPlan
    from schema_guard.bench.run.runner import RunSettings
    from schema_guard.models import Model

__all__ = ["CellRow", "Job", "NamedModel", "answers_of"]


class NamedModel(NamedTuple):
    """A model that a worker connects by itself."""

    spec: str
    provider: str


@dataclass(frozen=True, slots=True)
class Job:
    """What workers need of a run.

    Attributes:
        plan: What is asked.
        models: Name in the plan -> how to get it.
        retries: Of a connected model's requests.
        settings: Of one worker.
    """

    plan: RunPlan
    models: dict[str, NamedModel | bytes]
    retries: int
    settings: RunSettings

    def connected(self) -> dict[str, Model]:
        """Return the models of this process."""
        return {name: self._model(source) for name, source in self.models.items()}

    def _model(self, source: NamedModel | bytes) -> Model:
        if isinstance(source, bytes):
            model: Model = import_module("ray").cloudpickle.loads(source)
            return model
        return connect(source.spec, provider=source.provider, max_retries=self.retries)


class CellRow(NamedTuple):
    """What a worker tells of a call.

    Attributes:
        key: Of the call.
        row: A reply as a row of the journal; None when there is no new one.
        is_finished: Whether the call needs no more; a reply beside it failed in transport and is not to be kept.
    """

    key: Key
    row: dict[str, Any] | None
    is_finished: bool


def answers_of(job: list[Any], known: dict[Key, list[dict[str, Any]]]) -> Iterator[CellRow]:
    """Make the calls of a shard, and tell of them as they go on.

    Args:
        job: A reference to the `Job`, alone in a list.
        known: Call -> its replies so far, as rows of the journal.
    """
    (reference,) = job
    worker: _Worker = once(reference.hex(), lambda: _Worker(import_module("ray").get(reference)))
    yield from worker.answers(known)


class _Passing(Journal):
    """A journal that passes new replies on."""

    __slots__ = ("answers",)

    answers: SimpleQueue[CellRow | None]

    def add(self, key: Key, reply: JournalReply) -> None:
        """Pass a reply on."""
        self.answers.put(CellRow(key, row_of(key, reply), is_finished=False))


class _Worker:
    """What a process keeps from shard to shard: its models, their guards, and the event loop of their connections."""

    def __init__(self, job: Job) -> None:
        begun = Journal.of(job.plan)
        self._journal = _Passing(begun.plan, begun.name, begun.started_at)
        self._calls = Calls(job.plan, job.connected(), journal=self._journal, settings=job.settings)
        self._cells = {cell.key: cell for cell in job.plan.cells()}
        # A thread of its own: the time of a reply must not hold that of telling the one before.
        self._loop = LoopThread()

    def answers(self, known: Mapping[Key, list[dict[str, Any]]]) -> Iterator[CellRow]:
        """Make calls, some at once, and tell of them as they go on."""
        answers: SimpleQueue[CellRow | None] = SimpleQueue()
        self._journal.answers = answers
        self._journal.replies = {key: [reply_of_row(row)[1] for row in rows] for key, rows in known.items()}
        future = self._loop.begin(self._make(iter(known), answers))
        future.add_done_callback(lambda _: answers.put(None))
        while (answer := answers.get()) is not None:
            yield answer
        future.result()

    async def _make(self, keys: Iterator[Key], answers: SimpleQueue[CellRow | None]) -> None:
        async def make(key: Key) -> None:
            await self._calls.outcome(self._cells[key])
            last = open_call.get().replies[-1]
            failure = last.reply.failure
            is_lost = failure is not None and failure.kind == "transport"
            answers.put(CellRow(key, row_of(key, last) if is_lost else None, is_finished=True))

        await make_all(partial(next, keys, None), make, at_once=self._calls.settings.concurrency)
