# SPDX-License-Identifier: Apache-2.0
"""What a benchmark has shown, as values.

Rules:
1. The facts of a result are its setup, its calls and its examples; everything else is computed from them, by
   `figures` and `comparisons`, so that no two numbers of a result can disagree.
2. All epochs of a task are one cluster. A rate is the mean over tasks of the share of a task's calls: its `n` counts
   tasks, its `count` is a sum of shares and need not be whole. With one epoch both count calls.
3. Format and content are counted apart. A call without a judged reply is lost, and stands in no rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schema_guard.bench.run.scored_call import CallRow, FailedExample, Format, Setup
    from schema_guard.stats import Rate

Measure: TypeAlias = Literal["format", "content"]
MEASURES: tuple[Measure, ...] = ("format", "content")

# What a call is called that did not fail by a measure, and one that did.
PASSED: Mapping[Measure, str] = {"format": "valid", "content": "right"}
FAILED: Mapping[Measure, str] = {"format": "failed calls", "content": "wrong or failed calls"}


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant over all tasks that it was asked.

    Attributes:
        name: Unique in the result.
        model: Name of the model.
        strategy: As given, `a>b` for an escalation.
        calls: With a judged reply.
        tasks: With a judged reply in at least one epoch: the n of every rate.
        formats: Calls by how they went, the lost ones too.
        clean: Attempt 1 was nothing but valid JSON.
        valid_first_time: Attempt 1 was valid without repair; clean is a part of it.
        repaired: Valid after repair.
        fixed_by_retry: Valid after a retry.
        failed: No attempt was valid. Valid first time, repaired, fixed by retry and failed add up to 1.
        valid: Valid, in any attempt.
        right: Valid, and equal to the gold.
        wrong_valid: Valid, and not equal to the gold.
        invented: Of the tasks whose gold has a null: valid, with another value in its place.
        leaf_share: Mean share of the gold's leaves that are right, 0 without a valid value; its bounds depend on
            the order of the calls, and are None where no one mean fits the whole run.
        attempts: Of all calls, the lost ones too, as in every sum below.
        input_tokens: Over the calls whose tokens are known; None when none are.
        output_tokens: As input_tokens.
        unknown_tokens: Calls whose input or output tokens are unknown.
        cost: Over the calls whose cost is known; None when none is.
        unknown_cost: Calls whose cost is unknown.
        cost_per_valid: Of all calls, for each that gave a valid value; None without prices or such a call.
        cost_per_right: The same for each right value.
        output_tokens_per_valid: As cost_per_valid, in output tokens.
        output_tokens_per_right: As cost_per_right, in output tokens.
        elapsed_p50_s: Median of a call in seconds; None for a model that has no time of its own.
        elapsed_p95_s: 95th percentile of a call.
        tuned: Whether the model is tuned, and was asked as it was trained.
    """

    name: str
    model: str
    strategy: str
    calls: int
    tasks: int
    formats: Mapping[Format, int]
    clean: Rate
    valid_first_time: Rate
    repaired: Rate
    fixed_by_retry: Rate
    failed: Rate
    valid: Rate
    right: Rate
    wrong_valid: Rate
    invented: Rate
    leaf_share: Rate
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    unknown_tokens: int
    cost: float | None
    unknown_cost: int
    cost_per_valid: float | None
    cost_per_right: float | None
    output_tokens_per_valid: float | None
    output_tokens_per_right: float | None
    elapsed_p50_s: float | None
    elapsed_p95_s: float | None
    tuned: bool = False

    @property
    def lost(self) -> int:
        """Calls without a judged reply."""
        return self.formats["lost"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two variants on the tasks that both answered.

    Attributes:
        a: Name of the one variant.
        b: Name of the other.
        measure: What counts as failed: `"format"` no valid value, `"content"` no right one.
        tasks: With a judged reply in both.
        rate_a: A's failure rate on these tasks; None without common tasks.
        rate_b: B's.
        only_a: By how much the share of a task's calls that failed is larger in A, summed over the tasks where it is.
        only_b: The same for B.
        difference: A's failure rate less B's; None without common tasks.
        lower: Lower bound of the difference: the two bounds of one difference hold with 95 %, at every look.
        upper: Its upper bound.
        e_value: Evidence that the two differ, as odds, at most the largest float; 1 without common tasks.
        called: Whether they are called different, all comparisons of the result being considered.
    """

    a: str
    b: str
    measure: Measure
    tasks: int
    rate_a: float | None
    rate_b: float | None
    only_a: float
    only_b: float
    difference: float | None
    lower: float
    upper: float
    e_value: float
    called: bool = False

    @property
    def better(self) -> str | None:
        """The variant that is called better; None when they are not called different."""
        if not self.called:
            return None
        return self.b if self.only_a > self.only_b else self.a


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A run's result.

    Attributes:
        setup: Suite, plan, and settings of the run.
        variants: Their figures, in the order of the setup.
        comparisons: Every two variants, for format and for content.
        calls: In the order of the run.
        examples: A few failed attempts, of as many variants, kinds and schemas as there are.
        not_measured: What the result cannot say, one sentence each.
    """

    setup: Setup
    variants: tuple[VariantResult, ...]
    comparisons: tuple[Compared, ...]
    calls: tuple[CallRow, ...]
    examples: tuple[FailedExample, ...]
    not_measured: tuple[str, ...]

    def _repr_html_(self) -> Any:
        """Return the page for a notebook."""
        from schema_guard.extensions import load  # only notebooks call it

        return load("notebook").as_html(self)
