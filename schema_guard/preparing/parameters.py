# SPDX-License-Identifier: Apache-2.0
"""Parameters that schema_guard fills, with the text about the format, the correction, or the provider's arguments.

Rule: schema_guard fills a parameter if its name is one of `USES` and its annotation allows the value, or if the user
named it. It does not touch a parameter of the user that only has such a name.
"""

from __future__ import annotations

import builtins
import sys
import typing
from collections.abc import Mapping, MutableMapping
from functools import partial
from inspect import Parameter
from types import FunctionType, SimpleNamespace, UnionType
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption
from schema_guard.text import clip, did_you_mean

USES = ("instructions", "feedback", "options")
"""The uses of a parameter that schema_guard fills, which are also its default names."""
Nothing: Final = Parameter.empty
"""The default or annotation of a parameter without one."""
BY_ITS_NAME = ""
"""The parameter with the name of the use, if its annotation fits."""
# Most decorators around a function. A longer chain is a cycle.
_MOST_WRAPPERS = 50
_TEXTS, _DICTS = {"str", "None"}, {"dict", "None"}


class ParameterNames(NamedTuple):
    """Parameters that the user named for schema_guard to fill: a name, None for none, or `BY_ITS_NAME`.

    Attributes:
        instructions: Parameter for the strategy's text, followed by the correction.
        feedback: Parameter for the correction.
        options: Parameter for the provider's arguments.
    """

    instructions: str | None = BY_ITS_NAME
    feedback: str | None = BY_ITS_NAME
    options: str | None = BY_ITS_NAME


BY_THEIR_NAMES: Final = ParameterNames()
"""The user names no parameter."""


def ours_of(
    function: Any, known: Mapping[str, Parameter], named: ParameterNames, prompt: str | None
) -> dict[str, str]:
    """Return the names of the parameters that schema_guard fills, by their use.

    Args:
        function: The user's function.
        known: Its parameters by name, without `*args` and `**kwargs`.
        named: Parameters that the user named.
        prompt: Parameter that carries the task according to the user. None to find it.

    Raises:
        InvalidArgument: A named parameter doesn't exist, or can't be filled.
    """
    ours: dict[str, str] = {}
    for use, name in zip(USES, named, strict=True):
        if name is BY_ITS_NAME:
            parameter = known.get(use)
            if parameter is not None and use != prompt and _fits(use, parameter, function):
                ours[use] = use
        elif name is not None:
            _check_parameter(function, f"params.{use}", name, known)
            if name == prompt or name in ours.values():
                raise InvalidArgument(
                    f"params.{use}={name!r}: schema_guard already passes {'the prompt' if name == prompt else 'another value'} "
                    f"in this parameter of {name_of(function)}. Name another parameter"
                )
            ours[use] = name
    if "instructions" in ours and named.feedback is BY_ITS_NAME:
        # The instructions contain the correction, so no feedback has to be filled in.
        ours.pop("feedback", None)
    return ours


def _check_parameter(function: Any, setting: str, name: str, known: Mapping[str, Parameter]) -> None:
    if name not in known:
        raise InvalidArgument(
            f"{setting}={clip(repr(name))}: {name_of(function)} has no such parameter, only "
            f"{', '.join(known) or 'none'}{did_you_mean(name, known)}"
        )
    if known[name].kind is Parameter.POSITIONAL_ONLY:
        raise InvalidArgument(
            f"{setting}={name!r}: {name_of(function)} accepts this parameter only by position. Name a parameter that it also accepts by name"
        )


def _fits(use: str, parameter: Parameter, function: Any) -> bool:
    """Return whether a parameter with one of our names is for schema_guard, and not for another use of the user's."""
    if parameter.kind is Parameter.POSITIONAL_ONLY:
        return False
    kinds, default = _kinds(parameter.annotation, function), parameter.default
    if use == "feedback":
        return kinds <= _TEXTS and default is None
    if use == "instructions":
        return kinds <= _TEXTS and (default is Nothing or default is None or isinstance(default, str))
    return kinds <= _DICTS and (default is Nothing or default is None or isinstance(default, Mapping))


def takes_model(parameter: Parameter | None, function: Any, models: Literal["names", "objects"]) -> bool:
    """Return whether a parameter accepts the model to call: a name, or an object."""
    if parameter is None or parameter.kind is Parameter.POSITIONAL_ONLY:
        return False
    kinds = _kinds(parameter.annotation, function)
    return kinds <= _TEXTS if models == "names" else not kinds or bool(kinds - _TEXTS)


def _kinds(annotation: Any, function: Any) -> set[str]:
    """Return the kinds of value that an annotation allows: `str`, `dict`, `None`, and `?` for all others."""
    if annotation is Nothing:
        return set()
    if isinstance(annotation, str):
        annotation = _evaluated(annotation, function)
    if isinstance(annotation, str):
        return {"?"}
    # `type Options = dict[str, Any]`
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(get_args(annotation)[0], function)
    if origin in (typing.Union, UnionType):
        return set().union(*[_kinds(part, function) for part in get_args(annotation)])
    if annotation is None or annotation is type(None):
        return {"None"}
    kind = origin or annotation
    return {"str"} if kind is str else {"dict"} if kind in (dict, Mapping, MutableMapping) else {"?"}


class _Names(dict[str, Any]):
    """The names of a function. A name that only a type checker imports is that of `typing`, a module, or any class."""

    def __missing__(self, name: str) -> Any:
        known = getattr(builtins, name, getattr(typing, name, None))
        return sys.modules.get(name, object) if known is None else known


def _evaluated(annotation: str, function: Any) -> Any:
    """Return the type of an annotation that is a text. Return the text if it can't be evaluated."""
    inner = implementation(function)
    holder = SimpleNamespace(__annotations__={"it": annotation})
    try:
        closure = _closure(inner) if isinstance(inner, FunctionType) else {}
        names = _Names({**getattr(inner, "__globals__", {}), **closure})
        return typing.get_type_hints(holder, globalns={}, localns=names)["it"]
    except Exception as error:
        if is_interruption(error):
            raise
        # A text may raise anything.
        return annotation


def _closure(function: FunctionType) -> dict[str, Any]:
    from inspect import getclosurevars  # needed only for an annotation that is a text

    return {**getclosurevars(function).nonlocals}


def implementation(function: Any) -> Any:
    """Return the function that finally runs, behind partials, bound methods, and callable objects."""
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the slot is what runs
    return call if isinstance(call, FunctionType) else function


def innermost(function: Any) -> Any:
    """Return the function that its author wrote, behind partials, methods, and decorators."""
    for _ in range(_MOST_WRAPPERS):
        while isinstance(function, partial):
            function = function.func
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            break
        function = inner
    return implementation(function)


def name_of(function: Any) -> str:
    """Return the qualified name of a callable. A partial has the name of its function, an object that of its class."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or getattr(function, "name", None)
    return name if isinstance(name, str) else type(function).__qualname__
