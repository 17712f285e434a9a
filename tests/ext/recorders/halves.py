"""Helpers for tests that call a framework 20 times with valid replies, and 20 times without."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress

from schema_guard.testing import ScriptedModel, serve
from tests.ext.recorders.applications import INPUT, OUTPUT, PROSE, RIGHT, WRONG

MANY = 20
GOOD_HALF = [RIGHT] * MANY
BAD_HALF = [WRONG, PROSE] * (MANY // 2)
CALL = {"reply": '{"number": "A-7"}', "finish_reason": "tool_call"}
BAD_CALL = {"reply": '{"no": "A-7"}', "finish_reason": "tool_call"}


@contextmanager
def serving(replies, **settings):
    """Serve replies in order, each with the same tokens."""
    lines = [{"reply": one} if isinstance(one, str) else dict(one) for one in replies]
    usage = {"input_tokens": INPUT, "output_tokens": OUTPUT, "cached_input_tokens": 0}
    with serve(ScriptedModel([{"usage": usage, **line} for line in lines]), **settings) as server:
        yield server


def call_each(function, many=2 * MANY):
    """Call a function so often, whether it raises or not; it may be a coroutine function."""
    for _ in range(many):
        with suppress(Exception):
            result = function()
            if asyncio.iscoroutine(result):
                asyncio.run(result)


def replied(server):
    """Return the number of replies that the server has sent, by its own log."""
    return sum(request.index is not None and request.fault is None for request in server.requests)


def attempts_of(kept):
    """Return the number of attempts with a reply, by the records."""
    return sum(
        attempt.failure is None or attempt.failure.kind != "transport"
        for outcome in kept
        for attempt in outcome.attempts
    )


def verdicts(kept):
    """Return for each call whether its attempts were valid."""
    return [[attempt.failure is None for attempt in outcome.attempts] for outcome in kept]
