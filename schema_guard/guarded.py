# SPDX-License-Identifier: Apache-2.0
"""Guarded functions: the settings of `guard`, and a function with these settings.

`loop` decides what a call does, and `drive` calls the function. `running_call` has a call in progress and its result.
`fast` replaces the loop for a call with one text as its argument and one valid JSON object or array as its reply.
"""

from __future__ import annotations

import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from contextlib import aclosing
from functools import update_wrapper
from inspect import signature
from types import FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, Literal, ParamSpec, Self, TypeVar, cast, overload

from schema_guard.arguments import require_bool
from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.fast import fast_call_of, fast_coroutine_of, slow_path
from schema_guard.preparing.later import LaterPrepared
from schema_guard.preparing.prepare import prepare
from schema_guard.preparing.shapes import name_of
from schema_guard.preparing.telemetry import follow_environment
from schema_guard.records import recorder
from schema_guard.settings import Settings
from schema_guard.text import clip
from schema_guard.values import Partial

if TYPE_CHECKING:
    from schema_guard.drive import Driven
    from schema_guard.preparing.prepare import Prepared
    from schema_guard.preparing.shapes import Shape
    from schema_guard.schema import Schema
    from schema_guard.values import Json, Outcome

    class _Nobody:
        """No function returns this. A function that is annotated to return Any matches it, and is no coroutine."""


P = ParamSpec("P")
Q = ParamSpec("Q")
V = TypeVar("V")
R = TypeVar("R")


class Guard(Settings[V, R]):
    """A decorator with settings, returned by `guard(...)`. To guard a function, call this object with the function."""

    # It has no fields of its own, and is the dataclass that its base is.
    __slots__ = ()

    @overload
    def __call__(self, function: Callable[P, _Nobody]) -> Guarded[P, V, R]: ...
    @overload
    def __call__(self, function: Callable[P, Awaitable[Any]]) -> AsyncGuarded[P, V, R]: ...
    @overload
    def __call__(self, function: Callable[P, AsyncIterable[Any]]) -> AsyncGuarded[P, V, R]: ...
    @overload
    def __call__(self, function: Callable[P, Any]) -> Guarded[P, V, R]: ...
    def __call__(self, function: Callable[..., Any]) -> Any:
        """Guard a function.

        Raises:
            InvalidArgument: schema_guard can't guard the function with these settings.
        """
        return _guarded(self, function)


class _Guarded(Generic[P, V, R]):
    """The base of sync and async guarded functions: settings, the result of a call, and binding to an instance."""

    __wrapped__: Callable[P, Any]
    # Returns the fast path of its calls, or None.
    _path_maker: Callable[[Prepared], Any]
    # Code that takes this for a function reads the attributes of one.
    __closure__ = __defaults__ = __kwdefaults__ = None

    def __init__(
        self,
        prepared: Prepared,
        function: Callable[..., Any],
        binding: type[staticmethod[Any, Any] | classmethod[Any, Any, Any]] | None,
    ) -> None:
        # The __dict__ of a function is about the function. That of another callable is its own state.
        copied = ("__dict__",) if hasattr(function, "__code__") and not isinstance(function, _Guarded) else ()
        update_wrapper(cast("Callable[..., Any]", self), function, updated=copied)
        self._binding = binding
        if binding is not None:
            self.__func__ = function
        self._holder: Any = None
        self._take(prepared)
        if isinstance(prepared, LaterPrepared):
            prepared.take = self._take

    def _take(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._fast_path = self._path_maker(prepared)
        # The shape and the fast path of a bound method. They are the same for all instances.
        self._when_bound: tuple[Shape, Any] | None = None

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The class for `isinstance`. In a class body, Pydantic takes functions for methods, and the rest for fields."""
        is_function = type(self.__dict__.get("__wrapped__")) is FunctionType
        return self._binding or FunctionType if is_function else type(self)

    def __dir__(self) -> list[str]:
        # By default, the names of `__class__`.
        return [*self.__dict__, *dir(type(self))]

    @property
    def __code__(self) -> Any:
        return type(self).__call__.__code__

    @property
    def __globals__(self) -> dict[str, Any]:
        return getattr(self.__wrapped__, "__globals__", {})

    @property
    def guard(self) -> Guard[V, R]:
        """The settings: `dataclasses.replace(f.guard, max_attempts=1)(f.__wrapped__)` guards again with others."""
        return cast("Guard[V, R]", self._prepared.settings)

    @property
    def schema(self) -> Schema[V]:
        """The schema that replies must keep to."""
        return self._prepared.plan.schema

    def _recorded_as(self, name: str, **settings: Any) -> Self:
        """Return the same function with another name in records.

        Args:
            name: The name in records.
            **settings: Further settings to record with its calls.
        """
        made = type(self)(self._prepared.recorded_as(name, settings), self.__wrapped__, self._binding)
        made._holder = self._holder  # noqa: SLF001 - of the same class
        return made

    def _value_of(self, driven: Driven) -> R:
        """Return the value of a call that has ended, or raise its error."""
        from schema_guard.running_call import value_of  # only streams and judged calls need it

        return cast("R", value_of(self._prepared, driven))

    def _outcome_of(self, driven: Driven) -> Outcome[V]:
        """Return the outcome of a call that has ended, or raise its error."""
        from schema_guard.running_call import outcome_of  # as in _value_of()

        return cast("Outcome[V]", outcome_of(self._prepared, driven))

    def _wants_partial(self, kwargs: dict[str, Any]) -> bool:
        """Remove `partial` from the arguments of a stream, unless the function has such a parameter."""
        if "partial" not in kwargs:
            return False
        if "partial" in signature(self.__wrapped__).parameters:
            return False
        wants: bool = kwargs.pop("partial")
        require_bool("stream: partial", wants)
        return wants

    def __repr__(self) -> str:
        try:
            schema = repr(self.schema)
        except SchemaGuardError:
            schema = "a return annotation that can't be resolved yet"
        return f"<guarded {self.guard.name or name_of(self.__wrapped__)} under {schema}>"

    def __reduce__(self) -> Any:
        if self._holder is not None:
            return getattr, (self._holder, self.__name__)  # type: ignore[attr-defined]
        if isinstance(self.__wrapped__, FunctionType):
            return self.__qualname__  # type: ignore[attr-defined]
        # Another callable has no qualified name, so it is pickled by value.
        return self._prepared.settings, (self.__wrapped__,)

    def _bound(self, instance: Any, owner: Any) -> Any:
        if self._binding is staticmethod:
            return self
        holder = owner if self._binding is classmethod else instance
        if holder is None:
            return self
        function = self.__wrapped__
        get = getattr(type(function), "__get__", None)
        bound = function if get is None else get(function, holder, owner)
        if bound is function:
            return self
        if self._when_bound is None:
            shape = self._prepared.shape.bound()
            self._when_bound = shape, self._path_maker(self._prepared._replace(shape=shape))
        shape, fast = self._when_bound
        # Copied instead of prepared again, because each access to a method makes a bound function.
        made = object.__new__(type(self))
        made.__dict__.update(
            self.__dict__,
            __wrapped__=bound,
            _prepared=self._prepared._replace(function=bound, shape=shape),
            _binding=None,
            _holder=holder,
            _fast_path=fast,
        )
        return made


class Guarded(_Guarded[P, V, R]):
    """A guarded function. A call returns a valid value."""

    _path_maker = staticmethod(fast_call_of)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return a valid value.

        If an exception contains a reply, the call doesn't raise the exception. It validates the reply, and returns the
        value if it is valid. Otherwise, the attempt fails. `received/exceptions.py` recognizes these exceptions, such
        as a Pydantic `ValidationError` of the schema's type.

        Raises:
            GuardFailed: No attempt is valid, and neither `on_failure` nor `default` sets another result.
            CallFailed: The function returned an error from the provider, such as an HTML page.
            InvalidArgument: The function returned an object that is neither a reply nor a value, or a check returned
                an object of the wrong type.
            BaseException: The function raised this exception, such as a rate limit of the provider. schema_guard
                records it and never retries.
        """
        fast = self._fast_path
        if fast is not None and len(args) == 1 and not kwargs and type(args[0]) is str:
            value: R = fast(self._prepared, args[0])
            return value
        if self._prepared.settings.observe:
            from schema_guard.observation import observe  # only observed functions need it

            return cast("R", observe(slow_path(self._prepared, args, kwargs)))
        return cast("R", slow_path(self._prepared, args, kwargs).run("value"))

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[V]:
        """Make a call, and return its `Outcome`, even if no attempt is valid.

        If your function raises an exception that contains a reply, the method validates the reply. The method raises
        all other exceptions of your function unchanged.
        """
        return cast("Outcome[V]", slow_path(self._prepared, args, kwargs).run("outcome"))

    @overload
    def stream(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[R | Json]: ...
    @overload
    def stream(self, *args: Any, partial: Literal[True], **kwargs: Any) -> Iterator[Partial]: ...
    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield partial values as plain JSON while the reply arrives, and the valid value at the end.

        The result type is a union, because only the last value has the schema's Python type. An incomplete value can
        lack any field, so it can't have the schema's type. After a failed attempt, the values of the next attempt
        follow. At the end, the stream yields or raises the result of a call: the valid value, the default, the Outcome,
        or an error. The function can return a stream or a whole reply.

        Args:
            *args: The positional arguments of the call.
            **kwargs: The keyword arguments of the call. With `partial=True`, each value is a `Partial`, which also
                contains the location of the unfinished part of the value, and the number of the attempt. If the
                function has its own parameter `partial`, schema_guard passes the argument to the function instead.
        """
        partial = self._wants_partial(kwargs)
        driven = yield from self._growing(args, kwargs, partial=partial)
        yield _last(self._value_of(driven), driven, partial=partial)

    def _run_to_end(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], parent_call_id: str | None = None
    ) -> Driven:
        """Run a call to its end, and return its `Driven`, also if the function raised an exception.

        If the function returns an awaitable, this method returns an awaitable too.

        Args:
            args: The arguments of the call.
            kwargs: The arguments of the call.
            parent_call_id: The parent of the call. None: the guarded call that runs now, if there is one.

        Raises:
            InvalidArgument: The function can't be called with these arguments, and wasn't.
        """
        started = slow_path(self._prepared, args, kwargs, parent_call_id=parent_call_id)
        return cast("Driven", started.run("driven"))

    def _growing(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        parent_call_id: str | None = None,
        *,
        partial: bool = False,
        before: int = 0,
    ) -> Generator[Any, None, Driven]:
        """Yield growing values, and return the `Driven` of the call.

        Args:
            args: The arguments of the call.
            kwargs: The arguments of the call.
            parent_call_id: As in `_run_to_end`.
            partial: As in `stream`.
            before: The number of attempts of an earlier call that this call replaces. `Partial.attempt` continues from it.
        """
        started = slow_path(self._prepared, args, kwargs, parent_call_id=parent_call_id)
        return started.grow(partial=partial, before=before)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Guarded[P, V, R]: ...
    @overload
    def __get__(
        self: Guarded[Concatenate[Any, Q], V, R], instance: object, owner: type | None = None
    ) -> Guarded[Q, V, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an instance, as a function does."""
        return self._bound(instance, owner)


class AsyncGuarded(_Guarded[P, V, R]):
    """A guarded asynchronous function. An awaited call returns a valid value.

    Frameworks recognize this object as a coroutine function, because `iscoroutinefunction` from `inspect` and from
    `asyncio` returns True.
    """

    _path_maker = staticmethod(fast_coroutine_of)

    if sys.version_info >= (3, 12):

        def __init__(self, *prepared: Any) -> None:
            super().__init__(*prepared)
            from inspect import markcoroutinefunction  # asyncio has loaded it

            markcoroutinefunction(self)

    @property
    def _is_coroutine(self) -> object:
        # Read by `asyncio.iscoroutinefunction` alone, so that asyncio is there by then.
        from asyncio import coroutines

        return getattr(coroutines, "_is_coroutine", None)

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return a valid value. The call raises the same errors as `Guarded.__call__`."""
        fast = self._fast_path
        if fast is not None and len(args) == 1 and not kwargs and type(args[0]) is str:
            return cast("R", await fast(self._prepared, args[0]))
        started = slow_path(self._prepared, args, kwargs)
        if not self._prepared.settings.observe:
            return cast("R", await started.arun("value"))
        from schema_guard.observation import observe_async  # only observed functions need it

        result = await observe_async(started)
        await recorder.settle(started.store)
        return cast("R", result)

    async def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[V]:
        """Make a call, and return its `Outcome`, even if no attempt is valid.

        If your function raises an exception that contains a reply, the method validates the reply. The method raises
        all other exceptions of your function unchanged.
        """
        return cast("Outcome[V]", await slow_path(self._prepared, args, kwargs).arun("outcome"))

    @overload
    def stream(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[R | Json]: ...
    @overload
    def stream(self, *args: Any, partial: Literal[True], **kwargs: Any) -> AsyncIterator[Partial]: ...
    async def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Yield partial values and the valid value at the end, in the same way as `Guarded.stream`."""
        from schema_guard.drive import Driven  # only streams need it

        partial = self._wants_partial(kwargs)
        async with aclosing(self._growing(args, kwargs, partial=partial)) as values:
            async for value in values:
                is_last = type(value) is Driven
                yield _last(self._value_of(value), value, partial=partial) if is_last else value

    async def _run_to_end(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], parent_call_id: str | None = None
    ) -> Driven:
        """Run a call to its end, and return its `Driven`, as `Guarded._run_to_end` does."""
        started = slow_path(self._prepared, args, kwargs, parent_call_id=parent_call_id)
        return cast("Driven", await started.arun("driven"))

    def _growing(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        parent_call_id: str | None = None,
        *,
        partial: bool = False,
        before: int = 0,
    ) -> AsyncGenerator[Any, None]:
        """Yield growing values, and the `Driven` of the call last. The arguments are those of `Guarded._growing`."""
        started = slow_path(self._prepared, args, kwargs, parent_call_id=parent_call_id)
        return started.agrow(partial=partial, before=before)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> AsyncGuarded[P, V, R]: ...
    @overload
    def __get__(
        self: AsyncGuarded[Concatenate[Any, Q], V, R], instance: object, owner: type | None = None
    ) -> AsyncGuarded[Q, V, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an instance, as a function does."""
        return self._bound(instance, owner)


def _last(value: Any, driven: Driven, *, partial: bool) -> Any:
    """Return the last value of a stream."""
    return Partial(value, None, driven.outcome.attempts[-1].number) if partial else value


def _guarded(settings: Guard[Any, Any], given: Any) -> Any:
    binding = type(given) if issubclass(type(given), (staticmethod, classmethod)) else None
    function = given.__func__ if binding is not None else given
    if not callable(function):
        raise InvalidArgument(
            f"guard: {clip(repr(function))}: expected a function that calls a language model"
        )
    if isinstance(function, _Guarded):
        raise InvalidArgument(f"guard: {name_of(function)} is already guarded. Remove the second guard")
    prepared = prepare(settings, function)
    follow_environment()
    # An async generator function that is only observed is called without await, as before.
    is_awaited = prepared.shape.is_async and not (settings.observe and prepared.shape.is_async_generator)
    kind = AsyncGuarded if is_awaited else Guarded
    return kind(prepared, function, binding)
