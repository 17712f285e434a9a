"""Retries: reference values, what the attempts add up to, and the model for attempts nobody made."""

from dataclasses import dataclass
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Hazards, retry_hazards


@st.composite
def chains(draw):
    """Calls that reach each attempt and fail in it; not every failed one is asked again."""
    reached = draw(st.integers(1, 10**7))
    attempts = []
    for _ in range(draw(st.integers(1, 6))):
        failed = draw(st.integers(0, reached))
        attempts.append((reached, failed))
        reached = draw(st.integers(0, failed))
    return attempts


@st.composite
def full_chains(draw):
    """Calls in which every failed attempt but the last is followed by another."""
    attempts, reached = [], draw(st.integers(1, 10**7))
    for _ in range(draw(st.integers(1, 6))):
        failed = draw(st.integers(min(1, reached), reached))
        attempts.append((reached, failed))
        reached = failed
    return attempts


@dataclass(frozen=True)
class Case:
    """Recorded attempts and what they leave, computed by hand."""

    attempts: list
    residual: float
    geometric: float
    rho: float
    mean_attempts: float

    @property
    def id(self):
        return str(self.attempts)


CASES = [
    Case([(1000, 100), (100, 60), (60, 45)], 0.045, 0.001, 0.555556, 1.16),
    Case([(1000, 180), (180, 130), (130, 110)], 0.11, 0.005832, 0.661247, 1.31),
    Case([(1500, 180), (180, 100), (100, 75)], 0.05, 0.001728, 0.494949, 1.186667),
    Case([(2000, 160), (160, 90), (90, 70)], 0.035, 0.000512, 0.524457, 1.125),
]


@given(full_chains())
def test_residual_is_the_product_where_all_are_asked_again(attempts):
    """Where every failed attempt is followed by another, the residual is the product of the hazards."""
    result = retry_hazards(attempts)

    assert result.residual == pytest.approx(prod(result.hazards))


@given(full_chains())
def test_mean_attempts_is_the_sum_of_the_reaches(attempts):
    """Where every failed attempt is followed by another, the reach of one is the product before it."""
    result = retry_hazards(attempts)

    reaches = [prod(result.hazards[:number]) for number in range(len(attempts))]
    assert result.mean_attempts == pytest.approx(sum(reaches))


@given(chains())
def test_residual_is_what_never_became_valid(attempts):
    """Every call ends valid in one attempt, or is part of the residual."""
    result = retry_hazards(attempts)

    valid = sum(reached - failed for reached, failed in attempts)
    assert result.residual == pytest.approx(1 - valid / attempts[0][0], abs=1e-12)


@given(chains())
def test_rates_are_fractions(attempts):
    """No rate leaves [0, 1], and a call has at least one attempt and at most all."""
    result = retry_hazards(attempts)

    assert all(hazard is None or 0 <= hazard <= 1 for hazard in result.hazards)
    assert 0 <= result.geometric <= 1
    assert 0 <= result.residual <= 1
    assert 1 <= result.mean_attempts <= len(attempts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_hazards_give_the_reference_values(case):
    """Residual, geometric claim, rho and mean attempts are those worked out by hand, to six decimals."""
    result = retry_hazards(case.attempts)

    rounded = [
        round(value, 6) for value in (result.residual, result.geometric, result.rho, result.mean_attempts)
    ]
    assert rounded == [case.residual, case.geometric, case.rho, case.mean_attempts]


def test_calls_given_up_early_are_counted():
    """A failed attempt that no other followed left its call without a valid value."""
    result = retry_hazards([(1000, 100), (90, 45)])

    assert result == Hazards((0.1, 0.5), pytest.approx(4 / 9), pytest.approx(0.01), 0.055, 1.09)


def test_single_attempt_has_no_rho():
    """One attempt says nothing about what a second would do."""
    assert retry_hazards([(200, 10)]) == Hazards((0.05,), None, 0.05, 0.05, 1.0)


def test_attempt_that_no_call_reached_has_no_hazard():
    """When nothing failed there is no second attempt to learn from."""
    assert retry_hazards([(200, 0), (0, 0)]) == Hazards((0.0, None), None, 0.0, 0.0, 1.0)


def test_first_attempts_that_all_failed_have_no_rho():
    """When every first attempt failed, those that failed are not special."""
    assert retry_hazards([(10, 10), (10, 5)]) == Hazards((1.0, 0.5), None, 1.0, 0.5, 2.0)


@pytest.mark.parametrize("attempts", [[], [(0, 0)], [[0, 0], [0, 0]]])
def test_no_calls_say_nothing(attempts):
    """Without calls every rate is None."""
    assert retry_hazards(attempts) == Hazards((None,) * len(attempts), None, None, None, None)


def test_correction_that_helps_has_a_rho_below_zero():
    """When the second attempt fails more seldom than the first, the correction repairs."""
    assert retry_hazards([(100, 50), (50, 10)]).rho == pytest.approx(-0.6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: retry_hazards([(10, 2), 7]),
            "attempts[1]=7: expected a pair with the numbers of the calls that reached it and those in which it failed",
        ),
        (
            lambda: retry_hazards([(10, 2, 1)]),
            "attempts[0]=(10, 2, 1): expected a pair with the numbers of the calls that reached it and those in which it failed",
        ),
        (
            lambda: retry_hazards([(-1, 0)]),
            "n_1=-1: expected the number of the calls that reached attempt 1, an int from 0 to 2**53",
        ),
        (
            lambda: retry_hazards([(10, 5), (5, 6)]),
            "k_2=6: expected the number of the calls in which attempt 2 failed, from 0 to n=5",
        ),
        (
            lambda: retry_hazards([(10, 5), (6, 1)]),
            "n_2=6: expected at most k_1=5, because only failed calls are retried",
        ),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
