"""A reply that is begun for the model, before servers that go on with it and others."""

import json

import pytest

from schema_guard.ext.fitting.probe.prefix import prefix_messages, probe_prefix
from schema_guard.models import connect
from schema_guard.testing import ContinuingModel, serve

BEGUN = prefix_messages("openai", seed=1)[-1]["content"]
ANSWERS = {
    "continued": 'low"}',
    "repeated": {"reply": BEGUN + 'low"}', "usage": {"output_tokens": 3}},
    "ignored": json.dumps({"answer": "yellow"}),
    "refused": {"reply": None, "raise": "ValueError: no"},
    "unknown": {"reply": None, "finish_reason": "refusal"},
}
SERVED = {
    "llamacpp": "repeated",
    "mistral": "repeated",
    "vllm": "continued",
    "sglang": "continued",
    "deepseek": "continued",
    "openai": "ignored",
    "anthropic": "refused",
}


@pytest.mark.parametrize("does", [does for does in ANSWERS if does != "refused"])
def test_what_became_of_the_beginning_is_told(does):
    """It is gone on with, given again, or left alone."""
    with serve([ANSWERS[does]]) as server, connect(f"{server.openai_url}#m") as model:
        assert probe_prefix(model, seed=1).does == does


@pytest.mark.parametrize("served", SERVED)
def test_each_server_is_asked_in_its_own_way(served):
    """One that would go on where it is asked properly is not told to begin anew."""
    if served == "mistral":
        pytest.importorskip("mistralai", reason="needs the extra 'mistral'")
    anew = ContinuingModel('{"code": "x", "answer": "yellow"}', most_tokens=16, served=served)
    with serve(anew) as server:
        url = server.mistral_url if served == "mistral" else server.openai_url
        provider = "openai" if served == "anthropic" else served
        with connect(f"{url}#m", provider=provider, key="k") as model:
            assert probe_prefix(model, seed=1).does == SERVED[served]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(BEGUN, id="no more than the beginning"),
        pytest.param({"reply": BEGUN + 'low"}', "usage": {"output_tokens": 90}}, id="more than the limit"),
        pytest.param("low", id="no JSON"),
    ],
)
def test_what_a_model_may_have_written_anew_is_not_taken_for_going_on(reply):
    """A model that copies its own last turn gives the beginning too, but not within the limit."""
    with serve([reply]) as server, connect(f"{server.openai_url}#m") as model:
        assert probe_prefix(model, seed=1).does == "unknown"


def test_the_beginning_is_longer_than_the_limit_lets_anybody_write():
    """No tokenizer has tokens that stand for so many characters of it."""
    assert len(BEGUN) > 16 * 7
