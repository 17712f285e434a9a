# SPDX-License-Identifier: Apache-2.0
"""Checks that stop a streamed reply before its end: its size, the time, repeats, and violations that it can't undo.

Rule: the results for a text do not depend on its pieces. The pieces only determine how early a result is available.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.values import Failure, More, Stop

if TYPE_CHECKING:
    from schema_guard.extensions import TextChecker
    from schema_guard.limits import Limits
    from schema_guard.schema import Schema
    from schema_guard.validation.failures import Repeats
    from schema_guard.values import Chunk

# A check costs about the same for few characters as for many: 311 ns each in pieces of 4, and 90 ns in pieces of 64
# (benchmarks/results/2026-11-27-prefix.txt). With these values, 82% of the failing replies of real models are stopped,
# which saves 47% of their characters (2026-11-27-early-stop.txt).
_WIDEST = 64
_SHARE = 12
# Most characters until the next check if only the size is checked.
_UNSEEN = 1_024
_MORE = tuple(map(More, range(_WIDEST + 1)))
_STOP = Stop()


def doomed(text: str, schema: Schema[Any], limits: Limits) -> Failure | None:
    """Return the failure of a reply that failed before it was cut off. None if a continuation could be valid."""
    return _checker(schema, limits).feed(text)


def _checker(schema: Schema[Any], limits: Limits) -> TextChecker:
    from schema_guard.extensions import load  # needed only to stop replies early

    checker: TextChecker = load("option:early_stop")(schema, limits=limits)
    return checker


class StreamLimits:
    """Checks one reply while it arrives.

    Args:
        limits: Limits on its size, on the time of the call, and on repeats at its end.
        spent_s: Seconds of the earlier attempts of the call.
        schema: The schema that stops the reply when no continuation can be valid. None checks no schema.
        calls_only: Whether a tool call is requested, so that text outside of it is not checked against the schema.

    Attributes:
        is_late: Whether the time of the call is over.
        failure: The violation or the repeats that stop the reply. None for its size and the time.
    """

    def __init__(
        self,
        limits: Limits,
        spent_s: float,
        schema: Schema[Any] | None,
        *,
        calls_only: bool = False,
    ) -> None:
        self._limits = limits
        self._most = limits.max_bytes
        self._left_s = None if limits.max_elapsed_s is None else limits.max_elapsed_s - spent_s
        self._times = limits.max_repeats
        self._schema = schema
        self._calls_only = calls_only
        self._is_outside_calls = False
        self.is_late = False
        self.failure: Failure | None = None
        self._restart()

    def _restart(self) -> None:
        """Drop the text before, because only later text counts."""
        self._pieces: list[str] = []
        self._size = self._read = self._due = 0
        self._checker: TextChecker | None = None
        self._repeats: Repeats | None = None
        if self._schema is not None:
            self._checker = _checker(self._schema, self._limits)
        if self._times is not None:
            from schema_guard.validation.failures import Repeats  # as above

            self._repeats = Repeats(self._times)

    def _turn(self, *, beside: bool) -> None:
        """Restart with the arguments of a tool call, or with text that a tool call may replace."""
        self._is_outside_calls = beside
        self._restart()
        if beside and self._calls_only:
            self._checker = None

    def answer(self, chunk: Chunk) -> More | Stop:
        """Check the next piece, and return whether the loop needs more."""
        text = chunk.text
        self._most -= len(text)
        if self._left_s is not None:
            self.is_late = chunk.elapsed_s > self._left_s
        if self.is_late or self._most < 0:
            return _STOP
        if self._schema is None and self._repeats is None:
            return _MORE[0] if self._left_s is not None else More(min(_UNSEEN, self._most + 1))
        if chunk.is_outside_calls is not self._is_outside_calls:
            self._turn(beside=chunk.is_outside_calls)
        failure = self._look(text)
        if failure is not None:
            self.failure = failure
            return Stop(failure)
        return _MORE[self._due - self._size if self._left_s is None else 0]

    def _look(self, text: str) -> Failure | None:
        """Check a text once enough of it has arrived."""
        size = self._size + len(text)
        if size < self._due:
            self._pieces.append(text)
            self._size = size
            return None
        if self._pieces:
            text = "".join(self._pieces) + text
            self._pieces.clear()
            self._size = 0
        self._read += size
        self._due = _WIDEST if self._checker is None else min(_WIDEST, self._read // _SHARE)
        failure = None if self._checker is None else self._checker.feed(text)
        if failure is None and self._repeats is not None:
            repeated = self._repeats.feed(text)
            if repeated is not None:
                return Failure("truncation", "runaway", f"the reply repeated {repeated} and was stopped")
        return failure
