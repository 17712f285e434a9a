"""What a verdict says beside its figures."""

import pytest

from schema_guard.decide import decide
from schema_guard.stats import bounds
from tests.public.decide.examples import (
    economics,
    exhausted,
    failing,
    feasibility,
    ladder,
    passing,
    piloted,
    strategy,
)


def reasons(evidence):
    return {one["reason"]: one["line"] for one in decide(evidence).as_dict()["reasons_to_tune"]}


def test_no_reason_to_tune_goes_unmentioned():
    """Each of the four reasons has a line, or is listed as not measured."""
    counts = strategy(n=0, k=0)

    assert reasons(failing(strategies=[counts])) == dict.fromkeys(
        ("consistent_format", "domain_vocabulary", "cost_at_volume", "latency"), "not measured"
    )


def test_measured_reasons_tell_their_figures():
    """What was measured of each reason is told with its n, its bounds or its money."""
    latency = {"budget_s": 2, "p50_s": 1.5, "p95_s": 2.5, "tuned_p50_s": 0.5, "tuned_p95_s": 0.75}

    result = reasons(exhausted(latency=latency))

    assert result == {
        "consistent_format": (
            "few_shot (120 of 2,000 calls failed: 6% [4.1%, 7.9%]) misses the target of 1%"
        ),
        "domain_vocabulary": (
            "100 of 120 failed calls of few_shot (83% [71%, 93%]) "
            "have the right shape and a wrong value (kinds value and semantic)"
        ),
        "cost_at_volume": (
            "at 100,000 calls a month, tuning saves $1,675 a month in the worse case of both failure rates, and pays back in 1.7 months"
        ),
        "latency": "p50 1.5 s, p95 2.5 s: over the budget of 2 s; tuned p50 0.5 s, p95 0.75 s",
    }


def test_latency_of_a_tuned_model_may_be_unknown():
    """Without the tuned model's seconds the line says so."""
    line = reasons(passing(latency={"budget_s": 2, "p50_s": 1, "p95_s": 2}))["latency"]

    assert line == "p50 1 s, p95 2 s: within the budget of 2 s; tuned model not measured"


def test_vocabulary_is_not_measured_where_inputs_repeat():
    """Kinds count calls, and calls of one input are no evidence of their own: no share is told."""
    counts = strategy(n=100, k=50, clusters=[[10, 10]] * 5 + [[10, 0]] * 5, failure_kinds={"value": 50})

    assert reasons(failing(strategies=[counts]))["domain_vocabulary"] == "not measured"


def test_cost_that_is_lost_is_told():
    """A case that saves nothing never pays back."""
    dear = economics(tuned_cost=economics()["prompt_cost"], failure_cost=0)

    line = reasons(passing(economics=dear))["cost_at_volume"]

    assert (
        line
        == "at 2,000 calls a month, tuning loses $120 a month in the worse case of both failure rates, and never pays back"
    )


def test_cost_lines_show_the_arithmetic():
    """Every figure of the costs can be recomputed from its line."""
    lines = decide(exhausted()).as_dict()["cost"]["lines"]

    assert lines[0] == (
        "prompt: attempt 1 = (1000 x (0.50 x 3 + 0.50 x 0.3) + 500 x 3 + 100 x 21) / 1e6 = $0.00525, a retry adds "
        "400 x 3 / 1e6 = $0.0012; mean of 1.175 attempts per call: $0.006379"
    )
    assert lines[1] == (
        "tuned: attempt 1 = (100 x (1.00 x 1 + 0.00 x 0.5) + 500 x 1 + 100 x 8) / 1e6 = $0.0014, a retry adds "
        "400 x 1 / 1e6 = $0.0004; mean of 1.02 attempts per call: $0.001436"
    )
    assert lines[2] == (
        "pess: prompt $0.006379 + 4.23% x $0.40 = $0.023296; tuned $0.001436 + 0.90% x $0.40 = $0.005036; saving "
        "100,000 x $0.01826 - $120 = $1,706/month; upfront $2,850: payback 1.7 months"
    )
    assert "the base model must be available for at least 2.7 months" in lines
    assert lines[-1].startswith("not counted, because you gave no values: batch price, ")


@pytest.mark.parametrize(
    ("money", "line"),
    [
        (economics(failure_cost=0), "the bar: none, because failures cost nothing"),
        (economics(upfront={"labels": 1e6}), "so no tuned model pays"),
        (economics(), "the bar: the tuned model may fail at most ("),
    ],
)
def test_bar_is_told_in_words(money, line):
    """The bar is a rate, or out of reach, or none where failures cost nothing."""
    lines = decide(failing(economics=money)).as_dict()["cost"]["lines"]

    assert [text for text in lines if line in text] != []


def test_waiting_shows_in_the_lines():
    """Where waiting costs, its seconds are part of the arithmetic."""
    lines = decide(failing(economics=economics(latency_cost_per_s=0.001))).as_dict()["cost"]["lines"]

    assert " / 1e6 + 0 s x $0.001 = $0.00525" in lines[0]


def test_no_volume_pays_where_a_call_saves_nothing():
    """Break-even is told to be none, and no shutdown date is asked for."""
    dear = economics(tuned_cost=economics()["prompt_cost"], failure_cost=0)

    lines = decide(passing(economics=dear)).as_dict()["cost"]["lines"]

    assert lines[5].endswith(" = none, because a call saves nothing")
    assert "largest one-time cost that still pays back: 6 x $0 = $0" in lines
    assert not any("must live" in line for line in lines)


@pytest.mark.parametrize(
    ("evidence", "step"),
    [
        (passing(), "schema-guard watch --max-failure-rate 1%"),
        (
            passing(
                config={"latency_p95_s": 2.5},
                strategies=[strategy(n=1000, k=0, latency={"n": 1000, "k": 0})],
            ),
            "schema-guard watch --max-failure-rate 1% --max-p95 2.5s",
        ),
        (
            failing(ladder=ladder(json_mode="untested")),
            "schema-guard bench run --playbook --schema NAME --model MODEL --first-step json_mode",
        ),
        (
            failing(ladder=ladder(schema_simplify="untested")),
            "simplify the schema, then run: schema-guard bench run --playbook --schema NAME --model MODEL --first-step system_prompt",
        ),
        ({"schemas": [["a", 1, 0]]}, "schema-guard report"),
        (
            {**exhausted(), "feasibility": feasibility(train_examples=7)},
            "schema-guard tune prepare --schema NAME --output DIR  # lists the inputs to label next",
        ),
    ],
)
def test_next_step_follows_the_verdict(evidence, step):
    """What to run or to do next is told."""
    assert decide(evidence).as_dict()["next_step"] == step


def test_too_late_an_answer_prices_both_choices():
    """Where the answer takes more than three months, keeping and changing are both priced."""
    result = decide(
        failing(strategies=[strategy(n=300, k=1)], calls_per_month=90, economics=economics())
    ).as_dict()

    assert result["months_to_answer"] > 3
    assert result["why"].endswith("; at your volume, that takes too long")
    assert [choice.split(":")[0] for choice in result["choices"]] == [
        "assume that the rate is below the target, and keep the strategy",
        "assume that the rate is above the target, and tune",
    ]


def test_choices_without_economics_ask_for_them():
    """Without prices there is nothing to compare the choices by."""
    result = decide(failing(strategies=[strategy(n=1000, k=10)])).as_dict()

    assert result["choices"] == ["add economics to see the costs of keeping and of changing the strategy"]


def test_an_answer_that_comes_soon_leaves_no_choice():
    """Where the answer takes less than three months, waiting for it is enough."""
    assert "choices" not in decide(failing(strategies=[strategy(n=300, k=1)])).as_dict()


def test_gaps_are_named():
    """What the verdict does not know is listed."""
    assert decide(failing(strategies=[strategy()], economics=economics())).as_dict()["not_measured"] == [
        "content: the share of valid values that are right",
        "domain vocabulary: needs the failure kind of each failed call",
        "latency: needs durations and a limit",
        "the tuned model: needs a pilot",
        "months until the base model is shut down (an early shutdown is a risk)",
        "source and date of the prices",
    ]


def test_nothing_is_missing_where_all_is_measured():
    """With every optional part of the evidence nothing is listed as not measured."""
    evidence = piloted(
        {"n": 3000, "k_final": 1, "paired": {"b": 150, "c": 0}},
        comparisons=[{"before": "bare", "after": "few_shot", "n": 2000, "b": 150, "c": 10}],
        latency={"budget_s": 2, "p50_s": 1, "p95_s": 2},
        content={"n": 100, "right": 90},
        sources=[{"name": "price page", "as_of": "2026-11-01"}],
    )
    evidence["strategies"].append(strategy("bare", 2000, 260))

    result = decide(evidence).as_dict()

    right = bounds(90, 100, alpha=0.05 / 3)
    assert result["not_measured"] == []
    assert result["sources"] == [{"name": "price page", "as_of": "2026-11-01"}]
    assert result["content_right"] == {
        "n": 100,
        "k": 90,
        "rate": 0.9,
        "lower": right.lower,
        "upper": right.upper,
    }


def test_known_answers_that_are_none_are_no_measurement():
    """Content of no call has no rate."""
    assert "content_right" not in decide(passing(content={"n": 0, "right": 0})).as_dict()


def test_assumptions_tell_what_the_figures_rest_on():
    """The target that was not given and the assumed tuned model are told, with the target that money suggests."""
    result = decide(failing(strategies=[strategy()], economics=economics())).as_dict()

    extra = (0.0014 + 0.02 * 0.0018) + (2850 / 6 + 120) / 100_000 - 0.00525
    assert round(100 * extra / 0.4, 2) == 0.53
    assert result["assumptions"][2:] == [
        "no target is set, so 1% applies",
        "at a failure rate below 0.53%, failures cost less than tuning",
        "the tuned model's failure rate of 0.1%/0.4%/0.9% is your assumption until a pilot measures it",
        "assumed failure rates of the tuned model's attempts: 2%/50%",
        "the attempts of few_shot are not recorded, so its cost counts one attempt per call",
    ]


def test_notes_tell_where_claims_and_counts_differ():
    """A step that was measured is tested, whatever is claimed; a test without counts is called a claim."""
    claimed = [{"rung": "few_shot", "status": "untested"}, {"rung": "json_mode", "status": "tested"}]

    notes = decide(passing(ladder=claimed)).as_dict()["notes"]

    assert notes == [
        "the evidence marks json_mode as tested, but has no counts for it",
        "the evidence marks few_shot as untested, but few_shot measured it, so it counts as tested",
    ]


def test_a_raised_target_is_told():
    """A target that was raised is told with its day; one that was lowered is not."""
    history = [["2026-01-01", 0.01], ["2026-02-01", 0.03], ["2026-03-01", 0.02]]

    notes = decide(passing(ladder=[], target_history=history)).as_dict()["notes"]

    assert notes == ["the target was raised from 1% to 3% on 2026-02-01"]


def test_pilot_warnings_go_with_a_verdict_to_tune():
    """A verdict to tune warns of content that may be lost, and of a rate above the target."""
    pilot = {
        "n": 2500, "k_final": 61, "content": {"n": 100, "worse": 8, "better": 8},
        "segments": [
            {"name": "a", "share": 0.7, "prompt_n": 900, "prompt_k": 70, "tuned_n": 2000, "tuned_k": 1},
            {"name": "c", "share": 0.3, "prompt_n": 2000, "prompt_k": 2, "tuned_n": 500, "tuned_k": 60},
        ],
    }  # fmt: skip
    evidence = piloted(pilot, segments=[{"name": "a", "share": 1, "n": 10, "k": 1}], ladder=[])
    early = feasibility(months_to_shutdown=1.5)

    routed = decide(evidence).as_dict()
    ended = decide(evidence | {"feasibility": early})
    by_cost = decide(
        passing(
            economics=economics(failure_cost=0),
            pilot={"n": 100, "k_final": 5},
            calls_per_month=10**6,
            ladder=[],
        )
    ).as_dict()

    assert [note.split(" ")[0] for note in routed["notes"]] == ["content:", "the"]
    assert (routed["verdict"], ended.verdict) == ("FINE_TUNE_AND_ROUTE", "FINE_TUNE_BLOCKED")
    assert by_cost["verdict"] == "FINE_TUNE_FOR_COST"
    assert [note for note in by_cost["notes"] if note.endswith(" of the calls, above the target")] != []


def test_odds_are_told_on_both_sides():
    """Each strategy and the pilot have evidence for both sides of the target, in numbers and in words."""
    result = decide(piloted({"n": 100, "k_final": 0}, strategies=[strategy(n=300, k=0)])).as_dict()["odds"]

    assert result["few_shot"]["ok"] == pytest.approx(10.2656, rel=1e-5)
    assert result["few_shot"]["text"].startswith("below 10:1, above 1:")
    assert set(result) == {"few_shot", "tuned"}


def test_evidence_without_end_is_a_number():
    """Odds beyond the largest float are written as that float, for JSON has no infinity."""
    result = decide({"strategies": [strategy(n=10**6, k=0)]}).as_dict()["odds"]["few_shot"]

    assert result["ok"] == pytest.approx(1.797e308, rel=1e-3)
    assert result["text"].startswith("below over 1,000,000,000:1, above 1:")


@pytest.mark.parametrize(
    ("evidence", "seen"), [(exhausted, 0), (lambda: {**failing(), "ladder": ladder()}, 7)]
)
def test_seen_prices_are_shown_where_costs_are_asked_for(evidence, seen):
    """Where nothing but the costs is missing, what tuning was seen to cost is told, with source and month."""
    value = decide(evidence()).as_dict().get("seen_prices", [])

    assert len(value) == seen
    assert all(price["source"] and price["as_of"] for price in value)
