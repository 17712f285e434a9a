# SPDX-License-Identifier: Apache-2.0
"""The short way of a plain call whose first reply is valid as it stands: the function is called, its text is the value.

Rules:
1. It knows two things of the loop's rules and no more: the first prompt is the first step's prefix and the task, and a
   valid first reply ends the call. All else is the loop's: a reply that is not accepted at once, an exception, a
   stream go there as what the first attempt gave, with what was found of it, so that nothing is asked or judged twice.
2. `f(x)` and `f.outcome(x)` tell the same, in value, failure and record. The outcome of what was accepted is made by
   the loop, and only where somebody is handed it.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, cast

from schema_guard.calls import identity, recorder
from schema_guard.calls.drive import end
from schema_guard.calls.identity import Origin, current_call, current_tags, series
from schema_guard.core.accepting import acceptor, form_of
from schema_guard.core.enforce import Done, enforce
from schema_guard.core.values import Judgement, Missed
from schema_guard.guards.started import settle, start, value_of
from schema_guard.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from schema_guard.calls.recorder import DeferringRecorder, Recorder
    from schema_guard.core.values import Outcome
    from schema_guard.guards.prepare import Prepared

__all__ = ["short_way"]


def short_way(prepared: Prepared) -> Callable[[Prepared, str], Any] | None:
    """Give what makes a call whose one argument is a text, given by position; None for a function that needs more.

    It takes what decoration has found out (of a function that is bound later, that of the bound one) and the text; it
    gives what the call gives, for an asynchronous function what is awaited for that.
    """
    shape, plan = prepared.shape, prepared.plan
    needs_more = (
        not shape.is_plain
        or plan.delivery != "prompt"
        or plan.steps[0].sent is not None
        or bool(plan.checks)
        or prepared.asked is not None
        or prepared.settings.observe
        or shape.is_async_generator
    )
    if needs_more:
        return None
    return _awaited(prepared) if shape.is_async else _called(prepared)


# Both are the same but for `await`, and stand side by side in full: each part in a function of its own costs 60 to 100
# ns of a call that takes 1,800. What is awaited keeps no token: of thousands that wait at once it is 72 bytes of each.


def _called(prepared: Prepared) -> Callable[[Prepared, str], Any]:
    prefix, schema = prepared.plan.steps[0].prefix, prepared.plan.schema
    accept = acceptor(schema, prepared.plan.limits)
    is_recorded = prepared.settings.store is not None

    def call(prepared: Prepared, task: str) -> Any:
        if identity.interceptor is not None or recorder.follower is not None:
            return start(prepared, (task,), {}).run(value_of)
        outer, tags = current_call.get(), current_tags.get()
        # The number is taken now: two threads that ask for the id later must see the same.
        begun = time(), next(series.number), series.middle, schema
        result = raised = value = None
        token, started = current_call.set(begun), perf_counter()
        try:
            result = prepared.function(prefix + task)
        except BaseException as error:  # noqa: BLE001 - the driver records it and raises it again
            raised = error
        finally:
            current_call.reset(token)
        elapsed_s = perf_counter() - started
        text = result if type(result) is str or result is None else prepared.receiver.glance(result)
        if text is not None:
            value = accept(text)
            if type(value) is not Missed:
                if is_recorded:
                    _Taken(prepared, Origin(begun, outer, tags), task, result, elapsed_s, value).record()
                return value
        going = start(prepared, (task,), {}, origin=Origin(begun, outer, tags))
        return going.run(value_of, going.first(elapsed_s, result, raised, value))

    return call


def _awaited(prepared: Prepared) -> Callable[[Prepared, str], Awaitable[Any]]:
    prefix, schema = prepared.plan.steps[0].prefix, prepared.plan.schema
    accept = acceptor(schema, prepared.plan.limits)
    is_recorded = prepared.settings.store is not None

    async def call(prepared: Prepared, task: str) -> Any:
        if identity.interceptor is not None or recorder.follower is not None:
            return await start(prepared, (task,), {}).arun(value_of)
        outer, tags = current_call.get(), current_tags.get()
        begun = time(), next(series.number), series.middle, schema
        result = raised = value = None
        current_call.set(begun)
        started = perf_counter()
        try:
            result = prepared.function(prefix + task)
            if hasattr(type(result), "__await__"):
                result = await result
        except BaseException as error:  # noqa: BLE001 - the driver records it and raises it again
            result, raised = None, error
        finally:
            # Whoever ends it from a context of his own has another call there, or none.
            here = current_call.get()
            current_call.set(outer if here is begun else here)
        elapsed_s = perf_counter() - started
        text = result if type(result) is str or result is None else prepared.receiver.glance(result)
        if text is not None:
            value = accept(text)
            if type(value) is not Missed:
                if is_recorded:
                    await settle(
                        _Taken(prepared, Origin(begun, outer, tags), task, result, elapsed_s, value).record()
                    )
                return value
        going = start(prepared, (task,), {}, origin=Origin(begun, outer, tags))
        return await going.arun(value_of, going.first(elapsed_s, _come(result), raised, value))

    return call


def _come(result: Any) -> Any:
    """Give what has come in a form that the driver, which would wait for it, takes as it is."""

    async def come() -> Any:
        return result

    return come() if hasattr(type(result), "__await__") else result


class _Taken(NamedTuple):
    """A call whose first reply was accepted, with all that its outcome is made of."""

    prepared: Prepared
    origin: Origin
    task: str
    reply: Any
    elapsed_s: float
    value: Any

    def outcome(self) -> Outcome[Any]:
        """Make the outcome as it is recorded, by the loop, which is told what the reply was found to be."""
        flow = enforce(self.task, self.prepared.plan, partial(self.prepared.call, self.origin))
        next(flow)
        done = flow.send(
            end(self.reply, self.elapsed_s, Judgement(True, self.value, None, form_of(self._text)))
        )
        assert type(done) is Done
        return self.prepared.folded(done.outcome)

    @property
    def _text(self) -> str:
        return self.reply if type(self.reply) is str else self.reply.text

    @property
    def chars(self) -> int:
        """About how much text it keeps in memory: task and reply, and the prompt in which the task stands once more."""
        prefix = self.prepared.plan.steps[0].prefix
        return len(prefix) + 2 * len(self.task) + len(self._text)

    def record(self) -> Recorder | None:
        """Hand the call, or its outcome, to its store, and give that."""
        prepared = self.prepared
        store = prepared.store()
        if store is None:
            return None
        taken = self
        if type(self.reply) is not str:
            # Read as it is now: what becomes of it later is its owner's affair.
            taken = self._replace(reply=prepared.receiver.read(self.reply))
        if not hasattr(type(store), "record_unmade"):
            store.record(taken.outcome(), self.task)
            return store
        # Found out at the first call, and not when its writer comes to it: by then they may have changed.
        if prepared.version.text is None:
            prepared.version.made()
        if prepared.plan.prices is not None:
            prepared.plan.prices()
        cast("DeferringRecorder", store).record_unmade(taken)
        return store
