"""Attempts of an earlier version are moved: each once, whenever the process dies, and whoever writes meanwhile."""

import random
import time
from dataclasses import replace

import pytest

from schema_guard.records import Store, open_store
from schema_guard.records.sqlite.database import SQLite

REBUILD = "store.rebuild()"


def state(store):
    """What is told of a store, whatever tables it is in; a file of version 1 has no numbers yet."""
    counted = [replace(one, id=None) for one in store.configurations()]
    return (list(store.attempts()), counted, store.by_hour(), store.drops())


def is_whole(store):
    """Whether what is kept is what the attempts give."""
    return store.configurations() == store.configurations(since=0.0)


@pytest.mark.costly
@pytest.mark.parametrize("version", [1, 2])
def test_moved_attempts_are_the_same(path, version_1, version_2, version):
    """All that is told of a store is the same before and after, and nothing is left to move."""
    path.write_bytes({1: version_1, 2: version_2}[version])
    with open_store(f"sqlite:///{path}") as store:
        before = state(store)
        told = []
        store.rebuild(lambda done, total: told.append((done, total)))

        assert is_whole(store)
        assert state(store) == before
        assert (store.info().old_rows, told[-1][0]) == (0, told[-1][1])
        assert store.rebuild() == 0


def test_a_new_file_has_nothing_to_move(path, make):
    """A store of this version is left alone."""
    with open_store(f"sqlite:///{path}") as store:
        store.record(make.outcome())

        assert store.rebuild() == 0


@pytest.mark.parametrize("kills", [1, pytest.param(40, marks=pytest.mark.slow)])
def test_a_kill_in_the_middle_loses_nothing(path, version_2, statements_of, killed_at, kills):
    """Killed at any statement the store tells the same, and the next run finishes."""
    path.write_bytes(version_2)
    open_store(f"sqlite:///{path}").close()
    with Store(SQLite(path)) as store:
        before = state(store)
    opened = path.read_bytes()
    statements = statements_of(REBUILD, path)
    assert statements > 50
    for moment in range(1, statements, statements // kills):
        dying = path.with_name(f"{moment}.db")
        dying.write_bytes(opened)
        killed_at(REBUILD, dying, moment)
        with Store(SQLite(dying)) as store:
            assert state(store) == before
            store.rebuild()
            assert state(store) == before
            assert is_whole(store)
            assert store.info().old_rows == 0


WRITE_OLD = """
store = open_store(f"sqlite:///{path}")
store.record(outcome("0" * 32)); store.flush()
print("ready", flush=True)
sys.stdin.readline()
for n in range(300):
    store.record(outcome(f"{n:031x}a", input_hash=f"i{n % 50}"))
    n % 7 or store.flush(30.0)
store.flush(30.0)
print(store.counts(), flush=True)
"""
WRITE_NEW = """
store = open_store(url)
for n in range(300):
    store.record(outcome(id=f"{n:031x}b", input_hash=f"i{n % 50}"))
    n % 7 or store.flush(30.0)
store.flush(30.0)
print(json.dumps([store.counts().stored, store.counts().dropped]))
"""


@pytest.mark.costly
def test_a_process_of_the_first_release_and_a_new_one_write_at_once(path, start, start_first_release):
    """Neither loses an attempt, while a third process moves what there is; what is kept is what the attempts give."""
    old = start_first_release(WRITE_OLD, path)
    assert old.stdout.readline() == "ready\n"
    with open_store(f"sqlite:///{path}") as store:  # the file is of this version from now on
        old.stdin.write("go\n")
        old.stdin.flush()
        new = start(WRITE_NEW, f"sqlite:///{path}")
        while old.poll() is None or new.poll() is None:
            store.rebuild()
        said, errors = old.communicate(timeout=30)
        written, _ = new.communicate(timeout=30)

        assert (said, errors) == ("Counts(offered=301, stored=301, dropped={}, pending=0)\n", "")
        assert written == "[300, {}]\n"
        assert len({row["call_id"] for row in store.attempts()}) == store.info().rows == 601
        assert is_whole(store)
        assert sum(hour.calls for hour in store.by_hour()) == 601
        store.rebuild()
        assert is_whole(store)
        assert sum(hour.calls for hour in store.by_hour()) == 601


@pytest.mark.slow
def test_kills_between_writes_of_the_first_release_lose_nothing(path, start, start_first_release):
    """Processes that move attempts are killed at any moment while the first release writes: each attempt is there once."""
    old = start_first_release(WRITE_OLD.replace("range(300)", "range(15_000)"), path)
    assert old.stdout.readline() == "ready\n"
    open_store(f"sqlite:///{path}").close()
    old.stdin.write("go\n")
    old.stdin.flush()
    moments, killed = random.Random(1), 0
    while old.poll() is None:
        mover = start("while True: open_store(url).rebuild()", f"sqlite:///{path}")
        time.sleep(0.2 + moments.random() / 2)
        mover.kill()
        mover.communicate()
        killed += 1

    said, _ = old.communicate()
    assert killed > 3
    assert said == "Counts(offered=15001, stored=15001, dropped={}, pending=0)\n"
    with open_store(f"sqlite:///{path}") as store:
        store.rebuild()
        assert len({row["call_id"] for row in store.attempts()}) == store.info().rows == 15_001
        assert is_whole(store)
        assert sum(hour.calls for hour in store.by_hour()) == 15_001
