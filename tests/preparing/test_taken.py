"""Outcomes of the short way, which are made when somebody wants them: when, where, and of what."""

import asyncio
import json
import threading
from contextlib import suppress

import pytest
from pydantic import BaseModel, field_validator

from schema_guard import Schema, guard, judge, open_store, tags
from schema_guard.records.identity import current_call_id
from tests.needs import needs
from tests.preparing.test_fast import GOOD, INVOICE, Kept
from tests.public.calls import likenesses


@pytest.mark.parametrize("replies", [[GOOD], ["no", GOOD], ["{}", likenesses.chat("no"), GOOD]])
def test_a_call_that_nobody_records_makes_no_outcome(replies, monkeypatch):
    """Without a store and a follower nothing is made of a call but its value, however often it asked."""
    coming = iter(replies)
    ask = guard(INVOICE, store=None)(lambda prompt: next(coming))
    for made in ("loop.Attempt", "loop.Outcome", "preparing.prepare.Call"):
        monkeypatch.setattr(f"schema_guard.{made}", None)

    assert ask("t") == json.loads(GOOD)


def test_an_outcome_is_made_once():
    """Who asks again is given the same one."""
    driven = guard(INVOICE, store=None)(lambda prompt: GOOD)._run_to_end(("t",), {})

    assert driven.outcome is driven.outcome


def test_a_store_makes_the_outcome_in_the_thread_that_writes():
    """Who calls waits for none of it."""
    threads = []

    def price(*args):
        threads.append(threading.current_thread().name)

    with open_store("sqlite://") as store:
        ask = guard(INVOICE, store=store)(lambda prompt: GOOD)
        plan = ask._prepared.plan._replace(prices=lambda: price)
        guarded = type(ask)(ask._prepared._replace(plan=plan), ask.__wrapped__, None)
        guarded("t")
        store.flush()

        assert store.counts().stored == 1
    assert threads == ["schema-guard-writer"]


def test_an_outcome_that_cannot_be_made_is_a_drop_that_is_counted():
    """What fails in the thread that writes is no row and is told as none, and the value has come."""

    def price(*args):
        raise RuntimeError("no price")

    with open_store("sqlite://") as store:
        ask = guard(INVOICE, store=store)(lambda prompt: GOOD)
        plan = ask._prepared.plan._replace(prices=lambda: price)
        value = type(ask)(ask._prepared._replace(plan=plan), ask.__wrapped__, None)("t")
        store.flush()

        assert value == json.loads(GOOD)
        assert (store.counts().stored, store.counts().lost_records) == (0, {"write_failed": 1})


def test_what_waits_to_be_made_counts_with_its_texts():
    """Task, prompt and reply are what it keeps in memory until it is written, and what the bound of that is about."""
    waiting = Waiting()
    guard(INVOICE, store=waiting, strategy="bare")(lambda prompt: GOOD)("the task")

    (deferred,) = waiting.deferred
    assert deferred.chars == 2 * len("the task") + len(GOOD)
    assert deferred.chars == sum(
        len(text) for one in deferred.outcome().attempts for text in ("the task", one.prompt, one.reply)
    )


def test_an_outcome_is_the_same_whenever_it_is_made():
    """Its id, its time and all else are of the call: also when it is made twice, as where a row was not written at once."""
    waiting, seen = Waiting(), []

    @guard(INVOICE, store=waiting)
    def ask(prompt):
        seen.append(current_call_id())
        return GOOD

    with tags(segment="one", cluster="c"):
        ask("t")

    (deferred,) = waiting.deferred
    assert deferred.outcome() == deferred.outcome()
    assert [deferred.outcome().call.id] == seen


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "reply", ['{"number": "1", "total": 2}', '```json\n{"number": "1", "total": 2}\n```']
)
def test_no_reply_is_judged_twice(reply, is_async):
    """A type that refuses a reply is asked as often as by one judgement, whichever way the call goes on."""
    asked = []

    class Strict(BaseModel):
        number: str
        total: float

        @field_validator("total")
        @classmethod
        def refuse(cls, total):
            asked.append(total)
            raise ValueError("never")

    async def later(prompt):
        return reply

    judge(reply, Schema.of(Strict))
    once = len(asked)
    ask = guard(Strict, store=None, max_attempts=2, on_failure="return")(
        later if is_async else lambda prompt: reply
    )

    asyncio.run(ask("t")) if is_async else ask("t")

    assert len(asked) == once + 2 * once


@needs("redaction")
def test_texts_that_are_kept_are_redacted_before_they_wait():
    """With a payload policy nothing of a call waits in the queue as it was."""
    threads = []

    def redact(text):
        threads.append(threading.current_thread())
        return text

    with open_store("sqlite://", payload="redacted", redact=redact) as store:
        guard(INVOICE, store=store)(lambda prompt: GOOD)("t")

        assert store.texts([row["call_id"] for row in store.attempts()])[0].reply == GOOD
    assert set(threads) == {threading.current_thread()}


class Waiting(Kept):
    """A recorder that makes no outcome."""

    def __init__(self):
        super().__init__()
        self.deferred = []

    def record_deferred(self, deferred):
        self.deferred.append(deferred)


def test_what_a_call_reads_at_the_first_time_is_read_at_the_call():
    """Version and prices are of code and table as they were when the call was made, and not when its row was written."""
    asked = []
    ask = guard(INVOICE, store=Waiting())(lambda prompt: GOOD)
    plan = ask._prepared.plan._replace(prices=lambda: asked.append("prices"))
    guarded = type(ask)(ask._prepared._replace(plan=plan), ask.__wrapped__, None)

    guarded("t")

    assert asked == ["prices"]
    assert ask._prepared.version.text is not None


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("reply", ["none", RuntimeError("gone")])
def test_what_is_made_for_a_call_that_goes_on_is_no_part_of_its_first_attempt(reply, is_async, monkeypatch):
    """The seconds of an attempt are the function's, and not those in which its version was found out."""
    now = [0.0]

    def extract(prompt):
        now[0] += 1
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def extract_later(prompt):
        return extract(prompt)

    def version_of(*_):
        now[0] += 100
        return "v"

    stored = Kept()
    stored.record = lambda outcome, task: stored.calls.append(outcome)
    guarded = guard(INVOICE, max_attempts=1, on_failure="return", store=stored)(
        extract_later if is_async else extract
    )
    monkeypatch.setattr("schema_guard.preparing.version.version_of", version_of)
    for module in ("fast", "running_call", "drive"):
        monkeypatch.setattr(f"schema_guard.{module}.perf_counter", lambda: now[0])
    with suppress(RuntimeError):
        asyncio.run(guarded("Invoice 1")) if is_async else guarded("Invoice 1")
    assert stored.calls[0].elapsed_s == 1
