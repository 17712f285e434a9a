# SPDX-License-Identifier: Apache-2.0
"""What the known answers of results say, as `decide` takes it: no store knows what was right.

Rules: a task counts once, and as right only when it was right each time; calls without a judged reply stand nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schema_guard.bench.result.clusters import clusters_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schema_guard.bench.result.clusters import TaskKey
    from schema_guard.bench.result.values import BenchResult, ColumnResult


def known_answers(results: Iterable[BenchResult]) -> list[dict[str, Any]]:
    """Give for each column how often it was right, and for a tuned model how it stands beside each prompt.

    Args:
        results: Of one suite: tasks of one name are the same task in all of them.

    Returns:
        `strategy model tuned n right`, and of a tuned model `beside`: for each column that is none `strategy model n`,
        `worse` and `better`: the tasks that only the prompt, or only the tuned model, got right.
    """
    columns = [pair for result in results for pair in _columns(result)]
    prompts = [(column, right) for column, right in columns if not column.tuned]
    return [
        {
            **_named(column),
            "tuned": column.tuned,
            "n": len(own),
            "right": sum(own.values()),
            **(
                {"beside": [{**_named(other), **_beside(right, own)} for other, right in prompts]}
                if column.tuned
                else {}
            ),
        }
        for column, own in columns
    ]


def _columns(result: BenchResult) -> Iterable[tuple[ColumnResult, dict[TaskKey, bool]]]:
    """Give each column with its tasks, and whether they were right."""
    for index, column in enumerate(result.columns):
        clusters = clusters_of(call for call in result.calls if call.column == index)
        yield column, {task: all(call.right for call in made) for task, made in clusters.items()}


def _named(column: ColumnResult) -> dict[str, str]:
    return {"strategy": column.strategy, "model": column.model}


def _beside(prompt: dict[TaskKey, bool], tuned: dict[TaskKey, bool]) -> dict[str, int]:
    both = [(prompt[task], tuned[task]) for task in tuned if task in prompt]
    return {"n": len(both), "worse": both.count((True, False)), "better": both.count((False, True))}
