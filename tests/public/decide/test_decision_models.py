"""Verdicts about decision models, whose format shows nothing. Their right values decide."""

import pytest

from schema_guard.decide import decide
from tests.public.decide.examples import STEPS
from tests.public.decide.recompute import repeated

pytest.importorskip("scipy")


def declined(*untested):
    """Return a playbook on which only some steps are untested."""
    return [
        {"rung": step, "status": "untested"}
        if step in untested
        else {"rung": step, "status": "declined", "reason": "a story"}
        for step in STEPS
    ]


def decided(*, content=None, compared=1, prompt_failed=60, untested=(), used="prompt", config=None, **more):
    """Return the verdict on a prompt and a decision model that never fails."""
    prompt = {"id": "prompt", "rung": "system_prompt", "n": 1_000, "k_final": prompt_failed}
    model = {"id": "decider", "rung": "decision_model", "n": 1_000, "k_final": 0, **more}
    if content is not None:
        counts = zip(("n", "worse", "better"), content, strict=True)
        model["content"] = dict(counts, beside="prompt", compared=compared)
    for one in (prompt, model):
        one["failure_codes"] = {"enum": one["k_final"]}
        one["failure_kinds"] = {"value": one["k_final"]}
    verdict = decide(
        {
            "strategies": [prompt, model],
            "ladder": declined(*untested),
            "current": used,
            "config": {"target": 0.01, **(config or {})},
            "calls_per_month": 10_000,
        }
    ).as_dict()
    assert repeated(verdict) == []
    return verdict


def test_format_alone_decides_nothing():
    """A perfect format without known answers leaves the step untested."""
    verdict = decided(untested=("decision_model", "larger_model"))

    assert (verdict["verdict"], verdict["next_rung"]) == ("TRY_NEXT_FIX", "decision_model")
    assert verdict["rates"]["decider"]["state"] == "inconclusive"


def test_no_fewer_right_values_are_enough():
    """The decision model is chosen, with its values in the reason."""
    verdict = decided(content=(600, 0, 40))

    assert (verdict["verdict"], verdict["switch_to"]) == ("PROMPTING_ENOUGH", "decider")
    assert (
        "of 600 known answers, decider has fewer right values than prompt for 0 and more for 40"
        in verdict["why"]
    )


def test_fewer_right_values_are_not_chosen():
    """The verdict names the next step, and the reason."""
    verdict = decided(content=(600, 120, 40), untested=("larger_model",))

    assert (verdict["verdict"], verdict["next_rung"]) == ("TRY_NEXT_FIX", "larger_model")
    assert (
        "the only tested strategy fails in more than 1% of the calls; of 600 known answers, decider has"
        in verdict["why"]
    )
    assert verdict["best"] == "prompt"


def test_several_prompts_share_alpha():
    """A loss that is proved beside the only prompt is not proved beside the best of twenty."""
    only, best = (
        decided(content=(600, 75, 12), compared=number)["rates"]["decider"]["content"] for number in (1, 20)
    )

    assert (only["state"], best["state"]) == ("fail", "inconclusive")
    assert best["lower"] < only["lower"] < only["upper"] < best["upper"]


def test_a_prompt_in_use_that_passes_stays():
    """A decision model with fewer right values is no reason to switch."""
    verdict = decided(content=(600, 120, 40), prompt_failed=0)

    assert (verdict["verdict"], verdict["strategy"], "switch_to" in verdict) == (
        "PROMPTING_ENOUGH",
        "prompt",
        False,
    )


def test_open_values_wait_for_other_steps():
    """More answers are asked for only when no other step is untested."""
    first = decided(content=(100, 3, 5), untested=("larger_model",))
    last = decided(content=(100, 3, 5))

    assert first["next_rung"] == "larger_model"
    assert (last["verdict"], last["strategy"]) == ("NEED_MORE_DATA", "decider")
    assert last["n_more"] > 100
    assert "--first-step decision_model" in last["next_step"]


def test_a_share_of_right_values_that_is_asked_for_is_enough():
    """With --min-right, its own right values decide."""
    config = {"right": 0.9}
    right = decided(right={"n": 400, "k": 10}, config=config)
    wrong = decided(right={"n": 400, "k": 100}, config=config, untested=("larger_model",))

    assert right["switch_to"] == "decider"
    assert wrong["rates"]["decider"]["state"] == "fail"


def test_in_use_without_known_answers_is_not_decided():
    """Even what is in use needs right answers."""
    verdict = decided(used="decider", traffic_share=1.0)

    assert (verdict["verdict"], verdict["missing"]) == ("NEED_MORE_DATA", ["right"])
    assert "--first-step decision_model" in verdict["next_step"]


def test_few_calls_and_no_known_answers_are_both_named():
    """In use, a decision model with 20 calls needs more of them, and right answers."""
    model = {"id": "decider", "rung": "decision_model", "n": 20, "k_final": 0, "traffic_share": 1.0}
    verdict = decide({"strategies": [model], "ladder": declined(), "config": {"target": 0.01}}).as_dict()

    assert (verdict["verdict"], verdict["missing"], verdict["n_more"]) == ("NEED_MORE_DATA", ["right"], 357)
    assert "no known answer shows whether the values of decider are right" in verdict["why"]
    assert "about 357 more calls are needed" in verdict["why"]
    assert "right answers with --inputs" in verdict["next_step"]
