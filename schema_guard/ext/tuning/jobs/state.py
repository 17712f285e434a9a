# SPDX-License-Identifier: Apache-2.0
"""The state of a tuning job: `DIR/job.json`, and its text for people.

The file is written whole or not at all, before each request that starts something, and again after its answer. The
status shows which request may have no answer. Its result is looked up at the host before it is sent again. The file
contains no key.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shlex
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.tuning.jobs.plan import hosting_lines
from schema_guard.ext.tuning.tuned_model import JOB_FILE, TunedModel, read_job
from schema_guard.records.private import write_private
from schema_guard.text import clip_path, dollars, plural

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENDED: Final = ("succeeded", "failed", "cancelled")
"""The statuses of a job that has ended."""
_FORMAT: Final = 1
_HEX: Final = 6  # bytes


class JobLocked(SchemaGuardError):
    """Another process is working on the job of a folder."""


@dataclass(frozen=True, kw_only=True)
class TuningJob:
    """The tuning of a training set.

    Attributes:
        backend: Backend that tunes the model: `local openai azure openai-compatible`.
        base: The model to tune, by its name at the backend.
        url: Address of the backend; None for its usual address.
        base_sha256: SHA-256 of the weights to tune, in hex; None at a host.
        set: SHA-256 of each file of the training set, in hex, by its name.
        mark: 12 hex digits in the names of files and jobs at the backend.
        status: `planned uploading starting queued running`, then one of `ENDED`.
        files: Ids of the uploaded files, by their names.
        id: Id of the job at the backend; None while it is unknown.
        result: The tuned model; None before it exists.
        cost: The expected and the actual cost. Unknown values are None.
        message: Last message of the backend; None without one.
        progress: `step steps loss seconds_left` of a running job. Unknown values are None.
    """

    backend: str
    base: str
    url: str | None
    set: Mapping[str, str]
    mark: str
    status: str = "planned"
    files: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    result: TunedModel | None = None
    cost: Mapping[str, Any] = field(default_factory=dict)
    message: str | None = None
    progress: Mapping[str, Any] | None = None
    base_sha256: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended, so that it can't be resumed."""
        return self.status in ENDED

    @property
    def is_begun(self) -> bool:
        """Whether a host may have the job."""
        return self.backend != "local" and self.status not in ("planned", "uploading")


def new_mark() -> str:
    """Return 12 hex digits that no other job has."""
    return secrets.token_hex(_HEX)


def digests(directory: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Return the SHA-256 of files of a folder, in hex.

    Raises:
        InvalidArgument: A file can't be read.
    """
    hashes = {}
    for name in names:
        try:
            with (directory / name).open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InvalidArgument(
                f"{clip_path(directory / name)}: this file of the training set cannot be read: {error.strerror}. Run `tune prepare` again, or restore the file"
            ) from error
    return hashes


def load_job(directory: Path) -> TuningJob | None:
    """Return a folder's job, or None if it has none.

    Raises:
        InvalidArgument: `job.json` can't be read, or has another structure.
    """
    document = read_job(directory)
    if document is None:
        return None
    known = {name: value for name, value in document.items() if name != "format"}
    result = known["result"]
    return TuningJob(**{**known, "result": None if result is None else TunedModel(**result)})


def save_job(directory: Path, job: TuningJob) -> None:
    """Write a folder's job. A reader finds either this job or the previous one.

    Raises:
        SchemaGuardError: The file can't be written.
    """
    document = {"format": _FORMAT, **asdict(job), "result": job.result and job.result._asdict()}
    path = directory / JOB_FILE
    beside = path.with_name(f".{JOB_FILE}.{os.getpid()}")
    try:
        write_private(beside, json.dumps(document, indent=2) + "\n")
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SchemaGuardError(
            f"{clip_path(path)}: writing this file failed: {error.strerror}. No job was started. Check the permissions"
        ) from error


@contextmanager
def lock_job(directory: Path) -> Iterator[None]:
    """Lock a folder's job, so that no other process works on it.

    Raises:
        InvalidArgument: There is no such folder.
        JobLocked: Another process has the lock.
    """
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise InvalidArgument(
            f"{clip_path(directory)}: expected the folder of a training set, but reading it failed: {error.strerror}"
        ) from error
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise JobLocked(
                f"{clip_path(directory)}: another process is working on this job. Wait for that process, or use --status"
            ) from error
        yield
    finally:
        os.close(folder)


def job_lines(directory: Path, job: TuningJob) -> list[str]:
    """Return the state of a job, its cost, and what to do next."""
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
    """Return the last step of a job, its loss, and the time left. Unknown values are left out."""
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
        return [f"show the state: {tune} --status"]
    if job.has_ended:
        return [f"start a new job: {tune} --again"]
    return [f"continue: {tune}", *([] if job.backend == "local" else [f"end the job: {tune} --cancel"])]


def job_as_json(directory: Path, job: TuningJob) -> dict[str, Any]:
    """Return the content of `job.json`, the state of the job, and `next`, the lines with what to do next."""
    document: dict[str, Any] = json.loads((directory / JOB_FILE).read_text(encoding="utf-8"))
    return {**document, "status": job.status, "next": next_lines(directory, job)}


def _cost(job: TuningJob) -> str:
    if job.backend == "local":
        seconds = job.cost.get("seconds")
        return "this machine's" if seconds is None else f"this machine's, {plural(round(seconds), 'second')}"
    tokens, paid = job.cost.get("trained_tokens"), job.cost.get("dollars")
    counted = "" if tokens is None else f"{tokens:,} billed tokens"
    if paid is None:
        return f"{counted}, price unknown" if counted else "unknown"
    return f"{dollars(paid)}, {counted}" if counted else dollars(paid)
