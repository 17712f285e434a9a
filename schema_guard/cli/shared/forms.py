# SPDX-License-Identifier: Apache-2.0
"""Choose the form of a result from `--format` or the name of its file, and write it in the width of the terminal."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from schema_guard.cli.shared.options import is_given, output_path
from schema_guard.report.as_text import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from schema_guard.report.document import Document


FORMS = {".json": "json", ".html": "html", ".md": "markdown", ".txt": "text"}
"""Extension of a file -> its form."""


def form_for(output: str | None, form: str) -> str:
    """Return the form of a result.

    Args:
        output: The file of `--output`. None for stdout. A file in a missing folder is an error.
        form: The value of `--format`. It wins over the name of the file if the user typed it.
    """
    if output is None:
        return form
    path = output_path(output)
    return form if is_given("form") else FORMS.get(path.suffix.lower(), form)


def json_text(value: Any) -> str:
    """Return a value as JSON, in ASCII."""
    return json.dumps(value, indent=2, ensure_ascii=True)


def rendered(
    form: str,
    document: Callable[[], Document],
    *,
    as_json: Callable[[], str],
    as_page: Callable[[], str] | None = None,
    output: str | Path | None = None,
) -> str:
    """Return a result in a form.

    Args:
        form: `text`, `json`, `markdown`, or `html`.
        document: Returns the document of the result.
        as_json: Returns its JSON.
        as_page: Returns its page. Default: the page of the document.
        output: The file that it is for. Default: stdout, in the width and colors of the terminal.
    """
    from schema_guard.cli.shared.forms import text_for
    from schema_guard.report.as_markdown import as_markdown
    from schema_guard.report.page import page

    if form == "json":
        return as_json()
    if form == "html":
        return page(document()) if as_page is None else as_page()
    return text_for(output, document()) if form == "text" else as_markdown(document())


def write_output(output: str | Path | None, text: str) -> None:
    """Print a result, or write it to the file of `--output`."""
    text = text.rstrip("\n")
    if output is None:
        print(text)
        return
    from schema_guard.records.private import write_private

    write_private(Path(output), text + "\n")


_NARROWEST, _WIDEST = 60, 200


def text_for(output: str | Path | None, document: Document) -> str:
    """Write a document for the file of `--output`, or for stdout."""
    return as_text(document) if output else as_text(document, width=columns(), has_colors=has_colors())


def columns() -> int | None:
    """Return the width of the terminal, or $COLUMNS, from 60 to 200. None for a pipe without $COLUMNS."""
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
