"""What guides claim, beside what was measured: recomputed from a verdict's own figures, and said to be missing where it is."""

from itertools import product
from math import isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard.decide import decide
from tests.public.decide.examples import economics, exhausted, failing, ladder, piloted, strategy
from tests.public.decide.recompute import lower, upper
from tests.public.decide.test_laws import evidences

CLAIMS = [
    "share_of_gain", "reasoning", "examples", "temperature", "no_training_cost", "train_examples", "training", "volume",
    "crossing",
]  # fmt: skip


def claims(evidence):
    """The claims of a verdict, by name."""
    return {one["claim"]: one for one in decide(evidence).as_dict()["guides"]}


def on_same_inputs(n, bare, best, tuned, **more):
    """Bare calls, those with examples and a tuned model's on the same inputs; each is (failed) of n."""
    pair = {"before": "bare", "after": "few_shot", "n": n, "b": max(bare - best, 0), "c": max(best - bare, 0)}
    return failing(
        strategies=[strategy("bare", n, bare), strategy("few_shot", n, best)],
        comparisons=[pair],
        pilot={"n": n, "k_final": tuned, "paired": {"b": max(best - tuned, 0), "c": 0}},
        **more,
    )


@given(evidences())
def test_every_claim_has_what_was_found(evidence):
    """No claim goes unmentioned, and one that is not measured has a command, or a reason why it was not tried."""
    result = decide(evidence).as_dict()["guides"]

    assert [one["claim"] for one in result] == CLAIMS
    for one in result:
        assert one["line"]
        assert one["measured"] or one["measure"] or "was not tried: " in one["line"]
        assert one["measure"] is None or not one["measured"]


def month_of(found, column, most=20_000):
    """Count the months until the tuned model has cost no more in all than the prompt; None after so many."""
    money, volume = found["economics"], found["cost"]["calls_per_month"]
    prompt, tuned = 0.0, money["upfront"]
    for month in range(1, most):
        prompt += volume * money[column]["prompt_per_call"]
        tuned += volume * money[column]["tuned_per_call"] + money["hosting_plus_refresh"]
        if tuned <= prompt:
            return month
    return None


@given(evidences().filter(lambda evidence: "economics" in evidence))
def test_the_month_of_crossing_is_that_of_the_cumulated_costs(evidence):
    """Adding up month by month what either way costs gives the month that is told, in every column."""
    result = decide(evidence).as_dict()
    item = next(one for one in result["guides"] if one["claim"] == "crossing")

    for column in ("pess", "point", "opt"):
        payback = result["economics"][column]["payback_months"]
        # Sums that are as good as equal may be rounded to either side, and a saving of nearly nothing takes ages.
        assume(payback is None or (abs(payback - round(payback)) > 1e-6 and payback < 10_000))
        assert item["figures"][column] == (None if payback is None else month_of(result, column))


@pytest.mark.parametrize("evidence", [exhausted(), failing(economics=economics(failure_cost=20))])
def test_tokens_of_a_month_are_those_of_its_calls(evidence):
    """Tokens are counted from the costs that were given; at the break-even volume they are those of that many calls."""
    result = decide(evidence).as_dict()
    text = next(one for one in result["guides"] if one["claim"] == "volume")["figures"]
    prompt, tuned = (evidence["economics"][f"{side}_cost"] for side in ("prompt", "tuned"))
    attempts = {"prompt": 1 + 0.1 + 0.1 * 0.75, "tuned": 1 + 0.02}

    volume, least = result["cost"]["calls_per_month"], result["economics"]["break_even_calls_per_month"]
    for side, cost in (("prompt", prompt), ("tuned", tuned)):
        each = attempts[side] * (cost["fixed"] + cost["var"] + cost["out"])
        each += (attempts[side] - 1) * cost["repair"]
        assert text[side] == result["cost"]["tokens_per_month"][side] == pytest.approx(volume * each)
    assert text["break_even"] / text["prompt"] == pytest.approx(least / volume)


@given(
    st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(0, n)] * 3)),
)
def test_the_share_of_the_gain_is_that_of_the_corners(counts):
    """The share and its bounds follow from counts alone; there is none where the tuned model may be no better."""
    n, bare, best, tuned = counts
    assume(best < bare)
    result = claims(on_same_inputs(n, bare, best, tuned))["share_of_gain"]

    alpha = 0.05 / 3
    bounds = [(lower(k, n, alpha), upper(k, n, alpha)) for k in (bare, best, tuned)]
    assume(abs(bounds[0][0] - bounds[2][1]) > 1e-6)
    if bounds[0][0] <= bounds[2][1]:
        assert (result["measured"], result["line"]) == (
            False,
            "the tuned model is not proved to be better than bare",
        )
        return
    shares = [(first - prompt) / (first - end) for first, prompt, end in product(*bounds)]
    text = result["figures"]["format"]
    assert (text["first"], text["best"]) == ("bare", "few_shot")
    assert isclose(text["share"], (bare - best) / (bare - tuned))
    assert isclose(text["lower"], min(shares), rel_tol=1e-6, abs_tol=1e-9)
    assert isclose(text["upper"], max(shares), rel_tol=1e-6, abs_tol=1e-9)
    assert text["lower"] <= text["share"] <= text["upper"]


@pytest.mark.parametrize(
    ("n", "bounds"), [(2_000, (0.533, 1.032)), (10_000, (0.698, 0.921))], ids=["2,000", "10,000"]
)
def test_reference_shares_of_the_gain(n, bounds):
    """12, 3 and 1 % failed: what 2,000 inputs of each leave open, and 10,000."""
    result = claims(on_same_inputs(n, n * 12 // 100, n * 3 // 100, n // 100))["share_of_gain"]

    text = result["figures"]["format"]
    assert text["share"] == pytest.approx(9 / 11)
    assert (text["lower"], text["upper"]) == pytest.approx(bounds, abs=5e-4)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"pilot": None}, "no tuned model is measured"),
        (
            {"pilot": {"n": 2_000, "k_final": 20}},
            "the tuned model and the best prompt were not asked the same inputs",
        ),
        ({"comparisons": []}, "no prompt before few_shot was asked the same inputs"),
    ],
)
def test_no_share_of_the_gain_without_the_same_inputs(change, line):
    """Rates of other inputs are not compared: why there is no share is said, and what would measure it."""
    evidence = on_same_inputs(2_000, 240, 60, 20) | change

    result = claims(evidence)["share_of_gain"]

    assert (result["measured"], result["line"], result["figures"]) == (False, line, {})
    assert result["measure"].startswith("schema-guard help bench run ")


def test_the_share_of_right_values_stands_beside_that_of_the_format():
    """Where known answers are counted of all three, the share of what tuning gains of them is told as well."""
    evidence = on_same_inputs(2_000, 240, 60, 20)
    for one, k in zip(evidence["strategies"], (500, 300), strict=True):
        one["right"] = {"n": 2_000, "k": k}
    evidence["pilot"]["right"] = {"n": 2_000, "k": 100}

    result = claims(evidence)["share_of_gain"]["figures"]

    assert list(result) == ["format", "right"]
    assert result["right"]["share"] == pytest.approx(0.5)


def test_what_is_missing_for_the_share_is_not_measured():
    """A pilot that was not asked the same inputs leaves a gap, and it is named."""
    result = decide(piloted({"n": 3_000, "k_final": 3})).as_dict()

    assert (
        "how much of what the tuned model gains prompting reaches: the tuned model and the best prompt were not asked the "
        "same inputs"
    ) in result["not_measured"]


def test_training_is_billed_as_it_is_given():
    """Tokens, epochs and a price, or GPU hours and a price, come to the dollars that count as paid once."""
    bills = {
        "labels": 800,
        "training": {"tokens": 700_000, "epochs": 3, "price_per_million": 8},
        "evaluation": {"gpu_hours": 4, "price_per_hour": 3.5},
    }

    result = decide(failing(economics=economics(upfront=bills))).as_dict()

    (text,) = [one for one in result["guides"] if one["claim"] == "training"]
    assert result["economics"]["upfront"] == pytest.approx(800 + 16.8 + 14)
    assert text["line"] == (
        "training: 700,000 tokens x 3 epochs x $8.00 a million = $16.80; evaluation: 4 GPU hours x $3.50 = $14.00"
    )


def test_thinking_first_is_measured_by_known_answers_alone():
    """What a step does to the format says nothing of what it does to the values."""
    strategies = [strategy("system_prompt", 2_000, 100), strategy("reason_then_format", 2_000, 80)]
    before = claims(failing(strategies=strategies))["reasoning"]
    for one, k in zip(strategies, (100, 60), strict=True):
        one["right"] = {"n": 400, "k": k}
    after = claims(failing(strategies=strategies))["reasoning"]

    assert (before["measured"], after["measured"]) == (False, True)
    assert before["line"].startswith(
        "whether values are right is not known of both; reason_then_format fails ["
    )
    assert "reason_then_format: 85.00% [" in after["line"]


def test_examples_are_told_with_their_gain_and_their_tokens():
    """How many examples were sent, what they gained on the same inputs, and what each call takes more."""
    strategies = [
        strategy("system_prompt", 1_000, 300, trial={"input_tokens": 150_000}),
        strategy("few_shot", 1_000, 120, sent={"examples": 3}, trial={"input_tokens": 219_000}),
    ]
    pair = {"before": "system_prompt", "after": "few_shot", "n": 1_000, "b": 200, "c": 20}

    result = claims(failing(strategies=strategies, comparisons=[pair]))["examples"]

    assert result["measured"]
    assert result["figures"] == {"examples": 3}
    assert result["line"].startswith("3 sent; few_shot fails [")
    assert result["line"].endswith(
        "fewer calls than system_prompt, on 1,000 same inputs; +69 input tokens a call"
    )


def test_temperature_is_told_as_it_was_sent():
    """Which strategies sent which temperature and top_p, and what the step gained."""
    strategies = [
        strategy("system_prompt", 1_000, 300, sent={"temperature": 1, "top_p": 0.9}),
        strategy("temperature", 1_000, 200, sent={"temperature": 0}),
    ]

    result = claims(failing(strategies=strategies))["temperature"]

    assert result["measured"]
    assert result["line"].startswith(
        "temperature 1 by system_prompt; temperature 0 by temperature; top_p 0.9 by system_prompt; top_p not sent by "
        "temperature; temperature fails ["
    )


def test_a_step_that_was_not_tried_says_why():
    """A reason stands where a command would be no use."""
    evidence = failing(ladder=ladder(temperature="declined", reason_then_format="untested"))

    result = claims(evidence)

    assert result["temperature"]["line"].endswith("temperature was not tried: it is so")
    assert result["temperature"]["measure"] is None
    assert "--first-step reason_then_format" in result["reasoning"]["measure"]


def test_trials_tell_what_they_took():
    """Calls, dollars, seconds and tokens of all trials together; what is not known of one is not known of all."""
    trials = [
        strategy("system_prompt", 100, 30, trial={"dollars": 0.25, "seconds": 90, "input_tokens": 15_000}),
        strategy("few_shot", 100, 12, trial={"dollars": 0.5, "seconds": 110}),
    ]

    result = claims(failing(strategies=trials))["no_training_cost"]
    unpriced = claims(failing(strategies=[*trials, strategy("json_mode", 10, 9, trial={"seconds": 10})]))

    assert result["line"] == "2 trials of 200 calls took $0.75, 200 s"
    assert (
        unpriced["no_training_cost"]["line"] == "3 trials of 210 calls took dollars that are not known, 210 s"
    )
    assert unpriced["no_training_cost"]["measure"] == "the same command with --prices SOURCE"


def test_examples_at_hand_are_told():
    """How many checked examples there are; else how many valid replies nobody has checked."""
    known = claims(exhausted())["train_examples"]
    unknown = claims(failing(feasibility=None))["train_examples"]

    assert known["line"] == "500 checked examples at hand; fewer than 100 are taken for too few"
    assert unknown["line"] == "1,880 calls gave a valid reply; which of them are right nobody has said"


def test_examples_are_compared_with_a_plain_prompt():
    """What a decoder enforces says nothing of what examples gain: without a plain prompt there is nothing to compare."""
    decoded, shown = strategy("strict_schema", 1_000, 100), strategy("few_shot", 1_000, 120)
    plain = strategy("system_prompt", 1_000, 300)

    without = claims(failing(strategies=[decoded, shown]))["examples"]
    beside = claims(failing(strategies=[decoded, shown, plain]))["examples"]

    assert not without["measured"]
    assert "--first-step system_prompt" in without["measure"]
    assert beside["line"].endswith("fewer calls than system_prompt, not on the same inputs")
