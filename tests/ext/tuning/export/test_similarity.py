"""Near copies among inputs."""

from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.tuning.export.similarity import (
    NEAR,
    Groups,
    masked_shingles,
    normalised,
    shingles,
    similar_pairs,
)
from schema_guard.ext.tuning.export.splitting import split_rows
from schema_guard.ext.tuning.export.values import SIDES, ExportSettings
from tests.ext.tuning.export.rows import row

sets = st.lists(st.frozensets(st.tuples(st.integers(0, 9)), min_size=1), max_size=9)


@given(sets, st.sampled_from([0.3, 0.5, 0.8, 1.0]))
def test_finds_every_similar_pair_and_no_other(held, least):
    """The pairs are those of a comparison of each set with each."""
    result = {(pair.first, pair.second) for pair in similar_pairs(held, least)}

    assert result == {
        (one, other)
        for one, other in combinations(range(len(held)), 2)
        if len(held[one] & held[other]) >= least * len(held[one] | held[other])
    }


def test_ignores_case_punctuation_and_width():
    """A copy that was typed in another way is the same input."""
    assert normalised("Total:  12,50\u00a0EUR!") == normalised("total 12.50 \uff25\uff35\uff32")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Send the lamps to Anna Smith", "Send the lamps to Bob"),
        ("Send the lamps to Anna", "send the lamps to anna"),
        ("Invoice of 12,50 is late", "Invoice of 1,300.75 is late"),
        ("Paid on 12 May 2026 by card", "Paid on 2026-03-01 by card"),
        ("Order AB-12/x is broken", "order kq7-99 is broken"),
        ("The part has code QXKP today", "The part has code ZZAB today"),
    ],
)
def test_masks_names_numbers_dates_and_codes(one, other):
    """Two texts that differ in their entities alone have the same shingles."""
    first, second = masked_shingles([one, other])

    assert first == second


def test_template_of_many_inputs_is_not_compared():
    """Inputs with one long instruction are near copies only if the rest is alike."""
    texts = [f"Read this ticket and name the team that must answer it: {word * 9}" for word in "abcdefgh"]

    assert list(similar_pairs(shingles(texts), NEAR)) == []
    assert list(similar_pairs(masked_shingles(texts), NEAR)) == []


VERBS = ["lost", "returned", "ordered", "cancelled", "paid", "broke", "received", "sold"]
THINGS = ["lamp", "chair", "desk", "sofa", "shelf", "clock", "mirror", "stool"]
PLACES = ["on the way", "at the counter", "in the garden", "during the move", "near the station"]
NAMES = ["Anna", "Bert", "Chloe", "Daria", "Emil", "Freya", "Gus", "Hana", "Ines", "Jonas"]


def planted(random, number):
    """Return an input, and a copy with other entities. A third of the copies have entities in lower case."""
    verb, thing, place = VERBS[number % 8], THINGS[number // 8], PLACES[number % 5]

    def entities():
        one, other = random.sample(NAMES, 2)
        code = f"{random.choice('ABK')}{random.choice('QXZ')}-{random.randrange(100, 999)}"
        day = random.choice(["12 May 2026", "2026-03-01", "3.4.2025", "Monday, 7 June"])
        return one, other, code, day, f"{random.randrange(2, 9000)},50"

    def text(one, other, code, day, amount):
        return (
            f"On {day} our customer {one} {verb} a {thing} {place}, and {other} wants {amount} euro back "
            f"for the {thing} with the code {code}"
        )

    copy = text(*entities())
    return text(*entities()), copy.lower() if number % 3 == 0 else copy


def test_planted_copies_are_found_and_none_crosses_the_split():
    """All 40 copies are in the cluster of their original, so no pair is on two sides."""
    pairs = [planted(Random(number), number) for number in range(40)]
    texts = [text for pair in pairs for text in pair]
    near = {(pair.first, pair.second) for pair in similar_pairs(masked_shingles(texts), NEAR)}

    assert sum((2 * number, 2 * number + 1) in near for number in range(40)) == 40

    rows = [row(text, {"n": number}) for number, text in enumerate(texts)]
    result = split_rows(rows, ExportSettings(validation=0.3, test=0.3))
    side_of = {one.text: side for side in SIDES for one in result.sides[side]}

    assert sum(side_of[one] != side_of[other] for one, other in pairs) == 0
    assert all(len(result.sides[side]) >= 10 for side in SIDES)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_groups_are_connected_indexes(pairs):
    """Joining is symmetric and transitive, and the smallest index names a group."""
    groups = Groups(10)
    for one, other in pairs:
        groups.join(one, other)

    roots = [groups.root(one) for one in range(10)]
    assert all(roots[one] == roots[other] for one, other in pairs)
    assert all(root <= one and roots[root] == root for one, root in enumerate(roots))
