"""The detector: its definition, one call at a time against all at once, and its promise."""

import pickle
import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Drift, packed

BASELINES = st.one_of(st.floats(1e-6, 0.49999), st.sampled_from([0.01, 0.02, 0.125, 0.25]))
ALPHAS = st.floats(-12, -0.1).map(lambda digits: 10**digits)
CALLS = st.lists(st.booleans(), max_size=300)


def one_by_one(calls, p0, alpha):
    """The number of the call at which the detector raises its alarm, or None."""
    drift = Drift(p0, alpha=alpha)
    for failed in calls:
        drift.update(failed)
    return drift.alarm_at


def defined(calls, p0, alpha):
    """The same by the definition: every start of a rise is a sum of its own."""
    rates = [rise * p0 for rise in (2, 4, 8) if rise * p0 < 1]
    sums = [0.0] * len(rates)
    for number, failed in enumerate(calls, start=1):
        sums = [
            (q / p0 if failed else (1 - q) / (1 - p0)) * (1 + value)
            for q, value in zip(rates, sums, strict=True)
        ]
        if mean(sums) >= 1 / alpha:
            return number
    return None


def rising():
    """Every 50th of 1,000 calls fails, then every 10th of 1,000."""
    return [number % 50 == 0 for number in range(1, 1001)] + [number % 10 == 0 for number in range(1, 1001)]


def sum_of_ratios(calls, p0):
    """Return the sum of the Shiryaev-Roberts statistics for rises to 2, 4, and 8 times p0."""
    sums = dict.fromkeys((rise * p0 for rise in (2, 4, 8) if rise * p0 < 1), 0.0)
    for failed in calls:
        for q, before in sums.items():
            sums[q] = (q / p0 if failed else (1 - q) / (1 - p0)) * (before + 1)
    return sum(sums.values())


@given(CALLS, BASELINES, ALPHAS)
def test_alarm_is_that_of_the_definition(calls, p0, alpha):
    """The alarm comes at the first call at which the mean of the sums reaches 1/alpha."""
    assert one_by_one(calls, p0, alpha) in (defined(calls, p0, alpha), defined(calls, p0, alpha * (1 + 1e-9)))


@given(CALLS, BASELINES, ALPHAS, st.integers(0, 300))
def test_alarm_does_not_know_the_future(calls, p0, alpha, size):
    """Calls after the alarm do not move it, and calls before are all that it needs."""
    n = min(size, len(calls))

    alarm = one_by_one(calls, p0, alpha)

    assert one_by_one(calls[:n], p0, alpha) == (alarm if alarm is not None and alarm <= n else None)


@given(CALLS, BASELINES, ALPHAS, ALPHAS)
def test_more_false_alarms_are_earlier_ones(calls, p0, one, other):
    """Who allows an alarm more often gets it no later."""
    rare, often = (one_by_one(calls, p0, alpha) for alpha in sorted((one, other)))

    assert rare is None or often <= rare


@given(CALLS)
def test_bits_hold_the_calls_in_order(calls):
    """The first call is the highest bit of the first byte, and what is left over is 0."""
    bits = packed(calls)

    flags = [bool(byte >> shift & 1) for byte in bits for shift in range(7, -1, -1)]
    assert flags == calls + [False] * (-len(calls) % 8)


@pytest.mark.parametrize(("alpha", "expected"), [(1e-3, 1030), (1e-4, 1070)])
def test_alarm_gives_the_reference_values(alpha, expected):
    """A rate that rises from 2 to 10 % after 1,000 calls is found after 30, or 70, more."""
    assert one_by_one(rising(), 0.02, alpha) == expected


@pytest.mark.costly
def test_false_alarms_are_as_rare_as_promised():
    """At the baseline itself 300 detectors at 1/1,000 run for 1,000 calls or more on average."""
    rng = random.Random(20261124)
    runs = [
        one_by_one((rng.random() < 0.02 for _ in range(20_000)), 0.02, 1e-3) or 20_000 for _ in range(300)
    ]

    assert 1_000 <= mean(runs) <= 2_000


def test_threshold_just_missed_raises_no_alarm():
    """If the highest mean is a billionth below the threshold, the detector stays silent."""
    calls = [False, *[True] * 9, *[False] * 30]
    alpha = 3 / sum_of_ratios(calls[:10], 0.02)

    assert one_by_one(calls, 0.02, alpha * (1 + 1e-9)) == 10
    assert one_by_one(calls, 0.02, alpha * (1 - 1e-9)) is None


def test_alarm_stays():
    """After the alarm the answer stays true, and the calls are counted no more."""
    drift = Drift(0.02)

    answers = [drift.update(failed) for failed in [True] * 5 + [False] * 3]

    assert answers == [False] * 4 + [True] * 4
    assert (drift.alarm_at, drift.calls) == (5, 5)


def test_clean_calls_raise_no_alarm():
    """A hundred thousand calls without a failure are no drift."""
    assert one_by_one([False] * 100_000, 0.02, 1e-4) is None


def test_no_calls_raise_no_alarm():
    """Nothing seen, nothing risen."""
    assert Drift(0.02).alarm_at is None
    assert packed([]) == b""


def test_detector_goes_on_after_pickling():
    """A detector that is stored and loaded raises the alarm at the same call."""
    calls, drift = rising(), Drift(0.02)
    for failed in calls[:1040]:
        drift.update(failed)

    loaded = pickle.loads(pickle.dumps(drift))
    for failed in calls[1040:]:
        loaded.update(failed)

    assert loaded.alarm_at == 1070


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Drift(0),
            "p0=0: expected a number above 0 and below 0.5, so that the rate can double",
        ),
        (
            lambda: Drift(0.5),
            "p0=0.5: expected a number above 0 and below 0.5, so that the rate can double",
        ),
        (
            lambda: Drift("2%"),
            "p0='2%': expected a number above 0 and below 0.5, so that the rate can double",
        ),
        (lambda: Drift(0.02, alpha=1), "alpha=1: expected a number above 0 and below 1"),
        (lambda: Drift(0.02).update(None), "failed=None: expected True or False"),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
