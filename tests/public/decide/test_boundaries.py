"""The last value on each side of each rule: one call, one percent, or one example more changes the answer."""

import json
from datetime import UTC, datetime

import pytest

from schema_guard import tags
from schema_guard.decide import decide
from tests.public.decide.examples import (
    RUNGS,
    economics,
    exhausted,
    failing,
    feasibility,
    ladder,
    passing,
    strategy,
)
from tests.public.decide.town import CUT_OFF, ENUM, GOOD, REFUSED, reply, said


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
def test_clean_calls_that_are_enough(n, k, target, verdict):
    """As many clean calls as the table of zero failures says, and not one fewer."""
    assert verdict_of(n, k, config={"target": target}) == verdict


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_alpha_is_shared_by_the_strategies(alpha):
    """Two strategies have half of alpha each, three a third."""
    for count in (1, 2, 3):
        names = ("system_prompt", "few_shot", "larger_model")[:count]
        found = decide(
            {"strategies": [strategy(name, n=400, k=1) for name in names], "config": {"alpha": alpha}}
        )

        assert found.as_dict()["alpha_each"] == pytest.approx(alpha / count)


@pytest.mark.parametrize(("examples", "blocked"), [(99, True), (100, False)])
def test_a_hundred_examples_are_enough_to_tune_on(examples, blocked):
    """The default of min_train_examples is 100."""
    found = decide({**exhausted(), "feasibility": feasibility(train_examples=examples)})

    assert (found.verdict == "FINE_TUNE_BLOCKED") is blocked


@pytest.mark.parametrize(("share", "code"), [(0.0999, 0), (0.1, 1)])
def test_a_tenth_of_the_calls_is_production(share, code):
    """A strategy with less of the latest calls is tried, and what it fails at is no breach."""
    good = strategy("few_shot", n=3_000, k=0, traffic_share=1 - share)
    bad = strategy("larger_model", n=300, k=60, traffic_share=share)
    found = decide({"strategies": [good, bad], "current": "few_shot"})

    assert (found.verdict, found.exit_code()) == ("PROMPTING_ENOUGH", code)


@pytest.mark.parametrize(
    ("calls", "judged", "verdict"),
    [
        (4, 100, "PROMPTING_ENOUGH"),
        (5, 100, "FIND_WHAT_CHANGED"),
        (5, 495, "PROMPTING_ENOUGH"),
        (5, 494, "FIND_WHAT_CHANGED"),
    ],
)
def test_five_unexplained_calls_that_are_more_than_the_target_are_too_many(calls, judged, verdict):
    """Fewer than five, or exactly the target's share, are not reported."""
    outside = [{"code": "call_raised", "exception": "KeyError", "calls": calls}]
    found = decide(passing(strategies=[strategy(n=judged, k=0, outside=outside)], config={"target": 0.01}))

    assert (found.as_dict().get("unexplained") is not None or found.exit_code() == 1) is (
        verdict == "FIND_WHAT_CHANGED"
    )


@pytest.mark.parametrize("code", ["provider_error", "stream_cut", "cancelled", "expected"])
def test_explained_calls_are_never_a_breach(code):
    """Faults of the provider and of the caller leave the exit status at 0."""
    outside = [{"code": code, "exception": "E", "calls": 500}]

    assert decide(passing(strategies=[strategy(n=1_000, k=0, outside=outside)])).exit_code() == 0


KINDS = [
    ("structure", "required", "strict_schema"),
    ("value", "enum", "strict_schema"),
    ("syntax", "no_json", "strict_schema"),
    ("truncation", "max_tokens", "raise_max_output_tokens"),
    ("refusal", "refusal", "few_shot"),
    ("semantic", "check", "few_shot"),
]


@pytest.mark.parametrize(("kind", "code", "rung"), KINDS)
def test_remedy_fits_the_kind_of_most_failures(kind, code, rung):
    """The next step is one that can repair what fails."""
    untested = ladder(**dict.fromkeys(RUNGS, "untested"))
    found = decide(
        failing(
            strategies=[strategy("system_prompt", failure_kinds={kind: 120}, failure_codes={code: 120})],
            ladder=untested,
        )
    ).as_dict()

    assert found["next_rung"] == rung


@pytest.mark.parametrize(("k", "status"), [(2, 0), (18, 1)])
def test_exit_status_of_a_latency_target(k, status):
    """At most 5% of the calls may be slower than the target."""
    one = strategy(n=2_000, k=0, latency={"n": 100, "k": k}, traffic_share=1.0)

    assert decide({"strategies": [one], "config": {"latency_p95_s": 0.5}}).exit_code() == status


def test_volume_is_that_of_a_mean_month(town):
    """A call a minute is 43,830 calls in a month of 30.4375 days."""
    town.calls(3_000, 0)

    assert town.verdict().figures["calls_per_month"] == pytest.approx(43_830, rel=0.001)


def test_since_takes_in_the_call_of_that_second(town):
    """A call that starts at the time itself counts; the one before it does not."""
    for _ in range(3):
        town.calls(10, 0, after_s=100.0)
    whole = datetime.fromtimestamp(town.now - 1_000, UTC)

    for second, calls in ((whole, 10), (whole.replace(second=(whole.second + 1) % 60), 9)):
        since = second.isoformat()
        assert f" {calls} " in town.run("report", "--since", since)[1]
        found = town.run("watch", "--slo", "0.5", "--since", since)[1]
        assert f"0 of {calls} failed" in found


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (ENUM, "value enum 20"),
        ("{}", "structure required 20"),
        ("no JSON", "syntax no_json 20"),
        (REFUSED, "refusal refusal 20"),
        (CUT_OFF, "truncation max_tokens 20"),
        ('{"team": 1}', "value enum 20"),
        ("[]", "structure type 20"),
    ],
    ids=str,
)
def test_report_counts_each_kind_of_failure(town, bad, text):
    """Twenty of a hundred calls fail in one way: 80% are valid at once, and 20% fail."""
    town.calls(100, 5, bad)
    out = town.run("report")[1]

    assert f"failed: {text}" in out
    assert "80.0 [" in out
    assert "20.0 [" in out


def test_report_adds_up(town):
    """Valid at once, fixed by a retry, and failed are all judged calls; excluded calls are beside them."""
    town.calls(90, 3, max_attempts=2, retries=True)
    town.calls(30, 3, max_attempts=2)
    town.calls(10, 0, good="```json\n" + GOOD + "\n```", max_attempts=2)
    town.calls(4, 0, max_attempts=2, raises=TimeoutError("t"))
    (found,) = [one for one in _groups(town) if one["function"] == "shop.extract"]

    counts = [found[key]["count"] for key in ("exact", "first_pass", "reasked", "unhandled")]
    assert (found["calls"], found["transport"]) == (130, 4)
    assert sum(counts[1:]) == 130
    assert counts[1] - counts[0] == 10
    assert found["unhandled"]["n"] == 130
    assert found["attempts"] == 130 + counts[2] + counts[3] + 4


def _groups(town):
    return json.loads(town.run("report", "--format", "json")[1])["groups"]


def test_report_has_tokens_and_seconds_of_all_attempts(town):
    """Tokens are added up over attempts; the percentiles are those of the seconds of one attempt."""
    for seconds, calls in ((0.1, 60), (1.0, 30), (10.0, 10)):
        town.takes_s = seconds
        town.calls(calls, 0, good=reply(GOOD, tokens=(100, 7), cached=40))
    (found,) = _groups(town)

    assert (found["input_tokens"], found["output_tokens"], found["unknown_usage"]) == (10_000, 700, 0)
    assert found["elapsed_s"] == pytest.approx(60 * 0.1 + 30 * 1.0 + 10 * 10.0)
    assert found["elapsed_p50_s"] == pytest.approx(0.1, rel=0.06)
    assert found["elapsed_p95_s"] == pytest.approx(10.0, rel=0.06)


def test_cached_tokens_cost_what_the_table_says(town):
    """1,000 tokens sent, 400 of them cached, and 100 received: $0.0034 a call at $3, $1 and $12 a million."""
    (town.folder / "p.json").write_text(json.dumps({"m1": {"p_in": 3.0, "p_cached": 1.0, "p_out": 12.0}}))
    town.calls(400, 0, good=reply(GOOD, tokens=(1_000, 100), cached=400))
    known = {key: value for key, value in economics().items() if key != "prompt_cost"}
    found = town.verdict(prices=str(town.folder / "p.json"), given={"economics": known})

    assert found.figures["economics"]["point"]["prompt_per_call"] == pytest.approx(
        (600 * 3 + 400 * 1 + 100 * 12) / 1e6
    )


@pytest.mark.parametrize("word", ["eu", "us"])
def test_a_segment_is_decided_on_by_itself(town, word):
    """With --segment, only the calls of that part count."""
    with tags(segment="eu"):
        town.calls(100, 2)
    with tags(segment="us"):
        town.calls(400, 0)
    status, out, _ = town.run("decide", "--segment", word, "--target", "0.01")

    assert (status, "100" in out or "400" in out) == ({"eu": 1, "us": 0}[word], True)
    assert f"{ {'eu': '50 of 100', 'us': '0 of 400'}[word] } calls failed" in out or "50 of 100 failed" in out


def test_the_worst_function_sets_the_exit_status(town):
    """One function that fails makes the status 1, whatever the others do."""
    town.calls(400, 0, name="shop.good")
    assert town.run("decide")[0] == 0
    town.calls(400, 4, name="shop.bad")

    assert town.run("decide")[0] == 1
    assert town.run("decide", "--function", "shop.good")[0] == 0


@pytest.mark.parametrize(("strict", "status"), [([], 0), (["--require-proof"], 1)])
def test_too_few_calls_fail_only_if_proof_is_required(town, strict, status):
    """NEED_MORE_DATA is status 0 by default."""
    town.calls(20, 0)

    assert town.run("decide", *strict)[0] == status


def test_a_target_that_is_declared_stays(town):
    """The target of one run is the target of the next, with its day."""
    town.calls(100, 10)
    town.run("decide", "--target", "0.3")
    town.run("decide", "--target", "0.4")
    out = town.run("decide")[1]

    assert "at most 40% of the calls" in out
    assert said(town.verdict(0.4))[2] == 0


def test_failing_evidence_names_what_is_missing():
    """A ladder that is used up, without costs, asks for them."""
    found = decide({**failing(), "strategies": [strategy(n=2_000, k=200)]})

    assert (found.verdict, found.exit_code()) == ("NEED_ECONOMICS", 1)
    assert found.as_dict()["missing"] == ["failure_cost", "tuned_cost", "upfront"]


COST = economics()["prompt_cost"]


@pytest.mark.parametrize(("fixed", "verdict"), [(1_000, "PROMPTING_ENOUGH"), (900, "USE_CHEAPER_MODEL")])
def test_a_model_is_cheaper_only_if_it_costs_less(fixed, verdict):
    """At the same price the model in use stays; a hundred tokens fewer are a reason to switch."""
    used = strategy("few_shot", n=2_000, k=0, model="m1", traffic_share=1.0, prompt_cost=COST)
    other = strategy("smaller_model", n=2_000, k=0, model="m2", prompt_cost={**COST, "fixed": fixed})
    evidence = passing(
        strategies=[used, other],
        current="few_shot",
        economics=economics(failure_cost=0, upfront={"labels": 1e7}),
    )

    assert decide(evidence).verdict == verdict


def test_a_saving_of_nothing_never_pays_back():
    """With the same tokens, prices, and no other costs, there is no payback in months."""
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


def test_calls_with_hidden_retries_are_in_the_failure_rate_alone(town):
    """Retries inside another library are not seen: its calls say nothing of what was valid at first."""
    pydantic = pytest.importorskip("pydantic")
    answer = pydantic.create_model("Answer", team=str)
    hidden = answer(team="a")
    # instructor hangs the reply on the value that it returns.
    vars(hidden)["_raw_response"] = reply(GOOD, tokens=(10, 2))
    town.calls(30, 0, good=hidden, schema=answer)
    town.calls(50, 5, schema=answer)
    (found,) = _groups(town)

    assert (found["calls"], found["unseen"]) == (80, 30)
    assert [(found[key]["count"], found[key]["n"]) for key in ("first_pass", "reasked", "repaired", "unhandled")] == [
        (40, 50), (0, 50), (0, 50), (10, 80),
    ]  # fmt: skip
