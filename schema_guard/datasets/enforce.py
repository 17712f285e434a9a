"""Guarded calls for every row of a dataset: of any iterable, or of a dataset of Ray's.

Rules:
1. Every row comes back, with a valid value or with what went wrong. Whatever a row or a provider does, the other rows
   go on; only what is wrong with every row (a column that is not there) is an error.
2. Memory does not grow with the rows: so many are under way, the next one is read when the first one is taken.
3. Every call is recorded once. Calls have ids that follow from the row, so that a call which Ray repeats because a
   worker died has the id of the one before. On Ray one process alone records, for all workers: it asks the store which
   ids are there, records the others, and answers when they are stored; only then is a batch finished. So no two
   workers can race, and a batch that was finished was recorded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from importlib import import_module
from operator import attrgetter
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.run.ray_executor import once, pickled
from schema_guard.bench.run.runner import CONCURRENCY
from schema_guard.calls.recorder import WRITE_WAIT_S, PacedRecorder
from schema_guard.calls.side_by_side import InOrder
from schema_guard.core.digest import hex_digest
from schema_guard.core.schema import Schema
from schema_guard.errors import CallFailed, InvalidArgument, StoreError
from schema_guard.guards.decorator import guard as guarded
from schema_guard.guards.guarded import AsyncGuarded, Guard
from schema_guard.guards.settings import UNSET
from schema_guard.models import connect
from schema_guard.records import Store, default_store, resolve_store
from schema_guard.records.urls import connect as connect_store
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from schema_guard.core.values import Outcome, Prompt, Repair

    Row: TypeAlias = Mapping[str, Any]
    Finished: TypeAlias = tuple[Outcome[Any], Prompt | None]
    Record: TypeAlias = Callable[[Outcome[Any], Prompt | None], object]

# Rows that are read ahead of the one that is taken, for each call at once: a slow call does not stop the others.
_AHEAD = 4
# Rows of a batch on Ray, for each call at once: what is asked again when a worker dies.
_ROUNDS = 32
_MESSAGE_CHARS = 200

# Name in the row -> type in Arrow; before them stands the value.
_COLUMNS = {
    "ok": "bool_",
    "failure_kind": "string",
    "failure_code": "string",
    "failure_message": "string",
    "attempts": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
}

_logger = logging.getLogger("schema_guard")


def enforce_dataset(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    rows: Iterable[Row] | Any,
    schema: Any,
    model: Any,
    *,
    task: str = "prompt",
    strategy: str | Sequence[str] = "system_prompt",
    max_attempts: int = 3,
    repair: Repair = "off",
    concurrency: int = CONCURRENCY,
    store: Any = UNSET,
    name: str | None = None,
    id: str = "id",  # noqa: A002 - what the column is called
    output: str = "value",
    retries: int = 4,
) -> Any:
    """Make a guarded call for every row.

    A row comes back with its columns and with: *output*, the valid value as JSON text, None without one; `ok`;
    `failure_kind`, `failure_code` and `failure_message` of the last attempt, None when ok, and of a call that raised
    the words of what it raised; `attempts`, 0 when the task is none; `input_tokens` and `output_tokens` over all
    attempts, None when one of them is unknown.

    Of an iterable the rows come in their order, as they are taken. A dataset of Ray's gives one that is as lazy, in
    Ray's order; its rows are cut into blocks of at most 32 x *concurrency*. Ray makes a block again when its worker
    dies: its calls are then asked again, the answers that come back are those of the last time, the records those of
    the first. It does so without end for a row that kills its worker every time.

    Args:
        rows: Mappings, read one after the other; or a `ray.data.Dataset`.
        schema: What `Schema.of` takes.
        model: What `connect` takes; or a model or a function of the task's text, which for a dataset of Ray's have to
            be picklable.
        task: The column with the task: a text, or messages.
        strategy: As `guard` says.
        max_attempts: >= 1.
        repair: As `guard` says.
        concurrency: Calls at once, >= 1; on Ray in each worker.
        store: As `guard` says; on Ray no store in memory. A file is written on the machine of this process.
        name: What records call the function; that of the model or function when None.
        id: The column that tells a row from all others: rows with one id are recorded once on Ray. Without it, or
            where it is None, the place of the row does.
        output: The column for the value.
        retries: Requests that a busy server refuses and that are repeated, where *model* is a name.

    Returns:
        An iterator of dicts, or a `ray.data.Dataset`.

    Raises:
        InvalidArgument: Now for what is wrong with the settings; at the first row for its columns, and for the name
            of a model that there is not; at a row that is no mapping.
        InvalidSchema: The schema cannot be loaded.
        MissingExtra: A package that the model needs is not installed.
    """
    if concurrency < 1:
        raise InvalidArgument(f"concurrency={concurrency}: expected an int >= 1")
    if output in _COLUMNS or output == task:
        raise InvalidArgument(f"output={output!r}: expected a name that no other column has")
    asking = _Asking(
        Schema.of(schema),
        tuple(strategy) if not isinstance(strategy, str) else strategy,
        max_attempts,
        repair,
        concurrency,
        name,
        task,
        id,
        output,
        retries,
        token_hex(8),
    )
    # What is wrong with the settings is wrong now, not at the first row.
    settings = asking.guard(None)
    if not isinstance(model, str):
        settings(model)
    records = default_store() if store is UNSET else resolve_store(store)
    # Who has such a dataset has imported its module.
    kind = getattr(sys.modules.get("ray.data"), "Dataset", None)
    if kind is not None and isinstance(rows, kind):
        return _mapped(rows, asking, model, records)
    return _each(rows, asking, model, records)


@dataclass(frozen=True, slots=True)
class _Asking:
    """What to ask for a row, as `enforce_dataset` has it; and the run, 16 hex digits that no other one has."""

    schema: Schema[Any]
    strategy: str | tuple[str, ...]
    max_attempts: int
    repair: Repair
    concurrency: int
    name: str | None
    task: str
    id: str
    output: str
    retries: int
    run: str

    def guard(self, store: Store | None) -> Guard[Any, Any]:
        """Give the settings of the calls."""
        return guarded(
            self.schema,
            strategy=self.strategy if isinstance(self.strategy, str) else list(self.strategy),
            max_attempts=self.max_attempts,
            repair=self.repair,
            name=self.name,
            store=store,
        )

    def check(self, names: Iterable[str]) -> None:
        """Raise `InvalidArgument` for columns that are missing, or that would be written over."""
        known = list(names)
        if self.task not in known:
            near = did_you_mean(self.task, known)
            raise InvalidArgument(
                f"task={self.task!r}: the rows have no such column{near}, only {_shown(known)}"
            )
        taken = [name for name in (self.output, *_COLUMNS) if name in known]
        if taken:
            raise InvalidArgument(
                f"rows: they have columns that are to be written: {_shown(taken)}: rename them, or give output= for the value"
            )

    def key(self, row: Row, otherwise: str) -> str:
        """Give what tells a row from all others: its id, where it has one."""
        own = row.get(self.id)
        return otherwise if own is None else f"={own}"

    def call_id(self, key: str) -> str:
        """Give the id of a row's call: a UUID of version 8 (RFC 9562 s. 5.8), the same whenever it is asked for."""
        digest = sha256(f"{self.run}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{digest[:12]}8{digest[13:16]}8{digest[17:32]}"


def _shown(names: list[str]) -> str:
    return clip(", ".join(map(repr, names)), _MESSAGE_CHARS)


_caught: ContextVar[list[Finished]] = ContextVar("schema_guard_dataset_outcome")


class _Catch(Store):
    """Gives an outcome to the one who made the call, be the call raising or not."""

    def __init__(self) -> None:
        super().__init__(connect_store("sqlite://"))

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Give the outcome away."""
        _caught.get().append((outcome, task))


class _Calls:
    """The calls of rows in one process."""

    def __init__(self, asking: _Asking, model: Any) -> None:
        self._asking = asking
        self._catch = _Catch()
        function = asking.guard(self._catch)(model)
        self._outcome: Callable[[Any], Any] = function.outcome
        if isinstance(function, AsyncGuarded):
            # All calls in one event loop, to which the connections of the function may belong.
            self._awaited, self._outcome = function.outcome, self._in_loop
            self._loop = asyncio.new_event_loop()
            self._thread = Thread(target=self._loop.run_forever, name="schema-guard-loop", daemon=True)
            self._thread.start()

    def told(self, row: Row, key: str, record: Record) -> dict[str, Any]:
        """Make the call of a row, have it recorded, and give the row with what came of it."""
        caught: list[Finished] = []
        token = _caught.set(caught)
        words = None
        try:
            self._outcome(row[self._asking.task])
        except CallFailed:
            pass  # the outcome has its words
        except Exception as error:  # noqa: BLE001 - whatever a row or a provider does, the others go on
            words = _sendable(f"{type(error).__name__}: {clip(str(error), _MESSAGE_CHARS)}")
        finally:
            _caught.reset(token)
        if not caught:
            return dict(row) | self._columns(None, (False, "transport", "call_raised", words, 0, None, None))
        ((outcome, task),) = caught
        record(outcome._replace(call=outcome.call._replace(id=self._asking.call_id(key))), task)
        failure, usage = outcome.failure, outcome.usage
        why = (
            (None, None, None) if failure is None else (failure.kind, failure.code, words or failure.message)
        )
        value = _json(outcome.value) if outcome.ok else None
        found = (outcome.ok, *why, len(outcome.attempts), usage.input_tokens, usage.output_tokens)
        return dict(row) | self._columns(value, found)

    def close(self) -> None:
        """End the event loop, and free what catches the outcomes."""
        self._catch.close()
        if hasattr(self, "_loop"):
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _columns(self, value: str | None, found: tuple[Any, ...]) -> dict[str, Any]:
        return {self._asking.output: value, **dict(zip(_COLUMNS, found, strict=True))}

    def _in_loop(self, task: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(self._awaited(task), self._loop).result()


def _sendable(text: str) -> str:
    """Give a text of a stranger's as Arrow takes it: half of a surrogate pair has no UTF-8, but an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except TypeError:
        # Keys that are no texts: only a type of Pydantic's has such.
        return _json(_of_pydantic(value))


def _of_pydantic(value: Any) -> Any:
    written = import_module("pydantic_core").to_jsonable_python
    return written(value, by_alias=True, serialize_unknown=True)


def _plain(value: Any) -> Any:
    """Give what JSON has for a value of a schema's Python type: what the schema takes again."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    for kind, written in _WRITTEN.items():
        if isinstance(value, kind):
            return written(value)
    # Dates and times: what RFC 3339 has. All else, such as a UUID, stood in the reply as its text.
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)


_WRITTEN: dict[type, Callable[[Any], Any]] = {
    Enum: attrgetter("value"),
    set: list,
    frozenset: list,
    Decimal: _number,
    timedelta: _of_pydantic,
}


def _each(rows: Iterable[Row], asking: _Asking, model: Any, store: Store | None) -> Iterator[dict[str, Any]]:
    """Give the rows of an iterable with what came of them, in their order."""
    with ExitStack() as stack:
        if isinstance(model, str):
            model = stack.enter_context(connect(model, max_retries=asking.retries))
        calls = stack.enter_context(closing(_Calls(asking, model)))
        record: Record = _nowhere if store is None else PacedRecorder(store).record
        yield from _in_order(calls, asking, _numbered(rows, asking), record)


def _nowhere(outcome: Outcome[Any], task: Prompt | None) -> None:
    """Record nothing."""


def _numbered(rows: Iterable[Row], asking: _Asking) -> Iterator[tuple[str, Row]]:
    """Give rows with what tells them from all others of an iterable."""
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidArgument(
                f"rows: row {number + 1}: expected a mapping of columns, got {type(row).__name__}"
            )
        if number == 0:
            asking.check(row)
        yield asking.key(row, f"#{number}"), row


def _in_order(
    calls: _Calls, asking: _Asking, rows: Iterator[tuple[str, Row]], record: Record
) -> Generator[dict[str, Any], None, None]:
    """Make the calls of rows, some at once, and give the rows in their order."""
    with ThreadPoolExecutor(asking.concurrency, "schema-guard-rows") as pool:
        # The tags of the code that takes the rows are those of the calls.
        begun = (pool.submit(copy_context().run, calls.told, row, key, record) for key, row in rows)
        under_way = InOrder(begun, ahead=_AHEAD * asking.concurrency)
        try:
            for call in under_way:
                yield call.result()
        finally:
            under_way.give_up()


# On Ray.


def _mapped(dataset: Any, asking: _Asking, model: Any, store: Store | None) -> Any:
    """Give a dataset of Ray's with what came of its rows."""
    ray = import_module("ray")
    recorder = None
    if store is not None:
        if store.url == "sqlite://":
            raise InvalidArgument(
                "store 'sqlite://': it is in the memory of this process: expected a file, or None"
            )
        here = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        # A restarted one finds in the store what the one before had stored.
        always = {"max_restarts": -1, "max_task_retries": -1}
        recorder = ray.remote(num_cpus=0, scheduling_strategy=here, **always)(_Recorder).remote(store.url)
    job = _Job(asking, model if isinstance(model, str) else pickled("model", model), recorder)
    blocks = dataset.repartition(target_num_rows_per_block=_ROUNDS * asking.concurrency)
    return blocks.map_batches(_told_batch, fn_args=(job,), batch_format="pyarrow", batch_size=None)


class _Recorder:
    """The one process that records for all workers."""

    def __init__(self, url: str) -> None:
        self._store = resolve_store(url)

    def record(self, finished: list[Finished]) -> None:
        """Record the calls that are not there already, and wait until they are stored."""
        assert self._store is not None
        ids = [outcome.call.id for outcome, _ in finished]
        try:
            there = {row["call_id"] for row in self._store.attempts(call_ids=ids)}
        except StoreError as error:
            _logger.warning("%d calls are not recorded, the rows go on: %s", len(ids), error)
            return
        for outcome, task in finished:
            if outcome.call.id not in there:
                there.add(outcome.call.id)
                self._store.record(outcome, task)
        self._store.flush(WRITE_WAIT_S)


@dataclass(frozen=True, slots=True)
class _Job:
    """What workers need of a dataset's calls: the settings, what the model is made of, and who records."""

    asking: _Asking
    model: str | bytes
    recorder: Any

    def calls(self) -> _Calls:
        """Give the calls of this process."""
        if isinstance(self.model, str):
            return _Calls(self.asking, connect(self.model, max_retries=self.asking.retries))
        return _Calls(self.asking, import_module("ray").cloudpickle.loads(self.model))


def _told_batch(table: Any, job: _Job) -> Any:
    """Give a batch of rows, an Arrow table, with what came of them."""
    asking, arrow = job.asking, import_module("pyarrow")
    rows = table.to_pylist()
    if rows:
        asking.check(rows[0])
    finished: list[Finished] = []
    calls: _Calls = once(asking.run, job.calls)
    told = list(_in_order(calls, asking, _told_apart(rows, asking), lambda *one: finished.append(one)))
    if job.recorder is not None and finished:
        # Values stay here: their types may be known in this process alone.
        bare = [(outcome._replace(value=None), task) for outcome, task in finished]
        import_module("ray").get(job.recorder.record.remote(bare))
    for name, kind in {asking.output: "string", **_COLUMNS}.items():
        column = arrow.array([row[name] for row in told], getattr(arrow, kind)())
        table = table.append_column(name, column)
    return table


def _told_apart(rows: list[Row], asking: _Asking) -> Iterator[tuple[str, Row]]:
    """Give rows with what tells them from all others: a task of Ray's has the id of the one that it repeats."""
    task_id = import_module("ray").get_runtime_context().get_task_id()
    seen: Counter[str] = Counter()
    for row in rows:
        digest = hex_digest(repr(row[asking.task]), 32)
        seen[digest] += 1
        yield asking.key(row, f"{task_id}#{digest}#{seen[digest]}"), row
