"""Rates over time: nothing is lost, nothing is added, and where there is no call there is no point."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.report.over_time import TimedCalls, over_time
from schema_guard.stats import Rate

HOUR, DAY = 3_600, 86_400
# 2026-11-26 00:00 UTC, a Thursday.
THURSDAY = 1_795_651_200
HOURS = st.lists(
    st.builds(
        lambda hour, calls, share: TimedCalls(hour * HOUR, int(calls * share), calls),
        st.integers(-100_000, 500_000) | st.integers(498_000, 498_100),
        st.integers(0, 50),
        st.floats(0, 1),
    ),
    max_size=15,
)
GROUPS = st.lists(HOURS, min_size=3, max_size=3)


@given(GROUPS)
def test_every_call_is_in_one_point(groups):
    """The points of a group have its calls and its failed calls, no more and no less."""
    result = over_time(groups)

    for hours, points in zip(groups, result.series, strict=True):
        assert sum(point.n for point in points) == sum(one.n for one in hours)
        assert sum(point.count for point in points) == sum(one.count for one in hours)
        assert all(point.n for point in points)


@given(GROUPS)
def test_points_have_one_step_and_are_few(groups):
    """Points lie on steps of one length, in the order of time, and there is room for all of them."""
    result = over_time(groups)

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
    hours = [TimedCalls(THURSDAY, 0, 1), TimedCalls(THURSDAY + int(days * DAY) // HOUR * HOUR, 1, 1)]

    assert over_time([hours]).step == step


def test_weeks_begin_on_mondays():
    """A week is one from Monday to Sunday."""
    hours = [TimedCalls(THURSDAY + day * DAY, 0, 1) for day in range(365)]

    assert over_time([hours]).series[0][0].at == THURSDAY - 3 * DAY


def test_groups_without_calls_have_no_points():
    """An hour in which no reply was judged is no point, and a group without any has no series."""
    result = over_time([[TimedCalls(THURSDAY, 1, 4)], [TimedCalls(THURSDAY, 0, 0)]])

    assert result.series == ((TimedCalls(THURSDAY, 1, 4),), ())
    assert result.series[0][0].failed == Rate.of(1, 4)
    assert over_time([]).span is None
