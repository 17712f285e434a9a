# SPDX-License-Identifier: Apache-2.0
"""`store prune`: taking out rows that are too old or too many."""

from __future__ import annotations

import click

from schema_guard.cli.shared.options import readable, shared
from schema_guard.cli.store.gone import say
from schema_guard.records.payloads.retention import Retention


@click.command("prune")
@click.option("--older-than", metavar="AGE", help="Rows of calls that began longer ago go: 90d, 12h, 2w.")
@click.option(
    "--max-rows", metavar="N", help="Of more attempts the ones that were stored first go: 1000000, 500k."
)
@click.option(
    "--max-bytes", metavar="N", help="While the store holds more, the ones that were stored first go: 2GB."
)
@shared("store", "format", "debug")
def command(
    older_than: str | None, max_rows: str | None, max_bytes: str | None, store: str | None, form: str
) -> int:
    """Take out rows that are too old or too many, with their texts; what is counted of them stays.

    Without an option it is what the store's URL says: records.db?max_age=90d. Nothing of the rows is left in the file
    and its log; that the file is written anew for it holds up writers for a second or so a gigabyte.

    \b
    schema-guard store prune --older-than 90d
    schema-guard store prune --max-rows 1000000 --max-bytes 2GB --store sqlite:///records.db
    """
    named = {"max_age": older_than, "max_rows": max_rows, "max_bytes": max_bytes}
    asked = Retention.named({name: said for name, said in named.items() if said is not None})
    found = readable(store)
    kept = asked if asked.is_limited else found.retention
    if not kept.is_limited:
        raise click.UsageError(
            "nothing says what is too old or too many: expected --older-than, --max-rows or --max-bytes"
        )
    removed = found.prune(kept)
    say(removed, found.info().rows, form, "What was counted of them stays.")
    return 0
