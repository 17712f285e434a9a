"""The parameter of the task, and callables of every kind."""

import asyncio
import functools
from collections.abc import Sequence
from typing import Any, List  # noqa: UP035 - as users of older code write it

import pytest

from schema_guard import AsyncGuarded, InvalidArgument, Params, guard

FORMAT = (
    "Reply with one JSON value that is valid for this JSON Schema, and with nothing else: no prose, no code fence.\n"
    "true\n\n"
)
HOW = "Name the parameter with params=Params(prompt=...), or call it 'prompt' or 'messages', or take 'instructions: str' and build the prompt yourself"
seen: list[Any] = []


def anything(text):
    seen.append({"text": text})
    return "1"


def prompted(first, prompt):
    seen.append({"first": first, "prompt": prompt})
    return "1"


def chatted(first: str, messages):
    seen.append({"first": first, "messages": messages})
    return "1"


def typed(count: int, text: str, name: str = "x"):
    seen.append({"count": count, "text": text, "name": name})
    return "1"


def listed(turns: List[str], temperature: float):  # noqa: UP006
    seen.append({"turns": turns, "temperature": temperature})
    return "1"


def sequenced(turns: Sequence[dict], temperature: float):
    seen.append({"turns": turns, "temperature": temperature})
    return "1"


def written(turns: "Sequence[dict]", temperature: "float"):
    seen.append({"turns": turns, "temperature": temperature})
    return "1"


def keyword_only(*, text: str):
    seen.append({"text": text})
    return "1"


def positional_only(text, /, n=1):
    seen.append({"text": text, "n": n})
    return "1"


def defaulted(n: int = 1, prompt: str = "hello"):
    seen.append({"n": n, "prompt": prompt})
    return "1"


def with_keywords(text, **options):
    seen.append({"text": text, **options})
    return "1"


def several(prompt, *more):
    seen.append({"prompt": prompt, "more": more})
    return "1"


class Asker:
    """Callables of a class."""

    def __call__(self, text):
        return anything(text)

    def method(self, text):
        return anything(text)

    @staticmethod
    def static(text):
        return anything(text)

    @classmethod
    def class_method(cls, text):
        return anything(text)


# Callable, arguments, keywords, the parameter with the format, and the other parameters.
CALLS = {
    "the only one": (anything, ("t",), {}, "text", {}),
    "the only one by keyword": (anything, (), {"text": "t"}, "text", {}),
    "called prompt": (prompted, (1, "t"), {}, "prompt", {"first": 1}),
    "called prompt by keyword": (prompted, (1,), {"prompt": "t"}, "prompt", {"first": 1}),
    "called messages": (chatted, ("f", "t"), {}, "messages", {"first": "f"}),
    "the only text": (typed, (3, "t"), {}, "text", {"count": 3, "name": "x"}),
    "the only text with a default behind": (typed, (3, "t", "n"), {}, "text", {"count": 3, "name": "n"}),
    "keyword-only": (keyword_only, (), {"text": "t"}, "text", {}),
    "positional-only": (positional_only, ("t", 4), {}, "text", {"n": 4}),
    "a default": (defaulted, (3, "t"), {}, "prompt", {"n": 3}),
    "other keywords": (with_keywords, ("t",), {"a": 1, "options": 2}, "text", {"a": 1, "options": 2}),
    "more arguments": (several, ("t", 1, 2), {}, "prompt", {"more": (1, 2)}),
    "a bound method": (Asker().method, ("t",), {}, "text", {}),
    "a static method": (Asker.static, ("t",), {}, "text", {}),
    "a class method": (Asker.class_method, ("t",), {}, "text", {}),
    "a callable object": (Asker(), ("t",), {}, "text", {}),
    "a partial": (functools.partial(typed, 3), ("t",), {}, "text", {"count": 3, "name": "x"}),
    "a partial by keyword": (functools.partial(typed, count=3), (), {"text": "t"}, "text", {"count": 3, "name": "x"}),
    "a partial of a partial": (functools.partial(functools.partial(typed, 3), name="n"), ("t",), {}, "text", {"count": 3, "name": "n"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_task_gets_the_format(case):
    """The format precedes the argument of the task. The other arguments are unchanged."""
    function, args, kwargs, task, others = CALLS[case]
    seen.clear()

    outcome = guard(True, store=None, name=f"task of {case}")(function).outcome(*args, **kwargs)

    assert seen == [{task: f"{FORMAT}t", **others}]
    assert outcome.attempts[0].prompt == f"{FORMAT}t"


def test_default_is_a_task():
    """A call without an argument for the task uses the default of the parameter."""
    seen.clear()

    guard(True, store=None)(defaulted)()

    assert seen == [{"n": 1, "prompt": f"{FORMAT}hello"}]


@pytest.mark.parametrize("function", [listed, sequenced, written])
def test_list_of_texts_is_a_task(function):
    """A list of texts goes to the only parameter whose type allows it."""
    seen.clear()

    guard(True, store=None)(function)(["t"], 0.5)

    assert seen == [{"turns": [f"{FORMAT}t"], "temperature": 0.5}]


def test_named_parameter_gets_the_task():
    """The parameter that `prompt=` names gets the task, even if another one is called `prompt`."""
    seen.clear()

    guard(True, store=None, params=Params(prompt="first"))(prompted)("t", 2)

    assert seen == [{"first": f"{FORMAT}t", "prompt": 2}]


def nothing():
    return ""


def number(n: int):
    return n


def two(a: str, b: str):
    return a + b


def many(*messages):
    return messages


def spread(**prompt):
    return prompt


def without_task(document: dict, *, instructions: str):
    return instructions


WRONG = {
    "none": (nothing, None, f"nothing: no parameter can receive the prompt (none). {HOW}"),
    "a number": (number, None, f"number: no parameter can receive the prompt (n). {HOW}"),
    "two": (two, None, f"two: more than one parameter can receive the prompt (a, b). {HOW}"),
    "any number": (many, None, f"many: no parameter can receive the prompt (*messages). {HOW}"),
    "any keyword": (spread, None, f"spread: no parameter can receive the prompt (**prompt). {HOW}"),
    "misnamed": (
        typed,
        "txt",
        "params.prompt='txt': typed has no such parameter, only count, text, name. Did you mean 'text'?",
    ),
    "named, any number": (
        many,
        "messages",
        "params.prompt='messages': many has no such parameter, only *messages",
    ),
    "named beside instructions": (
        without_task,
        "x",
        "params.prompt='x': without_task has no such parameter, only document, instructions",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_rejects_function_without_one_parameter_for_the_task(case):
    """The error lists the parameters, if not exactly one can hold the task."""
    function, named, message = WRONG[case]

    with pytest.raises(InvalidArgument) as caught:
        guard(True, params=Params(prompt=named))(function)

    assert str(caught.value) == message


@pytest.mark.parametrize("task", [3, None, {"a": 1}, b"t"])
def test_rejects_task_of_another_type(task):
    """A task that is not a text or a list of messages raises InvalidArgument before the function runs."""
    seen.clear()

    with pytest.raises(InvalidArgument):
        guard(True, store=None)(anything)(task)

    assert seen == []


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), (("a", "b"), {}), (("a",), {"other": 1})])
def test_wrong_arguments_raise_type_error(args, kwargs):
    """Arguments that the function does not accept raise TypeError, as without the guard."""
    with pytest.raises(TypeError):
        guard(True, store=None)(anything)(*args, **kwargs)


async def coroutine(text):
    return "1"


async def async_generator(text):
    yield "1"


def generator(text):
    yield "1"


class AsyncAsker:
    async def __call__(self, text):
        return "1"


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (generator, False),
        (coroutine, True),
        (async_generator, True),
        (functools.partial(coroutine), True),
        (functools.partial(functools.partial(async_generator)), True),
        (AsyncAsker(), True),
        (functools.partial(AsyncAsker()), True),
        (Asker(), False),
    ],
)
def test_guarded_asynchronous_function_is_awaited(function, is_async):
    """Coroutine functions and async generator functions are awaited, also inside partials and objects."""
    guarded = guard(True, store=None, name="kinds")(function)

    assert isinstance(guarded, AsyncGuarded) is is_async
    assert (asyncio.run(_await(guarded("t"))) if is_async else guarded("t")) == 1


async def _await(awaitable):
    return await awaitable


class Reader:
    """Methods with the task as their only argument."""

    @guard(True, store=None)
    def read(self, text):
        return anything(text)

    @guard(True, store=None)
    @classmethod
    def read_by_class(cls, text):
        return anything(text)

    @guard(True, store=None)
    @staticmethod
    def read_without(text):
        return anything(text)


@pytest.mark.parametrize("name", ["read", "read_by_class", "read_without"])
def test_self_and_cls_are_not_the_task(name):
    """The task of a method is the parameter after `self` or `cls`."""
    seen.clear()

    assert getattr(Reader(), name)("t") == 1
    assert seen == [{"text": f"{FORMAT}t"}]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (anything, "anything"),
        (Asker.method, "Asker.method"),
        (functools.partial(functools.partial(generator)), "generator"),
    ],
)
def test_guarded_function_has_the_name_of_the_function(function, name):
    """A function has its qualified name. A partial has the name of its function."""
    guarded = guard(True, store=None, params=Params(prompt="text"))(function)

    assert repr(guarded).startswith(f"<guarded {name} under Schema(")


class Extractor:
    @guard({"type": "object"}, store=None)
    def method(self, prompt):
        return "{}"


@guard({"type": "object"}, store=None)
def extract(prompt):
    return "{}"


BOUND = Extractor().method
OF_ONE = [(extract, extract.__wrapped__), (extract.outcome, extract.__wrapped__), (BOUND, BOUND.__wrapped__)]


@pytest.mark.parametrize(("function", "plain"), OF_ONE, ids=["function", "outcome", "method"])
@pytest.mark.parametrize("kwargs", [{"promt": "t"}, {}], ids=["wrong_keyword", "no_argument"])
def test_error_for_wrong_arguments_is_pythons_own(function, plain, kwargs):
    """The message names the function, as without the guard."""
    with pytest.raises(TypeError) as expected:
        plain(**kwargs)

    with pytest.raises(TypeError) as caught:
        function(**kwargs)

    assert str(caught.value) == str(expected.value)


def test_error_for_wrong_arguments_of_a_wrapper_names_the_function():
    """A wrapper is not called to find out that its arguments are wrong."""
    calls = []

    def inner(prompt):
        return "{}"

    @functools.wraps(inner)
    def wrapper(*args, **kwargs):
        calls.append(kwargs)
        return inner(*args, **kwargs)

    with pytest.raises(TypeError, match=r"inner\(\) missing a required argument: 'prompt'"):
        guard({"type": "object"}, store=None)(wrapper)(promt="t")

    assert calls == []
