"""Facts about the values of a reply while it arrives."""

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.calls.received import growing
from schema_guard.calls.received.growing import Growing


def fed(*pieces):
    """The values that pieces of text give."""
    growing = Growing([None])
    return [value for piece in pieces for value in growing.feed(piece)]


@dataclass(frozen=True)
class Case:
    """Pieces of a reply, and the values they give."""

    id: str
    pieces: tuple[str | None, ...]
    values: list[object]


CASES = (
    Case("an object", ('{"a', '": 1', ', "b": "x', 'y"}'), [{}, {"a": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": "xy"}]),
    Case("a list", ("[1", ", 2", "]"), [[1], [1, 2]]),
    Case("a whole reply", ('{"a": 1}',), [{"a": 1}]),
    Case("a text", ('"a', 'b"'), ["a", "ab"]),
    Case("nothing", (), []),
    Case("nothing yet", ("", " ", "\n"), []),
    Case("prose", ("Here", " it is"), []),
    Case("prose before a value", ("Here: ", "[1, ", "2"), [[1], [1, 2]]),
    Case("a fence", ("```json\n", "[1,", "2]"), [[1], [1, 2]]),
    Case("reasoning", ("<think>[0]", "</think>", "[1, 2"), [[1, 2]]),
    Case("no value twice", ("[1,", " ", " ", "2]"), [[1], [1, 2]]),
    Case("a broken end", ("[1,", "}"), [[1]]),
    Case("two attempts", ("[1,", None, "[2,"), [[1], [2]]),
    Case("equal attempts", ("[1,", None, "[1,"), [[1], [1]]),
    Case("lone surrogates", ('["\ud800', '"]'), [["?"]]),
    Case("not finite", ("[NaN,",), []),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_values_grow(case):
    """The value so far is given when it has changed, and starts anew with each attempt."""
    assert fed(*case.pieces) == case.values


@given(st.text(st.characters()), st.integers(1, 9))
def test_no_text_makes_it_raise(text, width):
    """For any text in any pieces there are values or none, at most one a piece, and no error."""
    pieces = [text[at : at + width] for at in range(0, len(text), width)]

    assert len(fed(*pieces)) <= len(pieces)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(VALUES), st.integers(1, 20))
def test_every_value_is_new_and_the_last_is_near_the_end(value, width):
    """Each value differs from the one before; a reply in a few pieces ends with the whole value."""
    text = json.dumps(value)
    pieces = [text[at : at + width] for at in range(0, len(text), width)]

    values = fed(*pieces)

    assert all(one != other for one, other in pairwise(values))
    assert len(text) > 64 or values[-1] == value


def test_a_long_reply_is_read_a_few_times():
    """The work does not grow with the number of pieces: a long reply in many is read anew at each 64th part."""
    pieces = ["[", *["1, "] * 20_000, "1]"]

    values = fed(*pieces)

    assert len(values) < 700
    assert len(values[-1]) > 19_000


@pytest.mark.parametrize(
    "text", ['{"a": "' + "x" * 20_000, "[" + "1, " * 7_000, "Here it is: {" + '"a": [1],' * 2_000]
)
def test_a_text_is_read_a_bounded_number_of_times(monkeypatch, text):
    """However small the pieces, each character is read about as often as the text grows by its share."""
    read = []
    original = growing.read
    monkeypatch.setattr(growing, "read", lambda text: (read.append(len(text)), original(text))[1])
    values = Growing([None])

    for piece in text:
        list(values.feed(piece))

    assert sum(read) < 70 * len(text)
