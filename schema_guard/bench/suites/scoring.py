# SPDX-License-Identifier: Apache-2.0
"""Score a value against its gold, the known right answer: whether it is exactly right, and the share that is right.

Rules:
1. A *leaf* is a scalar or an empty array or object of the gold. Every gold has at least one, so a share always
   exists. A leaf is right if the value has a right one at the same location.
2. *Exact* means that every leaf is right and the value has nothing that the gold does not have.
3. Numbers are compared as numbers, so 1 equals 1.0. true is not a number. The order of an object's keys doesn't matter.
4. A matcher changes how one location is compared, but not whether the value is valid.

A match maps locations of the gold, JSON Pointers in which a token `*` stands for any item or member, to matchers:

| matcher | at | right if |
|---|---|---|
| `"exact"` | anything | equal (the default) |
| `"spaces"` | a string | equal except for white space |
| `"text"` | a string | equal except for case, white space, and Unicode compatibility forms |
| `"punctuation"` | a string | as `"text"`, and except for the characters `, . / - _ * ^` and the kind of quotes |
| `"date"` | a string | the same calendar date, or the same instant, in ISO 8601 |
| `"unordered"` | an array | the items are right in any order, and each counts once |
| `"set"` | an array | as `"unordered"`, and equal items count once |
| `{"tolerance": 0.005}` | a number | at most this far from the gold |
| `{"tolerance": 0.01, "relative": true}` | a number | at most this fraction of the gold away from it |
| `{"accept": ["mi", "miles"]}` | anything | equal to one of the values, which must include the gold |
| `{"accept": ["mi"], "as": "text"}` | anything | the same, with strings compared by one of the matchers for strings |
| `{"accept": ["mi"], "optional": true}` | a member | the same, or the member is missing |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from math import inf, isfinite
from typing import Any, NamedTuple, TypeAlias
from unicodedata import normalize

from schema_guard.bench.suites.pairing import cheapest_columns
from schema_guard.errors import InvalidArgument
from schema_guard.pointer import join, pointer, split
from schema_guard.text import clip, did_you_mean

Matcher: TypeAlias = str | Mapping[str, Any]
Match: TypeAlias = Mapping[str, Matcher]
_Path: TypeAlias = tuple[str | int, ...]
# The rules for a location and below it: the remaining tokens, and the matcher.
_Rules: TypeAlias = list[tuple[list[str], Matcher]]

# Pairing costs (items of the gold)^2 x this, and a model that loops fills arrays without end. Items beyond this number
# and the number of items of the gold count as extra.
_MAX_PAIRED_ITEMS = 256


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a value against its gold.

    Attributes:
        exact: Whether every leaf is right and the value has nothing else.
        leaves: Leaves of the gold, at least 1.
        wrong: Locations of the gold's leaves that are wrong in the value.
        invented: Of these, the leaves that are null in the gold, and have another value.
    """

    exact: bool
    leaves: int
    wrong: tuple[str, ...]
    invented: int = field(default=0, repr=False)

    @property
    def right(self) -> int:
        """Leaves of the gold that are right."""
        return self.leaves - len(self.wrong)

    @property
    def share(self) -> float:
        """The share of the gold's leaves that are right, in [0, 1]. Additional values do not lower it."""
        return self.right / self.leaves


class _Diff(NamedTuple):
    """The wrong leaves of the gold, whether the value has other members, and the values in the place of null."""

    wrong: tuple[str, ...]
    extra: bool = False
    invented: int = 0


_RIGHT = _Diff(())


def score(value: Any, gold: Any, match: Match | None = None) -> Score:
    """Compare a value with its gold.

    Args:
        value: A JSON value.
        gold: The right one.
        match: Matchers by location, as in the module's docstring. None to compare everything exactly.

    Raises:
        InvalidArgument: *match* names an unknown matcher or a location that the gold does not have.

    >>> score({"item": "Desk", "total": 180.0}, {"item": "desk", "total": 180}, {"/item": "text"})
    Score(exact=True, leaves=2, wrong=())
    >>> score({"item": "Desk"}, {"item": "desk", "total": 180}, {"/item": "text"}).share
    0.5
    """
    match = match or {}
    if problems := match_problems(match, gold):
        raise InvalidArgument("; ".join(problems))
    rules = [(split(location), matcher) for location, matcher in match.items()]
    # A location with the name of an item comes before one with `*`.
    rules.sort(key=lambda rule: rule[0].count("*"))
    wrong, extra, invented = _compare(value, gold, rules, ())
    return Score(not wrong and not extra, _count(gold), wrong, invented)


def unanswered(gold: Any) -> Score:
    """Return the score of a task without a valid value, in which every leaf is wrong.

    >>> unanswered({"item": "desk"})
    Score(exact=False, leaves=1, wrong=('/item',))
    """
    leaves = _leaves(gold, ())
    return Score(exact=False, leaves=len(leaves), wrong=leaves)


def match_problems(match: Match, gold: Any) -> list[str]:
    """Check a match for this gold. Return one line for each problem, or an empty list."""
    problems = []
    for location, matcher in match.items():
        problem = _problem(location, matcher, gold)
        if problem:
            problems.append(f"matcher at {pointer(location)}: {problem}")
    return problems


def _problem(location: str, matcher: Any, gold: Any) -> str:
    """Return the problem of one matcher, or `""`."""
    if shape := _misshapen(matcher):
        return shape
    if location and not location.startswith("/"):
        return "expected a JSON Pointer, which starts with '/'"
    places = _places(gold, split(location))
    if not places:
        return "the gold does not have this location"
    if _is_optional(matcher) and not _is_member(location, gold):
        return "'optional' applies only to a member of an object"
    if isinstance(matcher, str):
        kind, fits = matcher, _FITS[matcher]
    elif "accept" in matcher:
        return (
            ""
            if all(_is_right(p, p, matcher) for p in places)
            else "expected the gold among the accepted values"
        )
    else:
        kind, fits = "tolerance", _A_NUMBER
    return (
        ""
        if all(map(fits.holds, places))
        else f"{kind!r} applies only to {fits.wanted}, but the gold has another value"
    )


def _misshapen(matcher: Any) -> str:
    """Return the reason why a value is not a matcher, or `""`."""
    if isinstance(matcher, str):
        return (
            ""
            if matcher in _FITS
            else f"{_EXPECTED}, got {clip(repr(matcher))}{did_you_mean(matcher, _FITS)}"
        )
    if isinstance(matcher, Mapping):
        for name, members in _MEMBERS.items():
            if name in matcher:
                return _odd_member(matcher, members)
    return f"{_EXPECTED}, got {clip(repr(matcher))}"


def _odd_member(matcher: Mapping[str, Any], members: Mapping[str, _Fits]) -> str:
    for key, value in matcher.items():
        if key not in members:
            return f"unknown key {clip(repr(key))}{did_you_mean(key, members)}"
        if not members[key].holds(value):
            return f"expected {members[key].wanted} for {key!r}, got {clip(repr(value))}"
    return ""


def _places(gold: Any, tokens: list[str]) -> list[Any]:
    """Return the parts of the gold at a location."""
    places = [gold]
    for name in tokens:
        if name == "*":
            places = [part for place in places for _, part in _parts(place)]
        else:
            places = [part for place in places for part in _part(place, name)]
    return places


def _is_member(location: str, gold: Any) -> bool:
    """Return whether a location names only members of objects, not items of arrays or the root."""
    return bool(location) and not any(isinstance(p, list) for p in _places(gold, split(location)[:-1]))


def _part(place: Any, name: str) -> list[Any]:
    """Return the item or member of that name, if there is one."""
    if isinstance(place, dict):
        return [place[name]] if name in place else []
    return [part for key, part in _parts(place) if str(key) == name]


def nulls(gold: Any) -> int:
    """Count the leaves of a gold that are null."""
    return int(gold is None) + sum(nulls(part) for _, part in _parts(gold))


def _parts(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _leaves(gold: Any, at: _Path) -> tuple[str, ...]:
    parts = list(_parts(gold))
    if not parts:
        return (join(at),)
    return tuple(leaf for key, part in parts for leaf in _leaves(part, (*at, key)))


def _count(gold: Any) -> int:
    """Count the leaves of a gold."""
    if not gold or not isinstance(gold, (dict, list)):
        return 1
    return sum(map(_count, gold.values() if isinstance(gold, dict) else gold))


def _compare(value: Any, gold: Any, rules: _Rules, at: _Path) -> _Diff:
    matcher = _here(rules) if rules else "exact"
    if not gold or not isinstance(gold, (dict, list)):
        return _RIGHT if _is_right(value, gold, matcher) else _Diff((join(at),), invented=int(gold is None))
    if isinstance(matcher, Mapping) and _is_right(value, gold, matcher):
        return _RIGHT
    if isinstance(gold, dict) and isinstance(value, dict):
        return _compare_members(value, gold, rules, at)
    if not isinstance(gold, list) or not isinstance(value, list):
        return _Diff(_leaves(gold, at), extra=True)
    compared = _compare_members(dict(enumerate(value)), dict(enumerate(gold)), rules, at)
    if compared is _RIGHT or matcher not in ("unordered", "set"):
        return compared
    return _compare_unordered(value, gold, rules, at, once=matcher == "set")


def _here(rules: _Rules) -> Matcher:
    """Return the matcher of the location itself."""
    for tokens, matcher in rules:
        if not tokens:
            return matcher
    return "exact"


def _below(rules: _Rules, key: str | int) -> _Rules:
    """Return the rules for the inside of one item or member."""
    name = str(key)
    return [(tokens[1:], matcher) for tokens, matcher in rules if tokens and tokens[0] in ("*", name)]


def _compare_members(value: Mapping[Any, Any], gold: Mapping[Any, Any], rules: _Rules, at: _Path) -> _Diff:
    wrong: list[str] = []
    extra, invented = any(key not in gold for key in value), 0
    for key, part in gold.items():
        below = _below(rules, key) if rules else rules
        if key in value:
            compared = _compare(value[key], part, below, (*at, key))
            if compared is not _RIGHT:
                wrong += compared.wrong
                extra |= compared.extra
                invented += compared.invented
        elif not _is_optional(_here(below)):
            wrong += _leaves(part, (*at, key))
    return _Diff(tuple(wrong), extra, invented) if wrong or extra else _RIGHT


def _is_optional(matcher: Matcher) -> bool:
    return isinstance(matcher, Mapping) and matcher.get("optional", False)


def _compare_unordered(value: list[Any], gold: list[Any], rules: _Rules, at: _Path, *, once: bool) -> _Diff:
    """Compare arrays with their items paired so that the fewest leaves are wrong, and then the fewest pairs have extras.

    Args:
        value: The items of the reply.
        gold: The right items.
        rules: Rules for the array.
        at: Location of the array.
        once: Whether equal items count once. If so, only the first of equal items of the gold is paired, the others get
            its result, and an additional right item in the value is not extra.
    """
    theirs = value[: max(_MAX_PAIRED_ITEMS, len(gold))]
    rows = [index for index in range(len(gold)) if not once or _twin(gold, index) == index]

    def found_at(index: int, column: int) -> _Diff:
        # An item of the gold can stay without a partner. Its own column then counts all its leaves as wrong.
        if column >= len(theirs):
            return _Diff(_leaves(gold[index], (*at, index)))
        return _compare(theirs[column], gold[index], _below(rules, index), (*at, index))

    width = len(theirs) + len(rows)
    table = [[found_at(index, column) for column in range(width)] for index in rows]
    weight = len(gold) + 1
    columns = cheapest_columns(
        [[len(compared.wrong) * weight + compared.extra for compared in row] for row in table]
    )
    paired = {row: (column, at_row[column]) for row, column, at_row in zip(rows, columns, table, strict=True)}
    compared = [
        paired[index][1] if index in paired else found_at(index, paired[_twin(gold, index)][0])
        for index in range(len(gold))
    ]
    spare = set(range(len(theirs))).difference(columns)
    if once:
        spare = {column for column in spare if all(row[column] != _RIGHT for row in table)}
    more = bool(spare) or len(value) > len(theirs) or any(part.extra for part in compared)
    wrong = tuple(location for part in compared for location in part.wrong)
    return _Diff(wrong, more, sum(part.invented for part in compared))


def _twin(items: list[Any], index: int) -> int:
    """Return the index of the first item that equals the one at *index*."""
    return next(first for first, item in enumerate(items) if _is_same(item, items[index], "exact"))


def _is_right(value: Any, gold: Any, matcher: Matcher) -> bool:
    """Return whether a leaf, or a part that is compared as a whole, is right."""
    if isinstance(matcher, str):
        return _is_same(value, gold, matcher)
    if "accept" in matcher:
        return any(_is_same(value, accepted, matcher.get("as", "exact")) for accepted in matcher["accept"])
    if not _is_number(value) or not _is_number(gold):
        return False
    if value == gold:
        return True
    size = _decimal(matcher["tolerance"])
    return _distance(value, gold) <= (size * abs(_decimal(gold)) if matcher.get("relative", False) else size)


def _is_same(value: Any, gold: Any, matcher: str) -> bool:
    """Return whether two values are equal, with texts compared by a matcher for strings."""
    if isinstance(gold, str):
        read = _READ.get(matcher, str)
        return isinstance(value, str) and (value == gold or read(value) == read(gold))
    if _is_number(gold):
        return _is_number(value) and bool(value == gold)
    if type(value) is not type(gold):
        return False
    if isinstance(gold, list):
        return len(value) == len(gold) and all(map(_is_same, value, gold, [matcher] * len(gold)))
    if isinstance(gold, dict):
        return value.keys() == gold.keys() and all(_is_same(value[k], gold[k], matcher) for k in gold)
    return bool(value == gold)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _distance(value: float, gold: float) -> Decimal:
    # In decimal, because 24.505 is 0.005 from 24.5, which binary floats miss.
    if not all(isinstance(number, int) or isfinite(number) for number in (value, gold)):
        return Decimal(inf)
    return abs(_decimal(value) - _decimal(gold))


def _decimal(number: float) -> Decimal:
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def _no_spaces(text: str) -> str:
    return "".join(text.split())


def _plain(text: str) -> str:
    return _no_spaces(normalize("NFKC", text).casefold())


# The Berkeley Function-Calling Leaderboard leaves out these characters when it compares two texts.
_SIGNS = str.maketrans("\N{RIGHT SINGLE QUOTATION MARK}'", '""', ",./-_*^")


def _no_punctuation(text: str) -> str:
    return _plain(text).translate(_SIGNS)


# A week without its day is not a date, although Python reads it as its Monday.
_MOMENT = re.compile(r"(?:\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3})(?:[T ](\d\d.*))?")


def _moment(text: str) -> date | str:
    """Read an ISO 8601 date or date-time. Return any other text unchanged.

    A date never equals a date-time, and a time with an offset never equals one without.

    >>> _moment("2026-03-04T12:00+02:00") == _moment("2026-03-04T10:00Z")
    True
    """
    written = text.strip().upper()
    parts = _MOMENT.fullmatch(written)
    if parts is None:
        return text
    try:
        return date.fromisoformat(written) if parts[1] is None else datetime.fromisoformat(written)
    except ValueError:
        return text


# The form of a string that a matcher compares.
_READ: dict[str, Callable[[str], object]] = {
    "spaces": _no_spaces,
    "text": _plain,
    "punctuation": _no_punctuation,
    "date": _moment,
}


class _Fits(NamedTuple):
    """A condition as a function and in words."""

    holds: Callable[[Any], bool]
    wanted: str


_A_STRING = _Fits(lambda part: isinstance(part, str), "a string")
_AN_ARRAY = _Fits(lambda part: isinstance(part, list), "an array")
_A_NUMBER = _Fits(_is_number, "a number")
_A_BOOLEAN = _Fits(lambda part: isinstance(part, bool), "true or false")
# The parts of the gold that each matcher is for.
_FITS: dict[str, _Fits] = {
    "exact": _Fits(lambda _: True, "any value"),
    "spaces": _A_STRING,
    "text": _A_STRING,
    "punctuation": _A_STRING,
    "date": _Fits(lambda part: isinstance(part, str) and isinstance(_moment(part), date), "an ISO 8601 date"),
    "unordered": _AN_ARRAY,
    "set": _AN_ARRAY,
}
# The members of matchers that are objects, by the required one.
_MEMBERS: dict[str, dict[str, _Fits]] = {
    "tolerance": {
        "tolerance": _Fits(lambda size: _is_number(size) and 0 <= size < inf, "a number >= 0"),
        "relative": _A_BOOLEAN,
    },
    "accept": {
        "accept": _Fits(lambda values: isinstance(values, list) and bool(values), "an array of values"),
        "as": _Fits(
            lambda name: isinstance(name, str) and name in _READ, f"one of {', '.join(map(repr, _READ))}"
        ),
        "optional": _A_BOOLEAN,
    },
}
_EXPECTED = (
    f"expected one of {', '.join(map(repr, _FITS))}, {{'tolerance': number}} or {{'accept': [values]}}"
)
