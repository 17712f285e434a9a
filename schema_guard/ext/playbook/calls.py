# SPDX-License-Identifier: Apache-2.0
"""The calls of one step: made one by one, counted, and compared with those of the best step before it.

Rules:
1. A call counts if one of its replies was validated. An exception is part of the result, and is never raised. A mean is
   over the calls with a known figure, and None without one.
2. With known answers, the share of an answer's leaves that are right counts, and a call without a valid value has none.
   Without them, the share of a valid value's leaves that occur in the input counts. It compares strategies, and proves
   nothing about one value. A difference is that of two strategies on the same inputs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.bench.suites.scoring import score, unanswered
from schema_guard.decide.playbook import DECISION, ENFORCING
from schema_guard.decide.recorded.comparisons import values_beside
from schema_guard.errors import CallFailed
from schema_guard.ext.playbook.result import StepResult
from schema_guard.ext.right.grounding import Source, ground
from schema_guard.records.counts.calls import PART
from schema_guard.stats import Bounds, gap_bounds, mean_bounds
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from schema_guard.bench.suites.scoring import Score
    from schema_guard.ext.playbook.inputs import Inputs
    from schema_guard.ext.playbook.steps import StepConfiguration
    from schema_guard.values import Attempt, Outcome

    Ask: TypeAlias = Callable[[str], Awaitable[Outcome[Any]]]


# HTTP statuses of a refused request, which would be refused again.
_REFUSED = (400, 422)


@dataclass(frozen=True, slots=True)
class PlaybookCall:
    """One call of a playbook run.

    Attributes:
        step: Name of the step.
        strategy: Id of its configuration.
        task: Text of the task.
        outcome: All attempts; None if the call raised.
        error: Text of the exception; None without one.
        refused: Whether the provider refused the request itself.
    """

    step: str
    strategy: str
    task: str
    outcome: Outcome[Any] | None
    error: str | None = None
    refused: bool = False


async def ask_task(calls: StepCalls, task: str, ask: Ask) -> PlaybookCall:
    """Call the function for one task. An exception becomes part of the result."""
    try:
        return PlaybookCall(calls.step, calls.strategy, task, await ask(task))
    except CallFailed as error:
        return PlaybookCall(calls.step, calls.strategy, task, error.outcome, clip(str(error)))
    except Exception as error:  # noqa: BLE001 - whatever an SDK raises must not lose what was measured
        words = f"{type(error).__name__}: {clip(str(error))}"
        refused = getattr(error, "status_code", None) in _REFUSED
        return PlaybookCall(calls.step, calls.strategy, task, None, words, refused)


def judged(outcome: Outcome[Any]) -> list[Attempt]:
    """Return the attempts with a validated reply. A call that breaks off after one is failed, not lost."""
    return [a for a in outcome.attempts if a.failure is None or a.failure.kind != "transport"]


@dataclass(eq=False)
class StepCalls:
    """A step in progress: its calls with a validated reply, by task, in the order of the inputs.

    Attributes:
        step: Name of the step.
        configuration: Its configuration.
        strategy: The id of the configuration.
        best: The best step before it; None for the first.
        sent: Settings that are sent with each task, by the names of the evidence.
        guard: The line of `guard` that sends its prompts.
        outcomes: Task -> all attempts.
        k: Number of calls without a valid reply.
        lost: Number of calls without a validated reply.
        stopped: Why it ended; empty while it runs.
    """

    step: str
    configuration: StepConfiguration
    strategy: str
    best: StepCalls | None
    sent: Mapping[str, Any]
    guard: str = ""
    outcomes: dict[str, Outcome[Any]] = field(default_factory=dict)
    k: int = 0
    lost: int = 0
    stopped: str = ""

    @property
    def n(self) -> int:
        """Number of calls with a validated reply."""
        return len(self.outcomes)

    def add(self, task: str, outcome: Outcome[Any]) -> None:
        """Add a call to the counts."""
        self.outcomes[task] = outcome
        self.k += not outcome.ok

    def counted(self, what: str) -> dict[str, int]:
        """Count the failed calls by the `kind` or `code` of their last failure."""
        last = [judged(outcome)[-1].failure for outcome in self.outcomes.values() if not outcome.ok]
        return dict(Counter(getattr(failure, what) for failure in last if failure is not None))

    def attempts(self) -> tuple[tuple[int, int], ...]:
        """Count the calls that reached attempt 1, 2, ... and those that failed in it."""
        calls = [
            [one for one in judged(outcome) if one.failure is None or one.failure.code != PART]
            for outcome in self.outcomes.values()
        ]
        reached = [
            [call[index] for call in calls if len(call) > index]
            for index in range(max(map(len, calls), default=0))
        ]
        return tuple((len(attempts), sum(a.failure is not None for a in attempts)) for attempts in reached)

    def as_evidence(self) -> dict[str, Any]:
        """Return the counts in the form that `decide` takes."""
        return {
            "id": self.strategy,
            "rung": self.step,
            "n": self.n,
            "k_final": self.k,
            "attempts": [list(pair) for pair in self.attempts()],
            "failure_kinds": self.counted("kind"),
            "failure_codes": self.counted("code"),
            "sent": dict(self.sent),
            "guard": self.guard,
            "trial": {name: _sum(self, read) for name, read in _FIGURES.items()},
        }

    def pairs(self) -> dict[str, Any] | None:
        """Count the inputs of both this step and the best one before it; None without any.

        `b` counts those on which only the step before failed, and `c` those on which only this one failed.
        """
        return None if self.best is None else pairs_with(self, self.best)

    def result(self, ended: str) -> StepResult:
        """Return the result of the step. *ended* is the reason for its end if it was still running."""
        return StepResult(
            step=self.step,
            strategy=self.strategy,
            n=self.n,
            k=self.k,
            stopped=self.stopped or f"{ended} after {self.n}",
            attempts=self.attempts(),
            failure_kinds=self.counted("kind"),
            lost=self.lost,
            input_tokens=_mean(self, "input_tokens"),
            output_tokens=_mean(self, "output_tokens"),
            elapsed_s=_mean(self, "seconds"),
        )


def pairs_with(after: StepCalls, before: StepCalls) -> dict[str, Any] | None:
    """Count the inputs of two steps, as `StepCalls.pairs` does."""
    common = [task for task in after.outcomes if task in before.outcomes]
    if not common:
        return None
    both = [(before.outcomes[task].ok, after.outcomes[task].ok) for task in common]
    counts = {"n": len(both), "b": both.count((False, True)), "c": both.count((True, False))}
    return {"before": before.strategy, "after": after.strategy, **counts}


_FIGURES: dict[str, Callable[[Outcome[Any]], float | None]] = {
    "input_tokens": lambda outcome: outcome.usage.input_tokens,
    "output_tokens": lambda outcome: outcome.usage.output_tokens,
    "seconds": lambda outcome: outcome.elapsed_s,
    "dollars": lambda outcome: outcome.cost,
}


def _mean(calls: StepCalls, name: str) -> float | None:
    known = [value for value in map(_FIGURES[name], calls.outcomes.values()) if value is not None]
    return sum(known) / len(known) if known else None


def _sum(calls: StepCalls, read: Callable[[Outcome[Any]], float | None]) -> float | None:
    """Return the sum over all calls, or None if a value is unknown or a call was lost."""
    values = [read(outcome) for outcome in calls.outcomes.values()]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) and not calls.lost else None


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
        _mean_share(one.strategy, values, alpha)
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
    """Return the right values of a step as evidence, and compare those of a decision model with a prompt's."""
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


def _mean_share(strategy: str, values: Sequence[float], alpha: float) -> dict[str, Any]:
    # None: no one mean fits all of the values.
    bounds, mean = mean_bounds(values, alpha=alpha) or Bounds(0, 1), sum(values) / len(values)
    return {
        "id": strategy,
        "share": mean,
        # Bounds that hold at any time can exclude the last mean, and are still valid if they are wider.
        "lower": min(bounds.lower, mean),
        "upper": max(bounds.upper, mean),
    }
