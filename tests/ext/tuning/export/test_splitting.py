"""What comes twice is taken once, and train, validation and test share nothing."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.tuning.export.similarity import (
    NEAR,
    SAME,
    masked_shingles,
    normalised,
    shingles,
    similar_pairs,
)
from schema_guard.ext.tuning.export.splitting import split_rows
from schema_guard.ext.tuning.export.values import SIDES, ExportSettings
from tests.ext.tuning.export.rows import row
from tests.public.commands.clusters import words

NAMES = ["lamp", "chair", "desk", "sofa", "shelf", "rug", "clock", "bench", "mirror", "stool"]
TOWNS = ["Oslo", "Lyon", "Graz", "Cork", "Bari", "Gent", "Brno", "Porto"]
drawn = st.builds(
    lambda name, town, number, team, more: row(f"{number} {name}s to {town}", {"team": team}, **more),
    st.sampled_from(NAMES),
    st.sampled_from(TOWNS),
    st.integers(1, 5),
    st.sampled_from(["billing", "shipping"]),
    st.fixed_dictionaries(
        {
            "cluster": st.none() | st.sampled_from("abc"),
            "segment": st.none() | st.just("eu"),
            "failure": st.none() | st.just("value/enum"),
            "source": st.sampled_from(["gold", "checked", "valid"]),
            "input_hash": st.none() | st.sampled_from(["h1", "h2"]),
        }
    ),
)
half = ExportSettings(validation=0.3, test=0.3)


def different(count, answer=None, **more):
    """Rows of which no two are alike."""
    return [row(words(number), answer, **more) for number in range(count)]


@given(st.lists(drawn, max_size=40))
def test_the_sides_share_no_input_and_no_cluster(rows):
    """Neither a text, nor the store's hash of one, nor the user's tag is on two sides."""
    result = split_rows(rows, half)

    for known in (lambda one: normalised(one.text), lambda one: one.input_hash, lambda one: one.cluster):
        seen = [{known(one) for one in result.sides[side]} - {None} for side in SIDES]
        assert not any(one & other for one, other in combinations(seen, 2))
    seen = [set(result.clusters[side]) for side in SIDES]
    assert not any(one & other for one, other in combinations(seen, 2))


@given(st.lists(drawn, max_size=40))
def test_each_row_is_taken_once_or_counted_with_a_reason(rows):
    """Nothing is lost between the sources and the files."""
    result = split_rows(rows, half)

    assert sum(map(len, result.sides.values())) + sum(result.left_out.values()) == len(rows)


@given(st.lists(drawn, max_size=40), st.randoms())
def test_the_order_of_the_sources_makes_no_difference(rows, random):
    """The same rows and the same seed give the same files."""
    shuffled = random.sample(rows, len(rows))

    def said(split):
        return {side: [(one.text, one.answer) for one in split.sides[side]] for side in SIDES}

    assert said(split_rows(shuffled, half)) == said(split_rows(rows, half))


@pytest.mark.parametrize(
    "changed",
    [
        str.upper,
        lambda text: f" {text}  ",
        lambda text: f"{text}, please",
        lambda text: text.replace(" ", " - "),
    ],
    ids=["case", "space", "a word more", "punctuation"],
)
def test_planted_near_copies_are_all_removed(changed):
    """Of an input and a copy that was typed otherwise one is left, so none is on another side."""
    rows = [row(f"{n * 7919 % 10007} {name}s to {town}, to be left at the door of the neighbour {name}")
            for n, (name, town) in enumerate((name, town) for name in NAMES for town in TOWNS)]  # fmt: skip
    copies = [replace(one, messages=({"role": "user", "content": changed(one.text)},)) for one in rows]
    alone = split_rows(rows, half)

    result = split_rows([*rows, *copies], half)

    left = [one.text for side in SIDES for one in result.sides[side]]
    assert len(left) == sum(map(len, alone.sides.values()))
    assert not list(similar_pairs(shingles(left), SAME))


def test_inputs_that_are_alike_stay_on_one_side_whatever_their_answers():
    """A model that has learnt an input by heart is not tested on one that differs in a digit."""
    pairs = [
        row(f"{one.text} and then a very long sentence about {one.text}", {"n": number})
        for one in different(60)
        for number in (1, 2)
    ]
    pairs = [
        replace(one, messages=({"role": "user", "content": f"{one.text} {one.answer['n']}"},))
        for one in pairs
    ]

    result = split_rows(pairs, half)

    sides = {one.text: side for side in SIDES for one in result.sides[side]}
    texts = list(sides)
    assert len(texts) == 120
    near = list(similar_pairs(masked_shingles(texts), NEAR))
    assert len(near) >= 60
    assert all(sides[texts[pair.first]] == sides[texts[pair.second]] for pair in near)


def test_the_answer_that_was_looked_at_most_is_taken():
    """A person's answer goes before a model's, and contradictions of equals before nobody's."""
    texts = different(1)[0].text
    result = split_rows([row(texts, {"n": 1}, source="checked"), row(texts, {"n": 2})], half)
    assert [one.answer for side in SIDES for one in result.sides[side]] == [{"n": 2}]

    result = split_rows([row(texts, {"n": 1}), row(texts, {"n": 2})], half)
    assert [one.why for one in result.open] == [
        "an input with different answers that are equally well checked"
    ]
    assert not any(result.sides.values())


def test_each_segment_and_failure_has_its_share_on_each_side():
    """A split by luck alone would leave a small part out of the test."""
    rows = [
        replace(one, segment="eu" if number % 4 else "us", failure="value/enum" if number % 2 else None)
        for number, one in enumerate(different(400))
    ]

    result = split_rows(rows, ExportSettings(validation=0.1, test=0.1))

    for side, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        parts = Counter((one.segment, one.failure) for one in result.sides[side])
        assert all(
            abs(parts[part] - share * n) <= 1
            for part, n in Counter((r.segment, r.failure) for r in rows).items()
        )


def test_few_rows_are_taken_by_turns():
    """With --max-examples a rare failure is not drowned."""
    rows = [
        replace(one, failure="value/enum" if number < 10 else None)
        for number, one in enumerate(different(100))
    ]

    result = split_rows(rows, ExportSettings(max_examples=20))

    taken = [one for side in SIDES for one in result.sides[side]]
    assert Counter(one.failure for one in taken) == {"value/enum": 10, None: 10}
    assert result.left_out == {"more than --max-examples": 80}


def test_a_suites_own_split_stands():
    """Its test tasks are never trained on, nor is a copy of one."""
    rows = [
        replace(one, side="test" if number < 20 else "train") for number, one in enumerate(different(100))
    ]
    copy = replace(
        rows[0], side=None, source="checked", messages=({"role": "user", "content": rows[0].text.upper()},)
    )

    result = split_rows([*rows, copy], ExportSettings())

    assert {one.side for one in result.sides["test"]} == {"test"}
    assert len(result.sides["test"]) == 20
    assert {one.side for one in result.sides["train"] + result.sides["validation"]} == {"train"}


@pytest.mark.parametrize("ending", ["", " x"])
def test_a_copy_that_is_left_out_keeps_its_input_with_the_cluster_it_was_in(ending):
    """An input that comes in two clusters of the user's puts both on one side, though it is taken once."""
    rows = [
        replace(one, cluster=f"c{number}") for number, one in enumerate(different(60, {"team": "billing"}))
    ]
    copies = [
        replace(row(rows[number].text + ending, {"team": "billing"}), cluster=f"c{number + 1}", at=-1)
        for number in range(0, 60, 2)
    ]
    result = split_rows([*rows, *copies], half)

    side_of = {one.cluster: side for side in SIDES for one in result.sides[side]}
    assert sum(result.left_out.values()) == 30
    assert [n for n in range(0, 60, 2) if side_of[f"c{n}"] != side_of[f"c{n + 1}"]] == []
