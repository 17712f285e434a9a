# SPDX-License-Identifier: Apache-2.0
"""Together's files and fine-tunes, as its API has them: a file goes where the host says, and is looked at then."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.tuning.host import HostRefusal
from schema_guard.ext.loopback.tuning.requests import Answered

if TYPE_CHECKING:
    from schema_guard.ext.loopback.tuning.host import Host, HostFile, HostJob
    from schema_guard.ext.loopback.tuning.requests import TuningRequest

__all__ = ["together_answer"]

_FILES, _JOBS, _PLACE = "/v1/files", "/v1/fine-tunes", "/storage/"
_LONGEST_SUFFIX: Final = 40
_DAY: Final = 1_790_000_000
_PRICE: Final = 480_000  # billionths of a dollar for a token
_STATUS: Final = {"succeeded": "completed", "failed": "error"}
_LIMITS: Final = {
    "default_gradient_accumulation_steps": 1, "max_learning_rate": 1.0, "max_num_checkpoints": 10, "max_num_epochs": 20,
    "max_num_evals": 10, "max_seq_length_dpo": 8192, "max_seq_length_sft": 8192, "merge_output_lora": True,
    "min_learning_rate": 0.0, "min_max_seq_length": 512, "supports_full_training": False, "supports_reasoning": False,
    "supports_tools": True, "supports_vision": False,
    "lora_training": {"default_rank": 8, "max_batch_size": 64, "max_batch_size_dpo": 32, "max_rank": 64, "min_batch_size": 8, "target_modules": ["q_proj"]},
}  # fmt: skip


def together_answer(desk: Host, request: TuningRequest, url: str) -> Answered | None:
    """Answer a request; None where it asks for something else."""
    method, path = request.method, request.path
    if path.startswith(_PLACE) and method == "PUT":
        desk.file(path.removeprefix(_PLACE)).content = request.content
        return Answered({})
    if path == _FILES:
        return (
            _placed(desk, request, url)
            if method == "POST"
            else Answered({"data": [_file(entry) for entry in desk.files.values()]})
        )
    if path.startswith(f"{_FILES}/"):
        id_, _, what = path.removeprefix(f"{_FILES}/").partition("/")
        file = desk.file(id_)
        file.is_checked = file.is_checked or (what == "preprocess" and file.content is not None)
        return Answered(_file(file))
    if path.startswith(_JOBS):
        return _of_jobs(desk, request)
    return None


def _of_jobs(desk: Host, request: TuningRequest) -> Answered | None:
    method, rest = request.method, request.path.removeprefix(_JOBS).strip("/")
    if not rest:
        return Answered(
            _job(_begin(desk, request))
            if method == "POST"
            else {"data": [_job(job) for job in desk.jobs.values()]}
        )
    if rest == "models/limits":
        return Answered({"model_name": _checked_model(desk, request.query.get("model_name", "")), **_LIMITS})
    if rest == "estimate-price":
        return Answered(
            {"estimation_available": True, "allowed_to_proceed": True, "estimated_total_price": 0.5}
        )
    id_, _, what = rest.partition("/")
    if what == "cancel":
        desk.cancel(id_)
    return Answered(_job(desk.job(id_) if what else desk.job(id_).look()))


def _checked_model(desk: Host, name: str) -> str:
    if name not in desk.bases:
        raise HostRefusal(404, f"Model {name} is not available for fine-tuning")
    return name


def _placed(desk: Host, request: TuningRequest, url: str) -> Answered:
    """Say where a file goes; one whose content is here already is a conflict."""
    body = request.body
    if body.get("purpose") not in ("fine-tune", "eval", "batch-api", "calibration"):
        raise HostRefusal(400, f"invalid purpose {body.get('purpose')!r}")
    if body.get("file_type") not in ("jsonl", "csv", "parquet") or not body.get("file_name"):
        raise HostRefusal(400, "file_name and file_type are required")
    for file in desk.files.values():
        if file.content is not None and hashlib.sha256(file.content).hexdigest() == body.get("checksum"):
            return Answered({"file_id": file.id, "message": "file already exists"}, 409)
    new_file = desk.keep(body["file_name"], None)
    return Answered({}, 302, {"Location": f"{url}{_PLACE}{new_file.id}", "X-Together-File-Id": new_file.id})


def _begin(desk: Host, request: TuningRequest) -> HostJob:
    body = request.body
    suffix = body.get("suffix") or ""
    if len(suffix) > _LONGEST_SUFFIX:
        raise HostRefusal(400, f"suffix must be at most {_LONGEST_SUFFIX} characters")
    validation = body.get("validation_file")
    return desk.begin(
        _checked_model(desk, body.get("model", "")),
        _whole(desk, body.get("training_file", "")),
        validation=_whole(desk, validation) if validation else None,
        suffix=suffix,
        epochs=body.get("n_epochs"),
    )


def _whole(desk: Host, id_: str) -> HostFile:
    file = desk.files.get(id_)
    if file is None or not file.is_checked:
        raise HostRefusal(400, f"file {id_} not found or not processed")
    return file


def _file(file: HostFile) -> dict[str, Any]:
    return {
        "id": file.id, "object": "file", "bytes": file.size, "created_at": _DAY, "filename": file.name,
        "purpose": file.purpose, "FileType": "jsonl", "LineCount": len(file.rows), "Processed": file.is_checked,
        "processing_status": "COMPLETED" if file.is_checked else "PENDING",
    }  # fmt: skip


def _job(job: HostJob) -> dict[str, Any]:
    tokens = job.trained_tokens
    message = None if job.error is None else job.error[1]
    events = [
        {
            "object": "fine-tune-event",
            "message": message,
            "type": "job_error",
            "created_at": "2026-11-26T00:00:00Z",
            "hash": "",
        }
    ]
    return {
        "id": job.id, "status": _STATUS.get(job.status, job.status), "user_id": "user-1", "model": job.base,
        "training_file": job.training.id, "validation_file": job.validation.id if job.validation else "",
        "n_epochs": job.epochs, "model_output_name": f"shop/{job.base.rpartition('/')[2]}-{job.suffix}-{job.id[-1]}",
        "token_count": tokens, "total_price": None if tokens is None else tokens * _PRICE,
        "events": events if job.status == "failed" else [], "created_at": "2026-11-26T00:00:00Z",
    }  # fmt: skip
