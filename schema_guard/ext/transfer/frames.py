# SPDX-License-Identifier: Apache-2.0
"""The attempts of a store as a data frame.

Rules: Python objects take most of the time, so the database joins the values of a column into one text, which Arrow parses.
Numbers with a fraction would lose digits as a text, so they are read as objects. So are values that most attempts lack,
from the attempts that have one. Rows are read in windows of `id`, each in its own transaction.
"""

from __future__ import annotations

import json
from array import array
from importlib import import_module
from itertools import chain, starmap
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

_WINDOW = 50_000  # rows
_FLAGS = ("final", "unseen", "adapted", "gateway_repaired")
_SPARSE = (
    "cluster", "parent_call_id", "strategy", "kind", "code", "repairs", "coercions", "violations", "exception",
    "stopped_at",
)  # fmt: skip
_DENSE = tuple(name for name in COLUMNS if name not in {*CONFIGURATION_COLUMNS, *_FLAGS, *_SPARSE})
_NUMBERS = tuple(name for name in _DENSE if kind_of(name)[0] == "number")
_PACKED = ("call_id", "input_hash", "reply_hash")
_COUNTS = tuple(name for name in _DENSE if kind_of(name)[0] == "count")
_WORDS = tuple(name for name in _DENSE if name not in {*_NUMBERS, *_PACKED, *_COUNTS})
_TEXTS = ("prompt", "reply")
_HEX = 32


class _Engine(NamedTuple):
    """The SQL with which an engine joins the values of a column in the order of `id`.

    Attributes:
        join: Joins the configurations. In a CROSS JOIN, SQLite reads the attempts in order.
        counts: Counts, which are not negative, with commas. A null is -1.
        words: Texts as a JSON array.
        bytes: Bytes, without the nulls.
    """

    join: str
    counts: str
    words: str
    bytes: str


_SQLITE = _Engine(
    "CROSS JOIN",
    "GROUP_CONCAT(COALESCE({}, -1))",
    "JSON_GROUP_ARRAY({})",
    "CAST(GROUP_CONCAT({}, '') AS BLOB)",
)
_POSTGRESQL = _Engine(
    "JOIN", "STRING_AGG(COALESCE({}, -1)::text, ',' ORDER BY a.id)", "JSON_AGG({} ORDER BY a.id)::text",
    "STRING_AGG({}, ''::bytea ORDER BY a.id)",
)  # fmt: skip


class _Window(NamedTuple):
    """The attempts of a window of `id`.

    Attributes:
        snapshot: The store.
        engine: Its engine.
        condition: The condition on the attempts.
        values: Its values.
        pa: pyarrow.
    """

    snapshot: Snapshot
    engine: _Engine
    condition: str
    values: Sequence[Any]
    pa: Any

    def joined(self, expressions: Sequence[str]) -> Sequence[Any]:
        """Return the values of expressions that join columns, in the order of `id`."""
        (row,) = self._select(expressions)
        return tuple(row)

    def listed(self, *columns: str, join: str = "", also: str = "1 = 1") -> list[Sequence[Any]]:
        """Return the values of each column, in the order of `id`."""
        # zip(*rows) takes twice as long.
        values = list(chain.from_iterable(self._select(columns, join, f"AND ({also}) ORDER BY a.id")))
        return [values[place :: len(columns)] for place in range(len(columns))]

    def _select(self, columns: Sequence[str], join: str = "", rest: str = "") -> list[Any]:
        if "c." in self.condition:
            join += f" {self.engine.join} configurations AS c ON c.id = a.configuration_id"
        sql = f"SELECT {', '.join(columns)} FROM attempts AS a {join} WHERE {self.condition} {rest}"
        return self.snapshot.connection.select(sql, self.values)


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
    pa, _ = modules("a data frame", "parquet", "pyarrow", "pyarrow.compute")
    schema = _schema(pa, has_texts=has_texts)
    engine = _SQLITE if backend.url.startswith("sqlite") else _POSTGRESQL
    with backend.reading() as snapshot:
        first, last = snapshot.span(where)

    def table(start: int) -> Any:
        with backend.reading() as snapshot:
            condition = snapshot.condition(where, start, min(start + _WINDOW - 1, last))
            columns = _columns(_Window(snapshot, engine, *condition, pa), has_texts=has_texts)
        return pa.Table.from_pydict(columns, schema=schema)

    tables = [schema.empty_table(), *map(table, range(first, last + 1, _WINDOW))]
    return pa.concat_tables(tables).unify_dictionaries()


def pandas_frame(store: Frames, which: WhichAttempts) -> Any:
    """Return the attempts of a store as a `pandas.DataFrame`."""
    modules("to_pandas", "pandas", "pandas")
    return store.to_arrow(**which).to_pandas()


def polars_frame(store: Frames, which: WhichAttempts) -> Any:
    """Return the attempts of a store as a `polars.DataFrame`."""
    (pl,) = modules("to_polars", "polars", "polars")
    return pl.from_arrow(store.to_arrow(**which))


def modules(what: str, extra: str, *names: str) -> list[Any]:
    """Return modules of the package of an extra.

    Args:
        what: The feature that needs them, for the message.
        extra: The extra that brings the package.
        names: Names of the modules. The first one is the package.

    Raises:
        MissingExtra: The package is not installed.
    """
    try:
        return [import_module(name) for name in names]
    except ImportError as error:
        raise missing_extra(what, names[0], extra) from error


def _schema(pa: Any, *, has_texts: bool) -> Any:
    kinds = types_of(pa)
    names = pa.dictionary(pa.int32(), pa.string())
    fields = [
        (name, names if kind == "text" and name in CONFIGURATION_COLUMNS else kinds[kind])
        for name in COLUMNS
        for kind, _ in [kind_of(name)]
    ]
    return pa.schema([*fields, *((name, pa.string()) for name in _TEXTS if has_texts)])


def types_of(pa: Any) -> dict[str, Any]:
    """Return the Arrow type of each kind of column. An object is JSON."""
    return {
        **dict.fromkeys(("text", "failure_kind", "form", "object"), pa.string()),
        "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
        "texts": pa.list_(pa.string()), "pairs": pa.list_(pa.list_(pa.string())),
    }  # fmt: skip


def _columns(window: _Window, *, has_texts: bool) -> dict[str, Any]:
    """Return all columns of a window, by name."""
    pa, pc = window.pa, window.pa.compute
    columns = _joined_columns(window)
    ids, identities = columns.pop("id"), columns.pop("identity")
    columns |= {
        name: pc.equal(pc.bit_wise_and(identities, 2**place), 2**place) for place, name in enumerate(_FLAGS)
    }
    columns |= _configuration_columns(window, pc.shift_right(identities, len(_FLAGS)))
    numbers = window.listed(*_named(_NUMBERS))
    columns |= {name: _array(pa, name, values) for name, values in zip(_NUMBERS, numbers, strict=True)}
    is_set = " OR ".join(f"a.{name} IS NOT NULL" for name in _SPARSE)
    rare_ids, *sparse = window.listed("a.id", *_named(_SPARSE), also=is_set)
    places = pc.index_in(ids, pa.array(rare_ids, pa.int64()))
    columns |= {
        name: _array(pa, name, values).take(places) for name, values in zip(_SPARSE, sparse, strict=True)
    }
    columns["strategy"] = pc.coalesce(columns["strategy"], columns["strategies"].cast(pa.string()))
    if has_texts:
        columns |= _text_columns(window, ids)
    return columns


def _named(names: Sequence[str]) -> list[str]:
    return [f"a.{name}" for name in names]


def _joined_columns(window: _Window) -> dict[str, Any]:
    """Return the columns that the database joins.

    `identity` is the number of the configuration, then a bit for each flag.
    """
    pa, engine = window.pa, window.engine
    flags = " + ".join(f"{2**place} * a.{name}" for place, name in enumerate(_FLAGS))
    identity = f"{2 ** len(_FLAGS)} * a.configuration_id + {flags}"
    columns = {
        engine.counts: ("a.id", identity, *_named(_COUNTS)),
        engine.words: _named(_WORDS),
        engine.bytes: _named(_PACKED),
        "MAX(LENGTH({}))": _named(_PACKED),
    }
    joined = iter(window.joined([joins.format(name) for joins, names in columns.items() for name in names]))
    arrays = {name: _counts(pa, next(joined)) for name in ("id", "identity", *_COUNTS)}
    arrays |= {name: pa.array(json.loads(next(joined) or "[]"), pa.string()) for name in _WORDS}
    packed = [(name, next(joined)) for name in _PACKED]
    for (name, stored), longest in zip(packed, joined, strict=True):
        # The usual ids and hashes have 16 bytes, so that one conversion reads all of them.
        is_usual = longest == _HEX // 2 and len(stored) == longest * len(arrays["id"])
        arrays[name] = _hex(pa, stored) if is_usual else _array(pa, name, *window.listed(f"a.{name}"))
    return arrays


def _counts(pa: Any, text: str | None) -> Any:
    counts = pa.compute.split_pattern(pa.array([text] if text else [], pa.string()), ",").flatten()
    counts = counts.cast(pa.int64())
    return (
        counts if "-" not in (text or "") else pa.compute.if_else(pa.compute.equal(counts, -1), None, counts)
    )


def _hex(pa: Any, stored: bytes) -> Any:
    offsets = array("i", range(0, 2 * len(stored) + 1, _HEX))
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(stored.hex().encode())
    )


def _array(pa: Any, name: str, values: Sequence[Any]) -> Any:
    """Return the values of a column of `attempts` as an Arrow array."""
    kind, _ = kind_of(name)
    if name in (*_PACKED, "parent_call_id"):
        values = list(map(unpacked, values))
    elif kind in ("texts", "pairs"):
        read = {text: None if text is None else json.loads(text) for text in set(values)}
        values = [read[text] for text in values]
    return pa.array(values, types_of(pa)[kind])


def _configuration_columns(window: _Window, configurations: Any) -> dict[str, Any]:
    """Return the names of the configuration of each attempt. A name that repeats is stored once."""
    pa = window.pa
    sql = f"SELECT id, {', '.join(CONFIGURATION_COLUMNS)} FROM configurations"
    rows = window.snapshot.connection.select(sql)
    known, *named = zip(*rows, strict=True) if rows else [()] * (len(CONFIGURATION_COLUMNS) + 1)
    places = pa.compute.index_in(configurations, pa.array(known, pa.int64()))
    columns = {}
    for name, values in zip(CONFIGURATION_COLUMNS, named, strict=True):
        if name == "tuned":
            columns[name] = pa.array(map(bool, values), pa.bool_()).take(places)
        else:
            names = pa.array(values, pa.string()).dictionary_encode()
            columns[name] = pa.DictionaryArray.from_arrays(names.indices.take(places), names.dictionary)
    return columns


def _text_columns(window: _Window, ids: Any) -> dict[str, Any]:
    """Return the stored texts of each attempt. A prompt with several messages is JSON."""
    pa = window.pa
    join = "JOIN payloads AS p ON p.attempt_id = a.id"
    stored_ids, *stored = window.listed("a.id", "p.prompt", "p.reply", "p.touched", join=join)
    texts = [texts_of("", 0, payload) for payload in starmap(Payload, zip(*stored, strict=True))]
    prompts = [
        one.prompt if one.prompt is None or isinstance(one.prompt, str) else json.dumps(one.prompt)
        for one in texts
    ]
    places = pa.compute.index_in(ids, pa.array(stored_ids, pa.int64()))
    columns: Mapping[str, Any] = {"prompt": prompts, "reply": [one.reply for one in texts]}
    return {name: pa.array(values, pa.string()).take(places) for name, values in columns.items()}
