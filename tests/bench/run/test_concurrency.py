"""Many calls at once: how many, in which order, and what becomes of them when it is enough."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.run.concurrency import InOrder, LoopThread, LostInARow, make_all, ran_to_end


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 5))
def test_all_calls_are_made_so_many_at_once(turns, at_once):
    """Whatever each one takes, all are begun in order, and no more are under way than may be."""
    begun, under_way, most = [], 0, 0

    async def make(item):
        nonlocal under_way, most
        begun.append(item)
        under_way += 1
        most = max(most, under_way)
        for _ in range(item[1]):
            await asyncio.sleep(0)
        under_way -= 1

    items = list(enumerate(turns))
    asyncio.run(make_all(partial(next, iter(items), None), make, at_once=at_once))

    assert begun == items
    assert most <= min(at_once, len(items))


def test_what_comes_back_is_made_again():
    """A call that puts something back is asked for the next one when it ends, and draws it."""
    waiting, made = [1, 2], []

    async def make(item):
        made.append(item)
        if item == 2:
            waiting.append(3)

    asyncio.run(make_all(lambda: waiting.pop(0) if waiting else None, make, at_once=2))

    assert made == [1, 2, 3]


def test_what_a_call_raises_ends_all():
    """It is raised as it is."""

    async def make(item):
        raise LookupError(item)

    with pytest.raises(LookupError, match="1"):
        asyncio.run(make_all(partial(next, iter([1, 2]), None), make, at_once=2))


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 5))
def test_calls_are_taken_in_their_order(turns, ahead):
    """Whatever each one takes, results come in the order of the calls, and so many are begun ahead at the most."""
    begun = []

    async def take():
        async def call(number, rounds):
            for _ in range(rounds):
                await asyncio.sleep(0)
            return number

        def begin():
            for item in enumerate(turns):
                begun.append(item)
                yield asyncio.create_task(call(*item))

        taken = []
        for task in InOrder(begin(), ahead=ahead):
            assert len(begun) - len(taken) <= ahead
            taken.append(await task)
        return taken

    assert asyncio.run(take()) == list(range(len(turns)))


def test_calls_that_are_given_up_are_cancelled():
    """Of what is begun and not taken nothing goes on; that is given, so that its end can be waited for."""
    with ThreadPoolExecutor(1) as pool:
        calls = InOrder((pool.submit(pow, 2, number) for number in range(100)), ahead=3)
        first = next(iter(calls))
        given_up = calls.give_up()

        assert first.result() == 1
        assert len(given_up) == 2
        assert all(call.cancelled() or call.done() for call in given_up)
        assert calls.give_up() == []


def test_calls_are_lost_in_a_row():
    """One that was not lost begins anew."""
    lost = LostInARow(2)
    seen = []
    for is_lost in (True, False, True, True, True):
        lost.add(is_lost=is_lost)
        seen.append((lost.count, lost.are_too_many))

    assert seen == [(1, False), (0, False), (1, False), (2, True), (3, True)]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("is_interrupted", [False, True])
def test_an_interrupt_is_no_exception(is_interrupted):
    """Whoever has calls made learns of it, and what was made stays."""
    made = []

    async def calls():
        made.append(1)
        if is_interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(30)

    assert ran_to_end(calls()) is not is_interrupted
    assert made == [1]


def test_a_loop_in_a_thread_ends():
    """Calls of other threads are made in one event loop, which ends when it is closed."""
    loop = LoopThread()

    async def own():
        return asyncio.get_running_loop(), threading.current_thread()

    (first, thread), second = loop.begin(own()).result(), loop.begin(own()).result()
    loop.close()

    assert (first, thread) == second
    assert first.is_closed()
    assert not thread.is_alive()
