# SPDX-License-Identifier: Apache-2.0
"""`store check`: whether a store is as it was written."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from schema_guard.cli.shared.options import print_json, readable, shared
from schema_guard.cli.store.bar import bar
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from schema_guard.records import Damage, StoreCheck

_MOST_SHOWN = 20


@click.command("check")
@shared("store", "format", "debug")
def command(store: str | None, form: str) -> int:
    """Look for damage in a store: changes nothing, exits 1 when there is some, and says where.

    Every attempt is compared with its checksum, the roll-ups with a recount of the attempts; SQLite looks at its pages
    and indexes. That goes through all that is stored, half a minute for about a million attempts, in one state: others can write meanwhile.

    \b
    schema-guard store check --store sqlite:///records.db
    """
    opened = readable(store)
    with bar() as on_step:
        found = opened.check(on_step)
    if form == "json":
        print_json(
            {"sound": found.is_sound, **asdict(found), "damage": [one._asdict() for one in found.damage]}
        )
    else:
        print("\n".join(f"{name:<12} {safe(said)}" for name, said in _lines(found)))
    return 0 if found.is_sound else 1


def _lines(found: StoreCheck) -> list[tuple[str, str]]:
    """Give what is said, each line with its name."""
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
        return f"{one.part.replace('_', '-')}: {one.said}"
    when = (
        ""
        if one.since is None or one.until is None
        else f", of calls begun {_day(one.since)} to {_day(one.until)}"
    )
    return f"attempts {one.first_id:,} to {one.last_id:,}{when}: {one.said}"


def _day(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(" ", "minutes").removesuffix("+00:00")
    except (OverflowError, ValueError, OSError):
        return "?"


def _readable(found: StoreCheck) -> str:
    return f"{found.attempts:,} attempts, {found.with_checksum:,} of them as they were written"


_TO_DO = (
    "keep a copy of the file with its -wal and record into another one ($SCHEMA_GUARD_STORE); `schema-guard store export` "
    "and `store import` into a new file count anew what can be read; or put a backup in its place"
)
