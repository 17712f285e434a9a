"""openai-agents: agents as its documentation writes them, recorded by one line, over a server with known failures."""

import asyncio
import time
from contextlib import nullcontext, suppress

import pytest

from schema_guard import guard, open_store, tags
from schema_guard.ext.recorders import counts
from schema_guard.ext.recorders import openai_agents as recorder
from schema_guard.testing import ScriptedModel, serve
from tests.ext.recorders.asking_again import GOOD, WRONG, Invoice, Kept, codes, said, tokens

agents = pytest.importorskip("agents.run", reason="openai-agents is not installed") and __import__("agents")

WAYS = ("run", "run_sync", "run_streamed")
MODELS = ("OpenAIChatCompletionsModel", "OpenAIResponsesModel")


@pytest.fixture(autouse=True)
def kept():
    """Record the runs of a test."""
    agents.set_tracing_disabled(True)
    store = Kept()
    recorder.install(store=store)
    yield store
    recorder.uninstall()


def model_of(server, model=MODELS[0]):
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
    return getattr(agents, model)("model-x", openai_client=client)


def agent_of(server, output=Invoice, name="billing", model=MODELS[0], **more):
    settings = agents.ModelSettings(include_usage=True)
    return agents.Agent(
        name=name, model=model_of(server, model), output_type=output, model_settings=settings, **more
    )


def start(agent, way="run_sync", **options):
    """Run an agent; a run that raises is the recorder's matter alone."""

    async def streamed():
        result = agents.Runner.run_streamed(agent, "Read this invoice.", **options)
        async for _ in result.stream_events():
            pass
        return result

    with suppress(agents.AgentsException):
        if way == "run_sync":
            return agents.Runner.run_sync(agent, "Read this invoice.", **options)
        if way == "run":
            return asyncio.run(agents.Runner.run(agent, "Read this invoice.", **options))
        return asyncio.run(streamed())
    return None


def call(text):
    return said(text, 9, 3, finish_reason="tool_call")


def look_up(number: str) -> str:
    """Return whether an invoice is paid."""
    return f"{number} is paid"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
def test_records_as_many_failures_as_the_server_made(kept, way, model):
    """Every second run of forty fails, in the records as in the server's log."""
    with serve(ScriptedModel([said(GOOD, 12, 7), said(WRONG, 40, 8)], cycle=True)) as server:
        agent = agent_of(server, model=model)
        for _ in range(40):
            start(agent, way)
        sent = len(server.requests)

    assert sent == len(kept) == 40
    assert [codes(one) for one in kept] == [[None], ["enum"]] * 20
    assert [tokens(one) for one in kept] == [[(12, 7)], [(40, 8)]] * 20
    assert [one.attempts[0].reply for one in kept] == [GOOD, WRONG] * 20


@pytest.mark.parametrize(
    ("model", "provider"), [(MODELS[0], "openai"), (MODELS[1], "openai-responses")], ids=MODELS
)
def test_names_the_agent_and_its_request(kept, model, provider):
    """The function is the agent's name, and the schema is the strict one that the model was sent."""
    with serve([said(GOOD)]) as server:
        start(agent_of(server, model=model))

    one = kept[0].call
    assert (one.function, one.schema_name, one.model) == ("billing", "Invoice", "model-x")
    assert (one.provider, one.strategies) == (provider, "strict_schema")


@pytest.mark.parametrize("way", WAYS)
def test_records_each_tool_call_with_its_correction(kept, way):
    """Half of forty runs correct a wrong tool call in the next turn: two attempts of one call."""
    right, wrong = call('{"number": "A-7"}'), call('{"no": "A-7"}')
    script = [right, said(GOOD), wrong, right, said(GOOD)]
    with serve(ScriptedModel(script, cycle=True)) as server:
        agent = agent_of(server, tools=[agents.function_tool(look_up)])
        for _ in range(40):
            start(agent, way)
        sent = len(server.requests)

    runs = [one for one in kept if one.call.schema_name == "Invoice"]
    tools = [one for one in kept if one.call.schema_name == "look_up"]
    assert sent == sum(len(one.attempts) for one in kept) == 100
    assert [codes(one) for one in runs] == [[None]] * 40
    assert [codes(one) for one in tools] == [[None], ["additionalProperties", None]] * 20
    assert {one.call.function for one in kept} == {"billing"}
    assert [one.call.parent_call_id for one in tools] == [one.call.id for one in runs]
    assert tokens(tools[1]) == [(9, 3), (9, 3)]


@pytest.mark.parametrize("way", WAYS)
def test_excludes_requests_without_a_reply(kept, way):
    """An overloaded server is not a failure of the model. The application gets its own exception."""
    from openai import InternalServerError

    with serve(ScriptedModel([said(GOOD)], cycle=True), faults=[None, "http_503"] * 20) as server:
        agent = agent_of(server)
        for index in range(40):
            with pytest.raises(InternalServerError) if index % 2 else nullcontext():
                start(agent, way)

    assert [codes(one) for one in kept] == [[None], ["provider_error"]] * 20


def test_records_a_refusal_with_its_words(kept):
    """A model that refuses is recorded with its reply."""
    with serve([said("I cannot help.", finish_reason="refusal")]) as server:
        start(agent_of(server))

    assert (codes(kept[0]), kept[0].attempts[0].reply) == (["refusal"], "I cannot help.")


@pytest.mark.parametrize("model", MODELS)
def test_records_a_reply_that_is_cut_off(kept, model):
    """A reply at the output limit is a truncation in both APIs."""
    with serve([said(GOOD[:20], finish_reason="length")]) as server:
        start(agent_of(server, model=model))

    assert kept[0].failure.kind == "truncation"


def test_records_what_an_output_guardrail_refuses(kept):
    """A valid reply that an output guardrail refuses is a failure of that attempt."""

    @agents.output_guardrail
    async def never(context, agent, output):
        return agents.GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    with serve([said(GOOD)]) as server:
        start(agent_of(server, output_guardrails=[never]))

    assert (codes(kept[0]), kept[0].failure.kind) == (["refused"], "semantic")


def test_records_a_handoff_under_the_agent_that_answers(kept):
    """The handoff is not a call. The reply belongs to the agent that gave it."""
    with serve([call("{}"), said(GOOD), said(WRONG)]) as server:
        billing = agent_of(server)
        triage = agent_of(server, output=None, name="triage", handoffs=[billing])
        start(triage)

    assert [(one.call.function, codes(one)) for one in kept] == [("billing", [None])]


def test_counts_a_call_of_an_unknown_tool_as_a_failure(kept):
    """A tool that the agent lacks is the model's failure, and ends the run without an output."""
    with serve([call('{"number": "A-7"}')], faults="wrong_tool") as server:
        start(agent_of(server, tools=[agents.function_tool(look_up)]))

    (one,) = kept
    assert (one.call.function, one.failure.kind) == ("billing", "structure")


def test_records_an_agent_that_is_a_tool(kept):
    """The run of the inner agent is a call inside of the outer one."""
    with serve([call('{"input": "A-7"}'), said(GOOD), said('{"is_paid": true}')]) as server:
        from pydantic import BaseModel

        class Answer(BaseModel):
            is_paid: bool

        inner = agent_of(server, name="reader")
        start(agent_of(server, Answer, "clerk", tools=[inner.as_tool("read", "Read an invoice.")]))

    by_schema = {one.call.schema_name: one for one in kept}
    assert {name: one.call.function for name, one in by_schema.items()} == {
        "Invoice": "reader",
        "read": "clerk",
        "Answer": "clerk",
    }
    assert by_schema["Invoice"].call.parent_call_id == by_schema["Answer"].call.id


@pytest.mark.parametrize("output", [list[Invoice], dict[str, float]], ids=["list", "dict"])
def test_records_types_that_are_no_objects(kept, output):
    """The package wraps them, and the schema is the one that was sent."""
    reply = '{"response": [' + GOOD + "]}" if output == list[Invoice] else '{"A-7": 12.5}'
    output = agents.AgentOutputSchema(output, strict_json_schema=False)
    with serve([said(reply)]) as server:
        assert start(agent_of(server, output)) is not None

    assert (kept[0].ok, kept[0].call.strategies) == (True, "json_mode")


def test_counts_plain_text_without_recording_it(kept):
    """An agent without a schema has no calls, and is counted."""
    before = counts().get("openai_agents", {}).get("without_schema", 0)
    with serve([said("Hello.")]) as server:
        start(agent_of(server, None))

    assert not kept
    assert counts()["openai_agents"]["without_schema"] == before + 1


def test_leaves_a_run_to_the_guard_around_it(kept):
    """A run inside a guard of the same schema is the guard's; `tags` takes precedence over the agent's name."""
    with serve([said(GOOD)] * 2) as server:
        agent = agent_of(server)

        @guard(Invoice, store=None)
        def extract(prompt: str):
            return agents.Runner.run_sync(agent, prompt)

        extract("Read this invoice.")
        assert not kept
        with tags(function="nightly", segment="eu"):
            start(agent)

    assert (kept[0].call.function, kept[0].call.segment) == ("nightly", "eu")


def test_a_guard_around_runs_counts_its_retries():
    """If every second call of forty needs a retry, sixty requests are sixty attempts, and no call is excluded."""
    with (
        serve(ScriptedModel([said(GOOD), said(WRONG), said(GOOD)], cycle=True)) as server,
        open_store("sqlite://") as store,
    ):
        agent = agent_of(server)

        @guard(Invoice, store=store, max_attempts=2)
        def extract(prompt: str):
            return agents.Runner.run_sync(agent, prompt)

        assert [extract("Read this invoice.").number for _ in range(40)] == ["A-7"] * 40
        store.flush(10)
        (counted,) = store.configurations()
        sent = len(server.requests)

    assert sent == sum(one.attempts for one in counted.sums) == 60
    assert (counted.valid_first_time, counted.fixed_by_retry, counted.transport) == (20, 20, 0)


@pytest.mark.filterwarnings("ignore")  # the import of litellm warns
def test_records_each_call_once_beside_the_recorder_of_litellm(kept):
    """The recorder of litellm leaves outputs and tool calls to the agent, also after a handoff."""
    pytest.importorskip("litellm", reason="litellm is not installed")
    from agents.extensions.models.litellm_model import LitellmModel

    from schema_guard.ext.recorders import litellm

    inner = Kept()
    before = counts().get("litellm", {}).get("inside", 0)
    litellm.install(store=inner)
    try:
        with serve([call("{}"), call('{"number": "A-7"}'), said(GOOD)]) as server:
            model = LitellmModel("openai/model-x", base_url=server.openai_url, api_key="k")
            billing = agents.Agent("billing", model=model, output_type=Invoice)
            billing.tools = [agents.function_tool(look_up)]
            start(agents.Agent("triage", model=model, output_type=Invoice, handoffs=[billing]))
            sent = len(server.requests)
        wait_until = time.monotonic() + 10
        while counts()["litellm"].get("inside", 0) < before + 3 and time.monotonic() < wait_until:
            time.sleep(0.01)
    finally:
        litellm.uninstall()

    assert sent == 3
    assert not inner
    assert sorted(one.call.schema_name for one in kept) == ["Invoice", "look_up"]


def test_passes_on_to_the_hooks_of_the_application(kept):
    """Hooks of the application see what they saw before."""
    seen = []

    class Hooks(agents.RunHooks):
        async def on_llm_start(self, context, agent, system_prompt, input_items):
            seen.append("asked")

        async def on_llm_end(self, context, agent, response):
            seen.append("answered")

        async def on_handoff(self, context, from_agent, to_agent):
            seen.append(to_agent.name)

        async def on_agent_end(self, context, agent, output):
            seen.append(output.number)

    with serve([call("{}"), said(GOOD)]) as server:
        triage = agent_of(server, output=None, name="triage", handoffs=[agent_of(server)])
        start(triage, hooks=Hooks())

    assert seen == ["asked", "answered", "billing", "asked", "answered", "A-7"]
    assert codes(kept[0]) == [None]


def test_excludes_a_run_that_is_cancelled(kept):
    """A run whose task is cancelled while the model answers has no reply."""
    with serve([said(GOOD)], faults="read_timeout") as server:
        agent = agent_of(server)

        async def go():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(agents.Runner.run(agent, "Read this invoice."), 0.3)

        asyncio.run(go())

    assert codes(kept[0]) == ["cancelled"]


def test_records_nothing_after_uninstall(kept):
    """The package's own runner is back."""
    recorder.uninstall()
    with serve([said(GOOD)]) as server:
        start(agent_of(server))

    assert not kept
