"""The rows of a training set, whichever host they are spelled for."""

import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.local.plan import read_training_set
from schema_guard.ext.tuning.local.rows import SftRow, manifest_of, read_rows

TEXTS = st.text(min_size=1)
TASK = {"role": "user", "content": "Two lamps for Ann."}
ANSWER = {"role": "assistant", "content": '{"item":"lamp"}'}


def parts(text):
    return [{"text": text}]


def spelled(system, task, answer):
    """The spellings of one row."""
    user, assistant = {"role": "user", "content": task}, {"role": "assistant", "content": answer}
    yield {"messages": [{"role": "system", "content": system}, user, assistant]}
    yield {"system": system, "messages": [user, assistant]}
    yield {
        "schemaVersion": "bedrock-conversation-2024",
        "system": parts(system),
        "messages": [{**user, "content": parts(task)}, {**assistant, "content": parts(answer)}],
    }
    yield {"prompt": [{"role": "system", "content": system}, user], "completion": [assistant]}


def written(folder, *rows, name="train.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


@given(TEXTS, TEXTS, TEXTS)
def test_the_spellings_of_hosts_are_one_row(tmp_path_factory, system, task, answer):
    """A row says the same in each host's spelling."""
    rows = list(spelled(system, task, answer))
    folder = written(tmp_path_factory.getbasetemp(), *rows)

    prompt = [{"role": "system", "content": system}, {"role": "user", "content": task}]
    assert read_rows(folder, "train", {}) == [SftRow(prompt, answer)] * len(rows)


def test_a_prompt_and_its_completion_are_texts(tmp_path):
    """A prompt that is a text is the task of a user."""
    written(tmp_path, {"prompt": "Two lamps.", "completion": "{}"})

    assert read_rows(tmp_path, "train", {}) == [SftRow([{"role": "user", "content": "Two lamps."}], "{}")]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"chosen": "a", "rejected": "b"}, "a row of preferences: the local backend learns answers"),
        ({"input": {}, "preferred_output": []}, "a row of preferences"),
        ({"messages": [TASK]}, "expected a task and, as its last message, the assistant's answer"),
        ({"messages": [ANSWER]}, "expected a task and, as its last message"),
        ({"messages": [TASK, {**ANSWER, "content": ""}]}, "the assistant's answer"),
        ({"messages": [{"role": "user", "content": 3}, ANSWER]}, "as 'content', got int"),
        ({"messages": None}, "expected messages with a text as 'role'"),
        ({"text": "a"}, r"expected the key 'messages', or 'prompt' and 'completion', got ['text']"),
        (7, "expected an object, got int"),
    ],
)
def test_what_is_no_row_is_told_with_its_line(tmp_path, row, words):
    """A line that holds no task with its answer is named with what is wrong with it."""
    written(tmp_path, {"messages": [TASK, ANSWER]}, row)

    with pytest.raises(InvalidArgument, match=f"train.jsonl, line 2: .*{re.escape(words)}"):
        read_rows(tmp_path, "train", {})


def test_a_line_that_is_no_json_is_told(tmp_path):
    """A line of another file is told with its place."""
    for text in ("task,answer\n", "[" * 100_000):
        (tmp_path / "train.jsonl").write_text(text)

        with pytest.raises(InvalidArgument, match=r"train.jsonl, line 1: no JSON: "):
            read_rows(tmp_path, "train", {})


def test_a_changed_file_is_not_learned(tmp_path):
    """Rows that are not those of the manifest are refused."""
    written(tmp_path, {"messages": [TASK, ANSWER]})
    digest = hashlib.sha256((tmp_path / "train.jsonl").read_bytes()).hexdigest()

    def read(sha256):
        return read_rows(tmp_path, "train", {"files": {"train": {"sha256": sha256}}})

    assert len(read(digest)) == 1
    with pytest.raises(InvalidArgument, match=r"train.jsonl: is not the file that manifest.json was written"):
        read("0" * 64)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "cannot be read: .* which 'schema-guard tune prepare' writes"),
        ("{", "cannot be read"),
        ("[]", "expected an object, got list"),
        ("[" * 100_000, "cannot be read"),
        ("{}", "its format is None, and format 1 is what this version reads"),
        ('{"format": 2}', "its format is 2, and format 1 is what this version reads: upgrade schema-guard"),
        ('{"format": 1, "files": [1]}', "expected an object with the files, got"),
        ('{"format": 1, "files": {"train": 3}}', "expected an object with the files, got"),
        ('{"format": 1, "form": "dpo"}', "form 'dpo': the local backend learns answers, not preferences"),
    ],
)
def test_what_is_no_training_set_of_answers_is_told(tmp_path, manifest, words):
    """A folder without a manifest, or of preferences, is refused with what to do."""
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)

    with pytest.raises(InvalidArgument, match=f"manifest.json: .*{words}"):
        manifest_of(tmp_path)


def test_a_set_needs_a_row(tmp_path):
    """A folder without rows to learn is none; one without rows to check by is."""
    written(tmp_path, {"format": 1, "form": "sft"}, name="manifest.json")
    with pytest.raises(InvalidArgument, match=r"train.jsonl: expected at least one row"):
        read_training_set(tmp_path)

    written(tmp_path, {"messages": [TASK, ANSWER]})
    assert tuple(map(len, read_training_set(tmp_path))) == (1, 0)
