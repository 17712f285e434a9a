# SPDX-License-Identifier: Apache-2.0
"""Fireworks as a host of tuning: datasets and jobs of an account, under names that are chosen here.

Source: fireworks-ai 1.2.30, `resources/datasets.py` and `supervised_fine_tuning_jobs.py`.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.tuning.jobs.host_api import HostApi
from schema_guard.ext.tuning.jobs.remote import HostError, RemoteFile, RemoteJob

if TYPE_CHECKING:
    from pathlib import Path

    from schema_guard.ext.tuning.jobs.remote import TuningOrder
    from schema_guard.ext.tuning.jobs.wire import Wire

__all__ = ["ACCOUNT_VARIABLE", "FireworksHost"]

ACCOUNT_VARIABLE: Final = "FIREWORKS_ACCOUNT_ID"
_JOBS: Final = {
    **dict.fromkeys(("CREATING", "PENDING", "VALIDATING", "RE_QUEUEING", "CREATING_INPUT_DATASET"), "queued"),
    **dict.fromkeys(("COMPLETED", "EARLY_STOPPED"), "succeeded"),
    **dict.fromkeys(("FAILED", "EXPIRED"), "failed"),
    "CANCELLED": "cancelled",
}
_STATE: Final = "JOB_STATE_"
_TUNING_JOBS: Final = "supervisedFineTuningJobs"
_PERCENT: Final = 100
_NANO: Final = 1e-9


class FireworksHost(HostApi):
    """Datasets and jobs by Fireworks' API."""

    def __init__(self, wire: Wire, connects: str) -> None:
        super().__init__(wire, connects)
        self._account: str | None = os.environ.get(ACCOUNT_VARIABLE) or None

    def find_file(self, path: Path, name: str) -> RemoteFile | None:
        """Give the dataset of a name whose rows are there."""
        dataset = self._or_none(f"{self._of_account('datasets')}/{_dataset_name(name)}")
        return None if dataset is None or dataset.get("state") == "UPLOADING" else _dataset(dataset)

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Make a dataset and put the rows into it; one that was made and is empty is filled."""
        content = path.read_bytes()
        rows = str(content.count(b"\n"))
        datasets, id_ = self._of_account("datasets"), _dataset_name(name)
        body = {"datasetId": id_, "dataset": {"userUploaded": {}, "format": "CHAT", "exampleCount": rows}}
        self._create(datasets, body)
        post: Any = self._wire.client.post
        options = {"headers": {"Content-Type": "multipart/form-data"}}
        self._wire.call(
            lambda: post(f"{datasets}/{id_}:upload", files={"file": (name, content)}, cast_to=object, options=options)
        )  # fmt: skip
        return self.file(f"{datasets}/{id_}")

    def file(self, id_: str) -> RemoteFile:
        """Give how far a dataset is."""
        return _dataset(self._wire.get(_path(id_)))

    def find_job(self, order: TuningOrder) -> RemoteJob | None:
        """Give the job of the order's name."""
        job = self._or_none(f"{self._of_account(_TUNING_JOBS)}/{_job_name(order)}")
        return None if job is None else self._job(job)

    def start(self, order: TuningOrder) -> RemoteJob:
        """Begin a job, which makes a LoRA."""
        base = order.base if "/" in order.base else f"accounts/fireworks/models/{order.base}"
        model = f"accounts/{self._account_id()}/models/{_job_name(order)}"
        settings = {
            "dataset": order.training,
            "displayName": _job_name(order),
            "baseModel": base,
            "outputModel": model,
            "epochs": order.epochs,
            "evaluationDataset": order.validation,
        }
        body = {name: value for name, value in settings.items() if value is not None}
        jobs, name = self._of_account(_TUNING_JOBS), _job_name(order)
        self._create(jobs, body, {"supervisedFineTuningJobId": name})
        return self.job(f"{jobs}/{name}")

    def job(self, id_: str) -> RemoteJob:
        """Give how far a job is."""
        return self._job(self._wire.get(_path(id_)))

    def cancel(self, id_: str) -> RemoteJob:
        """End a job."""
        self._wire.post(f"{_path(id_)}:cancel", {})
        return self.job(id_)

    def _of_account(self, kind: str) -> str:
        return f"/v1/accounts/{self._account_id()}/{kind}"

    def _account_id(self) -> str:
        """Give whose account it is: that of the variable, else the only one that the key is for."""
        if self._account is None:
            names = [account["name"] for account in self._wire.get("/v1/accounts").get("accounts", ())]
            if len(names) != 1:
                listed = ", ".join(names) or "none"
                raise InvalidArgument(
                    f"{self._wire.label} has several accounts for this key ({listed}): say which in {ACCOUNT_VARIABLE}"
                )
            self._account = PurePath(names[0]).name
        return self._account

    def _or_none(self, path: str) -> dict[str, Any] | None:
        try:
            reply: dict[str, Any] = self._wire.get(path)
        except HostError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return reply

    def _create(self, path: str, body: dict[str, Any], query: dict[str, str] | None = None) -> None:
        """Make something under a name of ours; that it is there already is as good."""
        try:
            self._wire.post(path, body, query)
        except HostError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def _job(self, job: dict[str, Any]) -> RemoteJob:
        state = str(job.get("state", "")).removeprefix(_STATE)
        status = _JOBS.get(state, "running")
        percent = (job.get("jobProgress") or {}).get("percent")
        message = (job.get("status") or {}).get("message")
        return RemoteJob(
            id=job["name"],
            status=status,
            model=f"{self._connects}{job['outputModel']}" if status == "succeeded" else None,
            message=message or None,
            dollars=_dollars(job.get("estimatedCost")),
            epochs=job.get("epochs"),
            done=None if percent is None else percent / _PERCENT,
        )


def _dataset_name(name: str) -> str:
    """Give a file's name as one of a dataset: small letters, digits and hyphens."""
    return name.removesuffix(".jsonl").replace(".", "-").lower()


def _job_name(order: TuningOrder) -> str:
    return f"schema-guard-{order.mark}"


def _path(id_: str) -> str:
    return id_ if id_.startswith("/v1/") else f"/v1/{id_}"


def _dataset(dataset: dict[str, Any]) -> RemoteFile:
    status = dataset.get("status") or {}
    if status.get("code", "OK") != "OK":
        return RemoteFile(dataset["name"], "refused", status.get("message"))
    return RemoteFile(dataset["name"], "pending" if dataset.get("state") == "UPLOADING" else "ready")


def _dollars(cost: dict[str, Any] | None) -> float | None:
    if not cost or cost.get("currencyCode", "USD") != "USD":
        return None
    return int(cost.get("units") or 0) + int(cost.get("nanos") or 0) * _NANO
