import asyncio

import openai
import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.models import Model, connect
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.models.endpoint import Endpoint
from schema_guard.testing import ScriptedModel, serve

MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
HELLO = {"chunks": ["hel", "lo"], "finish_reason": "stop", "usage": {"input_tokens": 3, "output_tokens": 2}}


@pytest.fixture
def server():
    with serve(ScriptedModel([HELLO], cycle=True)) as running:
        yield running


def named(server):
    """Give the name that `connect` takes for the model behind a server."""
    return f"{server.openai_url}#m"


def bodies(server):
    return [request.body for request in server.requests]


def texts(chunks):
    """Give the texts of chat chunks that have one."""
    pieces = [choice.delta.content for chunk in chunks for choice in chunk.choices]
    return [piece for piece in pieces if piece]


def test_call_sends_the_prompt_and_gives_the_reply_object(server):
    """A text is one user message, messages go as they are, options are passed on."""
    with connect(named(server)) as model:
        reply = model("hi", options={"max_completion_tokens": 5})
        model(MESSAGES)

    assert isinstance(model, Model)
    assert isinstance(reply, openai.types.chat.ChatCompletion)
    assert reply.choices[0].message.content == "hello"
    assert bodies(server) == [
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5},
        {"model": "m", "messages": MESSAGES},
    ]


@pytest.mark.parametrize("provider", ["openai", "openai-responses"])
def test_reply_is_the_json_of_the_object(server, provider):
    """`areply` gives what `acall` gives, as dicts."""

    async def both():
        async with connect(named(server), provider=provider) as model:
            return await model.areply(MESSAGES), await model.acall(MESSAGES)

    reply, shown = asyncio.run(both())

    known = shown.model_dump(exclude_unset=True)
    assert {key: reply[key] for key in known if key not in ("id", "output")} == {
        key: value for key, value in known.items() if key not in ("id", "output")
    }


@pytest.mark.parametrize("fault", ["http_429", "http_500", "broken_json"])
def test_reply_raises_as_a_call_does(fault):
    """Errors are those of `acall`."""
    raised = []
    with serve(ScriptedModel(["{}"], cycle=True), faults=fault) as server:

        async def ask():
            async with connect(named(server)) as model:
                for way in (model.areply, model.acall):
                    with pytest.raises(Exception) as caught:  # noqa: PT011 - both are compared
                        await way("x")
                    raised.append(type(caught.value))

        asyncio.run(ask())

    assert raised[0] is raised[1]


def test_reply_that_is_a_page_is_its_text():
    """What an intermediary sent in place of JSON comes as the text that it is, which is no reply of a model."""
    with serve(["{}"], faults="html") as server:

        async def ask():
            async with connect(named(server)) as model:
                return await model.areply("x")

        assert asyncio.run(ask()).lstrip().startswith("<")


def test_reply_takes_the_sdks_own_arguments(server):
    """A timeout or header goes to the SDK and not into the body."""

    async def ask():
        async with connect(named(server)) as model:
            return await model.areply("x", options={"timeout": 5.0})

    assert asyncio.run(ask())["choices"][0]["message"]["content"] == "hello"
    assert "timeout" not in bodies(server)[0]


def test_stream_gives_chunks_and_asks_for_usage(server):
    """The chunks are the SDK's; usage is asked for, unless options say otherwise."""
    with connect(named(server)) as model:
        chunks = list(model.stream("hi"))
        chunks_without_usage = list(model.stream("hi", options={"stream_options": None}))

    assert {type(chunk) for chunk in chunks} == {openai.types.chat.ChatCompletionChunk}
    assert texts(chunks) == ["hel", "lo"]
    assert chunks[-1].usage.total_tokens == 5
    assert [chunk.usage for chunk in chunks_without_usage] == [None] * (len(chunks) - 1)
    assert bodies(server)[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in bodies(server)[1]


def test_mistral_is_not_asked_for_the_usage_of_a_stream(server):
    """Mistral refuses the argument, and sends the tokens anyway."""
    with connect(named(server), provider="mistral") as model:
        list(model.stream("hi"))

    assert "stream_options" not in bodies(server)[0]


def test_stream_that_is_left_early_closes_its_connection(server):
    """Closing the generator after the first chunk leaves nothing open."""
    with connect(named(server)) as model:
        stream = model.stream("hi")
        next(stream)
        stream.close()

        assert model("hi").choices[0].message.content == "hello"


def test_async_forms_give_the_same(server):
    """`acall` and `astream` give what the synchronous forms give, several at once."""

    async def ask():
        async with connect(named(server)) as model:
            replies = await asyncio.gather(*(model.acall("hi") for _ in range(4)))
            chunks = [chunk async for chunk in model.astream("hi")]
            return [reply.choices[0].message.content for reply in replies], texts(chunks)

    assert asyncio.run(ask()) == (["hello"] * 4, ["hel", "lo"])


def test_one_model_serves_several_event_loops(server):
    """Each event loop has connections of its own."""
    model = connect(named(server))

    async def ask():
        reply = await model.acall("hi")
        await model.async_client().close()
        return reply.choices[0].message.content

    assert [asyncio.run(ask()), asyncio.run(ask())] == ["hello", "hello"]


def test_responses_api_gets_input(server):
    """With provider openai-responses the prompt goes as `input`, to the other path."""
    with connect(named(server), provider="openai-responses") as model:
        reply = model("hi", options={"max_output_tokens": 16})
        model(MESSAGES)
        events = list(model.stream("hi"))

    assert reply.output_text == "hello"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["hel", "lo"]
    assert {request.path for request in server.requests} == {"/v1/responses"}
    assert bodies(server) == [
        {"model": "m", "input": "hi", "max_output_tokens": 16},
        {"model": "m", "input": MESSAGES},
        {"model": "m", "input": "hi", "stream": True},
    ]


@pytest.mark.parametrize("retries", [0, 1])
def test_errors_are_not_retried_unless_asked_for(retries):
    """A request that fails is one request: the SDK's own retries are off by default."""
    with serve([], faults="http_409") as server:
        with connect(named(server), max_retries=retries) as model, pytest.raises(openai.ConflictError):
            model("hi")

        assert len(server.requests) == 1 + retries


def test_defaults_yield_to_options(server):
    """A default is sent, replaced by an option, and taken away by None."""
    endpoint = Endpoint(server.openai_url, "secret", direct=True)
    with OpenAIModel("m", endpoint, defaults={"temperature": 0}) as model:
        for options in (None, {"temperature": 1}, {"temperature": None}):
            model("hi", options=options)

    assert [body.get("temperature") for body in bodies(server)] == [0, 1, None]
    assert "secret" not in repr(model) + repr(endpoint)


@pytest.mark.parametrize("name", ["messages", "input", "stream"])
def test_options_of_ours_are_refused(server, name):
    """The prompt is no option."""
    with connect(named(server)) as model, pytest.raises(InvalidArgument) as caught:
        model("hi", options={name: 1})

    assert str(caught.value) == f"options[{name!r}]: schema_guard sets this option from the prompt. Remove it"


def test_closed_model_says_so(server):
    """A closed model opens nothing again, and closes what stands behind it once."""
    closed = []
    model = OpenAIModel("m", Endpoint(server.openai_url), on_close=lambda: closed.append(1))
    model.close()
    model.close()

    assert closed == [1]
    with pytest.raises(InvalidArgument, match=r"model 'm' is closed. Call connect\(\) again"):
        model("hi")
