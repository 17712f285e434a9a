"""Runs of smolagents' agents in a guarded function, against the server's own log."""

import pytest

from schema_guard import guard, open_store
from schema_guard.testing import ScriptedModel, serve
from tests.public.ext.sdks.case import BAD, GOOD, INPUT, MODEL, OUTPUT, VALUE, Invoice

smolagents = pytest.importorskip("smolagents", reason="needs smolagents")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
USAGE = {"input_tokens": INPUT, "output_tokens": OUTPUT}


def answer(reply):
    """Return a reply that calls the tool by which an agent answers."""
    return {"reply": f'{{"answer": {reply}}}', "finish_reason": "tool_call", "usage": USAGE}


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def agent_of(server):
    model = smolagents.OpenAIModel(MODEL, api_base=server.openai_url, api_key="k", retry=False)
    return smolagents.ToolCallingAgent(tools=[], model=model, verbosity_level=0, max_steps=3)


@pytest.mark.parametrize("is_full", [True, False], ids=["full result", "final answer"])
def test_counts_what_the_server_sent(store, is_full):
    """Every second run of 40 fails, in the records as in the server's log."""
    with serve(ScriptedModel([answer(GOOD), answer(BAD)] * 20)) as server:

        @guard(Invoice, observe=True, store=store)
        def extract(prompt):
            return agent_of(server).run(prompt, return_full_result=is_full)

        for _ in range(40):
            extract("Read this invoice.")
        requests = len(server.requests)

    store.flush(10)
    rows = list(store.attempts())
    assert len(rows) == requests == 40
    assert [row["kind"] for row in rows] == [None, "structure"] * 20
    tokens = {(row["input_tokens"], row["output_tokens"]) for row in rows}
    assert tokens == ({(INPUT, OUTPUT)} if is_full else {(None, None)})


def test_steps_that_failed_are_unseen_attempts(store):
    """An agent that calls a tool that does not exist, and then answers, has attempts that nobody saw."""
    unknown = {**answer(GOOD), "reply": '{"no": 1}'}
    with serve(ScriptedModel([unknown, answer(GOOD)])) as server:

        @guard(Invoice, store=store)
        def extract(prompt):
            return agent_of(server).run(prompt, return_full_result=True)

        assert extract("Read this invoice.") == VALUE

    store.flush(10)
    (row,) = store.attempts()
    assert (row["unseen"], row["input_tokens"]) == (1, 2 * INPUT)
