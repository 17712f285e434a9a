# SPDX-License-Identifier: Apache-2.0
"""What a check has found so far."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from schema_guard.interruptions import is_interruption
from schema_guard.records.backend import Damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Notes"]


class Notes:
    """The damage that was found, and how many attempts were looked at.

    Attributes:
        damage: In the order in which it was found.
        on_step: Is told what is looked at, how many attempts of it are done, and how many there are.
        attempts: How many could be read.
        with_checksum: How many are as they were written.
        spans: Of each hour the least and the greatest `id` of its attempts.
    """

    def __init__(self, on_step: Callable[[str, int, int], None]) -> None:
        self.damage: list[Damage] = []
        self.on_step = on_step
        self.attempts = self.with_checksum = 0
        self.spans: dict[int, tuple[int, int]] = {}

    def add(self, part: str, message: str) -> None:
        """Note damage."""
        self.damage.append(Damage(part, message))

    @contextmanager
    def reading(self, part: str) -> Iterator[None]:
        """Note what a block cannot read; whatever else it raises over stored values is damage too."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError, ArithmeticError, LookupError) as error:
            if is_interruption(error):
                raise
            self.add(part, f"cannot be read: {error}")
