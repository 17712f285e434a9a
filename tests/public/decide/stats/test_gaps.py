"""Bounds of a mean difference: the definition, the laws of an interval, and how often they are wrong."""

from itertools import pairwise
from math import prod
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Bounds, gap_bounds, paired

GAPS = st.one_of(
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=80),
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), max_size=60),
    st.lists(st.floats(-1, 1), max_size=40),
)
ALPHAS = st.sampled_from([0.5, 0.05, 1e-3])


def capital(gaps, mean):
    """The capital of bets that the values are above a mean, by the definition."""
    bets = [0.999 * 2 ** (-step / 2) for step in range(21)]
    stakes = [0.35, *[0.65 / 20] * 20]
    return sum(
        stake * prod(1 + bet * (gap - mean) / (1 + mean) for gap in gaps)
        for bet, stake in zip(bets, stakes, strict=True)
    )


@given(GAPS, ALPHAS)
def test_bounds_are_those_of_the_definition(gaps, alpha):
    """Means outside of the bounds are refuted by the capital of one side, those inside by none."""
    result = gap_bounds(gaps, alpha=alpha)

    for mean in (number / 6 for number in range(-5, 6)):
        refuted = max(capital(gaps, mean), capital([-gap for gap in gaps], -mean)) >= 2 / alpha
        if result.lower + 1e-6 < mean < result.upper - 1e-6:
            assert not refuted
        elif not result.lower - 1e-6 <= mean <= result.upper + 1e-6:
            assert refuted


@given(GAPS, st.randoms())
def test_order_changes_nothing(gaps, random):
    """The same values in another order have the same bounds."""
    shuffled = list(gaps)
    random.shuffle(shuffled)

    assert gap_bounds(shuffled) == pytest.approx(gap_bounds(gaps), abs=1e-8)


@given(GAPS)
def test_the_other_way_round_is_the_mirror_image(gaps):
    """Who is compared with whom does not matter."""
    there, back = gap_bounds(gaps), gap_bounds([-gap for gap in gaps])

    assert (back.lower, back.upper) == pytest.approx((-there.upper, -there.lower))


@given(GAPS.filter(bool))
def test_mean_of_the_values_is_inside(gaps):
    """What was seen is never refuted."""
    result, mean = gap_bounds(gaps), sum(gaps) / len(gaps)

    assert result.lower - 1e-6 <= mean <= result.upper + 1e-6
    assert -1 <= result.lower <= result.upper <= 1


@given(GAPS)
def test_surer_is_wider(gaps):
    """A smaller alpha gives an interval that holds the other one."""
    results = [gap_bounds(gaps, alpha=alpha) for alpha in (0.5, 0.05, 1e-3)]

    assert all(wide.lower <= close.lower and close.upper <= wide.upper for close, wide in pairwise(results))


def test_nothing_seen_rules_nothing_out():
    """Without values the bounds are those of any mean."""
    assert gap_bounds([]) == Bounds(-1.0, 1.0)


NARROWER = [(8, 8, 0), (20, 10, 0), (100, 25, 0), (300, 33, 0), (300, 0, 0), (300, 40, 10), (1000, 80, 30)]


@pytest.mark.parametrize(("n", "b", "c"), NARROWER)
def test_interval_is_narrower_than_that_of_paired_counts(n, b, c):
    """What can be said of a difference by its values is more than by its counts."""
    result = gap_bounds([1.0] * b + [-1.0] * c + [0.0] * (n - b - c))
    other = paired(b, c, n)

    assert result.upper - result.lower < other.upper - other.lower


WIDER = [(12, 11, 1, 1.15), (20, 19, 1, 1.09), (100, 12, 1, 1.04), (3000, 8, 0, 1.03), (3000, 12, 1, 1.04)]


@pytest.mark.parametrize(("n", "b", "c", "most"), WIDER)
def test_interval_is_hardly_wider_where_it_is(n, b, c, most):
    """Where a few pairs differ nearly all one way the counts may say a little more, as the docstring tells."""
    result = gap_bounds([1.0] * b + [-1.0] * c + [0.0] * (n - b - c))
    other = paired(b, c, n)

    assert 1 < (result.upper - result.lower) / (other.upper - other.lower) < most


@pytest.mark.slow
@pytest.mark.parametrize(("plus", "minus"), [(0.1, 0.1), (0.05, 0.0), (0.3, 0.1), (0.01, 0.01)])
def test_bounds_are_rarely_ever_wrong(plus, minus):
    """Looked at twenty times on the way to 1,000 pairs, they leave the mean out in at most 5 % of the streams."""
    looks = [round(1000 ** (step / 20)) for step in range(1, 21)]
    wrong = 0
    for seed in range(200):
        random = Random(seed)  # a stream that can be repeated, no secret
        gaps = [
            1.0 if (u := random.random()) < plus else -1.0 if u < plus + minus else 0.0 for _ in range(1000)
        ]
        intervals = [gap_bounds(gaps[:look]) for look in looks]
        wrong += any(not result.lower <= plus - minus <= result.upper for result in intervals)

    assert wrong <= 0.05 * 200


@pytest.mark.parametrize(
    ("gaps", "alpha", "message"),
    [([1.5], 0.05, r"gaps\[0\]=1.5"), ([0, "x"], 0.05, r"gaps\[1\]='x'"), ([0], 1.0, "alpha=1.0")],
)
def test_values_out_of_range_are_refused(gaps, alpha, message):
    """The message names the value."""
    with pytest.raises(InvalidArgument, match=message):
        gap_bounds(gaps, alpha=alpha)
