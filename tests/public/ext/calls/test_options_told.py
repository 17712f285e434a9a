"""Options that repair replies or make a model think are recorded with the call."""

import json
from types import SimpleNamespace

import pytest

from schema_guard import connect, guard
from schema_guard.testing import ScriptedModel, serve

SCHEMA = {"type": "object", "required": ["total"]}


TEXT = '{"total": 12}'


REPAIRING = {"extra_body": {"plugins": [{"id": "response-healing"}]}}


def plain(prompt, options=None):
    return TEXT


def by_default(prompt, options=REPAIRING):
    return TEXT


def test_options_by_default_are_recorded():
    """The default of the parameter `options` counts as the options of a call."""
    outcome = guard(SCHEMA, store=None)(by_default).outcome("hi")

    assert json.loads(outcome.call.settings)["gateway_repaired"] == ["response-healing"]
    assert [attempt.gateway_repaired for attempt in outcome.attempts] == [True]


def test_what_a_call_gives_is_of_that_call_alone():
    """Options of one call make it one of another configuration; the next is as before."""
    ask = guard(SCHEMA, store=None)(plain)
    repaired, before = ask.outcome("hi", options=REPAIRING), ask.outcome("hi")

    assert (
        json.loads(repaired.call.settings)["gateway_repaired"],
        repaired.attempts[0].gateway_repaired,
    ) == (
        ["response-healing"],
        True,
    )
    assert (
        json.loads(before.call.settings).get("gateway_repaired"),
        before.attempts[0].gateway_repaired,
    ) == (None, False)


def test_options_of_a_model_are_seen():
    """What `connect` was given goes out with each request, and is told."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with serve(ScriptedModel([TEXT], cycle=True)) as server:
        with connect(f"{server.openai_url}#m", options=REPAIRING, max_retries=1) as model:
            outcome = guard(SCHEMA, store=None)(model).outcome("hi")

        assert server.requests[0].body["plugins"] == [{"id": "response-healing"}]
    document = json.loads(outcome.call.settings)
    assert (document["gateway_repaired"], document["max_retries"], outcome.attempts[0].gateway_repaired) == (
        ["response-healing"],
        1,
        True,
    )


ON = {"extra_body": {"enable_thinking": True}}


OFF = {"extra_body": {"enable_thinking": False}}


ASKED = {
    "anthropic": ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "1024 tokens"),
    "anthropic, by itself": ({"thinking": {"type": "adaptive"}}, "adaptive"),
    "anthropic, effort": ({"output_config": {"effort": "low", "format": {"type": "json_schema"}}}, "low"),
    "anthropic, off": ({"thinking": {"type": "disabled"}}, "off"),
    "format alone": ({"output_config": {"format": {"type": "json_schema"}}}, None),
    "gemini, budget": ({"config": {"thinking_config": {"thinking_budget": 512}}}, "512 tokens"),
    "gemini, by itself": ({"config": {"thinking_config": {"thinking_budget": -1}}}, "on"),
    "gemini, off": ({"config": {"thinking_config": SimpleNamespace(thinking_budget=0)}}, "off"),
    "gemini, level": ({"config": {"thinking_config": {"thinking_level": "LOW"}}}, "low"),
    "gemini, what it shows": ({"config": {"thinking_config": {"include_thoughts": True}}}, None),
    "openai": ({"reasoning_effort": "high"}, "high"),
    "openai, none": ({"reasoning_effort": "none"}, "off"),
    "responses": ({"reasoning": {"effort": "minimal", "summary": "auto"}}, "minimal"),
    "openrouter": ({"extra_body": {"reasoning": {"max_tokens": 2000}}}, "2000 tokens"),
    "openrouter, off": ({"extra_body": {"reasoning": {"enabled": False}}}, "off"),
    "deepseek": ({"extra_body": {"thinking": {"type": "enabled"}}}, "on"),
    "qwen": (OFF, "off"),
    "qwen, budget": ({"extra_body": {"enable_thinking": True, "thinking_budget": 99}}, "99 tokens"),
    "vllm": ({"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}, "off"),
    "ollama": ({"think": True}, "on"),
    "bedrock": ({"additionalModelRequestFields": {"reasoning_config": {"type": "enabled"}}}, "on"),
    "cohere": ({"thinking": {"type": "enabled", "token_budget": 64}}, "64 tokens"),
    "pydantic-ai": ({"openai_reasoning_effort": "low", "google_thinking_config": None}, "low"),
    "nothing": ({"temperature": 0}, None),
}


def settings_of(outcome):
    return json.loads(outcome.call.settings).get("thinking")


def test_options_of_a_model_are_told():
    """What `connect` was given is a part of the settings; what a call gives goes before it, for that call alone."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with (
        serve(ScriptedModel([TEXT], cycle=True)) as server,
        connect(f"{server.openai_url}#m", options=ON) as model,
    ):
        ask = guard(SCHEMA, store=None)(model)
        messages = [settings_of(ask.outcome("hi", options=value)) for value in (None, OFF, None)]

    assert messages == ["on", "off", "on"]


def test_models_that_are_asked_in_turn_are_told_apart():
    """Each of them has its own word, in their order."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with serve(ScriptedModel([TEXT], cycle=True)) as server:
        url = f"{server.openai_url}#m"
        with connect(url) as plain, connect(url, options=ON) as thinks:
            outcome = guard(SCHEMA, store=None, models=[plain, thinks])(plain).outcome("hi")

    assert settings_of(outcome) == [None, "on"]


def says_nothing(prompt, options=None):
    return TEXT


def test_budgets_of_calls_are_few_configurations():
    """A budget that each call has of its own is told up to a power of two."""
    ask = guard(SCHEMA, store=None)(says_nothing)
    budgets = [{"thinking": {"type": "enabled", "budget_tokens": one}} for one in range(1025, 1035)]

    assert {settings_of(ask.outcome("hi", options=one)) for one in budgets} == {"up to 2048 tokens"}


@pytest.mark.parametrize(("options", "thinking"), ASKED.values(), ids=ASKED)
def test_thinking_is_recorded_for_every_provider(options, thinking):
    """The options of a call decide its thinking. A budget is rounded up to a power of two."""
    ask = guard(SCHEMA, store=None, name="says_nothing")(says_nothing)
    bounded = {"1024 tokens": "up to 1024 tokens", "512 tokens": "up to 512 tokens", "2000 tokens": "up to 2048 tokens",
               "99 tokens": "up to 128 tokens", "64 tokens": "up to 64 tokens"}  # fmt: skip

    assert settings_of(ask.outcome("hi", options=options)) == bounded.get(thinking, thinking)
