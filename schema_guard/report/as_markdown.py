# SPDX-License-Identifier: Apache-2.0
"""A document as Markdown with GitHub's tables, for a pull request or a wiki.

Rules: Text that isn't ours can't open a tag, a link, a cell, a list, or an emphasis. Characters that don't print are
escaped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schema_guard.report.document import mapped
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schema_guard.report.document import Document, Section, Table

# An underscore inside a word is no mark. GitHub makes links of http:// and www. (GFM 0.29, section 6.9). Marks of lists
# are at the beginning of a text, before a space.
_MARKS = re.compile(
    r"[\\`*\[|~#]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.|^[-+](?=\s)|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s)",
    re.IGNORECASE,
)
_TAGS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_markdown(document: Document) -> str:
    """Return a document as Markdown that ends without a line break."""
    marked = mapped(document, escaped)
    facts = "\n".join(f"- {label}: {text}" for label, text in marked.facts)
    parts = [f"# {marked.title}", facts, *(part for section in marked.sections for part in _parts(section))]
    return "\n\n".join(part for part in parts if part)


def _parts(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield section.gloss
    if section.table:
        yield "\n".join(_table(section.table))
    yield "\n".join(f"- {line}" for line in section.lines)
    for heading, gloss, text in section.quotes:
        yield f"### {heading}"
        yield gloss
        yield "no text came back" if text is None else f"> {text}"


def _table(table: Table) -> Iterator[str]:
    yield _row(table.header)
    yield _row("---" if column in table.flush_left else "---:" for column in range(len(table.header)))
    yield from map(_row, table.rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is.

    >>> print(escaped("a|b <i> _c_"))
    a\|b &lt;i&gt; \_c\_
    """
    return _MARKS.sub(r"\\\g<0>", safe(text).translate(_TAGS))
