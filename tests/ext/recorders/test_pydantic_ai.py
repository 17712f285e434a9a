"""pydantic-ai: an agent as its documentation writes it, with one more argument, over a server with known failures."""

import asyncio
import logging
from contextlib import suppress

import pytest
from pydantic import BaseModel

from schema_guard import Schema, guard, tags
from schema_guard.ext.recorders import counts
from schema_guard.ext.recorders.pydantic_ai import capability
from schema_guard.testing import serve
from tests.ext.recorders.asking_again import GOOD, WRONG, Invoice, Kept, codes, said, tokens

pydantic_ai = pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")


@pytest.fixture
def kept():
    return Kept()


def agent_of(server, kept, output=Invoice, name="billing", **more):
    """Make the application's agent: the one line is `capabilities`."""
    from openai import AsyncOpenAI
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
    return Agent(
        OpenAIChatModel("model-x", provider=OpenAIProvider(openai_client=client)),
        output_type=output,
        name=name,
        capabilities=[capability(store=kept)],
        **more,
    )


def run_sync(agent):
    return agent.run_sync("Read this invoice.").output


def run(agent):
    async def go():
        return (await agent.run("Read this invoice.")).output

    return asyncio.run(go())


def run_stream(agent):
    async def go():
        async with agent.run_stream("Read this invoice.") as result:
            async for _ in result.stream_output(debounce_by=None):
                pass
            return await result.get_output()

    return asyncio.run(go())


def run_events(agent):
    async def go():
        async with agent.run_stream_events("Read this invoice.") as events:
            return [event async for event in events][-1].result.output

    return asyncio.run(go())


def iterate(agent):
    async def go():
        async with agent.iter("Read this invoice.") as run:
            async for _ in run:
                pass
            return run.result.output

    return asyncio.run(go())


@pytest.mark.parametrize("way", [run_sync, run, run_events, iterate])
def test_every_attempt_of_a_run_is_recorded(kept, way):
    """The attempt that failed and the one that followed, each with its own tokens, under the agent's name."""
    with serve([said(WRONG, 12, 7), said(GOOD, 40, 8)]) as server:
        invoice = way(agent_of(server, kept))

    (outcome,) = kept
    assert invoice == Invoice(number="A-7", currency="EUR", total=12.5)
    assert (outcome.ok, outcome.call.function, outcome.call.schema_name) == (True, "billing", "Invoice")
    assert (codes(outcome), tokens(outcome)) == (["enum", None], [(12, 7), (40, 8)])
    assert [attempt.reply for attempt in outcome.attempts] == [WRONG, GOOD]
    assert (outcome.call.model, outcome.call.strategies, outcome.call.provider) == (
        "model-x",
        "tool_call",
        "openai",
    )


@pytest.mark.parametrize(
    ("mark", "strategy"),
    [
        ("ToolOutput", "tool_call"),
        ("NativeOutput", "strict_schema"),
        ("PromptedOutput", "system_prompt"),
    ],
)
def test_the_mode_is_what_the_agent_asks_with(kept, mark, strategy):
    """Each way of asking for the output is recorded as the strategy that it is, and its failures are seen."""
    with serve([said(WRONG), said(GOOD)]) as server:
        run_sync(agent_of(server, kept, getattr(pydantic_ai, mark)(Invoice)))

    assert kept[0].call.strategies == strategy
    assert codes(kept[0]) == ["enum", None]


def test_other_apis_are_recorded_as_their_providers(kept):
    """The Responses API and Anthropic's are providers of their own, and their attempts are seen alike."""
    from openai import AsyncOpenAI
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    with serve([said(WRONG), said(GOOD)] * 2) as server:
        provider = OpenAIProvider(openai_client=AsyncOpenAI(api_key="k", base_url=server.openai_url))
        anthropic = AnthropicProvider(api_key="k", base_url=server.anthropic_url)
        for model in (OpenAIResponsesModel("m", provider=provider), AnthropicModel("m", provider=anthropic)):
            recorder = capability(store=kept)
            run_sync(pydantic_ai.Agent(model, output_type=Invoice, name="billing", capabilities=[recorder]))

    messages = [(one.call.provider, codes(one), tokens(one)) for one in kept]
    assert messages == [
        (provider, ["enum", None], [(12, 7), (12, 7)]) for provider in ("openai-responses", "anthropic")
    ]


def test_the_recorded_rate_is_the_true_one(kept):
    """Of ten runs of two agents with one schema, each agent's are told apart, and as many failed as were made to."""
    replies = [WRONG, GOOD, GOOD, GOOD, WRONG, WRONG, GOOD, WRONG, GOOD]
    with serve([said(reply) for reply in replies]) as server:
        for name, runs in (("billing", 3), ("audit", 3)):
            agent = agent_of(server, kept, name=name)
            for _ in range(runs):
                with suppress(pydantic_ai.UnexpectedModelBehavior):
                    run_sync(agent)

    messages = [(one.call.function, codes(one)) for one in kept]
    assert messages == [
        ("billing", ["enum", None]),
        ("billing", [None]),
        ("billing", [None]),
        ("audit", ["enum", "enum"]),
        ("audit", [None]),
        ("audit", ["enum", None]),
    ]


def test_a_streamed_run_is_judged_as_a_whole_one(kept):
    """A stream that is read to its end, and one whose value the agent does not take: both with text and tokens."""
    with serve([said(GOOD), said(WRONG)]) as server:
        run_stream(agent_of(server, kept))
        with pytest.raises(pydantic_ai.UnexpectedModelBehavior):
            run_stream(agent_of(server, kept))

    assert [codes(one) for one in kept] == [[None], ["enum"]]
    assert [one.attempts[0].reply for one in kept] == [GOOD, WRONG]
    assert [tokens(one) for one in kept] == [[(12, 7)], [(12, 7)]]


def test_a_stream_that_is_left_is_no_reply(kept):
    """A call is excluded from the rate if its stream is left before the end."""
    with serve([{"chunks": [GOOD[:20], GOOD[20:]]}]) as server:
        agent = agent_of(server, kept)

        async def go():
            async with agent.run_stream("Read this invoice.") as result:
                async for _ in result.stream_output(debounce_by=None):
                    break

        asyncio.run(go())

    assert codes(kept[0]) == ["cancelled"]


def test_a_reply_that_is_cut_off_is_a_failure(kept):
    """What stops at the output limit is counted as cut off, though the agent says no more than that it gave up."""
    with serve([said(GOOD[:20], finish_reason="length"), said(GOOD)]) as server:
        run_sync(agent_of(server, kept))

    assert codes(kept[0]) == ["max_tokens", None]


def test_a_refusal_has_its_words(kept):
    """A model that refuses is recorded with what it said."""
    refusal = said("I cannot help with that.", finish_reason="refusal")
    with serve([refusal]) as server, pytest.raises(pydantic_ai.UnexpectedModelBehavior):
        run_sync(agent_of(server, kept))

    assert codes(kept[0]) == ["refusal"]
    assert kept[0].attempts[0].reply == "I cannot help with that."


def test_what_an_output_validator_refuses_is_a_failure(kept):
    """A valid reply that the application sends back is a semantic failure of that attempt."""
    with serve([said(GOOD), said(GOOD)]) as server:
        agent, taken = agent_of(server, kept), []

        @agent.output_validator
        def check(invoice):
            taken.append(invoice)
            if len(taken) == 1:
                raise pydantic_ai.ModelRetry("the total is not on the page")
            return invoice

        run_sync(agent)

    assert codes(kept[0]) == ["refused", None]
    assert "the total is not on the page" in kept[0].attempts[0].failure.message


def test_a_call_that_raised_is_excluded(kept):
    """An overloaded server is nobody's format failure; the application gets its own exception."""
    serving = serve([said(WRONG), said(GOOD)], faults=[None, "http_503"])
    with serving as server, pytest.raises(pydantic_ai.ModelHTTPError):
        run_sync(agent_of(server, kept))

    assert codes(kept[0]) == ["enum", "provider_error"]
    assert kept[0].attempts[1].failure.kind == "transport"


def look_up(number: str) -> str:
    """Say whether an invoice is paid."""
    return f"{number} is paid"


def test_each_tool_call_of_a_run_is_a_call_of_its_tool(kept):
    """A wrong call and the one that fixed it are one call of the tool, inside of the run, with tokens of their own."""
    wrong = said('{"no": "A-7"}', 9, 3, finish_reason="tool_call")
    right = said('{"number": "A-7"}', 20, 4, finish_reason="tool_call")
    with serve([wrong, right, said(GOOD)]) as server:
        run_sync(agent_of(server, kept, pydantic_ai.NativeOutput(Invoice), tools=[look_up]))

    call, run = kept
    assert (run.call.schema_name, codes(run), tokens(run)) == ("Invoice", [None], [(12, 7)])
    assert (call.call.function, call.call.schema_name) == ("billing", "look_up")
    assert call.call.parent_call_id == run.call.id
    assert ([a.failure is None for a in call.attempts], tokens(call)) == ([False, True], [(9, 3), (20, 4)])


def test_the_same_tool_in_two_turns_is_called_twice(kept):
    """Without a fault between them each call is a call, also one with the same arguments, and of an agent of plain text."""
    call = said('{"number": "A-7"}', 9, 3, finish_reason="tool_call")
    with serve([call, call, said("Both are paid.")]) as server:
        run_sync(agent_of(server, kept, str, tools=[look_up]))

    assert [(one.call.schema_name, codes(one)) for one in kept] == [("look_up", [None])] * 2


def test_the_schema_is_that_of_a_guard_of_the_same_class(kept):
    """The agent sends the schema without titles; a schema of other fields that the run is given goes before the class."""

    class Receipt(BaseModel):
        shop: str

    with serve([said(GOOD), said(GOOD), said('{"shop": "B"}')]) as server:
        run_sync(agent_of(server, kept))
        run_sync(agent_of(server, kept, pydantic_ai.NativeOutput(Invoice)))
        agent_of(server, kept).run_sync("Read this.", output_type=Receipt)

    own = Schema.of(Invoice).fingerprint
    assert [one.call.schema_fingerprint == own for one in kept] == [True, True, False]
    assert kept[2].call.schema_name == "Receipt"


def test_an_agent_of_two_outputs_is_held_to_either(kept):
    """Two output tools are one schema: a value of either is valid, and one of neither is not."""

    class Receipt(BaseModel):
        shop: str

    with serve([said(WRONG), said(GOOD)]) as server:
        run_sync(agent_of(server, kept, [Invoice, Receipt]))

    assert kept[0].call.schema_name == "Invoice | Receipt"
    assert [attempt.failure is None for attempt in kept[0].attempts] == [False, True]


def test_plain_text_is_counted_and_not_recorded(kept):
    """An agent without a schema, and one whose output may be a text and is one."""
    before = counts().get("pydantic_ai", {}).get("without_schema", 0)
    with serve([said("Hello."), said("No invoice.")]) as server:
        run_sync(agent_of(server, kept, str))
        assert run_sync(agent_of(server, kept, [Invoice, str])) == "No invoice."

    assert not kept
    assert counts()["pydantic_ai"]["without_schema"] == before + 2


def test_a_guarded_function_around_a_run_records_it(kept):
    """Inside of a guard of the same schema the run is the guard's; `tags(function=)` goes before the agent's name."""
    with serve([said(GOOD)] * 2) as server:
        agent = agent_of(server, kept)

        @guard(Invoice, store=None)
        def extract(prompt: str):
            return agent.run_sync(prompt)

        extract("Read this invoice.")
        assert not kept
        with tags(function="nightly", segment="eu"):
            run_sync(agent)

    assert (kept[0].call.function, kept[0].call.segment) == ("nightly", "eu")


def test_a_fault_of_the_recorder_is_one_warning(caplog):
    """A store that fails is told once, and no run is changed by it."""

    class Failing:
        def record(self, outcome, task=None):
            raise RuntimeError("the disk is full")

    with serve([said(GOOD)] * 2) as server, caplog.at_level(logging.WARNING, "schema_guard"):
        agent = agent_of(server, Failing())
        assert [run_sync(agent).number for _ in range(2)] == ["A-7", "A-7"]

    messages = [record.message for record in caplog.records if "pydantic_ai" in record.message]
    assert len(messages) == 1
    assert "recording a call failed, but the call itself did not change" in messages[0]
