# SPDX-License-Identifier: Apache-2.0
"""The values of a reply while it arrives, as plain JSON, and the part that may still grow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from schema_guard.interruptions import is_interruption
from schema_guard.pointer import join
from schema_guard.reading import end_of_thoughts, read
from schema_guard.values import Ask, Partial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schema_guard.values import OpenPath

# A value is read again when the text has grown by this share, because reading at every chunk would be quadratic.
# Above 1/64 of this size, the share grows with the text, so 8 MB are read twice instead of 64 times.
_GROWTH, _SIZE_OF_DOUBLING = 1 / 64, 2 * 1024 * 1024
_MARK = re.compile(r'\\.|["{}\[\]:,]', re.DOTALL)
_NUMBER = re.compile(r"(?<![-+.0-9a-zA-Z])-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
# Of a longer number, only the end is read.
_LONGEST_NUMBER = 400


class Growing:
    """Read the growing text of one attempt after the other.

    Args:
        forms: One function per attempt. The last one serves all later attempts. It converts a value that is still
            written, and the path to its open part, to the schema's own form, as `SentForm.grown` does. None converts
            nothing.
        partial: Whether to yield each value as a `Partial`.
        before: Number of attempts of an earlier call. Attempts are counted from there.
    """

    def __init__(
        self,
        forms: Sequence[Callable[[Any, OpenPath | None], tuple[Any, OpenPath | None] | None] | None],
        *,
        partial: bool = False,
        before: int = 0,
    ) -> None:
        self._forms = forms
        self._before = before
        self._is_partial = partial
        self._attempt = 1
        self._restart()

    def _restart(self) -> None:
        self._pieces: list[str] = []
        self._size, self._next = 0, 1
        self._thoughts = 0
        self._begin: int | None = None
        self._end = _End()
        self._last: Partial | None = None

    def feed(self, piece: str | Ask | None) -> Iterator[Any]:
        """Yield the current value if it has changed. An Ask starts an attempt; None restarts the current one."""
        if piece is None or type(piece) is Ask:
            self._attempt = self._attempt if piece is None else piece.number
            self._restart()
            return
        assert isinstance(piece, str)
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size < self._next:
            return
        self._next = self._size + max(1, int(self._size * max(_GROWTH, self._size / _SIZE_OF_DOUBLING)))
        partial, last = self._partial(), self._last
        if partial is None or partial.value is None:
            return
        is_same_part = last is None or not self._is_partial or partial.open == last.open
        if last is not None and is_same_part and partial.value == last.value:
            return
        self._last = partial
        yield partial if self._is_partial else partial.value

    def _partial(self) -> Partial | None:
        text = "".join(self._pieces)
        self._pieces = [text]
        self._thoughts = end_of_thoughts(text, self._thoughts)
        reading = read(text, self._thoughts)
        start = reading.candidates[0].start if reading.direct else (reading.unclosed or (None,))[0]
        if start is None:
            return None
        if start != self._begin:
            self._begin, self._end = start, _End()
        value = _value(text[start:])
        form = self._forms[min(self._attempt, len(self._forms)) - 1]
        if form is None and not self._is_partial:
            return Partial(value, "", self._before + self._attempt)
        self._end.feed(text[start + self._end.size :])
        path = self._end.path(value, text)
        grown: tuple[Any, OpenPath | None] | None = (value, path) if form is None else form(value, path)
        return (
            None if grown is None else Partial(grown[0], join(grown[1] or ()), self._before + self._attempt)
        )


class _End:
    """The end of a JSON text that is still being written.

    Attributes:
        size: Number of characters read.
    """

    def __init__(self) -> None:
        self.size = 0
        self._depth = 0
        self._in_text = False
        # The mark before the current string, and a backslash whose character has not arrived.
        self._before = self._carry = ""

    def feed(self, text: str) -> None:
        """Read the next piece."""
        self.size += len(text)
        text = self._carry + text
        depth, in_text, before = self._depth, self._in_text, self._before
        for mark in _MARK.findall(text):
            if mark == '"':
                in_text = not in_text
            elif in_text or mark[0] == "\\":
                continue
            else:
                depth += (mark in "{[") - (mark in "}]")
                before = mark
        self._depth, self._in_text, self._before = depth, in_text, before
        slashes = len(text) - len(text.rstrip("\\"))
        self._carry = "\\" * (slashes % 2)

    def path(self, value: Any, text: str) -> OpenPath | None:
        """Return the path to the innermost part that may still grow, or None. *text* ends where *value* does."""
        path: list[str | int] = []
        if self._depth <= 0:
            return path if self._in_text or _NUMBER.search(text[-_LONGEST_NUMBER:]) else None
        for _ in range(self._depth - 1):
            step = _last_of(value)
            if step is None:
                return path
            path.append(step)
            value = value[step]
        if self._is_in_scalar(value, text):
            step = _last_of(value)
            path += [] if step is None else [step]
        return path

    def _is_in_scalar(self, value: Any, text: str) -> bool:
        """Return whether the last member or item is an unfinished string or number."""
        if self._in_text:
            return isinstance(value, list) or self._before == ":"
        return _NUMBER.search(text[-_LONGEST_NUMBER:]) is not None


def _last_of(value: Any) -> str | int | None:
    """Return the name or index of the last member or item, or None if there is none."""
    if isinstance(value, dict):
        return next(reversed(value), None)
    return len(value) - 1 if isinstance(value, list) and value else None


def _value(text: str) -> Any:
    """Return the value of a JSON text that may be cut off, or None if there is none yet."""
    from jiter import from_json

    try:
        return from_json(
            text.encode("utf-8", "replace"), partial_mode="trailing-strings", allow_inf_nan=False
        )
    except ValueError as error:
        if type(error) is not ValueError or is_interruption(error):
            raise
        return None
