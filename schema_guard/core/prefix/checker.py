# SPDX-License-Identifier: Apache-2.0
"""A reply that is still being written: the first place from which no continuation of it is valid.

Rules:
1. Doomed is proven: no continuation is valid, in any order of keys. Not doomed says nothing.
2. The first failure dooms, so its keyword and its place are exact.
3. A character is looked at a bounded number of times, whatever the pieces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.core.prefix import tokens
from schema_guard.core.prefix.conditions import conditions_of
from schema_guard.core.prefix.frames import CLOSERS, PLACEHOLDERS, OpenValue, unused
from schema_guard.core.prefix.plans import KINDS, begins_one
from schema_guard.core.prefix.start import Start
from schema_guard.core.prefix.told import DoomedPlace, not_json, refused
from schema_guard.core.reading.parse import NotJson, parse
from schema_guard.core.schema import Schema
from schema_guard.core.values import Failure, Limits
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable

    from schema_guard.core.prefix.plans import Slot, SlotPlan

__all__ = ["PrefixChecker", "prefix_checker"]

_LIMITS = Limits()
# The parser's own limit of nesting; beyond it nothing is said.
_DEEPEST = 199
# What is read again, to hold whole objects and arrays against what their members do not tell.
_READ_AGAIN, _READ_AGAIN_AT_FIRST = 8, 4_096
# An open text is compared with listed ones as long as it is not longer than this.
_LONGEST_COMPARED = 256


def prefix_checker(schema: Schema[Any], *, limits: Limits = _LIMITS) -> PrefixChecker:
    """Give a checker for one reply that is still being written.

    Args:
        schema: What the reply must keep to.
        limits: How large the reply may be.

    Raises:
        InvalidArgument: *schema* is no Schema.

    >>> checker = prefix_checker(Schema.of({"properties": {"total": {"type": "number"}}}))
    >>> checker.feed('{"total": 1'), checker.feed('2, "currency": "EUR"')
    (None, None)
    """
    if not isinstance(schema, Schema):
        raise InvalidArgument(
            f"prefix_checker: schema={clip(repr(schema))}: expected a Schema, as Schema.of gives it"
        )
    return PrefixChecker(schema, limits)


class PrefixChecker:
    """What is known of a reply that is still being written. Make one with `prefix_checker`.

    Attributes:
        failure: Why no continuation of what was read is valid; None while one may be.
        read: Characters that were read: with a failure those up to and with the one that decided it.
    """

    __slots__ = (
        "_at", "_carry", "_conditions", "_frame", "_frames", "_json", "_left", "_length", "_limits", "_pieces", "_plan",
        "_raw", "_schema", "_size", "_slot", "_start", "_step", "failure", "read",
    )  # fmt: skip

    failure: Failure | None
    read: int

    def __init__(self, schema: Schema[Any], limits: Limits) -> None:
        self.failure = None
        self.read = 0
        self._schema = schema
        self._limits = limits
        self._conditions = conditions_of(schema.loosest())
        self._start: Start | None = Start()
        self._step: Callable[[str, int], int] | None = self._value
        self._slot: Slot = self._conditions.root
        self._frames: list[OpenValue] = []
        self._frame: OpenValue = OpenValue("", self._conditions.nothing, 0)
        # Of the JSON text: its pieces, their characters, where it begins in the reply, and where in it the text begins
        # that is looked at.
        self._pieces: list[str] = []
        self._size = 0
        self._json = 0
        self._at = 0
        # The begin of a token whose end has not come yet.
        self._carry = ""
        # Of the string that is open: its pieces, at least so many characters, its plan.
        self._raw: list[str] = []
        self._length = 0
        self._plan: SlotPlan = self._conditions.nothing
        self._left = _READ_AGAIN_AT_FIRST

    @property
    def viable(self) -> bool:
        """Whether a continuation may be valid, as far as that is known."""
        return self.failure is None

    @property
    def open(self) -> bool:
        """Whether the reply stands inside of its JSON text: begun, not complete, and not failed."""
        return self._start is None and self._step is not None

    def feed(self, text: str) -> Failure | None:
        """Read the next piece of the reply.

        Args:
            text: What comes behind all that was read, of any length.

        Returns:
            The failure, once no continuation is valid, and the same for every further piece; None before.
        """
        if self._step is None:
            self.read += len(text) if self.failure is None else 0
            return self.failure
        self.read += len(text)
        if self.read > self._limits.max_bytes:
            message = f"{self.read} bytes or more, beyond max_bytes={self._limits.max_bytes}"
            return self._fail(Failure("syntax", "too_large", message), self.read)
        if self._start is not None:
            found = self._start.feed(text)
            if found is None:
                self._step = None if self._start.is_over else self._step
                return None
            self._start, text, self._json = None, found, self.read - len(found)
        self._pieces.append(text)
        self._size += len(text)
        self._left += _READ_AGAIN * len(text)
        text, self._carry = self._carry + text, ""
        position, end = 0, len(text)
        while position < end and self._step is not None:
            position = self._step(text, position)
        self._at += end - len(self._carry)
        return self.failure

    # Steps: each reads a token at a position and gives where the next one begins.

    def _members(self, text: str, position: int) -> int:
        """Read members: those that are scalars, whole and as they should be at once, any other by its tokens."""
        frame, conditions = self._frame, self._conditions
        plan, seen = frame.plan, frame.seen
        known, match = plan.children, tokens.MEMBER.match
        while found := match(text, position):
            key, raw, delimiter = found.groups()
            slot = known.get(key) or conditions.child(plan, key)
            value = slot.plans.get(raw[0]) or conditions.plan(slot, raw[0])
            if value.dead or key in seen or (value.asks and not value.accepts(tokens.scalar_of(raw))):
                break
            seen.add(key)
            frame.count += 1
            if delimiter == "}":
                return self._close(text, found.end() - 1)
            position = found.end()
            if frame.count >= plan.full:
                return self._beyond(text, position)
        return self._key(text, position)

    def _items(self, text: str, position: int) -> int:
        """Read items, as members are read."""
        frame, conditions = self._frame, self._conditions
        plan, match = frame.plan, tokens.ITEM.match
        while found := match(text, position):
            raw, delimiter = found.groups()
            slot = conditions.child(plan, frame.count)
            value = slot.plans.get(raw[0]) or conditions.plan(slot, raw[0])
            if value.dead or (value.asks and not value.accepts(tokens.scalar_of(raw))):
                break
            frame.count += 1
            if delimiter == "]":
                return self._close(text, found.end() - 1)
            position = found.end()
            if frame.count >= plan.full:
                return self._beyond(text, position)
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] == "]" and not frame.count:
            return self._close(text, position)
        frame.key = frame.count
        frame.count += 1
        self._slot, self._step = conditions.child(plan, frame.key), self._value
        return position

    def _key(self, text: str, position: int) -> int:
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] == '"':
            self._raw, self._length, self._step = [], 0, self._in_key
            return position + 1
        if text[position] == "}" and not self._frame.count:
            return self._close(text, position)
        return self._malformed(position)

    def _in_key(self, text: str, position: int) -> int:
        position = self._body(text, position)
        if position == len(text):
            self._check_open_key(position - len(self._carry))
            return position
        if text[position] != '"':
            return self._malformed(position)
        frame = self._frame
        key = tokens.text_of("".join(self._raw))
        if key is tokens.UNKNOWN:
            return self._silent(position)
        if key in frame.seen:
            return self._malformed(position, "duplicate_key")
        frame.seen.add(key)
        frame.key = key
        frame.count += 1
        self._slot = self._conditions.child(frame.plan, key)
        if self._slot.denied:
            return self._refused(position + 1, ":null", self._slot.denied, inside=True)
        self._step = self._colon
        return position + 1

    def _check_open_key(self, position: int) -> None:
        """Hold a key that is still open against the names that there may be."""
        frame = self._frame
        if frame.plan.closed is None or self._length > _LONGEST_COMPARED:
            return
        begun = tokens.text_of("".join(self._raw))
        if begun is tokens.UNKNOWN:
            return
        # A name that was there before may come again: then it is a duplicate, and not one too many.
        if not begins_one(begun, frame.plan.sorted_names):
            self._refused(position, '":null', "additionalProperties", inside=False)

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
                position, PLACEHOLDERS[kind], plan.dead, inside=True, begun=kind, read=position + 1
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
        if len(frames) >= min(self._limits.max_depth, _DEEPEST):
            return (
                self._malformed(position, "too_deep")
                if self._limits.max_depth <= _DEEPEST
                else self._silent(position)
            )
        self._frame = OpenValue(opener, plan, self._at + position)
        frames.append(self._frame)
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
        self._step = self._after
        if not plan.asks:
            return position + 1
        return self._end_of_scalar(tokens.text_of("".join(self._raw)), position + 1)

    def _check_open_string(self, position: int) -> None:
        plan = self._plan
        if self._length > plan.longest:
            self._refused(position, '"', "maxLength", inside=True, begun='"')
        elif plan.texts is not None and self._length <= _LONGEST_COMPARED:
            begun = tokens.text_of("".join(self._raw))
            if begun is not tokens.UNKNOWN and not begins_one(begun, plan.texts):
                self._refused(position, '"', "enum", inside=True, begun='"')

    def _body(self, text: str, position: int) -> int:
        """Read on in a string; give where it ends, or breaks off."""
        found = tokens.BODY.match(text, position)
        assert found is not None
        end = found.end()
        if end > position:
            raw = found[0]
            self._raw.append(raw)
            self._length += tokens.length_of(raw)
        if end < len(text) and text[end] == "\\" and tokens.ESCAPE_BEGUN.match(text, end):
            self._carry = text[end:]
            return len(text)
        return end

    def _number(self, text: str, position: int) -> int:
        part = tokens.NUMBER_PART.match(text, position)
        assert part is not None
        if part.end() - position > self._limits.max_number_chars:
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
        self._step = self._after
        return self._end_of_scalar(tokens.number_of(part[0]), part.end())

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
        self._step = self._after
        return self._end_of_scalar(tokens.scalar_of(word), end)

    def _end_of_scalar(self, value: Any, end: int) -> int:
        if value is not tokens.UNKNOWN and self._plan.asks and not self._plan.accepts(value):
            return self._refused(end, "", "", inside=True)
        return end

    def _after(self, text: str, position: int) -> int:
        position = _behind_space(text, position)
        if position == len(text):
            return position
        frame = self._frame
        delimiter = text[position]
        if delimiter == CLOSERS[frame.opener]:
            return self._close(text, position)
        if delimiter != ",":
            return self._malformed(position)
        if frame.count >= frame.plan.full:
            return self._beyond(text, position + 1)
        self._step = self._members if frame.opener == "{" else self._items
        return position + 1

    def _beyond(self, text: str, end: int) -> int:
        """Fail at the comma behind the last member or item that there may be."""
        frame = self._frame
        if frame.opener == "[":
            return self._refused(end, "null", "maxItems", inside=False)
        keyword = "maxProperties" if frame.count >= frame.plan.most else "additionalProperties"
        return self._refused(end, f'"{unused(frame.seen)}":null', keyword, inside=False)

    def _close(self, text: str, position: int) -> int:
        """Hold what an object or array asks of its members together against it, at its bracket."""
        frame = self._frame
        plan, end = frame.plan, position + 1
        if plan.required and not plan.required <= frame.seen:
            return self._refused(end, "", "required", inside=False, closed=True)
        if frame.count < plan.least or frame.count > plan.most:
            few, many = (
                ("minProperties", "maxProperties") if frame.opener == "{" else ("minItems", "maxItems")
            )
            return self._refused(
                end, "", few if frame.count < plan.least else many, inside=False, closed=True
            )
        frames = self._frames
        # Behind the outermost one there is nothing to be saved: the judge reads it all the same.
        if plan.residue and len(frames) > 1 and not self._holds(frame, end):
            return self._refused(end, "", "", inside=False, closed=True)
        frames.pop()
        if frames:
            self._frame, self._step = frames[-1], self._after
        else:
            self._step = None
        return end

    def _holds(self, frame: OpenValue, end: int) -> bool:
        size = self._at + end - frame.start
        if size > self._left:
            return True
        self._left -= size
        value = parse(self._read_from(frame.start, end), self._limits)
        return type(value) is NotJson or self._conditions.holds(frame.plan, value)

    # How it ends.

    def _read_from(self, start: int, end: int) -> str:
        """Give the JSON text from a place in it up to a position of the text that is looked at."""
        last: list[str] = []
        at = self._size
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

    def _refused(  # noqa: PLR0913 - what is said of one place
        self,
        end: int,
        rest: str,
        keyword: str,
        *,
        inside: bool,
        closed: bool = False,
        begun: str | None = None,
        read: int | None = None,
    ) -> int:
        """Fail at a place.

        Args:
            end: Up to where the text is taken, to which *rest* is added and what closes it.
            rest: What makes a whole value of it.
            keyword: What is broken.
            inside: Whether the place is the member or item that is written, and not what it is in.
            closed: Whether the innermost object or array is closed.
            begun: Kind of a value of which more may come.
            read: Characters up to and with the one that decided it; *end* where that is None.
        """
        text = self._read_from(0, end)
        frames = self._frames
        path = [frame.key for frame in (frames if inside else frames[:-1])]
        closers = "".join(CLOSERS[frame.opener] for frame in reversed(frames[:-1] if closed else frames))
        place = DoomedPlace(path, keyword, text + rest + closers, begun)
        read = self._json + self._at + (end if read is None else read)
        self._fail(refused(place, self._schema, self._limits), read)
        return end

    def _fail(self, failure: Failure, read: int) -> Failure:
        self.failure, self.read, self._step = failure, read, None
        return failure


def _behind_space(text: str, position: int) -> int:
    found = tokens.SPACE.match(text, position)
    assert found is not None
    return found.end()
