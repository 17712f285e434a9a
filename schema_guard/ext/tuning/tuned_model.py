# SPDX-License-Identifier: Apache-2.0
"""The model that `schema-guard tune run DIR` created, from the content of `DIR/job.json`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.errors import InvalidArgument
from schema_guard.models.endpoint import origin
from schema_guard.schema import Schema
from schema_guard.text import clip, clip_path
from schema_guard.validation.published_schemas import fault, judged

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB_FILE = "job.json"
_SCHEMA = Path(__file__).with_name("job.schema.json")
_FORMAT = 1
_URLS = ("http", "https")
# A script sends nothing.
_REPLIES_OF_A_FILE = "scripted"
_UPGRADE = "another version has written it. Upgrade schema-guard"
_WAY_ON = "or move it away to begin again. A job at a host continues there"


class TunedModel(NamedTuple):
    """The result of tuning.

    Attributes:
        model: A name that `connect` takes.
        adapter: Name of a LoRA's file in the folder of the job; None for none.
        provider: Provider whose arguments it takes; None if the name decides.
    """

    model: str
    adapter: str | None = None
    provider: str | None = None


def read_job(directory: Path) -> dict[str, Any] | None:
    """Return the content of a folder's `job.json`, as `job.schema.json` describes it, or None if there is no such file.

    Raises:
        InvalidArgument: The file can't be read, or has another structure.
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
            f"{shown}: expected a JSON file, but reading it failed: {clip(str(error))}. Fix it, {_WAY_ON}"
        ) from error
    return job


def tuned_model(directory: Path) -> TunedModel:
    """Return the model of a folder's job, with the whole path of its adapter.

    Raises:
        InvalidArgument: There is no job, it has no model, or its model is at another place than its backend.
    """
    job = read_job(directory)
    command = f"schema-guard tune run {shlex.quote(str(directory))}"
    name = f"model {clip(repr(f'tuned:{directory}'), 200)}"
    if job is None:
        raise InvalidArgument(f"{name}: {JOB_FILE} is missing. Create it with {command}")
    if job["result"] is None:
        raise InvalidArgument(
            f"{name}: its job has the status '{job['status']}', so it has no model yet. Resume the job with {command}"
        )
    model = TunedModel(**job["result"])
    _check_destination(model.model, job, name)
    return model if model.adapter is None else model._replace(adapter=str(directory / model.adapter))


def _check_destination(model: str, job: Mapping[str, Any], name: str) -> None:
    """Reject a model that sends prompts and a key to another place than the backend of the job.

    Raises:
        InvalidArgument: The model is at another place.
    """
    backend, url = job["backend"], job["url"]
    kind = model.partition(":")[0]
    if backend == "local":
        is_own, expected = model == "local", "'local'"
    elif url is not None:
        is_own, expected = kind in _URLS and _is_same_origin(model, url), f"a model at {clip(url)}"
    else:
        is_own, expected = kind == backend, f"'{backend}:NAME'"
    if not is_own and kind != _REPLIES_OF_A_FILE:
        raise InvalidArgument(
            f"{name}: expected {expected}, because {JOB_FILE} names the backend '{backend}', got {clip(repr(model))}. If you trust that model, connect to it by its own name"
        )


def _is_same_origin(model: str, url: str) -> bool:
    try:
        return origin(model) == origin(url)
    except ValueError:  # a port that isn't a number
        return False
