# SPDX-License-Identifier: Apache-2.0
"""The calls of rows in one process: some at once, in the order of the rows, each with what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.run.concurrency import InOrder, LoopThread
from schema_guard.decorator import AsyncGuarded
from schema_guard.errors import CallFailed, InvalidArgument
from schema_guard.ext.rows.row_settings import COLUMNS, MESSAGE_CHARS
from schema_guard.models import connect
from schema_guard.records.recorder import PacedRecorder
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from schema_guard.ext.rows.row_settings import Asking, Row
    from schema_guard.records import Store
    from schema_guard.values import Outcome, Prompt

    Finished: TypeAlias = tuple[Outcome[Any], Prompt | None]
    Record: TypeAlias = Callable[[Outcome[Any], Prompt | None], object]

__all__ = ["Finished", "RowCalls", "in_order", "over_rows"]

# Rows that are read ahead of the one that is taken, for each call at once: a slow call does not stop the others.
_AHEAD = 4


def over_rows(
    rows: Iterable[Row], asking: Asking, model: Any, store: Store | None
) -> Iterator[dict[str, Any]]:
    """Give the rows of an iterable with what came of them, in their order."""
    with ExitStack() as stack:
        if isinstance(model, str):
            model = stack.enter_context(connect(model, max_retries=asking.retries))
        calls = stack.enter_context(closing(RowCalls(asking, model)))
        record: Record = _nowhere if store is None else PacedRecorder(store).record
        yield from in_order(calls, asking, _numbered(rows, asking), record)


def _nowhere(outcome: Outcome[Any], task: Prompt | None) -> None:
    """Record nothing."""


def _numbered(rows: Iterable[Row], asking: Asking) -> Iterator[tuple[str, Row]]:
    """Yield rows with what tells them from all others of an iterable."""
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
    """Make the calls of rows, some at once, and give the rows in their order."""
    with ThreadPoolExecutor(asking.concurrency, "schema-guard-rows") as pool:
        # The tags of the code that takes the rows are those of the calls.
        begun = (pool.submit(copy_context().run, calls.call_row, row, key, record) for key, row in rows)
        under_way = InOrder(begun, ahead=_AHEAD * asking.concurrency)
        try:
            for call in under_way:
                yield call.result()
        finally:
            under_way.give_up()


_caught: ContextVar[list[Finished]] = ContextVar("schema_guard_dataset_outcome")


class _Caught:
    """A recorder that gives an outcome to the one who made the call, be the call raising or not."""

    def record(self, outcome: Outcome[Any], task: Prompt | None = None) -> None:
        """Return the outcome away."""
        _caught.get().append((outcome, task))


class RowCalls:
    """The calls of rows in one process."""

    def __init__(self, asking: Asking, model: Any) -> None:
        self._asking = asking
        function = asking.guard(_Caught())(model)
        self._outcome: Callable[[Any], Any] = function.outcome
        # All calls in one event loop, to which the connections of the function may belong.
        self._loop = LoopThread() if isinstance(function, AsyncGuarded) else None

    def call_row(self, row: Row, key: str, record: Record) -> dict[str, Any]:
        """Make the call of a row, have it recorded, and give the row with what came of it."""
        caught: list[Finished] = []
        token = _caught.set(caught)
        words = None
        try:
            result = self._outcome(row[self._asking.task])
            if self._loop is not None:
                self._loop.begin(result).result()
        except CallFailed:
            pass  # the outcome has its words
        except Exception as error:  # noqa: BLE001 - whatever a row or a provider does, the others go on
            # Arrow takes no half of a surrogate pair.
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
        """Return a valid value as JSON text, as its type writes it."""
        reader = self._asking.schema.reader
        plain = value if reader is None else reader.write(value)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def _with(self, row: Row, value: str | None, columns: tuple[Any, ...]) -> dict[str, Any]:
        return {**row, self._asking.output: value, **dict(zip(COLUMNS, columns, strict=True))}
