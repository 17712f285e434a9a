# SPDX-License-Identifier: Apache-2.0
"""A host of tuning with OpenAI's files and its `fine_tuning/jobs`.

Rules: files and jobs have the job's mark in their names, so that they are found again if an answer was lost. A call is
one request: the caller looks before it repeats one. A key goes to its own host only, and no error has it.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from schema_guard.errors import missing_extra
from schema_guard.ext.tuning.jobs.remote import HostError, RemoteFile, RemoteJob
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.remote import TuningOrder
    from schema_guard.models.endpoint import Endpoint

__all__ = ["JobHost"]

T = TypeVar("T")

_WIDTH: Final = 400
# Of a 429: what no waiting fixes.
_SPENT: Final = ("insufficient_quota", "billing_hard_limit_reached")
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)

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
_NEWEST_EVENTS: Final = 20
# The message of a step, as OpenAI writes it.
_STEP: Final = re.compile(r"Step (\d+)/(\d+): training loss=(\d+(?:\.\d+)?)")
_KEY_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_PENDING_STATES: Final = ("not ready", "being processed", "still processing")


class JobHost:
    """Files and jobs at a host. Every method raises `HostError`.

    Args:
        label: Name of the host in messages.
        endpoint: Address and key.
        connects: Prefix of the name of a tuned model for `connect`.
    """

    def __init__(self, label: str, endpoint: Endpoint, connects: str) -> None:
        try:
            self._sdk = import_module("openai")
        except ImportError as error:
            raise missing_extra(f"tuning at {label}", "openai", "openai") from error
        self._label, self._connects = label, connects
        self._endpoint = endpoint
        self._client: Any = self._sdk.OpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.key,
            timeout=endpoint.timeout_s,
            max_retries=0,
            http_client=self._sdk.DefaultHttpxClient(**endpoint.http_arguments(is_async=False)),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, call: Callable[[], T]) -> T:
        """Return what a call of the client gives.

        Raises:
            HostError: No answer came, or one that refuses.
        """
        try:
            # The key goes before a message is cut, which could leave a part of it.
            with self._endpoint.keyless():
                return call()
        except self._sdk.APIStatusError as error:
            raise self._refused(error) from error
        except self._sdk.APIError as error:
            raise HostError(
                f"{self._label} did not answer: {clip(str(error), _WIDTH)}", status=None, is_passing=True
            ) from error

    def _refused(self, error: Any) -> HostError:
        status, body = error.status_code, error.body
        code = body.get("code") if isinstance(body, dict) else None
        passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or (status in _PASSING and code not in _SPENT)
        return HostError(
            f"{self._label} replied with status {status}: {clip(_words(body) or str(error), _WIDTH)}",
            status=status,
            is_passing=passing,
            retry_after_s=_seconds(error.response.headers.get("retry-after")),
        )

    def check_key(self) -> None:
        """Raise `HostError` if the host refuses the key. Other faults are left to the requests of the job."""
        try:
            self._call(lambda: self._client.files.list(purpose=_PURPOSE, limit=1))
        except HostError as error:
            if error.status in _KEY_REFUSED:
                raise

    def progress(self, id_: str) -> dict[str, Any] | None:
        """Return the last step of a job, as its newest events report it; None if they report none."""
        events = self._call(lambda: self._client.fine_tuning.jobs.list_events(id_, limit=_NEWEST_EVENTS).data)
        for event in events:
            match = _STEP.search(event.message or "")
            if match:
                return {"step": int(match[1]), "steps": int(match[2]), "loss": float(match[3])}
        return None

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Return the file of a name and of this size."""
        size = path.stat().st_size

        def look() -> RemoteFile | None:
            for file in self._client.files.list(purpose=_PURPOSE):
                if file.filename == name and file.bytes == size:
                    return _file(file)
            return None

        return self._call(look)

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Upload a file."""
        with path.open("rb") as content:
            file = self._call(lambda: self._client.files.create(file=(name, content), purpose=_PURPOSE))
        return _file(file)

    def file(self, id_: str) -> RemoteFile:
        """Return how far a file is."""
        return _file(self._call(lambda: self._client.files.retrieve(id_)))

    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Return the job on the order's own file, which no other has."""

        def look() -> RemoteJob | None:
            for number, job in enumerate(self._client.fine_tuning.jobs.list(limit=_PAGE)):
                if job.training_file == order.training:
                    return self._job(job)
                if number == _MOST_JOBS:
                    break
            return None

        return self._call(look)

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
            job = self._call(lambda: self._client.fine_tuning.jobs.create(**named))
        except HostError as error:
            if any(words in str(error) for words in _PENDING_STATES):
                error.is_passing = True
            raise
        return self._job(job)

    def job(self, id_: str) -> RemoteJob:
        """Return how far a job is."""
        return self._job(self._call(lambda: self._client.fine_tuning.jobs.retrieve(id_)))

    def cancel(self, id_: str) -> RemoteJob:
        """End a job."""
        return self._job(self._call(lambda: self._client.fine_tuning.jobs.cancel(id_)))

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
            finish_at=getattr(job, "estimated_finish", None),
        )


def _file(file: Any) -> RemoteFile:
    details = getattr(file, "status_details", None)
    return RemoteFile(file.id, _FILES.get(getattr(file, "status", None) or "", "ready"), details)


def _words(body: Any) -> str | None:
    """Return the message of an error's body, in whichever form it came."""
    while isinstance(body, dict):
        body = next((body[name] for name in ("error", "message", "detail") if body.get(name)), None)
    return body if isinstance(body, str) else None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None
