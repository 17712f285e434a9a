# SPDX-License-Identifier: Apache-2.0
"""A document before it is written: a title, facts, and sections with tables, lines, and quotes.

Rules: A document is plain data. Every writer shows all of it, so no two outputs can differ. Each cell and line is
already text, and each figure is written once. Text that isn't ours is unchanged, because a terminal, Markdown, and a
page need different escapes.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    T = TypeVar("T")

# A command of a next step. It ends at the end of the text, or two blanks before a comment.
_COMMAND = re.compile(r"""schema-guard(?: (?!#)(?:'[^']*'|"[^"]*"|[^\s'"])+)+""")


class Tone(Enum):
    """The meaning of an answer. It sets the color on a page, so an undecided answer never looks good.

    `OPEN` is undecided, or a switch to something good enough. `PLAIN` is for figures without an answer.
    """

    GOOD = "pass"
    BAD = "fail"
    OPEN = "open"
    PLAIN = "plain"


class Fact(NamedTuple):
    """One line of the head: its subject and its text."""

    label: str
    text: str


class Table(NamedTuple):
    """Cells as text. The columns in *flush_left* contain words, and the others contain figures."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    flush_left: tuple[int, ...] = (0,)


class Quote(NamedTuple):
    """A text that isn't ours, with an explanation.

    Attributes:
        heading: The kind of failure that the text is an example of.
        gloss: The fault in the text.
        text: The text. None if there was none.
    """

    heading: str
    gloss: str
    text: str | None


class Section(NamedTuple):
    """A heading and its content.

    Attributes:
        title: Text of the heading.
        gloss: The meaning of the figures in plain words, or `""` if they need no explanation.
        table: None if the section has no table.
        lines: One fact each.
        quotes: Texts that aren't ours.
    """

    title: str
    gloss: str = ""
    table: Table | None = None
    lines: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()


class Document(NamedTuple):
    """The content that every writer shows.

    Attributes:
        title: The answer or the subject, in one line.
        facts: The head, most important first.
        sections: The details.
        tone: The meaning of the answer.
    """

    title: str
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    tone: Tone = Tone.PLAIN


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a next step, and whether each is a command.

    >>> list(pieces("undo it, then: schema-guard decide --full  # when it is done"))
    [(False, 'undo it, then:'), (True, 'schema-guard decide --full'), (False, 'when it is done')]
    """
    at = 0
    for command in (*_COMMAND.finditer(text), None):
        prose = text[at : command.start() if command else None].strip(" #")
        if prose:
            yield False, prose
        if command:
            yield True, command[0]
            at = command.end()


def mapped(value: T, change: Callable[[str], str]) -> T:
    """Return a document, or a part of one, with every text changed.

    >>> mapped(Fact("a", "b"), str.upper)
    Fact(label='A', text='B')
    """
    return _mapped(value, change)  # type: ignore[no-any-return]


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if not isinstance(value, tuple):
        return value
    members = [_mapped(member, change) for member in value]
    return type(value)(*members) if hasattr(value, "_fields") else tuple(members)
