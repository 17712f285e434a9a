# SPDX-License-Identifier: Apache-2.0
"""`bench`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "compare": "Compare two results task by task, or show one result.",
    "run": "Measure how often models return valid and right values for the tasks of SUITE.",
}


@click.group("bench", cls=LazyGroup, package=__package__, path="bench ", lines=LINES)
def command() -> None:
    """Measure how often models return valid and right values, and compare results.

    \b
    schema-guard bench run --model local                           how often does this model fail?
    schema-guard bench run --playbook --schema ticket              which fix helps?
    schema-guard bench compare before.json after.json              what has changed?
    schema-guard bench compare before.json after.json --gate       fail if it became worse
    """
