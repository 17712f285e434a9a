"""Suites of schemas with instances are read from files and folders."""

import json
from pathlib import Path

import pytest

from benchmarks.engine_checks.suite import Instance, engine_suite
from tests.bench.suites.public_files import read_rows, written_lines

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rows", "instances", "refused"),
    [("jsonschemabench", 600, 2275, 1), ("maskbench", 500, 2340, 0)],
)
def test_every_schema_of_a_corpus_loads(corpora, name, rows, instances, refused):
    """Every row is a schema, and an instance that contradicts its schema is listed."""
    suite = engine_suite(corpora / f"{name}.jsonl")

    assert [one.name for one in suite.schemas] == [row["id"] for row in read_rows(corpora / f"{name}.jsonl")]
    assert (len(suite.schemas), len(suite.refused)) == (rows, refused)
    assert sum(len(one.instances) for one in suite.schemas) == instances


def test_wrong_schemas_and_instances_are_left_out(tmp_path):
    """Instances that contradict their schema are left out, and so are schemas that are invalid."""
    tests = [
        {"valid": True, "data": {"n": 1}},
        {"valid": False, "data": {}},
        {"valid": True, "data": {}},
    ]
    rows = [{"id": "a", "schema": NUMBER, "tests": tests}, {"id": "b", "schema": {"type": 7}}]

    suite = engine_suite(written_lines(tmp_path / "s.jsonl", rows))

    (entry,) = suite.schemas
    assert entry.instances == (Instance(True, {"n": 1}), Instance(False, {}))
    assert suite.refused[0] == "a: an instance is not what it says"
    assert suite.refused[1].startswith("b: schema is invalid at /type")


def test_built_in_suite_is_read():
    """A folder gives the schemas that have instances."""
    folder = Path(__file__).parents[2] / "schemas"

    suite = engine_suite(folder)

    assert sorted(one.name for one in suite.schemas) == sorted(
        json.loads((folder / "suite.json").read_text(encoding="utf-8"))["schemas"]
    )
    assert suite.refused == ()
