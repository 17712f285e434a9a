"""A Parquet file that is damaged, of another program, or has other columns is refused; its types are the columns' own."""

import io
import sys
from contextlib import suppress

import pytest

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.records import Store
from schema_guard.records.sqlite.database import SQLite


@pytest.fixture
def arrow():
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    return pyarrow


@pytest.fixture
def content(arrow, make, move):
    """A file of three calls."""
    backend = SQLite(None)
    move.fill(backend, [make.outcome(make.failed, {}, id=f"{n}") for n in range(3)])
    return move.out(backend, "parquet")


def table_of(arrow, content):
    return arrow.parquet.read_table(io.BytesIO(content))


def written(arrow, table):
    stream = io.BytesIO()
    arrow.parquet.write_table(table, stream)
    return stream.getvalue()


def refusal(move, content):
    backend = SQLite(None)
    with pytest.raises(InvalidArgument) as caught:
        move.take(backend, content, source="a.parquet", skip_bad=True)
    assert Store(backend).configurations() == []
    return str(caught.value)


def test_columns_have_their_own_types(arrow, content):
    """What reads the file reads numbers, flags and lists."""
    schema = table_of(arrow, content).schema
    types = {
        name: str(schema.field(name).type) for name in ("call_id", "started_at", "number", "final", "repairs")
    }

    assert types == {
        "call_id": "string",
        "started_at": "double",
        "number": "int64",
        "final": "bool",
        "repairs": "list<element: string>",
    }
    assert table_of(arrow, content).column("violations").to_pylist()[0] == [["/total", "type"]]


@pytest.mark.costly
def test_a_damaged_file_is_refused(content, move):
    """Wherever it was cut off nothing comes in, and wherever it was changed nothing that was not there."""
    whole = SQLite(None)
    move.take(whole, content)
    for end in range(20, len(content), len(content) // 20):
        assert "a.parquet is damaged: export it again" in refusal(move, content[:end])
    for place in range(4, len(content), len(content) // 60):
        changed = SQLite(None)
        flipped = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        with suppress(InvalidArgument):
            move.take(changed, flipped, source="a.parquet")
        assert list(Store(changed).attempts()) in ([], list(Store(whole).attempts()))


def test_a_file_of_another_program_is_refused(arrow, move):
    """It has no header."""
    table = arrow.table({"call_id": ["a"]})

    assert "got a Parquet file of another program" in refusal(move, written(arrow, table))


def test_other_columns_are_refused(arrow, content, move):
    """A column that is not known, or of another type, is told before any row is read."""
    table = table_of(arrow, content)
    unknown = table.append_column("more", arrow.array([1] * len(table)))
    place = table.schema.get_field_index("number")
    texts = table.set_column(place, "number", table.column("number").cast(arrow.string()))

    assert "column 'more': expected no such column, got int64" in refusal(move, written(arrow, unknown))
    assert "column 'number': expected int64, got string" in refusal(move, written(arrow, texts))


def test_wrong_values_are_told_by_their_row(arrow, content, move):
    """A value that no attempt can have is told as in the other forms."""
    table = table_of(arrow, content)
    place = table.schema.get_field_index("cost")
    costs = arrow.array([float("nan")] * len(table), arrow.float64())

    with pytest.raises(
        InvalidArgument, match="row 1: at /cost: expected a number that is finite, got number nan"
    ):
        move.take(SQLite(None), written(arrow, table.set_column(place, "cost", costs)))


def test_without_pyarrow_the_command_is_named(make, move, monkeypatch):
    """Writing and reading say how to install it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    backend = SQLite(None)

    for action in (lambda: move.out(backend, "parquet"), lambda: move.take(backend, b"PAR1....PAR1")):
        with pytest.raises(
            MissingExtra, match=r"Parquet needs pyarrow: pip install 'schema-guard\[parquet\]'"
        ):
            action()
