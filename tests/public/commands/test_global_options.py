"""The options of every command: `--quiet`, `--verbose`, and `--help`, and the groups of options in the help."""

import json
import logging
import re

import pytest

from tests.needs import needs, with_parts
from tests.public.commands.command_lines import LEAVES, run

SINGLE = ("completion", "decide", "demo", "doctor", "help", "report", "watch")
CLASS_NAMES = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Argument|Extra|Part|Schema)\b:")
ERRORS = (
    "schema check none.json right.txt", "schema lint s.json --provider opena", "store info --store mysql://x",
    "store check --store s.json", "store export --store none.db", "store import none.jsonl --store r.db",
    "store import s.json --store r.db", "store delete --call a --store none.db", "tune prepare --schema none.json -o set",
    "tune run .", "schema probe --model nobody:x --dry-run", "report --store none.db",
)  # fmt: skip


@pytest.fixture
def filled(recorded, folder):
    """A store of two hundred calls, and a copy of it that has other calls."""
    (folder / "broken.jsonl").write_text("{")
    return folder


def sections(text):
    """Return the options of each section of a help text."""
    result, title = {}, None
    for line in text.splitlines():
        if line and not line.startswith(" "):
            title = line.rstrip(":")
        elif match := re.match(r"  (-[\w-]+(?:, --[\w-]+)?|--[\w-]+)", line):
            result.setdefault(title, []).append(match[1].rpartition(" ")[2])
    return result


@pytest.mark.parametrize("name", with_parts([*LEAVES, *SINGLE]))
def test_help_lists_at_most_twelve_common_options(capsys, name):
    """Rare options are under "Advanced options"."""
    result = sections(run(capsys, *name.split(), "--help")[1])

    assert len(result.get("Options", [])) <= 12
    assert result["Global options"] == ["--quiet", "--verbose", "--help"]


@needs("tuning")
def test_help_puts_rare_options_into_a_group(capsys):
    """`--seed` is not for a first-time reader."""
    result = sections(run(capsys, "tune", "prepare", "--help")[1])

    assert "--output" in result["Options"]
    assert "--seed" in result["Advanced options"]


@pytest.mark.parametrize("name", with_parts([*LEAVES, *SINGLE]))
def test_help_fits_sixty_columns(capsys, monkeypatch, name):
    """With COLUMNS=60, no line about an option is longer."""
    monkeypatch.setenv("COLUMNS", "60")
    options = re.split(
        r"^(?:Options|Global options):",
        run(capsys, *name.split(), "--help")[1],
        maxsplit=1,
        flags=re.MULTILINE,
    )[1]

    assert [line for line in options.splitlines() if len(line) > 60] == []


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_quiet_prints_no_notes(capsys, filled, flag):
    """The result is the same, and stderr is empty."""
    loud = run(capsys, "store", "delete", "--max-rows", "150", "--yes")
    quiet = run(capsys, "store", "delete", "--max-rows", "100", "--yes", flag)

    assert loud[2] == "Counts and failure rates stay as they are.\n"
    assert quiet[1:] == ("deleted 50 attempts beyond the limit\n100 attempts left\n", "")


def test_quiet_before_the_command_counts_too(capsys, filled):
    """The option can be at any place of the command line."""
    assert run(capsys, "-q", "store", "delete", "--max-rows", "150", "--yes")[2] == ""


def test_quiet_does_not_hide_an_error(capsys, filled):
    """An error is no note."""
    status, _, err = run(capsys, "store", "delete", "--call", "none", "--yes", "-q")

    assert (status, err[:14]) == (2, "schema-guard: ")


def test_verbose_logs_to_stderr_only(capsys, filled):
    """The result on stdout stays the same."""
    plain = run(capsys, "store", "info", "--format", "json")
    verbose = run(capsys, "store", "info", "--format", "json", "-v")

    assert json.loads(verbose[1]) == json.loads(plain[1])


def test_verbose_ends_with_its_command(capsys, filled):
    """A program that calls the command has its own level of the log afterward."""
    logger = logging.getLogger("schema_guard")
    before = logger.level
    status, _, _ = run(capsys, "store", "info", "-v")

    assert (status, logger.level) == (0, before)


@pytest.mark.parametrize("line", with_parts(ERRORS))
def test_errors_show_no_exception_class_and_no_python_argument(capsys, folder, line):
    """The message is for people who type commands."""
    (folder / "right.txt").write_text('{"a": 1}')
    status, out, err = run(capsys, *line.split())

    assert (status, out) == (2, "")
    assert err.startswith("schema-guard: ")
    assert not CLASS_NAMES.search(err)
    assert not re.match(r"schema-guard: \w+=", err)


def test_error_for_missing_slashes_suggests_the_url(capsys):
    """`sqlite:records.db` is a common slip."""
    _, _, err = run(capsys, "store", "info", "--store", "sqlite:records.db")

    assert (
        err
        == "schema-guard: store 'sqlite:records.db': the slashes after the scheme are missing. Did you mean 'sqlite:///records.db'?\n"
    )
