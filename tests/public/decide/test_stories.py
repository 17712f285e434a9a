"""Stories with a known truth, played through guarded functions, a store and a clock: the verdict must be the right one."""

import json

import pytest

from schema_guard import tags
from tests.public.decide.production import CUT_OFF, DAY, ENUM, GOOD, PATTERN, REFUSED, reply, summary


def test_1_half_a_percent_is_enough(production):
    """0.5 % of 9,000 calls, target 1 %."""
    production.calls(9_000, 200)

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    for text in (
        "prompting is good enough; keep it",
        "function shop.extract, schema ticket, model m1",
        "calls 9,000 from 2026-05-28 to 2026-06-04, no lost records, decided on 20",
        "at most 1% of the calls fail",
        "0.5% of calls failed (45 of 9,000;",
        "failures of system_prompt are isolated",
        "next schema-guard watch --max-failure-rate 1% --function shop.extract",
    ):
        assert text in result.head


def test_2_independent_retries_are_enough(production):
    """3 % of the attempts, three attempts, each by itself."""
    production.calls(4_000, 33, max_attempts=3, retries=True)

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert "failures of system_prompt are isolated, or occur in bursts of at most 10" in result.head


def test_3_what_retries_never_fix_asks_for_strict_decoding(production):
    """2.5 % of wrong shapes that a retry repeats."""
    production.calls(4_000, 40, max_attempts=3)

    result = production.verdict()

    assert summary(result) == ("USE_CONSTRAINED_DECODING", "strict_schema", 1)
    assert "problem system_prompt: 2.5% of calls failed (100 of 4,000; at least" in result.head
    assert "try let the provider enforce the schema (strict_schema)" in result.head
    assert "--function shop.extract --first-step strict_schema" in result.head


def test_4_wrong_values_are_not_enough(production):
    """The format is perfect, and 30 % of the values are wrong where 5 % may be."""
    production.calls(2_000, 0)

    result = production.verdict(config={"right": 0.95}, given={"content": {"n": 300, "right": 210}})

    assert result.verdict == "TRY_NEXT_FIX"
    assert result.figures["next_rung"] == "few_shot"
    assert [breach["what"] for breach in result.figures["breach"]] == ["right"]
    assert result.exit_code == 1
    assert "problem system_prompt: 30% of values were wrong (90 of 300;" in result.head


def test_5_refusals_are_never_sent_to_a_parser(production):
    """4 % refusals."""
    production.calls(2_000, 25, REFUSED)

    verdict, rung, status = summary(production.verdict())

    assert (verdict, status) == ("TRY_NEXT_FIX", 1)
    assert rung == "few_shot"


def test_6_cut_off_replies_ask_for_a_larger_limit(production):
    """5 % cut off."""
    production.calls(2_000, 20, CUT_OFF)

    assert summary(production.verdict()) == ("TRY_NEXT_FIX", "raise_max_output_tokens", 1)


def test_7_a_rise_is_no_matter_of_strategy(production):
    """From call 4,000 on 0.3 % becomes 6 %."""
    production.calls(4_000, 333)
    production.calls(1_000, 17)

    result = production.verdict()

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    change = result.figures["change"]["system_prompt"]
    assert change["at"] == pytest.approx(4_000, abs=60)
    assert "2026-" in result.why
    assert [breach["what"] for breach in result.figures["breach"]][-1] == "rise"
    assert "failures rose on Sunday, 2026-05-31, from 11 of 3,995 calls to 59 of 1,005" in result.head
    assert "schema-guard decide --function shop.extract --since 2026-05-31" in result.head


def test_7b_a_new_version_that_fails_is_named(production):
    """The same with a new version."""
    production.calls(4_000, 333)
    production.calls(1_000, 17, version="v2")

    result = production.verdict()

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    assert "version v2" in result.why
    assert "changed at that time: version v2" in result.head


def test_8_slow_calls_are_not_enough(production):
    """95 % of the calls must end within 100 ms; a prompt takes 1.6 s, a tuned model 70 ms."""
    for _ in range(10):
        production.takes_s = 1.6
        production.calls(100, 0)
        production.takes_s = 0.07
        production.calls(10, 0, tuned=True, model="ft")

    result = production.verdict(config={"latency_p95_s": 0.1})

    assert result.exit_code == 1
    assert result.verdict != "PROMPTING_ENOUGH"
    assert [breach["what"] for breach in result.figures["breach"]] == ["latency"]
    assert "100% of calls were too slow (1,000 of 1,000;" in result.head
    assert "95% of the calls take at most 0.1 s" in result.head


def test_9_an_enum_and_a_pattern_ask_for_strict_decoding(production):
    """5 % at what decoders enforce."""
    production.calls(2_000, 20, ENUM, PATTERN)

    assert summary(production.verdict()) == ("USE_CONSTRAINED_DECODING", "strict_schema", 1)


def test_10_one_input_that_always_fails_is_named(production):
    """A fifth of the traffic is one input: 20 % of the calls fail, however many inputs there are."""
    for _ in range(400):
        production.calls(4, 0)
        production.calls(1, 1, task="the same again")

    result = production.verdict()

    assert result.exit_code == 1
    assert result.figures["rates"]["system_prompt"]["k"] == 400
    ((_, n, k),) = result.figures["hot"]["system_prompt"]
    assert (n, k) == (400, 400)
    assert result.figures["rates"]["system_prompt"]["input"]["k"] == 0
    digest = result.figures["hot"]["system_prompt"][0][0]
    assert (
        f"one input {digest[:11]}… is the input of 400 of 2,000 calls (20%) and of 400 of 400 failed calls"
        in result.head
    )


@pytest.fixture
def prices(tmp_path):
    """A table in which one model costs a tenth of the other."""
    file = tmp_path / "prices.json"
    large = {"p_in": 10.0, "p_cached": 1.0, "p_out": 30.0}
    small = {name: price / 10 for name, price in large.items()}
    file.write_text(json.dumps({"m1": large, "m2": small}))
    return str(file)


def test_11_a_cheaper_model_that_passes_is_named(production, prices):
    """Two models pass, and the cheaper one is not in use."""
    good = reply(GOOD, tokens=(1_000, 100))
    production.calls(2_000, 0, good=good)
    production.calls(600, 0, good=good, model="m2", name="playbook:1:smaller_model:shop.extract")

    result = production.verdict(prices=prices, sizes=["m2", "m1"])

    assert summary(result)[0] == "USE_CHEAPER_MODEL"
    assert result.exit_code == 0
    assert result.figures["saving_per_month"] > 0
    assert f"which saves ${result.figures['saving_per_month']:,.0f} a month" in result.head
    assert "compare the values first" in result.head


def test_12_what_is_just_above_needs_data_and_has_something_to_do(production):
    """1.15 % of 3,000 calls."""
    production.calls(3_000, 87)

    result = production.verdict()

    assert summary(result)[::2] == ("NEED_MORE_DATA", 0)
    assert result.figures["meanwhile"]["rung"] == "strict_schema"
    assert result.figures["meanwhile"]["calls"] < result.figures["n_more"]
    assert "or now let the provider enforce the schema (strict_schema): 455 calls of a trial" in result.head


def test_13_the_volume_is_that_of_the_latest_calls(production):
    """A call a day for 300 days, then 3,000 a day."""
    production.calls(300, 0, after_s=DAY)
    production.calls(21_000, 0, after_s=DAY / 3_000)

    result = production.verdict()

    assert result.figures["calls_per_month"] == pytest.approx(3_000 * 30.4, rel=0.05)
    assert result.figures["period"][0] < result.figures["period"][1]
    assert "calls per month, if all days are like the latest 7 days" in result.head


def test_14_where_the_failures_are_is_told(production):
    """65 % of the traffic fails 4.5 %, the rest 0.1 %."""
    for _ in range(40):
        with tags(segment="eu"):
            production.calls(65, 22)
        with tags(segment="us"):
            production.calls(35, 0)

    result = production.verdict()

    assert result.exit_code == 1
    shares = {part["name"]: (part["share"], part["k"]) for part in result.figures["segments"]}
    assert shares["eu"][0] == pytest.approx(0.65)
    assert shares["us"][1] == 0
    assert "where segment eu (3.1% fail) has 80 of the 80 failures, and 65% of the calls" in result.head


def test_15_a_small_volume_is_told_what_to_buy(production, prices):
    """40 calls a month, none failed. The verdict names the calls of the playbook and their cost."""
    production.calls(120, 0, after_s=30.4 * DAY / 40, good=reply(GOOD, tokens=(1_000, 100)))

    result = production.verdict(prices=prices)

    assert summary(result)[::2] == ("NEED_MORE_DATA", 0)
    assert result.figures["meanwhile"]["calls"] > 200
    assert result.figures["meanwhile"]["cost"] > 0
    assert "schema-guard bench run --playbook" in result.figures["next_step"]
    assert f"calls of a trial, for about ${result.figures['meanwhile']['cost']:.2f}" in result.head


def test_16_two_functions_have_two_verdicts(production):
    """One schema, two functions, one fails 20 %."""
    production.calls(1_000, 0, name="shop.good")
    production.calls(1_000, 5, name="shop.bad")

    assert summary(production.verdict(function="shop.good")) == ("PROMPTING_ENOUGH", None, 0)
    assert production.verdict(function="shop.bad").exit_code == 1


def test_17_an_outage_that_is_over_is_an_episode(production):
    """60 failures, then 2,900 calls at 0.1 %: enough, and told."""
    production.calls(3_000, 1_000)
    production.calls(60, 1)
    production.calls(2_900, 1_000)

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert result.figures["change"]["system_prompt"]["direction"] == "fall"
    assert result.figures["history"]["system_prompt"]["outages"] == 1
    assert (
        "outage system_prompt: the outage is over; failures fell on 2026-05-30, from 61 of 61 calls to 2 of"
        in result.head
    )


@pytest.mark.parametrize(("since", "verdict"), [(2_900, "NEED_MORE_DATA"), (6_500, "PROMPTING_ENOUGH")])
def test_17b_who_has_outages_asks_for_a_history(production, since, verdict):
    """With bursts of 20 asked about, 2,900 calls after an outage are not enough, 6,500 are."""
    production.calls(1_000, 0)
    production.calls(60, 1)
    production.calls(since, 1_000)

    assert production.verdict(config={"burst_length": 20}).verdict == verdict


def test_18_two_outages_are_bursts(production):
    """Two outages of 60 among 8,000 calls at 0.1 %."""
    for _ in range(2):
        production.calls(2_700, 1_000)
        production.calls(60, 1)
    production.calls(2_700, 1_000)

    result = production.verdict()

    assert result.verdict != "PROMPTING_ENOUGH"
    assert result.figures["bursts"]["system_prompt"]["failures"] > 100
    bursts = result.figures["bursts"]["system_prompt"]["entries"]
    assert f"failures of system_prompt came in {bursts} bursts" in result.head


def test_19_half_of_the_traffic_that_fails_is_a_breach(production):
    """v2 fails 4 % in half of the traffic, v1 passes."""
    for _ in range(40):
        production.calls(50, 0, version="v1")
        production.calls(50, 25, version="v2")

    result = production.verdict()

    assert result.exit_code == 1
    assert {breach["strategy"] for breach in result.figures["breach"]} == {"system_prompt v2"}
    assert "problem system_prompt v2 (50% of the calls): 4% of calls failed (80 of 2,000;" in result.head
    assert result.head.index("system_prompt v2 (") < result.head.index("system_prompt v1")


def test_20_a_tuned_model_in_service_that_passes_stays(production):
    """What is in use is tuned and passes."""
    production.calls(500, 50)
    production.calls(5_000, 0, tuned=True, model="ft")

    result = production.verdict()

    assert (result.verdict, result.figures["stage"], result.exit_code) == (
        "FINE_TUNE_JUSTIFIED",
        "in_service",
        0,
    )
    assert "the tuned model in use is good enough; keep it" in result.head


def test_21_a_playbook_that_is_used_up_asks_for_the_money(production):
    """Every step is declined, and no economics are given."""
    production.calls(1_000, 20)
    rungs = "lenient_parse json_mode few_shot temperature reason_then_format improved_prompt decision_model"
    rungs += " schema_simplify repair_retry larger_model"
    ladder = [
        {"rung": rung, "status": "declined", "reason": "a story"}
        for rung in ("strict_schema", *rungs.split())
    ]

    result = production.verdict(given={"ladder": ladder})

    assert summary(result) == ("NEED_ECONOMICS", None, 1)
    assert result.figures["missing"] == ["failure_cost", "tuned_cost", "upfront"]
    assert "the cost of a failed call (failure_cost)" in result.head


def test_22_after_a_rise_that_stays_since_makes_it_the_baseline(production):
    """Once the cause is known and stays, the playbook."""
    production.calls(4_000, 333)
    since = production.now
    production.calls(1_000, 17)

    assert summary(production.verdict(since=since)) == ("USE_CONSTRAINED_DECODING", "strict_schema", 1)
