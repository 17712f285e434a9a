# SPDX-License-Identifier: Apache-2.0
"""`store`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "check": "Check a store for damage.",
    "delete": "Delete old records, or the records of a call, an input, a customer, a segment, or a function.",
    "export": "Write the attempts to a file, as JSON Lines, CSV, or Parquet.",
    "import": "Import exported files, other stores, or replies from tracing tools and logs.",
    "info": "Show the location of a store, its size, and its number of attempts.",
}


@click.group("store", cls=LazyGroup, package=__package__, path="store ", lines=LINES)
def command() -> None:
    """Inspect, check, export, import, and delete records.

    \b
    schema-guard store info
    schema-guard store check
    schema-guard store export -o records.jsonl
    schema-guard store import a.db b.db --store sqlite:///all.db
    schema-guard store import traces.jsonl --from langfuse --schema invoice.json --traffic all
    schema-guard store delete --cluster customer-4711
    """
