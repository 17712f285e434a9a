# SPDX-License-Identifier: Apache-2.0
"""Tuning hosts, which have OpenAI's files and its `fine_tuning/jobs`.

To add a host, add a row to `export/hosts.json`, and one to `models.providers.PROVIDERS` for its address and key.

Rules: files and jobs have the job's mark in their names, so that they can be found if an answer was lost. A call is
one request, and the caller searches before it repeats one. A key goes only to its own host, and no error contains it.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from schema_guard.errors import InvalidArgument, SchemaGuardError, missing_extra
from schema_guard.ext.tuning.export.hosts import host_of
from schema_guard.ext.tuning.training_rows import TRAIN
from schema_guard.ext.tuning.tuned_model import TunedModel
from schema_guard.models.endpoint import Endpoint, foreign_headers
from schema_guard.models.providers import KEY_VARIABLE, PROVIDERS
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.state import TuningJob

T = TypeVar("T")

# Limit of one request. Uploads take the longest.
_TIMEOUT_S: Final = 600.0
_WIDTH: Final = 400
# Codes of a 429 that no waiting fixes.
_SPENT: Final = ("insufficient_quota", "billing_hard_limit_reached")
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)

_PURPOSE: Final = "fine-tune"
# `uploaded` is for servers that don't check files before a job. Servers that do refuse the job during the check.
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
_MILLION: Final = 1_000_000
# Number of jobs that are searched for one whose answer was lost. It is among the newest.
_MOST_JOBS: Final = 1000
_NEWEST_EVENTS: Final = 20
# The message of a step in OpenAI's form.
_STEP: Final = re.compile(r"Step (\d+)/(\d+): training loss=(\d+(?:\.\d+)?)")
_KEY_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_PENDING_STATES: Final = ("not ready", "being processed", "still processing")


class HostError(SchemaGuardError):
    """A host refused a request, or did not answer.

    Attributes:
        status: The HTTP status; None without an answer.
        is_passing: Whether a retry may succeed.
        retry_after_s: Seconds that the host asked to wait; None if it didn't ask.
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
        id: Id of the file at the host.
        state: `ready`, `pending` while the host checks it, or `refused`.
        message: Message of the host about it; None without one.
    """

    id: str
    state: str = "ready"
    message: str | None = None


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
        """Return the result of a call of the client.

        Raises:
            HostError: No answer came, or the host refused the request.
        """
        try:
            # The key is removed before a message is cut, because the cut could leave a part of it.
            with self._endpoint.keyless():
                return call()
        except self._sdk.APIStatusError as error:
            raise self._refused(error) from error
        except self._sdk.APIError as error:
            raise HostError(
                f"{self._label} did not reply: {clip(str(error), _WIDTH)}", status=None, is_passing=True
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

    def last_step(self, job: TuningJob) -> dict[str, Any] | None:
        """Return the last step in a job's newest events, or None if they have none."""
        events = self._call(
            lambda: self._client.fine_tuning.jobs.list_events(job.id, limit=_NEWEST_EVENTS).data
        )
        for event in events:
            match = _STEP.search(event.message or "")
            if match:
                return {"step": int(match[1]), "steps": int(match[2]), "loss": float(match[3])}
        return None

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Return the file with this name and this size, or None."""
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
        """Return a file with its current state."""
        return _file(self._call(lambda: self._client.files.retrieve(id_)))

    def find_job(self, job: TuningJob) -> TuningJob | None:
        """Return a job with the state at the host, found by its training file, which no other job has, or None."""

        def look() -> TuningJob | None:
            for number, remote in enumerate(self._client.fine_tuning.jobs.list(limit=_PAGE)):
                if remote.training_file == job.files[TRAIN]:
                    return self._seen(job, remote)
                if number == _MOST_JOBS:
                    break
            return None

        return self._call(look)

    def start(self, job: TuningJob) -> TuningJob:
        """Start a job whose files are uploaded, and return it with the state at the host."""
        epochs = job.cost.get("epochs")
        chosen = {} if epochs is None else {"hyperparameters": {"n_epochs": epochs}}
        arguments: dict[str, Any] = {
            "model": job.base,
            "training_file": job.files[TRAIN],
            "validation_file": next((id_ for name, id_ in job.files.items() if name != TRAIN), None),
            "suffix": f"sg-{job.mark}",
            # Servers without methods always use the supervised one.
            "method": {"type": "supervised", "supervised": chosen} if chosen else None,
        }
        named = {name: value for name, value in arguments.items() if value is not None}
        try:
            return self._seen(job, self._call(lambda: self._client.fine_tuning.jobs.create(**named)))
        except HostError as error:
            if any(words in str(error) for words in _PENDING_STATES):
                error.is_passing = True
            raise

    def job(self, job: TuningJob) -> TuningJob:
        """Return a job with the state at the host."""
        return self._seen(job, self._call(lambda: self._client.fine_tuning.jobs.retrieve(job.id)))

    def cancel(self, job: TuningJob) -> TuningJob:
        """Cancel a job, and return it with the state at the host."""
        return self._seen(job, self._call(lambda: self._client.fine_tuning.jobs.cancel(job.id)))

    def _seen(self, job: TuningJob, remote: Any) -> TuningJob:
        """Return a job with the state that the host reports."""
        status = _JOBS.get(remote.status, "running")
        error = getattr(remote.error, "message", None) if getattr(remote, "error", None) else None
        model = getattr(remote, "fine_tuned_model", None) if status == "succeeded" else None
        epochs = getattr(getattr(remote, "hyperparameters", None), "n_epochs", None)
        tokens, price = getattr(remote, "trained_tokens", None), job.cost.get("price")
        paid = {
            "trained_tokens": tokens,
            "trained_epochs": epochs if isinstance(epochs, int | float) else None,
            # The host reports the charged tokens. The price is the one that the user agreed to.
            "dollars": None if tokens is None or price is None else tokens * price / _MILLION,
        }
        finish_at = getattr(remote, "estimated_finish", None) if status == "running" else None
        left_s = None if finish_at is None else max(0.0, finish_at - time.time())
        return replace(
            job,
            id=remote.id,
            status=status,
            message=error or (remote.status if remote.status == "validating_files" else None),
            result=None if model is None else TunedModel(f"{self._connects}{model}"),
            cost={**job.cost, **{name: value for name, value in paid.items() if value is not None}},
            progress=None
            if left_s is None
            else {"step": None, "steps": None, "loss": None, "seconds_left": left_s},
        )


def _file(file: Any) -> RemoteFile:
    details = getattr(file, "status_details", None)
    return RemoteFile(file.id, _FILES.get(getattr(file, "status", None) or "", "ready"), details)


def _words(body: Any) -> str | None:
    """Return the message in the body of an error, in any known form."""
    while isinstance(body, dict):
        body = next((body[name] for name in ("error", "message", "detail") if body.get(name)), None)
    return body if isinstance(body, str) else None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None


def connect_host(backend: str, url: str | None) -> JobHost:
    """Return a host. Nothing is sent before the first call.

    The key is the one that `connect` would use. It is in the host's own variable, or in SCHEMA_GUARD_MODEL_KEY for a
    server with a URL.

    Args:
        backend: One of `BACKENDS`.
        url: Address of the host; None for its usual address.

    Raises:
        InvalidArgument: The host has no usable address or no key, or has an API of its own.
        MissingExtra: The `openai` package is not installed.
    """
    host = host_of(backend)
    if host.guide is not None:
        raise InvalidArgument(
            f"--backend {backend}: schema_guard can't start jobs at {host.label}, which has its own API. Upload train.jsonl and validation.jsonl as {host.guide} describes, then use connect('{backend}:NAME')"
        )
    if url is not None or backend == "openai-compatible":
        address = checked_url(url)
        key, connects, foreign = os.environ.get(KEY_VARIABLE) or None, f"{address}#", foreign_headers("")
    else:
        provider = PROVIDERS[backend]
        address, key, connects = provider.base_url(), provider.key(None), f"{backend}:"
        foreign = foreign_headers(backend)
    return JobHost(host.label, Endpoint(address, key, _TIMEOUT_S, foreign=foreign), connects)


def checked_url(url: str | None) -> str:
    """Return the URL of a server.

    Raises:
        InvalidArgument: There is no valid URL, or it may contain a key.
    """
    if url is None:
        raise InvalidArgument("--url is missing: expected http://HOST:PORT/v1")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgument(f"--url {clip(repr(url))}: expected http://HOST:PORT/v1")
    if "@" in parts.netloc or parts.query:
        raise InvalidArgument(
            f"--url: expected a URL without a password or a query. Set the key in {KEY_VARIABLE}"
        )
    return url.rstrip("/")
