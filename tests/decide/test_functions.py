"""The number of functions that share the probability of a false alarm."""

from schema_guard.decide.in_use import rounded_up


def test_number_of_functions_is_rounded_up():
    """One more function seldom changes a bound."""
    rounded = [rounded_up(n) for n in (1, 2, 3, 5, 6, 11, 20, 49, 50, 51)]

    assert rounded == [1, 2, 5, 5, 10, 20, 20, 50, 50, 100]
