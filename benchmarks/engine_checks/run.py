# SPDX-License-Identifier: Apache-2.0
"""Show a suite's instances to engines, one engine and one schema after another.

Rules:
1. Each engine works in a process of its own, and whatever it does there, the run goes on with the next schema.
2. An engine that cannot be loaded is not measured, and the reason is said; it is never an engine with a rate of 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.engine_checks.adapter import ACCEPTED, GAVE_UP
from benchmarks.engine_checks.child import Child, Ended
from benchmarks.engine_checks.limits import EngineLimits
from benchmarks.engine_checks.result import Checked, EnginesResult, result_of
from benchmarks.engine_checks.texts import reversed_writings, writings
from benchmarks.engine_checks.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.engine_checks.engine import Engine
    from benchmarks.engine_checks.result import EngineResult, State
    from benchmarks.engine_checks.suite import EngineSchema, EngineSuite


class Progress(NamedTuple):
    """One schema that an engine is done with.

    Attributes:
        engine: Its name.
        number: Of the schema in the suite, from 1.
        schemas: How many the suite has.
        checked: What came of it.
    """

    engine: str
    number: int
    schemas: int
    checked: Checked


def run_engines(
    suite: EngineSuite,
    engines: Sequence[Engine],
    *,
    weights: Path | None = None,
    limits: EngineLimits | None = None,
    on_schema: Callable[[Progress], None] | None = None,
) -> EnginesResult:
    """Measure engines on the schemas and instances of a suite.

    Args:
        suite: Its schemas and their instances.
        engines: In the order of the result.
        weights: A GGUF file whose vocabulary the texts are cut into, as `local_weights` gives it; None for single
            bytes, with which an engine that needs a model is not measured.
        limits: For each schema; None for the defaults.
        on_schema: Is told of each schema.

    Raises:
        InvalidArgument: The file is no GGUF file with a byte-level vocabulary.
    """
    limits = limits or EngineLimits()
    tokens = len(Vocabulary.of(weights).tokens)
    tasks = [_task(entry, limits) for entry in suite.schemas]
    instances = [instance for entry in suite.schemas for instance in entry.instances]
    return EnginesResult(
        suite=suite.name,
        suite_fingerprint=suite.fingerprint,
        schemas=len(suite.schemas),
        valid=sum(instance.valid for instance in instances),
        invalid=sum(not instance.valid for instance in instances),
        vocabulary=f"{tokens} tokens of {'single bytes' if weights is None else weights.stem}",
        limits=limits,
        engines=tuple(_measured(engine, suite, tasks, weights, limits, on_schema) for engine in engines),
    )


def _task(entry: EngineSchema, limits: EngineLimits) -> dict[str, Any]:
    return {
        "schema": json.dumps(entry.schema.document, ensure_ascii=False),
        "instances": [writings(instance.data, entry.schema) for instance in entry.instances],
        "reordered": [
            reversed_writings(instance.data) if instance.valid else [] for instance in entry.instances
        ],
        "timed": [instance.valid for instance in entry.instances],
        "masks": limits.masks,
    }


def _measured(
    engine: Engine,
    suite: EngineSuite,
    tasks: Sequence[dict[str, Any]],
    weights: Path | None,
    limits: EngineLimits,
    on_schema: Callable[[Progress], None] | None,
) -> EngineResult:
    if not engine.is_installed:
        return result_of(engine, (), not_measured=f"{engine.package} is not installed: {engine.pip_command}")
    if engine.needs_model and weights is None:
        return result_of(engine, (), not_measured="it needs the GGUF file of a model")
    checked: list[Checked] = []
    with Child(engine, weights, limits) as child:
        try:
            child.start()
        except Ended as ended:
            return result_of(engine, (), not_measured=ended.reason)
        for number, (entry, task) in enumerate(zip(suite.schemas, tasks, strict=True), 1):
            checked.append(_checked(entry, task, child))
            if on_schema is not None:
                on_schema(Progress(engine.name, number, len(tasks), checked[-1]))
    return result_of(engine, checked)


def _checked(entry: EngineSchema, task: dict[str, Any], child: Child) -> Checked:
    """Ask an engine about one schema."""
    text: dict[str, Any] = {}
    state: State
    try:
        text = child.ask(task)
        state = "refused" if "refused" in text else "judged"
        reason = text.get("refused", text.get("gave_up"))
        compile_s = text.get("compile_s")
    except Ended as ended:
        state, reason, compile_s = ended.cause, ended.reason, ended.compile_s
    verdicts = text.get("verdicts", ())
    is_valid = [instance.valid for instance in entry.instances]
    accepted = [valid for valid, verdict in zip(is_valid, verdicts, strict=False) if verdict == ACCEPTED]
    others = [verdict for verdict in text.get("reordered", ()) if verdict is not None]
    return Checked(
        schema=entry.name,
        state=state,
        reason=reason,
        compile_s=compile_s,
        valid=sum(is_valid),
        valid_accepted=sum(accepted),
        invalid=len(is_valid) - sum(is_valid),
        invalid_accepted=len(accepted) - sum(accepted),
        gave_up=sum(verdict == GAVE_UP for verdict in verdicts),
        reordered=len(others),
        reordered_accepted=others.count(ACCEPTED),
        mask_s=tuple(text.get("mask_s", ())),
    )
