"""Rises and falls of a failure rate, against the definition, call by call."""

import random
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import Change, bounds, changes, packed, unpacked

C = 225_000


def numbers(failed):
    return [number for number, bad in enumerate(failed, start=1) if bad]


@given(st.lists(st.booleans(), max_size=40))
def test_bits_are_unpacked_to_the_numbers_of_the_failed_calls(failed):
    """What was put together eight a byte comes apart again."""
    assert unpacked(packed(failed), len(failed)) == numbers(failed)


def reference(failed):
    """Give the changes by the definition: every product of likelihood ratios of every start, call by call."""
    result, start, quiet = [], 0, 0
    while True:
        change = first_change(failed, start, quiet)
        if change is None:
            return result
        result.append(change)
        start, quiet = change.start - 1, change.alarm_at


def first_change(failed, start, quiet):
    blocks, opens, n, k = [], 50, 0, 0
    for index in range(start, len(failed)):
        if n == opens:
            known = bounds(k, n)
            rises = sorted({min(known.upper * f, 0.95) for f in (1.5, 2.5, 4, 8, 16)})
            falls = [known.lower * f for f in (0.5, 0.2, 0.05)] if known.lower else []
            ways = [("rise", q, known.upper) for q in rises if q > known.upper]
            ways += [("fall", q, known.lower) for q in falls]
            # Of each way: the logarithm of the product that starts at each call of the block.
            blocks = [*blocks[-3:], {way: {} for way in ways}]
            opens *= 2
        bad = failed[index]
        for block in blocks:
            for (_, q, p), products in block.items():
                if block is blocks[-1]:
                    products[index] = 0.0
                step = log(q / p) if bad else log((1 - q) / (1 - p))
                for begun in products:
                    products[begun] += step
        n, k = n + 1, k + bad
        direction, enough = ("rise", 5 * C) if bad else ("fall", 3 * C)
        messages = [
            (product, begun)
            for block in blocks
            for (way, _, _), products in block.items()
            if way == direction
            for begun, product in products.items()
        ]
        if messages and sum(exp(product) for product, _ in messages) >= enough and index + 1 > quiet:
            # Of equal products, which differ by a rounding, the latest start.
            best = max(product for product, _ in messages)
            at = max(begun for product, begun in messages if product > best - 1e-9)
            return Change(direction, at + 1, index + 1, at - start, sum(failed[start:at]))
    return None


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]), st.integers(1, 120)), max_size=4),
    st.integers(0, 2**32),
)
def test_changes_are_those_of_the_definition(parts, seed):
    """The sums kept in steps of whole runs give what every product by itself gives."""
    rng = random.Random(seed)
    failed = [rng.random() < rate for rate, calls in parts for _ in range(calls)]

    assert changes(numbers(failed), len(failed)) == reference(failed)


@given(st.lists(st.booleans(), min_size=60, max_size=300), st.integers(0, 60))
def test_an_alarm_looks_at_nothing_that_comes_after_it(failed, left):
    """What is told of the first calls stays when more come."""
    failed = [False] * 100 + failed
    some = failed[: len(failed) - left]

    early = changes(numbers(some), len(some))

    later = changes(numbers(failed), len(failed))
    assert later[: len(early)] == early


def test_an_outage_is_a_rise_and_a_fall():
    """Sixty failures in a row among clean calls are told with their first and last call."""
    failed = [False] * 3_000 + [True] * 60 + [False] * 1_500

    rise, fall = changes(numbers(failed), len(failed))

    assert (rise.direction, rise.start, fall.direction, fall.start) == ("rise", 3_001, "fall", 3_061)
    assert (fall.prior_n, fall.prior_k) == (60, 60)


def test_clean_calls_are_no_rise():
    """Three million calls without a failure raise no alarm."""
    assert changes([], 3_000_000) == []


def test_no_change_is_told_of_few_calls():
    """Before the first block nothing is compared: all fifty failing calls are the only rate there is."""
    assert changes(range(1, 51), 50) == []


def test_fewer_calls_than_the_last_that_failed_are_refused():
    """The last call that failed is one of all."""
    with pytest.raises(InvalidArgument, match="at least 9"):
        changes([3, 9], 8)
