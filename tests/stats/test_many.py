"""The search for the maximum of a likelihood."""

from itertools import count

from schema_guard.stats.many import _peak, _Place


def test_playbook_without_a_top_ends():
    """A likelihood that rose for ever would end the search, not hold it up."""
    heights = count()

    place = _peak(lambda place: next(heights), _Place(0.0, 0.0))

    assert next(heights) < 3_000
    assert place != _Place(0.0, 0.0)
