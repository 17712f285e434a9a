# SPDX-License-Identifier: Apache-2.0
"""The evidence of one configuration: its counts, its frequent inputs, and its calls in production."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.early_stop import stops_early
from schema_guard.decide.failures import failing_places
from schema_guard.decide.recorded.configurations import RecordedConfiguration, is_trial, sent_by
from schema_guard.decide.recorded.costs import cost_of, trial_cost
from schema_guard.decide.recorded.layouts import guard_line_of
from schema_guard.decide.recorded.production import Production
from schema_guard.records.counts.buckets import bucket
from schema_guard.records.counts.calls import input_key
from schema_guard.records.counts.tallies import together
from schema_guard.records.rows import COLUMNS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.records import ConfigurationCounts, Store


_FREQUENT = 0.01
_FEWEST_CALLS = 2
# An input that is 1% of the calls is missing in this many of the latest ones only once in 10^43 times.
_MOST_INPUTS = 10_000
_LATEST_S = 30 * 86_400


def strategy_of(
    configuration: RecordedConfiguration, production: Production, latency_p95_s: float | None
) -> dict[str, Any]:
    """Return the evidence of a configuration. *latency_p95_s* is the limit of 95% of its calls, if there is one."""
    counts, first, reading = configuration.counts, configuration.first, production.reading
    evidence: dict[str, Any] = {
        "id": configuration.id,
        "rung": configuration.step if configuration.step != "tuned" else "bare",
        "n": configuration.n,
        "k_final": configuration.failed,
        "model": first.model,
        "tuned": configuration.step == "tuned" or None,
        "early_stop": stops_early(first.settings) or None,
    }
    if configuration.traffic is not None:
        evidence["traffic"] = configuration.traffic._asdict()
    if not is_trial(first):
        evidence["excluded"] = [calls._asdict() for calls in counts.excluded]
        if configuration.is_rated:
            evidence |= production.evidence_of(configuration)
            evidence |= frequent_inputs(
                configuration, reading.store, windowed=(reading.since, reading.until) != (None, None)
            )
    evidence |= _failures(configuration, evidence, production)
    evidence["clusters"] = [list(shape) for shape in counts.clusters]
    if latency_p95_s is not None:
        evidence["latency"] = slower(counts, latency_p95_s)
    if reading.sizes.prices is not None:
        evidence["prompt_cost"] = cost_of(configuration, reading.sizes.prices, reading.notes)
    evidence["sent"] = sent_by(first)
    if is_trial(first):
        evidence["guard"] = guard_line_of(first, reading.store)
        evidence["trial"] = trial_cost(counts, evidence.get("prompt_cost"))
    return {
        key: value
        for key, value in evidence.items()
        if value not in (None, [], {}) or key.startswith("failure_")
    }


def _is_whole(evidence: dict[str, Any]) -> bool:
    """Return whether all calls count. After a change, or with a weekly pattern, only a part of them does."""
    if "parts" in evidence.get("weekly", {}):
        return False
    return "change" not in evidence or "bursts" in evidence


def places_of(rows: Sequence[ConfigurationCounts]) -> list[dict[str, Any]]:
    """Return the `fails_at` of evidence."""
    if not rows:
        return []
    counts = together(rows)
    return [place._asdict() for place in failing_places(counts.failures, counts.violations)]


def _failures(
    configuration: RecordedConfiguration, evidence: dict[str, Any], production: Production
) -> dict[str, Any]:
    """Return the places, kinds, and codes of the failed calls that count, and the effect of retries if it is known.

    After a change, the calls after its detection count. With a weekly pattern, only whole weeks count.
    """
    counted = rows = configuration.rows
    if not _is_whole(evidence):
        counted = production.after_alarm(configuration)
    if "change" in evidence and "bursts" not in evidence:
        rows = production.since_change(configuration, counted)
    known: dict[str, Any] = {"fails_at": places_of(rows), "failure_kinds": {}, "failure_codes": {}}
    if not counted:
        return known
    counts = together(counted)
    if counts.unseen:
        production.reading.notes.append(
            f"{clip(configuration.id)}: in {counts.unseen} calls, a library inside the function retried, so the effect of retries is unknown"
        )
    elif evidence["n"] and _is_whole(evidence):
        known["attempts"] = list(map(list, counts.attempts))
    return known | failures_of(counts)


def failures_of(counts: ConfigurationCounts) -> dict[str, dict[str, int]]:
    """Count failed calls by kind and by code."""
    # A call that broke off after a validated reply has failed, but with an unknown kind of failure.
    failed = [one for one in counts.final_failures if one.kind != "transport"]
    kinds, codes = Counter[str](), Counter[str]()
    for kind, code, calls in failed:
        kinds[kind] += calls
        codes[code] += calls
    return {"failure_kinds": dict(kinds), "failure_codes": dict(codes)}


def slower(counts: ConfigurationCounts, limit_s: float) -> dict[str, int] | None:
    """Count the calls that took longer than a limit, or may have. Seconds have a relative precision of 1/64."""
    edge, latency = bucket(round(limit_s * 10**6)), counts.call_latency
    n = latency.number
    return {"n": n, "k": sum(calls for lower, calls in latency.buckets if lower >= edge)} if n else None


def frequent_inputs(configuration: RecordedConfiguration, store: Store, *, windowed: bool) -> dict[str, Any]:
    """Return the evidence's `inputs` and `hot`, or nothing if no input came twice.

    A failed call can be any of its input's calls. If k of an input's n calls failed, the first one failed with a
    probability of k / n.
    """
    n = configuration.n
    least = max(_FEWEST_CALLS, _FREQUENT * n)
    shapes = [shape for row in configuration.rows for shape in row.clusters]
    if not shapes:
        return {}
    others = [shape for shape in shapes if shape.n < least]
    inputs = sum(shape.inputs for shape in others)
    evidence: dict[str, Any] = {}
    if inputs:
        evidence["inputs"] = {"n": inputs, "k": fsum(shape.inputs * shape.k / shape.n for shape in others)}
    # For a part of the time, the store knows how many inputs were called how often, but not which ones.
    if len(others) < len(shapes) and not windowed:
        evidence["hot"] = _inputs_of(configuration, store, least)
    return evidence


def _inputs_of(configuration: RecordedConfiguration, store: Store, least: float) -> list[list[Any]]:
    """Return [hash, n, k] of each frequent input, most failures first."""
    calls, failed = Counter[int](), Counter[int]()
    with store.reading() as snapshot:
        frequent = [
            one for row in configuration.rows for one in snapshot.frequent_inputs(row.id or 0, int(least))
        ]
    for key, n, k in frequent:
        calls[key] += n
        failed[key] += k
    names = _names(configuration, store)
    inputs = [
        [names.get(key, f"{key % 2**64:016x}"), n, failed[key]] for key, n in calls.items() if n >= least
    ]
    return sorted(inputs, key=lambda entry: (-entry[2], -entry[1], entry[0]))


def _names(configuration: RecordedConfiguration, store: Store) -> dict[int, str]:
    """Return the hash or cluster that identifies each input in the rows of the latest calls."""
    first = configuration.first
    since = configuration.last_call - _LATEST_S
    rows = store.attempts(since=since, schema=first.schema_fingerprint, function=first.function)
    names: dict[int, str] = {}
    for row in islice(rows, _MOST_INPUTS):
        values = tuple(row[name] for name in COLUMNS)
        key = input_key(values)
        if key is not None:
            names[key] = row["cluster"] if row["cluster"] is not None else row["input_hash"]
    return names
