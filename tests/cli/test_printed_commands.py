"""Every command that the documentation, the help, or a message prints is valid."""

import ast
import re
import shlex
from pathlib import Path

import click
import pytest

import schema_guard
from tests.cli.parsing import parsed

PACKAGE = Path(schema_guard.__file__).parent
ROOT = PACKAGE.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "schemas" / "README.md",
    *sorted((PACKAGE / "docs").glob("*.md")),
    *sorted(PACKAGE.rglob("*.schema.json")),
]
# A command ends with its line or its quotation, before a comment, a pipe, or the gap before a table's next cell.
COMMAND = re.compile(r"(?<![\w'./-])schema-guard ([a-z][^\n`;|#]*?)(?=$|[\n`;|#]| {2,}|\\\")")
# Words that follow the name of the program in prose.
PROSE = {"and", "brings", "has", "is", "on", "or", "reads", "that", "to", "wrote"}
# A mark in a comment on a pull request, and the title of a page.
TITLES = ("comment -->", "outcome")
# A constant in a key, which decides the split of a training set. A new one would change every split.
KEPT = "export X"
PLACEHOLDER = re.compile(r"'[^']*[A-Z][^']*'")


def texts_of(path):
    """Yield the string literals of a module. A value inside an f-string becomes X, or nothing after a word."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.JoinedStr):
            text = ""
            for part in node.values:
                is_first = text[-1:] in ("", " ", "=", "'", '"')
                text += part.value if isinstance(part, ast.Constant) else "X" if is_first else ""
            yield text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def printed():
    """Yield each command with the file that prints it."""
    for path in PAGES:
        yield from ((path, result) for result in COMMAND.findall(path.read_text("utf-8")))
    for path in sorted(PACKAGE.rglob("*.py")):
        for text in texts_of(path):
            yield from ((path, result) for result in COMMAND.findall(text))


def fault_of(line):
    """Return why a command cannot be typed; None if it can, or is a part of a command."""
    line = re.split(r" (?:2>|>|&&|\() ?|, ", line)[0].strip().rstrip(".,:")
    line = re.sub(r"\{\w*\}", "", line)
    if line.split()[0] in PROSE or line in (KEPT, KEPT[:-2], *TITLES):
        return None
    try:
        shlex.split(line)
    except ValueError:
        return None  # a part of a sentence
    try:
        parsed(line)
    except click.UsageError as error:
        text = error.format_message()
        is_named = isinstance(error, click.NoSuchOption) or "no such command" in text or "is now" in text
        is_value = isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)
        is_wrong = is_value and "does not exist" not in text and not PLACEHOLDER.search(text)
        return f"{line!r}: {text}" if is_named or is_wrong else None
    except click.exceptions.Exit:
        return None  # --help
    return None


@pytest.mark.costly
def test_every_printed_command_can_be_typed():
    """The command line accepts the command, its options, and their values."""
    faults = [f"{path.relative_to(ROOT)}: {fault}" for path, line in printed() if (fault := fault_of(line))]

    assert faults == []


def test_commands_are_found_in_pages_and_messages():
    """The search finds commands in the README, a page, and a module."""
    results = {path.name for path, _ in printed()}

    assert results >= {"README.md", "deciding.md", "reasons.py", "command.py"}
