"""A lock that outlasts every wait: the child that waited for it has run beside the other tests."""

import json


def test_a_lock_that_outlasts_the_wait_drops_and_the_store_recovers(locked_child):
    """A file that is held for many seconds costs the batch, and later calls are stored."""
    out, errors = locked_child.communicate(timeout=60)
    during, after, drops, rows = json.loads(out)

    assert during == [2, 0, {"locked": 2}, 0]
    assert after == [3, 1, {"locked": 2}, 0]
    assert (drops, rows) == ({"locked": 2}, ["2"])
    assert errors.count("records are dropped (locked), calls go on") == 1
