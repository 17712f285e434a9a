"""Bounds of the share of wrong values, from second opinions and labels."""

import random

import pytest

from schema_guard import InvalidArgument
from schema_guard.ext.right import Block, label_bounds

TENTH = [0.0] * 8 + [0.5, 1.0]


def blocks(count, second_opinions, wrong):
    return [Block(second_opinions, index % len(second_opinions), wrong(index)) for index in range(count)]


@pytest.mark.parametrize(
    ("labeled", "weight", "expected"),
    [
        (blocks(100, [0.0] * 10, lambda i: 0.0), 0.6, (0, 0.073264)),
        (blocks(100, [0.2] * 10, lambda i: [0.0, 0.4][i % 2]), 0.6, (0.139473, 0.277652)),
        (blocks(100, TENTH, lambda i: TENTH[i % 10]), 0.6, (0.107065, 0.222450)),
        (blocks(100, TENTH, lambda i: 1 - TENTH[i % 10]), 0.6, (0.625633, 0.980922)),
        (blocks(100, TENTH, lambda i: None if i % 20 == 7 else TENTH[i % 10]), 0.6, (0.107065, 0.294715)),
        (blocks(200, [0.0] * 9 + [1.0], lambda i: float(i % 20 == 9)), 0.3, (0.013657, 0.095128)),
        (blocks(200, [0.0], lambda i: float(i % 20 == 9)), 0, (0.013525, 0.125726)),
    ],
    ids=[
        "all right",
        "constant opinions",
        "good opinions",
        "opposite",
        "skipped labels",
        "calls",
        "labels alone",
    ],
)
def test_bounds_are_the_reference_values(labeled, weight, expected):
    """The bounds of the seven reference cases, to six digits."""
    bounds = label_bounds(labeled, weight=weight)

    assert (bounds.lower, bounds.upper) == pytest.approx(expected, abs=1e-6)


def test_no_label_bounds_nothing():
    """Without a block, any share is possible."""
    bounds = label_bounds([])

    assert (bounds.lower, bounds.upper) == (0, 1)


@pytest.mark.costly
@pytest.mark.parametrize(
    "second", [lambda y: y, lambda y: 0.0, lambda y: 1 - y], ids=["same", "copy", "opposite"]
)
def test_bounds_hold_after_any_label(second):
    """The truth is outside the bounds after any of three looks in at most 5% of 60 simulations, for any second model."""
    draw = random.Random(11)
    shares = [0.0, 0.0, 0.1, 0.25, 1.0]
    outside = 0
    for _ in range(60):
        labeled = []
        for _ in range(60):
            wrong = [draw.choice(shares) for _ in range(10)]
            labeled.append(Block([second(y) for y in wrong], 0, wrong[0]))
        looks = [label_bounds(labeled[:n]) for n in (10, 25, 60)]
        outside += any(not look.lower <= 0.27 <= look.upper for look in looks)

    assert outside <= 3


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (Block([0.1, 0.2], 2, 0.0), "expected the index of one of 2 calls, starting at 0"),
        (Block([0.1, 1.2], 0, 0.0), "expected numbers from 0 to 1"),
        (Block([0.1], 0, -0.5), "expected numbers from 0 to 1"),
        (Block([], 0, 0.0), "expected the index of one of 0 calls, starting at 0"),
    ],
)
def test_refuses_impossible_blocks(block, message):
    """A share outside [0, 1] or a call that is not in the block is an error that names the fault."""
    with pytest.raises(InvalidArgument, match=message):
        label_bounds([block])


def test_refuses_impossible_weight():
    """A weight is a number from 0 to 1."""
    with pytest.raises(InvalidArgument, match=r"weight=1\.5: expected a number from 0 to 1"):
        label_bounds([], weight=1.5)
