"""Replies that are cut off are gone on with by models that are known to do so, in each server's own way."""

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path

import pytest

from schema_guard import About, GuardFailed, InvalidArgument, Limits, Message, connect, guard
from schema_guard.testing import ContinuingModel, ScriptedModel, serve

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}},
    "required": ["name", "lines"],
    "additionalProperties": False,
}
VALUE = {"name": "Anna Berg", "lines": [1, 22, 333, 4444]}
TEXT = json.dumps(VALUE)
SERVED = ("llamacpp", "vllm", "sglang", "deepseek", "mistral")
MARKS = {
    "llamacpp": ({}, {}),
    "vllm": ({}, {"continue_final_message": True, "add_generation_prompt": False}),
    "sglang": ({}, {"continue_final_message": True}),
    "deepseek": ({"prefix": True}, {}),
    "mistral": ({"prefix": True}, {}),
}
WAYS = ("__call__", "acall", "stream", "astream")


def forms(outcome):
    return [attempt.form or attempt.failure.code for attempt in outcome.attempts]


@cache
def probed(served):
    """Return the file of a probe that saw a server continue a reply."""
    results = {"verdict": "ignored", "requests": 1, "judged": 1, "kept": 0, "at_least": 0.0, "by_keyword": {}}
    made = {"format": 1, "made": "2026-11-27", "model": "m", "provider": served, "enforcement": results}
    path = Path(tempfile.mkdtemp(), "rules.json")
    path.write_text(json.dumps({**made, "keywords": None, "schema": None, "prefix": "continued"}))
    return path


def connected(server, served):
    if served == "mistral":
        pytest.importorskip("mistralai", reason="needs the extra 'mistral'")
        return connect(f"{server.mistral_url}#m", provider=served, rules=probed(served), key="k")
    return connect(f"{server.openai_url}#m", provider=served, rules=probed(served))


def outcome_of(way, ask, task):
    outcome = ask.outcome(task)
    return asyncio.run(outcome) if way in ("acall", "astream") else outcome


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("served", SERVED)
def test_a_server_is_asked_in_its_own_way(served, way):
    """The last message is what came so far, marked as the server wants it; the value is that of the whole text."""
    with (
        serve(ContinuingModel(TEXT, most_tokens=5, served=served)) as server,
        connected(server, served) as model,
    ):
        outcome = outcome_of(way, guard(SCHEMA, store=None)(getattr(model, way)), "List it.")
        bodies = [request.body for request in server.requests]

    fields, arguments = MARKS[served]
    assert (outcome.value, forms(outcome)) == (VALUE, ["max_tokens", "max_tokens", "resumed"])
    assert bodies[2]["messages"] == [
        *bodies[0]["messages"],
        {"role": "assistant", "content": TEXT[:40], **fields},
    ]
    assert {name: bodies[2].get(name) for name in arguments} == arguments
    assert not any(name in bodies[0] for name in arguments)


def test_a_server_that_was_not_probed_is_not_asked():
    """That a provider may do so is not enough: its server has to have been seen to."""
    with (
        serve(ContinuingModel(TEXT, most_tokens=5, served="vllm")) as server,
        connect(f"{server.openai_url}#m", provider="vllm") as model,
    ):
        outcome = guard(SCHEMA, store=None)(model).outcome("List it.")

    assert forms(outcome) == ["max_tokens"]


@pytest.mark.parametrize("served", ["openai", "anthropic"])
def test_a_server_that_does_otherwise_than_it_was_said_to_does_no_harm(served):
    """The call ends as it would have without: what begins anew is seen, and a refusal is no exception of the call."""
    model = ContinuingModel(TEXT, most_tokens=5, served=served)
    with serve(model) as server, connected(server, "llamacpp") as asked:
        outcome = guard(SCHEMA, store=None)(asked).outcome("List it.")

    second = {"openai": "max_tokens", "anthropic": "provider_error"}[served]
    assert (forms(outcome), outcome.failure.code) == (["max_tokens", second], "max_tokens")


def test_what_begins_anew_is_asked_for_in_the_usual_way():
    """Nothing is gone on with a second time."""
    replies = [TEXT[:20], TEXT.replace("Anna", "Eva"), TEXT]
    reasons = ["length", "stop", "stop"]
    script = [{"reply": one, "finish_reason": why} for one, why in zip(replies, reasons, strict=True)]
    model = ScriptedModel(script, provider="llamacpp", goes_on=True)

    outcome = guard(SCHEMA, store=None)(model).outcome("List it.")

    assert (outcome.value, forms(outcome)) == (VALUE, ["max_tokens", "malformed", "clean"])
    assert model.asked[2].prompt[-1]["role"] == "user"


def test_no_format_is_asked_for_when_a_reply_is_gone_on_with():
    """A grammar begins with the first token that is made, and would put a second document into the first."""
    with (
        serve(ContinuingModel(TEXT, most_tokens=9, served="vllm")) as server,
        connected(server, "vllm") as model,
    ):
        ask = guard(SCHEMA, strategy="strict_schema", store=None, limits=Limits(output_tokens=9))(model)
        outcome = ask.outcome("List it.")
        first, second = (request.body for request in server.requests)

    assert outcome.ok
    assert ("response_format" in first, "response_format" in second) == (True, False)
    assert (first["max_tokens"], second["max_tokens"]) == (9, 9)


def test_arguments_of_a_tool_are_not_gone_on_with():
    """They are no text of the reply."""
    model = ScriptedModel([TEXT], provider="vllm", goes_on=True)

    outcome = guard(SCHEMA, strategy="tool_call", store=None)(model).outcome("List it.")

    assert "goes_on" not in json.loads(outcome.call.settings)


def test_what_is_asked_for_in_another_form_is_not_gone_on_with():
    """Whether it may still become valid is known of the schema's own form alone."""
    model = ScriptedModel(['{"value": 1}'], provider="mistral", goes_on=True)

    outcome = guard({"type": "integer"}, strategy="strict_schema", store=None)(model).outcome("How many?")

    assert outcome.attempts[0].adapted is not None
    assert "goes_on" not in json.loads(outcome.call.settings)


def test_the_configuration_says_so():
    """With and without it are two configurations, and one attempt has no use for it."""
    model = ScriptedModel([TEXT] * 3, provider="llamacpp", goes_on=True)

    def said(**settings):
        outcome = guard(SCHEMA, store=None, **settings)(model).outcome("List it.")
        return json.loads(outcome.call.settings).get("goes_on")

    assert [said(), said(max_attempts=1), said(observe=True)] == [True, None, None]


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("served", ["llamacpp", "mistral"])
def test_growing_values_begin_with_what_came_before(served, way):
    """Also where the server gives the beginning again."""
    model = ContinuingModel(TEXT, most_tokens=8, served=served)
    ask = guard(SCHEMA, store=None)(getattr(model, way))

    async def collected():
        return [value async for value in ask.stream("List it.")]

    values = asyncio.run(collected()) if way == "astream" else list(ask.stream("List it."))

    assert values[-1] == VALUE
    names = [value["name"] for value in values if "name" in value]
    assert all("Anna Berg".startswith(name) for name in names)
    assert [value["lines"] for value in values if "lines" in value][-1] == VALUE["lines"]
    assert names[-2:] == ["Anna Berg"] * 2


def test_models_of_an_escalation_are_gone_on_with_by_the_last_alone():
    """Another model's reply is not its own."""
    first = ScriptedModel(
        [{"reply": '{"name": 1}', "finish_reason": "stop"}], provider="llamacpp", goes_on=True
    )
    last = ContinuingModel(TEXT, most_tokens=8)

    outcome = guard(SCHEMA, models=[first, last], max_attempts=4, store=None)(first).outcome("List it.")

    assert (outcome.ok, forms(outcome)) == (True, ["required", "max_tokens", "resumed"])


def test_a_list_of_messages_stays_the_callers():
    """What is sent is a new list."""
    task = [{"role": "system", "content": "s"}, {"role": "user", "content": "List it."}]
    before = json.dumps(task)

    outcome = guard(SCHEMA, store=None)(ContinuingModel(TEXT, most_tokens=8)).outcome(task)

    assert (outcome.ok, json.dumps(task)) == (True, before)
    assert outcome.attempts[1].prompt[-1] == Message("assistant", TEXT[:32])


# Functions of users.


def asking(server, received, **settings):
    import openai

    client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)

    @guard(SCHEMA, store=None, **settings)
    def ask(messages, options: dict | None = None):
        received.append(messages)
        return client.chat.completions.create(model="m", messages=messages, **(options or {}))

    return ask


@pytest.fixture
def rules(tmp_path):
    results = {"verdict": "ignored", "requests": 1, "judged": 1, "kept": 0, "at_least": 0.0, "by_keyword": {}}
    path = tmp_path / "rules.json"
    made = {"format": 1, "made": "2026-11-27", "model": "m", "provider": "vllm", "enforcement": results}
    path.write_text(json.dumps({**made, "keywords": None, "schema": None, "prefix": "continued"}))
    return path


def test_a_function_that_is_given_messages_goes_on_where_its_server_was_probed(rules):
    """It gets the beginning as the last message, and the server's arguments in its options."""
    received = []
    with serve(ContinuingModel(TEXT, most_tokens=8, served="vllm")) as server:
        ask = asking(server, received, provider="vllm", about=About(rules=rules))
        outcome = ask.outcome([{"role": "user", "content": "List it."}])
        body = server.requests[1].body

    assert (outcome.value, forms(outcome)) == (VALUE, ["max_tokens", "resumed"])
    assert received[1][-1] == {"role": "assistant", "content": TEXT[:32]}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_function_that_is_given_a_text_does_not(rules):
    """There is no place in it for what came so far."""
    prompts = []

    @guard(SCHEMA, store=None, provider="vllm", about=About(rules=rules))
    def ask(prompt: str, options: dict | None = None):
        prompts.append(prompt)
        return {"choices": [{"message": {"content": TEXT[:20]}, "finish_reason": "length"}], "model": "m"}

    assert (forms(ask.outcome("List it.")), len(prompts)) == (["max_tokens"], 1)


def test_rules_are_of_one_server(rules):
    """Without a provider nobody knows whose, and with several models not of which."""
    for settings in ({}, {"provider": "vllm", "models": ["a", "b"]}):
        with pytest.raises(InvalidArgument, match="expected with provider= and without models="):
            guard(SCHEMA, about=About(rules=rules), **settings)
    with pytest.raises(InvalidArgument, match="'vllm' was probed"):
        guard(SCHEMA, about=About(rules=rules), provider="mistral")


def test_attempts_that_did_not_suffice_to_go_on_are_told():
    """Where a reply was gone on with to the last attempt, more of them give the rest."""
    ask = guard(SCHEMA, store=None, max_attempts=2)(ContinuingModel(TEXT, most_tokens=5))

    with pytest.raises(GuardFailed, match=r"; to go on with it: max_attempts=4$"):
        ask("List it.")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"text": None}, "text=None: expected a str, the whole reply"),
        ({"most_tokens": 0}, "most_tokens=0: expected an int >= 1"),
        ({"most_tokens": True}, "most_tokens=True: expected an int >= 1"),
        ({"most_tokens": "5"}, "most_tokens='5': expected an int >= 1"),
        ({"served": "vlm"}, "served='vlm': expected one of"),
    ],
)
def test_a_model_that_cannot_be_played_is_refused(given, told):
    """Where it is made, and not by the reply that it would give."""
    with pytest.raises(InvalidArgument, match=f"^{told}"):
        ContinuingModel(**{"text": TEXT, "most_tokens": 5, **given})


@pytest.mark.parametrize(("max_tokens", "attempts"), [(4, 2), (1, 1)])
def test_a_budget_that_ended_the_going_on_is_told(max_tokens, attempts):
    """The message says what was spent, and asks for no longer reply, which would not have helped."""
    model = ContinuingModel(TEXT, most_tokens=2)
    extract = guard(SCHEMA, max_attempts=9, limits=Limits(max_tokens=max_tokens), store=None)(model)

    with pytest.raises(GuardFailed) as caught:
        extract("Anna's lines?")

    assert str(caught.value).splitlines()[-2:] == [
        f"  the limits ended the call before attempt {attempts + 1}: {2 * attempts} tokens of max_tokens={max_tokens} were spent",
        "  to see the reply: error.outcome.attempts[-1].reply",
    ]
