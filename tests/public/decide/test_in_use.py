"""Stories about what is in use: switches, canaries, nights, and what is gone, through guarded functions and a store."""

import itertools
import random
import re

import pytest

from tests.public.decide.production import summary


def mixed(production, n, seed, **models):
    """Call the function n times. Each call is of one of the models, by chance.

    Args:
        production: The production.
        n: Number of calls.
        seed: Of the chance.
        models: For each model its part of the calls, and its failure rate.
    """
    chance = random.Random(seed)
    for _ in range(n):
        model = chance.choices(list(models), [part for part, _ in models.values()])[0]
        production.calls(1, int(chance.random() < models[model][1]), model=model, after_s=60.0)


def wrong_in(result):
    """Return what is wrong in production."""
    return [(breach["strategy"], breach["what"]) for breach in result.figures["breach"]]


def test_a_switch_to_a_model_that_fails_is_no_good_answer(production):
    """3,000 calls of m1 are clean. Then production switches to m2, which fails every third call."""
    production.calls(3_000, 0)
    production.calls(60, 3, model="m2")

    result = production.verdict()

    assert wrong_in(result) == [("system_prompt m2", "format")]
    assert result.exit_code == 1
    assert result.figures["counted"]["current"] == "system_prompt m2"
    assert result.figures["switch_to"] == "system_prompt m1"
    assert "not used since 2026-05-30 (last used 60 calls ago)" in result.head


def test_a_switch_back_ends_the_alarm(production):
    """m2 failed and was replaced by m1. So it is no breach any more."""
    production.calls(1_000, 0)
    production.calls(60, 3, model="m2")
    production.calls(412, 0)

    result = production.verdict()

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert "gone system_prompt m2: not used since 2026-05-29 (last used 412 calls ago)" in result.head


def test_the_head_predicts_nothing_of_a_strategy_that_is_gone(production):
    """m1 fails for every third input, some of which repeat. The head says what new inputs do, until m1 is gone."""
    production.inputs = itertools.chain(range(300), range(300), itertools.count(1_000))
    production.calls(600, 3)
    before = production.verdict()
    production.calls(412, 0, model="m2")

    after = production.verdict()

    assert "so expect new inputs to fail too" in before.head
    assert "new inputs" not in after.head
    assert "gone system_prompt m1" in after.head


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_canary_that_fails_is_wrong_while_it_is_small(production, seed):
    """One call in ten is the canary's, by chance, and half of these fail."""
    production.calls(600, 0)
    mixed(production, 400, seed, m1=(0.9, 0.0), m2=(0.1, 0.5))

    result = production.verdict()

    assert wrong_in(result) == [("system_prompt m2", "format")]
    assert (result.verdict, result.exit_code) == ("PROMPTING_ENOUGH", 1)
    assert result.figures["uses"]["system_prompt m2"]["text"].startswith("canary: ")
    assert result.figures["uses"]["system_prompt m1"]["use"] == "main"
    assert "prompting is good enough; keep it, and stop the other strategy, which fails" in result.head


def test_a_canary_says_its_part_and_how_often_it_fails(production):
    """One call in ten of a thousand is the canary's."""
    for number in range(100):
        production.calls(9, 0)
        production.calls(1, number % 2, model="m2")

    text = production.verdict().figures["uses"]["system_prompt m2"]["text"]

    assert text.startswith("canary: 10% of the calls, failure rate 33% to 67%")


@pytest.mark.parametrize("seed", [4, 5])
def test_a_canary_that_was_stopped_is_gone(production, seed):
    """A canary with a tenth of the calls failed and was stopped: after more than twice its longest absence it is gone."""
    mixed(production, 600, seed, m1=(0.9, 0.0), m2=(0.1, 0.5))
    production.calls(300, 0)

    result = production.verdict()

    assert (wrong_in(result), result.exit_code) == ([], 0)
    assert result.figures["uses"]["system_prompt m2"]["use"] == "gone"


@pytest.mark.parametrize("seed", [6, 7])
def test_a_canary_between_two_calls_is_not_gone(production, seed):
    """Ten calls without the canary do not end it if it was absent for as long before."""
    mixed(production, 900, seed, m1=(0.97, 0.0), m2=(0.03, 0.6))
    production.calls(12, 0)

    result = production.verdict()

    assert result.figures["uses"]["system_prompt m2"]["use"] == "beside"
    assert result.exit_code == 1


def test_a_model_of_the_night_is_in_use_by_day(production):
    """From 22:00 to 6:00 a cheap model answers. It fails a tenth, and at noon that is still wrong."""
    production.clock.now += 3_600 * 2 - production.clock.now % 3_600 + 60  # 22:01
    for _ in range(4):
        production.calls(8, 8, model="m2", after_s=3_600 / 2)
        production.calls(8, 8, model="m2", after_s=3_600 / 2)
        production.calls(80, 0, after_s=3_600 / 5)

    result = production.verdict()

    use = result.figures["uses"]["system_prompt m2"]
    assert use["use"] == "beside"
    assert use["text"].startswith("nights only: 17% of the calls, failure rate ")
    assert result.figures["counted"]["current"] == "system_prompt m1"


def test_hours_and_days_are_those_of_the_zone(production):
    """The nights of Tokyo are the days of Greenwich."""
    production.clock.now += 3_600 * 17 - production.clock.now % 3_600 + 60  # 13:01 UTC, 22:01 in Tokyo
    for _ in range(4):
        production.calls(16, 8, model="m2", after_s=3_600 / 2)
        production.calls(80, 0, after_s=3_600 / 5)

    def text(zone):
        return production.verdict(config={"time_zone": zone}).figures["uses"]["system_prompt m2"]["text"]

    assert text("Asia/Tokyo").startswith("nights only: ")
    assert text("UTC").startswith("only from 13:00 to 21:00 UTC: ")
    assert text("America/New_York").startswith("only from 9:00 to 17:00 America/New_York: ")


@pytest.mark.parametrize(("every", "seed"), [(25, None), (25, 12)])
def test_a_prompt_that_replaced_a_tuned_model_is_wrong(production, every, seed):
    """A tuned model answered for 5 days. Since yesterday 700 calls are the prompt's, which fails 4%."""
    production.calls(5 * 700, 0, tuned=True, model="ft:m1", after_s=86_400 / 700)
    if seed is None:
        production.calls(700, every, after_s=86_400 / 700)
    else:
        mixed(production, 700, seed, m1=(1.0, 1 / every))

    result = production.verdict()

    assert [what for _, what in wrong_in(result) if what == "format"] == ["format"]
    assert result.exit_code == 1
    assert result.figures["counted"]["current"].startswith("system_prompt")
    assert "(last used 700 calls ago)" in result.head


@pytest.mark.parametrize("seed", [13, 14])
def test_a_switch_with_few_calls_leaves_both_in_use(production, seed):
    """The function has three calls a day and was switched three days ago. A day later the old model is gone."""
    chance = random.Random(seed)
    for _ in range(90):
        production.calls(1, int(chance.random() < 0.02), after_s=86_400 / 3)
    for _ in range(9):
        production.calls(1, int(chance.random() < 0.02), model="m2", after_s=86_400 / 3)
    both = production.verdict().figures["uses"]
    production.calls(3, 0, model="m2", after_s=86_400 / 3)
    after = production.verdict().figures["uses"]

    assert {name: use["use"] != "gone" for name, use in both.items()} == {
        "system_prompt m1": True,
        "system_prompt m2": True,
    }
    assert after["system_prompt m1"]["use"] == "gone"
    assert after["system_prompt m1"]["text"].endswith(" (last used 12 calls ago)")
    assert after["system_prompt m2"]["use"] == "main"


def test_too_few_calls_to_matter_are_named_and_no_alarm(production):
    """One call in 300 is of an old model that always fails: a tenth of the target is not reached."""
    for _ in range(12):
        production.calls(2_999, 0, after_s=10.0)
        production.calls(1, 1, model="m2", after_s=10.0)

    result = production.verdict()

    assert (wrong_in(result), result.exit_code) == ([], 0)
    text = result.figures["uses"]["system_prompt m2"]["text"]
    assert re.fullmatch(
        r"has 0\.03\d% of the calls and fails in \d\d% of them or more; it has too few calls to matter, but stop it anyway",
        text,
    )
    assert f"beside system_prompt m2 {text}" in result.head
    assert f". system_prompt m2 {text}" in production.run("watch", "--max-failure-rate", "1%")[1]


def test_a_trial_is_never_in_use(production):
    """A trial that failed is no part of production, even if it was called last."""
    production.calls(1_000, 0)
    production.calls(100, 2, name="playbook:1:few_shot:shop.extract")

    result = production.verdict()

    assert (wrong_in(result), result.exit_code) == ([], 0)
    assert [use["use"] for use in result.figures["uses"].values()] == ["main"]


@pytest.mark.parametrize("ahead_s", [3_600, 5 * 3_600, -5 * 3_600])
@pytest.mark.parametrize("seed", [8, 9])
def test_the_clocks_of_two_machines_can_differ(production, ahead_s, seed):
    """Each call is of v1 on one machine or of v2 on another, by chance. v2 fails 6%. All calls take 6 hours, and the clocks differ by up to 5."""
    chance = random.Random(seed)
    for _ in range(1_400):
        if chance.random() < 0.5:
            production.calls(1, 0, version="v1", after_s=15.0)
        else:
            production.clock.now += ahead_s
            production.calls(1, int(chance.random() < 0.06), version="v2", after_s=15.0 - ahead_s)

    result = production.verdict()

    assert wrong_in(result) == [("system_prompt v2", "format")]
    assert result.exit_code == 1
    uses = result.figures["uses"]
    assert {use["use"] for use in uses.values()} == {"main", "beside"}
    assert result.figures["counted"]["current"] == "system_prompt v2"
    assert 0.45 < result.figures["rates"]["system_prompt v2"]["traffic_share"] < 0.55
    assert re.fullmatch("main: (4[5-9]|5[0-5])% of the calls", uses["system_prompt v2"]["text"])


def test_a_late_clock_does_not_bring_an_old_version_back(production):
    """v1 ran on a machine whose clock is 5 hours ahead. v2 replaced it half an hour ago."""
    production.clock.now += 5 * 3_600
    production.calls(600, 3, version="v1", after_s=10.0)
    production.clock.now -= 5 * 3_600
    production.calls(180, 0, version="v2", after_s=10.0)

    result = production.verdict()

    assert wrong_in(result) == []
    assert result.figures["rates"]["system_prompt"]["n"] == 180


@pytest.mark.parametrize("seed", [10, 11])
def test_a_version_is_in_use_until_it_is_gone(production, seed):
    """v2 has taken over with 5 calls. So v1 is in use too, until ten calls came without it."""
    chance = random.Random(seed)
    for _ in range(500):
        production.calls(1, int(chance.random() < 0.1), version="v1")
    production.calls(5, 0, version="v2")
    both = production.verdict()
    production.calls(5, 0, version="v2")
    one = production.verdict()

    assert {name: use["use"] for name, use in both.figures["uses"].items()} == {
        "system_prompt v1": "main",
        "system_prompt v2": "beside",
    }
    assert wrong_in(both) == [("system_prompt v1", "format")]
    assert wrong_in(one) == []
    assert one.figures["rates"]["system_prompt"]["n"] == 10
