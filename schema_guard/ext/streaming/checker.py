# SPDX-License-Identifier: Apache-2.0
"""Check a reply that is still being written: find the first place after which no continuation is valid.

Rules:
1. Doomed means proven: after that place, no continuation is valid, in any order of keys. Not doomed proves nothing.
2. The first failure dooms the reply, so its keyword and its place are exact.
3. The checker reads each character a bounded number of times, whatever the pieces are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from schema_guard.arguments import require_kind
from schema_guard.errors import InvalidArgument
from schema_guard.ext.streaming import tokens
from schema_guard.ext.streaming.conditions import conditions_of
from schema_guard.ext.streaming.failure import Refusal, not_json, refused
from schema_guard.ext.streaming.plans import KINDS, begins_one
from schema_guard.ext.streaming.start import Start
from schema_guard.limits import DEFAULT_LIMITS, Limits
from schema_guard.parsing import NotJson, parse
from schema_guard.schema import Schema
from schema_guard.text import clip
from schema_guard.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeForm

    from schema_guard.ext.streaming.plans import Slot, SlotPlan
    from schema_guard.schema import SchemaSource

# Bounds of rereading, to check objects and arrays for conditions that their members alone don't decide.
_READ_AGAIN, _READ_AGAIN_AT_FIRST = 8, 4_096
# Characters before the first check of the size, and characters times checks of a scalar (at most 0.5 s).
_FIRST_LOOK, _MOST_CHECKS = 8_192, 1_000_000
# The parser's own limit of nesting. Beyond it, the checker reports nothing.
_DEEPEST = 199
# An open text is compared with the listed ones only up to this length.
_LONGEST_COMPARED = 256
_CLOSERS = {"{": "}", "[": "]"}
"""Opening bracket -> closing bracket."""
_PLACEHOLDERS = {"{": "{}", "[": "[]", '"': '""', "0": "0", "t": "true", "n": "null"}
"""Kind -> a value of this kind."""


@overload
def prefix_checker(schema: TypeForm[Any], *, limits: Limits = ...) -> PrefixChecker: ...
@overload
def prefix_checker(schema: SchemaSource[Any], *, limits: Limits = ...) -> PrefixChecker: ...
def prefix_checker(schema: Any, *, limits: Limits = DEFAULT_LIMITS) -> PrefixChecker:
    """Return a checker for one reply that is still arriving.

    Args:
        schema: The schema: a class or another type annotation, a dict, the path of a JSON file, or a `Schema`.
        limits: Limits on the size of the reply.

    Raises:
        InvalidArgument: `schema` or `limits` has the wrong type.
        InvalidSchema: The schema can't be loaded.

    >>> checker = prefix_checker({"properties": {"total": {"type": "number"}}})
    >>> checker.feed('{"total": 1'), checker.feed('2, "currency": "EUR"')
    (None, None)
    """
    require_kind("limits", limits, Limits)
    return PrefixChecker(Schema.of(schema), limits)


@dataclass(slots=True)
class OpenValue:
    """An object or array that is open.

    Attributes:
        opener: Its bracket.
        plan: The conditions on its value.
        start: Position of its bracket in the JSON text.
        names: Names of the members of an object.
        count: Number of items of an array that have begun.
        key: Name or index of the last member or item.
    """

    opener: str
    plan: SlotPlan
    start: int
    names: set[str] = field(default_factory=set)
    count: int = 0
    key: str | int = ""

    def size(self) -> int:
        """Return how many members or items have begun."""
        return len(self.names) if self.opener == "{" else self.count


class PrefixChecker:
    """The state of a reply that is still arriving. To create a checker, call `prefix_checker`.

    Attributes:
        failure: The failure if no continuation of the reply can be valid, otherwise None.
        read: Number of characters that the checker has read. After a failure, the number includes the character that
            caused the failure.
    """

    failure: Failure | None
    read: int

    def __init__(self, schema: Schema[Any], limits: Limits) -> None:
        self.failure = None
        self.read = 0
        self._schema = schema
        self._most_read = min(limits.max_bytes, limits.max_nodes, _FIRST_LOOK)
        self._start: Start | None = Start()
        # The pieces of the JSON text, and the position in the reply where it begins.
        self._pieces: list[str] = []
        self._json = 0
        self._read_again = 0
        conditions = self._conditions = conditions_of(schema.conditions)
        self._limits = limits
        self._most_open = min(limits.max_depth, _DEEPEST)
        self._most_digits = limits.max_number_chars
        self._step: Callable[[str, int], int] | None = self._value
        self._slot: Slot = conditions.root
        self._frames: list[OpenValue] = []
        self._frame: OpenValue = OpenValue("", conditions.nothing, 0)
        # Number of members and items of the closed objects and arrays.
        self._nodes = 0
        # Position in the JSON text where the current text begins.
        self._at = 0
        # A token that has begun, but whose end has not arrived.
        self._carry = ""
        # The pieces of the open string, a lower bound of its length, and its plan.
        self._raw: list[str] = []
        self._length = 0
        self._plan: SlotPlan = conditions.nothing

    @property
    def viable(self) -> bool:
        """Whether a continuation of the reply can still be valid, as far as the checker knows."""
        return self.failure is None

    @property
    def open(self) -> bool:
        """Whether the JSON text of the reply has begun, but is neither complete nor invalid."""
        return self._start is None and self._step is not None

    def feed(self, text: str) -> Failure | None:
        """Read the next piece of the reply.

        Args:
            text: The next piece of the reply, of any length.

        Returns:
            The failure if no continuation of the reply can be valid, otherwise None. After a failure, each further call
            returns the same failure.

        Raises:
            InvalidArgument: The text isn't a str. After this error, the state of the checker is unchanged.
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
        """Return the failure of a reply that is too large. If it is None, set the size of the next check."""
        limits = self._limits
        self._step = None if self.read * self._conditions.heaviest > _MOST_CHECKS else self._step
        left = limits.max_nodes - self._nodes - sum(frame.size() for frame in self._frames)
        # Each value has a character.
        self._most_read = min(limits.max_bytes, self.read + left, 2 * self.read)
        if self.read <= self._most_read:
            return None
        code, message = "too_many_nodes", f"the reply has more values than max_nodes={limits.max_nodes}"
        if self.read > limits.max_bytes:
            code, message = "too_large", f"got {self.read} bytes or more, but max_bytes is {limits.max_bytes}"
        return self._fail(Failure("syntax", code, message), self.read)

    def _passed_by(self, text: object) -> Failure | None:
        if not isinstance(text, str):
            raise InvalidArgument(f"feed: text={clip(repr(text))}: expected a str. Decode bytes first")
        self.read += len(text) if self.failure is None else 0
        return self.failure

    # Each step reads a token, and returns the position of the next one.

    def _delimiter(self, text: str, position: int) -> int:
        """Read the delimiter before a member or an item, or the closing bracket."""
        frame = self._frame
        position = _behind_space(text, position)
        if position == len(text):
            return position
        if text[position] == _CLOSERS[frame.opener]:
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
            return self._malformed(tokens.fault_in_string(text, position))
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
        """Compare a key that is still open with the allowed names."""
        frame = self._frame
        if frame.plan.closed is None or self._length > _LONGEST_COMPARED:
            return
        begun = tokens.text_of("".join(self._raw))
        if begun is tokens.UNKNOWN:
            return
        # Names of earlier members count too: repeating one is a duplicate, not an additional property.
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
                    position,
                    _PLACEHOLDERS[kind],
                    plan.dead,
                    inside=True,
                    open_kind=kind,
                    decided=position + 1,
                )
            )
        if kind in _CLOSERS:
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
            return self._malformed(tokens.fault_in_string(text, position))
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
        """Read more of a string. Return the position where it ends or breaks off."""
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
        """Fail at the comma after the last allowed member or item."""
        frame = self._frame
        if frame.opener == "[":
            return self._refused(Refusal(end, "null", "maxItems"))
        keyword = "maxProperties" if len(frame.names) >= frame.plan.most else "additionalProperties"
        name = _unused(frame.names)
        return self._refused(Refusal(end, f'"{name}":null', keyword, unnamed=name))

    def _close(self, text: str, position: int) -> int:
        """Check a whole object or array at its closing bracket."""
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
        # A check of the outermost one saves nothing, because the complete reply is validated anyway.
        if plan.residue and len(frames) > 1 and not self._holds(frame, end):
            return self._refused(Refusal(end, "", "", closed=True))
        frames.pop()
        if frames:
            self._frame = frames[-1]
            self._step = self._delimiter
        else:
            self._step = None
        return end

    # Results.

    def _holds(self, frame: OpenValue, end: int) -> bool:
        size = self._at + end - frame.start
        if self._read_again + size > _READ_AGAIN_AT_FIRST + _READ_AGAIN * (self._at + end):
            return True
        self._read_again += size
        value = parse(self._read_from(frame.start, end), self._limits)
        return type(value) is NotJson or self._conditions.holds(frame.plan, value)

    def _read_from(self, start: int, end: int) -> str:
        """Return the JSON text from a position in it up to a position in the current text."""
        last: list[str] = []
        at = self.read - self._json
        for piece in reversed(self._pieces):
            last.append(piece)
            at -= len(piece)
            if at <= start:
                break
        return "".join(reversed(last))[start - at : self._at + end - at]

    def _silent(self, position: int) -> int:
        """Stop checking, because the rest can't be decided."""
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
        closers = "".join(_CLOSERS[frame.opener] for frame in reversed(open_frames))
        failure = refused(refusal, path, text + refusal.rest + closers, self._schema, self._limits)
        decided = refusal.end if refusal.decided is None else refusal.decided
        self._fail(failure, self._json + self._at + decided)
        return refusal.end

    def _fail(self, failure: Failure, read: int) -> Failure:
        self.failure, self.read, self._step = failure, read, None
        return failure


def _behind_space(text: str, position: int) -> int:
    match = tokens.SPACE.match(text, position)
    assert match is not None
    return match.end()


def _unused(names: set[str]) -> str:
    """Return a name that isn't in the set."""
    name = "another"
    while name in names:
        name += "_"
    return name
