"""Guarded calls with known facts: each fact is recorded once, and every output shows it."""

import contextlib
import csv
import io
import json
import time

import pytest

from schema_guard import About, CallFailed, Limits, Schema, flush, guard, open_store, tags
from tests.needs import is_installed, needs

SCHEMA = {
    "title": "Invoice",
    "type": "object",
    "properties": {"total": {"type": "number"}, "unit": {"enum": ["eur", "usd"]}},
    "required": ["total"],
    "additionalProperties": False,
}
PRICES = {"gpt-x": {"p_in": 2.0, "p_cached": 0.5, "p_out": 8.0, "as_of": "2026-11-26"}}
GOOD, WRAPPED, TRAILING_COMMA = '{"total": 1}', 'Here: {"total": 2}', '{"total": 3,}'
NO_NUMBER, NO_TOTAL, NO_JSON, NO_UNIT = '{"total": "x"}', "{}", "sorry", '{"total": 1, "unit": "yen"}'


class OutOfStock(Exception):
    """An expected exception of the function."""


def chat(text, tokens=(12, 7, 4, 2), model="gpt-x-2026-08-06", finish_reason="stop"):
    """Return a reply in the format of chat servers. *tokens* are input, output, cached, and reasoning tokens."""
    reply = {
        "id": "c1",
        "object": "chat.completion",
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
    }
    if tokens:
        sent, received, cached, reasoning = tokens
        reply["usage"] = {
            "prompt_tokens": sent,
            "completion_tokens": received,
            "total_tokens": sent + received,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning},
        }
    return reply


# Each call: its replies, its tags, and the expected record of each attempt
# (kind, code, form, repairs, violations).
VALID, WRONG_TYPE = (None, None, "clean", [], []), ("structure", "type", None, [], [["/total", "type"]])
CALLS = [
    ([GOOD], {}, [VALID]),
    ([GOOD], {"segment": "eu"}, [VALID]),
    ([WRAPPED], {"segment": "eu", "cluster": "c1"}, [(None, None, "unwrapped", [], [])]),
    ([TRAILING_COMMA], {"cluster": "c1"}, [(None, None, "repaired_lossless", ["trailing_comma"], [])]),
    ([NO_NUMBER, GOOD], {}, [WRONG_TYPE, VALID]),
    (
        [NO_TOTAL, NO_JSON],
        {"segment": "us"},
        [("structure", "required", None, [], [["/total", "required"]]), ("syntax", "no_json", None, [], [])],
    ),
    (
        [NO_NUMBER, TRAILING_COMMA],
        {},
        [WRONG_TYPE, (None, None, "repaired_lossless", ["trailing_comma"], [])],
    ),
    ([NO_UNIT, NO_UNIT], {}, [("value", "enum", None, [], [["/unit", "enum"]])] * 2),
    ([TimeoutError("canary")], {}, [("transport", "provider_error", None, [], [])]),
    ([OutOfStock("canary")], {"segment": "us"}, [("transport", "expected", None, [], [])]),
    (
        [NO_NUMBER, ZeroDivisionError("canary")],
        {},
        [WRONG_TYPE, ("transport", "call_raised", None, [], [])],
    ),
]
REPAIR = "lossless" if is_installed("repair") else "off"
if REPAIR == "off":
    CALLS = [call for call in CALLS if TRAILING_COMMA not in call[0]]
ATTEMPTS = [(number, *facts) for number, (_, _, attempts) in enumerate(CALLS) for facts in attempts]
REPLIES = [reply for replies, _, _ in CALLS for reply in replies]


def record(store):
    """Make all calls. Return the times before and after each call."""
    replies = iter(REPLIES)

    @guard(
        SCHEMA, name="shop.extract", about=About(version="v7", prices=PRICES), store=store, max_attempts=2, repair=REPAIR, on_failure="return", limits=Limits(max_tokens=10_000), ignore=(OutOfStock,))  # fmt: skip
    def extract(prompt):
        reply = next(replies)
        if isinstance(reply, Exception):
            raise reply
        return chat(reply)

    moments = []
    for number, (_, tagged, _) in enumerate(CALLS):
        begun = time.time()
        with (
            tags(**tagged),
            contextlib.suppress(TimeoutError, OutOfStock, ZeroDivisionError, CallFailed),
        ):
            extract(f"task {number % 9}")
        moments.append((begun, time.time()))
    assert next(replies, None) is None
    return moments


@pytest.fixture(scope="module", params=["queue", "sync"])
def recorded(request, tmp_path_factory):
    """The path of a file with all calls, and the times of the calls."""
    path = tmp_path_factory.mktemp("facts") / "records.db"
    with open_store(str(path), durability=request.param) as store:
        moments = record(store)
        assert store.flush() == 0
        counts = store.counts()
        assert (counts.offered, counts.stored, counts.lost_records, counts.pending) == (
            len(ATTEMPTS),
            len(ATTEMPTS),
            {},
            0,
        )
    return path, moments


def rows_of(path):
    with open_store(str(path)) as store:
        return list(store.attempts())


def test_every_attempt_is_one_row(recorded):
    """The rows are in order, each with its kind, code, form, repairs, and violations."""
    path, _ = recorded
    rows = rows_of(path)
    calls = list(dict.fromkeys(row["call_id"] for row in rows))
    columns = ("kind", "code", "form", "repairs", "violations")

    assert [(calls.index(row["call_id"]), *(row[name] for name in columns)) for row in rows] == ATTEMPTS
    assert [len(call) for call in calls] == [32] * len(CALLS)
    assert calls == sorted(calls)


def test_attempts_are_numbered_and_the_last_is_final(recorded):
    """The attempts of a call are numbered from 1. Only the last one is final."""
    path, _ = recorded
    expected = [
        (number, number == len(attempts))
        for _, _, attempts in CALLS
        for number in range(1, len(attempts) + 1)
    ]

    assert [(row["number"], row["final"]) for row in rows_of(path)] == expected


def test_every_row_has_the_configuration(recorded):
    """Function, schema, model, settings, strategy, and version are the same in all rows."""
    path, _ = recorded
    names = ("function", "schema_name", "schema_fingerprint", "provider", "strategies", "strategy", "version")

    assert {tuple(row[name] for name in (*names, "tuned")) for row in rows_of(path)} == {
        (
            "shop.extract", "Invoice", Schema.of(SCHEMA).fingerprint, None, "system_prompt", "system_prompt", "v7",
            False,
        )
    }  # fmt: skip
    repair = ',"repair":"lossless"' if REPAIR == "lossless" else ""
    assert {row["settings"] for row in rows_of(path)} == {
        f'{{"layout":"text","limits":{{"max_tokens":10000}},"max_attempts":2{repair}}}'
    }


def test_every_row_has_the_tags_of_its_call(recorded):
    """Segment and cluster are those of the `tags` block around the call."""
    path, _ = recorded
    expected = [
        (tagged.get("segment"), tagged.get("cluster")) for _, tagged, attempts in CALLS for _ in attempts
    ]

    assert [(row["segment"], row["cluster"]) for row in rows_of(path)] == expected


@needs("repair")
def test_equal_tasks_have_equal_hashes(recorded):
    """Calls 0 and 9 share a task, and so do calls 1 and 10. All other tasks differ."""
    path, _ = recorded
    hashes = list({row["call_id"]: row["input_hash"] for row in rows_of(path)}.values())

    assert [hashes.index(one) for one in hashes] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]


def test_every_reply_has_size_tokens_model_and_cost(recorded):
    """All of these columns are None for an attempt that raised."""
    path, _ = recorded
    names = ("reply_bytes", "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cost",
             "reply_model", "snapshot", "finish_reason")  # fmt: skip
    # Four of the twelve input tokens come from the cache.
    cost = (8 * 2.0 + 4 * 0.5 + 7 * 8.0) / 1_000_000
    expected = [
        (None,) * 9
        if isinstance(reply, Exception)
        else (len(reply), 12, 7, 4, 2, pytest.approx(cost), "gpt-x", "gpt-x-2026-08-06", "stop")
        for reply in REPLIES
    ]

    assert [tuple(row[name] for name in names) for row in rows_of(path)] == expected


def test_only_the_type_of_an_exception_is_recorded(recorded):
    """The message of an exception is not in the file."""
    path, _ = recorded
    expected = [type(reply).__name__ if isinstance(reply, Exception) else None for reply in REPLIES]

    assert [row["exception"] for row in rows_of(path)] == expected
    assert b"canary" not in path.read_bytes()


def test_every_attempt_has_the_start_of_its_call(recorded):
    """The start lies between the times before and after the call."""
    path, moments = recorded
    starts = {}
    for row in rows_of(path):
        starts.setdefault(row["call_id"], set()).add(row["started_at"])

    assert [len(result) for result in starts.values()] == [1] * len(CALLS)
    # Allow for the resolution of the clock.
    assert all(
        begun - 1e-3 <= min(result) <= ended + 1e-3
        for (begun, ended), result in zip(moments, starts.values(), strict=True)
    )
    assert all(0 < row["elapsed_s"] < 30 for row in rows_of(path))


@needs("repair", "transfer")
def test_export_has_the_rows_of_the_store(recorded, cli, tmp_path):
    """JSON Lines, CSV, and Parquet have every attempt with the same values."""
    path, _ = recorded
    rows = rows_of(path)
    for form in ("jsonl", "csv", "parquet"):
        assert cli("store", "export", "--store", path, "-o", tmp_path / f"a.{form}")[0] == 0

    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    schemas = [line for line in lines if "schema" in line]
    assert lines[1 + len(schemas) : -1] == rows
    assert lines[-1] == {"end": {"attempts": 16}}
    assert list(lines[0]) == ["export"]
    cells = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    for name in (
        "call_id",
        "function",
        "code",
        "segment",
        "cluster",
        "form",
        "input_hash",
        "reply_hash",
        "version",
    ):
        assert [row[name] for row in cells] == [row[name] or "" for row in rows]
    for name in ("number", "input_tokens", "output_tokens", "reply_bytes", "cost", "elapsed_s", "started_at"):
        assert [float(row[name]) if row[name] else None for row in cells] == [row[name] for row in rows]
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    assert [
        {name: value for name, value in row.items() if name in rows[0]}
        for row in parquet.read_table(tmp_path / "a.parquet").to_pylist()
    ] == rows


@needs("repair")
def test_report_counts_match_the_known_calls(recorded, cli_json):
    """The counts of the report equal handmade counts of the calls above."""
    path, _ = recorded
    report = cli_json("report", "--store", path)
    (group,) = report["groups"]
    rates = ("clean", "valid_first_time", "fixed_by_retry", "repaired", "failed")

    assert (group["calls"], group["transport"], group["attempts"], group["unseen"]) == (9, 2, 16, 0)
    assert {name: (group[name]["count"], group[name]["n"]) for name in rates} == {
        "clean": (2, 9),
        "valid_first_time": (3, 9),
        "fixed_by_retry": (1, 9),
        "repaired": (2, 9),
        "failed": (3, 9),
    }
    assert {(one["kind"], one["code"]): one["attempts"] for one in group["failures"]} == {
        ("structure", "type"): 3,
        ("value", "enum"): 2,
        ("transport", "call_raised"): 1,
        ("transport", "provider_error"): 1,
        ("structure", "required"): 1,
        ("syntax", "no_json"): 1,
        ("transport", "expected"): 1,
    }
    assert [(one["location"], one["keyword"], one["attempts"]) for one in group["violations"]] == [
        ("/total", "type", 3),
        ("/unit", "enum", 2),
        ("/total", "required", 1),
    ]
    assert (group["input_tokens"], group["output_tokens"], group["reasoning_tokens"]) == (156, 91, 26)
    assert group["unknown_usage"] == 3
    assert {(one["code"], one["exception"], one["calls"]) for one in group["excluded"]} == {
        ("provider_error", "TimeoutError", 1),
        ("expected", "OutOfStock", 1),
    }
    assert (report["lost_records"], report["rows_since"]) == ({}, None)


@needs("repair")
def test_report_by_segment_counts_each_segment(recorded, cli_json):
    """Two calls have the segment `eu`, one has `us`, and six have none."""
    path, _ = recorded
    groups = cli_json("report", "--store", path, "--by", "segment")["groups"]

    assert {group["segment"]: (group["calls"], group["failed"]["count"]) for group in groups} == {
        "eu": (2, 0),
        "us": (1, 1),
        None: (6, 2),
    }
    (eu,) = cli_json("report", "--store", path, "--segment", "eu")["groups"]
    assert (eu["calls"], eu["transport"], eu["attempts"]) == (2, 0, 2)


def test_nested_call_has_the_id_of_its_parent(path):
    """A call inside another guarded call has that call's id. A later call has no parent."""
    with open_store(str(path)) as store:
        inner = guard({"type": "integer"}, name="inner", store=store)(lambda prompt: "1")

        @guard({"type": "integer"}, name="outer", store=store)
        def outer(prompt):
            return str(inner("t") + inner("u"))

        assert outer("t") == 2
        inner("v")
        rows = list(store.attempts())

    named = [(row["function"], row["parent_call_id"]) for row in rows]
    (parent,) = [row["call_id"] for row in rows if row["function"] == "outer"]
    assert named == [("inner", parent), ("inner", parent), ("outer", None), ("inner", None)]


def test_elapsed_seconds_are_per_attempt(path):
    """Each attempt has the time of its own function call."""
    with open_store(str(path)) as store:
        replies = iter(['"x"', "1"])

        @guard({"type": "integer"}, store=store, max_attempts=2)
        def slow(prompt):
            reply = next(replies)
            time.sleep(0.08 if reply == "1" else 0.02)
            return reply

        slow("t")
        first, second = (row["elapsed_s"] for row in store.attempts())

    assert 0.02 <= first < 0.08 <= second


def test_missing_usage_and_model_are_unknown(path):
    """A plain text has no tokens, model, or cost. A reply can name another model than the guard."""
    with open_store(str(path)) as store:
        replies = iter(["1", chat("2", tokens=None, model="other"), chat("3", finish_reason="length")])
        ask = guard(
            {"type": "integer"}, store=store, about=About(model="mine"), name="ask", on_failure="return"
        )(lambda prompt: next(replies))
        for number in range(2):
            ask(f"t{number}")
        rows = list(store.attempts())

    assert [row["model"] for row in rows] == ["mine"] * 2
    assert [(row["reply_model"], row["snapshot"], row["finish_reason"]) for row in rows] == [
        (None, None, None),
        ("other", None, "stop"),
    ]
    assert {
        row[name] for row in rows for name in ("input_tokens", "output_tokens", "cached_input_tokens", "cost")
    } == {None}


def test_functions_and_versions_are_counted_separately(path, cli_json):
    """Each function and version has its own count. `--function` accepts the end of a name."""
    with open_store(str(path)) as store:
        for name, version, calls in (("a.one", "v1", 1), ("a.one", "v2", 2), ("a.two", "v1", 3)):
            ask = guard({"type": "integer"}, name=name, about=About(version=version), store=store)(
                lambda prompt: "1"
            )
            for number in range(calls):
                ask(f"t{number}")
        flush()
    result = cli_json("report", "--store", path, "--by", "version")["configurations"]
    (chosen,) = cli_json("report", "--store", path, "--function", "two")["groups"]

    assert {(one["function"], one["version"]): one["calls"] for one in result} == {
        ("a.one", "v1"): 1,
        ("a.one", "v2"): 2,
        ("a.two", "v1"): 3,
    }
    assert (chosen["function"], chosen["calls"]) == ("a.two", 3)


def test_unknown_function_name_is_an_error(path, cli):
    """The exit status is 2, and the message suggests the nearest name."""
    with open_store(str(path)) as store:
        guard({"type": "integer"}, name="app.triage", store=store)(lambda prompt: "1")("t")

    status, out, err = cli("report", "--store", path, "--function", "triag")

    assert (status, out) == (2, "")
    assert "Did you mean 'app.triage'" in err
