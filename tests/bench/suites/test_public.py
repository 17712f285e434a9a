"""Public data sets are read in the form that they have on disk, and their answers mean what they mean there."""

import json

import pytest

from schema_guard.bench.suites.load import load_suite
from schema_guard.errors import InvalidArgument
from tests.bench.suites.public_files import problems_of, written_lines

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


# Rows with mapped columns


def test_columns_are_mapped(tmp_path):
    """Mapped columns are read, JSON written as text included; other columns are ignored."""
    row = {
        "text": "n is 1",
        "label_json": '{"n": 1}',
        "schema": json.dumps(NUMBER),
        "id": 7,
        "lang": "en",
        "source": "s",
    }

    suite = load_suite(
        written_lines(tmp_path / "rows.jsonl", [row]),
        columns={"input": "text", "gold": "label_json", "schema": "schema"},
    )
    (entry,) = suite.schemas

    assert (entry.name, entry.group, entry.schema.document) == ("s", "s", NUMBER)
    assert [(t.id, t.text, t.gold) for t in entry.tasks] == [("7", "n is 1", {"n": 1})]


def test_null_is_nothing_where_nothing_is_needed(tmp_path):
    """Null in a column for an instruction, a source, a licence or an id is as if it were not there."""
    row = {
        "input": "x",
        "gold": None,
        "schema": True,
        "id": None,
        "instruction": None,
        "source": None,
        "licence": None,
    }

    (entry,) = load_suite(written_lines(tmp_path / "rows.jsonl", [row]), columns={"input": "input"}).schemas
    assert (entry.group, entry.licence, entry.tasks[0].id, entry.tasks[0].text) == (
        "rows",
        "not stated",
        "rows-1",
        "x",
    )
    assert entry.tasks[0].gold is None


def test_schema_may_hold_for_all_rows(tmp_path):
    """A schema may be given for all rows; a gold that is no JSON is that text, and rows are numbered."""
    rows = [{"input": "x", "gold": "spam", "instruction": "Classify."}, {"input": "y", "gold": "ham"}]

    (entry,) = load_suite(
        written_lines(tmp_path / "rows.jsonl", rows),
        schema={"title": "label", "type": "string"},
    ).schemas

    assert entry.name == "label"
    assert [(t.id, t.text, t.gold) for t in entry.tasks] == [
        ("rows-1", "Classify.\n\nx", "spam"),
        ("rows-2", "y", "ham"),
    ]


def test_problems_of_rows_are_listed(tmp_path):
    """A missing column, a text that is none, and a gold that is not valid are told with their lines."""
    rows = [
        {"txt": "x", "gold": {"n": 1}},
        {"text": 1, "gold": {"n": 1}},
        {"text": "x", "gold": "n is 1"},
        {"text": "x", "gold": {"n": 1}},
    ]

    assert problems_of(
        written_lines(tmp_path / "rows.jsonl", rows), columns={"input": "text", "id": "key"}, schema=NUMBER
    )[:4] == [
        "rows.jsonl:1: expected a column 'text' for 'input'. Did you mean 'txt'?",
        "rows.jsonl:1: expected a column 'key' for 'id'",
        "rows.jsonl:2: expected a column 'key' for 'id'",
        "rows.jsonl:2: expected a text for 'input', got number 1",
    ]
    assert problems_of(
        written_lines(tmp_path / "rows.jsonl", rows[2:3]), columns={"input": "text"}, schema=NUMBER
    ) == ["rows.jsonl:1: the gold is not valid at (root): expected object, got string 'n is 1'"]
    assert problems_of(written_lines(tmp_path / "rows.jsonl", rows[3:]), columns={"input": "text"}) == [
        "rows.jsonl:1: expected a column 'schema' for 'schema'"
    ]


def test_schema_from_a_column_and_for_all_rows_is_refused(tmp_path):
    """A column for the schema beside a schema for all rows is refused, not ignored."""
    path = written_lines(tmp_path / "rows.jsonl", [{"input": "x", "gold": 1, "s": True}])

    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, columns={"schema": "s"}, schema=True)
    assert (
        str(caught.value) == "columns={'schema': ...} and schema= both set the schema. Use only one of them"
    )


@pytest.mark.parametrize("columns", [{"inputs": "text"}, {"input": 1}])
def test_unknown_mapping_is_refused(tmp_path, columns):
    """Only what a task has can be mapped, and only to the name of a column."""
    with pytest.raises(
        InvalidArgument,
        match=r"^columns=\{'inputs?': .*: expected the name of a column for one of the fields 'input', ",
    ):
        load_suite(written_lines(tmp_path / "rows.jsonl", [{"input": "x"}]), columns=columns)


# The form shows


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.csv", "1,2", "x.csv: expected at least one task"),
        ("x.csv", "text,gold\n1,2,3", "x.csv:2: expected 2 cells, got more"),
        ("x.csv", "text,gold\n1,2", "x.csv:2: expected a column 'input' for 'input'"),
        ("x.jsonl", '{"text": 1, "schema": {}, "gold": 1, "match": {}}', "x.jsonl:1: unknown key 'text'"),
        (
            "x.jsonl",
            "[" * 100_000,
            "x.jsonl:1: invalid JSON: the value is nested too deeply. Reduce the nesting",
        ),
        ("x.jsonl", "", "x.jsonl: expected at least one line"),
    ],
)
def test_form_is_chosen_by_what_is_there(tmp_path, name, text, problem):
    """A file is read in the form that its first line shows, and the problems are those of that form."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    assert problems_of(path)[0].startswith(problem)


def test_file_whose_form_does_not_show_is_told_by_its_keys(tmp_path):
    """An export with columns of its own is not read as a suite with every key wrong."""
    (tmp_path / "export.jsonl").write_text('{"text": "a", "label": "{}"}\n')

    with pytest.raises(
        InvalidArgument,
        match=r"the keys of the first line \('text', 'label'\) match no known form of a suite",
    ):
        load_suite(tmp_path / "export.jsonl")
