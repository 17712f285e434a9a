# SPDX-License-Identifier: Apache-2.0
"""The Berkeley Function-Calling Leaderboard: one question, the functions that are offered, the calls to make.

Two files of JSON Lines with one name, the second in the folder `possible_answer` beside the first:

- `{"id", "question": [[{"role", "content"}]], "function": [{"name", "description", "parameters"}]}`
- `{"id", "ground_truth": [{name: {parameter: [acceptable values]}}]}`

A question may also hold its own `ground_truth`. Where one function is offered and one call wanted, the task is the
arguments of it. Else it is the list of the calls, `[{"name", "arguments"}]`, in any order, as the leaderboard takes them.
What asks for several turns, or for no call, is left out and listed. The parameters' own words for types,
`dict float tuple any`, become JSON Schema's.

Source: the files `BFCL_v3_simple.json`, `_multiple`, `_parallel`, `_parallel_multiple` and `BFCL_v4_live_simple.json` of
ShishirPatil/gorilla.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.alternatives import gold_of, match_of
from schema_guard.bench.suites.assembly import Ids, Line, loaded_schema, suite_of_lines
from schema_guard.bench.suites.reading import SuiteReader
from schema_guard.bench.suites.values import Task
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schema_guard.bench.suites.scoring import Matcher
    from schema_guard.bench.suites.values import Suite

_TYPES = {"dict": "object", "float": "number", "double": "number", "tuple": "array"}
_LICENCE = "Apache-2.0"


class _Unusable(Exception):  # never leaves the module
    """A question that is not of the kind that is read here."""


def load_bfcl(path: Path) -> Suite:
    """Load the questions of a file with the answers beside it; those that cannot be used are left out.

    Raises:
        InvalidArgument: The files are not of this form, an answer is missing, or no question can be used.
    """
    reader, refused = SuiteReader.of_file(path), list[str]()
    return suite_of_lines(reader, path, _lines(reader, path, refused), refused=refused)


def _lines(reader: SuiteReader, path: Path, refused: list[str]) -> Iterator[Line]:
    rows = list(reader.read_rows(path.name, "question"))
    answers = {row["id"]: row["ground_truth"] for _, row in rows if "ground_truth" in row}
    if any("ground_truth" not in row for _, row in rows):
        # What a question says itself stands before the file of answers.
        answers = _answers_of(reader, path) | answers
    for where, row in rows:
        if row["id"] not in answers:
            reader.problems.append(
                f"{where}: there is no answer to {clip(repr(row['id']))} in possible_answer/{path.name}"
            )
            continue
        try:
            yield _line(row, answers[row["id"]], where, path.stem)
        except _Unusable as error:
            refused.append(f"{row['id']}: {error}")


def _answers_of(reader: SuiteReader, path: Path) -> dict[str, Any]:
    """Give the answers in the file beside the questions, by id."""
    answers, ids = {}, Ids(reader.problems)
    for where, row in reader.read_rows(f"possible_answer/{path.name}", "answer"):
        ids.check(row["id"], where)
        answers[row["id"]] = row["ground_truth"]
    return answers


def _line(row: dict[str, Any], truths: list[Any], where: str, source: str) -> Line:
    functions = _functions(row["function"])
    if not truths:
        raise _Unusable("it wants no call, expected one or more")
    is_one = len(functions) == len(truths) == 1
    wanted = _one_call(next(iter(functions.values())), truths[0]) if is_one else _calls(functions, truths)
    task = Task(row["id"], _text(row["question"]), wanted.instruction, wanted.gold, wanted.match)
    return Line(where, task, wanted.document, wanted.name, source, _LICENCE)


class _Wanted(NamedTuple):
    """What a question wants: as `Line` has it."""

    name: str
    instruction: str
    document: Any
    gold: Any
    match: dict[str, Matcher]


def _one_call(function: dict[str, Any], truth: Any) -> _Wanted:
    name, document = function["name"], json_schema_of(function["parameters"])
    gold, match = _arguments(function, document, _answers(truth, name), ())
    instruction = f"The function {name}: {_described(function)}\nGive the arguments to call it with."
    return _Wanted(name, instruction, document, gold, match)


def _calls(functions: dict[str, dict[str, Any]], truths: list[Any]) -> _Wanted:
    """Give the task of a turn: a list of calls, in any order."""
    documents = {name: json_schema_of(function["parameters"]) for name, function in functions.items()}
    gold: list[Any] = []
    match: dict[str, Matcher] = {"": "unordered"}
    for index, truth in enumerate(truths):
        name = next((name for name in functions if isinstance(truth, dict) and name in truth), None)
        if name is None:
            raise _Unusable(f"its answer is no call of {clip(' or '.join(map(repr, functions)))}")
        document = documents[name]
        arguments, how = _arguments(functions[name], document, _answers(truth, name), (index, "arguments"))
        gold.append({"name": name, "arguments": arguments})
        match |= how
    calls = [_call(name, document) for name, document in documents.items()]
    items = calls[0] if len(calls) == 1 else {"anyOf": calls}
    descriptions = "".join(
        f"The function {name}: {_described(function)}\n" for name, function in functions.items()
    )
    return _Wanted(
        name=f"calls of {', '.join(functions)}",
        instruction=f"{descriptions}Give a list of the calls to make, each with the function's name and its arguments.",
        document={"type": "array", "items": items, "minItems": 1},
        gold=gold,
        match=match,
    )


def _call(name: str, document: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": name}, "arguments": document},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _arguments(
    function: dict[str, Any], document: Any, answers: dict[str, list[Any]], at: tuple[str | int, ...]
) -> tuple[dict[str, Any], dict[str, Matcher]]:
    """Give the right arguments of a call, and when others are right; *at* is their place in the gold."""
    answers = _fitting(answers, document)
    required = function["parameters"].get("required")
    needed = required if isinstance(required, list) else []
    gold = gold_of(answers, required=frozenset(part for part in needed if isinstance(part, str)))
    try:
        return gold, match_of(answers, gold, at=at)
    except ValueError as error:
        raise _Unusable(str(error)) from error


def _fitting(answers: dict[str, list[Any]], document: Any) -> dict[str, list[Any]]:
    """Give the answers without the values that the parameters' own schema refuses, where others are left.

    The leaderboard lists null for what a function takes when a parameter is left out, whatever the parameter's type.
    """
    schema = loaded_schema({**document, "required": []}, "parameters")
    if isinstance(schema, str):
        return answers
    return {
        name: [value for value in values if value == "" or schema.is_valid(gold_of({name: [value]}))]
        or values
        for name, values in answers.items()
    }


def _functions(offered: Any) -> dict[str, dict[str, Any]]:
    """Give the functions that are offered, by name."""
    functions: dict[str, dict[str, Any]] = {}
    for function in offered if isinstance(offered, list) else [offered]:
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _Unusable("its function has no name")
        if not isinstance(function.get("parameters"), dict):
            raise _Unusable("its function has no parameters")
        if function["name"] in functions:
            raise _Unusable(f"it offers two functions called {clip(repr(function['name']))}")
        functions[function["name"]] = function
    if not functions:
        raise _Unusable("the task offers no function")
    return functions


def _described(function: dict[str, Any]) -> str:
    description = function.get("description")
    return description if isinstance(description, str) else ""


def _answers(call: Any, name: str) -> dict[str, list[Any]]:
    answers = call.get(name) if isinstance(call, dict) else None
    if not isinstance(answers, dict):
        raise _Unusable(f"its answer is no call of {clip(repr(name))}")
    _check_lists(answers)
    return answers


def _check_lists(value: Any) -> None:
    """Refuse an object whose members are no lists of acceptable values."""
    if isinstance(value, dict):
        if not all(isinstance(values, list) and values for values in value.values()):
            raise _Unusable("its answer has a parameter without a list of values")
        value = [item for values in value.values() for item in values]
    if isinstance(value, list):
        for item in value:
            _check_lists(item)


def _text(question: Any) -> str:
    """Give what is asked: the messages of the one turn, one after the other."""
    if isinstance(question, str):
        question = [{"content": question}]
    messages = question[0] if question and isinstance(question[0], list) else question
    if len(question) != 1 and messages is not question:
        raise _Unusable(f"it has {len(question)} turns, expected one")
    contents = [message.get("content") if isinstance(message, dict) else None for message in messages]
    texts = [content for content in contents if isinstance(content, str) and content.strip()]
    if not texts or len(texts) < len(contents):
        raise _Unusable("it has a message without a text")
    return "\n\n".join(texts)


def json_schema_of(parameters: Any) -> Any:
    """Give the parameters of a function as JSON Schema; an object with properties is closed.

    >>> json_schema_of({"type": "dict", "properties": {"x": {"type": "any"}, "y": {"type": "float"}}, "required": ["x"]})
    {'type': 'object', 'properties': {'x': {}, 'y': {'type': 'number'}}, 'required': ['x'], 'additionalProperties': False}
    """
    if not isinstance(parameters, dict):
        return parameters
    schema = {key: _converted(key, value) for key, value in parameters.items()}
    if isinstance(schema.get("type"), str):
        schema["type"] = _TYPES.get(schema["type"], schema["type"])
    if schema.get("type") == "any":
        del schema["type"]
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def _converted(key: str, value: Any) -> Any:
    if key == "properties" and isinstance(value, dict):
        return {name: json_schema_of(part) for name, part in value.items()}
    if key in {"items", "additionalProperties"}:
        return json_schema_of(value)
    if key in {"anyOf", "oneOf", "allOf"} and isinstance(value, list):
        return [json_schema_of(part) for part in value]
    return value
