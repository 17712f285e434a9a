# SPDX-License-Identifier: Apache-2.0
"""The form of a result, from `--format` or from the name of its file, and the file itself."""

from __future__ import annotations

from pathlib import Path

from schema_guard.cli.shared.given import is_given
from schema_guard.cli.shared.options import output_path

__all__ = ["form_for", "write_output"]

_FORMS = {".json": "json", ".html": "html", ".md": "markdown", ".txt": "text"}


def form_for(output: str | None, form: str) -> str:
    """Return the form of a result.

    Args:
        output: The file of `--output`; None for stdout. A file in a missing folder is an error.
        form: The value of `--format`. It wins over the name of the file if the user typed it.
    """
    if output is None:
        return form
    path = output_path(output)
    return form if is_given("form") else _FORMS.get(path.suffix.lower(), form)


def write_output(output: str | None, text: str) -> None:
    """Print a result, or write it to the file of `--output`."""
    if output is None:
        print(text)
        return
    from schema_guard.records.private import write_private

    write_private(Path(output), text + "\n")
