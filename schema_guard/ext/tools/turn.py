# SPDX-License-Identifier: Apache-2.0
"""One turn of an agent, with its retries, and with the validation and the record of each call.

The drivers of guarded functions (drive.py, observation.py) run it. It is their loop, with a judgement for each call of
a reply instead of one judgement.
"""

from __future__ import annotations

from functools import partial
from time import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schema_guard import drive
from schema_guard.configuration.recorded_settings import written
from schema_guard.errors import InvalidArgument
from schema_guard.ext.tools.errors import ToolCallsFailed, failure_text
from schema_guard.ext.tools.forms import continuation
from schema_guard.ext.tools.judging import judged, raw_reply
from schema_guard.ext.tools.recorded_calls import JoinedCalls, shares
from schema_guard.ext.tools.result_messages import NOT_RUN
from schema_guard.loop import Done, enforce
from schema_guard.preparing.name_limits import folded
from schema_guard.preparing.shapes import task_argument, task_of, with_task
from schema_guard.providers.model_output import WrittenCall
from schema_guard.received import replies
from schema_guard.received.cleanup import close_alone
from schema_guard.received.wrappers import unwrapped
from schema_guard.records import recorder
from schema_guard.records.identity import (
    current_call,
    current_call_id,
    current_tags,
    current_tools,
    id_of,
    new_call_id,
    start_call,
)
from schema_guard.schema import Schema
from schema_guard.strategies import STRATEGIES, Plan, Step
from schema_guard.text import clip
from schema_guard.values import Ask, Call, Chunk, Failure, More, ParsedValue, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from schema_guard.ext.tools.judging import CallJudgement
    from schema_guard.ext.tools.recorded_calls import FollowedCall, UnknownTools
    from schema_guard.ext.tools.tools import Tools
    from schema_guard.loop import Flow
    from schema_guard.preparing.later import Version
    from schema_guard.preparing.shapes import Shape
    from schema_guard.records.identity import CallStart
    from schema_guard.records.recorder import Recorder
    from schema_guard.strategies import Price
    from schema_guard.values import Outcome, Prompt

STEP: Final = Step(STRATEGIES["tool_call"], "", (), "")
"""The step for tool calls: the function asks for tools with the arguments of its provider."""
_MORE: Final = More()
_WHOLE: Final = "tool calls"


class TurnPlan(NamedTuple):
    """The settings of a decorated function.

    Attributes:
        function: The user's function.
        name: Name of the function in records.
        tools: Tools that the model can call.
        shape: How to call the function.
        max_attempts: Maximum number of attempts of one turn.
        observe: Whether to only record the calls and change nothing.
        version: Version of the function's prompt.
        segment: Part of the traffic, or None if it has no name.
        prices: Returns the function that computes the cost of an attempt, or None.
        store: Returns the recorder, or None to record nothing.
        unknown: Recorded names of unknown tools.
    """

    function: Callable[..., Any]
    name: str
    tools: Tools
    shape: Shape
    max_attempts: int
    observe: bool
    version: Version
    segment: str | None
    prices: Callable[[], Price | None]
    store: Callable[[], Recorder | None]
    unknown: UnknownTools

    @property
    def settings(self) -> str:
        """The settings that change results, as compact JSON."""
        settings: dict[str, Any] = {"max_attempts": self.max_attempts, "tool_calls": True}
        if self.observe:
            settings["observe"] = True
        return written(settings)


class Turn:
    """A turn in progress, with the interface of a call that the drivers need.

    Attributes:
        flow: The loop.
        judgements: Judgements of the calls of each reply.
    """

    def __init__(self, plan: TurnPlan, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._plan, self._args, self._kwargs = plan, args, kwargs
        # For the record only. Attempts send the arguments of the caller.
        shape = plan.shape._replace(is_sent=False, fills_only_task=False)
        self._task: Prompt = task_of(shape, plan.function, args, kwargs)
        known = [tool.schema for tool in plan.tools.values()]
        self._start = start_call(time(), known[0] if len(known) == 1 else None)
        self._call = _call(plan, self._start)
        self._joined = JoinedCalls()
        self._ends: list[Reply] = []
        self._reply: Any = None
        self._again: list[Any] | None = None
        self._result: Any = None
        self.judgements: list[list[CallJudgement]] = []
        self.store = plan.store()
        self.flow: Flow = self._run()

    # The loop.

    def _run(self) -> Generator[Any, Any, None]:
        number = 0
        while True:
            number += 1
            event = yield Ask(number, STEP.strategy.name, self._task, None, None)
            while type(event) is Chunk:
                event = yield _MORE
            assert type(event) is Reply
            self._take(event)
            if number >= self._plan.max_attempts or not self._may_retry():
                break
        outcome = self.outcome()
        yield Done(outcome.ok, outcome.value, lambda: outcome)

    def _take(self, end: Reply) -> None:
        cut = end.failure is not None and end.failure.kind == "transport" and end.exception is None
        # If a stream ended early, its calls are unknown.
        calls = () if cut else end.calls
        judgements = [judged(call, self._plan.tools) for call in calls]
        self._ends.append(end)
        self.judgements.append(judgements)
        joined = self._joined.take(judgements)
        parts = iter(shares(end.usage, sum(call is not None for call in joined)))
        for call, judgement in zip(joined, judgements, strict=True):
            if call is not None:
                call.add(judgement, end, next(parts))

    def _may_retry(self) -> bool:
        """Return whether the last reply needs a retry and allows one."""
        failed = [judgement.failure for judgement in self.judgements[-1] if judgement.failure is not None]
        if not failed or self._ends[-1].exception is not None:
            return False
        if any(failure.kind == "refusal" for failure in failed):
            return False
        results = [one._replace(message=one.message or NOT_RUN) for one in self.judgements[-1]]
        sent = task_argument(self._plan.shape, self._args, self._kwargs)
        self._again = continuation(sent, self._reply, results)
        return self._again is not None

    def run(self) -> Any:
        """Make the calls of the user's function, and return its last result, or a coroutine of `arun`.

        Raises:
            ToolCallsFailed: The last reply has invalid tool calls.
            InvalidArgument: The function returned no reply of a model.
        """
        if self._plan.observe:
            from schema_guard.observation import observe  # only observed functions need it

            return observe(self)
        entered = self.enter()
        try:
            driven = drive.run(self.flow, self.prepare, self.finish, self.receiver)
        finally:
            self.leave(entered)
        return self.arun(driven) if isinstance(driven, drive.Pending) else self._value(driven)

    async def arun(self, first: drive.Pending | None = None) -> Any:
        """Do as `run` does, without blocking the event loop. *first* is as in `drive.arun`."""
        if self._plan.observe:
            from schema_guard.observation import observe_async  # only observed functions need it

            result = await observe_async(self)
            await recorder.settle(self.store)
            return result
        entered = self.enter()
        try:
            driven = await drive.arun(self.flow, self.prepare, self.finish, self.receiver, first)
        finally:
            self.leave(entered)
        await recorder.settle(self.store)
        return self._value(driven)

    def _value(self, driven: drive.Driven) -> Any:
        if driven.error is not None:
            raise driven.error
        plan, last, failure = self._plan, self.judgements[-1], self._ends[-1].failure
        if failure is not None and failure.code == "no_reply":
            raise InvalidArgument(f"{plan.name}: {failure.message}")
        if all(judgement.ok for judgement in last):
            return self._result
        message = failure_text(plan.name, self.judgements, plan.max_attempts)
        raise ToolCallsFailed(message, outcome=self.outcome(), judgements=self.judgements)

    # The interface for the drivers.

    @property
    def receiver(self) -> Any:
        """The reader of the function's results and exceptions."""
        return self

    def prepare(self, ask: Ask) -> Callable[[], Any]:
        """Return the call of the user's function for one attempt. The first one has the arguments of the caller."""
        args, kwargs = self._args, self._kwargs
        if self._again is not None:
            args, kwargs = with_task(self._plan.shape, args, kwargs, self._again)
        return partial(self._invoke, args, kwargs)

    def _invoke(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = self._plan.function(*args, **kwargs)
        return self._awaited(result) if hasattr(type(result), "__await__") else self._taken(result)

    async def _awaited(self, result: Any) -> Any:
        return self._taken(await result)

    def _taken(self, result: Any) -> Any:
        kind = type(result)
        if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
            if not hasattr(kind, "__anext__"):
                close_alone(result)
            raise InvalidArgument(
                f"{self._plan.name}: the function returns a stream, so the caller gets tool calls before schema_guard can validate them. Return "
                "the complete reply, or measure with guard_tools(..., observe=True)"
            )
        self._result, self._reply = result, None
        return result

    def invoke_untouched(self) -> Any:
        """Call the user's function as its caller did."""
        return self._plan.function(*self._args, **self._kwargs)

    def read(self, result: object) -> Reply:
        """Read the function's result. Never raises."""
        held = unwrapped(result)
        self._reply = held
        reply = held if isinstance(held, Reply) else replies.read(held)
        raw = None if isinstance(held, str | bytes | Reply) else raw_reply(held)
        calls = () if raw is None else tuple(replies.written_calls(raw))
        return reply._replace(calls=calls)

    def grown(self, reply: Reply, value: object) -> Reply:
        """Return the reply unchanged, because a stream of values has no tool calls."""
        return reply

    def streamed(self, model: str | None) -> None:
        """Ignore the model of a chunk, because an unfinished stream has no complete call to record."""

    def raised(self, error: BaseException) -> Reply:
        """Convert an exception of the function to a reply. Never raises. The caller gets the exception unchanged."""
        name = clip(type(error).__name__)
        failure = Failure("transport", "call_raised", f"{name} was raised")
        rejected = replies.rejected(error)
        calls: tuple[WrittenCall, ...] = ()
        if (
            rejected is not None
            and rejected.failure is not None
            and rejected.failure.code == "provider_rejected"
        ):
            calls = (WrittenCall(None, None, rejected.text, "error", rejected.failure),)
        return Reply(failure=failure, exception=name, calls=calls)

    def enter(self) -> Any:
        """Make this turn the current call, and return the argument for `leave`."""
        return current_call.set(self._start), current_tools.set(frozenset(self._plan.tools))

    def leave(self, entered: Any) -> None:
        """Undo `enter`."""
        call, tools = entered
        current_tools.reset(tools)
        current_call.reset(call)

    def finish(self, done: Done[Any]) -> None:
        """Pass the outcome of each call of the turn to the recorder, and to the follower of calls."""
        if self.store is None and recorder.follower is None:
            return
        for call in self._joined.calls:
            outcome = folded(_outcome(self._plan, call, self._call, self._task), self._plan.segment, None)
            facts = partial(getattr, outcome, "call")
            followed = None if recorder.follower is None else recorder.follower.begin(facts)
            if followed is not None:
                followed.end(outcome)
            if self.store is not None:
                self.store.record(outcome, self._task)

    def outcome(self) -> Outcome[Any]:
        """Return the turn as one outcome. Each reply is an attempt, with the failure of its first failed call."""
        ends = []
        for end, judgements in zip(self._ends, self.judgements, strict=True):
            text = "\n".join(judgement.text or "" for judgement in judgements)
            failure = next(
                (judgement.failure for judgement in judgements if judgement.failure is not None), None
            )
            value = ParsedValue(None, is_instance=True) if failure is None else None
            whole = end._replace(failure=end.failure if end.exception else failure, text=text, parsed=value)
            ends.append(whole._replace(tool=None, tries=(), instead=False, refusal=None))
        plan = Plan(Schema.of(True, name=_WHOLE), (STEP,), 1, prices=self._plan.prices)
        return _judged(plan, self._call, self._task, ends)


def _call(plan: TurnPlan, identity: CallStart) -> Call:
    tags = current_tags.get()
    return Call(
        id=id_of(identity),
        function=plan.name,
        schema_name=_WHOLE,
        schema_fingerprint="",
        model=None,
        provider=None,
        strategies=STEP.strategy.name,
        settings=plan.settings,
        version=plan.version.text or plan.version.compute(),
        segment=tags.segment or plan.segment,
        input_hash=None,
        parent_call_id=current_call_id(),
        started_at=identity[0],
        cluster=tags.cluster,
    )


def _outcome(plan: TurnPlan, followed: FollowedCall, turn: Call, task: Prompt) -> Outcome[Any]:
    """Return the outcome of one call of a turn, for the record."""
    schema = plan.unknown.schema_of(followed.first, plan.tools)
    call = turn._replace(
        id=new_call_id(turn.started_at),
        schema_name=schema.name,
        schema_fingerprint=schema.fingerprint,
        parent_call_id=turn.id,
    )
    return _judged(Plan(schema, (STEP,), 1, prices=plan.prices), call, task, followed.ends)


def _judged(plan: Plan, call: Call, task: Prompt, ends: list[Reply]) -> Outcome[Any]:
    """Return the outcome of attempts with known judgements. The loop that makes all outcomes makes it."""
    flow = enforce(task, plan, lambda: call)
    next(flow)
    *tries, last = ends
    done = flow.send(last._replace(tries=tuple(tries)))
    assert isinstance(done, Done)
    return done.outcome
