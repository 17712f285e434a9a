"""The command `import traces`, by its arguments, its output and its exit status."""

import json
from pathlib import Path

import pytest

from schema_guard import open_store
from tests.public.commands.command_lines import SCHEMA, file, run

RIGHT, WRONG = '{"a": 1}', '{"a": "x"}'
STORE = ("--store", "sqlite:///records.db")
TRACES = ("store", "import", "--from", "auto", "log.jsonl", "--schema", "s.json", *STORE)


def log(*replies, name="log.jsonl"):
    return file(
        name,
        "".join(json.dumps({"id": n, "prompt": f"p{n}", "reply": r}) + "\n" for n, r in enumerate(replies)),
    )


def test_the_part_of_the_traffic_is_asked_for(capsys):
    """Without it nothing is read or stored: exit 2, with what each answer means."""
    log(RIGHT)
    status, out, err = run(capsys, *TRACES)

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: --traffic is missing")
    assert all(f"--traffic {part}" in err for part in ("all", "sampled", "failures", "unknown"))
    assert run(capsys, "store", "info", *STORE)[0] == 2


def test_an_import_is_reported_and_decided_on(capsys):
    """Text and JSON, on day one."""
    log(*[RIGHT] * 500, WRONG)
    status, out, _ = run(capsys, *TRACES, "--traffic", "all", "--function", "shop.sort")
    reported = json.loads(run(capsys, "report", *STORE, "--format", "json")[1])
    decided = run(capsys, "decide", *STORE, "--max-failure-rate", "0.05")

    assert (status, out.splitlines()[0]) == (
        0,
        "501 replies from 501 rows: 501 calls stored, 0 already in the store",
    )
    assert [(one["function"], one["calls"]) for one in reported["groups"]] == [("shop.sort", 501)]
    assert decided[0] == 0
    assert decided[1].startswith("VERDICT: PROMPTING_ENOUGH")


@pytest.mark.parametrize("part", ["failures", "unknown"])
def test_failures_alone_are_never_good(capsys, part):
    """`decide` and `watch` end with 1, whatever came."""
    log(*[RIGHT] * 500)
    run(capsys, *TRACES, "--traffic", part)

    assert run(capsys, "decide", *STORE)[0] == 1
    assert run(capsys, "watch", "--max-failure-rate", "0.5", *STORE)[0] == 1


def test_the_json_has_every_count(capsys):
    """What was read, judged, stored, left out, and could not be read."""
    path = log(RIGHT, WRONG, None)
    with Path(path).open("a", encoding="utf-8") as stream:
        stream.write("no\n")
    status, out, _ = run(capsys, *TRACES, "--traffic", "sampled", "--sample-share", "0.1", "--format", "json")

    assert status == 1
    assert json.loads(out) == {
        "traffic": {"part": "sampled", "tool": "jsonl", "share": 0.1, "text": "imported from jsonl, a sample of the calls (10%)"},
        "dry_run": False, "rows": 3, "replies": 3, "calls": 3, "attempts": 3, "stored": 3, "already_stored": 0, "judged": 2,
        "valid": 1, "repeated": 0, "failures": [{"kind": "structure", "code": "type", "calls": 1}],
        "excluded": [{"cause": "unknown", "code": "no_reply", "calls": 1}], "left_out": [], "unread": 1,
        "unreadable": [{"place": "log.jsonl:4", "why": "expected JSON: Expecting value at column 1"}],
        "functions": [{"function": "imported", "schema": "s", "calls": 3}],
    }  # fmt: skip


def test_a_dry_run_stores_nothing(capsys, folder):
    """And says so."""
    log(RIGHT)
    _, out, _ = run(capsys, *TRACES, "--traffic", "all", "--dry-run")

    assert out.startswith("1 reply from 1 row: 1 call would be stored (dry run), 0 already in the store")
    assert not (folder / "records.db").exists()


def test_a_schema_may_be_a_model_of_a_module(capsys, folder, monkeypatch):
    """`module:Model`, from where the command runs."""
    monkeypatch.syspath_prepend(folder)
    file("shop_models.py", "from dataclasses import dataclass\n\n@dataclass\nclass Item:\n    a: int\n")
    log(RIGHT)
    arguments = (
        "store",
        "import",
        "--from",
        "auto",
        "log.jsonl",
        "--schema",
        "shop_models:Item",
        *STORE,
        "--traffic",
        "all",
    )

    assert "validated    1 call, 1 of them valid" in run(capsys, *arguments)[1]


def test_schemas_by_name(capsys):
    """Rows say which; those that say another are counted."""
    file("t.json", json.dumps({**SCHEMA, "title": "t"}))
    file("log.jsonl", "".join(json.dumps({"reply": RIGHT, "kind": kind}) + "\n" for kind in ("x", "y", "z")))
    arguments = (
        "--schema",
        "x=s.json",
        "--schema",
        "y=t.json",
        "--field",
        "schema=kind",
        "--traffic",
        "all",
        *STORE,
    )
    _, out, _ = run(capsys, "store", "import", "--from", "auto", "log.jsonl", *arguments)

    assert "functions    imported (s) 1, imported (t) 1" in out
    assert "unknown schema     1  log.jsonl:3" in out


def test_costs_by_a_table_of_prices(capsys):
    """As those of guarded calls; else what the tool says."""
    file("prices.json", json.dumps({"MODEL": {"p_in": 1.0, "p_cached": 1.0, "p_out": 2.0}}))
    rows = [
        {"reply": RIGHT, "model": model, "input_tokens": 10, "output_tokens": 5, "cost": 7.0}
        for model in ("MODEL", "other")
    ]
    file("log.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    run(capsys, *TRACES, "--traffic", "all", "--prices", "prices.json")
    with open_store(STORE[1]) as store:
        assert [row["cost"] for row in store.attempts()] == [pytest.approx(2e-5), 7.0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--traffic", "all", "--sample-share", "0.1"],
            "--sample-share needs --traffic sampled, got --traffic all",
        ),
        (["--traffic", "all", "--schema", "s.json"], "expected a different name for each schema"),
        (["--traffic", "all", "--field", "reply"], "--field 'reply': expected OURS=PATH"),
        (["--traffic", "all", "--field", "answer=x"], "expected one of cluster, function"),
        (
            ["--traffic", "all", "--from", "mlflow"],
            "expected a row of mlflow, got a row with the keys id, prompt, reply",
        ),
        (["--traffic", "some"], "'some' is not one of 'all', 'sampled', 'failures', 'unknown'"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(capsys, arguments, told):
    """Exit 2, and what was expected."""
    log(RIGHT)
    status, _, err = run(capsys, *TRACES, *arguments)

    assert status == 2
    assert told in err


@pytest.mark.parametrize("named", ["none.json", "no_such_module:Item", "json:Item"])
def test_a_schema_that_is_not_there(capsys, named):
    """Exit 2, and its name."""
    log(RIGHT)
    status, _, err = run(
        capsys,
        "store",
        "import",
        "--from",
        "auto",
        "log.jsonl",
        "--schema",
        named,
        "--traffic",
        "all",
        *STORE,
    )

    assert status == 2
    assert named.partition(":")[0] in err


def test_a_schema_is_asked_for(capsys):
    """By a file, or by a column."""
    log(RIGHT)
    status, _, err = run(capsys, "store", "import", "--from", "auto", "log.jsonl", "--traffic", "all", *STORE)

    assert (status, "--schema is missing: expected a schema file" in err) == (2, True)


def test_names_of_a_trace_reach_no_terminal_unescaped(capsys):
    """Functions, files and keys of strangers."""
    row = {"reply": RIGHT, "function": "\x1b[31mred\u202e"}
    file("log.jsonl", json.dumps(row) + "\n")
    _, out, _ = run(capsys, *TRACES, "--traffic", "all")

    assert "red" in out
