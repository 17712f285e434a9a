# SPDX-License-Identifier: Apache-2.0
"""The calls of a run in shards: handed to workers, taken back, and asked for again where a worker died."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import AsyncExitStack
from importlib import import_module
from math import ceil
from time import time
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.concurrency import make_all
from schema_guard.bench.run.journal import JournalReply, reply_of_row, row_of
from schema_guard.bench.run.journal_model import MissingReply, prompt_digest
from schema_guard.errors import InvalidArgument
from schema_guard.records.identity import new_call_id
from schema_guard.values import Failure, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schema_guard.bench.run.journal import Key
    from schema_guard.bench.run.plan import Cell
    from schema_guard.bench.run.runner import Calls
    from schema_guard.ext.rows.bench_on_ray.connection import Workers
    from schema_guard.ext.rows.bench_on_ray.workers import CellRow

__all__ = ["Shards"]

# A shard is so many times as many calls as a worker makes at once: enough that one slow call does not leave the
# others idle, few enough that a budget is looked at often.
_ROUNDS = 4
# As Ray has it for tasks: the first time and three more.
_MOST_DEATHS = 4


class Shards:
    """The calls of a run, whose replies come from workers."""

    def __init__(self, calls: Calls, workers: Workers, at_once: int) -> None:
        """Begin nothing yet.

        Args:
            calls: Of the run; they are offline, for this process asks nobody.
            workers: Who asks.
            at_once: Shards that are made at once: one for each worker.
        """
        self._calls = calls
        self._workers = workers
        self._at_once = at_once
        self._came: dict[Key, list[JournalReply]] = {}
        self._deaths: Counter[Key] = Counter()
        self._again: deque[Cell] = deque()

    async def make(self) -> None:
        """Make all calls: those that the journal has here, the others in shards."""
        async with AsyncExitStack() as stack:
            for model in self._calls.models.values():
                await stack.enter_async_context(model)
            try:
                self._fresh = self._cut(await self._missing())
                await make_all(self._next_shard, self._run_shard, at_once=self._at_once)
            finally:
                self._workers.close()

    async def _missing(self) -> list[Cell]:
        """Make the calls that the journal has all replies of; gives the others."""
        missing = []
        for cell in self._calls.cells():
            replies = self._calls.journal.replies.get(cell.key)
            if replies is None or await self._make_call(cell, replies) is not None:
                missing.append(cell)
                self._came[cell.key] = list(replies or ())
        return missing

    async def _make_call(self, cell: Cell, replies: list[JournalReply]) -> MissingReply | None:
        """Make a call from its replies; gives the attempt that is missing when they are not all there."""
        before = self._calls.journal.replies.get(cell.key)
        self._calls.journal.replies[cell.key] = replies
        try:
            await self._calls.call(cell)
        except MissingReply as attempt:
            return attempt
        finally:
            if before is None:
                del self._calls.journal.replies[cell.key]
            else:
                self._calls.journal.replies[cell.key] = before
        return None

    def _cut(self, missing: list[Cell]) -> Iterator[list[Cell]]:
        """Yield shards of calls of one model each, in the planned order, while calls are wanted."""
        size = min(ceil(len(missing) / self._at_once), _ROUNDS * self._calls.settings.concurrency)
        shards: dict[str, list[Cell]] = {}
        for cell in missing:
            shard = shards.setdefault(cell.variant.model, [])
            shard.append(cell)
            if len(shard) == size:
                yield from self._wanted(shards.pop(cell.variant.model))
        for shard in shards.values():
            yield from self._wanted(shard)

    def _wanted(self, shard: Iterable[Cell]) -> Iterator[list[Cell]]:
        """Yield a shard of the calls that are still wanted; nothing when none is."""
        wanted = [cell for cell in shard if self._calls.is_wanted(cell)]
        if wanted:
            yield wanted

    def _next_shard(self) -> list[Cell] | None:
        while self._again:
            for shard in self._wanted([self._again.popleft()]):
                return shard
        return next(self._fresh, None)

    async def _run_shard(self, shard: list[Cell]) -> None:
        cells = {cell.key: cell for cell in shard}
        known = {key: [row_of(key, reply) for reply in self._came[key]] for key in cells}
        failed = import_module("ray.exceptions")
        try:
            async for answer in self._workers.answers(known):
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

    async def _take(self, answer: CellRow, cells: Mapping[Key, Cell]) -> None:
        """Keep a reply, or finish its call; what came before is passed over."""
        key, row, is_finished = answer
        came = self._came.get(key)
        if came is None:
            return
        replies = [] if row is None else [reply_of_row(row)[1]]
        if is_finished:
            await self._finish(cells[key], [*came, *replies])
            return
        for reply in replies:
            if reply.attempt == len(came) + 1:
                came.append(reply)
                self._calls.journal.add(key, reply)

    async def _finish(self, cell: Cell, replies: list[JournalReply]) -> None:
        del self._came[cell.key]
        if await self._make_call(cell, replies) is not None:
            raise InvalidArgument(
                f"call {'/'.join(map(str, cell.key))}: a worker and this process disagree on whether its replies are valid. "
                "Install the same version of schema-guard on all machines"
            )

    async def _after_death(self, unfinished: list[Cell], error: Exception) -> None:
        """See to what is missing of a shard: it is asked for again, or lost."""
        for cell in unfinished:
            came = self._came[cell.key]
            attempt = await self._make_call(cell, came)
            if attempt is None:
                del self._came[cell.key]
                continue
            self._deaths[cell.key] += 1
            if self._deaths[cell.key] < _MOST_DEATHS:
                self._again.append(cell)
            else:
                await self._finish(cell, [*came, _lost_reply(attempt, came, error)])


def _lost_reply(attempt: MissingReply, came: list[JournalReply], error: Exception) -> JournalReply:
    """Return the reply that stands for workers that died."""
    words = (
        f"{type(error).__name__}: {_MOST_DEATHS} workers died one after the other while they made this call"
    )
    at = time()
    call_id, started_at = came[0][1:3] if came else (new_call_id(at), at)
    reply = Reply(failure=Failure("transport", "call_raised", words))
    return JournalReply(attempt.attempt, call_id, started_at, prompt_digest(attempt.prompt), reply, None)
