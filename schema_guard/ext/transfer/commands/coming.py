# SPDX-License-Identifier: Apache-2.0
"""What `store import` and `store merge` have in common: their options, and what is said of what came."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from schema_guard.cli.shared.options import option, print_json
from schema_guard.text import plural, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.ext.transfer.adding import Added


@dataclass(frozen=True, kw_only=True)
class Coming:
    """How something is taken into a store."""

    unlinked: bool = option(
        is_flag=True,
        help="Take in what was hashed with another key too: its inputs are then inputs of their own.",
    )
    texts: bool = option(
        is_flag=True, help="Take in the texts of prompts and replies too, as they are kept there."
    )
    dry_run: bool = option(is_flag=True, help="Say what would come, and change nothing.")


def say(found: Sequence[Added], form: str, *, dry_run: bool) -> None:
    """Print what came of each source."""
    if form == "json":
        print_json({"dry_run": dry_run, "sources": [asdict(one) for one in found]})
        return
    for one in found:
        print(f"{safe(one.source)}: {_said(one, dry_run=dry_run)}")
        if one.is_of_another_key:
            print(
                f"schema-guard: {safe(one.source)}: what is recorded in this store from now on is hashed with another key, "
                "and knows none of these inputs: set SCHEMA_GUARD_HASH_KEY to theirs to go on",
                file=sys.stderr,
            )


def _said(one: Added, *, dry_run: bool) -> str:
    there = one.attempts - one.added
    parts = [
        f"{one.added:,} of {plural(one.attempts, 'attempt')} {'would be added' if dry_run else 'added'}",
        f"{there:,} {'was' if there == 1 else 'were'} there already" if there else "",
        plural(one.declarations, "declaration") if one.declarations else "",
        plural(one.drops, "count") + " of drops" if one.drops else "",
        plural(one.bad, "place") + " in it wrong and left out" if one.bad else "",
        "its inputs as inputs of their own" if one.unlinked else "",
    ]
    return ", ".join(filter(None, parts))
