"""What the known answers of results say: how often each variant is right, and a tuned model beside each prompt."""

from schema_guard.bench.result.answers import known_answers
from schema_guard.bench.result.as_json import result_as_json, result_from_json
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import run
from tests.bench.small_suites import Counting, small_suite


def _result(model, strategies, *, tuned=(), wrong=lambda number, retry: None):
    plan = plan_of(small_suite(tasks=3), variants_of([model], strategies, tuned=tuned), PlanSettings())
    return result_of(run(plan, {model: Counting(wrong)}))


def test_a_tuned_model_stands_beside_each_prompt_of_every_result():
    """Tasks are paired by name over several results; a value that is valid and not the gold is not right."""
    prompt = _result("m", ["bare"], wrong=lambda number, _: '{"n": 0}' if number > 1 else None)
    tuned = _result(
        "t", ["few_shot"], tuned=["t"], wrong=lambda number, _: '{"n": 0}' if number == 1 else None
    )

    of_prompt, of_tuned = known_answers([prompt, tuned])

    assert of_prompt == {"strategy": "bare", "model": "m", "tuned": False, "n": 6, "right": 2}
    assert of_tuned == {
        "strategy": "bare",
        "model": "t",
        "tuned": True,
        "n": 6,
        "right": 4,
        "beside": [{"strategy": "bare", "model": "m", "n": 6, "worse": 2, "better": 4}],
    }


def test_a_file_keeps_which_variant_is_tuned():
    """What is tuned is a part of a result's file; of a variant that is not, it says what it said before."""
    written = [result_as_json(_result("m", ["bare"], tuned=tuned)) for tuned in ((), ("m",))]

    assert [document["variants"][0].get("tuned") for document in written] == [None, True]
    assert [result_from_json(document).variants[0].tuned for document in written] == [False, True]
