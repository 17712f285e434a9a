# SPDX-License-Identifier: Apache-2.0
"""Fireworks' datasets and fine-tuning jobs, as its API has them: named by who makes them, in an account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.tuning.host import HostRefusal
from schema_guard.ext.loopback.tuning.requests import Answered

if TYPE_CHECKING:
    from schema_guard.ext.loopback.tuning.host import Host, HostFile, HostJob
    from schema_guard.ext.loopback.tuning.requests import TuningRequest

__all__ = ["fireworks_answer"]

_ACCOUNT: Final = "accounts/shop"
_ROOT: Final = f"/v1/{_ACCOUNT}"
_ID: Final = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_JOBS: Final = "supervisedFineTuningJobs"
_STATES: Final = {"queued": "PENDING", "running": "RUNNING", "succeeded": "COMPLETED"}


def fireworks_answer(desk: Host, request: TuningRequest) -> Answered | None:
    """Answer a request; None where it asks for something else."""
    path = request.path
    if path == "/v1/accounts":
        return Answered({"accounts": [{"name": _ACCOUNT, "email": "shop@example.com"}], "totalSize": 1})
    if path.startswith("/v1/accounts/") and not path.startswith((f"{_ROOT}/", "/v1/accounts/fireworks/")):
        raise HostRefusal(403, "PERMISSION_DENIED: the key is not for this account", "PERMISSION_DENIED")
    if path.startswith("/v1/accounts/fireworks/models/"):
        name = path.removeprefix("/v1/")
        if name not in desk.bases:
            raise HostRefusal(404, f"NOT_FOUND: {name}", "NOT_FOUND")
        return Answered({"name": name, "tunable": True})
    kind, _, rest = path.removeprefix(f"{_ROOT}/").partition("/")
    if not path.startswith(f"{_ROOT}/") or kind not in ("datasets", _JOBS):
        return None
    return Answered((_jobs if kind == _JOBS else _datasets)(desk, request, rest))


def _checked(desk_ids: Any, id_: Any, full: str) -> None:
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        raise HostRefusal(400, f"INVALID_ARGUMENT: invalid resource id {id_!r}", "INVALID_ARGUMENT")
    if full in desk_ids:
        raise HostRefusal(409, f"ALREADY_EXISTS: {full}", "ALREADY_EXISTS")


def _datasets(desk: Host, request: TuningRequest, rest: str) -> dict[str, Any]:
    if not rest and request.method == "GET":
        return {"datasets": [_dataset(file) for file in desk.files.values()], "totalSize": len(desk.files)}
    if not rest:
        id_ = request.body.get("datasetId")
        full = f"{_ACCOUNT}/datasets/{id_}"
        _checked(desk.files, id_, full)
        return _dataset(desk.keep(full, None, id_=full))
    name, _, what = rest.partition(":")
    dataset = desk.file(f"{_ACCOUNT}/datasets/{name}")
    if what == "upload":
        if "file" not in request.files:
            raise HostRefusal(400, "INVALID_ARGUMENT: no file in the form", "INVALID_ARGUMENT")
        dataset.content = request.files["file"][1]
        return {}
    return _dataset(dataset)


def _jobs(desk: Host, request: TuningRequest, rest: str) -> dict[str, Any]:
    if not rest and request.method == "GET":
        return {_JOBS: [_job(job) for job in desk.jobs.values()], "totalSize": len(desk.jobs)}
    if not rest:
        id_ = request.query.get("supervisedFineTuningJobId") or f"job-{len(desk.jobs) + 1}"
        full = f"{_ACCOUNT}/{_JOBS}/{id_}"
        _checked(desk.jobs, id_, full)
        return _job(_begin(desk, request, full))
    name, _, what = rest.partition(":")
    full = f"{_ACCOUNT}/{_JOBS}/{name}"
    if what == "cancel":
        desk.cancel(full)
        return {}
    return _job(desk.job(full).look())


def _begin(desk: Host, request: TuningRequest, full: str) -> HostJob:
    body = request.body
    dataset = desk.files.get(str(body.get("dataset")))
    if dataset is None or dataset.content is None:
        raise HostRefusal(
            400, f"INVALID_ARGUMENT: dataset {body.get('dataset')} is not ready", "INVALID_ARGUMENT"
        )
    measured = body.get("evaluationDataset")
    return desk.begin(
        str(body.get("baseModel")),
        dataset,
        validation=desk.file(measured) if measured else None,
        suffix=str(body.get("outputModel") or full.rpartition("/")[2]),
        epochs=body.get("epochs"),
        id_=full,
    )


def _dataset(file: HostFile) -> dict[str, Any]:
    return {
        "name": file.id, "state": "UPLOADING" if file.content is None else "READY", "format": "CHAT", "userUploaded": {},
        "exampleCount": str(len(file.rows)), "status": {"code": "OK", "message": ""},
    }  # fmt: skip


def _job(job: HostJob) -> dict[str, Any]:
    config = {"baseModel": job.base, "outputModel": job.suffix, "epochs": job.epochs}
    words = job.error[1] if job.error and job.status == "failed" else ""
    document = {
        "name": job.id, "dataset": job.training.id, "state": f"JOB_STATE_{_STATES.get(job.status, job.status.upper())}",
        "status": {"code": "INVALID_ARGUMENT" if words else "OK", "message": words},
        "jobProgress": {"percent": 100 if job.status == "succeeded" else 50},
        "estimatedCost": {"currencyCode": "USD", "units": "1", "nanos": 250_000_000},
    }  # fmt: skip
    return {**document, **config}
