"""Which inputs are nearly the same."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from schema_guard.ext.tuning.export.similarity import Groups, normalised, similar_pairs

words = st.lists(st.sampled_from(["order", "seven", "lamps", "to", "oslo", "paid", "12"]), max_size=8).map(
    " ".join
)


def by_definition(texts, least):
    """All pairs, each compared with each."""
    sets = [{text[at : at + 5] for at in range(max(1, len(text) - 4))} for text in texts]
    if len(sets) >= 4:
        common = {run for runs in sets for run in runs if 2 * sum(run in other for other in sets) > len(sets)}
        sets = [runs - common or runs for runs in sets]
    return {
        (one, other)
        for one, other in combinations(range(len(sets)), 2)
        if len(sets[one] & sets[other]) >= least * len(sets[one] | sets[other])
    }


@given(st.lists(words, max_size=9), st.sampled_from([0.3, 0.7, 0.8, 1.0]))
def test_every_pair_is_found_and_no_other(texts, least):
    """What is left out by the rarest runs has no pair that is so similar."""
    assert {(pair.first, pair.second) for pair in similar_pairs(texts, least)} == by_definition(texts, least)


def test_case_punctuation_and_width_make_no_difference():
    """A copy that was typed otherwise is the same input."""
    assert normalised("Total:  12,50\u00a0EUR!") == normalised("total 12.50 \uff25\uff35\uff32")


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_groups_are_what_is_connected(pairs):
    """Joining is symmetric and transitive, and the smallest names a group."""
    groups = Groups(10)
    for one, other in pairs:
        groups.join(one, other)

    roots = [groups.root(one) for one in range(10)]
    assert all(roots[one] == roots[other] for one, other in pairs)
    assert all(root <= one and roots[root] == root for one, root in enumerate(roots))
