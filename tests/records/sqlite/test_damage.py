"""Bytes of a store that change, or are cut off: found, or nothing that reading gives."""

import random
import sqlite3
from contextlib import closing

import pytest

from schema_guard.errors import StoreError
from schema_guard.records import Store, open_store
from schema_guard.records.sqlite.database import SQLite

CALLS = 400


@pytest.fixture(scope="module")
def sound(tmp_path_factory, make):
    """The bytes of a store with attempts, roll-ups, texts, drops and declarations."""
    path = tmp_path_factory.mktemp("sound") / "records.db"
    with open_store(str(path), payload="hash") as store:
        for number in range(CALLS):
            tries = [make.failed, {}] if number % 5 == 0 else [{}]
            store.record(
                make.outcome(
                    *tries,
                    id=f"{number:032x}",
                    function=f"app.f{number % 2}",
                    input_hash=f"{number % 90:032x}",
                    started_at=1.75e9 + 30 * number,
                )
            )
            if number % 25 == 0:
                store.flush()
        store.set_target("f" * 16, 0.01)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.db"


def counted(path):
    """All that is counted in the file."""
    with Store(SQLite(path)) as store:
        return store.configurations(), store.by_hour()


def found_in(path):
    """Whether a check says that a file is damaged, or it is refused."""
    try:
        with Store(SQLite(path)) as store:
            return not store.check().is_sound
    except StoreError:
        return True


@pytest.mark.costly
@pytest.mark.parametrize("flips", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_a_bit_that_changes_is_found_or_changes_no_count(path, sound, flips):
    """Of random bits each is named by the check, or all counts are as before."""
    path.write_bytes(sound)
    right, draw, result = counted(path), random.Random(flips), 0
    for _ in range(flips):
        place, bit = draw.randrange(len(sound)), draw.randrange(8)
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1 << bit]) + sound[place + 1 :])
        is_found = found_in(path)
        result += is_found
        assert is_found or counted(path) == right, f"bit {bit} of byte {place}"

    assert result > flips / 8


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_check_finds_a_truncated_file(path, sound, every):
    """After whichever page the file ends."""
    size = int.from_bytes(sound[16:18], "big")
    for end in range(size, len(sound), every * size):
        path.write_bytes(sound[:end])
        assert found_in(path), end


def test_a_header_that_is_zeroed_is_found(path, sound):
    """The file is no database any more, and is left as it is."""
    path.write_bytes(bytes(100) + sound[100:])

    assert found_in(path)
    assert path.read_bytes() == bytes(100) + sound[100:]


def test_a_name_that_is_no_text_is_found(path, sound):
    """What SQLite says of a table whose statement holds bytes of no text cannot be read either."""
    path.write_bytes(sound.replace(b"CREATE TABLE payloads (", b"CREATE TABLE \xd3ayloads (", 1))

    with pytest.raises(StoreError, match=r"is damaged. Keep a copy of it"):
        open_store(str(path))
    with Store(SQLite(path)) as store:
        assert [one.part for one in store.check().damage] == ["file"]


def test_what_is_left_can_be_read(path, sound, make):
    """With a page of rows gone the check says which rows it could read, and recording into another file goes on."""
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT pageno FROM dbstat WHERE name = 'attempts' AND pagetype = 'leaf' LIMIT 1 OFFSET 3"
        try:
            ((page,),) = connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell its pages")
    size = int.from_bytes(sound[16:18], "big")
    path.write_bytes(sound[: (page - 1) * size] + b"\xaa" * size + sound[page * size :])
    with Store(SQLite(path)) as store:
        check = store.check()

    assert {one.part for one in check.damage} >= {"file", "attempts"}
    (unread,) = (one for one in check.damage if "cannot all be read" in one.problem)
    lost = unread.last_id - unread.first_id + 1
    assert 1 < lost < 40
    assert check.attempts == CALLS * 6 // 5 - lost
