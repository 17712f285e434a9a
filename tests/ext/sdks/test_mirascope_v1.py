"""Facts about the values that calls of the first version of mirascope return."""

from contextlib import suppress

import pytest

from schema_guard import guard, open_store
from tests.ext.recorders.applications import INPUT, OUTPUT, RIGHT, WRONG, Invoice, server

openai = pytest.importorskip("mirascope.core.openai", reason="needs mirascope 1")

pytestmark = pytest.mark.filterwarnings("ignore")  # mirascope warns about its own parts


def call_of(answering, **more):
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=answering.openai_url, max_retries=0)
    return openai.call("model-x", client=client, **more)


def response(answering):
    @call_of(answering)
    def extract(prompt: str):
        return prompt

    return extract


def value(answering):
    @call_of(answering, response_model=Invoice, json_mode=True)
    def extract(prompt: str):
        return prompt

    return extract


def chunks(answering):
    @call_of(answering, stream=True, call_params={"stream_options": {"include_usage": True}})
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        for chunk, _ in ask(prompt):
            yield chunk

    return extract


def values(answering):
    @call_of(answering, stream=True, response_model=Invoice, json_mode=True)
    def ask(prompt: str):
        return prompt

    def extract(prompt: str):
        yield from ask(prompt)

    return extract


@pytest.mark.parametrize(
    ("make", "tokens"),
    [
        (response, {(INPUT, OUTPUT)}),
        (value, {(INPUT, OUTPUT), (None, None)}),
        (chunks, {(None, None)}),
        (values, {(None, None)}),
    ],
)
def test_counts_what_the_server_sent(make, tokens):
    """Every second call of 40 fails, in the records as in the server's log."""
    with server([RIGHT, WRONG] * 20) as answering, open_store("sqlite://") as store:
        extract = guard(Invoice, observe=True, store=store)(make(answering))
        for _ in range(40):
            with suppress(Exception):
                given = extract("Read this invoice.")
                if hasattr(type(given), "__next__"):
                    list(given)
        store.flush(10)
        rows = list(store.attempts())
        requests = len(answering.requests)

    assert len(rows) == requests == 40
    assert [row["kind"] for row in rows] == [None, "structure"] * 20
    assert {(row["input_tokens"], row["output_tokens"]) for row in rows} == tokens
