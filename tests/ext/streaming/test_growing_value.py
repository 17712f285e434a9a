"""Facts about the values of a reply while it arrives."""

import json
import random
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from schema_guard import InvalidSchema, Partial, adapt
from schema_guard.ext.streaming import growing_value
from schema_guard.ext.streaming.growing_value import Growing
from schema_guard.pointer import split
from schema_guard.values import Ask
from tests.public.schemas.fuzzing import drawn_schema, drawn_value
from tests.thinned import examples


def fed(*pieces):
    """The values that pieces of text give."""
    growing = Growing([None])
    return [value for piece in pieces for value in growing.feed(piece)]


ATTEMPT = Ask(2, "bare", "t", None, None)


@dataclass(frozen=True)
class Case:
    """Pieces of a reply, and the values they give."""

    id: str
    pieces: tuple[str | Ask | None, ...]
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
    Case("two attempts", ("[1,", ATTEMPT, "[2,"), [[1], [2]]),
    Case("equal attempts", ("[1,", ATTEMPT, "[1,"), [[1], [1]]),
    Case("text before a tool call", ("[1,", None, "[1,"), [[1], [1]]),
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


def is_part(value, path, whole):
    """Whether all of a value is that of the whole one, but what is open, of which it has the begin."""
    if isinstance(value, dict):
        names = list(value)
        last, done = names[-1:], names[:-1] if path else names
        is_so = names == list(whole)[: len(names)] and all(value[name] == whole[name] for name in done)
    elif isinstance(value, list):
        end = len(value) - bool(path)
        last, is_so = [str(len(value) - 1)], value[:end] == whole[:end]
    else:
        last, is_so = [], not isinstance(value, str) or whole.startswith(value)
    if not path or not is_so:
        return is_so
    at = path[0] if isinstance(value, dict) else len(value) - 1
    return path[:1] == last and is_part(value[at], path[1:], whole[at])


def partials(text, width, form=None):
    growing = Growing([form], partial=True)
    return [result for at in range(0, len(text), width) for result in growing.feed(text[at : at + width])]


@given(VALUES, st.integers(1, 20), st.sampled_from([None, 1]), st.booleans())
def test_what_is_not_open_is_complete(value, width, indent, ascii_only):
    """Besides the part that is named as open, and what that stands in, every part is as it will be."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    for result in partials(text, width):
        assert result.attempt == 1
        assert is_part(result.value, split(result.open), value)


def test_a_part_that_is_complete_is_told():
    """The same value is given again where another part of it is open now."""
    assert partials('{"a": 12, "b": [1, "x"]}', 1)[:6] == [
        Partial({}, "", 1),
        Partial({"a": 1}, "/a", 1),
        Partial({"a": 12}, "/a", 1),
        Partial({"a": 12}, "", 1),
        Partial({"a": 12, "b": []}, "/b", 1),
        Partial({"a": 12, "b": [1]}, "/b/0", 1),
    ]


@pytest.mark.parametrize("text", ['{"a": "x\\"y\\\\", "b": [1]}', '["\\\\", "\\\\\\"", 1]'])
@pytest.mark.parametrize("width", range(1, 9))
def test_a_quote_that_is_part_of_a_text_ends_none(text, width):
    """Wherever the pieces part it from what stands before it."""
    for result in partials(text, width):
        assert is_part(result.value, split(result.open), json.loads(text))


def test_what_is_open_is_told_of_the_part_that_counts():
    """Of prose that is what began last and is not complete."""
    pieces = ["See [1", "]: ", '{"a": ', '{"b": "x']
    growing = Growing([None], partial=True)

    assert [result for piece in pieces for result in growing.feed(piece)] == [
        Partial([1], "/0", 1),
        Partial({}, "", 1),
        Partial({"a": {"b": "x"}}, "/a/b", 1),
    ]


def test_each_attempt_has_a_form_of_its_own():
    """What gives a value back in the user's form is of the attempt, and the last one's from then on."""
    growing = Growing([None, lambda value, path: ([value], None)])

    values = []
    for number in (1, 2, 3):
        list(growing.feed(ATTEMPT._replace(number=number)))
        values += growing.feed("[1,")

    assert values == [[1], [[1]], [[1]]]


@examples(30)
@given(st.integers(0, 2**32), st.integers(1, 9))
def test_a_value_in_another_form_is_restored_or_held_back(seed, width):
    """While it is written in the form that was sent, what is told of it is in the user's own form, or nothing."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    try:
        adapted = adapt(schema, rng.choice(["openai", "anthropic", "gemini", "bedrock"]))
    except InvalidSchema:
        reject()
    value = drawn_value(schema.document, rng)
    sent = adapted.pre_image(value)
    restored = adapted.restore(sent)
    assume(adapted.schema is not None and schema.is_valid(value) and restored == value)

    for result in partials(json.dumps(sent), width, adapted.grown):
        assert is_part(result.value, split(result.open), restored)


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
    original = growing_value.read
    monkeypatch.setattr(
        growing_value, "read", lambda text, *rest: (read.append(len(text)), original(text, *rest))[1]
    )
    values = Growing([None])

    for piece in text:
        list(values.feed(piece))

    assert sum(read) < 70 * len(text)
