# SPDX-License-Identifier: Apache-2.0
"""An incremental parser of JSON that is still being written, token by token.

Rule: an escape, a number, or a literal whose end has not arrived is read again with the next piece. So a character is
read a bounded number of times, whatever the pieces.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from schema_guard.ext.streaming import tokens
from schema_guard.ext.streaming.frames import CLOSERS, PLACEHOLDERS, OpenValue, Refusal, unused
from schema_guard.ext.streaming.plans import KINDS, begins_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.streaming.conditions import Conditions
    from schema_guard.ext.streaming.plans import Slot, SlotPlan
    from schema_guard.limits import Limits

__all__ = ["IncrementalParser"]

# The parser's own limit of nesting; beyond it nothing is said.
_DEEPEST = 199
# An open text is compared with listed ones as long as it is not longer than this.
_LONGEST_COMPARED = 256


class IncrementalParser(ABC):
    """Reads a JSON text. Each step reads a token, and returns the position of the next one."""

    def __init__(self, conditions: Conditions, limits: Limits) -> None:
        self._conditions = conditions
        self._limits = limits
        self._most_open = min(limits.max_depth, _DEEPEST)
        self._most_digits = limits.max_number_chars
        self._step: Callable[[str, int], int] | None = self._value
        self._slot: Slot = conditions.root
        self._frames: list[OpenValue] = []
        self._frame: OpenValue = OpenValue("", conditions.nothing, 0)
        # Members and items of the objects and arrays that are closed.
        self._nodes = 0
        # Where in the JSON text the text begins that is looked at.
        self._at = 0
        # What was begun, and its end has not come yet.
        self._carry = ""
        # Of the string that is open: its pieces, at least so many characters, its plan.
        self._raw: list[str] = []
        self._length = 0
        self._plan: SlotPlan = conditions.nothing

    def _delimiter(self, text: str, position: int) -> int:
        """Read what stands before a member or an item, or ends what they are in."""
        frame = self._frame
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] == CLOSERS[frame.opener]:
            return self._close(text, position)
        if frame.size():
            if text[position] != ",":
                return self._malformed(position)
            if frame.size() >= frame.plan.full:
                return self._beyond(position + 1)
            position += 1
        if frame.opener == "{":
            self._step = self._name
        else:
            frame.key = frame.count
            frame.count += 1
            self._slot, self._step = self._conditions.child(frame.plan, frame.key), self._value
        return position

    def _name(self, text: str, position: int) -> int:
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] != '"':
            return self._malformed(position)
        self._raw, self._length, self._step = [], 0, self._in_name
        return position + 1

    def _in_name(self, text: str, position: int) -> int:
        position = self._body(text, position)
        if position == len(text):
            self._check_open_name(position - len(self._carry))
            return position
        if text[position] != '"':
            return self._malformed(position)
        frame = self._frame
        key = tokens.text_of("".join(self._raw))
        if key is tokens.UNKNOWN:
            return self._silent(position)
        if key in frame.names:
            return self._malformed(position, "duplicate_key")
        frame.names.add(key)
        frame.key = key
        self._slot = self._conditions.child(frame.plan, key)
        if self._slot.denied:
            return self._refused(Refusal(position + 1, ":null", self._slot.denied, inside=True))
        self._step = self._colon
        return position + 1

    def _check_open_name(self, position: int) -> None:
        """Hold a key that is still open against the names that there may be."""
        frame = self._frame
        if frame.plan.closed is None or self._length > _LONGEST_COMPARED:
            return
        begun = tokens.text_of("".join(self._raw))
        if begun is tokens.UNKNOWN:
            return
        # A name that was there before may come again: then it is a duplicate, and not one too many.
        if not begins_one(begun, frame.plan.sorted_names):
            self._refused(Refusal(position, '":null', "additionalProperties"))

    def _colon(self, text: str, position: int) -> int:
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] != ":":
            return self._malformed(position)
        self._step = self._value
        return position + 1

    def _value(self, text: str, position: int) -> int:
        position = _behind_space(text, position)
        if position == len(text):
            return position
        first = text[position]
        kind = KINDS.get(first)
        if kind is None:
            return self._literal(text, position) if first in tokens.LITERALS else self._malformed(position)
        plan = self._slot.plans.get(first) or self._conditions.plan(self._slot, first)
        if plan.dead:
            return self._refused(
                Refusal(
                    position, PLACEHOLDERS[kind], plan.dead, inside=True, open_kind=kind, decided=position + 1
                )
            )
        if kind in CLOSERS:
            return self._open(first, plan, position)
        self._plan = plan
        if kind == '"':
            self._raw, self._length, self._step = [], 0, self._in_string
            return position + 1
        return self._number(text, position) if kind == "0" else self._literal(text, position)

    def _open(self, opener: str, plan: SlotPlan, position: int) -> int:
        frames = self._frames
        if len(frames) >= self._most_open:
            is_told = self._limits.max_depth <= _DEEPEST
            return self._malformed(position, "too_deep") if is_told else self._silent(position)
        self._frame = frame = OpenValue(opener, plan, self._at + position)
        frames.append(frame)
        self._step = self._delimiter
        return position + 1

    def _in_string(self, text: str, position: int) -> int:
        position = self._body(text, position)
        plan = self._plan
        if position == len(text):
            self._check_open_string(position - len(self._carry))
            return position
        if text[position] != '"':
            return self._malformed(position)
        self._step = self._delimiter
        if not plan.asks:
            return position + 1
        return self._end_of_scalar(tokens.text_of("".join(self._raw)), position + 1)

    def _check_open_string(self, position: int) -> None:
        plan = self._plan
        if self._length > plan.longest:
            self._refused(Refusal(position, '"', "maxLength", inside=True, open_kind='"'))
        elif plan.texts is not None and self._length <= _LONGEST_COMPARED:
            begun = tokens.text_of("".join(self._raw))
            if begun is not tokens.UNKNOWN and not begins_one(begun, plan.texts):
                self._refused(Refusal(position, '"', "enum", inside=True, open_kind='"'))

    def _body(self, text: str, position: int) -> int:
        """Read on in a string; give where it ends, or breaks off."""
        match = tokens.BODY.match(text, position)
        assert match is not None
        end = match.end()
        if end > position:
            raw = match[0]
            self._raw.append(raw)
            self._length += tokens.length_of(raw)
        if end < len(text) and text[end] == "\\" and tokens.ESCAPE_BEGUN.match(text, end):
            self._carry = text[end:]
            return len(text)
        return end

    def _number(self, text: str, position: int) -> int:
        part = tokens.NUMBER_PART.match(text, position)
        assert part is not None
        if part.end() - position > self._most_digits:
            return self._malformed(part.end() - 1, "number_too_long")
        if text.startswith("-I", position) or text.startswith("-N", position):
            return self._literal(text, position)
        if part.end() == len(text):
            if not tokens.NUMBER_BEGUN.fullmatch(text, position):
                return self._malformed(part.end() - 1)
            self._carry = text[position:]
            return len(text)
        if not tokens.NUMBER.fullmatch(text, position, part.end()):
            return self._malformed(part.end())
        self._step = self._delimiter
        return self._end_of_scalar(tokens.number_of(part[0]), part.end(), part.end() + 1)

    def _literal(self, text: str, position: int) -> int:
        first = text[position]
        sign = first == "-"
        word = tokens.LITERALS[text[position + sign]]
        begun = text[position + sign : position + sign + len(word)]
        if not word.startswith(begun):
            right = next(at for at, char in enumerate(begun) if char != word[at])
            return self._malformed(position + sign + right)
        if begun != word:
            self._carry = text[position:]
            return len(text)
        end = position + sign + len(word)
        if first not in "tfn":
            return self._malformed(end - 1, "not_finite")
        self._step = self._delimiter
        return self._end_of_scalar(tokens.LITERAL_VALUES[word], end)

    def _end_of_scalar(self, value: Any, end: int, decided: int | None = None) -> int:
        if value is not tokens.UNKNOWN and self._plan.asks and not self._plan.accepts(value):
            return self._refused(Refusal(end, "", "", inside=True, decided=decided))
        return end

    def _beyond(self, end: int) -> int:
        """Fail at the comma behind the last member or item that there may be."""
        frame = self._frame
        if frame.opener == "[":
            return self._refused(Refusal(end, "null", "maxItems"))
        keyword = "maxProperties" if len(frame.names) >= frame.plan.most else "additionalProperties"
        name = unused(frame.names)
        return self._refused(Refusal(end, f'"{name}":null', keyword, unnamed=name))

    def _close(self, text: str, position: int) -> int:
        """Hold what an object or array asks of its members together against it, at its bracket."""
        frame = self._frame
        plan, end = frame.plan, position + 1
        if plan.required and not plan.required <= frame.names:
            return self._refused(Refusal(end, "", "required", closed=True))
        count = frame.size()
        self._nodes += count
        if count < plan.least or count > plan.most:
            few, many = (
                ("minProperties", "maxProperties") if frame.opener == "{" else ("minItems", "maxItems")
            )
            return self._refused(Refusal(end, "", few if count < plan.least else many, closed=True))
        frames = self._frames
        # Behind the outermost one there is nothing to be saved: the judge reads it all the same.
        if plan.residue and len(frames) > 1 and not self._holds(frame, end):
            return self._refused(Refusal(end, "", "", closed=True))
        frames.pop()
        if frames:
            self._frame = frames[-1]
            self._step = self._delimiter
        else:
            self._step = None
        return end

    # What becomes of it is not said here.

    @abstractmethod
    def _holds(self, frame: OpenValue, end: int) -> bool:
        """Return whether a whole object or array keeps to what its members and items do not tell."""

    @abstractmethod
    def _silent(self, position: int) -> int:
        """Say nothing of what follows."""

    @abstractmethod
    def _malformed(self, position: int, code: str = "malformed") -> int:
        """Fail at a character that no JSON has there."""

    @abstractmethod
    def _refused(self, refusal: Refusal) -> int:
        """Fail at a value."""


def _behind_space(text: str, position: int) -> int:
    match = tokens.SPACE.match(text, position)
    assert match is not None
    return match.end()
