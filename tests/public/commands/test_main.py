"""The command `schema-guard` as a whole: what it says of itself, of wrong usage and of errors, and how it ends."""

import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

import schema_guard
from tests.needs import with_parts
from tests.public.commands.command_lines import COMMANDS, LEAVES, file, main, run


@pytest.mark.parametrize("command", with_parts(["", *COMMANDS, *LEAVES]))
def test_help_has_an_example(capsys, command):
    """The help of every command shows how it is called."""
    status, out, _ = run(capsys, *command.split(), "--help")

    assert status == 0
    assert re.search(rf"^ +schema-guard {command}", out, re.MULTILINE)


def test_version(capsys):
    """The version is that of the package."""
    assert run(capsys, "--version") == (0, f"schema-guard, version {schema_guard.__version__}\n", "")


USAGE = [
    (["reprot"], "no such command 'reprot'. Did you mean 'report'?"),
    (["store", "exprot"], "no such command 'store exprot'. Did you mean 'export'?"),
    (["check", "s.json", "f"], "no such command 'check'"),
    (["schema", "check", "s.json"], "Missing argument 'FILE...'."),
    (
        ["schema", "check", "--fromat", "json", "s.json", "f"],
        "No such option '--fromat'. Did you mean '--format'?",
    ),
    (["schema", "check", "s.json", "none.txt"], "none.txt: No such file or directory"),
    (["schema", "check", "s.json", "."], ".: Is a directory"),
    (
        ["schema", "check", "none.json", "s.json"],
        "schema-guard: schema file 'none.json' can't be read (No such file",
    ),
    (
        ["schema", "check", "evil.json", "s.json"],
        r"schema-guard: schema is invalid at /properties/\x1b[2J/type: ",
    ),
    (
        ["schema", "check", "s.json", "s.json", "--format", "xml"],
        "Invalid value for '--format': 'xml' is not one of",
    ),
    (
        ["report"],
        "$SCHEMA_GUARD_STORE is 'none', so there is no store. Name a store with --store sqlite:///FILE",
    ),
    (["report", "--store", "mysql://x"], "schema-guard: store 'mysql://x': unknown scheme 'mysql'"),
    (
        ["report", "--store", "sqlite:///r.db", "--since", "noon"],
        "Invalid value for '--since': 'noon': expected a date such as",
    ),
    (
        ["report", "--store", "sqlite:///r.db", "--since", f"{10**9}d"],
        "Invalid value for '--since': '1000000000d': expected a date",
    ),
    (["report", "--store", "sqlite:///s.json"], "s.json is not a SQLite database. Move it away"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=range(len(USAGE)))
def test_wrong_usage_is_told_in_a_sentence(capsys, arguments, message):
    """What cannot be done exits with 2 and says why on stderr, without a traceback; nothing goes to stdout."""
    file("evil.json", '{"properties": {"\\u001b[2J": {"type": "nope"}}}')
    file("r.jsonl", '"x"')
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("schema-guard: ")]
    assert [message in line for line in lines] == [True], err


def test_verbose_shows_the_traceback(capsys):
    """With --verbose, the error itself comes out."""
    with pytest.raises(schema_guard.InvalidSchema):
        main(["schema", "check", "none.json", "s.json", "--verbose"])


def _process(*arguments, **options):
    root = Path(schema_guard.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(  # our own words
        [sys.executable, "-m", "schema_guard", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options,
    )  # fmt: skip


def test_module_is_the_command():
    """`python -m schema_guard` is the command, with its exit status."""
    process = _process("schema", "check", "s.json", file("bad.txt", "{}"))
    out, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (1, "")
    assert out.startswith("bad.txt: structure required\n")


@pytest.mark.costly
@pytest.mark.parametrize("lines", [1, 20_000])
def test_reader_that_goes_away_is_no_error(lines):
    """When stdout is closed early the command ends at once, without a word."""
    process = _process("schema", "check", "s.json", file("all.jsonl", '{"a":1}\n' * lines))
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=30)

    assert (process.returncode, err) == (0, "")


@pytest.mark.costly
def test_no_colour_off_a_terminal():
    """Progress and results are plain text when they go to a pipe."""
    process = _process("bench", "run", "none")
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (2, "")
    assert "\x1b" not in err


def test_help_fits_a_narrow_terminal(capsys, monkeypatch):
    """With COLUMNS=60, help lines have at most 60 characters."""
    monkeypatch.setenv("COLUMNS", "60")
    options = run(capsys, "decide", "--help")[1].partition("Options:")[2].splitlines()

    assert len(options) > 60
    assert max(map(len, options)) <= 60


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            MemoryError(),
            "out of memory. Pass less data to the command. To print the traceback, add --verbose",
        ),
        (AssertionError(), "unexpected AssertionError. To print the traceback, add --verbose"),
        (KeyError("x"), "unexpected KeyError: 'x'. To print the traceback, add --verbose"),
    ],
)
def test_an_error_without_a_message_is_described(capsys, monkeypatch, error, message):
    """A Python error without a message is described in words."""
    buffer = mock.Mock(**{"read.side_effect": error, "readline.side_effect": error})
    monkeypatch.setattr("sys.stdin", mock.Mock(buffer=buffer))

    assert run(capsys, "schema", "check", "s.json", "-") == (2, "", f"schema-guard: {message}\n")
