"""Public data sets are read in the form that they have on disk, and their answers mean what they mean there."""

import json

import pytest

from schema_guard.bench.suites.load import Instance, load_suite
from schema_guard.bench.suites.scoring import score
from schema_guard.errors import InvalidArgument
from tests.bench.suites.public_files import problems_of, read_rows, written_lines

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


# Corpora


@pytest.mark.parametrize(
    ("name", "rows", "instances", "refused"),
    [
        pytest.param("jsonschemabench", 600, 2275, 1, marks=pytest.mark.slow),
        pytest.param("maskbench", 500, 2340, 0, marks=pytest.mark.slow),
    ],
)
def test_every_schema_of_a_corpus_loads(corpora, name, rows, instances, refused):
    """Every row is a schema in the group of its subset; an instance that is not what it says is listed."""
    suite = load_suite(corpora / f"{name}.jsonl")

    assert len(suite.schemas) == rows
    assert sum(len(entry.instances) for entry in suite.schemas) == instances
    assert len(suite.refused) == refused
    assert {entry.group for entry in suite.schemas} == {
        row["subset"] for row in read_rows(corpora / f"{name}.jsonl")
    }


@pytest.fixture(scope="module")
def extraction(corpora):
    return load_suite(corpora / "tasks.jsonl")


@pytest.fixture(scope="module")
def golds(extraction):
    return {task.id: task for entry in extraction.schemas for task in entry.tasks}


@pytest.mark.costly
def test_every_task_of_the_corpus_loads(extraction, golds):
    """All tasks load, grouped by their source, and none has a difficulty that nobody measured."""
    assert (len(golds), extraction.refused) == (450, ())
    assert all(task.id.startswith(f"{e.group}/") for e in extraction.schemas for task in e.tasks)
    assert {task.hardness for task in golds.values()} == {None}


def test_every_gold_of_the_corpus_is_exact_under_its_match(golds):
    """Every gold is exact against itself under the match of its source."""
    assert [task.id for task in golds.values() if not score(task.gold, task.gold, task.match).exact] == []


def test_every_acceptable_value_of_the_corpus_is_right(corpora, golds):
    """Every plain value that a task accepts for a parameter is right, and so is leaving out what may be left out."""
    tried = 0
    for row in read_rows(corpora / "tasks.jsonl"):
        task = golds[row["id"]]
        for name, values in row.get("accept", {}).items():
            if name in task.gold and not isinstance(task.gold[name], (dict, list)):
                rest = {key: part for key, part in task.gold.items() if key != name}
                choices = [{**task.gold, name: value} for value in values] + ([rest] if "" in values else [])
                assert all(score(choice, task.gold, task.match).exact for choice in choices)
                assert score(rest, task.gold, task.match).exact == ("" in values)
                tried += len(choices)

    assert tried > 300


def _extraction(tmp_path, match, gold, **more):
    row = {"id": "x", "text": "t", "schema": True, "gold": gold, "match": match, **more}
    ((task,),) = (entry.tasks for entry in load_suite(written_lines(tmp_path / "t.jsonl", [row])).schemas)
    return task


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
def test_match_of_a_source_means_what_it_says(tmp_path, match, gold, value, exact):
    """Each source's way to compare becomes matchers at the right locations."""
    task = _extraction(tmp_path, match, gold)

    assert score(value, task.gold, task.match).exact is exact


def test_difficulty_in_words_of_a_source_is_a_tag(tmp_path):
    """A word for difficulty that a source chose is a tag."""
    task = _extraction(tmp_path, "exact", 1, difficulty="depth5")

    assert (task.tags, task.difficulty) == (("depth5",), None)


def test_accepted_values_that_do_not_fit_the_gold_are_a_problem(tmp_path):
    """A row whose accepted values have another shape than its gold is told with its line."""
    row = {
        "id": "x",
        "text": "t",
        "schema": True,
        "gold": {"a": 1},
        "match": "accept",
        "accept": {"a": [[{"b": [1]}]]},
    }

    (problem,) = problems_of(written_lines(tmp_path / "t.jsonl", [row]))
    assert problem.startswith("t.jsonl:1: the values to accept do not fit the gold: ")


def test_task_with_several_objects_to_choose_from_is_left_out(tmp_path):
    """What no matcher can say is left out with its reason, and the other tasks are read."""
    row = {
        "id": "x",
        "text": "t",
        "schema": True,
        "gold": {"a": {"b": 1}},
        "match": "accept",
        "accept": {"a": [{"b": [1]}, {"b": [2]}]},
    }

    suite = load_suite(written_lines(tmp_path / "t.jsonl", [row, {**row, "id": "y", "match": "exact"}]))

    assert suite.refused == ("x: there are several objects to choose from at /a",)
    assert [task.id for task in suite.schemas[0].tasks] == ["y"]


def test_accept_without_its_values_is_a_problem(tmp_path):
    """A task that is compared by acceptable values has to list them."""
    row = {"id": "x", "text": "t", "schema": True, "gold": {"a": 1}, "match": "accept"}

    (problem,) = problems_of(written_lines(tmp_path / "t.jsonl", [row]))
    assert problem.startswith("t.jsonl:1: at (root): expected property 'accept', got ")


def test_accept_for_a_gold_that_is_no_object_is_a_problem(tmp_path):
    """Acceptable values are those of parameters, so they are not passed over where the gold has none."""
    row = {"id": "x", "text": "t", "schema": True, "gold": [1], "match": "accept", "accept": {"a": [1]}}

    assert problems_of(written_lines(tmp_path / "t.jsonl", [row])) == [
        "t.jsonl:1: at /gold: expected object, got array of 1 item"
    ]


def test_unusable_tasks_are_listed_and_left_out(tmp_path):
    """Of a public file a task with a gold that is not valid, or a broken schema, is left out with its reason."""
    good = {"id": "a", "text": "t", "schema": NUMBER, "gold": {"n": 1}, "match": "exact"}
    path = written_lines(
        tmp_path / "t.jsonl",
        [
            good,
            {**good, "id": "b", "gold": {}},
            {**good, "id": "c", "schema": {"type": "number", "$ref": "http://x"}},
        ],
    )

    suite = load_suite(path)

    assert [task.id for task in suite.schemas[0].tasks] == ["a"]
    assert [reason.split(" ", 1)[0] for reason in suite.refused] == ["b:", "c:"]
    assert (
        suite.refused[0]
        == "b: the gold is not valid at (root): expected property 'n', got object with 0 properties"
    )


def test_public_file_without_a_usable_task_is_refused(tmp_path):
    """A file of which nothing is left is refused, with the first reason."""
    row = {"id": "a", "text": "t", "schema": NUMBER, "gold": {}, "match": "exact"}

    assert problems_of(written_lines(tmp_path / "t.jsonl", [row, {**row, "id": "b"}])) == [
        (
            "t.jsonl: nothing in it can be used: a: the gold is not valid at (root): expected property 'n', "
            "got object with 0 properties and 1 more"
        )
    ]


# Schemas with tests


def test_schema_with_tests_has_instances_and_no_tasks(tmp_path):
    """A row of schema and tests becomes a schema with instances; what contradicts the schema is left out."""
    row = {
        "id": "s/1",
        "subset": "s",
        "schema": NUMBER,
        "tests": [
            {"valid": True, "data": {"n": 1}},
            {"valid": False, "data": {}},
            {"valid": True, "data": {}},
            {"valid": False, "data": {"n": 1}},
        ],
    }
    path = written_lines(tmp_path / "s.jsonl", [row, {**row, "id": "s/2", "schema": {"type": 7}}])

    suite = load_suite(path, form="maskbench")
    (entry,) = suite.schemas

    assert (entry.name, entry.group, entry.tasks) == ("s/1", "s", ())
    assert entry.instances == (Instance(True, {"n": 1}), Instance(False, {}))
    assert suite.refused[:2] == (
        "s/1: instance 2 should be valid, but is not at (root): expected property 'n', got object with 0 properties",
        "s/1: instance 3 should be invalid, but is valid",
    )
    assert suite.refused[2].startswith("s/2: schema is invalid at /type")


def test_rows_of_the_hub_have_their_schema_as_text(tmp_path):
    """The hub's data set, with the schema written as text, is read too."""
    rows = [{"unique_id": "a", "json_schema": json.dumps(NUMBER)}, {"unique_id": "b", "json_schema": "{"}]

    suite = load_suite(written_lines(tmp_path / "s.jsonl", rows))

    assert [(entry.name, entry.group) for entry in suite.schemas] == [("a", "a")]
    assert suite.refused[0].startswith("b: broken JSON: ")


def test_problems_of_schemas_with_tests_are_listed(tmp_path):
    """Rows of another shape and ids that come twice are problems of the file."""
    rows = [
        {"id": "a", "schema": True, "tests": []},
        {"id": "a", "schema": True, "tests": []},
        {"id": "b", "schema": True, "tests": [{"data": 1}]},
        {"id": 3, "schema": True, "tests": []},
        {"id": "c", "schema": True, "tests": [], "licence": ["MIT"]},
    ]

    assert problems_of(written_lines(tmp_path / "s.jsonl", rows)) == [
        "s.jsonl:2: id 'a' was used before, at s.jsonl:1",
        "s.jsonl:3: at /tests/0: expected property 'valid', got object with 1 property",
        "s.jsonl:4: at /id: expected string, got number 3",
        "s.jsonl:5: at /licence: expected string, got array of 1 item",
    ]


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

    (entry,) = load_suite(written_lines(tmp_path / "rows.jsonl", [row]), form="huggingface").schemas
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
        form="huggingface",
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
        "rows.jsonl:1: there is no column 'text' for 'input', did you mean 'txt'?",
        "rows.jsonl:1: there is no column 'key' for 'id'",
        "rows.jsonl:2: there is no column 'key' for 'id'",
        "rows.jsonl:2: expected a text for 'input', got number 1",
    ]
    assert problems_of(
        written_lines(tmp_path / "rows.jsonl", rows[2:3]), columns={"input": "text"}, schema=NUMBER
    ) == ["rows.jsonl:1: the gold is not valid at (root): expected object, got string 'n is 1'"]
    assert problems_of(written_lines(tmp_path / "rows.jsonl", rows[3:]), columns={"input": "text"}) == [
        "rows.jsonl:1: there is no column 'schema' for 'schema'"
    ]


def test_schema_from_a_column_and_for_all_rows_is_refused(tmp_path):
    """A column for the schema beside a schema for all rows is refused, not ignored."""
    path = written_lines(tmp_path / "rows.jsonl", [{"input": "x", "gold": 1, "s": True}])

    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, columns={"schema": "s"}, schema=True)
    assert str(caught.value) == "columns={'schema': ...}, schema=: expected one of the two, got both"


@pytest.mark.parametrize("columns", [{"inputs": "text"}, {"input": 1}])
def test_unknown_mapping_is_refused(tmp_path, columns):
    """Only what a task has can be mapped, and only to the name of a column."""
    with pytest.raises(
        InvalidArgument, match=r"^columns=\{'inputs?': .*: expected the name of a column for one of 'input', "
    ):
        load_suite(written_lines(tmp_path / "rows.jsonl", [{"input": "x"}]), columns=columns)


# The form shows


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("x.json", '{"question": 1, "function": 1}', "x.json:1: at (root): expected property 'id'"),
        ("x.jsonl", '{"schema": true, "tests": []}', "x.jsonl:1: at (root): expected property 'id'"),
        (
            "x.jsonl",
            '{"schema": true, "tests": [], "features": []}',
            "x.jsonl:1: at (root): expected property 'id'",
        ),
        (
            "x.jsonl",
            '{"text": 1, "schema": 1, "gold": 1, "match": "exact"}',
            "x.jsonl:1: at (root): expected property 'id'",
        ),
        ("x.txt", "text,__expected", "x.txt: expected at least one task"),
        ("x.csv", "1,2", "x.csv:1: expected a column '__expected'"),
        ("x.csv", "1", "x.csv:1: expected a column '__expected'"),
        ("x.jsonl", '{"text": 1, "schema": {}, "gold": 1, "match": {}}', "x.jsonl:1: unknown key 'text'"),
        ("x.jsonl", "[" * 100_000, "x.jsonl:1: broken JSON: nested too deep to be read"),
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
        InvalidArgument, match=r"its first line has the keys 'text', 'label', which belong to no form"
    ):
        load_suite(tmp_path / "export.jsonl")
