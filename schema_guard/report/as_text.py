# SPDX-License-Identifier: Apache-2.0
"""A document as plain text: for a terminal, a pipe, a log.

Rules: lines keep to 110 columns where their words and figures allow; a command stands in one line, so that it can be
copied and run; no text of a stranger's is shown unescaped, and
none can begin a line; a title is one line, whatever its length.
"""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from schema_guard.report.document import mapped
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.report.document import Document, Quote, Section, Table

_WIDTH = 110

# The facts of most documents then begin in one column.
_LEAST_LABEL = 13

# A word of a shell, with its quotes.
_WORD = r"""(?![-#])(?:'[^']*'|"[^"]*"|[^\s'"])+"""
# Our command with its options, each with its value.
_COMMAND = re.compile(
    r"schema-guard [a-z]+(?: (?:run|compare|check|lint|test|probe|info|export|import|delete|prepare))?"
    rf"(?: (?:--[a-z0-9-]+|-o)(?:[ =]{_WORD})?)*"
)

# Where a text has one of its own it is escaped by then.
_NO_BREAK = "\u00a0"

# A column of words narrower than this is no easier to read than a line that is too long.
_NARROWEST = 30


def as_text(document: Document) -> str:
    """Give a document as text that ends without a line break."""
    printable = mapped(document, safe)
    blocks = [_head(printable), *map(_section, printable.sections)]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)


def _head(document: Document) -> Iterator[str]:
    yield document.title
    width = max([_LEAST_LABEL, *(len(fact.label) + 2 for fact in document.facts)])
    for label, text in document.facts:
        yield from _hung(label.ljust(width), text)


def _section(section: Section) -> Iterator[str]:
    yield section.title
    if section.gloss:
        yield from _hung("  ", section.gloss)
    if section.table:
        yield from _table(section.table)
    for line in section.lines:
        yield from _hung("  - ", line)
    for quote in section.quotes:
        yield from _quote(quote)


def _quote(quote: Quote) -> Iterator[str]:
    yield from _hung("  - ", quote.heading)
    yield from _hung("    ", quote.gloss)
    yield from _hung("    > ", "no text came back" if quote.text is None else quote.text)


def _hung(label: str, text: str) -> Iterator[str]:
    """Give a text behind its label, in as many lines as it takes, all of them indented as the first."""
    for index, line in enumerate(_folded(text, _WIDTH - len(label))):
        yield (label if index == 0 else " " * len(label)) + line


def _folded(text: str, width: int) -> list[str]:
    """Break a text between words; a word that is longer than a line, or a command, stays whole."""
    whole = _COMMAND.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
    lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False) or [""]
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _table(table: Table) -> Iterator[str]:
    """Give the lines of a table; its last column is folded where it is text and the table would be too wide."""
    cells = [table.header, *table.rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.header))]
    last = len(widths) - 1
    if last in table.flush_left:
        widths[last] = max(_WIDTH - 2 - sum(width + 2 for width in widths[:last]), _NARROWEST)
    for row in cells:
        folded = _folded(row[last], widths[last]) if last in table.flush_left else [row[last]]
        for number, line in enumerate(folded):
            shown = [*(row[:last] if number == 0 else [""] * last), line]
            yield "  " + "  ".join(_padded(shown, widths, table.flush_left))


def _padded(row: Sequence[str], widths: Sequence[int], flush_left: Iterable[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if column in flush_left else cell.rjust(width)
