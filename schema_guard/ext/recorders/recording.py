# SPDX-License-Identifier: Apache-2.0
"""What every recorder does with what it sees: a call that a framework made, judged and recorded as an observed one.

Rules:
1. A call is judged by the loop that guarded calls go through, for the schema that was sent; what nobody knows is
unknown. 2. A call inside of another one, guarded or recorded, that is held to the same schema is that call's own, and
   is recorded once, with the outermost. Under another schema it is a call of its own, with `parent_call_id`.
3. Nothing here reaches the caller: a fault of a recorder is one warning. What lands here from outside goes on.
4. What comes from outside is bounded in number: open calls, schemas, names of functions.
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
"""Calls that may be open at a time; the oldest one beyond is ended with what was seen of it."""
MOST_FUNCTIONS: Final = 500
"""Names of functions that a recorder takes from its framework; all further ones are `others`."""
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
    """The newest entries. Each method is safe in threads."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        super().__init__()
        self._most, self._adding = most, fork_safe_lock()

    def add(self, key: Hashable, value: Any) -> Any:
        """Add an entry. Return the oldest one if there are too many, otherwise None."""
        with self._adding:
            self[key] = value
            return self.popitem(last=False)[1] if len(self) > self._most else None


class Opened:
    """A call under way, whose attempts come one after the other.

    Attributes:
        id: Of the call.
        schema: What its replies are held to.
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
        """Take attempts that are over, in order; a time that is not known stays unknown."""
        self._attempts.extend(attempts)
        self._done = None

    @property
    def last(self) -> AttemptView | None:
        """The last attempt; None before the first."""
        return self._attempts[-1] if self._attempts else None

    def replace_last(self, *one: AttemptView) -> None:
        """Put another view of the last attempt in its place; without one, remove it."""
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
        """Make it the call that the running code is a part of."""
        self._outer = current_call.get()
        current_call.set(self._start)

    def leave(self) -> None:
        """End what `enter` began; in another context nothing is to be ended."""
        if current_call.get() is self._start:
            current_call.set(self._outer)

    def close(self, more: Iterable[AttemptView] = ()) -> None:
        """Record the call with its attempts, and *more* of them, once. Without an attempt, nothing is known of it."""
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
    """What a recorder of a framework hands its calls to. Safe in threads and tasks.

    `record` takes a whole call, and `open` one whose attempts come one by one.
    """

    def __init__(self, name: str, **settings: Unpack[RecorderSettings]) -> None:
        """Make a recording.

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

    # What stands around a call.

    def schema_of(self, source: Any, name: str | None = None) -> Schema[Any] | None:
        """Return the schema that was sent: a JSON Schema, or a class.

        Args:
            source: What `Schema.of` takes, but no path: a text is none.
            name: What the framework calls it; a title of its own goes first.

        Returns:
            None where it is no valid schema, which is counted, and told once.
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
            self._warn("schema", "a schema that was sent is not valid, its calls are not recorded: %s", error)
        self._schemas.add(key, schema)
        return schema

    def function_of(self, own: str | None, schema: Schema[Any], where: CallContext | None = None) -> str:
        """Return what records call the function of a call.

        Args:
            own: The framework's name for it; None if it has none.
            schema: Of the call.
            where: The call is made; here when left out.
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
                "more than %s names of functions: the calls of all further ones are recorded under %r",
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
            schema: What its replies are held to.
            kind: Class of the call.
            function: The framework's name for what makes it, as `function_of` takes it.
            task: What was sent: a text, messages, or None.
            mode: How the format is asked for: a strategy's name.
            provider: Whose arguments ask for it, where that is one of `PROVIDER_OPTIONS`.
            tool: Name of the tool that the model has to call.
            options: Further settings that change results, plain JSON.
            where: It is made; here when left out.
            started_at: Seconds since the epoch; now when left out.

        Returns:
            None where it is part of a call further out, which is counted.
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
        """Record a call that is over.

        Args:
            attempts: In order; at least one.
            schema: What its replies are held to.
            **known: As `open` takes it; it began before now by the time that its attempts took.

        Returns:
            Whether it is a call of its own, and not part of one further out.
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
        """Hand the outcome of a call to the store."""
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
        """Give who reads the attempts of a function's calls, and remembers the model that its replies name."""
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

    # What is told.

    def count(self, what: str) -> None:
        """Count something that `counts()` tells."""
        with _lock:
            _counts.setdefault(self.name, Counter())[what] += 1

    @contextmanager
    def safely(self) -> Iterator[None]:
        """Keep a fault of the recorder from whoever makes the call: it is one warning, and counted."""
        try:
            yield
        except Exception as error:
            if is_interruption(error):
                raise
            self.count("errors")
            self._warn("fault", "a call was not recorded. The call itself did not change: %r", error)

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
    """Give what was sent as a prompt; what is neither a text nor messages is not known."""
    if task is None or isinstance(task, str):
        return task
    return messages_of(task) if isinstance(task, list | tuple) and task else None
