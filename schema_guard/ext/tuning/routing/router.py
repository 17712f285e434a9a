# SPDX-License-Identifier: Apache-2.0
"""The router: a function with two branches, a tuned model for the primary inputs and a prompt for all others.

Rules:
1. An input has one branch while the share stays the same, because the input's hash decides it.
2. If a call of the tuned branch returns no value, the prompt answers in a call of its own. An exception that ends the
   program or the task, or that comes from outside, such as a soft time limit, is not a failure, and is passed on.
3. A shadow starts after the answer, and nothing waits for it.
4. `def` and `async def` take the same steps. `_steps` requests calls, and the drivers make them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Generator
from contextlib import aclosing
from contextvars import copy_context
from functools import partial, update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Literal,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)

from schema_guard.arguments import require_bool, require_text
from schema_guard.configuration.recorded_settings import AFTER, ROUTED, again_of
from schema_guard.drive import Driven, is_async
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.routing.policy import Evidence, RouterCounts, RoutingPolicy
from schema_guard.ext.tuning.routing.rollout import SHADOW, Rollout, is_judged
from schema_guard.guarded import AsyncGuarded, Guarded
from schema_guard.preparing.shapes import name_of
from schema_guard.text import clip
from schema_guard.values import Partial

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Iterator

    from schema_guard.schema import Schema
    from schema_guard.values import Outcome

P = ParamSpec("P")
Q = ParamSpec("Q")
R_co = TypeVar("R_co", covariant=True)
O_co = TypeVar("O_co", covariant=True)
S_co = TypeVar("S_co", covariant=True)

_MOST_PLACES = 50


class Routed(Protocol[P, R_co, O_co, S_co]):
    """A guarded function, `def` or `async def`, for a router."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return a valid value."""

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> O_co:
        """Return all facts about a call."""

    def stream(self, *args: P.args, **kwargs: P.kwargs) -> S_co:
        """Yield growing values."""


class _Ask(NamedTuple):
    """A request for a call: the function, and the call that it is part of."""

    function: Any
    parent_call_id: str | None = None


class _End(NamedTuple):
    """The answering call, the call for which a shadow is made (None for none), and the bucket of the input."""

    function: Any
    driven: Driven
    shadow_of: str | None = None
    bucket: float | None = None


_Steps: TypeAlias = Generator[_Ask | _End, Driven, None]


class Router(Generic[P, R_co, O_co, S_co]):
    """A function that sends primary inputs to a tuned model, and all other inputs to a prompted model.

    The router combines two guarded functions with the same parameters. You call the router in the same way as these
    functions. The argument `primary` defines the primary inputs. If the tuned model fails, the prompted model is the
    fallback. Like the two functions, the router is sync or async, and has the methods `outcome` and `stream`. Records
    list both branches as configurations of one function, so `decide` covers both branches. If no value is valid, the
    `on_failure` and `default` of the function that replied last apply.
    """

    __wrapped__: Any

    def __init__(  # noqa: PLR0913 - each by name
        self,
        *,
        tuned: Routed[P, R_co, O_co, S_co],
        prompt: Routed[P, R_co, O_co, S_co],
        primary: Callable[P, object] | Evidence | None = None,
        fallback: bool = True,
        shadow: float = 0.0,
        share: float | Rollout = 1.0,
        kill_switch: Callable[[], object] | str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        """Combine two guarded functions with the same parameters and the same schema.

        Args:
            tuned: Function that calls the tuned model: `guard(..., about=About(tuned=True))`.
            prompt: Function that calls the prompted model.
            primary: `Evidence(...)`, or a function that takes the arguments of a call and returns whether the tuned
                model answers it. If this function raises an exception, the prompted model answers. With None, the tuned
                model answers every call.
            fallback: Whether the prompted model answers if the tuned model has no valid value. The fallback is a
                separate call, with its own attempts and limits. Its `parent_call_id` is the id of the tuned call, and
                it adds its own cost.
            shadow: Share, in [0, 1], of the primary calls of the prompted model for which the tuned model gets the same
                input afterward. schema_guard records these calls as trials, and doesn't return their replies.
            share: Share, in [0, 1], of the primary inputs that the tuned model answers, or `Rollout(...)`. A keyed hash
                of the input selects the branch, so the same input always has the same branch.
            kill_switch: A file that exists while the tuned model is off, or a function that returns whether the tuned
                model is off. Each call checks the switch. If a rollout resets the share to 0, it creates the file, so
                other processes stop too.
            name: Name of the function in records. Default: the name of *prompt*.

        Raises:
            InvalidArgument: The functions can't replace each other, or a setting is invalid.
        """
        check_functions(tuned, prompt)
        require_bool("fallback", fallback)
        require_text("name", name)
        theirs: Any = prompt
        self._arguments: dict[str, Any] = {
            "tuned": tuned, "prompt": prompt, "primary": primary, "fallback": fallback,
            "shadow": shadow, "share": share, "kill_switch": kill_switch, "name": name,
        }  # fmt: skip
        self._name: str = name or theirs._prepared.name
        self._policy = RoutingPolicy(
            name=self._name, primary=primary, fallback=fallback, shadow=shadow,
            share=share, kill_switch=kill_switch, store=lambda: theirs._prepared.store((), {}),
        )  # fmt: skip
        self._is_async = isinstance(prompt, AsyncGuarded)
        self._take(tuned, prompt)
        # The attributes of a guarded function aren't copied.
        update_wrapper(cast("Callable[..., Any]", self), theirs, updated=())
        if self._is_async and sys.version_info >= (3, 12):
            inspect.markcoroutinefunction(self)

    def _take(self, tuned: Any, prompt: Any) -> None:
        self._tuned = tuned._recorded_as(self._name)
        self._prompt = prompt._recorded_as(self._name)
        self._again: dict[tuple[str, str], Any] = {}
        self._shadow = tuned._recorded_as(SHADOW + self._name)

    if sys.version_info < (3, 12):

        @property
        def _is_coroutine(self) -> object:
            # Only `asyncio.iscoroutinefunction` reads this, so asyncio is loaded then.
            from asyncio import coroutines

            return getattr(coroutines, "_is_coroutine", None) if self._is_async else None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Return a valid value. Raise the exception of the function that answers last."""
        return cast("R_co", self._run(args, kwargs, _value))

    def outcome(self, *args: P.args, **kwargs: P.kwargs) -> O_co:
        """Return the `Outcome` of the call that produced the result. To get the branch of the call, use `branch_of`."""
        return cast("O_co", self._run(args, kwargs, _outcome))

    @overload
    def stream(self, *args: P.args, **kwargs: P.kwargs) -> S_co: ...
    @overload
    def stream(self, *args: Any, partial: Literal[True], **kwargs: Any) -> Any: ...
    def stream(self, *args: Any, **kwargs: Any) -> Any:
        """Yield partial values while the reply arrives, and the valid value at the end.

        After a failure of the tuned model, the values of the fallback follow.

        Args:
            *args: Positional arguments of the call.
            **kwargs: Keyword arguments of the call. You can also pass `partial=True`, as for the `stream` method of a
                guarded function. The attempt numbers of a fallback continue after the numbers of the tuned model.
        """
        partial = self._prompt._wants_partial(kwargs)
        return (self._astream if self._is_async else self._stream)(args, kwargs, partial=partial)

    @staticmethod
    def branch_of(outcome: Outcome[Any]) -> Literal["tuned", "prompt", "fallback"]:
        """Return the branch that produced an outcome.

        `fallback` means that the prompted model replied after a failure of the tuned model.
        """
        if again_of(outcome.call.settings) is not None:
            return "fallback"
        return "tuned" if outcome.call.tuned else "prompt"

    @property
    def schema(self) -> Schema[Any]:
        """The schema of the replies."""
        return cast("Schema[Any]", self._prompt.schema)

    @property
    def share(self) -> float:
        """The tuned model's current share of the primary inputs, in [0, 1]. The kill switch doesn't change this value."""
        return self._policy.share

    @property
    def why_back(self) -> str | None:
        """The reason why the rollout reset the share to 0, or None if it didn't reset the share."""
        return self._policy.why_back

    def counts(self) -> RouterCounts:
        """Return the counts of the router's calls in this process."""
        return self._policy.counts()

    def flush(self, timeout_s: float = 2.0) -> int:
        """Wait up to `timeout_s` seconds for the shadow calls of `def` functions. Return the number of pending calls.

        When the process ends, schema_guard waits up to two seconds for these calls.
        """
        return self._policy.shadows.flush(timeout_s)

    async def aflush(self, timeout_s: float = 2.0) -> int:
        """Wait up to `timeout_s` seconds for the shadow calls of `async def` functions, in their event loop.

        Return the number of calls that are still pending.
        """
        return await self._policy.shadows.aflush(timeout_s)

    def _steps(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Steps:
        """Yield the calls that an answer needs, and then the call that is the answer."""
        policy = self._policy
        way, bucket = policy.way(self._prompt, self._tuned, args, kwargs)
        if way != "tuned":
            driven = yield _Ask(self._prompt)
            policy.count("prompt")
            is_shadowed = way == "shadowed" and driven.error is None and is_judged(driven.outcome)
            yield _End(self._prompt, driven, driven.outcome.call.id if is_shadowed else None, bucket)
            return
        driven = yield _Ask(self._tuned)
        policy.count("tuned")
        policy.note_tuned(driven.outcome, bucket)
        if driven.outcome.ok or not policy.needs_fallback(driven):
            yield _End(self._tuned, driven)
            return
        fallback = self._fallback_of(driven.outcome)
        again = yield _Ask(fallback, driven.outcome.call.id)
        yield _End(fallback, again)

    def _fallback_of(self, outcome: Outcome[Any]) -> Any:
        """Return the function of the prompt whose calls are recorded as fallbacks of the tuned model."""
        call, why = outcome.call, "fallback" if is_judged(outcome) else "error"
        key = f"{call.model} {call.version}", why
        fallback = self._again.get(key)
        if fallback is None:
            # Without a limit, replies with a new model name each time would add entries without end.
            if len(self._again) >= _MOST_PLACES:
                self._again.clear()
            fallback = self._prompt._recorded_as(self._name, **{ROUTED: why, AFTER: key[0]})
            self._again[key] = fallback
        return fallback

    def _run(self, args: Any, kwargs: Any, give: Callable[[_End], Any]) -> Any:
        steps = self._steps(args, kwargs)
        if self._is_async:
            return self._go_on(steps, args, kwargs, give)
        step = next(steps)
        while type(step) is _Ask:
            driven = step.function._run_to_end(args, kwargs, step.parent_call_id)
            if is_async(driven):
                return self._go_on(steps, args, kwargs, give, driven)
            step = steps.send(driven)
        return give(self._over(step, args, kwargs))

    async def _go_on(
        self, steps: _Steps, args: Any, kwargs: Any, give: Callable[[_End], Any], first: Any = None
    ) -> Any:
        """Make the calls of an answer. *first* is an awaitable from the first call."""
        step = next(steps) if first is None else steps.send(await first)
        while type(step) is _Ask:
            step = steps.send(await step.function._run_to_end(args, kwargs, step.parent_call_id))
        return give(self._over(step, args, kwargs, is_awaited=True))

    def _stream(self, args: Any, kwargs: Any, *, partial: bool) -> Iterator[Any]:
        steps, attempts = self._steps(args, kwargs), 0
        step = next(steps)
        while type(step) is _Ask:
            driven = yield from step.function._growing(
                args, kwargs, step.parent_call_id, partial=partial, before=attempts
            )
            attempts += len(driven.outcome.attempts)
            step = steps.send(driven)
        value = _value(self._over(step, args, kwargs))
        yield Partial(value, None, attempts) if partial else value

    async def _astream(self, args: Any, kwargs: Any, *, partial: bool) -> AsyncGenerator[Any, None]:
        steps, attempts = self._steps(args, kwargs), 0
        step = next(steps)
        while type(step) is _Ask:
            driven: Any = None
            growing = step.function._growing(
                args, kwargs, step.parent_call_id, partial=partial, before=attempts
            )
            async with aclosing(growing) as values:
                async for value in values:
                    if type(value) is Driven:
                        driven = value
                    else:
                        yield value
            attempts += len(driven.outcome.attempts)
            step = steps.send(driven)
        value = _value(self._over(step, args, kwargs, is_awaited=True))
        yield Partial(value, None, attempts) if partial else value

    def _over(self, end: Any, args: Any, kwargs: Any, *, is_awaited: bool = False) -> _End:
        """Return the end of an answer, and start its shadow."""
        if end.shadow_of is not None:
            # The shadow has the tags of the answered call. A task copies its context automatically.
            beside = partial(self._call_shadow, _copy(args), _copy(kwargs), end.shadow_of, end.bucket)
            if is_awaited:
                self._policy.shadows.offer_task(beside)
            else:
                self._policy.shadows.offer(partial(copy_context().run, beside))
        return cast("_End", end)

    def _call_shadow(self, args: Any, kwargs: Any, shadow_of: str, bucket: float | None) -> Any:
        """Call the tuned model after an answer. Return an awaitable if the function does."""
        driven = self._shadow._run_to_end(args, kwargs, shadow_of)
        if is_async(driven):
            return self._await_shadow(driven, bucket)
        self._policy.note_tuned(driven.outcome, bucket)
        return None

    async def _await_shadow(self, awaited: Any, bucket: float | None) -> None:
        driven = await awaited
        self._policy.note_tuned(driven.outcome, bucket)
        # A call must not swallow the cancellation of a task.
        if driven.error is not None and not isinstance(driven.error, Exception):
            raise driven.error

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Router[P, R_co, O_co, S_co]: ...
    @overload
    def __get__(
        self: Router[Concatenate[Any, Q], R_co, O_co, S_co], instance: object, owner: type | None = None
    ) -> Router[Q, R_co, O_co, S_co]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Bind to an instance, as a function does. `primary` receives the arguments without it."""
        tuned, prompt = (self._arguments[word].__get__(instance, owner) for word in ("tuned", "prompt"))
        if prompt is self._arguments["prompt"]:
            return self
        bound: Any = object.__new__(type(self))
        bound.__dict__.update(self.__dict__)
        bound._arguments = {**self._arguments, "tuned": tuned, "prompt": prompt}
        bound._take(tuned, prompt)
        return bound

    def __repr__(self) -> str:
        return f"<router {self._name}: {self._arguments['tuned']!r} or {self._arguments['prompt']!r}>"

    def __reduce__(self) -> Any:
        return _remade, (self._arguments,)


def _remade(arguments: dict[str, Any]) -> Router[..., Any, Any, Any]:
    return Router(**arguments)


def _value(end: _End) -> Any:
    return end.function._value_of(end.driven)


def _outcome(end: _End) -> Any:
    return end.function._outcome_of(end.driven)


def _copy(arguments: Any) -> Any:
    """Return a copy of arguments that their caller can't change. Only plain data is copied."""
    if isinstance(arguments, tuple):
        return tuple(map(_copy, arguments))
    if isinstance(arguments, dict):
        return {name: _copy(part) for name, part in arguments.items()}
    if isinstance(arguments, list):
        return [_copy(part) for part in arguments]
    return arguments


def check_functions(tuned: Any, prompt: Any) -> None:
    """Check that two functions can replace each other.

    Raises:
        InvalidArgument: They can't.
    """
    for word, function in (("tuned", tuned), ("prompt", prompt)):
        if not isinstance(function, (Guarded, AsyncGuarded)):
            raise InvalidArgument(
                f"{word}={clip(repr(function))}: expected a function with the decorator @guard(...)"
            )
        if function.guard.observe:
            raise InvalidArgument(
                f"{word}: schema_guard only observes {_name(function)}, so the fallback can't replace its replies. "
                "Guard it without observe=True"
            )
    if isinstance(tuned, AsyncGuarded) is not isinstance(prompt, AsyncGuarded):
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected two `def` functions or two `async def` functions"
        )
    if tuned.schema.fingerprint != prompt.schema.fingerprint:
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected the same schema, got {tuned.schema.name} "
            f"({tuned.schema.fingerprint}) and {prompt.schema.name} ({prompt.schema.fingerprint})"
        )
    if not tuned._prepared.tuned:
        raise InvalidArgument(
            f"tuned: {_name(tuned)} does not call a known tuned model. Guard it with about=About(tuned=True), or swap the arguments 'tuned' and 'prompt'"
        )
    theirs, ours = list(_parameters(tuned)), list(_parameters(prompt))
    if theirs != ours:
        raise InvalidArgument(
            f"tuned={_name(tuned)} and prompt={_name(prompt)}: expected the same parameters, got "
            f"({', '.join(theirs)}) and ({', '.join(ours)})"
        )


def _parameters(function: Guarded[..., Any, Any] | AsyncGuarded[..., Any, Any]) -> Iterator[str]:
    """Yield the parameters for callers, without those that a guard fills."""
    shape = function._prepared.shape
    ours = {shape.instructions, shape.feedback, shape.options, shape.model} - {None}
    for parameter in inspect.signature(function._prepared.function).parameters.values():
        if parameter.name not in ours:
            bare = parameter.replace(annotation=parameter.empty)
            yield str(bare if parameter.default is parameter.empty else bare.replace(default=...)).replace(
                "Ellipsis", "..."
            )


def _name(function: Guarded[..., Any, Any] | AsyncGuarded[..., Any, Any]) -> str:
    return name_of(function._prepared.function)
