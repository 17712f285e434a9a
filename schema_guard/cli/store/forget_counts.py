# SPDX-License-Identifier: Apache-2.0
"""`store forget-counts`: taking out what is counted, for ever."""

from __future__ import annotations

import click

from schema_guard.cli.shared.options import print_json, readable, shared
from schema_guard.records.payloads.retention import Forgotten
from schema_guard.text import plural, safe


@click.command("forget-counts")
@click.option("--function", metavar="NAME", help="Of this function, by its whole name.")
@click.option("--segment", metavar="NAME", help="Of this segment.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@shared("store", "format", "debug")
def command(function: str | None, segment: str | None, yes: bool, store: str | None, form: str) -> int:
    """Take out all that is counted of a function or a segment, with its rows and texts, for ever.

    \b
    schema-guard store forget-counts --function app.triage
    schema-guard store forget-counts --segment eu --yes --store sqlite:///records.db
    """
    if (function is None) == (segment is None):
        raise click.UsageError("expected --function or --segment: of what the counts are forgotten")
    what = Forgotten("function", function) if function is not None else Forgotten("segment", segment or "")
    found = readable(store)
    if not yes:
        question = (
            f"Take out all rows and counts of the {what.by} {safe(what.name)} in {safe(found.url)}, for ever?"
        )
        click.confirm(question, abort=True, err=True)
    done = found.forget_counts(what)
    if form == "json":
        print_json({"configurations": done})
    else:
        print(f"took out all of {plural(done, 'configuration')}")
    return 0
