"""Where a forced tool is refused the model may choose, and a reply in text is judged as text."""

import asyncio
import json

import pytest

from schema_guard import About, connect, guard
from schema_guard.models.providers import PROVIDERS
from schema_guard.providers.options import PROVIDER_OPTIONS, unforced
from schema_guard.testing import ScriptedModel, serve

openai = pytest.importorskip("openai", reason="needs the extra 'openai'")

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
TEXT = {"chunks": ['{"total"', ": 12}"], "finish_reason": "stop"}
CALL = {**TEXT, "finish_reason": "tool_call"}
PROSE = {**TEXT, "chunks": ["It is ", "12."]}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
CHAT_FORCE = {"type": "function", "function": {"name": "reply"}}
FORCE = {"type": "tool", "name": "reply", "disable_parallel_tool_use": True}
AUTO = {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("provider", "options", "model", "sent"),
    [
        ("anthropic", {}, "claude", FORCE),
        ("anthropic", {"thinking": {"type": "disabled"}}, "claude", FORCE),
        ("anthropic", THINKING, "claude", AUTO),
        ("anthropic", {"thinking": {"type": "adaptive"}}, None, AUTO),
        ("anthropic", {"extra_body": THINKING}, None, AUTO),
        ("anthropic", {}, "claude-opus-5-5-20260801", AUTO),
        ("anthropic", {}, "claude-opus-5-50", FORCE),
        ("deepseek", {}, None, "auto"),
        ("deepseek", {"extra_body": {"thinking": {"type": "enabled"}}}, None, "auto"),
        ("deepseek", {"extra_body": {"thinking": {"type": "disabled"}}}, None, CHAT_FORCE),
        ("openrouter", {"extra_body": {"reasoning": {"effort": "high"}}}, "anthropic/m", "auto"),
        ("openrouter", {"extra_body": {"reasoning": {"effort": "none"}}}, "anthropic/m", CHAT_FORCE),
        ("openrouter", {"extra_body": {"reasoning": {"effort": "high"}}}, "openai/m", CHAT_FORCE),
        ("openrouter", {}, "anthropic/claude-opus-5.5", "auto"),
        ("openai", {"reasoning_effort": "high"}, "m", CHAT_FORCE),
        ("vllm", {}, None, CHAT_FORCE),
        ("mistral", {}, "m", CHAT_FORCE),
    ],
)
def test_who_refuses_force_may_choose(provider, options, model, sent):
    """By what is asked beside the tool, and by the names of models that always refuse; nobody else."""
    force = FORCE if provider == "anthropic" else CHAT_FORCE
    values = {**options, "tool_choice": force}

    assert unforced(provider, values, model=model) == {**options, "tool_choice": sent}
    assert values["tool_choice"] is force


BEDROCK_FORCE = {"tools": [], "toolChoice": {"tool": {"name": "reply"}}}
BEDROCK_AUTO = {"tools": [], "toolChoice": {"auto": {}}}


@pytest.mark.parametrize(
    ("fields", "model", "sent"),
    [
        ({}, "us.anthropic.claude-opus-5-5-v1:0", BEDROCK_AUTO),
        (THINKING, "anthropic.claude", BEDROCK_AUTO),
        ({"reasoning_config": {"type": "enabled"}}, None, BEDROCK_AUTO),
        ({"thinking": {"type": "disabled"}}, "anthropic.claude", BEDROCK_FORCE),
        ({}, "anthropic.claude", BEDROCK_FORCE),
    ],
)
def test_a_choice_of_bedrock_stands_in_its_tools(fields, model, sent):
    """Claude refuses force there as in its own API, by what is asked of it and by its name."""
    values = {"toolConfig": BEDROCK_FORCE, "additionalModelRequestFields": fields}

    assert unforced("bedrock", values, model=model) == {**values, "toolConfig": sent}


@pytest.mark.parametrize("provider", PROVIDER_OPTIONS)
def test_what_is_not_forced_stays(provider):
    """A request without a tool, or whose model may choose already, goes as it is."""
    for options in ({}, {"tool_choice": "auto"}, {"tool_choice": {"type": "none"}}, THINKING):
        assert unforced(provider, options, model="claude-opus-5-5") == options


@pytest.fixture
def at(monkeypatch):
    """Connect the model of a provider to a server."""

    def connected(server, name, **more):
        pytest.importorskip("anthropic" if name == "anthropic" else "openai")
        root = server.url if name == "anthropic" else server.openai_url
        moved = {**PROVIDERS, name: PROVIDERS[name].moved(root)}
        monkeypatch.setattr("schema_guard.models.names.PROVIDERS", moved)
        return connect(f"{name}:m", key="k", **more)

    return connected


OPTIONS = {"anthropic": THINKING, "deepseek": None}


@pytest.mark.parametrize("way", ["outcome", "stream", "astream"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_reply_in_text_is_judged_as_text(at, name, way):
    """Prose fails and is corrected, JSON in text is the value, and the record tells which of them called the tool."""
    outcomes = []

    class Kept:
        def record(self, outcome, task):
            outcomes.append(outcome)

    async def astream(model):
        async with model:
            shown = guard(SCHEMA, strategy="tool_call", store=Kept())(model.astream)
            return [value async for value in shown.stream("hi")][-1]

    with serve(ScriptedModel([PROSE, TEXT, CALL], cycle=True)) as server:
        for _ in range(2):
            model = at(server, name, options=OPTIONS[name])
            if way == "astream":
                assert asyncio.run(astream(model)) == {"total": 12}
                continue
            with model:
                extract = guard(SCHEMA, strategy="tool_call", store=Kept())(
                    model if way == "outcome" else model.stream
                )
                value = extract("hi") if way == "outcome" else list(extract.stream("hi"))[-1]
                assert value == {"total": 12}
        choices = [request.body["tool_choice"] for request in server.requests]

    assert {json.dumps(choice) for choice in choices} == {
        json.dumps({"type": "auto"} if name == "anthropic" else "auto")
    }
    messages = [
        [(one.finish_reason, one.failure is None) for one in outcome.attempts] for outcome in outcomes
    ]
    assert messages == [[("stop", False), ("stop", True)], [("tool_call", True)]]


def test_a_function_of_ones_own_is_told_the_same():
    """By the options that a call gives, and by the model that the guard names."""
    with (
        serve(ScriptedModel([TEXT], cycle=True)) as server,
        openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0) as client,
    ):

        def ask(prompt, options=None):
            values = {"model": "m", "messages": [{"role": "user", "content": prompt}], **(options or {})}
            return client.chat.completions.create(**values)

        settings = {"strategy": "tool_call", "store": None}
        extract = guard(SCHEMA, provider="deepseek", **settings)(ask)
        extract("hi")
        extract("hi", options={"extra_body": {"thinking": {"type": "disabled"}}})
        guard(SCHEMA, provider="openrouter", about=About(model="anthropic/claude-opus-5.5"), **settings)(ask)(
            "hi"
        )
        guard(SCHEMA, provider="openrouter", about=About(model="m"), **settings)(ask)("hi")

        forced = [isinstance(request.body["tool_choice"], dict) for request in server.requests]

    assert forced == [False, True, False, True]
