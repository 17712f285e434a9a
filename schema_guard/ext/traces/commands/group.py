# SPDX-License-Identifier: Apache-2.0
"""`import`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "traces": "Judge replies that a tracing tool, an eval or a log has stored, and record them as guarded calls are."
}


@click.group("import", cls=LazyGroup, package=__package__, path="import ", lines=LINES)
def command() -> None:
    """Bring in what other tools have stored: replies that a team has already, judged and recorded.

    \b
    schema-guard import traces export.jsonl --schema invoice.schema.json --traffic all
    """
