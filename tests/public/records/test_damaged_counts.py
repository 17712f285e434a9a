"""A check of a store names each hour whose counts cannot be read, and a rebuild counts its attempts again."""

import sqlite3

import pytest

from schema_guard import open_store
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command
from tests.public.decide.production import Production


@pytest.fixture
def damaged(tmp_path):
    """Two models with calls in several hours. The first hour of m1 is unreadable, and its last one is wrong."""
    url = f"sqlite:///{tmp_path}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        for model in ("m1", "m2"):
            Production(store, clock, tmp_path).calls(100, 5, model=model, after_s=120.0)
    rows = sqlite3.connect(f"{tmp_path}/r.db")
    rows.executescript("""
        UPDATE roll_ups SET results = '{oops' WHERE hour = (SELECT MIN(hour) FROM roll_ups);
        UPDATE roll_ups SET attempts = attempts + 1 WHERE configuration_id = 1
            AND hour = (SELECT MAX(hour) FROM roll_ups WHERE configuration_id = 1);
        UPDATE configurations SET tallies = '[]' WHERE id = 2;
    """)
    rows.close()
    return url


def test_check_names_all_damage(damaged):
    """An unreadable hour does not hide the other hours and configurations."""
    status, out, _ = command("store", "check", "--store", damaged)

    assert status == 1
    assert "roll-ups: configuration 1, hour 2026-05-28 20:00: cannot be read: " in out
    assert "missing: configuration 1, hour 2026-05-28 23:00: attempts is 24, its attempts have 23" in out
    assert "roll-ups: configuration 2: cannot be read: 'list' object is not a mapping" in out


def test_rebuild_counts_an_unreadable_hour_again(damaged):
    """The attempts are there, so the report is as before."""
    assert command("store", "check", "--rebuild", "--store", damaged)[0] == 0

    assert "  20% [11, 30] " in command("report", "--store", damaged)[1]


def test_rebuild_drops_unreadable_counts_of_deleted_attempts(damaged, tmp_path):
    """Only the attempts that are left can be counted, and the check says so."""
    rows = sqlite3.connect(f"{tmp_path}/r.db")
    rows.executescript("UPDATE roll_ups SET deleted = 1 WHERE results = '{oops'")
    rows.close()
    found = command("store", "check", "--store", damaged)[1]

    assert "missing: configuration 1, hour 2026-05-28 20:00: cannot be read: " in found
    assert "attempts are missing, and --rebuild deletes their counts" in found
    assert command("store", "check", "--rebuild", "--store", damaged)[0] == 0


@pytest.mark.parametrize("words", ["report", "decide", "watch --max-failure-rate 5%"])
def test_commands_name_the_check_of_a_damaged_store(damaged, words):
    """No command shows a traceback or a number from damaged counts."""
    status, out, err = command(*words.split(), "--store", damaged)

    assert (status, out) == (2, "")
    assert "schema_guard can't read some counts of the store: " in err
    assert "schema-guard store check" in err


@pytest.mark.parametrize("words", ["report", "decide --max-failure-rate 5%", "watch --max-failure-rate 5%"])
def test_commands_name_missing_counts(tmp_path, words, caplog):
    """An hour of a sound store is deleted. The rest is readable, and a warning names the check."""
    url = f"sqlite:///{tmp_path}/r.db"
    with stopped_clock() as clock, open_store(url) as store:
        Production(store, clock, tmp_path).calls(100, 5, after_s=120.0)
    rows = sqlite3.connect(f"{tmp_path}/r.db")
    rows.executescript("DELETE FROM roll_ups WHERE hour = (SELECT MAX(hour) FROM roll_ups)")
    rows.close()

    _, out, err = command(*words.split(), "--store", url)

    assert "shop.extract" in out
    assert "the calls per hour of shop.extract don't match its total" in f"{err}{caplog.text}"
