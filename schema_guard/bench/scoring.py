"""Score a value against its gold: is it exactly right, and how much of it is.

Rules:
1. A *leaf* is a scalar or an empty array or object of the gold. Every gold has at least one, so a share always
   exists. A leaf is right when the value has a right one at the same location.
2. *Exact* means that every leaf is right and the value holds nothing that the gold does not.
3. Numbers are compared as numbers, 1 is 1.0; true is no number; the order of an object's keys says nothing.
4. A matcher changes how one location is compared, never whether the value is valid: validity is the judge's.

A match maps locations of the gold, JSON Pointers in which a token `*` stands for any item or member, to matchers:

| matcher | at | right when |
|---|---|---|
| `"exact"` | anything | equal; what holds where no matcher stands |
| `"text"` | a string | equal but for case, white space and Unicode compatibility forms |
| `"unordered"` | an array | the items are right in some order, each counted once |
| `{"tolerance": 0.005}` | a number | the two are at most that far apart |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite
from typing import Any, NamedTuple, TypeAlias
from unicodedata import normalize

from schema_guard.core.pointer import join, pointer, split
from schema_guard.errors import InvalidArgument, did_you_mean

Matcher: TypeAlias = str | Mapping[str, Any]
Match: TypeAlias = Mapping[str, Matcher]
_Path: TypeAlias = tuple[str | int, ...]
_Rules: TypeAlias = list[tuple[list[str], Matcher]]

# The type of gold that each matcher is for, and its name for people.
_FITS: dict[str, tuple[tuple[type, ...], str]] = {
    "exact": ((object,), "any value"),
    "text": ((str,), "a string"),
    "unordered": ((list,), "an array"),
    "tolerance": ((int, float), "a number"),
}
# Pairing costs (items of the gold)^2 x this; a model that loops fills arrays without end. What lies beyond is extra.
_MAX_PAIRED_ITEMS = 256


@dataclass(frozen=True, slots=True)
class Score:
    """What a value is worth against its gold.

    Attributes:
        exact: Whether every leaf is right and nothing is there besides.
        leaves: Leaves of the gold, at least 1.
        wrong: Locations of the gold's leaves that the value has not right.
    """

    exact: bool
    leaves: int
    wrong: tuple[str, ...]

    @property
    def right(self) -> int:
        """Leaves of the gold that are right."""
        return self.leaves - len(self.wrong)

    @property
    def share(self) -> float:
        """The fraction of the gold's leaves that is right, in [0, 1]; what is there besides does not lower it."""
        return self.right / self.leaves


class _Found(NamedTuple):
    """What a comparison found: the gold's leaves that are wrong, and whether the value holds more."""

    wrong: tuple[str, ...]
    extra: bool = False


def score(value: Any, gold: Any, match: Match | None = None) -> Score:
    """Compare a value with its gold.

    Args:
        value: A JSON value.
        gold: The right one.
        match: Location -> matcher, as the module's text has it; None compares everything exactly.

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
    # A location that names its item goes before one that says `*`.
    rules = sorted(
        ((split(location), matcher) for location, matcher in match.items()), key=lambda r: r[0].count("*")
    )
    wrong, extra = _compare(value, gold, rules, ())
    return Score(exact=not wrong and not extra, leaves=len(_leaves(gold, ())), wrong=wrong)


def unanswered(gold: Any) -> Score:
    """Give the score of a task to which no valid value came: every leaf is wrong.

    >>> unanswered({"item": "desk"})
    Score(exact=False, leaves=1, wrong=('/item',))
    """
    leaves = _leaves(gold, ())
    return Score(exact=False, leaves=len(leaves), wrong=leaves)


def match_problems(match: Match, gold: Any) -> list[str]:
    """Say what is wrong with a match for this gold, one line a problem; an empty list when it can be used."""
    problems = []
    for location, matcher in match.items():
        kind = _kind(matcher)
        where = f"matcher at {pointer(location)}"
        if kind is None:
            known = [name for name in _FITS if name != "tolerance"]
            hint = did_you_mean(matcher, known) if isinstance(matcher, str) else ""
            problems.append(
                f"{where}: expected one of {', '.join(map(repr, known))} or "
                f"{{'tolerance': number >= 0}}, got {matcher!r}{hint}"
            )
        elif location and not location.startswith("/"):
            problems.append(f"{where}: expected a JSON Pointer, which starts with '/'")
        else:
            problems += _misfit(kind, where, list(_places(gold, split(location))))
    return problems


def _misfit(kind: str, where: str, places: list[Any]) -> list[str]:
    types, wanted = _FITS[kind]
    if not places:
        return [f"{where}: the gold has no such location"]
    fits = all(isinstance(p, types) and (kind == "exact" or not isinstance(p, bool)) for p in places)
    return [] if fits else [f"{where}: {kind!r} is for {wanted}, which the gold does not have there"]


def _kind(matcher: Any) -> str | None:
    """Name a matcher; None for what is none."""
    if isinstance(matcher, str):
        return matcher if matcher in _FITS and matcher != "tolerance" else None
    if not isinstance(matcher, Mapping) or set(matcher) != {"tolerance"}:
        return None
    size = matcher["tolerance"]
    return "tolerance" if _is_number(size) and 0 <= size < inf else None


def _places(gold: Any, tokens: list[str]) -> Iterator[Any]:
    """Give the parts of the gold that a location means."""
    if not tokens:
        yield gold
        return
    for key, part in _parts(gold):
        if tokens[0] in ("*", str(key)):
            yield from _places(part, tokens[1:])


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _leaves(gold: Any, at: _Path) -> tuple[str, ...]:
    parts = list(_parts(gold))
    if not parts:
        return (join(at),)
    return tuple(leaf for key, part in parts for leaf in _leaves(part, (*at, key)))


def _compare(value: Any, gold: Any, rules: _Rules, at: _Path) -> _Found:
    matcher = next((matcher for tokens, matcher in rules if not tokens), "exact")
    if not isinstance(gold, (dict, list)) or not gold:
        return _Found(() if _is_right(value, gold, matcher) else (join(at),))
    if type(value) is not type(gold):
        return _Found(_leaves(gold, at), extra=True)
    if matcher == "unordered":
        return _compare_unordered(list(value), list(gold), rules, at)
    theirs = dict(_parts(value))
    found = [
        _compare(theirs.pop(key), part, _below(rules, key), (*at, key))
        if key in theirs
        else _Found(_leaves(part, (*at, key)))
        for key, part in _parts(gold)
    ]
    return _joined(found, extra=bool(theirs))


def _joined(found: list[_Found], *, extra: bool) -> _Found:
    return _Found(tuple(w for part in found for w in part.wrong), extra or any(part.extra for part in found))


def _below(rules: _Rules, key: str | int) -> _Rules:
    """Give the rules that hold inside one item or member."""
    return [(tokens[1:], matcher) for tokens, matcher in rules if tokens and tokens[0] in ("*", str(key))]


def _compare_unordered(value: list[Any], gold: list[Any], rules: _Rules, at: _Path) -> _Found:
    """Compare with the items paired so that the fewest leaves are wrong, then the fewest items hold more."""
    theirs = value[:_MAX_PAIRED_ITEMS]
    table = [
        [
            *(_compare(item, part, _below(rules, index), (*at, index)) for item in theirs),
            # An item of the gold may stay without a partner: one column each, all its leaves wrong.
            *[_Found(_leaves(part, (*at, index)))] * len(gold),
        ]
        for index, part in enumerate(gold)
    ]
    weight = len(gold) + 1
    columns = _pairing([[len(found.wrong) * weight + found.extra for found in row] for row in table])
    found = [row[column] for row, column in zip(table, columns, strict=True)]
    return _joined(found, extra=len(value) > len(gold))


def _pairing(costs: list[list[int]]) -> list[int]:
    """Give the column of each row, all different, with the least sum of costs; at least as many columns as rows.

    Source: the Hungarian method with potentials, one shortest augmenting path a row: Jonker and Volgenant (1987),
    Computing 38:325-340.

    >>> _pairing([[1, 2, 9], [1, 9, 9]])
    [1, 0]
    """
    # Index 0 of each list stands for "none yet"; rows and columns count from 1 in here.
    row_prices, column_prices = [0] * (len(costs) + 1), [0] * (len(costs[0]) + 1)
    row_of = [0] * (len(costs[0]) + 1)
    for row in range(1, len(costs) + 1):
        row_of[0] = row
        column, before = _free_column(costs, row_of, row_prices, column_prices)
        while column:
            row_of[column] = row_of[before[column]]
            column = before[column]
    return [row_of.index(row, 1) - 1 for row in range(1, len(costs) + 1)]


def _free_column(
    costs: list[list[int]], row_of: list[int], row_prices: list[int], column_prices: list[int]
) -> tuple[int, list[int]]:
    """Find the cheapest path from the row at `row_of[0]` to a free column: that column, and the one before each."""
    nearest: list[float] = [inf] * len(row_of)
    before = [0] * len(row_of)
    unseen, seen = set(range(1, len(row_of))), [0]
    column = 0
    while row_of[column]:
        row = row_of[column]
        for c in unseen:
            cost = costs[row - 1][c - 1] - row_prices[row] - column_prices[c]
            if cost < nearest[c]:
                nearest[c], before[c] = cost, column
        column = min(unseen, key=lambda c: (nearest[c], c))
        step = int(nearest[column])
        for c in seen:
            row_prices[row_of[c]] += step
            column_prices[c] -= step
        for c in unseen:
            nearest[c] -= step
        unseen.remove(column)
        seen.append(column)
    return column, before


def _is_right(value: Any, gold: Any, matcher: Matcher) -> bool:
    """Compare a leaf."""
    if isinstance(matcher, Mapping):
        return _is_number(value) and _distance(value, gold) <= Decimal(repr(matcher["tolerance"]))
    if matcher == "text":
        return isinstance(value, str) and _plain(value) == _plain(gold)
    if _is_number(gold) and _is_number(value):
        return bool(value == gold)
    return type(value) is type(gold) and bool(value == gold)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _distance(value: float, gold: float) -> Decimal:
    # In decimal, as the two were written: 24.505 is 0.005 from 24.5, which binary floats miss.
    if not all(isinstance(number, int) or isfinite(number) for number in (value, gold)):
        return Decimal(inf)
    return abs(_decimal(value) - _decimal(gold))


def _decimal(number: float) -> Decimal:
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))


def _plain(text: str) -> str:
    return "".join(normalize("NFKC", text).casefold().split())
