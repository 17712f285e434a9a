"""Does a failure rate follow the week?"""

import math
import random

import pytest

from schema_guard.stats import WeekCounts, week_parts
from schema_guard.stats.cycles import HOURS, candidates, week_evidence

WEEKEND = range(120, 168)
NIGHT = [hour for hour in range(HOURS) if hour % 24 in (22, 23, 0, 1, 2, 3, 4, 5)]


def week(failed, calls=20):
    """Return a week with so many calls an hour, and the failures of each hour."""
    return WeekCounts((calls,) * HOURS, tuple(failed.get(hour, 0) for hour in range(HOURS)))


def failing(hours, every=1):
    """Return one failure in each of some hours."""
    return dict.fromkeys(list(hours)[::every], 1)


def test_twenty_candidates_are_compared():
    """The weekend, seven days, and twelve spans of eight hours that begin at an even hour."""
    sizes = [len(one.hours) for one in candidates()]

    assert sizes == [48, *[24] * 7, *[56] * 12]
    assert len({one.hours for one in candidates()}) == 20


def test_two_weeks_prove_a_weekend():
    """Both weeks fail on Saturday and Sunday."""
    weekends, rest = week_parts([week(failing(WEEKEND, 2))] * 2)

    assert (weekends.name, rest.name) == ("weekends", "the rest")
    assert weekends.hours == tuple(WEEKEND)
    assert sorted((*weekends.hours, *rest.hours)) == list(range(HOURS))
    (split,) = weekends.splits
    assert split.direction == "more"
    assert split.product == pytest.approx(math.prod(split.evidence))


def test_one_week_proves_nothing():
    """An outage on one weekend is no pattern, however many calls fail."""
    outage = week(dict.fromkeys(WEEKEND, 20))

    assert week_parts([outage]) == ()
    assert week_parts([outage, week({}), week({}), week({})]) == ()


def test_the_two_weeks_with_the_most_evidence_are_the_proof():
    """Three weeks show the pattern, and the product has two of them."""
    weekends, _ = week_parts([week(failing(WEEKEND, every)) for every in (2, 3, 4)])

    (split,) = weekends.splits
    assert split.product == pytest.approx(math.prod(sorted(split.evidence)[-2:]))
    assert min(split.evidence) > 1


def test_weeks_in_opposite_directions_prove_nothing():
    """Weekends fail more in one week and less in the next week."""
    others = [hour for hour in range(HOURS) if hour not in WEEKEND]

    assert week_parts([week(failing(WEEKEND, 4)), week(failing(others, 4))]) == ()


def test_only_the_latest_four_weeks_count():
    """A pattern that has been over for four weeks is gone."""
    weeks = [week(failing(WEEKEND, 2))] * 4
    even = [week(failing(range(HOURS), 7))] * 3

    assert week_parts([*weeks, *even[:2]]) != ()
    assert week_parts([*weeks, *even]) == ()


def test_a_part_that_fails_less_is_found():
    """All days fail but Sundays."""
    sundays, rest = week_parts([week(failing(range(144)))] * 2)

    assert (sundays.name, sundays.splits[0].direction, rest.name) == ("Sundays", "less", "the rest")


def test_each_part_is_split_once_more():
    """Weekends fail, and the nights of the other days fail less often."""
    failed = dict.fromkeys(WEEKEND, 4) | {hour: 1 for hour in NIGHT if hour not in WEEKEND}

    names = [part.name for part in week_parts([week(failed)] * 4)]

    assert names == [
        "weekends",
        "the hours from 22:00 to 06:00 of the rest",
        "the rest of the rest",
    ]


def test_four_parts_are_the_most():
    """The parts of parts are not split again."""
    failed = {
        hour: 8 * (hour in WEEKEND) + 4 * (hour in NIGHT) + 2 * (hour // 24 == 2) for hour in range(HOURS)
    }

    parts = week_parts([week(failed)] * 4)

    assert len(parts) <= 4
    assert sorted(hour for part in parts for hour in part.hours) == list(range(HOURS))


def test_a_week_without_calls_is_no_evidence():
    """A pause of a week neither proves nor refutes a pattern."""
    pause = WeekCounts((0,) * HOURS, (0,) * HOURS)
    shown = week(failing(WEEKEND, 2))

    assert [part.name for part in week_parts([shown, pause, shown])] == ["weekends", "the rest"]


@pytest.mark.parametrize("direction", ["more", "less"])
@pytest.mark.parametrize(("n", "all_n", "all_k"), [(5, 20, 4), (40, 168, 12), (2, 7, 7)])
def test_the_mean_evidence_of_a_constant_rate_is_at_most_the_stake(n, all_n, all_k, direction):
    """Summed over all ways to spread the failures over the calls."""
    ways = math.comb(all_n, all_k)
    mean = sum(
        math.comb(n, k)
        * math.comb(all_n - n, all_k - k)
        / ways
        * week_evidence(k, n, all_k, all_n, direction)
        for k in range(max(0, all_k - all_n + n), min(n, all_k) + 1)
    )

    assert 0 < mean <= 0.2 + 1e-12


def test_a_constant_rate_has_no_pattern():
    """In fifty histories, 1% of 8,400 calls a week fail."""
    rng = random.Random(20261129)

    def drawn():
        return week({hour: sum(rng.random() < 0.01 for _ in range(50)) for hour in range(HOURS)}, 50)

    assert [week_parts([drawn() for _ in range(4)]) for _ in range(50)] == [()] * 50


def test_many_failures_do_not_overflow():
    """A million calls an hour, a tenth of them failing on weekends."""
    weeks = [WeekCounts((10**6,) * HOURS, tuple(10**5 * (hour in WEEKEND) for hour in range(HOURS)))] * 4

    assert [part.name for part in week_parts(weeks)] == ["weekends", "the rest"]
