# SPDX-License-Identifier: Apache-2.0
"""The fast path of a call: one text in, one text out, and the text is one valid JSON object or array.

A call takes it if its only argument is a text, given by position. The function may have further parameters with defaults,
but schema_guard must not fill them. Every other call takes the loop, for example a call with a keyword argument, with
checks, with options, or with telemetry. `outcome` and `stream` always take the loop.

Rules:
1. The fast path knows two rules of the loop: the first prompt is the first step's prefix and the task, and a valid first
   reply ends the call. Any other reply, and an exception, goes to the loop as a `Pending` first attempt, with the result of
   the validation. So the function isn't called twice. A refused reply is parsed or validated again only for the reasons
   of its failure.
2. `f(x)` and `f.outcome(x)` have the same value, failure, and record. The outcome of an accepted call comes from the loop,
   which runs on the accepted reply. A recorder with `record_deferred` does this in its writing thread, and any other
   recorder before the call returns.
"""

from __future__ import annotations

import sys
from functools import partial
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from schema_guard.plain_reply import acceptor
from schema_guard.preparing.later import LaterPrepared
from schema_guard.records import recorder
from schema_guard.records.identity import (
    Origin,
    begin_inside,
    call_around,
    end_inside,
    series,
    tags_around,
)
from schema_guard.values import Judgement, Missed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from schema_guard.preparing.prepare import Prepared
    from schema_guard.records.identity import CallStart
    from schema_guard.records.recorder import DeferringRecorder, Recorder
    from schema_guard.running_call import RunningCall
    from schema_guard.schema import Schema
    from schema_guard.values import Outcome


class _FastPath(NamedTuple):
    """Facts about a function for its fast path, from its decoration.

    Attributes:
        prefix: The text before the task in the first prompt.
        schema: The schema of the value.
        accept: Returns the value of a reply's text, or a `Missed`.
        is_recorded: Whether the calls have a store.
    """

    prefix: str
    schema: Schema[Any]
    accept: Callable[[str], Any]
    is_recorded: bool


def _fast_path_of(prepared: Prepared) -> _FastPath | None:
    """Return the facts for the fast path of a function. None if all of its calls need the loop."""
    if isinstance(prepared, LaterPrepared):
        return None
    shape, plan = prepared.shape, prepared.plan
    needs_more = (
        not shape.fills_only_task
        or plan.delivery != "prompt"
        or plan.layout != "text"
        or plan.steps[0].sent is not None
        or bool(plan.checks)
        or prepared.models is not None
        or prepared.settings.observe
        or shape.is_async_generator
    )
    if needs_more:
        return None
    accept = acceptor(plan.schema, plan.limits)
    return _FastPath(plan.steps[0].prefix, plan.schema, accept, prepared.settings.store is not None)


# The async call also waits for the result and the store, and restores the caller's context itself. A shared function would
# cost each call 60 to 100 ns of about 1,800.


def fast_call_of(prepared: Prepared) -> Callable[[Prepared, str], Any] | None:
    """Return the fast call of a function: from its `Prepared` and a text to the result. None if it needs the loop."""
    fast = _fast_path_of(prepared)
    if fast is None:
        return None
    prefix, schema, accept, is_recorded = fast

    def call(prepared: Prepared, task: str) -> Any:
        if recorder.follower is not None:
            return slow_path(prepared, (task,), {}).run("value")
        # The number is drawn now, because two threads that build the id later must build the same one.
        begun = time(), next(series.number), series.middle, schema
        result = raised = value = None
        token, started = begin_inside(begun), perf_counter()
        try:
            result = prepared.function(prefix + task)
        except BaseException as error:  # noqa: BLE001 - the driver records it; it raises it again if it carries no reply
            raised = _recordable(error)
        finally:
            end_inside(token)
        elapsed_s = perf_counter() - started
        if type(result) is str:
            value = accept(result)
            if type(value) is not Missed:
                if is_recorded:
                    AcceptedCall(prepared, _origin(begun), task, result, elapsed_s, value).record()
                return value
        running = slow_path(prepared, (task,), {}, origin=_origin(begun))
        return running.run("value", running.pending(elapsed_s, result, raised, value))

    return call


def fast_coroutine_of(prepared: Prepared) -> Callable[[Prepared, str], Coroutine[Any, Any, Any]] | None:
    """Return the fast call of an asynchronous function, as `fast_call_of` does."""
    fast = _fast_path_of(prepared)
    return None if fast is None else partial(_call_async, fast)


async def _call_async(fast: _FastPath, prepared: Prepared, task: str) -> Any:
    if recorder.follower is not None:
        return await slow_path(prepared, (task,), {}).arun("value")
    outer, tags = call_around(), tags_around()
    begun = time(), next(series.number), series.middle, fast.schema
    result = raised = value = None
    begin_inside(begun)
    started = perf_counter()
    try:
        result = prepared.function(fast.prefix + task)
        if hasattr(type(result), "__await__"):
            result = await result
    except BaseException as error:  # noqa: BLE001 - the driver records it; it raises it again if it carries no reply
        result, raised = None, _recordable(error)
    finally:
        # If another context closes the coroutine, it has another call there, or none.
        if call_around() is begun:
            begin_inside(outer)
    elapsed_s = perf_counter() - started
    if type(result) is str:
        value = fast.accept(result)
        if type(value) is not Missed:
            if fast.is_recorded:
                origin = Origin(begun, outer, tags)
                accepted = AcceptedCall(prepared, origin, task, result, elapsed_s, value)
                await recorder.settle(accepted.record())
            return value
    running = slow_path(prepared, (task,), {}, origin=Origin(begun, outer, tags))
    return await running.arun("value", running.pending(elapsed_s, _already_awaited(result), raised, value))


def slow_path(
    prepared: Prepared, args: tuple[Any, ...], kwargs: dict[str, Any], **origin: Any
) -> RunningCall:
    """Begin a call that the loop runs. The arguments are those of `running_call.begin_call`."""
    # A process whose first replies are valid never loads the loop, which takes a tenth of the time to its first call.
    from schema_guard import running_call

    return running_call.begin_call(prepared, args, kwargs, **origin)


def _origin(begun: CallStart) -> Origin:
    """Return the origin of a call after its function has returned. The context is again that of the start of the call."""
    return Origin(begun, call_around(), tags_around())


def _already_awaited(result: Any) -> Any:
    """Return a result for the driver. A result that is awaitable itself is wrapped, because the driver awaits once more."""

    async def at_once() -> Any:
        return result

    return at_once() if hasattr(type(result), "__await__") else result


def _recordable(error: BaseException) -> BaseException:
    """Return an exception of the function, to record it. Raise it if Python exits, because nothing can be recorded then."""
    if sys.is_finalizing():
        raise error
    return error


class AcceptedCall(NamedTuple):
    """A call whose first reply was accepted, with all facts for its outcome."""

    prepared: Prepared
    origin: Origin
    task: str
    reply: str
    elapsed_s: float
    value: Any

    def outcome(self) -> Outcome[Any]:
        """Build the outcome to record. The loop gets the reply with its judgement, and validates nothing again."""
        from schema_guard.drive import with_time  # the writing thread needs it first
        from schema_guard.loop import Done, enforce

        flow = enforce(self.task, self.prepared.plan, partial(self.prepared.call, self.origin))
        next(flow)
        done = flow.send(with_time(self.reply, self.elapsed_s, Judgement(True, self.value, None, "clean")))
        assert type(done) is Done
        return self.prepared.folded(done.outcome)

    @property
    def chars(self) -> int:
        """Estimated characters in memory: the task, the reply, and the prompt, which contains the task again."""
        prefix = self.prepared.plan.steps[0].prefix
        return len(prefix) + 2 * len(self.task) + len(self.reply)

    def record(self) -> Recorder | None:
        """Record the call, and return its store. A recorder without `record_deferred` gets the built outcome now."""
        prepared = self.prepared
        store = prepared.store((self.task,), {})
        if store is None:
            return None
        if not hasattr(type(store), "record_deferred"):
            store.record(self.outcome(), self.task)
            return store
        # Read now and not in the writing thread, because the source and the prices may change until then.
        if prepared.version.text is None:
            prepared.version.compute()
        if prepared.plan.prices is not None:
            prepared.plan.prices()
        cast("DeferringRecorder", store).record_deferred(self)
        return store
