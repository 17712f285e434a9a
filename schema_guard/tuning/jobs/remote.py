# SPDX-License-Identifier: Apache-2.0
"""What a host of tuning is asked, whoever it is: files, jobs, dates.

Rules: what is made there is named by the job's mark, so that it is found again when an answer was lost. A host does
nothing twice by itself: who calls looks first.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from schema_guard.errors import SchemaGuardError

__all__ = ["HostApi", "HostError", "RemoteFile", "RemoteJob", "TuningOrder"]


class HostError(SchemaGuardError):
    """A host did not do what it was asked.

    Attributes:
        status: The HTTP status; None where no answer came.
        is_passing: Whether it may do it when it is asked again.
        retry_after_s: Seconds that it said to wait; None where it said none.
    """

    def __init__(
        self, message: str, *, status: int | None, is_passing: bool, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_passing = is_passing
        self.retry_after_s = retry_after_s


class RemoteFile(NamedTuple):
    """A file at a host.

    Attributes:
        id: What it is called there.
        state: `ready`, `pending` while the host looks at it, or `refused`.
        said: What the host says of it; None for nothing.
    """

    id: str
    state: str = "ready"
    said: str | None = None


class RemoteJob(NamedTuple):
    """A job at a host.

    Attributes:
        id: What it is called there.
        status: `queued running succeeded failed cancelled`.
        model: The tuned model, as `connect` takes it; None while there is none.
        said: What the host says of it; None for nothing.
        trained_tokens: Tokens that it charges; None where it does not say.
        dollars: What it says that it costs; None where it does not.
        epochs: How often it goes over the rows; None where it does not say.
        done: The part of it that is done, in [0, 1]; None where it does not say.
    """

    id: str
    status: str
    model: str | None = None
    said: str | None = None
    trained_tokens: int | None = None
    dollars: float | None = None
    epochs: float | None = None
    done: float | None = None


class TuningOrder(NamedTuple):
    """What a host is to tune.

    Attributes:
        base: The model, as the host names it.
        mark: 12 hex digits that are in the names of the job and of its model.
        form: `sft` or `dpo`.
        training: What the host calls the file of rows.
        validation: What it calls the file that it measures on; None for none.
        epochs: How often it goes over the rows; None for what the host takes by itself.
        seed: None for what the host takes by itself.
    """

    base: str
    mark: str
    form: str
    training: str
    validation: str | None
    epochs: int | None
    seed: int | None


class HostApi(Protocol):
    """Who tunes for others; every method raises `HostError`."""

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Give the file of a name that was uploaded whole; None where there is none."""

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Upload a file under a name."""

    def file(self, id_: str) -> RemoteFile:
        """Give how far a file is."""

    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Give the job that an order has begun; None where there is none."""

    def start(self, order: TuningOrder) -> RemoteJob:
        """Begin a job."""

    def job(self, id_: str) -> RemoteJob:
        """Give how far a job is."""

    def cancel(self, id_: str) -> RemoteJob:
        """End a job, and give how it is then."""

    def shutdown_date(self, base: str) -> str | None:
        """Give the last day of a model as the host's list says it; None where it says none."""

    def close(self) -> None:
        """Close the connections."""
