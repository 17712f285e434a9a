# SPDX-License-Identifier: Apache-2.0
"""`store info`: the place and the size of a store."""

from __future__ import annotations

from dataclasses import asdict

import click

from schema_guard.cli.shared.options import absent, build_command, print_json, readable, shared
from schema_guard.text import safe


@build_command("info")
@shared("store", "format")
def command(store: str | None, form: str) -> int:
    """Show the location of a store, its size, and its number of attempts.

    Exit status: 0 if the details are shown, or 2 if --store names a store that does not exist.

    \b
    schema-guard store info
    schema-guard store info --store records.db --format json
    """
    opened = readable(store)
    found, missing = opened.info(), absent(opened, store)
    if missing is not None and store is not None:
        raise click.UsageError(missing)
    if form == "json":
        print_json(asdict(found))
        return 0
    if missing is not None:
        print(missing)
        return 0
    lines = {
        "store": found.url,
        "attempts": f"{found.rows:,}",
        "size": f"{found.size_bytes:,} bytes",
        "version": f"{found.schema_version}, {found.engine}",
    }
    if found.refusal:
        lines["problem"] = found.refusal
    for number, warning in enumerate(found.warnings, start=1):
        lines[f"warning {number}"] = warning
    for name, text in lines.items():
        print(f"{name:<12} {safe(text)}")
    return 0
