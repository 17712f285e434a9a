# SPDX-License-Identifier: Apache-2.0
"""`schema`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "check": "Validate replies, or plain JSON documents, against SCHEMA.",
    "lint": "Show what a provider or an engine does with SCHEMA: reject it, ignore a part, or exclude right answers.",
    "probe": "Test whether a server enforces the schemas that it accepts.",
}


@click.group("schema", cls=LazyGroup, package=__package__, path="schema ", lines=LINES)
def command() -> None:
    """Validate documents, and test what a provider or a server does with a schema.

    \b
    is this reply valid?
      schema-guard schema check invoice.json reply.txt
    does Gemini accept my schema?
      schema-guard schema lint invoice.json --provider gemini
    does this server enforce schemas?
      schema-guard schema probe --model local
    """
