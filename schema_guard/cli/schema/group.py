# SPDX-License-Identifier: Apache-2.0
"""`schema`: the group."""

from __future__ import annotations

import click

from schema_guard.cli.shared.group import LazyGroup

LINES = {
    "check": "Validate model replies or JSON documents against SCHEMA.",
    "lint": "Show how a provider or an engine treats SCHEMA: whether it rejects it, ignores a part, or excludes right "
    "answers.",
    "probe": "Test whether a server enforces the schemas that it accepts.",
}


@click.group("schema", cls=LazyGroup, package=__package__, path="schema ", lines=LINES)
def command() -> None:
    """Validate documents, and test how providers and servers treat a schema.

    \b
    is this reply valid?
      schema-guard schema check invoice.json reply.txt
    does Gemini accept my schema?
      schema-guard schema lint invoice.json --provider gemini
    does this server enforce schemas?
      schema-guard schema probe --model local
    """
