# SPDX-License-Identifier: Apache-2.0
"""Attempts put together into calls, where some of them may be wrong.

Rules: pure. A call ends with its final attempt. An attempt that is wrong takes its call with it, and of which call
it was is told by its `call_id`, else by what stands around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schema_guard.records.rows import COLUMNS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.transfer.texts import Moved

_CALL_ID, _NUMBER, _FINAL = (COLUMNS.index(name) for name in ("call_id", "number", "final"))
_MOST_ATTEMPTS = 10_000  # of one call: they are held until its end is known


class Grouping:
    """The call that is open while attempts come.

    Args:
        on_fault: Is told the place and what was expected there, of a call that is wrong as a whole.
    """

    def __init__(self, on_fault: Callable[[str, str], None]) -> None:
        self._on_fault = on_fault
        self._open()

    def _open(self) -> None:
        self._attempts: list[Moved] = []
        self._call_id: object = None
        self._place: str | None = None  # of its last attempt
        self._is_bad = False

    def take(self, place: str, attempt: Moved | None, call_id: object) -> list[Moved] | None:
        """Take the next attempt; gives all of its call when that ends here and is right.

        Args:
            place: Where it stands.
            attempt: None for one that is wrong.
            call_id: Of its call; None when that is not known.
        """
        if self._is_of_another_call(attempt, call_id):
            self.end()
        self._place = place
        if attempt is None:
            self._is_bad = True
            self._call_id = self._call_id or call_id
            return None
        self._call_id = call_id
        if not self._is_bad:
            self._add(place, attempt)
        if not attempt.row[_FINAL]:
            return None
        attempts = None if self._is_bad else self._attempts
        self._open()
        return attempts

    def end(self) -> None:
        """Say that nothing more comes of this call, which should have ended by itself."""
        if self._place is not None and not self._is_bad:
            self._on_fault(
                self._place, f"expected a final attempt of the call {clip(repr(self._call_id))} behind it"
            )
        self._open()

    def _is_of_another_call(self, attempt: Moved | None, call_id: object) -> bool:
        if self._place is None:
            return False
        if self._call_id is None:  # so far there were attempts of which nobody knows whose they are
            return attempt is not None and attempt.row[_NUMBER] in (1, None)
        return call_id is not None and call_id != self._call_id

    def _add(self, place: str, attempt: Moved) -> None:
        row = attempt.row
        first = self._attempts[0].row if self._attempts else row
        if first[:_NUMBER] != row[:_NUMBER]:
            name = next(name for name, a, b in zip(COLUMNS, first, row, strict=True) if a != b)
            self._is_bad = True
            self._on_fault(place, f"at /{name}: expected what the call's first attempt has")
        elif len(self._attempts) >= _MOST_ATTEMPTS:
            self._is_bad = True
            self._on_fault(place, f"expected at most {_MOST_ATTEMPTS:,} attempts of one call")
        else:
            self._attempts.append(attempt)
