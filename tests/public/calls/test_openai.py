"""Facts about guarded functions around the real clients of OpenAI and Anthropic, against a server on loopback."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import anthropic
import httpx2
import openai
import pytest

from schema_guard import CallFailed, GuardFailed, guard, open_store, testing
from schema_guard.testing import ScriptedModel
from tests.needs import needs

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD, BAD = '{"total": 1}', '{"total": "one"}'
VALUE = {"total": 1}
USAGE = {"input_tokens": 12, "cached_input_tokens": 4, "output_tokens": 7, "reasoning_tokens": 2}
MESSAGES = [{"role": "user", "content": "t"}]
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
CALLS = 200


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def scripted(text):
    """Give a script's reply that comes in pieces of five characters, its usage known."""
    chunks = [text[at : at + 5] for at in range(0, len(text), 5)]
    return {"chunks": chunks, "finish_reason": "stop", "usage": USAGE}


def sync_client(server):
    return openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)


def async_client(server):
    return openai.AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0)


def rows(store, *columns):
    return [tuple(row[column] for column in columns) for row in store.attempts()]


FIXED_BY_RETRY = [
    (1, "structure", "type", "gpt-x", 12, 4, 7, 2, "stop"),
    (2, None, None, "gpt-x", 12, 4, 7, 2, "stop"),
]
COLUMNS = (
    "number",
    "kind",
    "code",
    "model",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "finish_reason",
)


@needs("loopback")
def test_a_chat_completion_is_asked_again(store):
    """A user's function around chat.completions is asked again after a bad reply, and its usage is recorded."""
    with testing.serve([scripted(BAD), scripted(GOOD)]) as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            return client.chat.completions.create(
                model="gpt-x", messages=[{"role": "user", "content": prompt}]
            )

        assert extract("t") == VALUE

    assert rows(store, *COLUMNS) == FIXED_BY_RETRY
    prompts = [request.body["messages"][0]["content"] for request in server.requests]
    assert prompts[1].startswith(prompts[0])
    assert BAD in prompts[1]


@needs("loopback")
def test_an_asynchronous_chat_completion_is_asked_again(store):
    """The same around AsyncOpenAI."""

    async def main(server):
        async with async_client(server) as client:

            @guard(TOTAL, store=store)
            async def extract(messages: list):
                return await client.chat.completions.create(model="gpt-x", messages=messages)

            return await extract(MESSAGES)

    with testing.serve([scripted(BAD), scripted(GOOD)]) as server:
        assert asyncio.run(main(server)) == VALUE

    assert rows(store, *COLUMNS) == FIXED_BY_RETRY
    roles = [message["role"] for message in server.requests[1].body["messages"]]
    assert roles == ["user", "assistant", "user"]


@needs("loopback")
def test_a_response_is_asked_again(store):
    """A user's function around the Responses API."""
    with testing.serve([scripted(BAD), scripted(GOOD)]) as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            return client.responses.create(model="gpt-x", input=prompt)

        assert extract("t") == VALUE

    assert rows(store, *COLUMNS) == FIXED_BY_RETRY


@needs("loopback")
def test_options_reach_the_provider(store):
    """With a provider, the provider's own arguments are in the request."""
    with testing.serve([scripted(GOOD)]) as server, sync_client(server) as client:

        @guard(TOTAL, store=store, strategy="strict_schema", provider="openai")
        def extract(prompt: str, options: dict):
            messages = [{"role": "user", "content": prompt}]
            return client.chat.completions.create(model="gpt-x", messages=messages, **options)

        assert extract("t") == VALUE

    sent = server.requests[0].body["response_format"]["json_schema"]["schema"]
    assert sent == {**TOTAL, "additionalProperties": False}
    assert rows(store, "provider", "strategies") == [("openai", "strict_schema")]


@needs("loopback")
def test_a_stream_is_asked_again(store):
    """A function that gives the client's stream: its chunks are read, its usage recorded."""
    with testing.serve([scripted(BAD), scripted(GOOD)]) as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            messages = [{"role": "user", "content": prompt}]
            return client.chat.completions.create(model="gpt-x", messages=messages, **STREAM)

        assert extract("t") == VALUE

    assert rows(store, *COLUMNS) == FIXED_BY_RETRY


@needs("loopback")
def test_a_stream_grows(store):
    """.stream gives the values of the client's stream as they come."""
    with (
        testing.serve([scripted('{"total": 12, "x": "abcdefghij"}')]) as server,
        sync_client(server) as client,
    ):

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            messages = [{"role": "user", "content": prompt}]
            yield from client.chat.completions.create(model="gpt-x", messages=messages, **STREAM)

        values = list(extract.stream("t"))

    assert values[-1] == {"total": 12, "x": "abcdefghij"}
    assert values[:4] == [{}, {"total": 12}, {"total": 12, "x": ""}, {"total": 12, "x": "abcde"}]
    assert rows(store, "number", "kind", "output_tokens") == [(1, None, 7)]


@needs("loopback")
def test_an_asynchronous_stream_is_asked_again(store):
    """The same with AsyncOpenAI: a coroutine that gives the stream, and an async generator."""

    async def main(server):
        async with async_client(server) as client:

            async def create(prompt):
                messages = [{"role": "user", "content": prompt}]
                return await client.chat.completions.create(model="gpt-x", messages=messages, **STREAM)

            @guard(TOTAL, store=store)
            async def extract(prompt):
                return await create(prompt)

            @guard(TOTAL, store=store)
            async def extract_each(prompt):
                async for chunk in await create(prompt):
                    yield chunk

            return [await extract("t"), await extract_each("t")]

    with testing.serve([scripted(BAD), scripted(GOOD)] * 2) as server:
        assert asyncio.run(main(server)) == [VALUE] * 2

    assert rows(store, *COLUMNS) == FIXED_BY_RETRY * 2


@needs("loopback")
def test_a_stream_that_is_reset_raises_the_clients_error(store):
    """A connection that breaks in the middle raises what the client raises, recorded once."""
    with testing.serve([scripted(GOOD)], faults="reset") as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            yield from client.chat.completions.create(model="gpt-x", messages=MESSAGES, stream=True)

        with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
            extract("t")

    assert len(server.requests) == 1
    assert rows(store, "kind", "code") == [("transport", "provider_error")]


@needs("loopback")
def test_a_status_error_passes(store):
    """The client's own exception for a status passes unchanged and is not asked again."""
    with testing.serve([], faults="http_429") as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            return client.chat.completions.create(model="gpt-x", messages=MESSAGES)

        with pytest.raises(openai.RateLimitError):
            extract("t")

    assert len(server.requests) == 1
    assert rows(store, "kind", "code") == [("transport", "provider_error")]


@needs("loopback")
def test_a_rejected_generation_is_asked_again(store):
    """The client's exception for text that the provider threw away is a failed attempt."""
    with testing.serve(['{"a"'] * 2, faults="json_validate_failed") as server, sync_client(server) as client:

        @guard(TOTAL, store=store, max_attempts=2)
        def extract(prompt: str):
            return client.chat.completions.create(model="gpt-x", messages=MESSAGES)

        with pytest.raises(GuardFailed) as caught:
            extract("t")

    assert isinstance(caught.value.__cause__, openai.BadRequestError)
    assert rows(store, "number", "kind", "code") == [
        (1, "syntax", "provider_rejected"),
        (2, "syntax", "provider_rejected"),
    ]


@needs("loopback")
def test_a_page_is_no_reply(store):
    """A proxy's page ends the call as CallFailed."""
    with testing.serve([], faults="html") as server, sync_client(server) as client:

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            return client.chat.completions.create(model="gpt-x", messages=MESSAGES)

        with pytest.raises(CallFailed):
            extract("t")

    assert len(server.requests) == 1
    assert rows(store, "kind", "code") == [("transport", "provider_error")]


@needs("loopback")
def test_anthropics_client_is_asked_again(store):
    """A user's function around Anthropic's messages, whole and streamed."""
    with (
        testing.serve([scripted(BAD), scripted(GOOD)]) as server,
        anthropic.Anthropic(api_key="k", base_url=server.anthropic_url, max_retries=0) as client,
    ):
        is_stream = iter([False, True])

        @guard(TOTAL, store=store)
        def extract(messages: list):
            turns = [message for message in messages if message["role"] != "system"]
            return client.messages.create(
                model="claude-x", max_tokens=9, messages=turns, stream=next(is_stream)
            )

        assert extract(MESSAGES) == VALUE

    assert rows(store, "number", "kind", "model", "input_tokens", "cached_input_tokens", "output_tokens") == [
        (1, "structure", "claude-x", 12, 4, 7),
        (2, None, "claude-x", 12, 4, 7),
    ]


# Many at once.


def every_third_is_bad():
    """Give a model for many calls, which differ in their number of attempts."""
    return ScriptedModel([scripted(BAD), scripted(GOOD), scripted(GOOD)], cycle=True)


def accounted(store, server, outcomes):
    """Whether every request is an attempt of a call, and every attempt a record."""
    assert all(outcome.ok or len(outcome.attempts) == 3 for outcome in outcomes)
    assert store.flush(10) == 0
    counts = store.counts()
    recorded = {(row["call_id"], row["number"]) for row in store.attempts()}
    attempts = {(outcome.call.id, attempt.number) for outcome in outcomes for attempt in outcome.attempts}
    assert recorded == attempts
    assert len(server.requests) == len(attempts) == counts.offered == counts.stored
    assert (counts.lost_records, counts.pending, len(outcomes)) == ({}, 0, CALLS)
    return True


@needs("loopback")
@pytest.mark.costly
def test_two_hundred_tasks_lose_nothing(store):
    """200 calls at once in one event loop: as many records as requests."""

    async def main(server):
        async with async_client(server) as client:

            @guard(TOTAL, store=store)
            async def extract(prompt: str):
                messages = [{"role": "user", "content": prompt}]
                return await client.chat.completions.create(model="gpt-x", messages=messages)

            return await asyncio.gather(*(extract.outcome(f"task {n}") for n in range(CALLS)))

    with testing.serve(every_third_is_bad()) as server:
        outcomes = asyncio.run(main(server))

        assert accounted(store, server, outcomes)


@needs("loopback")
@pytest.mark.costly
def test_thirty_two_threads_lose_nothing(store):
    """200 calls in 32 threads that share one client: as many records as requests."""
    with (
        testing.serve(every_third_is_bad()) as server,
        sync_client(server) as client,
        ThreadPoolExecutor(32) as pool,
    ):

        @guard(TOTAL, store=store)
        def extract(prompt: str):
            messages = [{"role": "user", "content": prompt}]
            return client.chat.completions.create(model="gpt-x", messages=messages)

        outcomes = list(pool.map(extract.outcome, [f"task {n}" for n in range(CALLS)]))

        assert accounted(store, server, outcomes)
