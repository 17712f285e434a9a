# SPDX-License-Identifier: Apache-2.0
"""The options of `store import` for exported files and stores, and its report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from schema_guard.cli.shared.notes import note
from schema_guard.cli.shared.options import option, print_json
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.transfer.insertion import Added


@dataclass(frozen=True, kw_only=True)
class Coming:
    """How exported files and stores are imported."""

    texts: bool = option(
        is_flag=True, help="Import the texts of prompts and replies too, if the source has them."
    )
    skip_bad: bool = option(
        is_flag=True, advanced=True, help="Leave out calls with errors in an exported file, and count them."
    )
    unlinked: bool = option(
        is_flag=True,
        advanced=True,
        help="Also import records of a store with another hash key, which is an error by default. Inputs that occur in both stores then count as different inputs.",
    )


def report(found: Sequence[Added], form: str, *, dry_run: bool) -> None:
    """Print the number of attempts that each source added."""
    if form == "json":
        print_json({"dry_run": dry_run, "sources": [asdict(one) for one in found]})
        return
    for one in found:
        print(f"{safe(one.source)}: {_counted(one, dry_run=dry_run)}")
        if one.is_of_another_key:
            note(
                f"{one.source}: new calls in this store are hashed with another key, so these inputs are not "
                "recognized. To recognize them, set SCHEMA_GUARD_HASH_KEY to the key of the source."
            )


def _counted(one: Added, *, dry_run: bool) -> str:
    there = one.attempts - one.added
    parts = [
        f"{one.added:,} of {plural(one.attempts, 'attempt')} {'would be added' if dry_run else 'added'}",
        f"{there:,} {'was' if there == 1 else 'were'} there already" if there else "",
        plural(one.declarations, "declaration") if one.declarations else "",
        plural(one.lost_records, "count") + " of lost records" if one.lost_records else "",
        plural(one.bad, "place") + " with errors left out" if one.bad else "",
        "its inputs as inputs of their own" if one.unlinked else "",
    ]
    return ", ".join(filter(None, parts))
