"""What kind of callable a guarded function is, and by which of its parameters the task reaches it."""

from __future__ import annotations

import inspect
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from schema_guard.core.values import Message
from schema_guard.errors import InvalidArgument, clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.core.values import Ask, Prompt

_TASK_NAMES = ("prompt", "messages")
# Annotations, as types or as the text that `from __future__ import annotations` leaves, that may carry a task.
_TASK_TYPES = (str, list, inspect.Parameter.empty)
_TASK_TEXTS = ("str", "list", "List", "Sequence")


class Shape(NamedTuple):
    """How to call a function for an attempt.

    Attributes:
        task: Name of the parameter that carries the task; None when a function that builds its own prompt has none.
        position: Among positional arguments; None when it is keyword-only or there is none.
        takes_options: Whether it has a parameter `options`.
        delivery: `instructions` or `feedback` when it has a parameter of that name, else `prompt`.
        is_async: Whether calling it gives something to await or to iterate with `async for`.
        is_plain: Whether it takes the task as its first argument and nothing else of ours.
        signature: Its whole signature.
    """

    task: str | None
    position: int | None
    takes_options: bool
    delivery: Literal["prompt", "feedback", "instructions"]
    is_async: bool
    is_plain: bool
    signature: inspect.Signature


def shape_of(function: Callable[..., Any], prompt: str | None = None) -> Shape:
    """Find how a function takes its task.

    Args:
        function: Any callable.
        prompt: The parameter that the user named; None to find it.

    Raises:
        InvalidArgument: There is no such parameter, or more than one could be meant.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name_of(function)}: its parameters cannot be read: {error}") from error
    named = signature.parameters
    delivery: Literal["prompt", "feedback", "instructions"] = "prompt"
    if "instructions" in named:
        delivery = "instructions"
    elif "feedback" in named:
        delivery = "feedback"
    try:
        task = _task_parameter(function, signature, prompt)
    except InvalidArgument:
        if delivery != "instructions" or prompt is not None:
            raise
        task = None
    positional = [p.name for p in named.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    position = positional.index(task) if task in positional else None
    return Shape(
        task=task,
        position=position,
        takes_options="options" in named,
        delivery=delivery,
        is_async=_is_async(function),
        is_plain=position == 0 and delivery == "prompt" and "options" not in named,
        signature=signature,
    )


def name_of(function: Any) -> str:
    """Give the qualified name of a callable; a partial has that of its function, an object that of its class."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or getattr(function, "name", None)
    return name if isinstance(name, str) else type(function).__qualname__


def _task_parameter(function: Any, signature: inspect.Signature, prompt: str | None) -> str:
    parameters = signature.parameters
    if prompt is not None:
        if prompt not in parameters or parameters[prompt].kind in (
            inspect.Parameter.VAR_POSITIONAL,
            inspect.Parameter.VAR_KEYWORD,
        ):
            raise InvalidArgument(
                f"prompt={clip(repr(prompt))}: {name_of(function)} has no such parameter, only "
                f"{_listed(parameters)}{did_you_mean(prompt, parameters)}"
            )
        return prompt
    found = next((name for name in _TASK_NAMES if name in parameters), None)
    if found is not None:
        return found
    candidates = [p.name for p in list(parameters.values()) if _may_carry_task(p)]
    if len(candidates) == 1:
        return candidates[0]
    problem = (
        "no parameter can carry the prompt"
        if not candidates
        else "more than one parameter could carry the prompt"
    )
    raise InvalidArgument(
        f"{name_of(function)}: {problem} ({_listed(parameters)}): name it with prompt=, call it 'prompt' or "
        "'messages', or take 'instructions: str' and build the prompt yourself"
    )


def _may_carry_task(parameter: inspect.Parameter) -> bool:
    if (
        parameter.name in ("self", "cls", "options", "feedback", "instructions")
        or parameter.default is not parameter.empty
    ):
        return False
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return False
    annotation = parameter.annotation
    if isinstance(annotation, str):
        return annotation.split("[")[0].rpartition(".")[2] in _TASK_TEXTS
    return annotation in _TASK_TYPES or getattr(annotation, "__origin__", None) is list


def _listed(parameters: Any) -> str:
    return ", ".join(parameters) or "none"


def _is_async(function: Any) -> bool:
    while isinstance(function, partial):
        function = function.func
    for candidate in (function, getattr(type(function), "__call__", None)):  # noqa: B004 - the slot is what runs
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False


def task_of(shape: Shape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Prompt:
    """Give the task that a call carries, as a prompt that nobody else can change.

    A function that builds its own prompt is asked by all its arguments: they are the task, as JSON.

    Raises:
        InvalidArgument: It is neither a text nor a list of messages.
        TypeError: As the function itself raises it, when the arguments do not fit its parameters.
    """
    name = shape.task
    if name is None:
        return json.dumps([args, kwargs], default=lambda value: type(value).__qualname__, sort_keys=True)
    if name in kwargs:
        given = kwargs[name]
    elif shape.position is not None and shape.position < len(args):
        given = args[shape.position]
    else:
        bound = shape.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments[name]
    return given if type(given) is str else _messages(given, name, function)


def _messages(given: Any, name: str, function: Any) -> Prompt:
    if isinstance(given, str):
        return str(given)
    if isinstance(given, (list, tuple)) and given and all(_is_message(message) for message in given):
        return tuple(
            message
            if isinstance(message, Message)
            else Message(
                message["role"],
                message.get("content"),
                {key: part for key, part in message.items() if key not in ("role", "content")},
            )
            for message in given
        )
    raise InvalidArgument(
        f"{name}={clip(repr(given))}: {name_of(function)} was given a {type(given).__name__}: expected a str, or a list of "
        '{"role": ..., "content": ...}'
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
        kwargs = {**kwargs, "options": {**(kwargs.get("options") or {}), **(options or {})}}
    if shape.delivery == "instructions":
        return args, {**kwargs, "instructions": sent}
    if shape.delivery == "feedback":
        kwargs = {**kwargs, "feedback": ask.correction}
    assert shape.task is not None
    index = shape.position
    if index is not None and index < len(args):
        return (*args[:index], sent, *args[index + 1 :]), kwargs
    return args, {**kwargs, shape.task: sent}
