"""The price of enforcement on the local model: python benchmarks/price_of_enforcement.py [--output benchmarks/results/NAME.txt].

Five strategies get the same tasks of the built-in suite, each task once and with one attempt. Two strategies only
describe the format, one is `strict_schema`, and two enforce the schema and omit it from the prompt. A strategy that
thinks gets 256 tokens more. The tables show how many replies are valid, right, and wrong but valid, and the difference
to `few_shot` and to `strict_schema` on the tasks that both answered.

A run takes an hour on one core. Continue an interrupted one with the same --journal. With --max-time 0.001, it makes no
new call.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from schema_guard import connect
from schema_guard.bench.run.journal import Journal
from schema_guard.bench.run.plan import PlanSettings, plan_of, variants_of
from schema_guard.bench.run.runner import RunSettings, run
from schema_guard.bench.run.scored_call import CallRow
from schema_guard.bench.suites.load import load_suite
from schema_guard.stats import Rate, gap_bounds, mean_bounds

STRATEGIES = ["system_prompt", "few_shot", "strict_schema", "strict_only", "reason_then_strict"]
BASES = ("few_shot", "strict_schema")
Measure = Callable[[CallRow], float]
MEASURES: dict[str, Measure] = {
    "valid": lambda call: float(call.is_valid),
    "leaves right": lambda call: call.leaves_right / call.leaves,
    "wrong but valid": lambda call: float(call.is_valid and not call.right),
    "wrong leaves of valid replies": lambda call: (
        (call.leaves - call.leaves_right) / call.leaves if call.is_valid else 0.0
    ),
}
"""Each a number from 0 to 1 for a call."""


def measured(tasks: int, journal: Path, max_time_s: float | None) -> dict[str, dict[str, CallRow]]:
    """Make the calls that the journal lacks. Return strategy -> task -> call, of the tasks that all strategies answered."""
    model = connect("local")
    variants = variants_of([model.name], STRATEGIES)
    plan = plan_of(load_suite("small"), variants, PlanSettings(max_attempts=1, sample=tasks))
    done = run(
        plan,
        {model.name: model},
        journal=Journal.resume(journal, plan),
        settings=RunSettings(max_time_s=max_time_s),
    )
    calls: dict[str, dict[str, CallRow]] = {name: {} for name in STRATEGIES}
    for call in done.calls:
        if not call.is_lost:
            calls[STRATEGIES[call.variant]][call.task] = call
    common = set.intersection(*map(set, calls.values()))
    return {name: {task: own[task] for task in own if task in common} for name, own in calls.items()}


def interval(lower: float, upper: float) -> str:
    """Return bounds in percent."""
    return f"[{100 * lower:.1f}, {100 * upper:.1f}]"


def share(values: list[float]) -> str:
    """Return a mean with its bounds in percent: those of a rate if each value is 0 or 1."""
    if {*values} <= {0.0, 1.0}:
        rate = Rate.of(sum(values), len(values))
        return f"{100 * mean(values):.1f} {interval(rate.lower or 0, rate.upper or 1)}"
    bounds = mean_bounds(values, alpha=0.1)
    shown = "no bounds" if bounds is None else interval(bounds.lower, bounds.upper)
    return f"{100 * mean(values):.1f} {shown}"


def rates(calls: dict[str, dict[str, CallRow]]) -> list[str]:
    """Return the table of the strategies."""
    measures = {"right": lambda call: float(call.right), **MEASURES}
    lines = [f"{'strategy':20}" + "".join(f"{name:>32}" for name in measures)]
    for name, own in calls.items():
        cells = [share([measure(call) for call in own.values()]) for measure in measures.values()]
        lines.append(f"{name:20}" + "".join(f"{cell:>32}" for cell in cells))
    return lines


def differences(calls: dict[str, dict[str, CallRow]], base: str) -> list[str]:
    """Return the differences of each strategy to one of them, on the same tasks."""
    lines = [f"{'less ' + base:20}" + "".join(f"{name:>32}" for name in MEASURES)]
    for name in STRATEGIES:
        if name == base:
            continue
        cells = []
        for measure in MEASURES.values():
            gaps = [measure(call) - measure(calls[base][task]) for task, call in calls[name].items()]
            bounds = gap_bounds(gaps)
            cells.append(f"{100 * mean(gaps):+.1f} [{100 * bounds.lower:+.1f}, {100 * bounds.upper:+.1f}]")
        lines.append(f"{name:20}" + "".join(f"{cell:>32}" for cell in cells))
    return lines


def tokens(calls: dict[str, dict[str, CallRow]]) -> list[str]:
    """Return the mean tokens per call of each strategy."""
    lines = [f"{'a call took':20}{'tokens in':>12}{'tokens out':>12}"]
    for name, own in calls.items():
        sent, got = (
            mean(getattr(call, key) or 0 for call in own.values())
            for key in ("input_tokens", "output_tokens")
        )
        lines.append(f"{name:20}{sent:12.0f}{got:12.0f}")
    return lines


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description="The price of enforcement on the local model.")
    parser.add_argument("--tasks", type=int, default=120, help="Number of tasks. Default: 120.")
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path("price_of_enforcement.jsonl"),
        help="File that keeps every reply.",
    )
    parser.add_argument(
        "--max-time", type=float, help="Seconds after which no call starts. Default: no limit."
    )
    parser.add_argument("--output", type=Path, help="File for the tables. Default: none.")
    options = parser.parse_args()
    calls = measured(options.tasks, options.journal, options.max_time)
    n = len(calls[STRATEGIES[0]])
    text = "\n".join([
        f"The price of enforcement on the local model, {datetime.now(UTC):%Y-%m-%d}",
        f"{n} tasks of the built-in suite, one attempt each, {platform.machine()}, {os.cpu_count()} processors",
        "Percent. [low, high]: each limit of a rate holds with 95% confidence, at any time; both limits of a difference do together.",
        "right: the value equals the answer. Leaves of a reply without a valid value are not right.",
        "",
        *rates(calls), "", *differences(calls, BASES[0]), "", *differences(calls, BASES[1]), "", *tokens(calls),
    ])  # fmt: skip
    print(text)
    if options.output is not None:
        options.output.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
