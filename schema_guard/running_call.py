# SPDX-License-Identifier: Apache-2.0
"""A guarded call under way: the loop that was started for it, what the drivers need, and what it gives at its end."""

from __future__ import annotations

from contextlib import aclosing, closing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from schema_guard import drive
from schema_guard.errors import CallFailed, GuardFailed, InvalidArgument, shows_values
from schema_guard.loop import enforce
from schema_guard.preparing.shapes import (
    arguments,
    check_arguments,
    has_feedback_argument,
    options_argument,
    task_of,
)
from schema_guard.prompting import list_layout
from schema_guard.records import identity, recorder
from schema_guard.records.identity import begin_inside, end_inside
from schema_guard.settings import UNSET
from schema_guard.values import Ask

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from schema_guard.configuration.layout import Layout
    from schema_guard.extensions import Growth
    from schema_guard.loop import Done, Flow
    from schema_guard.preparing.prepare import Prepared
    from schema_guard.received.receiver import Receiver
    from schema_guard.records.identity import CallStart, Origin
    from schema_guard.records.recorder import Followed, Recorder
    from schema_guard.strategies import Plan
    from schema_guard.values import Call, Missed, Outcome, Prompt

__all__ = ["Result", "RunningCall", "begin_call", "outcome_of", "value_of"]


Result: TypeAlias = Literal["value", "outcome", "driven"]
"""The result for the caller of an ended call. `driven` is the `Driven`, also if the call raised an error."""


def begin_call(
    prepared: Prepared,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    parent_call_id: str | None = None,
    origin: Origin | None = None,
) -> RunningCall:
    """Bind the task and start the loop; nothing is asked yet.

    Args:
        prepared: What decoration found out.
        args: Of the call.
        kwargs: Of the call.
        parent_call_id: The call that it belongs to; None for the one inside which the running code was called.
        origin: Of a call that has begun before; None to begin one.

    Raises:
        InvalidArgument: The arguments are none of the function's.
    """
    shape, plan = prepared.shape, prepared.plan
    task = task_of(shape, prepared.function, args, kwargs, prepared.provider)
    if not shape.is_plain and not prepared.settings.observe:
        check_arguments(shape, args, kwargs, prepared.reserved)
        if plan.delivery == "feedback" and has_feedback_argument(shape, args, kwargs):
            plan = plan._replace(delivery="prompt")
    if origin is None:
        origin = identity.origin(plan.schema)
    # Made where somebody wants it: it takes 1.6 us, and who wants the value alone does not.
    call: Callable[[], Call] = partial(prepared.call, origin, parent_call_id, _layout(prepared, task))
    if not shape.is_plain:
        call, plan = _call_of_arguments(call(), plan, prepared, args, kwargs)
    followed = None if recorder.follower is None else recorder.follower.begin(call())
    flow = enforce(task, plan, call)
    return RunningCall(
        prepared, prepared.store(args, kwargs), task, call, origin.start, flow, args, kwargs, followed
    )


def _layout(prepared: Prepared, task: Prompt) -> Layout | None:
    """Return the layout of a list of messages; None if the settings of the function already have that of the call."""
    is_known = prepared.plan.delivery == "instructions" or prepared.settings.observe
    return None if is_known or isinstance(task, str) else list_layout(task)


def _call_of_arguments(
    call: Call, plan: Plan, prepared: Prepared, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[[], Call], Plan]:
    """Give a call, and its plan, as its own arguments make them."""
    if prepared.shape.options is not None and not prepared.settings.observe:
        call, gateway_repaired = prepared.call_with_options(
            call, options_argument(prepared.shape, args, kwargs)
        )
        if gateway_repaired is not plan.gateway_repaired:
            plan = plan._replace(gateway_repaired=gateway_repaired)
    if prepared.models is not None:
        call = prepared.models.call(call, prepared.shape, args, kwargs)
    return (lambda: call), plan


class RunningCall(NamedTuple):
    """A call under way: the loop, and what the drivers need.

    Attributes:
        call: Gives what is known of it.
    """

    prepared: Prepared
    store: Recorder | None
    task: Prompt
    call: Callable[[], Call]
    start_of_call: CallStart
    flow: Flow
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    followed: Followed | None

    def enter(self) -> Any:
        """Make this the call that the running code was called inside of; gives what `leave` takes."""
        token = begin_inside(self.start_of_call)
        return token if self.followed is None else (token, self.followed.enter())

    def leave(self, entered: Any) -> None:
        """End what `enter` began."""
        if self.followed is not None:
            entered, theirs = entered
            self.followed.leave(theirs)
        end_inside(entered)

    @property
    def receiver(self) -> Receiver:
        """What reads what the function gives and raises."""
        return self.prepared.receiver

    def prepare(self, ask: Ask) -> Callable[[], Any]:
        """Return the call of the user's function for one attempt. Errors here are not the function's."""
        prepared = self.prepared
        if prepared.settings.observe:
            return self.invoke_untouched
        options = None
        if prepared.shape.options is not None:
            options = prepared.options(ask, options_argument(prepared.shape, self.args, self.kwargs))
        function, models = prepared.function, prepared.models
        model = None
        if models is not None:
            function, model = models.function(function, ask.number), models.model(ask.number)
        args, kwargs = arguments(prepared.shape, ask, self.args, self.kwargs, options, model)
        return partial(function, *args, **kwargs)

    def invoke_untouched(self) -> Any:
        """Call the user's function as its caller did."""
        return self.prepared.function(*self.args, **self.kwargs)

    def finish(self, done: Done[Any]) -> None:
        """Hand the outcome to the recorder, and to who follows the call; nobody else has it made."""
        if self.store is None and self.followed is None:
            return
        outcome = self.prepared.folded(done.outcome)
        if self.followed is not None:
            self.followed.end(outcome)
        if self.store is not None:
            self.store.record(outcome, self.task)

    def first(
        self, elapsed_s: float, result: Any, raised: BaseException | None, judged: Missed | None
    ) -> drive.Pending:
        """Give the first attempt to the loop, whose function was called before.

        Args:
            elapsed_s: Seconds that the function took. What has passed since is ours, and no part of the attempt.
            result: As in `Pending`.
            raised: As in `Pending`.
            judged: As in `Pending`.
        """
        ask = next(self.flow)
        assert type(ask) is Ask
        return drive.Pending(ask, perf_counter() - elapsed_s, result, raised, judged)

    def run(self, give: Result, first: drive.Pending | None = None) -> Any:
        """Drive the loop to its end; returns an awaitable where the function does. *first* is as `drive.run` takes it."""
        entered = self.enter()
        try:
            driven = drive.run(self.flow, self.prepare, self.finish, self.receiver, first)
        finally:
            self.leave(entered)
        if isinstance(driven, drive.Pending):
            return self.arun(give, driven)
        return _RESULTS[give](self.prepared, driven)

    async def arun(self, give: Result, first: drive.Pending | None = None) -> Any:
        """Drive the loop asynchronously to its end."""
        entered = self.enter()
        try:
            driven = await drive.arun(self.flow, self.prepare, self.finish, self.receiver, first)
        finally:
            self.leave(entered)
        await recorder.settle(self.store)
        return _RESULTS[give](self.prepared, driven)

    def grow(self, *, partial: bool, before: int) -> Generator[Any, None, drive.Driven]:
        """Yield growing values, and return how the call ended. The arguments are those of `Guarded._growing`."""
        growing = self.agrow(partial=partial, before=before, waits=False)
        with closing(drive.iterated(growing)) as values:
            for value in values:
                if isinstance(value, drive.Driven):
                    return value
                yield value
        raise AssertionError("the last value is how the call ended")

    async def agrow(self, *, partial: bool, before: int, waits: bool = True) -> AsyncGenerator[Any, None]:
        """Yield growing values, and at last how the call ended, a `Driven`."""
        growing = self._growth(partial=partial, before=before)
        given = drive.pieces(self.flow, self.prepare, self.finish, self.receiver, waits=waits)
        async with aclosing(given) as pieces:
            while True:
                entered = self.enter()
                try:
                    piece = await anext(pieces)
                finally:
                    self.leave(entered)
                if isinstance(piece, drive.Driven | drive.Pending):
                    break
                for value in growing.feed(piece):
                    yield value
        if isinstance(piece, drive.Pending):
            # Only a stream that is refused needs it.
            from schema_guard.received.cleanup import close_alone

            close_alone(piece.result)
            raise InvalidArgument(f"{self.prepared.name}: returns an awaitable. Use `async def` to stream it")
        if waits:
            await recorder.settle(self.store)
        yield piece

    def _growth(self, *, partial: bool, before: int) -> Growth:
        from schema_guard.extensions import load  # only streamed calls need it

        forms = [None if step.sent is None else step.sent.grown for step in self.prepared.plan.steps]
        growing: Growth = load("option:stream")(forms, partial=partial, before=before)
        return growing


def outcome_of(prepared: Prepared, driven: drive.Driven) -> Outcome[Any]:
    """Return the outcome of a call that has ended, or raise an error that is not about the format."""
    outcome = driven.outcome
    if outcome.ok:
        return outcome
    if driven.error is not None:
        raise driven.error
    failure = outcome.failure
    # Without an exception, only limits cancel a call. The settings then decide about its value.
    if failure is not None and failure.kind == "transport" and failure.code != "cancelled":
        if failure.code == "no_reply":
            raise InvalidArgument(f"{prepared.name}: {failure.message}")
        raise CallFailed(f"{prepared.name}: {failure.message}", outcome=outcome)
    return outcome


def value_of(prepared: Prepared, driven: drive.Driven) -> Any:
    """Give the value, or what the settings say for a call without one."""
    if driven.done.ok:
        return driven.done.value
    outcome = outcome_of(prepared, driven)
    if prepared.settings.on_failure == "return":
        return outcome
    if prepared.settings.default is not UNSET:
        return prepared.settings.default
    from schema_guard.failure_message import explain  # only a failure needs it

    plan = prepared.plan
    raise GuardFailed(
        explain(
            outcome,
            max_attempts=plan.max_attempts,
            limits=plan.limits,
            values=shows_values(),
            typed=plan.schema.is_typed,
            takes_options=prepared.shape.options is not None,
        ),
        outcome=outcome,
    ) from driven.cause


_RESULTS: dict[Result, Callable[[Prepared, drive.Driven], Any]] = {
    "value": value_of,
    "outcome": outcome_of,
    "driven": lambda _, driven: driven,
}
