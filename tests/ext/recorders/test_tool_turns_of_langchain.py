"""Turns of tools through LangChain: each call that the model makes is one call of its tool's, and none changes."""

import asyncio
import json
import os

import pytest

from schema_guard import guard_tools
from schema_guard.testing import serve
from tests.ext.recorders.applications import MODEL, Invoice, Kept
from tests.ext.recorders.tool_turns import REPLIES, RIGHT, TOOLS, TRUTH, served, told

openai = pytest.importorskip("langchain_openai", reason="needs langchain-openai")

from schema_guard.ext.recorders.langchain import LangChainRecorder  # noqa: E402 - after the skip

pytestmark = pytest.mark.filterwarnings("ignore")  # what LangChain and the SDK under it warn of


def agent(url):
    model = openai.ChatOpenAI(model=MODEL, api_key="k", base_url=f"{url}/v1", max_retries=0)
    return model.bind_tools(TOOLS)


def whole(runnable, config):
    return runnable.invoke("Where is it?", config=config)


def streamed(runnable, config):
    return list(runnable.stream("Where is it?", config=config))


def awaited(runnable, config):
    return asyncio.run(runnable.ainvoke("Where is it?", config=config))


@pytest.mark.parametrize("ask", [whole, streamed, awaited])
def test_each_call_of_a_turn_is_recorded_under_its_tool(ask):
    """With the name of the run, the model, and tokens that are those of the turn together."""
    stored = Kept()
    with served() as server:
        config = {"callbacks": [LangChainRecorder(store=stored)], "run_name": "agent"}
        for _ in REPLIES:
            ask(agent(server.url), config)

    assert told(stored) == TRUTH
    assert {(one.call.function, one.call.strategies, one.call.model) for one in stored} == {
        ("agent", "tool_call", MODEL)
    }


def test_a_guarded_turn_is_recorded_once():
    """Inside of `guard_tools` the guard records the calls, and the recorder leaves them."""
    stored, inner = Kept(), Kept()
    with served([("{}", None), (RIGHT, None)]) as server:

        @guard_tools(TOOLS, max_attempts=2, store=inner, name="guarded")
        def ask(messages):
            return agent(server.url).invoke(messages, config={"callbacks": [LangChainRecorder(store=stored)]})

        ask([("human", "Where is it?")])

    assert (stored, told(inner)) == ([], [("track_parcel", "required")])


def test_a_turn_through_two_recorders_is_recorded_once():
    """LangChain over litellm: the outermost takes the calls."""
    package = pytest.importorskip("langchain_litellm", reason="needs langchain-litellm")
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from schema_guard.ext.recorders import litellm as recorder

    outer, inner = Kept(), Kept()
    recorder.install(store=inner)
    try:
        with serve([{"reply": json.dumps({"parcel": "A"}), "finish_reason": "tool_call"}]) as server:
            model = package.ChatLiteLLM(model=f"openai/{MODEL}", api_key="k", api_base=f"{server.url}/v1")
            model.bind_tools(TOOLS).invoke("?", config={"callbacks": [LangChainRecorder(store=outer)]})
    finally:
        recorder.uninstall()

    assert (told(outer), inner) == ([("track_parcel", None)], [])


def test_a_model_that_may_answer_in_a_format_calls_a_tool_instead():
    """Its call is its tool's, and the answer that it did not give is no failure of the format."""
    stored = Kept()
    strict = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]
    with served([(RIGHT, None)]) as server:
        model = openai.ChatOpenAI(model=MODEL, api_key="k", base_url=f"{server.url}/v1", max_retries=0)
        asked = model.with_structured_output(
            Invoice, method="json_schema", tools=strict, include_raw=True, strict=True
        )
        asked.invoke("Where is it?", config={"callbacks": [LangChainRecorder(store=stored)]})

    assert told(stored) == [("track_parcel", None)]
