"""Rates over time: nothing is lost, nothing is added, and where there is no call there is no point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.report.over_time import HourOfGroup, TimedCalls, over_time
from schema_guard.stats import Rate

HOUR, DAY = 3_600, 86_400
# 2026-11-26 00:00 UTC, a Thursday.
THURSDAY = 1_795_651_200
HOURS = st.lists(
    st.builds(
        lambda group, hour, calls, share: HourOfGroup(group, hour * HOUR, calls, int(calls * share)),
        st.integers(0, 2),
        st.integers(-100_000, 500_000) | st.integers(498_000, 498_100),
        st.integers(0, 50),
        st.floats(0, 1),
    ),
    max_size=40,
)


@given(HOURS)
def test_every_call_is_in_one_point(hours):
    """The points of a group have its calls and its failed calls, no more and no less."""
    result = over_time(hours, 3)

    for group, points in enumerate(result.series):
        mine = [one for one in hours if one.group == group]
        assert sum(point.n for point in points) == sum(one.calls for one in mine)
        assert sum(point.count for point in points) == sum(one.failed for one in mine)
        assert all(point.n for point in points)


@given(HOURS)
def test_points_have_one_step_and_are_few(hours):
    """Points lie on steps of one length, in the order of time, and there is room for all of them."""
    result = over_time(hours, 3)

    for points in result.series:
        times = [point.at for point in points]
        assert times == sorted(set(times))
        assert all((at - 4 * DAY) % result.step_s == 0 for at in times)
    if result.span is not None:
        first, end = result.span
        assert (end - first) // result.step_s <= 72


@pytest.mark.parametrize(
    ("days", "step"),
    [
        (1, "hour"),
        (2.9, "hour"),
        (10, "6 hours"),
        (60, "day"),
        (400, "week"),
        (1_500, "4 weeks"),
        (5_000, "12 weeks"),
    ],
)
def test_step_is_the_shortest_that_has_room(days, step):
    """A day is shown by hours, a month by days, a year by weeks, and decades by many weeks."""
    hours = [HourOfGroup(0, THURSDAY, 1, 0), HourOfGroup(0, THURSDAY + int(days * DAY) // HOUR * HOUR, 1, 1)]

    assert over_time(hours, 1).step == step


def test_weeks_begin_on_mondays():
    """A week is one from Monday to Sunday."""
    hours = [HourOfGroup(0, THURSDAY + day * DAY, 1, 0) for day in range(365)]

    assert over_time(hours, 1).series[0][0].at == THURSDAY - 3 * DAY


def test_groups_without_calls_have_no_points():
    """An hour in which no reply was judged is no point, and a group without any has no series."""
    result = over_time([HourOfGroup(1, THURSDAY, 0, 0), HourOfGroup(0, THURSDAY, 4, 1)], 2)

    assert result.series == ((TimedCalls(THURSDAY, 1, 4),), ())
    assert result.series[0][0].failed == Rate.of(1, 4)
    assert over_time([], 2).span is None
