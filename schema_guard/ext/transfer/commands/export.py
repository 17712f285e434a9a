# SPDX-License-Identifier: Apache-2.0
"""`store export`: write a store to a file."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass

import click

import schema_guard
from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import WhichRows, build_command, existing, option, shared, takes
from schema_guard.cli.shared.progress import steps
from schema_guard.ext.transfer.exporter import FORMS, Form, export
from schema_guard.ext.transfer.files import STANDARD, written
from schema_guard.ext.transfer.moved import TEXTS_AS
from schema_guard.records.attempts import Where
from schema_guard.records.selection import no_calls, select
from schema_guard.text import plural, safe


@dataclass(frozen=True, kw_only=True)
class File:
    """The file to write."""

    output: str = option(
        "--output",
        "-o",
        metavar="FILE",
        default=STANDARD,
        show_default=False,
        help="File for the exported attempts. Default: standard output.",
    )
    form: str | None = option(
        "--format",
        type=click.Choice(FORMS),
        help="Format of the file. Default: the format that the file extension names, or jsonl if it names no format.",
    )
    texts: str | None = option(
        type=click.Choice(TEXTS_AS),
        help="Also export the stored texts of prompts and replies. With `redacted`, the file contains no credentials or personal data. With `kept`, the texts are unchanged.",
    )


@build_command("export")
@takes(which=WhichRows, file=File)
@shared("store")
def command(which: WhichRows, file: File, store: str | None) -> int:
    """Write the attempts to a file, as JSON Lines, CSV, or Parquet.

    The file has one row for each attempt. Only the owner of a new file can read it. `schema-guard store import` reads
    only JSON Lines. Use CSV and Parquet for other programs.

    Exit status: 0 if the attempts are exported, or 2 if they can't be exported.

    \b
    schema-guard store export -o records.jsonl
    schema-guard store export --since 7d -o week.csv
    schema-guard store export --function app.extract --format csv | head
    """
    which_form = _form_of(file)
    records = existing(store)
    if file.output == STANDARD and which_form != "jsonl" and sys.stdout.isatty():
        raise click.UsageError(
            f"the format {which_form} can't be printed in a terminal. Name a file with --output, or use a pipe"
        )
    where = _where(which, records)
    with written(file.output, records.backend) as stream, steps("exported", records.info().rows) as on_step:
        texts = next((how for how in TEXTS_AS if how == file.texts), None)
        attempts = export(records.backend, stream, which_form, where, texts=texts, on_step=on_step)
    if not attempts:
        note(f"{no_calls(records, **asdict(which))} in {records.url}")
    if file.output != STANDARD:
        print(f"exported {plural(attempts, 'attempt')} to {safe(file.output)}")
    return 0


def _form_of(file: File) -> Form:
    name = file.form or file.output.lower().rpartition(".")[2]
    return next((form for form in FORMS if form == name), "jsonl")


def _where(which: WhichRows, store: schema_guard.records.Store) -> Where:
    if which.schema is which.function is None:
        return Where(which.since, which.until)
    chosen = select(store, store.names(), schema=which.schema, function=which.function)
    return Where(which.since, which.until, chosen.schema, chosen.function)
