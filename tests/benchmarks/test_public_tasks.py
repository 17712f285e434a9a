"""The tasks of public data sets, as a suite."""

import json

import pytest

from benchmarks.public_tasks import convert, line_of
from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.scoring import score
from tests.needs import needs

pytestmark = needs("suites")


@pytest.fixture(scope="module")
def suite(corpora, tmp_path_factory):
    return load_suite(convert(corpora / "tasks.jsonl", tmp_path_factory.mktemp("suite") / "tasks.jsonl"))


@pytest.mark.costly
def test_every_task_of_the_corpus_loads(suite):
    """All tasks load, grouped by their source, and none has a difficulty that nobody measured."""
    tasks = {task.id: task for entry in suite.schemas for task in entry.tasks}

    assert len(tasks) == 450
    assert all(task.id.startswith(f"{e.group}/") for e in suite.schemas for task in e.tasks)
    assert {task.hardness for task in tasks.values()} == {None}


def test_every_acceptable_value_of_the_corpus_is_right(corpora, suite):
    """Every plain value that a task accepts for a parameter is right, and so is leaving out what may be left out."""
    golds = {task.id: task for entry in suite.schemas for task in entry.tasks}
    tried = 0
    for row in map(json.loads, (corpora / "tasks.jsonl").read_text(encoding="utf-8").splitlines()):
        task = golds[row["id"]]
        for name, values in row.get("accept", {}).items():
            if name in task.gold and not isinstance(task.gold[name], (dict, list)):
                rest = {key: part for key, part in task.gold.items() if key != name}
                choices = [{**task.gold, name: value} for value in values] + ([rest] if "" in values else [])
                assert all(score(choice, task.gold, task.match).exact for choice in choices)
                assert score(rest, task.gold, task.match).exact == ("" in values)
                tried += len(choices)

    assert tried > 300


@pytest.mark.parametrize(
    ("match", "gold", "value", "exact"),
    [
        ("exact", {"a": "b c"}, {"a": "b  c"}, False),
        ("exact_ws", {"a": ["b c"]}, {"a": ["b\nc "]}, True),
        ("exact_ws", {"a": 1}, {"a": 1}, True),
        ("sets", {"a": ["x", "y"], "b": None}, {"a": ["y", "x", "y"], "b": None}, True),
        ("sets", {"a": ["x", "y"], "b": None}, {"a": ["y"], "b": None}, False),
        ("slots", {"s": [{"n": 1}, {"n": 2}]}, {"s": [{"n": 2}, {"n": 1}]}, True),
        ("slots", {"s": [{"n": 1}, {"n": 1}]}, {"s": [{"n": 1}]}, False),
        ("leaf", {"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    ],
)
def test_match_of_a_source_means_what_it_says(match, gold, value, exact):
    """Each source's way to compare becomes matchers at the right locations."""
    line = line_of({"id": "x", "text": "t", "schema": True, "gold": gold, "match": match})

    assert score(value, line["gold"], line["match"]).exact is exact
