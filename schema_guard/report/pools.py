# SPDX-License-Identifier: Apache-2.0
"""Configurations added up: over the functions that use them and the parts of the traffic, or by any of their names."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.decide.recorded.configurations import in_place_of
from schema_guard.records.counts.rollups import add_counts
from schema_guard.records.counts.tallies import counts_of, together

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from schema_guard.records.counts.configurations import AttemptSums, ConfigurationCounts, Total
    from schema_guard.records.rows import Row


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


def answered_again(members: Sequence[ConfigurationCounts]) -> tuple[ConfigurationCounts, ...]:
    """Return the configurations whose calls a router sent to the prompt after a tuned model that is among the members."""
    return in_place_of((one for one in members if one.tuned), members)


def pooled(
    counted: Iterable[ConfigurationCounts], by: Collection[str]
) -> dict[Row, tuple[ConfigurationCounts, ...]]:
    """Return the configurations that have the same names, by these names and in their order.

    Args:
        counted: The configurations.
        by: Names of `CONFIGURATION_COLUMNS`.
    """
    groups: dict[Row, list[ConfigurationCounts]] = defaultdict(list)
    for counts in counted:
        groups[tuple(getattr(counts, name) for name in by)].append(counts)
    return {names: tuple(groups[names]) for names in sorted(groups, key=_order)}


def _order(names: Row) -> list[tuple[bool, Any]]:
    return [(name is not None, str(name or "")) for name in names]


class AskedModel(NamedTuple):
    """The attempts that called one model.

    Attributes:
        model: Name of the model.
        attempts: All attempts, including transport failures.
        failed: Attempts whose reply was validated and failed.
        input_tokens: Sum over all attempts with known usage. None if there are none.
        output_tokens: As `input_tokens`.
    """

    model: str
    attempts: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None


def asked_models(counts: ConfigurationCounts) -> tuple[AskedModel, ...]:
    """Return the attempts of each model of an escalation, or nothing for calls that use one model.

    The number of an attempt shows which model it called. If the models that the replies name contradict this, as after
    retries inside your function, the result is empty too.
    """
    asked = (counts.model or "").split(">")
    if len(asked) == 1:
        return ()
    judged: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    sums: dict[str, list[AttemptSums]] = {name: [] for name in asked}
    named: Counter[str] = Counter()
    for each in counts.sums:
        sums[_model(asked, each.number)].append(each)
    for number, (replies, failures) in enumerate(counts.attempts, start=1):
        judged[_model(asked, number)] += replies
        failed[_model(asked, number)] += failures
    for model in counts.models:
        named[model.model] += model.attempts
    if any(named[name] > judged[name] for name in sums):
        return ()
    return tuple(
        AskedModel(
            name,
            sum(one.attempts for one in each),
            failed[name],
            _known(one.input_tokens for one in each),
            _known(one.output_tokens for one in each),
        )
        for name, each in sums.items()
    )


def _model(asked: list[str], number: int) -> str:
    return asked[min(max(number, 1), len(asked)) - 1]


def _known(totals: Iterable[Total]) -> int | None:
    known = [int(total.known) for total in totals if total.known is not None]
    return sum(known) if known else None
