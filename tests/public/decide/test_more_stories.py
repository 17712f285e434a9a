"""More stories with a known truth: bursts, recoveries, two models, canaries, what was not measured."""

import pytest

from schema_guard import tags
from tests.public.decide.production import DAY, REFUSED, summary


def wrong_in(verdict):
    """What is proved to be wrong, and with which strategy."""
    return [(breach["strategy"], breach["what"]) for breach in verdict.figures["breach"]]


def test_a_shift_of_the_traffic_is_named(production):
    """A part that fails every twelfth call grows from 5 % of the traffic to 60 %."""
    for eu, us, times in ((5, 95, 40), (60, 40, 15)):
        for _ in range(times):
            with tags(segment="eu"):
                production.calls(eu, 12)
            with tags(segment="us"):
                production.calls(us, 0)

    result = production.verdict()

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    assert "segment eu has" in result.why


def test_a_rise_alarms_while_it_lasts_and_no_longer(production):
    """.3 % becomes 6 % for 700 calls, and .3 % again."""
    production.calls(4_000, 333)
    production.calls(700, 17)
    during = production.verdict()
    production.calls(3_000, 333)

    assert summary(during) == ("FIND_WHAT_CHANGED", None, 1)
    assert summary(production.verdict()) == ("PROMPTING_ENOUGH", None, 0)


@pytest.mark.parametrize(("after", "verdict"), [(150, "NEED_MORE_DATA"), (1_500, "PROMPTING_ENOUGH")])
def test_a_new_version_that_heals_is_judged_by_itself(production, after, verdict):
    """v1 fails 5 %, v2 never: few calls are not enough, many are."""
    production.calls(2_000, 20)
    production.calls(after, 0, version="v2")

    assert summary(production.verdict())[::2] == (verdict, 0)


def test_where_failures_come_in_bursts_the_forecast_is_one_of_bursts(production):
    """Ten short outages: what decides is many more of them, and never no further call at all."""
    for _ in range(10):
        production.calls(12, 1)
        production.calls(600, 0)

    result = production.verdict()

    assert result.verdict == "NEED_MORE_DATA"
    assert result.figures["n_more"] > 10_000


def test_of_two_models_in_use_the_one_that_passes_is_advised(production):
    """m2 fails a tenth of two fifths of the traffic: m1 is what to use, and the exit status is 1."""
    for _ in range(40):
        production.calls(30, 0, model="m1")
        production.calls(20, 10, model="m2")

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 1)
    assert wrong_in(result) == [("system_prompt m2", "format")]
    assert result.figures["switch_to"] == "system_prompt m1"
    assert result.figures["next_step"].startswith("use system_prompt m1")


def test_what_was_not_measured_is_asked_for_and_no_step(production):
    """Nothing fails, and no right answer is known: no trial of a fix is advised."""
    production.calls(3_000, 0)

    result = production.verdict(config={"right": 0.95})

    assert (result.verdict, result.figures["missing"]) == ("NEED_MORE_DATA", ["right"])
    assert "meanwhile" not in result.figures
    assert "known answers" in result.figures["next_step"]


def test_clean_calls_that_are_too_few_for_bursts_ask_for_no_fix(production):
    """400 clean calls, bursts of 20 asked about: there is nothing that a step could fix."""
    production.calls(400, 0)

    result = production.verdict(config={"burst_length": 20})

    assert result.verdict == "NEED_MORE_DATA"
    assert result.figures.get("meanwhile", {}).get("rung") is None


def test_a_frequent_input_that_stops_failing_ends_the_alarm(production):
    """An input is a fifth of the calls, fails for 1,500 calls, and then no more."""
    for bad, times in ((1, 300), (0, 400)):
        for _ in range(times):
            production.calls(4, 0)
            production.calls(1, bad, task="again")

    assert summary(production.verdict()) == ("PROMPTING_ENOUGH", None, 0)


def test_a_latency_that_one_model_keeps_is_a_reason_for_it(production):
    """Half of the traffic is too slow."""
    for _ in range(20):
        for model, seconds in (("fast", 0.05), ("slow", 1.6)):
            production.takes_s = seconds
            production.calls(50, 0, model=model)

    result = production.verdict(config={"latency_p95_s": 0.1})

    assert wrong_in(result) == [("system_prompt slow", "latency")]
    assert result.figures["switch_to"] == "system_prompt fast"
    assert result.exit_code == 1


def test_a_passing_trial_beside_a_failing_production_is_what_to_use(production):
    """Production fails 5 %, a trial of examples never."""
    production.calls(2_000, 20)
    production.calls(600, 0, name="playbook:1:few_shot:shop.extract")

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 1)
    assert "few_shot" in result.figures["switch_to"]


def test_few_calls_say_how_many_are_missing(production):
    """Seven clean calls."""
    production.calls(7, 0)

    result = production.verdict()

    assert summary(result)[::2] == ("NEED_MORE_DATA", 0)
    assert result.figures["n_more"] == pytest.approx(370, abs=10)


def test_a_canary_that_fails_is_named_and_the_version_beside_it_is_not(production):
    """v1 never fails; from call 2,000 on a third of the calls are v2's, and one in five of these fails."""
    production.calls(2_000, 0)
    for _ in range(60):
        production.calls(20, 0)
        production.calls(10, 5, version="v2")

    result = production.verdict()

    assert {breach["strategy"] for breach in result.figures["breach"]} == {"system_prompt v2"}
    assert result.exit_code == 1
    assert result.figures["rates"]["system_prompt v1"]["k"] == 0


def test_settings_whose_calls_had_ended_do_not_answer_for_those_that_followed(production):
    """One attempt a call until call 1,000, then two: what fails is what has two."""
    production.calls(1_000, 0)
    production.calls(400, 10, max_attempts=2)

    result = production.verdict()

    assert {breach["strategy"] for breach in result.figures["breach"]} == {"system_prompt max_attempts=2"}
    assert result.figures["rates"]["system_prompt max_attempts=1"]["n"] == 1_000


def test_an_outage_that_goes_on_is_told_though_failures_come_in_bursts(production):
    """Two outages were; the third goes on: that is wrong now. Once it is over nothing is."""
    for _ in range(2):
        production.calls(2_500, 0)
        production.calls(60, 1)
    production.calls(2_500, 0)
    before = production.verdict()
    production.calls(60, 1)
    during = production.verdict()
    production.calls(300, 0)

    assert wrong_in(before) == []
    assert summary(during) == ("FIND_WHAT_CHANGED", None, 1)
    assert wrong_in(during) == [("system_prompt", "rise")]
    assert "problem system_prompt: failures rose on Wednesday, 2026-06-03, from 0 of 2,500" in during.head
    bursts = during.figures["bursts"]["system_prompt"]["entries"]
    assert f"failures of system_prompt came in {bursts} bursts" in during.head
    assert summary(production.verdict()) == ("NEED_MORE_DATA", None, 0)


def test_a_failing_tuned_model_beside_a_prompt_that_passes_is_a_reason_to_switch(production):
    """The tuned model in use fails 5 %, a trial of examples never: prompting is enough, and production is wrong."""
    production.calls(2_000, 20, tuned=True, model="ft")
    production.calls(
        600, 0, name="playbook:1:few_shot:shop.extract", strategy="few_shot", examples=[("a", {"team": "a"})]
    )

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 1)
    assert result.figures["switch_to"] == "few_shot"
    assert result.figures["next_step"].startswith("use guard(..., strategy='few_shot') on m1, then run: ")
    assert wrong_in(result) == [(result.figures["counted"]["current"], "format")]


def test_bursts_ask_for_no_trial_that_is_over_before_the_next(production):
    """Three outages are over: what fails in them is to be looked at, and 400 calls between two of them prove nothing."""
    for _ in range(3):
        production.calls(60, 1)
        production.calls(2_500, 0)

    result = production.verdict()

    assert summary(result) == ("NEED_MORE_DATA", None, 0)
    assert "meanwhile" not in result.figures
    report = f"schema-guard report --function shop.extract --store {production.store.url}"
    assert result.figures["next_step"].startswith(f"{report}  # shows what fails")


def test_a_trial_that_is_advised_decides(production):
    """1.15 % of 3,000 calls: a trial of examples with so many clean calls as were told is enough."""
    production.calls(3_000, 87, REFUSED)
    advised = production.verdict().figures["meanwhile"]
    examples = {"strategy": advised["rung"], "examples": [("a", {"team": "a"})]}
    production.calls(advised["calls"], 0, name=f"playbook:1:{advised['rung']}:shop.extract", **examples)

    result = production.verdict()

    assert advised["rung"] == "few_shot"
    assert (result.verdict, result.figures["switch_to"]) == ("PROMPTING_ENOUGH", "few_shot")


def test_calls_that_are_bought_where_few_come_decide(production):
    """40 calls a month: a trial of what is in use with so many calls as were told is enough."""
    production.calls(120, 0, after_s=30.4 * DAY / 40)
    advised = production.verdict().figures["meanwhile"]
    production.calls(advised["calls"], 0, name="playbook:1:system_prompt:shop.extract")

    assert advised["rung"] is None
    assert summary(production.verdict()) == ("PROMPTING_ENOUGH", None, 0)


def test_a_history_that_is_too_short_for_bursts_is_not_bought(production):
    """Bursts of 20 are asked about: trials say nothing of them, whatever the volume."""
    production.calls(120, 0, after_s=30.4 * DAY / 40)

    result = production.verdict(config={"burst_length": 20})

    assert (result.verdict, result.figures.get("meanwhile")) == ("NEED_MORE_DATA", None)


def test_a_tuned_model_with_a_part_of_the_traffic_that_fails_is_a_breach(production):
    """Three calls in ten are a tuned model's, which fails 6.7%. The prompt beside it passes, and production is wrong."""
    for _ in range(40):
        production.calls(35, 0)
        production.calls(15, 15, tuned=True, model="ft")

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 1)
    assert wrong_in(result) == [("tuned", "format")]
    assert result.figures["switch_to"] == "system_prompt"
    assert "problem tuned (30% of the calls): 6.7% of calls failed (40 of 600;" in result.head
