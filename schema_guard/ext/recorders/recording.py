# SPDX-License-Identifier: Apache-2.0
"""Validate and record the calls that a recorder sees in a framework, as observed calls.

Rules:
1. The loop of guarded calls validates a call, for the schema that was sent. Unknown facts stay unknown.
2. If a call is inside another one, guarded or recorded, with the same schema, it is part of that call. The outermost
   call is recorded, once. Under another schema, it is a call of its own, with `parent_call_id`.
3. A fault of a recorder never reaches the caller, and becomes one warning. Interruptions from outside are passed on.
4. Everything that comes from outside is bounded in number: open calls, schemas, and names of functions.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, OrderedDict
from contextlib import contextmanager
from functools import wraps
from math import isnan
from time import time
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack

from schema_guard.configuration.thinking import THINKING, thinking
from schema_guard.errors import InvalidSchema
from schema_guard.ext.recorders.decisions import DECISION, decision_form
from schema_guard.ext.recorders.nesting import current_context, is_same
from schema_guard.ext.recorders.observed_attempt import end_of
from schema_guard.ext.tools.recorded_calls import UnknownTools
from schema_guard.interruptions import is_interruption
from schema_guard.locks import fork_safe_lock
from schema_guard.loop import Done, enforce
from schema_guard.preparing.costs import prices_of, with_costs
from schema_guard.preparing.name_limits import OTHERS, folded
from schema_guard.providers.message_lists import messages_of
from schema_guard.received.receiver import Receiver
from schema_guard.records.identity import current_call, current_tags, id_of, start_call
from schema_guard.schema import Schema
from schema_guard.settings import UNSET, Unset, resolved_store
from schema_guard.strategies import STRATEGIES, Plan, Step
from schema_guard.text import clip, did_you_mean, safe
from schema_guard.values import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from schema_guard.ext.recorders.nesting import CallContext
    from schema_guard.ext.recorders.observed_attempt import AttemptView
    from schema_guard.prices.charges import Table
    from schema_guard.records.identity import CallStart
    from schema_guard.records.recorder import Recorder
    from schema_guard.values import Prompt

MOST_OPEN: Final = 4_096
"""Most calls that can be open at a time. Beyond it, the oldest one ends with the facts seen so far."""
MOST_FUNCTIONS: Final = 500
"""Most names of functions that a recorder takes from its framework. All further ones are `others`."""
_MOST_KNOWN: Final = 1_024

C = TypeVar("C", bound="Opened")

_logger = logging.getLogger("schema_guard")
_lock = fork_safe_lock()
_counts: dict[str, Counter[str]] = {}


def counts() -> dict[str, dict[str, int]]:
    """Return the counts of the recorders in this process.

    Returns:
        Counts by recorder name, without counts of 0. A recorder without calls has `no_calls`. `recorded`
        counts calls, and `errors` counts errors of the recorder. `tool_turns` counts turns in which the model
        could choose a tool. A recorder records each tool call as one call to that tool. `unended` counts open
        calls that the recorder ended because too many calls were open. Four counts are for calls that weren't
        recorded. `without_schema` counts calls with neither a schema nor a tool, and `invalid_schema` counts
        calls with an invalid schema. `inside` counts calls that are part of a recorded call, and `cached`
        counts replies from a framework's cache.
    """
    with _lock:
        return {name: dict(counted) or {"no_calls": 1} for name, counted in _counts.items()}


class Bounded(OrderedDict[Any, Any]):
    """The newest entries. Each method is thread-safe."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        super().__init__()
        self._most, self._adding = most, fork_safe_lock()

    def add(self, key: Hashable, value: Any) -> Any:
        """Add an entry. Return the oldest one if there are too many, otherwise None."""
        with self._adding:
            self[key] = value
            return self.popitem(last=False)[1] if len(self) > self._most else None


class Opened:
    """A call in progress, with one attempt after the other.

    Attributes:
        id: Id of the call.
        schema: Schema of its replies.
    """

    def __init__(
        self, recording: Recording, plan: Plan, call: Call, task: Prompt | None, identity: CallStart
    ) -> None:
        self._recording, self._plan, self._call, self._task = recording, plan, call, task
        self._start = identity
        self._attempts: list[AttemptView] = []
        self._done: Done[Any] | None = None
        self._outer: CallStart | None = None
        self.id, self.schema = call.id, plan.schema

    def past(self, attempts: Iterable[AttemptView]) -> None:
        """Add attempts that have ended, in order. An unknown time stays unknown."""
        self._attempts.extend(attempts)
        self._done = None

    @property
    def last(self) -> AttemptView | None:
        """The last attempt; None before the first."""
        return self._attempts[-1] if self._attempts else None

    def replace_last(self, *one: AttemptView) -> None:
        """Replace the last attempt with another view of it. Without one, remove it."""
        self._attempts[-1:] = one
        self._done = None

    def is_failed(self) -> bool:
        """Return whether the call, with the attempts so far, has no valid reply."""
        return not (self._attempts and self._judged(self._attempts).ok)

    def _judged(self, attempts: Sequence[AttemptView]) -> Done[Any]:
        if self._done is None:
            self._done = self._recording.judge(attempts, self._plan, self._call, self._task)
        return self._done

    def enter(self) -> None:
        """Make the running code part of this call."""
        self._outer = current_call.get()
        current_call.set(self._start)

    def leave(self) -> None:
        """Undo `enter`. In another context, this does nothing."""
        if current_call.get() is self._start:
            current_call.set(self._outer)

    def close(self, more: Iterable[AttemptView] = ()) -> None:
        """Record the call with its attempts and *more* attempts, once. A call without an attempt isn't recorded."""
        self.past(more)
        attempts, self._attempts = self._attempts, []
        if attempts:
            self._recording.write(attempts, self._judged(attempts), self._task)


class RecorderSettings(TypedDict, total=False):
    """The settings of every recorder, all optional.

    Attributes:
        function: Function of calls that have no other name. `tags(function=...)` takes precedence over names.
        store: As `guard` takes it.
        prices: As `guard` takes them.
        segment: Part of the traffic. `tags(segment=...)` takes precedence.
        version: Version of the prompts. Default: `"recorded"`.
    """

    function: str | None
    store: str | Recorder | Unset | None
    prices: Table | None
    segment: str | None
    version: str | None


class Recording:
    """The recording of a framework's calls by its recorder. Safe in threads and tasks.

    `record` takes a whole call, and `open` one whose attempts come one by one.
    """

    def __init__(self, name: str, **settings: Unpack[RecorderSettings]) -> None:
        """Create a recording.

        Args:
            name: Name of the framework, in settings, counts, and warnings.
            settings: Settings of the recorder.

        Raises:
            InvalidArgument: The store or the prices are invalid.
            TypeError: There is no such setting.
        """
        for key in settings.keys() - RecorderSettings.__annotations__.keys():
            advice = did_you_mean(key, RecorderSettings.__annotations__)
            raise TypeError(f"recorder {name}: unexpected keyword argument {key!r}{advice}")
        store = settings.get("store", UNSET)
        if store is not None and not isinstance(store, Unset):
            resolved_store(store, strictly=True)
        self.name = name
        with _lock:
            _counts.setdefault(name, Counter())
        self._function, self._store = settings.get("function"), store
        self._segment = settings.get("segment")
        self._version = settings.get("version") or "recorded"
        self._prices = prices_of(settings.get("prices"))
        self._lock = fork_safe_lock()
        self._schemas = Bounded(_MOST_KNOWN)
        self._receivers = Bounded(_MOST_KNOWN)
        self._functions: set[str] = set()
        self._reported: set[str] = set()
        self.unknown_tools = UnknownTools()

    # Schemas and functions of calls.

    def schema_of(self, source: Any, name: str | None = None) -> Schema[Any] | None:
        """Return the schema that was sent: a JSON Schema, or a class.

        Args:
            source: A source that `Schema.of` takes, except a path. A text has no schema.
            name: Name of the schema in the framework, used if the schema has no title.

        Returns:
            The schema. None, which is counted and reported once, if it is invalid.
        """
        if not isinstance(source, dict | bool | type | Schema):
            return None
        key = (json.dumps(source, sort_keys=True, default=repr) if isinstance(source, dict) else source, name)
        known: Schema[Any] | Unset | None = self._schemas.get(key, UNSET)
        if not isinstance(known, Unset):
            if known is None:
                self.count("invalid_schema")
            return known
        titled = isinstance(source, dict) and isinstance(source.get("title"), str)
        schema: Schema[Any] | None
        try:
            schema = Schema.of(source, name=None if titled else name)
        except InvalidSchema as error:
            schema = None
            self.count("invalid_schema")
            self._warn("schema", "the program sent an invalid schema. Its calls are not recorded: %s", error)
        self._schemas.add(key, schema)
        return schema

    def function_of(self, own: str | None, schema: Schema[Any], where: CallContext | None = None) -> str:
        """Return the function that records name for a call.

        Args:
            own: The framework's name for it; None if it has none.
            schema: Schema of the call.
            where: Context of the call. Default: the current context.
        """
        tagged = (where.tags if where is not None else current_tags.get()).function
        if tagged:
            return tagged
        if own:
            with self._lock:
                if own in self._functions or len(self._functions) < MOST_FUNCTIONS:
                    self._functions.add(own)
                    return own
            self._warn(
                "functions",
                "the program uses more than %s names of functions. The calls of all further ones are recorded under %r",
                MOST_FUNCTIONS,
                f"{self.name}:{OTHERS}",
            )
            return f"{self.name}:{OTHERS}"
        return self._function or f"{self.name}:{schema.name}"

    # Calls.

    def open(  # noqa: PLR0913 - all but the schema is keyword-only
        self,
        schema: Schema[Any],
        kind: type[C] = Opened,  # type: ignore[assignment]
        *,
        function: str | None = None,
        task: Any = None,
        mode: str = "bare",
        provider: str | None = None,
        tool: str | None = None,
        options: Mapping[str, Any] | None = None,
        where: CallContext | None = None,
        started_at: float | None = None,
    ) -> C | None:
        """Open a call.

        Args:
            schema: Schema of its replies.
            kind: Class of the call.
            function: The framework's name for the caller, as `function_of` takes it.
            task: The prompt that was sent: a text, messages, or None.
            mode: Strategy by which the format was requested.
            provider: Provider whose arguments request the format, if it is in `PROVIDER_OPTIONS`.
            tool: Name of the tool that the model has to call.
            options: Further settings that change results, as plain JSON.
            where: Context of the call. Default: the current context.
            started_at: Seconds since the epoch. Default: now.

        Returns:
            The call. None, which is counted, if it is part of an outer call.
        """
        where = current_context() if where is None else where
        if where.schema is not None and is_same(schema, where.schema):
            self.count("inside")
            return None
        sent = decision_form(schema) if mode == DECISION else None
        step = Step(STRATEGIES[mode], "", (), "", provider, sent)
        plan = Plan(schema, (step,), 1, prices=self._prices, tool=tool)
        at = time() if started_at is None else started_at
        identity = start_call(at, schema)
        call = Call(
            id=id_of(identity),
            function=self.function_of(function, schema, where),
            schema_name=schema.name,
            schema_fingerprint=schema.fingerprint,
            model=None,
            provider=provider,
            strategies=mode,
            settings=self._settings(options),
            version=self._version,
            segment=where.tags.segment or self._segment,
            input_hash=None,
            parent_call_id=where.call_id,
            started_at=at,
            cluster=where.tags.cluster,
        )
        return kind(self, plan, call, _prompt(task), identity)

    def record(self, attempts: Sequence[AttemptView], schema: Schema[Any], **known: Any) -> bool:
        """Record a call that has ended.

        Args:
            attempts: At least one attempt, in order.
            schema: Schema of its replies.
            **known: Arguments of `open`. By default, the call began as long ago as its attempts took.

        Returns:
            Whether the call is separate, and not part of an outer one.
        """
        if known.get("started_at") is None:
            known["started_at"] = time() - sum(
                attempt.elapsed_s for attempt in attempts if not isnan(attempt.elapsed_s)
            )
        opened = self.open(schema, **known)
        if opened is None:
            return False
        opened.close(attempts)
        return True

    def judge(
        self, attempts: Sequence[AttemptView], plan: Plan, call: Call, task: Prompt | None
    ) -> Done[Any]:
        """Validate the attempts of a call, as the loop of guarded calls does."""
        receiver = self._receiver(call, plan.schema, attempts[-1].model)
        flow = enforce("" if task is None else task, plan, lambda: call)
        next(flow)
        *tries, last = [end_of(attempt, receiver) for attempt in attempts]
        done = flow.send(last._replace(tries=tuple(tries)))
        assert isinstance(done, Done)
        return done

    def write(self, attempts: Sequence[AttemptView], done: Done[Any], task: Prompt | None) -> None:
        """Record the outcome of a call in the store."""
        store = None if self._store is None else resolved_store(self._store)
        self.count("recorded")
        if store is not None:
            outcome = with_costs(done.outcome, [attempt.cost for attempt in attempts])
            if any(attempt.confidence for attempt in attempts):
                seen = zip(outcome.attempts, attempts, strict=True)
                outcome = outcome._replace(
                    attempts=tuple(one._replace(confidence=view.confidence) for one, view in seen)
                )
            store.record(folded(outcome, self._segment, None), task)

    def _receiver(self, call: Call, schema: Schema[Any], model: str | None) -> Receiver:
        """Return the receiver of a function's attempts. It remembers the model that the replies name."""
        key = (call.function, schema.fingerprint, model)
        with self._lock:
            receiver: Receiver | None = self._receivers.get(key)
            if receiver is None:
                receiver = Receiver(schema, is_observed=True)
                self._receivers.add(key, receiver)
        return receiver

    def _settings(self, options: Mapping[str, Any] | None) -> str:
        settings: dict[str, Any] = {"max_attempts": 1, "observe": True, "recorder": self.name}
        others = {name: value for name, value in (options or {}).items() if name != THINKING}
        if others:
            settings["options"] = others
        thought = thinking(options, bounded=True)
        if thought is not None:
            settings[THINKING] = thought
        return json.dumps(settings, separators=(",", ":"), sort_keys=True, default=repr)

    # Counts and warnings.

    def count(self, what: str) -> None:
        """Count an event for `counts()`."""
        with _lock:
            _counts.setdefault(self.name, Counter())[what] += 1

    @contextmanager
    def safely(self) -> Iterator[None]:
        """Turn a fault of the recorder into a count and one warning, so that it doesn't reach the caller."""
        try:
            yield
        except Exception as error:
            if is_interruption(error):
                raise
            self.count("errors")
            self._warn("fault", "recording a call failed, but the call itself did not change: %r", error)

    def _warn(self, what: str, message: str, *values: Any) -> None:
        with self._lock:
            if what in self._reported:
                return
            self._reported.add(what)
        text = message % tuple(safe(clip(str(value), 300)) for value in values)
        _logger.warning("the recorder of %s: %s", self.name, text)


def safely(handler: Callable[..., None]) -> Callable[..., None]:
    """Keep a fault of a recorder's method from the caller."""

    @wraps(handler)
    def safe(self: Any, *values: Any, **named: Any) -> None:
        with self.recording.safely():
            handler(self, *values, **named)

    return safe


def _prompt(task: Any) -> Prompt | None:
    """Return the sent task as a prompt, or None if it is neither a text nor messages."""
    if task is None or isinstance(task, str):
        return task
    return messages_of(task) if isinstance(task, list | tuple) and task else None
