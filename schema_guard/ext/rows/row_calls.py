# SPDX-License-Identifier: Apache-2.0
"""The calls for rows in one process: their settings, columns, and results, in the order of the rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.run.concurrency import InOrder, LoopThread
from schema_guard.decorator import AsyncGuarded, guard
from schema_guard.errors import CallFailed, InvalidArgument
from schema_guard.models import connect
from schema_guard.records.recorder import PacedRecorder
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from schema_guard.decorator import Guard
    from schema_guard.records import Store
    from schema_guard.records.recorder import Recorder
    from schema_guard.schema import Schema
    from schema_guard.values import Outcome, Prompt

    Row: TypeAlias = Mapping[str, Any]
    Finished: TypeAlias = tuple[Outcome[Any], Prompt | None]
    Record: TypeAlias = Callable[[Outcome[Any], Prompt | None], object]

MESSAGE_CHARS = 200
"""Most characters of a failure message."""

COLUMNS = {
    "ok": "bool_",
    "failure_kind": "string",
    "failure_code": "string",
    "failure_message": "string",
    "attempts": "int64",
    "input_tokens": "int64",
    "output_tokens": "int64",
}
"""Name in the row -> type in Arrow. The value precedes these columns."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The settings of the calls, as in `enforce_dataset`.

    Attributes:
        schema: The schema of the values.
        settings: The other arguments of `guard`.
        run: 16 hex digits that no other run has.
    """

    schema: Schema[Any]
    settings: dict[str, Any]
    concurrency: int
    task: str
    id: str
    output: str
    retries: int
    run: str

    def guard(self, recorder: Recorder | None) -> Guard[Any, Any]:
        """Return the settings of the calls."""
        settings: Guard[Any, Any] = guard(self.schema, store=recorder, **self.settings)
        return settings

    def check(self, names: Iterable[str]) -> None:
        """Raise `InvalidArgument` for columns that are missing, or that would be overwritten."""
        known = list(names)
        if self.task not in known:
            near = did_you_mean(self.task, known)
            raise InvalidArgument(f"task={self.task!r}: expected one of the columns {_shown(known)}{near}")
        clashes = [name for name in (self.output, *COLUMNS) if name in known]
        if clashes:
            raise InvalidArgument(
                f"rows: the rows already have the result columns {_shown(clashes)}. Rename these columns, or pass another name for the value as output="
            )

    def key(self, row: Row, otherwise: str) -> str:
        """Return the key that identifies a row: its id if it has one, or *otherwise*."""
        own = row.get(self.id)
        return otherwise if own is None else f"={own}"

    def call_id(self, key: str) -> str:
        """Return the id of a row's call, always the same UUID of version 8 (RFC 9562 s. 5.8)."""
        digest = sha256(f"{self.run}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()
        return f"{digest[:12]}8{digest[13:16]}8{digest[17:32]}"


def _shown(names: list[str]) -> str:
    return clip(", ".join(map(repr, names)), MESSAGE_CHARS)


# Rows that are read ahead for each concurrent call, so that a slow call does not stop the others.
_AHEAD = 4


def over_rows(
    rows: Iterable[Row], asking: Asking, model: Any, store: Store | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of an iterable with their results, in order."""
    with ExitStack() as stack:
        if isinstance(model, str):
            model = stack.enter_context(connect(model, max_retries=asking.retries))
        calls = stack.enter_context(closing(RowCalls(asking, model)))
        record: Record = (lambda *_: None) if store is None else PacedRecorder(store).record
        yield from in_order(calls, asking, _numbered(rows, asking), record)


def _numbered(rows: Iterable[Row], asking: Asking) -> Iterator[tuple[str, Row]]:
    """Yield the rows of an iterable with keys that identify them."""
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidArgument(
                f"rows: row {number + 1}: expected a mapping of columns, got {type(row).__name__}"
            )
        if number == 0:
            asking.check(row)
        yield asking.key(row, f"#{number}"), row


def in_order(
    calls: RowCalls, asking: Asking, rows: Iterator[tuple[str, Row]], record: Record
) -> Generator[dict[str, Any], None, None]:
    """Make the calls for rows, several at once, and yield the rows with their results in order."""
    with ThreadPoolExecutor(asking.concurrency, "schema-guard-rows") as pool:
        # The calls have the tags of the code that takes the rows.
        begun = (pool.submit(copy_context().run, calls.call_row, row, key, record) for key, row in rows)
        under_way = InOrder(begun, ahead=_AHEAD * asking.concurrency)
        try:
            for call in under_way:
                yield call.result()
        finally:
            under_way.give_up()


_caught: ContextVar[list[Finished]] = ContextVar("schema_guard_dataset_outcome")


class _Caught:
    """A recorder that hands an outcome to the caller, whether or not the call raises."""

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Hand over an outcome."""
        _caught.get().append((outcome, task))


class RowCalls:
    """The calls for rows in one process."""

    def __init__(self, asking: Asking, model: Any) -> None:
        self._asking = asking
        function = asking.guard(_Caught())(model)
        self._outcome: Callable[[Any], Any] = function.outcome
        # One event loop for all calls, because the connections of the function may belong to it.
        self._loop = LoopThread() if isinstance(function, AsyncGuarded) else None

    def call_row(self, row: Row, key: str, record: Record) -> dict[str, Any]:
        """Make the call of a row, record it, and return the row with its result."""
        caught: list[Finished] = []
        token = _caught.set(caught)
        words = None
        try:
            result = self._outcome(row[self._asking.task])
            if self._loop is not None:
                self._loop.begin(result).result()
        except CallFailed:
            pass  # the outcome has the failure
        except Exception as error:  # noqa: BLE001 - an error of a row or a provider does not stop the other rows
            # Arrow rejects half of a surrogate pair.
            text = f"{type(error).__name__}: {clip(str(error), MESSAGE_CHARS)}"
            words = text.encode("utf-8", "backslashreplace").decode()
        finally:
            _caught.reset(token)
        if not caught:
            return self._with(row, None, (False, "transport", "call_raised", words, 0, None, None))
        ((outcome, task),) = caught
        record(outcome._replace(call=outcome.call._replace(id=self._asking.call_id(key))), task)
        failure, usage = outcome.failure, outcome.usage
        why = (
            (None, None, None) if failure is None else (failure.kind, failure.code, words or failure.message)
        )
        value = self._json_text(outcome.value) if outcome.ok else None
        columns = (outcome.ok, *why, len(outcome.attempts), usage.input_tokens, usage.output_tokens)
        return self._with(row, value, columns)

    def close(self) -> None:
        """End the event loop."""
        if self._loop is not None:
            self._loop.close()

    def _json_text(self, value: Any) -> str:
        """Return a valid value as JSON text, in the form of its type."""
        reader = self._asking.schema.reader
        plain = value if reader is None else reader.write(value)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def _with(self, row: Row, value: str | None, columns: tuple[Any, ...]) -> dict[str, Any]:
        return {**row, self._asking.output: value, **dict(zip(COLUMNS, columns, strict=True))}
