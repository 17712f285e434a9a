"""Faults of the database and of its disk: the call is unharmed, the account true, and what is left is sound."""

import os
import sqlite3
import subprocess
from itertools import cycle

import pytest

from schema_guard import guard
from schema_guard.errors import StoreError
from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite

CODES = {
    "ioerr": sqlite3.SQLITE_IOERR,
    "full": sqlite3.SQLITE_FULL,
    "busy": sqlite3.SQLITE_BUSY,
    "corrupt": sqlite3.SQLITE_CORRUPT,
    "cantopen": sqlite3.SQLITE_CANTOPEN,
    "memory": None,
}


class Fault:
    """Connections one of whose steps raises: to connect, a statement, a commit or to close."""

    def __init__(self, failing=0, code="ioerr"):
        self.steps = 0
        self._failing = failing
        self._code = code

    def connect(self, *arguments, **options):
        self.step()
        return Faulty(sqlite3.connect(*arguments, **options), self)

    def step(self):
        self.steps += 1
        if self.steps == self._failing:
            if self._code == "memory":
                raise MemoryError
            error = sqlite3.OperationalError(self._code)
            error.sqlite_errorcode = CODES[self._code]
            raise error


class Faulty:
    def __init__(self, connection, fault):
        self._connection = connection
        self._fault = fault

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def execute(self, *arguments):
        self._fault.step()
        return self._connection.execute(*arguments)

    def executemany(self, *arguments):
        self._fault.step()
        return self._connection.executemany(*arguments)

    def close(self):
        self._connection.close()
        self._fault.step()


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def three_calls(path, fault, durability):
    """Call a guarded function three times and read; gives the account."""
    store = Store(SQLite(path, connect=fault.connect), durability=durability)

    @guard(SCHEMA, store=store)
    def ask(prompt: str):
        return '{"n": 1}' if "not valid" in prompt else "no"

    for number in range(3):
        assert ask(f"number {number}") == {"n": 1}
        store.flush(10.0)
        try:
            store.configurations()
        except (StoreError, MemoryError):  # reading may say so
            continue
    store.close()
    return store.counts()


def after_fault(path, failing, code, durability, caplog):
    """Say what does not hold after a fault."""
    caplog.clear()
    fault = Fault(failing, code)
    counts = three_calls(path, fault, durability)
    warnings = [record.message for record in caplog.records]
    with Store(SQLite(path)) as store:
        check = store.check()
        lost_records = store.lost_records()
    return {
        name
        for name, holds in {
            "account": (counts.offered, counts.pending) == (6, 0),
            "sum": counts.stored + sum(counts.lost_records.values()) == 6,
            "rows": check.attempts == counts.stored >= 2,
            "sound": check.is_sound,
            "warned once": len(warnings) == bool(counts.lost_records),
            "drops are kept": sum(lost_records.values()) in (0, sum(counts.lost_records.values())),
        }.items()
        if not holds
    }


@pytest.mark.costly
@pytest.mark.parametrize("durability", ["sync", pytest.param("queue", marks=pytest.mark.slow)])
def test_no_single_fault_harms_a_call(tmp_path, caplog, durability):
    """Whichever step raises, and whatever: values, account and warnings are right, and the store is sound."""
    clean = Fault()
    three_calls(tmp_path / "clean.db", clean, durability)
    assert clean.steps > 100

    wrong = {}
    for failing in range(1 + (durability == "sync"), clean.steps + 1, 6):
        code = list(CODES)[failing // 6 % len(CODES)]
        wrong[failing, code] = after_fault(tmp_path / f"{failing}.db", failing, code, durability, caplog)

    assert {fault: what for fault, what in wrong.items() if what} == {}


@pytest.mark.slow
@pytest.mark.parametrize(("code", "durability"), list(zip(CODES, cycle(["queue", "sync"]), strict=False)))
def test_no_step_and_no_kind_of_fault_harms_a_call(tmp_path, caplog, durability, code):
    """The same, with every fault at every step, in one durability or the other."""
    clean = Fault()
    three_calls(tmp_path / "clean.db", clean, durability)

    wrong = {
        failing: after_fault(tmp_path / f"{failing}.db", failing, code, durability, caplog)
        for failing in range(1, clean.steps + 1)
    }

    assert {fault: what for fault, what in wrong.items() if what} == {}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield folder
    subprocess.run(["/usr/bin/umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_takes_rows_again_when_it_has_room(small_disk, make, caplog):
    """Calls go on, the rows are counted, one warning; with room again rows are stored, and the store is sound."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(200_000))
    with Store(SQLite(small_disk / "records.db"), durability="sync") as store:
        for number in range(60):
            store.record(make.outcome(*[make.failed] * 49, {}, id=f"{number:032x}"))
        full = store.counts()
        filler.unlink()
        store.record(make.outcome(id="f" * 32))
        after = store.counts()
        assert store.check().is_sound
        assert store.lost_records() == full.lost_records
        assert len(list(store.attempts())) == after.stored

    assert (full.offered, full.pending, list(full.lost_records)) == (3_000, 0, ["disk_full"])
    assert full.stored + full.lost_records["disk_full"] == 3_000
    assert full.stored > 0
    assert (after.stored, after.lost_records) == (full.stored + 1, full.lost_records)
    assert len(caplog.records) == 1


LIMITED = """
import logging, resource, signal
said = []
handler = logging.Handler()
handler.emit = said.append
logging.getLogger("schema_guard").addHandler(handler)
store = open_store(url, durability="sync")
store.record(outcome())
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
for number in range(20):
    store.record(outcome(*[{}] * 50, id=f"{number:032x}"))
full = store.counts()
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
store.record(outcome(id="f" * 32))
after = store.counts()
found = store.check()
print(json.dumps([full.offered, full.stored, full.lost_records, full.pending, after.stored, after.lost_records, found.is_sound,
    found.attempts, len(said)]))
"""


@pytest.mark.slow
def test_a_file_that_may_not_grow_takes_rows_again_when_it_may(run, tmp_path):
    """The same where the system refuses to let a file grow, which SQLite tells as an error of writing."""
    offered, stored, lost_records, pending, later, dropped_later, is_sound, result, text = run(
        LIMITED, f"sqlite:///{tmp_path}/records.db"
    )

    assert (offered, pending, list(lost_records), text) == (1_001, 0, ["write_failed"], 1)
    assert stored + lost_records["write_failed"] == 1_001
    assert (later, dropped_later, is_sound, result) == (stored + 1, lost_records, True, stored + 1)
