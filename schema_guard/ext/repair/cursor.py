# SPDX-License-Identifier: Apache-2.0
"""The state of one reading of a broken text: the position, the output, the open brackets, and the steps so far."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Literal

from schema_guard.ext.repair.patterns import (
    BLOCK_COMMENT,
    COMMENTS,
    HASH_LINES,
    JSON_SPACE,
    LINE_COMMENT,
    MAX_DEPTH,
    ODD_SPACE,
    SKIPPED,
    SPACE,
    STRUCTURE,
)
from schema_guard.ext.repair.steps import STEPS

if TYPE_CHECKING:
    import re
    from typing import Self

Role = Literal["key", "member", "element", "top"]

# Takes 30 to 60 ms, however long the text. A reply of 100 KB with a fault in each member has about this many places.
MAX_WORK = 30_000


class RefusedError(Exception):
    """The text has no reading at this level. This ends a reading, and isn't raised to callers."""


class Cursor:
    """The position, the JSON so far, and the open brackets."""

    def __init__(self, text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> None:
        self.original = text
        self.text = text
        self.size = len(text)
        self.at = 0
        self.lossless_only = level == "lossless"
        self.finished = finished
        # Copies that continue with another possible reading, by the name of the choice.
        self.forks: dict[str, Self] = {}
        self.chosen = ""
        self.steps: dict[str, None] = {}
        self.out: list[str] = []
        # The open brackets: "{", "[", "(", and "<" for curly brackets with values without keys.
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.open = {"{": 0, "[": 0, "(": 0}
        self.comma = False
        # To remove the last key: its position in `out`, and whether a comma was due before it.
        self.key_at = 0
        self.key_comma = False
        self.retries = 8
        # Number of places read, and its limit.
        self.work = 0
        self.most = MAX_WORK

    def worked(self) -> None:
        """Count a place that was read. Give up beyond the limit."""
        self.work += 1
        if self.work > self.most:
            raise RefusedError

    def took(self, step: str) -> None:
        """Note a step. Give up if it loses data and only lossless steps are allowed."""
        if self.lossless_only and not STEPS[step].lossless:
            raise RefusedError
        self.steps[step] = None

    def emit(self, piece: str) -> None:
        """Write a piece of JSON, after the comma that is due."""
        if self.comma:
            self.out.append(",")
            self.comma = False
        self.out.append(piece)

    def push(self, kind: str, piece: str) -> None:
        """Open a bracket."""
        if len(self.kinds) >= MAX_DEPTH:
            raise RefusedError
        self.emit(piece)
        self.kinds.append(kind)
        self.starts.append(len(self.out) - 1)
        self.open[kind] += 1

    def pop(self) -> None:
        """Close the innermost open bracket."""
        kind, start = self.kinds.pop(), self.starts.pop()
        self.open["{" if kind == "<" else kind] -= 1
        self.comma = False
        if kind == "(" and self.out[start] == "(":
            single = len(self.out) > start + 1
            self.out[start] = "" if single else "["
            self.out.append("" if single else "]")
        else:
            self.out.append("}" if kind == "{" else "]")

    def offer(self: Self, choice: str, at: int) -> None:
        """Store a copy that continues from the value at *at* with another choice."""
        if self.chosen or choice in self.forks:
            return
        fork = copy(self)
        fork.chosen, fork.at, fork.forks = choice, at, {}
        fork.steps, fork.out = self.steps.copy(), self.out.copy()
        fork.kinds, fork.starts, fork.open = self.kinds.copy(), self.starts.copy(), self.open.copy()
        self.forks[choice] = fork

    @property
    def role(self) -> Role:
        """The role of a value at this position."""
        if not self.kinds:
            return "top"
        return "member" if self.kinds[-1] == "{" else "element"

    def past(self, pattern: re.Pattern[str], at: int) -> int:
        """Return the end of a match of the pattern at *at*, or *at* without a match."""
        match = pattern.match(self.text, at)
        return match.end() if match else at

    def skip(self) -> str:
        """Skip white space and comments. Return the next character, or the empty text at the end."""
        at = self.at
        if self.text[at : at + 1] in JSON_SPACE:
            at = self.past(SPACE, at)
        while at < self.size and self.text[at] in SKIPPED:
            self.worked()
            end = self._skip_odd(at)
            if end == at:
                break
            at = self.past(SPACE, end)
        self.at = min(at, self.size)
        return self.text[at] if at < self.size else ""

    def _skip_odd(self, at: int) -> int:
        """Return the end of a comment or of white space that isn't JSON's, or *at* if there is none."""
        odd = ODD_SPACE.match(self.text, at)
        if odd:
            self.took("odd_space")
            return odd.end()
        closed = self.past(COMMENTS if self.text[at] == "/" else HASH_LINES, at)
        if closed > at and (self.text[at] == "/" or self._hash_comment(at)):
            self.took("comment")
            return closed
        if self.text.startswith("/*", at):
            comment = BLOCK_COMMENT.match(self.text, at)
        elif self.text.startswith("//", at) or self._hash_comment(at):
            comment = LINE_COMMENT.match(self.text, at)
        else:
            return at
        assert comment is not None
        # A comment that runs to the end may contain intended JSON.
        swallowed = comment.end() >= self.size and STRUCTURE.search(self.text, at + 2)
        self.took("dropped_text" if swallowed else "comment")
        return comment.end()

    def _hash_comment(self, at: int) -> bool:
        """Return whether `#` opens a comment: at the start of a line, or between spaces. `#fff` is not a comment."""
        if self.text[at] != "#":
            return False
        before = self.text[at - 1 : at]
        return before in ("", "\n", "\r") or (before.isspace() and self.text[at + 1 : at + 2].isspace())
