"""`to_arrow`, `to_pandas`, and `to_polars` have the attempts of a store as a table."""

import sys

import pytest

from schema_guard import Coercion, MissingExtra, Usage, guard, open_store
from tests.needs import needs
from tests.public.records.outcomes import FAILED, LOST, outcome

pytest.importorskip("pyarrow")
pytestmark = needs("transfer")
FULL = {
    **FAILED, "reply": "nül", "usage": Usage(1, 2, 3, 4), "cost": 0.25, "repairs": ("fence",),
    "coercions": (Coercion("/n", "string", "integer"),), "model": "m", "snapshot": "m-2026-01-01", "unseen": True,
    "gateway_repaired": True, "stopped_at": 7, "strategy": "few_shot", "finish_reason": "length",
}  # fmt: skip
LISTS = ("repairs", "coercions", "violations")


def fill(store):
    """Record calls with every column, without most of them, of two configurations, and with ids of other lengths."""
    full = {"segment": "s", "cluster": "c", "tuned": True, "provider": "openai", "parent_call_id": "9" * 32}
    store.record(outcome(FULL, {}, id="a" * 32, strategies="bare>few_shot", **full), "the task")
    store.record(outcome(id="b" * 32, started_at=2_000.0), "another task")
    store.record(outcome(LOST, FAILED, {}, id="c", started_at=3_000.0, function="app.other"))
    store.flush(10.0)


def expected(store, **which):
    """Return the attempts. An empty list is null in a table."""
    return [
        row | {name: row[name] or None for name in LISTS} | {"final": bool(row["final"])}
        for row in store.attempts(**which)
    ]


@pytest.mark.parametrize("which", [{}, {"function": "app.other"}, {"since": 2_000.0, "until": 3_000.0}])
def test_a_table_has_the_attempts(store, which):
    """Each column has the value of `attempts`."""
    fill(store)

    table = store.to_arrow(**which)

    assert table.to_pylist() == expected(store, **which) != []
    assert [str(table.schema.field(name).type) for name in ("started_at", "input_tokens", "final")] == [
        "double",
        "int64",
        "bool",
    ]


def test_an_empty_store_has_the_columns():
    """Programs that read columns work before the first call."""
    with open_store("sqlite://") as store:
        empty = store.to_arrow()
        fill(store)

        assert empty.num_rows == 0
        assert empty.schema == store.to_arrow().schema


def test_data_frames_have_the_attempts():
    """Names that repeat are categories."""
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    with open_store("sqlite://") as store:
        fill(store)
        pandas, polars = store.to_pandas(), store.to_polars(function="app.other")
        rows = expected(store)

    assert list(pandas.columns) == polars.columns == list(rows[0])
    assert list(pandas.kind.isna()) == [row["kind"] is None for row in rows]
    assert list(pandas.groupby("function", observed=True).cost.count()) == [1, 0]
    assert str(pandas.function.dtype) == "category"
    assert polars.to_dicts() == [row for row in rows if row["function"] == "app.other"]


def test_texts_are_there_if_they_are_asked_for_and_stored():
    """A hash is no text."""
    replies = iter(["x", "{}"])
    with open_store("sqlite://", payload="full") as store:
        guard({"type": "object"}, store=store, name="f", max_attempts=2)(lambda prompt: next(replies))("Hi")
        fill(store)
        table = store.to_arrow(texts=True).to_pylist()
        assert {"prompt", "reply"}.isdisjoint(store.to_arrow().column_names)

    assert [row["reply"] for row in table][:2] == ["x", "{}"]
    assert table[0]["prompt"].endswith("Hi")
    with open_store("sqlite://") as store:
        fill(store)
        assert {(row["prompt"], row["reply"]) for row in store.to_arrow(texts=True).to_pylist()} == {
            (None, None)
        }


@pytest.mark.parametrize(
    ("method", "package", "message"),
    [
        ("to_arrow", "pyarrow", "a data frame needs pyarrow. Run pip install 'schema-guard[parquet]'"),
        ("to_pandas", "pandas", "to_pandas needs pandas. Run pip install 'schema-guard[pandas]'"),
        ("to_polars", "polars", "to_polars needs polars. Run pip install 'schema-guard[polars]'"),
    ],
)  # fmt: skip
def test_a_missing_package_is_named(monkeypatch, method, package, message):
    """The error has the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)
    with open_store("sqlite://") as store, pytest.raises(MissingExtra) as caught:
        getattr(store, method)()

    assert str(caught.value) == message
