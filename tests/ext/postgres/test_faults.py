"""Whatever becomes of the server, calls go on, each attempt is counted once, and one warning says what happened."""

import itertools
import logging
import time
from types import SimpleNamespace

import pytest

from schema_guard.ext.postgres import database
from schema_guard.ext.postgres.address import driver, parsed
from schema_guard.ext.postgres.database import Postgres
from schema_guard.records import Counts, Store
from schema_guard.records.writing import writer


def balanced(counts):
    return counts.offered == counts.stored + sum(counts.lost_records.values()) + counts.pending


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def load(store, make, seconds, pause_s=0.004):
    """Record while something happens; gives how many attempts, and the longest that one call waited."""
    end, calls, longest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < end:
        begun = time.monotonic()
        store.record(make.outcome(make.failed, {}, id=f"{calls}", input_hash=f"i{calls % 7}"))
        longest = max(longest, time.monotonic() - begun)
        calls += 1
        assert balanced(store.counts())
        time.sleep(pause_s)
    return 2 * calls, longest


class Fault:
    """Connections on which some of all statements raise; with *after*, when the server has done them."""

    def __init__(self, *failing, error, after=False):
        self.failing, self.statements = set(failing), 0
        self._error, self._after = error, after

    def connect(self, *arguments, **options):
        return Faulty(driver().connect(*arguments, **options), self)

    def run(self, connection, *arguments):
        self.statements += 1
        fails = self.statements in self.failing
        if not fails or self._after:
            rows = connection.execute(*arguments)
        if fails:
            if not isinstance(self._error, driver().DataError):
                connection.close()
            raise self._error
        return rows


class Faulty:
    def __init__(self, connection, fault):
        self._connection, self._fault = connection, fault

    def execute(self, *arguments):
        return self._fault.run(self._connection, *arguments)

    def __getattr__(self, name):
        return getattr(self._connection, name)


def record_some(store, make):
    for attempts in (1, 3):
        store.record(make.outcome(*[make.failed] * (attempts - 1), {}))
        store.flush(10.0)
    store.record(make.outcome())
    return store.flush(10.0)


@pytest.mark.parametrize(
    "kind", ["answer lost", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("refused", "lost"))]
)
def test_no_single_fault_breaks_the_account(new_schema, make, roll_ups_equal_rows, kind):
    """Whichever statement fails, or its answer is lost, what counts as stored is what the server has."""
    gone, refused = driver().OperationalError("gone"), driver().DataError("injected")
    error, after = {"refused": (refused, False), "lost": (gone, False), "answer lost": (gone, True)}[kind]
    clean = Fault(error=error)
    with Store(Postgres(parsed(new_schema()), connect=clean.connect)) as store:
        assert record_some(store, make) == 0
    assert clean.statements > 30
    url = new_schema()
    stored = offered = 0
    # Every one while the tables are made, which happens once, and then every one of a process that finds them.
    for failing in range(1, clean.statements + 1):
        if failing < 14:
            url, stored, offered = new_schema(), 0, 0
        fault = Fault(failing, error=error, after=after)
        with Store(Postgres(parsed(url), connect=fault.connect)) as store:
            assert record_some(store, make) == 0
        counts = store.counts()
        assert balanced(counts)
        assert (counts.offered, counts.pending) == (5, 0)
        if kind != "refused":
            assert counts.lost_records == {}
        stored, offered = stored + counts.stored, offered + 5
        with Store(Postgres(parsed(url))) as store:
            assert store.info().rows == stored, failing
    assert roll_ups_equal_rows(Postgres(parsed(url))) == stored


def test_a_batch_that_is_sent_again_later_counts_once(proxy, behind, make, monkeypatch, roll_ups_equal_rows):
    """The server knows a batch by its writer and number, however much later it comes again."""
    hours = itertools.count(1_000_000_000, 3_600)
    monkeypatch.setattr(database, "time", SimpleNamespace(time=lambda: next(hours)))
    with Store(behind()) as store:
        store.record(make.outcome())
        store.flush()
        proxy.loses = b"COMMIT"
        store.record(make.outcome(make.failed, {}))

        assert store.flush(10.0) == 0
        assert proxy.loses is None
        assert store.counts() == Counts(3, 3, {}, 0)
    assert roll_ups_equal_rows(behind()) == 3


def test_a_commit_whose_answer_is_lost_counts_once(proxy, behind, make, caplog, roll_ups_equal_rows):
    """The server has committed, and the network breaks before it can say so: the batch is sent again, and is one."""
    with Store(behind()) as store:
        store.record(make.outcome())
        store.flush()
        proxy.loses = b"COMMIT"  # the answer begins with the word
        store.record(make.outcome(make.failed, {}))

        assert store.flush(10.0) == 0
        assert store.counts() == Counts(3, 3, {}, 0)
        assert proxy.loses is None
    assert len(warnings(caplog)) == 1
    assert roll_ups_equal_rows(behind()) == 3


@pytest.mark.slow
def test_server_crash_loses_no_row(postgres, new_schema, make, caplog, roll_ups_equal_rows):
    """What is recorded while the server is killed and started again is stored, once, and no call waits."""
    backend = Postgres(parsed(new_schema()))
    with Store(backend) as store:
        before, _ = load(store, make, 0.2)
        postgres.kill()
        during, longest = load(store, make, 0.3)
        postgres.start()
        after, _ = load(store, make, 0.2)

        assert store.flush(20.0) == 0
        assert store.counts() == Counts(before + during + after, before + during + after, {}, 0)
    assert longest < 0.2
    (text,) = warnings(caplog)
    assert text.startswith(f"calls continue, but their records wait: {backend.url} is not available now: ")
    assert roll_ups_equal_rows(backend) == before + during + after


@pytest.mark.parametrize(
    "fault", ["hold", "cut", *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("delay", "refuse"))]
)
def test_a_network_that_fails_loses_nothing(proxy, behind, make, fault, roll_ups_equal_rows):
    """Whether bytes stand still, come late, or the connection is cut: all is stored once it is over."""
    offered = 0
    with Store(behind()) as store:
        for _ in range(2):
            offered += load(store, make, 0.05)[0]
            if fault == "hold":
                proxy.holds = True
            elif fault == "cut":
                proxy.cut()
            elif fault == "delay":
                proxy.delay_s = 0.03
            else:
                proxy.refuse()
            during, longest = load(store, make, 0.7 if fault == "hold" else 0.1)
            offered += during
            assert longest < 0.2
            proxy.holds, proxy.delay_s = False, 0.0
            proxy.refuse(False)
        assert store.flush(20.0) == 0
        assert store.counts() == Counts(offered, offered, {}, 0)
    assert roll_ups_equal_rows(behind()) == offered


def test_memory_is_bounded_while_the_server_is_away(proxy, behind, make, monkeypatch, caplog):
    """Of what is recorded in a long absence so much waits as fits, the rest is counted; one warning for each."""
    monkeypatch.setattr(writer, "MAX_PENDING_OUTCOMES", 50)
    with Store(behind()) as store:
        store.record(make.outcome())
        store.flush()
        proxy.refuse()
        for number in range(600):  # ten minutes at one a second
            store.record(make.outcome())
            assert balanced(store.counts())
            if number % 100 == 0:
                time.sleep(0.02)
        away = store.counts()
        proxy.refuse(False)

        assert store.flush(20.0) == 0
        stored, lost_records = store.counts().stored, store.counts().lost_records["queue_full"]
        assert store.lost_records() == {"queue_full": lost_records}
    assert away.pending <= 1 + 2 * 50  # what is being written, and the queue
    assert stored + lost_records == 601
    lines = [text.partition(":")[0] for text in warnings(caplog)]
    assert lines == [
        "calls continue, but their records wait",
        "calls continue, but records are lost (queue_full)",
    ]


def test_a_call_in_sync_waits_a_quarter_of_a_second_for_a_server_that_is_silent(proxy, behind, make, caplog):
    """Then its row stays pending, which is said once, and no call waits until a write has succeeded."""
    with Store(behind(limit_s=5.0), durability="sync") as store:
        store.record(make.outcome())
        proxy.holds = True
        took = []
        for _ in range(3):
            begun = time.monotonic()
            store.record(make.outcome())
            took.append(time.monotonic() - begun)
        proxy.holds = False
        left = store.flush(10.0)

        assert 0.2 < took[0] < 0.6
        assert max(took[1:]) < 0.1
        assert (left, store.counts()) == (0, Counts(4, 4, {}, 0))
    assert len(warnings(caplog)) == 1


def test_a_server_that_is_away_at_the_first_record_is_waited_for(proxy, behind, make):
    """A process that starts before its server loses nothing."""
    proxy.refuse()
    with Store(behind()) as store:
        store.record(make.outcome())
        store.record(make.outcome())
        assert store.counts().pending == 2
        proxy.refuse(False)

        assert store.flush(10.0) == 0
        assert store.counts() == Counts(2, 2, {}, 0)


def test_a_closed_store_waits_for_no_server(proxy, behind, make):
    """What waits when a store is closed and the time for it is over is lost, counted."""
    with Store(behind()) as store:
        store.record(make.outcome())
        store.flush()
        proxy.refuse()
        store.record(make.outcome())
        store.record(make.outcome())
        assert store.close(0.3) == 2
    deadline = time.monotonic() + 5
    while store.counts().pending and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.counts() == Counts(3, 1, {"store_unavailable": 2}, 0)


def test_a_lock_that_somebody_holds_lost_records_and_recovers(postgres, new_schema, make):
    """As with a file: a lock that outlasts the wait costs the batch, counted; later ones are stored."""
    url = new_schema()
    schema = url.rpartition("schema=")[2]
    with Store(Postgres(parsed(url), lock_wait_s=0.05)) as store:
        store.record(make.outcome())
        store.flush()
        with postgres.connect() as other:
            other.execute("BEGIN")
            other.execute(f"SELECT * FROM {schema}.meta WHERE key = 'last_id' FOR UPDATE")
            store.record(make.outcome())
            store.flush(5.0)
        store.record(make.outcome())
        store.flush()

        assert store.counts() == Counts(3, 2, {"locked": 1}, 0)
