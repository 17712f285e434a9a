"""The suite of long inputs is what its card says."""

import json
from functools import cache

import pytest

from benchmarks.long_suite.runs import Runs
from schema_guard.bench.suites.load import load_suite
from schema_guard.ext.suites.tools import RUN, words_of


@cache
def suite():
    return load_suite("long")


def tasks():
    return [(entry, task) for entry in suite().schemas for task in entry.tasks]


def test_most_schemas_have_fifty_tasks():
    """At least six schemas have 50 or more scored tasks, and each has two examples."""
    sizes = {entry.name: len(entry.tasks_of("test")) for entry in suite().schemas}

    assert len(sizes) == 9
    assert sum(size >= 50 for size in sizes.values()) >= 6
    assert {len(entry.tasks_of("dev")) for entry in suite().schemas} == {2}


def test_inputs_have_one_to_thirty_kilobytes():
    """The shortest input has about 1 KB, and the longest one 28 KB."""
    sizes = [len(task.input.encode()) for _, task in tasks()]

    assert min(sizes) >= 950
    assert 25_000 < max(sizes) < 31_000


def test_most_of_the_text_was_written_by_people():
    """At least half of the tasks are about public-domain texts."""
    by_people = [entry.licence.startswith("Public domain") for entry, _ in tasks()]

    assert sum(by_people) / len(by_people) >= 0.5


def test_schemas_are_wide_recursive_and_tagged():
    """Four schemas have more than 40 properties, one refers to itself, and one has a union with a tag."""
    schemas = {entry.name: entry.schema.document for entry in suite().schemas}

    assert sum(40 < len(schema.get("properties", {})) <= 100 for schema in schemas.values()) == 4
    assert '"$ref": "#/$defs/part"' in json.dumps(schemas["assembly"]["$defs"]["part"])
    kinds = schemas["shift_log"]["properties"]["eintraege"]["items"]["anyOf"]
    assert len({one["properties"]["art"]["const"] for one in kinds}) == 5


def test_nulls_invite_invention():
    """Seven of the nine schemas have answers with nulls in most tasks."""
    shares = {
        entry.name: sum("null" in json.dumps(task.gold) for task in entry.tasks) / len(entry.tasks)
        for entry in suite().schemas
    }

    assert sum(share > 0.9 for share in shares.values()) >= 7


def test_lists_have_up_to_200_items():
    """The longest list has more than 150 items."""
    longest = max(len(part) for _, task in tasks() for part in task.gold.values() if isinstance(part, list))

    assert 150 < longest <= 200


@pytest.mark.parametrize("name", ["long", "small"])
def test_no_two_inputs_share_twelve_words(name):
    """No run of 12 words is in the inputs of two tasks."""
    seen = {}
    for entry in load_suite(name).schemas:
        for task in entry.tasks:
            words = words_of(task.input)
            for at in range(len(words) - RUN + 1):
                assert seen.setdefault(tuple(words[at : at + RUN]), task.id) == task.id


def test_a_shared_run_is_refused():
    """A piece with a run of an earlier text is refused, also if the run begins in the piece before."""
    runs = Runs()
    text = "one two three four five six seven eight nine ten eleven twelve"
    assert runs.add(text)
    runs.end()

    assert runs.add("one two three four")
    assert not runs.add("five six seven eight nine ten eleven twelve")
    assert runs.add("five six seven eight nine ten eleven thirteen")
