"""Every rule with its verdict, its figures and the order in which the rules are asked."""

import json
from dataclasses import dataclass, field
from math import fsum
from typing import Any

import pytest

from schema_guard.decide import decide
from schema_guard.stats import bounds, calls_needed, e_value, paired
from tests.public.decide.examples import (
    TARGET,
    economics,
    exhausted,
    failing,
    feasibility,
    ladder,
    passing,
    piloted,
    strategy,
)


@dataclass(frozen=True)
class Case:
    id: str
    evidence: dict[str, Any]
    expected: dict[str, Any] = field(default_factory=dict)


PASSES = {"n": 3000, "k_final": 3}
UNCLEAR = {"n": 600, "k_final": 4}
FAILS = {"n": 1000, "k_final": 40}
NEVER_PAYS = economics(failure_cost=0, prompt_cost=economics()["tuned_cost"])
TOO_SLOW = economics(upfront={"labels": 20_000})
CHEAP = passing(calls_per_month=2_000_000, economics=economics(failure_cost=0), feasibility=feasibility())
CONCENTRATED = [
    {"name": "scans", "share": 0.3, "n": 600, "k": 118},
    {"name": "mails", "share": 0.7, "n": 1400, "k": 1},
]
SEGMENTS = [
    {"name": "a", "share": 0.5, "prompt_n": 900, "prompt_k": 70, "tuned_n": 2000, "tuned_k": 1},
    {"name": "b", "share": 0.2, "prompt_n": 400, "prompt_k": 30, "tuned_n": 1500, "tuned_k": 0},
    {"name": "c", "share": 0.3, "prompt_n": 2000, "prompt_k": 2, "tuned_n": 500, "tuned_k": 60},
]
ROUTED = {"n": 4000, "k_final": 61, "segments": SEGMENTS}

WRONG = {
    "strategies": [strategy(n=2000, k=0, right={"n": 2000, "k": 600})],
    "config": {"right": 0.95},
}

VERDICTS = [
    Case("one strategy passes", passing(), {"verdict": "PROMPTING_ENOUGH", "strategy": "few_shot"}),
    Case(
        "the current strategy passes, and another one is cheaper",
        passing(
            strategies=[strategy("system_prompt", 1000, 0), strategy("larger_model", 1000, 0)],
            current="larger_model",
        ),
        {"verdict": "PROMPTING_ENOUGH", "strategy": "larger_model"},
    ),
    Case(
        "the current strategy fails, and the earliest passing step is chosen",
        passing(
            strategies=[
                strategy("larger_model", 2000, 0),
                strategy("few_shot", 2000, 1),
                strategy("bare", 1000, 99),
            ],
            current="bare",
        ),
        {"verdict": "PROMPTING_ENOUGH", "strategy": "few_shot"},
    ),
    Case(
        "with economics, the strategy with the lowest cost including retries is chosen",
        passing(
            strategies=[
                strategy("system_prompt", 2000, 0, attempts=[[2000, 900], [900, 0]]),
                strategy("few_shot", 2000, 0, attempts=[[2000, 10], [10, 0]]),
            ],
            economics=NEVER_PAYS,
        ),
        {"verdict": "PROMPTING_ENOUGH", "strategy": "few_shot"},
    ),
    Case("only the cost favors tuning", CHEAP, {"verdict": "FINE_TUNE_FOR_COST", "strategy": "few_shot"}),
    Case(
        "only the cost favors tuning, but tuning is blocked",
        {**CHEAP, "feasibility": feasibility(train_examples=99)},
        {"verdict": "PROMPTING_ENOUGH", "cost_case_blocked": ["train_examples"]},
    ),
    Case(
        "only the cost favors tuning, but it pays back too late",
        {**CHEAP, "economics": economics(upfront={"labels": 1e6}), "config": {"horizon_months": 6}},
        {"verdict": "PROMPTING_ENOUGH"},
    ),
    Case(
        "if all are undecided, the strategy that needs the fewest calls is named",
        failing(
            strategies=[strategy("few_shot", 300, 2), strategy("larger_model", 400, 0)], calls_per_month=1000
        ),
        {
            "verdict": "NEED_MORE_DATA",
            "strategy": "larger_model",
            "n_more": calls_needed(0, 400, TARGET, alpha=0.025),
            "months_to_answer": calls_needed(0, 400, TARGET, alpha=0.025) / 1000,
        },
    ),
    Case(
        "a rate equal to the target is never decided",
        failing(strategies=[strategy(n=1000, k=10)]),
        {"verdict": "NEED_MORE_DATA", "n_more": None, "months_to_answer": None},
    ),
    Case(
        "one strategy fails and one is undecided",
        failing(strategies=[strategy("few_shot", 2000, 200), strategy("larger_model", 100, 1)]),
        {"verdict": "NEED_MORE_DATA", "strategy": "larger_model"},
    ),
    Case(
        "no call is recorded yet",
        failing(strategies=[strategy(n=0, k=0)]),
        {"verdict": "NEED_MORE_DATA", "n_more": 1 + calls_needed(0, 1, TARGET)},
    ),
    Case(
        "replies are cut off",
        failing(
            strategies=[strategy(failure_kinds={"truncation": 60, "syntax": 60})],
            ladder=ladder(raise_max_output_tokens="untested", strict_schema="untested"),
        ),
        {"verdict": "TRY_NEXT_FIX", "next_rung": "raise_max_output_tokens"},
    ),
    Case(
        "less than half of the failures are cut off",
        failing(
            strategies=[strategy(n=20_000, k=1200, failure_kinds={"truncation": 119, "syntax": 1081})],
            ladder=ladder(raise_max_output_tokens="untested", strict_schema="untested"),
        ),
        {"verdict": "USE_CONSTRAINED_DECODING", "next_rung": "strict_schema"},
    ),
    Case(
        "too few replies are cut off",
        failing(
            strategies=[strategy(n=20, k=4, failure_kinds={"truncation": 2, "syntax": 2})],
            ladder=ladder(raise_max_output_tokens="untested", strict_schema="untested"),
        ),
        {
            "verdict": "USE_CONSTRAINED_DECODING",
            "not_fixable_by_decoding": {"k": 2, "lower": bounds(2, 20).lower},
        },
    ),
    Case(
        "a strict strategy that cannot reach the target is tried last",
        failing(ladder=ladder(strict_schema="untested", larger_model="untested")),
        {
            "verdict": "TRY_NEXT_FIX",
            "next_rung": "larger_model",
            "not_fixable_by_decoding": {"k": 100, "lower": bounds(100, 2000).lower},
        },
    ),
    Case(
        "only a strict strategy is left, which cannot reach the target",
        failing(ladder=ladder(strict_schema="untested")),
        {"verdict": "TRY_NEXT_FIX", "next_rung": "strict_schema"},
    ),
    Case(
        "the strict strategy is declined",
        failing(ladder=ladder(strict_schema="declined", temperature="untested", few_shot="untested")),
        {"verdict": "TRY_NEXT_FIX", "next_rung": "temperature"},
    ),
    Case(
        "without kinds of failures, strict decoding is tried",
        failing(strategies=[strategy()], ladder=ladder(strict_schema="untested")),
        {"verdict": "USE_CONSTRAINED_DECODING", "not_fixable_by_decoding": {"k": 0, "lower": 0.0}},
    ),
    Case(
        "a step that is declined without a reason is untested",
        failing(
            ladder=[{"rung": "few_shot", "status": "tested"}, {"rung": "json_mode", "status": "declined"}]
        ),
        {"verdict": "TRY_NEXT_FIX", "next_rung": "json_mode"},
    ),
    Case(
        "steps without a status do not count as untested",
        exhausted(ladder=[{"rung": "few_shot", "status": "tested"}]),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot", "ladder_exhausted": True},
    ),
    Case(
        "tuning pays",
        exhausted(),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot", "strategy": "few_shot"},
    ),
    Case(
        "tuning never pays back",
        failing(economics=NEVER_PAYS, feasibility=feasibility(train_examples=1)),
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "not_economic", "ladder_exhausted": True},
    ),
    Case(
        "tuning pays back too late",
        failing(economics=TOO_SLOW),
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "not_economic"},
    ),
    Case(
        "the evidence has no economics",
        failing(),
        {
            "verdict": "NEED_ECONOMICS",
            "missing": ["failure_cost", "tuned_cost", "upfront"],
        },
    ),
    Case(
        "all possible reasons block tuning",
        exhausted()
        | {"feasibility": feasibility(train_examples=99, new_jobs_allowed=False, months_to_shutdown=1)},
        {
            "verdict": "FINE_TUNE_BLOCKED",
            "blocked": ["train_examples", "provider_closed", "base_model_shutdown_before_payback"],
        },
    ),
    Case(
        "unknown feasibility blocks nothing",
        exhausted() | {"feasibility": {"months_to_shutdown": None}},
        {"verdict": "FINE_TUNE_JUSTIFIED"},
    ),
    Case(
        "the failures are in one segment",
        exhausted(segments=CONCENTRATED),
        {
            "verdict": "FINE_TUNE_AND_ROUTE",
            "stage": "pilot",
            "tune": ["scans"],
            "prompt": ["mails"],
            "alpha_segment": 0.025,
        },
    ),
    Case(
        "one segment is undecided",
        exhausted(segments=[CONCENTRATED[0], {"name": "mails", "share": 0.7, "n": 100, "k": 1}]),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot"},
    ),
    Case(
        "all segments fail the target",
        exhausted(segments=[CONCENTRATED[0], {"name": "mails", "share": 0.7, "n": 1400, "k": 100}]),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot"},
    ),
    Case(
        "tuning only for the failing segment does not pay",
        exhausted(segments=[CONCENTRATED[0] | {"share": 0.01}, CONCENTRATED[1] | {"share": 0.99}]),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot"},
    ),
    Case("the pilot passes and pays", piloted(PASSES), {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "ship"}),
    Case(
        "the pilot passes and does not pay",
        piloted(PASSES) | {"economics": TOO_SLOW},
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "not_economic"},
    ),
    Case(
        "the pilot passes, but the evidence has no economics",
        failing(pilot=PASSES),
        {"verdict": "NEED_ECONOMICS", "reason": None},
    ),
    Case(
        "no prompt gets the values right",
        passing(**WRONG),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot", "reason": "right", "exit_code": 1},
    ),
    Case(
        "no prompt gets the values right, and tuning does not pay",
        passing(**WRONG, economics=NEVER_PAYS, feasibility=feasibility()),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "pilot", "reason": "right"},
    ),
    Case(
        "no prompt gets the values right, and no training set exists",
        passing(**WRONG, feasibility=feasibility(train_examples=10)),
        {"verdict": "FINE_TUNE_BLOCKED", "blocked": ["train_examples"]},
    ),
    Case(
        "a fix for wrong values is untested",
        passing(**WRONG, ladder=ladder(reason_then_format="untested")),
        {"verdict": "TRY_NEXT_FIX", "next_rung": "reason_then_format"},
    ),
    Case(
        "one prompt may still get the values right",
        passing(
            strategies=[
                strategy("system_prompt", n=2000, k=0, right={"n": 60, "k": 4}),
                strategy(n=2000, k=0, right={"n": 2000, "k": 600}),
            ],
            config={"right": 0.95},
        ),
        {"verdict": "NEED_MORE_DATA"},
    ),
    Case(
        "only the pilot gets the values right",
        passing(**WRONG, pilot={**PASSES, "right": {"n": 3000, "k": 30}}),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "ship", "reason": "right"},
    ),
    Case(
        "the pilot fails",
        piloted(FAILS),
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "pilot_failed", "strategy": "few_shot"},
    ),
    Case(
        "the pilot is undecided",
        piloted(UNCLEAR),
        {
            "verdict": "NEED_MORE_DATA",
            "strategy": "tuned",
            "n_more": calls_needed(4, 600, TARGET, alpha=0.025),
            "months_to_answer": calls_needed(4, 600, TARGET, alpha=0.025) / 100_000,
        },
    ),
    Case(
        "the pilot has no call",
        piloted({"n": 0, "k_final": 0}),
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned", "alpha_each": 0.05},
    ),
    Case(
        "the tuned model is less often right",
        piloted({**PASSES, "content": {"n": 500, "worse": 90, "better": 5}}),
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "content_regression"},
    ),
    Case(
        "an undecided content comparison comes before an undecided pilot",
        piloted({**UNCLEAR, "content": {"n": 100, "worse": 4, "better": 4}}),
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned_content"},
    ),
    Case(
        "a failed pilot comes before the content comparison",
        piloted({**FAILS, "content": {"n": 500, "worse": 90, "better": 5}}),
        {"verdict": "ACCEPT_OR_REDESIGN", "reason": "pilot_failed"},
    ),
    Case(
        "the tuned model is as often right",
        piloted({**PASSES, "content": {"n": 2000, "worse": 2, "better": 4}}),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "ship"},
    ),
    Case(
        "two segments together are most of the traffic",
        piloted(ROUTED),
        {"verdict": "FINE_TUNE_AND_ROUTE", "tune": ["a", "b"], "prompt": ["c"], "alpha_segment": 0.05 / 6},
    ),
    Case(
        "the segments to tune have too few calls",
        piloted(ROUTED, config={"primary_share_min": 0.71}),
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned"},
    ),
    Case(
        "neither model is good enough for one segment",
        piloted(ROUTED | {"segments": [*SEGMENTS[:2], SEGMENTS[2] | {"prompt_k": 300}]}),
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned"},
    ),
    Case(
        "routing does not pay",
        piloted(ROUTED) | {"economics": TOO_SLOW},
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned"},
    ),
    Case(
        "without economics, nothing shows that routing pays",
        failing(pilot=ROUTED),
        {"verdict": "NEED_MORE_DATA", "strategy": "tuned"},
    ),
    Case(
        "the tuned model passes in all segments, so routing is not needed",
        piloted(
            {
                "n": 3500,
                "k_final": 1,
                "segments": [SEGMENTS[0] | {"share": 0.7}, SEGMENTS[1] | {"share": 0.3}],
            }
        ),
        {"verdict": "FINE_TUNE_JUSTIFIED", "stage": "ship"},
    ),
]


@pytest.mark.parametrize("case", VERDICTS, ids=lambda case: case.id)
def test_rules_give_the_verdict(case):
    """The first rule that matches gives the verdict and its figures."""
    result = decide(case.evidence).as_dict()

    assert {key: result.get(key) for key in case.expected} == case.expected


@pytest.mark.parametrize("case", VERDICTS, ids=lambda case: case.id)
def test_verdict_is_plain_json(case):
    """A verdict survives JSON, which has no NaN and no infinity."""
    result = decide(case.evidence).as_dict()

    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_kinds_from_before_the_alarm_are_not_used():
    """Failure kinds that include calls before the alarm say nothing of those after it."""
    change = {
        "direction": "fall",
        "at": 900,
        "alarm_at": 1000,
        "n": 500,
        "k": 60,
        "since_n": 1100,
        "since_k": 70,
    }
    change |= {"prior_n": 899, "prior_k": 50, "open": True}
    changed = strategy(failure_kinds={"value": 120}, change=change)

    result = decide(failing(strategies=[changed], ladder=ladder(strict_schema="untested"))).as_dict()

    assert result["not_fixable_by_decoding"] == {"k": 0, "lower": 0.0}
    assert (
        "few_shot: the verdict ignores the failure kinds, because they include calls before the alarm"
        in result["notes"]
    )


def test_transport_failures_leave_the_counts():
    """Transport failures are neither calls nor failures of the format rate."""
    counts = strategy(n=1030, k=30, failure_kinds={"transport": 30})

    result = decide(passing(strategies=[counts])).as_dict()

    assert (result["verdict"], result["rates"]["few_shot"]["n"], result["rates"]["few_shot"]["k"]) == (
        "PROMPTING_ENOUGH", 1000, 0
    )  # fmt: skip


def test_inputs_that_repeat_count_once():
    """With clusters n is the inputs, k the sum of their means, and a further input takes its calls."""
    clusters = [[10, 5], [2, 1], *[[4, 0]] * 198]
    counts = strategy(n=804, k=6, clusters=clusters)

    result = decide(failing(strategies=[counts], calls_per_month=5000)).as_dict()

    more = calls_needed(1.0, 200, TARGET)
    assert (result["rates"]["few_shot"]["n"], result["rates"]["few_shot"]["k"]) == (200, 1.0)
    assert (result["n_more"], result["months_to_answer"]) == (more, pytest.approx(more * 804 / 200 / 5000))


def test_inputs_that_repeat_alike_share_a_cluster():
    """A cluster may stand for several inputs with the same calls and failures."""
    one = strategy(n=60, k=8, clusters=[[10, 4]] * 2 + [[10, 0]] * 4)
    two = strategy(n=60, k=8, clusters=[[10, 4, 2], [10, 0, 4]])

    assert decide(failing(strategies=[one])).as_dict() == decide(failing(strategies=[two])).as_dict()


def test_notes_of_the_evidence_come_first():
    """What whoever gathered the evidence has to say opens the notes."""
    notes = decide(passing(notes=["ten calls are under an older schema"])).as_dict()["notes"]

    assert notes[0] == "ten calls are under an older schema"


def test_clusters_of_one_call_change_nothing():
    """Where no input repeats, its clusters are its calls, and no note is made of them."""
    counts = strategy(n=20, k=2, clusters=[[1, 1]] * 2 + [[1, 0]] * 18, failure_kinds={"value": 2})

    one = decide(failing(strategies=[counts])).as_dict()
    two = decide(failing(strategies=[strategy(n=20, k=2, failure_kinds={"value": 2})])).as_dict()

    assert one == two


def test_what_decoding_cannot_fix_is_counted_in_inputs_where_inputs_repeat():
    """Failure kinds count calls; where inputs repeat they are scaled to inputs before they are bounded."""
    clusters = [[10, 10]] * 30 + [[10, 0]] * 70
    counts = strategy(n=1000, k=300, clusters=clusters, failure_kinds={"syntax": 200, "value": 100})

    result = decide(failing(strategies=[counts], ladder=ladder(strict_schema="untested"))).as_dict()

    assert result["not_fixable_by_decoding"] == {
        "k": pytest.approx(10),
        "lower": pytest.approx(bounds(10, 100).lower),
    }


def test_best_strategy_is_the_earlier_step_of_two_with_one_rate():
    """Of equal rates the earlier step is the best, wherever it stands in the evidence."""
    result = decide(
        failing(strategies=[strategy("larger_model", 1000, 60), strategy("json_mode", 1000, 60)])
    ).as_dict()

    assert result["best"] == "json_mode"


def test_schemas_are_flagged_by_their_own_evidence():
    """Schemas are flagged together at the false discovery rate, the strongest evidence first."""
    schemas = [["a", 500, 5], ["b", 500, 40], ["c", 0, 0], ["d", 200, 30]]

    result = decide({"schemas": schemas}).as_dict()

    evidence = {name: e_value(k, n, TARGET, side="bad") for name, n, k in schemas}
    assert (result["verdict"], result["flagged"], result["exit_code"]) == ("SCHEMAS_FLAGGED", ["d", "b"], 1)
    assert result["e_bad"] == evidence
    assert evidence["d"] > evidence["b"] > 4 / (2 * 0.1) > evidence["a"]


def test_no_schema_flagged_is_good():
    """Where no schema is flagged there is no finding."""
    verdict = decide({"schemas": [["a", 500, 1]]})

    assert (verdict.figures["flagged"], verdict.exit_code()) == ([], 0)


@pytest.mark.parametrize(
    ("evidence", "plain", "strict"),
    [
        (passing(), 0, 0),
        (CHEAP, 0, 0),
        (failing(strategies=[strategy(n=100, k=1)]), 0, 1),
        (failing(), 1, 1),
        (failing(ladder=ladder(json_mode="untested")), 1, 1),
        (exhausted(), 1, 1),
    ],
)
def test_exit_code_tells_the_verdict(evidence, plain, strict):
    """0 is good, 1 a verdict against; too few data are against only where proof is required."""
    verdict = decide(evidence)

    assert (verdict.exit_code(), verdict.exit_code(require_proof=True)) == (plain, strict)


def test_pilot_is_compared_with_the_prompt():
    """Pairs give evidence that the tuned model is better, and the interval of the difference."""
    result = decide(piloted({**PASSES, "paired": {"b": 34, "c": 6}})).as_dict()

    compared = paired(34, 6, 3000, alpha=0.025)
    assert result["paired_e"] == result["paired"]["e_value"] == compared.e_value
    assert (result["paired"]["lower"], result["paired"]["upper"]) == (compared.lower, compared.upper)


def test_further_answers_are_forecast_for_content():
    """The forecast is the smallest number of further answers that decide, at the observed rates."""
    result = decide(piloted({**PASSES, "content": {"n": 400, "worse": 10, "better": 10}})).as_dict()

    def widest(n):
        return bounds(n / 40, n, alpha=0.05 / 4)

    n = 400 + result["n_more"]
    assert widest(n).upper - widest(n).lower <= 0.02 < widest(n - 1).upper - widest(n - 1).lower


def test_content_without_answers_or_with_the_loss_at_the_margin_has_no_forecast():
    """No number of answers decides a loss that is exactly the margin, and without answers there is no rate."""
    at_margin = decide(piloted({**PASSES, "content": {"n": 500, "worse": 10, "better": 0}})).as_dict()
    nothing = decide(piloted({**PASSES, "content": {"n": 0, "worse": 0, "better": 0}})).as_dict()

    assert (at_margin["strategy"], at_margin["n_more"]) == ("tuned_content", None)
    assert (nothing["strategy"], nothing["n_more"]) == ("tuned_content", None)


def test_routing_is_priced_on_the_calls_of_the_tuned_segments():
    """Volume, prompt rate and tuned rate of a route are those of its segments, weighted by share."""
    result = decide(piloted(ROUTED)).as_dict()

    alpha = 0.05 / 6
    weights = (0.5 / 0.7, 0.2 / 0.7)
    prompt = fsum(
        w * bounds(k, n, alpha=alpha).lower for w, k, n in zip(weights, (70, 30), (900, 400), strict=True)
    )
    tuned = fsum(
        w * bounds(k, n, alpha=alpha).upper for w, k, n in zip(weights, (1, 0), (2000, 1500), strict=True)
    )
    prompt_call = 0.00525 + (200 + 150) / 2000 * (0.00525 + 0.0012) + prompt * 0.4
    tuned_call = 0.0014 + 0.02 * (0.0014 + 0.0004) + tuned * 0.4
    saving = 70_000 * (prompt_call - tuned_call) - 120
    assert result["economics"]["pess"] == pytest.approx(
        {
            "prompt_per_call": prompt_call,
            "tuned_per_call": tuned_call,
            "saving_per_month": saving,
            "payback_months": 2850 / saving,
        }
    )


def test_a_segment_of_a_pilot_may_have_no_prompted_call():
    """Without a prompted call a segment has nothing proved to gain, and its route is priced so."""
    segments = [SEGMENTS[0] | {"prompt_n": 0, "prompt_k": 0, "share": 0.7}, SEGMENTS[2]]
    more = {"economics": economics(failure_cost=0.01), "calls_per_month": 1_000_000}

    result = decide(piloted({"n": 2500, "k_final": 61, "segments": segments}) | more).as_dict()

    assert result["verdict"] == "FINE_TUNE_AND_ROUTE"
    assert result["economics"]["pess"]["prompt_per_call"] == pytest.approx(0.00525 + 0.175 * 0.00645)


def test_routing_that_would_pay_where_tuning_everything_does_not_is_told():
    """Where tuning all traffic does not pay and tuning the failing segment would, a note says so."""
    dear = economics(
        failure_cost=5, tuned={"hazards": [0.1], "residual": {"opt": 0.05, "point": 0.06, "pess": 0.08}}
    )
    segments = [CONCENTRATED[0], CONCENTRATED[1]]

    result = decide(failing(economics=dear, segments=segments)).as_dict()

    assert result["reason"] == "not_economic"
    assert [note for note in result["notes"] if note.startswith("tuning for scans alone would pay back in")]


def test_a_comparison_on_the_same_inputs_is_told_with_its_evidence():
    """Of 200 inputs 8 are valid only afterwards: that is evidence of 100:1."""
    evidence = passing(strategies=[strategy("system_prompt", 200, 20), strategy("few_shot", 200, 12)])
    evidence["comparisons"] = [{"before": "system_prompt", "after": "few_shot", "n": 200, "b": 8, "c": 0}]

    (result,) = decide(evidence).as_dict()["comparisons"]

    assert result["e_value"] == pytest.approx(100.4755, abs=1e-4)
    assert result["better"] is True
    assert result["lower"] < 8 / 200 < result["upper"]
