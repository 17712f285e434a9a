"""Data frames are read in windows, and each window keeps the order of the attempts."""

import pytest

from schema_guard import open_store
from schema_guard.ext.transfer import frames
from tests.public.records.outcomes import FAILED, outcome

pytest.importorskip("pyarrow")


@pytest.mark.parametrize("which", [{}, {"function": "app.b"}, {"function": "app.none"}])
def test_windows_join_in_the_order_of_storing(monkeypatch, which):
    """Several threads read windows that end between the attempts of a call."""
    monkeypatch.setattr(frames, "_WINDOW", 3)
    with open_store("sqlite://") as store:
        for number in range(20):
            store.record(outcome(FAILED, {}, id=f"{number:032x}", function="app." + "ab"[number % 2]))
        store.record(outcome({}, id="short", function="app.b"))
        table = store.to_arrow(**which)
        rows = list(store.attempts(**which))

    assert table.column("call_id").to_pylist() == [row["call_id"] for row in rows]
    assert table.column("number").to_pylist() == [row["number"] for row in rows]
    assert table.column("kind").to_pylist() == [row["kind"] for row in rows]
    assert table.column("function").to_pylist() == [row["function"] for row in rows]
