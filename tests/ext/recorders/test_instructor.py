"""instructor: a client as its documentation makes it, in one more call, over a server with known failures."""

import asyncio
import logging
from collections.abc import Iterable
from enum import Enum
from typing import Literal

import pytest
from pydantic import field_validator

from schema_guard import guard, tags
from schema_guard.errors import InvalidArgument
from schema_guard.ext.recorders import counts
from schema_guard.ext.recorders.instructor import record
from schema_guard.testing import serve
from tests.ext.recorders.asking_again import GOOD, WRONG, Invoice, Kept, codes, said, tokens

MESSAGES = [{"role": "user", "content": "Read this invoice."}]


def test_only_a_client_of_instructors_is_recorded():
    """What is no client is told at once, and not at its first call."""
    with pytest.raises(InvalidArgument, match=r"instructor\.from_openai"):
        record(object())


instructor = pytest.importorskip("instructor", reason="instructor is not installed")
exceptions = pytest.importorskip("instructor.core")


@pytest.fixture
def kept():
    return Kept()


def client_of(server, kept, mode="TOOLS", **more):
    """Make the application's client: the one line is `record`."""
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
    return record(instructor.from_openai(client, mode=instructor.Mode[mode]), store=kept, **more)


def async_client_of(server, kept):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
    return record(instructor.from_openai(client), store=kept)


def asked(**more):
    return {"model": "model-x", "messages": MESSAGES, "response_model": Invoice, **more}


def create(server, kept):
    return client_of(server, kept).create(**asked())


def create_of_openai(server, kept):
    return client_of(server, kept).chat.completions.create(**asked())


def create_with_completion(server, kept):
    return client_of(server, kept).create_with_completion(**asked())[0]


def create_async(server, kept):
    return asyncio.run(async_client_of(server, kept).create(**asked()))


def create_with_completion_async(server, kept):
    return asyncio.run(async_client_of(server, kept).create_with_completion(**asked()))[0]


@pytest.mark.parametrize(
    "way",
    [create, create_of_openai, create_with_completion, create_async, create_with_completion_async],
)
def test_every_attempt_of_a_call_is_recorded(kept, way):
    """The attempt that failed and the one that followed, each with its own tokens and reply, not with the sum."""
    with serve([said(WRONG, 12, 7), said(GOOD, 40, 8)]) as server:
        invoice = way(server, kept)

    (outcome,) = kept
    assert (invoice.number, invoice.currency, invoice.total) == ("A-7", "EUR", 12.5)
    assert (outcome.ok, outcome.call.function, outcome.call.schema_name) == (
        True,
        "instructor:Invoice",
        "Invoice",
    )
    assert (codes(outcome), tokens(outcome)) == (["enum", None], [(12, 7), (40, 8)])
    assert [attempt.reply for attempt in outcome.attempts] == [WRONG, GOOD]
    assert (outcome.call.model, outcome.call.provider) == ("model-x", "openai")


@pytest.mark.parametrize(
    ("mode", "strategy", "provider"),
    [
        ("TOOLS", "tool_call", "openai"),
        ("JSON", "json_mode", "openai"),
        ("MD_JSON", "system_prompt", "openai"),
        ("RESPONSES_TOOLS", "strict_schema", "openai-responses"),
    ],
)
def test_the_mode_is_what_was_sent(kept, mode, strategy, provider):
    """Each mode is recorded as the strategy that the request carries, and its failures are seen."""
    with serve([said(WRONG), said(GOOD)]) as server:
        client_of(server, kept, mode).create(**asked())

    assert (kept[0].call.strategies, kept[0].call.provider) == (strategy, provider)
    assert codes(kept[0]) == ["enum", None]


def test_the_recorded_rate_is_the_true_one(kept):
    """Of six calls by two functions with one schema, each one's are told apart, and as many failed as were made to."""
    replies = [WRONG, GOOD, GOOD, GOOD, WRONG, WRONG, GOOD, WRONG, GOOD]
    with serve([said(reply) for reply in replies]) as server:
        client = client_of(server, kept, function="extract")
        for _ in range(3):
            client.create(**asked())
        with tags(function="audit"):
            with pytest.raises(exceptions.InstructorRetryException):
                client.create(**asked(max_retries=1))
            client.create(**asked())
            client.create(**asked())

    assert [(one.call.function, codes(one)) for one in kept] == [
        ("extract", ["enum", None]),
        ("extract", [None]),
        ("extract", [None]),
        ("audit", ["enum", "enum"]),
        ("audit", [None]),
        ("audit", ["enum", None]),
    ]


def partials(server, kept):
    return list(client_of(server, kept).create_partial(**asked()))


def partials_async(server, kept):
    async def go():
        return [value async for value in async_client_of(server, kept).create_partial(**asked())]

    return asyncio.run(go())


@pytest.mark.parametrize("way", [partials, partials_async])
def test_a_stream_is_judged_as_a_whole_reply(kept, way):
    """Growing values end in the model's text, and one that is cut off is no success, as the hooks have it."""
    with serve([said(GOOD), said(GOOD[:20], finish_reason="length")]) as server:
        assert way(server, kept)[-1].total == 12.5
        way(server, kept)

    assert [codes(one) for one in kept] == [[None], ["max_tokens"]]
    assert [one.attempts[0].reply for one in kept] == [GOOD, GOOD[:20]]


@pytest.mark.parametrize("way", [partials, partials_async])
def test_what_instructor_stops_reading_is_a_failure(kept, way):
    """Prose in a stream ends in an error of a parser's, before the stream is over: it is no JSON, and not the provider's fault."""
    with (
        serve([{"chunks": ["There is", " no invoice", " here."]}]) as server,
        pytest.raises(Exception, match="expected value"),
    ):
        way(server, kept)

    assert codes(kept[0]) == ["no_json"]


def test_tokens_of_a_stream_are_those_that_it_tells(kept):
    """A stream whose request asks for its tokens has them; without they are not known."""
    with serve([said(GOOD), said(GOOD)]) as server:
        client = client_of(server, kept)
        list(client.create_iterable(**asked()))
        list(client.create_partial(**asked(stream_options={"include_usage": True})))

    assert [tokens(one) for one in kept] == [[(None, None)], [(12, 7)]]


class Currency(Enum):
    """A currency."""

    EUR = "EUR"


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (int, '{"content": 4}', '{"content": "four"}'),
        (Currency, '{"content": "EUR"}', '{"content": "GBP"}'),
        (Literal["EUR"], '{"content": "EUR"}', '"EUR"'),
    ],
)
def test_a_simple_type_is_held_to_what_was_sent_for_it(kept, kind, right, wrong):
    """instructor puts a type that is no object into one: the reply is held to that."""
    with serve([said(wrong), said(right)]) as server:
        client_of(server, kept).create(**asked(response_model=kind))

    assert [attempt.failure is None for attempt in kept[0].attempts] == [False, True]


@pytest.mark.parametrize("kind", [list[Invoice], Iterable[Invoice]])
def test_a_list_is_held_to_the_list(kept, kind):
    """A list is one reply: all its values are judged, and the place of a wrong one is told."""
    tasks = '{{"tasks": [{}, {}]}}'
    with serve([said(tasks.format(GOOD, GOOD)), said(tasks.format(GOOD, WRONG))]) as server:
        client = client_of(server, kept)
        assert len(list(client.create(**asked(response_model=kind)))) == 2
        with pytest.raises((ValueError, exceptions.InstructorRetryException)):
            list(client.create(**asked(response_model=kind, max_retries=0)))

    assert [codes(one) for one in kept] == [[None], ["enum"]]
    assert kept[0].call.schema_name == "IterableInvoice"


def test_a_stream_that_is_left_is_no_reply(kept):
    """A call is excluded from the rate if its stream is left before the end."""
    chunks = [f'{{"tasks": [{GOOD},', f"{GOOD}, ", GOOD, "]}"]
    with serve([{"chunks": chunks}]) as server:
        values = iter(client_of(server, kept).create_iterable(**asked()))
        next(values)
        values.close()

    assert codes(kept[0]) == ["cancelled"]


def test_a_reply_that_is_cut_off_is_a_failure(kept):
    """The hooks say nothing of it: the call raised, and the reply ends at the output limit."""
    serving = serve([said(GOOD[:20], finish_reason="length")])
    with serving as server, pytest.raises(exceptions.IncompleteOutputException):
        create(server, kept)

    assert (codes(kept[0]), tokens(kept[0])) == (["max_tokens"], [(12, 7)])


def test_a_validator_of_the_users_is_not_run_again(kept):
    """A validator may ask a model by itself: it is run once an attempt, by instructor, and what it refuses is a failure."""
    ran = []

    class Checked(Invoice):
        @field_validator("number")
        @classmethod
        def check(cls, number, info):
            ran.append(number)
            if len(ran) == 1:
                raise ValueError("no such invoice")
            return number

    with serve([said(GOOD), said(GOOD)]) as server:
        client_of(server, kept).create(**asked(response_model=Checked))

    assert len(ran) == 2
    assert [attempt.failure and attempt.failure.kind for attempt in kept[0].attempts] == ["semantic", None]


def test_a_call_that_raised_is_excluded(kept):
    """An overloaded server is nobody's format failure; the application gets instructor's exception."""
    serving = serve([said(WRONG), said(GOOD)], faults=[None, "http_503"])
    with serving as server, pytest.raises(exceptions.InstructorRetryException):
        create(server, kept)

    assert codes(kept[0]) == ["enum", "provider_error"]


def test_calls_at_the_same_time_keep_their_attempts(kept):
    """Two tasks on one client: each call has its own attempts, under its own name."""

    async def go(server):
        client = async_client_of(server, kept)

        async def one(name):
            with tags(function=name):
                await client.create(**asked(messages=[{"role": "user", "content": name}]))

        await asyncio.gather(one("first"), one("second"))

    # The answer goes by who asks: a first try is wrong, what follows a correction is right.
    with serve(lambda prompt: WRONG if "rror" not in prompt else GOOD) as server:
        asyncio.run(go(server))

    assert sorted((one.call.function, *codes(one)) for one in kept) == [
        ("first", "enum", None),
        ("second", "enum", None),
    ]


def test_hooks_of_the_users_are_called_as_before(kept):
    """Hooks on the client and of one call are called for each attempt, and a call without a schema is counted."""
    messages = []
    before = counts().get("instructor", {}).get("without_schema", 0)
    with serve([said(WRONG), said(GOOD), said("Hello.")]) as server:
        client = client_of(server, kept)
        client.on("completion:response", lambda response: messages.append("client"))
        own = type(client.hooks)()
        own.on("parse:error", lambda error: messages.append("call"))
        client.create(**asked(hooks=own))
        client.create(**asked(response_model=None))

    assert messages == ["client", "call", "client"]
    assert len(kept) == 1
    assert counts()["instructor"]["without_schema"] == before + 1


def test_a_guarded_function_around_a_call_records_it(kept):
    """Inside of a guard of the same schema the call is the guard's."""
    with serve([said(GOOD)]) as server:
        client = client_of(server, kept)

        @guard(Invoice, store=None)
        def extract(prompt: str):
            return client.create(**asked())

        assert extract("Read this invoice.").number == "A-7"

    assert not kept


@pytest.mark.filterwarnings("ignore")  # what litellm warns of
def test_two_recorders_record_a_call_once(kept, monkeypatch):
    """instructor over litellm, with a recorder on each: the outer one has the call, with all its attempts."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    litellm = pytest.importorskip("litellm", reason="litellm is not installed")
    from schema_guard.ext.recorders.litellm import install, uninstall

    inner = Kept()
    install(store=inner)
    try:
        with serve([said(WRONG), said(GOOD)]) as server:
            client = record(instructor.from_litellm(litellm.completion), store=kept)
            address = {"api_base": server.openai_url, "api_key": "k"}
            client.create(**asked(model="openai/model-x", **address))
    finally:
        uninstall()

    assert ([codes(one) for one in kept], inner) == ([["enum", None]], [])


def test_a_fault_of_the_recorder_is_one_warning(caplog):
    """A store that fails is told once, and no call is changed by it."""

    class Failing:
        def record(self, outcome, task=None):
            raise RuntimeError("the disk is full")

    with serve([said(GOOD)] * 2) as server, caplog.at_level(logging.WARNING, "schema_guard"):
        client = client_of(server, Failing())
        assert [client.create(**asked()).number for _ in range(2)] == ["A-7", "A-7"]

    messages = [record.message for record in caplog.records if "instructor" in record.message]
    assert len(messages) == 1
    assert "recording a call failed, but the call itself did not change" in messages[0]
