# SPDX-License-Identifier: Apache-2.0
"""`store info`: what a store is."""

from __future__ import annotations

from dataclasses import asdict

import click

from schema_guard.cli.shared.options import print_json, readable, shared
from schema_guard.text import safe


@click.command("info")
@shared("store", "format", "debug")
def command(store: str | None, form: str) -> int:
    """Show where a store is, how large it is, and how many attempts it has.

    \b
    schema-guard store info
    schema-guard store info --format json --store sqlite:///records.db
    """
    found = readable(store).info()
    if form == "json":
        print_json(asdict(found))
        return 0
    lines = {
        "store": found.url,
        "attempts": f"{found.rows:,}",
        "size": f"{found.size_bytes:,} bytes",
        "version": f"{found.schema_version or 'not made yet'}, {found.engine}",
    }
    if found.refusal:
        lines["problem"] = found.refusal
    for number, said in enumerate(found.warnings, start=1):
        lines[f"warning {number}"] = said
    for name, said in lines.items():
        print(f"{name:<12} {safe(said)}")
    return 0
