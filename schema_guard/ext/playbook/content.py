# SPDX-License-Identifier: Apache-2.0
"""The values of a trial: how many are right, or occur in the input, before and after enforcement.

Rules: with known answers, the share of an answer's leaves that are right counts, and a call without a valid value has none.
Without them, the share of a valid value's leaves that occur in the input counts. It compares strategies, and proves nothing
about one value. A difference is that of two strategies on the same inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.scoring import score, unanswered
from schema_guard.decide.playbook import DECISION, ENFORCING
from schema_guard.decide.recorded.comparisons import values_beside
from schema_guard.ext.right.grounding import Source, ground
from schema_guard.stats import Bounds, gap_bounds, mean_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schema_guard.bench.suites.scoring import Score
    from schema_guard.ext.playbook.calls import StepCalls
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.values import Outcome


def values_compared(steps: Sequence[StepCalls], inputs: Inputs, alpha: float) -> dict[str, Any] | None:
    """Compare the latest step that enforces the schema with the best one that does not, on the inputs of both.

    Args:
        steps: The steps with data, in order.
        inputs: The inputs, and their known answers.
        alpha: The probability that the difference is ever outside of its bounds.

    Returns:
        The `values` of evidence. None without two such steps, or without a value to compare.
    """
    after = next((one for one in reversed(steps) if one.step in ENFORCING), None)
    free = [one for one in steps if one.configuration.strategy not in ENFORCING]
    before = min(free, key=lambda one: one.k / one.n, default=None)
    if before is None or after is None:
        return None
    common = [task for task in after.outcomes if task in before.outcomes]
    both = [
        (_share(before.outcomes[task], task, inputs), _share(after.outcomes[task], task, inputs))
        for task in common
    ]
    pairs = [(first, second) for first, second in both if first is not None and second is not None]
    if not pairs:
        return None
    bounds = gap_bounds([second - first for first, second in pairs], alpha=alpha)
    shares = [
        _mean(one.strategy, values, alpha)
        for one, values in zip((before, after), zip(*pairs, strict=True), strict=True)
    ]
    return {
        "measure": "right" if inputs.answers else "grounded",
        "n": len(pairs),
        "before": shares[0],
        "after": shares[1],
        "lower": bounds.lower,
        "upper": bounds.upper,
    }


def wrong_shares(step: StepCalls, inputs: Inputs) -> dict[str, float]:
    """Return the share of wrong values of each task with a known answer. A call without a valid value has the share 1."""
    return {task: 1 - scored.share for task, scored in _scores(step, inputs).items()}


def wrong_calls(step: StepCalls, inputs: Inputs) -> dict[str, tuple[float, tuple[str, ...]]]:
    """Return the share and the places of the wrong values of each call with a known answer, by its id."""
    return {
        step.outcomes[task].call.id: (1 - scored.share, scored.wrong)
        for task, scored in _scores(step, inputs).items()
    }


def _scores(step: StepCalls, inputs: Inputs) -> dict[str, Score]:
    answers = inputs.answers
    return {
        task: score(outcome.value, answers[task].gold, answers[task].match)
        if outcome.ok
        else unanswered(answers[task].gold)
        for task, outcome in step.outcomes.items()
        if task in answers
    }


def right_values(step: StepCalls, steps: Sequence[StepCalls], inputs: Inputs) -> dict[str, Any]:
    """Return how many values of a step are right, as its evidence, and those of a decision model beside a prompt's."""
    wrong = {one.strategy: wrong_shares(one, inputs) for one in steps}
    own = wrong[step.strategy]
    if not own:
        return {}
    evidence: dict[str, Any] = {"right": {"n": len(own), "k": sum(share > 0 for share in own.values())}}
    if step.step == DECISION:
        prompts = {one.strategy: wrong[one.strategy] for one in steps if one.step != DECISION}
        content = values_beside(own, prompts)
        evidence |= {} if content is None else {"content": content}
    return evidence


def _share(outcome: Outcome[Any], task: str, inputs: Inputs) -> float | None:
    """Return the share of a call's values that are right, or occur in its input. None if it has none to look for."""
    if task in inputs.answers:
        known = inputs.answers[task]
        return score(outcome.value, known.gold, known.match).share if outcome.ok else 0.0
    if inputs.answers or not outcome.ok:
        return None
    return ground(outcome.value, Source(task), schema=inputs.schema).share


def _mean(strategy: str, values: Sequence[float], alpha: float) -> dict[str, Any]:
    # None: no one mean fits all of the values.
    bounds, mean = mean_bounds(values, alpha=alpha) or Bounds(0, 1), sum(values) / len(values)
    return {
        "id": strategy,
        "share": mean,
        # Bounds that hold at any time can exclude the last mean, and are still valid if they are wider.
        "lower": min(bounds.lower, mean),
        "upper": max(bounds.upper, mean),
    }
