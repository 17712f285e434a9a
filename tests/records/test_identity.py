"""Ids of calls."""

from schema_guard.records import identity
from schema_guard.records.identity import id_of


def test_an_id_has_its_length_whatever_the_number():
    """Also where the numbers of a process come to the end of their bits."""
    ids = [id_of((0.0, number, "7abc8", None)) for number in (0, 2**60 - 1, 2**60, 2**60 + 1)]

    assert [len(one) for one in ids] == [32] * 4
    assert ids[2] == ids[0] != ids[1]


def test_each_process_begins_with_a_number_of_its_own():
    """What tells the calls of two processes apart in one millisecond is what they begin with."""
    series = identity._Series()
    begun = []
    for _ in range(5):
        series.restart()
        begun.append((series.middle, next(series.number)))

    assert len(set(begun)) == len({number for _, number in begun}) == 5
