# SPDX-License-Identifier: Apache-2.0
"""Guarded calls for the rows of a Ray dataset, made in its workers and recorded by one process."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from schema_guard.errors import InvalidArgument, StoreError
from schema_guard.ext.rows.cluster import once, pickled
from schema_guard.ext.rows.row_calls import COLUMNS, RowCalls, in_order
from schema_guard.models import connect
from schema_guard.records import resolve_store
from schema_guard.records.recorder import WRITE_WAIT_S
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.ext.rows.row_calls import Asking, Finished, Row
    from schema_guard.records import Store

# Rows of a batch for each concurrent call. If a worker dies, its batch is repeated.
_ROUNDS = 32

_logger = logging.getLogger("schema_guard")


def over_dataset(dataset: Any, asking: Asking, model: Any, store: Store | None) -> Any:
    """Return a Ray dataset with the results of the rows."""
    ray = import_module("ray")
    recorder = None
    if store is not None:
        if store.url == "sqlite://":
            raise InvalidArgument(
                "store 'sqlite://': this store exists only in the memory of this process. Use a file, or None"
            )
        here = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        # A restarted process finds the calls of its predecessor in the store.
        always = {"max_restarts": -1, "max_task_retries": -1}
        recorder = ray.remote(num_cpus=0, scheduling_strategy=here, **always)(_OneWriter).remote(store.url)
    job = _Job(asking, model if isinstance(model, str) else pickled("model", model), recorder)
    blocks = dataset.repartition(target_num_rows_per_block=_ROUNDS * asking.concurrency)
    return blocks.map_batches(_call_batch, fn_args=(job,), batch_format="pyarrow", batch_size=None)


class _OneWriter:
    """The only process that records, for all workers."""

    def __init__(self, url: str) -> None:
        self._store = resolve_store(url)

    def record(self, finished: list[Finished]) -> None:
        """Record the calls that aren't in the store, and wait until they are stored."""
        assert self._store is not None
        ids = [outcome.call.id for outcome, _ in finished]
        try:
            there = {row["call_id"] for row in self._store.attempts(call_ids=ids)}
        except StoreError as error:
            _logger.warning("recording %d calls failed, but their rows have the results: %s", len(ids), error)
            return
        for outcome, task in finished:
            if outcome.call.id not in there:
                there.add(outcome.call.id)
                self._store.record(outcome, task)
        self._store.flush(WRITE_WAIT_S)


@dataclass(frozen=True, slots=True)
class _Job:
    """A worker's facts about the calls: the settings, the source of the model, and the recording process."""

    asking: Asking
    model: str | bytes
    recorder: Any

    def calls(self) -> RowCalls:
        """Return the calls of this process."""
        if isinstance(self.model, str):
            return RowCalls(self.asking, connect(self.model, max_retries=self.asking.retries))
        return RowCalls(self.asking, import_module("ray").cloudpickle.loads(self.model))


def _call_batch(table: Any, job: _Job) -> Any:
    """Return a batch of rows, an Arrow table, with their results."""
    asking, arrow = job.asking, import_module("pyarrow")
    rows = table.to_pylist()
    if rows:
        asking.check(rows[0])
    finished: list[Finished] = []
    calls: RowCalls = once(asking.run, job.calls)
    results = list(in_order(calls, asking, _keyed(rows, asking), lambda *pair: finished.append(pair)))
    if job.recorder is not None and finished:
        # Values stay here, because only this process may know their types.
        bare = [(outcome._replace(value=None), task) for outcome, task in finished]
        import_module("ray").get(job.recorder.record.remote(bare))
    for name, kind in {asking.output: "string", **COLUMNS}.items():
        column = arrow.array([row[name] for row in results], getattr(arrow, kind)())
        table = table.append_column(name, column)
    return table


def _keyed(rows: list[Row], asking: Asking) -> Iterator[tuple[str, Row]]:
    """Yield rows with keys that identify them. A Ray task that repeats another one has the same id."""
    task_id = import_module("ray").get_runtime_context().get_task_id()
    counts: Counter[str] = Counter()
    for row in rows:
        digest = hex_digest(repr(row[asking.task]), 32)
        counts[digest] += 1
        yield asking.key(row, f"{task_id}#{digest}#{counts[digest]}"), row
