# SPDX-License-Identifier: Apache-2.0
"""The attempts of an escalation (`models=[...]`), each assigned to the model that it asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.records.counts.configurations import AttemptSums, ConfigurationCounts, Total

__all__ = ["AskedModel", "asked_models"]


class AskedModel(NamedTuple):
    """The attempts that asked one model.

    Attributes:
        model: Its name.
        attempts: All of them, transport failures included.
        failed: Those whose reply was validated and failed.
        input_tokens: Over all attempts whose usage is known. None if none is.
        output_tokens: As input_tokens.
    """

    model: str
    attempts: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None


def asked_models(counts: ConfigurationCounts) -> tuple[AskedModel, ...]:
    """Return the attempts of each model of an escalation; nothing for calls that ask one model.

    The number of an attempt says which model it asked. If the models that the replies name contradict this, as after
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
