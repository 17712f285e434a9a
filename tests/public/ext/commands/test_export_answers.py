"""The option `--answers` of `schema-guard tune prepare`: which answer each line gives, and to which input."""

import json
from pathlib import Path

import pytest

from schema_guard import guard, open_store
from tests.public.commands.clusters import words
from tests.public.commands.command_lines import command, file

OPTIONAL = {"title": "note", "anyOf": [{"type": "null"}, {"type": "object", "required": ["a"]}]}
REQUIRED = {"title": "note", "type": "object", "required": ["a"]}


@pytest.fixture
def calls(folder):
    """A store of three calls without a valid reply, and the id of each call by its input."""
    with open_store("r.db", payload="full") as store:

        @guard(OPTIONAL, store=store, name="app.note", max_attempts=1, on_failure="return")
        def note(prompt: str):
            return "no JSON"

        texts = [words(n) for n in range(3)]
        for text in texts:
            note.outcome(text)
        store.flush()
        return {text: row["call_id"] for text, row in zip(texts, store.attempts(), strict=True)}


def exported(schema, rows, *options, store="new.db"):
    """Export the answers in these rows. Return each row's input, answer, and origin, in the order of the inputs."""
    file("s.json", json.dumps(schema))
    file("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    line = f"tune prepare --schema s.json --answers a.jsonl -o set --min-examples 1 --validation 0 --test 0 --store {store}"
    status, _, err = command(*line.split(), *options)
    assert status == 0, err
    origins = [json.loads(row)["origin"] for row in Path("set/rows.jsonl").read_text().splitlines()]
    turns = [json.loads(row)["messages"] for row in Path("set/train.jsonl").read_text().splitlines()]
    return sorted(
        (asked["content"], json.loads(answer["content"]), origin)
        for ([asked, answer], origin) in zip(turns, origins, strict=True)
    )


def test_null_is_an_answer_to_an_input_if_the_schema_accepts_it(folder):
    """A null answer becomes a row of the training set."""
    rows = [{"input": words(1), "answer": None}, {"input": words(2), "answer": {"a": 1}}]

    result = exported(OPTIONAL, rows)

    assert result == sorted(
        [(words(1), None, "answers a.jsonl, line 1"), (words(2), {"a": 1}, "answers a.jsonl, line 2")]
    )


def test_null_is_an_answer_to_a_call_if_the_schema_accepts_it(calls):
    """A null answer to a recorded call becomes the answer to the call's input."""
    answers = dict(zip(calls, (None, {"a": 1}, None), strict=True))
    rows = [{"call_id": calls[text], "answer": answer} for text, answer in answers.items()]

    result = exported(OPTIONAL, rows, "--function", "app.note", store="r.db")

    assert [(text, answer) for text, answer, _ in result] == sorted(answers.items(), key=lambda one: one[0])


def test_null_leaves_an_input_open_if_the_schema_rejects_it(folder):
    """A line with a null answer, as in `to_label.jsonl`, adds no row."""
    rows = [{"input": words(1), "answer": None}, {"input": words(2), "answer": {"a": 1}}]

    assert exported(REQUIRED, rows) == [(words(2), {"a": 1}, "answers a.jsonl, line 2")]
