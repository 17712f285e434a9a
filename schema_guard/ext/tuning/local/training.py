# SPDX-License-Identifier: Apache-2.0
"""A training set learned on this machine: a LoRA for the local model, trained in a process of its own.

Torch and llama.cpp's server each take a processor whole: whoever trains and serves on one machine does one after the
other. A server that this process runs is left as it is: close its model before.
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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    from collections.abc import Callable, Iterator

    from schema_guard.ext.tuning.training_rows import TrainingSet

__all__ = ["TrainStep", "Trained", "train"]

ADAPTER_FILE: Final = "adapter.gguf"
CHECKPOINT_FILE: Final = "checkpoint.pt"
_SAVED_EACH_S: Final = 1.0
_PACKAGES: Final = ("torch", "transformers", "peft", "gguf")

# Set before torch is imported: it reads them when it is loaded, and a second thread only spins.
_ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    # All that is needed is in the GGUF file.
    "HF_HUB_OFFLINE": "1",
}


class TrainStep(NamedTuple):
    """A step that is done.

    Attributes:
        number: From 1; the first is a later one where a training goes on.
        steps: How many there will be.
        epoch: From 1.
        loss: What the answers of its rows lacked, in nats a token.
        validation_loss: The same of the validation rows, at the end of an epoch; None elsewhere and without any.
        seconds: Since `train` was called.
        seconds_left: Estimated from the steps that it has done.
    """

    number: int
    steps: int
    epoch: int
    loss: float
    validation_loss: float | None
    seconds: float
    seconds_left: float


class Trained(NamedTuple):
    """What a training has made.

    Attributes:
        adapter: A GGUF file that `connect("local", adapter=...)` takes.
        steps: How many it took.
        loss: Of the last step, in nats a token.
        validation_loss: At its end; None without validation rows.
        seconds: That `train` took.
        memory_bytes: Of its process, at the peak.
    """

    adapter: Path
    steps: int
    loss: float
    validation_loss: float | None
    seconds: float
    memory_bytes: int


def train(
    directory: str | os.PathLike[str],
    *,
    settings: LoraSettings = DEFAULT_SETTINGS,
    on_step: Callable[[TrainStep], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> Trained:
    """Train a LoRA on a training set, and keep it and its job in the same folder.

    On one machine the same rows and settings give the same file. A training that was interrupted goes on from its last checkpoint,
    half a minute back at most, when it is called again with the same rows and settings; an older adapter stays until
    the new one is whole.

    Args:
        directory: What `schema-guard tune prepare` wrote; gets `adapter.gguf`, `job.json`, and `checkpoint.pt` meanwhile.
        settings: How it is trained.
        on_step: Is called after each step; what it raises ends the training.
        report: Is told in one line what is fetched or gone on with.

    Raises:
        InvalidArgument: The rows cannot be learned, a setting is out of its range, or a host is at a job of the folder.
        MissingExtra: A package of the extra `tuning` is not installed.
        SchemaGuardError: There is not the memory, another process trains in this folder, or the training failed.
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
        diary = _Diary(folder, job, began - _spent_s(load_job(folder), job))
        try:
            trained = _followed(
                _Process(folder, plan, rows, weights), plan, began, diary.told(on_step), report
            )
        except SchemaGuardError as error:
            diary.save(status="failed", message=clip(str(error), 600), progress=None)
            raise
        except BaseException:
            diary.save()
            raise
        diary.save(**_success(trained), progress=None)
        return trained


class _Diary:
    """Writes the state of a training into `job.json`: at its start, at most once a second, and at its end."""

    def __init__(self, folder: Path, job: TuningJob, began: float) -> None:
        self._folder, self._job, self._began, self._saved_at = folder, job, began, 0.0
        self.save()

    def save(self, **changes: Any) -> None:
        """Write the job with changes, and with the seconds that it has taken, interrupted attempts included."""
        self._saved_at = time.monotonic()
        spent = round(self._saved_at - self._began, 1)
        self._job = replace(self._job, **changes, cost={**self._job.cost, "seconds": spent})
        save_job(self._folder, self._job)

    def told(self, on_step: Callable[[TrainStep], None] | None) -> Callable[[TrainStep], None]:
        """Return a function that writes a step, and passes it on."""

        def write(step: TrainStep) -> None:
            progress = {"step": step.number, "steps": step.steps, "loss": step.loss}
            self._job = replace(self._job, progress={**progress, "seconds_left": round(step.seconds_left, 1)})
            if time.monotonic() - self._saved_at >= _SAVED_EACH_S:
                self.save()
            if on_step is not None:
                on_step(step)

        return write


def _cost(plan: TrainPlan) -> dict[str, Any]:
    settings = {"epochs": plan.epochs, "steps": plan.steps, "rank": plan.rank, "rate": plan.learning_rate}
    return {"dollars": None, **settings, "seed": plan.seed}


def _spent_s(known: TuningJob | None, job: TuningJob) -> float:
    """Return the seconds that earlier attempts at the same job took."""
    if known is None or known.status == "succeeded":
        return 0.0
    settings = {name: value for name, value in known.cost.items() if name != "seconds"}
    is_same = (known.backend, known.base, known.set, settings) == (job.backend, job.base, job.set, job.cost)
    return float(known.cost.get("seconds", 0.0)) if is_same else 0.0


def _require_local_job(folder: Path) -> None:
    """Leave alone what is known of a job that a host may still be at."""
    known = load_job(folder)
    if known is not None and known.backend != "local" and not known.has_ended:
        raise InvalidArgument(
            f"{clip_path(folder)} has a job at {known.backend} with the status '{known.status}'. Cancel it with "
            "`schema-guard tune run DIR --cancel`, or copy the training set to another folder"
        )


def _success(trained: Trained) -> dict[str, Any]:
    summary = f"{trained.steps} steps, loss {trained.loss:.4f}"
    if trained.validation_loss is not None:
        summary += f", validation loss {trained.validation_loss:.4f}"
    return {
        "status": "succeeded",
        "result": TunedModel("local", trained.adapter.name),
        "message": summary,
    }


def _followed(
    process: _Process,
    plan: TrainPlan,
    began: float,
    on_step: Callable[[TrainStep], None],
    report: Callable[[str], None] | None,
) -> Trained:
    """Follow a process to its end, which is its end too when anything is raised here."""
    first, done = began, 0
    report = report or (lambda line: None)
    with contextlib.closing(process):
        for event in process.events():
            match event.pop("kind"):
                case "refused":
                    raise InvalidArgument(event["message"])
                case "loading":
                    _require_memory(needed_bytes(event["pass_tokens"], process.weights_bytes))
                    report("loading the weights")
                case "start":
                    first, done = time.monotonic(), event["done"]
                    if done:
                        report(f"resuming after step {done} of {plan.steps}")
                case "step":
                    now = time.monotonic()
                    remaining_s = (now - first) / (event["step"] - done) * (plan.steps - event["step"])
                    on_step(
                        TrainStep(
                            number=event.pop("step"),
                            steps=plan.steps,
                            **event,
                            seconds=now - began,
                            seconds_left=remaining_s,
                        )
                    )
                case "end":
                    return Trained(
                        process.adapter, event.pop("step"), **event, seconds=time.monotonic() - began
                    )
        raise process.failure()


def _require_memory(needed: int) -> None:
    available = available_bytes()
    if available is not None and available < needed:
        raise SchemaGuardError(
            f"tuning on this machine needs {needed / 1e9:.1f} GB of memory, but only {available / 1e9:.1f} GB are "
            "free. Close other programs, remove the longest rows, or tune on another machine"
        )


class _Process:
    """The process that trains; `close` ends it at once."""

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
        """Yield what it tells, until it ends."""
        yield from map(json.loads, self._process.lines)

    def failure(self) -> SchemaGuardError:
        """Return the error for a process that ended before its adapter was written."""
        status = self._process.status(wait_s=None)
        # Of a traceback, the exception.
        words = clip(self._process.words().rpartition("\n")[2], 600) or "none"
        killed = ", which often means that the system had no memory left" if status == -signal.SIGKILL else ""
        has_checkpoint = self.adapter.with_name(CHECKPOINT_FILE).exists()
        onward = ": the same call resumes from its last checkpoint" if has_checkpoint else ""
        return SchemaGuardError(
            f"tuning on this machine: its process ended with status {status}{killed}; its last output: {words}{onward}"
        )
