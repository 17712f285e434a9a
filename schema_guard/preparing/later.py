# SPDX-License-Identifier: Apache-2.0
"""Parts of a guard that are built after decoration: the schema of a return type that is defined later, and versions.

Rules:
1. A name means what it means in Python: the class or function around the guarded one comes before the module.
2. A function around it is looked up on the stack. Storing its frame would keep all its local variables alive.
"""

from __future__ import annotations

import sys
import typing
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterator
from types import CodeType, FrameType, FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument
from schema_guard.preparing.parameters import implementation, innermost, name_of
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.strategies import Step


class Version:
    """Version of a function: set by the user, or computed at the first call because reading source takes milliseconds.

    Attributes:
        text: None until it is computed.
    """

    __slots__ = ("_function", "_steps", "text")

    def __init__(self, text: str | None, function: Any, steps: tuple[Step, ...]) -> None:
        self.text = text
        self._function = function
        self._steps = steps

    def compute(self) -> str:
        """Compute, store, and return the version. Threads that compute it at the same time get the same version."""
        from schema_guard.preparing.version import version_of  # only calls need it

        self.text = version_of(self._function, self._steps)
        return self.text


class LaterPrepared:
    """A `Prepared` that is built at the first use of an attribute that needs the schema.

    Attributes:
        settings: As in `Prepared`.
        function: As in `Prepared`.
        shape: As in `Prepared`.
        take: Called with the `Prepared` when it is built.
    """

    def __init__(self, settings: Any, function: Any, shape: Any, make: Callable[[], Any]) -> None:
        self.settings, self.function, self.shape = settings, function, shape
        self.take: Callable[[Any], object] = id
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._prepared(), name)

    def _replace(self, **changed: Any) -> LaterPrepared:
        """Return a copy with other values of some fields, as `Prepared._replace` does."""
        parts = {"function": self.function, **changed}
        return LaterPrepared(self.settings, make=lambda: self._prepared()._replace(**changed), **parts)

    def _prepared(self) -> Any:
        # Two threads may both build it, and the first one wins. A forked child would wait for a lock forever.
        if "_made" not in vars(self):
            self.take(vars(self).setdefault("_made", self._make()))
        return vars(self)["_made"]


def return_annotation(function: Any) -> Any:
    """Return the type that a function returns, awaited or iterated.

    Raises:
        NameError: A name in the annotation isn't defined yet.
        AttributeError: A module in the annotation doesn't have the name yet.
        InvalidArgument: There is no annotation, or it's None or Any.
    """
    annotation = _evaluated(function, _written(function))
    origin = typing.get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, (Awaitable, AsyncIterable, Iterator)):
        # The last type argument of a coroutine is its result. The first one of a generator is its item.
        annotation = typing.get_args(annotation)[-1 if issubclass(origin, Coroutine) else 0]
    if annotation is Any or annotation is type(None):
        raise InvalidArgument(
            f"{name_of(function)}: guard has no schema. Pass it, as in @guard(Invoice), or use a return annotation that has a schema"
        )
    return annotation


def check_annotation(function: Any) -> None:
    """Raise if a function is annotated to return a value that guard cannot read.

    Raises:
        InvalidArgument: The annotation is such a type. The message has the code to return instead.
    """
    annotation = _written(function)
    if annotation is Any:
        return
    from schema_guard.received.advice import advice_for_class  # most functions have no annotation

    code = advice_for_class(annotation)
    if code is not None:
        named = annotation if isinstance(annotation, str) else annotation.__name__
        raise InvalidArgument(
            f"{name_of(function)}: guard can't read a reply of the annotated type {clip(repr(named))}. Return {code} "
            "instead of this value"
        )


def resolved_annotation(function: Any) -> Any:
    """Return the type that a function returns, at the first call.

    Raises:
        InvalidArgument: A name in the annotation still isn't defined.
    """
    try:
        return return_annotation(function)
    except (NameError, AttributeError) as error:
        raise InvalidArgument(
            f"{name_of(function)}: resolving the return annotation {clip(repr(_written(function)))} failed: {error}. Define "
            "the name in the module or above the function, or pass the schema itself: @guard(Invoice)"
        ) from error


def _written(function: Any) -> Any:
    return getattr(implementation(function), "__annotations__", {}).get("return", Any)


def _evaluated(function: Any, annotation: Any) -> Any:
    if isinstance(annotation, type):
        return annotation
    inner = innermost(implementation(function))
    holder = SimpleNamespace(__annotations__={"return": annotation})
    try:
        hints = typing.get_type_hints(
            holder, getattr(inner, "__globals__", {}), _local_names(inner), include_extras=True
        )
    except TypeError:
        return Any
    return hints["return"]


def _local_names(function: Any) -> dict[str, Any]:
    """Return the names of the functions and classes around a function."""
    if not isinstance(function, FunctionType) or "." not in function.__qualname__:
        return {}
    names: dict[str, Any] = {}
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect, which has a public name for it, is slow to load
    while frame is not None:
        is_near = frame.f_globals is function.__globals__ and frame.f_code.co_name != "<module>"
        if is_near and _is_inside(function.__code__, frame.f_code):
            names = {**frame.f_locals, **names}
        frame = frame.f_back
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return names


def _is_inside(code: CodeType, outer: CodeType) -> bool:
    parts = [part for part in outer.co_consts if isinstance(part, CodeType)]
    # A class body around a method has ended when the method is called.
    return code in parts or any(_is_inside(code, part) for part in parts)
