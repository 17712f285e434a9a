# SPDX-License-Identifier: Apache-2.0
"""The values of a reply while it arrives: what has come so far, as plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.core.reading.extract import read
from schema_guard.outside import is_from_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# A value is read anew when the text has grown by this share: reading at every chunk would be quadratic.
_GROWTH = 1 / 64


class Growing:
    """Reads the growing text of one attempt after the other.

    Args:
        restores: For attempt 1, 2, ..., the last one from then on: what gives a value in the schema's own form; None
            where it comes in that.
    """

    def __init__(self, restores: Sequence[Callable[[Any], Any] | None]) -> None:
        self._restores = list(restores)
        self._restart()

    def _restart(self) -> None:
        self._pieces: list[str] = []
        self._size, self._next = 0, 1
        self._last: Any = None

    def feed(self, piece: str | None) -> Iterator[Any]:
        """Give the value so far if it has changed; None starts the next attempt."""
        if piece is None:
            if len(self._restores) > 1:
                del self._restores[0]
            self._restart()
            return
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < self._next:
            return
        self._next = self._size + max(1, int(self._size * _GROWTH))
        value, restore = _partial("".join(self._pieces)), self._restores[0]
        if restore is not None:
            value = restore(value)
        if value is not None and value != self._last:
            self._last = value
            yield value


def _partial(text: str) -> Any:
    """Give the value of a JSON text that may be cut off; None when there is none yet."""
    from jiter import from_json

    reading = read(text)
    start = reading.candidates[0].start if reading.direct else (reading.unclosed or (None,))[0]
    if start is None:
        return None
    try:
        return from_json(
            text[start:].encode("utf-8", "replace"), partial_mode="trailing-strings", allow_inf_nan=False
        )
    except ValueError as error:
        if type(error) is not ValueError or is_from_outside(error):
            raise
        return None
