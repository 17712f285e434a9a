# SPDX-License-Identifier: Apache-2.0
"""Whether a decision model is as often right as it is sure.

Rules:
1. A value belongs to the tenth of [0, 1] in which its probability lies. Only answers to the latest questions count.
   Values of one call are often wrong together, so a tenth counts a call once, with the mean of its values in this tenth.
2. All bounds of a report hold together, at any time. The calibration error of a tenth is the distance between the share of
   right values and the tenth, so its bounds are those of the nearest and of the farthest pair.
3. Without right answers, there is no calibration.
4. Labels of people count as known answers, because the labeled calls are drawn at random. A call that was shown and not
   labeled may be right or wrong, so each bound takes the case that is worse for it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from schema_guard.ext.right.pool import SKIPPED
from schema_guard.stats import bounds
from schema_guard.text import exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.records.sql.tables import Connection

__all__ = ["calibration", "calibration_lines", "calibration_of"]

_TENTHS = 10
THRESHOLDS = (5, 6, 7, 8, 9)
"""The thresholds of the report, in tenths."""
_SHOWN = 9


def calibration_of(
    connection: Connection, of: str, values: Sequence[Any], alpha: float
) -> dict[str, Any] | None:
    """Return the calibration of a configuration; None if no decision model was sure of anything.

    Args:
        connection: The database.
        of: The condition that selects its calls.
        values: The values of the condition.
        alpha: Error probability of all bounds together.
    """
    sql = f"SELECT confidence, wrong_at, label FROM content {of} AND confidence IS NOT NULL ORDER BY call_id"
    rows = [(json.loads(sure), *label) for sure, *label in connection.select(sql, values)]
    if not rows:
        return None
    latest = rows[-1][0].get("questions")
    rows = [row for row in rows if row[0].get("questions") == latest]
    found = [(sure["at"], None if wrong is None else json.loads(wrong)) for sure, wrong, _ in rows]
    return calibration(found, alpha, [sure["at"] for sure, _, label in rows if label == SKIPPED])


def calibration(
    calls: Iterable[tuple[Mapping[str, int], Sequence[str] | None]],
    alpha: float,
    skipped: Sequence[Mapping[str, int]] = (),
) -> dict[str, Any]:
    """Return the calibration of calls.

    Args:
        calls: The tenth of each decided value by its place, and the places of wrong values. None if they are unknown.
        alpha: Error probability of all bounds together.
        skipped: The tenths of the calls that a person was shown and did not label.

    Returns:
        `calls`, the number of them. `above` has, for each threshold, the share of the calls whose values are all above it,
        and of those with known answers the wrong ones, with bounds. `tenths` has the calls and the right ones of each tenth. `error` has
        the bounds of the expected calibration error, and its estimate. Without known answers, `tenths` is empty and `error`
        is None.
    """
    calls = list(calls)
    least = [min(sure.values()) for sure, _ in calls]
    counts: dict[int, list[float]] = {}
    for sure, wrong in calls:
        for tenth in set() if wrong is None else set(sure.values()):
            is_right = [
                not any(_is_within(one, place) for one in wrong or ())
                for place in sure
                if sure[place] == tenth
            ]
            counts.setdefault(tenth, []).append(sum(is_right) / len(is_right))
    known = [
        (tenth, any(_is_within(one, place) for one in wrong for place in sure))
        for tenth, (sure, wrong) in zip(least, calls, strict=True)
        if wrong is not None
    ]
    # Half for the thresholds and half for the tenths; each bound of a rate has two sides.
    part = alpha / 4
    tenths = [
        {
            "tenth": tenth,
            "n": len(means),
            "right": sum(means),
            **_sides(sum(means), len(means), sum(tenth in one.values() for one in skipped), part / _TENTHS),
        }
        for tenth, means in sorted(counts.items())
    ]
    return {
        "calls": len(calls),
        "known": len(known),
        "above": [
            _above(threshold, least, known, [min(one.values()) for one in skipped], part / len(THRESHOLDS))
            for threshold in THRESHOLDS
        ],
        "tenths": tenths,
        "error": _error(tenths) if tenths else None,
        "alpha": alpha,
    }


def _sides(total: float, n: int, skipped: int, alpha: float) -> dict[str, float]:
    """Return the bounds of a mean, of which some values are not known."""
    lower, upper = (bounds(one, n + skipped, alpha=alpha) for one in (total, total + skipped))
    return {"lower": lower.lower, "upper": upper.upper}


def _above(
    threshold: int,
    least: Sequence[int],
    known: Sequence[tuple[int, bool]],
    skipped: Sequence[int],
    alpha: float,
) -> dict[str, Any]:
    accepted = [is_wrong for tenth, is_wrong in known if tenth >= threshold]
    unknown = sum(tenth >= threshold for tenth in skipped)
    return {
        "threshold": threshold / _TENTHS,
        "share": sum(tenth >= threshold for tenth in least) / len(least),
        "n": len(accepted),
        "wrong": sum(accepted),
        **(
            _sides(sum(accepted), len(accepted), unknown, alpha) if accepted else {"lower": 0.0, "upper": 1.0}
        ),
    }


def _error(tenths: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the bounds of the expected calibration error, and an estimate by the middle of each tenth."""
    total = sum(one["n"] for one in tenths)
    lower = upper = estimate = 0.0
    for one in tenths:
        low, high = one["tenth"] / _TENTHS, (one["tenth"] + 1) / _TENTHS
        weight = one["n"] / total
        lower += weight * max(0.0, low - one["upper"], one["lower"] - high)
        upper += weight * max(high - one["lower"], one["upper"] - low)
        estimate += weight * abs(one["right"] / one["n"] - (low + high) / 2)
    return {"lower": lower, "upper": min(upper, 1.0), "estimate": estimate}


def _is_within(place: str, field: str) -> bool:
    """Return whether a place is a field or a part of it, or contains it."""
    return place == field or place.startswith(f"{field}/") or field.startswith(f"{place}/")


def calibration_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a report."""
    calls = plural(found["calls"], "call")
    sure = {round(_TENTHS * one["threshold"]): one for one in found["above"]}[_SHOWN]
    text = f"confidence: in {percent(sure['share'])} of {calls}, the decision model is at least 90% sure of each value"
    if sure["n"]:
        text += (
            f"; {percent(sure['wrong'] / sure['n'])} {interval(sure['lower'], sure['upper'])} of these calls have a wrong "
            f"value ({plural(sure['n'], 'known answer')})"
        )
    yield text
    error = found["error"]
    if error is None:
        yield "calibration: not known without right answers"
        return
    yield (
        f"calibration: expected error {percent(error['estimate'])} {interval(error['lower'], error['upper'])} of {plural(found['known'], 'call')} with "
        f"known answers ({exact_percent(1 - found['alpha'])} confidence)"
    )
