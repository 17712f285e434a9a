# SPDX-License-Identifier: Apache-2.0
"""What kind of callable a guarded function is, and by which of its parameters the task reaches it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_origin

from schema_guard.core.values import Message
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from schema_guard.core.values import Ask, Prompt

_TASK_NAMES = ("prompt", "messages")
# Annotations, as types or as the text that `from __future__ import annotations` leaves, that may carry a task.
_TASK_TYPES = (str, list, Sequence, inspect.Parameter.empty)
_TASK_TEXTS = ("str", "list", "List", "Sequence")


class Shape(NamedTuple):
    """How to call a function for an attempt.

    Attributes:
        task: Name of the parameter that carries the task; None when a function that builds its own prompt has none.
        default: The task of a call that gives none; `Parameter.empty` when it must.
        positional: Names of the parameters that can be given by position, in order.
        takes_options: Whether it has a parameter `options`.
        delivery: `instructions` or `feedback` when it has a parameter of that name, else `prompt`.
        is_async: Whether calling it gives something to await or to iterate with `async for`.
        is_async_generator: Whether it is to iterate.
        is_plain: Whether it takes the task as its first argument and nothing else of ours.
        is_sent: Whether a prompt is sent in place of the task; else the arguments pass as they are.
    """

    task: str | None
    default: Any
    positional: tuple[str, ...]
    takes_options: bool
    delivery: Literal["prompt", "feedback", "instructions"]
    is_async: bool
    is_async_generator: bool
    is_plain: bool
    is_sent: bool

    def bound(self) -> Shape:
        """Give the shape of the method that binding the function to an instance makes."""
        return self._replace(positional=self.positional[1:])


def shape_of(function: Callable[..., Any], prompt: str | None = None, *, observe: bool = False) -> Shape:
    """Find how a function takes its task.

    Args:
        function: Any callable.
        prompt: The parameter that the user named; None to find it.
        observe: Whether the arguments pass as they are, so that no parameter has to carry the task.

    Raises:
        InvalidArgument: There is no such parameter, or more than one could be meant.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name_of(function)}: its parameters cannot be read: {error}") from error
    named = {
        p.name: p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    delivery: Literal["prompt", "feedback", "instructions"] = "prompt"
    if "instructions" in named:
        delivery = "instructions"
    elif "feedback" in named:
        delivery = "feedback"
    is_sent = not observe and delivery != "instructions"
    try:
        task = _task_parameter(function, signature, named, prompt)
    except InvalidArgument:
        if prompt is not None or is_sent:
            raise
        task = None
    positional = tuple(p.name for p in named.values() if p.kind is not p.KEYWORD_ONLY)
    is_async_generator = _is(inspect.isasyncgenfunction, function)
    return Shape(
        task=task,
        default=named[task].default if task is not None else inspect.Parameter.empty,
        positional=positional,
        takes_options="options" in named,
        delivery=delivery,
        is_async=is_async_generator or _is(inspect.iscoroutinefunction, function),
        is_async_generator=is_async_generator,
        is_plain=positional[:1] == (task,) and delivery == "prompt" and "options" not in named,
        is_sent=is_sent,
    )


def implementation(function: Any) -> Any:
    """Give the function that runs in the end: behind partials, bound methods and callable objects."""
    while isinstance(function, partial):
        function = function.func
    function = getattr(function, "__func__", function)
    call = getattr(type(function), "__call__", None)  # noqa: B004 - the slot is what runs
    return call if inspect.isfunction(call) else function


def _is(kind: Callable[[Any], bool], function: Any) -> bool:
    # The function itself as well: it may be marked as a coroutine function.
    return kind(function) or kind(implementation(function))


def name_of(function: Any) -> str:
    """Give the qualified name of a callable; a partial has that of its function, an object that of its class."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or getattr(function, "name", None)
    return name if isinstance(name, str) else type(function).__qualname__


def _task_parameter(
    function: Any, signature: inspect.Signature, named: Mapping[str, inspect.Parameter], prompt: str | None
) -> str:
    listed = ", ".join(_written(p) for p in signature.parameters.values()) or "none"
    if prompt is not None:
        if prompt not in named:
            raise InvalidArgument(
                f"prompt={clip(repr(prompt))}: {name_of(function)} has no such parameter, only "
                f"{listed}{did_you_mean(prompt, named)}"
            )
        return prompt
    found = next((name for name in _TASK_NAMES if name in named), None)
    if found is not None:
        return found
    candidates = [name for name, parameter in named.items() if _may_carry_task(parameter)]
    if len(candidates) == 1:
        return candidates[0]
    problem = (
        "no parameter can carry the prompt"
        if not candidates
        else "more than one parameter could carry the prompt"
    )
    raise InvalidArgument(
        f"{name_of(function)}: {problem} ({listed}): name it with prompt=, call it 'prompt' or "
        "'messages', or take 'instructions: str' and build the prompt yourself"
    )


def _may_carry_task(parameter: inspect.Parameter) -> bool:
    if (
        parameter.name in ("self", "cls", "options", "feedback", "instructions")
        or parameter.default is not parameter.empty
    ):
        return False
    annotation = parameter.annotation
    if isinstance(annotation, str):
        return annotation.split("[")[0].rpartition(".")[2] in _TASK_TEXTS
    return (get_origin(annotation) or annotation) in _TASK_TYPES


def _written(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    return f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name


def task_of(shape: Shape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Prompt:
    """Give the task that a call carries, as a prompt that nobody else can change.

    Where no prompt is sent in place of it, any arguments will do: without a task they are it, as a text.

    Raises:
        InvalidArgument: It is neither a text nor a list of messages.
        TypeError: The arguments do not fit the function's parameters.
    """
    if shape.is_plain and len(args) == 1 and type(args[0]) is str and not kwargs:
        return args[0]
    name = shape.task
    given = None if name is None else _given(shape, args, kwargs, name, shape.default)
    if type(given) is str:
        return given
    task = _prompt(given)
    if task is not None:
        return task
    if not shape.is_sent:
        return all_arguments(args, kwargs)
    if given is inspect.Parameter.empty:
        inspect.signature(function).bind(*args, **kwargs)
    raise InvalidArgument(
        f"{name}={clip(repr(given))}: {name_of(function)} was given a {type(given).__name__}: expected a str, or a list of "
        '{"role": ..., "content": ...}'
    )


def all_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Give the arguments of a call as a text that is the same for equal ones."""
    try:
        return json.dumps([args, kwargs], default=repr, sort_keys=True)
    except Exception:  # noqa: BLE001 - keys that do not sort, cycles, depth, a repr of the user's: anything may raise
        return " ".join(type(value).__qualname__ for value in (*args, *kwargs.values()))


def _prompt(given: Any) -> Prompt | None:
    """Give a text, or a list of messages as our own; None for anything else."""
    if isinstance(given, str):
        return str(given)
    if (
        not isinstance(given, (list, tuple))
        or not given
        or not all(_is_message(message) for message in given)
    ):
        return None
    return tuple(
        message
        if isinstance(message, Message)
        else Message(
            message["role"],
            message.get("content"),
            {key: part for key, part in message.items() if key not in ("role", "content")} or None,
        )
        for message in given
    )


def _is_message(message: Any) -> bool:
    return isinstance(message, Message) or (
        isinstance(message, dict) and isinstance(message.get("role"), str)
    )


def arguments(
    shape: Shape, ask: Ask, args: tuple[Any, ...], kwargs: dict[str, Any], options: dict[str, Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments for one attempt: the caller's, with the prompt and what else the function takes."""
    if len(args) == 1 and not kwargs and shape.is_plain and type(ask.prompt) is str:
        return (ask.prompt,), kwargs
    sent = ask.prompt if isinstance(ask.prompt, str) else [message.as_dict() for message in ask.prompt]
    if shape.takes_options:
        theirs = _given(shape, args, kwargs, "options", None)
        args, kwargs = _with(shape, args, kwargs, "options", {**(theirs or {}), **(options or {})})
    if shape.delivery == "instructions":
        return _with(shape, args, kwargs, "instructions", sent)
    if shape.delivery == "feedback":
        args, kwargs = _with(shape, args, kwargs, "feedback", ask.correction)
    assert shape.task is not None
    return _with(shape, args, kwargs, shape.task, sent)


def _given(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, default: Any) -> Any:
    """Give the argument of a parameter, by keyword or by position; *default* when the call gives none."""
    if name in kwargs:
        return kwargs[name]
    index = shape.positional.index(name) if name in shape.positional else len(args)
    return args[index] if index < len(args) else default


def _with(
    shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments with that of one parameter put in: by position if the call gave it so, else by keyword."""
    index = shape.positional.index(name) if name in shape.positional else len(args)
    if index < len(args):
        return (*args[:index], value, *args[index + 1 :]), kwargs
    return args, {**kwargs, name: value}
