# SPDX-License-Identifier: Apache-2.0
"""The form of a guarded function: sync, async, or generator, with the parameters for the task and for added values.

Rules: schema_guard never replaces what the caller passes. It appends text after the caller's text, and the caller's
keys in a dict take precedence. `parameters` finds the parameters that schema_guard fills.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from inspect import Parameter, isasyncgenfunction, iscoroutinefunction, signature
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_origin

from schema_guard.errors import InvalidArgument
from schema_guard.interruptions import is_interruption, value_or
from schema_guard.preparing.parameters import (
    BY_THEIR_NAMES,
    USES,
    Nothing,
    ParameterNames,
    implementation,
    name_of,
    ours_of,
    takes_model,
)
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.values import Ask, Prompt

__all__ = [
    "Shape",
    "all_arguments",
    "arguments",
    "check_arguments",
    "has_feedback_argument",
    "implementation",
    "model_argument",
    "name_of",
    "options_argument",
    "shape_of",
    "task_argument",
    "task_of",
    "with_task",
]

_TASK_NAMES = ("prompt", "messages")
_PROMPT = "params.prompt"
# Annotations of parameters that may carry a task, as types, or as text (`from __future__ import annotations`).
_TASK_TYPES = (str, list, Sequence, Nothing)
_TASK_TEXTS = ("str", "list", "List", "Sequence")
# An object with this method is a prompt value of LangChain.
_PROMPT_VALUE = "to_messages"


# Name of the parameter for the model to call, and of the provider's argument.
_MODEL = "model"


class Shape(NamedTuple):
    """How to call a function for an attempt.

    Attributes:
        task: Name of the parameter that carries the task. None if the function builds its own prompt without one.
        default: Default of the task. `Nothing` if it has none.
        positional: Names of the parameters that accept a positional argument, in order.
        instructions: Name of the parameter for the strategy's text and the correction. None without one.
        feedback: Name of the parameter for the correction. None without one.
        options: Name of the parameter for the provider's arguments. None without one.
        model: Name of the parameter for the model to call. None without one, or if the guard doesn't select models.
        defaults: Default of each of these parameters. `Nothing` if it has none.
        is_async: Whether calling it returns an awaitable or an async iterator.
        is_async_generator: Whether it returns an async iterator.
        fills_only_task: Whether the task is its first parameter, and schema_guard fills no other parameter.
        is_sent: Whether a prompt replaces the task. If False, the task passes unchanged.
    """

    task: str | None
    default: Any
    positional: tuple[str, ...]
    instructions: str | None
    feedback: str | None
    options: str | None
    model: str | None
    defaults: Mapping[str, Any]
    is_async: bool
    is_async_generator: bool
    fills_only_task: bool
    is_sent: bool

    @property
    def delivery(self) -> Literal["prompt", "feedback", "instructions"]:
        """The way in which the correction reaches the function, unless the call passes its own feedback."""
        if self.instructions is not None:
            return "instructions"
        return "prompt" if self.feedback is None else "feedback"

    def bound(self) -> Shape:
        """Return the shape of the method that binding the function to an instance creates."""
        positional = self.positional[1:]
        # `defaults` has an entry for each parameter that schema_guard fills.
        return self._replace(
            positional=positional, fills_only_task=positional[:1] == (self.task,) and not self.defaults
        )


def shape_of(
    function: Callable[..., Any],
    prompt: str | None = None,
    *,
    observe: bool = False,
    named: ParameterNames = BY_THEIR_NAMES,
    models: Literal["names", "objects"] | None = None,
    setting: str = _PROMPT,
) -> Shape:
    """Find how a function takes its task.

    Args:
        function: Any callable.
        prompt: Parameter that the user named for the task. None to find it.
        observe: Whether the arguments pass unchanged, so that no parameter has to carry the task.
        named: Parameters that the user named for schema_guard to fill or to leave alone.
        models: Kind of the models that a parameter `model` receives. None if the guard doesn't select models.
        setting: Setting by which the user names *prompt*.

    Raises:
        InvalidArgument: No parameter fits, or more than one does.
    """
    try:
        parameters = list(signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        if is_interruption(error):
            raise
        raise InvalidArgument(
            f"{name_of(function)}: reading the parameters failed: {error}. Wrap it in a `def` function"
        ) from error
    known = {p.name: p for p in parameters if p.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)}
    ours = ours_of(function, known, named, prompt)
    if models is not None and prompt != _MODEL and takes_model(known.get(_MODEL), function, models):
        ours[_MODEL] = _MODEL
    is_sent = not observe and "instructions" not in ours
    try:
        task = _task_parameter(function, parameters, known, prompt, ours, setting)
    except InvalidArgument:
        if prompt is not None or is_sent:
            raise
        task = None
    positional = tuple(p.name for p in known.values() if p.kind is not Parameter.KEYWORD_ONLY)
    is_async_generator = _is(isasyncgenfunction, function)
    return Shape(
        task=task,
        default=known[task].default if task is not None else Nothing,
        positional=positional,
        instructions=ours.get("instructions"),
        feedback=ours.get("feedback"),
        options=ours.get("options"),
        model=ours.get(_MODEL),
        defaults={name: known[name].default for name in ours.values()},
        is_async=is_async_generator or _is(iscoroutinefunction, function),
        is_async_generator=is_async_generator,
        fills_only_task=positional[:1] == (task,) and not ours,
        is_sent=is_sent,
    )


def _is(kind: Callable[[Any], bool], function: Any) -> bool:
    # Check the function itself too, because it may be marked as a coroutine function.
    return kind(function) or kind(implementation(function))


def _task_parameter(
    function: Any,
    parameters: Sequence[Parameter],
    named: Mapping[str, Parameter],
    prompt: str | None,
    ours: Mapping[str, str],
    setting: str,
) -> str:
    listed = ", ".join(_written(p) for p in parameters) or "none"
    if prompt is not None:
        if prompt not in named:
            raise InvalidArgument(
                f"{setting}={clip(repr(prompt))}: {name_of(function)} has no such parameter, only "
                f"{listed}{did_you_mean(prompt, named)}"
            )
        return prompt
    task_name = next((name for name in _TASK_NAMES if name in named), None)
    if task_name is not None:
        return task_name
    free = [name for name, p in named.items() if name not in ours.values() and _may_carry_task(p)]
    # A parameter with one of our names carries the task only if no other parameter can.
    candidates = [name for name in free if name not in USES] or free
    if len(candidates) == 1:
        return candidates[0]
    problem = (
        "no parameter can receive the prompt"
        if not candidates
        else "more than one parameter can receive the prompt"
    )
    # `guard_tools` names the parameter by another argument, and adds no instructions.
    is_ours = setting == _PROMPT
    naming = "params=Params(prompt=...)" if is_ours else f"{setting}="
    by_itself = ", or take 'instructions: str' and build the prompt yourself" if is_ours else ""
    raise InvalidArgument(
        f"{name_of(function)}: {problem} ({listed}). Name the parameter with {naming}, or call it 'prompt' or 'messages'{by_itself}"
    )


def _may_carry_task(parameter: Parameter) -> bool:
    if parameter.name in ("self", "cls") or parameter.default is not Nothing:
        return False
    annotation = parameter.annotation
    if isinstance(annotation, str):
        name = annotation.split("[")[0].rpartition(".")[2]
        return name in _TASK_TEXTS or name.endswith("PromptValue")
    return (get_origin(annotation) or annotation) in _TASK_TYPES or hasattr(annotation, _PROMPT_VALUE)


def _written(parameter: Parameter) -> str:
    stars = (parameter.kind is Parameter.VAR_POSITIONAL) + 2 * (parameter.kind is Parameter.VAR_KEYWORD)
    return "*" * stars + parameter.name


def task_of(
    shape: Shape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], provider: str | None = None
) -> Prompt:
    """Return the task of a call, as a prompt that no other code can change.

    If no prompt replaces the task, any arguments are valid. Without a task, the text of all arguments is the task.
    Messages are read in the format of the provider, if it's known.

    Raises:
        InvalidArgument: The task is neither a text nor a list of messages.
        TypeError: The arguments do not fit the function's parameters.
    """
    if shape.fills_only_task and len(args) == 1 and type(args[0]) is str and not kwargs:
        return args[0]
    name = shape.task
    argument = None if name is None else _argument(shape, args, kwargs, name, shape.default)
    if type(argument) is str:
        return argument
    task = _prompt(_unwrapped(argument), provider)
    if task is not None:
        return task
    if not shape.is_sent:
        return all_arguments(args, kwargs)
    if argument is Nothing:
        _require_arguments_that_fit(function, args, kwargs)
    raise InvalidArgument(
        f"{name}={clip(repr(argument))}: {name_of(function)} got a value of the type {type(argument).__name__}. Pass a str, or a list of "
        '{"role": ..., "content": ...}'
    )


def _require_arguments_that_fit(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise Python's own `TypeError` for arguments that don't fit the function's parameters."""
    try:
        signature(function).bind(*args, **kwargs)
    except TypeError as error:
        reason = str(error)
    else:
        return
    plain = getattr(function, "__func__", function)
    if isinstance(plain, FunctionType) and not {"__wrapped__", "__signature__"} & plain.__dict__.keys():
        # Python refuses the arguments before it runs the body.
        function(*args, **kwargs)
    raise TypeError(f"{name_of(function)}() {reason}")


def all_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the arguments of a call as a text. Equal arguments have the same text."""
    # Keys that do not sort, cycles, depth, or a repr of the user's can raise any exception.
    return value_or(None, lambda: json.dumps([args, kwargs], default=repr, sort_keys=True)) or " ".join(
        type(value).__qualname__ for value in (*args, *kwargs.values())
    )


def _prompt(task: Any, provider: str | None) -> Prompt | None:
    """Return a text, or a list of messages converted to our own type. None for any other value."""
    if isinstance(task, str):
        return str(task)
    if not isinstance(task, (list, tuple)) or not task:
        return None
    from schema_guard.providers.message_lists import messages_of  # only lists of messages need it

    return messages_of(task, provider)


def _unwrapped(task: Any) -> Any:
    """Return the text or the messages in a prompt value of LangChain. Return any other value unchanged."""
    if not hasattr(type(task), _PROMPT_VALUE):
        return task
    from schema_guard.providers.langchain import content_of  # as in _prompt()

    return content_of(task)


def arguments(
    shape: Shape,
    ask: Ask,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: dict[str, Any] | None,
    model: Any = None,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments for one attempt: the caller's, with the prompt and the other values for the function."""
    if len(args) == 1 and not kwargs and shape.fills_only_task and type(ask.prompt) is str is type(args[0]):
        return (ask.prompt,), kwargs
    if shape.options is not None:
        from schema_guard.providers.request_options import joined_options  # as in _prompt()

        both = joined_options(options or {}, options_argument(shape, args, kwargs) or {})
        args, kwargs = _with(shape, args, kwargs, shape.options, both)
    if shape.model is not None and _argument(shape, args, kwargs, shape.model, None) is None:
        args, kwargs = _with(shape, args, kwargs, shape.model, model)
    if shape.feedback is not None and _wants_feedback(shape, ask, args, kwargs):
        args, kwargs = _with(shape, args, kwargs, shape.feedback, ask.correction)
    if shape.instructions is not None:
        theirs = _instructions_argument(shape, args, kwargs)
        text = f"{theirs}\n\n{ask.prompt}" if theirs and ask.prompt else theirs or ask.prompt
        return _with(shape, args, kwargs, shape.instructions, text)
    if isinstance(ask.prompt, str):
        return with_task(shape, args, kwargs, ask.prompt)
    from schema_guard.providers.messages import elements_of  # as in _prompt()

    return with_task(shape, args, kwargs, elements_of(ask.prompt))


def task_argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the task that a call passes, with LangChain prompt values unwrapped. None if it passes no task."""
    task = None if shape.task is None else _argument(shape, args, kwargs, shape.task, shape.default)
    return None if task is Nothing else _unwrapped(task)


def with_task(
    shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], task: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call with another task, in the same form as the call's own task."""
    assert shape.task is not None
    theirs = _argument(shape, args, kwargs, shape.task, shape.default)
    if hasattr(type(theirs), _PROMPT_VALUE):
        from schema_guard.providers.langchain import with_content  # as in _prompt()

        task = with_content(theirs, task)
    return _with(shape, args, kwargs, shape.task, task)


def model_argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the model that a call names in its arguments. None if it names none."""
    if shape.model is not None:
        return _argument(shape, args, kwargs, shape.model, None)
    return (options_argument(shape, args, kwargs) or {}).get(_MODEL)


def check_arguments(
    shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], reserved: Mapping[tuple[str, ...], str]
) -> None:
    """Check the arguments of a call for the parameters that schema_guard fills.

    Args:
        shape: Shape of the function.
        args: Positional arguments of the call.
        kwargs: Keyword arguments of the call.
        reserved: Strategy that sets it, for each path of keys in the options that request the format.

    Raises:
        InvalidArgument: An argument has a type that can't be combined, or sets a key that a strategy sets.
    """
    if shape.instructions is not None:
        _instructions_argument(shape, args, kwargs)
    theirs = options_argument(shape, args, kwargs)
    for path, strategy in reserved.items() if theirs else ():
        clash = _clash(theirs or {}, path)
        if clash:
            where = "".join(f"[{key!r}]" for key in clash)
            raise InvalidArgument(
                f"{shape.options}{where}: strategy {strategy!r} sets this argument to request the format, but the "
                "call sets it too. Remove it from the call, or use a strategy that sets no options, such as 'system_prompt'"
            )


def _clash(theirs: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    key, *inner = path
    if key not in theirs:
        return ()
    if not inner or not isinstance(theirs[key], Mapping):
        return (key,)
    return path if inner[0] in theirs[key] else ()


def has_feedback_argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a call passes its own feedback. If so, the correction must be in the prompt."""
    return shape.feedback is not None and _argument(shape, args, kwargs, shape.feedback, None) is not None


def _wants_feedback(shape: Shape, ask: Ask, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if has_feedback_argument(shape, args, kwargs):
        return False
    assert shape.feedback is not None
    # A call without correction leaves the parameter to its default, if it has one.
    return ask.correction is not None or shape.defaults[shape.feedback] is Nothing


def _instructions_argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the instructions of the caller, or the parameter's default. `""` without one."""
    assert shape.instructions is not None
    instructions = _argument(shape, args, kwargs, shape.instructions, shape.defaults[shape.instructions])
    if instructions is None or instructions is Nothing:
        return ""
    if not isinstance(instructions, str):
        raise InvalidArgument(
            f"{shape.instructions}={clip(repr(instructions))}: expected a str, because schema_guard adds the format to it. "
            "To pass the value unchanged, use guard(..., params=Params(instructions=None))"
        )
    return instructions


def options_argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Mapping[str, Any] | None:
    """Return the caller's own arguments for the provider, or the parameter's default. None without any."""
    if shape.options is None:
        return None
    options = _argument(shape, args, kwargs, shape.options, shape.defaults[shape.options])
    if options is None or options is Nothing:
        return None
    if not isinstance(options, Mapping):
        raise InvalidArgument(
            f"{shape.options}={clip(repr(options))}: expected a dict or None, because schema_guard adds arguments to it. "
            "To pass the value unchanged, use guard(..., params=Params(options=None))"
        )
    return options


def _argument(shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, default: Any) -> Any:
    """Return the argument of a parameter, passed by keyword or position. Return *default* if the call passes none."""
    if name in kwargs:
        return kwargs[name]
    index = shape.positional.index(name) if name in shape.positional else len(args)
    return args[index] if index < len(args) else default


def _with(
    shape: Shape, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with a new value for one parameter: by position if the call did so, otherwise by keyword."""
    index = shape.positional.index(name) if name in shape.positional else len(args)
    if index < len(args):
        return (*args[:index], value, *args[index + 1 :]), kwargs
    return args, {**kwargs, name: value}
