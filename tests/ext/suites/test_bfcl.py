"""The Berkeley Function-Calling Leaderboard: its questions are tasks, and answers are right as they are there."""

import pytest

from benchmarks.bfcl import convert
from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.scoring import score
from schema_guard.ext.suites.bfcl import json_schema_of
from tests.bench.suites.public_files import written_lines

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
        written_lines(folder / "possible_answer/BFCL_v3_simple.json", answers)
    return written_lines(folder / "BFCL_v3_simple.json", questions)


def _suite(folder, questions, answers=None):
    """Return the suite of questions, and the reasons of those that are left out."""
    left_out = convert(_bfcl(folder, questions, answers), folder / "suite.jsonl")
    return load_suite(folder / "suite.jsonl"), left_out


def _only_task(folder, question, answers=None):
    ((task,),) = (entry.tasks for entry in _suite(folder, [question], answers)[0].schemas)
    return task


def test_question_and_answers_make_a_task(tmp_path):
    """A question with its answers is a task whose schema is that of the function's arguments."""
    suite, left_out = _suite(tmp_path, [RIDE], [RIDE_ANSWER])
    (entry,) = suite.schemas
    (task,) = entry.tasks

    assert (left_out, entry.group, entry.licence) == ([], "BFCL_v3_simple", "Apache-2.0")
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
    task = _only_task(tmp_path, RIDE, [RIDE_ANSWER])
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


PARK = {
    "name": "parking_find",
    "description": "Find a place to park.",
    "parameters": {
        "type": "dict",
        "required": ["near"],
        "properties": {"near": {"type": "string"}, "hours": {"type": "float"}},
    },
}
TURN = _ride(
    function=[*RIDE["function"], PARK],
    truth=[
        {"parking_find": {"near": ["Elm Street", "Elm St."], "hours": ["", 2]}},
        {"cab.order": {"to": ["Oak Street"]}},
        {"parking_find": {"near": ["Oak Street"]}},
    ],
)


def test_several_functions_and_calls_make_a_task(tmp_path):
    """The task is the list of the calls; its schema takes each function's arguments under that function's name alone."""
    (entry,) = _suite(tmp_path, [TURN])[0].schemas
    (task,) = entry.tasks

    assert task.instruction == (
        "The function cab.order: Order a cab.\nThe function parking_find: Find a place to park.\n"
        "Give a list of the calls to make, each with the function's name and its arguments."
    )
    assert [call["name"] for call in task.gold] == ["parking_find", "cab.order", "parking_find"]
    assert entry.schema.is_valid(task.gold)
    assert not entry.schema.is_valid([{"name": "parking_find", "arguments": {"to": "Oak Street"}}])
    assert not entry.schema.is_valid([{"name": "other", "arguments": {}}])
    assert not entry.schema.is_valid([])


@pytest.mark.parametrize(
    ("changed", "exact"),
    [
        (lambda calls: calls, True),
        (lambda calls: calls[::-1], True),
        (lambda calls: calls[:2], False),
        (lambda calls: [*calls, calls[0]], False),
        (lambda calls: [{**calls[0], "arguments": {"near": "elm st", "hours": 2}}, *calls[1:]], True),
        (lambda calls: [{**calls[0], "arguments": {"near": "Elm Street", "hours": 3}}, *calls[1:]], False),
        (lambda calls: [{**calls[0], "name": "cab.order"}, *calls[1:]], False),
    ],
)
def test_calls_are_right_in_any_order(tmp_path, changed, exact):
    """Each call that is wanted is there once, in whatever order, with arguments that are right as for one call."""
    task = _only_task(tmp_path, TURN)

    assert score(changed(task.gold), task.gold, task.match).exact is exact


def test_one_function_may_be_called_several_times(tmp_path):
    """Parallel calls of one function are a list of them."""
    task = _only_task(
        tmp_path, _ride(truth=[{"cab.order": {"to": [place]}} for place in ("Elm Street", "Oak Street")])
    )

    assert [call["arguments"]["to"] for call in task.gold] == ["Elm Street", "Oak Street"]
    assert score(task.gold[::-1], task.gold, task.match).exact


def test_one_call_of_several_functions_is_a_list_of_one(tmp_path):
    """Which function to call is part of the answer."""
    task = _only_task(
        tmp_path, _ride(function=[*RIDE["function"], PARK], truth=[{"parking_find": {"near": ["x"]}}])
    )

    assert task.gold == [{"name": "parking_find", "arguments": {"near": "x"}}]


REFUSED = {
    "turns": (
        _ride(question=RIDE["question"] * 2),
        "expected a task with one turn, got 2 turns",
    ),
    "no_text": (_ride(question=[[{"role": "user"}]]), "expected a text in each message of the task"),
    "empty_question": (_ride(question=" "), "expected a text in each message of the task"),
    "required_is_no_name": (
        _ride(
            function={"name": "cab.order", "parameters": {"properties": {"to": {}}, "required": [["to"]]}},
            truth=[{"cab.order": {"to": ["x"]}}],
        ),
        "schema: schema is invalid at /required/0: expected string, got array of 1 item",
    ),
    "no_message": (_ride(question=[[]]), "expected a text in each message of the task"),
    "functions": (
        _ride(function=RIDE["function"] * 3),
        "expected a different name for each function, got 'cab.order' twice",
    ),
    "no_functions": (_ride(function=[]), "expected at least one function in the task, got none"),
    "no_name": (_ride(function={"parameters": {}}), "expected a name for each function"),
    "no_parameters": (
        _ride(function={"name": "f"}),
        "expected an object with the parameters of each function",
    ),
    "no_calls": (_ride(truth=[]), "expected at least one function call in the answer, got none"),
    "other_calls": (
        _ride(truth=[*RIDE_ANSWER["ground_truth"], {"f": {}}]),
        "expected a call of one of these functions in the answer: 'cab.order'",
    ),
    "other_call": (_ride(truth=[{"f": {}}]), "expected a call of 'cab.order' in the answer"),
    "no_list": (
        _ride(truth=[{"cab.order": {"to": "x"}}]),
        "expected a list of values for each parameter in the answer",
    ),
    "no_list_within": (
        _ride(truth=[{"cab.order": {"to": [[{"x": []}]]}}]),
        "expected a list of values for each parameter in the answer",
    ),
    "objects": (
        _ride(truth=[{"cab.order": {"to": ["x"], "extras": [{"seats": [1]}, {"seats": [2]}]}}]),
        "the right answer allows several objects at /extras, but a task accepts only one. Keep one of them",
    ),
    "gold": (
        _ride(truth=[{"cab.order": {"to": ["x"], "price": ["a_variable"]}}]),
        "the gold is not valid at /price: expected number, got string 'a_variable'",
    ),
}


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED)
def test_question_of_another_kind_is_listed_and_left_out(tmp_path, row, reason):
    """What is no turn with calls of the functions is left out with its reason; a row may hold its own answer."""
    good = {**_ride(), "id": "good"}

    suite, left_out = _suite(tmp_path, [row, good])

    assert left_out == [f"q: {reason}"]
    assert [task.id for entry in suite.schemas for task in entry.tasks] == ["good"]


def test_plain_question_of_the_first_version_is_read(tmp_path):
    """A question that is a text, and a function that is no list, are read as well."""
    row = _ride(question="To Elm Street.", function=RIDE["function"][0])

    task = _only_task(tmp_path, row)
    assert task.input == "To Elm Street."


def test_description_that_is_no_text_is_not_told(tmp_path):
    """A function whose description is null has none."""
    function = {**RIDE["function"][0], "description": None}

    task = _only_task(tmp_path, _ride(function=function))

    assert task.instruction == "The function cab.order: \nGive the arguments to call it with."


def test_answer_of_a_question_itself_stands_before_the_file(tmp_path):
    """Where some questions hold their answer, the file beside them is for the others."""
    truth = [{"cab.order": {"to": ["own"]}}]
    answers = [{"id": name, "ground_truth": [{"cab.order": {"to": ["file"]}}]} for name in ("q", "simple_0")]

    suite, _ = _suite(tmp_path, [_ride(truth=truth), RIDE], answers)

    assert [task.gold for entry in suite.schemas for task in entry.tasks] == [{"to": "own"}, {"to": "file"}]


def test_required_parameter_that_is_empty_stays(tmp_path):
    """A required parameter whose only right value is the empty text is in the gold."""
    row = _ride(truth=[{"cab.order": {"to": [""]}}])

    task = _only_task(tmp_path, row)
    assert task.gold == {"to": ""}


def test_value_that_the_parameter_refuses_is_none_of_the_answers(tmp_path):
    """Null for a parameter of another type stands for leaving it out, and so does any value that is not valid."""
    truth = {"to": ["x"], "type": ["", None], "price": ["cheap", 5], "memo": ["", None, "m"]}
    row = _ride(truth=[{"cab.order": truth}])

    task = _only_task(tmp_path, row)
    assert task.gold == {"to": "x", "price": 5, "memo": "m"}


def test_question_whose_function_has_no_valid_schema_is_left_out(tmp_path):
    """Parameters that are no JSON Schema, even after the types are put right, are a reason to leave a question out."""
    function = {"name": "cab.order", "parameters": {"type": "HashMap", "properties": {}}}
    good = {**_ride(), "id": "good"}

    _, (reason,) = _suite(tmp_path, [_ride(function=function), good])

    assert reason.startswith("q: schema: schema is invalid at /type: ")


def test_question_without_an_answer_is_left_out(tmp_path):
    """An answer is in the question, or in the file beside it."""
    suite, left_out = _suite(tmp_path, [RIDE, {**RIDE, "id": "x"}], [RIDE_ANSWER])

    assert left_out == ["x: expected an answer to the task, got none"]
    assert [task.id for entry in suite.schemas for task in entry.tasks] == ["simple_0"]
