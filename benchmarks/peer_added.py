"""Measure the cost that a guard adds to tasks, to memory while they wait, and to the chunks of a stream.

Each function is timed with and without the guard in turn. The cost is the difference of the minima.
"""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from itertools import cycle
from time import process_time_ns
from typing import TYPE_CHECKING, Any

from peer_cases import INVOICE, ORDER, TASK, case_of, order, strict_parser, validator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TASKS = (1, 1_000, 10_000)
CHUNK = 16
# At 25 KB, the fixed cost of a call is small compared with its chunks. At 3 KB, it isn't.
STREAMED = (3_000, 25_000)
_IN_A_ROW = 500
_IN_FLIGHT = 5_000
_STREAMS = 100


def added_to_tasks(rounds: int) -> dict[str, dict[str, float]]:
    """Return the CPU ns per call of the small case for every function, by the number of tasks that wait at once."""
    from schema_guard import guard

    replies = cycle([reply for (reply,) in case_of("small").replies])

    async def answer(prompt: str) -> str:
        await asyncio.sleep(0)
        return next(replies)

    is_valid, parse = validator(INVOICE).is_valid, strict_parser()

    async def by_hand(prompt: str) -> Any:
        value = parse(await answer(prompt))
        if not is_valid(value):
            raise ValueError("not valid")
        return value

    functions = {
        "unguarded": answer,
        "by hand": by_hand,
        "guarded": guard(INVOICE, store=None)(answer),
    }
    return {str(tasks): _least(functions, tasks, rounds) for tasks in TASKS}


def _least(
    functions: dict[str, Callable[[str], Awaitable[Any]]], tasks: int, rounds: int
) -> dict[str, float]:
    async def in_a_row(function: Callable[[str], Awaitable[Any]]) -> float:
        started = process_time_ns()
        for _ in range(_IN_A_ROW):
            await function(TASK)
        return (process_time_ns() - started) / _IN_A_ROW

    async def at_once(function: Callable[[str], Awaitable[Any]]) -> float:
        started = process_time_ns()
        await asyncio.gather(*[function(TASK) for _ in range(tasks)])
        return (process_time_ns() - started) / tasks

    sample = in_a_row if tasks == 1 else at_once
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            taken[name].append(asyncio.run(sample(function)))
    return {name: min(samples) for name, samples in taken.items()}


def in_flight_bytes() -> dict[str, float]:
    """Return the bytes of a call that waits for its model, with and without the guard."""
    from schema_guard import guard

    async def held(guarded: bool) -> float:
        answered = asyncio.Event()

        async def answer(prompt: str) -> str:
            await answered.wait()
            return reply

        function: Any = guard(INVOICE, store=None)(answer) if guarded else answer
        waiting = [asyncio.ensure_future(function(TASK))]
        await asyncio.sleep(0)
        gc.collect()
        tracemalloc.start()
        waiting += [asyncio.ensure_future(function(TASK)) for _ in range(_IN_FLIGHT)]
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        answered.set()
        await asyncio.gather(*waiting)
        return taken / _IN_FLIGHT

    ((reply,),) = case_of("small", distinct=1).replies
    return {"unguarded": asyncio.run(held(guarded=False)), "guarded": asyncio.run(held(guarded=True))}


def added_to_chunks(rounds: int, *, early_stop: bool) -> dict[str, dict[str, float]]:
    """Return the CPU ns per chunk for every function, by the characters of a reply.

    `iterated` only reads the chunks. In `joined`, the guarded function joins its chunks, so the guard reads one text.
    In `streamed`, the guard gets the chunks.
    """
    return {str(size): _streamed(size, rounds, early_stop=early_stop) for size in STREAMED}


def _streamed(size: int, rounds: int, *, early_stop: bool) -> dict[str, float]:
    from schema_guard import guard

    texts = [json.dumps(order(size, number)) for number in range(min(_STREAMS, 2_000_000 // size))]
    replies = [[text[at : at + CHUNK] for at in range(0, len(text), CHUNK)] for text in texts]
    value = cycle(replies)

    def stream(prompt: str) -> Iterator[str]:
        yield from next(value)

    def joined(prompt: str) -> str:
        return "".join(stream(prompt))

    def iterated(prompt: str) -> None:
        for _ in stream(prompt):
            pass

    settings: dict[str, Any] = {"early_stop": True} if early_stop else {}
    functions = {
        "iterated": iterated,
        "joined": guard(ORDER, store=None)(joined),
        "streamed": guard(ORDER, store=None, **settings)(stream),
    }
    chunks = sum(map(len, replies))
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            started = process_time_ns()
            for _ in replies:
                function(TASK)
            taken[name].append((process_time_ns() - started) / chunks)
    return {name: min(samples) for name, samples in taken.items()}
