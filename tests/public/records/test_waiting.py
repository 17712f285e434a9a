"""A lock that is held longer than a store waits."""

import json


def test_store_recovers_after_a_long_lock(locked_child):
    """A file that is locked for many seconds loses one batch. Later calls are stored."""
    out, errors = locked_child.communicate(timeout=60)
    during, after, drops, rows = json.loads(out)

    assert during == [2, 0, {"locked": 2}, 0]
    assert after == [3, 1, {"locked": 2}, 0]
    assert (drops, rows) == ({"locked": 2}, ["2"])
    assert errors.count("records are dropped (locked), calls go on") == 1
