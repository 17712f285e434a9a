"""Check that only real differences are found: python benchmarks/planted_difference.py --output FILE.txt.

The benchmark's runner runs two scripted models on the same tasks, many times with other seeds. Each model fails on a
task with a fixed probability, independently of the other. The planted rates are 8% and 3%, and 10% and 10%. The script
counts the results that call the two models different, in format or in content, with the correction for both.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

from rich.console import Console
from rich.progress import track

from schema_guard import Schema
from schema_guard.bench.result.figures import result_of
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.bench.suites.values import Suite, SuiteSchema, Task
from schema_guard.models.scripted import ScriptedModel
from schema_guard.stats import clopper_pearson

SCHEMA = Schema.of(
    {
        "title": "order",
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
    }
)


class Failing(ScriptedModel):
    """A script by prompt. The numbers of the tasks without a JSON reply are drawn in advance."""

    def __init__(self, rate: float, tasks: int, seed: int) -> None:
        super().__init__({"": ""})
        random = Random(seed)  # failures that can be repeated, no secret
        self._failing = {number for number in range(tasks) if random.random() < rate}

    async def acall(self, prompt: Any, *, options: Any = None) -> str:
        """Return the right answer, or a text without JSON."""
        number = int(prompt[-1]["content"].rpartition(" ")[2])
        return "I cannot say." if number in self._failing else json.dumps({"number": number})


def suite_of(tasks: int) -> Suite:
    """Return a suite of *tasks* tasks."""
    made = tuple(
        Task(f"order-{number}", f"Order {number}", "Give its number.", {"number": number}, {}, (), "test")
        for number in range(tasks)
    )
    entry = SuiteSchema("order", "order", "Apache-2.0", SCHEMA, made)
    return Suite("planted", "0" * 16, (entry,))


def called(rates: tuple[float, float], tasks: int, repetitions: int) -> int:
    """Count the repetitions in which the two models are called different."""
    plan = plan_of(suite_of(tasks), variants_of(["a", "b"], ["bare"]), PlanSettings(max_attempts=1))
    results = 0
    for seed in track(range(repetitions), description=f"{rates}", console=Console(stderr=True)):
        models = {
            name: Failing(rate, tasks, 2 * seed + at)
            for at, (name, rate) in enumerate(zip("ab", rates, strict=True))
        }
        result = result_of(run(plan, models, settings=RunSettings(concurrency=1)))
        results += any(one.called for one in result.comparisons)
    return results


def pairs_needed(p_b: float, p_c: float, *, power: float, alpha: float) -> int:
    """Return the number of pairs for a comparison that is checked once, at its end.

    Args:
        p_b: Expected share of the pairs in which only A fails.
        p_c: Expected share of the pairs in which only B fails.
        power: Probability of detecting a difference of this size.
        alpha: Probability of detecting a difference if there is none.

    Source: Miller (2024), Adding error bars to evals, arXiv:2411.00640, for the variance of a paired difference.
    """
    deviations = -NormalDist().inv_cdf(alpha / 2) + NormalDist().inv_cdf(power)
    difference = p_b - p_c
    return ceil(deviations**2 * (p_b + p_c - difference**2) / difference**2)


def main() -> None:
    """Measure, print the table, and write it if requested."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    # Discordant pairs of 8% and 3% if the two fail independently. 5% over two comparisons, two sides, 20 : 1.
    tasks = pairs_needed(0.08 * 0.97, 0.03 * 0.92, power=0.9, alpha=0.05 / 40)
    lines = [
        f"python benchmarks/planted_difference.py --repetitions {arguments.repetitions}",
        f"{datetime.now(UTC):%Y-%m-%d}",
        "",
        "failed        tasks   called different   one look, 95 %",
    ]
    for rates, size in (((0.08, 0.03), tasks), ((0.10, 0.10), 400)):
        result = called(rates, size, arguments.repetitions)
        bounds = clopper_pearson(result, arguments.repetitions)
        assert bounds is not None
        share = f"{result} of {arguments.repetitions} = {result / arguments.repetitions:.1%}"
        lines.append(
            f"{rates[0]:4.0%} and {rates[1]:4.0%}{size:9,}{share:>19}   [{bounds.lower:.1%}, {bounds.upper:.1%}]"
        )
    text = "\n".join(lines)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
