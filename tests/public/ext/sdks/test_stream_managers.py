"""Stream managers that an observed function returns: the caller gets the SDK's own stream, in whichever way it reads it."""

import asyncio

import pytest

from schema_guard import guard, open_store
from tests.public.ext.sdks.case import GOOD, INPUT, MODEL, OUTPUT, VALID, Invoice, serve_openai, turns

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def server():
    with serve_openai(VALID) as answering:
        yield answering


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def rows_of(store):
    store.flush(10)
    return [(row["kind"], row["code"], row["input_tokens"], row["output_tokens"]) for row in store.attempts()]


def ask_openai(server, store):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=server.openai_url)

    @guard(Invoice, observe=True, store=store)
    def ask(prompt):
        return client.chat.completions.stream(
            model=MODEL, messages=turns(prompt), stream_options={"include_usage": True}
        )

    return ask


def ask_anthropic(server, store, kind="Anthropic"):
    anthropic = pytest.importorskip("anthropic")
    client = getattr(anthropic, kind)(api_key="k", base_url=server.anthropic_url)

    @guard(Invoice, observe=True, store=store)
    def ask(prompt):
        return client.messages.stream(model=MODEL, max_tokens=99, messages=turns(prompt))

    return ask


def test_final_completion_is_recorded(server, store):
    with ask_openai(server, store)("t") as stream:
        assert stream.get_final_completion().choices[0].message.content == GOOD

    assert rows_of(store) == [(None, None, INPUT, OUTPUT)]


def test_text_of_a_stream_is_recorded(server, store):
    with ask_anthropic(server, store)("t") as stream:
        assert "".join(stream.text_stream) == GOOD

    assert rows_of(store) == [(None, None, INPUT, OUTPUT)]


def test_final_message_of_an_asynchronous_stream_is_recorded(server, store):
    async def run():
        async with ask_anthropic(server, store, "AsyncAnthropic")("t") as stream:
            return await stream.get_final_message()

    assert asyncio.run(run()).content[0].text == GOOD
    assert rows_of(store) == [(None, None, INPUT, OUTPUT)]


def test_stream_that_is_left_early_is_excluded(server, store):
    with ask_openai(server, store)("t") as stream:
        next(iter(stream))

    assert [row[:2] for row in rows_of(store)] == [("transport", "cancelled")]


def test_exception_of_the_application_is_excluded(server, store):
    with pytest.raises(ZeroDivisionError), ask_openai(server, store)("t"):
        raise ZeroDivisionError

    assert [row[:2] for row in rows_of(store)] == [("transport", "call_raised")]


def test_stream_that_nobody_enters_is_no_call(server, store):
    ask_openai(server, store)("t")

    assert (rows_of(store), server.requests) == ([], [])
