# SPDX-License-Identifier: Apache-2.0
"""The attempts of a store as a data frame.

Rules: Python objects take most of the time. So values that most attempts lack are read only from the attempts that have
one, the four flags are one number, and the names of a configuration are read once. Rows are read in windows of `id`, each
in its own transaction.
"""

from __future__ import annotations

import json
from array import array
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import missing_extra
from schema_guard.ext.transfer.columns import kind_of
from schema_guard.records.payloads.texts import Payload, texts_of
from schema_guard.records.rows import COLUMNS, CONFIGURATION_COLUMNS
from schema_guard.records.sql.tables import unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records.attempts import Where
    from schema_guard.records.backend import Backend
    from schema_guard.records.frames import Frames, WhichAttempts
    from schema_guard.records.sql.snapshot import Snapshot

__all__ = ["arrow_table", "pandas_frame", "polars_frame"]

_WINDOW = 5_000  # rows; more of them at once are slower, because they leave the cache of the processor
_FLAGS = ("final", "unseen", "adapted", "gateway_repaired")
_SPARSE = (
    "cluster", "parent_call_id", "strategy", "kind", "code", "repairs", "coercions", "violations", "exception",
    "stopped_at",
)  # fmt: skip
_DENSE = tuple(name for name in COLUMNS if name not in {*CONFIGURATION_COLUMNS, *_FLAGS, *_SPARSE})
_PACKED = {"call_id", "input_hash", "reply_hash", "parent_call_id"}
_TEXTS = ("prompt", "reply")
_HEX = 32
_FROM = "FROM attempts AS a JOIN configurations AS c ON c.id = a.configuration_id"


class _Window(NamedTuple):
    """The attempts of a window of `id`.

    Attributes:
        snapshot: The store.
        condition: The condition on the attempts.
        values: Its values.
        pa: pyarrow.
    """

    snapshot: Snapshot
    condition: str
    values: Sequence[Any]
    pa: Any

    def select(self, columns: str, *, source: str = _FROM, also: str = "1 = 1") -> list[tuple[Any, ...]]:
        """Return columns of the attempts, as tuples."""
        sql = f"SELECT a.id, {columns} {source} WHERE {self.condition} AND ({also}) ORDER BY a.id"
        rows = self.snapshot.connection.select(sql, self.values)
        return _by_column(rows, columns.count(",") + 2)


def _by_column(rows: Sequence[Any], columns: int) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True)) or [()] * columns


def arrow_table(backend: Backend, where: Where, *, has_texts: bool) -> Any:
    """Return the attempts that are stored now as a `pyarrow.Table`.

    Args:
        backend: The store.
        where: The attempts to read.
        has_texts: Whether to add the columns of the texts.

    Raises:
        StoreError: The store can't be read.
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-not-found,import-untyped,unused-ignore]
        import pyarrow.compute  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise missing_extra("a data frame", "pyarrow", "parquet") from error
    with backend.reading() as snapshot:
        first, last = snapshot.span(where)
    tables = [_schema(pa, has_texts=has_texts).empty_table()]
    for start in range(first, last + 1, _WINDOW):
        with backend.reading() as snapshot:
            condition = snapshot.condition(where, start, min(start + _WINDOW - 1, last))
            columns = _columns(_Window(snapshot, *condition, pa), has_texts=has_texts)
        tables.append(pa.Table.from_pydict(columns, schema=tables[0].schema))
    return pa.concat_tables(tables).unify_dictionaries()


def pandas_frame(store: Frames, which: WhichAttempts) -> Any:
    """Return the attempts of a store as a `pandas.DataFrame`."""
    try:
        import pandas as pd  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
    except ImportError as error:
        raise missing_extra("to_pandas", "pandas", "pandas") from error
    return store.to_arrow(**which).to_pandas()


def polars_frame(store: Frames, which: WhichAttempts) -> Any:
    """Return the attempts of a store as a `polars.DataFrame`."""
    try:
        import polars as pl  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise missing_extra("to_polars", "polars", "polars") from error
    return pl.from_arrow(store.to_arrow(**which))


def _schema(pa: Any, *, has_texts: bool) -> Any:
    kinds = {
        "text": pa.string(), "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
        "texts": pa.list_(pa.string()), "pairs": pa.list_(pa.list_(pa.string())),
    }  # fmt: skip
    names = pa.dictionary(pa.int32(), pa.string())
    fields = [
        (name, names if kind == "text" and name in CONFIGURATION_COLUMNS else kinds[kind])
        for name in COLUMNS
        for kind, _ in [kind_of(name)]
    ]
    return pa.schema([*fields, *((name, pa.string()) for name in _TEXTS if has_texts)])


def _columns(window: _Window, *, has_texts: bool) -> dict[str, Any]:
    """Return all columns of a window, by name."""
    pa, pc = window.pa, window.pa.compute
    flags = " + ".join(f"{2**place} * a.{name}" for place, name in enumerate(_FLAGS))
    ids, configurations, packed_flags, *dense = window.select(
        f"a.configuration_id, {flags}, {_named(_DENSE)}"
    )
    columns = {name: _array(pa, name, values) for name, values in zip(_DENSE, dense, strict=True)}
    numbers = pa.array(packed_flags, pa.int64())
    columns |= {
        name: pc.equal(pc.bit_wise_and(numbers, 2**place), 2**place) for place, name in enumerate(_FLAGS)
    }
    columns |= _configuration_columns(window, configurations)
    is_set = " OR ".join(f"a.{name} IS NOT NULL" for name in _SPARSE)
    rare_ids, *sparse = window.select(_named(_SPARSE), also=is_set)
    places = pc.index_in(pa.array(ids, pa.int64()), pa.array(rare_ids, pa.int64()))
    columns |= {
        name: _array(pa, name, values).take(places) for name, values in zip(_SPARSE, sparse, strict=True)
    }
    columns["strategy"] = pc.coalesce(columns["strategy"], columns["strategies"].cast(pa.string()))
    if has_texts:
        columns |= _text_columns(window, ids)
    return columns


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"a.{name}" for name in names)


def _array(pa: Any, name: str, values: Sequence[Any]) -> Any:
    """Return the values of a column of `attempts` as an Arrow array."""
    kind, _ = kind_of(name)
    if name in _PACKED:
        return _unpacked(pa, values)
    if kind in ("texts", "pairs"):
        read = {text: None if text is None else json.loads(text) for text in set(values)}
        nested = pa.list_(pa.string()) if kind == "texts" else pa.list_(pa.list_(pa.string()))
        return pa.array([read[text] for text in values], nested)
    return pa.array(values, {"text": pa.string(), "count": pa.int64(), "number": pa.float64()}[kind])


def _unpacked(pa: Any, values: Sequence[Any]) -> Any:
    """Return stored ids and hashes as texts. The usual ones have 16 bytes, so that one conversion reads all of them."""
    if None in values or {*map(len, values)} != {_HEX // 2}:
        return pa.array([unpacked(value) for value in values], pa.string())
    offsets = array("i", range(0, _HEX * len(values) + 1, _HEX))
    data = b"".join(values).hex().encode()
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(data))


def _configuration_columns(window: _Window, configurations: Sequence[int]) -> dict[str, Any]:
    """Return the names of the configuration of each attempt. A name that repeats is stored once."""
    pa = window.pa
    sql = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
    known, *named = _by_column(window.snapshot.connection.select(sql), len(CONFIGURATION_COLUMNS) + 1)
    places = pa.compute.index_in(pa.array(configurations, pa.int64()), pa.array(known, pa.int64()))
    columns = {}
    for name, values in zip(CONFIGURATION_COLUMNS, named, strict=True):
        if name == "tuned":
            columns[name] = pa.array(map(bool, values), pa.bool_()).take(places)
        else:
            names = pa.array(values, pa.string()).dictionary_encode()
            columns[name] = pa.DictionaryArray.from_arrays(names.indices.take(places), names.dictionary)
    return columns


def _text_columns(window: _Window, ids: Sequence[int]) -> dict[str, Any]:
    """Return the stored texts of each attempt. A prompt with several messages is JSON."""
    pa = window.pa
    source = f"{_FROM} JOIN payloads AS p ON p.attempt_id = a.id"
    stored_ids, *stored = window.select("p.prompt, p.reply, p.touched", source=source)
    texts = [texts_of("", 0, payload) for payload in starmap(Payload, zip(*stored, strict=True))]
    prompts = [
        one.prompt if one.prompt is None or isinstance(one.prompt, str) else json.dumps(one.prompt)
        for one in texts
    ]
    places = pa.compute.index_in(pa.array(ids, pa.int64()), pa.array(stored_ids, pa.int64()))
    columns: Mapping[str, Any] = {"prompt": prompts, "reply": [one.reply for one in texts]}
    return {name: pa.array(values, pa.string()).take(places) for name, values in columns.items()}
