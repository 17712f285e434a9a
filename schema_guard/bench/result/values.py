# SPDX-License-Identifier: Apache-2.0
"""The result of a benchmark, as values.

Rules:
1. The facts of a result are its setup, its calls, and its examples. `figures` and `comparisons` compute everything that
   follows from them, so that no two numbers of a result can disagree.
2. All epochs of a task are one cluster. A rate is the mean over tasks of the share of a task's calls. Its `n` counts
   tasks. Its `count` is a sum of shares, which may not be whole. With one epoch, both count calls.
3. Format and content are counted separately. A call without a validated reply is lost and counts in no rate.
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

# Names of the calls that passed by a measure, and of those that failed.
PASSED: Mapping[Measure, str] = {"format": "valid", "content": "right"}
FAILED: Mapping[Measure, str] = {"format": "failed calls", "content": "wrong or failed calls"}


@dataclass(frozen=True, slots=True)
class VariantResult:
    """One variant over all tasks that it ran on.

    Attributes:
        name: Name, unique in the result.
        model: Name of the model.
        strategy: Strategy, or an escalation such as `a>b`.
        calls: Number of calls with a validated reply.
        tasks: Number of tasks with a validated reply in at least one epoch, which is the n of every rate except
            `invented`.
        formats: Number of calls by format, including lost calls.
        clean: Rate of calls whose attempt 1 was valid JSON without other text.
        valid_first_time: Rate of calls whose attempt 1 was valid without repair, which includes clean calls.
        repaired: Rate of calls that were valid after repair.
        fixed_by_retry: Rate of calls that were valid after a retry.
        failed: Rate of calls without a valid attempt. Valid first time, repaired, fixed by retry, and failed add up to
            1.
        valid: Rate of calls with a valid value, in any attempt.
        right: Rate of calls with a valid value that equals the gold.
        wrong_valid: Rate of calls with a valid value that does not equal the gold.
        invented: Rate of calls with a valid value that has another value in the place of a null of the gold. Only tasks
            whose gold has a null count.
        leaf_share: Mean share of the gold's leaves that are right, 0 without a valid value. Its bounds depend on the
            order of the calls, and are None if no single mean fits the whole run.
        attempts: Number of attempts of all calls. Like all sums below, it includes lost calls.
        input_tokens: Sum over the calls whose tokens are known. None if none are.
        output_tokens: As input_tokens.
        unknown_tokens: Number of calls whose input or output tokens are unknown.
        cost: Sum over the calls whose cost is known. None if none is.
        unknown_cost: Number of calls whose cost is unknown.
        cost_per_valid: Cost of all calls per call with a valid value. None without prices or such a call.
        cost_per_right: Cost of all calls per call with a right value. None without prices or such a call.
        output_tokens_per_valid: As cost_per_valid, in output tokens.
        output_tokens_per_right: As cost_per_right, in output tokens.
        elapsed_p50_s: Median duration of a call in seconds. None if no call has a measured time.
        elapsed_p95_s: 95th percentile of the duration of a call in seconds. None if no call has a measured time.
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
        """Number of calls without a validated reply."""
        return self.formats["lost"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two variants on the tasks that both answered.

    Attributes:
        a: Name of the first variant.
        b: Name of the second variant.
        measure: The calls that count as failed: `"format"` for no valid value, `"content"` for no right one.
        tasks: Number of tasks with a validated reply in both.
        rate_a: A's failure rate on these tasks. None without common tasks.
        rate_b: B's failure rate on these tasks. None without common tasks.
        only_a: Sum over the tasks that failed more often in A of the difference of their shares of failed calls.
        only_b: The same sum for B.
        difference: A's failure rate minus B's. None without common tasks.
        lower: Lower bound of the difference. With 95% confidence by default, both bounds are correct, at any time.
        upper: Upper bound of the difference.
        e_value: Evidence that the two differ, as odds, at most the largest float. 1 without common tasks.
        called: Whether they are called different, decided over all comparisons of the result together.
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
        """The variant that is called better. None if the two are not called different."""
        if not self.called:
            return None
        return self.b if self.only_a > self.only_b else self.a


@dataclass(frozen=True, slots=True)
class BenchResult:
    """A run's result.

    Attributes:
        setup: Suite, plan, and settings of the run.
        variants: Figures of the variants, in the order of the setup.
        comparisons: Comparisons of every two variants, for format and for content.
        calls: Calls in the order of the run.
        examples: A few failed attempts, of as many kinds, variants, and schemas as possible.
        not_measured: Sentences about the figures that were not measured, and why.
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
