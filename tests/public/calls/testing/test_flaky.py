"""A model that fails at a rate: what it answers is fixed by seed and number of the call."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from schema_guard import InvalidArgument, InvalidSchema, Schema, guard, judge
from schema_guard.models import Model
from schema_guard.testing import FlakyModel

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
SCHEMA = Schema.of(TOTAL)
CALLS = 300
IN_A_PROCESS = """
from schema_guard.testing import FlakyModel
model = FlakyModel({"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}, 0.5)
print([model("t") for _ in range(300)])
"""


def fails(reply):
    choice = reply.choices[0]
    text = choice.message.content or choice.message.refusal or ""
    reason = "refusal" if choice.message.refusal else choice.finish_reason
    return not judge(text, SCHEMA, finish_reason=reason).ok


def asked(model, calls=CALLS):
    return [model("t") for _ in range(calls)]


def streamed_text(chunks):
    deltas = [chunk.choices[0].delta for chunk in chunks]
    return "".join((delta.content or delta.refusal or "") for delta in deltas)


def text_of(reply):
    return reply.choices[0].message.content or reply.choices[0].message.refusal or ""


async def gathered(chunks):
    return [chunk async for chunk in chunks]


async def all_asked(model, calls):
    return await asyncio.gather(*[model.acall("t") for _ in range(calls)])


@pytest.fixture(scope="module")
def replies():
    return asked(FlakyModel(TOTAL, 0.5))


def test_is_a_model():
    """It has what every model has."""
    assert isinstance(FlakyModel(TOTAL, 0.1), Model)


@pytest.mark.costly
def test_equal_seeds_give_equal_replies(replies):
    """Two models of one seed answer alike, call by call."""
    assert asked(FlakyModel(TOTAL, 0.5)) == replies


@pytest.mark.costly
def test_other_seed_gives_other_replies(replies):
    """The seed decides what is answered."""
    assert asked(FlakyModel(TOTAL, 0.5, seed=1)) != replies


@pytest.mark.costly
def test_failed_counts_the_replies_that_fail():
    """What it counts as failed is what fails when it is judged."""
    model = FlakyModel(TOTAL, 0.3)

    failing = sum(map(fails, asked(model)))

    assert (model.failed, model.calls) == (failing, CALLS)


@pytest.mark.costly
@pytest.mark.parametrize(("rate", "failed"), [(0, 0), (1, CALLS)])
def test_rate_of_none_and_of_all(rate, failed):
    """At rate 0 no reply fails, at rate 1 every one."""
    model = FlakyModel(TOTAL, rate)

    assert sum(map(fails, asked(model))) == model.failed == failed


@pytest.mark.costly
def test_fails_at_the_rate():
    """Of 3,000 calls as many fail as the rate says, to within 2 points."""
    model = FlakyModel(TOTAL, 0.2)

    asked(model, 3_000)

    assert model.failed / 3_000 == pytest.approx(0.2, abs=0.02)


@pytest.mark.costly
def test_async_calls_give_the_replies(replies):
    """An async model answers as a plain one."""
    assert asyncio.run(all_asked(FlakyModel(TOTAL, 0.5), CALLS)) == replies


@pytest.mark.costly
def test_streams_give_the_replies(replies):
    """A stream has the text and the finish reason of the reply that its number has."""
    model = FlakyModel(TOTAL, 0.5)

    streams = [list(model.stream("t")) for _ in range(CALLS)]

    assert [streamed_text(chunks) for chunks in streams] == [text_of(reply) for reply in replies]
    assert [chunks[-1].choices[0].finish_reason for chunks in streams] == [
        reply.choices[0].finish_reason for reply in replies
    ]


@pytest.mark.costly
def test_async_streams_give_the_replies(replies):
    """An async stream does so too."""
    model = FlakyModel(TOTAL, 0.5)

    texts = [streamed_text(asyncio.run(gathered(model.astream("t")))) for _ in range(50)]

    assert texts == [text_of(reply) for reply in replies[:50]]


@pytest.mark.costly
def test_threads_share_the_calls(replies):
    """Calls from several threads get the same replies between them, and are all counted."""
    model = FlakyModel(TOTAL, 0.5)

    with ThreadPoolExecutor(8) as threads:
        items = list(threads.map(lambda _: model("t"), range(CALLS)))

    assert Counter(map(repr, items)) == Counter(map(repr, replies))
    assert (model.calls, model.failed) == (CALLS, sum(map(fails, replies)))


@pytest.mark.costly
def test_guard_gets_its_value_in_the_end():
    """A guarded call makes as many attempts as the model needs, unless it refuses or is cut off."""
    model = FlakyModel(TOTAL, 0.4)
    extract = guard(SCHEMA, max_attempts=20, store=None)(model)

    outcomes = [extract.outcome("t") for _ in range(100)]

    assert sum(len(outcome.attempts) for outcome in outcomes) == model.calls
    assert sum(len(outcome.attempts) - outcome.ok for outcome in outcomes) == model.failed
    assert {outcome.failure.kind for outcome in outcomes if not outcome.ok} <= {"truncation", "refusal"}


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_rate_outside_of_a_fraction_is_refused(rate):
    """A rate is a fraction."""
    with pytest.raises(InvalidArgument) as raised:
        FlakyModel(TOTAL, rate)

    assert str(raised.value) == f"failure_rate={rate}: expected a fraction in [0, 1]"


def test_bad_schema_is_refused():
    """The schema is loaded when the model is made."""
    with pytest.raises(InvalidSchema):
        FlakyModel({"type": "text"}, 0.1)


@pytest.mark.slow
def test_replies_are_the_same_in_every_process(replies):
    """Neither the order of sets nor what else is imported changes them."""
    printed = [
        subprocess.run(  # our own interpreter
            [sys.executable, "-c", IN_A_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1")
    ]

    assert {hashlib.sha256(each.encode()).digest() for each in printed} == {
        hashlib.sha256(f"{replies}\n".encode()).digest()
    }
