"""What a benchmark knows of right answers becomes evidence on the trials that are recorded."""

import json

import pytest

from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.records import open_store
from tests.decide.records import record

PROMPT = {"strategy": "few_shot", "model": "m1", "tuned": False, "n": 100, "right": 20}
TUNED = {
    "strategy": "bare",
    "model": "tuned:set",
    "tuned": True,
    "n": 100,
    "right": 90,
    "beside": [
        {"strategy": "strict_schema", "model": "m1", "n": 100, "worse": 1, "better": 99},
        {"strategy": "few_shot", "model": "m1", "n": 100, "worse": 2, "better": 72},
    ],
}


@pytest.fixture
def store():
    """A bench of two prompts and one of a tuned model, 100 tasks each."""
    with open_store("sqlite://") as opened:
        asked = {"model": "m1", "settings": json.dumps({"max_attempts": 1})}
        record(opened, 100, 10, function="bench:1", strategies="few_shot", **asked)
        record(opened, 100, 90, function="bench:2", strategies="strict_schema", started_at=9e4, **asked)
        record(opened, 100, 1, function="bench:3", strategies="bare", tuned=True, started_at=2e5, **asked)
        yield opened


def test_known_answers_stand_beside_the_calls_that_they_are_of(store):
    """Of each prompt and of the pilot it is known how often they were right, and of the best prompt how both compare."""
    evidence = gather(store, extra={"answers": [PROMPT, TUNED]}).evidence

    right = {result["id"]: result.get("right") for result in evidence["strategies"]}
    assert right == {"few_shot": {"n": 100, "k": 80}, "strict_schema": None}
    assert evidence["pilot"]["right"] == {"n": 100, "k": 10}
    assert evidence["pilot"]["content"] == {"n": 100, "worse": 2, "better": 72}
    assert decide(evidence).figures["tuned"]["right"]["k"] == 10


def test_more_answers_than_calls_are_of_another_run(store):
    """A result with more tasks than the store has calls is not of them."""
    answers = [{**PROMPT, "n": 101}, {**TUNED, "n": 101}]

    evidence = gather(store, extra={"answers": answers}).evidence

    assert not any("right" in result for result in [*evidence["strategies"], evidence["pilot"]])


def test_benches_of_the_same_inputs_are_compared(store):
    """Steps that were measured one after the other, each by a bench of its own, are pairs of the same inputs."""
    (compared,) = gather(store).evidence["comparisons"]

    assert compared == {"before": "few_shot", "after": "strict_schema", "n": 100, "b": 0, "c": 80}
