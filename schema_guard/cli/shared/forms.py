# SPDX-License-Identifier: Apache-2.0
"""The form of a result, from `--format` or from the name of its file, and the result in that form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema_guard.cli.shared.given import is_given
from schema_guard.cli.shared.options import output_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.report.document import Document

__all__ = ["FORMS", "form_for", "json_text", "rendered", "write_output"]

FORMS = {".json": "json", ".html": "html", ".md": "markdown", ".txt": "text"}
"""The form of a file by the end of its name."""


def form_for(output: str | None, form: str) -> str:
    """Return the form of a result.

    Args:
        output: The file of `--output`; None for stdout. A file in a missing folder is an error.
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
    from schema_guard.cli.shared.terminal import text_for
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
