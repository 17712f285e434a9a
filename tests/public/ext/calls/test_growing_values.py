"""Partial values that `.stream` yields while a reply arrives."""

from itertools import count

import pytest

from schema_guard import GuardFailed, Partial, guard

NUMBERS = count()


def streamed(*attempts, schema=True, partial=False, **settings):
    """Return the values that a stream yields for attempts in pieces, then "failed" if the call fails."""
    value = iter(attempts)

    @guard(schema, store=None, max_attempts=len(attempts), name=f"grown_{next(NUMBERS)}", **settings)
    def ask(prompt):
        yield from next(value)

    values = []
    try:
        values.extend(ask.stream("t", partial=True) if partial else ask.stream("t"))
    except GuardFailed:
        values.append("failed")
    return values


GROWN = {
    "an object": (['{"a', '": 1', ', "b": "x', 'y"}'], [{}, {"a": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": "xy"}, {"a": 1, "b": "xy"}]),
    "a list": (["[1", ", 2", "]"], [[1], [1, 2], [1, 2]]),
    "a whole reply": (['{"a": 1}'], [{"a": 1}, {"a": 1}]),
    "a text": (['"a', 'b"'], ["a", "ab", "ab"]),
    "nothing": ([], ["failed"]),
    "nothing yet": (["", " ", "\n"], ["failed"]),
    "prose": (["Here", " it is"], ["failed"]),
    "prose before a value": (["Here: ", "[1, ", "2]"], [[1], [1, 2]]),
    "a fence": (["```json\n", "[1,", "2]"], [[1], [1, 2], [1, 2]]),
    "reasoning": (["<think>[0]", "</think>", "[1, 2", "]"], [[1, 2], [1, 2]]),
    "no value twice": (["[1,", " ", " ", "2]"], [[1], [1, 2], [1, 2]]),
    "a broken end": (["[1,", "}"], [[1], "failed"]),
    "a number": (["1", "2"], [1, 12, 12]),
    "an escape": (['["\\u00', 'e9"]'], [[""], ["é"], ["é"]]),
    "nested": (['{"a": [{"b', '": 1}, {', '"b": 2}]}'], [{"a": [{}]}, {"a": [{"b": 1}, {}]}, {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 2}]}]),
}  # fmt: skip


@pytest.mark.parametrize("case", GROWN)
def test_values_grow_with_the_reply(case):
    """The stream yields each changed value, then the valid value, even if it is equal to the one before."""
    pieces, values = GROWN[case]

    assert streamed(pieces) == values


def test_values_of_a_retry_start_over():
    """The values of a retry hold nothing from the attempt before."""
    schema = {"items": {"type": "integer"}}

    assert streamed(['["x', '"]'], ["[1,", "2]"], schema=schema) == [["x"], [1], [1, 2], [1, 2]]


def test_partial_has_the_open_place():
    """With `partial=True`, each value has the place that is still open."""
    assert streamed('{"a": 12, "b": [1, "x"]}', partial=True) == [
        Partial({}, "", 1),
        Partial({"a": 1}, "/a", 1),
        Partial({"a": 12}, "/a", 1),
        Partial({"a": 12}, "", 1),
        Partial({"a": 12, "b": []}, "/b", 1),
        Partial({"a": 12, "b": [1]}, "/b/0", 1),
        Partial({"a": 12, "b": [1]}, "/b", 1),
        Partial({"a": 12, "b": [1, ""]}, "/b/1", 1),
        Partial({"a": 12, "b": [1, "x"]}, "/b/1", 1),
        Partial({"a": 12, "b": [1, "x"]}, "/b", 1),
        Partial({"a": 12, "b": [1, "x"]}, "", 1),
        Partial({"a": 12, "b": [1, "x"]}, None, 1),
    ]


def test_partial_of_prose_is_the_open_document():
    """In prose, the value is that of the JSON text that is not complete yet."""
    assert streamed(
        ["See [1", "]: ", '{"a": ', '{"b": "x', '"}}'], partial=True, schema={"type": "object"}
    ) == [
        Partial([1], "/0", 1),
        Partial({}, "", 1),
        Partial({"a": {"b": "x"}}, "/a/b", 1),
        Partial({"a": {"b": "x"}}, None, 1),
    ]


def test_partial_has_the_number_of_its_attempt():
    """The values of a retry have the number 2."""
    schema = {"items": {"type": "integer"}}

    assert [(one.attempt, one.open) for one in streamed(['["x"]'], ["[1]"], schema=schema, partial=True)] == [
        (1, ""), (2, ""), (2, None),
    ]  # fmt: skip
