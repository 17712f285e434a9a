# SPDX-License-Identifier: Apache-2.0
"""`store forget`: taking out all rows and texts of somebody or something."""

from __future__ import annotations

import sys

import click

from schema_guard.cli.shared.options import readable, shared
from schema_guard.cli.store.gone import say
from schema_guard.records.payloads.retention import Forgotten
from schema_guard.records.rows import keyed_hash

_STAYS = {
    "call": "It stays counted: in its hour, its configuration, and as a call of its input.",
    "input": "How often it was called stays counted, and no longer says which input it was.",
    "cluster": "How often it was called stays counted, and no longer says which cluster it was.",
    "segment": "What was counted stays, with its name: `schema-guard store forget-counts --segment` takes it out.",
    "function": "What was counted stays, with its name: `schema-guard store forget-counts --function` takes it out.",
}


@click.command("forget")
@click.option("--call", metavar="ID", help="The call of this id.")
@click.option(
    "--input", "text", metavar="TEXT", help="All calls with this prompt; `-` reads it from standard input."
)
@click.option("--input-hash", metavar="HASH", help="All calls whose input has this hash.")
@click.option("--cluster", metavar="NAME", help="All calls of tags(cluster=NAME).")
@click.option("--segment", metavar="NAME", help="All calls of tags(segment=NAME).")
@click.option("--function", metavar="NAME", help="All calls of a function, by its whole name.")
@shared("store", "format", "debug")
def command(
    text: str | None, input_hash: str | None, store: str | None, form: str, **named: str | None
) -> int:
    """Take out all rows and texts of a call, an input, a cluster, a segment or a function.

    Nothing of them is left in the file and its log. What was counted of them stays, and what that is is said; copies of
    the file that were made before are yours to delete.

    \b
    schema-guard store forget --cluster customer-4711
    schema-guard store forget --input - --store sqlite:///records.db < prompt.txt
    """
    asked = {
        by: name
        for by, name in {**named, "input": text, "input-hash": input_hash}.items()
        if name is not None
    }
    if len(asked) != 1:
        raise click.UsageError(
            "expected one of --call, --input, --input-hash, --cluster, --segment and --function: who is forgotten"
        )
    ((by, name),) = asked.items()
    found = readable(store)
    if by == "input":
        said = sys.stdin.read() if name == "-" else name
        with found.backend.reading() as snapshot:
            name = keyed_hash(said, snapshot.key() or b"")
    what = Forgotten("input" if by.startswith("input") else by, name)  # type: ignore[arg-type] # the options' names
    removed = found.forget(what)
    say(removed, found.info().rows, form, _STAYS[what.by])
    return 0
