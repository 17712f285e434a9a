# SPDX-License-Identifier: Apache-2.0
"""Where evidence contradicts itself: what a schema cannot say of it.

Rules: a contradiction names the place that is wrong and what the rest of the document asks of it; the first one in the
order of the document is told.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.evidence.values import Cluster
from schema_guard.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Shares are typed by people, as 0.333 for a third.
_SHARE_ROUNDING = 0.0015
# What says how a part of what is paid once comes about.
_BILLS = ({"gpu_hours", "price_per_hour"}, {"tokens", "epochs", "price_per_million"})


class Conflict(NamedTuple):
    """What a schema cannot say: a place that does not fit to others of the same document."""

    location: str
    expected: str
    got: Any
    advice: str = ""


def conflicts(evidence: dict[str, Any]) -> Iterator[Conflict]:
    """Give what does not fit together in evidence that keeps to its schema."""
    yield from _of_question(evidence)
    ids = [strategy["id"] for strategy in evidence.get("strategies", ())]
    yield from _twins("/strategies", "id", ids)
    yield from _twins("/schemas", "name", [name for name, _, _ in evidence.get("schemas", ())])
    yield from _twins("/ladder", "rung", [claim["rung"] for claim in evidence.get("ladder", ())])
    for location, strategy in _members(evidence, "strategies"):
        yield from _of_strategy(location, strategy)
    for location, schema in _members(evidence, "schemas"):
        yield from _too_many(location, schema, 2, schema[1], "n")
    for location, comparison in _members(evidence, "comparisons"):
        yield from _of_two(location, comparison, "b", "c")
    yield from _unknown_ids(evidence, ids)
    yield from _of_segments("/segments", evidence.get("segments", []), ("n", "k"))
    yield from _of_pilot(evidence)
    yield from _of_economics(evidence)
    if "content" in evidence:
        yield from _too_many("/content", evidence["content"], "right", evidence["content"]["n"], "n")


def _members(document: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Give the members of an array of the document with their places."""
    return ((f"/{key}/{index}", member) for index, member in enumerate(document.get(key, ())))


def _of_question(document: dict[str, Any]) -> Iterator[Conflict]:
    """Either strategies are asked about, or schemas."""
    if document.get("strategies") and document.get("schemas"):
        yield Conflict(
            "",
            "either 'strategies' or 'schemas'",
            document,
            "schemas alone ask which of them fail; decide twice",
        )
    if not document.get("strategies") and not document.get("schemas"):
        yield Conflict(
            "",
            "at least one member in 'strategies' or in 'schemas'",
            document,
            "without a count there is no verdict",
        )
    if "current" in document and not document.get("strategies"):
        yield Conflict(
            "/current",
            "no current strategy where schemas are asked about",
            document["current"],
            "leave the key out",
        )


def _too_many(location: str, counts: Any, key: str | int, most: float, of: str) -> Iterator[Conflict]:
    """A part is larger than the whole."""
    if counts[key] > most:
        yield Conflict(f"{location}/{key}", f"at most {of} = {int(most)}", counts[key])


def _of_two(location: str, counts: dict[str, Any], one: str, other: str) -> Iterator[Conflict]:
    """Two parts of n that have nothing in common."""
    n = counts["n"]
    yield from _too_many(location, counts, one, n, "n")
    yield from _too_many(location, counts, other, n - counts[one], f"n - {one}")


def _twins(location: str, key: str, names: Iterable[str]) -> Iterator[Conflict]:
    """Two members of an array have one name."""
    known: set[str] = set()
    for index, name in enumerate(names):
        if name in known:
            yield Conflict(
                f"{location}/{index}", f"another {key} than those before", name, "rename one of the two"
            )
        known.add(name)


def _unknown_ids(document: dict[str, Any], ids: Sequence[str]) -> Iterator[Conflict]:
    """An id is none of the strategies'."""
    named = {"/current": document["current"]} if "current" in document else {}
    for location, comparison in _members(document, "comparisons"):
        named |= {f"{location}/{name}": comparison[name] for name in ("before", "after")}
    for location, name in named.items():
        if name not in ids:
            advice = did_you_mean(name, ids).removeprefix(", ")
            yield Conflict(location, f"one of {' '.join(ids)}", name, advice)


def _of_strategy(location: str, strategy: dict[str, Any]) -> Iterator[Conflict]:
    n, k = strategy["n"], strategy["k_final"]
    yield from _too_many(location, strategy, "k_final", n, "n")
    if "drift" in strategy:
        yield from _of_drift(f"{location}/drift", strategy["drift"], n, k)
    if "failure_kinds" in strategy:
        yield from _of_kinds(location, strategy)
    if "attempts" in strategy:
        yield from _of_attempts(f"{location}/attempts", strategy["attempts"], n, k)
    if "clusters" in strategy:
        after = strategy.get("drift", {})
        counted = after.get("post_n", n), after.get("post_k", k)
        yield from _of_clusters(f"{location}/clusters", strategy["clusters"], *counted)
    yield from _of_production(location, strategy)


def _of_production(location: str, strategy: dict[str, Any]) -> Iterator[Conflict]:
    """What is told of calls in production fits to how many there are."""
    n, k = strategy["n"], strategy["k_final"]
    codes = strategy.get("failure_codes", {})
    total = int(sum(codes.values()))
    if total > k:
        yield Conflict(
            f"{location}/failure_codes",
            f"codes of the k_final = {int(k)} failed calls",
            codes,
            f"these are {total}",
        )
    for key in ("inputs", "right", "latency"):
        if key in strategy:
            yield from _too_many(f"{location}/{key}", strategy[key], "n", n, "n")
            yield from _too_many(f"{location}/{key}", strategy[key], "k", strategy[key]["n"], f"{key}'s n")
    if (behind := strategy.get("behind")) is not None:
        yield from _too_many(f"{location}/behind", behind, "asked", behind["n"], "n")
        yield from _too_many(f"{location}/behind", behind, "k", behind["asked"], "asked")
    for index, place in enumerate(strategy.get("fails_at", ())):
        yield from _too_many(f"{location}/fails_at/{index}", place, "k", place["n"], "n")
    for index, row in enumerate(strategy.get("hot", ())):
        yield from _too_many(f"{location}/hot/{index}", row, 1, n, "n")
        yield from _too_many(f"{location}/hot/{index}", row, 2, row[1], "the input's n")
    yield from _of_history(location, strategy)


def _of_history(location: str, strategy: dict[str, Any]) -> Iterator[Conflict]:
    """What is told of changes, outages and bursts fits together."""
    if "change" in strategy:
        change = strategy["change"]
        yield from _too_many(f"{location}/change", change, "n", change["since_n"], "since_n")
        for part in ("", "since_", "prior_"):
            yield from _too_many(f"{location}/change", change, f"{part}k", change[f"{part}n"], f"{part}n")
    if "weekly" in strategy:
        yield from _of_weekly(f"{location}/weekly", strategy["weekly"], int(strategy["n"]))
    if "bursts" in strategy:
        bursts = strategy["bursts"]
        for part, whole in (("failures", "calls"), ("entries", "failures"), ("at_risk", "calls")):
            yield from _too_many(f"{location}/bursts", bursts, part, bursts[whole], whole)
    if "history" in strategy:
        calls = strategy["history"]["calls"]
        yield from _too_many(f"{location}/history", strategy["history"], "since_outage", calls, "calls")


def _of_weekly(location: str, weekly: dict[str, Any], n: int) -> Iterator[Conflict]:
    """The counts of a weekly pattern fit together."""
    if weekly.get("parts"):
        counted = {"n": 0, "k": 0, "whole": 0} | weekly
        yield from _too_many(location, counted, "n", n, "the strategy's n")
        yield from _too_many(location, counted, "k", counted["n"], "n")
        yield from _too_many(location, counted, "whole", weekly["complete"], "complete")
        for index, part in enumerate(weekly["parts"]):
            yield from _too_many(f"{location}/parts/{index}", part, "k", part["n"], "n")


def _of_kinds(location: str, strategy: dict[str, Any]) -> Iterator[Conflict]:
    kinds, k = strategy["failure_kinds"], int(strategy["k_final"])
    total = int(sum(kinds.values()))
    if total > k:
        yield Conflict(
            f"{location}/failure_kinds",
            f"kinds of the k_final = {k} failed calls",
            kinds,
            f"these are {total}: count the calls without a valid attempt, not attempts",
        )
    if "clusters" in strategy and kinds.get("transport"):
        yield Conflict(
            f"{location}/failure_kinds/transport",
            "none beside clusters",
            kinds["transport"],
            "leave these calls out of n, k_final and clusters",
        )


def _of_attempts(location: str, rows: list[list[float]], n: float, k: float) -> Iterator[Conflict]:
    """All calls reach attempt 1, those that failed may reach the next one, and some are never valid."""
    if rows[0][0] != n:
        yield Conflict(f"{location}/0/0", f"n = {int(n)}, which all reach attempt 1", rows[0][0])
    for index, row in enumerate(rows):
        if index:
            yield from _too_many(f"{location}/{index}", row, 0, rows[index - 1][1], "failed before")
        yield from _too_many(f"{location}/{index}", row, 1, row[0], "n_j")
    least = int(rows[-1][1])
    most = int(sum(failed for _, failed in rows) - sum(reached for reached, _ in rows[1:]))
    if not least <= k <= most:
        yield Conflict(
            location,
            f"attempts that leave k_final = {int(k)} calls without a valid one",
            rows,
            f"these leave {least if least == most else f'{least} to {most}'}",
        )


def _of_clusters(location: str, rows: list[list[float]], n: float, k: float) -> Iterator[Conflict]:
    for index, row in enumerate(rows):
        yield from _too_many(f"{location}/{index}", row, 1, row[0], "n")
    clusters = [Cluster(*map(int, (*row, 1)[:3])) for row in rows]
    sums = tuple(sum(cluster.inputs * cluster[column] for cluster in clusters) for column in (0, 1))
    if sums != (n, k):
        yield Conflict(
            location,
            f"clusters of {int(n)} calls with {int(k)} failures in all",
            rows,
            f"these have {sums[0]} with {sums[1]}: give one pair for each distinct input",
        )


def _of_drift(location: str, drift: dict[str, Any], n: float, k: float) -> Iterator[Conflict]:
    yield from _too_many(location, drift, "post_n", n, "n")
    most = min(drift["post_n"], k)
    yield from _too_many(location, drift, "post_k", most, "the smaller of post_n and k_final")
    yield from _too_many(location, drift, "alarm_at", n, "n")
    if "post_attempts" in drift:
        yield from _of_attempts(
            f"{location}/post_attempts", drift["post_attempts"], drift["post_n"], drift["post_k"]
        )


def _of_economics(document: dict[str, Any]) -> Iterator[Conflict]:
    if "economics" not in document:
        return
    for name, part in document["economics"]["upfront"].items():
        if isinstance(part, dict) and part.keys() not in _BILLS:
            yield Conflict(
                f"/economics/upfront/{name}",
                "gpu_hours and price_per_hour, or tokens, epochs and price_per_million",
                part,
                f"these are {' '.join(sorted(part)) or 'none'}",
            )
    yield from _of_pairs(document["economics"])
    tuned = document["economics"]["tuned"]
    if "residual" not in tuned and "pilot" not in document:
        yield Conflict(
            "/economics/tuned",
            "property 'residual'",
            tuned,
            "add 'residual', the failure rate of the tuned model, which no pilot measures",
        )
    residual = tuned.get("residual")
    if residual and not residual["opt"] <= residual["point"] <= residual["pess"]:
        values = ", ".join(f"{residual[name]:g}" for name in ("opt", "point", "pess"))
        yield Conflict("/economics/tuned/residual", "opt <= point <= pess", residual, f"they are {values}")
    if "calls_per_month" not in document:
        yield Conflict(
            "", "property 'calls_per_month' beside 'economics'", document, "costs are counted by the month"
        )


def _of_pairs(money: dict[str, Any]) -> Iterator[Conflict]:
    """Yield the costs of which only one half is given."""
    pairs = [("/economics", money, "retuning_cost", "retuning_every_months")]
    pairs += [
        (f"/economics/{side}", money[side], "batch_share", "batch_price")
        for side in ("prompt_cost", "tuned_cost")
    ]
    for location, owner, *names in pairs:
        missing = [name for name in names if name not in owner]
        if len(missing) == 1:
            yield Conflict(
                location, f"property {missing[0]!r}", owner, f"{' and '.join(names)} need each other"
            )


def _of_pilot(document: dict[str, Any]) -> Iterator[Conflict]:
    if "pilot" not in document:
        return
    pilot = document["pilot"]
    yield from _too_many("/pilot", pilot, "k_final", pilot["n"], "n")
    if "paired" in pilot:
        yield from _of_two("/pilot/paired", {**pilot["paired"], "n": pilot["n"]}, "b", "c")
    if "content" in pilot:
        yield from _of_two("/pilot/content", pilot["content"], "worse", "better")
    segments = pilot.get("segments", [])
    yield from _of_segments("/pilot/segments", segments, ("prompt_n", "prompt_k"), ("tuned_n", "tuned_k"))
    tuned_n = int(sum(segment["tuned_n"] for segment in segments))
    if tuned_n > pilot["n"]:
        yield Conflict(
            "/pilot/segments",
            f"segments of the pilot's n = {int(pilot['n'])} calls",
            segments,
            f"their tuned_n sum to {tuned_n}",
        )


def _of_segments(
    location: str, segments: list[dict[str, Any]], *counts: tuple[str, str]
) -> Iterator[Conflict]:
    for index, segment in enumerate(segments):
        for n, k in counts:
            yield from _too_many(f"{location}/{index}", segment, k, segment[n], n)
    yield from _twins(location, "name", [segment["name"] for segment in segments])
    shares = fsum(segment["share"] for segment in segments)
    if segments and abs(shares - 1) > _SHARE_ROUNDING:
        yield Conflict(
            location, "shares that sum to 1", segments, f"they sum to {shares:g}: add the segments left out"
        )
