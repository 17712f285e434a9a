"""Agents of LangChain and LangGraph: the function of each call, its attempts, and its tools."""

import asyncio
import json
import threading
import time
from operator import itemgetter

import pytest

from schema_guard.testing import serve
from tests.ext.recorders.applications import MODEL, PROSE, RIGHT, WRONG, Invoice, Kept
from tests.ext.recorders.asking_again import codes

openai = pytest.importorskip("langchain_openai", reason="needs langchain-openai")
agents = pytest.importorskip("langchain.agents", reason="needs langchain")

import langchain.agents.middleware  # noqa: E402 - after the skip
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy  # noqa: E402
from langchain_core.runnables import RunnableLambda, RunnableSequence, chain  # noqa: E402
from langgraph.graph import END, START, MessagesState, StateGraph  # noqa: E402
from pydantic import BaseModel, field_validator  # noqa: E402

from schema_guard.ext.recorders.langchain import LangChainRecorder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what LangChain and the SDK under it warn of
MANY = 20
INPUT = {"messages": [("user", "Read this.")]}


def call(text):
    """Return a reply that calls the first tool."""
    return {"reply": text, "finish_reason": "tool_call"}


def model(url, **more):
    return openai.ChatOpenAI(model=MODEL, api_key="k", base_url=url, max_retries=0, **more)


def reader(url, name="reader", strategy=ToolStrategy, schema=Invoice, tools=(), **more):
    return agents.create_agent(
        model(url), tools=list(tools), response_format=strategy and strategy(schema), name=name, **more
    )


def track_parcel(parcel: str) -> str:
    """Return the place of a parcel."""
    return f"{parcel} is here"


class Small(Invoice):
    """An invoice with a small total."""

    @field_validator("total")
    @classmethod
    def small(cls, total: float) -> float:
        assert total < 10, "too much"
        return total


class Stranger(Invoice):
    """An invoice of somebody else."""


SMALL = json.dumps({"number": "A-7", "total": 2.5})


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def config(kept):
    return {"callbacks": [LangChainRecorder(store=kept)]}


def whole(runnable, config, given=INPUT):
    return runnable.invoke(given, config=config)


def streamed(runnable, config, given=INPUT):
    return list(runnable.stream(given, config=config))


def messages_streamed(runnable, config, given=INPUT):
    return list(runnable.stream(given, config=config, stream_mode="messages"))


def awaited(runnable, config, given=INPUT):
    return asyncio.run(runnable.ainvoke(given, config=config))


def streamed_async(runnable, config, given=INPUT):
    async def steps():
        return [step async for step in runnable.astream(given, config=config)]

    return asyncio.run(steps())


WAYS = [whole, streamed, messages_streamed, awaited, streamed_async]


def attempt(ask, *arguments):
    """Call as applications do that carry on after a failure."""
    try:
        return ask(*arguments)
    except Exception:  # noqa: BLE001 - as applications have it
        return None


def functions(kept):
    return [one.call.function for one in kept]


def attempts(kept):
    """Return the codes of the attempts of each call."""
    return [codes(one) for one in kept]


# Whose call it is.


@pytest.mark.parametrize("ask", WAYS)
def test_a_good_and_a_bad_agent_have_their_own_rates(kept, config, ask):
    """Each call is recorded under its agent's name, and the server has seen one request for each attempt."""
    replies = [call(text) for _ in range(MANY) for text in (RIGHT, WRONG)]
    with serve(replies) as server:
        for _ in range(MANY):
            for name in ("good", "bad"):
                attempt(
                    ask,
                    reader(server.openai_url, name, lambda s: ToolStrategy(s, handle_errors=False)),
                    config,
                )
        requests = len(server.requests)

    assert [sum(one.ok for one in kept if one.call.function == name) for name in ("good", "bad")] == [MANY, 0]
    assert len(kept) == sum(len(one.attempts) for one in kept) == requests == 2 * MANY


def test_parallel_agents_keep_their_names(kept, config):
    """Agents in threads of one process are different functions."""
    with serve([call(RIGHT)] * (2 * MANY)) as server:
        ones = [reader(server.openai_url, name) for name in ("first", "second")]
        threads = [threading.Thread(target=whole, args=(one, config)) for one in ones for _ in range(MANY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(functions(kept)) == ["first"] * MANY + ["second"] * MANY


def test_agents_of_one_event_loop_keep_their_names(kept, config):
    """Agents in tasks of one loop are different functions."""

    async def both(ones):
        await asyncio.gather(*[one.ainvoke(INPUT, config=config) for one in ones for _ in range(MANY)])

    with serve([call(RIGHT)] * (2 * MANY)) as server:
        asyncio.run(both([reader(server.openai_url, name) for name in ("first", "second")]))

    assert sorted(functions(kept)) == ["first"] * MANY + ["second"] * MANY


def test_run_name_replaces_the_name_of_the_agent(kept, config):
    """By `config` and by `with_config`."""
    with serve([call(RIGHT)] * 2) as server:
        whole(reader(server.openai_url), {**config, "run_name": "by_config"})
        whole(reader(server.openai_url).with_config({"run_name": "bound"}), config)

    assert functions(kept) == ["by_config", "bound"]


def test_an_agent_without_a_name_is_not_called_model(kept, config):
    """Its node names nothing, so the schema does."""
    with serve([call(RIGHT)]) as server:
        whole(reader(server.openai_url, None), config)

    assert functions(kept) == ["langchain:Invoice"]


def test_an_agent_that_is_a_tool_is_its_own_function(kept, config):
    """The calls of each of two agents have its name: the inner one's schema, and the outer one's tool."""
    with serve([call('{"question": "?"}'), call(WRONG), call(RIGHT), "done"]) as server:
        inner = reader(server.openai_url)

        def ask_reader(question: str) -> str:
            """Ask another agent."""
            return str(inner.invoke({"messages": [("user", question)]})["structured_response"])

        whole(reader(server.openai_url, "boss", None, tools=[ask_reader]), config)

    rows = [(one.call.function, one.call.schema_name, codes(one)) for one in kept]
    assert sorted(rows) == [("boss", "ask_reader", [None]), ("reader", "Invoice", ["type", None])]


def test_an_agent_that_is_a_subgraph_is_its_own_function(kept, config):
    """Calls of the other nodes belong to the graph."""

    def classify(state):
        model(server.openai_url).with_structured_output(Invoice).invoke("Read this.")
        return {}

    with serve([call(RIGHT), RIGHT]) as server:
        graph = StateGraph(MessagesState)
        graph.add_node("first", reader(server.openai_url))
        graph.add_node("second", classify)
        for edge in ((START, "first"), ("first", "second"), ("second", END)):
            graph.add_edge(*edge)
        whole(graph.compile(name="pipeline"), config)
        named = functions(kept)
        kept.clear()

    assert named == ["reader", "pipeline"]


def test_nodes_name_the_calls_of_a_graph_without_a_name(kept, config):
    """Two nodes of a graph are different functions."""

    def reads(name):
        def node(state):
            model(server.openai_url).with_structured_output(Invoice).invoke("Read this.")
            return {}

        return name, node

    with serve([RIGHT] * 2) as server:
        graph = StateGraph(MessagesState)
        for name, node in map(reads, ("invoices", "receipts")):
            graph.add_node(name, node)
        graph.add_edge(START, "invoices")
        graph.add_edge("invoices", "receipts")
        whole(graph.compile(), config)

    assert functions(kept) == ["invoices", "receipts"]


def test_the_outermost_name_of_nested_chains_is_the_function(kept, config):
    """A sequence, a function, and a chain are recorded under their names."""
    with serve([RIGHT] * 3) as server:
        structured = model(server.openai_url).with_structured_output(Invoice)

        @chain
        def read_invoice(text):
            return structured.invoke(text)

        whole(RunnableSequence(itemgetter("text"), structured, name="sequence"), config, {"text": "?"})
        whole(read_invoice, config, "?")
        whole(RunnableLambda(read_invoice.invoke).with_config(run_name="outer"), config, "?")

    assert functions(kept) == ["sequence", "read_invoice", "outer"]


def test_callbacks_that_are_given_inside_of_a_run_know_of_it(kept, config):
    """A function that hands the recorder to a call of its own has still its name."""
    with serve([RIGHT]) as server:
        structured = model(server.openai_url).with_structured_output(Invoice)

        @chain
        def read_invoice(text):
            return structured.invoke(text, config=config)

        whole(read_invoice, config, "?")

    assert functions(kept) == ["read_invoice"]


# Attempts.

newer = pytest.mark.skipif(
    not hasattr(langchain.agents.middleware, "ModelRetryMiddleware"), reason="needs langchain 1.1 or newer"
)


@pytest.mark.parametrize("ask", WAYS)
def test_an_agent_that_corrects_its_output_has_made_one_call(kept, config, ask):
    """Each attempt is one request: half of the calls need two."""
    with serve([call(text) for _ in range(MANY) for text in (RIGHT, WRONG, RIGHT)]) as server:
        for _ in range(2 * MANY):
            ask(reader(server.openai_url), config)
        requests = len(server.requests)

    assert attempts(kept) == [[None], ["type", None]] * MANY
    assert sum(len(one.attempts) for one in kept) == requests == 3 * MANY


@newer
def test_a_call_of_no_json_is_corrected_too(kept, config):
    with serve([call(PROSE), call(WRONG), call(RIGHT)]) as server:
        attempt(whole, reader(server.openai_url), config)

    assert attempts(kept) == [["no_json", "type", None]]


def test_what_a_validator_of_the_agent_refuses_is_no_valid_attempt(kept, config):
    """The schema has nothing against it, and the agent has."""
    with serve([call(RIGHT), call(SMALL)]) as server:
        whole(reader(server.openai_url, schema=Small), config)

    assert attempts(kept) == [["refused", None]]


class Order(BaseModel):
    """An order, all of whose fields have defaults."""

    number: str = ""
    items: list[str] = []


def note(number: str = "") -> str:
    """Note a number."""
    return number


@pytest.mark.parametrize("tools", [(), (note,)])
def test_a_streamed_call_that_was_cut_off_is_not_valid(kept, config, tools):
    """LangChain closes its arguments, and a schema without required fields has nothing against them."""
    chunks = ['{"number": "A', "-7"]
    strategy = None if tools else ToolStrategy
    with serve(
        [{"chunks": chunks, "finish_reason": "length"}, "done"], faults=["half_tool_call", None]
    ) as server:
        agent = reader(server.openai_url, strategy=strategy, schema=Order, tools=tools)
        attempt(messages_streamed, agent, config)

    assert [one.attempts[0].failure.kind for one in kept] == ["truncation"]


def test_an_agent_that_gives_up_has_failed(kept, config):
    """Its call has all attempts, none of them valid."""
    with serve([call(WRONG)] * 50) as server:
        attempt(whole, reader(server.openai_url), {**config, "recursion_limit": 4})
        requests = len(server.requests)

    assert attempts(kept) == [["type"] * requests]


@pytest.mark.parametrize("ask", [whole, awaited])
def test_what_the_provider_strategy_refuses_has_failed(kept, config, ask):
    """Half of the calls fail, and reach the caller as an exception."""
    with serve([RIGHT, WRONG] * MANY) as server:
        for _ in range(2 * MANY):
            attempt(ask, reader(server.openai_url, strategy=ProviderStrategy), config)

    assert attempts(kept) == [[None], ["type"]] * MANY


@newer
@pytest.mark.parametrize("ask", [whole, awaited])
def test_the_middleware_of_retries_makes_attempts(kept, config, ask):
    """Also of a reply that a validator refuses, and not of a request that was not answered."""
    retry = langchain.agents.middleware.ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
    replies, faults = [WRONG, RIGHT, SMALL, SMALL], [None, None, None, "http_503", None]
    with serve(replies, faults=faults) as server:
        for _ in range(2):
            ask(
                reader(server.openai_url, strategy=ProviderStrategy, schema=Small, middleware=[retry]), config
            )

    assert attempts(kept) == [["type", "refused", None], [None]]


@pytest.mark.parametrize("ask", [whole, awaited])
def test_a_fallback_is_the_next_attempt(kept, config, ask):
    """A fallback belongs to the call that fell back to it, and to no other."""
    with serve([WRONG, RIGHT, RIGHT] * MANY) as server:
        first, second = (model(server.openai_url).with_structured_output(Invoice) for _ in range(2))
        for _ in range(2 * MANY):
            ask(first.with_fallbacks([second]), {**config, "run_name": "read"}, "Read this.")

    assert attempts(kept) == [["type", None], [None]] * MANY
    assert set(functions(kept)) == {"read"}


def test_an_agent_that_is_tried_again_makes_the_next_attempt(kept, config):
    with serve([WRONG, RIGHT]) as server:
        agent = reader(server.openai_url, strategy=ProviderStrategy)
        whole(agent.with_retry(stop_after_attempt=2, wait_exponential_jitter=False), config)

    assert attempts(kept) == [["type", None]]


def wait_for_second(server):
    while len(server.requests) < 2:
        time.sleep(0.01)


async def interrupted(agent, config, server):
    """Cancel a run while it waits for its second reply."""
    running = asyncio.ensure_future(agent.ainvoke(INPUT, config=config))
    await asyncio.to_thread(wait_for_second, server)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("tools", [(), (track_parcel,)])
def test_a_call_that_is_cancelled_during_its_correction_is_excluded(kept, config, tools):
    """Nobody knows whether it would have been corrected."""
    slow = {**call(RIGHT), "delay_s": 5.0}
    strategy = None if tools else ToolStrategy
    with serve([call("{}" if tools else WRONG), slow]) as server:
        agent = reader(server.openai_url, strategy=strategy, tools=tools)
        asyncio.run(interrupted(agent, config, server))

    assert [(one.failure.kind, codes(one)[1:]) for one in kept] == [("transport", ["cancelled"])]


@pytest.mark.parametrize("tools", [(), (track_parcel,)])
def test_a_call_whose_correction_the_provider_did_not_answer_is_excluded(kept, config, tools):
    strategy = None if tools else ToolStrategy
    with serve([call("{}" if tools else WRONG)], faults=[None, "http_503"]) as server:
        attempt(whole, reader(server.openai_url, strategy=strategy, tools=tools), config)

    assert [(one.failure.kind, codes(one)[1:]) for one in kept] == [("transport", ["provider_error"])]


def test_a_stream_that_is_left_is_excluded(kept, config):
    """An agent in a task of its own is recorded, although no caller waits for it."""

    async def leave(agent):
        async for _ in agent.astream(INPUT, config=config, stream_mode="messages"):
            break

    chunks = [RIGHT[at : at + 3] for at in range(0, len(RIGHT), 3)]
    with serve([{"chunks": chunks, "finish_reason": "tool_call"}]) as server:
        asyncio.run(leave(reader(server.openai_url)))

    assert [one.ok or one.failure.kind for one in kept] in (["transport"], [True])


# Tools.


@pytest.mark.parametrize("ask", WAYS)
def test_a_tool_call_that_is_corrected_is_one_call_of_its_agent(kept, config, ask):
    """Half of the calls need two attempts; each attempt is one request, and so is each last answer."""
    good = call('{"parcel": "A"}')
    with serve([part for _ in range(MANY) for part in (good, "done", call("{}"), good, "done")]) as server:
        for _ in range(2 * MANY):
            ask(reader(server.openai_url, "shipper", None, tools=[track_parcel]), config)
        requests = len(server.requests)

    assert attempts(kept) == [[None], ["required", None]] * MANY
    assert {(one.call.function, one.call.schema_name) for one in kept} == {("shipper", "track_parcel")}
    assert sum(len(one.attempts) for one in kept) + len(kept) == requests


def test_a_tool_call_that_is_not_corrected_has_failed(kept, config):
    with serve([call("{}"), "done"]) as server:
        whole(reader(server.openai_url, "shipper", None, tools=[track_parcel]), config)

    assert attempts(kept) == [["required"]]


def test_a_fault_of_a_tool_is_not_the_model_s(kept, config):
    """A valid call is valid, whatever the tool makes of it."""

    def open_safe(parcel: str) -> str:
        """Open a safe."""
        raise RuntimeError("no key")

    with serve([call('{"parcel": "A"}')]) as server:
        attempt(whole, reader(server.openai_url, "shipper", None, tools=[open_safe]), config)

    assert attempts(kept) == [[None]]


def test_an_output_tool_beside_others_is_corrected_too(kept, config):
    """If the model may choose between tools, a call of the output tool that the agent refuses has failed."""
    with serve([call(RIGHT), call(SMALL)]) as server:
        whole(reader(server.openai_url, schema=Small | Stranger), config)

    assert attempts(kept) == [["refused", None]]


def test_a_loop_of_tools_that_is_written_by_hand_is_corrected_too(kept, config):
    """Without any agent, by the messages that hold the reply."""
    tools = [
        {
            "type": "function",
            "function": {"name": "track", "parameters": {"type": "object", "required": ["id"]}},
        }
    ]

    @chain
    def ship(text):
        bound, messages = model(server.openai_url).bind_tools(tools), [("user", text)]
        for _ in range(2):
            reply = bound.invoke(messages)
            results = [("tool", "wrong", one["id"]) for one in reply.tool_calls]
            messages += [
                reply,
                *[{"role": "tool", "content": text, "tool_call_id": one} for _, text, one in results],
            ]

    with serve([call("{}"), call('{"id": 1}')]) as server:
        whole(ship, config, "?")

    assert [(one.call.function, codes(one)) for one in kept] == [("ship", ["required", None])]


def test_calls_of_one_prompt_are_not_attempts_of_each_other(kept, config):
    """A function that asks the same three times, to vote, has made three calls."""

    @chain
    def vote(text):
        structured = model(server.openai_url).with_structured_output(
            Invoice, include_raw=True, method="function_calling"
        )
        return [structured.invoke(text) for _ in range(3)]

    with serve([call(text) for text in (RIGHT, WRONG, RIGHT)]) as server:
        whole(vote, config, "?")

    assert sorted(attempts(kept), key=str) == sorted([[None], ["type"], [None]], key=str)


# Side by side.


@pytest.mark.parametrize("ask", [whole, streamed, awaited, streamed_async])
def test_over_litellm_each_call_of_an_agent_is_counted_once(kept, config, ask):
    """With both recorders the calls are LangChain's: those of the schema, and those of tools."""
    package = pytest.importorskip("langchain_litellm", reason="needs langchain-litellm")
    from schema_guard.ext.recorders import litellm as recorder

    inner = Kept()
    recorder.install(store=inner)
    good = call('{"parcel": "A"}')
    try:
        with serve(
            [part for _ in range(MANY) for part in (call(WRONG), call(RIGHT), good, "done")]
        ) as server:
            chat = package.ChatLiteLLM(
                model=f"openai/{MODEL}", api_base=server.openai_url, api_key="k", max_retries=0
            )
            outputs = agents.create_agent(chat, [], response_format=ToolStrategy(Invoice), name="reader")
            shipper = agents.create_agent(chat, [track_parcel], name="shipper")
            for _ in range(MANY):
                ask(outputs, config)
                ask(shipper, config)
    finally:
        recorder.uninstall()

    assert [(one.call.function, codes(one)) for one in kept] == [
        ("reader", ["type", None]),
        ("shipper", [None]),
    ] * MANY
    assert inner == []
