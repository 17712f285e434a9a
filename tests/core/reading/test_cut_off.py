"""Whether a text that was cut off had turned in circles."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.core.reading.cut_off import runaway

WITHOUT_CIRCLES = [
    "",
    '{"total": 1',
    '{"total": 1,\n' + " " * 40,
    '{"lines": [' + "0, " * 80,
    '{"text": "' + "ha" * 100,
    " ".join(f'{{"id": {n}}},' for n in range(500)),
]


@pytest.mark.parametrize("text", WITHOUT_CIRCLES, ids=range(len(WITHOUT_CIRCLES)))
def test_what_goes_on_is_no_circle(text):
    """An indentation, a short repetition and a long list of different items are no runaway."""
    assert runaway(text) is None


@pytest.mark.parametrize("space", [" " * 64, "\n" * 6, "\n \n \n \n \n \n", "\t" * 1000])
def test_white_space_at_the_end(space):
    """White space that no layout needs is a runaway."""
    assert runaway('{"total": 1,' + space) == "white space"


@given(
    st.text(max_size=300),
    st.text("abc{}[],:1 ", min_size=1, max_size=60).filter(str.strip),
    st.integers(0, 59),
)
def test_a_repeated_part_is_told_wherever_it_is_cut(before, part, cut):
    """A part that stands at the end six times and over 256 characters is one, be the last of them incomplete."""
    text = before + part * (320 // len(part) + 8) + part[: cut % len(part)]

    assert runaway(text) is not None


def test_looking_is_quick_whatever_the_text():
    """A text of many places that look alike is looked at in milliseconds."""
    begun = time.process_time()

    for text in ("a" * 8_000 + "b" + "a" * 255, ("a" * 40 + "b") * 400, "ab" * 100_000):
        runaway(text)

    assert time.process_time() - begun < 0.2
