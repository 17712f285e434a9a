"""Bounds and evidence: reference values, oracles by other methods, and the laws that tie them."""

import pickle
import time
from dataclasses import dataclass
from fractions import Fraction
from math import atan2, cos, exp, inf, isclose, log, log1p, nan, sin, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import betainc, betaincc, betaln

from schema_guard import InvalidArgument
from schema_guard.stats import Bounds, bounds, calls_needed, e_value, log_e_value

ALPHAS = st.floats(-9, -0.31).map(lambda digits: 10**digits)
TARGETS = st.floats(1e-6, 1 - 1e-6)
SIDES = st.sampled_from(["ok", "bad"])


@st.composite
def counts(draw, most=7, least=0):
    """Failed calls and calls, up to 10^most of them, whole or fractional."""
    n = draw(st.floats(0, most).map(lambda digits: int(10**digits)))
    scale = draw(st.sampled_from(["rate", "few", "fraction"]))
    if scale == "few":
        k = draw(st.integers(least, min(n, 20)))
    elif scale == "rate":
        k = draw(st.integers(least, n))
    else:
        k = draw(st.floats(max(least, 1e-3), n))
    return (n - k, n) if not least and draw(st.booleans()) else (k, n)


def reference_log_e(k, n, tau, side, a=0.5, b=0.5):
    """The definition, written with scipy; -inf where its tail loses digits: E is ~0."""
    tail = betainc if side == "ok" else betaincc
    mass = tail(k + a, n - k + b, tau)
    if n == 0:
        return 0.0
    if mass < 1e-250:
        return -inf
    prior = betaln(a, b) + log(tail(a, b, tau))
    return betaln(k + a, n - k + b) + log(mass) - prior - k * log(tau) - (n - k) * log1p(-tau)


def reference_bounds(k, n, alpha):
    """The bounds by bracketing, on the definition written with scipy."""
    lower, upper = 0.0, 1.0

    def excess(side):
        return lambda tau: reference_log_e(k, n, tau, side) - log(1 / alpha)

    if k < n and excess("ok")(1 - 1e-12) > 0:
        upper = brentq(excess("ok"), max(k / n, 1e-12), 1 - 1e-12, xtol=1e-13)
    if k > 0 and excess("bad")(1e-12) > 0:
        lower = brentq(excess("bad"), 1e-12, min(k / n, 1 - 1e-12), xtol=1e-13)
    return lower, upper


def mixture(failures, successes, x, y):
    """E_ok at x by integration over the prior, which is flat in asin(sqrt(rate))."""
    edge = atan2(sqrt(x), sqrt(y))

    def ratio(angle):
        failing = failures * (2 * log(sin(angle)) - log(x))
        return exp(failing + successes * (2 * log(cos(angle)) - log(y)))

    peak = min(atan2(sqrt(failures), sqrt(successes)), edge)
    pieces = [(start, end) for start, end in ((0, peak), (peak, edge)) if start < end]
    return sum(quad(ratio, *piece, epsabs=0, epsrel=1e-9, limit=200)[0] for piece in pieces) / edge


@dataclass(frozen=True)
class Case:
    """An interval with a published or independently computed value."""

    k: float
    n: int
    lower: float
    upper: float
    alpha: float = 0.05

    @property
    def id(self):
        return f"{self.k} of {self.n} at {self.alpha}"


BOUNDS = [
    Case(0, 50, 0.0, 0.072886),
    Case(0, 100, 0.0, 0.037154),
    Case(0, 376, 0.0, 0.010023),
    Case(0, 377, 0.0, 0.009997),
    Case(3, 50, 0.004378, 0.200214),
    Case(5, 100, 0.007242, 0.137429),
    Case(12, 400, 0.008977, 0.062408),
    Case(60, 500, 0.075377, 0.171045),
    Case(5, 1000, 0.000541, 0.014338),
    Case(45, 1000, 0.025107, 0.068530),
    Case(100, 10000, 0.006569, 0.013567),
    Case(3, 50, 0.003417, 0.216536, alpha=0.025),
    Case(12, 400, 0.008282, 0.065570, alpha=0.025),
]


@pytest.mark.parametrize("case", BOUNDS, ids=lambda case: case.id)
def test_bounds_give_the_reference_values(case):
    """The bounds are those of the definition to six decimals."""
    interval = bounds(case.k, case.n, alpha=case.alpha)

    assert (round(interval.lower, 6), round(interval.upper, 6)) == (case.lower, case.upper)


@pytest.mark.parametrize(
    ("k", "n", "target", "side", "expected", "digits"),
    [
        (0, 100, 0.05, "ok", 66.204294, 6),
        (5, 1000, 0.01, "ok", 1.760582, 6),
        (3, 50, 0.01, "bad", 2.230828, 6),
        (0, 300, 0.01, "ok", 10.2656, 4),
        (3, 200, 0.05, "ok", 12.965, 3),
        (1, 3, 0.02, "bad", 3.54324, 5),
        (25, 30, 0.5, "bad", 416.342, 3),
        (14, 25, 0.5, "bad", 0.274463, 6),
        (8, 8, 0.5, "bad", 100.4755, 4),
        (6, 7, 0.5, "bad", 4.0209, 4),
    ],
)
def test_e_value_gives_the_reference_values(k, n, target, side, expected, digits):
    """The evidence is that of the formula, which is that of the integral."""
    assert round(e_value(k, n, target, side=side), digits) == expected


@pytest.mark.parametrize(
    ("k", "n", "target", "expected"),
    [(0, 300, 0.01, 77), (3, 200, 0.05, 29), (2, 500, 0.01, 1295), (15, 1000, 0.01, 5923)],
)
def test_calls_needed_gives_the_reference_values(k, n, target, expected):
    """The forecast is the first call at which the evidence reaches 1/alpha."""
    assert calls_needed(k, n, target) == expected


@pytest.mark.parametrize(
    ("target", "expected"), [(0.05, 74), (0.02, 188), (0.01, 377), (0.005, 756), (0.001, 3787)]
)
def test_fewest_clean_calls_that_decide(target, expected):
    """From nothing, so many calls without a failure prove a rate below the target."""
    fewest = 1 + calls_needed(0, 1, target)

    assert fewest == expected
    assert bounds(0, fewest).upper <= target < bounds(0, fewest - 1).upper


@pytest.mark.parametrize(("worse", "pairs"), [(0, 6), (1, 10), (2, 12), (3, 15), (5, 19)])
def test_fewest_pairs_that_show_a_better_side(worse, pairs):
    """Against a fair coin, so many wins decide when the other side won a few."""
    assert e_value(pairs, pairs + worse, 0.5, side="bad") >= 20
    assert e_value(pairs - 1, pairs - 1 + worse, 0.5, side="bad") < 20


@given(counts(), st.sampled_from([0.5, 0.05, 0.025, 1e-3, 1e-9]))
def test_bounds_are_those_of_the_definition(k_and_n, alpha):
    """The bounds are those that bracketing finds on scipy's functions, up to 10^7 calls."""
    k, n = k_and_n

    interval = bounds(k, n, alpha=alpha)

    lower, upper = reference_bounds(k, n, alpha)
    # scipy's log E holds 1e-16 of n ln n, and brentq ends at 1e-12 from 0 and 1.
    assert interval.lower == pytest.approx(lower, rel=1e-6, abs=2e-12)
    assert interval.upper == pytest.approx(upper, rel=1e-6, abs=2e-12)


@given(counts(most=3.3), TARGETS, SIDES)
def test_e_value_is_the_integral(k_and_n, target, side):
    """The e-value is the likelihood ratio averaged over the prior, by numeric integration."""
    k, n = k_and_n
    assume(abs(log_e_value(k, n, target, side=side)) < 30)

    value = e_value(k, n, target, side=side)

    ok = (k, n - k, target, 1 - target)
    bad = (n - k, k, 1 - target, target)
    assert value == pytest.approx(mixture(*(ok if side == "ok" else bad)), rel=1e-6)


@given(counts(), TARGETS, SIDES)
def test_log_e_value_is_the_definition(k_and_n, target, side):
    """The log is that of the definition, to what scipy's functions can hold."""
    k, n = k_and_n
    expected = reference_log_e(k, n, target, side)
    assume(expected > -200)

    value = log_e_value(k, n, target, side=side)

    assert value == pytest.approx(expected, rel=1e-9, abs=1e-9 + 1e-14 * n * log(n + 1))


@given(counts(), ALPHAS)
def test_bounds_hold_the_observed_rate(k_and_n, alpha):
    """The observed rate lies between the bounds, which lie in [0, 1]."""
    k, n = k_and_n

    interval = bounds(k, n, alpha=alpha)

    assert 0 <= interval.lower <= k / n <= interval.upper <= 1


@given(counts(), ALPHAS, TARGETS)
def test_bounds_and_evidence_are_one_statement(k_and_n, alpha, target):
    """A bound is on the good side of a target exactly when the e-value has reached 1/alpha."""
    k, n = k_and_n
    interval = bounds(k, n, alpha=alpha)
    assume(not isclose(target, interval.upper, rel_tol=1e-12))
    assume(not isclose(target, interval.lower, rel_tol=1e-12))

    ok = log_e_value(k, n, target, side="ok") >= log(1 / alpha)
    bad = log_e_value(k, n, target, side="bad") >= log(1 / alpha)

    assert (ok, bad) == (interval.upper <= target, interval.lower >= target)


@given(counts(), ALPHAS, st.floats(-11, -3))
def test_evidence_turns_at_the_bound(k_and_n, alpha, digits):
    """Just outside a bound the evidence is there, just inside it is not."""
    k, n = k_and_n
    lower, upper = bounds(k, n, alpha=alpha).lower, bounds(k, n, alpha=alpha).upper
    nudge = 1 + 10**digits

    if upper * nudge < 1:
        assert log_e_value(k, n, upper * nudge, side="ok") >= -log(alpha)
        assert log_e_value(k, n, upper / nudge, side="ok") < -log(alpha)
    if lower > 1e-300 and lower * nudge < 1:
        assert log_e_value(k, n, lower / nudge, side="bad") >= -log(alpha)
        assert log_e_value(k, n, lower * nudge, side="bad") < -log(alpha)


@given(counts(), ALPHAS)
def test_clean_call_never_raises_a_bound(k_and_n, alpha):
    """One more success lowers both bounds, one more failure raises both."""
    k, n = k_and_n
    now = bounds(k, n, alpha=alpha)

    clean, failed = bounds(k, n + 1, alpha=alpha), bounds(k + 1, n + 1, alpha=alpha)

    assert clean.lower <= now.lower <= failed.lower
    assert clean.upper <= now.upper <= failed.upper


@given(counts(), ALPHAS, ALPHAS)
def test_bounds_are_nested_in_alpha(k_and_n, one, other):
    """The surer one wants to be, the wider the interval."""
    k, n = k_and_n
    sure, bold = sorted((one, other))
    assume(not isclose(sure, bold, rel_tol=1e-9))

    wide, narrow = bounds(k, n, alpha=sure), bounds(k, n, alpha=bold)

    assert wide.lower <= narrow.lower
    assert narrow.upper <= wide.upper


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), ALPHAS)
def test_bounds_swap_with_success_and_failure(k_and_n, alpha):
    """The upper bound of the failures is what the lower bound of the successes leaves."""
    k, n = k_and_n

    failures, successes = bounds(k, n, alpha=alpha), bounds(n - k, n, alpha=alpha)

    assert failures.upper == pytest.approx(1 - successes.lower, rel=1e-12, abs=1e-15)


@given(TARGETS, SIDES)
def test_no_calls_are_no_evidence(target, side):
    """Without calls the odds are 1:1 and every rate is possible."""
    assert log_e_value(0, 0, target, side=side) == 0
    assert e_value(0, 0, target, side=side) == 1
    assert bounds(0, 0) == Bounds(0.0, 1.0)


@given(counts(), TARGETS)
def test_never_evidence_for_both_sides(k_and_n, target):
    """On the side on which the observed rate does not stand, the odds are never above 1:1."""
    k, n = k_and_n
    side = "bad" if k / n < target else "ok"

    assert log_e_value(k, n, target, side=side) <= 1e-9


@given(counts(most=5), TARGETS, st.sampled_from([0.5, 0.05, 1e-3, 1e-9]))
def test_calls_needed_is_the_first_that_decides(k_and_n, target, alpha):
    """The forecast number of calls reaches 1/alpha at the observed rate, one fewer does not."""
    k, n = k_and_n
    assume(abs(k / n - target) > 1e-4)

    more = calls_needed(k, n, target, alpha=alpha)

    def log_e(extra):
        later = min(k + extra * (k / n), n + extra)
        return log_e_value(later, n + extra, target, side="ok" if k / n < target else "bad")

    assert more is not None
    assert log_e(more) >= -log(alpha) - 1e-9
    assert more == 0 or log_e(more - 1) < -log(alpha) + 1e-9


@pytest.mark.parametrize(
    ("k", "n", "target"),
    [(3, 300, 0.01), (1, 2, 0.5), (0.1 + 0.2, 1, 0.3), (0, 0, 0.01)],
    ids=["at the target", "at one half", "at the target but for rounding", "no data"],
)
def test_calls_needed_is_none_where_no_number_decides(k, n, target):
    """At the target itself no number of calls decides, and no data has no rate to go on with."""
    assert calls_needed(k, n, target) is None


def test_calls_needed_is_nothing_when_decided():
    """A rate that is proved to be below or above the target needs no further call."""
    assert calls_needed(0, 377, 0.01) == 0
    assert calls_needed(30, 100, 0.01) == 0


@pytest.mark.parametrize("n", [10, 10**7, 2**53])
@pytest.mark.parametrize("target", [5e-324, 1e-300, 1e-9, 0.5, 1 - 2**-53])
def test_extremes_stay_finite(n, target):
    """No count and no target within the limits overflows, underflows or fails."""
    values = [
        log_e_value(k, n, target, side=side) for k in (0, 5e-324, 1, n - 1, n) for side in ("ok", "bad")
    ]

    assert all(-inf < value < inf for value in values)


@pytest.mark.parametrize("alpha", [1e-300, 0.999999])
@pytest.mark.parametrize("n", [1, 10**7, 2**53])
def test_bounds_of_extremes_hold_the_rate(n, alpha):
    """At the largest counts and the strangest alpha the bounds stay around the rate."""
    for k in (0, 5e-324, 1e-9, 1, n / 3, n - 1, n):
        interval = bounds(k, n, alpha=alpha)

        assert 0 <= interval.lower <= k / n <= interval.upper <= 1


def test_bound_beyond_what_a_float_holds_is_the_end():
    """A bound nearer to 0 or 1 than a float can tell is 0 or 1, and never on the wrong side."""
    assert bounds(1e-5, 10).lower == 0
    assert bounds(1 - 2**-53, 1, alpha=1e-9).upper == 1


def test_e_value_past_the_largest_float_is_inf():
    """Above a log of 709 the odds are inf, the log goes on."""
    assert e_value(0, 10**7, 0.5, side="ok") == inf
    assert log_e_value(0, 10**7, 0.5, side="ok") == pytest.approx(10**7 * log(2), rel=1e-5)


def test_fractions_and_floats_count_alike():
    """An exact number gives what the float gives."""
    assert bounds(Fraction(5, 2), 50, alpha=Fraction(1, 20)) == bounds(2.5, 50, alpha=0.05)


def test_bounds_show_six_digits_and_no_false_certainty():
    """The repr is short, but a bound below 1 is not shown as 1."""
    assert repr(bounds(3, 50)) == "Bounds(lower=0.00437828, upper=0.200214)"
    assert repr(Bounds(0.0, 1.0)) == "Bounds(lower=0, upper=1)"
    assert repr(Bounds(0.9999996212, 1.0)) == "Bounds(lower=0.9999996212, upper=1)"


def test_bounds_are_values():
    """Bounds compare, hash and pickle by value."""
    interval = bounds(3, 50)

    assert pickle.loads(pickle.dumps(interval)) == interval
    assert {interval, bounds(3, 50)} == {interval}


def test_bounds_are_fast_at_ten_million_calls():
    """Each bound takes a millisecond at most; ten are allowed here, for a busy machine."""
    slowest = 0.0
    for k in (0, 1, 100, 10**5, 10**6, 5 * 10**6, 10**7 - 1, 10**7):
        started = time.process_time()
        bounds(k, 10**7)
        slowest = max(slowest, time.process_time() - started)

    assert slowest < 0.020


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds(-1, 10), "k=-1: expected the number of the calls that failed, from 0 to n=10"),
        (lambda: bounds(11, 10), "k=11: expected the number of the calls that failed, from 0 to n=10"),
        (lambda: bounds(nan, 10), "k=nan: expected the number of the calls that failed, from 0 to n=10"),
        (lambda: bounds("3", 10), "k='3': expected the number of the calls that failed, from 0 to n=10"),
        (lambda: bounds(0, -1), "n=-1: expected the number of the calls observed, an int from 0 to 2**53"),
        (lambda: bounds(0, 2.5), "n=2.5: expected the number of the calls observed, an int from 0 to 2**53"),
        (lambda: bounds(0, inf), "n=inf: expected the number of the calls observed, an int from 0 to 2**53"),
        (
            lambda: bounds(0, 2**53 + 1),
            "n=9007199254740993: expected the number of the calls observed, an int from 0 to 2**53",
        ),
        (
            lambda: bounds(0, "x" * 200),
            f"n='{'x' * 78}…: expected the number of the calls observed, an int from 0 to 2**53",
        ),
        (lambda: bounds(1, 2, alpha=0), "alpha=0: expected a number above 0 and below 1"),
        (
            lambda: calls_needed(1, 2, 0.5, alpha=1.5),
            "alpha=1.5: expected a number above 0 and below 1",
        ),
        (
            lambda: log_e_value(1, 2, 1.0, side="ok"),
            "target=1.0: expected a number above 0 and below 1",
        ),
        (lambda: calls_needed(1, 2, nan), "target=nan: expected a number above 0 and below 1"),
        (
            lambda: calls_needed(1, 2, "1%"),
            "target='1%': expected a number above 0 and below 1",
        ),
        (lambda: e_value(1, 2, 0.5, side="good"), "side='good': expected 'ok' or 'bad'"),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
