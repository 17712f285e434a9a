"""The grammar of broken JSON: a state for each place in it, each giving the next.

One pass with a stack of its own, no recursion; lookahead is bounded or ends at the next candidate, so the work is
linear in the length of the text, whatever the text; and it ends at `MAX_WORK` places, which is told.

Stretches whose faults need no look around are taken whole (`runs`): Python sees the other faults only.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Literal

from schema_guard.core.repair.patterns import (
    ALL_ESCAPED,
    BARE_QUOTE,
    BLOCK_COMMENT,
    CALL,
    COMMAS,
    COMMENTS,
    DIGITS_SPLIT,
    ELLIPSIS,
    FENCE,
    GARBAGE,
    HASH_LINES,
    JSON_SPACE,
    KEY,
    LINE_COMMENT,
    MAX_DEPTH,
    MEMBER_HERE,
    ODD_SPACE,
    OPENER_OF,
    PROSE,
    QUOTES,
    SAME,
    SKIPPED,
    SPACE,
    STRUCTURE,
    UNESCAPE,
)
from schema_guard.core.repair.runs import mended, runs
from schema_guard.core.repair.scalars import unescaped
from schema_guard.core.repair.steps import STEPS
from schema_guard.core.repair.strings import string
from schema_guard.core.repair.words import bare, bare_key, number

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from typing import TypeAlias

    State: TypeAlias = Callable[[], "State | None"]

__all__ = ["MAX_WORK", "Role", "Scanner"]

Role = Literal["key", "member", "element", "top"]

# 10 to 20 ms, however long the text. A stretch that is taken whole is one place, whatever faults it has.
MAX_WORK = 8_000


class _Refused(Exception):  # control flow: no reading at this level
    """The text has no reading at this level."""


class Scanner:
    """One reading of one text: a state per place in the grammar, each giving the next."""

    def __init__(self, text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> None:
        self.original = text
        self.text = text
        self.size = len(text)
        self.at = 0
        self.lossless_only = level == "lossless"
        self.finished = finished
        # Where another reading is possible: what reads on from there, by the name of the choice.
        self.forks: dict[str, Scanner] = {}
        self.chosen = ""
        self.steps: dict[str, None] = {}
        self.out: list[str] = []
        # What is open: "{", "[", "(", and "<" for curly brackets that hold values without keys.
        self.kinds: list[str] = []
        self.starts: list[int] = []
        self.open = {"{": 0, "[": 0, "(": 0}
        self.comma = False
        # Where the last key began in `out`, and whether a comma was due before it: to take it back.
        self.key_at = 0
        self.key_comma = False
        self.retries = 8
        # Places looked at, and at most.
        self.work = 0
        self.most = MAX_WORK

    def scan(self) -> str | None:
        """Give the text as JSON; None when it has no reading at this level."""
        try:
            state: State | None = self.value() if self.chosen else self._begin()
            while state is not None:
                self.worked()
                state = state()
        except _Refused:
            return None
        return "".join(self.out) if self.steps else self.original

    # Bookkeeping

    def worked(self) -> None:
        """Count a place that was looked at; give up after the last one that is allowed."""
        self.work += 1
        if self.work > self.most:
            raise _Refused

    def took(self, step: str) -> None:
        """Note a step; give up where it loses something and nothing may be lost."""
        if self.lossless_only and not STEPS[step].lossless:
            raise _Refused
        self.steps[step] = None

    def emit(self, piece: str) -> None:
        """Write a piece of JSON, behind the comma that is due."""
        if self.comma:
            self.out.append(",")
            self.comma = False
        self.out.append(piece)

    def push(self, kind: str, piece: str) -> None:
        """Open a bracket."""
        if len(self.kinds) >= MAX_DEPTH:
            raise _Refused
        self.emit(piece)
        self.kinds.append(kind)
        self.starts.append(len(self.out) - 1)
        self.open[kind] += 1

    def _pop(self) -> None:
        kind, start = self.kinds.pop(), self.starts.pop()
        self.open["{" if kind == "<" else kind] -= 1
        self.comma = False
        if kind == "(" and self.out[start] == "(":
            single = len(self.out) > start + 1
            self.out[start] = "" if single else "["
            self.out.append("" if single else "]")
        else:
            self.out.append("}" if kind == "{" else "]")

    def offer(self, choice: str, at: int) -> None:
        """Keep a copy that will read on from the value at *at* and choose otherwise."""
        if self.chosen or choice in self.forks:
            return
        fork = copy(self)
        fork.chosen, fork.at, fork.forks = choice, at, {}
        fork.steps, fork.out = self.steps.copy(), self.out.copy()
        fork.kinds, fork.starts, fork.open = self.kinds.copy(), self.starts.copy(), self.open.copy()
        self.forks[choice] = fork

    @property
    def role(self) -> Role:
        """What a value is here."""
        if not self.kinds:
            return "top"
        return "member" if self.kinds[-1] == "{" else "element"

    def resume(self) -> State:
        """Give the state for what stands behind a value."""
        return self.after if self.kinds else self._rest

    def past(self, pattern: re.Pattern[str], at: int) -> int:
        """Give where a match of the pattern at *at* ends."""
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def _skip(self) -> str:
        """Skip white space and comments; give the next character, or the empty text at the end."""
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
        """Give where a comment or white space unknown to JSON ends; *at* when there is none."""
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
        # A comment that runs to the end may have swallowed what was meant as JSON.
        swallowed = comment.end() >= self.size and STRUCTURE.search(self.text, at + 2)
        self.took("dropped_text" if swallowed else "comment")
        return comment.end()

    def _hash_comment(self, at: int) -> bool:
        """Say whether `#` opens a comment: at the start of a line, or between spaces; `#fff` is none."""
        if self.text[at] != "#":
            return False
        before = self.text[at - 1 : at]
        return before in ("", "\n", "\r") or (before.isspace() and self.text[at + 1 : at + 2].isspace())

    # States

    def _begin(self) -> State:
        if ALL_ESCAPED.match(self.text):
            self.took("unescaped_text" if BARE_QUOTE.match(self.text) else "escaped_quotes")
            self.text = UNESCAPE.sub(unescaped, self.text)
            self.size = len(self.text)
        char = self._skip()
        if not char or char in "}]),:":
            raise _Refused
        opens = char in "{[(" or char in QUOTES or char.isdigit()
        if not (opens or CALL.match(self.text, self.at)):
            opener = min((i for i in map(self.text.find, "{[") if i > 0), default=-1)
            if opener > 0:
                self.took("dropped_text")
                self.at = opener
        return self.value

    def key(self) -> State:
        """Go on where a key may stand."""
        char = self._skip()
        if not char:
            return self.end
        if self._run(runs().members):
            return self.after
        self.key_at, self.key_comma = len(self.out), self.comma
        if char in OPENER_OF:
            return self._close(char, self.key)
        if char in QUOTES and not self.text.startswith("```", self.at):
            return string(self, "key")
        return self._odd_key(char)

    def _odd_key(self, char: str) -> State:
        """Go on where a key without quotes stands, or none."""
        if char == ",":
            return self._extra_comma(self.key)
        if char == "`":
            return self._drop_fence(self.key)
        if char in "{[" and self.kinds[-2:-1] == ["["]:
            self.took("guessed_closer")
            self._pop()
            return self.after
        return bare_key(self)

    def colon(self) -> State:
        """Go on behind a key."""
        char = self._skip()
        if char == ":":
            self.at += 1
        elif not char:
            return self.end_of_member
        elif char in ",}])":
            return self._no_value(char)
        else:
            self.took("missing_colon")
        self.out.append(":")
        return self.value

    def _no_value(self, char: str) -> State:
        """Go on behind a key that has no colon: the values of a set, or a key without value."""
        if self.key_at == self.starts[-1] + 1 and not self.key_comma and char in ",}":
            self.took("set_as_array")
            self.kinds[-1], self.out[self.starts[-1]] = "<", "["
            if char == "}":
                self.at += 1
                self._pop()
                return self.resume()
        else:
            self.took("missing_value")
            self.out.append(":null")
        return self.after

    def value(self) -> State:
        """Go on where a value may stand."""
        char = self._skip()
        role = self.role
        if not char:
            return self.end_of_member if role == "member" else self.end
        if role == "element":
            if char in OPENER_OF:
                return self._close(char, self.value)
            if char == ",":
                return self._extra_comma(self.value)
            # In round brackets it matters whether there is a comma, and a run would hide it.
            if self.kinds[-1] != "(" and self._run(runs().elements):
                return self.after
        elif char in ",}])":
            self.took("missing_value")
            self.emit("null")
            return self.resume()
        return self._item(char, role)

    def _item(self, char: str, role: Role) -> State:
        if char == "`" and self.text.startswith("```", self.at):
            return self._drop_fence(self.value)
        if char in QUOTES:
            return string(self, role)
        if char in "{[(":
            return self._open(char)
        if ELLIPSIS.match(self.text, self.at):
            return self.drop(self.value)
        return number(self) if char in "0123456789-+." else bare(self)

    def _open(self, char: str) -> State:
        self.at += 1
        if char == "(":
            self.took("parentheses")
        self.push(char, char)
        return self.key if char == "{" else self.value

    def after(self) -> State:
        """Go on behind a value inside brackets."""
        char = self._skip()
        if char == ",":
            self.at += 1
            self.comma = True
            if self.kinds[-1] == "(":
                self.out[self.starts[-1]] = "["
            return self._next()
        if char in OPENER_OF:
            return self._close(char, self.after)
        if not char:
            return self.end
        if self.text.startswith("```", self.at):
            self.took("dropped_text" if STRUCTURE.search(self.text, self.at) else "trailing_prose")
            self.size = self.at
            return self.end
        return self._missing_comma(char)

    def _next(self) -> State:
        return self.key if self.kinds[-1] == "{" else self.value

    def _missing_comma(self, char: str) -> State:
        """Go on at something that stands behind a value without a comma."""
        if self.kinds[-1] == "{":
            if char not in QUOTES and not KEY.match(self.text, self.at):
                return self.drop(self.after)
        elif char == ":":
            return self._implied_object()
        elif char in ";!?=":
            self.took("dropped_text")
            self.at += 1
            return self.after
        last = self.out[-1][-1:]
        split = char.isdigit() and last.isdigit() and "\n" not in self.text[self.at - 1 : self.at]
        self.took("guessed_comma" if split and DIGITS_SPLIT.match(self.text, self.at) else "missing_comma")
        self.comma = True
        if self.kinds[-1] == "(":
            self.out[self.starts[-1]] = "["
        return self._next()

    def _implied_object(self) -> State:
        """Open an object around the last string of an array: it is a key."""
        if not self.out[-1].startswith('"') or len(self.out) - 1 == self.starts[-1]:
            return self.drop(self.after)
        self.took("implied_object")
        key = self.out.pop()
        self.push("{", "{")
        self.key_at, self.key_comma = len(self.out), False
        self.out.append(key)
        return self.colon

    def _extra_comma(self, state: State) -> State:
        self.took("extra_comma")
        self.at = self.past(COMMAS, self.at)
        return state

    def drop(self, state: State) -> State:
        """Drop text that fits nowhere, up to what may fit again."""
        garbage = GARBAGE.match(self.text, self.at)
        assert garbage is not None
        self.took("ellipsis" if ELLIPSIS.match(garbage[0]) else "dropped_text")
        self.at = garbage.end()
        return state

    def _drop_fence(self, state: State) -> State:
        fence = FENCE.match(self.text, self.at)
        assert fence is not None
        self.took("dropped_text")
        self.at = fence.end()
        return state

    def _close(self, char: str, state: State) -> State:
        kind = OPENER_OF[char]
        if not self.open[kind]:
            self.took("extra_closer")
            self.at = self.past(SAME, self.at)
            return state
        self.at += 1
        if self.comma:
            self.took("trailing_comma")
        while self.kinds[-1] != kind and not (kind == "{" and self.kinds[-1] == "<"):
            self.took("missing_closer" if self.finished else "guessed_closer")
            self._pop()
        self._pop()
        return self.resume()

    def end_of_member(self) -> None:
        """Take back a key whose value was cut off, and close what is open."""
        self.took("truncated_tail")
        del self.out[self.key_at :]
        self.comma = False
        self.end()

    def end(self) -> None:
        """Close what is open at the end of the text."""
        if not self.kinds:
            raise _Refused
        self.took("missing_closer" if self.finished else "closed_truncation")
        if self.comma:
            self.took("trailing_comma")
        while self.kinds:
            self._pop()

    def _rest(self) -> State | None:
        """Look at what stands behind the value."""
        char = self._skip()
        if not char:
            return None
        if char in OPENER_OF:
            self.took("extra_closer")
            self.at = self.past(SAME, self.at)
            return self._rest
        if self.text.startswith(("```", "~~~"), self.at):
            self.took("trailing_prose")
            self.at += 3
            return self._rest
        if char == ",":
            return self._behind_comma()
        if char in "{[" or not self._closed:
            raise _Refused
        self.took("trailing_prose" if PROSE.match(self.text, self.at) else "dropped_text")
        return None

    @property
    def _closed(self) -> bool:
        """Whether the value is an object or array: behind it, text may be dropped; behind a word, it is part."""
        return self.out[-1][-1:] in ("}", "]", "")

    def _behind_comma(self) -> State | None:
        self.at += 1
        char = self._skip()
        if not char:
            self.took("trailing_comma")
            return None
        if self.out[0] == "{" and self.out[-1] == "}" and MEMBER_HERE.match(self.text, self.at):
            self.took("early_closer")
            self.out.pop()
            self.kinds.append("{")
            self.starts.append(0)
            self.open["{"] += 1
            self.comma = len(self.out) > 1
            return self.key
        if char in "{[" or not self._closed:
            raise _Refused
        self.took("dropped_text")
        return None

    # Well-formed stretches

    def _run(self, items: re.Pattern[str]) -> bool:
        """Take members or elements whole, and mend what needs no look around; say whether there were any."""
        run = items.match(self.text, self.at)
        assert run is not None
        if run.end() == self.at:
            return False
        chunk = mended(run[0], self.took)
        self.at = run.end()
        if chunk[-1] == ",":
            # The comma is read again, so that one place decides what a comma means.
            self.at -= 1
            chunk = chunk[:-1]
        self.emit(chunk)
        return True
