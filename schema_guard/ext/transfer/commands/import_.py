# SPDX-License-Identifier: Apache-2.0
"""`store import`: files that `store export` has written, taken into a store."""

from __future__ import annotations

import sys
from contextlib import ExitStack

import click

from schema_guard.cli.shared.options import readable, shared, takes
from schema_guard.cli.shared.progress import steps
from schema_guard.ext.transfer.adding import Taking
from schema_guard.ext.transfer.arriving import check, import_file
from schema_guard.ext.transfer.commands.coming import Coming, say
from schema_guard.ext.transfer.files import opened
from schema_guard.text import safe


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@takes(coming=Coming)
@click.option(
    "--skip-bad", is_flag=True, help="Leave out the calls in which something is wrong, and count them."
)
@shared("store", "format", "debug")
def command(files: tuple[str, ...], coming: Coming, skip_bad: bool, store: str | None, form: str) -> int:
    """Take files of `schema-guard store export` into a store; FILE may be `-`.

    All files are read and checked first: nothing comes in of any when something is wrong in one. Calls are known by
    their id, so that a file that comes twice changes nothing, and an import that was killed is begun again.

    \b
    schema-guard store import records.jsonl --store sqlite:///all.db
    schema-guard store export --store a.db | schema-guard store import - --store b.db
    """
    backend = readable(store).backend
    with ExitStack() as stack:
        streams = [(name, stack.enter_context(opened(name, backend))) for name in files]
        checked = [check(name, stream, skip_bad=skip_bad) for name, stream in streams]
        for reading in checked:
            for fault in reading.first_faults:
                print(f"schema-guard: {safe(reading.source)}, {safe(str(fault))}", file=sys.stderr)
        total = sum(reading.attempts for reading in checked)
        with steps("imported", total) as on_step:
            taking = Taking(coming.unlinked, coming.dry_run, coming.texts, on_step)
            found = [
                import_file(backend, name, stream, checked=reading, taking=taking)
                for (name, stream), reading in zip(streams, checked, strict=True)
            ]
    say(found, form, dry_run=coming.dry_run)
    return 0
