"""The leader of a race, and the candidates that it drops."""

import random

from schema_guard.ext.improve.race import Race


def raced(rates, tasks, *, alpha=0.05, seed=0):
    draw = random.Random(seed)
    race = Race([*rates], alpha)
    for task in range(tasks):
        for name in [*race.left]:
            race.add(name, str(task), ok=draw.random() >= rates[name])
    return race


def test_the_prompt_in_use_leads_among_equals():
    """A candidate has to be better, not equal."""
    assert raced({"in use": 0.0, "a": 0.0}, 20).leader() == "in use"


def test_drops_what_is_proved_worse_and_keeps_the_rest():
    """A candidate that always fails leaves soon, and an equal one stays."""
    race = raced({"in use": 0.3, "good": 0.05, "equal": 0.06, "bad": 1.0}, 60)
    runners = {one.name: one for one in race.result()}

    assert "bad" not in race.left
    assert runners["bad"].dropped_after < 30
    assert {"good", "equal"} <= set(race.left)


def test_the_race_is_over_with_one_left():
    """Then no further call is needed."""
    race = raced({"in use": 1.0, "good": 0.0}, 60)

    assert race.is_over
    assert race.leader() == "good"


def test_drops_the_best_candidate_rarely():
    """Each of six candidates can lead. The best one is dropped in at most alpha / 2 of the races."""
    rates = {"in use": 0.4, "best": 0.3, **{f"equal {at}": 0.3 for at in range(4)}}
    dropped = [raced(rates, 60, alpha=0.2, seed=seed).left for seed in range(40)]

    assert sum("best" not in left for left in dropped) <= 4


def test_compares_only_inputs_that_both_answered():
    """An answer without its pair changes nothing."""
    race = Race(["in use", "a"], 0.05)
    for task in range(40):
        race.add("in use", str(task), ok=False)

    assert race.left == ["in use", "a"]
    assert race.leader() == "in use"
