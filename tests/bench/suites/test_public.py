"""Public data sets are read in the form that they have on disk, and their answers mean what they mean there."""

import json

import pytest

from schema_guard.bench.suites.bfcl import json_schema_of
from schema_guard.bench.suites.load import Instance, load_suite
from schema_guard.bench.suites.scoring import score
from schema_guard.errors import InvalidArgument, InvalidSchema

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def _lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def _rows(path):
    return list(map(json.loads, path.read_text(encoding="utf-8").strip("\n").split("\n")))


def _problems(path, **arguments):
    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, **arguments)
    return str(caught.value).split("\n  ")[1:]


# Corpora


@pytest.mark.parametrize(
    ("name", "rows", "instances", "refused"), [("jsonschemabench", 600, 2275, 1), ("maskbench", 500, 2340, 0)]
)
def test_every_schema_of_a_corpus_loads(corpora, name, rows, instances, refused):
    """Every row is a schema in the group of its subset; an instance that is not what it says is listed."""
    suite = load_suite(corpora / f"{name}.jsonl")

    assert len(suite.schemas) == rows
    assert sum(len(entry.instances) for entry in suite.schemas) == instances
    assert len(suite.refused) == refused
    assert {entry.group for entry in suite.schemas} == {
        row["subset"] for row in _rows(corpora / f"{name}.jsonl")
    }


@pytest.fixture(scope="module")
def extraction(corpora):
    return load_suite(corpora / "tasks.jsonl")


@pytest.fixture(scope="module")
def golds(extraction):
    return {task.id: task for entry in extraction.schemas for task in entry.tasks}


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
    for row in _rows(corpora / "tasks.jsonl"):
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
    ((task,),) = (entry.tasks for entry in load_suite(_lines(tmp_path / "t.jsonl", [row])).schemas)
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

    (problem,) = _problems(_lines(tmp_path / "t.jsonl", [row]))
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

    suite = load_suite(_lines(tmp_path / "t.jsonl", [row, {**row, "id": "y", "match": "exact"}]))

    assert suite.refused == ("x: there are several objects to choose from at /a",)
    assert [task.id for task in suite.schemas[0].tasks] == ["y"]


def test_accept_without_its_values_is_a_problem(tmp_path):
    """A task that is compared by acceptable values has to list them."""
    row = {"id": "x", "text": "t", "schema": True, "gold": {"a": 1}, "match": "accept"}

    (problem,) = _problems(_lines(tmp_path / "t.jsonl", [row]))
    assert problem.startswith("t.jsonl:1: at (root): expected property 'accept', got ")


def test_accept_for_a_gold_that_is_no_object_is_a_problem(tmp_path):
    """Acceptable values are those of parameters, so they are not passed over where the gold has none."""
    row = {"id": "x", "text": "t", "schema": True, "gold": [1], "match": "accept", "accept": {"a": [1]}}

    assert _problems(_lines(tmp_path / "t.jsonl", [row])) == [
        "t.jsonl:1: at /gold: expected object, got array of 1 item"
    ]


def test_unusable_tasks_are_listed_and_left_out(tmp_path):
    """Of a public file a task with a gold that is not valid, or a broken schema, is left out with its reason."""
    good = {"id": "a", "text": "t", "schema": NUMBER, "gold": {"n": 1}, "match": "exact"}
    path = _lines(
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

    assert _problems(_lines(tmp_path / "t.jsonl", [row, {**row, "id": "b"}])) == [
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
    path = _lines(tmp_path / "s.jsonl", [row, {**row, "id": "s/2", "schema": {"type": 7}}])

    suite = load_suite(path, form="maskbench")
    (entry,) = suite.schemas

    assert (entry.name, entry.group, entry.tasks) == ("s/1", "s", ())
    assert entry.instances == (Instance(True, {"n": 1}), Instance(False, {}))
    assert suite.refused[:2] == (
        "s/1: instance 2 is said to be valid, but is not at (root): expected property 'n', got object with 0 properties",
        "s/1: instance 3 is said to be invalid, but is valid",
    )
    assert suite.refused[2].startswith("s/2: schema is invalid at /type")


def test_rows_of_the_hub_have_their_schema_as_text(tmp_path):
    """The hub's data set, with the schema written as text, is read too."""
    rows = [{"unique_id": "a", "json_schema": json.dumps(NUMBER)}, {"unique_id": "b", "json_schema": "{"}]

    suite = load_suite(_lines(tmp_path / "s.jsonl", rows))

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

    assert _problems(_lines(tmp_path / "s.jsonl", rows)) == [
        "s.jsonl:2: id 'a' was used before, at s.jsonl:1",
        "s.jsonl:3: at /tests/0: expected property 'valid', got object with 1 property",
        "s.jsonl:4: at /id: expected string, got number 3",
        "s.jsonl:5: at /licence: expected string, got array of 1 item",
    ]


# The Berkeley Function-Calling Leaderboard

RIDE = {
    "id": "simple_0",
    "question": [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "To Elm Street, now."}]
    ],
    "function": [
        {
            "name": "cab.order",
            "description": "Order a cab.",
            "parameters": {
                "type": "dict",
                "required": ["to"],
                "properties": {
                    "to": {"type": "string"},
                    "type": {"type": "string", "enum": ["small", "large"], "default": "small"},
                    "price": {"type": "float"},
                    "at": {"type": "tuple", "items": {"type": "float"}},
                    "extras": {
                        "type": "dict",
                        "properties": {"seats": {"type": "integer"}, "note": {"type": "any"}},
                    },
                    "tags": {"type": "array", "items": {"type": "any"}},
                    "memo": {"type": "string"},
                },
            },
        }
    ],
}
RIDE_ANSWER = {
    "id": "simple_0",
    "ground_truth": [
        {
            "cab.order": {
                "to": ["Elm Street", "Elm St."],
                "type": ["", "small"],
                "price": [9.5],
                "at": [[1.0, 2.5], [1, 2]],
                "extras": ["", {"seats": [2, 3], "note": ["", None]}],
                "tags": [[{"k": ["v", "w"]}, "plain"]],
                "memo": [""],
            }
        }
    ],
}


def _bfcl(folder, questions, answers):
    if answers is not None:
        _lines(folder / "possible_answer/BFCL_v3_simple.json", answers)
    return _lines(folder / "BFCL_v3_simple.json", questions)


def test_question_and_answers_make_a_task(tmp_path):
    """A question with its answers is a task whose schema is that of the function's arguments."""
    suite = load_suite(_bfcl(tmp_path, [RIDE], [RIDE_ANSWER]))
    (entry,) = suite.schemas
    (task,) = entry.tasks

    assert (suite.refused, entry.group, entry.licence) == ((), "BFCL_v3_simple", "Apache-2.0")
    assert task.text == (
        "The function cab.order: Order a cab.\nGive the arguments to call it with.\n\nBe brief.\n\nTo Elm Street, now."
    )
    assert task.gold == {
        "to": "Elm Street",
        "type": "small",
        "price": 9.5,
        "at": [1.0, 2.5],
        "extras": {"seats": 2, "note": None},
        "tags": [{"k": "v"}, "plain"],
    }


@pytest.mark.parametrize(
    ("change", "exact"),
    [
        ({}, True),
        ({"to": "elm st"}, True),
        ({"to": "Oak Street"}, False),
        ({"type": ...}, True),
        ({"type": "large"}, False),
        ({"price": ...}, False),
        ({"at": [1, 2]}, True),
        ({"at": [1, 3]}, False),
        ({"extras": ...}, True),
        ({"extras": {"seats": 3}}, True),
        ({"extras": {"seats": 4}}, False),
        ({"extras": {"note": None}}, False),
        ({"tags": [{"k": "W"}, "Plain"]}, True),
        ({"tags": [{"k": "v"}, "other"]}, False),
        ({"tags": []}, False),
        ({"memo": "x"}, False),
    ],
)
def test_answers_are_right_as_on_the_leaderboard(tmp_path, change, exact):
    """Any of the listed values is right, and a parameter with an empty text in its list may be missing."""
    ((task,),) = (entry.tasks for entry in load_suite(_bfcl(tmp_path, [RIDE], [RIDE_ANSWER])).schemas)
    value = {name: part for name, part in {**task.gold, **change}.items() if part is not ...}

    assert score(value, task.gold, task.match).exact is exact


def test_words_for_types_become_json_schema():
    """The leaderboard's own types become JSON Schema's at every level, and a property may be called type."""
    parameters = {
        "type": "dict",
        "properties": {
            "type": {"type": "any", "description": "d"},
            "xs": {"type": "tuple", "items": {"type": "float"}},
            "o": {"type": "dict", "additionalProperties": {"type": "float"}},
            "c": {"type": "dict", "additionalProperties": False},
            "u": {"anyOf": [{"type": "dict"}, {"type": "string", "default": "dict"}]},
        },
    }

    assert json_schema_of(parameters) == {
        "type": "object",
        "properties": {
            "type": {"description": "d"},
            "xs": {"type": "array", "items": {"type": "number"}},
            "o": {"type": "object", "additionalProperties": {"type": "number"}},
            "c": {"type": "object", "additionalProperties": False},
            "u": {"anyOf": [{"type": "object"}, {"type": "string", "default": "dict"}]},
        },
        "additionalProperties": False,
    }


def _ride(question=RIDE["question"], function=RIDE["function"], truth=RIDE_ANSWER["ground_truth"]):
    return {"id": "q", "question": question, "function": function, "ground_truth": truth}


REFUSED = {
    "turns": (_ride(question=RIDE["question"] * 2), "it has 2 turns, expected one"),
    "no_text": (_ride(question=[[{"role": "user"}]]), "it has a message without a text"),
    "empty_question": (_ride(question=" "), "it has a message without a text"),
    "required_is_no_name": (
        _ride(
            function={"name": "cab.order", "parameters": {"properties": {"to": {}}, "required": [["to"]]}},
            truth=[{"cab.order": {"to": ["x"]}}],
        ),
        "schema: schema is invalid at /required/0: expected string, got array of 1 item",
    ),
    "no_message": (_ride(question=[[]]), "it has a message without a text"),
    "functions": (_ride(function=RIDE["function"] * 3), "it offers 3 functions, expected one"),
    "no_name": (_ride(function={"parameters": {}}), "its function has no name"),
    "no_parameters": (_ride(function={"name": "f"}), "its function has no parameters"),
    "calls": (_ride(truth=RIDE_ANSWER["ground_truth"] * 2), "it wants 2 calls, expected one"),
    "other_call": (_ride(truth=[{"f": {}}]), "its answer is no call of 'cab.order'"),
    "no_list": (
        _ride(truth=[{"cab.order": {"to": "x"}}]),
        "its answer has a parameter without a list of values",
    ),
    "no_list_within": (
        _ride(truth=[{"cab.order": {"to": [[{"x": []}]]}}]),
        "its answer has a parameter without a list of values",
    ),
    "objects": (
        _ride(truth=[{"cab.order": {"to": ["x"], "extras": [{"seats": [1]}, {"seats": [2]}]}}]),
        "there are several objects to choose from at /extras",
    ),
    "gold": (
        _ride(truth=[{"cab.order": {"to": ["x"], "price": ["a_variable"]}}]),
        "the gold is not valid at /price: expected number, got string 'a_variable'",
    ),
}


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED)
def test_question_of_another_kind_is_listed_and_left_out(tmp_path, row, reason):
    """What is no single call of a single function is left out with its reason; a row may hold its own answer."""
    good = {**_ride(), "id": "good"}

    suite = load_suite(_bfcl(tmp_path, [row, good], None))

    assert suite.refused == (f"q: {reason}",)
    assert [task.id for entry in suite.schemas for task in entry.tasks] == ["good"]


def test_plain_question_of_the_first_version_is_read(tmp_path):
    """A question that is a text, and a function that is no list, are read as well."""
    row = _ride(question="To Elm Street.", function=RIDE["function"][0])

    ((task,),) = (entry.tasks for entry in load_suite(_bfcl(tmp_path, [row], None)).schemas)
    assert task.input == "To Elm Street."


def test_description_that_is_no_text_is_not_told(tmp_path):
    """A function whose description is null has none."""
    function = {**RIDE["function"][0], "description": None}

    ((task,),) = (
        entry.tasks for entry in load_suite(_bfcl(tmp_path, [_ride(function=function)], None)).schemas
    )
    assert task.instruction == "The function cab.order: \nGive the arguments to call it with."


def test_answer_of_a_question_itself_stands_before_the_file(tmp_path):
    """Where some questions hold their answer, the file beside them is for the others."""
    truth = [{"cab.order": {"to": ["own"]}}]
    answers = [{"id": name, "ground_truth": [{"cab.order": {"to": ["file"]}}]} for name in ("q", "simple_0")]

    suite = load_suite(_bfcl(tmp_path, [_ride(truth=truth), RIDE], answers))
    assert [task.gold for entry in suite.schemas for task in entry.tasks] == [{"to": "own"}, {"to": "file"}]


def test_two_answers_to_one_question_are_a_problem(tmp_path):
    """An answer whose id comes again is told, and does not take the place of the first."""
    name = "possible_answer/BFCL_v3_simple.json"

    assert _problems(_bfcl(tmp_path, [RIDE], [RIDE_ANSWER, RIDE_ANSWER])) == [
        f"{name}:2: id 'simple_0' was used before, at {name}:1"
    ]


@pytest.mark.parametrize("truth", [5, {"cab.order": {"to": ["x"]}}])
def test_answer_of_another_shape_is_a_problem(tmp_path, truth):
    """An answer in a question is a list of calls, as in the file beside it."""
    (problem,) = _problems(_bfcl(tmp_path, [_ride(truth=truth)], None))
    assert problem.startswith("BFCL_v3_simple.json:1: at /ground_truth: expected array, got ")


def test_required_parameter_that_is_empty_stays(tmp_path):
    """A required parameter whose only right value is the empty text is in the gold."""
    row = _ride(truth=[{"cab.order": {"to": [""]}}])

    ((task,),) = (entry.tasks for entry in load_suite(_bfcl(tmp_path, [row], None)).schemas)
    assert task.gold == {"to": ""}


def test_value_that_the_parameter_refuses_is_none_of_the_answers(tmp_path):
    """Null for a parameter of another type stands for leaving it out, and so does any value that is not valid."""
    truth = {"to": ["x"], "type": ["", None], "price": ["cheap", 5], "memo": ["", None, "m"]}
    row = _ride(truth=[{"cab.order": truth}])

    ((task,),) = (entry.tasks for entry in load_suite(_bfcl(tmp_path, [row], None)).schemas)
    assert task.gold == {"to": "x", "price": 5, "memo": "m"}


def test_question_whose_function_has_no_valid_schema_is_left_out(tmp_path):
    """Parameters that are no JSON Schema, even after the types are put right, are a reason to leave a question out."""
    function = {"name": "cab.order", "parameters": {"type": "HashMap", "properties": {}}}
    good = {**_ride(), "id": "good"}

    (reason,) = load_suite(_bfcl(tmp_path, [_ride(function=function), good], None)).refused
    assert reason.startswith("q: schema: schema is invalid at /type: ")


def test_problems_of_questions_are_listed(tmp_path):
    """A question without an answer and rows of another shape are problems, told with file and line."""
    path = _bfcl(
        tmp_path,
        [RIDE, {**RIDE, "id": "x"}, {"id": "y", "question": [], "function": 1}],
        [{"id": "simple_0"}],
    )

    assert _problems(path) == [
        "BFCL_v3_simple.json:3: at /function: expected array or object, got number 1",
        "possible_answer/BFCL_v3_simple.json:1: at (root): expected property 'ground_truth', got object with 1 property",
        "BFCL_v3_simple.json:1: there is no answer to 'simple_0' in possible_answer/BFCL_v3_simple.json",
        "BFCL_v3_simple.json:2: there is no answer to 'x' in possible_answer/BFCL_v3_simple.json",
    ]


def test_answers_outside_are_not_read(tmp_path):
    """A link for the answers that leads outside the folder is refused."""
    outside = _lines(tmp_path / "outside.json", [RIDE_ANSWER])
    path = _bfcl(tmp_path / "suite", [RIDE], None)
    (tmp_path / "suite/possible_answer").mkdir()
    (tmp_path / "suite/possible_answer/BFCL_v3_simple.json").symlink_to(outside)

    assert "possible_answer/BFCL_v3_simple.json: this file lies outside the suite" in _problems(path)


# promptfoo


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

    assert _problems(_csv(tmp_path, *lines), schema=schema) == problems


def test_test_cases_without_a_schema_are_refused(tmp_path):
    """Test cases in which no schema is stated need one for all rows."""
    assert _problems(_csv(tmp_path, "text,__expected", "x,1")) == [
        "tests.csv:2: no schema: give one with schema=, or in an assertion 'is-json:{...}'"
    ]


def test_test_cases_in_another_encoding_are_refused(tmp_path):
    """A CSV that is not UTF-8 is a problem, not a guess."""
    (tmp_path / "tests.csv").write_bytes("text,__expected\nGr\u00fc\u00dfe,1".encode("latin-1"))

    assert _problems(tmp_path / "tests.csv", schema=True) == [
        "tests.csv: this file is not UTF-8: invalid start byte at byte 18"
    ]


def test_schema_for_all_rows_has_to_be_one(tmp_path):
    """A schema that is none is refused as such."""
    with pytest.raises(InvalidSchema):
        load_suite(_csv(tmp_path, "text,__expected", "x,1"), schema={"type": "objekt"})


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
        _lines(tmp_path / "rows.jsonl", [row]),
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

    (entry,) = load_suite(_lines(tmp_path / "rows.jsonl", [row]), form="huggingface").schemas
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
        _lines(tmp_path / "rows.jsonl", rows), form="huggingface", schema={"title": "label", "type": "string"}
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

    assert _problems(
        _lines(tmp_path / "rows.jsonl", rows), columns={"input": "text", "id": "key"}, schema=NUMBER
    )[:4] == [
        "rows.jsonl:1: there is no column 'text' for 'input', did you mean 'txt'?",
        "rows.jsonl:1: there is no column 'key' for 'id'",
        "rows.jsonl:2: there is no column 'key' for 'id'",
        "rows.jsonl:2: expected a text for 'input', got number 1",
    ]
    assert _problems(
        _lines(tmp_path / "rows.jsonl", rows[2:3]), columns={"input": "text"}, schema=NUMBER
    ) == ["rows.jsonl:1: the gold is not valid at (root): expected object, got string 'n is 1'"]
    assert _problems(_lines(tmp_path / "rows.jsonl", rows[3:]), columns={"input": "text"}) == [
        "rows.jsonl:1: there is no column 'schema' for 'schema'"
    ]


def test_schema_from_a_column_and_for_all_rows_is_refused(tmp_path):
    """A column for the schema beside a schema for all rows is refused, not ignored."""
    path = _lines(tmp_path / "rows.jsonl", [{"input": "x", "gold": 1, "s": True}])

    with pytest.raises(InvalidArgument) as caught:
        load_suite(path, columns={"schema": "s"}, schema=True)
    assert str(caught.value) == "columns={'schema': ...}, schema=: expected one of the two, got both"


@pytest.mark.parametrize("columns", [{"inputs": "text"}, {"input": 1}])
def test_unknown_mapping_is_refused(tmp_path, columns):
    """Only what a task has can be mapped, and only to the name of a column."""
    with pytest.raises(
        InvalidArgument, match=r"^columns=\{'inputs?': .*: expected the name of a column for one of 'input', "
    ):
        load_suite(_lines(tmp_path / "rows.jsonl", [{"input": "x"}]), columns=columns)


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

    assert _problems(path)[0].startswith(problem)


def test_file_whose_form_does_not_show_is_told_by_its_keys(tmp_path):
    """An export with columns of its own is not read as a suite with every key wrong."""
    (tmp_path / "export.jsonl").write_text('{"text": "a", "label": "{}"}\n')

    with pytest.raises(
        InvalidArgument, match=r"the form does not show in the keys 'text', 'label' of its first line"
    ):
        load_suite(tmp_path / "export.jsonl")
