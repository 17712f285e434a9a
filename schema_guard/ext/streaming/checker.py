# SPDX-License-Identifier: Apache-2.0
"""A reply that is still being written: the first place from which no continuation of it is valid.

Rules:
1. Doomed is proven: no continuation is valid, in any order of keys. Not doomed says nothing.
2. The first failure dooms, so its keyword and its place are exact.
3. A character is looked at a bounded number of times, whatever the pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from schema_guard.arguments import require_kind
from schema_guard.errors import InvalidArgument
from schema_guard.ext.streaming.conditions import conditions_of
from schema_guard.ext.streaming.failure import not_json, refused
from schema_guard.ext.streaming.frames import CLOSERS
from schema_guard.ext.streaming.incremental import IncrementalParser
from schema_guard.ext.streaming.start import Start
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, parse
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.values import Failure

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from schema_guard.ext.streaming.frames import OpenValue, Refusal
    from schema_guard.schema import SchemaSource

__all__ = ["PrefixChecker", "prefix_checker"]

# What is read again, to hold whole objects and arrays against what their members do not tell.
_READ_AGAIN, _READ_AGAIN_AT_FIRST = 8, 4_096
# Characters before the size is looked at; and characters times checks of a scalar, which take 0.5 s.
_FIRST_LOOK, _MOST_CHECKS = 8_192, 1_000_000


@overload
def prefix_checker(schema: TypeForm[Any], *, limits: Limits = ...) -> PrefixChecker: ...
@overload
def prefix_checker(schema: SchemaSource[Any], *, limits: Limits = ...) -> PrefixChecker: ...
def prefix_checker(schema: Any, *, limits: Limits = DEFAULT_LIMITS) -> PrefixChecker:
    """Return a checker for one reply that is still arriving.

    Args:
        schema: A class or another annotation, a dict, a path, or a `Schema`.
        limits: Limits on the size of the reply.

    Raises:
        InvalidArgument: *schema* or *limits* has the wrong type.
        InvalidSchema: The schema can't be loaded.

    >>> checker = prefix_checker({"properties": {"total": {"type": "number"}}})
    >>> checker.feed('{"total": 1'), checker.feed('2, "currency": "EUR"')
    (None, None)
    """
    require_kind("limits", limits, Limits)
    return PrefixChecker(Schema.of(schema), limits)


class PrefixChecker(IncrementalParser):
    """The state of a reply that is still arriving. To create a checker, call `prefix_checker`.

    Attributes:
        failure: The failure if no continuation can be valid, otherwise None.
        read: Number of characters read. After a failure, the number includes the character that caused the failure.
    """

    failure: Failure | None
    read: int

    def __init__(self, schema: Schema[Any], limits: Limits) -> None:
        super().__init__(conditions_of(schema.conditions), limits)
        self.failure = None
        self.read = 0
        self._schema = schema
        self._most_read = min(limits.max_bytes, limits.max_nodes, _FIRST_LOOK)
        self._start: Start | None = Start()
        # Of the JSON text: its pieces, and where it begins in the reply.
        self._pieces: list[str] = []
        self._json = 0
        self._read_again = 0

    @property
    def viable(self) -> bool:
        """Whether a continuation can still be valid, as far as the checker knows."""
        return self.failure is None

    @property
    def open(self) -> bool:
        """Whether the JSON text of the reply has begun, and is neither complete nor failed."""
        return self._start is None and self._step is not None

    def feed(self, text: str) -> Failure | None:
        """Read the next piece of the reply.

        Args:
            text: The next piece, of any length.

        Returns:
            The failure if no continuation can be valid, otherwise None. After a failure, each further piece returns the
            same failure.

        Raises:
            InvalidArgument: *text* isn't a str. The state of the checker doesn't change.
        """
        if self._step is None or not isinstance(text, str):
            return self._passed_by(text)
        self.read += len(text)
        if self.read > self._most_read and (failure := self._check_size()):
            return failure
        if self._start is not None:
            rest = self._start.feed(text)
            if rest is None:
                self._step = None if self._start.is_over else self._step
                return None
            self._start, text, self._json = None, rest, self.read - len(rest)
        self._pieces.append(text)
        text, self._carry = self._carry + text, ""
        position, end = 0, len(text)
        self._at = self.read - self._json - end
        while position < end and self._step is not None:
            position = self._step(text, position)
        return self.failure

    def _check_size(self) -> Failure | None:
        """Return the failure of a reply that is too large. None sets the size at which to look again."""
        limits = self._limits
        self._step = None if self.read * self._conditions.heaviest > _MOST_CHECKS else self._step
        left = limits.max_nodes - self._nodes - sum(frame.size() for frame in self._frames)
        # Each value has a character.
        self._most_read = min(limits.max_bytes, self.read + left, 2 * self.read)
        if self.read <= self._most_read:
            return None
        code, message = "too_many_nodes", f"more than max_nodes={limits.max_nodes} values"
        if self.read > limits.max_bytes:
            code, message = "too_large", f"{self.read} bytes or more, beyond max_bytes={limits.max_bytes}"
        return self._fail(Failure("syntax", code, message), self.read)

    def _passed_by(self, text: object) -> Failure | None:
        if not isinstance(text, str):
            raise InvalidArgument(f"feed: text={clip(repr(text))}: expected a str. Decode bytes first")
        self.read += len(text) if self.failure is None else 0
        return self.failure

    def _holds(self, frame: OpenValue, end: int) -> bool:
        size = self._at + end - frame.start
        if self._read_again + size > _READ_AGAIN_AT_FIRST + _READ_AGAIN * (self._at + end):
            return True
        self._read_again += size
        value = parse(self._read_from(frame.start, end), self._limits)
        return type(value) is NotJson or self._conditions.holds(frame.plan, value)

    def _read_from(self, start: int, end: int) -> str:
        """Return the JSON text from a place in it up to a position of the text that is looked at."""
        last: list[str] = []
        at = self.read - self._json
        for piece in reversed(self._pieces):
            last.append(piece)
            at -= len(piece)
            if at <= start:
                break
        return "".join(reversed(last))[start - at : self._at + end - at]

    def _silent(self, position: int) -> int:
        """Say nothing of what follows."""
        self._step = None
        return position

    def _malformed(self, position: int, code: str = "malformed") -> int:
        text = self._read_from(0, position + 1)
        self._fail(not_json(text, self._limits, code), self._json + len(text))
        return position

    def _refused(self, refusal: Refusal) -> int:
        text = self._read_from(0, refusal.end)
        frames = self._frames
        path = [frame.key for frame in (frames if refusal.inside else frames[:-1])]
        open_frames = frames[:-1] if refusal.closed else frames
        closers = "".join(CLOSERS[frame.opener] for frame in reversed(open_frames))
        failure = refused(refusal, path, text + refusal.rest + closers, self._schema, self._limits)
        decided = refusal.end if refusal.decided is None else refusal.decided
        self._fail(failure, self._json + self._at + decided)
        return refusal.end

    def _fail(self, failure: Failure, read: int) -> Failure:
        self.failure, self.read, self._step = failure, read, None
        return failure
