"""The command `schema-guard`, by its arguments, its output and its exit status."""

import json
import os
import re
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

import schema_guard
from schema_guard.cli import main

COMMANDS = ("bench", "check", "doctor", "report")
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
EVIL = '{"a": "\\u001b[2J\\u009b31m", "\\u001b]0;owned\\u0007": 1}'
# What may stand on a terminal: nothing below a space but line breaks, no C1 controls, no bidirectional overrides.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a schema, and no store but the one that is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCHEMA_GUARD_STORE", "none")
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def suite(folder):
    """A suite of one schema with two tasks to score."""
    inside = folder / "suite" / "item"
    inside.mkdir(parents=True)
    tasks = [
        {
            "id": f"t{n}",
            "input": f"a is {n}",
            "gold": {"a": n},
            "split": "test" if n < 3 else "dev",
        }
        for n in (1, 2, 3)
    ]
    rows = [
        {"valid": True, "data": {"a": 1}},
        {"valid": False, "data": {}, "location": "", "keyword": "required"},
    ]
    manifest = {"format": 1, "name": "small", "description": "d", "licence": "MIT", "schemas": ["item"]}
    (folder / "suite" / "suite.json").write_text(json.dumps(manifest))
    (inside / "schema.json").write_text(json.dumps(SCHEMA))
    (inside / "meta.json").write_text(json.dumps({"description": "d", "instruction": "Give a."}))
    (inside / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    (inside / "instances.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return inside


def script(folder, *replies):
    (folder / "replies.jsonl").write_text("\n".join(map(json.dumps, replies)))
    return "scripted:replies.jsonl"


def file(name, content):
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def run(capsys, *arguments):
    """Exit status, stdout and stderr of a command line."""
    status = main(list(arguments))
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert not FORBIDDEN.search(told.out + told.err)
    return status, told.out, told.err


def test_check_tells_valid_and_invalid_files(capsys):
    """Each file has its line; one invalid file makes the exit status 1, and nothing goes to stderr."""
    found = run(capsys, "check", "s.json", file("ok.txt", '```\n{"a":1}\n```'), file("bad.txt", '{"a":"x"}'))

    assert found == (
        1,
        (
            "ok.txt: valid (unwrapped)\n"
            "bad.txt: structure type\n"
            "    at /a: expected integer, got string 'x'    [/properties/a/type]\n"
        ),
        "",
    )


def test_check_of_valid_files_is_good(capsys):
    """Where every file is valid the exit status is 0."""
    assert run(capsys, "check", "s.json", file("ok.txt", '{"a":1}')) == (0, "ok.txt: valid (exact)\n", "")


def test_check_reads_json_lines(capsys):
    """A .jsonl file is judged line by line, by its line numbers; a line separator inside a string ends no line."""
    name = file("all.jsonl", '{"a":1}\n\n{"a":"\u2028"}\r\n{"a":2}\n')
    status, out, _ = run(capsys, "check", "s.json", name)

    assert (status, [line for line in out.splitlines() if line[0] != " "]) == (
        1,
        ["all.jsonl:1: valid (exact)", "all.jsonl:3: structure type", "all.jsonl:4: valid (exact)"],
    )


def test_check_reads_standard_input(capsys, monkeypatch):
    """`-` is standard input."""
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b'{"a":1}')))

    assert run(capsys, "check", "s.json", "-") == (0, "-: valid (exact)\n", "")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "syntax empty"),
        (b'{"a":"\xff"}', "syntax bad_unicode"),
        (b'{"a":', "syntax malformed"),
        (b"I cannot help with that.", "refusal refusal"),
        (b"\xef\xbb\xbf{}", "structure required"),
    ],
)
def test_check_names_kind_and_code(capsys, content, line):
    """An invalid file is told by kind and code; bytes that are not UTF-8 are no error of the command."""
    status, out, _ = run(capsys, "check", "s.json", file("f", content))

    assert (status, out.splitlines()[0]) == (1, f"f: {line}")


def test_check_as_json(capsys):
    """The JSON holds, for each file, whether it is valid, how it stood there, and the failure."""
    status, out, _ = run(
        capsys, "check", "--format", "json", "s.json", file("ok", '{"a":1}'), file("bad", '{"a":"x"}')
    )

    violation = {
        "instance_location": "/a",
        "keyword_location": "/properties/a/type",
        "keyword": "type",
        "expected": "integer",
        "actual": "string 'x'",
    }
    failure = {
        "kind": "structure",
        "code": "type",
        "message": "at /a: expected integer, got string 'x'",
        "violations": [violation],
    }
    assert status == 1
    assert json.loads(out) == [
        {"file": "ok", "ok": True, "form": "exact", "failure": None},
        {"file": "bad", "ok": False, "form": None, "failure": failure},
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_check_shows_no_model_text_unescaped(capsys, form):
    """Values and keys of a reply, and names of files, are escaped."""
    status, out, _ = run(capsys, "check", "--format", form, "s.json", file("evil\x1b[2J", EVIL))

    assert status == 1
    assert "1b]0;owned" in out
    assert out.isascii()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_has_an_example(capsys, command):
    """The help of every command shows how it is called."""
    status, out, _ = run(capsys, *[command][: len(command)], "--help")

    assert status == 0
    assert re.search(rf"^  (?:model-call \| )?schema-guard {command}", out, re.MULTILINE)


def test_version(capsys):
    """The version is that of the package."""
    assert run(capsys, "--version") == (0, f"schema-guard, version {schema_guard.__version__}\n", "")


USAGE = [
    (["chek"], "no such command 'chek', did you mean 'check'?"),
    (["check", "s.json"], "Missing argument 'FILE...'."),
    (["check", "--fromat", "json", "s.json", "f"], "No such option '--fromat'. Did you mean '--format'?"),
    (["check", "s.json", "none.txt"], "none.txt: No such file or directory"),
    (["check", "s.json", "."], ".: Is a directory"),
    (["check", "none.json", "s.json"], "InvalidSchema: schema file 'none.json' cannot be read: No such file"),
    (["check", "evil.json", "s.json"], r"InvalidSchema: schema is invalid at /properties/\x1b[2J/type: "),
    (["check", "s.json", "s.json", "--format", "xml"], "Invalid value for '--format': 'xml' is not one of"),
    (["report"], "no store: $SCHEMA_GUARD_STORE is 'none'; name one with --store sqlite:///FILE"),
    (["report", "--store", "mysql://x"], "InvalidArgument: store 'mysql://x': unknown scheme 'mysql'"),
    (["report", "--store", "sqlite:///r.db", "--since", "noon"], "--since 'noon': expected a date such as"),
    (
        ["report", "--store", "sqlite:///r.db", "--since", f"{10**9}d"],
        "--since '1000000000d': expected a date",
    ),
    (["report", "--store", "sqlite:///s.json"], "s.json is not a SQLite database: move it away"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=range(len(USAGE)))
def test_wrong_usage_is_told_in_a_sentence(capsys, arguments, message):
    """What cannot be done exits with 2 and says why on stderr, without a traceback; nothing goes to stdout."""
    file("evil.json", '{"properties": {"\\u001b[2J": {"type": "nope"}}}')
    file("r.jsonl", '"x"')
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    said = [line for line in err.splitlines() if line.startswith("schema-guard: ")]
    assert [message in line for line in said] == [True], err


def test_debug_shows_the_traceback(capsys):
    """With --debug the error itself comes out."""
    with pytest.raises(schema_guard.InvalidSchema):
        main(["check", "none.json", "s.json", "--debug"])


RIGHT = ['{"a": 1}', '{"a": 2}']


def test_report_of_an_empty_store(capsys, folder):
    """A store that was never written has no data, is no error, and is not made by looking."""
    status, out, err = run(capsys, "report", "--store", "sqlite:///none.db")

    assert (status, err) == (0, "")
    assert out.startswith("no data: no guarded call is recorded in sqlite:")
    assert not (folder / "none.db").exists()


@pytest.mark.parametrize(
    ("since", "calls"), [("1h", 2), ("2020-01-01", 2), ("2100-01-01T00:00", 0), ("0m", 0)]
)
def test_report_since(capsys, folder, suite, since, calls):
    """A time is a date or so long ago."""
    store = "sqlite:///records.db"
    run(capsys, "bench", "suite", "--model", script(folder, *RIGHT), "--strategy", "bare", "--store", store)
    _, out, _ = run(capsys, "report", "--store", store, "--since", since, "--format", "json")

    assert sum(found["calls"] for found in json.loads(out)["configurations"]) == calls


def test_doctor_tells_what_is_installed(capsys):
    """Versions, extras, store and model are named, as text and as JSON."""
    keys = ["version", "engines", "extras", "store", "sqlite", "model"]
    status, text, _ = run(capsys, "doctor", "--store", "sqlite:///none.db")
    document = json.loads(run(capsys, "doctor", "--store", "sqlite:///none.db", "--format", "json")[1])

    assert status == 0
    assert [line.split()[0] for line in text.splitlines() if line[0] != " "] == keys
    assert list(document) == keys
    assert schema_guard.__version__ in document["version"]
    assert document["store"]["attempts"] == "0"


def test_doctor_tells_a_broken_store(capsys):
    """A store that cannot be opened is told as it is; the command itself succeeds."""
    status, out, _ = run(capsys, "doctor", "--store", "sqlite:///s.json", "--format", "json")

    assert status == 0
    assert "s.json" in json.dumps(json.loads(out)["store"])


def _process(*arguments, **options):
    root = Path(schema_guard.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(  # our own words
        [sys.executable, "-m", "schema_guard", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options,
    )  # fmt: skip


def test_module_is_the_command():
    """`python -m schema_guard` is the command, with its exit status."""
    process = _process("check", "s.json", file("bad.txt", "{}"))
    out, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (1, "")
    assert out.startswith("bad.txt: structure required\n")


@pytest.mark.parametrize("lines", [1, 20_000])
def test_reader_that_goes_away_is_no_error(lines):
    """When stdout is closed early the command ends at once, without a word."""
    process = _process("check", "s.json", file("all.jsonl", '{"a":1}\n' * lines))
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")


def test_no_colour_off_a_terminal():
    """Progress and results are plain text when they go to a pipe."""
    process = _process("bench", "none")
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (2, "")
    assert "\x1b" not in err
