# SPDX-License-Identifier: Apache-2.0
"""`store`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.group import LazyGroup

LINES = {
    "check": "Look for damage: checksums, roll-ups against a recount, the file itself; exit status 1 when there is some.",
    "info": "Say what a store is, how large, and how many attempts are in a table of an earlier version.",
    "rebuild": "Move the attempts of an earlier version into narrow rows, and count them by the hour.",
}


@click.group("store", cls=LazyGroup, package=__package__, lines=LINES)
def command() -> None:
    """Look after a store: what it is and how large, whether it is sound, and moving what an earlier version has written.

    \b
    schema-guard store info
    schema-guard store check
    schema-guard store rebuild --store sqlite:///records.db
    """
