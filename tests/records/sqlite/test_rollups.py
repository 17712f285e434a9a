"""The tables of the roll-ups: what is left in them, and what they cannot hold."""

import pytest

from schema_guard.records import Store
from schema_guard.records.sqlite.counts import inputs
from schema_guard.records.sqlite.database import SQLite


@pytest.mark.costly
def test_an_input_that_repeats_leaves_no_trace_of_its_past(make, write):
    """A thousand writes of one input, put together once and again, keep one row for it."""
    backend = SQLite(None)
    tallies = "SELECT key, count FROM tallies WHERE tally = 'inputs'"
    with Store(backend) as store:
        for _ in range(2):
            write(backend, [[make.outcome(input_hash="i")] for _ in range(500)])
            inputs.merge(backend.session().connection)
        (counts,) = store.configurations()
        rows = backend.session().connection.execute(tallies).fetchall()

    assert (counts.clusters, rows) == (((1_000, 0, 1),), [("[1000,0]", 1)])


def test_a_sum_does_not_outgrow_the_database(make, write):
    """A sum that no longer fits stays at the largest number, and the attempts are stored."""
    backend = SQLite(None)
    write(backend, [[make.outcome({"cost": 1e6})], [make.outcome({"cost": 1e6}, started_at=9_000.0)]])
    session = backend.session()
    session.connection.execute("UPDATE tallies SET count = 9223372036854775000 WHERE tally = 'cost'")
    write(backend, [[make.outcome({"cost": 1e6})] * 3])
    with Store(backend) as store:
        (counts,) = store.configurations()

    assert (counts.calls, counts.sums[0].cost) == (5, ((2**63 - 1) / 10**9, 0))
