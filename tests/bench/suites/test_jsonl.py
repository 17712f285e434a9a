"""A suite may be one file, every line a task with its schema; what is wrong with it is listed in full."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.reading import unique_names
from schema_guard.bench.suites.scoring import score
from schema_guard.bench.suites.values import Task
from schema_guard.errors import InvalidArgument

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
LINE = {"id": "a", "input": "n is 1", "schema": SCHEMA, "gold": {"n": 1}}


def _file(folder, *lines, name="mine.jsonl"):
    """Write a file of lines: texts as they are, everything else as JSON."""
    path = folder / name
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8"
    )
    return path


def _problems(path, **arguments):
    """Load a suite that is not right, and give its problems."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, **arguments)

    head, *problems = str(caught.value).split("\n  ")
    assert head == f"suite {str(path)!r}: {len(problems)} problem{'s' * (len(problems) > 1)}"
    return problems


@given(st.lists(st.sampled_from(["a", "b", "a-1", "a-2"]), max_size=6))
def test_every_schema_gets_a_name_of_its_own(bases):
    """Names are unique, and one that nobody else has is kept."""
    names = unique_names(bases)

    assert len(set(names)) == len(bases)
    assert [name for name, base in zip(names, bases, strict=True) if bases.count(base) == 1] == [
        base for base in bases if bases.count(base) == 1
    ]


def test_line_is_a_task(tmp_path):
    """A line is read into a task, with defaults for what it leaves out."""
    other = {
        **LINE,
        "id": "x/b",
        "instruction": "Give n.",
        "match": {"/n": {"tolerance": 1}},
        "tags": ["copy"],
        "split": "dev",
        "difficulty": 0.5,
    }
    suite = load_suite(_file(tmp_path, LINE, "", other))
    (schema,) = suite.schemas

    assert suite.name == "mine"
    assert (schema.name, schema.group, schema.schema.name) == ("mine", "mine", "mine")
    assert schema.tasks == (
        Task("a", "n is 1", "", {"n": 1}, {}, (), "test"),
        Task("x/b", "n is 1", "Give n.", {"n": 1}, {"/n": {"tolerance": 1}}, ("copy",), "dev", 0.5),
    )


def test_a_task_without_a_licence_belongs_to_those_with_none_stated(tmp_path):
    """The file of a suite may name the licence that a task without one has."""
    suite = load_suite(_file(tmp_path, LINE, {**LINE, "id": "b", "licence": "not stated"}))

    assert [(entry.name, len(entry.tasks)) for entry in suite.schemas] == [("mine", 2)]


def test_tasks_of_one_schema_belong_together(tmp_path):
    """Tasks are grouped by schema, key order included, source and licence; the source is the group."""
    reordered = dict(reversed(SCHEMA.items()))
    suite = load_suite(
        _file(
            tmp_path,
            {**LINE, "source": "s"},
            {**LINE, "id": "b", "schema": reordered, "source": "s"},
            {**LINE, "id": "c", "source": "s"},
            {**LINE, "id": "d", "licence": "MIT"},
            {**LINE, "id": "e"},
        )
    )

    assert [
        (entry.name, entry.group, entry.licence, [t.id for t in entry.tasks]) for entry in suite.schemas
    ] == [
        ("s-1", "s", "not stated", ["a", "c"]),
        ("s-2", "s", "not stated", ["b"]),
        ("mine-1", "mine-1", "MIT", ["d"]),
        ("mine-2", "mine-2", "not stated", ["e"]),
    ]


def test_schema_may_stand_in_a_file(tmp_path):
    """Tasks may share a schema file inside the folder, which names the schema."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/number.json").write_text(
        json.dumps({**SCHEMA, "description": " One\n number. "}), encoding="utf-8"
    )
    line = {key: LINE[key] for key in ("id", "input", "gold")} | {"schema_file": "schemas/number.json"}

    (entry,) = load_suite(_file(tmp_path, line, {**line, "id": "b"})).schemas
    assert (entry.name, len(entry.tasks)) == ("number", 2)


def test_file_that_is_a_link_is_read(tmp_path):
    """The file that the user names may be a link to anywhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here/mine.jsonl").symlink_to(_file(tmp_path / "elsewhere", LINE, name="blob"))

    assert load_suite(tmp_path / "here/mine.jsonl").schemas[0].tasks[0].id == "a"


def test_byte_order_mark_is_skipped(tmp_path):
    """A byte order mark before the first line is no part of it."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(LINE).encode())

    assert load_suite(path).schemas[0].tasks[0].id == "a"


def test_fingerprint_follows_what_results_depend_on(tmp_path):
    """A fingerprint changes with a gold or a schema, and not with tags, difficulty or the file's folder."""
    (tmp_path / "other").mkdir()
    plain = load_suite(_file(tmp_path, LINE)).fingerprint

    assert (
        load_suite(_file(tmp_path / "other", {**LINE, "tags": ["x"], "difficulty": 1})).fingerprint == plain
    )
    assert load_suite(_file(tmp_path, {**LINE, "gold": {"n": 2}})).fingerprint != plain
    assert load_suite(_file(tmp_path, {**LINE, "schema": {**SCHEMA, "title": "t"}})).fingerprint != plain


def test_readme_example_is_a_right_suite(tmp_path):
    """The example file of the format's page is a suite whose matchers do what the page says."""
    page = (Path(__file__).parents[3] / "schemas/README.md").read_text(encoding="utf-8")
    example = re.search(r"```jsonl\n(.*?)\n```", page, re.DOTALL)[1]

    orders, meeting = load_suite(_file(tmp_path, example)).schemas
    (order,), (when,) = orders.tasks, meeting.tasks
    assert (orders.group, meeting.licence) == ("orders", "CC0-1.0")
    assert score({"item": "Desks", "qty": 3}, order.gold, order.match).exact
    assert score("2026-03-04T09:00:00Z", when.gold, when.match).exact


PROBLEMS = {
    "broken_json": (
        [LINE, "{'id'"],
        ["mine.jsonl:2: invalid JSON at column 2: Expecting property name enclosed in double quotes"],
    ),
    "half_a_character": (
        ['{"id": "a", "input": "\\ud800", "schema": true, "gold": 1}'],
        ["mine.jsonl:1: instance contains a lone surrogate at character 1 of a text"],
    ),
    "infinity": (
        ['{"id": "a", "input": "x", "schema": true, "gold": 1e999}'],
        ["mine.jsonl:1: instance contains inf, which is not a JSON number"],
    ),
    "duplicate_key": (
        ['{"id": "a", "id": "b"}'],
        ["mine.jsonl:1: invalid JSON: the key 'id' occurs twice. Remove one of the two"],
    ),
    "no_object": (["[1]"], ["mine.jsonl:1: at (root): expected object, got array of 1 item"]),
    "nothing": ([""], ["mine.jsonl: expected at least one line"]),
    "unknown_key": ([{**LINE, "golds": 1}], ["mine.jsonl:1: unknown key 'golds'. Did you mean 'gold'?"]),
    "wrong_types": (
        [{**LINE, "input": 1}, {**LINE, "id": "b", "tags": "x"}],
        [
            "mine.jsonl:1: at /input: expected string, got number 1",
            "mine.jsonl:2: at /tags: expected array, got string 'x'",
        ],
    ),
    "guessed_difficulty": (
        [{**LINE, "difficulty": "hard"}],
        ["mine.jsonl:1: at /difficulty: expected number, got string 'hard'"],
    ),
    "schema_is_a_path": (
        [{**LINE, "schema": "/etc/hostname"}],
        ["mine.jsonl:1: at /schema: expected boolean or object, got string '/etc/hostname'"],
    ),
    "no_schema": (
        [{key: LINE[key] for key in ("id", "input", "gold")}],
        ["mine.jsonl:1: expected either 'schema' or 'schema_file', got neither"],
    ),
    "two_schemas": (
        [{**LINE, "schema_file": "x.json"}],
        ["mine.jsonl:1: expected either 'schema' or 'schema_file', got both"],
    ),
    "broken_schema_is_told_once": (
        [{**LINE, "schema": {"type": "objekt"}}, {**LINE, "id": "b", "schema": {"type": "objekt"}}],
        [
            (
                "mine.jsonl:1: schema: schema is invalid at /type: expected one of 'array', 'boolean', 'integer', "
                "'null', 'number', 'object', 'string', got string 'objekt'"
            )
        ],
    ),
    "gold_not_valid": (
        [{**LINE, "gold": {"n": "1"}}],
        ["mine.jsonl:1: the gold is not valid at /n: expected integer, got string '1'"],
    ),
    "duplicate_id": ([LINE, LINE], ["mine.jsonl:2: id 'a' was used before, at mine.jsonl:1"]),
    "unknown_matcher": (
        [{**LINE, "match": {"/n": {"accept": [2]}}}],
        ["mine.jsonl:1: matcher at /n: expected the gold among the accepted values"],
    ),
}


@pytest.mark.parametrize(("lines", "problems"), PROBLEMS.values(), ids=PROBLEMS)
def test_every_problem_of_a_file_is_listed(tmp_path, lines, problems):
    """A file that is not right is refused once, with every problem and its line."""
    assert _problems(_file(tmp_path, *lines)) == problems


def test_file_that_cannot_be_read_is_a_problem():
    """The error has the reason of the system."""
    path = Path("/proc/self/mem")
    if not path.is_file():
        pytest.skip("needs a file that opens and cannot be read, as on Linux")

    assert _problems(path) == ["mem: this file cannot be read: Input/output error"]


def test_carriage_return_inside_a_line_ends_no_line(tmp_path):
    """Only a line feed ends a line; a carriage return between two keys is white space of JSON."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(json.dumps(LINE).replace(', "input"', ',\r"input"').encode())

    assert load_suite(path).schemas[0].tasks[0].input == "n is 1"


@pytest.mark.parametrize("name", ["../x.json", "/etc/hostname", "link.json", "loop.json", "a\0"])
def test_schema_file_outside_is_not_read(tmp_path, name):
    """A schema file that lies outside the file's folder, by its name or by a link, is refused."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (tmp_path / "x.json").write_text("true", encoding="utf-8")
    (folder / "link.json").symlink_to(tmp_path / "x.json")
    (folder / "loop.json").symlink_to("loop.json")
    line = {key: LINE[key] for key in ("id", "input", "gold")} | {"schema_file": name}

    # Python 3.13 follows a link in a circle when it opens it.
    circle = "this file cannot be read: Too many levels of symbolic links"
    assert _problems(_file(folder, line))[0] in {
        f"{name}: this file is outside the suite. Move it into the suite",
        *([f"loop.json: {circle}"] if name == "loop.json" else []),
    }


def test_missing_schema_file_is_told_once(tmp_path):
    """Two tasks that name one missing file are one problem."""
    line = {key: LINE[key] for key in ("id", "input", "gold")} | {"schema_file": "x.json"}

    assert _problems(_file(tmp_path, line, {**line, "id": "b"})) == ["x.json: this file is missing"]


def test_forms_with_a_schema_take_no_other(tmp_path):
    """A schema or columns for a form that has its own are refused, not ignored."""
    with pytest.raises(InvalidArgument) as caught:
        load_suite(_file(tmp_path, LINE), schema=SCHEMA)
    assert str(caught.value) == (
        "schema: only suites of the form 'rows' accept this argument, but this suite has the form 'jsonl'. Remove the argument"
    )
    with pytest.raises(InvalidArgument) as caught:
        load_suite("small", columns={"input": "text"})
    assert (
        str(caught.value)
        == "columns: only suites of the form 'rows' accept this argument, but this suite has the form 'folder'. Remove the argument"
    )
