# SPDX-License-Identifier: Apache-2.0
"""The counts of right answers in results, in the form that `decide` takes. A store doesn't have known answers.

Rules: A task counts once, and as right only if every call of it is right. Calls without a validated reply do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.bench.result.comparisons import clusters_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.bench.result.comparisons import TaskKey
    from schema_guard.bench.result.values import BenchResult, VariantResult


def known_answers(results: Iterable[BenchResult]) -> list[dict[str, Any]]:
    """Count the right answers of each variant, and compare a tuned model with each prompt.

    Args:
        results: Results of one suite. Tasks with the same name are the same task in all of them.

    Returns:
        `strategy model tuned n right` of each variant. A tuned model also has `beside`, with `strategy model n worse
        better` for each prompt. `worse` and `better` count the tasks that only the prompt, or only the tuned model, got
        right.
    """
    variants = [pair for result in results for pair in _variants(result)]
    prompts = [(variant, right) for variant, right in variants if not variant.tuned]
    return [
        {
            **_names(variant),
            "tuned": variant.tuned,
            "n": len(own),
            "right": sum(own.values()),
            **(
                {"beside": [{**_names(other), **_paired(right, own)} for other, right in prompts]}
                if variant.tuned
                else {}
            ),
        }
        for variant, own in variants
    ]


def teacher_lines(results: Iterable[BenchResult]) -> list[str]:
    """Return a line for each result whose known answers are a model's, so that nobody takes agreement for rightness."""
    return [
        f"shares of right values from {result.setup.suite} are agreement with the teacher, because a model answered "
        f"{result.setup.teacher} test rows"
        for result in results
        if result.setup.teacher is not None
    ]


def _variants(result: BenchResult) -> Iterable[tuple[VariantResult, dict[TaskKey, bool]]]:
    """Yield each variant with its tasks, and whether they were right."""
    for index, variant in enumerate(result.variants):
        clusters = clusters_of(call for call in result.calls if call.variant == index)
        yield variant, {task: all(call.right for call in calls) for task, calls in clusters.items()}


def _names(variant: VariantResult) -> dict[str, str]:
    return {"strategy": variant.strategy, "model": variant.model}


def _paired(prompt: dict[TaskKey, bool], tuned: dict[TaskKey, bool]) -> dict[str, int]:
    both = [(prompt[task], tuned[task]) for task in tuned if task in prompt]
    return {"n": len(both), "worse": both.count((True, False)), "better": both.count((False, True))}
