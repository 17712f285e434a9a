# SPDX-License-Identifier: Apache-2.0
"""A document as plain text for a terminal, a pipe, or a log.

Rules: a command is always in one line, so that you can paste it; every text of a stranger is escaped, and none can begin
a line.
"""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from schema_guard.report.document import Table, Tone, mapped
from schema_guard.report.words import shortened
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.report.document import Document, Quote, Section

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

# A name that readers do not copy into a command.
_NAME = re.compile(r"[\w.<>:,]+")

# Escaping has already removed this character from texts of strangers.
_NO_BREAK = "\u00a0"

# A narrower column of text is no easier to read than a line that is too long.
_NARROWEST = 30
# A shorter name of a function can't be recognized.
_SHORTEST_NAME = 20

_COLORS = {Tone.GOOD: "32", Tone.BAD: "31", Tone.OPEN: "33", Tone.PLAIN: "0"}
_TONES = {
    **dict.fromkeys(("fails at", "problem", "fail", "too many failures", "FAIL"), Tone.BAD),
    **dict.fromkeys(("try", "switch to", "but", "missing", "blocked by", "needs", "changed"), Tone.OPEN),
    **dict.fromkeys(("lost records", "stopped", "inconclusive", "not decided yet"), Tone.OPEN),
    **dict.fromkeys(("pass", "good enough"), Tone.GOOD),
}


def as_text(document: Document, *, width: int | None = None, has_colors: bool = False) -> str:
    """Write a document as text that ends without a line break.

    Args:
        document: The document.
        width: The columns of the terminal. None for a pipe or a file: 110 columns, and words of any length.
        has_colors: Whether to print the title in bold, and good and bad news in color.
    """
    printable = mapped(document, safe)
    writer = _Writer(width, has_colors)
    blocks = [writer.head(printable), *map(writer.section, printable.sections)]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)


class _Writer:
    """Lines of a width, with or without colors."""

    def __init__(self, width: int | None, has_colors: bool) -> None:
        self._is_cut = width is not None
        self._width = width or _WIDTH
        self._has_colors = has_colors

    def head(self, document: Document) -> Iterator[str]:
        for line in self._folded(document.title, self._width):
            yield self._painted(line, f"1;{_COLORS[document.tone]}" if document.tone != Tone.PLAIN else "1")
        width = max([_LEAST_LABEL, *(len(fact.label) + 2 for fact in document.facts)])
        for label, text in document.facts:
            first, *others = self._hung(label.ljust(width), text)
            yield self._toned(label) + first[len(label) :]
            yield from others

    def section(self, section: Section) -> Iterator[str]:
        yield self._painted(section.title, "1")
        if section.gloss:
            yield from self._hung("  ", section.gloss)
        if section.table:
            yield from self._table(section.table)
        for line in section.lines:
            yield from self._hung("  - ", line)
        for quote in section.quotes:
            yield from self._quote(quote)

    def _quote(self, quote: Quote) -> Iterator[str]:
        yield from self._hung("  - ", quote.heading)
        yield from self._hung("    ", quote.gloss)
        yield from self._hung("    > ", "no text came back" if quote.text is None else quote.text)

    def _hung(self, label: str, text: str) -> Iterator[str]:
        """Yield a text behind its label, in as many lines as it takes, all of them indented as the first."""
        for index, line in enumerate(self._folded(text, self._width - len(label))):
            yield (label if index == 0 else " " * len(label)) + line

    def _folded(self, text: str, width: int) -> list[str]:
        """Break a text between words. A command stays in one line; a terminal gets a short form of a longer name."""
        whole = _COMMAND.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
        if self._is_cut:
            whole = " ".join(
                shortened([word], width)[0] if len(word) > width and _NAME.fullmatch(word) else word
                for word in whole.split(" ")
            )
        lines = wrap(whole, width, break_long_words=False, break_on_hyphens=False) or [""]
        return [line.replace(_NO_BREAK, " ") for line in lines]

    def _table(self, table: Table) -> Iterator[str]:
        """Yield the lines of a table: as columns if they fit, otherwise as a list of its rows."""
        last = len(table.header) - 1
        is_folded = last in table.flush_left
        cells = [table.header, *table.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(last + 1)]
        if is_folded:
            widths[last] = _NARROWEST
        excess = sum(width + 2 for width in widths) - self._width
        names = [row[0] for row in table.rows]
        if self._is_cut and excess > 0:
            if widths[0] - excess < _SHORTEST_NAME:
                yield from self._list(table)
                return
            widths[0] -= excess
            names = shortened(names, widths[0])
        if is_folded:
            widths[last] = max(self._width - 2 - sum(width + 2 for width in widths[:last]), _NARROWEST)
        for row in [table.header, *((name, *row[1:]) for name, row in zip(names, table.rows, strict=True))]:
            folded = self._folded(row[last], widths[last]) if is_folded else [row[last]]
            for number, line in enumerate(folded):
                shown = [*(row[:last] if number == 0 else [""] * last), line]
                yield "  " + "  ".join(self._padded(shown, widths, table.flush_left))

    def _list(self, table: Table) -> Iterator[str]:
        """Yield each row of a table as its name, with the other cells below it."""
        for name, *cells in table.rows:
            yield from self._hung("  ", name)
            parts = [f"{header}: {cell}" for header, cell in zip(table.header[1:], cells, strict=True)]
            whole = (part.replace(" ", _NO_BREAK) if len(part) < _NARROWEST else part for part in parts)
            yield from self._hung("    ", ", ".join(whole))

    def _padded(self, row: Sequence[str], widths: Sequence[int], flush_left: Iterable[int]) -> Iterator[str]:
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - len(cell))
            yield self._toned(cell) + blanks if column in flush_left else blanks + self._toned(cell)

    def _toned(self, text: str) -> str:
        return self._painted(text, _COLORS[_TONES[text]]) if text in _TONES else text

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._has_colors and text else text
