"""The suite of real documents comes from a file of the user."""

import gzip
import json

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument

ROW = {
    "id": "page-1",
    "category": "tables",
    "context": "The shop opened in 1912. Ann ran it.",
    "question": "When did the shop open, and who ran it?",
    "json_schema": {
        "type": "object",
        "properties": {"year": {"type": "integer"}, "owner": {"type": "string"}},
    },
    "gold": {"year": 1912, "owner": "Ann"},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SCHEMA_GUARD_CORPORA", str(tmp_path))
    return tmp_path


def write(folder, *rows):
    with gzip.open(folder / "sob.jsonl.gz", "wt") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)


def test_documents_are_tasks(folder):
    """A document is a task: the question, the page, the answer, and texts that may differ in punctuation."""
    write(folder, ROW)

    entry = load_suite("real").schemas[0]

    assert entry.tasks[0].text == f"{ROW['question']}\n\n{ROW['context']}"
    assert (entry.name, entry.tasks[0].gold, entry.tasks[0].match) == (
        "tables",
        ROW["gold"],
        {"/owner": "punctuation"},
    )


def test_missing_file_names_the_variable(folder):
    """Without the file, the error names the variable, the file, and the keys of a line."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite("real")

    assert "Set SCHEMA_GUARD_CORPORA to a folder with the file sob.jsonl.gz" in str(caught.value)


def test_line_without_an_answer_is_refused(folder):
    """A line that lacks a key is an error with its place."""
    write(folder, ROW, {key: value for key, value in ROW.items() if key != "gold"})

    with pytest.raises(InvalidArgument, match=r"sob.jsonl.gz:2: expected an object with the keys"):
        load_suite("real")


def test_small_is_the_builtin_suite():
    """`builtin` is another name of the suite `small`."""
    assert load_suite("small") == load_suite("builtin")
