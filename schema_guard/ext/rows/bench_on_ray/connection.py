# SPDX-License-Identifier: Apache-2.0
"""How this process reaches the workers of a cluster: from inside of it, or from outside by Ray's client."""

from __future__ import annotations

import asyncio
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from schema_guard.ext.rows.bench_on_ray.workers import answers_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from schema_guard.bench.run.journal import Key
    from schema_guard.ext.rows.bench_on_ray.workers import CellRow

__all__ = ["Direct", "Relayed", "Workers"]


class Workers(Protocol):
    """The workers of a cluster."""

    def answers(self, known: dict[Key, list[dict[str, Any]]]) -> AsyncGenerator[CellRow, None]:
        """Have the calls of a shard made, and give what is told of them.

        Args:
            known: Call -> its replies so far, as rows of the journal.
        """

    def close(self) -> None:
        """Give up what is under way."""


class Direct:
    """The workers of a cluster, as a process of the cluster reaches them."""

    def __init__(self, ray: Any, job: Any) -> None:
        self._ray = ray
        self._job = job
        self._ask = ray.remote(max_retries=0, num_returns="streaming")(answers_of)

    async def answers(self, known: dict[Key, list[dict[str, Any]]]) -> AsyncGenerator[CellRow, None]:
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


class Relayed:
    """The workers of a cluster, as a process outside of it reaches them: Ray's client takes no streams."""

    def __init__(self, ray: Any, job: Any) -> None:
        self._ray = ray
        self._relay = ray.remote(num_cpus=0)(_Relay).remote([job])
        self._numbers = count()

    async def answers(self, known: dict[Key, list[dict[str, Any]]]) -> AsyncGenerator[CellRow, None]:
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
        self._streamed = Direct(import_module("ray"), job[0])
        self._shards: dict[int, AsyncGenerator[CellRow, None]] = {}

    async def begin(self, number: int, known: dict[Key, list[dict[str, Any]]]) -> None:
        """Begin a shard."""
        self._shards[number] = self._streamed.answers(known)

    async def answer(self, number: int) -> CellRow | None:
        """Give what is told next of a shard; None when that was all."""
        answer = await anext(self._shards[number], None)
        if answer is None:
            del self._shards[number]
        return answer
