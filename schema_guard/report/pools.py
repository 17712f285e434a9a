# SPDX-License-Identifier: Apache-2.0
"""Configurations added up: over the functions that use them and the parts of the traffic, or by any of their names."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schema_guard.configuration.early_stop import stops_early, stops_replies
from schema_guard.configuration.traffic import again_of
from schema_guard.records.counts.configurations import (
    C,
    CoercionCount,
    FailureCount,
    Histogram,
    ReplyLengths,
    Total,
    ViolationCount,
    ranked,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from schema_guard.records.counts.configurations import ConfigurationCounts
    from schema_guard.records.rows import Row

__all__ = ["Pool", "pooled"]

_MOST_VIOLATIONS = 10


@dataclass(frozen=True, slots=True)
class Pool:
    """The counts of what has some names in common, added up.

    Attributes:
        members: What is added up, at least one.
    """

    members: tuple[ConfigurationCounts, ...]

    def calls(self, way: str) -> int:
        """Count calls, as the attributes of `ConfigurationCounts` do.

        A call that a router asked again of the prompt, for the tuned model gave no value, is one call with the one before it
        where both are here: what the prompt made of it is what became of it.
        """
        again = self.answered_again
        if not again:
            return sum(getattr(counts, way) for counts in self.members)
        total: int = sum(getattr(counts, way) for counts in self.members if counts not in again)
        saved = sum(counts.calls - counts.failed for counts in again)
        return total + {"fixed_by_retry": saved, "failed": -saved}.get(way, 0)

    @property
    def answered_again(self) -> tuple[ConfigurationCounts, ...]:
        """The members whose calls a router asked again of the prompt; none where the tuned model's own are not here."""
        tuned_names = {f"{counts.model} {counts.version}" for counts in self.members if counts.tuned}
        return tuple(
            counts
            for counts in self.members
            if (again := again_of(counts.settings)) is not None
            and again.why == "fallback"
            and again.after in tuned_names
        )

    def total(self, amount: str) -> Total:
        """Add up what all attempts took."""
        totals: list[Total] = [getattr(sums, amount) for counts in self.members for sums in counts.sums]
        known = [total.known for total in totals if total.known is not None]
        return Total(sum(known) if known else None, sum(total.unknown for total in totals))

    def tokens(self, amount: str) -> int | None:
        """Add up the tokens that are known; None when they are for no attempt."""
        known = self.total(amount).known
        return None if known is None else int(known)

    @property
    def attempts(self) -> int:
        """All of them, transport failures included."""
        return sum(sums.attempts for counts in self.members for sums in counts.sums)

    @property
    def failures(self) -> tuple[FailureCount, ...]:
        """Of all attempts, most frequent first."""
        return _added(FailureCount, (counts.failures for counts in self.members))

    @property
    def violations(self) -> tuple[ViolationCount, ...]:
        """The ten that most attempts have."""
        return _added(ViolationCount, (counts.violations for counts in self.members))[:_MOST_VIOLATIONS]

    @property
    def coercions(self) -> tuple[CoercionCount, ...]:
        """The ten that most replies have; those that may change the meaning of a value first."""
        added = _added(CoercionCount, (counts.coercions for counts in self.members))
        return tuple(sorted(added, key=_is_harmless))[:_MOST_VIOLATIONS]

    @property
    def attempt_latency(self) -> Histogram:
        """Of all attempts, transport failures included."""
        return Histogram.together(counts.attempt_latency for counts in self.members)

    @property
    def lengths(self) -> ReplyLengths:
        """Of judged replies, of configurations that stop some of theirs before their end."""
        several = [counts.lengths for counts in self.members]
        return ReplyLengths(*map(Histogram.together, zip(*several, strict=True)))

    @property
    def stops_early(self) -> bool | None:
        """Whether replies are stopped early; None where those of some members are, and those of others are not."""
        answers = {stops_early(counts.settings) for counts in self.members}
        return answers.pop() if len(answers) == 1 else None

    @property
    def stops_replies(self) -> bool:
        """Whether replies of a member are stopped before their end, early or where they repeat themselves."""
        return any(stops_replies(counts.settings) for counts in self.members)


def pooled(counted: Iterable[ConfigurationCounts], by: Collection[str]) -> list[Pool]:
    """Put together what has the same names, in their order.

    Args:
        counted: What is put together.
        by: Names of `CONFIGURATION_COLUMNS`.
    """
    groups: dict[Row, list[ConfigurationCounts]] = defaultdict(list)
    for counts in counted:
        groups[tuple(getattr(counts, name) for name in by)].append(counts)
    return [Pool(tuple(groups[names])) for names in sorted(groups, key=_order)]


def _order(names: Row) -> list[tuple[bool, Any]]:
    return [(name is not None, str(name or "")) for name in names]


def _is_harmless(coercion: CoercionCount) -> bool:
    """Return whether a coercion keeps the meaning of a value. A number as a date, or a boolean as a number, may not."""
    before, _, after = coercion.change.partition(" -> ")
    from_number = before in ("number", "integer") and after in ("date", "date-time", "time", "duration")
    return not (from_number or (before == "boolean") is not (after == "boolean"))


def _added(kind: type[C], several: Iterable[tuple[C, ...]]) -> tuple[C, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for counted in several:
        for first, second, attempts in counted:
            counts[first, second] += attempts
    return ranked(kind(*pair, attempts) for pair, attempts in counts.items())
