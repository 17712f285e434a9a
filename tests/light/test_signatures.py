"""Parameters are those that `inspect` finds, of whatever function."""

from __future__ import annotations

import asyncio
import functools
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.light.signatures import (
    Nothing,
    Parameter,
    is_async_generator_function,
    is_coroutine_function,
    parameters_of,
)

KINDS = ("by position", "either way", "rest", "by name", "named rest")


def by_inspect(function):
    """The parameters of a function, as `inspect` tells them."""
    return [
        Parameter(
            p.name,
            KINDS[p.kind],
            Nothing if p.default is p.empty else p.default,
            Nothing if p.annotation is p.empty else p.annotation,
        )
        for p in inspect.signature(function).parameters.values()
    ]


@st.composite
def written(draw):
    """The source of a function: parameters of all kinds, some with defaults and annotations."""
    counts = [draw(st.integers(0, 3)) for _ in range(3)]
    names = iter("abcdefghi")
    parts = [[next(names) for _ in range(count)] for count in counts]
    noted = {
        name: f"{name}: {draw(st.sampled_from(['int', 'str | None']))}"
        for name in "abcdefghi"
        if draw(st.booleans())
    }
    first_default = draw(st.integers(0, sum(counts[:2])))

    def shown(name, *, filled):
        return noted.get(name, name) + f" = {ord(name)}" * filled

    positional = [shown(name, filled=at >= first_default) for at, name in enumerate(parts[0] + parts[1])]
    if parts[0]:
        positional.insert(len(parts[0]), "/")
    rest = draw(st.sampled_from(["", "*args", "*args: int"])) or ("*" if parts[2] else "")
    by_name = [shown(name, filled=draw(st.booleans())) for name in parts[2]]
    last = draw(st.sampled_from(["", "**kwargs", "**kwargs: int"]))
    kind = draw(st.sampled_from(["def", "async def"]))
    body = draw(st.sampled_from(["x = y = 1", "yield"]))
    return f"{kind} f({', '.join(filter(None, [*positional, rest, *by_name, last]))}):\n    {body}"


@given(written())
def test_a_plain_function_is_read_as_inspect_reads_it(source):
    """Names, kinds, defaults, annotations, and what calling it gives."""
    names = {}
    exec(source, names)  # noqa: S102 - the source is ours
    function = names["f"]

    assert parameters_of(function) == by_inspect(function)
    assert is_coroutine_function(function) is inspect.iscoroutinefunction(function)
    assert is_async_generator_function(function) is inspect.isasyncgenfunction(function)


class Model:
    """Callables of a class."""

    def ask(self, prompt, *, pages=1):
        """A method."""

    async def later(self, prompt):
        """One that is awaited."""

    def __call__(self, prompt):
        """An object that is called."""


def wrapped(function):
    """A function as decorators leave it."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def with_signature():
    """A function that says itself what it takes."""

    def call(*args):
        """Take anything."""

    call.__signature__ = inspect.signature(Model.ask)
    return call


@pytest.mark.parametrize(
    "function",
    [
        Model().ask, Model().later, Model(), Model, wrapped(Model.ask), with_signature(), sorted, asyncio.sleep,
        functools.partial(Model().ask, pages=2), functools.partial(Model.later, None),
    ],
)  # fmt: skip
def test_everything_else_is_read_by_inspect(function):
    """Methods, objects, classes, partials, what decorators left, and what says itself what it takes."""
    assert parameters_of(function) == by_inspect(function)
    assert is_coroutine_function(function) is inspect.iscoroutinefunction(function)
    assert is_async_generator_function(function) is inspect.isasyncgenfunction(function)


def test_what_has_no_parameters_is_refused():
    """With the exceptions of `inspect`."""
    with pytest.raises(TypeError):
        parameters_of(3)
    with pytest.raises(ValueError, match="no signature"):
        parameters_of(type)
