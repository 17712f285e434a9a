# SPDX-License-Identifier: Apache-2.0
"""The counts of a configuration, from its roll-ups."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.excluded_calls import ways_of
from schema_guard.records.counts.calls import HOUR_S, PARTS, RESULTS
from schema_guard.records.counts.configurations import (
    AttemptSums,
    C,
    ClusterCount,
    CoercionCount,
    ConfigurationCounts,
    FailureCount,
    Histogram,
    HourCounts,
    ModelCount,
    ReplyLengths,
    Total,
    ViolationCount,
    ranked,
)
from schema_guard.records.counts.rollups import SUMS, RollUp, add_counts, add_tallies, shapes
from schema_guard.records.rows import CONFIGURATION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schema_guard.records.counts.rollups import Tallies
    from schema_guard.records.rows import Row

IDENTITY = ("id", *CONFIGURATION_COLUMNS, "first_started_at", "last_started_at")

_LENGTHS = ("stopped_at", "stopped_bytes", "whole_bytes")


def counts_of(
    identity: Sequence[Any], results: Mapping[str, int], tallies: Tallies, outcomes: bytes | bytearray
) -> ConfigurationCounts:
    """Return the counts of a configuration.

    Args:
        identity: Values of `IDENTITY`.
        results: Calls by `RESULTS` and `PARTS`.
        tallies: As `rollups.Tallies`, and by shape the number of `inputs`.
        outcomes: A character for each call, as `RollUp.outcomes`.
    """
    named = dict(zip(IDENTITY, identity, strict=True))
    known: Tallies = defaultdict(dict, tallies)
    return ConfigurationCounts(
        **{**named, "tuned": bool(named["tuned"])},
        **_calls(results),
        excluded=ways_of((*_pair(key), calls) for key, calls in known["excluded"].items()),
        clusters=_clusters(known["inputs"]),
        attempts=_attempts(known),
        sums=_sums(known),
        failures=_ranked(FailureCount, known["failures"]),
        final_failures=_ranked(FailureCount, known["failed"]),
        violations=_ranked(ViolationCount, known["violations"]),
        coercions=_ranked(CoercionCount, known["coercions"]),
        models=_models(known["models"]),
        call_latency=Histogram(_buckets(known["call_us"])),
        attempt_latency=Histogram(_buckets(known["attempt_us"])),
        outcomes=_packed(outcomes),
        lengths=ReplyLengths(*(Histogram(_buckets(known[name])) for name in _LENGTHS)),
        results=results,
        tallies=tallies,
    )


def together(several: Sequence[ConfigurationCounts]) -> ConfigurationCounts:
    """Return the sum of the counts of some configurations, without outcomes. The names are those of the first one."""
    results: dict[str, int] = {}
    tallies: Tallies = {}
    for one in several:
        add_counts(results, one.results)
        add_tallies(tallies, one.tallies)
    starts = [at for one in several for at in (one.first_started_at, one.last_started_at) if at is not None]
    times = (min(starts), max(starts)) if starts else (None, None)
    return counts_of((several[0].id, *several[0].configuration, *times), results, tallies, b"")


def place_of(first_id: int, at: float, imported: int) -> tuple[float, ...]:
    """Return the sort key of an hour: its time up to the last import, afterward the arrival of its first attempt."""
    return (0, at, first_id) if first_id <= imported else (1, first_id)


def counted(
    configuration_id: int | None, configuration: Row, hours: Iterable[RollUp], imported: int
) -> ConfigurationCounts:
    """Return the counts of a configuration over some hours, in the order of `place_of`.

    Args:
        configuration_id: Its `id`. None if it is not known.
        configuration: Values of `CONFIGURATION_COLUMNS`.
        hours: At least one.
        imported: The `id` of the attempt that was imported last. 0 if none was.
    """

    def place(rolled: RollUp) -> tuple[float, ...]:
        return place_of(rolled.first_id, rolled.starts[0] if rolled.starts else 0.0, imported)

    first, *rest = sorted(hours, key=place)
    total = RollUp(first.first_id, first.last_id)
    for rolled in (first, *rest):
        total.add(rolled)
    identity = (configuration_id, *configuration, *(total.starts or (None, None)))
    return counts_of(identity, total.results, {**total.tallies, "inputs": shapes(total)}, total.outcomes)


def _packed(outcomes: bytes | bytearray) -> bytes:
    """Return a bit for each character, filled up with zeros to a whole byte."""
    if not outcomes:
        return b""
    size = -(-len(outcomes) // 8)
    return int(outcomes.ljust(size * 8, b"0"), 2).to_bytes(size)


def hour_counts(hour: int, configuration: Row, counts: Mapping[str, int]) -> HourCounts:
    """Return the counts of a configuration in an hour.

    Args:
        hour: Hours since the epoch.
        configuration: Values of `CONFIGURATION_COLUMNS`, with `tuned` as a bool.
        counts: Calls by `RESULTS` and `PARTS`.
    """
    calls = _calls(counts)
    return HourCounts(hour * HOUR_S, configuration, calls["calls"], calls["failed"], calls["transport"])


def _calls(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the calls of each result and part, and all validated calls."""
    by_name = {name: counts.get(name, 0) for name in (*RESULTS, *PARTS)}
    calls = sum(by_name[result] for result in RESULTS) - by_name["transport"]
    return {**by_name, "calls": calls, "unseen": by_name["unseen"] + by_name["unseen_failed"]}


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


def _ranked(kind: type[C], counts: dict[str, int]) -> tuple[C, ...]:
    return ranked(kind(*_pair(key), count) for key, count in counts.items())


def _pair(key: str) -> tuple[Any, Any]:
    first, second = json.loads(key)
    return first, second


def _buckets(counts: dict[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((int(lower), count) for lower, count in counts.items()))
