"""The limits of the rules: one call, one percent, or one example more changes the answer."""

import json
from datetime import UTC, datetime

import pytest

from schema_guard import tags
from schema_guard.decide import decide
from tests.public.decide.examples import (
    STEPS,
    economics,
    exhausted,
    failing,
    feasibility,
    ladder,
    passing,
    strategy,
)
from tests.public.decide.production import CUT_OFF, ENUM, GOOD, REFUSED, reply, summary


def verdict_of(n, k, **more):
    return decide({"calls_per_month": 2_000, "strategies": [strategy(n=n, k=k)], **more}).verdict


@pytest.mark.parametrize(
    ("n", "k", "target", "verdict"),
    [
        (376, 0, 0.01, "NEED_MORE_DATA"),
        (377, 0, 0.01, "PROMPTING_ENOUGH"),
        (73, 0, 0.05, "NEED_MORE_DATA"),
        (74, 0, 0.05, "PROMPTING_ENOUGH"),
        (187, 0, 0.02, "NEED_MORE_DATA"),
        (188, 0, 0.02, "PROMPTING_ENOUGH"),
        (755, 0, 0.005, "NEED_MORE_DATA"),
        (756, 0, 0.005, "PROMPTING_ENOUGH"),
    ],
)
def test_number_of_clean_calls_that_proves_a_target(n, k, target, verdict):
    """Prompting is enough from exactly the documented number of clean calls."""
    assert verdict_of(n, k, config={"target": target}) == verdict


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_alpha_is_shared_by_the_strategies(alpha):
    """Each of two strategies has half of alpha, and each of three a third."""
    for count in (1, 2, 3):
        names = ("system_prompt", "few_shot", "larger_model")[:count]
        verdict = decide(
            {"strategies": [strategy(name, n=400, k=1) for name in names], "config": {"alpha": alpha}}
        )

        assert verdict.as_dict()["alpha_each"] == pytest.approx(alpha / count)


@pytest.mark.parametrize(("examples", "blocked"), [(99, True), (100, False)])
def test_tuning_needs_a_hundred_examples(examples, blocked):
    """The default of min_train_examples is 100."""
    verdict = decide({**exhausted(), "feasibility": feasibility(train_examples=examples)})

    assert (verdict.verdict == "FINE_TUNE_BLOCKED") is blocked


@pytest.mark.parametrize(("share", "code"), [(0.0999, 0), (0.1, 1)])
def test_strategy_with_a_tenth_of_the_calls_is_in_production(share, code):
    """A strategy with less than 10% of the latest calls is a trial. Its failures do not fail the command."""
    good = strategy("few_shot", n=3_000, k=0, traffic_share=1 - share)
    bad = strategy("larger_model", n=300, k=60, traffic_share=share)
    verdict = decide({"strategies": [good, bad], "current": "few_shot"})

    assert (verdict.verdict, verdict.exit_code()) == ("PROMPTING_ENOUGH", code)


@pytest.mark.parametrize(("calls", "validated", "code"), [(4, 100, 0), (5, 100, 1), (5, 495, 0), (5, 494, 1)])
def test_unexplained_calls_are_reported_from_five_and_above_the_target(calls, validated, code):
    """Four calls, or a share equal to the target, are not reported."""
    excluded = [{"code": "call_raised", "exception": "KeyError", "calls": calls}]
    verdict = decide(
        passing(strategies=[strategy(n=validated, k=0, excluded=excluded)], config={"target": 0.01})
    )

    assert (verdict.as_dict().get("unexplained") is not None, verdict.exit_code()) == (code == 1, code)


@pytest.mark.parametrize("code", ["provider_error", "stream_cut", "cancelled", "expected"])
def test_explained_calls_are_never_a_breach(code):
    """Errors of the provider and of the caller leave the exit status at 0."""
    excluded = [{"code": code, "exception": "E", "calls": 500}]

    assert decide(passing(strategies=[strategy(n=1_000, k=0, excluded=excluded)])).exit_code() == 0


KINDS = [
    ("structure", "required", "strict_schema"),
    ("value", "enum", "strict_schema"),
    ("syntax", "no_json", "strict_schema"),
    ("truncation", "max_tokens", "raise_max_output_tokens"),
    ("refusal", "refusal", "few_shot"),
    ("semantic", "check", "few_shot"),
]


@pytest.mark.parametrize(("kind", "code", "rung"), KINDS)
def test_next_step_can_fix_the_most_frequent_failure(kind, code, rung):
    """The next step is one that can fix the most frequent kind of failure."""
    untested = ladder(**dict.fromkeys(STEPS, "untested"))
    result = decide(
        failing(
            strategies=[strategy("system_prompt", failure_kinds={kind: 120}, failure_codes={code: 120})],
            ladder=untested,
        )
    ).as_dict()

    assert result["next_rung"] == rung


@pytest.mark.parametrize(("cut_off", "is_first"), [(59, False), (60, True), (120, True)])
@pytest.mark.parametrize("rest", ["required", "enum"])
def test_longer_replies_come_first_if_half_of_the_failures_are_cut_off(cut_off, is_first, rest):
    """If less than half of the failures are cut off, another fix is next."""
    kind = {"required": "structure", "enum": "value"}[rest]
    one = strategy(
        "system_prompt",
        failure_kinds={kind: 120 - cut_off, "truncation": cut_off},
        failure_codes={rest: 120 - cut_off, "max_tokens": cut_off},
    )
    result = decide(failing(strategies=[one], ladder=ladder(**dict.fromkeys(STEPS, "untested")))).as_dict()

    assert (result["next_rung"] == "raise_max_output_tokens") is is_first


@pytest.mark.parametrize(("k", "status"), [(2, 0), (18, 1)])
def test_exit_status_of_a_latency_target(k, status):
    """At most 5% of the calls may be slower than the target."""
    one = strategy(n=2_000, k=0, latency={"n": 100, "k": k}, traffic_share=1.0)

    assert decide({"strategies": [one], "config": {"latency_p95_s": 0.5}}).exit_code() == status


def test_monthly_volume_uses_a_mean_month(production):
    """One call per minute is 43,830 calls in a month of 30.4375 days."""
    production.calls(3_000, 0)

    assert production.verdict().figures["calls_per_month"] == pytest.approx(43_830, rel=0.001)


def test_since_includes_a_call_at_that_second(production):
    """A call that starts exactly at --since counts. The call before it does not."""
    for _ in range(3):
        production.calls(10, 0, after_s=100.0)
    whole = datetime.fromtimestamp(production.now - 1_000, UTC)

    for second, calls in ((whole, 10), (whole.replace(second=(whole.second + 1) % 60), 9)):
        since = second.isoformat()
        assert f" {calls} " in production.run("report", "--since", since)[1]
        result = production.run("watch", "--max-failure-rate", "0.5", "--since", since)[1]
        assert f"0% of calls failed (0 of {calls};" in result


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (ENUM, "value (enum) 20"),
        ("{}", "structure (required) 20"),
        ("no JSON", "syntax (no_json) 20"),
        (REFUSED, "refusal (refusal) 20"),
        (CUT_OFF, "truncation (max_tokens) 20"),
        ('{"team": 1}', "value (enum) 20"),
        ("[]", "structure (type) 20"),
    ],
    ids=str,
)
def test_report_counts_each_kind_of_failure(production, bad, text):
    """Twenty of a hundred calls fail in one way: 80% are valid first time and 20% fail."""
    production.calls(100, 5, bad)
    out = production.run("report")[1]

    assert f"failed attempts by kind: {text}" in out
    assert "80% [" in out
    assert "20% [" in out


def test_report_counts_add_up(production):
    """Calls are valid first time, fixed by retry, or failed. Excluded calls are counted separately."""
    production.calls(90, 3, max_attempts=2, retries=True)
    production.calls(30, 3, max_attempts=2)
    production.calls(10, 0, good="```json\n" + GOOD + "\n```", max_attempts=2)
    production.calls(4, 0, max_attempts=2, raises=TimeoutError("t"))
    (result,) = [one for one in _groups(production) if one["function"] == "shop.extract"]

    counts = [result[key]["count"] for key in ("clean", "valid_first_time", "fixed_by_retry", "failed")]
    assert (result["calls"], result["transport"]) == (130, 4)
    assert sum(counts[1:]) == 130
    assert counts[1] - counts[0] == 10
    assert result["failed"]["n"] == 130
    assert result["attempts"] == 130 + counts[2] + counts[3] + 4


def _groups(production):
    return json.loads(production.run("report", "--format", "json")[1])["groups"]


def test_report_sums_tokens_and_seconds_of_all_attempts(production):
    """The report sums the tokens of all attempts. Its percentiles are seconds per attempt."""
    for seconds, calls in ((0.1, 60), (1.0, 30), (10.0, 10)):
        production.takes_s = seconds
        production.calls(calls, 0, good=reply(GOOD, tokens=(100, 7), cached=40))
    (result,) = _groups(production)

    assert (result["input_tokens"], result["output_tokens"], result["unknown_usage"]) == (10_000, 700, 0)
    assert result["elapsed_s"] == pytest.approx(60 * 0.1 + 30 * 1.0 + 10 * 10.0)
    assert result["elapsed_p50_s"] == pytest.approx(0.1, rel=0.06)
    assert result["elapsed_p95_s"] == pytest.approx(10.0, rel=0.06)


def test_cached_tokens_use_their_own_price(production):
    """600 tokens at $3, 400 cached tokens at $1, and 100 output tokens at $12 a million cost $0.0034."""
    (production.folder / "p.json").write_text(
        json.dumps({"m1": {"p_in": 3.0, "p_cached": 1.0, "p_out": 12.0}})
    )
    production.calls(400, 0, good=reply(GOOD, tokens=(1_000, 100), cached=400))
    known = {key: value for key, value in economics().items() if key != "prompt_cost"}
    result = production.verdict(prices=str(production.folder / "p.json"), given={"economics": known})

    assert result.figures["economics"]["point"]["prompt_per_call"] == pytest.approx(
        (600 * 3 + 400 * 1 + 100 * 12) / 1e6
    )


@pytest.mark.parametrize(
    ("segment", "status", "counts"),
    [("eu", 1, "50% of calls failed (50 of 100;"), ("us", 0, "0% of calls failed (0 of 400;")],
)
def test_segment_option_limits_the_verdict_to_its_calls(production, segment, status, counts):
    """With --segment, only the calls of that segment count."""
    with tags(segment="eu"):
        production.calls(100, 2)
    with tags(segment="us"):
        production.calls(400, 0)
    code, out, _ = production.run("decide", "--segment", segment, "--max-failure-rate", "0.01")

    assert code == status
    assert counts in out


def test_the_worst_function_sets_the_exit_status(production):
    """The exit status is 1 if one function fails, even if another one is good."""
    production.calls(400, 0, name="shop.good")
    assert production.run("decide")[0] == 0
    production.calls(400, 4, name="shop.bad")

    assert production.run("decide")[0] == 1
    assert production.run("decide", "--function", "shop.good")[0] == 0


@pytest.mark.parametrize(("strict", "status"), [([], 0), (["--require-proof"], 1)])
def test_too_few_calls_fail_only_if_proof_is_required(production, strict, status):
    """NEED_MORE_DATA has exit status 0 by default and 1 with --require-proof."""
    production.calls(20, 0)

    assert production.run("decide", *strict)[0] == status


def test_latest_declared_target_is_stored(production):
    """A run without --target uses the target of the run before it."""
    production.calls(100, 10)
    production.run("decide", "--max-failure-rate", "0.3")
    production.run("decide", "--max-failure-rate", "0.4")
    out = production.run("decide")[1]

    assert "at most 40% of the calls" in out
    assert summary(production.verdict(0.4))[2] == 0


def test_verdict_lists_missing_costs():
    """If every step is used up and the costs are unknown, the verdict lists the missing costs."""
    verdict = decide({**failing(), "strategies": [strategy(n=2_000, k=200)]})

    assert (verdict.verdict, verdict.exit_code()) == ("NEED_ECONOMICS", 1)
    assert verdict.as_dict()["missing"] == ["failure_cost", "tuned_cost", "upfront"]


COST = economics()["prompt_cost"]


@pytest.mark.parametrize(("fixed", "verdict"), [(1_000, "PROMPTING_ENOUGH"), (900, "USE_CHEAPER_MODEL")])
def test_a_model_is_cheaper_only_if_it_costs_less(fixed, verdict):
    """At the same price, the current model stays. A hundred tokens fewer justify a switch."""
    used = strategy("few_shot", n=2_000, k=0, model="m1", traffic_share=1.0, prompt_cost=COST)
    other = strategy("smaller_model", n=2_000, k=0, model="m2", prompt_cost={**COST, "fixed": fixed})
    evidence = passing(
        strategies=[used, other],
        current="few_shot",
        economics=economics(failure_cost=0, upfront={"labels": 1e7}),
    )

    assert decide(evidence).verdict == verdict


def test_zero_saving_never_pays_back():
    """With equal tokens and prices and no other costs, the payback time is None."""
    same = economics(
        failure_cost=0,
        tuned_cost=COST,
        hosting_per_month=0,
        refresh_per_month=0,
        tuned={"hazards": [0.0], "residual": {"opt": 0, "point": 0, "pess": 0}},
    )
    money = decide(
        failing(strategies=[strategy(n=2_000, k=200)], economics=same, feasibility=feasibility())
    ).as_dict()

    assert [money["economics"][column]["saving_per_month"] for column in ("pess", "point", "opt")] == [
        0,
        0,
        0,
    ]
    assert [money["economics"][column]["payback_months"] for column in ("pess", "point", "opt")] == [None] * 3


def test_calls_with_hidden_retries_count_only_in_the_failure_rate(production):
    """schema_guard cannot see retries inside another library, so these calls are in no other rate."""
    pydantic = pytest.importorskip("pydantic")
    answer = pydantic.create_model("Answer", team=str)
    hidden = answer(team="a")
    # instructor stores the reply in an attribute of the returned value.
    vars(hidden)["_raw_response"] = reply(GOOD, tokens=(10, 2))
    production.calls(30, 0, good=hidden, schema=answer)
    production.calls(50, 5, schema=answer)
    (result,) = _groups(production)

    assert (result["calls"], result["unseen"]) == (80, 30)
    assert [(result[key]["count"], result[key]["n"]) for key in ("valid_first_time", "fixed_by_retry", "repaired", "failed")] == [
        (40, 50), (0, 50), (0, 50), (10, 80),
    ]  # fmt: skip
