# SPDX-License-Identifier: Apache-2.0
"""Compare two answers value by value.

Rules:
1. A *leaf* is a scalar, or an array or object that is empty in both answers. The leaves of a comparison are those of
   both answers. A leaf that only one of them has differs.
2. Scalars are equal if `folded` gives the same value for both.
3. Arrays of scalars are multisets. Items of other arrays are paired so that the most leaves are equal. If more than
   `MOST_PAIRED` items have no equal partner, the rest is paired by index, and the comparison reports it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any, NamedTuple

from schema_guard.bench.suites.pairing import cheapest_columns
from schema_guard.ext.right.scalars import folded

MOST_PAIRED = 200


class Agreement(NamedTuple):
    """The leaves of two answers that are equal.

    Attributes:
        equal: Leaves that are equal in both answers.
        leaves: Leaves of either answer, at least 1.
        by_index: Whether items of a long array were paired by index, which can only understate *equal*.
    """

    equal: int
    leaves: int
    by_index: bool = False

    @property
    def differing_share(self) -> float:
        """The share of leaves that differ, in [0, 1]."""
        return 1 - self.equal / self.leaves


def compare_answers(answer: Any, other: Any) -> Agreement:
    """Compare two JSON values.

    >>> compare_answers({"item": "Desk", "prices": [10, 20]}, {"item": "desk", "prices": ["20.0"]})
    Agreement(equal=2, leaves=3, by_index=False)
    """
    if isinstance(answer, dict) and isinstance(other, dict):
        return _compare_members(answer, other)
    if isinstance(answer, list) and isinstance(other, list):
        return _compare_items(answer, other)
    if isinstance(answer, (dict, list)) or isinstance(other, (dict, list)):
        return Agreement(0, _leaves(answer) + _leaves(other))
    return Agreement(int(folded(answer) == folded(other)), 1)


def as_json(value: Any) -> Any:
    """Return a value of a schema's Python type as JSON."""
    if isinstance(value, (dict, list, str, int, float, bool, type(None))):
        try:
            return json.loads(json.dumps(value))
        except TypeError:  # it contains other objects
            pass
    from pydantic_core import to_jsonable_python  # only values of types need it

    return to_jsonable_python(value, serialize_unknown=True)


def _leaves(value: Any) -> int:
    if not value or not isinstance(value, (dict, list)):
        return 1
    return sum(map(_leaves, value.values() if isinstance(value, dict) else value))


def _sum(parts: list[Agreement]) -> Agreement:
    if not any(part.leaves for part in parts):
        return Agreement(1, 1)
    return Agreement(
        sum(part.equal for part in parts),
        sum(part.leaves for part in parts),
        any(part.by_index for part in parts),
    )


def _compare_members(answer: dict[str, Any], other: dict[str, Any]) -> Agreement:
    shared = [compare_answers(part, other[key]) for key, part in answer.items() if key in other]
    alone = [Agreement(0, _leaves(part)) for key, part in answer.items() if key not in other]
    alone += [Agreement(0, _leaves(part)) for key, part in other.items() if key not in answer]
    return _sum(shared + alone)


def _compare_items(answer: list[Any], other: list[Any]) -> Agreement:
    if not any(isinstance(item, (dict, list)) for item in (*answer, *other)):
        shared = Counter(map(folded, answer)) & Counter(map(folded, other))
        return _sum([Agreement(shared.total(), max(len(answer), len(other)))])
    twins, ours, theirs = _without_twins(answer, other)
    rows, columns = sorted((ours, theirs), key=len)
    by_index = len(columns) > MOST_PAIRED
    column_of = range(len(rows)) if by_index else _best_columns(rows, columns)
    alone = set(range(len(columns))).difference(column_of)
    parts = [compare_answers(row, columns[column]) for row, column in zip(rows, column_of, strict=True)]
    parts += [Agreement(0, _leaves(columns[column])) for column in alone]
    total = _sum([*twins, *parts])
    return total._replace(by_index=total.by_index or by_index)


def _without_twins(answer: list[Any], other: list[Any]) -> tuple[list[Agreement], list[Any], list[Any]]:
    """Pair the items that are the same in both arrays, which belongs to a best pairing; return the others."""
    places = defaultdict(list)
    for index, item in enumerate(other):
        places[json.dumps(item, sort_keys=True)].append(index)
    twins, ours = [], []
    for item in answer:
        same = places.get(json.dumps(item, sort_keys=True))
        if same:
            same.pop()
            twins.append(Agreement(_leaves(item), _leaves(item)))
        else:
            ours.append(item)
    return (
        twins,
        ours,
        [other[index] for index in sorted(index for left in places.values() for index in left)],
    )


def _best_columns(rows: list[Any], columns: list[Any]) -> list[int]:
    """Return the column of each row, all different, with the most equal leaves in all."""
    equal = [[compare_answers(row, column).equal for column in columns] for row in rows]
    most = max((max(row) for row in equal), default=0)
    return cheapest_columns([[most - count for count in row] for row in equal]) if rows else []
