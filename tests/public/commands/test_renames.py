"""Earlier commands and options are refused, and the error names the command or option of today."""

import json
from pathlib import Path

import pytest

from tests.needs import with_parts
from tests.public.commands.command_lines import command

RENAMES = json.loads((Path(__file__).parents[2] / "renames.json").read_text("utf-8"))


@pytest.mark.parametrize("earlier", RENAMES["commands"])
def test_error_for_an_earlier_command_names_the_new_one(earlier):
    """No earlier command is accepted."""
    assert command(*earlier.split()) == (
        2,
        "",
        f"schema-guard: {earlier} is now `{RENAMES['commands'][earlier]}`\n",
    )


@pytest.mark.parametrize("earlier", with_parts(RENAMES["options"]))
def test_error_for_an_earlier_option_names_the_new_one(earlier):
    """No earlier option is accepted."""
    status, out, err = command(*earlier.split(), "1")

    assert (status, out) == (2, "")
    assert err == f"schema-guard: {earlier.split()[-1]} is now {RENAMES['options'][earlier]}\n"
