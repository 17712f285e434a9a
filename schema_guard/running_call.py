# SPDX-License-Identifier: Apache-2.0
"""A guarded call in progress: its loop, the facts that the driver needs, and its result for the caller."""

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

    from schema_guard.configuration.recorded_settings import Layout
    from schema_guard.extensions import Growth
    from schema_guard.loop import Done, Flow
    from schema_guard.preparing.prepare import Prepared
    from schema_guard.received.receiver import Receiver
    from schema_guard.records.identity import CallStart, Origin
    from schema_guard.records.recorder import Followed, Recorder
    from schema_guard.strategies import Plan
    from schema_guard.values import Call, Missed, Outcome, Prompt

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
    """Bind the task, and make the loop. The user's function isn't called yet.

    Args:
        prepared: The facts about the function from its decoration.
        args: The arguments of the call.
        kwargs: The arguments of the call.
        parent_call_id: The parent of the call. None: the guarded call that runs now, if there is one.
        origin: The origin of a call that the fast path has begun. None: the call begins now.

    Raises:
        InvalidArgument: The function can't be called with these arguments.
    """
    shape, plan = prepared.shape, prepared.plan
    task = task_of(shape, prepared.function, args, kwargs, prepared.provider)
    if not shape.fills_only_task and not prepared.settings.observe:
        check_arguments(shape, args, kwargs, prepared.reserved)
        if plan.delivery == "feedback" and has_feedback_argument(shape, args, kwargs):
            plan = plan._replace(delivery="prompt")
    if origin is None:
        origin = identity.origin(plan.schema)
    # Built only when something needs it, because it takes 1.6 us.
    call: Callable[[], Call] = partial(prepared.call, origin, parent_call_id, _layout(prepared, task))
    if not shape.fills_only_task:
        call, plan = _call_of_arguments(call(), plan, prepared, args, kwargs)
    if plan.checks:
        checks = [one.of_call(task, args, kwargs) if hasattr(one, "of_call") else one for one in plan.checks]
        plan = plan._replace(checks=tuple(checks))
    followed = None if recorder.follower is None else recorder.follower.begin(call)
    flow = enforce(task, plan, call)
    return RunningCall(
        prepared, prepared.store(args, kwargs), task, call, origin.start, flow, args, kwargs, followed
    )


def _layout(prepared: Prepared, task: Prompt) -> Layout | None:
    """Return the layout of a list of messages. None if the settings of the function already have that of the call."""
    is_known = prepared.plan.delivery == "instructions" or prepared.settings.observe
    return None if is_known or isinstance(task, str) else list_layout(task)


def _call_of_arguments(
    call: Call, plan: Plan, prepared: Prepared, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Callable[[], Call], Plan]:
    """Return a call and its plan with the effects of the call's own options and model."""
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
    """A call in progress: its loop, and the facts that the driver needs.

    Attributes:
        call: Returns the facts about the call.
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
        """Make this call the parent of all calls that begin before `leave`. Return the argument of `leave`."""
        token = begin_inside(self.start_of_call)
        return token if self.followed is None else (token, self.followed.enter())

    def leave(self, entered: Any) -> None:
        """Restore the parent from before `enter`."""
        if self.followed is not None:
            entered, theirs = entered
            self.followed.leave(theirs)
        end_inside(entered)

    @property
    def receiver(self) -> Receiver:
        """The reader of the function's results and exceptions."""
        return self.prepared.receiver

    def bind(self, ask: Ask) -> Callable[[], Any]:
        """Return the user's function with the arguments of one attempt. Errors here are not the function's."""
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
        """Hand the outcome to the store and to telemetry. Without them, the outcome is not built."""
        if self.store is None and self.followed is None:
            return
        outcome = self.prepared.folded(done.outcome)
        if self.followed is not None:
            self.followed.end(outcome)
        if self.store is not None:
            self.store.record(outcome, self.task)

    def pending(
        self, elapsed_s: float, result: Any, raised: BaseException | None, judged: Missed | None
    ) -> drive.Pending:
        """Start the loop, and return its first attempt, for which the fast path has called the function.

        Args:
            elapsed_s: Seconds that the function took. The time since then is not part of the attempt.
            result: As in `Pending`.
            raised: As in `Pending`.
            judged: As in `Pending`.
        """
        ask = next(self.flow)
        assert type(ask) is Ask
        return drive.Pending(ask, perf_counter() - elapsed_s, result, raised, judged)

    def run(self, wanted: Result, first: drive.Pending | None = None) -> Any:
        """Drive the loop to its end, and return the wanted result.

        If the function returns an awaitable, this method returns an awaitable too. *first* is as in `drive.run`.
        """
        entered = self.enter()
        try:
            driven = drive.run(self.flow, self.bind, self.finish, self.receiver, first)
        finally:
            self.leave(entered)
        if isinstance(driven, drive.Pending):
            return self.arun(wanted, driven)
        return _RESULTS[wanted](self.prepared, driven)

    async def arun(self, wanted: Result, first: drive.Pending | None = None) -> Any:
        """Drive the loop asynchronously to its end, and return the wanted result."""
        entered = self.enter()
        try:
            driven = await drive.arun(self.flow, self.bind, self.finish, self.receiver, first)
        finally:
            self.leave(entered)
        await recorder.settle(self.store)
        return _RESULTS[wanted](self.prepared, driven)

    def grow(self, *, partial: bool, before: int) -> Generator[Any, None, drive.Driven]:
        """Yield growing values, and return the `Driven`. The arguments are those of `Guarded._growing`."""
        growing = self.agrow(partial=partial, before=before, waits=False)
        with closing(drive.iterated(growing)) as values:
            for value in values:
                if isinstance(value, drive.Driven):
                    return value
                yield value
        raise AssertionError("internal error: the call ended without a result. Report this as a bug")

    async def agrow(self, *, partial: bool, before: int, waits: bool = True) -> AsyncGenerator[Any, None]:
        """Yield growing values, and the `Driven` last."""
        growing = self._growth(partial=partial, before=before)
        given = drive.pieces(self.flow, self.bind, self.finish, self.receiver, waits=waits)
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
            # A plain function returned an awaitable, which nothing here can await.
            from schema_guard.received.cleanup import close_alone

            close_alone(piece.result)
            raise InvalidArgument(f"{self.prepared.name} returns an awaitable. To stream it, use `async def`")
        if waits:
            await recorder.settle(self.store)
        yield piece

    def _growth(self, *, partial: bool, before: int) -> Growth:
        from schema_guard.extensions import load  # only streamed calls need it

        forms = [None if step.sent is None else step.sent.grown for step in self.prepared.plan.steps]
        growing: Growth = load("option:stream")(forms, partial=partial, before=before)
        return growing


def outcome_of(prepared: Prepared, driven: drive.Driven) -> Outcome[Any]:
    """Return the outcome of a call that has ended, or raise an error that is not about the format.

    The errors are the exception of the function, and `CallFailed` or `InvalidArgument` if it returned no reply.
    """
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
    """Return the value. Without one, raise an error of `outcome_of`, or do as the settings say."""
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
