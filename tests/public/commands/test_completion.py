"""The completion of a shell: bash with the script of `schema-guard completion bash`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import schema_guard
from tests.public.commands.command_lines import run

ROOT = Path(schema_guard.__file__).parents[1]
# Loads the script, sets the words of a command line, and prints what the shell would offer.
SESSION = """
eval "$(schema-guard completion bash)"
COMP_WORDS=({words})
COMP_CWORD={at}
_schema_guard_completion schema-guard
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def offered(folder, monkeypatch):
    """Return the words that bash offers for the end of a command line."""
    bash = shutil.which("bash")
    assert bash is not None, "the tests of completion need bash"
    program = folder / "bin" / "schema-guard"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m schema_guard "$@"\n')
    program.chmod(0o755)

    def offered(line):
        words = ["schema-guard", *line.split(" ")]
        quoted = " ".join(f"'{word}'" for word in words)
        environment = {
            **os.environ,
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        done = subprocess.run(
            [bash, "--norc", "-c", SESSION.format(words=quoted, at=len(words) - 1)],
            capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
        return done.stdout.split(), done.stderr

    return offered


@pytest.mark.costly
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sto", {"store"}),
        ("store d", {"delete"}),
        ("store delete --old", {"--older-than"}),
        ("schema lint --for", {"--format"}),
        ("schema lint --format s", {"sarif"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes_commands_options_and_choices(offered, line, words):
    """The script offers the words that the command line takes."""
    assert offered(line) == (sorted(words), "") or {*offered(line)[0]} == words


@pytest.mark.costly
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("report --function ", ["extract", "shop.extract"]),
        ("store delete --function shop.", ["shop.extract"]),
        ("report --schema t", ["ticket"]),
        ("report --store records.db --function ext", ["extract"]),
    ],
)
def test_bash_completes_names_from_the_store(offered, recorded, line, words):
    """Functions and schemas come from the default store, or from the one of `--store`."""
    assert offered(line) == (words, "")


@pytest.mark.costly
def test_bash_offers_nothing_for_a_store_that_cannot_be_read(offered):
    """The shell shows no error."""
    assert offered("report --store s.json --function ") == ([], "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_a_script_for_each_shell(capsys, shell):
    """The script names the program and its variable."""
    status, out, err = run(capsys, "completion", shell)

    assert (status, err) == (0, "")
    assert "_SCHEMA_GUARD_COMPLETE" in out
    assert "schema-guard" in out


def test_error_for_another_shell_lists_the_shells(capsys):
    """The exit status is 2."""
    status, _, err = run(capsys, "completion", "csh")

    assert status == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in err
