# SPDX-License-Identifier: Apache-2.0
"""The settings of a playbook run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schema_guard.bench.run.concurrency import AT_ONCE
from schema_guard.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.configuration.prompt import Layout

# What a playbook run measures or is told by its own settings.
_OURS = ("strategies", "schemas", "pilot", "segments", "current", "ladder", "comparisons")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookSettings:
    """How to try a fix.

    Attributes:
        target: The failure rate that is good enough, in (0, 1).
        alpha: Probability that any verdict is wrong, in (0, 1).
        first: The step to begin with.
        baseline: The step that is measured before the first one, on the same inputs. None measures nothing before it.
        declined: Step -> why it is not tried.
        extra: Keys of the evidence that no playbook run can measure: `economics feasibility calls_per_month latency content`
            and more of `config`.
        output_tokens: Output limit of an attempt, >= 1; `raise_max_output_tokens` doubles it. None sends no limit.
        options: The provider's own arguments of every request, such as `{"temperature": 0.7}`.
        max_calls: Calls to begin, over all steps. None is no limit.
        max_seconds: Seconds after which no call begins. None is no limit.
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
    baseline: str | None = None
    declined: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    output_tokens: int | None = 256
    options: Mapping[str, Any] = field(default_factory=dict)
    max_calls: int | None = None
    max_seconds: float | None = None
    function: str | None = None
    layout: Layout = "turns"
    priority: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    concurrency: int = AT_ONCE
    repeated: Mapping[str, Any] = field(default_factory=dict)
    target_source: str = ""

    def __post_init__(self) -> None:
        for key in self.extra:
            if key in _OURS:
                raise InvalidArgument(
                    f"extra[{key!r}]: the playbook measures this fact. Remove it, or use `decide` with a JSON file"
                )
