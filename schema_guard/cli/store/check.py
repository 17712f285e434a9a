# SPDX-License-Identifier: Apache-2.0
"""`store check`: look for damage in a store."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schema_guard.cli.shared.options import build_command, existing, print_json, shared
from schema_guard.cli.shared.progress import phases
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from schema_guard.records import Damage, StoreCheck

_MOST_SHOWN = 20


@build_command("check")
@shared("store", "format")
def command(store: str | None, form: str) -> int:
    """Look for damage in a store. Exit 1 if there is some.

    The command compares each attempt with its checksum and the counts with a recount of the attempts. SQLite checks its pages and indexes. That takes half a minute for a million attempts. Other processes can write meanwhile, and nothing is changed.

    Exit status: 0 if the store is sound, 1 if it is damaged, 2 if it cannot be read.

    \b
    schema-guard store check
    schema-guard store check --store records.db --format json
    """
    opened = existing(store)
    with phases() as on_step:
        found = opened.check(on_step)
    if form == "json":
        print_json(
            {"sound": found.is_sound, **asdict(found), "damage": [one._asdict() for one in found.damage]}
        )
    else:
        print("\n".join(f"{name:<12} {safe(said)}" for name, said in _lines(found)))
    return 0 if found.is_sound else 1


def _lines(found: StoreCheck) -> list[tuple[str, str]]:
    """Return the lines of the report, each with its name."""
    lines = [("store", found.url), ("attempts", f"{found.attempts:,}")]
    if found.is_sound:
        return [*lines, ("damage", "none")]
    lines.append(("damage", plural(len(found.damage), "place")))
    lines += [("", _said(one)) for one in found.damage[:_MOST_SHOWN]]
    if more := len(found.damage) - _MOST_SHOWN:
        lines += [("", f"and {more} more: --format json has all")] if more > 0 else []
    return [*lines, ("readable", _readable(found)), ("to do", _TO_DO)]


def _said(one: Damage) -> str:
    if one.first_id is None:
        return f"{one.part.replace('_', '-')}: {one.problem}"
    when = (
        ""
        if one.since is None or one.until is None
        else f", of calls begun {_day(one.since)} to {_day(one.until)}"
    )
    return f"attempts {one.first_id:,} to {one.last_id:,}{when}: {one.problem}"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(" ", "minutes").removesuffix("+00:00")
    except (OverflowError, ValueError, OSError):
        return "?"


def _readable(found: StoreCheck) -> str:
    return f"{found.attempts:,} attempts, {found.with_checksum:,} of them as they were written"


_TO_DO = (
    "keep a copy of the file and its -wal file, and set $SCHEMA_GUARD_STORE to a new file. Then restore a backup, or "
    "run `schema-guard store export` and `schema-guard store import` into the new file: the import counts again"
)
