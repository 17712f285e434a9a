"""A folder to work in for every command, and what it may find there."""

import json

import pytest

from schema_guard.records import open_store
from tests.decide.records import record
from tests.public.commands.command_lines import SCHEMA


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a schema, and no store but the one that is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def suite(folder):
    """A suite of one schema with two tasks to score."""
    inside = folder / "suite" / "item"
    inside.mkdir(parents=True)
    tasks = [
        {
            "id": f"t{n}",
            "input": f"a is {n}",
            "gold": {"a": n},
            "split": "test" if n < 3 else "dev",
        }
        for n in (1, 2, 3)
    ]
    rows = [
        {"valid": True, "data": {"a": 1}},
        {"valid": False, "data": {}, "location": "", "keyword": "required"},
    ]
    manifest = {"format": 1, "name": "small", "description": "d", "licence": "MIT", "schemas": ["item"]}
    (folder / "suite" / "suite.json").write_text(json.dumps(manifest))
    (inside / "schema.json").write_text(json.dumps(SCHEMA))
    (inside / "meta.json").write_text(json.dumps({"description": "d", "instruction": "Give a."}))
    (inside / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    (inside / "instances.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return inside


@pytest.fixture
def recorded(folder, monkeypatch):
    """Two hundred calls, 40 of them failed, in the default store."""
    monkeypatch.setenv("SCHEMA_GUARD_STORE", f"sqlite:///{folder}/records.db")
    with open_store(f"sqlite:///{folder}/records.db") as store:
        record(store, 200, 40)
