"""The command `import traces`: the formats that it reads, how replies form calls, and which rows it skips."""

import csv
import gzip
import json
from types import SimpleNamespace

import pytest

from schema_guard import open_store
from tests.public.commands import exports
from tests.public.commands.command_lines import command
from tests.public.commands.exports import BAD, GOOD, PROMPT, SCHEMA
from tests.public.golden import expected, normalized


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with the schema of the replies."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ticket.json").write_text(json.dumps(SCHEMA))
    return tmp_path


def written(folder, *rows, name="export.jsonl"):
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def _counts(found):
    return {key: value for key, value in found.items() if key not in ("rows", "dry_run")} | {
        "read": found["rows"]
    }


def import_traces(*paths, schema="ticket.json", options=()):
    """Import files into a store. Return the counts of the import and the stored attempts."""
    line = (
        "store",
        "import",
        "--from",
        "auto",
        *paths,
        "--schema",
        schema,
        "--traffic",
        "all",
        "--store",
        "sqlite:///r.db",
        "--format",
        "json",
    )
    status, out, err = command(*line, *options)
    assert status in (0, 1), err
    with open_store("sqlite:///r.db") as store:
        rows = list(store.attempts())
    return SimpleNamespace(status=status, rows=rows, **_counts(json.loads(out)))


def second_reply(text, number, second, task, **more):
    """Return a reply of the same step, some seconds later."""
    start = f"2026-11-02T10:00:{second:02d}.000Z"
    end = f"2026-11-02T10:00:{second + 1:02d}.000Z"
    same = {"traceId": "t", "parentObservationId": "s", "startTime": start, "endTime": end, "input": task}
    return exports.langfuse_ui(text, number, **{**same, **more})


RETRY = [*PROMPT, {"role": "assistant", "content": BAD}, {"role": "user", "content": "Not valid. Again."}]


@pytest.mark.parametrize(
    ("first", "second", "joined"),
    [
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, PROMPT), True),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, RETRY), True),
        (second_reply(BAD, 1, 0, "p"), second_reply(GOOD, 2, 5, "p\n\nAgain."), True),
        (second_reply(GOOD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, PROMPT), False),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, [PROMPT[0], {"role": "user", "content": "Other"}]), False),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 0, PROMPT), False),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, PROMPT, name="other"), False),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, PROMPT, parentObservationId="u"), False),
        (second_reply(BAD, 1, 0, PROMPT), second_reply(GOOD, 2, 5, PROMPT, traceId="u"), False),
        (second_reply(BAD, 1, 0, None), second_reply(GOOD, 2, 5, None), False),
        (second_reply(None, 1, 0, PROMPT, level="ERROR", output=None), second_reply(GOOD, 2, 5, PROMPT), True),
    ],
)  # fmt: skip
def test_retry_in_the_same_step_joins_the_call(tmp_path, first, second, joined):
    """A reply belongs to the call before it if that one failed and its prompt is the same or longer."""
    result = import_traces(written(tmp_path, second, first))

    assert (result.calls, result.attempts) == ((1, 2) if joined else (2, 2))
    if joined:
        assert [(row["number"], row["final"], row["form"]) for row in result.rows] == [
            (1, 0, None),
            (2, 1, "clean"),
        ]
        report = json.loads(command("report", "--store", "sqlite:///r.db", "--format", "json")[1])
        assert report["groups"][0]["fixed_by_retry"]["count"] == 1


STEP = {"parent_id": "step", "start_time": "2026-11-02T10:00:00Z", "end_time": "2026-11-02T10:00:01Z"}
LATER = {**STEP, "start_time": "2026-11-02T10:00:05Z", "end_time": "2026-11-02T10:00:06Z"}
SAME = {
    "frame": (exports.phoenix_frame, {"context.trace_id": "t"}, {"context.trace_id": "u"}),
    "api": (
        exports.phoenix_api,
        {"context": {"trace_id": "t", "span_id": "a"}},
        {"context": {"trace_id": "u", "span_id": "b"}},
    ),
}


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize(
    ("texts", "change", "calls"),
    [
        ((BAD, GOOD), {}, 1),
        ((GOOD, GOOD), {}, 2),
        ((BAD, GOOD), {"parent_id": "other"}, 2),
        ((BAD, GOOD), {"name": "other"}, 2),
        ((BAD, GOOD), None, 2),
    ],
    ids=["retry", "first is valid", "other step", "other name", "other trace"],
)
def test_retry_of_phoenix_joins_the_call_in_its_trace(tmp_path, name, texts, change, calls):
    """Spans of one trace, step, and name are attempts of one call if the first one failed."""
    span, trace, other = SAME[name]
    first = span(texts[0], 1, **STEP, **trace)
    place = other if change is None else trace
    if name == "api":
        place = {"context": {**place["context"], "span_id": "b"}}
    asked = (
        {"attributes.llm.input_messages": first["attributes.llm.input_messages"]} if name == "frame" else {}
    )
    second = span(texts[1], 2, **{**LATER, **place, **asked, **(change or {})})
    result = import_traces(written(tmp_path, first, second))

    assert (result.calls, result.attempts) == (calls, 2)


@pytest.mark.parametrize("span", [exports.phoenix_frame, exports.phoenix_api])
@pytest.mark.parametrize(
    "own", [{"own": {"kind": "eu", "version": "v9"}}, {"own.kind": "eu", "own.version": "v9"}, None], ids=str
)
def test_places_of_phoenix_include_attributes(tmp_path, span, own):
    """`--segment-column` and `--version-column` name places in the attributes of a span, flat or nested."""
    row = span(GOOD, 1)
    if own is None:
        row |= {"attributes.own.kind": "eu", "attributes.own.version": "v9"}
    else:
        row["attributes"] = {**row.get("attributes", {}), **own}
    options = ("--field", "segment=attributes.own.kind", "--field", "version=attributes.own.version")
    (result,) = import_traces(written(tmp_path, row), options=options).rows

    assert (result["segment"], result["version"]) == ("eu", "v9")


@pytest.mark.parametrize(("milliseconds", "calls"), [(1_004, 1), (1_000, 1), (996, 1), (990, 2), (0, 2)])
def test_retry_starts_after_the_attempt_before_it(tmp_path, milliseconds, calls):
    """A reply that starts more than five milliseconds before the end of the other one is a separate call."""
    start = f"2026-11-02T10:00:{milliseconds // 1_000:02d}.{milliseconds % 1_000:03d}Z"
    second = second_reply(GOOD, 2, 5, PROMPT, startTime=start)
    result = import_traces(written(tmp_path, second_reply(BAD, 1, 0, PROMPT), second))

    assert result.calls == calls


def test_call_column_joins_plain_rows(tmp_path):
    """Plain rows with the same value in the column `call` are attempts of one call."""
    rows = [
        {"id": n, "call": n // 2, "reply": GOOD if n % 2 else BAD, "started_at": 1_790_000_000 + n}
        for n in range(6)
    ]
    result = import_traces(written(tmp_path, *rows))

    assert (result.calls, result.attempts, result.valid) == (3, 6, 3)


def test_calls_are_stored_in_order_of_time(tmp_path):
    """Calls are stored in the order of their starts, although tools export the newest first."""
    result = import_traces(written(tmp_path, *(exports.langfuse_ui(number=n) for n in range(20, 0, -1))))
    starts = [row["started_at"] for row in result.rows]

    assert starts == sorted(starts)


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
def test_schema_column_selects_the_schema(tmp_path, said):
    """The column holds the schema, a provider's `response_format`, or the name of a schema option."""
    row = {"reply": BAD, "meta": {"schema": said}}
    result = import_traces(
        written(tmp_path, row), schema="named=ticket.json", options=("--field", "schema=meta.schema")
    )

    assert result.failures == [{"kind": "value", "code": "enum", "calls": 1}]


@pytest.mark.parametrize("said", ["none.json", "os:environ", "other", {"type": "no type"}, 3, None])
def test_row_with_an_unknown_schema_is_left_out_and_counted(tmp_path, said):
    """No file or module that a row names is opened or imported."""
    row = {"reply": GOOD} if said is None else {"reply": GOOD, "s": said}
    result = import_traces(
        written(tmp_path, row), schema="named=ticket.json", options=("--field", "schema=s")
    )

    assert (result.calls, result.rows) == (0, [])
    assert result.left_out == [{"cause": "unknown schema", "rows": 1, "places": ["export.jsonl:1"]}]


def test_every_skipped_row_is_counted(tmp_path):
    """Spans without a model call, other names, and broken lines are listed with their places."""
    path = written(
        tmp_path, exports.langfuse_ui(), exports.langfuse_ui(type="SPAN"), exports.langfuse_ui(name="x")
    )
    with (tmp_path / path).open("a", encoding="utf-8") as stream:
        stream.write('[1]\n{"id": \n\n{"a": 1}\n')
    result = import_traces(path, options=("--only", "openai-chat"))

    assert [(one["cause"], one["rows"], one["places"]) for one in result.left_out] == [
        ("not a model call", 1, [f"{path}:2"]),
        ("a name that --only does not select", 1, [f"{path}:3"]),
        ("from another tool", 1, [f"{path}:7"]),
    ]
    assert [(one["place"], one["why"]) for one in result.unreadable] == [
        (f"{path}:4", "expected a JSON object, got a list"),
        (f"{path}:5", "expected JSON: Expecting value at line 2, column 1"),
    ]
    assert (result.read, result.replies, result.calls, result.unread, result.status) == (4, 1, 1, 2, 1)


@pytest.mark.parametrize("kind", ["lines", "array", "one object", "page", "trace", "csv", "gzip"])
def test_reads_every_file_format_of_the_tools(tmp_path, kind):
    """Lines, arrays, API pages, downloaded traces, CSV with JSON in cells, and gzip are read."""
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
    result = import_traces(str(path))

    assert (result.valid, result.unread) == (1 if kind == "one object" else 2, 0)
    assert {row["function"] for row in result.rows} == {"triage"}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("x.jsonl", b'{"reply": "\xff"}\n{"reply": "x"}\n', "expected UTF-8: invalid start byte at byte 11"),
        ("x.json", b'[{"reply": "x"}, 3]', "expected an object, got a number"),
        ("x.json", b"[1, ", "expected JSON: Expecting value at column 5"),
        ("x.json", b'"x"', "expected a JSON object, got a string"),
        ("x.csv", b"reply,a\nx\n", "expected 2 cells, as the header has, got 1"),
        ("x.csv", b'reply,a\n"x"y,1\n', "no CSV: ',' expected after '\"'"),
        ("x.jsonl", b'{"reply": ' + b"[" * 100_000 + b"\n", "expected JSON: "),
    ],
)
def test_unreadable_rows_are_listed_with_their_fault(tmp_path, name, content, fault):
    """An unreadable row has its place and its fault in the output."""
    path = tmp_path / name
    path.write_bytes(content)
    result = import_traces(str(path))

    assert (result.unread, result.status) == (1, 1)
    assert result.unreadable[0]["why"].startswith(fault)
    assert result.unreadable[0]["place"].startswith(str(path))


def test_empty_file_imports_nothing(tmp_path):
    """An empty file is a valid import of no rows."""
    (tmp_path / "x.jsonl").write_text("")

    assert import_traces(str(tmp_path / "x.jsonl")).read == 0


def exported():
    """Yield an export of each tool."""
    for name in (
        "langfuse_ui", "langfuse_blob", "phoenix_frame", "phoenix_api", "openai_completion", "openai_item", "openai_batch",
        "mlflow_2",
    ):  # fmt: skip
        of = getattr(exports, name)
        yield name, [of(GOOD, 1), of(BAD, 2)]
    spans = [exports.mlflow_span(GOOD, 1), exports.mlflow_root(1)]
    yield "mlflow_trace", [exports.mlflow_trace(*spans), exports.mlflow_frame(*spans, number=2)]
    plain = {
        "id": 3, "prompt": "p", "reply": GOOD, "model": "m-2026-01-02", "function": "app.f", "version": "v", "segment": "eu",
        "started_at": 1_790_000_000.5, "elapsed_s": 1.5, "input_tokens": 10, "output_tokens": 3, "cached_input_tokens": 4,
        "reasoning_tokens": 2, "finish_reason": "stop", "cost": 0.01, "cluster": "c",
    }  # fmt: skip
    yield (
        "plain",
        [
            plain,
            {**plain, "id": 4, "reply": None, "error": "x"},
            {**plain, "id": 5, "finish_reason": "length"},
        ],
    )


@pytest.mark.parametrize(
    ("name", "rows"), list(exported()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imported_attempts_match_the_recording(folder, name, rows):
    """Every column of every attempt equals the recorded one."""
    imported = import_traces(written(folder, *rows))
    counts = {key: value for key, value in vars(imported).items() if key != "rows"}
    known = [{key: value for key, value in row.items() if value is not None} for row in imported.rows]
    text = normalized(json.dumps([counts, *known], indent=1, sort_keys=True, default=str) + "\n", folder)

    assert text == expected(f"traces/{name}.json", text)
