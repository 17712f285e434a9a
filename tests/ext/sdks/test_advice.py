"""Each piece of advice for a value that guard cannot read is code that works with the real object."""

import asyncio
import dataclasses
import json
import re
from collections import UserDict
from importlib.util import find_spec

import pytest
from pydantic import BaseModel

from schema_guard import InvalidArgument, guard
from schema_guard.received.advice import advice_for
from tests.public.ext.sdks.case import GOOD, MODEL, VALID, VALUE, Invoice, serve_openai, turns

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Total(BaseModel):
    """A model with the fields of an invoice."""

    number: str
    total: float


@dataclasses.dataclass
class Result:
    """A result with the fields of an invoice."""

    number: str
    total: float


class Holder:
    """A result that holds the text."""

    def __init__(self, text):
        self.text = text


# The body of a function, in which `value` is what it would return, and RETURN the statement that returns.
CHAT = 'from openai import {0}\nclient = {0}(api_key="k", base_url=f"{{url}}/v1", max_retries=0)\n'
BODY = 'body = {"model": MODEL, "messages": turns(prompt)}\nendpoint = f"{url}/v1/chat/completions"\n'
AGENT = (
    "from pydantic_ai import Agent\n"
    "from pydantic_ai.models.openai import OpenAIChatModel\n"
    "from pydantic_ai.providers.openai import OpenAIProvider\n"
    'provider = OpenAIProvider(api_key="k", base_url=f"{url}/v1")\n'
    "agent = Agent(OpenAIChatModel(MODEL, provider=provider))\n"
)
RUNNER = (
    "from agents import Agent, OpenAIChatCompletionsModel, Runner, set_tracing_disabled\n"
    "from openai import AsyncOpenAI\n"
    "set_tracing_disabled(True)\n"
    'client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)\n'
    'agent = Agent("billing", model=OpenAIChatCompletionsModel(MODEL, client))\n'
)
STREAMED = "client.chat.completions.with_streaming_response.create(model=MODEL, messages=turns(prompt))"
CASES = {
    "a choice of openai": (
        "openai",
        "def",
        CHAT.format("OpenAI")
        + "value = client.chat.completions.create(model=MODEL, messages=turns(prompt)).choices[0]\nRETURN",
    ),
    "an unread response of openai": (
        "openai",
        "def",
        CHAT.format("OpenAI") + f"with {STREAMED} as value:\n    RETURN",
    ),
    "an unread asynchronous response of openai": (
        "openai",
        "async def",
        CHAT.format("AsyncOpenAI") + f"async with {STREAMED} as value:\n    RETURN",
    ),
    "an unread response of httpx": (
        "httpx",
        "def",
        BODY + 'import httpx\nwith httpx.stream("POST", endpoint, json=body) as value:\n    RETURN',
    ),
    "an unread asynchronous response of httpx": (
        "httpx",
        "async def",
        BODY + "import httpx\nasync with httpx.AsyncClient() as client:\n"
        '    async with client.stream("POST", endpoint, json=body) as value:\n        RETURN',
    ),
    "an unread response of requests": (
        "requests",
        "def",
        BODY + "import requests\nvalue = requests.post(endpoint, json=body, stream=True)\nRETURN",
    ),
    "a response of aiohttp": (
        "aiohttp",
        "async def",
        BODY + "import aiohttp\nasync with aiohttp.ClientSession() as client:\n"
        "    async with client.post(endpoint, json=body) as value:\n        RETURN",
    ),
    "a streamed run of pydantic-ai": (
        "pydantic_ai",
        "def",
        AGENT + "value = agent.run_stream_sync(prompt)\nRETURN",
    ),
    "an asynchronous streamed run of pydantic-ai": (
        "pydantic_ai",
        "async def",
        AGENT + "async with agent.run_stream(prompt) as value:\n    RETURN",
    ),
    "a run of pydantic-ai, step by step": (
        "pydantic_ai",
        "async def",
        AGENT
        + "async with agent.iter(prompt) as value:\n    async for _ in value:\n        pass\n    RETURN",
    ),
    "a stream of openai-agents that was not read": (
        "agents",
        "async def",
        RUNNER + "value = Runner.run_streamed(agent, prompt)\nRETURN",
    ),
    "another model": ("pydantic", "def", "value = Total.model_validate_json(GOOD)\nRETURN"),
    "a dataclass": ("pydantic", "def", "value = Result(**json.loads(GOOD))\nRETURN"),
    "a mapping": ("pydantic", "def", "value = UserDict(json.loads(GOOD))\nRETURN"),
    "an object with the text": ("pydantic", "def", "value = Holder(GOOD)\nRETURN"),
}
NAMES = {
    "GOOD": GOOD,
    "MODEL": MODEL,
    "Holder": Holder,
    "Result": Result,
    "Total": Total,
    "UserDict": UserDict,
    "advice_for": advice_for,
    "dataclasses": dataclasses,
    "json": json,
    "turns": turns,
}


def is_installed(module):
    package, _, part = module.partition(".")
    return find_spec(package) is not None and (not part or find_spec(module) is not None)


def function_of(url, kind, body, returned):
    lines = body.replace("RETURN", f"return {returned}").splitlines()
    names = {**NAMES, "url": url}
    exec(f"{kind} ask(prompt: str):\n" + "".join(f"    {line}\n" for line in lines), names)  # noqa: S102
    return names["ask"]


def called(function):
    result = function("Read this invoice.")
    return asyncio.run(result) if hasattr(type(result), "__await__") else result


@pytest.mark.parametrize("name", CASES)
def test_advice_works(name):
    """The function that returns what the advice says gives the value."""
    module, kind, body = CASES[name]
    if not is_installed(module):
        pytest.skip(f"{module} is not installed")
    with serve_openai(VALID) as server:
        advice = called(function_of(server.url, kind, body, "advice_for(value)"))
        assert advice is not None
        code = advice.replace("Return ", "return ").rpartition("return ")[2].replace("...", "value")
        code = code.rpartition("or ")[2].removesuffix(" of it")

        fixed = guard(Invoice, store=None)(function_of(server.url, kind, body, code))

        assert called(fixed) == VALUE


def test_list_of_a_tuple_is_a_value():
    """The advice for a tuple names `list`, which the schema of a list takes."""
    assert "list(...)" in advice_for((1, 2))
    value = (1, 2)
    assert guard(list[int], store=None)(lambda prompt: list(value))("t") == [1, 2]


@pytest.mark.parametrize(
    ("kind", "code"),
    [("StreamedRunResultSync", "value.get_output()"), ("StreamedRunResult", "await value.get_output()")],
)
def test_annotation_that_cannot_be_read_is_refused_before_a_call(kind, code):
    """The annotated class is known when the function is decorated, so no call is paid for."""
    result = pytest.importorskip("pydantic_ai.result")

    def ask(prompt: str):
        raise AssertionError("this call would be paid for")

    for annotation in (getattr(result, kind), kind, f"result.{kind}[Any, str]"):
        ask.__annotations__["return"] = annotation
        with pytest.raises(InvalidArgument, match=re.escape(f"Return {code} instead of this value")):
            guard(Invoice, store=None)(ask)
