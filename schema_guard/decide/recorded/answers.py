# SPDX-License-Identifier: Apache-2.0
"""How often what was recorded is right, from the known answers of a benchmark: no store knows what is right.

Rules: a variant of the benchmark is the trial that was asked in its way, of its model where several were asked so; it
counts where no more answers are known than calls were recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schema_guard.decide.recorded.configurations import is_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration

    Answers = Sequence[Mapping[str, Any]]


def right_of(configuration: RecordedConfiguration, answers: Answers) -> dict[str, int] | None:
    """Give how many answers of a prompted trial are known, and how many of them it missed; None where none is."""
    if not is_trial(configuration.first):
        return None
    own = _of(configuration, [answer for answer in answers if not answer["tuned"]])
    return None if own is None or own["n"] > configuration.n else _missed(own)


def piloted(
    pilot: dict[str, Any], best: RecordedConfiguration, newest: RecordedConfiguration, answers: Answers
) -> dict[str, Any]:
    """Give a pilot with what is known of its answers, and of those of the best prompt beside them."""
    tuned_answers = [answer for answer in answers if answer["tuned"] and answer["n"] <= newest.n]
    if not tuned_answers:
        return pilot
    own = tuned_answers[-1]
    beside = _of(best, own["beside"])
    content = {} if beside is None else {name: beside[name] for name in ("n", "worse", "better")}
    return {**pilot, "right": _missed(own), **({"content": content} if content.get("n") else {})}


def _missed(counts: Mapping[str, Any]) -> dict[str, int]:
    return {"n": counts["n"], "k": counts["n"] - counts["right"]}


def _of(configuration: RecordedConfiguration, answers: Answers) -> Mapping[str, Any] | None:
    """Give the answers that are a configuration's."""
    matching = [answer for answer in answers if answer["strategy"] == configuration.first.strategies]
    named = [answer for answer in matching if answer["model"] == configuration.first.model]
    (match,) = named or matching if len(named or matching) == 1 else (None,)
    return match


def use_known_answers(evidence: dict[str, Any], current: str) -> None:
    """Take known answers, which are of what is in use, as what is known of how often it is right."""
    content = evidence.get("content")
    if not isinstance(content, Mapping):
        return
    n, right = content.get("n"), content.get("right")
    for strategy in evidence["strategies"]:
        if (
            strategy["id"] == current
            and isinstance(n, int)
            and isinstance(right, int)
            and right <= n <= strategy["n"]
        ):
            strategy["right"] = {"n": n, "k": n - right}
