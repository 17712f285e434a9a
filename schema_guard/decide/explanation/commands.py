# SPDX-License-Identifier: Apache-2.0
"""The commands that a verdict prints. Each one runs as it is printed, from any folder.

Rules: a command repeats the store, the targets, and the files of its reader. It names the function, and reads the schema,
the model, and the inputs from the store. It has no placeholder for an unknown value. It runs without the value, and
reports that the value is missing.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from schema_guard.decide.playbook import IMPROVED
from schema_guard.text import exact_percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schema_guard.decide.evidence.values import CaseEvidence

_FILTERS = ("segment", "since", "until")
_TARGETS = ("min-right", "max-p95", "burst-length", "time-zone")
# The options of the reader's own command that each command accepts.
_TAKES = {
    "decide": (
        *_FILTERS, "max-failure-rate", *_TARGETS, "evidence", "with", "answers", "prices", "sizes",
        "also-version", "priority",
    ),
    "watch": (*_FILTERS, "priority"),
    "report": _FILTERS,
    "label": (),
    "improve": ("model",),
    "bench run --playbook": (
        *_FILTERS, "schema", "inputs", "model", "larger", "option", "max-failure-rate", *_TARGETS, "with", "prices",
        "priority",
    ),
    "tune prepare": (*_FILTERS, "prices"),
}  # fmt: skip
# The options that the reader must fill in if the evidence does not name its calls.
_UNKNOWN = {"bench run --playbook": ("--schema NAME", "--model MODEL"), "tune prepare": ("--schema NAME",)}
# Default failure rate of a verdict.
_RATE = 0.01
# Steps that do not change the request to the model. Their trials begin with the configuration in use.
_OTHER_STEPS = {
    "schema_simplify": "simplify the schema, then run: ",
    "decision_model": "name the decision model with --model, and right answers with --inputs: ",
    "smaller_model": "name a smaller model with --model: ",
    "reasoning_limit": "limit reasoning with --option KEY=VALUE: ",
    "larger_model": "name the larger model with --larger: ",
}
_NEEDS_NEW_CALLS = (
    "system_prompt", "strict_schema", "json_mode", "few_shot", "reason_then_format", "strict_only", "reason_then_strict",
)  # fmt: skip


def decide_command(evidence: CaseEvidence, since: str | None = None) -> str:
    """Return the command that decides again. *since* replaces the beginning of the calls."""
    replaced: dict[str, tuple[str, ...]] = {} if since is None else {"since": (since,)}
    return command("decide", evidence, replaced=replaced)


def watch_command(evidence: CaseEvidence) -> str:
    """Return the command that watches production, with all targets that `watch` accepts."""
    limit = evidence.config.latency_p95_s
    targets = [f"--max-failure-rate {_rate(evidence)}", *([] if limit is None else [f"--max-p95 {limit:g}s"])]
    # `watch` measures right values by labels.
    if evidence.config.right is not None and any(one.right_bound for one in evidence.strategies):
        targets.append(f"--min-right {exact_percent(evidence.config.right)}")
    zone = evidence.config.as_dict().get("time_zone")
    targets += [] if zone is None else [f"--time-zone {quote(zone)}"]
    return command("watch", evidence, first=targets)


def export_command(evidence: CaseEvidence) -> str:
    """Return the command that writes a training set from the calls of the function."""
    about = evidence.about
    if about is None:
        return command("tune prepare", evidence, more=["--output DIR"])
    name = about.function or about.schema
    folder = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in name).lstrip(".-")
    return command("tune prepare", evidence, more=[f"--output {folder}_set"])


def playbook_command(evidence: CaseEvidence, step: str | None, calls: int | None = None) -> str:
    """Return the command that measures a step.

    Args:
        evidence: The evidence that the step is chosen from.
        step: The step. None for the one in use.
        calls: The most calls of the trial. None for no limit.
    """
    if step == IMPROVED:
        about = evidence.about
        source = "SOURCE" if about is None else quote(about.function or about.schema)
        return command("improve", evidence, first=[source])
    prefix = _OTHER_STEPS.get(step or "", "")
    first = _step_in_use(evidence) if step in (None, "schema_simplify") else step
    is_said = "max-failure-rate" in evidence.options
    is_usual = evidence.config.target == _RATE and not evidence.target_history
    target = [] if is_said or is_usual else [f"--max-failure-rate {_rate(evidence)}"]
    more = [f"--first-step {first}", *target]
    more += [] if calls is None else [f"--max-calls {calls}"]
    return prefix + command("bench run --playbook", evidence, more=more)


def command(
    name: str,
    evidence: CaseEvidence,
    *,
    first: list[str] | None = None,
    more: list[str] | None = None,
    replaced: dict[str, tuple[str, ...]] | None = None,
) -> str:
    """Return a command: *first*, the function, then *more*. The options *replaced* replace those of the reader."""
    given = {**evidence.options, **(replaced or {})}
    repeated = [
        f"--{option} {quote(value)}"
        for option in (*_TAKES[name], "store")
        if option != "store" or "evidence" not in given
        for value in given.get(option, ())
    ]
    suite = [quote(one) for one in given.get("suite", ()) if name.startswith("bench")]
    words = [*suite, *(first or ()), *_subject(name, evidence), *(more or ()), *repeated]
    return " ".join([f"schema-guard {name}", *words])


def _subject(name: str, evidence: CaseEvidence) -> Iterator[str]:
    """Yield the function, and its schema if it has several or is not known."""
    about = evidence.about
    if about is None or name == "improve":
        yield from _UNKNOWN.get(name, ())
        return
    if about.function:
        yield f"--function {quote(about.function)}"
    if (about.schemas_of_function > 1 or not about.function) and "schema" not in evidence.options:
        yield f"--schema {quote(about.schema_fingerprint or about.schema)}"


def _rate(evidence: CaseEvidence) -> str:
    return exact_percent(evidence.config.target)


def _step_in_use(evidence: CaseEvidence) -> str:
    """Return the step that is in use, if it is a strategy; otherwise the first of the playbook."""
    used = next((strategy.step for strategy in evidence.strategies if strategy.id == evidence.current), None)
    return used if used in _NEEDS_NEW_CALLS else "system_prompt"
