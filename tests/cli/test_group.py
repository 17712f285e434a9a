"""Commands are files that are loaded when they are asked for, and options are the fields of dataclasses."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

import schema_guard
from schema_guard.cli.bench import command as bench
from schema_guard.cli.command import LINES, command
from schema_guard.cli.shared.options import argument, option, takes
from schema_guard.extensions import PARTS
from tests.needs import ALL, needs

ROOT = Path(schema_guard.__file__).parents[1]
PLUMBING = {"command", "options", "shared"}
LOADED = """
import contextlib, io, json, sys
from schema_guard.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[1:])
print(json.dumps([name for name in sys.modules if name.startswith("schema_guard.")]))
"""


def loaded_by(*arguments):
    """Give the modules of the package that a command line loads."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_what_the_command_says_of_itself_loads_no_command(arguments):
    """`--help` and `--version` cost click and the names of the commands."""
    plumbing = {f"schema_guard.cli.{name}" for name in ("command", "shared", "shared.group", "shared.notes")}
    plumbing |= {"schema_guard.configuration", "schema_guard.configuration.project"}  # every command reads it

    always = {"schema_guard.cli", "schema_guard.errors", "schema_guard.extensions", "schema_guard.text"}
    assert loaded_by(*arguments) == always | plumbing


@pytest.mark.costly
def test_a_command_loads_no_other_command():
    """`report` costs `report`."""
    files = {name.removeprefix("schema_guard.cli.") for name in loaded_by("report", "--help")}

    assert files & LINES.keys() == {"report"}


def test_every_command_file_is_listed():
    """A file of the folder is a command by its name, with a line in `LINES`, or what all of them share."""
    files = {
        path.stem.removesuffix("_")
        for path in (ROOT / "schema_guard" / "cli").iterdir()
        if path.stem[0] != "_"
    }

    of_parts = {name.partition(":")[2] for name in PARTS if name.startswith("command:")}
    assert (files - PLUMBING) | {name for name in of_parts if " " not in name} == LINES.keys()


@pytest.mark.parametrize(
    "group",
    [pytest.param(command, marks=needs(*ALL)), bench],
    ids=lambda group: group.name,
)
def test_lines_are_the_short_help_of_the_commands(group):
    """What a group says of a command is the first sentence of the command's own help."""
    context = click.Context(group)
    own = {
        name: group.get_command(context, name).get_short_help_str(1000)
        for name in group.list_commands(context)
    }
    listed = {
        name: click.Command(name, help=line).get_short_help_str(1000) for name, line in group.lines.items()
    }

    assert listed == own
    assert [group.get_command(context, name).name for name in own] == list(own)


@dataclass(frozen=True, kw_only=True)
class Asked:
    what: str = argument(default="all")
    most_calls: int | None = option(type=int)
    names: tuple[str, ...] = option("--name")


def test_options_are_read_into_their_dataclass():
    """A field is filled by the option that it names, or by the one of its own name."""
    values = []

    @click.command()
    @takes(asked=Asked)
    @click.option("--loud", is_flag=True)
    def look(asked, loud):
        values.append((asked, loud))
        return 0

    look.main(["--most-calls", "3", "--name", "a", "--name", "b", "--loud"], standalone_mode=False)
    look.main(["some"], standalone_mode=False)

    assert values == [
        (Asked(what="all", most_calls=3, names=("a", "b")), True),
        (Asked(what="some", most_calls=None, names=()), False),
    ]
