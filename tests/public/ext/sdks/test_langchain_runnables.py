"""Guarded functions as parts of LangChain: behind a prompt template, and as tools."""

import asyncio
import contextlib

import pytest

from schema_guard import guard, guard_tools, open_store
from schema_guard.testing import serve
from tests.public.ext.sdks.case import BAD, GOOD, MODEL, VALUE, Invoice

openai = pytest.importorskip("langchain_openai", reason="needs langchain-openai")

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: E402 - after the skip
from langchain_core.prompt_values import ChatPromptValue, PromptValue, StringPromptValue  # noqa: E402
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate  # noqa: E402
from langchain_core.tools import BaseTool, StructuredTool, tool  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what LangChain and the SDK under it warn of

CHAT = ChatPromptTemplate.from_messages([("system", "Read the invoice."), ("user", "{text}")])
TEXT = PromptTemplate.from_template("Read {text}")
GIVEN = {"text": "A-7"}
# A bad reply and a good one for each of 20 calls.
REPLIES = [BAD, GOOD] * 20


def model(server):
    return openai.ChatOpenAI(model=MODEL, api_key="k", base_url=server.openai_url, max_retries=0)


@pytest.fixture
def server():
    with serve(REPLIES) as running:
        yield running


def extractor(server, seen, annotation):
    """Make a guarded function that notes its prompts."""

    def extract(prompt):
        seen.append(prompt)
        return model(server).invoke(prompt)

    extract.__annotations__["prompt"] = annotation
    return guard(Invoice, max_attempts=2, store=None)(extract)


@pytest.mark.parametrize(("template", "kind"), [(CHAT, ChatPromptValue), (TEXT, StringPromptValue)])
@pytest.mark.parametrize("annotated", ["PromptValue", PromptValue, str])
def test_a_guarded_function_takes_the_prompt_of_a_template(server, template, kind, annotated):
    """Each attempt has a prompt of the same kind, with the format in it, and the retry is sent."""
    seen = []
    chain = template | extractor(server, seen, annotated)

    assert [chain.invoke(GIVEN) for _ in range(20)] == [VALUE] * 20
    assert len(server.requests) == len(seen) == 40
    assert {type(prompt) for prompt in seen} == {kind}
    assert all("JSON Schema" in prompt.to_string() for prompt in seen)


def test_an_async_guarded_function_takes_the_prompt_of_a_template(server):
    @guard(Invoice, max_attempts=2, store=None)
    async def extract(messages: ChatPromptValue):
        return await model(server).ainvoke(messages)

    async def values():
        return [await (CHAT | extract).ainvoke(GIVEN) for _ in range(20)]

    assert asyncio.run(values()) == [VALUE] * 20


def test_a_prompt_is_sent_as_its_messages_are(server):
    """The server sees the same for a template's prompt and for its messages."""
    extract = extractor(server, [], list)
    extract(CHAT.invoke(GIVEN))
    extract(CHAT.invoke(GIVEN).to_messages())

    bodies = [request.body["messages"] for request in server.requests]
    assert bodies[:2] == bodies[2:]


def test_an_observed_function_gets_the_prompt_as_it_is(server):
    given = CHAT.invoke(GIVEN)
    seen = []

    @guard(Invoice, observe=True, store=None)
    def extract(prompt):
        seen.append(prompt)
        return model(server).invoke(prompt)

    extract(given)

    assert seen[0] is given


def test_guarded_tools_take_the_prompt_of_a_template():
    """The retry sends the model's turn and the result of its call behind the messages."""
    with serve([{"reply": text, "finish_reason": "tool_call"} for text in (BAD, GOOD)]) as server:

        @guard_tools([Invoice], max_attempts=2, store=None)
        def ask(messages):
            return model(server).bind_tools([Invoice]).invoke(messages)

        (CHAT | ask).invoke(GIVEN)
        roles = [[message["role"] for message in request.body["messages"]] for request in server.requests]

    assert roles == [["system", "user"], ["system", "user", "assistant", "tool"]]


# Tools.


class Reader:
    """A class with guarded methods."""

    def __init__(self, server):
        self.model = model(server)

    @guard(Invoice, max_attempts=2, store=None)
    def read(self, text: str, language: str = "en") -> Invoice:
        """Read an invoice."""
        return self.model.invoke(text)

    @guard(Invoice, max_attempts=2, store=None)
    async def aread(self, text: str, language: str = "en") -> Invoice:
        """Read an invoice."""
        return await self.model.ainvoke(text)


def as_tool(reader):
    return tool(reader.read)


def as_named_tool(reader):
    return tool("read")(reader.read)


def as_structured_tool(reader):
    return StructuredTool.from_function(func=reader.read, coroutine=reader.aread)


def as_base_tool(reader):
    class Read(BaseTool):
        name: str = "read"
        description: str = "Read an invoice."

        @guard(Invoice, max_attempts=2, store=None)
        def _run(self, text: str, language: str = "en") -> Invoice:
            return reader.model.invoke(text)

        @guard(Invoice, max_attempts=2, store=None)
        async def _arun(self, text: str, language: str = "en") -> Invoice:
            return await reader.model.ainvoke(text)

    return Read()


@pytest.mark.parametrize("make", [as_tool, as_named_tool, as_structured_tool, as_base_tool])
def test_a_guarded_method_is_a_tool(server, make):
    """Its arguments are described without the instance, and each call is guarded, sync and async."""
    made = make(Reader(server))
    values = [made.invoke(GIVEN) for _ in range(10)]
    values += [asyncio.run(made.ainvoke(GIVEN)) for _ in range(10)]

    assert (made.name, made.description, list(made.args)) == (
        "read",
        "Read an invoice.",
        ["text", "language"],
    )
    assert values == [VALUE] * 20
    assert len(server.requests) == 40


def test_an_agent_calls_a_guarded_method():
    """The method's own call to the model is guarded, and its value is the tool's result."""
    agents = pytest.importorskip("langchain.agents", reason="needs langchain")
    replies = [{"reply": '{"text": "A-7"}', "finish_reason": "tool_call"}, BAD, GOOD, "done"]
    with serve(replies) as server:
        agent = agents.create_agent(model(server), [Reader(server).read])
        messages = agent.invoke({"messages": [("user", "Read A-7.")]})["messages"]

    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[2].content == str(VALUE)


# Agents.


def outcomes(server, strategy, many=20):
    """Observe calls of a function that returns the state of an agent."""
    agents = pytest.importorskip("langchain.agents", reason="needs langchain")
    kind = getattr(agents.structured_output, strategy)
    agent = agents.create_agent(model(server), [], response_format=kind(Invoice))
    with open_store("sqlite://") as store:

        @guard(Invoice, observe=True, store=store)
        def extract(prompt):
            return agent.invoke({"messages": [("user", prompt)]})

        for _ in range(many):
            with contextlib.suppress(Exception):
                extract("Read the invoice.")
        store.flush(10)
        return [(row["call_id"], row["code"]) for row in store.attempts()]


def test_a_guarded_agent_that_corrects_its_output_has_made_one_call():
    """Each request is one attempt."""
    replies = [{"reply": text, "finish_reason": "tool_call"} for text in REPLIES]
    with serve(replies) as server:
        rows = outcomes(server, "ToolStrategy")
        requests = len(server.requests)

    assert len(rows) == requests == 40
    assert len({call for call, _ in rows}) == 20
    assert [code for _, code in rows] == ["type", None] * 20


def test_a_guarded_agent_that_fails_has_failed():
    """Half of the calls are valid, and half raise."""
    with serve(REPLIES) as server:
        rows = outcomes(server, "ProviderStrategy", 40)
        requests = len(server.requests)

    assert len(rows) == len({call for call, _ in rows}) == requests == 40
    assert sorted(code or "" for _, code in rows) == [""] * 20 + ["type"] * 20


def test_the_messages_of_earlier_runs_are_no_attempts():
    """Only the last turn of a conversation is the call."""
    state = {"messages": [HumanMessage("?"), AIMessage(BAD), HumanMessage("?"), AIMessage(GOOD)]}

    outcome = guard(Invoice, store=None)(lambda prompt: state).outcome("Read the invoice.")

    assert (outcome.value, len(outcome.attempts)) == (VALUE, 1)


def test_the_tokens_of_a_turn_of_tools_belong_to_the_reply_behind_it():
    usage = {"input_tokens": 12, "output_tokens": 7, "total_tokens": 19}
    call = {"name": "track", "args": {}, "id": "1"}
    messages = [
        HumanMessage("?"),
        AIMessage("", tool_calls=[call], usage_metadata=usage),
        ToolMessage("here", tool_call_id="1"),
        AIMessage(GOOD, usage_metadata=usage),
    ]

    outcome = guard(Invoice, store=None)(lambda prompt: {"messages": messages}).outcome("Read the invoice.")

    assert outcome.value == VALUE
    assert outcome.usage[:2] == (24, 14)
