"""A rate with what it must never be without."""

import pytest

from schema_guard.stats import Bounds, Rate, bounds


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 4), (2.5, 4), (4, 4)])
def test_a_rate_carries_its_bounds(count, n, alpha):
    """A rate is the fraction, with the bounds that `bounds` gives."""
    limits = bounds(count, n, alpha=alpha)

    schema = Rate.of(count, n, alpha=alpha)

    assert schema == Rate(count, n, count / n, limits.lower, limits.upper)
    assert schema.bounds == limits


def test_no_data_is_no_rate():
    """Without data there is neither a rate nor a bound, and to calculate with the bounds are 0 and 1."""
    schema = Rate.of(0, 0)

    assert schema == Rate(0, 0, None, None, None)
    assert schema.bounds == Bounds(0.0, 1.0)
