# SPDX-License-Identifier: Apache-2.0
"""`store export`: a store as a file."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

import schema_guard
from schema_guard.cli.shared.options import option, readable, shared, since_of, takes
from schema_guard.cli.shared.progress import steps
from schema_guard.ext.transfer.files import STANDARD, written
from schema_guard.ext.transfer.forms import FORMS, Form
from schema_guard.ext.transfer.leaving import Leaving, export
from schema_guard.ext.transfer.texts import TEXTS_AS
from schema_guard.records.attempts import Where
from schema_guard.records.chosen import chosen_of
from schema_guard.text import plural, safe


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which attempts go into which file."""

    form: str | None = option(
        "--format", type=click.Choice(FORMS), help="Of the file. Else what its name ends in, else jsonl."
    )
    output: str = option("--output", "-o", metavar="FILE", default=STANDARD, help="Else standard output.")
    texts: str | None = option(
        type=click.Choice(TEXTS_AS),
        help="Prompts and replies too, where the store keeps them: without credentials and personal data, or as kept.",
    )
    since: str | None = option(
        metavar="TIME", help="Only calls from then on: 2026-11-01, 2026-11-01T08:00, or 90m, 24h, 7d ago."
    )
    until: str | None = option(metavar="TIME", help="Only calls from before then.")
    schema: str | None = option(metavar="NAME", help="Only this schema, by name or fingerprint.")
    function: str | None = option(
        metavar="NAME", help="Only this function: its name, or an end of it behind a dot that no other has."
    )


@click.command("export")
@takes(which=Which)
@shared("store", "debug")
def command(which: Which, store: str | None) -> int:
    """Write the attempts into a file, as JSON Lines, CSV or Parquet.

    One row an attempt, with what `schema-guard store import` needs to take them in elsewhere: declarations, counts
    of drops, and which key the hashes are of, though not the key. A new file can be read by its owner only.

    \b
    schema-guard store export --output records.jsonl
    schema-guard store export --since 7d --format csv > week.csv
    schema-guard store export --output records.parquet --function app.extract
    """
    form = _form_of(which)
    found = readable(store)
    if which.output == STANDARD and form != "jsonl" and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal: name a file with --output, or use a pipe")
    where = _where(which, found)
    with written(which.output, found.backend) as stream, steps("exported", found.info().rows) as on_step:
        texts = next((how for how in TEXTS_AS if how == which.texts), None)
        leaving = Leaving(form, where, schema_guard.__version__, texts, on_step)
        attempts = export(found.backend, stream, leaving)
    if which.output != STANDARD:
        print(f"exported {plural(attempts, 'attempt')} to {safe(which.output)}")
    return 0


def _form_of(which: Which) -> Form:
    name = which.form or which.output.lower().rpartition(".")[2]
    return next((form for form in FORMS if form == name), "jsonl")


def _where(which: Which, store: schema_guard.records.Store) -> Where:
    since, until = since_of(which.since), since_of(which.until, "--until")
    if which.schema is which.function is None:
        return Where(since, until)
    chosen = chosen_of(store, store.names(), schema=which.schema, function=which.function)
    return Where(since, until, chosen.schema, chosen.function)
