# SPDX-License-Identifier: Apache-2.0
"""What is said of rows that were taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.cli.shared.options import print_json
from schema_guard.text import plural

if TYPE_CHECKING:
    from schema_guard.records.payloads.removing import Removed


def say(removed: Removed, left: int, form: str, stays: str) -> None:
    """Print how many rows have gone, how many are left, and what stays."""
    if form == "json":
        print_json({"removed": removed.attempts, "left": left, "is_shredded": removed.is_shredded})
        return
    print(f"took out {plural(removed.attempts, 'attempt')}, {f'{left:,}' if left else 'none'} left")
    print(stays)
    if not removed.is_shredded:
        print("Somebody reads the store, so that its log still holds them: run this again when nobody does.")
