"""What a check finds in a store, and what it leaves in peace."""

import sqlite3
from contextlib import closing

import pytest

from schema_guard.records import Store, open_store
from schema_guard.records.payloads.retention import Retention
from schema_guard.records.sqlite.counts import inputs
from schema_guard.records.sqlite.database import SQLite
from tests.thinned import costly

CALLS = 1_300  # more attempts than have one checksum


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
            inputs.merge(session.connection)
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
    """All attempts have checksums that hold."""
    result = check(path)

    assert result.damage == ()
    assert (result.attempts, result.with_checksum) == (1_562, 1_562)


PLACES = {
    "a number": ("UPDATE stored_attempts SET output_tokens = 7 WHERE id = 1100", "attempts"),
    "a hash": ("UPDATE stored_attempts SET reply_hash = x'00' WHERE id = 1100", "attempts"),
    "a time": ("UPDATE stored_attempts SET elapsed_s = 0.25 WHERE id = 1100", "attempts"),
    "a configuration": (
        "UPDATE stored_attempts SET configuration_id = 3 - configuration_id WHERE id = 1100",
        "attempts",
    ),
    "a missing row": ("DELETE FROM stored_attempts WHERE id = 1100", "attempts"),
    "an id": ("UPDATE stored_attempts SET id = 5000 WHERE id = 1562", "attempts"),
    "a checksum": ("UPDATE checksums SET sum = sum + 1 WHERE chunk = 1", "attempts"),
    "a missing checksum": ("DELETE FROM checksums WHERE chunk = 1", "attempts"),
    "a name": ("UPDATE configurations SET model = 'm2' WHERE id = 1", "configurations"),
    "a first day": ("UPDATE configurations SET first_started_at = 1.0 WHERE id = 1", "roll_ups"),
    "a model": ("UPDATE reply_models SET snapshot = 'm1-2'", "models"),
    "a tally": ("UPDATE tallies SET count = count + 1 WHERE tally = 'failures'", "roll_ups"),
    "a missing tally": ("DELETE FROM tallies WHERE tally = 'call_us'", "roll_ups"),
    "an input": ("UPDATE recent_inputs SET k = k + 1 WHERE configuration_id = 1", "inputs"),
    "an input's key": (
        "UPDATE recent_inputs SET input = x'00' WHERE input = (SELECT MIN(input) FROM recent_inputs)",
        "inputs",
    ),
    "an order": (
        "UPDATE outcomes SET bits = CAST(substr(bits, 2) AS BLOB) WHERE configuration_id = 1",
        "roll_ups",
    ),
    "an hour": ("UPDATE hours SET count = 1 WHERE hour = 1 AND tally = 'valid_first_time'", "hours"),
    "lost_records": ("UPDATE lost_records SET count = 3", "lost_records"),
    "a step": ("UPDATE declared_steps SET status = 'not_applicable'", "declarations"),
    "a target": ("UPDATE declared_targets SET target = 0.02", "declarations"),
    "how far": ("UPDATE meta SET value = '1561' WHERE key = 'last_id'", "roll_ups"),
    "too far": ("UPDATE meta SET value = '1563' WHERE key = 'last_id'", "roll_ups"),
    "the key": ("UPDATE meta SET value = '00' WHERE key = 'hash_key'", "tables"),
    "an index": ("DROP INDEX hour_details_hour", "tables"),
}


@pytest.mark.parametrize(("statement", "part"), costly(PLACES.values(), 4), ids=PLACES)
def test_a_value_that_changes_is_found(path, statement, part):
    """Whatever is changed in a row, a roll-up or an input's count is named, though SQLite finds nothing wrong."""
    changed(path, statement)

    assert part in {one.part for one in check(path).damage}


def test_damage_says_where_it_is(path):
    """The attempts in question, and when their calls began; what is left can be read."""
    changed(path, "UPDATE stored_attempts SET prompt_chars = 7 WHERE id = 1100")
    (result,) = check(path).damage

    assert (result.part, result.first_id, result.last_id) == ("attempts", 1_000, 1_999)
    assert (result.since, result.until) == (50_920.0, 78_940.0)
    assert result.problem == "not all of them are as they were written"
    assert check(path).with_checksum == 999


def test_a_check_changes_nothing(path, sound):
    """The bytes of the file are what they were."""
    check(path)

    assert path.read_bytes() == sound
    assert [other.name for other in path.parent.iterdir()] == ["records.db"]


def test_what_others_put_into_the_file_is_not_looked_at(path):
    """A table or an index of the user's own is no damage."""
    changed(path, "CREATE TABLE mine (x)", "CREATE INDEX my_index ON stored_attempts (code)")

    assert check(path).is_sound


GONE = {
    "a tally": ("UPDATE tallies SET count = count + 1 WHERE tally = 'failures'", "roll_ups"),
    "a missing tally": ("DELETE FROM tallies WHERE tally = 'call_us'", "roll_ups"),
    "an input": ("UPDATE recent_inputs SET k = k + 1", "inputs"),
    "a noted input": ("UPDATE input_log SET calls = CAST(x'01' || substr(calls, 2) AS BLOB)", "inputs"),
    "an hour": ("UPDATE hours SET count = count + 1 WHERE hour = 1 AND tally = 'valid_first_time'", "hours"),
    "an order": ("UPDATE outcomes SET n = n + 1", "roll_ups"),
    "what is gone": ("UPDATE gone_sums SET tallies = '1'", "roll_ups"),
    "details": ("UPDATE hour_details SET first_attempt = first_attempt + 1", "hours"),
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
def test_a_count_that_changes_is_found_though_its_attempts_are_gone(pruned, statement, part):
    """What attempts that are gone had added is known, so that counts are compared as if they were there."""
    changed(pruned, statement)

    assert {part, "roll_ups"} & {one.part for one in check(pruned).damage}
