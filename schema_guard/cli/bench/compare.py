# SPDX-License-Identifier: Apache-2.0
"""`bench compare`: what has changed between two results; and how such commands read results and show what they found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.bench.result import result_from_file
from schema_guard.bench.result.compare import compare, compare_as_json, document_of
from schema_guard.cli.shared.options import print_json, shared
from schema_guard.report.as_markdown import as_markdown
from schema_guard.report.as_text import as_text
from schema_guard.text import safe

if TYPE_CHECKING:
    from schema_guard.bench.result import BenchResult


@click.command("compare")
@click.argument("before")
@click.argument("after")
@click.option("--column", metavar="NAME", help="Only this column; BEFORE=AFTER where it has two names.")
@shared("markdown", "debug")
def command(before: str, after: str, column: str | None, form: str) -> int:
    """Say what has changed from the result file BEFORE to AFTER: task by task, with bounds.

    Columns of the same name are compared, on the tasks that both results have.

    \b
    schema-guard bench compare before.json after.json
    schema-guard bench compare result.json result.json --column few_shot=strict_schema
    """
    found = compare(read_result(before), read_result(after), columns=column_pairs(column))
    print_found(form, found, compare_as_json, document_of)
    return 0


def read_result(name: str) -> BenchResult:
    """Read a result's file."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{safe(name)}: expected a result's file: {safe(str(error))}") from error
    return result_from_file(text, name=safe(name))


def column_pairs(text: str | None) -> list[tuple[str, str]] | None:
    """Read which columns to compare: one name for both results, or BEFORE=AFTER."""
    if text is None:
        return None
    before, separator, after = text.partition("=")
    return [(before, after if separator else before)]


def print_found(form: str, value: Any, as_json: Any, document_of: Any) -> None:
    """Print what was found in the form that was asked for."""
    if form == "json":
        print_json(as_json(value))
    else:
        print((as_markdown if form == "markdown" else as_text)(document_of(value)))
