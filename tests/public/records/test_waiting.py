"""A lock that is held longer than a store waits."""

import json


def test_store_recovers_after_a_long_lock(locked_child):
    """A file that is locked for many seconds loses one batch. Later calls are stored."""
    out, errors = locked_child.communicate(timeout=60)
    during, after, lost_records, rows = json.loads(out)

    assert during == [2, 0, {"locked": 2}, 0]
    assert after == [3, 1, {"locked": 2}, 0]
    assert (lost_records, rows) == ({"locked": 2}, ["2"])
    assert errors.count("calls continue, but records are lost (locked)") == 1
