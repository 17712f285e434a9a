# SPDX-License-Identifier: Apache-2.0
"""`schema check`: are these replies valid?"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.bounded_lines import FileTooLarge, bounded_lines, mebibytes
from schema_guard.cli.shared.forms import fitted
from schema_guard.cli.shared.options import build_command, print_json, schema_of, shared
from schema_guard.failure_message import violation_lines
from schema_guard.judging import judge
from schema_guard.limits import DEFAULT_LIMITS
from schema_guard.providers.failures import bad_unicode
from schema_guard.report import as_json
from schema_guard.text import plural, reason_of, safe
from schema_guard.values import Failure, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.schema import Schema

_MOST = DEFAULT_LIMITS.max_bytes


@build_command("check")
@click.argument("schema", metavar="SCHEMA")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@shared("format")
def command(schema: str, files: tuple[str, ...], form: str) -> int:
    """Validate model replies or JSON documents against SCHEMA.

    SCHEMA is a JSON Schema file, or a model in your code as module:Model. FILE is a text file, '-' for
    standard input, or a .jsonl file with one document on each line.

    Exit status: 0 if all documents are valid, 1 if any document is invalid, or 2 if a file can't be read.

    \b
    schema-guard schema check invoice.schema.json reply.txt
    schema-guard schema check invoice.schema.json replies.jsonl --format json
    my-model | schema-guard schema check app.models:Invoice -
    """
    loaded = schema_of(schema, "SCHEMA")
    shown: list[Any] = []
    documents = invalid = 0
    for name, data in _documents(files):
        judgement = _judged(data, loaded)
        documents += 1
        invalid += not judgement.ok
        # Values of large files would not fit into memory together.
        shown += [_as_json(name, judgement)] if form == "json" else _as_text(name, judgement)
    if form == "json":
        print_json(shown)
    else:
        summary = (
            []
            if documents == 1
            else [
                f"{invalid or 'none'} of {plural(documents, 'document')} {'is' if invalid == 1 else 'are'} invalid"
            ]
        )
        print("".join(f"{line}\n" for line in fitted([*summary, *shown])), end="")
    return min(invalid, 1)


def _judged(data: bytes | None, schema: Schema[Any]) -> Judgement[Any]:
    """Validate a document. None is a document that is longer than the limit."""
    if data is None:
        failure = Failure("syntax", "too_large", f"expected a document of at most {mebibytes(_MOST)}")
        return Judgement(ok=False, value=None, failure=failure, form=None)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Judgement(ok=False, value=None, failure=bad_unicode(error), form=None)
    return judge(text, schema, finish_reason="stop")


def _as_json(name: str, judgement: Judgement[Any]) -> dict[str, object]:
    failure = judgement.failure
    return {
        "file": name,
        "ok": judgement.ok,
        "form": judgement.form,
        "coercions": [str(each) for each in judgement.coercions],
        "failure": as_json(failure) if failure else None,
    }


def _as_text(name: str, judgement: Judgement[Any]) -> list[str]:
    failure = judgement.failure
    if failure is None:
        coercions = "".join(f", {safe(str(each))}" for each in judgement.coercions)
        return [f"{safe(name)}: valid ({judgement.form}{coercions})"]
    lines = violation_lines(failure.violations) or [f"    {safe(failure.message)}"]
    return [f"{safe(name)}: {failure.kind} {safe(failure.code)}", *lines]


def _documents(files: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
    """Yield each document with its place. None for a document that is longer than the limit."""
    for name in files:
        try:
            with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
                if name.endswith(".jsonl"):
                    for number, line in enumerate(bounded_lines(stream, _MOST), 1):
                        if line is None or line.strip():
                            yield f"{name}:{number}", line
                else:
                    data = stream.read(_MOST + 1)
                    yield name, data if len(data) <= _MOST else None
        except (OSError, FileTooLarge) as error:
            raise click.UsageError(f"{safe(name)}: {reason_of(error)}") from error
