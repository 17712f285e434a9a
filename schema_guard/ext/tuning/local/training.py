# SPDX-License-Identifier: Apache-2.0
"""Train a LoRA for the local model on this machine, in a separate process.

Torch and llama.cpp's server each use a whole processor, so don't train and serve on one machine at the same time. A
server of this process isn't stopped; close its model before.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument, SchemaGuardError, missing_extra
from schema_guard.ext.local.child import ChildProcess
from schema_guard.ext.local.weights import local_weights, weights_digest
from schema_guard.ext.tuning.jobs.state import TuningJob, digests, load_job, lock_job, new_mark, save_job
from schema_guard.ext.tuning.local.learning import CHECKPOINT_S
from schema_guard.ext.tuning.local.plan import (
    DEFAULT_SETTINGS,
    LoraSettings,
    TrainPlan,
    available_bytes,
    key_of,
    needed_bytes,
    planned,
    read_unchanged,
)
from schema_guard.ext.tuning.tuned_model import TunedModel
from schema_guard.text import clip, clip_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from schema_guard.ext.tuning.training_rows import TrainingSet

ADAPTER_FILE: Final = "adapter.gguf"
CHECKPOINT_FILE: Final = "checkpoint.pt"
_SAVED_EACH_S: Final = 1.0
_PACKAGES: Final = ("torch", "transformers", "peft", "gguf")

# Set before the import of torch, which reads them then. A second thread only spins.
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # The GGUF file has everything that is needed.
    "HF_HUB_OFFLINE": "1",
}


def train(
    directory: str | os.PathLike[str],
    *,
    settings: LoraSettings = DEFAULT_SETTINGS,
    on_step: Callable[[Mapping[str, Any]], None] = lambda progress: None,
    report: Callable[[str], None] = lambda line: None,
) -> TuningJob:
    """Train a LoRA on a training set, store it and its job in the same folder, and return the job.

    On one machine, the same rows and settings give the same file. If you call it again with the same rows and settings
    after an interruption, the training resumes from its last checkpoint, at most half a minute back. An older adapter
    stays until the new one is complete.

    Args:
        directory: Folder that `schema-guard tune prepare` wrote. It receives `adapter.gguf`, `job.json`, and, during
            the training, `checkpoint.pt`.
        settings: Settings of the training.
        on_step: Function that takes the progress of the job after each step. An exception that it raises ends the
            training.
        report: Function that takes a line when weights are loaded, or when a training resumes.

    Raises:
        InvalidArgument: The rows can't be learned, a setting is out of its range, or a host has an open job of the
            folder.
        MissingExtra: A package of the extra `tuning` is not installed.
        SchemaGuardError: There is too little memory, another process trains in this folder, or the training failed.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise missing_extra("local tuning", package, "tuning")
    began = time.monotonic()
    folder = Path(directory)
    rows = read_unchanged(folder)
    plan = planned(rows, settings)
    _require_memory(plan.memory_bytes)
    weights = local_weights(report=report)
    with lock_job(folder):
        _require_local_job(folder)
        job = TuningJob(
            backend="local",
            base=plan.base,
            url=None,
            set=digests(folder, tuple(rows.bytes)),
            mark=new_mark(),
            status="running",
            cost=_cost(plan),
            base_sha256=weights_digest(weights),
        )
        training = _Training(folder, job, began - _spent_s(load_job(folder), job))
        try:
            training.follow(_Process(folder, plan, rows, weights), plan.steps, on_step, report)
        except SchemaGuardError as error:
            training.save(status="failed", message=clip(str(error), 600), progress=None)
            raise
        except BaseException:
            training.save()
            raise
        return training.job


class _Training:
    """A training in progress. It writes its job at the start, at most once a second, and at the end."""

    def __init__(self, folder: Path, job: TuningJob, began: float) -> None:
        self._folder, self.job, self._began = folder, job, began
        self.save()

    def save(self, **changes: Any) -> None:
        """Write the job with changes, and with the seconds so far, including interrupted attempts."""
        self._saved_at = time.monotonic()
        spent = round(self._saved_at - self._began, 1)
        self.job = replace(self.job, **changes, cost={**self.job.cost, "seconds": spent})
        save_job(self._folder, self.job)

    def follow(
        self,
        process: _Process,
        steps: int,
        on_step: Callable[[Mapping[str, Any]], None],
        report: Callable[[str], None],
    ) -> None:
        """Follow a process to its end. If this method raises an exception, the process ends too."""
        first, done = self._began, 0
        with contextlib.closing(process):
            for event in process.events():
                match event["kind"]:
                    case "refused":
                        raise InvalidArgument(event["message"])
                    case "loading":
                        _require_memory(needed_bytes(event["pass_tokens"], process.weights_bytes))
                        report("loading the weights")
                    case "start":
                        first, done = time.monotonic(), event["done"]
                        if done:
                            report(f"resuming after step {done} of {steps}")
                    case "step":
                        left_s = (time.monotonic() - first) / (event["step"] - done) * (steps - event["step"])
                        progress = {"step": event["step"], "steps": steps, "loss": event["loss"]}
                        on_step(self._noted({**progress, "seconds_left": round(left_s, 1)}))
                    case "end":
                        result = TunedModel("local", process.adapter.name)
                        self.save(status="succeeded", result=result, message=_summary(event), progress=None)
                        return
            raise process.failure()

    def _noted(self, progress: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store the progress of a step in the job, and return it."""
        self.job = replace(self.job, progress=progress)
        if time.monotonic() - self._saved_at >= _SAVED_EACH_S:
            self.save()
        return progress


def _cost(plan: TrainPlan) -> dict[str, Any]:
    settings = {"epochs": plan.epochs, "steps": plan.steps, "rank": plan.rank, "rate": plan.learning_rate}
    return {"dollars": None, **settings, "seed": plan.seed}


def _spent_s(known: TuningJob | None, job: TuningJob) -> float:
    """Return the seconds of earlier attempts at the same job."""
    if known is None or known.status == "succeeded":
        return 0.0
    settings = {name: value for name, value in known.cost.items() if name != "seconds"}
    is_same = (known.backend, known.base, known.set, settings) == (job.backend, job.base, job.set, job.cost)
    return float(known.cost.get("seconds", 0.0)) if is_same else 0.0


def _require_local_job(folder: Path) -> None:
    """Raise `InvalidArgument` if the folder has an open job at a host."""
    known = load_job(folder)
    if known is not None and known.backend != "local" and not known.has_ended:
        raise InvalidArgument(
            f"{clip_path(folder)} has a job at {known.backend} with the status '{known.status}'. Cancel it with "
            "`schema-guard tune run DIR --cancel`, or copy the training set to another folder"
        )


def _summary(end: Mapping[str, Any]) -> str:
    summary = f"{end['step']} steps, loss {end['loss']:.4f}"
    if end["validation_loss"] is not None:
        summary += f", validation loss {end['validation_loss']:.4f}"
    return summary


def _require_memory(needed: int) -> None:
    available = available_bytes()
    if available is not None and available < needed:
        raise SchemaGuardError(
            f"tuning on this machine needs {needed / 1e9:.1f} GB of memory, but only {available / 1e9:.1f} GB is "
            "free. Close other programs, remove the longest rows, or tune on another machine"
        )


class _Process:
    """The training process. `close` ends it at once."""

    def __init__(self, folder: Path, plan: TrainPlan, rows: TrainingSet, weights: Path) -> None:
        self.adapter = folder.absolute() / ADAPTER_FILE
        self.weights_bytes = weights.stat().st_size
        settings = {
            **plan._asdict(),
            "key": key_of(plan, rows),
            "weights": str(weights.absolute()),
            "base_sha256": weights_digest(weights),
            "adapter": str(self.adapter),
            "checkpoint": str(self.adapter.with_name(CHECKPOINT_FILE)),
            "checkpoint_s": CHECKPOINT_S,
            "train": rows.train,
            "validation": rows.validation,
        }
        script = Path(__file__).with_name("training_process.py")
        self._process = ChildProcess(script, settings, environment=_ENVIRONMENT)
        self.close = self._process.kill

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the events of the process until it ends."""
        yield from map(json.loads, self._process.lines)

    def failure(self) -> SchemaGuardError:
        """Return the error for a process that ended before its adapter was written."""
        status = self._process.status(wait_s=None)
        # The last line of a traceback is the exception.
        words = clip(self._process.words().rpartition("\n")[2], 600) or "none"
        killed = ", which often means that the system had no memory left" if status == -signal.SIGKILL else ""
        has_checkpoint = self.adapter.with_name(CHECKPOINT_FILE).exists()
        onward = ". To resume from the last checkpoint, run the same call" if has_checkpoint else ""
        return SchemaGuardError(
            f"tuning on this machine: the process ended with status {status}{killed}. Its last output: {words}{onward}"
        )
