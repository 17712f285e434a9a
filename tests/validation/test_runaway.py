"""Whether a text that was cut off had turned in circles."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.validation import failures as cut_off
from schema_guard.validation.failures import Repeats, runaway

WITHOUT_CIRCLES = [
    "",
    '{"total": 1',
    '{"total": 1,\n' + " " * 40,
    '{"lines": [' + "0, " * 80,
    '{"text": "' + "ha" * 100,
    " ".join(map(str, range(200))) + "ha" * 100,
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


def told_while_written(text, width, periods):
    """What is said first of a text in pieces of one width, and of how many characters; None where nothing is."""
    repeats = Repeats(periods)
    for at in range(0, len(text), width):
        failure = repeats.feed(text[at : at + width])
        if failure is not None:
            return failure, at + width
    return None


PARTS = st.text("abc{}[],:1 ", min_size=1, max_size=40).filter(str.strip)


@given(st.text(max_size=300), PARTS, st.integers(1, 40), st.integers(2, 9))
def test_a_text_that_is_written_is_told_as_it_is_when_it_was_cut_off_there(before, part, width, periods):
    """What is said while a text is written is what is said of all that came; and it is said soon."""
    text = before + part * (2_000 // len(part))

    shown, came = told_while_written(text, width, periods)

    assert runaway(text[:came], periods=periods) == shown
    assert came <= 1.2 * (len(before) + max(256, periods * len(part))) + 64 + 2 * width


@pytest.mark.parametrize(
    ("before", "part"),
    [
        pytest.param(" ".join(map(str, range(20_000))), "ab", id="behind a long text"),
        pytest.param("", " ".join(map(str, range(300))), id="in long parts"),
    ],
)
def test_a_repeated_part_is_told_soon(before, part):
    """A part of up to a sixth of 16,384 characters is told, with an eighth of these more than it takes at the most."""
    text, came = told_while_written(before + part * 2_000, 4, 6)

    assert text == f"a part of {len(part)} characters"
    assert came <= len(before) + max(256, 6 * len(part)) + 16_384 // 8 + 4


def test_a_text_that_is_written_is_looked_at_a_bounded_number_of_times(monkeypatch):
    """Whatever the pieces, each character is looked at about nine times."""
    looked = []
    monkeypatch.setattr(cut_off, "runaway", lambda text, *, periods: looked.append(len(text)))
    repeats = Repeats(6)

    for char in "x" * 100_000:
        repeats.feed(char)

    assert sum(looked) < 10 * 100_000
