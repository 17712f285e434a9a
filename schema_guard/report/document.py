# SPDX-License-Identifier: Apache-2.0
"""What there is to say of a thing, before it is written: a title, facts, and sections with tables, lines and quotes.

Rules: a document is plain data that every writer shows whole, so that no two outputs can differ; each cell and line is
words already, each figure written once; a stranger's text stands in it as it came, for what has to be escaped is
another thing in a terminal, in Markdown and on a page.
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
    """What an answer means; on a page its colour, so that what is not decided never looks good.

    `OPEN` is not decided, or a switch to something good enough. `PLAIN` is no answer but figures.
    """

    GOOD = "pass"
    BAD = "fail"
    OPEN = "open"
    PLAIN = "plain"


class Fact(NamedTuple):
    """One line of the head: what it is about, and what there is to say."""

    label: str
    text: str


class Table(NamedTuple):
    """Cells as words; the columns of *flush_left* hold text, the others figures."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    flush_left: tuple[int, ...] = (0,)


class Quote(NamedTuple):
    """A text of a stranger's, with what is said about it.

    Attributes:
        heading: What it is an example of.
        gloss: What is wrong with it.
        text: The text; None where there was none.
    """

    heading: str
    gloss: str
    text: str | None


class Section(NamedTuple):
    """A heading with what stands under it.

    Attributes:
        title: As the heading says it.
        gloss: What the figures mean, in plain words; `""` where they speak for themselves.
        table: None where there is none.
        lines: One fact each.
        quotes: Texts of strangers.
    """

    title: str
    gloss: str = ""
    table: Table | None = None
    lines: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()


class Document(NamedTuple):
    """What every writer shows.

    Attributes:
        title: The answer, or what this is about, in one line.
        facts: The head, most important first.
        sections: The details.
        tone: What the answer means.
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
