"""Bounds of a mean: reference values, the definition on a grid, and the laws of an interval."""

import random
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Bounds, mean_bounds

VALUES = st.one_of(
    st.lists(st.floats(0, 1), max_size=60),
    st.lists(st.sampled_from([0.0, 1.0]), max_size=60),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60),
)


def kept(values, alpha, means):
    """The means that neither bet has ever refuted, by the definition."""
    bets, total, squares, variance = [], 0.5, 0.25, 0.25
    for number, value in enumerate(values, start=1):
        bets.append(sqrt(2 * log(2 / alpha) / (number * log(1 + number) * variance)))
        total += value
        squares += (value - total / (number + 1)) ** 2
        variance = squares / (number + 1)
    return [m for m in means if not refuted(values, bets, m, alpha)]


def refuted(values, bets, m, alpha):
    """Whether half the capital of either bet against this mean has ever reached 1/alpha."""
    more = less = 1.0
    for value, bet in zip(values, bets, strict=True):
        more *= 1 + min(bet, 1 / (2 * m)) * (value - m)
        less *= 1 - min(bet, 1 / (2 * (1 - m))) * (value - m)
        if max(more, less) / 2 >= 1 / alpha:
            return True
    return False


@given(VALUES, st.sampled_from([0.5, 0.05, 1e-3]))
def test_bounds_are_those_of_the_definition(values, alpha):
    """On a grid of 200 means, those inside the bounds are those that are kept."""
    means = [number / 200 for number in range(1, 200)]

    result = mean_bounds(values, alpha=alpha)

    inside = [m for m in means if result and result.lower + 2e-9 < m < result.upper - 2e-9]
    excluded = [m for m in means if not result or not result.lower <= m <= result.upper]
    left = kept(values, alpha, means)
    assert set(inside) <= set(left)
    assert not set(excluded) & set(left)


@given(VALUES, st.floats(0, 1))
def test_more_values_never_widen_the_interval(values, value):
    """What is refuted once stays refuted."""
    now, later = mean_bounds(values), mean_bounds([*values, value])

    assert now is not None or later is None
    assert later is None or (now.lower <= later.lower and later.upper <= now.upper)


@given(VALUES)
def test_bounds_swap_with_the_values(values):
    """The upper bound of the values is what the lower bound of their complements leaves."""
    result, mirrored = mean_bounds(values), mean_bounds([1 - value for value in values])

    if result is None or mirrored is None:
        assert result is mirrored
    else:
        assert result.upper == pytest.approx(1 - mirrored.lower, abs=1e-8)
        assert result.lower == pytest.approx(1 - mirrored.upper, abs=1e-8)


@given(VALUES, st.floats(1e-9, 0.5), st.floats(1e-9, 0.5))
def test_bounds_lie_between_zero_and_one(values, one, other):
    """Whatever is observed, the bounds are fractions in order."""
    for alpha in (one, other):
        result = mean_bounds(values, alpha=alpha)

        assert result is None or 0 <= result.lower < result.upper <= 1


@pytest.mark.parametrize(
    ("values", "lower", "upper"),
    [
        (([1] + [0] * 9) * 10, 0.042, 0.207),
        ([0] * 100, 0.0, 0.070),
        (([0] * 19 + [1]) * 20, 0.019, 0.086),
        ([0.5] * 50, 0.433, 0.567),
    ],
    ids=["a tenth", "none", "a twentieth", "halves"],
)
def test_bounds_give_the_reference_values(values, lower, upper):
    """The bounds are those of the confseq package, which knows them to a thousandth."""
    result = mean_bounds(values)

    assert result.lower == pytest.approx(lower, abs=0.001)
    assert result.upper == pytest.approx(upper, abs=0.001)


@pytest.mark.costly
def test_mean_is_rarely_left_out():
    """In 300 streams of 500 scores, looked at after each, no more than 5 % ever lose the mean 0.3."""
    rng = random.Random(20261124)
    lost = 0
    for _ in range(300):
        result = mean_bounds([rng.betavariate(0.6, 1.4) for _ in range(500)])
        lost += result is None or not result.lower <= 0.3 <= result.upper

    assert lost <= 15


def test_no_values_say_nothing():
    """Without values every mean is possible."""
    assert mean_bounds([]) == Bounds(0.0, 1.0)


def test_mean_that_moves_is_no_mean():
    """When the values change from 0 to 1, no mean is left."""
    assert mean_bounds([0.0] * 200 + [1.0] * 200) is None


def test_order_of_the_values_counts():
    """The same values in another order give other bounds: they are bets, made one after the other."""
    assert mean_bounds([0.0] * 50 + [1.0] * 3) != mean_bounds([1.0] * 3 + [0.0] * 50)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_bounds([0.5, 1.5]), "values[1]=1.5: expected a number from 0 to 1"),
        (lambda: mean_bounds([None]), "values[0]=None: expected a number from 0 to 1"),
        (lambda: mean_bounds([float("nan")]), "values[0]=nan: expected a number from 0 to 1"),
        (lambda: mean_bounds([], alpha=0), "alpha=0: expected a number above 0 and below 1"),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """A value that is no fraction is named by its index."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
