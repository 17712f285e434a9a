"""The recorders of decision models: applications as their documentation writes them, against a server with known answers."""

import asyncio
import os
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from schema_guard import InvalidArgument, connect, guard
from schema_guard.ext.recorders import counts
from schema_guard.ext.recorders.decisions import requested_decision
from schema_guard.testing import serve
from tests.ext.recorders.applications import Kept

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise its import downloads a list of prices
QUESTIONS = [
    {"type": "predicate", "name": "spam", "instructions": "Is it spam?"},
    {"type": "choice", "instructions": "Which team?", "choices": [{"value": "a"}, {"value": "b"}]},
    {"type": "score", "name": "stars", "instructions": "Stars", "levels": [{"label": "bad"}, {"label": "good"}]},
]  # fmt: skip
SYSTEM_ONE = {
    "spam": {"type": "noul", "instructions": "Is it spam?"},
    "q1": {"type": "choice", "instructions": "Which team?", "criteria": {"a": None, "b": "B"}},
    "stars": {"type": "score", "instructions": "Stars", "criteria": ["bad", "good"]},
}
ANSWERS = (
    '{"spam": 0.2, "1": {"a": 0.3, "b": 0.7}, "q1": {"a": 0.3, "b": 0.7}, "stars": {"bad": 0.9, "good": 0.1}}'
)
VALUE = {"spam": False, "q1": "b", "stars": 0}
CONFIDENCE = {"/spam": 0.8, "/q1": 0.7, "/stars": 0.9}
FIELDS = {"type": "object", "properties": {"spam": {"type": "boolean"}}, "required": ["spam"]}


def check(outcome, provider):
    """Check a recorded call of the questions above."""
    assert outcome.value == VALUE
    assert outcome.confidence == CONFIDENCE
    assert (outcome.call.strategies, outcome.call.provider) == ("decision", provider)
    assert outcome.usage.input_tokens > 0


def test_both_forms_of_questions_have_one_schema():
    """The same questions make the same schema, with the words of the questions."""
    document = requested_decision(QUESTIONS).source

    assert document == requested_decision(SYSTEM_ONE).source
    assert document["properties"]["stars"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 1,
        "description": "Stars",
    }


@pytest.mark.parametrize(
    "question",
    [
        {"type": "box", "instructions": "Where is the mug?"},
        {"type": "choice", "criteria": {"only": None}},
        {"type": "choice", "criteria": {" a": None, "b": None}},
        {"type": "score", "criteria": ["only"]},
        {"instructions": "?"},
        "?",
    ],
)
def test_unknown_questions_are_not_recorded(question):
    """A request with a question that has no field in a schema is only counted."""
    assert requested_decision({"spam": SYSTEM_ONE["spam"], "other": question}) is None


def openai_client(server, kind="OpenAI", **settings):
    """Return a recorded client."""
    openai = pytest.importorskip("openai", minversion="3.57")
    from schema_guard.ext.recorders.openai_decisions import record

    return record(getattr(openai, kind)(base_url=server.openai_url, api_key="k", max_retries=0), **settings)


def test_openai_requests_are_recorded():
    """Each request of a client is one call, sync and async, with the probability of each answer."""
    kept = Kept()
    with serve([ANSWERS, ANSWERS]) as server:
        client = openai_client(server, store=kept, function="triage")
        client.decisions.create(model="m", input="hello", questions=QUESTIONS)
        client = openai_client(server, "AsyncOpenAI", store=kept)
        asyncio.run(client.decisions.create(model="m", input="hello", questions=QUESTIONS))

    for outcome in kept.wait(2):
        check(outcome, "openai-decisions")
    assert [outcome.call.function for outcome in kept] == ["triage", "openai_decisions:decision"]


def test_openai_refusal_and_error_are_failures():
    """A refused question is a refusal. An exception reaches the caller, and is recorded."""
    openai = pytest.importorskip("openai", minversion="3.57")
    kept = Kept()
    with serve(['{"spam": 0.2}']) as server:
        client = openai_client(server, store=kept)
        client.decisions.create(model="m", input="hello", questions=QUESTIONS)
        with pytest.raises(openai.BadRequestError):
            client.decisions.create(model="m", input=[{"role": "tool", "content": "x"}], questions=QUESTIONS)

    refused, failed = kept.wait(2)
    assert refused.failure.kind == "refusal"
    assert failed.failure.kind == "transport"


def test_request_of_a_guard_is_part_of_its_call():
    """The questions of a guard belong to the guarded call, which is recorded already."""
    kept = Kept()
    with serve(['{"q0": 0.9}']) as server:
        client = openai_client(server, store=kept)

        @guard(FIELDS, strategy="decision", provider="openai-decisions", store=None)
        def triage(prompt, *, options=None):
            return client.decisions.create(model="m", input=prompt, **options)

        assert triage("hello") == {"spam": True}

    assert kept == []
    assert counts()["openai_decisions"]["inside"] == 1


def test_other_clients_are_refused():
    """The error names what is expected."""
    from schema_guard.ext.recorders.openai_decisions import record

    with pytest.raises(InvalidArgument, match=r"client=str: expected an OpenAI or AsyncOpenAI"):
        record("client")


@pytest.mark.filterwarnings("ignore")
def test_litellm_requests_are_recorded():
    """The recorder of litellm reads both formats, sync and async, and leaves the calls of guards alone."""
    litellm = pytest.importorskip("litellm", reason="needs litellm")
    if not hasattr(litellm, "decisions"):
        pytest.skip("needs litellm>=1.110")
    from schema_guard.ext.recorders import litellm as recorder

    kept = Kept()
    recorder.install(store=kept)
    try:
        with serve([ANSWERS] * 4, faults=[None, None, None, None, "http_500"]) as server:
            arguments = {
                "model": "openai/m",
                "api_base": server.openai_url,
                "api_key": "k",
                "metadata": {"function": "triage"},
            }
            litellm.decisions(input="hello", questions=QUESTIONS, **arguments)
            litellm.systemone(state={"text": "hello"}, questions=SYSTEM_ONE, **arguments)

            async def both():
                await litellm.adecisions(input="hello", questions=QUESTIONS, **arguments)
                await litellm.asystemone(state="hello", questions=SYSTEM_ONE, **arguments)
                await asyncio.sleep(0.5)

            asyncio.run(both())
            with pytest.raises(litellm.InternalServerError):
                litellm.decisions(input="hello", questions=QUESTIONS, **arguments)
        *outcomes, failed = kept.wait(5)
        with serve(['{"q0": 0.9}']) as server:
            model = connect("litellm-decisions:openai/m", key="k", options={"api_base": server.openai_url})
            assert guard(FIELDS, strategy="decision", store=None)(model)("hello") == {"spam": True}
    finally:
        recorder.uninstall()

    for outcome in outcomes:
        check(outcome, "litellm-decisions")
        assert outcome.call.function == "triage"
    assert failed.failure.kind == "transport"
    assert len(kept) == 5


@pytest.mark.filterwarnings("ignore")
def test_langchain_models_are_recorded():
    """LangChain's own decision models and OpenAI's are calls, with the names that other calls have."""
    decisions = pytest.importorskip("langchain_core.decisions", reason="needs langchain-core>=1.8")
    from schema_guard.ext.recorders.langchain import LangChainRecorder

    class Mine(decisions.BaseDecisionModel):
        model: str = "mine"

        @property
        def _provider(self):
            return "mine"

        def _classify(self, state, questions):
            if state == "fail":
                raise TimeoutError
            answers = {
                "spam": {"type": "noul", "noul": 0.2},
                "q1": {"type": "choice", "choice": "b", "confidence": 0.5, "probabilities": {"a": 0.3, "b": 0.7}},
                "stars": {"type": "score", "score": 0.1, "confidence": 0.5, "legend": {0: "bad", 1: "good"},
                          "probabilities": {0: 0.9, 1: 0.1}},
            }  # fmt: skip
            usage = {"input_tokens": 3, "output_tokens": 0}
            return decisions.ClassifierResponse.model_validate(
                {"model": "mine", "answers": answers, "usage": usage}
            )

    kept = Kept()
    config = {"callbacks": [LangChainRecorder(store=kept)], "run_name": "triage"}
    questions = {
        "spam": decisions.Noul(instructions="Is it spam?"),
        "q1": decisions.Choice(instructions="Which team?", criteria={"a": None, "b": "B"}),
        "stars": decisions.Score(instructions="Stars", criteria=["bad", "good"]),
    }
    Mine().invoke({"state": "hello", "questions": questions}, config=config)
    asyncio.run(Mine().ainvoke({"state": "hello", "questions": questions}, config=config))
    with pytest.raises(TimeoutError):
        Mine().invoke({"state": "fail", "questions": questions}, config=config)

    *outcomes, failed = kept.wait(3)
    for outcome in outcomes:
        check(outcome, None)
        assert (outcome.call.function, outcome.call.model) == ("triage", "mine")
    assert failed.failure.kind == "transport"


@pytest.mark.filterwarnings("ignore")
def test_openai_decisions_of_langchain_are_recorded():
    """langchain-openai has another class and another shape."""
    decisions = pytest.importorskip("langchain_openai.decisions", reason="needs langchain-openai>=1.7")
    from schema_guard.ext.recorders.langchain import LangChainRecorder

    kept = Kept()
    questions = {
        "spam": decisions.Predicate(instructions="Is it spam?"),
        "q1": decisions.Choice(instructions="Which team?", choices={"a": None, "b": "B"}),
        "stars": decisions.Score(instructions="Stars", levels=["bad", "good"]),
    }
    with serve([ANSWERS]) as server:
        model = decisions.OpenAIDecisions(model="m", api_key="k", base_url=server.openai_url)
        model.invoke(
            {"input": "hello", "questions": questions}, config={"callbacks": [LangChainRecorder(store=kept)]}
        )

    (outcome,) = kept.wait(1)
    check(outcome, "openai-decisions")


@pytest.mark.filterwarnings("ignore")
def test_probabilities_of_pydantic_ai_are_recorded():
    """pydantic-ai reports other figures than probabilities for a yes or no, so they are converted."""
    models = pytest.importorskip("pydantic_ai.models.openai_decisions", reason="needs pydantic-ai-slim>=2.68")
    from pydantic_ai import Agent
    from pydantic_ai.providers.openai import OpenAIProvider

    from schema_guard.ext.recorders.pydantic_ai import capability

    class Ticket(BaseModel):
        spam: bool = Field(description="Is it spam?")
        team: Literal["a", "b"] = Field(description="Which team?")
        tags: list[Literal["x", "y"]] = Field(description="Tags")

    kept = Kept()
    answers = '{"spam": 0.2, "team": {"a": 0.3, "b": 0.7}, "tags.x": 0.9, "tags.y": 0.4}'
    for settings in ({}, {"decision_boolean_threshold": 0.1}):
        with serve([answers]) as server:
            provider = OpenAIProvider(base_url=server.openai_url, api_key="k")
            model = models.OpenAIDecisionsModel("m", provider=provider)
            agent = Agent(model, output_type=Ticket, capabilities=[capability(store=kept)], name="triage")
            agent.run_sync("hello", model_settings=settings)

    usual, eager = kept.wait(2)
    assert usual.value == {"spam": False, "team": "b", "tags": ["x"]}
    assert usual.confidence == pytest.approx({"/spam": 0.8, "/team": 0.7, "/tags": 0.6})
    assert eager.value == {"spam": True, "team": "b", "tags": ["x", "y"]}
    assert eager.confidence == pytest.approx({"/spam": 0.2, "/team": 0.7, "/tags": 0.4})
