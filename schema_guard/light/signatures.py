# SPDX-License-Identifier: Apache-2.0
"""What a function takes and whether it is awaited: that of `inspect`, which is loaded for what is no plain function.

`inspect` is 35 of the 294 million instructions up to a first call, and a plain function has all of it in its code.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from schema_guard.light.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Nothing", "Parameter", "is_async_generator_function", "is_coroutine_function", "parameters_of"]

Kind: TypeAlias = Literal["by position", "either way", "rest", "by name", "named rest"]
# In the order of `inspect.Parameter.kind`.
_KINDS: tuple[Kind, ...] = ("by position", "either way", "rest", "by name", "named rest")
# In the order in which code has their names.
_IN_CODE: tuple[Kind, ...] = ("by position", "either way", "by name", "rest", "named rest")
# `inspect.CO_VARARGS` and its neighbours.
_HAS_REST, _HAS_NAMED_REST, _IS_COROUTINE, _IS_ASYNC_GENERATOR = 0x4, 0x8, 0x80, 0x200


class Nothing:
    """Stands, as the class that it is, where a parameter has no default or no annotation."""


class Parameter(NamedTuple):
    """A parameter of a function.

    Attributes:
        name: As it is written, without stars.
        kind: How it is given: by position, by name, either way; `rest` is `*args`, `named rest` `**kwargs`.
        default: What it has in a call that does not give it; `Nothing` when it must.
        annotation: As it stands in the function, a text where that is one; `Nothing` without one.
    """

    name: str
    kind: Kind
    default: Any = Nothing
    annotation: Any = Nothing


def parameters_of(function: Callable[..., Any]) -> list[Parameter]:
    """Give the parameters of a callable, in order: those of `inspect.signature`.

    Raises:
        TypeError: It is no callable of Python.
        ValueError: They cannot be known.
    """
    if _is_plain(function):
        return _written_in(function)
    from inspect import signature  # only what is no plain function needs it

    return [
        Parameter(
            p.name,
            _KINDS[p.kind],
            *[Nothing if part is p.empty else part for part in (p.default, p.annotation)],
        )
        for p in signature(function).parameters.values()
    ]


def is_coroutine_function(function: Any) -> bool:
    """Say whether calling it gives something to await, as `inspect.iscoroutinefunction` does."""
    if _is_plain(function):
        return bool(function.__code__.co_flags & _IS_COROUTINE)
    from inspect import iscoroutinefunction  # as in parameters_of()

    return iscoroutinefunction(function)


def is_async_generator_function(function: Any) -> bool:
    """Say whether calling it gives something to iterate with `async for`, as `inspect.isasyncgenfunction` does."""
    if _is_plain(function):
        return bool(function.__code__.co_flags & _IS_ASYNC_GENERATOR)
    from inspect import isasyncgenfunction  # as in parameters_of()

    return isasyncgenfunction(function)


def _is_plain(function: Any) -> bool:
    """Say whether its code tells all: what decorators and marks say of a function stands in its attributes."""
    return type(function) is FunctionType and not function.__dict__


def _written_in(function: Any) -> list[Parameter]:
    code, annotations = function.__code__, function.__annotations__
    positional = code.co_argcount
    last_ones = zip(code.co_varnames[:positional][::-1], (function.__defaults__ or ())[::-1], strict=False)
    defaults = {**(function.__kwdefaults__ or {}), **dict(last_ones)}
    counts = (
        code.co_posonlyargcount,
        positional - code.co_posonlyargcount,
        code.co_kwonlyargcount,
        bool(code.co_flags & _HAS_REST),
        bool(code.co_flags & _HAS_NAMED_REST),
    )
    kinds = [kind for kind, count in zip(_IN_CODE, counts, strict=True) for _ in range(count)]
    parameters = [
        Parameter(name, kind, defaults.get(name, Nothing), annotations.get(name, Nothing))
        for kind, name in zip(kinds, code.co_varnames, strict=False)
    ]
    return sorted(parameters, key=lambda parameter: _KINDS.index(parameter.kind))
