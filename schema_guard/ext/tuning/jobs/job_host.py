# SPDX-License-Identifier: Apache-2.0
"""A host of tuning with OpenAI's files and its `fine_tuning/jobs`.

Rules: files and jobs have the job's mark in their names, so that they are found again if an answer was lost. A call is
one request: the caller looks before it repeats one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.tuning.jobs.remote import HostError, RemoteFile, RemoteJob

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.remote import TuningOrder
    from schema_guard.ext.tuning.jobs.wire import Wire

__all__ = ["JobHost"]

_PURPOSE: Final = "fine-tune"
# `uploaded` is for servers that look at no file before a job; who does look refuses the job while it is at it.
_FILES: Final = {"error": "refused", "deleted": "refused", "pending": "pending", "running": "pending"}
_JOBS: Final = {
    "validating_files": "queued",
    "queued": "queued",
    "pending": "queued",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_PAGE: Final = 100
# What is looked through for a job whose answer was lost: it is among the newest.
_MOST_JOBS: Final = 1000
_PENDING_STATES: Final = ("not ready", "being processed", "still processing")


class JobHost:
    """Files and jobs at a host. Every method raises `HostError`.

    Args:
        wire: The connection.
        connects: Prefix of the name of a tuned model for `connect`.
    """

    def __init__(self, wire: Wire, connects: str) -> None:
        self._wire = wire
        self._connects = connects

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Give the file of a name and of this size."""
        size = path.stat().st_size

        def look() -> RemoteFile | None:
            for file in self._wire.client.files.list(purpose=_PURPOSE):
                if file.filename == name and file.bytes == size:
                    return _file(file)
            return None

        return self._wire.call(look)

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Upload a file."""
        with path.open("rb") as content:
            file = self._wire.call(
                lambda: self._wire.client.files.create(file=(name, content), purpose=_PURPOSE)
            )
        return _file(file)

    def file(self, id_: str) -> RemoteFile:
        """Give how far a file is."""
        return _file(self._wire.call(lambda: self._wire.client.files.retrieve(id_)))

    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Give the job on the order's own file, which no other has."""

        def look() -> RemoteJob | None:
            for number, job in enumerate(self._wire.client.fine_tuning.jobs.list(limit=_PAGE)):
                if job.training_file == order.training:
                    return self._job(job)
                if number == _MOST_JOBS:
                    break
            return None

        return self._wire.call(look)

    def start(self, order: TuningOrder) -> RemoteJob:
        """Begin a job."""
        epochs = {} if order.epochs is None else {"hyperparameters": {"n_epochs": order.epochs}}
        arguments: dict[str, Any] = {
            "model": order.base,
            "training_file": order.training,
            "validation_file": order.validation,
            "suffix": f"sg-{order.mark}",
            # The supervised one is what every server does that knows no methods.
            "method": {"type": "supervised", "supervised": epochs} if epochs else None,
        }
        named = {name: value for name, value in arguments.items() if value is not None}
        try:
            job = self._wire.call(lambda: self._wire.client.fine_tuning.jobs.create(**named))
        except HostError as error:
            if any(words in str(error) for words in _PENDING_STATES):
                error.is_passing = True
            raise
        return self._job(job)

    def job(self, id_: str) -> RemoteJob:
        """Give how far a job is."""
        return self._job(self._wire.call(lambda: self._wire.client.fine_tuning.jobs.retrieve(id_)))

    def cancel(self, id_: str) -> RemoteJob:
        """End a job."""
        return self._job(self._wire.call(lambda: self._wire.client.fine_tuning.jobs.cancel(id_)))

    def _job(self, job: Any) -> RemoteJob:
        status = _JOBS.get(job.status, "running")
        error = getattr(job.error, "message", None) if getattr(job, "error", None) else None
        epochs = getattr(getattr(job, "hyperparameters", None), "n_epochs", None)
        model = getattr(job, "fine_tuned_model", None) if status == "succeeded" else None
        return RemoteJob(
            id=job.id,
            status=status,
            model=None if model is None else f"{self._connects}{model}",
            message=error or (job.status if job.status == "validating_files" else None),
            trained_tokens=getattr(job, "trained_tokens", None),
            epochs=epochs if isinstance(epochs, int | float) else None,
        )


def _file(file: Any) -> RemoteFile:
    details = getattr(file, "status_details", None)
    return RemoteFile(file.id, _FILES.get(getattr(file, "status", None) or "", "ready"), details)
