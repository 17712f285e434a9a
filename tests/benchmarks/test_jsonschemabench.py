"""Rows of JSONSchemaBench are tasks with given values."""

import json

from benchmarks.jsonschemabench import task_of
from schema_guard.bench.suites.load import load_suite

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "lots": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city"],
    "additionalProperties": False,
}


def row(*tests, schema=SCHEMA):
    return {
        "id": "o1",
        "subset": "easy",
        "schema": schema,
        "tests": [{"valid": valid, "data": data} for valid, data in tests],
    }


def test_first_valid_document_is_the_answer(tmp_path):
    """The input lists each value of the first valid document, and the suite loads."""
    task = task_of(row((False, {"city": 3}), (True, {"city": "Rome", "lots": [4, 5]})))

    (tmp_path / "suite.jsonl").write_text(json.dumps(task))
    [entry] = load_suite(tmp_path / "suite.jsonl").schemas
    assert entry.tasks[0].input == '/city: "Rome"\n/lots/0: 4\n/lots/1: 5'
    assert entry.tasks[0].gold == {"city": "Rome", "lots": [4, 5]}


def test_row_without_tests_gets_a_drawn_document():
    """A row without a valid document gets one that is drawn from its schema."""
    assert set(task_of(row())["gold"]) >= {"city"}


def test_schema_without_values_is_no_task():
    """A schema that no value fits has a reason."""
    assert isinstance(task_of(row(schema={"type": "string", "minLength": 3, "maxLength": 1})), str)
