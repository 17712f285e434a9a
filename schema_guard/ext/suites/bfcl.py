# SPDX-License-Identifier: Apache-2.0
"""Questions of the Berkeley Function-Calling Leaderboard as tasks of a suite.

Questions and answers are JSON Lines:

- `{"id", "question": [[{"role", "content"}]], "function": [{"name", "description", "parameters"}]}`
- `{"id", "ground_truth": [{name: {parameter: [acceptable values]}}]}`

If one function is offered and one call is wanted, the task is its arguments. Otherwise the task is the list of the
calls, `[{"name", "arguments"}]`, in any order. Questions with several turns or without a call are not tasks.

Rules of the leaderboard:
1. A parameter has a list of values, and any of them is right. `""` in it means that the parameter can be left out.
2. A value that is an object has such a list for each of its members, and so has an object within a list.
3. Texts are compared without case, white space, and some punctuation.
4. The types `dict float tuple any` of the parameters become those of JSON Schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.suites.reading import gold_problems, loaded_schema
from schema_guard.pointer import join
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.bench.suites.scoring import Matcher

_TYPES = {"dict": "object", "float": "number", "double": "number", "tuple": "array"}
_LICENCE = "Apache-2.0"
_LEFT_OUT = ""


class Unusable(Exception):
    """A question that is no task of a suite."""


def line_of(row: dict[str, Any], truths: list[Any] | None, source: str) -> dict[str, Any]:
    """Return the line of a suite for a question.

    Raises:
        Unusable: The question is no task.
    """
    functions = _functions(row["function"])
    if truths is None:
        raise Unusable("expected an answer to the task, got none")
    if not truths:
        raise Unusable("expected at least one function call in the answer, got none")
    is_one = len(functions) == len(truths) == 1
    wanted = _one_call(next(iter(functions.values())), truths[0]) if is_one else _calls(functions, truths)
    schema = loaded_schema(wanted.schema, source)
    problems = (
        [f"schema: {schema}"] if isinstance(schema, str) else gold_problems(schema, wanted.gold, wanted.match)
    )
    if problems:
        raise Unusable("; ".join(problems))
    same = {"id": row["id"], "source": source, "licence": _LICENCE, "input": _text(row["question"])}
    return {**same, **wanted._asdict()}


class _Wanted(NamedTuple):
    """The wanted result of a question, with the names of a suite's fields."""

    instruction: str
    schema: Any
    gold: Any
    match: dict[str, Matcher]


def _one_call(function: dict[str, Any], truth: Any) -> _Wanted:
    name, document = function["name"], json_schema_of(function["parameters"])
    gold, match = _arguments(function, document, _answers(truth, name), ())
    instruction = f"The function {name}: {_described(function)}\nGive the arguments to call it with."
    return _Wanted(instruction, document, gold, match)


def _calls(functions: dict[str, dict[str, Any]], truths: list[Any]) -> _Wanted:
    """Return the task of a turn: a list of calls, in any order."""
    documents = {name: json_schema_of(function["parameters"]) for name, function in functions.items()}
    gold: list[Any] = []
    match: dict[str, Matcher] = {"": "unordered"}
    for index, truth in enumerate(truths):
        name = next((name for name in functions if isinstance(truth, dict) and name in truth), None)
        if name is None:
            raise Unusable(
                f"expected a call of one of these functions in the answer: {clip(', '.join(map(repr, functions)))}"
            )
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
        instruction=f"{descriptions}Give a list of the calls to make, each with the function's name and its arguments.",
        schema={"type": "array", "items": items, "minItems": 1},
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
    """Return the right arguments of a call, and the matchers for other right ones. *at* is their path in the gold."""
    answers = _fitting(answers, document)
    required = function["parameters"].get("required")
    needed = required if isinstance(required, list) else []
    gold = gold_of(answers, required=frozenset(part for part in needed if isinstance(part, str)))
    try:
        return gold, match_of(answers, gold, at=at)
    except ValueError as error:
        raise Unusable(str(error)) from error


def _fitting(answers: dict[str, list[Any]], document: Any) -> dict[str, list[Any]]:
    """Return the answers without the values that the schema of the parameters refuses, if other values remain.

    The leaderboard lists null for a parameter that can be left out, whatever its type is.
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
    """Return the functions that are offered, by name."""
    functions: dict[str, dict[str, Any]] = {}
    for function in offered if isinstance(offered, list) else [offered]:
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise Unusable("expected a name for each function")
        if not isinstance(function.get("parameters"), dict):
            raise Unusable("expected an object with the parameters of each function")
        if function["name"] in functions:
            raise Unusable(
                f"expected a different name for each function, got {clip(repr(function['name']))} twice"
            )
        functions[function["name"]] = function
    if not functions:
        raise Unusable("expected at least one function in the task, got none")
    return functions


def _described(function: dict[str, Any]) -> str:
    description = function.get("description")
    return description if isinstance(description, str) else ""


def _answers(call: Any, name: str) -> dict[str, list[Any]]:
    answers = call.get(name) if isinstance(call, dict) else None
    if not isinstance(answers, dict):
        raise Unusable(f"expected a call of {clip(repr(name))} in the answer")
    _check_lists(answers)
    return answers


def _check_lists(value: Any) -> None:
    """Refuse an object with a member that is not a list of acceptable values."""
    if isinstance(value, dict):
        if not all(isinstance(values, list) and values for values in value.values()):
            raise Unusable("expected a list of values for each parameter in the answer")
        value = [item for values in value.values() for item in values]
    if isinstance(value, list):
        for item in value:
            _check_lists(item)


def _text(question: Any) -> str:
    """Return the messages of the only turn as one text."""
    if isinstance(question, str):
        question = [{"content": question}]
    messages = question[0] if question and isinstance(question[0], list) else question
    if len(question) != 1 and messages is not question:
        raise Unusable(f"expected a task with one turn, got {len(question)} turns")
    contents = [message.get("content") if isinstance(message, dict) else None for message in messages]
    texts = [content for content in contents if isinstance(content, str) and content.strip()]
    if not texts or len(texts) < len(contents):
        raise Unusable("expected a text in each message of the task")
    return "\n\n".join(texts)


def json_schema_of(parameters: Any) -> Any:
    """Return the parameters of a function as JSON Schema; an object with properties is closed.

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


def gold_of(answers: dict[str, list[Any]], *, required: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the first right answer, which has the first value of each parameter.

    A parameter that can only be left out is left out, unless it is *required*.

    >>> gold_of({"unit": ["", "km", "kilometres"], "note": [""]})
    {'unit': 'km'}
    """
    return {
        name: _plain(_values(values)[0])
        for name, values in answers.items()
        if _values(values) != [_LEFT_OUT] or name in required
    }


def match_of(
    answers: dict[str, list[Any]], gold: dict[str, Any], *, at: tuple[str | int, ...] = ()
) -> dict[str, Matcher]:
    """Return the matchers with which each right answer equals the gold.

    Args:
        answers: Parameter -> acceptable values.
        gold: One of the right answers, as `gold_of` returns it.
        at: The path of *gold*.

    Raises:
        ValueError: A parameter can be one of several objects. No matcher can express that.

    >>> match_of({"unit": ["", "km"]}, {"unit": "km"})
    {'/unit': {'accept': ['', 'km'], 'as': 'punctuation', 'optional': True}}
    """
    match: dict[str, Matcher] = {}
    for name, values in answers.items():
        if name in gold:
            match |= _match_of_values(values, gold[name], (*at, name))
    return match


def _match_of_values(values: list[Any], gold: Any, at: tuple[str | int, ...]) -> dict[str, Matcher]:
    optional = {"optional": True} if _LEFT_OUT in values else {}
    if not any(map(_has_objects, values)):
        return {join(at): {"accept": values, "as": "punctuation", **optional}}
    if len(_values(values)) > 1:
        raise ValueError(
            f"the right answer allows several objects at {join(at)}, but a task accepts only one. Keep one of them"
        )
    inner = _match_within(_values(values)[0], gold, at)
    return {**({join(at): {"accept": [gold], **optional}} if optional else {}), **inner}


def _match_within(value: Any, gold: Any, at: tuple[str | int, ...]) -> dict[str, Matcher]:
    if isinstance(value, dict):
        return match_of(value, gold, at=at)
    if isinstance(value, list):
        return {
            k: m for i, item in enumerate(value) for k, m in _match_within(item, gold[i], (*at, i)).items()
        }
    return {join(at): {"accept": [value], "as": "punctuation"}}


def _has_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_objects, value)))


def _values(values: list[Any]) -> list[Any]:
    """Return the values without the mark for a missing parameter, if there are any."""
    return [value for value in values if value != _LEFT_OUT] or [_LEFT_OUT]


def _plain(value: Any) -> Any:
    """Return a value in which each object has the first choice of its members."""
    if isinstance(value, dict):
        return gold_of(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value
