# SPDX-License-Identifier: Apache-2.0
"""The calls of one step: asked one by one, counted, and compared with those of the best step before it.

Rules: a call counts when a reply of it was judged; an exception is told, never raised; a mean is over the calls of
which the figure is known, and None when it is known of none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from schema_guard.errors import CallFailed
from schema_guard.ext.playbook.result import StepResult
from schema_guard.records.counts.calls import PART
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from schema_guard.ext.playbook.steps import StepConfiguration
    from schema_guard.values import Attempt, Outcome

    Ask: TypeAlias = Callable[[str], Awaitable[Outcome[Any]]]

# HTTP: the request itself is refused, and would be so again.
_REFUSED = (400, 422)


@dataclass(frozen=True, slots=True)
class PlaybookCall:
    """One call of a playbook run.

    Attributes:
        step: Which step.
        strategy: How it was asked.
        task: What was asked.
        outcome: All attempts; None when the call raised.
        error: The words of the exception; None when there was none.
        refused: Whether the provider refused the request itself.
    """

    step: str
    strategy: str
    task: str
    outcome: Outcome[Any] | None
    error: str | None = None
    refused: bool = False


async def ask_task(calls: StepCalls, task: str, ask: Ask) -> PlaybookCall:
    """Ask one task; an exception becomes a part of what is given."""
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
    """A step under way: its calls with a judged reply, by task, in the order of the inputs.

    Attributes:
        step: Its name.
        configuration: How it is asked.
        strategy: The id of the configuration.
        best: The best step before it; None for the first.
        sent: What is sent with each task, by the names of the evidence.
        guard: The line of `guard` that sends its prompts.
        outcomes: Task -> all attempts.
        k: Calls without a valid reply.
        lost: Calls without a judged one.
        stopped: Why it ended; empty while it has not.
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
        """Calls with a judged reply."""
        return len(self.outcomes)

    def add(self, task: str, outcome: Outcome[Any]) -> None:
        """Count a call in."""
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
        """Return what was counted as `decide` takes it."""
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
        """Count the inputs that this step and the best one before it were both asked; None without any.

        `b` counts those on which only the step before failed, and `c` those on which only this one failed.
        """
        return None if self.best is None else pairs_with(self, self.best)

    def result(self, ended: str) -> StepResult:
        """Return the result of the step; *ended* is the reason of the end for a step that was under way then."""
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
    """Add up over all calls; None if one is not known, or was lost."""
    values = [read(outcome) for outcome in calls.outcomes.values()]
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) and not calls.lost else None
