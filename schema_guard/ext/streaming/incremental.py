# SPDX-License-Identifier: Apache-2.0
"""An incremental parser of JSON that is still being written: members and items whole where they have come whole.

Rules:
1. What is whole and as it should be takes one match; all else, and what is wrong, is read by its tokens.
2. What was begun is read again with the next piece, as long as it is short: a character is looked at a bounded number
   of times, whatever the pieces.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.ext.streaming import tokens
from schema_guard.ext.streaming.frames import CLOSERS, PLACEHOLDERS, OpenValue, Refusal, unused
from schema_guard.ext.streaming.plans import KINDS, begins_one
from schema_guard.ext.streaming.tokens import (
    FIRST_ITEM,
    FIRST_ITEM_BEGUN,
    FIRST_MEMBER,
    FIRST_MEMBER_BEGUN,
    NEXT_ITEM,
    NEXT_ITEM_BEGUN,
    NEXT_MEMBER,
    NEXT_MEMBER_BEGUN,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.ext.streaming.conditions import Conditions
    from schema_guard.ext.streaming.plans import Slot, SlotPlan
    from schema_guard.limits import Limits

__all__ = ["LONGEST_CARRIED", "IncrementalParser"]

# The parser's own limit of nesting; beyond it nothing is said.
_DEEPEST = 199
# An open text is compared with listed ones as long as it is not longer than this.
_LONGEST_COMPARED = 256
LONGEST_CARRIED = 64
"""A member that was begun is read again with the next piece as long as it is not longer than this."""


class IncrementalParser(ABC):
    """Reads a JSON text, a token or a few at a time: each step gives the position at which the next one begins."""

    __slots__ = (
        "_at", "_carry", "_conditions", "_frame", "_frames", "_is_free", "_length", "_limits", "_most_digits",
        "_most_open", "_nodes", "_plan", "_raw", "_slot", "_step",
    )  # fmt: skip

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
        # Whether that is an open text of which nothing is asked but its end.
        self._is_free = False
        # Of the string that is open: its pieces, at least so many characters, its plan.
        self._raw: list[str] = []
        self._length = 0
        self._plan: SlotPlan = conditions.nothing

    def _members(self, text: str, position: int) -> int:
        """Read members: those that came whole, one match each."""
        frame, conditions, most = self._frame, self._conditions, self._most_digits
        plan, seen = frame.plan, frame.names
        known, full = plan.children, plan.full
        match = NEXT_MEMBER if seen else FIRST_MEMBER
        while member := match(text, position):
            key, raw = member.groups()
            slot = known.get(key) or conditions.child(plan, key)
            first = raw[0]
            value = slot.plans.get(first) or conditions.plan(slot, first)
            if key in seen or len(seen) >= full:
                return self._delimiter(text, position)
            if first in "{[":
                if value.dead:
                    return self._delimiter(text, position)
                seen.add(key)
                frame.key = key
                return self._open(first, value, member.end() - 1)
            if not (len(raw) <= most if value.is_free else value.takes(raw, most)):
                return self._delimiter(text, position)
            seen.add(key)
            position = member.end()
            match = NEXT_MEMBER
        if len(text) - position <= LONGEST_CARRIED:
            begun = (NEXT_MEMBER_BEGUN if seen else FIRST_MEMBER_BEGUN)(text, position)
            if begun and self._may_be_member(*begun.groups()):
                self._carry = text[position:]
                return len(text)
        return self._delimiter(text, position)

    def _may_be_member(self, key: str | None, quote: str | None, raw: str | None) -> bool:
        """Say whether a member that was begun may become one that may stand here."""
        frame = self._frame
        plan = frame.plan
        if len(frame.names) >= plan.full:
            return False
        if key is None or quote is None:
            self._is_free = key is not None and plan.closed is None
            return key is None or plan.closed is None or begins_one(key, plan.sorted_names)
        if key in frame.names:
            return False
        slot = plan.children.get(key) or self._conditions.child(plan, key)
        return slot.denied is None and (raw is None or self._may_be_scalar(slot, raw))

    def _may_be_scalar(self, slot: Slot, raw: str) -> bool:
        """Say whether a scalar that was begun may become one that may stand at a slot."""
        first = raw[0]
        plan = slot.plans.get(first) or self._conditions.plan(slot, first)
        if plan.dead or len(raw) > self._most_digits:
            return False
        if first != '"':
            return True
        self._is_free = plan.longest == inf and plan.texts is None
        return self._is_free or (len(raw) - 1 <= plan.longest and begins_one(raw[1:], plan.texts))

    def _items(self, text: str, position: int) -> int:
        """Read items, as members are read."""
        frame, conditions, most = self._frame, self._conditions, self._most_digits
        plan = frame.plan
        match = NEXT_ITEM if frame.count else FIRST_ITEM
        while item := match(text, position):
            raw = item[1]
            slot = conditions.child(plan, frame.count)
            first = raw[0]
            value = slot.plans.get(first) or conditions.plan(slot, first)
            if frame.count >= plan.full:
                return self._delimiter(text, position)
            if first in "{[":
                if value.dead:
                    return self._delimiter(text, position)
                frame.key = frame.count
                frame.count += 1
                return self._open(first, value, item.end() - 1)
            if not (len(raw) <= most if value.is_free else value.takes(raw, most)):
                return self._delimiter(text, position)
            frame.count += 1
            position = item.end()
            match = NEXT_ITEM
        if len(text) - position <= LONGEST_CARRIED:
            begun = (NEXT_ITEM_BEGUN if frame.count else FIRST_ITEM_BEGUN)(text, position)
            if begun and self._may_be_item(begun[1]):
                self._carry = text[position:]
                return len(text)
        return self._delimiter(text, position)

    def _may_be_item(self, raw: str | None) -> bool:
        """Say whether an item that was begun may become one that may stand here."""
        frame = self._frame
        if frame.count >= frame.plan.full:
            return False
        return raw is None or self._may_be_scalar(self._conditions.child(frame.plan, frame.count), raw)

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
        self._step = self._members if opener == "{" else self._items
        return position + 1

    def _in_string(self, text: str, position: int) -> int:
        position = self._body(text, position)
        plan = self._plan
        if position == len(text):
            self._check_open_string(position - len(self._carry))
            return position
        if text[position] != '"':
            return self._malformed(position)
        self._step = self._between()
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
        self._step = self._between()
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
        self._step = self._between()
        return self._end_of_scalar(tokens.scalar_of(word), end)

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
            self._step = self._between()
        else:
            self._step = None
        return end

    def _between(self) -> Callable[[str, int], int]:
        """Give the step that reads what stands between the members or items of the innermost open value."""
        return self._members if self._frame.opener == "{" else self._items

    # What becomes of it is not said here.

    @abstractmethod
    def _holds(self, frame: OpenValue, end: int) -> bool:
        """Say whether a whole object or array keeps to what its members and items do not tell."""

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
