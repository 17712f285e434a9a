r"""A verdict as plain text and as Markdown.

Rules: both show the same account, so the same numbers in the same words; text keeps to 110 columns where its
words allow; in Markdown no name can open a tag, a link, a cell or an emphasis.
"""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from schema_guard.report.decision_account import account_of
from schema_guard.report.markdown import escaped, section_as_markdown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schema_guard.decide import Verdict
    from schema_guard.report.decision_account import Account
    from schema_guard.report.decision_sections import Section, Table

_WIDTH = 110
_LABEL = 13

# A column of words narrower than this is no easier to read than a line that is too long.
_NARROWEST = 30


def decision_as_text(verdict: Verdict) -> str:
    """Give a verdict as text that ends without a line break: the answer first, the details below it."""
    account = account_of(verdict.as_dict())
    head = [line for label, text in account.facts for line in _hung(label.ljust(_LABEL), text)]
    return "\n\n".join("\n".join(lines) for lines in (head, *map(_section_as_text, account.sections)))


def decision_as_markdown(verdict: Verdict) -> str:
    """Give a verdict as Markdown with GitHub's tables, for a pull request or a wiki."""
    account = account_of(verdict.as_dict())
    parts = [_head_as_markdown(account), *map(section_as_markdown, account.sections)]
    return "\n\n".join(parts) + "\n"


def _section_as_text(section: Section) -> list[str]:
    return [
        *_hung("", section.title.upper()),
        *(_hung("  ", section.gloss) if section.gloss else ()),
        *(_table_as_text(section.table) if section.table else ()),
        *(row for line in section.lines for row in _hung("  - ", line)),
    ]


def _hung(label: str, text: str) -> list[str]:
    """Give a text behind its label, in as many lines as it takes, all of them indented as the first."""
    lines = _folded(text, _WIDTH - len(label))
    return [(label if index == 0 else " " * len(label)) + line for index, line in enumerate(lines)]


def _folded(text: str, width: int) -> list[str]:
    """Break a text between words; a word that is longer than a line stays whole."""
    return wrap(text, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [""]


def _table_as_text(table: Table) -> Iterator[str]:
    """Give the lines of a table; its last column is folded where the table would be too wide."""
    cells = [table.header, *table.rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.header))]
    last = len(widths) - 1
    if last in table.flush_left:
        widths[last] = max(_WIDTH - 2 - sum(width + 2 for width in widths[:last]), _NARROWEST)
    for row in cells:
        folded = [[cell] for cell in row[:last]] + [_folded(row[last], widths[last])]
        for number in range(len(folded[last])):
            shown = [column[number] if number < len(column) else "" for column in folded]
            yield ("  " + "  ".join(_padded(shown, widths, table.flush_left))).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int], flush_left: Iterable[int]) -> Iterator[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.ljust(width) if column in flush_left else cell.rjust(width)


def _head_as_markdown(account: Account) -> str:
    rows = [f"| {escaped(label)} | {escaped(text)} |" for label, text in account.facts[1:]]
    return "\n".join([f"# {escaped(account.verdict)}", "", "| | |", "|---|---|", *rows])
