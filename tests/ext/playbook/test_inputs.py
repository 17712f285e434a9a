"""The inputs of a playbook: which, in what order, and from where."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument
from schema_guard.ext.playbook.inputs import inputs_of, read_texts, suite_inputs
from schema_guard.prompting import Example
from tests.ext.playbook.playbook_models import SCHEMA, texts


@given(st.lists(st.text(min_size=1), min_size=1), st.integers())
def test_inputs_are_the_different_texts(given_, seed):
    """Every text is asked once, whatever the seed, and what repeats is counted."""
    result = inputs_of(SCHEMA, given_, seed=seed)

    assert sorted(result.tasks) == sorted(set(given_))
    assert result.repeated == len(given_) - len(result.tasks)


def test_order_is_that_of_the_seed():
    """The same seed gives the same order, another one another, and none that of the file."""
    one, same, other = (inputs_of(SCHEMA, texts(50), seed=seed).tasks for seed in (1, 1, 2))

    assert one == same
    assert len({one, other, tuple(texts(50))}) == 3


def test_instruction_stands_before_each_text():
    """An instruction and a text are one task, as in a suite."""
    assert inputs_of(SCHEMA, ["a"], instruction="Count.").tasks == ("Count.\n\na",)


def event():
    return next(entry for entry in load_suite("small").schemas if entry.name == "event")


def test_suite_is_asked_its_test_tasks():
    """What a suite shows in examples is not asked."""
    entry = event()
    result = suite_inputs(entry)

    assert sorted(result.tasks) == sorted(task.text for task in entry.tasks_of("test"))
    assert result.examples == tuple(Example(task.gold, task.text) for task in entry.tasks_of("dev"))
    assert result.schema is entry.schema


def test_texts_are_asked_under_the_suites_instruction():
    """Own texts under a suite's schema have its instruction and its examples."""
    entry = event()
    result = suite_inputs(entry, texts=["Demo on 2026-03-04, 30 minutes."])

    assert result.tasks == (entry.tasks[0].text,)
    assert result.examples == suite_inputs(entry).examples


def test_nothing_to_ask_is_refused():
    """A playbook run needs an input."""
    with pytest.raises(InvalidArgument) as caught:
        inputs_of(SCHEMA, [])

    assert str(caught.value) == "inputs for schema 'Count': expected at least one input, got none"


def test_lines_of_a_text_file_are_texts(tmp_path):
    """Blank lines and the ends of lines are no part of a text; a byte order mark is none either."""
    path = tmp_path / "inputs.txt"
    path.write_bytes("\ufefffirst\r\n\n  second\u2028still second \n".encode())

    assert read_texts(path) == ["first", "second\u2028still second"]


@given(st.lists(st.text(min_size=1).filter(str.strip)))
def test_json_lines_are_strings_or_objects(tmp_path_factory, given_):
    """Each line is a text or an object that has one as its input, whatever else it holds."""
    path = tmp_path_factory.mktemp("inputs") / "inputs.jsonl"
    lines = [json.dumps(text if n % 2 else {"id": n, "input": text}) for n, text in enumerate(given_)]
    path.write_text("\n".join(lines), encoding="utf-8")

    assert read_texts(path) == given_


def test_inputs_of_the_benchmark_are_sixty_different_announcements(request):
    """The inputs that the playbook run's published result is made of."""
    result = read_texts(request.config.rootpath / "schema_guard" / "ext" / "demo" / "notices.jsonl")

    assert len(result) == len(set(result)) == 60


WRONG_FILES = [
    ("a.csv", b"x", "inputs {path}: expected a file name that ends in .txt or .jsonl"),
    ("a.txt", b"\xff", "inputs {path}: expected a UTF-8 file, but reading it failed: 'utf-8' codec"),
    ("a.jsonl", b'"a"\n\nno\n', "inputs {path}, line 3: expected JSON, got 'no' ("),
    ("a.jsonl", b'{"text": "a"}', 'inputs {path}, line 1: expected a string that is not blank, or {"input": string}, got'),
    ("a.jsonl", b'" "', "inputs {path}, line 1: expected a string that is not blank, or"),
    ("a.jsonl", b"3", "inputs {path}, line 1: expected a string that is not blank, or"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "message"), WRONG_FILES, ids=range(len(WRONG_FILES)))
def test_wrong_file_is_told_with_its_line(tmp_path, name, content, message):
    """A file that is no list of inputs is an error that names the place."""
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(InvalidArgument) as caught:
        read_texts(path)

    assert str(caught.value).startswith(message.replace("{path}", str(path)))


def test_file_that_is_not_there_is_told(tmp_path):
    """A missing file is the caller's mistake."""
    with pytest.raises(InvalidArgument) as caught:
        read_texts(tmp_path / "none.txt")

    assert "none.txt: expected a UTF-8 file" in str(caught.value)
