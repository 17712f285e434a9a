"""Markdown with GitHub's tables, in which no name can open a tag, a link to a page, a cell or an emphasis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.report.decision_sections import Section, Table

# An underscore inside a word is no mark. GitHub makes links of http:// and www. (GFM 0.29, section 6.9).
_MARKDOWN = re.compile(r"[\\`*\[|~#]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.")
_TAGS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def section_as_markdown(section: Section) -> str:
    """Give a section under a heading of level 2."""
    parts = [f"## {escaped(section.title)}"]
    if section.gloss:
        parts.append(escaped(section.gloss))
    if section.table:
        parts.append("\n".join(_table_as_markdown(section.table)))
    if section.lines:
        parts.append("\n".join(f"- {escaped(line)}" for line in section.lines))
    return "\n\n".join(parts)


def _table_as_markdown(table: Table) -> Iterator[str]:
    yield _row_as_markdown(table.header)
    yield (
        "|"
        + "|".join("---" if column in table.flush_left else "---:" for column in range(len(table.header)))
        + "|"
    )
    yield from map(_row_as_markdown, table.rows)


def _row_as_markdown(row: Iterable[str]) -> str:
    return f"| {' | '.join(map(escaped, row))} |"


def escaped(text: str) -> str:
    r"""Give a text that Markdown shows as it is.

    >>> print(escaped("a|b <i> _c_"))
    a\|b &lt;i&gt; \_c\_
    """
    return _MARKDOWN.sub(r"\\\g<0>", text.translate(_TAGS))
