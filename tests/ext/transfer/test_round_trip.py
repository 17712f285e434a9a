"""What goes out of a store and comes into another one is the same there."""

import json

from hypothesis import given, settings

from schema_guard.records.attempts import Where
from schema_guard.records.rows import COLUMNS
from tests.ext.transfer.drawn import described, outcomes_of


def test_import_of_an_export_is_the_same_store(new_backend, make, move, examples):
    """Attempts, counts, hours, declarations and drops of an empty store are those of the file."""

    @given(described)
    @settings(max_examples=examples)
    def law(calls):
        first, second = new_backend(), new_backend()
        move.fill(first, outcomes_of(make, calls), lost_records={"queue_full": 2})
        move.declare(first, 1_000.0, "=dear", 0.01)

        move.take(second, move.out(first))

        assert move.all_of(second) == move.all_of(first)
        assert move.out(second) == move.out(first)

    law()


def test_in_twice_is_in_once(new_backend, make, move):
    """The second import of a file changes nothing and says so."""
    first, second = new_backend(), new_backend()
    move.fill(
        first, [make.outcome(make.failed, {}, id=f"{n}") for n in range(3)], lost_records={"disk_full": 1}
    )
    move.declare(first, 1_000.0, "dear", 0.01)
    content = move.out(first)

    came = [move.take(second, content) for _ in range(2)]

    assert [(one.attempts, one.added, one.declarations, one.lost_records) for one in came] == [
        (6, 6, 2, 1),
        (6, 0, 0, 0),
    ]
    assert move.all_of(second) == move.all_of(first)


def test_an_attempt_is_a_line(new_backend, make, move):
    """JSON Lines: the header, one object an attempt with the columns in their own types, and the end."""
    backend = new_backend()
    move.fill(backend, [make.outcome(make.failed, {"repairs": ("x",)}, tuned=True)])

    header, first, last, end = map(json.loads, move.out(backend).splitlines())

    assert header["export"]["format"] == 1
    assert tuple(first) == COLUMNS
    assert (first["violations"], last["repairs"]) == ([["/total", "type"]], ["x"])
    assert (first["final"], last["final"], first["tuned"], first["started_at"]) == (
        False,
        True,
        True,
        1_000.0,
    )
    assert end == {"end": {"attempts": 2}}


def test_what_is_asked_for_goes_out(new_backend, make, move):
    """Calls go by time and name, declarations by schema and function; whose drops are nobody knows."""
    backend = new_backend()
    calls = [("app.one", 100.0), ("app.one", 200.0), ("app.other", 200.0)]
    move.fill(
        backend,
        [make.outcome(id=f"{n}", function=name, started_at=at) for n, (name, at) in enumerate(calls)],
        lost_records={"disk_full": 1},
    )
    move.declare(backend, 1_000.0, "dear", 0.01)

    def names(**where):
        lines = map(json.loads, move.out(backend, where=Where(**where)).splitlines())
        return [line.get("call_id", min(line)) for line in lines]

    assert names(function="app.other") == ["export", "declared_step", "2", "end"]
    assert names(since=150.0, until=2_000.0) == [
        "export", "declared_step", "declared_target", "lost_records", "1", "2", "end",
    ]  # fmt: skip
    assert names(schema="invoice", until=150.0) == ["export", "declared_step", "declared_target", "0", "end"]
    assert names(schema="other") == ["export", "end"]


def test_a_dry_run_says_what_would_come(new_backend, make, move):
    """Nothing is changed, and what is said is what comes then."""
    first, second = new_backend(), new_backend()
    move.fill(
        first, [make.outcome(make.failed, {}, id=f"{n}") for n in range(3)], lost_records={"disk_full": 1}
    )
    move.declare(first, 1_000.0, "dear", 0.01)
    move.fill(second, [make.outcome(make.failed, {}, id="1")])
    before, content = move.all_of(second), move.out(first)

    would = move.take(second, content, dry_run=True)

    assert move.all_of(second) == before
    assert would == move.take(second, content)
    assert (would.added, would.declarations, would.lost_records) == (4, 2, 1)
