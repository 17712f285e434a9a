"""Inputs are noted and put together later: at no moment is anything else told than the attempts say."""

from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.records import Store
from schema_guard.records.attempts import Where
from schema_guard.records.reading import scanned
from schema_guard.records.sqlite.counts import hours, inputs
from schema_guard.records.sqlite.database import SQLite

SMALL = {inputs: {"MOST_PENDING": 5, "_RECENT": 4, "_PART_OF_ALL": 20}, hours: {"_MOST_ROWS": 3}}


@contextmanager
def small():
    """Let a few calls be as many as can wait, and a few inputs as many as are recent."""
    with pytest.MonkeyPatch.context() as patch:
        for module, values in SMALL.items():
            for name, value in values.items():
                patch.setattr(module, name, value)
        yield


def is_whole(backend):
    """Whether all that is kept is what the attempts give."""
    with Store(backend) as store:
        configurations = store.configurations()
        last = store.configurations(since=7_000.0)
        return (
            store.check().is_sound
            and configurations == scanned(backend, Where())
            and last == scanned(backend, Where(since=7_000.0))
        )


called = st.tuples(
    st.integers(0, 9), st.booleans(), st.sampled_from(["m1", "m2"]), st.sampled_from([0.0, 5_000.0, 9_000.0])
)
batches = st.lists(st.tuples(st.lists(called, max_size=8), st.booleans()), max_size=12)


def outcomes_of(make, batch):
    return [
        make.outcome(*([make.failed] if failed else []), input_hash=f"{number}", model=model, started_at=at)
        for number, failed, model, at in batch
    ]


@given(made=batches)
def test_wherever_inputs_are_put_together_the_attempts_say_the_same(make, made):
    """Batches of any size, put together when they are many or when asked to, tell what their attempts tell."""
    backend = SQLite(None)
    with small():
        session = backend.session()
        for batch, is_asked in made:
            write(session, outcomes_of(make, batch))
            if is_asked:
                inputs.merge(session.connection)
            assert backend_pending(session) < 5 + 8
        assert is_whole(backend)


def write(session, outcomes):
    from schema_guard.records.rows import rows

    session.write([row for outcome in outcomes for row in rows(outcome, None, session.key)], {}, 0.0)


def backend_pending(session):
    return session.connection.execute("SELECT pending FROM input_merges").fetchone()[0]


def test_many_inputs_go_from_the_recent_ones_to_the_others(make):
    """Those that came first are no longer recent, one end to the other and once more, and each is counted once."""
    backend = SQLite(None)
    with small():
        session = backend.session()
        for first in range(0, 600, 20):
            write(
                session, [make.outcome(input_hash=f"{number % 400}") for number in range(first, first + 20)]
            )
        counted = session.connection.execute("SELECT COUNT(*), SUM(n) FROM inputs").fetchone()
        recent = session.connection.execute("SELECT COUNT(*), SUM(n) FROM recent_inputs").fetchone()
        with Store(backend) as store:
            (counts,) = store.configurations()
            assert store.check().is_sound

    assert counted[0] > 200
    assert counted[1] + recent[1] == 600
    assert counts.clusters == ((1, 0, 200), (2, 0, 200))


def test_pairs_see_inputs_wherever_they_are(make):
    """Inputs that are noted, recent or neither are paired alike."""
    backend = SQLite(None)
    with small():
        session = backend.session()
        for model in ("m1", "m2"):
            for first in range(0, 30, 3):
                failed = [make.failed] if model == "m1" and first < 9 else []
                numbers = range(first, first + 3)
                write(session, [make.outcome(*failed, input_hash=f"{n}", model=model) for n in numbers])
        with Store(backend) as store:
            one, other = store.configurations()

            assert store.pairs(one.id, other.id) == (30, 9, 0)


WRITES = """
from schema_guard.records.rows import rows
from schema_guard.records.sqlite.counts import hours, inputs
inputs.MOST_PENDING, inputs._RECENT, inputs._PART_OF_ALL, hours._MOST_ROWS = 5, 4, 20, 3
session = store._backend.session()
for batch in range(12):
    calls = [outcome(input_hash=f"{(7 * batch + n) % 31}", started_at=1_000.0 * batch) for n in range(4)]
    session.write([row for one in calls for row in rows(one, None, session.key)], {}, 0.0)
"""


@pytest.mark.costly
@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=pytest.mark.slow)])
def test_a_kill_at_any_statement_leaves_whole_batches(path, statements_of, killed_at, kills):
    """Killed at any statement, what is kept is what the attempts of whole batches say, and writing goes on."""
    statements = statements_of(WRITES, path.with_name("counted.db"))
    assert statements > 200
    for moment in range(30, statements, statements // kills):
        dying = path.with_name(f"{moment}.db")
        killed_at(WRITES, dying, moment)
        backend = SQLite(dying)
        with Store(backend) as store:
            assert store.info().rows % 4 == 0
        assert is_whole(backend)
