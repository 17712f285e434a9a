"""Intervals for one look: reference values, scipy's, and the laws they share."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from schema_guard import InvalidArgument
from schema_guard.stats import clopper_pearson

CONFIDENCES = st.floats(0.001, 0.999999)
METHODS = pytest.mark.parametrize("method", [clopper_pearson])


@st.composite
def counts(draw):
    """Failed calls and calls, up to 10^7 of them, from none failed to all."""
    n = draw(st.floats(0, 7).map(lambda digits: int(10**digits)))
    k = draw(st.one_of(st.integers(0, min(n, 20)), st.integers(0, n)))
    return (n - k, n) if draw(st.booleans()) else (k, n)


@dataclass(frozen=True)
class Case:
    """An interval at 95 % with a published value."""

    method: object
    k: int
    n: int
    lower: float
    upper: float

    @property
    def id(self):
        return f"{self.method.__name__} of {self.k} in {self.n}"


CASES = [
    Case(clopper_pearson, 3, 50, 0.012549, 0.165482),
    Case(clopper_pearson, 0, 50, 0.0, 0.071122),
    Case(clopper_pearson, 1, 100, 0.000253, 0.054459),
    Case(clopper_pearson, 12, 400, 0.015596, 0.051817),
]


@given(counts(), CONFIDENCES)
def test_clopper_pearson_is_the_quantile_of_scipy(k_and_n, confidence):
    """The exact interval is made of scipy's beta quantiles."""
    k, n = k_and_n
    tail = (1 - confidence) / 2

    interval = clopper_pearson(k, n, confidence=confidence)

    lower = beta.ppf(tail, k, n - k + 1) if k else 0.0
    upper = beta.isf(tail, k + 1, n - k) if k < n else 1.0
    assert interval.lower == pytest.approx(lower, rel=1e-8, abs=1e-14)
    assert interval.upper == pytest.approx(upper, rel=1e-8)


@METHODS
@given(k_and_n=counts(), confidence=st.floats(0.5, 0.999999))
def test_interval_holds_the_observed_rate(method, k_and_n, confidence):
    """The observed rate lies in its interval, which lies in [0, 1]."""
    k, n = k_and_n

    interval = method(k, n, confidence=confidence)

    assert 0 <= interval.lower <= k / n * (1 + 1e-12)
    assert k / n * (1 - 1e-12) <= interval.upper <= 1


@METHODS
@given(k_and_n=counts(), confidence=CONFIDENCES)
def test_interval_swaps_with_success_and_failure(method, k_and_n, confidence):
    """The upper bound of the failures is what the lower bound of the successes leaves."""
    k, n = k_and_n

    failures, successes = method(k, n, confidence=confidence), method(n - k, n, confidence=confidence)

    assert failures.upper == pytest.approx(1 - successes.lower, rel=1e-9, abs=1e-14)


@METHODS
@given(k_and_n=counts(), confidence=CONFIDENCES)
def test_clean_call_never_raises_a_bound(method, k_and_n, confidence):
    """One more success raises neither bound."""
    k, n = k_and_n
    now = method(k, n, confidence=confidence)

    clean = method(k, n + 1, confidence=confidence)

    assert clean.lower <= now.lower * (1 + 1e-12)
    assert clean.upper <= now.upper * (1 + 1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_intervals_give_the_reference_values(case):
    """The intervals are those of scipy and statsmodels to six decimals."""
    interval = case.method(case.k, case.n)

    assert (round(interval.lower, 6), round(interval.upper, 6)) == (case.lower, case.upper)


@METHODS
def test_interval_of_no_calls_is_none(method):
    """No data has no interval."""
    assert method(0, 0) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: clopper_pearson(2.5, 10),
            "k=2.5: expected the number of failed calls, an int from 0 to n=10",
        ),
        (
            lambda: clopper_pearson(11, 10),
            "k=11: expected the number of failed calls, an int from 0 to n=10",
        ),
        (
            lambda: clopper_pearson(0, -1),
            "n=-1: expected the number of the calls observed, an int from 0 to 2**53",
        ),
        (
            lambda: clopper_pearson(1, 2, confidence=95),
            "confidence=95: expected a number above 0 and below 1",
        ),
        (
            lambda: clopper_pearson(1, 2, confidence=0),
            "confidence=0: expected a number above 0 and below 1",
        ),
        (
            lambda: clopper_pearson(0, 0, confidence=1),
            "confidence=1: expected a number above 0 and below 1",
        ),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
