"""Turns that are asked for again, through the providers' own packages, to a server that refuses what providers refuse.

Where a package is not installed its cases are skipped.
"""

import asyncio
import json

import pytest

from schema_guard import guard_tools, judge_calls
from schema_guard.testing import serve
from tests.public.ext.calls.tools.shop import TRACK, Kept

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

MODEL, NAME = "model-x", "track_parcel"
USER = [{"role": "user", "content": "Where is it?"}]
GOOD, EMPTY = json.dumps({"parcel": "A"}), "{}"
CHAT = [{"type": "function", "function": {"name": NAME, "parameters": TRACK}}]
RESPONSES = [{"type": "function", "name": NAME, "parameters": TRACK, "strict": False}]
ANTHROPIC = [{"name": NAME, "input_schema": TRACK}]


def openai_chat(url):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return CHAT, USER, lambda m: client.chat.completions.create(model=MODEL, messages=m, tools=CHAT)


def openai_chat_async(url):
    openai = pytest.importorskip("openai")
    client = openai.AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return CHAT, USER, lambda m: client.chat.completions.create(model=MODEL, messages=m, tools=CHAT)


def openai_raw(url):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    create = client.chat.completions.with_raw_response.create
    return CHAT, USER, lambda m: create(model=MODEL, messages=m, tools=CHAT)


def openai_responses(url):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return RESPONSES, USER, lambda m: client.responses.create(model=MODEL, input=m, tools=RESPONSES)


def anthropic_messages(url):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)
    create = client.messages.create
    return ANTHROPIC, USER, lambda m: create(model=MODEL, max_tokens=99, messages=m, tools=ANTHROPIC)


def anthropic_async(url):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.AsyncAnthropic(api_key="k", base_url=url, max_retries=0)
    create = client.messages.create
    return ANTHROPIC, USER, lambda m: create(model=MODEL, max_tokens=99, messages=m, tools=ANTHROPIC)


def google_genai(url):
    genai = pytest.importorskip("google.genai")
    types = genai.types
    client = genai.Client(api_key="k", http_options={"base_url": url})
    declared = types.FunctionDeclaration(
        name=NAME,
        parameters=types.Schema(
            type=types.Type.OBJECT,
            properties={"parcel": types.Schema(type=types.Type.STRING)},
            required=["parcel"],
        ),
    )
    tools = [types.Tool(function_declarations=[declared])]
    config = types.GenerateContentConfig(tools=tools)
    user = [types.Content(role="user", parts=[types.Part(text="Where is it?")])]
    return tools, user, lambda m: client.models.generate_content(model=MODEL, contents=m, config=config)


def langchain_openai(url):
    package = pytest.importorskip("langchain_openai")
    model = package.ChatOpenAI(model=MODEL, api_key="k", base_url=f"{url}/v1", max_retries=0)
    return CHAT, [("human", "Where is it?")], model.bind_tools(CHAT).invoke


def langchain_anthropic(url):
    package = pytest.importorskip("langchain_anthropic")
    model = package.ChatAnthropic(model=MODEL, api_key="k", base_url=url, max_retries=0)
    return ANTHROPIC, [("human", "Where is it?")], model.bind_tools(ANTHROPIC).invoke


def litellm(url):
    package = pytest.importorskip("litellm")
    asked = {"model": f"openai/{MODEL}", "api_key": "k", "api_base": f"{url}/v1", "num_retries": 0}
    return CHAT, USER, lambda m: package.completion(messages=m, tools=CHAT, **asked)


PACKAGES = [
    openai_chat,
    openai_chat_async,
    openai_raw,
    openai_responses,
    anthropic_messages,
    anthropic_async,
    google_genai,
    langchain_openai,
    langchain_anthropic,
    litellm,
]
FAULTS = {
    "a missing argument": (EMPTY, None, (NAME, "required")),
    "two calls that lack it": (EMPTY, "parallel_calls", (NAME, "required")),
    "an unknown tool": (GOOD, "wrong_tool", (f"not_{NAME}", "unknown_tool")),
    "a call that was cut off": (GOOD, "half_tool_call", (NAME, "max_tokens")),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("package", PACKAGES)
def test_a_turn_is_repaired_through_the_package(package, fault):
    """The package and the server take the second request, and each call is recorded as what it was."""
    text, planted, answer = FAULTS[fault]
    replies = [{"reply": shown, "finish_reason": "tool_call"} for shown in (text, GOOD)]
    again = "parallel_calls" if planted == "parallel_calls" else None
    stored = Kept()
    with serve(replies, faults=[planted, again]) as server:
        tools, messages, ask = package(server.url)
        turn = guard_tools(
            tools, max_attempts=2, store=stored, name="agent", version="1", messages="messages"
        )(named(ask))
        value = turn(messages)
        value = asyncio.run(settled(value)) if hasattr(value, "__await__") else value

    count = 2 if again else 1
    assert stored.told == [(answer[0], True, [answer[1]])] * count
    assert [one.ok for one in judge_calls(value, tools)] == [True] * count


def named(ask):
    def turn(messages):
        return ask(messages)

    return turn


async def settled(awaitable):
    return await awaitable


@pytest.mark.parametrize("package", [google_genai])
def test_a_call_that_the_provider_threw_away_is_made_again(package):
    """Gemini says that it could not use what the model wrote: the turn is asked for again in words."""
    replies = [{"reply": GOOD, "finish_reason": "tool_call"}] * 2
    stored = Kept()
    with serve(replies, faults=["malformed_call"]) as server:
        tools, messages, ask = package(server.url)
        guard_tools(tools, max_attempts=2, store=stored, name="agent")(named(ask))(messages)

    assert stored.told == [("(no name)", True, ["provider_rejected"])]


def streamed_chat(url):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return CHAT, lambda m: client.chat.completions.create(model=MODEL, messages=m, tools=CHAT, stream=True)


def streamed_responses(url):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return RESPONSES, lambda m: client.responses.create(model=MODEL, input=m, tools=RESPONSES, stream=True)


def streamed_anthropic(url):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)
    asked = {"model": MODEL, "max_tokens": 99, "tools": ANTHROPIC, "stream": True}
    return ANTHROPIC, lambda m: client.messages.create(messages=m, **asked)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("package", [streamed_chat, streamed_responses, streamed_anthropic])
def test_streams_of_the_package_are_observed(package, fault):
    """Each call of a stream is judged at its end as it is in a whole reply."""
    text, planted, shown = FAULTS[fault]
    stored = Kept()
    with serve([{"reply": text, "finish_reason": "tool_call"}], faults=[planted]) as server:
        tools, ask = package(server.url)
        list(guard_tools(tools, observe=True, store=stored, name="agent")(named(ask))(USER))

    assert stored.told == [(shown[0], False, [shown[1]])] * (2 if planted == "parallel_calls" else 1)
