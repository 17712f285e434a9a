# SPDX-License-Identifier: Apache-2.0
"""`store check`: look for damage in a store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import build_command, existing, print_json, shared
from schema_guard.cli.shared.progress import phases
from schema_guard.records.times import moment
from schema_guard.records.urls import command_on
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from schema_guard.records.values import Damage, StoreCheck

_MOST_SHOWN = 20


@build_command("check")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Count all attempts again, and replace the stored counts with the new ones.",
)
@shared("store", "format")
def command(rebuild: bool, store: str | None, form: str) -> int:
    """Check a store for damage.

    The command counts the attempts and compares the result with the stored counts. In a SQLite file, it also checks the
    pages and indexes. The check takes about 15 seconds for a million attempts. It doesn't change the store, and other
    processes can write during the check.

    With --rebuild, the command counts all attempts again, stores the new counts, and checks them. No other process can
    write during the rebuild. If attempts of an hour were deleted, the rebuild doesn't change the counts of that hour.

    Exit status: 0 if the store has no damage, 1 if it is damaged, or 2 if it can't be read.

    \b
    schema-guard store check
    schema-guard store check --rebuild
    schema-guard store check --store records.db --format json
    """
    opened = existing(store)
    with phases() as on_step:
        if rebuild:
            opened.rebuild(on_step)
        result = opened.check(on_step)
    if form == "json":
        damage = [one._asdict() for one in result.damage]
        document = {"sound": result.is_sound, **asdict(result), "damage": damage}
        print_json({**document, "can_be_rebuilt": result.can_be_rebuilt})
    else:
        print("\n".join(f"{name:<12} {safe(text)}" for name, text in _lines(result)))
    return 0 if result.is_sound else 1


def _lines(result: StoreCheck) -> list[tuple[str, str]]:
    """Return the lines of the report, each with its name."""
    lines = [("store", result.url), ("attempts", f"{result.attempts:,}")]
    if result.is_sound:
        return [*lines, ("damage", "none")]
    lines.append(("damage", plural(len(result.damage), "place")))
    lines += [("", _said(one)) for one in result.damage[:_MOST_SHOWN]]
    if (more := len(result.damage) - _MOST_SHOWN) > 0:
        lines.append(("", f"and {more} more. To list all, add --format json"))
    if result.can_be_rebuilt:
        if any(one.part == "missing" for one in result.damage):
            lines.append(("note", _MISSING))
        return [*lines, ("fix", command_on(result.url, "store", "check", "--rebuild"))]
    return [*lines, ("fix", _FIX)]


def _said(one: Damage) -> str:
    if one.first_id is None:
        return f"{one.part.replace('_', '-')}: {one.problem}"
    when = (
        "" if one.since is None or one.until is None else f", from {moment(one.since)} to {moment(one.until)}"
    )
    return f"attempts {one.first_id:,} to {one.last_id:,}{when}: {one.problem}"


_MISSING = (
    "attempts are missing, and --rebuild deletes their counts. If you have a backup, restore it instead"
)
_FIX = (
    "keep a copy of the file and its -wal file. Then restore a backup, or run `schema-guard store export` and "
    "`schema-guard store import` into a new file, which counts all attempts again"
)
