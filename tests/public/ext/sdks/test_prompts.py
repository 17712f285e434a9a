"""Facts about lists of messages in each SDK's own form: what is sent of them is what the provider takes.

The server refuses what the real one refuses, so a call that is asked again and comes out says that both prompts were
valid. What is not installed is skipped.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import pytest

from schema_guard import Params, guard
from schema_guard.testing import serve
from tests.public.calls.functions import BAD, GOOD, TOTAL, VALUE

PNG = base64.b64encode(b"\x89PNG").decode()
URL = f"data:image/png;base64,{PNG}"
EXAMPLE = ("What is nothing?", {"total": 0})


class Asked(NamedTuple):
    """What came to the server in a call that was asked again.

    Attributes:
        before: The messages of the first request.
        after: Those of the second.
    """

    before: list[Any]
    after: list[Any]

    @property
    def added(self) -> list[Any]:
        assert self.after[: len(self.before)] == self.before
        return self.after[len(self.before) :]


def asked(make, elements: list[Any], key: str, **settings: Any) -> Asked:
    """Make a guarded call with a bad reply and a good one."""
    with serve([BAD, GOOD]) as server:
        assert guard(TOTAL, store=None, **settings)(make(server))(elements) == VALUE
        before, after = [request.body[key] for request in server.requests]
    return Asked(before, after)


def shown(content: Any) -> str:
    """All that a content says."""
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


strategies = pytest.mark.parametrize(
    "settings", [{}, {"strategy": "few_shot", "examples": [EXAMPLE]}], ids=["text", "examples"]
)


# OpenAI's Chat Completions.


def chat(server):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)

    def ask(messages: list[Any]):
        return client.chat.completions.create(model="m", messages=messages)

    return ask


def assistant_message():
    types = pytest.importorskip("openai.types.chat")
    call = {"id": "c1", "type": "function", "function": {"name": "n", "arguments": "{}"}}
    return types.ChatCompletionMessage.model_validate(
        {"role": "assistant", "content": None, "tool_calls": [call]}
    )


CHATS = {
    "plain": lambda: [{"role": "user", "content": "t"}],
    "system": lambda: [{"role": "system", "content": "s"}, {"role": "user", "content": "t"}],
    "developer of parts": lambda: [
        {"role": "developer", "content": [{"type": "text", "text": "s"}]},
        {"role": "user", "content": "t"},
    ],
    "image": lambda: [
        {
            "role": "user",
            "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": URL}}],
        }
    ],
    "a reply's own message and a tool's": lambda: [
        {"role": "user", "content": "t"},
        assistant_message(),
        {"role": "tool", "tool_call_id": "c1", "content": "r"},
    ],
}


@strategies
@pytest.mark.parametrize("name", CHATS)
def test_chat_completions(name, settings):
    """OpenAI's messages are asked again in its roles, tool turns and objects of the SDK included."""
    got = asked(chat, CHATS[name](), "messages", **settings)

    assert [message["role"] for message in got.added] == ["assistant", "user"]
    first = next(message for message in got.before if message["role"] in ("system", "developer", "user"))
    assert "JSON Schema" in shown(first["content"])


# OpenAI's Responses.


def responses(server):
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)

    def ask(messages: list[Any]):
        return client.responses.create(model="m", input=messages)

    return ask


def output_items():
    types = pytest.importorskip("openai.types.responses")
    return [
        types.ResponseReasoningItem(type="reasoning", id="r1", summary=[]),
        types.ResponseFunctionToolCall(type="function_call", call_id="c1", name="n", arguments="{}"),
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
    ]


ITEMS = {
    "plain": lambda: [{"role": "user", "content": "t"}],
    "parts": lambda: [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": URL}],
        }
    ],
    "objects of an earlier reply": lambda: [{"role": "user", "content": "t"}, *output_items()],
    "a message and a tool's output": lambda: [
        {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "call_id": "c1", "name": "n", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "r"},
    ],
}


@strategies
@pytest.mark.parametrize("provider", [None, "openai-responses"])
@pytest.mark.parametrize("name", ITEMS)
def test_responses(name, provider, settings):
    """Items of the Responses API are asked again, those without a role too."""
    got = asked(responses, ITEMS[name](), "input", provider=provider, **settings)

    assert [item["role"] for item in got.added] == ["assistant", "user"]
    assert "JSON Schema" in shown(got.before[0]["content"])


# Anthropic's Messages.


def anthropic_messages(server):
    anthropic = pytest.importorskip("anthropic")
    client = anthropic.Anthropic(api_key="k", base_url=server.anthropic_url, max_retries=0)

    def ask(messages: list[Any]):
        return client.messages.create(model="m", max_tokens=99, messages=messages)

    return ask


def blocks():
    types = pytest.importorskip("anthropic.types")
    return [
        types.TextBlock(type="text", text="a"),
        types.ToolUseBlock(type="tool_use", id="t1", name="n", input={}),
    ]


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "r"}
TURNS = {
    "plain": lambda: [{"role": "user", "content": "t"}],
    "image": lambda: [{"role": "user", "content": [IMAGE, {"type": "text", "text": "t"}]}],
    "a conversation": lambda: [
        {"role": "user", "content": "t"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "u"},
    ],
    "blocks of an earlier reply": lambda: [
        {"role": "user", "content": "t"},
        {"role": "assistant", "content": blocks()},
        {"role": "user", "content": [RESULT]},
    ],
    "a result and a text": lambda: [
        {"role": "user", "content": [{"type": "text", "text": "t"}]},
        {"role": "assistant", "content": blocks()},
        {"role": "user", "content": [RESULT, {"type": "text", "text": "u"}]},
    ],
    "what it has begun": lambda: [{"role": "user", "content": "t"}, {"role": "assistant", "content": "{"}],
}


@strategies
@pytest.mark.parametrize("name", TURNS)
def test_anthropic_messages(name, settings):
    """Anthropic's messages are asked again in its two roles: it refuses a system message among them."""
    got = asked(anthropic_messages, TURNS[name](), "messages", **settings)

    assert [message["role"] for message in got.added] == ["assistant", "user"]
    assert "JSON Schema" in shown(got.before[0]["content"])


# Gemini's contents.


def contents(server):
    genai = pytest.importorskip("google.genai")
    client = genai.Client(api_key="k", http_options={"base_url": server.google_url})

    def ask(contents: list[Any]):
        return client.models.generate_content(model="m", contents=contents)

    return ask


def genai_types():
    return pytest.importorskip("google.genai.types")


def part(**said: Any) -> Any:
    return genai_types().Part(**said)


def content(role: str | None, *parts: Any) -> Any:
    return genai_types().Content(role=role, parts=list(parts))


def picture() -> Any:
    return genai_types().Part.from_bytes(data=b"\x89PNG", mime_type="image/png")


GEMINI = {
    "texts": lambda: ["t", "u"],
    "an image and a text": lambda: [picture(), "t"],
    "a list in the list": lambda: [[picture(), "t"]],
    "parts": lambda: [part(text="t"), {"text": "u"}],
    "dicts": lambda: [
        {"role": "user", "parts": [{"text": "t"}]},
        {"role": "model", "parts": [{"text": "a"}]},
        {"role": "user", "parts": [{"text": "u"}]},
    ],
    "objects": lambda: [
        content("user", part(text="t")),
        content("model", part(text="a")),
        content("user", part(text="u")),
    ],
    "the SDK's own user content": lambda: [genai_types().UserContent(parts=[part(text="t")])],
    "no role": lambda: [content(None, part(text="t"))],
    "calls of a function": lambda: [
        content("user", part(text="t")),
        content("model", genai_types().Part.from_function_call(name="n", args={})),
        content("user", genai_types().Part.from_function_response(name="n", response={"r": 1})),
    ],
    "an object and a text": lambda: [content("user", part(text="t")), content("model", part(text="a")), "u"],
}


@strategies
@pytest.mark.parametrize("name", GEMINI)
def test_gemini_contents(name, settings):
    """Gemini's contents are asked again in its two roles, in the order in which they were given."""
    got = asked(contents, GEMINI[name](), "contents", params=Params(prompt="contents"), **settings)

    assert [content["role"] for content in got.added] == ["model", "user"]
    assert [shown(content["parts"])[:10] for content in got.added] == [BAD[:10], "Your last "]
    assert "JSON Schema" in shown(got.before[0]["parts"])


# LangChain's messages.


def langchain_openai(server):
    package = pytest.importorskip("langchain_openai")
    model = package.ChatOpenAI(model="m", api_key="k", base_url=server.openai_url, max_retries=0)

    def ask(messages: list[Any]):
        return model.invoke(messages).content

    return ask


def langchain_anthropic(server):
    package = pytest.importorskip("langchain_anthropic")
    model = package.ChatAnthropic(
        model="m", api_key="k", base_url=server.anthropic_url, max_retries=0, max_tokens=99
    )

    def ask(messages: list[Any]):
        return model.invoke(messages).content

    return ask


def spoken(kind: str, *args: Any, **fields: Any) -> Any:
    return getattr(pytest.importorskip("langchain_core.messages"), kind)(*args, **fields)


LANGCHAIN = {
    "human": lambda: [spoken("HumanMessage", "t")],
    "system": lambda: [spoken("SystemMessage", "s"), spoken("HumanMessage", "t")],
    "pairs": lambda: [("system", "s"), ("human", "t"), ("ai", "a"), ("human", "u")],
    "pairs without a system": lambda: [("user", "t")],
    "texts": lambda: ["t", spoken("AIMessage", "a"), "u"],
    "image": lambda: [
        spoken(
            "HumanMessage", [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": URL}}]
        )
    ],
    "a tool's message": lambda: [
        spoken("HumanMessage", "t"),
        spoken("AIMessage", "", tool_calls=[{"id": "c1", "name": "n", "args": {}}]),
        spoken("ToolMessage", "r", tool_call_id="c1"),
    ],
}


@pytest.mark.slow
@strategies
@pytest.mark.parametrize("make", [langchain_openai, langchain_anthropic])
@pytest.mark.parametrize("name", LANGCHAIN)
def test_langchain_messages(name, make, settings):
    """LangChain's messages are asked again as messages of LangChain's, which it sends to any provider."""
    got = asked(make, LANGCHAIN[name](), "messages", **settings)

    assert [message["role"] for message in got.added] == ["assistant", "user"]
