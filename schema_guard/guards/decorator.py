"""@guard: one line on a function that calls a language model.

Everything that can be wrong with the use of it is wrong at decoration. A `Guard` is the settings, a frozen value;
a `Guarded` (or `AsyncGuarded`) is a function with them. What a call does is the loop's business (core/enforce.py).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, update_wrapper
from inspect import isfunction
from time import time
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from schema_guard.calls import drive, identity
from schema_guard.calls.identity import Tags, current_call_id, current_tags, new_call_id
from schema_guard.calls.shapes import Shape, arguments, implementation, name_of, shape_of, task_of
from schema_guard.core.digest import hex_digest
from schema_guard.core.enforce import Plan, Step, enforce
from schema_guard.core.prompting import Example
from schema_guard.core.schema import Schema
from schema_guard.core.strategy import STRATEGIES, strategies_of
from schema_guard.core.values import Budget, Call, Limits, Outcome
from schema_guard.errors import CallFailed, GuardFailed, InvalidArgument, InvalidSchema
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from schema_guard.calls.growing import Growing
    from schema_guard.core.enforce import Flow
    from schema_guard.core.strategy import Strategy
    from schema_guard.core.values import Ask, Prompt, Repair
    from schema_guard.records.store import Store

P = ParamSpec("P")
S = TypeVar("S")
V = TypeVar("V")
R = TypeVar("R")
D = TypeVar("D")

OnFailure = Literal["raise", "return"]


class _Unset:
    """Stands for an argument that was not given, where None has a meaning."""

    def __repr__(self) -> str:
        return "..."

    def __reduce__(self) -> str:
        return "UNSET"


UNSET = _Unset()
_REPAIRS = ("off", "lossless", "lossy")
_ON_FAILURE = ("raise", "return")


if TYPE_CHECKING:

    class _Nobody:
        """What no function gives: a function that is said to give Any matches it, and is no coroutine."""


@dataclass(frozen=True, slots=True)
class Guard(Generic[V, R]):
    """The settings of `guard(...)`, checked as far as they can be without a function. See `guard`."""

    schema: Schema[V] | None
    strategy: str | tuple[str, ...] = "system_prompt"
    max_attempts: int = 3
    prompt: str | None = None
    examples: tuple[Example, ...] = ()
    checks: tuple[Callable[[Any], str | None], ...] = ()
    repair: Repair = "off"
    observe: bool = False
    on_failure: OnFailure = "raise"
    default: Any = UNSET
    name: str | None = None
    version: str | None = None
    segment: str | None = None
    model: str | None = None
    target: str | None = None
    store: str | Store | _Unset | None = UNSET
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:  # noqa: C901 - one check an argument
        if not _is_count(self.max_attempts):
            raise InvalidArgument(
                f"max_attempts={self.max_attempts!r}: expected an int >= 1 (1 means: ask once, never re-ask)"
            )
        steps = strategies_of(self.strategy)
        if len(steps) > self.max_attempts:
            raise InvalidArgument(
                f"strategy={self.strategy!r}: expected at most max_attempts={self.max_attempts} strategies, "
                f"got {len(steps)}: the last ones would never be used"
            )
        _require_one_of("on_failure", self.on_failure, _ON_FAILURE)
        _require_one_of("repair", self.repair, _REPAIRS)
        for word in ("prompt", "name", "version", "segment", "model", "target"):
            _require_text(word, getattr(self, word))
        if self.default is not UNSET and self.on_failure == "return":
            raise InvalidArgument(
                "default= and on_failure='return': expected one of them: both say what a failed call gives"
            )
        for check in self.checks:
            if not callable(check):
                raise InvalidArgument(
                    f"checks: {clip(repr(check))}: expected a callable that gives None or a message"
                )
        for name, kind in (("limits", Limits), ("budget", Budget)):
            if not isinstance(getattr(self, name), kind):
                raise InvalidArgument(f"{name}={clip(repr(getattr(self, name)))}: expected a {kind.__name__}")
        if self.target is not None:
            from schema_guard.targets import capabilities  # only options need targets

            capabilities(self.target)
        if self.store is not None and not isinstance(self.store, _Unset):
            _resolved(self.store)

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
            InvalidArgument: The function cannot be guarded with these settings.
        """
        return _guarded(self, function)


def _require_one_of(name: str, given: object, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InvalidArgument(
            f"{name}={clip(repr(given))}: expected one of {', '.join(known)}{did_you_mean(given, known)}"
        )


def _require_text(name: str, given: object) -> None:
    if given is not None and not isinstance(given, str):
        raise InvalidArgument(f"{name}={clip(repr(given))}: expected a str or None")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


if TYPE_CHECKING:

    class _Settings(TypedDict, Generic[S], total=False):
        """The arguments of `guard` that do not change the types of what it gives."""

        strategy: str | Sequence[str]
        max_attempts: int
        prompt: str | None
        examples: Sequence[Example | tuple[str | None, Any]]
        checks: Sequence[Callable[[S], str | None]]
        repair: Repair
        name: str | None
        version: str | None
        segment: str | None
        model: str | None
        target: str | None
        store: str | Store | _Unset | None
        limits: Limits | None
        budget: Budget | None

    class _Observer(Protocol[V]):
        """What `guard(..., observe=True)` gives: the decorated function gives what it gave before."""

        @overload
        def __call__(  # type: ignore[overload-overlap]
            self, function: Callable[P, Coroutine[Any, Any, R]]
        ) -> AsyncGuarded[P, V, R]: ...
        @overload
        def __call__(self, function: Callable[P, R]) -> Guarded[P, V, R]: ...


# The schema's type first: a class is a callable too.
@overload
def guard(
    schema: type[S] | Schema[S], *, observe: Literal[True], **settings: Unpack[_Settings[S]]
) -> _Observer[S]: ...
@overload
def guard(
    schema: type[S] | Schema[S],
    *,
    default: D,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | D]: ...
@overload
def guard(
    schema: type[S] | Schema[S],
    *,
    on_failure: Literal["return"],
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S | Outcome[S]]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: type[S] | Schema[S],
    *,
    on_failure: Literal["raise"] = ...,
    observe: Literal[False] = ...,
    **settings: Unpack[_Settings[S]],
) -> Guard[S, S]: ...
@overload
def guard(schema: Callable[P, Awaitable[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, AsyncIterator[S]]) -> AsyncGuarded[P, S, S]: ...  # type: ignore[overload-overlap]
@overload
def guard(schema: Callable[P, Iterator[S]]) -> Guarded[P, S, S]: ...
@overload
def guard(schema: Callable[P, S]) -> Guarded[P, S, S]: ...
@overload
def guard(  # type: ignore[overload-overlap]
    schema: Any = ..., *, observe: Literal[True], **settings: Unpack[_Settings[Any]]
) -> _Observer[Any]: ...
@overload
def guard(
    schema: Any = ...,
    *,
    observe: bool = ...,
    on_failure: OnFailure = ...,
    default: Any = ...,
    **settings: Unpack[_Settings[Any]],
) -> Guard[Any, Any]: ...
def guard(  # noqa: PLR0913 - the public entry point; everything but the schema is keyword-only
    schema: Any = UNSET,
    *,
    strategy: str | Sequence[str] = "system_prompt",
    max_attempts: int = 3,
    prompt: str | None = None,
    examples: Sequence[Example | tuple[str | None, Any]] = (),
    checks: Sequence[Callable[[Any], str | None]] = (),
    repair: Repair = "off",
    observe: bool = False,
    on_failure: OnFailure = "raise",
    default: Any = UNSET,
    name: str | None = None,
    version: str | None = None,
    segment: str | None = None,
    model: str | None = None,
    target: str | None = None,
    store: str | Store | _Unset | None = UNSET,
    limits: Limits | None = None,
    budget: Budget | None = None,
) -> Any:
    """Guard a function that calls a language model: its reply keeps to a schema, and every attempt is recorded.

    Args:
        schema: What `Schema.of` takes. Left out, or as bare `@guard`: the function's return annotation.
        strategy: How the format is asked for: `bare system_prompt few_shot reason_then_format json_mode tool_call
            strict_schema`, or a list that goes to the next one after a failed attempt.
        max_attempts: >= 1; 1 never re-asks.
        prompt: The parameter that carries the task, a str or a list of messages. Left out: `prompt`, else `messages`,
            else the only parameter without default that is annotated `str`, `list` or nothing.
        examples: For `few_shot`: `(task, value)` pairs, task None to show the value alone. Left out: the schema's
            `examples`, else drawn from the schema.
        checks: Each is called with a valid value and gives None or what is wrong with it.
        repair: Whether broken JSON may be mended: `"off"`, `"lossless"` (syntax alone), or `"lossy"` (also drops,
            invents or closes what was cut off). Recorded; never counted as first-pass.
        observe: Change nothing about the call; only judge and record it.
        on_failure: `"raise"` GuardFailed, or `"return"` the Outcome.
        default: What a call gives instead of raising GuardFailed; not together with on_failure="return".
        name: What records call the function; its qualified name when left out.
        version: Of the function's prompt; a hash of its code and of the strategy's text when left out.
        segment: Part of the traffic, for records; `tags(segment=...)` overrides it.
        model: Name of the model; read from the replies when left out.
        target: Provider or engine whose arguments `options` is filled with: `openai openai-responses
            llamacpp-llguidance`.
        store: Where attempts are recorded: a URL, a Store, or None for nowhere. Left out: `default_store()`.
        limits: How large a reply may be.
        budget: What one call may spend.

    Returns:
        A decorator; for bare `@guard` the guarded function.

    Raises:
        InvalidArgument: At decoration, for everything that is wrong with the use of it.
        InvalidSchema: At decoration.
    """
    bare = _is_function(schema)
    settings: Guard[Any, Any] = Guard(
        schema=None if schema is UNSET or bare else _schema(schema),
        strategy=tuple(strategy) if isinstance(strategy, list) else cast("str", strategy),
        max_attempts=max_attempts,
        prompt=prompt,
        examples=tuple(_example(example) for example in _listed("examples", examples, "(task, value)")),
        checks=tuple(_listed("checks", checks, "callables")),
        repair=repair,
        observe=observe,
        on_failure=on_failure,
        default=default,
        name=name,
        version=version,
        segment=segment,
        model=model,
        target=target,
        store=store,
        limits=Limits() if limits is None else limits,
        budget=Budget() if budget is None else budget,
    )
    return settings(schema) if bare else settings


def _resolved(given: str | Store | _Unset) -> Store | None:
    """Give the store that a `store=` argument means."""
    from schema_guard.records.store import default_store, resolve_store  # needed by recorded calls

    return default_store() if isinstance(given, _Unset) else resolve_store(given)


def _growing() -> Growing:
    from schema_guard.calls.growing import Growing  # only streamed calls need it

    return Growing()


def _is_function(schema: Any) -> bool:
    """Say whether `@guard` was written bare: what it was handed is the function."""
    return isinstance(schema, (staticmethod, classmethod)) or (
        callable(schema) and not isinstance(schema, (type, Schema)) and hasattr(schema, "__code__")
    )


def _schema(source: Any) -> Schema[Any]:
    try:
        return Schema.of(source)
    except InvalidSchema as error:
        error.add_note("in guard(schema): the schema is checked at decoration")
        raise


def _listed(name: str, given: Any, what: str) -> Sequence[Any]:
    if isinstance(given, (list, tuple)):
        return given
    raise InvalidArgument(f"{name}={clip(repr(given))}: expected a list of {what}")


def _example(given: Any) -> Example:
    if isinstance(given, Example):
        return given
    if isinstance(given, tuple) and len(given) == 2 and (given[0] is None or isinstance(given[0], str)):
        return Example(given[1], given[0])
    raise InvalidArgument(f"examples: {clip(repr(given))}: expected (task, value), with task a str or None")


_make = tuple.__new__


class _Prepared(NamedTuple):
    """What decoration finds out, so that a call need not.

    Attributes:
        guard: The settings.
        function: The user's.
        name: What records call it.
        shape: How to call it.
        plan: For the loop.
        target: Whose arguments `options` holds; None when the function takes none.
        configuration: Every call's fields from `function` to `version`, in the order of `Call`.
    """

    guard: Guard[Any, Any]
    function: Callable[..., Any]
    name: str
    shape: Shape
    plan: Plan
    target: str | None
    configuration: tuple[str, str, str, str | None, str | None, str, str, str]

    def options(self, ask: Ask) -> dict[str, Any] | None:
        if self.target is None:
            return None
        from schema_guard.targets import options_for  # only functions that take options need it

        return options_for(self.target, ask.strategy, self.plan.schema, output_tokens=ask.output_tokens)

    def store(self) -> Store | None:
        given = self.guard.store
        return None if given is None else _resolved(given)

    def call(self) -> Call:
        segment, cluster = current_tags.get()
        at = time()
        parent = current_call_id.get()
        # What Call(...) does, at half its price.
        return _make(
            Call,
            (
                new_call_id(at),
                *self.configuration,
                segment or self.guard.segment,
                None,
                parent,
                at,
                cluster,
            ),
        )


class _Guarded(Generic[P, V, R]):
    """What guarded functions share: settings, the outcome of a call, growing values, binding to an instance."""

    __wrapped__: Callable[P, Any]

    def __init__(
        self,
        prepared: _Prepared,
        binding: type[staticmethod[Any, Any] | classmethod[Any, Any, Any]] | None,
        holder: Any = None,
    ) -> None:
        # An object's attributes are its own; what stands in a function's __dict__ is about the function.
        kept = ("__dict__",) if hasattr(prepared.function, "__code__") else ()
        update_wrapper(cast("Callable[..., Any]", self), prepared.function, updated=kept)
        self._prepared = prepared
        self._binding = binding
        self._holder = holder

    @property
    def guard(self) -> Guard[V, R]:
        """The settings: `dataclasses.replace(f.guard, max_attempts=1)(f.__wrapped__)` guards anew with others."""
        return self._prepared.guard

    @property
    def schema(self) -> Schema[V]:
        """The schema that replies must keep to."""
        return self._prepared.plan.schema

    def _start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Started:
        """Bind the task and start the loop; nothing is asked yet."""
        prepared = self._prepared
        task = task_of(prepared.shape, prepared.function, args, kwargs)
        call = prepared.call()
        return _Started(
            prepared, prepared.store(), task, call, enforce(task, prepared.plan, call), args, kwargs
        )

    def __repr__(self) -> str:
        return f"<guarded {self._prepared.name} under {self.schema!r}>"

    def __reduce__(self) -> Any:
        if self._holder is not None:
            return getattr, (self._holder, self.__name__)  # type: ignore[attr-defined]
        if isfunction(self._prepared.function):
            return self.__qualname__  # type: ignore[attr-defined]
        # What has no name of its own goes by value, as the function that it is.
        return self._prepared.guard, (self._prepared.function,)

    def _bound(self, instance: Any, owner: Any) -> Any:
        if self._binding is staticmethod:
            return self
        holder = owner if self._binding is classmethod else instance
        if holder is None:
            return self
        function = self._prepared.function
        get = getattr(type(function), "__get__", None)
        bound = function if get is None else get(function, holder, owner)
        if bound is function:
            return self
        prepared = self._prepared._replace(function=bound, shape=self._prepared.shape.bound())
        return type(self)(prepared, None, holder)


class Guarded(_Guarded[P, V, R]):
    """A guarded function: calling it gives a valid value."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Give a valid value.

        Raises:
            GuardFailed: No attempt was valid (or what `on_failure` and `default` say instead).
            CallFailed: What came back was no reply of a model.
            InvalidArgument: The function gave something that is no reply at all.
            Exception: Whatever the function itself raises, unchanged.
        """
        if self._prepared.guard.observe:
            from schema_guard.calls.observe import observe  # only observed functions need it

            return cast("R", observe(self._start(args, kwargs)))
        value: R = self._run(args, kwargs, _value)
        return value

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[V]:
        """Give everything that is known of a call; raises as calling does, but never GuardFailed."""
        return cast("Outcome[V]", self._run(args, kwargs, _whole))

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[Any]:
        """Give growing values while the reply arrives, plain JSON, and at last the valid value.

        A failed attempt's values are followed by those of the next attempt. Raises as calling does.
        """
        started = self._start(args, kwargs)
        growing = _growing()
        pieces = drive.stream(started.flow, started.invoke, started.finish)
        driven: drive.Driven | drive.Pending
        while True:
            token = current_call_id.set(started.call.id)
            try:
                piece = next(pieces)
            except StopIteration as stop:
                driven = stop.value
                break
            finally:
                current_call_id.reset(token)
            yield from growing.feed(piece)
        if isinstance(driven, drive.Pending):
            drive.close(driven.result)
            raise InvalidArgument(
                f"{started.prepared.name}: gives something to await: use `async def` to stream it"
            )
        yield _value(started.prepared, driven)

    def _run(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], give: Callable[[_Prepared, drive.Driven], Any]
    ) -> Any:
        started = self._start(args, kwargs)
        token = current_call_id.set(started.call.id)
        try:
            driven = drive.run(started.flow, started.invoke, started.finish)
        finally:
            current_call_id.reset(token)
        if isinstance(driven, drive.Pending):
            return started.go_on(driven, give)
        return give(started.prepared, driven)

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
    """A guarded asynchronous function: awaiting its call gives a valid value."""

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Give a valid value; raises as `Guarded.__call__` does."""
        started = self._start(args, kwargs)
        if self._prepared.guard.observe:
            from schema_guard.calls.observe import observe_async

            return cast("R", await observe_async(started))
        return cast("R", await started.go_on(None, _value))

    async def outcome(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[V]:
        """Give everything that is known of a call; raises as calling does, but never GuardFailed."""
        return cast("Outcome[V]", await self._start(args, kwargs).go_on(None, _whole))

    async def stream(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Any]:
        """Give growing values while the reply arrives, as `Guarded.stream` does."""
        started = self._start(args, kwargs)
        growing = _growing()
        pieces = drive.astream(started.flow, started.invoke, started.finish)
        driven: drive.Driven | None = None
        try:
            while driven is None:
                token = current_call_id.set(started.call.id)
                try:
                    piece = await anext(pieces)
                finally:
                    current_call_id.reset(token)
                if isinstance(piece, drive.Driven):
                    driven = piece
                else:
                    for value in growing.feed(piece):
                        yield value
        finally:
            await pieces.aclose()
        yield _value(started.prepared, driven)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> AsyncGuarded[P, V, R]: ...
    @overload
    def __get__(
        self: AsyncGuarded[Concatenate[Any, Q], V, R], instance: object, owner: type | None = None
    ) -> AsyncGuarded[Q, V, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an instance, as a function does."""
        return self._bound(instance, owner)


Q = ParamSpec("Q")


@dataclass(slots=True)
class _Started:
    """A call under way: the loop, and what the drivers need."""

    prepared: _Prepared
    store: Store | None
    task: Prompt
    call: Call
    flow: Flow
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def invoke(self, ask: Ask) -> Any:
        """Call the user's function for one attempt."""
        prepared = self.prepared
        if prepared.guard.observe:
            return self.invoke_untouched()
        options = prepared.options(ask) if prepared.shape.takes_options else None
        args, kwargs = arguments(prepared.shape, ask, self.args, self.kwargs, options)
        if identity.interceptor is not None:
            function = partial(prepared.function, *args, **kwargs)
            return identity.interceptor(self.call, self.task, ask, function)
        return prepared.function(*args, **kwargs)

    def invoke_untouched(self) -> Any:
        """Call the user's function as its caller did."""
        return self.prepared.function(*self.args, **self.kwargs)

    def finish(self, outcome: Outcome[Any]) -> None:
        """Hand the outcome to the recorder."""
        if self.store is not None:
            self.store.record(outcome, self.task)

    async def go_on(self, first: drive.Pending | None, give: Callable[[_Prepared, drive.Driven], Any]) -> Any:
        """Drive the loop asynchronously to its end."""
        token = current_call_id.set(self.call.id)
        try:
            driven = await drive.arun(self.flow, self.invoke, self.finish, first)
        finally:
            current_call_id.reset(token)
        return give(self.prepared, driven)


def _whole(prepared: _Prepared, driven: drive.Driven) -> Outcome[Any]:
    """Give the outcome, or raise what was no matter of the format."""
    outcome = driven.outcome
    if driven.error is not None:
        raise driven.error
    failure = outcome.failure
    if failure is not None and failure.kind == "transport":
        if failure.code == "no_reply":
            raise InvalidArgument(f"{prepared.name}: {failure.message}")
        raise CallFailed(f"{prepared.name}: {failure.message}", outcome=outcome)
    return outcome


def _value(prepared: _Prepared, driven: drive.Driven) -> Any:
    """Give the value, or what the settings say for a call without one."""
    if driven.outcome.ok:
        return driven.outcome.value
    outcome = _whole(prepared, driven)
    if prepared.guard.on_failure == "return":
        return outcome
    if prepared.guard.default is not UNSET:
        return prepared.guard.default
    from schema_guard.core.explain import explain  # only a failure needs it

    raise GuardFailed(
        explain(outcome, max_attempts=prepared.plan.max_attempts), outcome=outcome
    ) from driven.cause


def _guarded(settings: Guard[Any, Any], given: Any) -> Any:
    binding = type(given) if isinstance(given, (staticmethod, classmethod)) else None
    function = given.__func__ if binding is not None else given
    if not callable(function):
        raise InvalidArgument(
            f"guard: {clip(repr(function))}: expected a function that calls a language model"
        )
    if isinstance(function, _Guarded):
        raise InvalidArgument(f"guard: {name_of(function)} is guarded already: set one guard on a function")
    prepared = _prepare(settings, function)
    # An async generator function that is only observed is called without await, as before.
    is_awaited = prepared.shape.is_async and not (settings.observe and prepared.shape.is_async_generator)
    kind = AsyncGuarded if is_awaited else Guarded
    return kind(prepared, binding)


def _prepare(settings: Guard[Any, Any], function: Callable[..., Any]) -> _Prepared:
    shape = shape_of(function, settings.prompt, observe=settings.observe)
    schema = settings.schema or _returned(function)
    # A model brings its own name and target; so does a bound method of one.
    model = _model_of(function)
    target = settings.target or (None if model is None else model.target)
    strategies = strategies_of("bare" if settings.observe else settings.strategy)
    _check_options(settings, strategies, shape, function, target)
    steps = tuple(_step(strategy, schema, settings.examples) for strategy in strategies)
    plan = Plan(
        schema=schema,
        steps=steps,
        max_attempts=1 if settings.observe else settings.max_attempts,
        repair=settings.repair,
        checks=settings.checks,
        limits=settings.limits,
        budget=settings.budget,
        delivery=shape.delivery,
    )
    name = settings.name or (name_of(function) if model is None else model.name)
    configuration = (
        name,
        schema.name,
        schema.fingerprint,
        settings.model or (None if model is None else model.name),
        target,
        ">".join(strategy.name for strategy in strategies),
        _settings_text(settings, plan),
        settings.version or _version(function, steps),
    )
    prepared = _Prepared(
        guard=settings,
        function=function,
        name=name,
        shape=shape,
        plan=plan,
        target=target,
        configuration=configuration,
    )
    _compile_options(prepared)
    return prepared


def _model_of(function: Any) -> Any:
    """Give the `Model` that a callable is, or is a method of; None for everybody else's functions."""
    for candidate in (function, getattr(function, "__self__", None)):
        if isinstance(getattr(candidate, "target", None), str) and hasattr(candidate, "capabilities"):
            return candidate
    return None


def _returned(function: Any) -> Schema[Any]:
    """Load the schema that a function's return annotation is."""
    import typing  # the module, for get_type_hints, which only bare guards need

    try:
        hints = typing.get_type_hints(implementation(function), include_extras=True)
    except NameError as error:
        raise InvalidArgument(
            f"{name_of(function)}: its return annotation cannot be resolved: {error}"
        ) from error
    except TypeError:
        hints = {}
    annotation = hints.get("return", Any)
    origin = typing.get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, (Awaitable, AsyncIterable, Iterator)):
        # A coroutine's last argument is what it gives, a generator's first.
        annotation = typing.get_args(annotation)[-1 if issubclass(origin, Coroutine) else 0]
    if annotation is Any or annotation is type(None):
        raise InvalidArgument(
            f"{name_of(function)}: guard has no schema: expected @guard(Invoice), or a return annotation that is one"
        )
    return _schema(annotation)


def _check_options(
    settings: Guard[Any, Any],
    strategies: tuple[Strategy, ...],
    shape: Shape,
    function: Any,
    target: str | None,
) -> None:
    needing = [strategy.name for strategy in strategies if strategy.needs_options]
    limited = settings.budget.output_tokens is not None or settings.budget.max_output_tokens is not None
    if not needing and not limited:
        return
    what = f"strategy={needing[0]!r}" if needing else "an output limit in budget="
    if not shape.takes_options:
        text = ", ".join(name for name, strategy in STRATEGIES.items() if not strategy.needs_options)
        raise InvalidArgument(
            f"{what}: {name_of(function)} must take the provider's arguments: give it a parameter 'options: dict' and "
            f"pass it on as create(..., **options), or use one of {text}"
        )
    if target is None:
        raise InvalidArgument(
            f"{what}: expected target= to say whose arguments 'options' holds, such as target='openai'"
        )


def _step(strategy: Strategy, schema: Schema[Any], examples: tuple[Example, ...]) -> Step:
    if not strategy.shows_examples:
        return Step.of(strategy, schema)
    for example in examples:
        broken = schema.violations(example.value)
        if broken:
            raise InvalidArgument(
                f"examples: {clip(repr(example.value))} is not valid for {schema.name}: at "
                f"{broken[0].instance_location or '(root)'}: expected {broken[0].expected}, got {broken[0].actual}"
            )
    from schema_guard.core.sample import samples  # only few_shot needs it

    shown = examples or tuple(Example(value) for value in samples(schema))
    if not shown:
        raise InvalidArgument(
            f"strategy='few_shot': no valid example could be drawn from {schema.name}: give examples=[(task, value), ...]"
        )
    return Step.of(strategy, schema, shown)


def _compile_options(prepared: _Prepared) -> None:
    """Make every strategy's options once, so that what a target cannot do is an error now and not at a call."""
    if prepared.target is None or not prepared.shape.takes_options:
        return
    from schema_guard.targets import options_for

    for step in prepared.plan.steps:
        options_for(
            prepared.target,
            step.strategy.name,
            prepared.plan.schema,
            output_tokens=prepared.plan.budget.output_tokens,
        )


def _settings_text(settings: Guard[Any, Any], plan: Plan) -> str:
    """Give the settings that change results, as compact JSON: a change of them is another configuration."""
    said: dict[str, Any] = {"max_attempts": plan.max_attempts}
    if settings.observe:
        said["observe"] = True
    if plan.repair != "off":
        said["repair"] = plan.repair
    if settings.checks:
        said["checks"] = [getattr(check, "__name__", type(check).__name__) for check in settings.checks]
    for name, default in (("limits", Limits()), ("budget", Budget())):
        given = getattr(settings, name)
        changed = {name_: part for name_, part in given._asdict().items() if part != getattr(default, name_)}
        if changed:
            said[name] = changed
    return json.dumps(said, separators=(",", ":"), sort_keys=True)


def _version(function: Any, steps: tuple[Step, ...]) -> str:
    """Give 12 hex digits of the function's code and of what the strategy says."""
    said = [
        [step.strategy.name, step.instructions, [[example.task, example.value] for example in step.examples]]
        for step in steps
    ]
    return hex_digest(json.dumps([said, [_code_text(code) for code in _codes(function)]], default=repr), 12)


def _codes(function: Any) -> Iterator[Any]:
    """Give the code of a function, and of those that its decorators wrap."""
    while function is not None:
        function = implementation(function)
        if hasattr(function, "__code__"):
            yield function.__code__
        function = getattr(function, "__wrapped__", None)


def _code_text(code: Any) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[_constant_text(part) for part in code.co_consts]}"


def _constant_text(part: Any) -> str:
    """Give a constant as a text that is the same in every process."""
    # The repr of a code object holds an address, and that of a set the order of its hashes.
    if hasattr(part, "co_code"):
        return _code_text(part)
    if isinstance(part, (tuple, frozenset)):
        texts = [_constant_text(member) for member in part]
        return f"{type(part).__name__} {texts if isinstance(part, tuple) else sorted(texts)}"
    return repr(part)


@contextmanager
def tags(*, segment: str | None = None, cluster: str | None = None) -> Iterator[None]:
    """Tag the guarded calls of a block, in this thread or task.

    Args:
        segment: Part of the traffic that they belong to.
        cluster: Inputs that belong together for statistics.
    """
    outer = current_tags.get()
    token = current_tags.set(Tags(segment or outer.segment, cluster or outer.cluster))
    try:
        yield
    finally:
        current_tags.reset(token)
