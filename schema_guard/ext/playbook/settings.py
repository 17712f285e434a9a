# SPDX-License-Identifier: Apache-2.0
"""The settings and the budget of a playbook run. They are validated when they are created."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.concurrency import AT_ONCE
from schema_guard.decide.playbook import STEPS
from schema_guard.errors import InvalidArgument
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schema_guard.configuration.layout import Layout

# What a playbook run measures or is told by its own settings.
_OURS = ("strategies", "schemas", "pilot", "segments", "current", "ladder", "comparisons")


class PlaybookBudget(NamedTuple):
    """What a playbook run may spend; None is no bound. Looked at before each call: calls that run are not cut short.

    Attributes:
        calls: That are begun, over all steps.
        elapsed_s: Seconds from the first call.
    """

    calls: int | None = None
    elapsed_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookSettings:
    """How to try a fix.

    Attributes:
        target: The failure rate that is good enough, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        first: The step to begin with.
        declined: Step -> why it is not tried.
        extra: Keys of the evidence that no playbook run can measure: `economics feasibility calls_per_month latency content`
            and more of `config`.
        output_tokens: Output limit of an attempt, >= 1; `raise_max_output_tokens` doubles it. None sends no limit.
        options: The provider's own arguments of every request, such as `{"temperature": 0.7}`.
        budget: What may be spent.
        function: Whose fixes are measured, as records name it; None for the only function of the schema.
        layout: Of the prompts, the same as in the calls of the function.
        priority: The function of the store that has half of alpha; None gives all functions equal parts.
        filters: The filters of the function's recorded calls: `segment`, `since`, and `until`, as `gather` takes them.
        concurrency: Calls at once, >= 1; as many as this less one may be begun in vain when a step stops.
        target_source: The source of the target, such as an option; empty if nobody says.
        repeated: Options of the command line, without their dashes, that every printed command repeats.
    """

    target: float = 0.01
    alpha: float = 0.05
    first: str = "system_prompt"
    declined: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    output_tokens: int | None = 256
    options: Mapping[str, Any] = field(default_factory=dict)
    budget: PlaybookBudget = field(default_factory=PlaybookBudget)
    function: str | None = None
    layout: Layout = "turns"
    priority: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    concurrency: int = AT_ONCE
    repeated: Mapping[str, Any] = field(default_factory=dict)
    target_source: str = ""

    def __post_init__(self) -> None:
        _require_steps([self.first, *self.declined])
        for name, reason in self.declined.items():
            if not reason.strip():
                raise InvalidArgument(f"declined[{name!r}]: expected a reason, got a blank text")
        for key in self.extra:
            if key in _OURS:
                raise InvalidArgument(
                    f"extra[{key!r}]: expected what no playbook can measure: leave it out, or decide on a file"
                )
        if (self.output_tokens is not None and self.output_tokens < 1) or self.concurrency < 1:
            raise InvalidArgument(
                f"output_tokens={self.output_tokens}, concurrency={self.concurrency}: expected ints >= 1"
            )
        _require_positive(self.budget)


def _require_steps(names: Iterable[str]) -> None:
    for name in names:
        if name not in STEPS:
            raise InvalidArgument(
                f"step {clip(repr(name))}: expected one of {', '.join(STEPS)}{did_you_mean(name, STEPS)}"
            )


def _require_positive(budget: PlaybookBudget) -> None:
    for name, bound in budget._asdict().items():
        if bound is not None and bound <= 0:
            raise InvalidArgument(f"budget.{name}={bound}: expected a number > 0, or None for no bound")
