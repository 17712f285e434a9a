# SPDX-License-Identifier: Apache-2.0
"""`tune`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "prepare": "Write a training set from recorded calls, labelled files, and your own answers.",
    "run": "Tune a model on the training set in DIR, at a host or on this machine.",
}


@click.group("tune", cls=LazyGroup, package=__package__, path="tune ", lines=LINES)
def command() -> None:
    """Prepare a training set, and tune a model with it.

    \b
    schema-guard tune prepare --schema Invoice -o set     can my records become a training set?
    schema-guard tune run set --backend local             can the set tune a model?
    """
