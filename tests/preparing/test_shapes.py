"""Facts about callables: how the task reaches them, and what they are called with."""

import functools
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, List  # noqa: UP035 - as users of older code write it

import pytest

from schema_guard import InvalidArgument, Message
from schema_guard.preparing.shapes import arguments, name_of, shape_of, task_of
from schema_guard.testing import ScriptedModel
from schema_guard.values import Ask

# ruff: noqa: UP006


def anything(text):
    return text


def prompted(first, prompt, messages):
    return prompt


def chatted(first: str, messages: list):
    return messages


def typed(count: int, text: str, name: str = "x"):
    return text


def listed(turns: List[dict], temperature: float):
    return turns


def sequenced(turns: Sequence[dict], temperature: float):
    return turns


def written(turns: "Sequence[dict]", temperature: "float"):
    return turns


def passing_on(text, **options):
    return text


def keyword_only(*, text: str):
    return text


def positional_only(text, /, n=1):
    return text


def optioned(text, options, feedback=None):
    return text


def defaulted(n: int = 1, prompt: str = "hello"):
    return prompt


def without_task(document: dict, *, instructions: str):
    return instructions


def with_both(document: dict, prompt: str, instructions: str):
    return prompt


async def coroutine(text):
    return text


async def async_generator(text):
    yield text


def generator(text):
    yield text


class Asker:
    """Callables of a class."""

    def __call__(self, text):
        return text

    def method(self, text):
        return text

    @staticmethod
    def static(text):
        return text

    @classmethod
    def class_method(cls, text):
        return text


class AsyncAsker:
    async def __call__(self, text):
        return text


MODEL = ScriptedModel([])


@dataclass(frozen=True)
class Case:
    """A callable, and by which parameter the task reaches it."""

    id: str
    function: Any
    task: str | None
    position: int | None = 0
    named: str | None = None


CASES = (
    Case("the only one", anything, "text"),
    Case("called prompt", prompted, "prompt", 1),
    Case("called messages", chatted, "messages", 1),
    Case("the only text", typed, "text", 1),
    Case("a list", listed, "turns"),
    Case("a sequence", sequenced, "turns"),
    Case("a sequence, written as a text", written, "turns"),
    Case("keyword-only", keyword_only, "text", None),
    Case("positional-only", positional_only, "text"),
    Case("ours do not count", optioned, "text"),
    Case("prompt with a default", defaulted, "prompt", 1),
    Case("named", prompted, "first", 0, named="first"),
    Case("it builds its own prompt", without_task, None, None),
    Case("it builds its own prompt around a task", with_both, "prompt", 1),
    Case("a method of a class", Asker.method, "text", 1),
    Case("a bound method", Asker().method, "text"),
    Case("a static method", Asker.static, "text"),
    Case("a class method", Asker.class_method, "text"),
    Case("a callable object", Asker(), "text"),
    Case("a partial", functools.partial(typed, 3), "text"),
    Case("a partial by keyword", functools.partial(typed, count=3), "text", None),
    Case("a partial of the prompt", functools.partial(prompted, "a", prompt="b"), "prompt", None),
    Case("a model", MODEL, "prompt"),
    Case("a method of a model", MODEL.acall, "prompt"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_task_is_found(case):
    """The task's parameter is the named one, else prompt, else messages, else the only one that may carry it."""
    shape = shape_of(case.function, case.named)

    assert shape.task == case.task
    assert case.position is None or shape.positional[case.position] == case.task
    assert case.position is not None or case.task not in shape.positional


def test_a_callable_without_a_signature_is_refused():
    """What cannot be inspected cannot be guarded."""
    with pytest.raises(InvalidArgument, match=r"^type: reading the parameters failed: "):
        shape_of(type)


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
        (MODEL.acall, True),
        (MODEL.astream, True),
        (MODEL, False),
    ],
)
def test_an_asynchronous_function_is_told(function, is_async):
    """Coroutine functions and async generator functions are asynchronous, however they are wrapped."""
    assert shape_of(function).is_async == is_async


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (anything, "anything"),
        (Asker.method, "Asker.method"),
        (Asker(), "Asker"),
        (functools.partial(functools.partial(anything)), "anything"),
        (functools.partial(Asker()), "Asker"),
        (MODEL, "scripted"),
    ],
)
def test_callables_have_names(function, name):
    """A callable is called by its qualified name, a partial by its function's, an object by its class's."""
    assert name_of(function) == name


def test_any_keywords_are_no_parameter_of_ours():
    """`**options` is no parameter `options`, whatever it is called."""
    shape = shape_of(passing_on)

    assert (shape.task, shape.options) == ("text", None)


# What a call is asked.


@dataclass(frozen=True)
class Call:
    """A call of a function, and the task in it."""

    id: str
    function: Any
    task: Any
    args: tuple[Any, ...] = ()
    kwargs: Any = None


TURN = {"role": "user", "content": "x", "name": "ann"}
IMAGE = {"role": "user", "content": [{"type": "image"}]}
CALLS = (
    Call("by position", anything, "x", ("x",)),
    Call("by keyword", anything, "x", (), {"text": "x"}),
    Call("its default", defaulted, "hello"),
    Call("its default behind others", defaulted, "hello", (3,)),
    Call("messages", anything, (Message("user", "x", {"name": "ann"}),), ([TURN],)),
    Call("texts", anything, (Message("user", "x"),), (["x"],)),
    Call("parts", anything, (Message("user", IMAGE["content"]),), ((IMAGE,),)),
    Call("our messages", anything, (Message("user", "x"),), ([Message("user", "x")],)),
    Call("no content", anything, (Message("assistant", None, {"tool_calls": []}),), ([{"role": "assistant", "tool_calls": []}],)),
    Call("all arguments", without_task, '[[{"a": 1}], {}]', ({"a": 1},)),
    Call("all arguments by keyword", without_task, '[[], {"a": 1, "document": 2}]', (), {"document": 2, "a": 1}),
)  # fmt: skip


@pytest.mark.parametrize("case", CALLS, ids=lambda case: case.id)
def test_the_task_of_a_call_is_found(case):
    """The task is the argument of its parameter, as a text or as messages of our own."""
    task = task_of(shape_of(case.function), case.function, case.args, case.kwargs or {})

    assert task == case.task
    assert type(task) is type(case.task)


def test_a_text_of_another_class_becomes_a_text():
    """A subclass of str, such as an enum's member, is sent as the text that it is."""

    class Text(str):
        __slots__ = ()

    assert type(task_of(shape_of(anything), anything, (Text("x"),), {})) is str


@dataclass(frozen=True)
class Point:
    """An argument with a repr of its own."""

    x: int


ODD = [{1: "a", "b": 2}, {(1, 2): 3}, Point(1), {Point(1): Point(2)}, float("nan"), "\ud800", {1, 2}, b"x"]
LOOP: list[Any] = []
LOOP.append(LOOP)
DEEP: list[Any] = []
for _ in range(10_000):
    DEEP = [DEEP]


@pytest.mark.parametrize("argument", [*ODD, LOOP], ids=repr)
def test_any_arguments_are_a_task(argument):
    """A function that builds its own prompt may take anything; equal arguments are equal tasks."""
    shape = shape_of(without_task)

    assert task_of(shape, without_task, (argument,), {}) == task_of(shape, without_task, (argument,), {})


def test_deep_arguments_are_a_task():
    """Arguments that are nested deeper than JSON is written are a task too."""
    assert task_of(shape_of(without_task), without_task, (DEEP,), {})


def test_different_arguments_are_different_tasks():
    """Objects that JSON cannot say are told apart by their repr."""
    shape = shape_of(without_task)

    tasks = {task_of(shape, without_task, (Point(n),), {}) for n in range(3)}

    assert len(tasks) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "text=3: anything got a value of the type int"),
        (None, "text=None: anything got a value of the type NoneType"),
        (b"x", "text=b'x': anything got a value of the type bytes"),
        ([], "text=[]: anything got a value of the type list"),
        (["x", 3], "text=['x', 3]: anything got a value of the type list"),
        ([{"content": "x"}], "text=[{'content': 'x'}]: anything got a value of the type list"),
        (
            {"role": "user", "content": "x"},
            "text={'role': 'user', 'content': 'x'}: anything got a value of the type dict",
        ),
    ],
    ids=repr,
)
def test_a_task_of_another_kind_is_refused(given, message):
    """A task is a text or a list of messages, else the call is refused before anything is asked."""
    with pytest.raises(InvalidArgument) as caught:
        task_of(shape_of(anything), anything, (given,), {})

    assert str(caught.value) == f'{message}. Pass a str, or a list of {{"role": ..., "content": ...}}'


@pytest.mark.parametrize("kwargs", [{}, {"other": 1}])
def test_arguments_that_do_not_fit_are_a_type_error(kwargs):
    """A call without its task is a TypeError, as without a guard."""
    with pytest.raises(TypeError):
        task_of(shape_of(anything), anything, (), kwargs)


# What a function is called with.


def ask(prompt, correction=None):
    return Ask(1, "bare", prompt, correction, None)


def taking_options(text, options=None):
    return text


def taking_feedback(text, feedback=None):
    return text


@dataclass(frozen=True)
class Sent:
    """A call and an ask, and what the function is called with."""

    id: str
    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    ask: Ask
    sent: tuple[Any, ...]
    options: dict[str, Any] | None = None


NEW = ask("new")
SENT = (
    Sent("by position", anything, ("old",), {}, NEW, (("new",), {})),
    Sent("by keyword", anything, (), {"text": "old"}, NEW, ((), {"text": "new"})),
    Sent("between others", prompted, ("a", "old", "b"), {}, NEW, (("a", "new", "b"), {})),
    Sent("in place of a default", defaulted, (3,), {}, NEW, ((3,), {"prompt": "new"})),
    Sent("with others by keyword", typed, (3, "old"), {"name": "y"}, NEW, ((3, "new"), {"name": "y"})),
    Sent(
        "messages",
        anything,
        ([TURN],),
        {},
        ask((Message("user", "x", {"name": "ann"}),)),
        (([TURN],), {}),
    ),
    Sent("options", taking_options, ("old",), {}, NEW, (("new",), {"options": {"a": 1}}), {"a": 1}),
    Sent("no options", taking_options, ("old",), {}, NEW, (("new",), {"options": {}})),
    Sent(
        "the caller's options before ours",
        taking_options,
        ("old",),
        {"options": {"a": 0, "b": 2}},
        NEW,
        (("new",), {"options": {"a": 0, "b": 2, "c": 1}}),
        {"a": 1, "c": 1},
    ),
    Sent(
        "options by position",
        taking_options,
        ("old", {"a": 0, "b": 2}),
        {},
        NEW,
        (("new", {"a": 0, "b": 2}), {}),
        {"a": 1},
    ),
    Sent("feedback", taking_feedback, ("old",), {}, ask("new", "no"), (("new",), {"feedback": "no"})),
    Sent("no feedback yet", taking_feedback, ("old",), {}, NEW, (("new",), {})),
    Sent("feedback by position", taking_feedback, ("old", None), {}, ask("new", "no"), (("new", "no"), {})),
    Sent("instructions", without_task, ({"a": 1},), {}, NEW, (({"a": 1},), {"instructions": "new"})),
    Sent("instructions and a task", with_both, (1,), {"prompt": "old"}, NEW, ((1,), {"prompt": "old", "instructions": "new"})),
    Sent("instructions by position", with_both, (1, "old", ""), {}, NEW, ((1, "old", "new"), {})),
)  # fmt: skip


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.id)
def test_a_function_is_called_with_the_prompt_in_place_of_the_task(case):
    """The function gets the caller's arguments, with the prompt and what else it takes put in."""
    before = repr((case.args, case.kwargs))

    args, kwargs = arguments(shape_of(case.function), case.ask, case.args, case.kwargs, case.options)

    assert (args, kwargs) == case.sent
    assert repr((case.args, case.kwargs)) == before
    inspect.signature(case.function).bind(*args, **kwargs)
