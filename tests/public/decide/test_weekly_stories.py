"""Stories of failure rates that follow the week, through a guarded function, a store, and a simulated clock."""

import json
import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schema_guard import About, guard, tags
from tests.public.decide.production import DAY, GOOD, SHAPE, TICKET, summary

WEEK = 7 * DAY
SATURDAY = 5


class Week:
    """A function whose calls fail at a rate that depends on the time.

    Args:
        production: The simulated production.
        seed: Seed of the failures.
        per_day: Calls a day.
    """

    def __init__(self, production, seed, per_day=400):
        self.production = production
        self.per_day = per_day
        self.rng = random.Random(seed)

    def calls(self, days, rate, version="v1"):
        """Call a version of the function for some days. *rate* returns the failure rate at a time."""
        clock, store = self.production.clock, self.production.store

        @guard(
            TICKET,
            store=store,
            on_failure="return",
            name="shop.extract",
            about=About(version=version, model="m1"),
            max_attempts=1,
        )
        def extract(prompt):
            return SHAPE if self.rng.random() < rate(datetime.fromtimestamp(clock.now, UTC)) else GOOD

        for number in range(round(days * self.per_day)):
            if number % 2_000 == 0:
                store.flush(60.0)
            extract(f"ticket {next(self.production.inputs)}")
            clock.now += DAY / self.per_day
        store.flush(60.0)


def on_weekends(at):
    return 0.03 if at.weekday() >= SATURDAY else 0.003


def until(at, weekday, hour=0):
    """Return the days from a time until the next time of a weekday."""
    now = datetime.fromtimestamp(at, UTC)
    days = (weekday - now.weekday()) % 7 + (hour - now.hour) / 24 - now.minute / 1_440 - now.second / DAY
    return days if days > 0 else days + 7


@pytest.mark.parametrize("seed", [1, 2])
def test_weekends_that_fail_more_raise_no_alarm(production, seed):
    """Five weeks at 3% on weekends and 0.3% otherwise, with a target of 2%."""
    Week(production, seed).calls(35.2, on_weekends)

    result = production.verdict(target=0.02)

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    weekly = result.figures["weekly"]["system_prompt"]
    assert [part["name"] for part in weekly["parts"]] == ["weekends", "the rest"]
    assert (weekly["complete"], weekly["whole"]) == (5, 5)
    assert "weekends fail in 3" in result.head
    assert "for 5 weeks" in result.head


def test_the_counts_of_a_pattern_are_those_of_whole_weeks(production):
    """The rate, the parts, and the weeks of the JSON document have the same calls."""
    Week(production, 3).calls(30, on_weekends)

    result = production.verdict(target=0.02)

    weekly, rate = (result.figures[key]["system_prompt"] for key in ("weekly", "rates"))
    assert (rate["n"], rate["k"]) == (weekly["n"], weekly["k"])
    for key in "nk":
        assert sum(part[key] for part in weekly["parts"]) == weekly[key]
        assert sum(sum(map(int, week[key].split())) for week in weekly["weeks"]) == weekly[key]
    assert weekly["n"] == pytest.approx(28 * 400, abs=10)


def test_nights_that_fail_more_raise_no_alarm(production):
    """Four weeks at 4% from 22:00 to 6:00 and 0.2% otherwise."""
    Week(production, 4).calls(29, lambda at: 0.04 if at.hour >= 22 or at.hour < 6 else 0.002)

    result = production.verdict(target=0.03)

    assert result.exit_code == 0
    assert "the hours from 22:00 to 06:00 fail" in result.head


def test_a_rise_on_a_wednesday_within_a_pattern_is_found(production):
    """In the fourth week, the days that failed 0.3% fail 4%."""
    week = Week(production, 5)
    week.calls(21, on_weekends)
    week.calls(until(production.now, 2), on_weekends)
    week.calls(2, lambda at: 0.04)

    result = production.verdict(target=0.02)

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    change = result.figures["change"]["system_prompt"]
    assert (change["part"], change["direction"], change["open"]) == ("the rest", "rise", True)
    assert "failures of the rest rose" in result.head
    assert "Wednesday" in result.head


def test_the_first_saturday_is_a_rise_until_two_weeks_are_known(production):
    """Before two full weeks, a pattern looks like a rise, and the text gives the day when that ends."""
    week = Week(production, 6)
    week.calls(until(production.now, SATURDAY), on_weekends)
    week.calls(1.9, lambda at: 0.05)

    result = production.verdict(target=0.01)

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    assert "rose on Saturday, 2026-05-30" in result.head
    unknown = "a weekly pattern can be detected only after two full weeks, from 2026-06-11"
    assert unknown in result.head
    assert f"next failures rose on Saturday, but {unknown}; if the change must stay, run:" in result.head
    assert "undo" not in result.head


def test_a_constant_rate_has_no_pattern(production):
    """Six weeks at 0.5%, with noise."""
    Week(production, 7).calls(42.5, lambda at: 0.005)

    result = production.verdict(target=0.01)

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert "parts" not in result.figures["weekly"]["system_prompt"]
    assert result.figures["rates"]["system_prompt"]["n"] == round(42.5 * 400)


def test_a_time_zone_moves_the_weeks_and_is_in_the_next_command(production):
    """Four weeks that fail on Saturday and Sunday in Tokyo. The pattern names the zone, and `watch` gets it."""
    zone = ZoneInfo("Asia/Tokyo")
    Week(production, 8).calls(29, lambda at: on_weekends(at.astimezone(zone)))

    result = production.verdict(target=0.02, config={"time_zone": "Asia/Tokyo"})

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert "(time zone Asia/Tokyo)" in result.head
    assert "schema-guard watch --max-failure-rate 2% --time-zone Asia/Tokyo" in result.head
    weekends = result.figures["weekly"]["system_prompt"]["parts"][0]
    assert weekends["k"] / weekends["n"] == pytest.approx(0.03, abs=0.008)


def test_an_unknown_time_zone_is_an_error(production):
    """The message names an example."""
    production.calls(10, 0)

    status, _, error = production.run("watch", "--max-failure-rate", "1%", "--time-zone", "Nowhere/City")

    assert status == 2
    assert "expected a name such as Europe/Berlin or UTC" in error


def test_a_rate_that_grows_has_a_day_since_which_it_grows(production):
    """Three weeks at 0.3%, then four weeks in which the rate grows to 4%."""
    week = Week(production, 9)
    week.calls(21, lambda at: 0.003)
    begins = production.now
    week.calls(28, lambda at: 0.003 + 0.037 * (at.timestamp() - begins) / (28 * DAY))

    result = production.verdict(target=0.01)

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    change = result.figures["change"]["system_prompt"]
    assert "2026-06-10" < change["growing_since"] < "2026-07-05"
    assert f"or have been growing since {change['growing_since']}" in result.head


def test_a_jump_has_no_day_since_which_it_grows(production):
    """Two weeks and a half at 0.3%, then ten days at 4%."""
    week = Week(production, 10)
    week.calls(18, lambda at: 0.003)
    week.calls(10, lambda at: 0.04)

    result = production.verdict(target=0.01)

    assert result.verdict == "FIND_WHAT_CHANGED"
    assert "growing" not in result.head


def test_a_rise_without_a_pattern_names_the_patterns_that_were_compared(production):
    """After two complete weeks, the text says that a shorter pattern can look like a rise."""
    week = Week(production, 11)
    week.calls(18, lambda at: 0.003)
    week.calls(5, lambda at: 0.04)

    result = production.verdict(target=0.01)

    assert "none for weekends, single days, or 8 hours of the day (time zone UTC)" in result.head


def test_a_larger_rise_on_weekends_within_a_pattern_is_found(production):
    """After three weeks, weekends fail 15%."""
    week = Week(production, 12)
    week.calls(21, on_weekends)
    week.calls(until(production.now, SATURDAY) + 2, lambda at: 0.15 if at.weekday() >= SATURDAY else 0.003)

    result = production.verdict(target=0.02)

    assert summary(result) == ("FIND_WHAT_CHANGED", None, 1)
    assert "failures of weekends rose" in result.head


def test_a_pattern_above_the_target_is_a_breach_by_its_whole_weeks(production):
    """Four weeks at 12% on weekends and 2% otherwise, with a target of 1%."""
    Week(production, 13).calls(29, lambda at: 0.12 if at.weekday() >= SATURDAY else 0.02)

    result = production.verdict(target=0.01)

    assert result.exit_code == 1
    (breach,) = result.figures["breach"]
    weekly = result.figures["weekly"]["system_prompt"]
    assert breach["what"] == "format"
    assert (breach["n"], breach["k"]) == (weekly["n"], weekly["k"])


def test_watch_prints_the_pattern_and_what_it_does_not_cover(production):
    """Three weeks at 3% on weekends and 0.3% otherwise."""
    Week(production, 14).calls(22, on_weekends)

    _, text, _ = production.run("watch", "--max-failure-rate", "5%")

    assert "system_prompt has a weekly pattern: weekends fail in 3" in text
    assert "patterns narrower than a weekend, a day, or 8 hours of each day are not searched" in text


@pytest.mark.parametrize(("days", "begins"), [(None, "2026-05-28"), (-30, "2026-05-28"), (2, "2026-05-30")])
def test_weeks_begin_with_the_first_call_or_a_later_since(production, days, begins):
    """The same function, read from a day before its first call, and from a later one."""
    first = production.now
    Week(production, 15, per_day=100).calls(24, on_weekends)

    result = production.verdict(target=0.1, since=None if days is None else first + days * DAY)

    assert result.figures["weekly"]["system_prompt"]["weeks"][0]["begins"].startswith(begins)


def test_weeks_begin_with_the_first_call_of_the_function_when_calls_are_filtered(production):
    """A segment that begins in the second week has the weeks of its function."""
    week = Week(production, 16, per_day=100)
    week.calls(10, on_weekends)
    with tags(segment="eu"):
        week.calls(20, on_weekends)

    status, text, _ = production.run(
        "decide", "--max-failure-rate", "10%", "--segment", "eu", "--format", "json"
    )

    (weekly,) = json.loads(text)["weekly"].values()
    assert status == 0
    assert weekly["weeks"][0]["begins"].startswith("2026-05-28")


@pytest.mark.parametrize(
    ("seed", "rate", "target"), [(17, 0.003, 0.01), (18, 0.003, 0.01), (19, 0.008, 0.002)]
)
def test_a_version_younger_than_a_week_is_not_decided(production, seed, rate, target):
    """Four weeks of v1, then three days of v2. Half a week is another mix, so neither a low nor a high rate is proved."""
    week = Week(production, seed)
    week.calls(28.02 + until(production.now, 0), on_weekends)
    week.calls(3, lambda at: rate, version="v2")

    result = production.verdict(target=target)

    name = result.figures["counted"]["current"]
    rates, weekly = (result.figures[key][name] for key in ("rates", "weekly"))
    assert summary(result) == ("NEED_MORE_DATA", None, 0)
    assert (rates["n"], rates["state"]) == (1_200, "inconclusive")
    assert (weekly["n"], weekly["k"], weekly["whole"]) == (1_200, rates["k"], 0)
    assert weekly["days"] == ["2026-06-29", "2026-07-02"]
    assert (
        f"the {rates['n']:,} calls from 2026-06-29 to 2026-07-02 cover less than a whole week of the weekly pattern"
        in result.why
    )
    assert "2026-07-09" in result.head
    assert result.figures["n_more"] >= 2_000


def test_a_version_older_than_a_week_is_decided_by_its_whole_weeks(production):
    """Four weeks of v1, then nineteen days of v2. In its first week, the weekend is seen to be better."""
    week = Week(production, 20)
    week.calls(28.02 + until(production.now, 0), on_weekends)
    week.calls(19, lambda at: 0.002, version="v2")

    result = production.verdict(target=0.02)

    assert summary(result) == ("PROMPTING_ENOUGH", None, 0)
    assert result.figures["weekly"][result.figures["counted"]["current"]]["whole"] == 1


def test_calls_since_an_alarm_are_shown_until_a_week_is_whole(production):
    """In the fifth week, an outage of half a day ends. The calls since it was seen to end are no whole week."""
    week = Week(production, 21)
    week.calls(28 + until(production.now, 4), on_weekends)
    week.calls(0.5, lambda at: 0.2)
    week.calls(4, on_weekends)

    result = production.verdict(target=0.02)

    (name,) = result.figures["rates"]
    rate, change = result.figures["rates"][name], result.figures["change"][name]
    assert change["direction"] == "fall"
    assert rate["state"] == "inconclusive"
    assert 1_000 < rate["n"] <= 1_600
    assert result.verdict == "NEED_MORE_DATA"
