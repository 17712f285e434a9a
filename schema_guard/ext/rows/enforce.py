# SPDX-License-Identifier: Apache-2.0
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

import sys
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.concurrency import AT_ONCE
from schema_guard.decorator import UNSET
from schema_guard.errors import InvalidArgument
from schema_guard.ext.rows.row_calls import COLUMNS, Asking, over_rows
from schema_guard.records import default_store, resolve_store
from schema_guard.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.ext.rows.row_calls import Row
    from schema_guard.values import Repair


def enforce_dataset(  # noqa: PLR0913 - a public entry point; what has a default is keyword-only
    rows: Iterable[Row] | Any,
    schema: Any,
    model: Any,
    *,
    task: str = "prompt",
    strategy: str | Sequence[str] = "system_prompt",
    max_attempts: int = 3,
    repair: Repair = "off",
    concurrency: int = AT_ONCE,
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
    if output in COLUMNS or output == task:
        raise InvalidArgument(f"output={output!r}: expected a name that no other column has")
    words = strategy if isinstance(strategy, str) else list(strategy)
    asking = Asking(
        Schema.of(schema),
        {"strategy": words, "max_attempts": max_attempts, "repair": repair, "name": name},
        concurrency,
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
        from schema_guard.ext.rows.ray_data import over_dataset  # only a dataset of Ray's needs it

        return over_dataset(rows, asking, model, records)
    return over_rows(rows, asking, model, records)
