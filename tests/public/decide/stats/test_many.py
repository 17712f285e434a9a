"""Many schemas: which are flagged, and how their rates lean on one another."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import InvalidArgument
from schema_guard.stats import e_bh, e_value

E_VALUES = st.lists(st.one_of(st.floats(0, 1e4), st.integers(0, 300), st.just(inf)), max_size=30)
DELTAS = st.floats(0.001, 0.999)


@given(E_VALUES, DELTAS)
def test_flags_are_those_of_the_definition(e_values, delta):
    """Flagged are the r largest, for the greatest r whose smallest is at least S / (r delta)."""
    flagged = e_bh(e_values, delta)

    ranked = sorted(e_values, reverse=True)
    fits = [r for r in range(1, len(ranked) + 1) if ranked[r - 1] >= len(ranked) / (r * delta)]
    assert len(flagged) == max(fits, default=0)
    assert sorted((e_values[index] for index in flagged), reverse=True) == ranked[: len(flagged)]


@given(E_VALUES, DELTAS, DELTAS)
def test_a_higher_delta_keeps_every_flag(e_values, one, other):
    """Who allows more false flags loses none."""
    strict, lenient = sorted((one, other))

    assert set(e_bh(e_values, strict)) <= set(e_bh(e_values, lenient))


@given(E_VALUES.filter(bool), DELTAS, st.data())
def test_more_evidence_keeps_every_flag(e_values, delta, data):
    """When one schema's evidence grows, no flag is lost."""
    grown = list(e_values)
    index = data.draw(st.integers(0, len(grown) - 1))
    grown[index] += data.draw(st.floats(0, 1e4))

    assert set(e_bh(e_values, delta)) <= set(e_bh(grown, delta))


@given(st.permutations(list(range(8))), st.lists(st.floats(0, 500), min_size=8, max_size=8), DELTAS)
def test_flags_do_not_depend_on_the_order(order, e_values, delta):
    """The same schemas are flagged in whatever order they are given."""
    shuffled = e_bh([e_values[index] for index in order], delta)

    assert sorted(order[index] for index in shuffled) == e_bh(e_values, delta)


@pytest.mark.parametrize(
    ("e_values", "flagged"),
    [((900, 60, 30, 8, 1), 3), ((30, 25, 20, 15, 1), 4), ((900, 12, 9, 8, 1), 1)],
)
def test_flags_give_the_reference_values(e_values, flagged):
    """So many of five schemas are flagged at a rate of 10 %."""
    assert e_bh(e_values) == list(range(flagged))


def test_single_schema_needs_one_over_delta():
    """One schema is flagged when its odds are 10:1."""
    assert e_bh([10]) == [0]
    assert e_bh([9.99]) == []


def test_nothing_flags_nothing():
    """Without schemas, and without evidence, nothing is flagged."""
    assert e_bh([]) == []
    assert e_bh([e_value(0, 0, 0.01, side="bad")] * 3) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: e_bh([1, -1]), "e_values[1]=-1: expected a number >= 0, which gives the evidence as odds"),
        (
            lambda: e_bh([float("nan")]),
            "e_values[0]=nan: expected a number >= 0, which gives the evidence as odds",
        ),
        (lambda: e_bh([1], 0), "delta=0: expected a number above 0 and below 1"),
    ],
)
def test_arguments_that_cannot_be(call, message):
    """An inconsistent argument is named with its value and with what was expected."""
    with pytest.raises(InvalidArgument) as caught:
        call()

    assert str(caught.value) == message
