"""Turns of tools through litellm: each call that the model makes is one call of its tool's, and none changes."""

import os
import time

import pytest

from schema_guard import guard_tools
from schema_guard.ext.recorders import counts
from tests.ext.recorders.applications import MODEL, Kept
from tests.ext.recorders.tool_turns import EMPTY, REPLIES, RIGHT, TOOLS, TRUTH, served, told

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a list of prices when it is imported
litellm = pytest.importorskip("litellm", reason="needs litellm")

from schema_guard.ext.recorders import litellm as recorder  # noqa: E402 - after the skip

pytestmark = pytest.mark.filterwarnings("ignore")  # what litellm itself warns of


def turn(url, stream):
    return litellm.completion(
        model=f"openai/{MODEL}",
        api_base=f"{url}/v1",
        api_key="k",
        messages=[{"role": "user", "content": "Where is it?"}],
        tools=TOOLS,
        max_retries=0,
        stream=stream,
    )


@pytest.fixture
def kept():
    store = Kept()
    recorder.install(store=store, function="agent")
    yield store
    recorder.uninstall()


@pytest.mark.parametrize("stream", [False, True])
def test_each_call_of_a_turn_is_recorded_under_its_tool(kept, stream):
    """With the function that the recorder was given; tokens of a turn are those of its calls together."""
    with served() as server:
        for _ in REPLIES:
            reply = turn(server.url, stream)
            if stream:
                list(reply)
        kept.wait(len(TRUTH))

    assert told(kept) == TRUTH
    assert {one.call.function for one in kept} == {"agent"}
    assert {one.call.strategies for one in kept} == {"tool_call"}


def test_a_guarded_turn_is_recorded_once(kept):
    """Inside of `guard_tools` the guard records the calls, and the recorder leaves them."""
    inner, before = Kept(), counts().get("litellm", {}).get("inside", 0)
    guarded = guard_tools(TOOLS, max_attempts=2, store=inner, name="guarded")
    with served([(EMPTY, None), (RIGHT, None)]) as server:

        @guarded
        def ask(messages):
            return turn(server.url, stream=False)

        ask([{"role": "user", "content": "Where is it?"}])
        for _ in range(50):
            if counts()["litellm"].get("inside", 0) - before == 2:
                break
            time.sleep(0.02)

    assert (kept, len(inner)) == ([], 1)
    assert counts()["litellm"]["inside"] - before == 2
