# SPDX-License-Identifier: Apache-2.0
"""What a host of tuning keeps: files and jobs, whatever API they are asked for by.

Rules: a job is further each time that it is looked at, never by the clock; its rows are judged when it begins, as a
host judges them. What is refused is a `HostRefusal` with the host's status and words.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Host", "HostFile", "HostJob", "HostRefusal"]

_ENDED: Final = ("succeeded", "failed", "cancelled")
_TOKEN_CHARACTERS: Final = 4
_FORMS: Final = (
    {"messages"},
    {"prompt", "completion"},
)


class HostRefusal(Exception):
    """A request that the host does not do: its status, and its words."""

    def __init__(self, status: int, words: str, code: str | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.code = code


@dataclass
class HostFile:
    """A file at the host."""

    id: str
    name: str
    content: bytes
    purpose: str

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content)

    @property
    def rows(self) -> list[Any]:
        """Its lines as JSON; None for one that is none."""
        return [_read(line) for line in self.content.decode("utf-8-sig", "replace").splitlines()]


@dataclass
class HostJob:
    """A job at the host."""

    id: str
    base: str
    training: HostFile
    validation: HostFile | None
    suffix: str
    epochs: int
    ahead: Iterator[str] = field(repr=False)
    status: str = "queued"
    error: tuple[str, str] | None = None

    @property
    def trained_tokens(self) -> int | None:
        """What it charges, in the end."""
        return None if self.status != "succeeded" else self.epochs * self.training.size // _TOKEN_CHARACTERS

    def look(self) -> HostJob:
        """Go on one step."""
        if self.status not in _ENDED:
            self.status = next(self.ahead, self.status)
            if self.status == "failed" and self.error is None:
                self.error = ("server_error", "the training ended with an error")
        return self


class Host:
    """Files and jobs.

    Attributes:
        bases: The models that can be tuned.
        least_rows: Of a file to train on.
        files: By their ids, in order.
        jobs: By their ids, in order.
    """

    def __init__(self, bases: Iterable[str], least_rows: int, looks: int, ends: str) -> None:
        self.bases = tuple(bases)
        self.least_rows = least_rows
        self.files: dict[str, HostFile] = {}
        self.jobs: dict[str, HostJob] = {}
        self._course = [*["queued", *["running"] * looks][:looks], ends]
        self._numbers = itertools.count(1)

    def keep(self, name: str, content: bytes, purpose: str) -> HostFile:
        """Store a file."""
        file = HostFile(f"file-{next(self._numbers)}", name, content, purpose)
        self.files[file.id] = file
        return file

    def file(self, id_: str) -> HostFile:
        """Return a file; `HostRefusal`."""
        if id_ not in self.files:
            raise HostRefusal(404, f"No such File object: {id_}")
        return self.files[id_]

    def job(self, id_: str) -> HostJob:
        """Return a job; `HostRefusal`."""
        if id_ not in self.jobs:
            raise HostRefusal(404, f"Could not find fine tune: {id_}")
        return self.jobs[id_]

    def begin(
        self,
        base: str,
        training: HostFile,
        *,
        validation: HostFile | None = None,
        suffix: str = "",
        epochs: int | None = None,
    ) -> HostJob:
        """Begin a job. If its rows are invalid, it fails at the first look."""
        if base not in self.bases:
            raise HostRefusal(
                400,
                f"Model {base} is not available for fine-tuning or does not exist.",
                "model_not_available",
            )
        error = self._fault(training)
        ahead = iter(self._course if error is None else ["failed"])
        id_ = f"ftjob-{next(self._numbers)}"
        job = HostJob(id_, base, training, validation, suffix, epochs or 3, ahead, error=error)
        self.jobs[job.id] = job
        return job

    def cancel(self, id_: str) -> HostJob:
        """End a job; `HostRefusal`."""
        job = self.job(id_)
        if job.status in _ENDED:
            raise HostRefusal(400, f"Job has already {job.status}", "invalid_request_error")
        job.status = "cancelled"
        return job

    def _fault(self, training: HostFile) -> tuple[str, str] | None:
        rows = training.rows
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict) or set(row) not in _FORMS:
                return "invalid_file_format", f"Invalid file format. Line {number} has another form."
        if len(rows) < self.least_rows:
            return (
                "invalid_n_examples",
                f"Training file has {len(rows)} example(s), but must have at least {self.least_rows} examples",
            )
        return None


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
