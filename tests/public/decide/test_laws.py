"""Laws of the verdict, for any evidence: what cannot disagree, what scales, what order does not matter."""

from copy import deepcopy
from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.decide import decide
from tests.public.decide.examples import STEPS, economics, feasibility, strategy

KINDS = ("syntax", "structure", "value", "semantic", "truncation", "refusal")


@st.composite
def counts(draw):
    """Calls and failures, of rates from 0 to 1 but mostly near a target of 1 %."""
    n = draw(st.integers(1, 20_000))
    rate = draw(st.sampled_from([0, 0.002, 0.008, 0.01, 0.02, 0.1, 0.5, 1]))
    return n, draw(st.integers(0, 3)) if rate == 0 and n > 3 else int(rate * n)


@st.composite
def attempts_of(draw, n):
    """Attempts that a strategy with n calls may have had, each failed one followed by another."""
    attempts, reached = [], n
    for _ in range(draw(st.integers(1, 3))):
        failed = draw(st.integers(0, reached))
        attempts.append([reached, failed])
        reached = failed
    return attempts


@st.composite
def one_strategy(draw, rung, *, hopeless):
    """Counts of a strategy; one that is hopeless fails in every tenth call or more."""
    n, k = draw(counts())
    if hopeless:
        n, k = n + 500, n // 10 + draw(st.integers(80, 500))
    more = {}
    if draw(st.booleans()):
        more["attempts"] = draw(attempts_of(n)) if not hopeless else [[n, n], [n, k]]
        k = more["attempts"][-1][1]
    if draw(st.booleans()):
        more["failure_kinds"] = {draw(st.sampled_from(KINDS)): k}
        more["early_stop"] = draw(st.booleans())
    return strategy(rung, n, k, **more)


@st.composite
def segments_of(draw, pilot):
    """Two or three segments with equal shares."""
    size = draw(st.sampled_from([2, 4]))
    segments = []
    for index in range(size):
        n, k = draw(counts())
        tuned_n, tuned_k = draw(counts())
        names = ("prompt_n", "prompt_k") if pilot else ("n", "k")
        segment = {"name": f"s{index}", "share": 1 / size, **dict(zip(names, (n, k), strict=True))}
        segments.append({**segment, "tuned_n": tuned_n, "tuned_k": tuned_k} if pilot else segment)
    return segments


@st.composite
def pilots(draw):
    n, k = draw(counts())
    pilot = {"n": n, "k_final": k}
    if draw(st.booleans()):
        pilot["segments"] = draw(segments_of(pilot=True))
        pilot["n"] = max(n, sum(segment["tuned_n"] for segment in pilot["segments"]))
    if draw(st.booleans()):
        right = draw(st.integers(1, 2000))
        pilot["content"] = {"n": right, "worse": draw(st.integers(0, right)), "better": 0}
    return pilot


@st.composite
def evidences(draw):
    """Evidence of any kind but schemas; in half of it every strategy fails and no step is left."""
    hopeless = draw(st.booleans())
    statuses = ["tested"] if hopeless else ["tested", "tested", "untested"]
    rungs = draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3, unique=True))
    evidence = {
        "calls_per_month": draw(st.sampled_from([10, 5_000, 1_000_000])),
        "strategies": [draw(one_strategy(rung, hopeless=hopeless)) for rung in rungs],
        "ladder": [{"rung": rung, "status": draw(st.sampled_from(statuses))} for rung in STEPS],
        "config": {"target": draw(st.sampled_from([0.005, 0.01, 0.05]))},
    }
    if draw(st.booleans()):
        cost = draw(st.sampled_from([0, 0.05, 0.4, 20]))
        evidence["economics"] = economics(
            failure_cost=cost, latency_cost_per_s=draw(st.sampled_from([0, 0.01]))
        )
        evidence["feasibility"] = feasibility(train_examples=draw(st.sampled_from([50, 500])))
    if draw(st.booleans()):
        evidence["pilot"] = draw(pilots())
    elif draw(st.booleans()):
        evidence["segments"] = draw(segments_of(pilot=False))
    return evidence


@given(evidences())
def test_bounds_enclose_the_rate_and_state_their_state(evidence):
    """A printed rate is inside of its bounds, and its state is what those bounds say of the target."""
    result = decide(evidence).as_dict()
    target = result["config"]["target"]

    for rate in [*result["rates"].values(), *([result["tuned"]] if "tuned" in result else [])]:
        assert rate["lower"] <= rate["rate"] <= rate["upper"]
        stated = "pass" if rate["upper"] <= target else "fail" if rate["lower"] > target else "inconclusive"
        assert rate["state"] == stated


@given(evidences())
def test_verdict_agrees_with_the_bounds_that_are_printed(evidence):
    """What the verdict says of the strategies can be read off their printed bounds."""
    result = decide(evidence).as_dict()
    states = {rate["state"] for rate in result["rates"].values()}

    if result["verdict"] in ("PROMPTING_ENOUGH", "FINE_TUNE_FOR_COST"):
        assert result["rates"][result["strategy"]]["upper"] <= result["config"]["target"]
    else:
        assert "pass" not in states
    if result["verdict"] not in ("PROMPTING_ENOUGH", "FINE_TUNE_FOR_COST", "NEED_MORE_DATA"):
        assert states == {"fail"}
    if result["verdict"] in ("FINE_TUNE_FOR_COST", "FINE_TUNE_JUSTIFIED", "FINE_TUNE_AND_ROUTE"):
        assert result["economics"]["pess"]["payback_months"] <= result["config"]["horizon_months"]


@given(evidences())
def test_printed_odds_agree_with_the_bounds(evidence):
    """The evidence reaches 1/alpha on the one side exactly where the bound on the other side has passed the target."""
    result = decide(evidence).as_dict()

    for name, rate in result["rates"].items():
        odds, needed = result["odds"][name], 1 / result["alpha_each"]
        if not isclose(odds["ok"], needed, rel_tol=1e-6) and not isclose(odds["bad"], needed, rel_tol=1e-6):
            assert (odds["ok"] >= needed, odds["bad"] >= needed) == (
                rate["state"] == "pass",
                rate["state"] == "fail",
            )


@given(evidences())
def test_a_clean_call_never_turns_a_pass_into_a_fail(evidence):
    """One more call that succeeds leaves a strategy that passes passing, and clears no strategy to fail."""
    before = decide(evidence).as_dict()["rates"]
    more = deepcopy(evidence)
    for one in more["strategies"]:
        one["n"] += 1
        for attempt in one.get("attempts", [])[:1]:
            attempt[0] += 1

    after = decide(more).as_dict()["rates"]

    for name, rate in before.items():
        assert after[name]["upper"] <= rate["upper"]
        assert rate["state"] != "pass" or after[name]["state"] == "pass"
        assert rate["state"] == "fail" or after[name]["state"] != "fail"


def scaled(money, factor):
    """Multiply every price, the failure cost, upfront, hosting, refresh and the price of waiting."""
    prices = ("p_in", "p_cached", "p_out")
    amounts = ("failure_cost", "hosting_per_month", "refresh_per_month", "latency_cost_per_s")
    changed = deepcopy(money)
    for side in ("prompt_cost", "tuned_cost"):
        changed[side] |= {name: money[side][name] * factor for name in prices}
    changed |= {name: money[name] * factor for name in amounts}
    changed["upfront"] = {name: part * factor for name, part in money["upfront"].items()}
    return changed


# Powers of two, by which floats scale without rounding.
@given(evidences().filter(lambda evidence: "economics" in evidence), st.sampled_from([0.25, 2, 1024]))
def test_money_scales_with_its_unit(evidence, factor):
    """In another currency every amount is another and every time, volume, rate and verdict the same."""
    dollars = decide(evidence)
    other = decide({**evidence, "economics": scaled(evidence["economics"], factor)})

    assert other.verdict == dollars.verdict
    one, two = dollars.as_dict()["economics"], other.as_dict()["economics"]
    for column in ("pess", "point", "opt"):
        assert two[column]["payback_months"] == one[column]["payback_months"]
        for name in ("prompt_per_call", "tuned_per_call", "saving_per_month"):
            assert two[column][name] == one[column][name] * factor
    for name in ("break_even_calls_per_month", "max_tuned_residual_for_horizon"):
        assert two[name] == one[name]


@given(evidences(), st.randoms(use_true_random=False))
def test_order_does_not_matter(evidence, chance):
    """The verdict does not depend on the order of strategies, steps, or segments."""
    mixed = deepcopy(evidence)
    for place in (mixed, mixed.get("pilot", {})):
        for name in ("strategies", "ladder", "segments"):
            if name in place:
                chance.shuffle(place[name])

    one, two = decide(evidence).as_dict(), decide(mixed).as_dict()

    decided = [result["rates"] for result in (one, two)]
    assert one["verdict"] == two["verdict"]
    assert decided[0] == decided[1]
    assert one.get("next_rung") == two.get("next_rung")
    assert set(one.get("tune", ())) == set(two.get("tune", ()))
    if "economics" in one:
        assert isclose(
            one["economics"]["pess"]["saving_per_month"],
            two["economics"]["pess"]["saving_per_month"],
            rel_tol=1e-9,
            abs_tol=1e-6,
        )


@given(evidences())
def test_limits_are_where_payback_is_the_horizon(evidence):
    """At the break-even volume, or the largest upfront, or the bar, payback is exactly the horizon."""
    result = decide(evidence).as_dict()
    volume = result.get("economics", {}).get("break_even_calls_per_month")
    if volume is None or result["verdict"] == "FINE_TUNE_AND_ROUTE":
        return

    again = decide({**evidence, "calls_per_month": volume}).as_dict()

    if again["verdict"] != "FINE_TUNE_AND_ROUTE":
        assert isclose(again["economics"]["pess"]["payback_months"], 6, rel_tol=1e-6)


@given(evidences())
def test_deciding_leaves_the_evidence_as_it_is(evidence):
    """Nothing of the evidence is changed, and deciding twice gives the same."""
    before = deepcopy(evidence)

    assert decide(evidence).as_dict() == decide(before).as_dict()
    assert evidence == before


def test_a_verdict_is_not_changed_through_its_dict():
    """What as_dict gives is the caller's own."""
    verdict = decide({"strategies": [strategy(n=1000, k=0)]})
    verdict.as_dict()["rates"].clear()

    assert verdict.as_dict()["rates"] != {}
