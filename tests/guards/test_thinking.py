"""Whether a model is asked to think is seen in the request, and stands in the configuration."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema_guard import guard, open_store
from schema_guard.guards.between import thinking_in
from schema_guard.models import connect
from schema_guard.report import report_on
from schema_guard.report.as_text import as_text
from schema_guard.report.recorded import document_of
from schema_guard.testing import ScriptedModel, serve
from schema_guard.thinking import thinking, thinking_of

SCHEMA = {"type": "object", "required": ["total"]}
TEXT = '{"total": 12}'
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
WITH_EFFORT = {"model": "m", "reasoning_effort": "low"}


def test_of_two_requests_that_say_different_things_nothing_is_told():
    """Which of them a function makes is not seen in its code."""

    def one(prompt):
        return ON, {"temperature": 0}

    def two(prompt):
        return ON, OFF

    assert (thinking_in(one), thinking_in(two)) == ("on", None)


@pytest.mark.parametrize(("options", "told"), ASKED.values(), ids=ASKED)
def test_each_provider_has_its_own_words_for_it(options, told):
    """On, off, or how much: as it was given."""
    assert thinking(options) == told


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["thinking", "extra_body", "reasoning", "type", "effort"]), inner
            )
        ),
        max_leaves=6,
    )
)
@example({"thinking": ""})
def test_anything_can_be_looked_at(options):
    """Whatever stands there, something is said of it or nothing, and of one call one of few things."""
    told = thinking(options, bounded=True)

    assert (told is None) == (thinking(options) is None)
    assert told is None or len(told) < 60


@pytest.mark.parametrize(
    "settings", [None, "", "{", "[]", '{"thinking": 3}', '{"thinking": [3]}', "[" * 100_000]
)
def test_any_settings_can_be_read(settings):
    """Settings come out of stores, and may be anything."""
    assert thinking_of(settings) == ()


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
        told = [settings_of(ask.outcome("hi", options=given)) for given in (None, OFF, None)]

    assert told == ["on", "off", "on"]


def test_models_that_are_asked_in_turn_are_told_apart():
    """Each of them has its own word, in their order."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with serve(ScriptedModel([TEXT], cycle=True)) as server:
        url = f"{server.openai_url}#m"
        with connect(url) as plain, connect(url, options=ON) as thinks:
            outcome = guard(SCHEMA, store=None, models=[plain, thinks])(plain).outcome("hi")

    assert settings_of(outcome) == [None, "on"]


def reads_a_name(prompt, options=None):
    return TEXT if WITH_EFFORT else None


def says_nothing(prompt, options=None):
    return TEXT


def test_what_a_function_reads_by_a_name_is_told():
    """Arguments in a name of its module are seen; of one that reads none nothing is said, but what a call gives."""
    assert settings_of(guard(SCHEMA, store=None)(reads_a_name).outcome("hi")) == "low"
    ask = guard(SCHEMA, store=None)(says_nothing)
    assert [settings_of(ask.outcome("hi", options=one)) for one in (None, ON)] == [None, "on"]


def test_budgets_of_calls_are_few_configurations():
    """A budget that each call has of its own is told up to a power of two."""
    ask = guard(SCHEMA, store=None)(says_nothing)
    budgets = [{"thinking": {"type": "enabled", "budget_tokens": one}} for one in range(1025, 1035)]

    assert {settings_of(ask.outcome("hi", options=one)) for one in budgets} == {"up to 2048 tokens"}


def test_two_configurations_that_differ_in_it_are_told_apart(tmp_path):
    """The report has a row for each; reasoning tokens that no option asks for are said."""
    reply = {"choices": [{"message": {"content": TEXT}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}}
    with open_store(str(tmp_path / "r.db")) as store:
        ask = guard(SCHEMA, store=store, name="ask")(lambda prompt, options=None: {**reply, "usage": usage})
        ask("hi")
        ask("hi", options=ON)
        store.flush()
        report = report_on(store)

    assert {thinking_of(one.settings) for one in report.configurations} == {(), ("on",)}
    text = " ".join(as_text(document_of(report)).split())
    assert text.count("thought: 5 tokens of those out, though no option that was seen asks for it") == 1
    assert text.count("thought: 5 tokens of those out") == 2
