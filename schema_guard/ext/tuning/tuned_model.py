# SPDX-License-Identifier: Apache-2.0
"""The model that `schema-guard tune run DIR` has made, by what `DIR/job.json` says of it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.schema import Schema
from schema_guard.text import clip, clip_path
from schema_guard.validation.published_schemas import fault, judged

__all__ = ["JOB_FILE", "TunedModel", "read_job", "tuned_model"]

JOB_FILE = "job.json"
_SCHEMA = Path(__file__).with_name("job.schema.json")
_FORMAT = 1
_UPGRADE = "another version has written it: upgrade schema-guard"
_WAY_ON = "or move it away to begin anew; what was begun at a host goes on there"


class TunedModel(NamedTuple):
    """What tuning has made.

    Attributes:
        model: A name that `connect` takes.
        adapter: Name of a LoRA's file in the folder of the job; None for none.
        provider: Whose arguments it takes; None for what the name says.
    """

    model: str
    adapter: str | None = None
    provider: str | None = None


def read_job(directory: Path) -> dict[str, Any] | None:
    """Give what a folder's `job.json` holds, as `job.schema.json` describes it; None where there is no such file.

    Raises:
        InvalidArgument: It cannot be read, or has another shape.
    """
    path = directory / JOB_FILE
    shown = clip_path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        named = document.get("format", _FORMAT) if isinstance(document, dict) else _FORMAT
        if named != _FORMAT:
            raise fault(shown, "/format", expected=str(_FORMAT), got=clip(repr(named)), advice=_UPGRADE)
        job: dict[str, Any] = judged(document, Schema.of(_SCHEMA), shown)
    except FileNotFoundError:
        return None
    except InvalidArgument as error:
        raise InvalidArgument(f"{error}, {_WAY_ON}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidArgument(
            f"{shown}: expected a JSON file, got {clip(str(error))}: fix it, {_WAY_ON}"
        ) from error
    return job


def tuned_model(directory: Path) -> TunedModel:
    """Give the model that a folder's job has made; the adapter with its whole path.

    Raises:
        InvalidArgument: There is no job, or it has made none.
    """
    job = read_job(directory)
    command = f"schema-guard tune run {shlex.quote(str(directory))}"
    name = f"model {clip(repr(f'tuned:{directory}'), 200)}"
    if job is None:
        raise InvalidArgument(f"{name}: there is no {JOB_FILE}: make one with {command}")
    if job["result"] is None:
        raise InvalidArgument(
            f"{name}: its job has made no model, it is {job['status']}: go on with {command}"
        )
    model = TunedModel(**job["result"])
    return model if model.adapter is None else model._replace(adapter=str(directory / model.adapter))
