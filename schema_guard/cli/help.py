# SPDX-License-Identifier: Apache-2.0
"""`help`: show a chapter of the documentation."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import click

from schema_guard.cli.shared.options import build_command
from schema_guard.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

# The beginning of a chapter: title, sentence, and the commands that it documents.
_OPENING = re.compile(r"# (?P<title>[^\n]+)\n\n(?P<about>[^\n]+)\n\n<!-- commands:(?P<commands>[^\n]*) -->\n")
# Comments are for authors, not for readers.
_COMMENT = re.compile(r"^<!-- .* -->\n+", re.MULTILINE)
# Links to another page, and to a heading of the same one.
_LINK = re.compile(r"(\()?\[([^]\n]+)\]\((?:(\w+)\.md)?(?:#[\w-]*)?\)(?(1)\))")
# Longer lines are hard to read.
_WIDEST = 100
_GROUPS = ("bench", "schema", "store", "tune")


class Chapter(NamedTuple):
    """A chapter of the documentation.

    Attributes:
        topic: Name of the file.
        title: Heading.
        about: Sentence under the heading.
        commands: Commands that the chapter documents, such as "store import".
        text: Whole chapter, in Markdown.
    """

    topic: str
    title: str
    about: str
    commands: tuple[str, ...]
    text: str


@build_command("help")
@click.argument("topic", nargs=-1, metavar="[TOPIC]")
def command(topic: tuple[str, ...]) -> int:
    """Show a chapter of the documentation.

    TOPIC is the name of a chapter or a command. Without TOPIC, the command lists the chapters. Exit status: 0 if
    the chapter is shown, or 2 if the topic does not exist.

    \b
    schema-guard help
    schema-guard help strategies
    schema-guard help store import
    """
    known = chapters()
    if topic:
        _show(_LINK.sub(_as_command, _find(known, " ".join(topic)).text))
    else:
        _list(known)
    return 0


def chapters() -> list[Chapter]:
    """Return the chapters that come with the package, by name."""
    folder = files("schema_guard") / "docs"
    pages = {page.name: page for page in folder.iterdir() if page.name.endswith(".md")}
    return [
        _chapter(name.removesuffix(".md"), page.read_text("utf-8")) for name, page in sorted(pages.items())
    ]


def _chapter(topic: str, text: str) -> Chapter:
    opening = _OPENING.match(text)
    if opening is None:
        raise ValueError(f"{topic}.md: expected a heading, a sentence, and a comment that lists the commands")
    commands = tuple(_commands(opening["commands"]))
    return Chapter(
        topic, opening["title"], _LINK.sub(_as_command, opening["about"]), commands, _COMMENT.sub("", text)
    )


def _as_command(link: re.Match[str]) -> str:
    """Return a link as its text, with the command that shows the linked page."""
    opening, text, page = link.groups()
    if page is None:
        return f"({text})" if opening else text
    return f"({text}, schema-guard help {page})" if opening else f"{text} (schema-guard help {page})"


def _commands(text: str) -> Iterator[str]:
    """Yield the commands of a list such as "decide, store info"."""
    words = iter(text.replace(",", " ").split())
    for word in words:
        yield f"{word} {next(words, '')}".strip() if word in _GROUPS else word


def _find(known: list[Chapter], topic: str) -> Chapter:
    by_name = {command: chapter for chapter in known for command in chapter.commands}
    # A group alone is the chapter of its first command.
    by_name |= {name.partition(" ")[0]: by_name[name] for name in sorted(by_name, reverse=True)}
    by_name |= {chapter.topic: chapter for chapter in known}
    if topic not in by_name:
        near = did_you_mean(topic, by_name) or ". To list all topics, run `schema-guard help`"
        raise click.UsageError(f"unknown topic {topic!r}{near}")
    return by_name[topic]


def _list(known: list[Chapter]) -> None:
    formatter = click.HelpFormatter(max_width=_WIDEST)
    formatter.write_dl([(one.topic, f"{one.title}. {one.about}") for one in known])
    print(formatter.getvalue())
    print("`schema-guard help TOPIC` shows a chapter. TOPIC can also be a command.")


def _show(text: str) -> None:
    """Print a chapter: formatted on a terminal, otherwise as it is written."""
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console  # imported late: takes 70 ms with the parser of Markdown
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, _WIDEST))
