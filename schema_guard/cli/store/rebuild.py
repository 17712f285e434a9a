# SPDX-License-Identifier: Apache-2.0
"""`store rebuild`: moving what an earlier version has written."""

from __future__ import annotations

import click

from schema_guard.cli.shared.options import print_json, readable, shared
from schema_guard.cli.store.bar import bar
from schema_guard.text import plural


@click.command("rebuild")
@shared("store", "format", "debug")
def command(store: str | None, form: str) -> int:
    """Move the attempts of an earlier version into narrow rows, and count them by the hour.

    Nothing has to stop meanwhile: it goes by batches, and others write in between. Interrupted or killed it loses
    nothing, and the next run goes on where this one ended. The room that the old rows took is used by new ones.

    \b
    schema-guard store rebuild --store sqlite:///records.db
    """
    found = readable(store)
    with bar() as on_step:
        done = found.rebuild(lambda moved, total: on_step("moved", moved, total))
    left = found.info().old_rows
    if form == "json":
        print_json({"moved": done, "left": left})
    else:
        print(f"moved {plural(done, 'attempt')}, {left or 'none'} left")
    return 0
