"""What a check finds in a store, and what it leaves in peace."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from schema_guard.records import Store, open_store
from schema_guard.records.attempts import Where
from schema_guard.records.backend import pages
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.sqlite.database import SQLite
from tests.records.scan import scanned
from tests.thinned import costly

CALLS = 1_300  # more attempts than a check reads at once


@pytest.fixture(scope="module")
def sound(tmp_path_factory, make, write):
    """The bytes of a store with attempts, roll-ups, drops and declarations."""
    path = tmp_path_factory.mktemp("sound") / "records.db"
    broken = {"failure": make.broken._replace(kind="transport", code="call_raised"), "form": None}
    made = [
        make.outcome(
            *((make.failed, {}) if number % 5 == 0 else (make.failed,) if number % 3 == 0 else ({},)),
            function=f"app.f{number % 2}",
            id=f"{number:032x}",
            input_hash=f"{number % 40:032x}",
            started_at=1_000.0 + 60 * number,
        )
        for number in range(CALLS)
    ]
    named = {"model": "m1", "snapshot": "m1-1"}
    rest = [
        make.outcome({**extra, **named}, function="app.f0", started_at=70_000.0) for extra in (broken, {})
    ]
    backend = SQLite(path)
    write(backend, [made[:700], made[700:], rest])
    with Store(backend) as store:
        store.declare_step("f" * 16, "few_shot", "declined", "no examples", function="app.f0")
        store.set_target("f" * 16, 0.01)
        with store._session() as session:
            session.write([], {"locked": 2}, 1_000.0)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path, sound):
    path = tmp_path / "records.db"
    path.write_bytes(sound)
    return path


def check(path):
    with Store(SQLite(path)) as store:
        return store.check()


def changed(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_sound_store_has_no_damage(path):
    """All attempts are counted where they belong."""
    result = check(path)

    assert result.damage == ()
    assert result.attempts == 1_562


PLACES = {
    "a number": ("UPDATE attempts SET output_tokens = 7 WHERE id = 1100", "roll_ups"),
    "an input": ("UPDATE attempts SET input_hash = x'00' WHERE id = 1100", "roll_ups"),
    "a time": ("UPDATE attempts SET elapsed_s = 0.25 WHERE id = 1100", "roll_ups"),
    "a start": ("UPDATE attempts SET started_at = 0.0 WHERE id = 1100", "missing"),
    "a model": ("UPDATE attempts SET snapshot = 'm1-2' WHERE id = 1562", "roll_ups"),
    "a configuration": (
        "UPDATE attempts SET configuration_id = 3 - configuration_id WHERE id = 1100",
        "roll_ups",
    ),
    "no configuration": ("UPDATE attempts SET configuration_id = 9 WHERE id = 1100", "configurations"),
    "a missing row": ("DELETE FROM attempts WHERE id = 1100", "missing"),
    "a call without its end": ("UPDATE attempts SET final = 0 WHERE id = 1562", "attempts"),
    "an id": ("UPDATE attempts SET id = 5000 WHERE id = 1562", "roll_ups"),
    "a name": ("UPDATE configurations SET model = 'm2' WHERE id = 1", "configurations"),
    "a first day": ("UPDATE configurations SET first_started_at = 1.0 WHERE id = 1", "roll_ups"),
    "counts of all times": ("UPDATE configurations SET tallies = '{}' WHERE id = 1", "roll_ups"),
    "results of all times": ("UPDATE configurations SET results = '{}' WHERE id = 1", "roll_ups"),
    "counts of an hour": ("UPDATE roll_ups SET tallies = '{}' WHERE hour = 1", "roll_ups"),
    "results of an hour": ("UPDATE roll_ups SET results = '{}' WHERE hour = 1", "roll_ups"),
    "no JSON": ("UPDATE roll_ups SET results = '{' WHERE hour = 1", "roll_ups"),
    "a missing hour": ("DELETE FROM roll_ups WHERE hour = 1", "roll_ups"),
    "an order": ("UPDATE roll_ups SET outcomes = CAST('1' || substr(outcomes, 2) AS BLOB)", "roll_ups"),
    "inputs of an hour": ("UPDATE roll_ups SET inputs = zeroblob(length(inputs))", "roll_ups"),
    "calls of an input": ("UPDATE inputs SET k = k + 1 WHERE configuration_id = 1", "inputs"),
    "a key": ("UPDATE inputs SET input = 1 WHERE input = (SELECT MIN(input) FROM inputs)", "inputs"),
    "a text": ("INSERT INTO payloads VALUES (1, x'7a00', NULL, NULL)", "payloads"),
    "a text without attempt": ("INSERT INTO payloads VALUES (9999, x'7461', NULL, NULL)", "payloads"),
    "an index": ("DROP INDEX roll_ups_hour", "tables"),
}
REPAIRABLE = [name for name, (_, part) in PLACES.items() if part in ("roll_ups", "inputs", "missing")]


@pytest.mark.parametrize(("statement", "part"), costly(PLACES.values(), 4), ids=PLACES)
def test_a_value_that_changes_is_found(path, statement, part):
    """Whatever is changed in a row, a roll-up or an input's count is named, though SQLite finds nothing wrong."""
    changed(path, statement)

    assert part in {one.part for one in check(path).damage}


@pytest.mark.parametrize("name", costly(REPAIRABLE, 4))
def test_counts_that_changed_can_be_rebuilt(path, name):
    """After a rebuild, the store is sound, and its counts are those of its attempts."""
    changed(path, PLACES[name][0])
    with Store(SQLite(path)) as store:
        assert store.check().can_be_rebuilt
        store.rebuild()
        counted = [replace(counts, id=None) for counts in store.configurations()]

        assert store.check().damage == ()
        assert counted == scanned(pages(store.backend, Where()))


def test_damage_says_where_it_is(path):
    """It names the configuration, the hour, and the count."""
    changed(path, "UPDATE attempts SET kind = 'value' WHERE id = 1")
    (damage,) = check(path).damage

    assert damage.part == "roll_ups"
    assert damage.problem == (
        'configuration 1, hour 1970-01-01 00:00: failures ["structure","type"] is 11, its attempts have 10; '
        'failures ["value","type"] is 0, its attempts have 1'
    )


def test_a_check_changes_nothing(path, sound):
    """The bytes of the file are what they were."""
    check(path)

    assert path.read_bytes() == sound
    assert [other.name for other in path.parent.iterdir()] == ["records.db"]


GONE = {
    "a count": ("UPDATE configurations SET tallies = '{}'", "roll_ups"),
    "calls of an hour": ("UPDATE roll_ups SET results = '{\"failed\":-1}' WHERE deleted > 0", "roll_ups"),
    "an order": (
        "UPDATE roll_ups SET outcomes = CAST('1' || outcomes AS BLOB) WHERE deleted > 0",
        "roll_ups",
    ),
    "what was deleted": ("UPDATE roll_ups SET deleted = deleted + 1 WHERE deleted > 0", "roll_ups"),
    "an input": ("UPDATE inputs SET k = k + 1", "inputs"),
    "a missing row": ("DELETE FROM attempts WHERE id = (SELECT MAX(id) FROM attempts)", "missing"),
}


@pytest.fixture
def pruned(path):
    """A store from which half of the attempts are gone, and in which counts are more than those that are left."""
    with open_store(f"sqlite:///{path}", retention=Retention(max_rows=700)) as store:
        store.prune()
        assert store.info().rows in range(690, 701)
    return path


def test_a_store_whose_attempts_are_gone_is_sound(pruned, make):
    """The counts include pruned attempts, so the store is sound. It stays sound after more calls."""
    with open_store(f"sqlite:///{pruned}") as store:
        results = [store.check()]
        for number in range(50):
            store.record(
                make.outcome(function="app.f0", id=f"{number + 5_000:032x}", input_hash=f"{number:032x}")
            )
        results.append(store.check())

    assert [one.damage for one in results] == [()] * 2


@pytest.mark.parametrize(("statement", "part"), costly(GONE.values(), 4), ids=GONE)
def test_a_count_that_contradicts_another_is_found_though_attempts_were_deleted(pruned, statement, part):
    """Counts of deleted attempts cannot be counted again. They must not be negative, and must add up."""
    changed(pruned, statement)

    assert part in {one.part for one in check(pruned).damage}


def test_a_rebuild_keeps_the_counts_of_deleted_attempts(pruned):
    """The counts are the same before and after, and the store is sound."""
    with open_store(f"sqlite:///{pruned}") as store:
        before = store.configurations(), store.by_hour()
        store.rebuild()

        assert (store.configurations(), store.by_hour()) == before
        assert store.check().damage == ()
