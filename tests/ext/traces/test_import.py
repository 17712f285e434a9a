"""Imports as a whole: each reply is stored once, and `decide` reads the stored calls."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.configuration.recorded_settings import PARTS
from schema_guard.decide import decide
from schema_guard.decide.recorded.from_store import gather
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.ext.traces.judging import call_id
from schema_guard.ext.traces.run import TraceOptions, import_traces
from schema_guard.ext.traces.schemas import Schemas
from schema_guard.records import open_store
from schema_guard.report import report_on
from schema_guard.schema import Schema
from tests.public.commands import exports
from tests.public.commands.exports import BAD, GOOD, SCHEMA
from tests.thinned import costly

TICKET = Schema.of(SCHEMA)
ALL = TraceOptions("all")
TOOLS = {
    "langfuse": exports.langfuse_ui,
    "phoenix": exports.phoenix_frame,
    "mlflow": lambda text, number: exports.mlflow_trace(exports.mlflow_span(text, number), number=number),
}


@pytest.fixture
def store():
    with open_store("sqlite://") as result:
        yield result


def written(folder, *rows, name="export.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def bring(store, *paths, options=ALL, schemas=None, **more):
    return import_traces(paths, schemas or Schemas({"": TICKET}), options, store, **more)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("part", costly(PARTS, len(PARTS)))
def test_an_export_is_imported_and_decided_on(tmp_path, store, tool, part):
    """Six hundred replies of each tool: `decide` answers on day one, and not where they are no rate of the traffic."""
    rows = [TOOLS[tool](GOOD, number) for number in range(600)]
    result = bring(store, written(tmp_path, *rows), options=TraceOptions(part))
    verdict = decide({**gather(store).evidence, "calls_per_month": 10_000.0})

    assert (result.stored, result.valid) == (600, 600)
    expected = "PROMPTING_ENOUGH" if part in ("all", "sampled") else "NEED_MORE_DATA"
    assert (verdict.verdict, verdict.exit_code()) == (expected, int(expected == "NEED_MORE_DATA"))
    assert verdict.figures["traffic"]["bare"]["tool"] == tool


@pytest.mark.costly
@pytest.mark.parametrize(
    "tool", [tool if tool == min(TOOLS) else pytest.param(tool, marks=pytest.mark.slow) for tool in TOOLS]
)
def test_an_export_of_failures_condemns_nothing(tmp_path, store, tool):
    """Four hundred failed replies say what fails; `all` of them would be a verdict against."""
    path = written(tmp_path, *(TOOLS[tool](BAD, number) for number in range(400)))
    bring(store, path, options=TraceOptions("failures"))
    selected = decide(gather(store).evidence)
    with open_store("sqlite://") as other:
        bring(other, path)
        whole = decide(gather(other).evidence)

    assert selected.verdict == "NEED_MORE_DATA"
    assert whole.verdict in ("TRY_NEXT_FIX", "USE_CONSTRAINED_DECODING")


@pytest.mark.parametrize("tool", TOOLS)
def test_importing_twice_changes_nothing(tmp_path, store, tool):
    """The same rows, in another order and another file, are the calls that are there."""
    rows = [TOOLS[tool](random.Random(number).choice([GOOD, BAD]), number) for number in range(30)]
    bring(store, written(tmp_path, *rows))
    before = list(store.attempts()), report_on(store)
    result = bring(store, written(tmp_path, *reversed(rows), name="again.jsonl"))

    assert (result.stored, result.already_stored, result.calls) == (0, 30, 30)
    assert (list(store.attempts()), report_on(store)) == before


def test_under_another_schema_a_reply_is_another_call(tmp_path, store):
    """Whoever named the wrong schema imports again."""
    path = written(tmp_path, exports.langfuse_ui())
    bring(store, path, schemas=Schemas({"": Schema.of({"title": "wrong", "type": "array"})}))

    assert bring(store, path).stored == 1


def test_rows_without_an_id_are_known_by_what_is_in_them(tmp_path, store):
    """Two that are alike are two calls, and the same two when they come again."""
    rows = [{"reply": GOOD}, {"reply": GOOD}, {"reply": BAD}]
    first, second = bring(store, written(tmp_path, *rows)), bring(store, written(tmp_path, *rows))

    assert (first.stored, second.stored, second.already_stored) == (3, 0, 3)


def test_a_reply_that_files_hold_twice_is_one(tmp_path, store):
    """Exports overlap."""
    paths = [written(tmp_path, exports.langfuse_ui(), exports.langfuse_ui(BAD, 2), name="a.jsonl"),
             written(tmp_path, exports.langfuse_ui(), name="b.jsonl")]  # fmt: skip
    result = bring(store, *paths)

    assert (result.stored, result.repeated) == (2, 1)


def test_a_dry_run_counts_and_stores_nothing(tmp_path):
    """Not even the file of the store is made."""
    url = f"sqlite:///{tmp_path}/none.db"
    with open_store("sqlite://") as store:
        bring(store, written(tmp_path, exports.langfuse_ui()), dry_run=True)
        assert list(store.attempts()) == []
    from schema_guard.records import resolve_store

    result = bring(resolve_store(url), written(tmp_path, exports.langfuse_ui()), dry_run=True)

    assert (result.stored, result.valid, (tmp_path / "none.db").exists()) == (1, 1, False)


def test_a_file_that_is_not_there_is_told(store):
    """With the reason of the system."""
    with pytest.raises(InvalidArgument, match=r"reading none\.jsonl failed: No such file or directory"):
        bring(store, "none.jsonl")


def test_parquet_needs_pyarrow_and_says_so(tmp_path, store, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"needs pyarrow. Run pip install 'schema-guard\[parquet\]'"):
        bring(store, str(tmp_path / "x.parquet"))


def test_parquet_is_read_as_the_tools_write_it(tmp_path, store):
    """Nested columns, and times that are times."""
    pyarrow = pytest.importorskip("pyarrow")
    from datetime import UTC, datetime

    from pyarrow import parquet

    rows = [exports.phoenix_frame(number=n) for n in (1, 2)]
    for row in rows:
        row["start_time"] = datetime.fromtimestamp(row["start_time"] / 1000, UTC)
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    result = bring(store, str(tmp_path / "x.parquet"))

    assert (result.valid, result.unread) == (2, 0)
    assert next(iter(store.attempts()))["started_at"] == 1793268060.0


def test_no_text_of_a_trace_reaches_the_store(tmp_path):
    """Neither prompt nor reply nor error: sizes and hashes alone."""
    canary = "canary-7f3a"
    rows = [
        exports.langfuse_ui(json.dumps({"team": canary, "urgent": 1}), input=f"prompt {canary}"),
        exports.langfuse_ui(number=2, level="ERROR", statusMessage=f"KeyError: {canary}", output=None),
        exports.langfuse_ui(f"{canary} is no JSON", 3, metadata={"x": canary}),
    ]
    path = tmp_path / "records.db"
    with open_store(f"sqlite:///{path}") as store:
        bring(store, written(tmp_path, *rows))

    assert [file for file in tmp_path.glob("records.db*") if canary.encode() in file.read_bytes()] == []


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "role", "content", "message", "messages", "choices", "kwargs", "type", "generations", "output", "parts", "tool_calls", "observations", "spans", "trace", "data", "info", "attributes", "reply", "sample", "response", "spec", "events", "status"]), inner, max_size=4), max_leaves=12))  # fmt: skip
def test_no_row_makes_an_import_raise(value):
    """Whatever a row holds is read, left out or refused as no export at all."""
    from schema_guard.configuration.recorded_settings import Traffic
    from schema_guard.ext.traces.judging import Judging
    from schema_guard.ext.traces.outputs import reply_in
    from schema_guard.ext.traces.stored_reply import ReadReply, StoredReply
    from schema_guard.ext.traces.tools.order import tools
    from schema_guard.received.parsed_values import TypedValues
    from schema_guard.received.replies import stopped
    from schema_guard.values import Attempt

    judging = Judging(Traffic("all", "x"))
    stored = StoredReply({}, "", output=value, task=json.dumps(value), stopped=stopped(value))
    judged = judging.judged([ReadReply(stored, reply_in(stored, TypedValues(TICKET)), TICKET, "1")], "f", "1")
    assert all(isinstance(attempt, Attempt) for attempt in judged.outcome.attempts)
    row = (
        value
        if isinstance(value, dict)
        else {"reply": value, "type": value, "startTime": value, "traceId": value}
    )
    for tool in tools({}):
        if tool.fits(row):
            list(tool.read(row, "x"))


def test_a_call_id_is_a_uuid_that_sorts_by_time():
    """Version 8 and variant 10, the first 48 bits the milliseconds."""
    early, late = (call_id("langfuse", "x", "f" * 16, at) for at in (1_790_000_000.0, 1_790_000_001.5))

    assert early < late
    assert (len(early), early[12], early[16] in "89ab", int(early[:12], 16)) == (
        32,
        "8",
        True,
        1_790_000_000_000,
    )
    assert call_id("phoenix", "x", "f" * 16, 1_790_000_000.0) != early


@pytest.mark.costly
def test_an_import_that_breaks_off_goes_on_where_it_was(tmp_path):
    """What was stored stays, and the next import brings the rest: each call once."""
    path = written(tmp_path, *(exports.langfuse_ui(number=n) for n in range(1200)))
    url = f"sqlite:///{tmp_path}/records.db"

    def broken_off(word, done, total):
        if word == "judged" and done == 700:
            raise KeyboardInterrupt

    with open_store(url) as store:
        with pytest.raises(KeyboardInterrupt):
            bring(store, path, on_step=broken_off)
        stored = len(list(store.attempts()))
        result = bring(store, path)
        ids = [row["call_id"] for row in store.attempts()]

    assert (stored, result.already_stored, result.stored, len(set(ids)), len(ids)) == (
        500,
        500,
        700,
        1200,
        1200,
    )


def test_imported_calls_are_configurations_of_their_own(tmp_path, store):
    """Beside the part of the traffic nothing tells them from observed calls: one strategy, no provider, max_attempts 1."""
    for part in ("all", "failures"):
        bring(store, written(tmp_path, {"id": part, "reply": GOOD}), options=TraceOptions(part))
    results = [
        (one.strategies, one.provider, json.loads(one.settings)["traffic"]) for one in store.configurations()
    ]

    assert results == [("bare", None, "all"), ("bare", None, "failures")]
