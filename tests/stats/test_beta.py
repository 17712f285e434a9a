"""The incomplete beta function against scipy, exact fractions and its own symmetries."""

from fractions import Fraction
from math import comb, exp, inf, isclose, log, log1p

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from schema_guard.stats.beta import (
    LARGEST_LOGIT,
    Point,
    Tails,
    divergence,
    log_front,
    log_tail_over_front,
    log_tails,
    odds_point,
    quantile,
)

SIZES = st.floats(-0.3, 7).map(lambda digits: 10**digits)
POINTS = st.floats(1e-12, 1 - 1e-12)
DEVIATIONS = st.floats(-6, 6)
LOG_SMALLEST = -600.0


def near_mean(a, b, deviations):
    """The rate that stands so many standard deviations from the mean of Beta(a, b)."""
    mean = a / (a + b)
    return mean + deviations * (mean * (1 - mean) / (a + b + 1)) ** 0.5


def exact_tails(a, b, x):
    """Both tails for whole a and b as exact fractions: I_x(a, b) = P(Bin(a + b - 1, x) >= a)."""
    rate, size = Fraction(x), a + b - 1
    masses = [comb(size, j) * rate**j * (1 - rate) ** (size - j) for j in range(size + 1)]
    return Tails(exact_log(sum(masses[a:])), exact_log(sum(masses[:a])))


def exact_log(share):
    """The log of an exact share of 1, with no digits lost near 1 and no underflow near 0."""
    if 2 * share > 1:
        return log1p(-float(1 - share))
    halvings = share.denominator.bit_length() - share.numerator.bit_length()
    return log(share * 2**halvings) - halvings * log(2)


def close(value, expected, *, rel=1e-11, slack=1e-11):
    return isclose(value, expected, rel_tol=rel, abs_tol=slack)


@given(a=SIZES, b=SIZES, deviations=DEVIATIONS)
def test_tails_are_those_of_scipy_near_the_mean(a, b, deviations):
    """Within six deviations of the mean both tails are scipy's, up to 10^7 counts."""
    x = near_mean(a, b, deviations)
    assume(1e-300 < x < 1 - 1e-9)

    tails = log_tails(a, b, x, 1 - x)

    # scipy's own tails are good to about the condition of the problem, which grows with the counts.
    slack = 1e-10 + 1e-14 * (a + b)
    assert close(tails.lower, log(special.betainc(a, b, x)), slack=slack)
    assert close(tails.upper, log(special.betaincc(a, b, x)), slack=slack)


@given(a=SIZES, b=SIZES, x=POINTS)
def test_tails_are_those_of_scipy_anywhere(a, b, x):
    """Wherever scipy's tail does not underflow, its log is ours."""
    tails = log_tails(a, b, x, 1 - x)

    slack = 1e-10 + 1e-14 * (a + b)
    for ours, theirs in zip(tails, (special.betainc(a, b, x), special.betaincc(a, b, x)), strict=True):
        assert ours < LOG_SMALLEST or close(ours, log(theirs), slack=slack)


@given(a=st.integers(1, 60), b=st.integers(1, 60), x=st.floats(1e-9, 0.999999))
def test_tails_are_exact_where_floats_end(a, b, x):
    """Against exact arithmetic both logs hold 12 digits, far below the smallest float too."""
    tails = log_tails(a, b, x, float(1 - Fraction(x)))

    expected = exact_tails(a, b, x)
    assert close(tails.lower, expected.lower, rel=1e-12, slack=1e-12)
    assert close(tails.upper, expected.upper, rel=1e-12, slack=1e-12)


@given(a=SIZES, b=SIZES, x=POINTS)
def test_tails_swap_with_their_arguments(a, b, x):
    """The lower tail at x is the upper tail at 1 - x with a and b swapped."""
    tails = log_tails(a, b, x, 1 - x)

    swapped = log_tails(b, a, 1 - x, x)
    assert close(tails.lower, swapped.upper, slack=1e-9)
    assert close(tails.upper, swapped.lower, slack=1e-9)


@given(a=SIZES, b=SIZES, x=POINTS)
def test_tails_add_up_to_one(a, b, x):
    """No tail is above 1 and both make 1."""
    tails = log_tails(a, b, x, 1 - x)

    assert max(tails) <= 0
    assert close(exp(tails.lower) + exp(tails.upper), 1)


@given(a=SIZES, b=SIZES, x=POINTS)
def test_tail_over_front_is_their_difference(a, b, x):
    """The quotient that cancels nothing is the tail divided by the front."""
    quotient = log_tail_over_front(a, b, x, 1 - x)

    front = log_front(a, b, x, 1 - x)
    assert close(quotient, log_tails(a, b, x, 1 - x).lower - front, slack=1e-9 + 1e-15 * abs(front))


@given(a=SIZES, b=SIZES, x=POINTS)
def test_front_is_the_definition(a, b, x):
    """The front is x^a y^b / B(a, b), to what the plain formula can hold."""
    plain = a * log(x) + b * log(1 - x) - float(special.betaln(a, b))

    assert close(log_front(a, b, x, 1 - x), plain, rel=1e-9, slack=1e-6)


@given(a=SIZES, b=SIZES)
def test_divergence_is_nothing_at_the_rate_itself(a, b):
    """A rate is as likely as the best rate exactly when it is the best rate."""
    rate, size = a / (a + b), a + b

    assert divergence(a, b, rate, b / size) == pytest.approx(0, abs=1e-9)
    assert divergence(a, b, rate / 2, 1 - rate / 2) > 0


@given(a=SIZES, b=SIZES, digits=st.floats(-9, -0.31))
def test_quantile_is_that_of_scipy(a, b, digits):
    """The point below which there is so much mass is scipy's, wherever scipy's is not 0."""
    mass = 10**digits

    point = quantile(a, b, log(mass))

    theirs = special.betaincinv(a, b, mass)
    assert point.x == pytest.approx(theirs, rel=1e-7, abs=1e-300)


@given(a=SIZES, b=SIZES, digits=st.floats(-100, -0.31))
def test_quantile_inverts_the_tail(a, b, digits):
    """Below the point there is the mass that was asked for."""
    mass = digits * log(10)

    point = quantile(a, b, mass)

    assert close(log_tails(a, b, *point).lower, mass, rel=1e-9, slack=1e-9)


@given(logit=st.floats(-LARGEST_LOGIT, LARGEST_LOGIT))
def test_odds_are_those_of_the_point(logit):
    """The odds of the point are the ones asked for, near 0 and near 1."""
    x, y = odds_point(logit)

    assert log(x) - log(y) == pytest.approx(logit, rel=1e-12, abs=1e-12)
    assert x + y == pytest.approx(1)


def test_quantile_below_what_a_float_holds_is_near_zero():
    """A mass that is nowhere within the floats is put at their end."""
    point = quantile(1e-9, 10.0, log(0.025))

    assert point == Point(pytest.approx(0, abs=1e-300), 1.0)


def test_divergence_without_failures_is_that_of_the_successes():
    """With a = 0 only b ln(1 / y) is left, and the other way round."""
    assert divergence(0.0, 100.0, 0.01, 0.99) == pytest.approx(-100 * log(0.99), rel=1e-12)
    assert divergence(100.0, 0.0, 0.01, 0.99) == pytest.approx(-100 * log(0.01), rel=1e-12)


def test_tiny_points_keep_their_digits():
    """At the smallest float the lower tail of Beta(1/2, 1/2) is 2 sqrt(x) / pi."""
    tails = log_tails(0.5, 0.5, 5e-324, 1.0)

    assert tails.lower == pytest.approx(log(2 / 3.141592653589793) + 0.5 * log(5e-324), rel=1e-13)
    assert -inf < tails.upper <= 0
