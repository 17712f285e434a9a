# SPDX-License-Identifier: Apache-2.0
"""The figures about the content of a configuration's valid values, for reports and verdicts.

Without labels there is no bound: agreement and ungrounded values have their own names.

Rules of the calibration, which shows whether a decision model is as often right as it is sure:
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
from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any

from schema_guard.decide.evidence.changes import UngroundedRise
from schema_guard.ext.right.pool import SKIPPED, bound_of, calls_of, counts_of
from schema_guard.records.sql.tables import unpacked
from schema_guard.stats import bounds, changes
from schema_guard.text import dollars, exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schema_guard.records.sql.tables import Connection

USUAL_CALLS = 200
"""The number of first calls of a configuration that show the usual share of ungrounded values."""

_USUAL_PLACE = USUAL_CALLS * 9 // 10 - 1
_LENGTHS = (10, 100, 1_000)
_SHARE = "CAST(sought - grounded AS DOUBLE PRECISION) / sought"


_TENTHS = 10
THRESHOLDS = (5, 6, 7, 8, 9)
"""The thresholds of the report, in tenths."""
_SHOWN = 9


def content_of(
    connection: Connection,
    ids: Sequence[int],
    alpha: float,
    since: float | None = None,
    until: float | None = None,
) -> dict[str, Any] | None:
    """Return the figures of one configuration; None if nothing was checked.

    Args:
        connection: The database.
        ids: The numbers of the rows of the configuration, one for each segment.
        alpha: Error probability of the bounds of right values, together.
        since: Only calls that started then or later, in seconds since the epoch.
        until: Only calls that started before then.

    Returns:
        `values` that were looked for in the source, and the `ungrounded` ones, also by kind. `compared` values and `agreed`
        ones, with the `cost` of the second opinions. The number of `opinions`, `labels`, and `skipped` labels. `right` has
        the bounds of wrong values, or None without a label. `lists` has the share of
        the rows that the lists have, for sources of a similar length. `rise` has the newest rise of ungrounded values, or None. For a
        part of the time, `right` and `rise` are None, because both are about all calls. `confidence` has the calibration of
        a decision model.
    """
    of, of_values = calls_of(ids, since, until)
    sql = f"""SELECT COUNT(*), SUM(sought), SUM(sought - grounded), SUM(leaves), SUM(agreed), SUM(cost)
        FROM content {of}"""
    ((calls, *sums, cost),) = connection.select(sql, of_values)
    if not calls:
        return None
    values, ungrounded, compared, agreed = (int(number or 0) for number in sums)
    kinds: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    sql = f"SELECT kinds, COUNT(*) FROM content {of} AND kinds IS NOT NULL GROUP BY kinds"
    for text, number in connection.select(sql, of_values):
        for kind, (sought, grounded) in json.loads(text).items():
            kinds[kind] += sought * number
            missing[kind] += (sought - grounded) * number
    is_whole = since is None and until is None
    right = bound_of(connection, ids, alpha) if is_whole else None
    if right is not None:
        ((key,),) = connection.select("SELECT key FROM configurations WHERE id = ?", ids[:1])
        right["configuration"] = bytes(key).hex()[:16]
    return {
        "values": values,
        "ungrounded": ungrounded,
        "kinds": {kind: {"values": kinds[kind], "ungrounded": missing[kind]} for kind in sorted(kinds)},
        "compared": compared,
        "agreed": agreed,
        "cost": cost,
        **counts_of(connection, ids, since, until)._asdict(),
        "right": right,
        "lists": _lists_of(connection, of, of_values),
        "rise": ungrounded_rise(connection, ids) if is_whole and values else None,
        **(
            {} if (sure := calibration_of(connection, of, of_values, alpha)) is None else {"confidence": sure}
        ),
    }


def _lists_of(connection: Connection, of: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the calls with a counted list, by the length of their source: `most` rows, or more than all limits (None)."""
    length = " ".join(f"WHEN source_rows <= {most} THEN {most}" for most in _LENGTHS)
    sql = f"""SELECT CASE {length} END AS most, COUNT(*), SUM(source_rows), SUM(
            CASE WHEN list_rows < source_rows THEN list_rows ELSE source_rows END)
        FROM content {of} AND source_rows > 0 GROUP BY most"""
    found = [
        {"most": most, "calls": calls, "rows": int(rows), "found": int(found)}
        for most, calls, rows, found in connection.select(sql, values)
    ]
    return sorted(found, key=lambda one: one["most"] or inf)


def ungrounded_rise(connection: Connection, ids: Sequence[int]) -> dict[str, Any] | None:
    """Return the newest rise of the calls with an unusual share of ungrounded values; None if no rise lasts.

    A share is unusual above the 90% point of the first `USUAL_CALLS` calls. The later calls are searched for changes.

    Returns:
        `since`, the day of the first call after the rise. The number of calls `n` since then, and of unusual ones
        `above`. The same for the calls between the change before it and the rise, as `prior_n` and `prior_above`.
    """
    of, values = calls_of(ids)
    searched = f"FROM content {of} AND sought > 0"
    first = connection.select(f"SELECT {_SHARE} {searched} ORDER BY call_id LIMIT ?", (*values, USUAL_CALLS))
    if len(first) < USUAL_CALLS:
        return None
    usual = sorted(share for (share,) in first)[_USUAL_PLACE]
    ((calls,),) = connection.select(f"SELECT COUNT(*) {searched}", values)
    sql = f"""SELECT number, call_id FROM (
            SELECT {_SHARE} AS share, call_id, ROW_NUMBER() OVER (ORDER BY call_id) AS number {searched}) AS numbered
        WHERE share > ? AND number > ? ORDER BY number"""
    rows = connection.select(sql, (*values, usual, USUAL_CALLS))
    above = [number - USUAL_CALLS for number, _ in rows]
    found = changes(above, calls - USUAL_CALLS)
    if not found or found[-1].direction != "rise":
        return None
    rise = found[-1]
    place = bisect_left(above, rise.start)
    started = int(str(unpacked(rows[place][1]))[:12], 16) / 1000
    return {
        "since": f"{datetime.fromtimestamp(started, UTC):%Y-%m-%d}",
        "n": calls - USUAL_CALLS - rise.start + 1,
        "above": len(above) - place,
        "prior_n": rise.prior_n,
        "prior_above": rise.prior_k,
    }


def lines_of(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a report."""
    opinions = plural(content["opinions"], "second opinion")
    cost = "" if content["cost"] is None else f", which cost {dollars(content['cost'])}"
    right = content["right"]
    if right is not None:
        what = "of the values are right" if right["unit"] == "value" else "of the calls have no wrong value"
        yield (
            f"right: {interval(1 - right['upper'], 1 - right['lower'])} {what}, among valid replies "
            f"({exact_percent(1 - right['alpha'])} confidence; {plural(content['labels'], 'label')}, {content['skipped']:,} skipped, {opinions}{cost})"
        )
    elif content["compared"]:
        yield (
            f"agreement: the second model agreed on {percent(content['agreed'] / content['compared'])} of {plural(content['compared'], 'value')} "
            f"({opinions}{cost}). It does not bound the share of right values. schema-guard label does"
        )
    if content["values"]:
        kinds = ", ".join(
            f"{kind} {percent(one['ungrounded'] / one['values'])} of {one['values']:,}"
            for kind, one in content["kinds"].items()
        )
        yield (
            f"ungrounded: {percent(content['ungrounded'] / content['values'])} of {plural(content['values'], 'value')} are "
            f"not in the source ({kinds})"
        )
    if content["lists"]:
        listed = ", ".join(
            f"{percent(one['found'] / one['rows'])} {_length_text(one['most'])} ({plural(one['calls'], 'call')})"
            for one in content["lists"]
        )
        yield f"lists: share of the rows that the last reply has: {listed}"
    if "confidence" in content:
        yield from calibration_lines(content["confidence"])
    if content["rise"] is not None:
        yield f"ungrounded: {UngroundedRise(**content['rise']).text}"


def _length_text(most: int | None) -> str:
    """Return the length of a source in words."""
    if most is None:
        return f"of sources with over {_LENGTHS[-1]:,} rows"
    return f"of sources with {[0, *_LENGTHS][_LENGTHS.index(most)] + 1:,} to {most:,} rows"


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
    # Half of alpha is for the thresholds, and half for the tenths. Each half is split between two sides.
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
