"""Where the JSON of a reply begins that is still being written: as the reading rule says of the whole reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.streaming.start import Start
from schema_guard.reading import end_of_thoughts, read

PARTS = st.sampled_from(
    (
        "{", "[", "}", "]", '"', " ", "\n", "\ufeff", "`", "```", "~~~", "json", "{.json}", 'title="a{"', "=", "<think>",
        "</think>", "</thinking>", "[THINK]", "[/THINK]", "[th", "<reason", "ing>", "<", "So ", "1", "true", "\u212a", "inK]",
    )
)  # fmt: skip
TEXTS = st.lists(PARTS, max_size=8).map("".join)


def begins(text, width):
    """Where JSON begins in a text that comes in pieces, and how much of it had been read when that was known."""
    start = Start()
    for at in range(0, len(text), width):
        failure = start.feed(text[at : at + width])
        if failure is not None:
            known = min(at + width, len(text))
            return known - len(failure), known
    return None


@given(TEXTS, TEXTS, st.integers(1, 20))
def test_a_place_is_that_of_the_reading_rule_whatever_follows(text, rest, width):
    """Where a place is given, the reading rule reads the reply from there, with any text behind it."""
    result = begins(text, width)

    if result is not None:
        place, known = result
        for whole in (text, text[:known] + rest):
            reading = read(whole)
            assert reading.direct
            assert reading.candidates[0].start == place


@given(TEXTS, st.integers(1, 20))
def test_remembered_thoughts_change_no_reading(text, width):
    """A growing text is read alike with the thoughts of its beginning remembered, and without."""
    thoughts = 0

    for end in range(0, len(text) + width, width):
        thoughts = end_of_thoughts(text[:end], thoughts)

        assert read(text[:end], thoughts) == read(text[:end])


CASES = {
    "object": ("{", 0),
    "array": ("[1", 0),
    "white space and a byte order mark": ("\ufeff \n{", 3),
    "fence": ("```json\n{", 8),
    "fence on one line": ('~~~ json {"', 9),
    "reasoning": ("<think>{}</think> {", 18),
    "reasoning opened by the template": ("{ so</think>"[1:] + "[1", 11),
    "two blocks": ("[THINK]a[/THINK]<think>b</think>{", 32),
    "fence behind reasoning": ("<think></think>```\n[", 19),
}


@pytest.mark.parametrize("width", [1, 4, 100])
@pytest.mark.parametrize("name", CASES)
def test_json_begins(name, width):
    """What the reading rule skips is skipped."""
    text, place = CASES[name]

    result = begins(text, width)

    assert result is not None
    assert result[0] == place


@pytest.mark.parametrize(
    "text",
    [
        '"a',
        "Here: {",
        "<think>{",
        "[THIN",
        "```{.json",
        "```json `{",
        "1",
        "",
        "So <think>a</think>{",
        "\ufeff\ufeff{",
    ],
)
def test_nothing_is_said_of_what_may_be_prose(text):
    """A root that is no object and no array, prose and what is not decided have no place."""
    assert begins(text, 1) is None


def test_a_long_reasoning_block_is_read_once():
    """Of a block no more is kept than a mark is long."""
    start = Start()

    for _ in range(1_000):
        assert start.feed("<think>more</thin") is None

    assert start.feed("</think>{") == "{"
