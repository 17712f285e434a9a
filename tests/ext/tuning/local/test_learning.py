"""The parts of a training that need no torch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.tuning.local.learning import PASS_TOKENS, Encoded, order, passes, rate_at, rope_order


@given(st.lists(st.tuples(st.integers(1, 2000), st.integers(1, 900))))
def test_passes_hold_each_row_once_and_are_bounded(sizes):
    """Rows go through the model in groups whose padded size is bounded; one row alone may be larger."""
    rows = [Encoded([0] * prompt, [0] * answer) for prompt, answer in sizes]
    groups = list(passes(rows))

    assert sorted(map(repr, rows)) == sorted(repr(row) for group in groups for row in group)
    for group in groups:
        assert len(group) == 1 or len(group) * max(row.tokens for row in group) <= PASS_TOKENS


@given(st.integers(1, 500))
def test_the_learning_rate_climbs_once_and_falls(steps):
    """It is over 0 at each step, reaches its highest, and never climbs again."""
    rates = [rate_at(step, steps, 1e-3) for step in range(1, steps + 1)]

    peak = rates.index(max(rates))
    assert min(rates) > 0.0
    assert max(rates) == 1e-3
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)


@given(st.integers(1, 50), st.integers(0, 9), st.integers(0, 9))
def test_the_order_of_an_epoch_is_drawn_anew_and_again(rows, seed, epoch):
    """An epoch has each row once, in the order of its seed and number."""
    assert sorted(order(rows, seed, epoch)) == list(range(rows))
    assert order(rows, seed, epoch) == order(rows, seed, epoch)
    assert order(50, seed, epoch) != order(50, seed, epoch + 1)


@given(st.integers(1, 9), st.integers(1, 32), st.integers(1, 4))
def test_neighbours_of_a_head_are_its_halves(heads, half, rank):
    """In llama.cpp's order a row of the first half of a head stands before its partner in the second."""
    rows = np.arange(heads * 2 * half * rank).reshape(heads * 2 * half, rank)

    pairs = rope_order(rows, heads).reshape(heads, half, 2, rank)
    whole = rows.reshape(heads, 2, half, rank)
    assert (pairs[:, :, 0] == whole[:, 0]).all()
    assert (pairs[:, :, 1] == whole[:, 1]).all()
