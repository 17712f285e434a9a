"""The command `help`: the chapters that come with the package."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import schema_guard
from tests.public.commands.command_lines import COMMANDS, LEAVES, run

GROUPS = {name.split()[0] for name in LEAVES}
ROOT = Path(schema_guard.__file__).parents[1]
OPENING = re.compile(r"# ([^\n]+)\n\n([^\n]+\.)\n\n<!-- commands:([^\n]*) -->")


class Chapter(NamedTuple):
    """A chapter of the documentation, as its file begins."""

    topic: str
    title: str
    about: str
    commands: list[str]


def commands_in(text):
    """Return the commands that a comment lists. A group's name is part of the command's name."""
    words = iter(text.replace(",", " ").split())
    return [f"{word} {next(words)}" if word in GROUPS else word for word in words]


def chapters():
    """Return the chapters that come with the package, with links as `help` shows them."""
    results = []
    for path in sorted((ROOT / "schema_guard" / "docs").glob("*.md")):
        title, about, commands = OPENING.match(path.read_text("utf-8")).groups()
        about = re.sub(r"\[([^]]+)\]\((\w+)\.md(?:#[\w-]*)?\)", r"\1 (schema-guard help \2)", about)
        results.append(Chapter(path.stem, title, about, commands_in(commands)))
    return results


def test_topics_are_listed_with_their_first_words(capsys):
    """Without a topic each chapter has its name, its title and its sentence."""
    status, out, err = run(capsys, "help")

    text = " ".join(out.split())
    assert (status, err) == (0, "")
    assert [f"{one.topic} {one.title}. {one.about}" in text for one in chapters()] == [True] * len(chapters())


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.topic)
def test_a_chapter_comes_as_it_is_written_where_no_terminal_is(capsys, chapter):
    """Piped a chapter is its Markdown, without what is said to those who keep it."""
    status, out, _ = run(capsys, "help", chapter.topic)

    assert status == 0
    assert out.startswith(f"# {chapter.title}\n\n{chapter.about}\n\n")
    assert "\n<!--" not in out


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.topic)
def test_links_name_the_command_that_shows_the_page(capsys, chapter):
    """A terminal can't follow a link to a file."""
    _, out, _ = run(capsys, "help", chapter.topic)

    assert not re.search(r"\]\((?!http)", out)
    linked = re.findall(r"[(,] ?schema-guard help (\w+)\)", out)
    assert {*linked} <= {one.topic for one in chapters()}
    assert linked or chapter.topic not in ("tutorial", "verdicts")


@pytest.mark.parametrize("name", [*LEAVES, *(name for name in COMMANDS if name not in GROUPS)])
def test_every_command_has_a_chapter(capsys, name):
    """A command's name shows the chapter that documents it; a new one is named in the comment under a chapter's sentence."""
    status, out, _ = run(capsys, "help", *name.split())

    assert status == 0
    assert [one.title for one in chapters() if name in one.commands] == [out.partition("\n")[0][2:]]


@pytest.mark.parametrize(
    ("topic", "told"),
    [
        ("strategy", "unknown topic 'strategy'. Did you mean 'strategies'?"),
        ("store impor", "unknown topic 'store impor'. Did you mean 'store import'?"),
        ("xyzzy\x1b", r"unknown topic 'xyzzy\x1b'. To list all topics, run `schema-guard help`"),
    ],
)
def test_an_unknown_topic_is_told(capsys, topic, told):
    """Exit status 2, and the nearest topic or command."""
    assert run(capsys, "help", topic) == (2, "", f"schema-guard: {told}\n")


@pytest.mark.costly
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_it_set(environment, coloured):
    """On a terminal Markdown's marks become headings and code; colours go with NO_COLOR."""
    ours, theirs = pty.openpty()
    known = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    process = subprocess.Popen(  # our own words
        [sys.executable, "-m", "schema_guard", "help", "tutorial"], stdout=theirs,
        env={**known, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80", **environment},
    )  # fmt: skip
    os.close(theirs)
    out = b""
    try:
        while part := os.read(ours, 65_536):
            out += part
    except OSError:  # the other end was closed
        pass
    os.close(ours)

    assert process.wait(timeout=30) == 0
    assert b"# Tutorial" not in out
    assert b"Tutorial" in out.splitlines()[0]
    assert bool(re.search(rb"\x1b\[(?:\d+;)*3[1-6]", out)) is coloured
