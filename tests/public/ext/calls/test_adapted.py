"""Schemas in the form that a provider takes, the replies to them, and the records of both."""

import json
import logging

import openai
import pytest
from pydantic import BaseModel

from benchmarks.provider_refusals import refuse
from schema_guard import About, guard, open_store
from schema_guard.testing import ScriptedModel, serve


class Order(BaseModel):
    """A model as users write it: what is optional has a default, and there is a mapping."""

    team: str
    note: str | None = None
    counts: dict[str, int] = {}


GOOD = '{"team": "a", "note": null, "counts": [{"key": "x", "value": 2}]}'
BAD = '{"team": "a", "note": null, "counts": [{"key": "x", "value": "two"}]}'
VALUE = Order(team="a", counts={"x": 2})


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def guarded(replies, heard=None, schema=Order, **settings):
    """A function whose provider's arguments and prompts are kept, and whose model gives these replies."""
    left = iter(replies)

    @guard(schema, **{"provider": "openai", "strategy": "strict_schema", "store": None, **settings})
    def function(prompt: str, options: dict | None = None):
        if heard is not None:
            heard.append((prompt, options))
        return next(left)

    return function


def test_a_value_comes_back_in_the_users_own_type():
    """What was sent as nullable and as pairs is optional and a mapping again."""
    assert guarded([GOOD])("t") == VALUE


def test_the_server_takes_what_a_guard_sends():
    """A server that refuses as the provider does refuses the user's schema, and takes the one that is sent."""
    with serve([GOOD], faults=refuse) as server:
        client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
        messages = [{"role": "user", "content": "t"}]
        own = {"name": "Order", "strict": True, "schema": Order.model_json_schema()}
        with client, pytest.raises(openai.BadRequestError):
            client.chat.completions.create(
                model="m", messages=messages, response_format={"type": "json_schema", "json_schema": own}
            )

        @guard(Order, provider="openai", strategy="strict_schema", store=None)
        def extract(prompt: str, options: dict):
            return client.chat.completions.create(model="m", messages=messages, **options)

        client = openai.OpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
        with client:
            assert extract("t") == VALUE


def test_the_prompt_shows_the_form_that_is_sent():
    """The model reads the schema that the engine enforces."""
    heard = []

    guarded([GOOD], heard)("t")

    ((prompt, options),) = heard
    sent = options["response_format"]["json_schema"]["schema"]
    assert json.dumps(sent, separators=(",", ":")) in prompt


def test_a_correction_has_the_places_of_the_form_that_was_sent():
    """The model is told of the reply as it wrote it."""
    heard = []

    guarded([BAD, GOOD], heard)("t")

    assert "At /counts/0/value: expected integer, got string" in heard[1][0]


def test_a_failure_has_the_places_of_the_users_schema():
    """Who calls reads places of the schema that they wrote."""
    outcome = guarded([BAD], max_attempts=1).outcome("t")

    assert [v.instance_location for v in outcome.failure.violations] == ["/counts/x"]


def test_a_reply_in_the_users_own_form_is_valid_too():
    """Servers that ignore what they are sent are judged by the user's schema all the same."""
    assert guarded(['{"team": "a", "counts": {"x": 2}}'])("t") == VALUE


def test_a_value_that_the_function_parsed_is_restored():
    """A function that parses by itself gives the form that was sent."""
    assert guarded([json.loads(GOOD)])("t") == VALUE


def test_growing_values_have_the_users_form():
    """The values of a stream are restored while they arrive."""
    values = list(guarded([iter([GOOD[:-2], GOOD[-2:]])]).stream("t"))

    assert values[-2:] == [{"team": "a", "note": None, "counts": {"x": 2}}, VALUE]


def test_an_attempt_says_what_was_sent():
    """Its provider, the fingerprint, and what is not enforced or cannot be given there."""
    (attempt,) = (
        guarded([GOOD], schema={"type": "object", "properties": {"a": {"not": {"const": 1}}}})
        .outcome("t")
        .attempts
    )

    assert attempt.provider == "openai"
    assert attempt.adapted.relaxed == ("/properties/a/not",)


def test_what_is_sent_is_part_of_the_configuration(store):
    """Records of a schema that was relaxed are no records of another one."""
    guarded([GOOD], store=store)("t")

    (row,) = store.attempts()
    sent = json.loads(row["settings"])["sent"]["openai"]
    assert row["adapted"] == 1
    assert len(sent["fingerprint"]) == 16


def test_a_schema_that_is_taken_goes_out_as_it_is(store):
    """Nothing is adapted, and nothing said."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    heard = []

    guarded(['{"a": 1}'], heard, schema=schema, store=store)("t")

    (row,) = store.attempts()
    assert heard[0][1]["response_format"]["json_schema"]["schema"] == schema
    assert (row["adapted"], "sent" in json.loads(row["settings"])) == (0, False)


def test_what_cannot_be_sent_is_asked_for_in_the_strongest_way_left(store, caplog):
    """It is recorded as what it is, and said once."""
    caplog.set_level(logging.WARNING, "schema_guard")
    heard = []

    guarded(["1"], heard, schema={"not": {}}, store=store, max_attempts=1, on_failure="return")("t")

    (row,) = store.attempts()
    assert row["strategies"] == row["strategy"] == "json_mode"
    assert heard[0][1] == {"response_format": {"type": "json_object"}}
    assert ["'json_mode' instead" in one.getMessage() for one in caplog.records] == [True]


def test_each_model_of_an_escalation_has_its_own_form():
    """Two providers take two forms: attempts tell them apart."""
    small, large = (
        ScriptedModel([BAD], name="s", provider="openai"),
        ScriptedModel(['{"team": "a", "counts": {"x": 2}}'], name="l", provider="llamacpp-llguidance"),
    )
    outcome = guard(Order, models=[small, large], strategy="strict_schema", store=None)(small).outcome("t")

    assert [(one.provider, one.adapted is None) for one in outcome.attempts] == [
        ("openai", False),
        ("llamacpp-llguidance", True),
    ]


def test_a_tuned_model_is_sent_what_tuned_models_take():
    """Of OpenAI's models those that were tuned take fewer keywords."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "^a"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    sent = []
    for tuned in (False, True):
        heard = []
        guarded(['{"a": "a"}'], heard, schema=schema, about=About(tuned=tuned))("t")
        sent.append(heard[0][1]["response_format"]["json_schema"]["schema"]["properties"]["a"])

    assert ["pattern" in one for one in sent] == [True, False]


@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic", "gemini", "vllm"])
def test_the_arguments_of_a_tool_are_an_object(provider):
    """A list goes inside of one, whatever the provider takes for a reply, and comes back as it was."""
    heard = []

    value = guarded(
        ['{"value": [1, 2]}'], heard, schema={"type": "array"}, provider=provider, strategy="tool_call"
    )("t")

    assert value == [1, 2]
    assert '"value"' in json.dumps(heard[0][1])
