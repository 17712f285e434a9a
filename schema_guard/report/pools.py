# SPDX-License-Identifier: Apache-2.0
"""Configurations added up: over the functions that use them and the parts of the traffic, or by any of their names."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.recorded_settings import again_of
from schema_guard.records.counts.rollups import add_counts
from schema_guard.records.counts.tallies import counts_of, together

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.rows import Row

__all__ = ["added", "answered_again", "pooled"]


def added(members: Sequence[ConfigurationCounts]) -> ConfigurationCounts:
    """Return the counts of configurations added up.

    If the tuned model of a router gave no value, the call of the prompt is one call with the one before it. The prompt then
    decides how it ended.
    """
    total, again = together(members), answered_again(members)
    if not again:
        return total
    results = dict(together([one for one in members if one not in again]).results)
    saved = sum(one.calls - one.failed for one in again)
    add_counts(results, {"fixed_by_retry": saved, "failed": -saved})
    times = total.first_started_at, total.last_started_at
    return counts_of((total.id, *total.configuration, *times), results, total.tallies, b"")


def answered_again(members: Iterable[ConfigurationCounts]) -> list[ConfigurationCounts]:
    """Return the configurations whose calls a router sent to the prompt after a tuned model that is among the members."""
    members = list(members)
    tuned = {f"{one.model} {one.version}" for one in members if one.tuned}
    return [
        one
        for one in members
        if (again := again_of(one.settings)) is not None and again.why == "fallback" and again.after in tuned
    ]


def pooled(
    counted: Iterable[ConfigurationCounts], by: Collection[str]
) -> list[tuple[ConfigurationCounts, ...]]:
    """Group the configurations that have the same names, in the order of these names.

    Args:
        counted: The configurations.
        by: Names of `CONFIGURATION_COLUMNS`.
    """
    groups: dict[Row, list[ConfigurationCounts]] = defaultdict(list)
    for counts in counted:
        groups[tuple(getattr(counts, name) for name in by)].append(counts)
    return [tuple(groups[names]) for names in sorted(groups, key=_order)]


def _order(names: Row) -> list[tuple[bool, Any]]:
    return [(name is not None, str(name or "")) for name in names]
