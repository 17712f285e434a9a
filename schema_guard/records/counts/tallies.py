# SPDX-License-Identifier: Apache-2.0
"""From the counts that a database keeps of a configuration to what is told of it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.records.counts.configurations import (
    AttemptSums,
    ClusterCount,
    CoercionCount,
    ConfigurationCounts,
    ExcludedCount,
    FailureCount,
    HourCounts,
    Latency,
    Lengths,
    ModelCount,
    ReplyLengths,
    Total,
    ViolationCount,
    by_cause,
    ranked,
)
from schema_guard.records.counts.hours import SUMS
from schema_guard.records.counts.rollups import PARTS, RESULTS
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.records.rows import Row

__all__ = ["IDENTITY", "Tallies", "counts_of", "hour_counts", "no_calls"]

Tallies: TypeAlias = dict[str, dict[str, int]]
"""The tallies of one configuration by name and key, as `rollups.Addition` has them."""

IDENTITY = ("id", *CONFIGURATION_COLUMNS, "first_started_at", "last_started_at")

_LENGTHS = ("stopped_at", "stopped_bytes", "whole_bytes")


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
    named = dict(zip(IDENTITY, identity, strict=True))
    return ConfigurationCounts(
        **{**named, "tuned": bool(named["tuned"])},
        **_calls(tallies["calls"]),
        excluded=_excluded(tallies),
        clusters=_clusters(tallies["inputs"]),
        attempts=_attempts(tallies),
        sums=_sums(tallies),
        failures=_failures(tallies["failures"]),
        final_failures=_failures(tallies["failed"]),
        violations=_violations(tallies["violations"]),
        coercions=ranked(CoercionCount(*_pair(key), count) for key, count in tallies["coercions"].items()),
        models=_models(tallies["models"]),
        call_latency=_latency(tallies["call_us"]),
        attempt_latency=_latency(tallies["attempt_us"]),
        outcomes=outcomes,
        lengths=ReplyLengths(*(Lengths(_buckets(tallies[name])) for name in _LENGTHS)),
    )


def hour_counts(hour: int, configuration: Row, counts: Mapping[str, int]) -> HourCounts:
    """Give what was recorded of a configuration in an hour.

    Args:
        hour: Since the epoch.
        configuration: Values of `CONFIGURATION_COLUMNS`.
        counts: Calls by `WAYS` and `PARTS`.
    """
    named = dict(zip(CONFIGURATION_COLUMNS, configuration, strict=True))
    values = {**named, "tuned": bool(named["tuned"])}.values()
    return HourCounts(at=hour * 3_600, configuration=tuple(values), **_calls(counts))


def _calls(counts: Mapping[str, int]) -> dict[str, Any]:
    """Give the calls of each way and part, and all that were judged."""
    by_name = {name: counts.get(name, 0) for name in (*RESULTS, *PARTS)}
    calls = sum(by_name[way] for way in RESULTS) - by_name["transport"]
    return {**by_name, "calls": calls, "unseen": by_name["unseen"] + by_name["unseen_failed"]}


def _excluded(tallies: Tallies) -> tuple[ExcludedCount, ...]:
    """Return the excluded calls by cause."""
    found: Counter[tuple[str, str | None]] = Counter()
    for key, calls in tallies["excluded"].items():
        found[_pair(key)] += calls
    return by_cause(found)


def _models(counts: dict[str, int]) -> tuple[ModelCount, ...]:
    counted = (ModelCount(*_pair(key), count) for key, count in counts.items())
    return tuple(sorted(counted, key=lambda count: (-count.attempts, count.model, count.snapshot or "")))


def _clusters(shapes: dict[str, int]) -> tuple[ClusterCount, ...]:
    counted = sorted(ClusterCount(*_pair(key), count) for key, count in shapes.items() if count)
    return tuple(counted) if counted and counted[-1].n > 1 else ()


def _attempts(tallies: Tallies) -> tuple[tuple[int, int], ...]:
    judged, failed = tallies["judged"], tallies["failed_attempts"]
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
    return Latency(_buckets(buckets))


def _buckets(counts: dict[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((int(lower), count) for lower, count in counts.items()))
