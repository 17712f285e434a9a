"""The options of all commands: how many there are, and how the help describes them."""

import click
import pytest

from schema_guard import InvalidArgument
from schema_guard.bench.run.journal import _decoded
from schema_guard.cli.command import command
from schema_guard.cli.shared.group import LazyGroup
from schema_guard.cli.shared.options import json_file, key_value
from schema_guard.prices.costs import read_prices
from tests.needs import ALL, needs

pytestmark = needs(*ALL)
GLOBAL = {"--quiet", "--verbose", "--help", "--version"}


def commands_of(group=command, path=()):
    """Yield each command with its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        result = group.get_command(context, name)
        if isinstance(result, LazyGroup):
            yield from commands_of(result, (*path, name))
        else:
            yield " ".join((*path, name)), result


COMMANDS = dict(commands_of())


def options_of(found):
    """Return the options of a command, without the global ones."""
    return [one for one in found.params if isinstance(one, click.Option) and GLOBAL.isdisjoint(one.opts)]


def test_all_commands_have_at_most_200_options():
    """Global options do not count."""
    assert sum(len(options_of(result)) for result in COMMANDS.values()) <= 200


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_an_option_is_a_sentence_that_starts_with_a_noun_or_a_verb(name):
    """No help starts with "Of", and each ends with a period."""
    helps = {one.name: one.help or "" for one in options_of(COMMANDS[name])}

    assert {
        key: text for key, text in helps.items() if text.startswith("Of ") or not text.endswith(".")
    } == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_and_exit_statuses(name):
    """A reader of the help alone can type the command, and use it in a script."""
    text = COMMANDS[name].help or ""

    assert f"schema-guard {name}" in text
    assert "Exit status" in text


DEEP = "[" * 100_000


def read_deep_prices(file):
    read_prices(file)


def read_deep_evidence(file):
    json_file(str(file))


def resume_deep_journal(file):
    _decoded(file.read_text(), "journal", 1)


@pytest.mark.parametrize("read", [read_deep_prices, read_deep_evidence, resume_deep_journal])
def test_file_that_is_nested_too_deep_is_no_bug_of_ours(read, tmp_path):
    """Python's RecursionError for a user's JSON becomes an error that names the file."""
    file = tmp_path / "deep.json"
    file.write_text(DEEP)

    with pytest.raises((InvalidArgument, click.UsageError), match="JSON"):
        read(file)


def test_value_that_is_nested_too_deep_is_a_text():
    """A value on the command line that can't be read as JSON is taken as it is."""
    assert key_value(f"a={DEEP}") == ("a", DEEP)
