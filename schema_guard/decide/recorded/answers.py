# SPDX-License-Identifier: Apache-2.0
"""How often what was recorded is right, from the known answers of a benchmark: no store knows what is right.

Rules: a variant of the benchmark is the trial that was asked in its way, of its model where several were asked so; it
counts where no more answers are known than calls were recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.decide.recorded.configurations import is_trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schema_guard.decide.recorded.configurations import RecordedConfiguration

    Answers = Sequence[Mapping[str, Any]]


def right_of(configuration: RecordedConfiguration, answers: Answers) -> dict[str, int] | None:
    """Give how many answers of a prompted trial are known, and how many of them it missed; None where none is."""
    if not is_trial(configuration.first):
        return None
    found = _of(configuration, [one for one in answers if not one["tuned"]])
    return None if found is None or found["n"] > configuration.n else _missed(found)


def piloted(
    pilot: dict[str, Any], best: RecordedConfiguration, newest: RecordedConfiguration, answers: Answers
) -> dict[str, Any]:
    """Give a pilot with what is known of its answers, and of those of the best prompt beside them."""
    found = [one for one in answers if one["tuned"] and one["n"] <= newest.n]
    if not found:
        return pilot
    own = found[-1]
    beside = _of(best, own["beside"])
    content = {} if beside is None else {name: beside[name] for name in ("n", "worse", "better")}
    return {**pilot, "right": _missed(own), **({"content": content} if content.get("n") else {})}


def _missed(found: Mapping[str, Any]) -> dict[str, int]:
    return {"n": found["n"], "k": found["n"] - found["right"]}


def _of(configuration: RecordedConfiguration, answers: Answers) -> Mapping[str, Any] | None:
    """Give the answers that are a configuration's."""
    asked = [one for one in answers if one["strategy"] == configuration.first.strategies]
    named = [one for one in asked if one["model"] == configuration.first.model]
    (found,) = named or asked if len(named or asked) == 1 else (None,)
    return found
