"""The recorder of Haystack: pipelines and agents, each way of calling them, against a server with known failures."""

import asyncio
import os

import pytest

from schema_guard import guard, tags
from schema_guard.ext.recorders import counts
from tests.ext.recorders.applications import (
    CUT,
    INPUT,
    MODEL,
    OUTPUT,
    PROSE,
    RIGHT,
    WRONG,
    Invoice,
    Kept,
    kinds,
    tokens,
)
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

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
haystack = pytest.importorskip("haystack.components.generators.chat", reason="needs haystack-ai")

from haystack import Pipeline, tracing  # noqa: E402 - after the skip
from haystack.components.agents import Agent  # noqa: E402
from haystack.components.joiners import BranchJoiner  # noqa: E402
from haystack.components.validators import JsonSchemaValidator  # noqa: E402
from haystack.dataclasses import ChatMessage  # noqa: E402
from haystack.tools import Tool  # noqa: E402
from haystack.utils import Secret  # noqa: E402

from schema_guard.ext.recorders import haystack as recorder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what Haystack and the SDK under it warn of

MESSAGES = [ChatMessage.from_user("Read this invoice.")]
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "Invoice", "schema": Invoice.model_json_schema(), "strict": True},
}
SCHEMA = Invoice.model_json_schema()
HALVES = GOOD_HALF + BAD_HALF
TRUTH = [None] * MANY + ["structure", "syntax"] * (MANY // 2)


def generator(server, kind="OpenAIChatGenerator", model=MODEL, **options):
    return getattr(haystack, kind)(
        model=model,
        api_key=Secret.from_token("k"),
        api_base_url=server.openai_url,
        max_retries=0,
        **options,
    )


def formatted(server, output=FORMAT, **options):
    return generator(server, generation_kwargs={"response_format": output}, **options)


def pipeline_of(component, name="llm", metadata=None):
    pipeline = Pipeline(metadata=metadata)
    pipeline.add_component(name, component)
    return pipeline


def run(pipeline, name="llm", **inputs):
    return pipeline.run({name: {"messages": MESSAGES, **inputs}})


# The ways to ask for a format: each takes the server, and returns a function that runs a pipeline.


def whole(server):
    pipeline = pipeline_of(formatted(server))
    return lambda: run(pipeline)


def by_class(server):
    pipeline = pipeline_of(formatted(server, Invoice))
    return lambda: run(pipeline)


def at_run_time(server):
    pipeline = pipeline_of(generator(server))
    return lambda: run(pipeline, generation_kwargs={"response_format": FORMAT})


def awaited(server):
    pipeline = pipeline_of(formatted(server))
    return lambda: pipeline.run_async({"llm": {"messages": MESSAGES}})


def streamed(server):
    usage = {"stream_options": {"include_usage": True}, "response_format": FORMAT}
    pipeline = pipeline_of(generator(server, generation_kwargs=usage, streaming_callback=lambda chunk: None))
    return lambda: run(pipeline)


def streamed_async(server):
    async def callback(chunk):
        pass

    usage = {"stream_options": {"include_usage": True}, "response_format": FORMAT}
    pipeline = pipeline_of(generator(server, generation_kwargs=usage))

    async def run_async():
        return await pipeline.run_async({"llm": {"messages": MESSAGES, "streaming_callback": callback}})

    return run_async


def responses(server):
    options = {"text_format": Invoice}
    pipeline = pipeline_of(generator(server, "OpenAIResponsesChatGenerator", generation_kwargs=options))
    return lambda: run(pipeline)


def embedded(server):
    pipeline = pipeline_of(haystack.LLM(chat_generator=formatted(server), user_prompt="{{query}}"))
    return lambda: pipeline.run({"llm": {"query": "Read this invoice."}})


def agent(server):
    agent = Agent(chat_generator=formatted(server))
    return lambda: agent.run(messages=MESSAGES)


WAYS = {
    "whole": whole,
    "by a class": by_class,
    "at run time": at_run_time,
    "async": awaited,
    "streamed": streamed,
    "async streamed": streamed_async,
    "Responses API": responses,
    "agent": agent,
    "LLM component": embedded,
}


@pytest.fixture
def kept():
    stored = Kept()
    recorder.install(store=stored)
    yield stored
    recorder.uninstall()


def counted(before):
    now = counts().get("haystack", {})
    return {name: many - before.get(name, 0) for name, many in now.items() if many != before.get(name, 0)}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_recorded_rate_is_the_true_one(kept, way):
    """Each call is recorded once, with the kind of its failure and its own tokens."""
    with serving(HALVES) as server:
        call_each(way(server))

    assert kinds(kept) == TRUTH
    assert len(kept) == attempts_of(kept) == replied(server) == 2 * MANY
    assert tokens(kept) == [(INPUT, OUTPUT)] * 2 * MANY
    assert {(one.call.strategies, one.call.model) for one in kept} == {("strict_schema", MODEL)}


def test_a_reply_that_was_cut_off_is_recorded(kept):
    """The SDK raises for it, and the exception holds the reply."""
    with serving([{"reply": CUT["text"], "finish_reason": "length"}]) as server:
        call_each(whole(server), 1)

    assert kinds(kept) == ["truncation"]


def test_a_provider_that_was_not_reached_is_excluded(kept):
    """Its error is transport, and reaches the caller."""
    with serving([RIGHT], faults="http_503") as server:
        call_each(whole(server), MANY)

    assert kinds(kept) == ["transport"] * MANY


# Attempts.


def looped(server, **options):
    pipeline = Pipeline(metadata={"name": "read_invoice"})
    pipeline.add_component("joiner", BranchJoiner(list[ChatMessage]))
    pipeline.add_component("llm", generator(server, **options))
    pipeline.add_component("validator", JsonSchemaValidator(json_schema=SCHEMA))
    pipeline.connect("joiner", "llm")
    pipeline.connect("llm.replies", "validator.messages")
    pipeline.connect("validator.validation_error", "joiner")
    return pipeline


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("options", "strategy"),
    [
        ({}, "system_prompt"),
        ({"generation_kwargs": {"response_format": {"type": "json_object"}}}, "json_mode"),
        ({"generation_kwargs": {"response_format": FORMAT}}, "strict_schema"),
    ],
    ids=["prompt", "json mode", "schema"],
)
def test_a_validator_that_sends_a_reply_back_makes_attempts_of_one_call(kept, options, strategy, is_async):
    """The schema is the validator's. The generator may have none."""
    with serving(GOOD_HALF + [WRONG, WRONG, PROSE, RIGHT] * MANY) as server:
        pipeline = looped(server, **options)
        data = {"joiner": {"value": MESSAGES}}
        call_each(lambda: pipeline.run_async(data) if is_async else pipeline.run(data))

    assert verdicts(kept) == [[True]] * MANY + [[False, False, False, True]] * MANY
    assert attempts_of(kept) == replied(server) == 5 * MANY
    assert {(one.call.function, one.call.strategies) for one in kept} == {("read_invoice", strategy)}


def fallback(server, output):
    first, second = formatted(server, output, model="one"), formatted(server, output, model="two")
    return pipeline_of(haystack.FallbackChatGenerator([first, second]))


def test_a_fallback_is_another_attempt_of_the_same_call(kept):
    """The first model's reply did not fit. Each attempt has its own model."""
    with serving(GOOD_HALF + [WRONG, RIGHT] * MANY) as server:
        pipeline = fallback(server, Invoice)
        call_each(lambda: run(pipeline))

    assert verdicts(kept) == [[True]] * MANY + [[False, True]] * MANY
    assert attempts_of(kept) == replied(server) == 3 * MANY
    assert [attempt.model for attempt in kept[-1].attempts] == ["one", "two"]


def test_a_model_that_was_not_reached_before_its_fallback_is_no_attempt(kept):
    """The call is the second model's alone."""
    faults = ["http_503", None] * MANY
    with serving(HALVES, faults=faults) as server:
        pipeline = fallback(server, FORMAT)
        call_each(lambda: run(pipeline), MANY)

    assert kinds(kept) == [None] * MANY
    assert attempts_of(kept) == replied(server) == MANY


# Agents.


def tool():
    schema = {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
        "additionalProperties": False,
    }
    return Tool(
        name="is_paid", description="Whether it is paid.", parameters=schema, function=lambda number: True
    )


NO_JSON = {"reply": '{"number": ', "finish_reason": "tool_call"}


@pytest.mark.parametrize("is_async", [False, True])
def test_each_call_of_a_tool_is_its_agents(kept, is_async):
    """A wrong call and its correction are one call. So is one that Haystack drops because it is no JSON."""
    good, bad, dropped = [CALL, "Paid."], [BAD_CALL, CALL, "Paid."], [NO_JSON, CALL, "Paid."]
    with serving(good * MANY + bad * MANY + dropped * MANY) as server:
        pipeline = pipeline_of(Agent(chat_generator=generator(server), tools=[tool()]), "clerk")
        data = {"clerk": {"messages": MESSAGES}}
        call_each(lambda: pipeline.run_async(data) if is_async else pipeline.run(data), 3 * MANY)

    assert verdicts(kept) == [[True]] * MANY + [[False, True]] * 2 * MANY
    assert {one.call.function for one in kept} == {"clerk"}
    assert attempts_of(kept) + 3 * MANY == replied(server)


# Names, other tracers, other recorders, and guards.


def test_a_function_is_what_the_application_names(kept):
    """A block, the pipeline, and its component."""
    with serving(GOOD_HALF) as server:
        run(pipeline_of(formatted(server), "extractor"), "extractor")
        named = pipeline_of(formatted(server), "extractor", {"name": "read_invoice"})
        run(named, "extractor")
        with tags(function="block"):
            run(named, "extractor")

    assert [one.call.function for one in kept] == ["extractor", "read_invoice", "block"]


class OwnTracer(tracing.Tracer):
    """A tracer of the application."""

    def __init__(self):
        self.operations, self.tags = [], {}

    def trace(self, operation_name, tags=None, parent_span=None):
        self.operations.append((operation_name, parent_span is None))
        return OwnSpan(self)

    def current_span(self):
        return None


class OwnSpan(tracing.Span):
    def __init__(self, tracer):
        self.tracer = tracer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def set_tag(self, key, value):
        self.tracer.tags[key] = value


def test_the_applications_tracer_keeps_its_spans(kept):
    """It is called as before, and is the tracer again afterward."""
    recorder.uninstall()
    own = OwnTracer()
    tracing.enable_tracing(own)
    try:
        recorder.install(store=kept)
        with serving([RIGHT]) as server:
            call_each(whole(server), 1)
        recorder.uninstall()
        assert tracing.tracer.actual_tracer is own
    finally:
        tracing.disable_tracing()

    assert [name for name, _ in own.operations] == ["haystack.pipeline.run", "haystack.component.run"]
    assert own.tags["haystack.component.visits"] == 1
    assert kinds(kept) == [None]


def test_inside_of_a_guarded_function_nothing_is_recorded_twice(kept):
    """The guarded function's record is the call's."""
    with serving([RIGHT]) as server:

        @guard(Invoice, observe=True, store=kept, name="guarded")
        def extract(prompt: str):
            return whole(server)()

        extract("Invoice A-7")

    assert [one.call.function for one in kept] == ["guarded"]


def test_requests_without_a_schema_are_counted(kept):
    """A fallback that asks one model is one request."""
    before = counts().get("haystack", {})
    with serving(["Hello."] * 2) as server:
        run(pipeline_of(generator(server)))
        run(pipeline_of(haystack.FallbackChatGenerator([generator(server)])))

    assert counted(before) == {"without_schema": 2}
    assert kept == []


@pytest.mark.parametrize("way", ["whole", "streamed", "async"])
def test_over_litellm_a_call_is_recorded_once(kept, way):
    """With both recorders, the call is Haystack's."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    package = pytest.importorskip(
        "haystack_integrations.components.generators.litellm", reason="needs litellm-haystack"
    )
    from schema_guard.ext.recorders import litellm as inner_recorder

    inner = Kept()
    inner_recorder.install(store=inner)
    try:
        with serving(HALVES) as server:
            chat = package.LiteLLMChatGenerator(
                model=f"openai/{MODEL}",
                api_key=Secret.from_token("k"),
                api_base_url=server.openai_url,
                generation_kwargs={"response_format": FORMAT},
                streaming_callback=(lambda chunk: None) if way == "streamed" else None,
            )
            pipeline = pipeline_of(chat)
            data = {"llm": {"messages": MESSAGES}}
            call_each(lambda: pipeline.run_async(data) if way == "async" else pipeline.run(data))
    finally:
        inner_recorder.uninstall()

    assert kinds(kept) == TRUTH
    assert attempts_of(kept) == replied(server) == 2 * MANY
    assert inner == []


def test_calls_at_the_same_time_are_told_apart(kept):
    """Each has its own reply."""

    async def gather(pipeline):
        await asyncio.gather(*[pipeline.run_async({"llm": {"messages": MESSAGES}}) for _ in range(2 * MANY)])

    with serving(HALVES) as server:
        asyncio.run(gather(pipeline_of(formatted(server))))

    assert sorted(kinds(kept), key=str) == sorted(TRUTH, key=str)
