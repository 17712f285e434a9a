# SPDX-License-Identifier: Apache-2.0
"""A job at a host, step by step: upload, start, and wait for its end.

The job is saved before each request that starts something, and after its answer (see `state`). If a process ended, or
an answer never came, the host is searched for the file or the job before it is started again. Therefore nothing is
uploaded or started twice. A fault that can pass is retried. A refusal of the host is raised, and the same call resumes
the job when the cause is fixed. An interrupt leaves the job running.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.errors import InvalidArgument, SchemaGuardError
from schema_guard.ext.tuning.jobs.hosts import HostError
from schema_guard.ext.tuning.jobs.state import digests, progress_text, save_job

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.hosts import JobHost, RemoteFile
    from schema_guard.ext.tuning.jobs.state import TuningJob

T = TypeVar("T")

# Attempts at a request with a fault that may pass: two to three minutes, including the waits.
_TRIES: Final = 8
# Attempts at a request for a job's state: hours, because the job continues anyway.
_LOOKS: Final = 60
# Statuses of a refused request for a job, which didn't begin.
_REFUSALS: Final = (400, 401, 403, 404, 422)
_GROWS: Final = 1.6


@dataclass(frozen=True, kw_only=True)
class Following:
    """The settings for following a job.

    Attributes:
        first_s: Seconds before the first repetition of a request. The pauses grow.
        most_s: Longest pause, in seconds.
        wait: Function that waits for a number of seconds.
        on_step: Function that takes the step, the amount done, and the total amount if it is known.
    """

    first_s: float = 1.0
    most_s: float = 60.0
    wait: Callable[[float], Any] = time.sleep
    on_step: Callable[[str, int, int | None], Any] = lambda word, done, total: None

    def pauses(self) -> Callable[[float | None], None]:
        """Return a function that waits longer each time, and at least its argument in seconds."""
        next_s = self.first_s

        def pause(least_s: float | None) -> None:
            nonlocal next_s
            self.wait(min(max(next_s, least_s or 0.0), self.most_s))
            next_s = min(next_s * _GROWS, self.most_s)

        return pause


@dataclass(frozen=True, kw_only=True)
class HostTuning:
    """The tuning of a training set at a host.

    Attributes:
        directory: Folder of the training set. The caller has to lock it (`state.lock_job`).
        host: Host that tunes the model.
        following: Settings for following the job.
    """

    directory: Path
    host: JobHost
    following: Following

    def run(self, job: TuningJob) -> TuningJob:
        """Run the remaining steps of a job, and follow it to its end.

        Args:
            job: The job with its state. The training file is the first of its `set`.

        Raises:
            InvalidArgument: A file has changed since the job began.
            HostError: The host refuses, or doesn't answer for a long time. The same call resumes the job.
            KeyboardInterrupt: The user stopped waiting. The job continues at the host.
        """
        if job.id is None:
            check_unchanged(self.directory, job)
            before = job.status
            for name in job.set:
                job = self._uploaded(job, name, look_first=before != "planned")
            job = self._started(job, look_first=before == "starting")
        return self._followed(job)

    def look_at(self, job: TuningJob) -> TuningJob:
        """Return a job with its current state at the host. A job that didn't begin there is unchanged.

        Raises:
            HostError: The host refuses, or doesn't answer.
        """
        if job.id is None or job.has_ended:
            return job
        now = _again(partial(self.host.job, job), self.following)
        if now.status == "running":
            with suppress(HostError):  # a host may have no events
                if (step := self.host.last_step(now)) is not None:
                    left_s = (now.progress or {}).get("seconds_left")
                    now = replace(now, progress={**step, "seconds_left": left_s})
        return self._saved(now)

    def cancel(self, job: TuningJob) -> TuningJob:
        """Cancel a job, even if the request that started it had no answer. Return it with its new state.

        Raises:
            SchemaGuardError: The job has already ended.
            HostError: The host refuses, or doesn't answer.
        """
        if job.has_ended:
            raise SchemaGuardError(f"the job has already ended with the status '{job.status}'")
        if job.id is None and job.is_begun:
            job = _again(partial(self.host.find_job, job), self.following) or job
        if job.id is None:
            return self._saved(replace(job, status="cancelled"))
        return self._saved(_again(partial(self.host.cancel, job), self.following))

    def _uploaded(self, job: TuningJob, name: str, *, look_first: bool) -> TuningJob:
        if name not in job.files:
            path, remote = self.directory / name, f"schema-guard-{job.mark}-{name}"
            job = self._saved(replace(job, status="uploading"))
            self.following.on_step(f"upload {name}", 0, None)
            file = _once(
                lambda: self.host.find_file(path, remote),
                lambda: self.host.upload(path, remote),
                self.following,
                look_first=look_first,
            )
            job = self._saved(replace(job, files={**job.files, name: file.id}))
        _await_file(self.host, job.files[name], name, self.following)
        return job

    def _started(self, job: TuningJob, *, look_first: bool) -> TuningJob:
        started = self._saved(replace(job, status="starting"))
        self.following.on_step("begun", 0, None)
        refused: list[HostError] = []

        def start() -> TuningJob:
            try:
                return self.host.start(started)
            except HostError as error:
                refused.append(error)
                raise

        try:
            begun = _once(lambda: self.host.find_job(started), start, self.following, look_first=look_first)
        except HostError as error:
            # A refused search for the job proves nothing.
            if error in refused and error.status in _REFUSALS:
                # There is no job to search for, and another one may begin instead.
                self._saved(replace(started, status="uploading"))
            raise
        return self._saved(begun)

    def _followed(self, job: TuningJob) -> TuningJob:
        pause = self.following.pauses()
        while not job.has_ended:
            pause(None)
            job = self._saved(_again(partial(self.host.job, job), self.following, tries=_LOOKS))
            self.following.on_step(f"{job.id}: {progress_text(job) or job.message or job.status}", 0, None)
        return job

    def _saved(self, job: TuningJob) -> TuningJob:
        save_job(self.directory, job)
        return job


def check_unchanged(directory: Path, job: TuningJob) -> None:
    """Check that the files are still those of the job.

    Raises:
        InvalidArgument: A file has changed.
    """
    now = digests(directory, tuple(job.set))
    changed = [name for name, digest in job.set.items() if now[name] != digest]
    if changed:
        raise InvalidArgument(
            f"{', '.join(changed)} changed after the job began. Restore each file, or start a new job with --again"
        )


def _await_file(host: JobHost, id_: str, name: str, following: Following) -> None:
    """Wait until the host has checked a file."""
    pause = following.pauses()
    for _ in range(_LOOKS):
        file: RemoteFile = _again(lambda: host.file(id_), following)
        if file.state == "refused":
            raise HostError(
                f"the host rejected {name} ({id_}): {file.message or 'no reason given'}. Fix the rows, then start a new job with --again",
                status=None,
                is_passing=False,
            )
        if file.state == "ready":
            return
        following.on_step(f"the host checks {name}", 0, None)
        pause(None)
    raise HostError(
        f"the host is still checking {name} ({id_}). Run the same command again later",
        status=None,
        is_passing=False,
    )


def _again(call: Callable[[], T], following: Following, *, tries: int = _TRIES) -> T:
    """Return the result of a call that changes nothing. After a fault that may pass, wait and retry."""
    pause = following.pauses()
    while True:
        try:
            return call()
        except HostError as error:
            tries -= 1
            if not error.is_passing or not tries:
                raise
            pause(error.retry_after_s)


def _once(
    find: Callable[[], T | None], make: Callable[[], T], following: Following, *, look_first: bool
) -> T:
    """Return the result of *make*. Before a repetition, search for the result with *find*."""
    pause = following.pauses()
    for remaining in reversed(range(_TRIES)):
        known = _again(find, following) if look_first else None
        if known is not None:
            return known
        try:
            return make()
        except HostError as error:
            if not error.is_passing or not remaining:
                raise
            look_first = True
            pause(error.retry_after_s)
    raise AssertionError("unreachable")
