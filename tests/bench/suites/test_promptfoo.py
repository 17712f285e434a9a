"""Test cases of promptfoo: a row is a task, and what is not supported is listed."""

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidSchema
from tests.bench.suites.public_files import problems_of

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def _csv(folder, *lines):
    path = folder / "tests.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_test_case_is_a_task(tmp_path):
    """A row of test cases is a task: its variable the input, its assertions the gold and the schema."""
    suite = load_suite(
        _csv(
            tmp_path,
            "text,__expected1,__expected2,__description,__metric,__metadata:kind,__prefix,__suffix",
            '"n is ""1"",\nI think","equals: {""n"": 1}",is-json,d,m,easy,<,>',
            'n is 2,"{""n"": 2}","contains-json:{""type"": ""object""}",,,,,',
            ",,,,,,,",
        ),
        schema={**NUMBER, "title": "number"},
    )
    first, second = suite.schemas

    assert (first.name, first.schema.document) == ("number", {**NUMBER, "title": "number"})
    assert (second.name, second.schema.document) == ("tests", {"type": "object"})
    assert [(t.id, t.text, t.gold, t.tags) for entry in suite.schemas for t in entry.tasks] == [
        ("tests-1", '<n is "1",\nI think>', {"n": 1}, ("kind=easy",)),
        ("tests-2", "n is 2", {"n": 2}, ()),
    ]


def test_several_variables_are_named_in_the_input(tmp_path):
    """Several variables stand in the input one under the other, with their names."""
    suite = load_suite(_csv(tmp_path, "city,day,__expected", "Rome,Monday,1"), schema=True)

    assert suite.schemas[0].tasks[0].input == "city: Rome\nday: Monday"


def test_line_ends_inside_a_cell_stay_as_they_are(tmp_path):
    """A cell of several lines keeps its carriage returns, whatever ends the rows."""
    (tmp_path / "tests.csv").write_bytes(b'text,__expected\r\n"a\r\nb",1\r\n"c",2')

    (entry,) = load_suite(tmp_path / "tests.csv", schema=True).schemas
    assert [task.input for task in entry.tasks] == ["a\r\nb", "c"]


PROMPTFOO = {
    "no_assertions": (["text", "x"], ["tests.csv:1: expected a column '__expected'"]),
    "one_underscore": (
        ["text,_expected,__expected", "x,,1"],
        ["tests.csv:1: column '_expected', did you mean '__expected'?"],
    ),
    "column_without_a_name": (
        ["text,__expected,, ", "x,1,,"],
        [f"tests.csv:1: column {n} has no name" for n in (3, 4)],
    ),
    "space_before_a_column": (
        ["text,__expected, __metadata:kind", "x,1,easy"],
        ["tests.csv:1: column ' __metadata:kind', did you mean '__metadata:kind'?"],
    ),
    "column_twice": (["text,text,__expected", "x,y,1"], ["tests.csv:1: column 'text' stands there twice"]),
    "other_assertions": (
        [
            "text,__expected1,__expected2",
            'x,llm-rubric: is nice,"not-equals: 1"',
            '"a\nb",equals: one,',
            "y,is-json:file://s.json,1",
        ],
        [
            f"tests.csv:{line}: {column} {cell!r} is not supported: expected JSON, 'equals:' with JSON, or 'is-json' or "
            "'contains-json', with a JSON Schema or alone"
            for line, column, cell in (
                (2, "__expected1", "llm-rubric: is nice"),
                (2, "__expected2", "not-equals: 1"),
                (3, "__expected1", "equals: one"),
                (5, "__expected1", "is-json:file://s.json"),
            )
        ],
    ),
    "unsupported_column": (
        ["text,__expected,__threshold", "x,1,0.5"],
        ["tests.csv:2: column '__threshold' is not supported"],
    ),
    "no_gold": (
        ["text,__expected", "x,is-json"],
        ["tests.csv:2: no right answer: expected an assertion 'equals:' with JSON"],
    ),
    "two_golds": (
        ["text,__expected1,__expected2", "x,1,2"],
        ["tests.csv:2: there are two right answers: expected one"],
    ),
    "two_schemas": (
        ["text,__expected1,__expected2,__expected3", "x,1,is-json:true,contains-json:false"],
        ["tests.csv:2: there are two schemas: expected one"],
    ),
    "no_text": (["text,__expected", ",1"], ["tests.csv:2: no text: every variable is empty"]),
    "too_many_cells": (["text,__expected", "x,1,2"], ["tests.csv:2: expected 2 cells, got 3"]),
    "gold_not_valid": (
        ["text,__expected", 'x,"{""n"": ""1""}"'],
        ["tests.csv:2: the gold is not valid at /n: expected integer, got string '1'"],
    ),
    "broken_csv": (["text,__expected", 'x,"1'], ["tests.csv:2: broken CSV: unexpected end of data"]),
    "nothing": ([""], ["tests.csv:1: expected a column '__expected'"]),
    "gold_too_deep": (
        ["text,__expected", f"x,{'[' * 120}{']' * 120}"],
        ["tests.csv:2: instance: expected a value nested at most 100 levels deep"],
    ),
    "gold_of_no_number": (
        ["text,__expected", "x,equals:NaN"],
        [
            (
                "tests.csv:2: __expected 'equals:NaN' is not supported: expected JSON, 'equals:' with JSON, or "
                "'is-json' or 'contains-json', with a JSON Schema or alone"
            )
        ],
    ),
    "no_rows": (["text,__expected"], ["tests.csv: expected at least one task"]),
}


@pytest.mark.parametrize(("lines", "problems"), PROMPTFOO.values(), ids=PROMPTFOO)
def test_what_test_cases_say_that_is_not_supported_is_listed(tmp_path, lines, problems):
    """What cannot be read as an input with a right answer is a problem with its line, and nothing is guessed."""
    schema = NUMBER if "nn" in str(lines) or '""n""' in str(lines) else True

    assert problems_of(_csv(tmp_path, *lines), schema=schema) == problems


def test_test_cases_without_a_schema_are_refused(tmp_path):
    """Test cases in which no schema is stated need one for all rows."""
    assert problems_of(_csv(tmp_path, "text,__expected", "x,1")) == [
        "tests.csv:2: no schema: give one with schema=, or in an assertion 'is-json:{...}'"
    ]


def test_test_cases_in_another_encoding_are_refused(tmp_path):
    """A CSV that is not UTF-8 is a problem, not a guess."""
    (tmp_path / "tests.csv").write_bytes("text,__expected\nGr\u00fc\u00dfe,1".encode("latin-1"))

    assert problems_of(tmp_path / "tests.csv", schema=True) == [
        "tests.csv: this file is not UTF-8: invalid start byte at byte 18"
    ]


def test_schema_for_all_rows_has_to_be_one(tmp_path):
    """A schema that is none is refused as such."""
    with pytest.raises(InvalidSchema):
        load_suite(_csv(tmp_path, "text,__expected", "x,1"), schema={"type": "objekt"})
