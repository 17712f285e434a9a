# SPDX-License-Identifier: Apache-2.0
"""Convert malformed JSON to JSON with the same meaning. Each step has a name, and is lossless or lossy.

Rules:
1. Lossless: the value has every character of data that the model wrote, and no invented one. Only syntax changes:
   quotes, commas, comments, literals of Python, and raw line breaks. Missing closers are lossless only if the model
   had finished. If two readings are possible, the repair isn't lossless.
2. Lossy: every step that drops, invents, or guesses data, or closes text that was cut off. These steps are named too.
3. A text that is JSON comes back unchanged.
4. The work is linear in the length of the text, whatever the text, and bounded by `MAX_WORK`. The grammar has a state
   for each place in it, and each state returns the next one. There is one pass with its own stack, without recursion.
   Lookahead is bounded or ends at the next candidate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from schema_guard.ext.repair.cursor import MAX_WORK, Cursor, RefusedError
from schema_guard.ext.repair.patterns import (
    ALL_ESCAPED,
    BARE_QUOTE,
    CALL,
    COMMAS,
    DIGITS_SPLIT,
    ELLIPSIS,
    FENCE,
    GARBAGE,
    KEY,
    MEMBER_HERE,
    OPENER_OF,
    PROSE,
    QUOTES,
    SAME,
    STRUCTURE,
    UNESCAPE,
)
from schema_guard.ext.repair.scalars import unescaped
from schema_guard.ext.repair.steps import STEPS
from schema_guard.ext.repair.strings import string
from schema_guard.ext.repair.words import bare, bare_key, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from schema_guard.ext.repair.cursor import Role

    State: TypeAlias = Callable[[], "State | None"]


class Scanner(Cursor):
    """One reading of one text, with a state for each place in the grammar. Each state returns the next one."""

    def scan(self) -> str | None:
        """Return the text as JSON, or None if it has no reading at this level."""
        try:
            state: State | None = self._value() if self.chosen else self._begin()
            while state is not None:
                self.worked()
                state = state()
        except RefusedError:
            return None
        return "".join(self.out) if self.steps else self.original

    # States

    def _resume(self) -> State:
        """Return the state after a value."""
        return self._after if self.kinds else self._rest

    def _begin(self) -> State:
        if ALL_ESCAPED.match(self.text):
            self.took("unescaped_text" if BARE_QUOTE.match(self.text) else "escaped_quotes")
            self.text = UNESCAPE.sub(unescaped, self.text)
            self.size = len(self.text)
        char = self.skip()
        if not char or char in "}]),:":
            raise RefusedError
        opens = char in "{[(" or char in QUOTES or char.isdigit()
        if not (opens or CALL.match(self.text, self.at)):
            opener = min((i for i in map(self.text.find, "{[") if i > 0), default=-1)
            if opener > 0:
                self.took("dropped_text")
                self.at = opener
        return self._value

    def _key(self) -> State:
        """Read at a place for a key."""
        char = self.skip()
        if not char:
            return self._end
        self.key_at, self.key_comma = len(self.out), self.comma
        if char in OPENER_OF:
            return self._close(char, self._key)
        if char in QUOTES and not self.text.startswith("```", self.at):
            return self._string("key")
        return self._odd_key(char)

    def _odd_key(self, char: str) -> State:
        """Read a key without quotes, or other text at the place for a key."""
        if char == ",":
            return self._extra_comma(self._key)
        if char == "`":
            return self._drop_fence(self._key)
        if char in "{[" and self.kinds[-2:-1] == ["["]:
            self.took("guessed_closer")
            self.pop()
            return self._after
        return self._colon if bare_key(self) else self._drop(self._key)

    def _colon(self) -> State:
        """Read after a key."""
        char = self.skip()
        if char == ":":
            self.at += 1
        elif not char:
            return self._end_of_member
        elif char in ",}])":
            return self._no_value(char)
        else:
            self.took("missing_colon")
        self.out.append(":")
        return self._value

    def _no_value(self, char: str) -> State:
        """Read after a key without a colon, which is a value of a set, or a key without a value."""
        if self.key_at == self.starts[-1] + 1 and not self.key_comma and char in ",}":
            self.took("set_as_array")
            self.kinds[-1], self.out[self.starts[-1]] = "<", "["
            if char == "}":
                self.at += 1
                self.pop()
                return self._resume()
        else:
            self.took("missing_value")
            self.out.append(":null")
        return self._after

    def _value(self) -> State:
        """Read at a place for a value."""
        char = self.skip()
        role = self.role
        if not char:
            return self._cut(role)
        if role == "element":
            if char in OPENER_OF:
                return self._close(char, self._value)
            if char == ",":
                return self._extra_comma(self._value)
        elif char in ",}])":
            self.took("missing_value")
            self.emit("null")
            return self._resume()
        return self._item(char, role)

    def _item(self, char: str, role: Role) -> State:
        if char == "`" and self.text.startswith("```", self.at):
            return self._drop_fence(self._value)
        if char in QUOTES:
            return self._string(role)
        if char in "{[(":
            return self._open(char)
        if ELLIPSIS.match(self.text, self.at):
            return self._drop(self._value)
        if char in "0123456789-+.":
            return self._resume() if number(self) else self._cut(role)
        return self._resume() if bare(self) else self._value

    def _string(self, role: Role) -> State:
        if not string(self, role):
            return self._cut(role)
        return self._colon if role == "key" else self._resume()

    def _cut(self, role: Role) -> State:
        """Return the state at the end of a text that was cut off in a value."""
        return self._end_of_member if role == "member" else self._end

    def _open(self, char: str) -> State:
        self.at += 1
        if char == "(":
            self.took("parentheses")
        self.push(char, char)
        return self._key if char == "{" else self._value

    def _after(self) -> State:
        """Read after a value inside brackets."""
        char = self.skip()
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
            self.took("dropped_text" if STRUCTURE.search(self.text, self.at) else "trailing_prose")
            self.size = self.at
            return self._end
        return self._missing_comma(char)

    def _next(self) -> State:
        return self._key if self.kinds[-1] == "{" else self._value

    def _missing_comma(self, char: str) -> State:
        """Read text that follows a value without a comma."""
        if self.kinds[-1] == "{":
            if char not in QUOTES and not KEY.match(self.text, self.at):
                return self._drop(self._after)
        elif char == ":":
            return self._implied_object()
        elif char in ";!?=":
            self.took("dropped_text")
            self.at += 1
            return self._after
        last = self.out[-1][-1:]
        split = char.isdigit() and last.isdigit() and "\n" not in self.text[self.at - 1 : self.at]
        self.took("guessed_comma" if split and DIGITS_SPLIT.match(self.text, self.at) else "missing_comma")
        self.comma = True
        if self.kinds[-1] == "(":
            self.out[self.starts[-1]] = "["
        return self._next()

    def _implied_object(self) -> State:
        """Open an object around the last string of an array, which becomes its key."""
        if not self.out[-1].startswith('"') or len(self.out) - 1 == self.starts[-1]:
            return self._drop(self._after)
        self.took("implied_object")
        key = self.out.pop()
        self.push("{", "{")
        self.key_at, self.key_comma = len(self.out), False
        self.out.append(key)
        return self._colon

    def _extra_comma(self, state: State) -> State:
        self.took("extra_comma")
        self.at = self.past(COMMAS, self.at)
        return state

    def _drop(self, state: State) -> State:
        """Drop text that fits nowhere, up to the next text that may fit."""
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
            self.pop()
        self.pop()
        return self._resume()

    def _end_of_member(self) -> None:
        """Remove a key whose value was cut off, and close all open brackets."""
        self.took("truncated_tail")
        del self.out[self.key_at :]
        self.comma = False
        self._end()

    def _end(self) -> None:
        """Close all open brackets at the end of the text."""
        if not self.kinds:
            raise RefusedError
        self.took("missing_closer" if self.finished else "closed_truncation")
        if self.comma:
            self.took("trailing_comma")
        while self.kinds:
            self.pop()

    def _rest(self) -> State | None:
        """Read the text after the value."""
        char = self.skip()
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
            raise RefusedError
        self.took("trailing_prose" if PROSE.match(self.text, self.at) else "dropped_text")
        return None

    @property
    def _closed(self) -> bool:
        """Whether the value is an object or array. Text after it may be dropped; text after a word is part of it."""
        return self.out[-1][-1:] in ("}", "]", "")

    def _behind_comma(self) -> State | None:
        self.at += 1
        char = self.skip()
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
            return self._key
        if char in "{[" or not self._closed:
            raise RefusedError
        self.took("dropped_text")
        return None


class Repaired(NamedTuple):
    """A reading of a malformed text.

    Attributes:
        text: JSON. The parser still has to check limits, duplicate keys, and the size of numbers.
        steps: Names of the steps, in order of first use; empty if the text was JSON.
        lossless: Whether every step is lossless.
    """

    text: str
    steps: tuple[str, ...]
    lossless: bool


class Readings(NamedTuple):
    """The readings of a malformed text.

    Attributes:
        repaired: Readings, best first.
        work: Number of places read, which bounds the time. A place takes 1 to 3 us.
        complete: Whether the whole text was read. If not, it has too many faults to have a clear meaning.
    """

    repaired: list[Repaired]
    work: int
    complete: bool


def readings(
    text: str, *, level: Literal["lossless", "lossy"], finished: bool, max_work: int = MAX_WORK
) -> Readings:
    """Return the readings of a malformed JSON text, best first, and whether they are complete.

    Never raises, whatever the text. The time is linear in its length, and at most *max_work* places are read.

    Args:
        text: The text from the first character of JSON on.
        level: `lossless` returns only lossless readings, `lossy` all.
        finished: Whether the model is known to have finished. If not, the text may be cut off, and its missing end
            can't be added without loss.
        max_work: Most places to read, in all readings together.

    Returns:
        At most four different readings, or none if the text can't be read at this level. Prefer the first whose value
        validates.

    >>> readings("{'a': 1,}", level="lossless", finished=True).repaired
    [Repaired(text='{"a":1}', steps=('single_quotes', 'trailing_comma'), lossless=True)]
    """
    results: list[Repaired] = []
    budget = max_work
    waiting = [Scanner(text, level=level, finished=finished)]
    while waiting:
        scanner = waiting.pop(0)
        begun = scanner.work
        scanner.most = begun + budget
        read = scanner.scan()
        budget -= scanner.work - begun
        if budget < 0:
            return Readings(results, max_work, complete=False)
        waiting += scanner.forks.values()
        if read is not None and all(read != other.text for other in results):
            lossless = all(STEPS[step].lossless for step in scanner.steps)
            results.append(Repaired(read, tuple(scanner.steps), lossless))
    return Readings(results, max_work - budget, complete=True)
