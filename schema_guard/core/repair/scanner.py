"""Malformed JSON -> JSON that means the same, each step named and marked lossless or lossy.

Rules:
1. Lossless: every character of data that the model wrote is in the value and none is invented. Only syntax
   changes: quotes, commas, comments, literals of Python, raw line breaks; missing closers only when the
   model had finished. Where two readings are possible it is not lossless.
2. Lossy: whatever drops, invents, guesses or closes what was cut off. Every such step is named too.
3. A text that is JSON comes back as it is.
4. One pass with a stack of its own, no recursion; lookahead is bounded or ends at the next candidate, so the
   work is linear in the length of the text, whatever the text; and it ends at `MAX_WORK` places, which is told.

Stretches whose faults need no look around are taken whole (`repair_runs`): Python sees the other faults only.
"""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING, Literal, NamedTuple

from schema_guard.core.repair.patterns import (
    AFTER_CLOSERS,
    ALL_ESCAPED,
    ANY_SPACE,
    BACK,
    BARE_QUOTE,
    BLOCK_COMMENT,
    CALL,
    CLOSERS,
    COMMAS,
    COMMENTS,
    CUT_ESCAPE,
    CUT_LITERALS,
    CUT_NUMBER,
    DIGITS_SPLIT,
    ELLIPSIS,
    FENCE,
    GARBAGE,
    GROUPED,
    HASH_LINES,
    ITEM_HERE,
    JSON_NUMBER,
    JSON_SPACE,
    KEY,
    KEY_END_QUOTE,
    KEY_HERE,
    KEY_NO_COLON,
    KEY_TEXT,
    KEY_WITHOUT_END,
    LINE_COMMENT,
    LITERALS,
    MAX_DEPTH,
    MAY_FOLLOW,
    MEMBER_HERE,
    NEXT_KEY_ENDS,
    NEXT_MEMBER,
    NO_VALUES,
    ODD_SPACE,
    OPENER_OF,
    PLAIN_KEY,
    PLAIN_TO_END,
    PLUS,
    PROSE,
    QUOTES,
    SAME,
    SIMPLE,
    SKIPPED,
    SPACE,
    STRUCTURE,
    TEXT_END,
    TO_QUOTE,
    TOKEN,
    UNESCAPE,
    VALUE_ENDS,
    WORD,
    ZEROS,
)
from schema_guard.core.repair.runs import mended, runs
from schema_guard.core.repair.scalars import loose_number, unescaped, written
from schema_guard.core.repair.steps import STEPS, RepairStep

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    _State: TypeAlias = Callable[[], "_State | None"]

__all__ = ["MAX_WORK", "STEPS", "Readings", "RepairStep", "Repaired", "readings", "repair"]

Role = Literal["key", "member", "element", "top"]


class Repaired(NamedTuple):
    """A reading of a malformed text.

    Attributes:
        text: JSON; limits, duplicate keys and the size of numbers are still for the parser to judge.
        steps: Names of the steps, in order of first use; empty when the text was JSON.
        lossless: Whether every step is lossless.
    """

    text: str
    steps: tuple[str, ...]
    lossless: bool


class Readings(NamedTuple):
    """The readings of a malformed text.

    Attributes:
        found: Readings, best first.
        work: Places that were looked at, by which the time is bounded: one takes 1 to 3 us.
        complete: Whether the whole text was read. If not, it has too many faults to say what it means.
    """

    found: list[Repaired]
    work: int
    complete: bool


# 10 to 20 ms, however long the text. A stretch that is taken whole is one place, whatever faults it has.
MAX_WORK = 8_000


def repair(text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> list[Repaired]:
    """Give the readings of a malformed JSON text, best first.

    Never raises, whatever the text. Linear in its length, and no more than `MAX_WORK` places are looked at.

    Args:
        text: From the first character of JSON on.
        level: `lossless` gives lossless readings only, `lossy` any.
        finished: Whether the model is known to have finished; if not, the text may be cut off, and then
            what is missing at its end cannot be added without loss.

    Returns:
        At most four readings that differ; none when the text cannot be read at this level. Prefer the first
        whose value validates.

    >>> repair("{'a': 1,}", level="lossless", finished=True)
    [Repaired(text='{"a": 1}', steps=('single_quotes', 'trailing_comma'), lossless=True)]
    """
    return readings(text, level=level, finished=finished).found


def readings(
    text: str, *, level: Literal["lossless", "lossy"], finished: bool, max_work: int = MAX_WORK
) -> Readings:
    """Give the readings that `repair` gives, and whether those are all of them.

    Args:
        text: As for `repair`.
        level: As for `repair`.
        finished: As for `repair`.
        max_work: How many places may be looked at, all readings together.
    """
    found: list[Repaired] = []
    left = max_work
    waiting = [_Scanner(text, level=level, finished=finished)]
    while waiting:
        scanner = waiting.pop(0)
        begun = scanner.work
        scanner.most = begun + left
        reading = scanner.scan()
        left -= scanner.work - begun
        if left < 0:
            return Readings(found, max_work, complete=False)
        waiting += scanner.forks.values()
        if reading is not None and all(reading.text != other.text for other in found):
            found.append(reading)
    return Readings(found, max_work - left, complete=True)


class _Refused(Exception):  # control flow: no reading at this level
    """The text has no reading at this level."""


class _Scanner:
    """One reading of one text: a state per place in the grammar, each giving the next."""

    def __init__(self, text: str, *, level: Literal["lossless", "lossy"], finished: bool) -> None:
        self.original = text
        self.text = text
        self.size = len(text)
        self.at = 0
        self.lossless_only = level == "lossless"
        self.finished = finished
        # Where another reading is possible: what reads on from there, by the name of the choice.
        self.forks: dict[str, _Scanner] = {}
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

    def scan(self) -> Repaired | None:
        """Read the text; None when it has no reading at this level."""
        try:
            state: _State | None = self._value if self.chosen else self._begin()
            while state is not None:
                self._worked()
                state = state()
        except _Refused:
            return None
        if not self.steps:
            return Repaired(self.original, (), True)
        lossless = all(STEPS[step].lossless for step in self.steps)
        return Repaired("".join(self.out), tuple(self.steps), lossless)

    # Bookkeeping

    def _worked(self) -> None:
        self.work += 1
        if self.work > self.most:
            raise _Refused

    def _took(self, step: str) -> None:
        if self.lossless_only and not STEPS[step].lossless:
            raise _Refused
        self.steps[step] = None

    def _emit(self, piece: str) -> None:
        if self.comma:
            self.out.append(",")
            self.comma = False
        self.out.append(piece)

    def _push(self, kind: str, piece: str) -> None:
        if len(self.kinds) >= MAX_DEPTH:
            raise _Refused
        self._emit(piece)
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

    def _offer(self, choice: str, at: int) -> None:
        """Keep a copy that will read on from the value at *at* and choose otherwise."""
        if self.chosen or choice in self.forks:
            return
        fork = copy(self)
        fork.chosen, fork.at, fork.forks = choice, at, {}
        fork.steps, fork.out = self.steps.copy(), self.out.copy()
        fork.kinds, fork.starts, fork.open = self.kinds.copy(), self.starts.copy(), self.open.copy()
        self.forks[choice] = fork

    @property
    def _role(self) -> Role:
        if not self.kinds:
            return "top"
        return "member" if self.kinds[-1] == "{" else "element"

    def _resume(self) -> _State:
        """Give the state for what stands behind a value."""
        return self._after if self.kinds else self._rest

    def _past(self, pattern: re.Pattern[str], at: int) -> int:
        """Give where a match of the pattern at *at* ends."""
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def _skip(self) -> str:
        """Skip white space and comments; give the next character, or the empty text at the end."""
        at = self.at
        if self.text[at : at + 1] in JSON_SPACE:
            at = self._past(SPACE, at)
        while at < self.size and self.text[at] in SKIPPED:
            self._worked()
            end = self._skip_odd(at)
            if end == at:
                break
            at = self._past(SPACE, end)
        self.at = min(at, self.size)
        return self.text[at] if at < self.size else ""

    def _skip_odd(self, at: int) -> int:
        """Give where a comment or white space unknown to JSON ends; *at* when there is none."""
        odd = ODD_SPACE.match(self.text, at)
        if odd:
            self._took("odd_space")
            return odd.end()
        closed = self._past(COMMENTS if self.text[at] == "/" else HASH_LINES, at)
        if closed > at and (self.text[at] == "/" or self._hash_comment(at)):
            self._took("comment")
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
        self._took("dropped_text" if swallowed else "comment")
        return comment.end()

    def _hash_comment(self, at: int) -> bool:
        """Say whether `#` opens a comment: at the start of a line, or between spaces; `#fff` is none."""
        if self.text[at] != "#":
            return False
        before = self.text[at - 1 : at]
        return before in ("", "\n", "\r") or (before.isspace() and self.text[at + 1 : at + 2].isspace())

    # States

    def _begin(self) -> _State:
        if ALL_ESCAPED.match(self.text):
            self._took("unescaped_text" if BARE_QUOTE.match(self.text) else "escaped_quotes")
            self.text = UNESCAPE.sub(unescaped, self.text)
            self.size = len(self.text)
        char = self._skip()
        if not char or char in "}]),:":
            raise _Refused
        opens = char in "{[(" or char in QUOTES or char.isdigit()
        if not (opens or CALL.match(self.text, self.at)):
            opener = min((i for i in map(self.text.find, "{[") if i > 0), default=-1)
            if opener > 0:
                self._took("dropped_text")
                self.at = opener
        return self._value

    def _key(self) -> _State:
        char = self._skip()
        if not char:
            return self._end
        if self._run(runs().members):
            return self._after
        self.key_at, self.key_comma = len(self.out), self.comma
        if char in OPENER_OF:
            return self._close(char, self._key)
        if char in QUOTES and not self.text.startswith("```", self.at):
            return self._string("key")
        return self._odd_key(char)

    def _odd_key(self, char: str) -> _State:
        """Go on where a key without quotes stands, or none."""
        if char == ",":
            return self._extra_comma(self._key)
        if char == "`":
            return self._drop_fence(self._key)
        if char in "{[" and self.kinds[-2:-1] == ["["]:
            self._took("guessed_closer")
            self._pop()
            return self._after
        return self._bare_key()

    def _colon(self) -> _State:
        char = self._skip()
        if char == ":":
            self.at += 1
        elif not char:
            return self._end_of_member
        elif char in ",}])":
            return self._no_value(char)
        else:
            self._took("missing_colon")
        self.out.append(":")
        return self._value

    def _no_value(self, char: str) -> _State:
        """Go on behind a key that has no colon: the values of a set, or a key without value."""
        if self.key_at == self.starts[-1] + 1 and not self.key_comma and char in ",}":
            self._took("set_as_array")
            self.kinds[-1], self.out[self.starts[-1]] = "<", "["
            if char == "}":
                self.at += 1
                self._pop()
                return self._resume()
        else:
            self._took("missing_value")
            self.out.append(":null")
        return self._after

    def _value(self) -> _State:
        char = self._skip()
        role = self._role
        if not char:
            return self._end_of_member if role == "member" else self._end
        if role == "element":
            if char in OPENER_OF:
                return self._close(char, self._value)
            if char == ",":
                return self._extra_comma(self._value)
            # In round brackets it matters whether there is a comma, and a run would hide it.
            if self.kinds[-1] != "(" and self._run(runs().elements):
                return self._after
        elif char in ",}])":
            self._took("missing_value")
            self._emit("null")
            return self._resume()
        return self._item(char, role)

    def _item(self, char: str, role: Role) -> _State:
        if char == "`" and self.text.startswith("```", self.at):
            return self._drop_fence(self._value)
        if char in QUOTES:
            return self._string(role)
        if char in "{[(":
            return self._open(char)
        if ELLIPSIS.match(self.text, self.at):
            return self._drop(self._value)
        return self._number() if char in "0123456789-+." else self._bare()

    def _open(self, char: str) -> _State:
        self.at += 1
        if char == "(":
            self._took("parentheses")
        self._push(char, char)
        return self._key if char == "{" else self._value

    def _after(self) -> _State:
        char = self._skip()
        if char == ",":
            self.at += 1
            self.comma = True
            if self.kinds[-1] == "(":
                self.out[self.starts[-1]] = "["
            return self._next()
        if char in OPENER_OF:
            return self._close(char, self._after)
        if not char:
            return self._end
        if self.text.startswith("```", self.at):
            self._took("dropped_text" if STRUCTURE.search(self.text, self.at) else "trailing_prose")
            self.size = self.at
            return self._end
        return self._missing_comma(char)

    def _next(self) -> _State:
        return self._key if self.kinds[-1] == "{" else self._value

    def _missing_comma(self, char: str) -> _State:
        """Go on at something that stands behind a value without a comma."""
        if self.kinds[-1] == "{":
            if char not in QUOTES and not KEY.match(self.text, self.at):
                return self._drop(self._after)
        elif char == ":":
            return self._implied_object()
        elif char in ";!?=":
            self._took("dropped_text")
            self.at += 1
            return self._after
        last = self.out[-1][-1:]
        split = char.isdigit() and last.isdigit() and "\n" not in self.text[self.at - 1 : self.at]
        self._took("guessed_comma" if split and DIGITS_SPLIT.match(self.text, self.at) else "missing_comma")
        self.comma = True
        if self.kinds[-1] == "(":
            self.out[self.starts[-1]] = "["
        return self._next()

    def _implied_object(self) -> _State:
        """Open an object around the last string of an array: it is a key."""
        if not self.out[-1].startswith('"') or len(self.out) - 1 == self.starts[-1]:
            return self._drop(self._after)
        self._took("implied_object")
        key = self.out.pop()
        self._push("{", "{")
        self.key_at, self.key_comma = len(self.out), False
        self.out.append(key)
        return self._colon

    def _extra_comma(self, state: _State) -> _State:
        self._took("extra_comma")
        self.at = self._past(COMMAS, self.at)
        return state

    def _drop(self, state: _State) -> _State:
        """Drop text that fits nowhere, up to what may fit again."""
        garbage = GARBAGE.match(self.text, self.at)
        assert garbage is not None
        self._took("ellipsis" if ELLIPSIS.match(garbage[0]) else "dropped_text")
        self.at = garbage.end()
        return state

    def _drop_fence(self, state: _State) -> _State:
        fence = FENCE.match(self.text, self.at)
        assert fence is not None
        self._took("dropped_text")
        self.at = fence.end()
        return state

    def _close(self, char: str, state: _State) -> _State:
        kind = OPENER_OF[char]
        if not self.open[kind]:
            self._took("extra_closer")
            self.at = self._past(SAME, self.at)
            return state
        self.at += 1
        if self.comma:
            self._took("trailing_comma")
        while self.kinds[-1] != kind and not (kind == "{" and self.kinds[-1] == "<"):
            self._took("missing_closer" if self.finished else "guessed_closer")
            self._pop()
        self._pop()
        return self._resume()

    def _end_of_member(self) -> None:
        """Take back a key whose value was cut off, and close what is open."""
        self._took("truncated_tail")
        del self.out[self.key_at :]
        self.comma = False
        self._end()

    def _end(self) -> None:
        """Close what is open at the end of the text."""
        if not self.kinds:
            raise _Refused
        self._took("missing_closer" if self.finished else "closed_truncation")
        if self.comma:
            self._took("trailing_comma")
        while self.kinds:
            self._pop()

    def _rest(self) -> _State | None:
        """Look at what stands behind the value."""
        char = self._skip()
        if not char:
            return None
        if char in OPENER_OF:
            self._took("extra_closer")
            self.at = self._past(SAME, self.at)
            return self._rest
        if self.text.startswith(("```", "~~~"), self.at):
            self._took("trailing_prose")
            self.at += 3
            return self._rest
        if char == ",":
            return self._behind_comma()
        if char in "{[" or not self._closed:
            raise _Refused
        self._took("trailing_prose" if PROSE.match(self.text, self.at) else "dropped_text")
        return None

    @property
    def _closed(self) -> bool:
        """Whether the value is an object or array: behind it, text may be dropped; behind a word, it is part."""
        return self.out[-1][-1:] in ("}", "]", "")

    def _behind_comma(self) -> _State | None:
        self.at += 1
        char = self._skip()
        if not char:
            self._took("trailing_comma")
            return None
        if self.out[0] == "{" and self.out[-1] == "}" and MEMBER_HERE.match(self.text, self.at):
            self._took("early_closer")
            self.out.pop()
            self.kinds.append("{")
            self.starts.append(0)
            self.open["{"] += 1
            self.comma = len(self.out) > 1
            return self._key
        if char in "{[" or not self._closed:
            raise _Refused
        self._took("dropped_text")
        return None

    # Well-formed stretches

    def _run(self, items: re.Pattern[str]) -> bool:
        """Take members or elements whole, and mend what needs no look around; say whether there were any."""
        run = items.match(self.text, self.at)
        assert run is not None
        if run.end() == self.at:
            return False
        chunk = mended(run[0], self._took)
        self.at = run.end()
        if chunk[-1] == ",":
            # The comma is read again, so that one place decides what a comma means.
            self.at -= 1
            chunk = chunk[:-1]
        self._emit(chunk)
        return True

    # Strings

    def _string(self, role: Role) -> _State:
        parts: list[str] = []
        joined: re.Match[str] | None = None
        while joined or not parts:
            opener = self.text[self.at]
            start = self.at + 1
            found = self._find_end(role, start, TO_QUOTE[opener])
            if self.chosen == "drop_cut" and found.cut and role != "top":
                self.at = self.size
                return self._end_of_member if role == "member" else self._end
            if opener != '"':
                self._took("single_quotes")
            parts.append(written(self.text[start : found.end], self._took))
            self.at = found.after
            joined = PLUS.match(self.text, self.at) if role != "key" else None
            if joined:
                self._took("concatenation")
                self.at = joined.end()
        self._emit(parts[0] if len(parts) == 1 else '"' + "".join(part[1:-1] for part in parts) + '"')
        return self._colon if role == "key" else self._resume()

    def _find_end(self, role: Role, start: int, to_quote: re.Pattern[str]) -> _End:
        """Find the quote that ends the string whose content begins at *start*."""
        inner: list[int] = []
        at = start
        while True:
            self._worked()
            at = self._past(to_quote, at)
            if at >= self.size:
                return self._without_end(role, start)
            if self._may_end(role, at):
                break
            forgotten = self._forgotten(role, start, at, first=not inner)
            if forgotten is not None:
                self._took("guessed_quote")
                return forgotten
            inner.append(at)
            at += 1
        if inner:
            self._took("unescaped_quote" if self._pair_up(inner) else "guessed_quote")
        return _End(at, at + 1)

    def _may_end(self, role: Role, at: int) -> bool:
        """Say whether what follows the quote at *at* may follow a string."""
        text = self.text
        if text[at + 1 : at + 2].isalnum():
            return False
        following = self._past(ANY_SPACE, at + 1)
        if text[following : following + 1] in OPENER_OF and role not in ("key", "top"):
            return self._closers_fit(following)
        return MAY_FOLLOW[role].match(text, at + 1) is not None

    def _closers_fit(self, at: int) -> bool:
        """Say whether the closers at *at* close what is open and end in a place where closers end."""
        text = self.text
        if not self.open[OPENER_OF[text[at]]]:
            return False
        closers = CLOSERS.match(text, at)
        assert closers is not None
        end = closers.end()
        if AFTER_CLOSERS.match(text, end):
            return True
        depth = sum(map(closers[0].count, OPENER_OF))
        return depth >= len(self.kinds) and PROSE.match(text, end) is not None

    def _forgotten(self, role: Role, start: int, at: int, *, first: bool) -> _End | None:
        """Say where the string ended if the quote at *at* opens the next one: its end was forgotten."""
        self._worked()
        if role == "top":
            return None
        if role == "key":
            key = KEY_WITHOUT_END.match(self.text, start, at) if first else None
            return _End(key.end() - 1, key.end() - 1) if key else None
        before = self.text[max(start, at - BACK) : at]
        kept = before.rstrip()
        end = at - len(before) + len(kept)
        if role == "member" and kept.endswith(":"):
            bare = NEXT_KEY_ENDS.search(self.text, max(start, at - BACK), at)
            return _End(bare.start(), bare.start()) if bare else None
        return self._forgotten_before(role, at, end, kept, broken="\n" in before[len(kept) :])

    def _forgotten_before(self, role: Role, at: int, end: int, kept: str, *, broken: bool) -> _End | None:
        """Say where a string ended before the item whose quote is at *at*: at a comma, or at the line's end."""
        comma = kept.endswith(",")
        if not (comma or (broken and role == "member")):
            return None
        if not (KEY_HERE if role == "member" else ITEM_HERE).match(self.text, at):
            return None
        content = len(kept[:-1].rstrip()) if comma else len(kept)
        return _End(end - len(kept) + content, end - comma)

    def _pair_up(self, inner: list[int]) -> bool:
        """Say whether quotes inside a string open and close in turn, or are apostrophes: then they are content."""
        text = self.text
        marks = [at for at in inner if not (text[at - 1].isalnum() and text[at + 1 : at + 2].isalnum())]
        opening = all(not text[at + 1 : at + 2].isspace() for at in marks[::2])
        closing = all(not text[at - 1].isspace() for at in marks[1::2])
        odd = any(text[at] == '"' for at in inner) and len(marks) != len(inner)
        return len(marks) % 2 == 0 and opening and closing and not odd

    def _without_end(self, role: Role, start: int) -> _End:
        """Say where a string ends that no quote ends: where the next member begins, at closers, or it was cut."""
        guess = self._next_member(role, start)
        if guess is None and self.kinds and role != "key":
            guess = self._before_closers(start)
        if guess is not None:
            self._took("guessed_quote")
            return guess
        end = self.size
        escape = CUT_ESCAPE.search(self.text, max(start, end - 6), end)
        if escape:
            head = self.text[start : escape.start()]
            end -= (len(head) - len(head.rstrip("\\")) + 1) % 2 * (end - escape.start())
        plain = self.finished and end == self.size and PLAIN_TO_END.match(self.text, start, end)
        if role != "key":
            self._offer("drop_cut", start - 1)
            self._took("missing_quote" if plain else "truncated_string")
        return _End(end, self.size, cut=True)

    def _next_member(self, role: Role, start: int) -> _End | None:
        if role not in ("key", "member") or not self.retries:
            return None
        # Each retry reads the rest again: a fixed number keeps the work linear.
        self.retries -= 1
        if role == "key":
            key = KEY_TEXT.match(self.text, start, self.size)
            return _End(key.end() - 1, key.end() - 1) if key else None
        member = NEXT_MEMBER.search(self.text, start, self.size)
        return _End(member.start(), member.start()) if member else None

    def _before_closers(self, start: int) -> _End | None:
        closers = "".join(closer for closer, kind in OPENER_OF.items() if self.open[kind])
        kept = self.text[start : self.size].rstrip(closers + "`; \t\r\n")
        tail = self.text[start + len(kept) : self.size]
        if not any(char in OPENER_OF for char in tail):
            return None
        self._offer("other_end", start - 1)
        if self.finished == (self.chosen == "other_end"):
            return None
        end = start + len(kept)
        return _End(end, end)

    # What has no quotes

    def _bare_key(self) -> _State:
        key = KEY.match(self.text, self.at)
        if key:
            self._took("unquoted_key" if PLAIN_KEY.fullmatch(key[1]) else "unquoted_text")
            return self._found_key(key[1], key.end(1))
        key = KEY_END_QUOTE.match(self.text, self.at)
        if key:
            self._took("guessed_quote")
            return self._found_key(key[1], key.end() - 1)
        key = KEY_TEXT.match(self.text, self.at)
        if key and key[1].strip():
            self._took("unquoted_text")
            return self._found_key(key[1].strip(), key.end() - 1)
        key = KEY_NO_COLON.match(self.text, self.at)
        if key:
            self._took("unquoted_key")
            return self._found_key(key[1], key.end())
        return self._drop(self._key)

    def _found_key(self, key: str, at: int) -> _State:
        self._emit(written(key, self._took))
        self.at = at
        return self._colon

    def _bare(self) -> _State:
        call = CALL.match(self.text, self.at)
        if call:
            self._took("call_wrapper")
            self.at = call.end()
            self._push("(", "(")
            return self._value
        word = WORD.match(self.text, self.at)
        literal = self._literal(word) if word else None
        if word and literal:
            self._emit(literal)
            self.at = word.end()
            return self._resume()
        simple = SIMPLE.match(self.text, self.at) if self.kinds else None
        if simple and not any(literal.startswith(simple[0].lower()) for literal in LITERALS):
            self._took("unquoted_string")
            self._emit(f'"{simple[0]}"')
            self.at = simple.end()
            return self._resume()
        return self._bare_text("unquoted_text")

    def _literal(self, word: re.Match[str]) -> str | None:
        """Give the literal that a word means; None when it is text."""
        if not VALUE_ENDS.match(self.text, word.end()):
            return None
        written, lower = word[0], word[0].lower()
        if written in ("true", "false", "null"):
            return written
        if lower in LITERALS:
            self._took("python_literal" if written in ("True", "False", "None") else "literal_case")
            return LITERALS[lower]
        if lower in NO_VALUES:
            self._took("not_a_value")
            return "null"
        if word.end() >= self.size:
            for known, literal in CUT_LITERALS.items():
                if known.startswith(written):
                    self._took("truncated_literal")
                    return literal
        return None

    def _bare_text(self, step: str) -> _State:
        role = self._role
        end = TEXT_END[role].search(self.text, self.at, self.size)
        assert end is not None
        body = self.text[self.at : end.start()].strip()
        self._took(step)
        self._emit(written(body, self._took))
        quoted = bool(end["stray"])
        if quoted:
            self._took("guessed_quote")
        self.at = end.start() + quoted
        return self._resume()

    # Numbers

    def _number(self) -> _State:
        grouped = GROUPED.match(self.text, self.at) if self._role == "member" else None
        if grouped:
            self._offer("numbers", self.at)
            if self.chosen != "numbers":
                self._took("digit_grouping")
                return self._found_number(grouped[0].replace(",", ""), grouped.end())
            self._took("number_as_string")
            return self._found_number(f'"{grouped[0]}"', grouped.end())
        token = TOKEN.match(self.text, self.at)
        assert token is not None
        written = self._as_number(token[0]) if VALUE_ENDS.match(self.text, token.end()) else None
        if written is not None:
            if token.end() >= self.size and not self.finished:
                self._offer("drop_cut", self.at)
            return self._found_number(written, token.end())
        if token.end() >= self.size and token[0] in "+-":
            self.at = self.size
            return self._end_of_member if self._role == "member" else self._end
        return self._bare_text("number_as_string")

    def _found_number(self, written: str, end: int) -> _State:
        self.at = end
        if end >= self.size and self.chosen == "drop_cut" and self.kinds:
            return self._end_of_member if self._role == "member" else self._end
        self._emit(written)
        return self._resume()

    def _as_number(self, token: str) -> str | None:
        """Write a token as a JSON number; None when it is text."""
        if JSON_NUMBER.fullmatch(token):
            return token
        at_end = self.at + len(token) >= self.size and not self.finished
        written = loose_number(token)
        if written is not None:
            self._took("truncated_number" if at_end else "number_syntax")
            return written
        cut = CUT_NUMBER.fullmatch(token)
        if cut:
            self._took("truncated_number")
            return cut[1]
        if token.lstrip("+-").lower() in NO_VALUES:
            self._took("not_a_value")
            return "null"
        zeros = ZEROS.fullmatch(token)
        if zeros:
            self._offer("numbers", self.at)
            if self.chosen == "numbers":
                self._took("leading_zero")
                return zeros[1] + (zeros[2].lstrip("0") or "0")
        return None


class _End(NamedTuple):
    """Where the content of a string ends, where to go on, and whether the text ends in it."""

    end: int
    after: int
    cut: bool = False
