# SPDX-License-Identifier: Apache-2.0
"""Right answers that are stated as lists of acceptable values, as in the Berkeley Function-Calling Leaderboard.

Rules:
1. A parameter has a list of values, any of which is right; `""` in it says that the parameter may be left out.
2. A value that is an object has such a list for each of its members, and so has an object within a list.
3. Texts are compared but for case, white space and some punctuation, as the leaderboard does.
"""

from __future__ import annotations

from typing import Any

from schema_guard.bench.suites.scoring import Matcher
from schema_guard.pointer import join

_LEFT_OUT = ""


def gold_of(answers: dict[str, list[Any]], *, required: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Give the first right answer: each parameter's first value; what can only be left out is, unless *required*.

    >>> gold_of({"unit": ["", "km", "kilometres"], "note": [""]})
    {'unit': 'km'}
    """
    return {
        name: _plain(_values(values)[0])
        for name, values in answers.items()
        if _values(values) != [_LEFT_OUT] or name in required
    }


def match_of(
    answers: dict[str, list[Any]], gold: dict[str, Any], *, at: tuple[str | int, ...] = ()
) -> dict[str, Matcher]:
    """Give the match under which each right answer is right against the gold.

    Args:
        answers: Parameter -> acceptable values.
        gold: One of the right answers, as `gold_of` gives it.
        at: The path of *gold*.

    Raises:
        ValueError: A parameter has several objects to choose from, which no matcher can say.

    >>> match_of({"unit": ["", "km"]}, {"unit": "km"})
    {'/unit': {'accept': ['', 'km'], 'as': 'punctuation', 'optional': True}}
    """
    match: dict[str, Matcher] = {}
    for name, values in answers.items():
        if name in gold:
            match |= _match_of_values(values, gold[name], (*at, name))
    return match


def _match_of_values(values: list[Any], gold: Any, at: tuple[str | int, ...]) -> dict[str, Matcher]:
    optional = {"optional": True} if _LEFT_OUT in values else {}
    if not any(map(_has_objects, values)):
        return {join(at): {"accept": values, "as": "punctuation", **optional}}
    if len(_values(values)) > 1:
        raise ValueError(f"there are several objects to choose from at {join(at)}")
    inner = _match_within(_values(values)[0], gold, at)
    return {**({join(at): {"accept": [gold], **optional}} if optional else {}), **inner}


def _match_within(value: Any, gold: Any, at: tuple[str | int, ...]) -> dict[str, Matcher]:
    if isinstance(value, dict):
        return match_of(value, gold, at=at)
    if isinstance(value, list):
        return {
            k: m for i, item in enumerate(value) for k, m in _match_within(item, gold[i], (*at, i)).items()
        }
    return {join(at): {"accept": [value], "as": "punctuation"}}


def _has_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_objects, value)))


def _values(values: list[Any]) -> list[Any]:
    """Give the values other than leaving the parameter out, if there are any."""
    return [value for value in values if value != _LEFT_OUT] or [_LEFT_OUT]


def _plain(value: Any) -> Any:
    """Give a value with the first choice made in every object within it."""
    if isinstance(value, dict):
        return gold_of(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value
