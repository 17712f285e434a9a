# SPDX-License-Identifier: Apache-2.0
"""Guarded calls for every row of a dataset: of any iterable, or of a Ray dataset.

Rules:
1. Every row comes back, with a valid value or with its failure. A fault of a row or a provider doesn't stop the other
   rows. Only a fault of every row, such as a missing column, is an error.
2. Memory does not grow with the number of rows. A fixed number of rows is in progress, and the next one is read when
   the first one is taken.
3. Every call is recorded once. The id of a call follows from the row, so that a call which Ray repeats because a worker
   died has the same id. On Ray, one process records for all workers. It asks the store which ids exist, records the
   others, and answers when they are stored. Only then is a batch finished. So no two workers can race, and a finished
   batch is recorded.
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


def enforce_dataset(  # noqa: PLR0913 - a public entry point; arguments with a default are keyword-only
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
    id: str = "id",  # noqa: A002 - the name of the column
    output: str = "value",
    retries: int = 4,
) -> Any:
    """Make a guarded call of a model for every row.

    Each result contains the columns of its row. The column that you name in `output` contains the valid value as JSON
    text, or None if there is no valid value. The column `ok` shows whether there is a valid value. The columns
    `failure_kind`, `failure_code`, and `failure_message` describe the failure of the last attempt, and are None if the
    value is valid. If the call raised an exception, `failure_message` contains the text of the exception. The column
    `attempts` contains the number of attempts, or 0 if the row's task is invalid. The columns `input_tokens` and
    `output_tokens` contain the number of tokens of all attempts, or None if this number is unknown for one attempt.

    For an iterable of rows, the function returns the results in the order of the rows. The function makes the calls
    while you iterate over the results. For a Ray dataset, the function returns a lazy dataset in Ray's order. The
    blocks of this dataset contain at most `32 * concurrency` rows. If a worker crashes, Ray processes the worker's
    block again, and repeats the calls. The results then contain the replies of the repeated calls, but the store keeps
    the records of the first calls. If a row crashes its worker every time, Ray repeats the block endlessly.

    Args:
        rows: An iterable of mappings, which the function reads one at a time, or a `ray.data.Dataset`.
        schema: A schema in a form that `Schema.of` accepts.
        model: A name that `connect` accepts, a `Model`, or a function that takes the text of the task. For a Ray
            dataset, a `Model` or a function must be picklable.
        task: Name of the column that contains the task, as text or as messages.
        strategy: Strategy for requesting the format, as for `guard`.
        max_attempts: Maximum number of attempts for each row, at least 1.
        repair: Level of repair for broken JSON, as for `guard`.
        concurrency: Maximum number of calls at the same time, at least 1. With Ray, this limit applies to each worker.
        store: Store for the records, as for `guard`. With Ray, you can't use a store in memory. If the store is a file,
            schema_guard writes it on the machine of this process.
        name: Name of the function in records. Default: the name of the model or function.
        id: Name of the column that identifies a row. With Ray, schema_guard records rows with the same id only once. If
            a row has no id, its position identifies it.
        output: Name of the column for the valid value.
        retries: Maximum number of retries for a request that a busy server refuses. This limit applies only if you pass
            the name of a model.

    Returns:
        An iterator of dicts, or a `ray.data.Dataset`.

    Raises:
        InvalidArgument: An argument is invalid. If the column for the task is missing, a result column already exists,
            or the name of the model is unknown, reading the first result raises this error. The function also raises
            this error for a row that isn't a mapping.
        InvalidSchema: The schema can't be loaded.
        MissingExtra: A package that the model needs isn't installed.
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
    # Raises now for invalid settings, not at the first row.
    settings = asking.guard(None)
    if not isinstance(model, str):
        settings(model)
    records = default_store() if store is UNSET else resolve_store(store)
    # The module of such a dataset is already imported.
    kind = getattr(sys.modules.get("ray.data"), "Dataset", None)
    if kind is not None and isinstance(rows, kind):
        from schema_guard.ext.rows.ray_data import over_dataset  # only a dataset of Ray's needs it

        return over_dataset(rows, asking, model, records)
    return over_rows(rows, asking, model, records)
