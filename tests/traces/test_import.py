"""Imports as a whole: what is stored, once; which replies are one call; what is told of the rest."""

import csv
import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.core.schema import Schema
from schema_guard.decide import decide
from schema_guard.decide.recorded.gather import gather
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.records import open_store
from schema_guard.report import report_on
from schema_guard.traces.judging import call_id
from schema_guard.traces.run import TraceOptions, import_traces
from schema_guard.traces.schemas import Schemas
from schema_guard.traffic import PARTS
from tests.public.commands import exports
from tests.public.commands.exports import BAD, GOOD, PROMPT, SCHEMA
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
    with open_store("sqlite://") as found:
        yield found


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
    assert whole.verdict in ("CLIMB_LADDER", "USE_CONSTRAINED_DECODING")


@pytest.mark.parametrize("tool", TOOLS)
def test_importing_twice_changes_nothing(tmp_path, store, tool):
    """The same rows, in another order and another file, are the calls that are there."""
    rows = [TOOLS[tool](random.Random(number).choice([GOOD, BAD]), number) for number in range(30)]
    bring(store, written(tmp_path, *rows))
    before = list(store.attempts()), report_on(store)
    result = bring(store, written(tmp_path, *reversed(rows), name="again.jsonl"))

    assert (result.stored, result.known, result.calls) == (0, 30, 30)
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

    assert (first.stored, second.stored, second.known) == (3, 0, 3)


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


# Which replies are one call.


def again(text, number, second, task, **more):
    """A reply of the same step, so many seconds later."""
    start = f"2026-11-02T10:00:{second:02d}.000Z"
    end = f"2026-11-02T10:00:{second + 1:02d}.000Z"
    same = {"traceId": "t", "parentObservationId": "s", "startTime": start, "endTime": end, "input": task}
    return exports.langfuse_ui(text, number, **{**same, **more})


REASK = [*PROMPT, {"role": "assistant", "content": BAD}, {"role": "user", "content": "Not valid. Again."}]


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, PROMPT), True),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, REASK), True),
        (again(BAD, 1, 0, "p"), again(GOOD, 2, 5, "p\n\nAgain."), True),
        (again(GOOD, 1, 0, PROMPT), again(GOOD, 2, 5, PROMPT), False),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, [PROMPT[0], {"role": "user", "content": "Other"}]), False),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 0, PROMPT), False),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, PROMPT, name="other"), False),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, PROMPT, parentObservationId="u"), False),
        (again(BAD, 1, 0, PROMPT), again(GOOD, 2, 5, PROMPT, traceId="u"), False),
        (again(BAD, 1, 0, None), again(GOOD, 2, 5, None), False),
        (again(None, 1, 0, PROMPT, level="ERROR", output=None), again(GOOD, 2, 5, PROMPT), True),
    ],
)  # fmt: skip
def test_what_is_asked_again_in_one_step_is_one_call(tmp_path, store, first, second, joined):
    """The same prompt, or that and more, after a reply that was not valid; every other one is a call of its own."""
    result = bring(store, written(tmp_path, second, first))

    assert (result.calls, result.attempts) == ((1, 2) if joined else (2, 2))
    if joined:
        rows = list(store.attempts())
        assert [(row["number"], row["final"], row["form"]) for row in rows] == [(1, 0, None), (2, 1, "exact")]
        assert report_on(store).configurations[0].reasked.count == 1


def test_plain_rows_say_themselves_what_one_call_is(tmp_path, store):
    """By a column that its attempts share, whatever was sent."""
    rows = [
        {"id": n, "call": n // 2, "reply": GOOD if n % 2 else BAD, "started_at": 1_790_000_000 + n}
        for n in range(6)
    ]
    result = bring(store, written(tmp_path, *rows))

    assert (result.calls, result.attempts, result.valid) == (3, 6, 3)


def test_calls_are_stored_in_the_order_of_time(tmp_path, store):
    """Tools export the newest first; what rises and falls is read in order."""
    bring(store, written(tmp_path, *(exports.langfuse_ui(number=n) for n in range(20, 0, -1))))
    starts = [row["started_at"] for row in store.attempts()]

    assert starts == sorted(starts)


# Schemas.


@pytest.mark.parametrize(
    "said",
    [
        SCHEMA,
        json.dumps(SCHEMA),
        {"type": "json_schema", "json_schema": {"name": "ticket", "schema": SCHEMA}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "ticket", "schema": SCHEMA}}},
        "named",
    ],
)
def test_a_row_says_its_schema(tmp_path, store, said):
    """As a document, as what a provider was sent, or by one of the names that were given."""
    schemas = Schemas({"named": TICKET}, "meta.schema")
    result = bring(store, written(tmp_path, {"reply": BAD, "meta": {"schema": said}}), schemas=schemas)

    assert result.failures == {("value", "enum"): 1}


@pytest.mark.parametrize("said", ["none.json", "os:environ", "other", {"type": "no type"}, 3, None])
def test_a_row_of_an_unknown_schema_is_left_out_and_counted(tmp_path, store, said):
    """Nothing that a row names is opened or imported."""
    row = {"reply": GOOD} if said is None else {"reply": GOOD, "s": said}
    result = bring(store, written(tmp_path, row), schemas=Schemas({"named": TICKET}, "s"))

    assert result.calls == 0
    assert {cause: found.rows for cause, found in result.left_out.items()} == {"schema unknown": 1}


# What else is read, and what is not.


def test_nothing_that_was_read_is_in_no_count(tmp_path, store):
    """Spans that are no call of a model, other names, lines that are broken: each is told with its place."""
    path = written(
        tmp_path, exports.langfuse_ui(), exports.langfuse_ui(type="SPAN"), exports.langfuse_ui(name="x")
    )
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write('[1]\n{"id": \n\n{"a": 1}\n')
    result = bring(store, path, options=TraceOptions("all", only=("openai-chat",)))

    assert result.left_out == {
        "no call of a model": (1, (f"{path}:2",)),
        "another name than --only": (1, (f"{path}:3",)),
        "not of this tool": (1, (f"{path}:7",)),
    }
    assert [tuple(part) for part in result.unreadable] == [
        (f"{path}:4", "expected a JSON object, got a list"),
        (f"{path}:5", "no JSON: Expecting value at line 2, column 1"),
    ]
    assert (result.rows, result.replies, result.calls, result.unread) == (4, 1, 1, 2)


@pytest.mark.parametrize("kind", ["lines", "array", "one object", "page", "trace", "csv", "gzip"])
def test_files_are_read_in_all_the_forms_that_tools_write(tmp_path, store, kind):
    """Lines, arrays, indented or not, pages of an API, downloaded traces, CSV with JSON in cells, gzip."""
    rows = [exports.langfuse_ui(number=n) for n in (1, 2)]
    trace = {"trace": {"id": "t", "name": "triage"}, "observations": rows, "scores": []}
    path = tmp_path / ("x.csv" if kind == "csv" else "x.json.gz" if kind == "gzip" else "x.json")
    if kind == "csv":
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(rows[0])
            for row in rows:
                writer.writerow([json.dumps(v) if isinstance(v, dict | list) else v for v in row.values()])
    elif kind == "gzip":
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    else:
        document = {
            "lines": "\n" + "\n".join(map(json.dumps, rows)),
            "array": json.dumps(rows, indent=1),
            "one object": json.dumps(rows[0], indent=1),
            "page": json.dumps({"data": rows, "meta": {"cursor": None}}),
            "trace": json.dumps(trace, indent=1),
        }[kind]
        path.write_text("\ufeff" + document)
    result = bring(store, str(path))

    assert (result.valid, result.unread) == (1 if kind == "one object" else 2, 0)
    assert {row["function"] for row in store.attempts()} == {"triage"}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.jsonl", b'{"reply": "\xff"}\n{"reply": "x"}\n', "not UTF-8: invalid start byte at byte 11"),
        ("x.json", b'[{"reply": "x"}, 3]', "expected an object, got a number"),
        ("x.json", b"[1, ", "no JSON: Expecting value at column 5"),
        ("x.json", b'"x"', "expected a JSON object, got a text"),
        ("x.csv", b"reply,a\nx\n", "expected 2 cells, as the header has, got 1"),
        ("x.csv", b'reply,a\n"x"y,1\n', "no CSV: ',' expected after '\"'"),
        ("x.jsonl", b'{"reply": ' + b"[" * 100_000 + b"\n", "no JSON: "),
    ],
)
def test_what_cannot_be_read_is_told_with_its_fault(tmp_path, store, name, content, told):
    """And the rest of the file is read on."""
    path = tmp_path / name
    path.write_bytes(content)
    result = bring(store, str(path))

    assert result.unread == 1
    assert result.unreadable[0].why.startswith(told)
    assert result.unreadable[0].place.startswith(str(path))


def test_an_empty_file_is_an_import_of_nothing(tmp_path, store):
    """It has no rows, and is no error."""
    (tmp_path / "x.jsonl").write_text("")

    assert bring(store, str(tmp_path / "x.jsonl")).rows == 0


def test_a_file_that_is_not_there_is_told(store):
    """With the reason of the system."""
    with pytest.raises(InvalidArgument, match=r"none\.jsonl: No such file or directory"):
        bring(store, "none.jsonl")


def test_parquet_needs_pyarrow_and_says_so(tmp_path, store, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"needs pyarrow: pip install 'schema-guard\[parquet\]'"):
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
    from schema_guard.calls.received.owned import Own
    from schema_guard.core.values import Attempt
    from schema_guard.traces.judging import Judging
    from schema_guard.traces.outputs import reply_in
    from schema_guard.traces.stored import Held, StoredReply
    from schema_guard.traces.tools.order import tools
    from schema_guard.traffic import Traffic

    judging = Judging(Traffic("all", "x"))
    stored = StoredReply({}, "", output=value, task=value, finish_reason=value)
    judged = judging.judged([Held(stored, reply_in(stored, Own(TICKET)), TICKET, "1")], "f", "1")
    assert all(isinstance(attempt, Attempt) for attempt in judged.outcome.attempts)
    row = (
        value
        if isinstance(value, dict)
        else {"reply": value, "type": value, "startTime": value, "traceId": value}
    )
    for tool in tools().values():
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

    assert (stored, result.known, result.stored, len(set(ids)), len(ids)) == (500, 500, 700, 1200, 1200)


def test_imported_calls_are_configurations_of_their_own(tmp_path, store):
    """Beside the part of the traffic nothing tells them from observed calls: one strategy, no target, max_attempts 1."""
    for part in ("all", "failures"):
        bring(store, written(tmp_path, {"id": part, "reply": GOOD}), options=TraceOptions(part))
    found = [
        (one.strategies, one.target, json.loads(one.settings)["traffic"]) for one in store.configurations()
    ]

    assert found == [("bare", None, "all"), ("bare", None, "failures")]
