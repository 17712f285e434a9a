# SPDX-License-Identifier: Apache-2.0
"""Inputs that are a good part of a configuration's calls, and the others, by what a new one meets."""

from __future__ import annotations

from itertools import islice
from math import fsum
from typing import TYPE_CHECKING, Any

from schema_guard.decide.recorded.configurations import RecordedConfiguration
from schema_guard.records.counts.calls import input_key
from schema_guard.records.rows import COLUMNS

if TYPE_CHECKING:
    from schema_guard.records import Store

_FREQUENT = 0.01
_FEWEST_CALLS = 2
# An input that is 1 % of the calls is among so many of the latest ones, but for once in 10^43.
_MOST_INPUTS = 10_000
_LATEST_S = 30 * 86_400


def frequent_inputs(configuration: RecordedConfiguration, store: Store, *, windowed: bool) -> dict[str, Any]:
    """Give the evidence's `inputs` and `hot`; nothing where no input came twice.

    A call that fails is taken to be any of its input's calls: of an input's n calls, k of them failed, the first one
    failed with a probability of k / n.
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
    # Of some time only how many inputs were called how often is known, and not which.
    if len(others) < len(shapes) and not windowed:
        evidence["hot"] = _inputs_of(configuration, store, least)
    return evidence


def _inputs_of(configuration: RecordedConfiguration, store: Store, least: float) -> list[list[Any]]:
    """Give [hash, n, k] of each frequent input, most failures first."""
    counts: dict[int, list[int]] = {}
    with store.reading() as snapshot:
        frequent = [
            one for row in configuration.rows for one in snapshot.frequent_inputs(row.id or 0, int(least))
        ]
    for key, n, k in frequent:
        known = counts.setdefault(key, [0, 0])
        known[0] += n
        known[1] += k
    names = _names(configuration, store)
    inputs = [[names.get(key, f"{key % 2**64:016x}"), n, k] for key, (n, k) in counts.items() if n >= least]
    return sorted(inputs, key=lambda entry: (-entry[2], -entry[1], entry[0]))


def _names(configuration: RecordedConfiguration, store: Store) -> dict[int, str]:
    """Give the hash or cluster by which an input stands in the rows, of the latest calls."""
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
