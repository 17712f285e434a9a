"""The rows of a training set, whichever host they are spelled for."""

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.local.plan import read_unchanged
from schema_guard.ext.tuning.training_rows import SftRow, read_set

TEXTS = st.text(min_size=1)
TASK = {"role": "user", "content": "Two lamps for Ann."}
ANSWER = {"role": "assistant", "content": '{"item":"lamp"}'}


def spelled(system, task, answer):
    """The spellings of one row."""
    user, assistant = {"role": "user", "content": task}, {"role": "assistant", "content": answer}
    yield {"messages": [{"role": "system", "content": system}, user, assistant]}
    yield {"system": system, "messages": [user, assistant]}


def written(folder, *rows, name="train.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@given(TEXTS, TEXTS, TEXTS)
def test_spellings_of_hosts_are_one_row(tmp_path_factory, system, task, answer):
    """A row has the same turns in each host's spelling."""
    rows = list(spelled(system, task, answer))
    folder = written(tmp_path_factory.getbasetemp(), *rows)
    written(folder, {"format": 1}, name="manifest.json")

    prompt = [{"role": "system", "content": system}, {"role": "user", "content": task}]
    assert read_set(folder).train == [SftRow(prompt, answer)] * len(rows)


def test_prompt_and_completion_are_texts(tmp_path):
    """A prompt that is a text is the task of a user."""
    written(tmp_path, {"format": 1}, name="manifest.json")
    written(tmp_path, {"prompt": "Two lamps.", "completion": "{}"})

    assert read_set(tmp_path).train == [SftRow([{"role": "user", "content": "Two lamps."}], "{}")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": [TASK]}, "at /messages: expected"),
        (
            {"messages": [ANSWER, ANSWER]},
            "expected messages that end with a user message and an assistant message",
        ),
        ({"messages": [{"role": "user", "content": 3}, ANSWER]}, "at /messages/0/content: expected string"),
        ({"messages": None}, "at /messages: expected array, got null"),
        ({"text": "a"}, "expected property 'prompt'"),
        (7, "expected object, got"),
    ],
)
def test_what_is_no_row_is_told_with_its_line(tmp_path, row, words):
    """A line that holds no task with its answer is named with what is wrong with it."""
    written(tmp_path, {"format": 1}, name="manifest.json")
    written(tmp_path, {"messages": [TASK, ANSWER]}, row)

    with pytest.raises(InvalidArgument, match=f"train.jsonl:2: .*{re.escape(words)}"):
        read_set(tmp_path)


def test_a_changed_file_is_not_learned(tmp_path):
    """Rows that are not those of the manifest are refused."""
    written(tmp_path, {"messages": [TASK, ANSWER]})
    digest = hashlib.sha256((tmp_path / "train.jsonl").read_bytes()).hexdigest()

    def read(sha256):
        written(tmp_path, {"format": 1, "files": {"train": {"sha256": sha256}}}, name="manifest.json")
        return read_unchanged(tmp_path)

    assert len(read(digest).train) == 1
    with pytest.raises(InvalidArgument, match=r"train.jsonl is not the file that manifest.json describes"):
        read("0" * 64)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("{", "manifest.json: expected the manifest of a training set, but reading it failed: "),
        ("[]", "manifest.json: expected the manifest of a training set, which is a JSON object"),
        ("[" * 100_000, "manifest.json: expected the manifest of a training set, but reading it failed: "),
        ("{}", "has the format None, but this version of schema-guard reads only format 1"),
        (
            '{"format": 2}',
            "has the format 2, but this version of schema-guard reads only format 1. Upgrade schema-guard",
        ),
        ('{"format": 1, "files": [1]}', "expected the manifest of a training set, which is a JSON object"),
        (
            '{"format": 1, "files": {"train": 3}}',
            "expected the manifest of a training set, which is a JSON object",
        ),
    ],
)
def test_what_is_no_training_set_is_told(tmp_path, manifest, words):
    """A manifest that cannot be read is refused with what to do."""
    written(tmp_path, {"messages": [TASK, ANSWER]})
    (tmp_path / "manifest.json").write_text(manifest)

    with pytest.raises(InvalidArgument, match=words):
        read_set(tmp_path)


def test_a_set_needs_a_row(tmp_path):
    """A folder without rows to learn is none; one without rows to check by is."""
    written(tmp_path, {"format": 1}, name="manifest.json")
    with pytest.raises(InvalidArgument, match=r"train.jsonl: this file is missing"):
        read_set(tmp_path)

    written(tmp_path, {"messages": [TASK, ANSWER]})
    assert tuple(map(len, read_set(tmp_path)[:2])) == (1, 0)
