# SPDX-License-Identifier: Apache-2.0
"""`schema check`: are these replies valid?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schema_guard.cli.shared.options import build_command, print_json, schema_of, shared
from schema_guard.failure_message import violation_lines
from schema_guard.judging import judge
from schema_guard.report import as_json
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.values import Judgement


@build_command("check")
@click.argument("schema", metavar="SCHEMA")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@shared("format")
def command(schema: str, files: tuple[str, ...], form: str) -> int:
    """Validate replies, or plain JSON documents, against SCHEMA.

    SCHEMA is a JSON Schema file, or module:Model. FILE is a text file, '-' for standard input, or a .jsonl file with
    one document on each line.

    Exit status: 0 if all are valid, 1 if one is not, 2 if a file cannot be read.

    \b
    schema-guard schema check invoice.schema.json reply.txt
    schema-guard schema check invoice.schema.json replies.jsonl --format json
    my-model | schema-guard schema check app.models:Invoice -
    """
    loaded = schema_of(schema, "SCHEMA")
    judged = [(name, judge(text, loaded, finish_reason="stop")) for name, text in _texts(files)]
    if form == "json":
        print_json([_as_json(name, judgement) for name, judgement in judged])
    else:
        for name, judgement in judged:
            print("\n".join(_as_text(name, judgement)))
    return 0 if all(judgement.ok for _, judgement in judged) else 1


def _as_json(name: str, judgement: Judgement[Any]) -> dict[str, object]:
    failure = judgement.failure
    return {
        "file": name,
        "ok": judgement.ok,
        "form": judgement.form,
        "failure": as_json(failure) if failure else None,
    }


def _as_text(name: str, judgement: Judgement[Any]) -> list[str]:
    failure = judgement.failure
    if failure is None:
        return [f"{safe(name)}: valid ({judgement.form})"]
    lines = violation_lines(failure.violations) or [f"    {safe(failure.message)}"]
    return [f"{safe(name)}: {failure.kind} {safe(failure.code)}", *lines]


def _texts(files: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{safe(name)}: {error.strerror}") from error
        # What is not UTF-8 becomes lone surrogates, which are refused as bad_unicode with their place.
        text = data.decode("utf-8", "surrogateescape")
        if name.endswith(".jsonl"):
            lines = text.splitlines() if "\u2028" not in text and "\x85" not in text else text.split("\n")
            yield from ((f"{name}:{number}", line) for number, line in enumerate(lines, 1) if line.strip())
        else:
            yield name, text
