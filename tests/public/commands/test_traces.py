"""The command `import traces`: what is read of each tool's export, which replies are one call, and what is left out."""

import csv
import gzip
import json
from types import SimpleNamespace

import pytest

from schema_guard import open_store
from tests.public.commands import exports
from tests.public.commands.command_lines import command
from tests.public.commands.exports import BAD, GOOD, PROMPT, SCHEMA
from tests.public.golden import expected, steady


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


def bring(*paths, schema="ticket.json", options=()):
    """Import files into a store, and return the counts of the import and the attempts that are stored."""
    line = (
        "import",
        "traces",
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
def test_what_is_asked_again_in_one_step_is_one_call(tmp_path, first, second, joined):
    """The same prompt, or that and more, after a reply that was not valid; every other one is a call of its own."""
    result = bring(written(tmp_path, second, first))

    assert (result.calls, result.attempts) == ((1, 2) if joined else (2, 2))
    if joined:
        assert [(row["number"], row["final"], row["form"]) for row in result.rows] == [
            (1, 0, None),
            (2, 1, "exact"),
        ]


@pytest.mark.parametrize(("milliseconds", "calls"), [(1_004, 1), (1_000, 1), (996, 1), (990, 2), (0, 2)])
def test_a_retry_begins_when_the_attempt_before_it_has_ended(tmp_path, milliseconds, calls):
    """Clocks may differ by five milliseconds; a reply that was asked for earlier is another call."""
    start = f"2026-11-02T10:00:{milliseconds // 1_000:02d}.{milliseconds % 1_000:03d}Z"
    second = again(GOOD, 2, 5, PROMPT, startTime=start)
    result = bring(written(tmp_path, again(BAD, 1, 0, PROMPT), second))

    assert result.calls == calls


def test_plain_rows_say_themselves_what_one_call_is(tmp_path):
    """By a column that its attempts share, whatever was sent."""
    rows = [
        {"id": n, "call": n // 2, "reply": GOOD if n % 2 else BAD, "started_at": 1_790_000_000 + n}
        for n in range(6)
    ]
    result = bring(written(tmp_path, *rows))

    assert (result.calls, result.attempts, result.valid) == (3, 6, 3)


def test_calls_are_stored_in_the_order_of_time(tmp_path):
    """Tools export the newest first; what rises and falls is read in order."""
    result = bring(written(tmp_path, *(exports.langfuse_ui(number=n) for n in range(20, 0, -1))))
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
def test_a_row_says_its_schema(tmp_path, said):
    """As a document, as what a provider was sent, or by one of the names that were given."""
    row = {"reply": BAD, "meta": {"schema": said}}
    result = bring(
        written(tmp_path, row), schema="named=ticket.json", options=("--schema-column", "meta.schema")
    )

    assert result.failures == [{"kind": "value", "code": "enum", "calls": 1}]


@pytest.mark.parametrize("said", ["none.json", "os:environ", "other", {"type": "no type"}, 3, None])
def test_a_row_of_an_unknown_schema_is_left_out_and_counted(tmp_path, said):
    """Nothing that a row names is opened or imported."""
    row = {"reply": GOOD} if said is None else {"reply": GOOD, "s": said}
    result = bring(written(tmp_path, row), schema="named=ticket.json", options=("--schema-column", "s"))

    assert (result.calls, result.rows) == (0, [])
    assert result.left_out == [{"cause": "schema unknown", "rows": 1, "places": ["export.jsonl:1"]}]


def test_nothing_that_was_read_is_in_no_count(tmp_path):
    """Spans that are no call of a model, other names, lines that are broken: each is told with its place."""
    path = written(
        tmp_path, exports.langfuse_ui(), exports.langfuse_ui(type="SPAN"), exports.langfuse_ui(name="x")
    )
    with (tmp_path / path).open("a", encoding="utf-8") as stream:
        stream.write('[1]\n{"id": \n\n{"a": 1}\n')
    result = bring(path, options=("--only", "openai-chat"))

    assert [(one["cause"], one["rows"], one["places"]) for one in result.left_out] == [
        ("no call of a model", 1, [f"{path}:2"]),
        ("another name than --only", 1, [f"{path}:3"]),
        ("not of this tool", 1, [f"{path}:7"]),
    ]
    assert [(one["place"], one["why"]) for one in result.unreadable] == [
        (f"{path}:4", "expected a JSON object, got a list"),
        (f"{path}:5", "no JSON: Expecting value at line 2, column 1"),
    ]
    assert (result.read, result.replies, result.calls, result.unread, result.status) == (4, 1, 1, 2, 1)


@pytest.mark.parametrize("kind", ["lines", "array", "one object", "page", "trace", "csv", "gzip"])
def test_files_are_read_in_all_the_forms_that_tools_write(tmp_path, kind):
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
    result = bring(str(path))

    assert (result.valid, result.unread) == (1 if kind == "one object" else 2, 0)
    assert {row["function"] for row in result.rows} == {"triage"}


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
def test_what_cannot_be_read_is_told_with_its_fault(tmp_path, name, content, told):
    """And the rest of the file is read on."""
    path = tmp_path / name
    path.write_bytes(content)
    result = bring(str(path))

    assert (result.unread, result.status) == (1, 1)
    assert result.unreadable[0]["why"].startswith(told)
    assert result.unreadable[0]["place"].startswith(str(path))


def test_an_empty_file_is_an_import_of_nothing(tmp_path):
    """It has no rows, and is no error."""
    (tmp_path / "x.jsonl").write_text("")

    assert bring(str(tmp_path / "x.jsonl")).read == 0


def exported():
    """Yield an export of each tool, with a valid reply, a wrong one, and one that failed."""
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
def test_attempts_of_an_export_are_those_that_they_were(folder, name, rows):
    """Every column of every attempt is the one that was found right."""
    found = bring(written(folder, *rows))
    counts = {key: value for key, value in vars(found).items() if key != "rows"}
    known = [{key: value for key, value in row.items() if value is not None} for row in found.rows]
    text = steady(json.dumps([counts, *known], indent=1, sort_keys=True, default=str) + "\n", folder)

    assert text == expected(f"traces/{name}.json", text)
