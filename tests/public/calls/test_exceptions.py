"""Facts about exceptions of the guarded function."""

from __future__ import annotations

import asyncio

import pytest

from schema_guard import GuardFailed, Limits, guard
from tests.public.calls.functions import (
    BAD,
    GOOD,
    TOTAL,
    VALUE,
    both,
    giving,
    plain,
    raising,
    recorded,
    rows,
    run,
    streams,
    whole,
)


class Interrupted(BaseException):
    """Such as KeyboardInterrupt, which asyncio gives a meaning of its own."""


ERRORS = [
    (RuntimeError("503"), "call_raised"),
    (Interrupted(), "cancelled"),
    (asyncio.CancelledError("stop"), "cancelled"),
    (GuardFailed("of another guard", outcome=None), "call_raised"),
]


@both
@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda part: type(part).__name__)
def test_an_exception_passes_once_and_unchanged(error, code, make, store):
    """What the function raises is recorded, and raised again as the same object with nothing added to it."""
    give = raising(error)
    function = make(give, {"store": store, "on_failure": "return"})

    with pytest.raises(type(error)) as caught:
        run(function, "t")

    assert (caught.value, give.count) == (error, 1)
    assert (error.__cause__, error.__context__, getattr(error, "__notes__", [])) == (None, None, [])
    assert recorded(store) == [(1, "transport", code)]


@pytest.mark.parametrize(
    "error", [StopIteration(3), StopAsyncIteration()], ids=lambda error: type(error).__name__
)
def test_an_exception_with_a_meaning_to_python_passes_too(error, store):
    """StopIteration of a plain function is an exception like others, and not the end of something."""
    function = plain(raising(error), {"store": store})

    with pytest.raises(type(error)) as caught:
        function("t")

    assert caught.value is error
    assert recorded(store) == [(1, "transport", "call_raised")]


def test_a_keyboard_interrupt_is_recorded_as_cancelled(store):
    """KeyboardInterrupt ends the call like a cancellation and reaches the caller."""
    function = plain(raising(KeyboardInterrupt()), {"store": store})

    with pytest.raises(KeyboardInterrupt):
        function("t")

    assert recorded(store) == [(1, "transport", "cancelled")]


@both
def test_an_exception_at_a_later_attempt_passes_too(make, store):
    """An exception behind a bad reply passes, and both attempts are recorded."""
    error = RuntimeError("503")
    replies = iter(["no"])

    def give(prompt):
        for reply in replies:
            return reply
        raise error

    function = make(give, {"store": store})

    with pytest.raises(RuntimeError) as caught:
        run(function, "t")

    assert caught.value is error
    assert recorded(store) == [(1, "syntax", "no_json"), (2, "transport", "call_raised")]


@streams
def test_an_exception_in_the_middle_of_a_stream_passes(make, store):
    """A stream that breaks is recorded with what had come."""
    error = ConnectionResetError("reset")

    def give(prompt):
        yield '{"total"'
        raise error

    function = make(give, {"store": store})

    with pytest.raises(ConnectionResetError) as caught:
        run(function, "t")

    assert caught.value is error
    assert rows(store, "code", "reply_bytes") == [("provider_error", 8)]


def test_a_cancelled_task_is_recorded(store):
    """Cancelling the task of a call cancels the call, which is recorded as that, whole or in the middle of a stream."""

    @guard(TOTAL, store=store)
    async def ask_whole(prompt):
        await asyncio.sleep(60)

    @guard(TOTAL, store=store)
    async def ask_stream(prompt):
        yield '{"total"'
        await asyncio.sleep(60)

    async def main():
        tasks = [asyncio.create_task(function("t")) for function in (ask_whole, ask_stream)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    errors = asyncio.run(main())

    assert [type(error) for error in errors] == [asyncio.CancelledError] * 2
    assert recorded(store) == [(1, "transport", "cancelled")] * 2
    assert rows(store, "reply_bytes") == [(None,), (8,)]


def test_a_timeout_around_a_call_is_recorded(store):
    """asyncio.timeout cancels the call inside, and the TimeoutError comes out."""

    @guard(TOTAL, store=store)
    async def slow(prompt):
        await asyncio.sleep(60)

    async def main():
        async with asyncio.timeout(0.01):
            await slow("t")

    with pytest.raises(TimeoutError):
        asyncio.run(main())

    assert recorded(store) == [(1, "transport", "cancelled")]


def rejecting(text):
    """An exception as Groq raises it for a reply that was not JSON."""
    error = RuntimeError("400")
    error.body = {"error": {"code": "json_validate_failed", "failed_generation": text}}
    return error


@whole
def test_a_rejected_reply_is_asked_again(make, store):
    """An exception that carries the model's rejected text is a failed attempt, and its text the reply."""
    results = iter([rejecting('{"a"'), GOOD])
    prompts = []

    def give(prompt):
        prompts.append(prompt)
        reply = next(results)
        if isinstance(reply, Exception):
            raise reply
        return reply

    function = make(give, {"store": store})

    assert run(function, "t") == VALUE
    assert recorded(store) == [(1, "syntax", "provider_rejected"), (2, None, None)]
    assert '{"a"' in prompts[1]


@whole
def test_the_last_rejection_is_the_cause(make):
    """GuardFailed's cause is the last exception that carried a rejected reply."""
    errors = [rejecting("a"), rejecting("b")]
    results = iter(errors)

    def give(prompt):
        raise next(results)

    with pytest.raises(GuardFailed) as caught:
        run(make(give, {"max_attempts": 2}), "t")

    assert caught.value.__cause__ is errors[1]


def test_a_failed_call_has_no_cause_without_a_rejection():
    """GuardFailed for replies that came has no cause."""
    with pytest.raises(GuardFailed) as caught:
        plain(giving(BAD), {"max_attempts": 1})("t")

    assert caught.value.__cause__ is None


def test_a_budget_that_ended_the_call_is_said():
    """GuardFailed says that another attempt was allowed and could not be paid."""

    @guard(TOTAL, limits=Limits(max_elapsed_s=0))
    def ask(prompt):
        return BAD

    with pytest.raises(GuardFailed) as caught:
        ask("a")

    assert "the limits ended the call before attempt 2: " in str(caught.value)
    assert " s of max_elapsed_s=0 were spent" in str(caught.value)
