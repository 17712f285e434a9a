# SPDX-License-Identifier: Apache-2.0
"""OpenAI's files and fine-tuning jobs, as its API has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.tuning.host import HostRefusal

if TYPE_CHECKING:
    from schema_guard.ext.loopback.tuning.host import Host, HostFile, HostJob
    from schema_guard.ext.loopback.tuning.requests import TuningRequest

__all__ = ["openai_answer"]

_FILES, _JOBS = "/v1/files", "/v1/fine_tuning/jobs"
_PURPOSES: Final = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
_LONGEST_SUFFIX: Final = 64
_DAY: Final = 1_790_000_000  # of everything here


def openai_answer(desk: Host, request: TuningRequest) -> Any:
    """Return the JSON that a request is answered with.

    Raises:
        HostRefusal: The host refuses the request, or does not know it.
    """
    method, path = request.method, request.path
    if path == _FILES:
        return _upload(desk, request) if method == "POST" else _listed(map(_file, _files(desk, request)))
    if path.startswith(f"{_FILES}/") and method == "GET":
        return _file(desk.file(path.removeprefix(f"{_FILES}/")))
    if path == _JOBS:
        return _begin(desk, request) if method == "POST" else _listed(map(_job, reversed(desk.jobs.values())))
    if path.startswith(f"{_JOBS}/"):
        id_, _, what = path.removeprefix(f"{_JOBS}/").partition("/")
        if what == "events":
            return _listed(_events(desk.job(id_)))
        return _job(desk.cancel(id_) if what == "cancel" else desk.job(id_).look())
    raise HostRefusal(404, f"Unknown request URL: {method} {path}")


def _upload(desk: Host, request: TuningRequest) -> dict[str, Any]:
    purpose = request.body.get("purpose")
    if purpose not in _PURPOSES:
        raise HostRefusal(400, f"'{purpose}' is not one of {list(_PURPOSES)} - 'purpose'")
    if "file" not in request.files:
        raise HostRefusal(400, "'file' is a required property")
    name, content = request.files["file"]
    return _file(desk.keep(name, content, str(purpose)))


def _begin(desk: Host, request: TuningRequest) -> dict[str, Any]:
    body = request.body
    for name in ("model", "training_file"):
        if not body.get(name):
            raise HostRefusal(400, f"you must provide a {name} parameter")
    suffix = body.get("suffix") or ""
    if len(suffix) > _LONGEST_SUFFIX:
        raise HostRefusal(400, f"'{suffix}' is too long - 'suffix'")
    method = body.get("method") or {}
    kind = method.get("type", "supervised")
    epochs = (method.get(kind) or {}).get("hyperparameters", {}).get("n_epochs")
    validation = body.get("validation_file")
    job = desk.begin(
        body["model"],
        _usable(desk, body["training_file"], "training_file"),
        validation=None if validation is None else _usable(desk, validation, "validation_file"),
        suffix=suffix,
        epochs=epochs if isinstance(epochs, int) else None,
    )
    return _job(job)


def _usable(desk: Host, id_: str, parameter: str) -> HostFile:
    file = desk.files.get(id_)
    if file is None or file.purpose != "fine-tune":
        raise HostRefusal(400, f"invalid {parameter}: {id_}")
    return file


def _files(desk: Host, request: TuningRequest) -> list[HostFile]:
    purpose = request.query.get("purpose")
    return [file for file in reversed(desk.files.values()) if purpose in (None, file.purpose)]


def _listed(entries: Any) -> dict[str, Any]:
    return {"object": "list", "data": list(entries), "has_more": False}


def _file(file: HostFile) -> dict[str, Any]:
    return {
        "id": file.id, "object": "file", "bytes": file.size, "created_at": _DAY, "filename": file.name,
        "purpose": file.purpose, "status": "processed",
    }  # fmt: skip


def _events(job: HostJob) -> list[dict[str, Any]]:
    step = {"step": 1, "train_loss": 0.5}
    message = f"Step 1/{job.epochs}: training loss=0.50"
    return [
        {
            "id": "ftevent-1", "object": "fine_tuning.job.event", "created_at": _DAY, "level": "info", "type": "metrics",
            "message": message, "data": step,
        }
    ]  # fmt: skip


def _job(job: HostJob) -> dict[str, Any]:
    is_done = job.status == "succeeded"
    code, message = job.error or (None, None)
    failed = job.status == "failed"
    return {
        "id": job.id, "object": "fine_tuning.job", "created_at": _DAY, "model": job.base, "status": job.status,
        "fine_tuned_model": f"ft:{job.base}:shop:{job.suffix}:{job.id[-1]}" if is_done else None,
        "finished_at": _DAY if is_done else None, "organization_id": "org-1", "result_files": [], "seed": 1,
        "hyperparameters": {"n_epochs": job.epochs}, "trained_tokens": job.trained_tokens,
        "training_file": job.training.id, "validation_file": job.validation and job.validation.id,
        "error": {"code": code, "message": message, "param": "training_file"} if failed else None,
    }  # fmt: skip
