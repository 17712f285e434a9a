"""The share of a tuned model's gain that prompting reaches, recomputed from the counts of a verdict."""

from itertools import product
from math import isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schema_guard.decide import decide
from tests.public.decide.examples import economics, exhausted, failing, piloted, strategy
from tests.public.decide.recompute import lower, upper


def gain(evidence):
    """The share of the gain in a verdict."""
    return decide(evidence).as_dict()["gain"]


def on_same_inputs(n, bare, best, tuned, **more):
    """Bare calls, those with examples and a tuned model's on the same inputs; each is (failed) of n."""
    pair = {"before": "bare", "after": "few_shot", "n": n, "b": max(bare - best, 0), "c": max(best - bare, 0)}
    return failing(
        strategies=[strategy("bare", n, bare), strategy("few_shot", n, best)],
        comparisons=[pair],
        pilot={"n": n, "k_final": tuned, "paired": {"b": max(best - tuned, 0), "c": 0}},
        **more,
    )


@pytest.mark.parametrize("evidence", [exhausted(), failing(economics=economics(failure_cost=20))])
def test_tokens_of_a_month_are_those_of_its_calls(evidence):
    """Tokens are counted from the costs that were given; at the break-even volume they are those of that many calls."""
    result = decide(evidence).as_dict()
    prompt, tuned = (evidence["economics"][f"{side}_cost"] for side in ("prompt", "tuned"))
    attempts = {"prompt": 1 + 0.1 + 0.1 * 0.75, "tuned": 1 + 0.02}

    volume = result["cost"]["calls_per_month"]
    for side, cost in (("prompt", prompt), ("tuned", tuned)):
        each = attempts[side] * (cost["fixed"] + cost["var"] + cost["out"])
        each += (attempts[side] - 1) * cost["repair"]
        assert result["cost"]["tokens_per_month"][side] == pytest.approx(volume * each)


@given(
    st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(0, n)] * 3)),
)
def test_the_share_of_the_gain_is_that_of_the_corners(counts):
    """The share and its bounds follow from counts alone; there is none where the tuned model may be no better."""
    n, bare, best, tuned = counts
    assume(best < bare)
    result = gain(on_same_inputs(n, bare, best, tuned))

    alpha = 0.05 / 3
    bounds = [(lower(k, n, alpha), upper(k, n, alpha)) for k in (bare, best, tuned)]
    assume(abs(bounds[0][0] - bounds[2][1]) > 1e-6)
    if bounds[0][0] <= bounds[2][1]:
        assert result == {"line": "the tuned model is not proved to be better than bare", "shares": {}}
        return
    shares = [(first - prompt) / (first - end) for first, prompt, end in product(*bounds)]
    text = result["shares"]["format"]
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
    result = gain(on_same_inputs(n, n * 12 // 100, n * 3 // 100, n // 100))

    text = result["shares"]["format"]
    assert text["share"] == pytest.approx(9 / 11)
    assert (text["lower"], text["upper"]) == pytest.approx(bounds, abs=5e-4)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"pilot": None}, "no tuned model is measured"),
        (
            {"pilot": {"n": 2_000, "k_final": 20}},
            "the tuned model and the best prompt got different inputs",
        ),
        ({"comparisons": []}, "no prompt before few_shot got the same inputs"),
    ],
)
def test_no_share_of_the_gain_without_the_same_inputs(change, line):
    """Rates of other inputs are not compared: why there is no share is said, and what would measure it."""
    evidence = on_same_inputs(2_000, 240, 60, 20) | change

    result = gain(evidence)

    assert result == {"line": line, "shares": {}}


def test_the_share_of_right_values_stands_beside_that_of_the_format():
    """Where known answers are counted of all three, the share of what tuning gains of them is told as well."""
    evidence = on_same_inputs(2_000, 240, 60, 20)
    for one, k in zip(evidence["strategies"], (500, 300), strict=True):
        one["right"] = {"n": 2_000, "k": k}
    evidence["pilot"]["right"] = {"n": 2_000, "k": 100}

    result = gain(evidence)["shares"]

    assert list(result) == ["format", "right"]
    assert result["right"]["share"] == pytest.approx(0.5)


def test_what_is_missing_for_the_share_is_not_measured():
    """A pilot that was not asked the same inputs leaves a gap, and it is named."""
    result = decide(piloted({"n": 3_000, "k_final": 3})).as_dict()

    assert (
        "the share of the tuned model's gain that prompting reaches, because the tuned model and the best prompt got different "
        "inputs"
    ) in result["not_measured"]
