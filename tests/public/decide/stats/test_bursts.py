"""Bursts of failures, against the definition, call by call."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import bounds, bursts_of

# Number of calls without a failure that ends a burst.
BURST_GAP = 16
CALLS = st.lists(st.sampled_from([False, False, False, False, True]), max_size=150)


def numbers(failed):
    return [index for index, bad in enumerate(failed, start=1) if bad]


@given(CALLS)
def test_bursts_are_those_of_the_definition(failed):
    """A failure begins a burst when none of the sixteen calls before it failed; while it may go on, no other begins."""
    before = [failed[max(0, index - BURST_GAP) : index] for index in range(len(failed))]
    begins = [bad and not any(earlier) for bad, earlier in zip(failed, before, strict=True)]

    result = bursts_of(numbers(failed), len(failed))

    assert result.entries == sum(begins)
    assert result.at_risk == sum(not any(earlier) for earlier in before)
    assert (result.failures, result.calls) == (sum(failed), len(failed))


@given(st.lists(st.booleans(), max_size=60))
def test_evidence_is_the_mean_of_the_bets(failed):
    """Each of fifteen bets multiplies what a call after a failure makes likelier at its rate than at the baseline."""
    marks, known, bets = numbers(failed), {}, []
    k_known = n_known = 0
    for k, position in enumerate(marks, start=1):
        if k > k_known * 1.05 or position > n_known * 1.05:
            k_known, n_known = k, position
        known[position] = bounds(k_known, n_known, alpha=0.01).upper
    for window in (1, 8, 64):
        for rate in (0.05, 0.1, 0.3, 0.6, 0.9):
            ratios = [1.0]
            for call, bad in enumerate(failed, start=1):
                last = max((mark for mark in marks if mark < call), default=None)
                if last is not None and call - last <= window and rate > known[last]:
                    p = known[last]
                    ratios.append(rate / p if bad else (1 - rate) / (1 - p))
            bets.append(prod(ratios))

    result = bursts_of(marks, len(failed)).e_value

    assert result == pytest.approx(sum(bets) / len(bets), rel=1e-9)


@given(CALLS, st.integers(1, 40))
def test_calls_before_the_first_do_not_count(failed, first):
    """Bursts from a call on are those of the calls from there."""
    first = min(first, len(failed) + 1)

    assert bursts_of(numbers(failed), len(failed), first=first) == bursts_of(
        numbers(failed[first - 1 :]), len(failed) - first + 1
    )


def test_bounds_without_a_failure_are_those_of_independent_calls():
    """Nothing is known of bursts that have not been met."""
    assert bursts_of([], 377).bounds() == bounds(0, 377)


def test_bounds_allow_for_bursts():
    """Five bursts of twenty bound the rate less tightly than a hundred failures do."""
    failed = [start + step for start in range(500, 5_500, 1_000) for step in range(20)]

    result = bursts_of(failed, 6_000).bounds()

    alone = bounds(100, 6_000)
    assert result.lower < alone.lower < alone.upper < result.upper


def test_bursts_in_a_long_record_are_evidence():
    """Bursts of twenty are noticed, failures at every hundredth call are not."""
    bursty = [start + step for start in range(500, 5_500, 1_000) for step in range(20)]

    assert bursts_of(bursty, 6_000).e_value >= 100
    assert bursts_of(range(100, 6_000, 100), 6_000).e_value < 100


def test_a_last_call_before_the_first_is_refused():
    """No calls are none, fewer than none are a mistake."""
    with pytest.raises(InvalidArgument, match="expected at least 4"):
        bursts_of([], 3, first=5)
