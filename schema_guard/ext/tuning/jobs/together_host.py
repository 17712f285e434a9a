# SPDX-License-Identifier: Apache-2.0
"""Together as a host of tuning: a file goes where the host says, and its jobs are `fine-tunes`.

Source: together 3.1.1, `lib/resources/files.py` and `resources/fine_tuning.py`.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from schema_guard.ext.tuning.jobs.host_api import HostApi
from schema_guard.ext.tuning.jobs.remote import HostError, RemoteFile, RemoteJob

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.remote import TuningOrder

__all__ = ["TogetherHost"]

_UNSEEN: Final = "PENDING"
_FILES: Final = {
    _UNSEEN: "pending",
    "QUEUED": "pending",
    "RUNNING": "pending",
    "FAILED": "refused",
    "INVALID_FORMAT": "refused",
}
_JOBS: Final = {
    "pending": "queued",
    "queued": "queued",
    "cancelled": "cancelled",
    "error": "failed",
    "completed": "succeeded",
}
_NANO: Final = 1e-9  # its prices are billionths of a dollar


class TogetherHost(HostApi):
    """Files and jobs by Together's API."""

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Give the file of a name whose bytes are all there; it is looked at again where that was not begun."""
        size = path.stat().st_size
        files = self._wire.get("/files")["data"]
        file = next(
            (entry for entry in files if (entry["filename"], entry.get("bytes")) == (name, size)), None
        )
        return None if file is None else self._preprocess(file)

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Upload a file: ask where to, put it there, and have it looked at."""
        content = path.read_bytes()
        sent = {
            "purpose": "fine-tune",
            "file_name": name,
            "file_type": "jsonl",
            "checksum": hashlib.sha256(content).hexdigest(),
        }
        known, place = self._place(sent)
        if place is None:
            return self._existing_file(known, len(content))
        put: Any = self._wire.client.put
        self._wire.call(
            lambda: put(place, content=content, cast_to=object, options={"headers": {"Content-Type": "application/octet-stream"}})
        )  # fmt: skip
        return self._preprocess({"id": known, "processing_status": _UNSEEN})

    def _place(self, sent: dict[str, str]) -> tuple[str, str | None]:
        """Ask where a file goes; gives its name at the host, and the place, None where its content is there."""
        post: Any = self._wire.client.post
        options = {"headers": {"Content-Type": "multipart/form-data"}, "follow_redirects": False}
        try:
            self._wire.call(lambda: post("/files", body=sent, cast_to=object, options=options))
        except HostError as error:
            answer: Any = getattr(error.__cause__, "response", None)
            if error.status == HTTPStatus.CONFLICT and answer is not None:
                return str(answer.json()["file_id"]), None
            headers = {} if answer is None else answer.headers
            if error.status == HTTPStatus.FOUND and "location" in headers and "x-together-file-id" in headers:
                return headers["x-together-file-id"], headers["location"]
            raise
        raise HostError(f"{self._wire.label} does not say where the file goes", status=None, is_passing=False)

    def _existing_file(self, id_: str, size: int) -> RemoteFile:
        """Give a file whose content the host has from before."""
        file = self._wire.get(f"/files/{quote(id_)}")
        if file.get("bytes") != size:
            raise HostError(
                f"{self._wire.label} has a file {id_} of this content that is not whole: delete it there, then go on",
                status=None,
                is_passing=False,
            )
        return self._preprocess(file)

    def _preprocess(self, file: dict[str, Any]) -> RemoteFile:
        """Have a file looked at, where it waits for that."""
        if file.get("processing_status") != _UNSEEN:
            return _file(file)
        return _file(self._wire.post(f"/files/{quote(file['id'])}/preprocess"))

    def file(self, id_: str) -> RemoteFile:
        """Give how far a file is."""
        return _file(self._wire.get(f"/files/{quote(id_)}"))

    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Give the job whose model is named by the order's mark."""
        jobs = self._wire.get("/fine-tunes")["data"]
        return next((self._job(job) for job in jobs if order.mark in (_model(job) or "")), None)

    def start(self, order: TuningOrder) -> RemoteJob:
        """Begin a job: a LoRA, as it does by itself, with the loss on the answer alone."""
        body = {
            "model": order.base,
            "training_file": order.training,
            "validation_file": order.validation,
            "n_evals": None if order.validation is None else 1,
            "n_epochs": order.epochs,
            "suffix": f"sg-{order.mark}",
            "training_method": {"method": "sft", "train_on_inputs": False},
        }
        settings = {name: value for name, value in body.items() if value is not None}
        return self._job(self._wire.post("/fine-tunes", settings))

    def job(self, id_: str) -> RemoteJob:
        """Give how far a job is."""
        return self._job(self._wire.get(f"/fine-tunes/{quote(id_)}"))

    def cancel(self, id_: str) -> RemoteJob:
        """End a job."""
        self._wire.post(f"/fine-tunes/{quote(id_)}/cancel")
        return self.job(id_)

    def _job(self, job: dict[str, Any]) -> RemoteJob:
        status = _JOBS.get(job["status"], "running")
        price = job.get("total_price")
        model = _model(job) if status == "succeeded" else None
        return RemoteJob(
            id=job["id"],
            status=status,
            model=None if model is None else f"{self._connects}{model}",
            message=_last_event(job) or (job["status"] if status == "running" else None),
            trained_tokens=job.get("token_count"),
            dollars=price * _NANO if price else None,
            epochs=job.get("n_epochs"),
        )


def _model(job: dict[str, Any]) -> str | None:
    return job.get("model_output_name") or job.get("model_object_name")


def _last_event(job: dict[str, Any]) -> str | None:
    """Give the words of the last event of a job that has failed."""
    events = job.get("events") or ()
    return events[-1].get("message") if events and job["status"] == "error" else None


def _file(file: dict[str, Any]) -> RemoteFile:
    report = file.get("validation_report") or {}
    return RemoteFile(
        file["id"], _FILES.get(file.get("processing_status") or "", "ready"), report.get("error")
    )
