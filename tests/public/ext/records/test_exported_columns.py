"""The columns of an export, one by one, in JSON Lines, CSV, and Parquet: name, order, type, and value."""

import csv
import io
import json

import pytest

from schema_guard import Coercion, Usage, open_store
from tests.public.commands.command_lines import command
from tests.public.records.outcomes import FAILED, FINGERPRINT, LOST, outcome

KNOWN = {
    **FAILED, "reply": "nül", "usage": Usage(1, 2, 3, 4), "cost": 0.25, "repairs": ("fence", "comma"),
    "coercions": (Coercion("/n", "string", "integer"),),
    "model": "m", "snapshot": "m-2026-01-01", "exception": "ValueError", "unseen": True, "gateway_repaired": True,
    "stopped_at": 7, "strategy": "few_shot", "finish_reason": "length",
}  # fmt: skip
# Column, type in Parquet, value of an attempt of which all is known, and value of one of which little is known.
COLUMNS = (
    ("call_id", "string", "1" * 32, "2" * 32),
    ("started_at", "double", 1_000.0, 2_000.5),
    ("function", "string", "app.extract", "app.extract"),
    ("schema_name", "string", "invoice", "invoice"),
    ("schema_fingerprint", "string", FINGERPRINT, FINGERPRINT),
    ("model", "string", "m1", None),
    ("provider", "string", "openai", None),
    ("strategies", "string", "bare>few_shot", "bare"),
    ("settings", "string", '{"max_attempts":2}', "{}"),
    ("version", "string", "v1", "v1"),
    ("tuned", "bool", True, False),
    ("segment", "string", "s", None),
    ("cluster", "string", "c", None),
    ("input_hash", "string", ..., None),
    ("parent_call_id", "string", "9" * 32, None),
    ("number", "int64", 1, 1),
    ("final", "bool", True, True),
    ("strategy", "string", "few_shot", "bare"),
    ("kind", "string", "structure", "transport"),
    ("code", "string", "type", "call_raised"),
    ("form", "string", None, None),
    ("repairs", "list<element: string>", ["fence", "comma"], []),
    ("coercions", "list<element: list<element: string>>", [["/n", "string -> integer"]], []),
    ("finish_reason", "string", "length", None),
    ("input_tokens", "int64", 1, None),
    ("cached_input_tokens", "int64", 3, None),
    ("output_tokens", "int64", 2, None),
    ("reasoning_tokens", "int64", 4, None),
    ("elapsed_s", "double", 0.5, 0.5),
    ("cost", "double", 0.25, None),
    ("prompt_chars", "int64", 10, 10),
    ("reply_bytes", "int64", 4, None),
    ("reply_hash", "string", ..., None),
    ("violations", "list<element: list<element: string>>", [["/total", "type"]], []),
    ("reply_model", "string", "m", None),
    ("snapshot", "string", "m-2026-01-01", None),
    ("exception", "string", "ValueError", "TimeoutError"),
    ("unseen", "bool", True, False),
    ("adapted", "bool", False, False),
    ("gateway_repaired", "bool", True, False),
    ("stopped_at", "int64", 7, None),
)
NAMES = [name for name, *_ in COLUMNS]
TEXTS = {"prompt": "extract it", "reply": "nül", "task": "the task"}
NEVER_NULL = {
    "call_id", "function", "schema_name", "schema_fingerprint", "strategies", "settings", "version", "tuned", "final",
    "strategy", "repairs", "coercions", "prompt_chars", "violations", "unseen", "adapted", "gateway_repaired",
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Export two attempts with their texts in three forms; gives the folder and the hashes of the first one."""
    folder = tmp_path_factory.mktemp("exported")
    with open_store(f"{folder}/r.db", payload="full") as store:
        known = outcome(
            KNOWN, id="1" * 32, segment="s", cluster="c", tuned=True, provider="openai", parent_call_id="9" * 32,
            settings='{"max_attempts":2}', strategies="bare>few_shot",
        )  # fmt: skip
        store.record(known, "the task")
        unknown = {**LOST, "finish_reason": None, "usage": Usage()}
        store.record(outcome(unknown, id="2" * 32, started_at=2_000.5, model=None))
        store.flush()
        first, _ = store.attempts()
        store.declare_step(FINGERPRINT, "few_shot", "declined", "why", function="app.extract")
        store.set_target(FINGERPRINT, 0.05)
    for form in ("jsonl", "csv", "parquet"):
        words = (
            "store",
            "export",
            "--texts",
            "kept",
            "--store",
            f"{folder}/r.db",
            "-o",
            f"{folder}/a.{form}",
        )
        status, _, err = command(*words)
        assert status == 0, err
    return folder, {"input_hash": first["input_hash"], "reply_hash": first["reply_hash"]}


def rows(hashes):
    """Return both attempts as a table of values."""
    known = {name: hashes.get(name) if value is ... else value for name, _, value, _ in COLUMNS}
    return known, {name: value for name, _, _, value in COLUMNS}


def test_json_lines_have_each_column(exported):
    """The columns come in this order, each with its value, and the texts last."""
    folder, hashes = exported
    lines = [json.loads(line) for line in (folder / "a.jsonl").read_text().splitlines()]
    known, unknown = [line for line in lines if "call_id" in line]

    assert [list(known), list(unknown)] == [[*NAMES, "texts"]] * 2
    assert (known.pop("texts"), unknown.pop("texts")["prompt"]) == (TEXTS, "extract it")
    assert (known, unknown) == rows(hashes)


def test_json_lines_have_each_declaration(exported):
    """A declared step and a target rate have all their fields, before the attempts."""
    folder, _ = exported
    lines = [json.loads(line) for line in (folder / "a.jsonl").read_text().splitlines()]
    step, target = lines[1]["declared_step"], lines[2]["declared_target"]

    assert isinstance(step.pop("at"), float)
    assert isinstance(target.pop("at"), float)
    assert step == {
        "schema_fingerprint": FINGERPRINT,
        "step": "few_shot",
        "status": "declined",
        "reason": "why",
        "function": "app.extract",
    }
    assert target == {"schema_fingerprint": FINGERPRINT, "target": 0.05, "function": None}


def as_cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def test_csv_has_each_column(exported):
    """Each cell is in the column of its name. Lists and booleans are JSON, and unknown values are empty."""
    folder, hashes = exported
    with io.StringIO((folder / "a.csv").read_text(), newline="") as file:
        header, *cells = csv.reader(file)
    known, unknown = cells

    assert header == [*NAMES, "texts"]
    assert [known[:-1], unknown[:-1]] == [list(map(as_cell, one.values())) for one in rows(hashes)]
    assert json.loads(known[-1]) == TEXTS


def test_parquet_has_each_column(exported):
    """The columns have the types of their values, and the same values."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra 'parquet'")
    folder, hashes = exported
    table = parquet.read_table(folder / "a.parquet")
    known, unknown = table.to_pylist()

    types = [(name, str(kind)) for name, kind in zip(table.schema.names, table.schema.types, strict=True)]
    assert types == [*((name, kind) for name, kind, *_ in COLUMNS), ("texts", "string")]
    assert {field.name for field in table.schema if not field.nullable} == NEVER_NULL
    assert (json.loads(known.pop("texts")), json.loads(unknown.pop("texts"))["prompt"]) == (
        TEXTS,
        "extract it",
    )
    assert (known, unknown) == rows(hashes)
