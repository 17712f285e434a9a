# SPDX-License-Identifier: Apache-2.0
"""What a host of tuning is asked for and tells of: orders, files, jobs, and what it did not do."""

from __future__ import annotations

from typing import NamedTuple

from schema_guard.errors import SchemaGuardError

__all__ = ["HostError", "RemoteFile", "RemoteJob", "TuningOrder"]


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
        message: What the host says of it; None for nothing.
    """

    id: str
    state: str = "ready"
    message: str | None = None


class RemoteJob(NamedTuple):
    """A job at a host.

    Attributes:
        id: What it is called there.
        status: `queued running succeeded failed cancelled`.
        model: The tuned model, as `connect` takes it; None while there is none.
        message: What the host says of it; None for nothing.
        trained_tokens: Tokens that it charges; None where it does not say.
        epochs: How often it goes over the rows; None where it does not say.
        finish_at: Estimated end, in seconds since 1970; None if it is not known.
    """

    id: str
    status: str
    model: str | None = None
    message: str | None = None
    trained_tokens: int | None = None
    epochs: float | None = None
    finish_at: float | None = None


class TuningOrder(NamedTuple):
    """What a host is to tune.

    Attributes:
        base: The model, as the host names it.
        mark: 12 hex digits that are in the names of the job and of its model.
        training: What the host calls the file of rows.
        validation: What it calls the file that it measures on; None for none.
        epochs: How often it goes over the rows; None for what the host takes by itself.
    """

    base: str
    mark: str
    training: str
    validation: str | None
    epochs: int | None
