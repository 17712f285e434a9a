"""The law of the ledger: offered = stored + lost + pending, at any time and under every fault."""

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing, contextmanager
from threading import Thread

import pytest

from schema_guard import InvalidArgument, StoreError, default_store, guard, open_store
from tests.needs import is_installed
from tests.public.records.counting import ledger
from tests.public.records.outcomes import FAILED, outcome

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
MOST_WAITING = 10_000  # documented limit of waiting calls


@contextmanager
def locked(path):
    """Lock a file, as another writing process does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def test_full_queue_lost_records_the_newest_calls(path, caplog):
    """While the file is locked, 10,000 calls wait. Further calls are lost."""
    with open_store(str(path)) as store:
        with locked(path):
            store.record(outcome(id="first"))
            assert store.flush(0.2) == 1
            for number in range(MOST_WAITING + 20):
                store.record(outcome(id=str(number)))
            during = ledger(store)
        assert store.flush(30.0) == 0
        after = ledger(store)
        assert store.lost_records() == {"queue_full": 20}
        rows = [row["call_id"] for row in store.attempts()]

    first, lost = (record.getMessage() for record in caplog.records)
    assert "the first record of this process is not stored after 1 s" in first
    assert lost.startswith("calls continue, but records are lost (queue_full)")
    assert during == (10_021, 0, {"queue_full": 20}, 10_001)
    assert after == (10_021, 10_001, {"queue_full": 20}, 0)
    assert rows == ["first", *map(str, range(MOST_WAITING))]


def test_queue_limits_the_size_of_waiting_texts(path):
    """At most 64 texts of 1 MiB wait. After a flush, there is room again."""
    large = outcome({"prompt": "", "reply": "x" * 2**20})
    with open_store(str(path)) as store:
        with locked(path):
            for _ in range(70):
                store.record(large)
            during = ledger(store)
        assert store.flush(30.0) == 0
        for _ in range(10):
            store.record(large)
        assert store.flush(30.0) == 0

        assert during == (70, 0, {"queue_full": 6}, 64)
        assert ledger(store) == (80, 74, {"queue_full": 6}, 0)


def test_record_and_flush_do_not_wait_for_a_lock(path):
    """While the file is locked, `record` returns at once, and `flush` after its timeout."""
    with open_store(str(path)) as store:
        with locked(path):
            before = time.monotonic()
            for number in range(100):
                store.record(outcome(id=str(number)))
            recorded_s = time.monotonic() - before
            left = store.flush(0.2)
            flushed_s = time.monotonic() - before - recorded_s
            assert ledger(store) == (100, 0, {}, 100)
        assert store.flush(20.0) == 0
        assert ledger(store) == (100, 100, {}, 0)

    assert left == 100
    assert recorded_s < 2.0
    assert 0.15 < flushed_s < 2.0


def test_sync_waits_once_for_a_lock(path, caplog):
    """With "sync", only the first call waits for a locked file. All rows are stored later, after one warning."""
    took = []
    with open_store(str(path), durability="sync") as store:
        store.record(outcome(id="0"))
        with locked(path), caplog.at_level(logging.WARNING, "schema_guard"):
            for number in range(4):
                begun = time.monotonic()
                store.record(outcome(id=str(number)))
                took.append(time.monotonic() - begun)
            during = ledger(store)
        assert store.flush(20.0) == 0
        begun = time.monotonic()
        store.record(outcome(id="5"))
        ends = ledger(store)

    assert during == (5, 1, {}, 4)
    assert 0.2 < took[0] < 2.0
    assert min(took[1:]) < 0.1
    assert ends == (6, 6, {}, 0)
    assert len(caplog.records) == 1


def test_sync_stores_before_record_returns(new_url):
    """With "sync", no row is pending after `record` returns."""
    with open_store(new_url(), durability="sync") as sync:
        results = []
        for number in range(20):
            sync.record(outcome(FAILED, {}, id=str(number)))
            results.append(ledger(sync))

    assert results == [(2 * n, 2 * n, {}, 0) for n in range(1, 21)]


def test_first_row_is_stored_before_record_returns(new_url):
    """With "queue", `record` waits up to 0.1 s for the first row. At least one of three stores is fast enough."""
    states = []
    for _ in range(3):
        with open_store(new_url()) as store:
            begun = time.monotonic()
            store.record(outcome())
            took, state = time.monotonic() - begun, ledger(store)
            states += [state] if took < 0.1 else []

    assert states
    assert set(map(str, states)) == {"(1, 1, {}, 0)"}


def test_threads_lose_no_attempt(path):
    """Four threads that record, flush, and read the ledger lose no attempt. No attempt is counted twice."""

    def work(name):
        for number in range(150):
            store.record(outcome(FAILED, {}, id=f"{name}-{number}"))
            ledger(store)
        store.flush()

    with open_store(str(path)) as store:
        threads = [Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.flush(10.0) == 0

        assert ledger(store) == (1_200, 1_200, {}, 0)
        results = [row["call_id"] for row in store.attempts() if row["final"]]
        assert store.check().is_sound
    for name in "abcd":
        assert [one for one in results if one[0] == name] == [f"{name}-{n}" for n in range(150)]


BAD_PLACES = {
    "a folder": (lambda tmp_path: tmp_path, "is a folder"),
    "below a file": (lambda tmp_path: tmp_path / "file" / "r.db", "file"),
    "a system's own folder": (lambda tmp_path: f"/proc/{tmp_path.name}/r.db", "/proc"),
}


@pytest.mark.parametrize("where", BAD_PLACES)
@pytest.mark.parametrize("durability", ["queue", "sync"])
def test_calls_succeed_without_a_usable_store(where, durability, tmp_path, caplog):
    """Calls return their values, and one warning names the place."""
    (tmp_path / "file").write_text("")
    place, words = BAD_PLACES[where]
    url = f"{place(tmp_path)}?durability={durability}"
    replies = iter(["x", "1", "2", "3"])
    ask = guard({"type": "integer"}, store=url, max_attempts=2)(lambda prompt: next(replies))

    with caplog.at_level(logging.WARNING, "schema_guard"):
        assert [ask("t") for _ in range(3)] == [1, 2, 3]
        with pytest.raises(StoreError) as refused:
            open_store(url)

    assert words in str(refused.value)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert messages[0].startswith("calls continue, but records are lost (store_unavailable): ")
    assert words in messages[0]


def test_default_store_that_cannot_be_opened_counts_lost_records(tmp_path, monkeypatch):
    """Every attempt is counted as lost."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", str(tmp_path))
    ask = guard({"type": "integer"}, max_attempts=2)(lambda prompt: "1")

    assert [ask("t") for _ in range(3)] == [1] * 3
    with default_store() as store:
        assert store.flush() == 0
        assert ledger(store) == (3, 0, {"store_unavailable": 3}, 0)


@pytest.mark.parametrize(
    "word", ["mysql://me:hush@db/x", "r.db?durabilty=sync", "sqlite:r.db", "r.db?max_age=x"]
)
def test_calls_succeed_with_an_invalid_store_variable(word, monkeypatch, caplog):
    """An invalid SCHEMA_GUARD_STORE causes one warning, without the password."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", word)
    ask = guard({"type": "integer"})(lambda prompt: "1")

    with caplog.at_level(logging.WARNING, "schema_guard"):
        assert [ask("t"), ask("t")] == [1, 1]
    with pytest.raises(InvalidArgument):
        default_store()

    assert len(caplog.records) == 1
    assert "hush" not in caplog.text


@pytest.fixture
def medium(tmp_path):
    """Return a function that mounts a small file system. Skip if the system does not permit a mount."""
    folder = tmp_path / "medium"
    folder.mkdir()

    def mount(*options):
        done = subprocess.run(
            ["/usr/bin/mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(folder)],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            assert b"permi" in done.stderr, done.stderr  # "permission denied" or "not permitted"
            pytest.skip("this system does not permit root to mount a file system")
        return folder

    yield mount
    subprocess.run(["/usr/bin/umount", str(folder)], check=False, capture_output=True)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a file system"
)
def test_store_recovers_from_a_full_disk(medium):
    """A full disk loses records as `disk_full`. Later rows are stored."""
    folder = medium("size=1m")
    with open_store(f"{folder}/r.db") as store:
        store.record(outcome(id="first"))
        assert store.flush(10.0) == 0
        (folder / "ballast").write_bytes(b"x" * (os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
        for number in range(20):
            store.record(outcome(*[FAILED] * 49, {}, id=str(number)))
            store.flush(10.0)
        full = ledger(store)
        (folder / "ballast").unlink()
        store.record(outcome(id="last"))
        store.flush(10.0)
        after = ledger(store)
        results = [row["call_id"] for row in store.attempts()]
        assert store.check().is_sound
        assert store.lost_records() == full[2]

    assert list(full[2]) == ["disk_full"]
    assert full[0] == 1_001
    assert after == (1_002, full[1] + 1, full[2], 0)
    assert (len(results), results[0], results[-1]) == (after[1], "first", "last")


def test_file_size_limit_loses_records_but_no_calls(path, url, run):
    """If the system limits the size of the file, calls return their values and every attempt is counted."""
    script = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = open_store(url)
    ask = guard({"type": "integer"}, store=store)(lambda prompt: "1")
    assert ask("t") == 1
    size = os.path.getsize(url.removeprefix("sqlite:///"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for n in range(30):
        assert ask("t" * 1000) == 1
        store.flush(10.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert ask("t") == 1
    left = store.flush(10.0)
    counts = store.counts()
    print(json.dumps([left, counts.offered, counts.stored, sum(counts.lost_records.values()), len(list(store.attempts()))]))
    """
    left, offered, stored, lost_records, rows = run(script, url)

    assert (left, offered) == (0, 32)
    assert stored + lost_records == 32
    assert stored == rows
    assert 2 <= stored < 32
    with open_store(url) as store:
        assert store.check().is_sound


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a file system"
)
def test_read_only_file_system_can_be_read(medium, cli, cli_json):
    """All reading commands work. Records are lost, and `store info` shows the reason."""
    folder = medium("size=4m")
    with open_store(f"{folder}/r.db") as store:
        for number in range(20):
            store.record(outcome(id=str(number)))
    subprocess.run(["/usr/bin/mount", "-o", "remount,ro", str(folder)], check=True)
    ask = guard({"type": "integer"}, store=f"{folder}/r.db")(lambda prompt: "1")

    assert ask("t") == 1
    with pytest.raises(StoreError, match="Make it and its folder writable, or name another file"):
        open_store(f"{folder}/r.db")
    assert cli_json("report", "--store", f"{folder}/r.db")["groups"][0]["calls"] == 20
    assert cli_json("store", "check", "--store", f"{folder}/r.db")["sound"]
    info = cli_json("store", "info", "--store", f"{folder}/r.db")
    assert (info["rows"], "is read-only" in info["refusal"]) == (20, True)
    if is_installed("transfer"):
        assert cli("store", "export", "--store", f"{folder}/r.db")[1].count("\n") == 22


# Root ignores permissions unless it gives up this capability.
WITH_PERMISSIONS = ["setpriv", "--bounding-set=-dac_override"] if IS_ROOT else []


@pytest.mark.skipif(
    IS_ROOT and shutil.which("setpriv") is None, reason="root needs setpriv to obey permissions"
)
def test_store_in_a_read_only_folder_can_be_read(tmp_path, path):
    """Without write permission, calls return their values, and `report` reads the stored calls."""
    script = """
    import sys
    from schema_guard import StoreError, guard, open_store
    print(guard({"type": "integer"}, store=sys.argv[1])(lambda prompt: "1")("t"))
    try: open_store(sys.argv[1])
    except StoreError as error: print(str(error).partition(":")[0].replace(sys.argv[1], "it"))
    """
    report = ["-m", "schema_guard", "report", "--format", "json", "--store", str(path)]
    with open_store(str(path)) as store:
        store.record(outcome())
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        called, reported = (
            subprocess.run(
                [*WITH_PERMISSIONS, sys.executable, *words], capture_output=True, text=True, check=True
            )
            for words in (["-c", textwrap.dedent(script), str(path)], report)
        )
    finally:
        tmp_path.chmod(0o700)

    assert called.stdout.splitlines() == [
        "1",
        "it is read-only. Make it and its folder writable, or name another file",
    ]
    assert json.loads(reported.stdout)["groups"][0]["calls"] == 1


def test_missing_folders_are_created(tmp_path):
    """The folder of the file has mode 0700, and the file has 0600."""
    path = tmp_path / "a" / "b" / "r.db"
    with open_store(str(path)) as store:
        store.record(outcome())

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_guarded_call_in_a_log_handler_does_not_deadlock(tmp_path):
    """A log handler that makes a guarded call gets its value."""
    url = f"{tmp_path}?durability=sync"
    ask = guard({"type": "integer"}, store=url)(lambda prompt: "1")

    class Recording(logging.Handler):
        def emit(self, record):
            messages.append(ask("u"))

    messages, handler = [], Recording()
    logging.getLogger("schema_guard").addHandler(handler)
    try:
        assert ask("t") == 1
    finally:
        logging.getLogger("schema_guard").removeHandler(handler)

    assert messages == [1]
