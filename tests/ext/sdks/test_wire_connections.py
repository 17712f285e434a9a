"""A cancelled call closes its connection."""

import asyncio
import contextlib
import time

import pytest

from schema_guard import guard, open_store
from schema_guard.testing import serve
from tests.public.ext.sdks.test_wire_faults import GOOD, SCHEMA
from tests.public.ext.sdks.wire_calls import APIS, function_of, row_of


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def has_hung_up(server):
    """Whether no answer is on its way any more, within two seconds: the client has closed its connection."""
    for _ in range(100):
        if not any(thread.is_alive() for thread in server._listener._answering):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("ending", ["cancel", "group"])
@pytest.mark.parametrize("way", ["async", "async streamed"])
@pytest.mark.parametrize("api", APIS)
def test_a_cancelled_call_is_a_cancelled_call(api, way, ending, store):
    """A cancellation passes through, is recorded as such, and the connection is closed."""

    class Aborted(Exception):
        pass

    async def run(ask):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(ask("t"))
            await asyncio.sleep(0.3)
            if ending == "group":
                raise Aborted
            task.cancel()

    with serve([GOOD], faults="stall") as server:
        ask = guard(SCHEMA, store=store, max_attempts=2)(function_of(row_of(api), server, way))
        expected = pytest.raises(ExceptionGroup) if ending == "group" else contextlib.nullcontext()
        with expected:
            asyncio.run(run(ask))
        assert has_hung_up(server)

    store.flush(10)
    [attempt] = store.attempts()
    assert (attempt["kind"], attempt["code"]) == ("transport", "cancelled")


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_is_left_is_closed(api, store):
    """A half-read stream that its reader closes is recorded as cancelled, and its connection is closed."""
    with serve([GOOD], faults="stall") as server:
        ask = guard(SCHEMA, store=store, max_attempts=2)(function_of(row_of(api), server, "streamed"))
        stream = ask.stream("t")
        next(stream)
        stream.close()
        assert has_hung_up(server)

    store.flush(10)
    [attempt] = store.attempts()
    assert (attempt["kind"], attempt["code"]) == ("transport", "cancelled")
