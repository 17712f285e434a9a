# SPDX-License-Identifier: Apache-2.0
"""The figures about the content of a configuration's valid values, for reports and verdicts.

Without labels there is no bound: agreement and ungrounded values have their own names.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from schema_guard.ext.right.pool import bound_of, counts_of
from schema_guard.records.sql.tables import placeholders
from schema_guard.text import dollars, exact_percent, interval, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schema_guard.records.sql.tables import Connection

__all__ = ["content_of", "lines_of"]


def content_of(connection: Connection, ids: Sequence[int], alpha: float) -> dict[str, Any] | None:
    """Return the figures of one configuration; None if nothing was checked.

    Args:
        connection: The database.
        ids: The numbers of the rows of the configuration, one for each segment.
        alpha: Error probability of the bounds of right values, together.

    Returns:
        `values` that were looked for in the source, and the `ungrounded` ones, also by kind. `compared` values and `agreed`
        ones, with the `cost` of the second opinions. The number of `opinions`, `labels`, and `skipped` labels. `right` has
        the bounds of wrong values, or None without a label.
    """
    of = f"WHERE configuration_id IN ({placeholders(len(ids))})"
    sql = f"""SELECT COUNT(*), SUM(sought), SUM(sought - grounded), SUM(leaves), SUM(agreed), SUM(cost)
        FROM content {of}"""
    ((calls, *sums, cost),) = connection.select(sql, ids)
    if not calls:
        return None
    values, ungrounded, compared, agreed = (int(number or 0) for number in sums)
    kinds: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    sql = f"SELECT kinds, COUNT(*) FROM content {of} AND kinds IS NOT NULL GROUP BY kinds"
    for text, number in connection.select(sql, ids):
        for kind, (sought, grounded) in json.loads(text).items():
            kinds[kind] += sought * number
            missing[kind] += (sought - grounded) * number
    right = bound_of(connection, ids, alpha)
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
        **counts_of(connection, ids)._asdict(),
        "right": right,
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
            f"({exact_percent(1 - right['alpha'])} confidence; {plural(content['labels'], 'label')}, {content['skipped']:,} skipped, "
            f"{opinions}{cost})"
        )
    elif content["compared"]:
        yield (
            f"agreement: the second model gave {percent(content['agreed'] / content['compared'])} of "
            f"{plural(content['compared'], 'value')} in the same way ({opinions}{cost}). It does not bound the share of right "
            "values. schema-guard label does"
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
