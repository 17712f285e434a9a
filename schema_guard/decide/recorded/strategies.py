# SPDX-License-Identifier: Apache-2.0
"""The evidence of one configuration: its counts, and what is known of it in production."""

from __future__ import annotations

from collections import defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.configuration.early_stop import stops_early
from schema_guard.decide.exclusions import ways_of
from schema_guard.decide.failing_places import failing_places
from schema_guard.decide.recorded.configurations import RecordedConfiguration, is_trial, sent_by
from schema_guard.decide.recorded.costs import cost_of, trial_cost
from schema_guard.decide.recorded.frequent_inputs import frequent_inputs
from schema_guard.decide.recorded.guard_line import guard_line_of
from schema_guard.decide.recorded.production import NO_CALLS, Production, of_strategy
from schema_guard.records.counts.buckets import bucket
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schema_guard.decide.recorded.arrivals import StoreArrivals
    from schema_guard.prices.sizes import Sizes
    from schema_guard.records import ConfigurationCounts, Store


class Gathering(NamedTuple):
    """The source of evidence, and the questions.

    Attributes:
        store: The store.
        everything: All rows of the store.
        rows: Those of all strategies and trials in the segment; a rate counts them.
        arrivals: The last calls of the store.
        since: Only calls that started then or later count; None for all times.
        until: Only calls that started before then count; None for all times.
        versions: Earlier versions whose calls count too.
        sizes: Sizes of models, and the table of token prices; None looks no price up.
        notes: Are given what a reader has to know.
        production: The function's calls that are no trials.
        latency_p95_s: Seconds within which 95 % of the calls must end; None does not ask.
    """

    store: Store
    everything: Sequence[ConfigurationCounts]
    rows: Sequence[ConfigurationCounts]
    arrivals: StoreArrivals
    since: float | None
    until: float | None
    versions: frozenset[str]
    sizes: Sizes
    notes: list[str]
    production: Production = NO_CALLS
    latency_p95_s: float | None = None

    @property
    def windowed(self) -> bool:
        """Whether only calls of some time are asked about."""
        return self.since is not None or self.until is not None


def strategy_of(configuration: RecordedConfiguration, reading: Gathering) -> dict[str, Any]:
    """Give the evidence of a configuration."""
    rows, first = configuration.rows, configuration.first
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
        evidence["excluded"] = [calls._asdict() for calls in ways_of(configuration.excluded)]
        if configuration.is_rated:
            evidence |= of_strategy(configuration, reading.production, reading.store, reading.notes)
            evidence |= frequent_inputs(configuration, reading.store, windowed=reading.windowed)
    counted = _counted(configuration, evidence, reading)
    evidence |= _failures(counted, evidence, reading, configuration.id)
    evidence["fails_at"] = _places(configuration, evidence, reading, counted)
    if any(row.clusters for row in rows):
        evidence["clusters"] = _clusters(rows)
    if reading.latency_p95_s is not None:
        evidence["latency"] = slower(rows, reading.latency_p95_s)
    if reading.sizes.prices is not None:
        evidence["prompt_cost"] = cost_of(configuration, reading.store, reading.sizes.prices, reading.notes)
    evidence["sent"] = sent_by(first)
    if is_trial(first):
        evidence["guard"] = guard_line_of(first, reading.store)
        evidence["trial"] = trial_cost(rows, evidence.get("prompt_cost"))
    return {
        key: value
        for key, value in evidence.items()
        if value not in (None, [], {}) or key.startswith("failure_")
    }


def _counted(
    configuration: RecordedConfiguration, evidence: dict[str, Any], reading: Gathering
) -> tuple[ConfigurationCounts, ...]:
    """Give the counts of the calls that count: after a change those of the hours after it was noticed.

    With a weekly pattern, only whole weeks count.
    """
    if _is_whole(evidence):
        return configuration.rows
    return reading.production.after_alarm(configuration, reading.store)


def _is_whole(evidence: dict[str, Any]) -> bool:
    """Return whether all calls count. After a change and with a weekly pattern, only a part of them does."""
    if "parts" in evidence.get("weekly", {}):
        return False
    return "change" not in evidence or "bursts" in evidence


def _places(
    configuration: RecordedConfiguration,
    evidence: dict[str, Any],
    reading: Gathering,
    counted: Sequence[ConfigurationCounts],
) -> list[dict[str, Any]]:
    """Give the places at which most failed replies fail, after a change those since the hour in which it began."""
    rows = configuration.rows
    if "change" in evidence and "bursts" not in evidence:
        rows = reading.production.since_change(configuration, reading.store, counted)
    found = failing_places(
        (failure for row in rows for failure in row.failures),
        (violation for row in rows for violation in row.violations),
    )
    return [place._asdict() for place in found]


def _failures(
    rows: Iterable[ConfigurationCounts], evidence: dict[str, Any], reading: Gathering, name: str
) -> dict[str, Any]:
    """Give what failed calls failed at, and what retrying does, as far as it is known of the calls that count."""
    rows = tuple(rows)
    unseen = sum(row.unseen for row in rows)
    if unseen:
        reading.notes.append(
            f"{clip(name)}: in {unseen} calls a library inside of the function had asked again, unseen: what retrying "
            "does is not known"
        )
    whole = _is_whole(evidence)
    attempts = {"attempts": attempts_of(rows)} if evidence["n"] and whole and not unseen else {}
    return {"failure_kinds": kinds_of(rows), "failure_codes": codes_of(rows), **attempts}


def kinds_of(rows: Iterable[ConfigurationCounts]) -> dict[str, int]:
    """Count failed calls by kind."""
    kinds: dict[str, int] = defaultdict(int)
    for row in rows:
        for kind, calls in row.failure_kinds.items():
            # A call that broke off after a judged reply has failed; at what it would have failed is not known.
            if kind != "transport":
                kinds[kind] += calls
    return dict(kinds)


def codes_of(rows: Iterable[ConfigurationCounts]) -> dict[str, int]:
    """Count failed calls by code."""
    codes: dict[str, int] = defaultdict(int)
    for row in rows:
        for kind, code, calls in row.final_failures:
            if kind != "transport":
                codes[code] += calls
    return dict(codes)


def slower(rows: Iterable[ConfigurationCounts], limit_s: float) -> dict[str, int] | None:
    """Count the calls that took longer: seconds are kept to 1/64, and what may be longer counts as longer."""
    edge = bucket(round(limit_s * 10**6))
    buckets = [one for row in rows for one in row.call_latency.buckets]
    n = sum(count for _, count in buckets)
    return {"n": n, "k": sum(count for lower, count in buckets if lower >= edge)} if n else None


def attempts_of(rows: Iterable[ConfigurationCounts]) -> list[list[int]]:
    """Add up calls that reached an attempt, and calls that failed in it."""
    columns = zip_longest(*(row.attempts for row in rows), fillvalue=(0, 0))
    return [[sum(n for n, _ in column), sum(k for _, k in column)] for column in columns]


def _clusters(rows: Iterable[ConfigurationCounts]) -> list[list[int]]:
    """Give [calls, failed, inputs]: how many distinct inputs had so many."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for row in rows:
        shapes = row.clusters or ((1, 1, row.failed), (1, 0, row.calls - row.failed))
        for n, k, inputs in shapes:
            if inputs:
                counts[n, k] += inputs
    return [[n, k, inputs] for (n, k), inputs in sorted(counts.items())]
