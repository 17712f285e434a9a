"""What is read of the exports of each tool."""

import json
import math

import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.ext.traces.run import TraceOptions, import_traces
from schema_guard.ext.traces.schemas import Schemas
from schema_guard.ext.traces.tools.order import TOOLS
from schema_guard.ext.traces.values import MISSING, at, seconds
from schema_guard.records import open_store
from schema_guard.schema import Schema
from schema_guard.values import Usage
from tests.public.commands import exports
from tests.public.commands.exports import BAD, GOOD, SCHEMA

TICKET = Schema.of(SCHEMA)
CACHED, REASONED = Usage(412, 87, 12, None), Usage(412, 87, 12, 7)


def written(folder, *rows, name="export.jsonl"):
    """Write rows as JSON Lines."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def imported(path, schema=TICKET, **options):
    """Import a file; gives the result and the stored attempts."""
    with open_store("sqlite://") as store:
        result = import_traces(
            [path], Schemas({"": schema}), TraceOptions(**{"part": "all", **options}), store
        )
        return result, list(store.attempts())


def told(row):
    """Give what a row says of an attempt, as short as can be."""
    names = ("function", "model", "snapshot", "version", "kind", "code", "form", "finish_reason")
    usage = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
    return (*(row[name] for name in names), Usage(*(row[name] for name in usage)))


CASES = {
    "langfuse, table": (
        [exports.langfuse_ui()], "langfuse",
        ("triage", "MODEL", exports.MODEL, "triage@3", None, None, "clean", None, Usage(412, 87)), 1.25, 0.000183,
    ),
    "langfuse, blob": (
        [exports.langfuse_blob()], "langfuse",
        ("triage", "MODEL", exports.MODEL, "imported", None, None, "clean", None, REASONED), 1.25, None,
    ),
    "phoenix, data frame": (
        [exports.phoenix_step(), exports.phoenix_frame()], "phoenix",
        ("triage", "MODEL", exports.MODEL, "v7", None, None, "clean", None, CACHED), 1.25, None,
    ),
    "phoenix, API": (
        [exports.phoenix_api()], "phoenix",
        ("ChatCompletion", "MODEL", exports.MODEL, "imported", None, None, "clean", None, Usage(412, 87)), 1.25, None,
    ),
    "mlflow, to_json": (
        [exports.mlflow_trace()], "mlflow",
        ("triage", "MODEL", exports.MODEL, "triage@3", None, None, "clean", "stop", REASONED), 1.25, 0.0003,
    ),
    "mlflow, data frame": (
        [exports.mlflow_frame()], "mlflow",
        ("triage", "MODEL", exports.MODEL, "triage@3", None, None, "clean", "stop", REASONED), 1.25, 0.0003,
    ),
    "mlflow 2": (
        [exports.mlflow_2()], "mlflow",
        ("Completions", None, None, "imported", None, None, "clean", None, Usage()), 1.25, None,
    ),
    "openai, output item": (
        [exports.openai_item()], "openai-evals",
        ("eval_1", "MODEL", exports.MODEL, "imported", None, None, "clean", "stop", CACHED), None, None,
    ),
    "openai, stored completion": (
        [exports.openai_completion()], "openai-evals",
        ("triage", "MODEL", exports.MODEL, "3", None, None, "clean", "stop", REASONED), None, None,
    ),
    "openai, batch": (
        [exports.openai_batch()], "openai-evals",
        ("triage", "MODEL", exports.MODEL, "3", None, None, "clean", "stop", REASONED), None, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_all_that_a_tool_says_of_a_reply_is_recorded(tmp_path, case):
    """Its shape tells the tool; model, snapshot, usage, finish reason, seconds, cost and version stand in the row."""
    rows, tool, expected, elapsed_s, cost = CASES[case]
    result, attempts = imported(written(tmp_path, *rows))

    assert [told(row) for row in attempts] == [expected]
    assert (attempts[0]["elapsed_s"], attempts[0]["cost"]) == (pytest.approx(elapsed_s), cost)
    assert json.loads(attempts[0]["settings"]) == {
        "max_attempts": 1, "observe": True, "imported": tool, "traffic": "all",
    }  # fmt: skip
    assert (result.calls, result.judged, result.valid, result.stored) == (1, 1, 1, 1)


@pytest.mark.parametrize("case", [name for name in CASES if name != "mlflow 2"])
def test_the_start_of_a_call_is_known_in_every_unit(tmp_path, case):
    """Nanoseconds, milliseconds, seconds and texts of times are one November."""
    _, attempts = imported(written(tmp_path, *CASES[case][0]))

    assert attempts[0]["started_at"] == pytest.approx(1793268000, abs=40 * 86_400)


@pytest.mark.parametrize("case", CASES)
def test_every_tool_is_named_by_from_too(tmp_path, case):
    """What is told by its shape may be said, and another name is an error that says what came."""
    rows, tool, _, _, _ = CASES[case]
    path = written(tmp_path, *rows)

    assert imported(path, tool=tool)[0].stored == 1
    other = next(name for name in TOOLS if name != tool)
    with pytest.raises(InvalidArgument, match=f"expected a row of {other}, got a row with the keys "):
        imported(path, tool=other)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (exports.langfuse_ui(level="ERROR", statusMessage="Error code: 429 - slow down", output=None), ("provider_error", None)),
        (exports.langfuse_ui(level="ERROR", statusMessage="APITimeoutError: Request timed out.", output=None), ("provider_error", "APITimeoutError")),
        (exports.langfuse_ui(level="ERROR", statusMessage="KeyError: 'x'", output=None), ("call_raised", "KeyError")),
        (exports.langfuse_ui(output=None), ("no_reply", None)),
        (exports.langfuse_blob(output=""), ("no_reply", None)),
        (
            exports.phoenix_api(
                status_code="ERROR", attributes={"openinference.span.kind": "LLM"},
                events=[{"name": "exception", "attributes": {"exception.type": "openai.RateLimitError", "exception.message": "slow"}}],
            ),
            ("provider_error", "RateLimitError"),
        ),
        (
            exports.mlflow_trace(
                exports.mlflow_span(
                    status={"code": "STATUS_CODE_ERROR", "message": "boom"}, attributes={"mlflow.spanType": '"LLM"'},
                    events=[{"name": "exception", "attributes": {"exception.type": "ValueError", "exception.message": "boom"}}],
                )
            ),
            ("call_raised", "ValueError"),
        ),
        (
            exports.openai_item(sample={"error": {"code": "server_error", "message": "sorry"}, "output": []}),
            ("provider_error", "server_error"),
        ),
        (exports.openai_batch(status=503), ("provider_error", "provider")),
    ],
)  # fmt: skip
def test_an_error_in_the_place_of_a_reply_is_excluded(tmp_path, row, expected):
    """It is a call, with its cause, as it would have been when it was made."""
    result, attempts = imported(written(tmp_path, row))

    assert [(one["kind"], one["code"], one["exception"]) for one in attempts] == [("transport", *expected)]
    assert (result.calls, result.judged, result.excluded.total()) == (1, 0, 1)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (GOOD, (None, None, "clean")),
        (f"Here you are: {GOOD}", (None, None, "unwrapped")),
        (BAD, ("value", "enum", None)),
        ("", ("syntax", "empty", None)),
        ("I cannot say.", ("syntax", "no_json", None)),
        ('{"team": "billing", "urg', ("truncation", "unfinished", None)),
        (json.loads(GOOD), (None, None, "parsed")),
        (json.loads(BAD), ("value", "enum", None)),
        ([1, 2], ("structure", "type", None)),
        ({"role": "assistant", "content": GOOD}, (None, None, "clean")),
        (json.dumps({"role": "assistant", "content": GOOD}), (None, None, "clean")),
        ({"role": "assistant", "content": [{"type": "text", "text": GOOD}]}, (None, None, "clean")),
        ([*exports.PROMPT, {"role": "assistant", "content": GOOD}], (None, None, "clean")),
        ({"messages": [*exports.PROMPT, {"role": "assistant", "content": GOOD}]}, (None, None, "clean")),
        (exports.openai_completion(), (None, None, "clean")),
        (exports.openai_completion()["choices"][0], (None, None, "clean")),
        ({"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "ticket", "arguments": GOOD}}]}, (None, None, "clean")),
        ({"role": "assistant", "content": None, "refusal": "No."}, ("refusal", "refusal", None)),
        ({"content": GOOD}, (None, None, "clean")),
        ({"completion": f"Sure: {GOOD}"}, (None, None, "unwrapped")),
        ({"role": "model", "parts": [{"text": GOOD}]}, (None, None, "clean")),
        ({"type": "ai", "content": GOOD, "tool_calls": []}, (None, None, "clean")),
        ({"generations": [[{"text": GOOD, "type": "ChatGeneration", "message": {"lc": 1, "type": "constructor", "id": ["AIMessage"], "kwargs": {"content": GOOD, "type": "ai"}}}]]}, (None, None, "clean")),
        ({"generations": [[{"text": GOOD}]]}, (None, None, "clean")),
        ([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": GOOD}]}], (None, None, "clean")),
        ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": GOOD}], "stop_reason": "end_turn", "model": "MODEL", "usage": {"input_tokens": 1, "output_tokens": 1}}, (None, None, "clean")),
        # What the model itself wrapped stays wrapped.
        (json.dumps({"output": GOOD}), ("structure", "required", None)),
        (json.dumps({"result": json.loads(GOOD)}), ("structure", "required", None)),
    ],
)  # fmt: skip
def test_a_reply_is_read_in_the_form_in_which_it_was_stored(tmp_path, output, expected):
    """Text, messages, completions, tool calls, parsed objects; what is wrapped by a tool is unwrapped, and nothing else."""
    _, attempts = imported(written(tmp_path, {"reply": output}))

    assert [(one["kind"], one["code"], one["form"]) for one in attempts] == [expected]


def test_what_a_schema_declares_is_never_unwrapped(tmp_path):
    """An object with `content` and `role` may be the value itself."""
    schema = Schema.of(
        {"title": "m", "type": "object", "required": ["role"], "properties": {"role": {"enum": ["assistant"]}, "content": {"type": "string"}}}
    )  # fmt: skip
    value = {"role": "assistant", "content": "x"}
    _, parsed = imported(written(tmp_path, {"reply": value}), schema)
    _, text = imported(written(tmp_path, {"reply": json.dumps(value)}), schema)

    assert [(one["code"], one["form"]) for one in (*parsed, *text)] == [(None, "parsed"), (None, "clean")]


def test_what_is_not_stored_is_unknown(tmp_path):
    """No time, no seconds, no tokens, no model: null each, and no zero."""
    _, (row,) = imported(written(tmp_path, {"reply": GOOD}))

    unknown = ("started_at", "elapsed_s", "input_tokens", "output_tokens", "model", "cost", "input_hash")
    assert {name: row[name] for name in unknown} == dict.fromkeys(unknown)
    assert not any(isinstance(value, float) and math.isnan(value) for value in row.values())


def test_plain_rows_name_their_columns(tmp_path):
    """A place may be inside of another, and of JSON in a text."""
    row = {
        "answer": {"text": BAD},
        "meta": json.dumps({"llm": "MODEL", "ms": {"at": "2026-11-02T10:00:00Z"}}),
    }
    columns = {"reply": "answer.text", "model": "meta.llm", "started_at": "meta.ms.at"}
    _, (stored,) = imported(written(tmp_path, row), columns=columns)

    assert (stored["code"], stored["model"], stored["started_at"]) == ("enum", "MODEL", 1793613600.0)


def test_a_row_of_no_known_tool_names_its_keys(tmp_path):
    """And says how to name the reply's column."""
    with pytest.raises(
        InvalidArgument,
        match=r"the keys answer, at match no known tool. Name the tool with --from TOOL",
    ):
        imported(written(tmp_path, {"answer": GOOD, "at": 1}))


def test_a_place_is_found_in_whatever_holds_it():
    """Keys with dots, the longest first; lists; JSON in texts; and nothing where there is nothing."""

    class Row(dict):
        pass

    row = Row({"a.b": {"c": 1}, "a": {"b": {"c": 2, "d": [{"e": '{"f": 3}'}]}}})

    assert [at(row, place) for place in ("a.b.c", "a.b.d.0.e.f", "a.b.d.1", "a.b.d.x", "z", "a.b.c.q")] == [
        1, 3, MISSING, MISSING, MISSING, MISSING,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "at_s"),
    [
        (1793268000, 1793268000.0),
        (1793268000512, 1793268000.512),
        (1793268000512000, 1793268000.512),
        (1793268000512000000, 1793268000.512),
        ("1793268000", 1793268000.0),
        ("2026-10-29T10:00:00Z", 1793268000.0),
        ("2026-10-29 10:00:00.512000", 1793268000.512),
        ("2026-10-29T12:00:00+02:00", 1793268000.0),
        ("soon", None),
        (True, None),
        (float("nan"), None),
        (-5, None),
        ([], None),
    ],
)
def test_times_of_every_unit_are_seconds(said, at_s):
    """Numbers by their size, texts by ISO 8601, UTC where none is said."""
    assert seconds(said) == (at_s if at_s is None else pytest.approx(at_s))
