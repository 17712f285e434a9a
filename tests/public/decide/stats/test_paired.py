"""Paired comparison: reference values, the definition by way of bounds, and the laws of a comparison."""

from itertools import product
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Paired, bounds, e_value, paired

ALPHAS = st.floats(-9, -0.31).map(lambda digits: 10**digits)


@st.composite
def pairs(draw):
    """Pairs that A alone and B alone failed, and all pairs, up to 10^7."""
    n = draw(st.floats(0, 7).map(lambda digits: int(10**digits)))
    differing = draw(st.one_of(st.integers(0, min(n, 30)), st.integers(0, n)))
    b = draw(st.integers(0, differing))
    return b, differing - b, n


@given(pairs(), ALPHAS)
def test_evidence_is_that_of_a_coin(pairs, alpha):
    """The evidence is that of the differing pairs against one half, and B is better from 1/alpha on."""
    b, c, n = pairs

    result = paired(b, c, n, alpha=alpha)

    assert result.e_value == e_value(b, b + c, 0.5, side="bad")
    assert result.better == (result.e_value >= 1 / alpha) or result.e_value == pytest.approx(1 / alpha)


@given(pairs(), ALPHAS)
def test_interval_holds_every_product_of_its_bounds(pairs, alpha):
    """The interval reaches to the extreme products of the bounds of both shares, no further."""
    b, c, n = pairs

    result = paired(b, c, n, alpha=alpha)

    differing, wins = bounds(b + c, n, alpha=alpha / 4), bounds(b, b + c, alpha=alpha / 4)
    corners = [
        share * (2 * won - 1)
        for share, won in product((differing.lower, differing.upper), (wins.lower, wins.upper))
    ]
    assert result.lower == pytest.approx(min(corners), rel=1e-9, abs=1e-15)
    assert result.upper == pytest.approx(max(corners), rel=1e-9, abs=1e-15)


@given(pairs(), ALPHAS)
def test_interval_holds_the_observed_difference(pairs, alpha):
    """The observed difference lies in its interval, which lies in [-1, 1]."""
    b, c, n = pairs

    result = paired(b, c, n, alpha=alpha)

    assert -1 <= result.lower <= (b - c) / n + 1e-15
    assert (b - c) / n - 1e-15 <= result.upper <= 1


@given(pairs(), ALPHAS)
def test_swapping_the_two_mirrors_the_interval(pairs, alpha):
    """What A leads by, B trails by."""
    b, c, n = pairs

    result, mirrored = paired(b, c, n, alpha=alpha), paired(c, b, n, alpha=alpha)

    assert result.lower == pytest.approx(-mirrored.upper, rel=1e-9, abs=1e-15)
    assert result.upper == pytest.approx(-mirrored.lower, rel=1e-9, abs=1e-15)


@given(pairs(), ALPHAS)
def test_lower_bound_above_zero_is_better(pairs, alpha):
    """An interval that says that B is better never contradicts the evidence."""
    result = paired(*pairs, alpha=alpha)

    assert result.better or result.lower <= 0


@given(pairs(), ALPHAS)
def test_never_both_better(pairs, alpha):
    """A is not better than B where B is better than A."""
    b, c, n = pairs

    assert not (paired(b, c, n, alpha=alpha).better and paired(c, b, n, alpha=alpha).better)


@given(pairs(), ALPHAS)
def test_another_win_never_lowers_the_evidence(pairs, alpha):
    """One more pair that A alone fails raises the evidence for B, one that B alone fails lowers it."""
    b, c, n = pairs
    now = paired(b, c, n, alpha=alpha).e_value

    assert paired(b + 1, c, n + 1, alpha=alpha).e_value >= now * (1 - 1e-12)
    assert paired(b, c + 1, n + 1, alpha=alpha).e_value <= now * (1 + 1e-12)


@given(pairs(), st.integers(1, 10**6))
def test_pairs_that_agree_are_no_evidence(pairs, more):
    """Pairs on which both do the same change the size of the difference, not the evidence."""
    b, c, n = pairs

    assert paired(b, c, n + more).e_value == paired(b, c, n).e_value


@pytest.mark.parametrize(
    ("b", "c", "n", "lower", "upper"),
    [
        (40, 10, 500, 0.008123, 0.137858),
        (14, 11, 600, -0.039693, 0.053349),
        (8, 0, 200, 0.000229, 0.104719),
    ],
)
def test_interval_gives_the_reference_values(b, c, n, lower, upper):
    """The interval of the difference is that of the formula to six decimals."""
    result = paired(b, c, n)

    assert (round(result.lower, 6), round(result.upper, 6)) == (lower, upper)


@pytest.mark.parametrize(
    ("b", "c", "expected", "digits"),
    [(25, 5, 416.342, 3), (14, 11, 0.274463, 6), (8, 0, 100.4755, 4), (6, 1, 4.0209, 4)],
)
def test_evidence_gives_the_reference_values(b, c, expected, digits):
    """The evidence is that of the formula."""
    assert round(paired(b, c, 600).e_value, digits) == expected


@pytest.mark.parametrize(("c", "b"), [(0, 6), (1, 10), (2, 12), (3, 15), (5, 19)])
def test_fewest_wins_that_make_better(b, c):
    """So many wins are needed when the other side won a few."""
    assert paired(b, c, 600).better
    assert not paired(b - 1, c, 600).better


def test_no_pairs_say_nothing():
    """Without a pair the odds are even and every difference is possible."""
    assert paired(0, 0, 0) == Paired(1.0, -1.0, 1.0, better=False)


def test_pairs_that_all_agree_bound_the_difference():
    """When no pair differs, the difference is near 0 but nobody is better."""
    result = paired(0, 0, 1000)

    most = bounds(0, 1000, alpha=0.0125).upper
    assert result == Paired(1.0, -most, most, better=False)


def test_sums_of_cluster_means_lie_between_whole_pairs():
    """Half a win more is more evidence, and less than a whole one."""
    fewer, half, more = (paired(b, 2, 50).e_value for b in (8, 8.5, 9))

    assert fewer < half < more


def test_sums_of_cluster_means_may_be_rounded_up():
    """Sums that should add up to all pairs, but for a rounding, are taken as all pairs."""
    b, c = 1 / 9, nextafter(nextafter(35 / 9, 4), 4)

    result = paired(b, c, 4)

    assert b + c > 4
    assert result.lower == pytest.approx(paired(1 / 9, 35 / 9, 4).lower)


def test_evidence_past_the_largest_float_is_inf():
    """Above a log of 709 the odds are inf, and B is better."""
    result = paired(10**7, 0, 10**7)

    assert (result.e_value, result.better) == (inf, True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: paired(-1, 0, 10),
            "b=-1: expected the number of the pairs on which only A failed, from 0 to n=10",
        ),
        (
            lambda: paired(0, 11, 10),
            "c=11: expected the number of the pairs on which only B failed, from 0 to n=10",
        ),
        (lambda: paired(6, 5, 10), "b=6, c=5: expected b + c <= n=10 observed pairs"),
        (
            lambda: paired(0, 0, 1.5),
            "n=1.5: expected the number of the pairs observed, an int from 0 to 2**53",
        ),
        (lambda: paired(1, 1, 5, alpha=0), "alpha=0: expected a number above 0 and below 1"),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
