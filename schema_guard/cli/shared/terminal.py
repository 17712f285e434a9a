# SPDX-License-Identifier: Apache-2.0
"""The terminal of a command: its width, and whether it shows colors."""

from __future__ import annotations

import os
import sys
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING

from schema_guard.report.as_text import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from schema_guard.report.document import Document

_NARROWEST, _WIDEST = 60, 200


def text_for(output: str | Path | None, document: Document) -> str:
    """Write a document for the file of `--output`, or for stdout."""
    return as_text(document) if output else as_text(document, width=columns(), has_colors=has_colors())


def columns() -> int | None:
    """Return the width of the terminal, or $COLUMNS, from 60 to 200; None for a pipe without $COLUMNS."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return min(max(get_terminal_size().columns, _NARROWEST), _WIDEST)


def fitted(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines in the width of the terminal. The rest of a longer line is indented below it."""
    width = columns()
    for line in lines:
        if width is None or len(line) <= width:
            yield line
            continue
        by = " " * (len(line) - len(line.lstrip()) + 4)
        yield from wrap(line, width, subsequent_indent=by, break_long_words=False, break_on_hyphens=False)


def has_colors() -> bool:
    """Return whether stdout shows colors. $NO_COLOR and TERM=dumb switch them off, and $FORCE_COLOR on."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
