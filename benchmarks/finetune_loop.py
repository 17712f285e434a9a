# SPDX-License-Identifier: Apache-2.0
"""The loop: measure prompting, get the verdict, write a training set, tune a model, and measure and decide again.

Rules:
1. Every step is a command that anyone can type. Its output is stored, so that an interrupted loop resumes without
   repeating calls.
2. Each command is its own process, so torch and the model's server never run at the same time.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from schema_guard.bench.suites.load import load_suite
from schema_guard.bench.suites.values import estimated_tokens
from schema_guard.errors import SchemaGuardError
from schema_guard.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COSTS = Path(__file__).with_name("finetune_costs.json")
"""What is assumed of prices, volume and the tuned model, and what is asked for."""

PROMPTS: Mapping[str, tuple[str, ...]] = {
    # It always fails, so these tasks are enough for a bound from which a gain can be measured.
    "bare": ("--strategy", "bare", "--sample", "24"),
    # It fails within a few calls, which is enough for a bound.
    "few_shot": ("--strategy", "few_shot", "--sample", "all", "--max-failure-rate", "5%"),
    "best": ("--strategy", "few_shot>strict_schema", "--sample", "all"),
}
"""The ways of prompting, and how each is asked: the last is the best, examples, and a grammar where they do not suffice."""

DECLINED: Mapping[str, str] = {
    "raise_max_output_tokens": "the limit is three times the answer",
    "reasoning_limit": "the model does not reason",
    "lenient_parse": "replies are wrong, not broken",
    "system_prompt": "few_shot has it, and examples",
    "temperature": "one reply a prompt is compared",
    "reason_then_format": "of 20 such calls of this model none was valid",
    "strict_only": "few_shot>strict_schema has the grammar, and examples",
    "reason_then_strict": "reason_then_format reasons too, and gave no valid reply",
    "schema_simplify": "every value is needed",
    "repair_retry": "the model repeats itself",
    "smaller_model": "there is none",
    "larger_model": "there is none on this machine",
    "decision_model": "the local model decides few of such fields right",
    "improved_prompt": "the prompt and its examples stay the same in this comparison",
}
"""Fixes that the loop does not try, and why."""


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


@dataclass(frozen=True, kw_only=True)
class Loop:
    """One kind of task, and the places of its files.

    Attributes:
        kind: Name of the schema.
        folder: Folder of all files.
        learned: A suite with the training tasks as `dev` and the held-out tasks as `test`.
        suite: A suite with the held-out tasks, and two tasks to show in prompts.
        report: Called with a text when a step starts or ends.
    """

    kind: str
    folder: Path
    learned: Path
    suite: Path
    report: Callable[[str], object] = _tell

    def path(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / f"{self.kind}-{name}"

    def text(self, name: str) -> str:
        """Return the text of one of its files."""
        return self.path(name).read_text(encoding="utf-8")

    @property
    def tuned(self) -> Path:
        """The folder of the training set and the tuned model."""
        return self.path("set")

    @property
    def store(self) -> str:
        """The URL of the store with all calls."""
        return f"sqlite:///{self.path('calls.db').absolute()}"

    def run(self) -> None:
        """Run all steps from the first prompt to the second verdict.

        Raises:
            SchemaGuardError: A command failed. Its error is on stderr.
        """
        prompts = [self._bench(name, "local", *how) for name, how in PROMPTS.items()]
        self._decide("before", prompts, self._assumed())
        learned, tuned = str(self.learned), str(self.tuned)
        self._step("export.txt", "tune", "prepare", "--suite", learned, "--schema", self.kind, "-o", tuned)
        self._step("tune.txt", "tune", "run", tuned, "--backend", "local", "--epochs", "2", "--yes")
        pilot = self._bench("pilot", f"tuned:{tuned}", "--sample", "all")
        self._decide("after", [*prompts, pilot], COSTS)

    def elsewhere(self, tasks: int = 12) -> None:
        """Measure the tuned model and its base model on other schemas."""
        self._step(
            "elsewhere.txt",
            *("bench", "run", "small", "--sample", str(tasks), "--max-attempts", "1", "--strategy", "bare"),
            *("--model", "local", "--model", f"tuned=tuned:{self.tuned}", "--store", "none"),
            *("-o", str(self.path("elsewhere.json"))),
        )

    def _bench(self, name: str, model: str, *how: str) -> Path:
        """Measure a model on the held-out tasks, and return the file of the result."""
        journal, result = self.path(f"{name}.jsonl"), self.path(f"{name}.json")
        self._step(
            f"{name}.txt",
            *("bench", "run", str(self.suite), "--seed", "17"),
            *("--max-attempts", "1", "--model", model, *how),
            *("--store", self.store, "--journal", str(journal), "--resume", "-o", str(result)),
        )
        return result

    def _decide(self, name: str, results: list[Path], costs: Path) -> None:
        """Run `decide` on all recorded calls, for its text and its JSON."""
        known = [part for result in results for part in ("--answers", str(result))]
        arguments = ["decide", "--store", self.store, "--schema", self.kind, "--with", str(costs), *known]
        declined = [part for step, why in DECLINED.items() for part in ("--decline", f"{step}={why}")]
        self._step(f"{name}.txt", *arguments, *declined)
        self._step(f"{name}.json", *arguments, "--format", "json")

    def _assumed(self) -> Path:
        """Write the costs, with the assumption that the tuned model's tokens are only the task and the answer."""
        (entry,) = load_suite(self.suite).schemas
        tasks = entry.tasks_of("test")
        tokens = {
            "fixed": 0,
            "var": sum(estimated_tokens(task.text) for task in tasks) / len(tasks),
            "out": sum(estimated_tokens(task.gold) for task in tasks) / len(tasks),
            "repair": 0,
            "latency_s": 0,
        }
        costs: dict[str, Any] = json.loads(COSTS.read_text(encoding="utf-8"))
        costs["economics"]["tuned_cost"] |= tokens
        path = self.path("costs.json")
        path.write_text(json.dumps(costs, indent=2) + "\n", encoding="utf-8")
        return path

    def _step(self, name: str, *command: str) -> None:
        """Run a command and store its standard output. Skip a command whose output is stored."""
        path = self.path(name)
        if path.exists():
            return
        began = perf_counter()
        self.report(f"$ schema-guard {safe(shlex.join(command))}")
        arguments = [sys.executable, "-m", "schema_guard", *command]
        done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False)
        # Status 1 is a verdict against prompting, not an error.
        if done.returncode > 1:
            raise SchemaGuardError(
                f"{command[0]} ended with status {done.returncode}, see above: the same command goes on from here"
            )
        self.report(f"{perf_counter() - began:.0f} s")
        path.write_text(done.stdout, encoding="utf-8")
