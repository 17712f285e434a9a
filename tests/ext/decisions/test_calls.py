"""Guarded calls of decision models, through the unchanged `openai` package and a server on loopback."""

import asyncio
import json

import pytest

from schema_guard import About, Content, GuardFailed, InvalidArgument, Second, Try, connect, guard, open_store
from schema_guard.testing import serve

openai = pytest.importorskip("openai", minversion="3.57")
ASKED = {"priority": {"enum": ["low", "high"], "description": "How urgent"}, "spam": {"type": "boolean"}}
ALL_ASKED = {"title": "Ticket", "type": "object", "properties": ASKED, "required": ["priority", "spam"]}
WITH_TEXT = {
    **ALL_ASKED,
    "properties": {**ASKED, "summary": {"type": "string"}},
    "required": ["priority", "spam", "summary"],
    "additionalProperties": False,
}
ANSWERS = '{"q0": {"low": 0.2, "high": 0.8}, "q1": 0.1}'


def decisions(server):
    """Connect to the decision model of a server."""
    return connect(f"{server.openai_url}#decider", provider="openai-decisions", key="k")


def chat(server):
    """Connect to the text model of a server."""
    return connect(f"{server.openai_url}#writer", provider="openai", key="k")


def hybrid(server, **settings):
    """Guard a decision model and a text model."""
    models = [decisions(server), chat(server)]
    strategy = ["decision", "strict_schema"]
    return guard(WITH_TEXT, strategy=strategy, models=models, store=None, **settings)(models[0])


def steps(outcome):
    """Return strategy and failure code of each attempt."""
    return [(a.strategy, a.failure and a.failure.code) for a in outcome.attempts]


def test_answers_make_a_valid_value():
    """All fields are asked in one request, and the confidence is the probability of each value."""
    with serve([ANSWERS]) as server:
        outcome = guard(ALL_ASKED, strategy="decision", store=None)(decisions(server)).outcome("It burns!")
        (request,) = server.requests

    assert outcome.value == {"priority": "high", "spam": False}
    assert outcome.confidence == {"/priority": 0.8, "/spam": 0.9}
    assert outcome.call.model == "decider"
    assert outcome.usage.input_tokens is not None
    assert request.path == "/v1/decisions"
    assert [question["name"] for question in request.body["questions"]] == ["q0", "q1"]


def test_async_call_makes_the_same_value():
    """An asynchronous call asks the same questions."""
    with serve([ANSWERS]) as server:
        value = asyncio.run(
            guard(ALL_ASKED, strategy="decision", store=None)(decisions(server).acall)("It burns!")
        )

    assert value == {"priority": "high", "spam": False}


def test_own_function_gets_the_questions_as_options():
    """A function of the user's calls `client.decisions.create` with the options."""
    with serve([ANSWERS]) as server:
        client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)

        @guard(ALL_ASKED, strategy="decision", provider="openai-decisions", store=None)
        def triage(prompt: str, *, options: dict | None = None):
            return client.decisions.create(model="m", input=prompt, **(options or {}))

        assert triage("It burns!") == {"priority": "high", "spam": False}


def test_text_model_writes_the_rest():
    """The text model is asked only for the fields that stay text. Both calls are attempts of one call."""
    replies = iter([ANSWERS, '{"summary": "It burns", "spam": true}'])
    with serve(lambda _: next(replies)) as server:
        outcome = hybrid(server).outcome("It burns!")
        sent = server.requests[1].body["response_format"]["json_schema"]["schema"]

    assert outcome.value == {"priority": "high", "spam": False, "summary": "It burns"}
    assert outcome.confidence == {"/priority": 0.8, "/spam": 0.9}
    assert steps(outcome) == [("decision", "undecided"), ("strict_schema", None)]
    assert list(sent["properties"]) == ["summary"]


def test_text_model_is_corrected_about_its_own_reply():
    """A retry of the text model keeps what was decided, and corrects only the text."""
    replies = iter([ANSWERS, '{"summary": 1}', '{"summary": "It burns"}'])
    with serve(lambda _: next(replies)) as server:
        outcome = hybrid(server).outcome("It burns!")
        first, second = (request.body["messages"] for request in server.requests[1:])

    assert outcome.value == {"priority": "high", "spam": False, "summary": "It burns"}
    assert [message["role"] for message in first] == ["system", "user"]
    assert second[-2] == {"role": "assistant", "content": '{"summary": 1}'}


def test_text_model_writes_a_refused_field():
    """A field whose question was refused is asked of the text model."""
    replies = iter(['{"q1": 0.1}', '{"summary": "It burns", "priority": "low"}'])
    with serve(lambda _: next(replies)) as server:
        outcome = hybrid(server).outcome("It burns!")
        sent = server.requests[1].body["response_format"]["json_schema"]["schema"]

    assert outcome.value == {"priority": "low", "spam": False, "summary": "It burns"}
    assert outcome.confidence == {"/spam": 0.9}
    assert outcome.attempts[0].failure.message == "the model refused to answer about /priority"
    assert sorted(sent["properties"]) == ["priority", "summary"]


def test_refused_question_fails_without_a_text_model():
    """Without a text model, a refusal ends the call."""
    with serve(lambda _: '{"q1": 0.1}') as server:
        with pytest.raises(GuardFailed) as caught:
            guard(ALL_ASKED, strategy="decision", store=None)(decisions(server))("It burns!")
        assert len(server.requests) == 1

    assert caught.value.outcome.failure.kind == "refusal"


def test_questions_are_sent_in_parts():
    """More questions than the host accepts are several requests of one attempt, and their tokens are added."""
    count = 500
    schema = {
        "type": "object",
        "properties": {f"f{at}": {"type": "boolean"} for at in range(count)},
        "required": [f"f{at}" for at in range(count)],
    }
    with serve(lambda _: json.dumps({f"q{at}": at / count for at in range(count)})) as server:
        outcome = guard(schema, strategy="decision", store=None)(decisions(server)).outcome("x")
        sizes = [len(request.body["questions"]) for request in server.requests]

    assert sizes == [400, 100]
    assert len(outcome.attempts) == 1
    assert outcome.value == {f"f{at}": at >= count / 2 for at in range(count)}


def test_nested_and_optional_texts_are_merged():
    """Texts inside of objects are asked apart, and optional ones may be left out."""
    address = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["home", "work"]},
            "street": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["kind", "street"],
        "additionalProperties": False,
    }
    schema = {
        "type": "object",
        "properties": {"to": address},
        "required": ["to"],
        "additionalProperties": False,
    }
    replies = iter(['{"q0": "work"}', '{"to": {"street": "Elm 1"}}'])
    with serve(lambda _: next(replies)) as server:
        models = [decisions(server), chat(server)]
        value = guard(schema, strategy=["decision", "system_prompt"], models=models, store=None)(models[0])(
            "x"
        )

    assert value == {"to": {"street": "Elm 1", "kind": "work"}}


def test_required_text_needs_a_text_model():
    """A required field that cannot be asked is an error at decoration."""
    with serve([]) as server, pytest.raises(InvalidArgument) as caught:
        guard(WITH_TEXT, strategy="decision", store=None)(decisions(server))

    assert str(caught.value) == (
        "strategy='decision': schema Ticket: at /summary, the schema lists no options for the string, so a decision model "
        "can't answer this field. Add a text model. To do so, use strategy=['decision', 'strict_schema'] and name both models "
        "in models="
    )


@pytest.mark.parametrize(
    ("schema", "strategy", "provider", "message"),
    [
        ({"type": "string"}, "decision", "openai-decisions", "a decision model can answer no field"),
        (ALL_ASKED, "decision", "openai", "provider 'openai' does not support the strategy 'decision'"),
        (
            ALL_ASKED,
            "system_prompt",
            "openai-decisions",
            "provider 'openai-decisions' does not support the strategy 'system_prompt'",
        ),
        (
            ALL_ASKED,
            "strict_schema",
            "openai-decisions",
            "only decision. Use another strategy. The strongest one is 'decision'",
        ),
    ],
)
def test_wrong_pairs_are_errors_at_decoration(schema, strategy, provider, message):
    """A strategy that a provider doesn't take, or a schema without questions, is an error before any call."""
    with serve([]) as server:
        model = connect(f"{server.openai_url}#m", provider=provider, key="k")
        with pytest.raises(InvalidArgument, match=message):
            guard(schema, strategy=strategy, store=None)(model)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"questions": []}, "questions"),
        ({"questions": [{"type": "predicate"}]}, "instructions"),
        (
            {"questions": [{"type": "noul", "instructions": "?"}]},
            "expected one of 'predicate', 'choice', 'score'",
        ),
        ({"questions": [{"type": "choice", "instructions": "?", "choices": [{"value": "a"}]}]}, "at least 2"),
        ({"questions": [{"type": "predicate", "instructions": "?"}] * 401}, "at most 400"),
        ({"temperature": 0}, "temperature"),
        ({"input": [{"role": "tool", "content": "x"}]}, "role"),
    ],
)
def test_server_refuses_what_openai_refuses(change, message):
    """The server on loopback answers with status 400."""
    body = {"model": "m", "input": "x", "questions": [{"type": "predicate", "instructions": "?"}], **change}
    with serve(["{}"]) as server:
        client = openai.OpenAI(base_url=server.openai_url, api_key="k", max_retries=0)
        with pytest.raises(openai.BadRequestError, match=message):
            client.post("/decisions", body=body, cast_to=object)


@pytest.mark.local_model
def test_local_model_scores_the_options():
    """The local model decides without text, in sync and async calls, and refuses other options."""
    pytest.importorskip("xllamacpp")
    ask = guard(ALL_ASKED, strategy="decision", store=None)

    async def value_of(text):
        async with connect("local-decisions") as model:
            return await ask(model.acall)(text)

    with connect("local-decisions") as model:
        outcome = ask(model).outcome("The server burns!")
        value = asyncio.run(value_of("The server burns!"))

    assert outcome.ok
    assert value == outcome.value
    assert outcome.usage.output_tokens == 0
    assert all(0.5 <= one <= 1 for one in outcome.confidence.values())
    with pytest.raises(InvalidArgument, match="divide_by_empty_text"):
        connect("local-decisions", options={"temperature": 0})


def test_unsure_model_leaves_the_call_to_the_next_one():
    """Below the threshold, the next model decides the whole value, and its confidence counts."""
    replies = iter([ANSWERS, '{"q0": {"low": 0.95, "high": 0.05}, "q1": 0.01}'])
    with serve(lambda _: next(replies)) as server:
        first, second = decisions(server), decisions(server)
        models = [Try(first, abstain_below=0.85), second]
        outcome = guard(ALL_ASKED, strategy="decision", models=models, store=None)(first).outcome("It burns!")

    assert outcome.value == {"priority": "low", "spam": False}
    assert outcome.confidence == {"/priority": 0.95, "/spam": 0.99}
    assert steps(outcome) == [("decision", "abstained"), ("decision", None)]
    assert outcome.attempts[0].failure.message == "confidence 0.8 at /priority is below abstain_below=0.85"
    assert '"abstain_below":[0.85,null]' in outcome.call.settings


def test_sure_model_decides_alone():
    """At the threshold, a model decides."""
    with serve([ANSWERS]) as server:
        models = [Try(decisions(server), abstain_below=0.8), decisions(server)]
        outcome = guard(ALL_ASKED, strategy="decision", models=models, store=None)(models[1]).outcome(
            "It burns!"
        )

    assert steps(outcome) == [("decision", None)]


def test_text_model_decides_everything_after_an_abstention():
    """A text model after an abstention writes all fields, not only the rest."""
    replies = iter([ANSWERS, '{"priority": "low", "spam": true, "summary": "x"}'])
    with serve(lambda _: next(replies)) as server:
        models = [Try(decisions(server), abstain_below=0.9), chat(server)]
        strategy = ["decision", "strict_schema"]
        outcome = guard(WITH_TEXT, strategy=strategy, models=models, store=None)(models[1]).outcome("x")

    assert outcome.value == {"priority": "low", "spam": True, "summary": "x"}
    assert outcome.confidence == {}


def test_last_model_may_abstain():
    """Without a further model, an abstention fails the call after one request."""
    with serve(lambda _: ANSWERS) as server:
        model = decisions(server)
        guarded = guard(ALL_ASKED, strategy="decision", models=[Try(model, abstain_below=0.9)], store=None)(
            model
        )
        with pytest.raises(GuardFailed) as caught:
            guarded("It burns!")
        assert len(server.requests) == 1

    assert caught.value.outcome.failure.code == "abstained"


def test_names_have_thresholds_too():
    """A function that takes the name of a model gets the name."""
    seen = []

    def triage(prompt: str, *, model: str, options: dict | None = None):
        seen.append(model)
        with serve([ANSWERS]) as server:
            return connect(f"{server.openai_url}#{model}", provider="openai-decisions", key="k")(
                prompt, options=options
            )

    models = [Try("small", abstain_below=0.9), "large"]
    settings = guard(ALL_ASKED, strategy="decision", provider="openai-decisions", models=models, store=None)

    assert settings(triage)("It burns!") == {"priority": "high", "spam": False}
    assert seen == ["small", "large"]


@pytest.mark.parametrize("threshold", [0, 1.5, True, "0.8"])
def test_threshold_is_a_probability(threshold):
    """A threshold outside of 0 to 1 is refused."""
    with pytest.raises(InvalidArgument, match="expected a number above 0 and at most 1"):
        Try("a", abstain_below=threshold)


def test_only_decisions_abstain():
    """A threshold for a text strategy is an error at decoration."""
    with serve([]) as server:
        model = chat(server)
        settings = guard(ALL_ASKED, models=[Try(model, abstain_below=0.5)], store=None)
        with pytest.raises(InvalidArgument, match="expected strategy='decision'"):
            settings(model)


def test_decision_never_costs_what_a_text_costs():
    """Without a price of decisions, the cost is unknown."""
    texts = {"decider": {"p_in": 1, "p_cached": 1, "p_out": 1}}
    both = {**texts, "decider (decisions)": {"p_in": 2, "p_cached": 2, "p_out": 0}}
    costs = []
    for prices in (texts, both):
        with serve([ANSWERS]) as server:
            ask = guard(ALL_ASKED, strategy="decision", store=None, about=About(prices=prices))(
                decisions(server)
            )
            outcome = ask.outcome("It burns!")
        costs.append(outcome.cost)

    assert costs == [None, pytest.approx(2e-6 * outcome.usage.input_tokens)]


def test_a_text_model_can_give_the_second_opinion(tmp_path):
    """It gets a prompt with the schema, because it answers no questions."""
    value = '{"priority": "high", "spam": true}'
    with serve([ANSWERS, value]) as server, open_store(str(tmp_path / "records.db")) as store:
        second = Second(chat(server), share=1)
        content = Content(second_opinion=second)
        guard(ALL_ASKED, strategy="decision", store=store, content=content)(decisions(server))("It burns!")
        store.flush()
        assert second.flush(20) == 0
        store.flush()
        with store.reading() as snapshot:
            (found,) = snapshot.connection.select("SELECT differing FROM content")

    assert tuple(found) == (0.5,)
    assert "JSON Schema" in json.dumps(server.requests[1].body)
