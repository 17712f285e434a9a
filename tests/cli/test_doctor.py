"""The command `doctor` on stores that only the library's own code can make."""

import json
import sqlite3
from contextlib import closing

from schema_guard import open_store
from tests.decide.records import record
from tests.public.commands.command_lines import run


def damaged(path):
    with open_store(str(path)) as store:
        record(store, 3, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE attempts SET output_tokens = 7")


def test_a_damaged_store_is_1(folder, capsys):
    """The report has the number of damaged places, and the command that lists them."""
    damaged(folder / "bad.db")
    status, out, _ = run(capsys, "doctor", "--store", "bad.db", "--format", "json")

    assert status == 1
    check = f"`schema-guard store check --store sqlite:///{folder}/bad.db`"
    assert f"1 place damaged: {check} shows the places and the fix" in json.loads(out)["store"]["problem"]


def test_a_mount_is_told(folder, capsys, monkeypatch):
    """A file whose mount keeps no numbers of files, or is a network's, is no problem, and is told."""
    with open_store("a.db") as store:
        record(store, 3, 0)
    monkeypatch.setattr("schema_guard.records.sqlite.file.file_system", lambda path: "cifs")
    status, out, _ = run(capsys, "doctor", "--store", "a.db", "--format", "json")
    text = json.loads(out)["store"]

    assert status == 0
    assert "locks between machines may fail" in text["warning 1"]
    assert "can't detect if another program renames or removes the file" in text["warning 2"]


def test_doctor_counts_calls_without_names_of_their_own(folder, capsys):
    """Calls that are recorded as `others`, for there were too many segments or models, are counted."""
    with open_store("sqlite:///a.db") as store:
        for segment, model in (("others", "m"), ("a", "others"), ("others", "others")):
            record(store, 1, 0, segment=segment, model=model)

    _, out, _ = run(capsys, "doctor", "--store", "sqlite:///a.db", "--format", "json")

    text = json.loads(out)["store"]
    assert text["segment 'others'"] == "2 calls; there are too many names to count each"
    assert text["model 'others'"] == "2 calls; there are too many names to count each"


def test_doctor_tells_what_is_recorded_of_gateways_and_retries(folder, capsys):
    """Settings say it, and they may be anything."""
    with open_store("sqlite:///a.db") as store:
        for function, settings in (
            ("gateway_repaired", '{"gateway_repaired": ["response-healing"]}'),
            ("repeated", '{"max_retries": 3}'),
            ("odd", "[" * 50),
            ("other", '{"max_retries": "3"}'),
        ):
            record(store, 1, 0, function=function, settings=settings)

    _, out, _ = run(capsys, "doctor", "--store", "sqlite:///a.db", "--format", "json")
    text = json.loads(out)["store"]

    assert "the model's own are not known" in text["gateway_repaired gateway"]
    assert "max_retries=3 of connect retries a failed request up to 3 times" in text["repeated retries"]
    assert not {name for name in text if name.startswith(("odd", "other"))}
