# SPDX-License-Identifier: Apache-2.0
"""A job in words, and as JSON: how far it is, what it cost, and what to do next."""

from __future__ import annotations

import json
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from schema_guard.ext.tuning.jobs.plan import hosting_lines
from schema_guard.ext.tuning.tuned_model import JOB_FILE
from schema_guard.text import dollars, plural

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.state import TuningJob

__all__ = ["job_as_json", "job_lines", "next_lines", "progress_text"]


def job_lines(directory: Path, job: TuningJob) -> list[str]:
    """Say how far a job is, what it cost, and what to do next."""
    message = ", ".join(filter(None, (job.message, progress_text(job))))
    state = f"{job.status}: {message}" if message else job.status
    lines = [f"{job.backend}, {job.base}: {state}" + (f" ({job.id})" if job.id else "")]
    if job.result is not None:
        adapter = f", with {job.result.adapter}" if job.result.adapter else ""
        lines.append(f"  tuned model: {job.result.model}{adapter}")
    if job.status == "succeeded":
        lines.append(f"  cost: {_cost(job)}")
    return [*lines, *[f"  {line}" for line in next_lines(directory, job)]]


def progress_text(job: TuningJob) -> str:
    """Return the last step of a job, its loss, and the time left, as far as they are known."""
    known = job.progress or {}
    step, steps, loss, left_s = (known.get(name) for name in ("step", "steps", "loss", "seconds_left"))
    of = "" if steps is None else f" of {steps:,}"
    parts = [
        None if step is None else f"step {step:,}{of}",
        None if loss is None else f"loss {loss:.3f}",
        None if left_s is None else f"{timedelta(seconds=round(left_s))} left",
    ]
    return ", ".join(filter(None, parts))


def next_lines(directory: Path, job: TuningJob) -> list[str]:
    """Return what to do next, as commands."""
    here = shlex.quote(str(directory))
    tune = f"schema-guard tune run {here}"
    if job.result is not None:
        model = shlex.quote(f"tuned:{directory}")
        return [
            *(hosting_lines(job.backend) if job.url is None and job.backend != "local" else []),
            f"measure the model: schema-guard bench run {here} --model {model} --sample all",
            f'use the model: guard(SCHEMA, strategy="bare", about=About(tuned=True))(connect("tuned:{directory}"))',
        ]
    if job.backend == "local" and job.status == "running":
        return [f"look again: {tune} --status"]
    if job.has_ended:
        return [f"start a new job: {tune} --again"]
    return [f"continue: {tune}", *([] if job.backend == "local" else [f"end the job: {tune} --cancel"])]


def job_as_json(directory: Path, job: TuningJob) -> dict[str, Any]:
    """Return what `job.json` holds, the state of the job, and `next`, the lines that say what to do."""
    document: dict[str, Any] = json.loads((directory / JOB_FILE).read_text(encoding="utf-8"))
    return {**document, "status": job.status, "next": next_lines(directory, job)}


def _cost(job: TuningJob) -> str:
    if job.backend == "local":
        seconds = job.cost.get("seconds")
        return "this machine's" if seconds is None else f"this machine's, {plural(round(seconds), 'second')}"
    tokens, paid = job.cost.get("trained_tokens"), job.cost.get("dollars")
    counted = "" if tokens is None else f"{tokens:,} tokens charged"
    if paid is None:
        return f"{counted}, no price given" if counted else "not known"
    return f"{dollars(paid)}, {counted}" if counted else dollars(paid)
