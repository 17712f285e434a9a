"""How a value is scored against its gold."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from schema_guard.bench.suites.pairing import cheapest_columns
from schema_guard.bench.suites.scoring import Score, match_problems, score, unanswered
from schema_guard.errors import InvalidArgument

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
EXACT_ONE = Score(exact=True, leaves=1, wrong=())
WRONG_ROOT = Score(exact=False, leaves=1, wrong=("",))


@given(values)
def test_gold_is_exact_against_itself(gold):
    """A gold has a perfect score against itself."""
    result = score(gold, gold)

    assert (result.exact, result.share, result.wrong) == (True, 1.0, ())


@given(values, values)
def test_share_is_a_fraction_of_at_least_one_leaf(value, gold):
    """A share lies in [0, 1], exact implies a share of 1, and every wrong location is one of the gold's leaves."""
    result = score(value, gold)

    assert 0 <= result.share <= 1
    assert result.leaves >= 1
    assert result.share == 1 or not result.exact
    assert set(result.wrong) <= set(unanswered(gold).wrong)


@given(values, values)
def test_exactness_has_no_direction(value, gold):
    """Without matchers a value is exact against a gold if and only if the gold is exact against the value."""
    assert score(value, gold).exact == score(gold, value).exact


@given(st.dictionaries(st.text(max_size=2), values, max_size=4), values, st.randoms())
def test_order_of_keys_says_nothing(gold, value, random):
    """Shuffling the keys of gold and value changes neither exactness nor share."""
    keys = list(gold)
    random.shuffle(keys)
    shuffled = {key: gold[key] for key in keys}

    assert score(shuffled, gold).exact
    assert score(value, shuffled).share == score(value, gold).share


@given(st.lists(values, min_size=1, max_size=5), st.randoms())
def test_unordered_ignores_the_order_of_items(gold, random):
    """Any permutation of an unordered gold is exact."""
    value = list(gold)
    random.shuffle(value)

    assert score(value, gold, {"": "unordered"}).exact


@given(st.lists(values, min_size=1, max_size=4), st.lists(values, max_size=4))
def test_unordered_is_never_worse_than_in_order(gold, value):
    """Pairing the items freely gives at least the share of pairing them in order."""
    assert score(value, gold, {"": "unordered"}).share >= score(value, gold).share


@given(st.lists(values, min_size=1, max_size=4), st.data())
def test_set_ignores_order_and_repeats(gold, data):
    """An array that holds every item of a set, some of them twice and in any order, is exact."""
    value = data.draw(st.permutations(gold + data.draw(st.lists(st.sampled_from(gold), max_size=3))))

    assert score(value, gold, {"": "set"}).exact


@given(st.lists(values, min_size=1, max_size=4), st.lists(values, max_size=4))
def test_set_is_never_worse_than_unordered(gold, value):
    """What is exact when each item counts is exact when repeats count once."""
    assert score(value, gold, {"": "set"}).exact or not score(value, gold, {"": "unordered"}).exact


@given(values, st.lists(values, max_size=3))
def test_accepted_values_are_exact(gold, others):
    """Each of the accepted values is exact, whatever the gold looks like."""
    match = {"": {"accept": [gold, *others]}}

    assert all(score(value, gold, match).exact for value in [gold, *others])


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_instant_is_the_same_in_every_offset(moment, minutes):
    """An instant is right however far from UTC it is written."""
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))

    assert score(there.isoformat(), moment.isoformat(), {"": "date"}).exact


@given(st.text(max_size=12))
def test_any_text_can_be_compared_with_a_date(value):
    """A text that is no date is wrong, and never an error."""
    assert score(value, "1234-12-31", {"": "date"}).leaves == 1


@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.integers(rows, rows + 4).flatmap(
            lambda width: st.lists(
                st.lists(st.integers(0, 9), min_size=width, max_size=width), min_size=rows, max_size=rows
            )
        )
    )
)
def test_pairing_is_optimal(costs):
    """The pairing costs as little as the reference solver's, and uses no column twice."""
    columns = cheapest_columns(costs)
    rows, reference = linear_sum_assignment(costs)

    assert len(set(columns)) == len(costs)
    assert sum(row[c] for row, c in zip(costs, columns, strict=True)) == sum(
        costs[r][c] for r, c in zip(rows, reference, strict=True)
    )


@dataclass(frozen=True)
class Case:
    id: str
    value: Any
    gold: Any
    match: Any
    score: Score


LINES = [{"item": "hat", "qty": 1}, {"item": "bag", "qty": 2}]
CASES = [
    Case("integer_and_float_are_one_number", 1.0, 1, None, EXACT_ONE),
    Case("true_is_not_1", True, 1, None, WRONG_ROOT),
    Case("1_is_not_true", 1, True, None, WRONG_ROOT),
    Case("null_is_not_false", None, False, None, WRONG_ROOT),
    Case("text_is_not_a_number", "1", 1, None, WRONG_ROOT),
    Case("empty_array_is_a_leaf", {"a": []}, {"a": []}, None, EXACT_ONE),
    Case("empty_array_is_not_an_empty_object", {}, [], None, WRONG_ROOT),
    Case("filled_array_is_not_an_empty_one", [1], [], None, WRONG_ROOT),
    Case("missing_key", {"a": 1}, {"a": 1, "b": {"c": 2, "d": 3}}, None, Score(False, 3, ("/b/c", "/b/d"))),
    Case("extra_key_is_not_exact", {"a": 1, "b": 2}, {"a": 1}, None, Score(False, 1, ())),
    Case("extra_key_deep", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, None, Score(False, 1, ())),
    Case("extra_item_is_not_exact", [1, 2], [1], None, Score(False, 1, ())),
    Case("missing_item", [1], [1, 2], None, Score(False, 2, ("/1",))),
    Case("order_counts_by_default", [2, 1], [1, 2], None, Score(False, 2, ("/0", "/1"))),
    Case("wrong_type_loses_all_leaves", [1, 2], {"a": 1, "b/c": 2}, None, Score(False, 2, ("/a", "/b~1c"))),
    Case("text_ignores_case_and_space", {"n": " STRASSE 1"}, {"n": "Straße  1"}, {"/n": "text"}, EXACT_ONE),
    Case("text_ignores_compatibility_forms", "\uff21\u00a0b", "ab", {"": "text"}, EXACT_ONE),
    Case("text_is_still_text", 1, "1", {"": "text"}, WRONG_ROOT),
    Case("text_differs", "abc", "abd", {"": "text"}, WRONG_ROOT),
    Case("tolerance_is_inclusive_in_decimal", 24.505, 24.5, {"": {"tolerance": 0.005}}, EXACT_ONE),
    Case("tolerance_is_a_bound", 24.506, 24.5, {"": {"tolerance": 0.005}}, WRONG_ROOT),
    Case("tolerance_of_nothing_true", True, 1, {"": {"tolerance": 1}}, WRONG_ROOT),
    Case("tolerance_survives_huge_integers", 10**400, 1.5, {"": {"tolerance": 1}}, WRONG_ROOT),
    Case("tolerance_refuses_infinity", float("inf"), 1, {"": {"tolerance": 1}}, WRONG_ROOT),
    Case(
        "unordered_repeats_count",
        ["a", "b", "b"],
        ["a", "a", "b"],
        {"": "unordered"},
        Score(False, 3, ("/1",)),
    ),
    Case("unordered_extra_item", ["b", "c", "a"], ["a", "b"], {"": "unordered"}, Score(False, 2, ())),
    Case("unordered_nothing_came", [], ["a", "b"], {"": "unordered"}, Score(False, 2, ("/0", "/1"))),
    Case("unordered_empty_gold", [], [], {"": "unordered"}, EXACT_ONE),
    Case("unordered_is_for_arrays", {"0": "a"}, ["a"], {"": "unordered"}, Score(False, 1, ("/0",))),
    Case(
        "unordered_pairs_objects_by_what_is_right",
        [{"item": "BAG", "qty": 9}, {"item": "hat", "qty": 1}],
        LINES,
        {"": "unordered", "/*/item": "text"},
        Score(False, 4, ("/1/qty",)),
    ),
    Case(
        "unordered_pairs_the_item_without_extras",
        [{"item": "hat", "qty": 1, "x": 0}, {"item": "hat", "qty": 1}],
        LINES[:1],
        {"": "unordered"},
        Score(False, 2, ()),
    ),
    Case(
        "unordered_pairs_within_tolerance",
        [1.1, 1.0],
        [1.0, 1.2],
        {"": "unordered", "/*": {"tolerance": 0.1}},
        Score(True, 2, ()),
    ),
    Case("relative_tolerance", 102, 100, {"": {"tolerance": 0.02, "relative": True}}, EXACT_ONE),
    Case(
        "relative_tolerance_is_of_the_gold",
        98,
        100.1,
        {"": {"tolerance": 0.02, "relative": True}},
        WRONG_ROOT,
    ),
    Case(
        "relative_tolerance_of_a_negative", -99, -100, {"": {"tolerance": 0.02, "relative": True}}, EXACT_ONE
    ),
    Case("relative_tolerance_of_zero", 0.001, 0, {"": {"tolerance": 0.02, "relative": True}}, WRONG_ROOT),
    Case("spaces_may_differ", " a\n b c", "a b  c", {"": "spaces"}, EXACT_ONE),
    Case("spaces_keep_the_case", "A b", "a b", {"": "spaces"}, WRONG_ROOT),
    Case("punctuation_may_differ", "April 1 2024", "April 1, 2024.", {"": "punctuation"}, EXACT_ONE),
    Case("kinds_of_quotes_may_differ", "the \u2019x\u2019", "the 'X'", {"": "punctuation"}, EXACT_ONE),
    Case("other_signs_count", "C", "C#", {"": "punctuation"}, WRONG_ROOT),
    Case("one_instant", "2026-03-04T12:00+02:00", "2026-03-04T10:00Z", {"": "date"}, EXACT_ONE),
    Case("one_date_in_two_spellings", "20260304", "2026-03-04", {"": "date"}, EXACT_ONE),
    Case("one_week_date", "2026-W10-3", "2026-03-04", {"": "date"}, EXACT_ONE),
    Case(
        "fraction_and_letter_case",
        "2026-03-04t10:00:00.000z",
        "2026-03-04 10:00:00Z",
        {"": "date"},
        EXACT_ONE,
    ),
    Case("another_instant", "2026-03-04T10:00+02:00", "2026-03-04T10:00Z", {"": "date"}, WRONG_ROOT),
    Case(
        "time_without_offset_is_no_instant", "2026-03-04T10:00", "2026-03-04T10:00Z", {"": "date"}, WRONG_ROOT
    ),
    Case("date_is_no_instant", "2026-03-04T00:00", "2026-03-04", {"": "date"}, WRONG_ROOT),
    Case("no_such_date", "2026-02-30", "2026-03-02", {"": "date"}, WRONG_ROOT),
    Case("week_without_its_day_is_no_date", "2026-W10", "2026-03-02", {"": "date"}, WRONG_ROOT),
    Case("time_in_a_week_without_its_day", "2026-W10T10:00", "2026-03-02T10:00", {"": "date"}, WRONG_ROOT),
    Case(
        "text_that_is_no_date_is_itself", "SOON", "soon", {"": {"accept": ["soon"], "as": "date"}}, WRONG_ROOT
    ),
    Case("date_in_words", "4 March 2026", "2026-03-04", {"": "date"}, WRONG_ROOT),
    Case("date_is_a_string", 20260304, "2026-03-04", {"": "date"}, WRONG_ROOT),
    Case("set_ignores_order_and_repeats", ["b", "a", "b"], ["a", "b"], {"": "set"}, Score(True, 2, ())),
    Case("set_needs_each_item", ["a", "a"], ["a", "b"], {"": "set"}, Score(False, 2, ("/1",))),
    Case("set_holds_nothing_else", ["a", "b", "c"], ["a", "b"], {"": "set"}, Score(False, 2, ())),
    Case("set_counts_repeats_of_the_gold_once", ["b", "a"], ["a", "a", "b"], {"": "set"}, Score(True, 3, ())),
    Case("set_tells_true_from_1", [True], [1, True], {"": "set"}, Score(False, 2, ("/0",))),
    Case("set_repeats_under_a_matcher", ["A", "a "], ["a"], {"": "set", "/*": "text"}, Score(True, 1, ())),
    Case(
        "set_has_leaves_of_objects",
        [{"n": 1, "m": 2}, {"n": 1, "m": 3}],
        [{"n": 1, "m": 3}],
        {"": "set"},
        Score(False, 2, ()),
    ),
    Case("set_nothing_came", [], ["a", "a"], {"": "set"}, Score(False, 2, ("/0", "/1"))),
    Case("accept_any_of_these", {"u": "miles"}, {"u": "mi"}, {"/u": {"accept": ["mi", "miles"]}}, EXACT_ONE),
    Case("accept_none_of_these", "mile", "mi", {"": {"accept": ["mi", "miles"]}}, WRONG_ROOT),
    Case("accept_another_type", 5, "five", {"": {"accept": ["five", 5.0]}}, EXACT_ONE),
    Case("accept_as_text", "  MILES", "mi", {"": {"accept": ["mi", "miles"], "as": "text"}}, EXACT_ONE),
    Case(
        "accept_as_text_within_an_array",
        [["A"], {"x": "B"}],
        [["a"], {"x": "b"}],
        {"": {"accept": [[["a"], {"x": "b"}]], "as": "text"}},
        Score(True, 2, ()),
    ),
    Case("accept_a_whole_array", [3], [1, 2], {"": {"accept": [[1, 2], [3]]}}, Score(True, 2, ())),
    Case("accept_no_such_array", [1, 4], [1, 2], {"": {"accept": [[1, 2], [3]]}}, Score(False, 2, ("/1",))),
    Case(
        "accept_does_not_mean_optional",
        {},
        {"u": "mi"},
        {"/u": {"accept": ["mi"]}},
        Score(False, 1, ("/u",)),
    ),
    Case(
        "optional_may_be_missing",
        {},
        {"u": [1, 2]},
        {"/u": {"accept": [[1, 2]], "optional": True}},
        Score(True, 2, ()),
    ),
    Case(
        "optional_may_not_be_wrong",
        {"u": "km"},
        {"u": "mi"},
        {"/u": {"accept": ["mi"], "optional": True}},
        Score(False, 1, ("/u",)),
    ),
    Case(
        "named_item_goes_before_star",
        ["A", "B"],
        ["a", "b"],
        {"/*": "text", "/1": "exact"},
        Score(False, 2, ("/1",)),
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_score(case):
    """A value gets the score that the rules give it."""
    assert score(case.value, case.gold, case.match) == case.score


def test_unanswered_has_every_leaf_wrong():
    """Without a value no leaf is right."""
    result = unanswered({"a": [1, []], "b": {}})

    assert result == Score(exact=False, leaves=3, wrong=("/a/0", "/a/1", "/b"))
    assert (result.right, result.share) == (0, 0.0)


def test_endless_array_is_scored_in_bounded_time():
    """Of an unordered array only the first 256 items are paired; the rest is extra."""
    result = score([0] * 100_000 + ["a"], ["a"], {"": "unordered"})

    assert result == Score(exact=False, leaves=1, wrong=("/0",))


@pytest.mark.costly
def test_unordered_gold_of_many_items_is_right_in_any_order():
    """As many items are paired as the gold has, however many that are."""
    gold = list(range(300))

    assert score(gold[::-1], gold, {"": "unordered"}) == Score(exact=True, leaves=300, wrong=())


KNOWN = (
    "expected one of 'exact', 'spaces', 'text', 'punctuation', 'date', 'unordered', 'set', "
    "{'tolerance': number} or {'accept': [values]}"
)
PROBLEMS = {
    "unknown": ({"/a": "unorderd"}, f"matcher at /a: {KNOWN}, got 'unorderd'. Did you mean 'unordered'?"),
    "tolerance_by_name": ({"/n": "tolerance"}, f"matcher at /n: {KNOWN}, got 'tolerance'"),
    "negative": ({"/n": {"tolerance": -1}}, "matcher at /n: expected a number >= 0 for 'tolerance', got -1"),
    "not_a_number": (
        {"/n": {"tolerance": True}},
        "matcher at /n: expected a number >= 0 for 'tolerance', got True",
    ),
    "relative_is_no_claim": (
        {"/n": {"tolerance": 1, "relative": "yes"}},
        "matcher at /n: expected true or false for 'relative', got 'yes'",
    ),
    "more_keys": (
        {"/n": {"tolerance": 1, "relativ": True}},
        "matcher at /n: unknown key 'relativ'. Did you mean 'relative'?",
    ),
    "no_kind": ({"/n": {"optional": True}}, f"matcher at /n: {KNOWN}, got {{'optional': True}}"),
    "list": ({"/n": ["text"]}, f"matcher at /n: {KNOWN}, got ['text']"),
    "no_pointer": ({"n": "exact"}, "matcher at n: expected a JSON Pointer, which starts with '/'"),
    "nowhere": ({"/a/7": "exact"}, "matcher at /a/7: the gold does not have this location"),
    "not_an_array": (
        {"": "unordered"},
        "matcher at (root): 'unordered' applies only to an array, but the gold has another value",
    ),
    "set_of_a_number": (
        {"/n": "set"},
        "matcher at /n: 'set' applies only to an array, but the gold has another value",
    ),
    "not_all_strings": (
        {"/a/*": "text"},
        "matcher at /a/*: 'text' applies only to a string, but the gold has another value",
    ),
    "no_date": (
        {"/a/0": "date"},
        "matcher at /a/0: 'date' applies only to an ISO 8601 date, but the gold has another value",
    ),
    "boolean": (
        {"/b": {"tolerance": 1}},
        "matcher at /b: 'tolerance' applies only to a number, but the gold has another value",
    ),
    "accept_nothing": (
        {"/n": {"accept": []}},
        "matcher at /n: expected an array of values for 'accept', got []",
    ),
    "accept_without_the_gold": (
        {"/n": {"accept": [1, 3]}},
        "matcher at /n: expected the gold among the accepted values",
    ),
    "optional_item": (
        {"/a/*": {"accept": ["x", 1], "optional": True}},
        "matcher at /a/*: 'optional' applies only to a member of an object",
    ),
    "optional_root": (
        {"": {"accept": [{"a": ["x", 1], "n": 2, "b": True}], "optional": True}},
        "matcher at (root): 'optional' applies only to a member of an object",
    ),
    "accept_as_something_else": (
        {"/n": {"accept": [2], "as": "set"}},
        "matcher at /n: expected one of 'spaces', 'text', 'punctuation', 'date' for 'as', got 'set'",
    ),
}


@pytest.mark.parametrize(("match", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_match_that_cannot_be_used_is_refused(match, problem):
    """A match with an unknown matcher, or one that does not fit the gold, is refused with its location."""
    gold = {"a": ["x", 1], "n": 2, "b": True}

    assert match_problems(match, gold) == [problem]
    with pytest.raises(InvalidArgument) as caught:
        score(gold, gold, match)
    assert str(caught.value) == problem


def test_exact_may_stand_anywhere():
    """The matcher 'exact' fits a boolean, an object and the root."""
    assert match_problems({"": "exact", "/b": "exact", "/o": "exact"}, {"b": True, "o": {"x": 1}}) == []


@pytest.mark.parametrize(
    ("value", "gold", "match", "invented"),
    [
        ({"price": 9}, {"price": None}, {}, 1),
        ({"price": None}, {"price": None}, {}, 0),
        ({}, {"price": None}, {}, 0),
        ({"price": {"eur": 9}}, {"price": None}, {}, 1),
        ({"price": 8}, {"price": 9}, {}, 0),
        (
            [{"a": 1, "b": 2}, {"a": 3, "b": None}],
            [{"a": 3, "b": None}, {"a": 1, "b": None}],
            {"": "unordered"},
            1,
        ),
        ("?", {"price": None}, {}, 0),
    ],
)
def test_a_value_in_place_of_null_is_invented(value, gold, match, invented):
    """A missing member is wrong, and not invented. Items are paired first."""
    assert score(value, gold, match).invented == invented
