"""The time of a repair for replies of any shape."""

import time

import pytest

from schema_guard import judge
from tests.public.schemas.test_growth import CHARS, HANG_S, SCHEMA, SHAPES, least_seconds
from tests.thinned import costly


@pytest.mark.parametrize("repair", ["lossless", "lossy"])
@pytest.mark.parametrize("shape", costly(SHAPES, 3), ids=lambda shape: shape.id)
def test_200_kilobytes_are_repaired_without_hanging(shape, repair):
    """Repairing a reply of 200,000 characters of any shape takes only a moment."""
    text = shape.text(CHARS)

    started = time.thread_time()
    judge(text, SCHEMA, repair=repair)

    assert time.thread_time() - started < HANG_S


@pytest.mark.slow
@pytest.mark.parametrize("repair", ["lossless", "lossy"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.id)
def test_eight_times_the_text_is_about_eight_times_the_work(shape, repair):
    """From 1x to 8x of a text the time grows eightfold, and far less than sixty-fourfold."""
    once, eightfold = (least_seconds(shape.text(factor * CHARS // 8), repair) for factor in (1, 8))

    assert eightfold < 24 * once + 0.02
