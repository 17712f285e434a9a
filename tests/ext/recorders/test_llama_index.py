"""The recorder of llama-index: each way of calling it, against a server with known failures."""

import asyncio
import gc
import os
from functools import partial

import pytest

from schema_guard import guard, tags
from schema_guard.ext.recorders import counts
from tests.ext.recorders.applications import INPUT, OUTPUT, RIGHT, WRONG, Invoice, Kept, kinds, tokens
from tests.ext.recorders.halves import (
    BAD_CALL,
    BAD_HALF,
    CALL,
    GOOD_HALF,
    MANY,
    attempts_of,
    call_each,
    replied,
    serving,
    verdicts,
)

openai = pytest.importorskip("llama_index.llms.openai", reason="needs llama-index-llms-openai")

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent  # noqa: E402 - after the skip
from llama_index.core.instrumentation import get_dispatcher  # noqa: E402
from llama_index.core.llms import ChatMessage  # noqa: E402
from llama_index.core.program import FunctionCallingProgram, LLMTextCompletionProgram  # noqa: E402
from llama_index.core.prompts import PromptTemplate  # noqa: E402
from llama_index.core.workflow import StartEvent, StopEvent, Workflow, step  # noqa: E402

from schema_guard.ext.recorders import llama_index as recorder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what llama-index and the SDK under it warn of

MODEL = "gpt-4o-mini"
PROMPT = PromptTemplate("Read this invoice.")
MESSAGES = [ChatMessage(role="user", content="Read this invoice.")]
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "Invoice", "schema": Invoice.model_json_schema(), "strict": True},
}
HALVES = GOOD_HALF + BAD_HALF
TRUTH = [None] * MANY + ["structure", "syntax"] * (MANY // 2)


def model(server, **more):
    usage = {"stream_options": {"include_usage": True}}
    return openai.OpenAI(
        model=MODEL,
        api_key="k",
        api_base=server.openai_url,
        max_retries=0,
        additional_kwargs=usage,
        **more,
    )


def by_tool(server):
    return model(server, pydantic_program_mode="function")


# The ways to fill a class: each takes the server, and returns a function that calls a model.


def sync(call):
    """Return a way that calls one model again and again."""

    def way(server, make=model):
        llm = make(server)
        return lambda: call(llm)

    return way


def awaited(call):
    """Return a way that makes a model for each call, because its client belongs to an event loop."""
    return lambda server, make=model: lambda: call(make(server))


predict = sync(lambda llm: llm.structured_predict(Invoice, PROMPT))
apredict = awaited(lambda llm: llm.astructured_predict(Invoice, PROMPT))
stream_predict = sync(lambda llm: list(llm.stream_structured_predict(Invoice, PROMPT)))


@awaited
async def astream_predict(llm):
    return [one async for one in await llm.astream_structured_predict(Invoice, PROMPT)]


structured_chat = sync(lambda llm: llm.as_structured_llm(Invoice).chat(MESSAGES))
chat = sync(lambda llm: llm.chat(MESSAGES, response_format=FORMAT))
stream_chat = sync(lambda llm: list(llm.stream_chat(MESSAGES, response_format=FORMAT)))
complete = sync(lambda llm: llm.complete("Read this invoice.", response_format=FORMAT))


def program(kind):
    made = {"output_cls": Invoice, "prompt_template_str": "Read this invoice."}
    return lambda server: kind.from_defaults(llm=model(server), **made)


WAYS = {
    "by the schema": (predict, "strict_schema"),
    "by the schema, async": (apredict, "strict_schema"),
    "by the schema, streamed": (stream_predict, "strict_schema"),
    "by the schema, async streamed": (astream_predict, "strict_schema"),
    "by a tool": (partial(predict, make=by_tool), "tool_call"),
    "by a tool, async": (partial(apredict, make=by_tool), "tool_call"),
    "by a tool, streamed": (partial(stream_predict, make=by_tool), "tool_call"),
    "by a tool, async streamed": (partial(astream_predict, make=by_tool), "tool_call"),
    "structured chat": (structured_chat, "strict_schema"),
    "program by text": (program(LLMTextCompletionProgram), "system_prompt"),
    "program by a tool": (program(FunctionCallingProgram), "tool_call"),
    "chat": (chat, "strict_schema"),
    "chat, streamed": (stream_chat, "strict_schema"),
    "complete": (complete, "strict_schema"),
}


@pytest.fixture
def kept():
    stored = Kept()
    recorder.install(store=stored)
    yield stored
    recorder.uninstall()


def counted(before):
    now = counts().get("llama_index", {})
    return {name: many - before.get(name, 0) for name, many in now.items() if many != before.get(name, 0)}


@pytest.mark.parametrize(("way", "strategy"), WAYS.values(), ids=WAYS)
def test_the_recorded_rate_is_the_true_one(kept, way, strategy):
    """Each call is recorded once, with the kind of its failure and its own tokens."""
    with serving(HALVES) as server:
        call_each(way(server))

    assert kinds(kept) == TRUTH
    assert len(kept) == attempts_of(kept) == replied(server) == 2 * MANY
    assert tokens(kept) == [(INPUT, OUTPUT)] * 2 * MANY
    assert {(one.call.strategies, one.call.provider, one.call.model) for one in kept} == {
        (strategy, "openai", MODEL)
    }


def test_a_provider_that_was_not_reached_is_excluded(kept):
    """Its error is transport, and reaches the caller."""
    with serving([RIGHT], faults="http_503") as server:
        call_each(predict(server), MANY)

    assert kinds(kept) == ["transport"] * MANY


def test_a_stream_that_is_left_is_excluded(kept):
    """A client that stops reading says nothing about the reply."""
    chunks = [WRONG[at : at + 5] for at in range(0, len(WRONG), 5)]
    with serving([{"chunks": chunks}, RIGHT]) as server:
        llm = model(server)
        stream = llm.stream_chat(MESSAGES, response_format=FORMAT)
        next(stream)
        stream.close()
        llm.chat(MESSAGES, response_format=FORMAT)

    assert kinds(kept) == ["transport", None]


def test_a_stream_that_nobody_reads_hides_no_other_call(kept):
    """The calls after it are recorded."""
    with serving([RIGHT]) as server:
        llm = model(server)
        unread = llm.stream_chat(MESSAGES, response_format=FORMAT)
        llm.chat(MESSAGES, response_format=FORMAT)
        del unread
        gc.collect()

    assert kinds(kept) == [None]


def test_calls_at_the_same_time_are_told_apart(kept):
    """Each has its own reply."""

    async def gather(llm):
        calls = [llm.astructured_predict(Invoice, PROMPT) for _ in range(2 * MANY)]
        await asyncio.gather(*calls, return_exceptions=True)

    with serving(HALVES) as server:
        asyncio.run(gather(model(server)))

    assert sorted(kinds(kept), key=str) == sorted(TRUTH, key=str)


def test_a_call_that_is_cancelled_is_excluded(kept):
    """Nobody knows the reply."""

    async def give_up(llm):
        await asyncio.wait_for(llm.astructured_predict(Invoice, PROMPT), 0.2)

    with serving([{"reply": RIGHT, "delay_s": 1.0}]) as server:
        call_each(lambda: give_up(model(server)), 1)

    assert [one.failure.code for one in kept] == ["cancelled"]


# Names.


class Once:
    """A policy that tries a step a second time."""

    def next(self, elapsed_time, attempts, error):
        return 0 if attempts < 2 else None


class Reader(Workflow):
    """A workflow of the application, which repeats a step that fails."""

    def __init__(self, llm):
        super().__init__()
        self.llm = llm

    @step(retry_policy=Once())
    async def read(self, ev: StartEvent) -> StopEvent:
        return StopEvent(await self.llm.astructured_predict(Invoice, PROMPT))


class Corrector(Workflow):
    """A workflow that shows the model its wrong reply."""

    def __init__(self, llm):
        super().__init__()
        self.llm = llm

    @step
    async def read(self, ev: StartEvent) -> StopEvent:
        messages = list(MESSAGES)
        for _ in range(2):
            response = await self.llm.achat(messages, response_format=FORMAT)
            try:
                return StopEvent(Invoice.model_validate_json(response.message.content))
            except ValueError:
                messages += [response.message, ChatMessage(role="user", content="Correct it.")]
        return StopEvent(None)


class Batch(Workflow):
    """A workflow that reads several invoices, one after the other."""

    def __init__(self, llm):
        super().__init__()
        self.llm = llm

    @step
    async def read(self, ev: StartEvent) -> StopEvent:
        for number in range(MANY):
            await self.llm.achat(
                [ChatMessage(role="user", content=f"Invoice {number}")], response_format=FORMAT
            )
        return StopEvent(None)


async def ran(workflow):
    return await workflow.run()


def test_a_workflow_that_repeats_a_step_makes_attempts_of_one_call(kept):
    """The step is tried again with the same messages."""
    with serving([RIGHT] * MANY + [WRONG, RIGHT] * MANY) as server:
        call_each(lambda: ran(Reader(model(server))))

    assert verdicts(kept) == [[True]] * MANY + [[False, True]] * MANY
    assert attempts_of(kept) == replied(server) == 3 * MANY
    assert {one.call.function for one in kept} == {"Reader"}


def test_a_workflow_that_corrects_a_reply_makes_attempts_of_one_call(kept):
    """The next request holds the wrong reply."""
    with serving([RIGHT] * MANY + [WRONG, RIGHT] * MANY) as server:
        call_each(lambda: ran(Corrector(model(server))))

    assert verdicts(kept) == [[True]] * MANY + [[False, True]] * MANY
    assert attempts_of(kept) == replied(server) == 3 * MANY


def test_a_workflow_that_reads_several_texts_makes_several_calls(kept):
    """A wrong reply is not corrected by the next text."""
    with serving([WRONG, RIGHT] * (MANY // 2)) as server:
        asyncio.run(ran(Batch(model(server))))

    assert sorted(verdicts(kept)) == [[False]] * (MANY // 2) + [[True]] * (MANY // 2)


def test_a_function_is_what_the_application_names(kept):
    """A block, a function with a span, and nothing."""

    @get_dispatcher().span
    def read_invoice(llm):
        return llm.structured_predict(Invoice, PROMPT)

    with serving([RIGHT] * 3) as server:
        llm = model(server)
        read_invoice(llm)
        with tags(function="block"):
            read_invoice(llm)
        llm.structured_predict(Invoice, PROMPT)

    assert [one.call.function for one in kept] == ["read_invoice", "block", "llama_index:Invoice"]


# Agents.


def is_paid(number: str) -> bool:
    """Return whether an invoice is paid."""
    return number == "A-7"


def agent(server, *, streaming, **more):
    return FunctionAgent(
        tools=[is_paid], llm=model(server), name="reader", description="Reads.", streaming=streaming, **more
    )


async def asked(workflow):
    return await workflow.run("Is it paid?")


def runs_of(kept, name):
    return [one for one in kept if one.call.schema_name == name]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", ["agent", "workflow"])
def test_the_tools_and_the_output_of_an_agent_are_its_calls(kept, streaming, form):
    """A corrected call of a tool is one call. A wrong output is a failure, though the agent hides it."""
    good = [CALL, "It is paid.", RIGHT]
    bad = [BAD_CALL, CALL, "It is paid.", WRONG]
    with serving(good * MANY + bad * MANY) as server:

        def made():
            if form == "agent":
                return agent(server, streaming=streaming, output_cls=Invoice)
            return AgentWorkflow(
                agents=[agent(server, streaming=streaming)], root_agent="reader", output_cls=Invoice
            )

        call_each(lambda: asked(made()))

    assert verdicts(runs_of(kept, "is_paid")) == [[True]] * MANY + [[False, True]] * MANY
    assert verdicts(runs_of(kept, "Invoice")) == [[True]] * MANY + [[False]] * MANY
    assert {one.call.function for one in kept} == {"reader"}
    assert attempts_of(kept) + 2 * MANY == replied(server)


# Other recorders, and guards.


def test_inside_of_a_guarded_function_nothing_is_recorded_twice(kept):
    """The guarded function's record is the call's."""
    with serving([RIGHT]) as server:

        @guard(Invoice, observe=True, store=kept, name="guarded")
        def extract(prompt: str):
            return model(server).structured_predict(Invoice, PROMPT)

        extract("Invoice A-7")

    assert [one.call.function for one in kept] == ["guarded"]


def test_requests_without_a_schema_are_counted(kept):
    """A completion that a chat makes is one request."""
    before = counts().get("llama_index", {})
    with serving(["Hello."] * 2) as server:
        model(server).complete("hello")
        model(server).as_structured_llm(Invoice).llm.chat(MESSAGES)

    assert counted(before) == {"without_schema": 2}
    assert kept == []


@pytest.mark.parametrize("way", ["whole", "streamed", "async"])
def test_over_litellm_a_call_is_recorded_once(kept, way):
    """With both recorders, the call is llama-index's."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    package = pytest.importorskip("llama_index.llms.litellm", reason="needs llama-index-llms-litellm")
    from schema_guard.ext.recorders import litellm as inner_recorder

    inner = Kept()
    inner_recorder.install(store=inner)
    ways = {
        "whole": lambda llm: llm.chat(MESSAGES, response_format=FORMAT),
        "streamed": lambda llm: list(llm.stream_chat(MESSAGES, response_format=FORMAT)),
        "async": lambda llm: llm.achat(MESSAGES, response_format=FORMAT),
    }
    try:
        with serving(HALVES) as server:
            llm = package.LiteLLM(model=f"openai/{MODEL}", api_key="k", api_base=server.openai_url)
            call_each(lambda: ways[way](llm))
    finally:
        inner_recorder.uninstall()

    assert kinds(kept) == TRUTH
    assert attempts_of(kept) == replied(server) == 2 * MANY
    assert inner == []


@pytest.mark.parametrize("way", ["structured_predict", "astructured_predict"])
def test_a_model_that_fills_a_class_by_a_request_of_its_own_is_recorded(kept, way):
    """Anthropic's package asks without a span of a model. The tokens are not known then."""
    anthropic = pytest.importorskip("llama_index.llms.anthropic", reason="needs llama-index-llms-anthropic")
    with serving(HALVES) as server:
        llm = anthropic.Anthropic(model="claude-sonnet-4-5", api_key="k", base_url=server.url, max_retries=0)
        call_each(lambda: getattr(llm, way)(Invoice, PROMPT))

    assert kinds(kept) == TRUTH
    assert attempts_of(kept) == replied(server) == 2 * MANY
