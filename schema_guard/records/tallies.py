# SPDX-License-Identifier: Apache-2.0
"""From the counts that a database keeps of a configuration to what is told of it."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.records.configurations import (
    AttemptSums,
    ClusterCount,
    ConfigurationCounts,
    FailureCount,
    Latency,
    Total,
    ViolationCount,
    ranked,
)
from schema_guard.records.rollups import SUMS
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records.rows import Row

__all__ = ["IDENTITY", "Tallies", "counts_of", "no_calls"]

Tallies: TypeAlias = dict[str, dict[str, int]]
"""The tallies of one configuration by name and key, as `rollups.Addition` has them."""

IDENTITY = ("id", *CONFIGURATION_COLUMNS, "first_started_at", "last_started_at")


def no_calls(configuration: Row, configuration_id: int) -> ConfigurationCounts:
    """Give the counts of a configuration without calls."""
    return counts_of((configuration_id, *configuration, None, None), defaultdict(dict), b"")


def counts_of(identity: Sequence[Any], tallies: Tallies, outcomes: bytes) -> ConfigurationCounts:
    """Give the counts of a configuration.

    Args:
        identity: Values of `IDENTITY`.
        tallies: All that was added to them.
        outcomes: As `ConfigurationCounts.outcomes`.
    """
    ways = defaultdict(int, tallies["calls"])
    exact, transport = ways.pop("exact", 0), ways.pop("transport", 0)
    return ConfigurationCounts(
        **dict(zip(IDENTITY, identity, strict=True)),
        calls=sum(ways.values()),
        first_pass=ways["first_pass"],
        exact=exact,
        repaired=ways["repaired"],
        reasked=ways["reasked"],
        unhandled=ways["unhandled"],
        transport=transport,
        clusters=_clusters(tallies["inputs"]),
        attempts=_attempts(tallies),
        sums=_sums(tallies),
        failures=_failures(tallies["failures"]),
        unhandled_failures=_failures(tallies["unhandled"]),
        violations=_violations(tallies["violations"]),
        call_latency=_latency(tallies["call_us"]),
        attempt_latency=_latency(tallies["attempt_us"]),
        outcomes=outcomes,
    )


def _clusters(shapes: dict[str, int]) -> tuple[ClusterCount, ...]:
    counted = sorted(ClusterCount(*_pair(key), count) for key, count in shapes.items() if count)
    return tuple(counted) if counted and counted[-1].n > 1 else ()


def _attempts(tallies: Tallies) -> tuple[tuple[int, int], ...]:
    judged, failed = tallies["judged"], tallies["failed"]
    return tuple((judged[key], failed.get(key, 0)) for key in sorted(judged, key=int))


def _sums(tallies: Tallies) -> tuple[AttemptSums, ...]:
    attempts = tallies["attempts"]
    return tuple(
        AttemptSums(
            int(key), attempts[key], **{name: _total(tallies, name, key, attempts[key]) for name in SUMS}
        )
        for key in sorted(attempts, key=int)
    )


def _total(tallies: Tallies, name: str, key: str, attempts: int) -> Total:
    unknown = tallies[f"{name}_unknown"].get(key, 0)
    amount = tallies[name].get(key, 0)
    known = amount if SUMS[name] == 1 else amount / SUMS[name]
    return Total(known if unknown < attempts else None, unknown)


def _failures(counts: dict[str, int]) -> tuple[FailureCount, ...]:
    return ranked(FailureCount(*_pair(key), count) for key, count in counts.items())


def _violations(counts: dict[str, int]) -> tuple[ViolationCount, ...]:
    return ranked(ViolationCount(*_pair(key), count) for key, count in counts.items())


def _pair(key: str) -> tuple[Any, Any]:
    first, second = json.loads(key)
    return first, second


def _latency(buckets: dict[str, int]) -> Latency:
    return Latency(tuple(sorted((int(lower), count) for lower, count in buckets.items())))
