"""A file of an earlier version is opened: at once, without a loss, and whenever the process dies."""

import json
import sqlite3
from contextlib import closing

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import DeclaredRung, OutsideCount, Store, open_store
from schema_guard.records.sqlite.attempts import COLUMNS_BEFORE_3
from schema_guard.records.sqlite.database import SQLite

CALLS, ATTEMPTS = 1_800, 5_400  # of the file of version 1
CALLS_2, ATTEMPTS_2 = 60, 78  # of the file of version 2, 18 of them outside of the rate
OPEN = "store._backend.session().close()"


def calls_of(store):
    return sum(found.calls + found.transport for found in store.configurations())


def read(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(params=[1, 2])
def version(request):
    return request.param


@pytest.fixture
def written(version, version_1, version_2):
    """The bytes of a file of that version."""
    return {1: version_1, 2: version_2}[version]


@pytest.fixture
def one(path, version_1):
    path.write_bytes(version_1)
    return path


@pytest.fixture
def two(path, version_2):
    path.write_bytes(version_2)
    return path


def test_a_file_of_version_1_is_opened(one, version_of, count_rows):
    """Attempts, drops and the key stay; what was never counted is counted from the attempts."""
    with open_store(f"sqlite:///{one}") as store:
        assert calls_of(store) == CALLS
        assert store.drops() == {"disk_full": 2}
        assert store._backend.session().key == b"keyk"

    assert (version_of(one), count_rows(one)) == (3, ATTEMPTS)


def test_a_file_of_version_2_is_opened(two, version_of, count_rows):
    """Attempts, roll-ups, declarations, drops and the key stay as the first release has written them."""
    with Store(SQLite(two)) as unopened:
        before = (list(unopened.attempts()), unopened.configurations(), unopened.by_hour())
        declared = (unopened.declared_rungs("f" * 16), unopened.targets("f" * 16))
    with open_store(f"sqlite:///{two}") as store:
        assert (list(store.attempts()), store.configurations(), store.by_hour()) == before
        assert (store.declared_rungs("f" * 16), store.targets("f" * 16)) == declared
        assert store.drops() == {"locked": 2}
        assert store.info().old_rows == ATTEMPTS_2
        assert store._backend.session().key == b"k" * 32

    assert (version_of(two), count_rows(two)) == (3, ATTEMPTS_2)


def test_the_view_has_what_the_table_had(two):
    """Who asks the file itself for `attempts` gets the same rows before and after."""
    ask = f"SELECT id, {', '.join(COLUMNS_BEFORE_3)} FROM attempts ORDER BY id"
    before = read(two, ask)
    open_store(f"sqlite:///{two}").close()

    assert len(before) == ATTEMPTS_2
    assert read(two, ask) == before


def test_reading_does_not_change_a_file(path, written, version, version_of):
    """A file that is only read stays as it is, of whichever version."""
    path.write_bytes(written)
    with Store(SQLite(path)) as store:
        found = store.configurations()
        assert sum(one.calls + one.transport for one in found) == {1: CALLS, 2: CALLS_2}[version]
        assert [one.id is None for one in found] == [version == 1] * len(found)
        assert len(list(store.attempts())) == store.info().rows == store.info().old_rows
        assert sum(hour.calls + hour.transport for hour in store.by_hour()) == calls_of(store)
        assert store.info().schema_version == version

    assert (version_of(path), path.read_bytes()) == (version, written)


class Counted(sqlite3.Connection):
    """A connection that counts the steps of SQLite's machine, in tens."""

    steps = 0

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.set_progress_handler(self.count, 10)

    def count(self):
        Counted.steps += 1


def steps_of_opening(path):
    Counted.steps = 0
    SQLite(path, connect=lambda *a, **o: sqlite3.connect(*a, factory=Counted, **o)).session().close()
    return Counted.steps


def test_opening_looks_at_no_attempt(path, written):
    """Opening takes as many steps with ten thousand attempts more, and copies nothing."""
    path.write_bytes(written)
    larger = path.with_name("larger.db")
    larger.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(larger, isolation_level=None)) as connection:
        names = ", ".join(COLUMNS_BEFORE_3)
        connection.execute(
            f"INSERT INTO attempts ({names}) SELECT {names} FROM attempts, json_each(?) LIMIT 10000",
            [json.dumps([1] * 150)],
        )

    assert abs(steps_of_opening(path) - steps_of_opening(larger)) <= 1
    assert list(path.parent.glob("*backup*")) == []


@pytest.mark.parametrize(
    "every", [40, pytest.param(9, marks=pytest.mark.costly), pytest.param(1, marks=pytest.mark.slow)]
)
def test_a_kill_while_it_is_opened_loses_nothing(path, written, statements_of, killed_at, count_rows, every):
    """Killed at any of its statements an opening has not happened, and happens the next time."""
    path.write_bytes(written)
    statements = statements_of(OPEN, path)
    assert statements > 20
    for moment in range(1, statements, every):
        dying = path.with_name(f"{moment}.db")
        dying.write_bytes(written)
        killed_at(OPEN, dying, moment)
        before = count_rows(dying)
        with open_store(f"sqlite:///{dying}") as store:
            assert (before, calls_of(store)) in ((ATTEMPTS, CALLS), (ATTEMPTS_2, CALLS_2))
            assert store.info().rows == before


def test_recording_goes_on(path, written, make):
    """What is recorded into an old file stands after what was there, and is counted with it."""
    path.write_bytes(written)
    with Store(SQLite(path)) as store:
        before = calls_of(store)
        for number in range(8):
            store.record(make.outcome(function="new", id=f"{number:032x}"))
            store.flush(30.0)

        assert calls_of(store) == before + 8
        assert store.configurations() == store.configurations(since=0.0)
        assert [row["call_id"] for row in store.attempts()][-8:] == [f"{number:032x}" for number in range(8)]
        assert [row["function"] for row in store.attempts(call_ids=["0" * 31 + "7"])][-1] == "new"
        assert sum(hour.calls + hour.transport for hour in store.by_hour()) == before + 8


def test_calls_outside_of_the_rate_keep_their_codes(two):
    """What the first release counted as calls without a reply is told by its codes."""
    with open_store(f"sqlite:///{two}") as store:
        found = {cause for one in store.configurations(function="extract") for cause in one.outside}

    assert {(code, exception) for code, exception, _ in found} == {("call_raised", None), ("cancelled", None)}


def test_codes_that_nobody_can_tell_apart_are_unknown(path, insert, version_2, make):
    """Where later attempts were lost in several ways the codes of the calls are not guessed, and known once moved."""
    path.write_bytes(version_2)
    with open_store(f"sqlite:///{path}") as store:
        pass
    lost = [
        make.outcome({"failure": make.broken._replace(kind="transport", code=code), "form": None})
        for code in ("call_raised", "call_raised", "cancelled")
    ]
    later = make.outcome(make.failed, {"failure": lost[0].failure, "form": None})
    with Store(SQLite(path)) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            insert(old, [*lost, later])
        store.record(make.outcome(function="other"))
        unknown = store.configurations(function="app.extract")[0].outside
        store.rebuild()
        known = store.configurations(function="app.extract")[0].outside

    assert unknown == (OutsideCount("unknown", None, 3),)
    assert known == (OutsideCount("call_raised", None, 2), OutsideCount("cancelled", None, 1))


def test_declarations_of_the_first_release_have_no_function(two):
    """What was declared before functions were named is still there."""
    with open_store(f"sqlite:///{two}") as store:
        (rung,) = store.declared_rungs("f" * 16)
        held = store.declared_rungs("f" * 16, function="extract")

    assert rung == DeclaredRung("few_shot", "declined", "no examples", rung.at, None)
    assert held == []  # the file has two functions with this schema


def test_a_full_disk_leaves_the_file_as_it_was(two, version_of, count_rows):
    """A file for whose new tables there is no room stays as it is, says so, and is opened when there is room."""

    def connect(*arguments, **options):
        connection = sqlite3.connect(*arguments, **options)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the size that the file has
        return connection

    full = Store(SQLite(two, connect=connect))

    with pytest.raises(StoreError, match="has no room left"):
        full.set_target("f" * 16, 0.01)
    assert (version_of(two), count_rows(two)) == (2, ATTEMPTS_2)
    with open_store(f"sqlite:///{two}") as store:
        assert calls_of(store) == CALLS_2


@pytest.mark.costly
def test_attempts_of_a_process_of_version_1_are_counted_with_the_next_write(one, make, insert):
    """What a process stores that counts nothing is in the roll-ups after the next write."""
    with open_store(f"sqlite:///{one}") as store:
        store.rebuild()
        with closing(sqlite3.connect(one, isolation_level=None)) as old:
            insert(old, [make.outcome(make.failed), make.outcome(segment="old")])
        late = calls_of(store)
        store.record(make.outcome())

        assert (late, calls_of(store)) == (CALLS, CALLS + 3)
        assert store.configurations() == store.configurations(since=0.0)


def test_the_first_release_refuses_a_file_of_this_version(path, start_first_release):
    """It says in one sentence what to do, and changes nothing."""
    open_store(f"sqlite:///{path}").close()
    process = start_first_release("open_store(f'sqlite:///{path}')", path)
    _, errors = process.communicate(timeout=30)

    assert errors.splitlines()[-1].endswith(
        f"{path} has schema version 3, this version knows up to 2: upgrade schema-guard"
    )
