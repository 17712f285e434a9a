# SPDX-License-Identifier: Apache-2.0
"""`store`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "check": "Look for damage: checksums, roll-ups against a recount, the file itself; exit status 1 when there is some.",
    "export": "Write the attempts into a file, as JSON Lines, CSV or Parquet.",
    "import": "Take files of `schema-guard store export` into a store; FILE may be `-`.",
    "merge": "Copy the records of other stores into one store: SQLite files, or any URL.",
    "info": "Show where a store is, how large it is, and how many attempts it has.",
    "prune": "Take out rows that are too old or too many; what is counted of them stays.",
    "forget": "Take out all rows and texts of a call, an input, a cluster, a segment or a function.",
    "forget-counts": "Take out what is counted of a function or a segment too, for ever.",
}


@click.group("store", cls=LazyGroup, package=__package__, path="store ", lines=LINES)
def command() -> None:
    """Inspect, check, prune, export, import and merge stores.

    \b
    schema-guard store info
    schema-guard store check
    schema-guard store export --output records.jsonl
    schema-guard store merge a.db b.db --store sqlite:///all.db
    """
