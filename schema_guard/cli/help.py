# SPDX-License-Identifier: Apache-2.0
"""`help`: the chapters that come with the package, one by one."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from typing import NamedTuple

import click

from schema_guard.cli.shared.options import shared
from schema_guard.text import did_you_mean

# How a chapter begins: its title, a sentence, and the commands that it documents.
_OPENING = re.compile(r"# (?P<title>[^\n]+)\n\n(?P<about>[^\n]+)\n\n<!-- commands:(?P<commands>[^\n]*) -->\n")
# For those who keep the chapters, not for those who read them.
_COMMENT = re.compile(r"^<!-- .* -->\n+", re.MULTILINE)
# Longer lines are hard to read.
_WIDEST = 100


class Chapter(NamedTuple):
    """A chapter of the documentation.

    Attributes:
        topic: What it is asked for by: the name of its file.
        title: Its heading.
        about: The sentence under it.
        commands: The commands that it documents.
        text: All of it, in Markdown.
    """

    topic: str
    title: str
    about: str
    commands: tuple[str, ...]
    text: str


@click.command("help")
@click.argument("topic", required=False)
@shared("debug")
def command(topic: str | None) -> int:
    """Show a chapter of the documentation, by its name or a command's; without TOPIC: which there are.

    \b
    schema-guard help
    schema-guard help strategies
    schema-guard help decide
    """
    known = chapters()
    if topic is None:
        _list(known)
    else:
        _show(_find(known, topic).text)
    return 0


def chapters() -> list[Chapter]:
    """Give the chapters that come with the package, by their topics' names."""
    folder = files("schema_guard") / "docs"
    pages = {page.name: page for page in folder.iterdir() if page.name.endswith(".md")}
    return [
        _chapter(name.removesuffix(".md"), page.read_text("utf-8")) for name, page in sorted(pages.items())
    ]


def _chapter(topic: str, text: str) -> Chapter:
    opening = _OPENING.match(text)
    if opening is None:
        raise ValueError(f"{topic}.md: expected a heading, a sentence, and a comment that names its commands")
    commands = tuple(opening["commands"].split())
    return Chapter(topic, opening["title"], opening["about"], commands, _COMMENT.sub("", text))


def _find(known: list[Chapter], topic: str) -> Chapter:
    by_name = {command: chapter for chapter in known for command in chapter.commands}
    by_name |= {chapter.topic: chapter for chapter in known}
    if topic not in by_name:
        near = did_you_mean(topic, by_name) or "; `schema-guard help` lists them"
        raise click.UsageError(f"no topic {topic!r}{near}")
    return by_name[topic]


def _list(known: list[Chapter]) -> None:
    formatter = click.HelpFormatter(max_width=_WIDEST)
    formatter.write_dl([(one.topic, f"{one.title}. {one.about}") for one in known])
    print(formatter.getvalue())
    print("schema-guard help TOPIC shows one of them, or the one that documents the command TOPIC.")


def _show(text: str) -> None:
    """Print a chapter: set for a terminal, else as it is written."""
    if not sys.stdout.isatty():
        print(text, end="")
        return
    from rich.console import Console  # 70 ms with Markdown's parser, on a terminal only
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(text), width=min(console.width, _WIDEST))
