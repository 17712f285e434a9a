# SPDX-License-Identifier: Apache-2.0
"""A run through a provider's batch API: the requests as a file, and the replies read back into the journal.

Rules:
1. A file holds the next attempt of every call that is not finished. Reading the replies back may leave calls whose
   reply was not valid: they are written again, as the attempt after it, until nothing is left to write.
2. A reply is taken once, and only for the prompt that it was given to; what failed at the provider is not kept, so it
   is written again.
3. Nothing is sent from here: uploading is the provider's own tool's business.

The files are those of OpenAI's batch API, which others have taken over: `{"custom_id", "method", "url", "body"}` a line,
and back `{"custom_id", "response": {"status_code", "body"}, "error"}`, in any order. An id is the plan's first 8 digits,
the number of the call in the plan, and the number of the attempt.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple

from schema_guard.bench.run.estimate import missing
from schema_guard.bench.run.journal import JournalReply
from schema_guard.bench.run.journal_model import prompt_digest
from schema_guard.errors import InvalidArgument
from schema_guard.models import connect
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.models.endpoint import Endpoint
from schema_guard.received.replies import Reply, read
from schema_guard.records.identity import new_call_id
from schema_guard.records.private import write_private
from schema_guard.text import clip, did_you_mean, safe

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from schema_guard.bench.run.journal import Journal
    from schema_guard.bench.run.journal_model import MissingReply
    from schema_guard.bench.run.plan import Cell, RunPlan
    from schema_guard.models import Model

MOST_REQUESTS = 50_000
"""Requests that a provider takes in one file."""

# HTTP: what came is a reply.
_OK = 200


class BatchRead(NamedTuple):
    """What reading a file of replies has brought.

    Attributes:
        stored: Replies that are in the journal now.
        already_stored: Replies that it had before.
        failed: Requests that the provider did not answer, with its words: to be written again.
        strange: Lines that are of no request of this plan.
    """

    stored: int
    already_stored: int
    failed: tuple[str, ...]
    strange: int


def batch_model(name: str) -> Model:
    """Give a model whose requests can be written without a key.

    Args:
        name: `"openai:NAME"`, `"openai-responses:NAME"` or `"http://HOST:PORT/v1#NAME"`.

    Raises:
        InvalidArgument: It is another kind of model.
        MissingExtra: The package openai is not installed.
    """
    kind, _, rest = name.partition(":")
    if kind in ("openai", "openai-responses") and rest:
        return OpenAIModel(rest, Endpoint(api_key="none"), provider=kind)
    if kind in ("http", "https"):
        return connect(name)
    near = did_you_mean(kind, ["openai", "openai-responses", "http"])
    raise InvalidArgument(
        f"model {clip(repr(name))}: expected one with a batch API: openai:NAME, openai-responses:NAME or "
        f"http://HOST:PORT/v1#NAME{near}"
    )


def batch_requests(
    plan: RunPlan, models: Mapping[str, Model], journal: Journal | None = None
) -> list[dict[str, Any]]:
    """Give the requests that are still to be made for a plan, in its order.

    Args:
        plan: Of one model: a provider takes no file of several.
        models: Name -> model, as `batch_model` gives it.
        journal: The replies that are there already; None has none.

    Raises:
        InvalidArgument: The plan is of several models.
    """
    _require_one_model(plan)
    requests = []
    for custom_id, (cell, wanted) in _wanted(plan, models, journal).items():
        model: Any = models[cell.variant.model]
        url, body = model.request(wanted.prompt, options=wanted.options)
        requests.append({"custom_id": custom_id, "method": "POST", "url": url, "body": body})
    return requests


def write_requests(path: str | os.PathLike[str], requests: list[dict[str, Any]]) -> list[Path]:
    """Write requests as JSON Lines: to the file, and for more than 50,000 to further ones beside it, `NAME-2` ...

    Raises:
        InvalidArgument: A file cannot be written.
    """
    first = Path(path)
    written = []
    for number, start in enumerate(range(0, len(requests), MOST_REQUESTS), 1):
        part = first if number == 1 else first.with_name(f"{first.stem}-{number}{first.suffix}")
        lines = [
            json.dumps(request, separators=(",", ":")) for request in requests[start : start + MOST_REQUESTS]
        ]
        try:
            write_private(part, "\n".join(lines) + "\n")
        except OSError as error:
            raise InvalidArgument(f"{safe(str(part))}: cannot be written: {error.strerror}") from error
        written.append(part)
    return written


def read_replies(
    path: str | os.PathLike[str], plan: RunPlan, models: Mapping[str, Model], journal: Journal
) -> BatchRead:
    """Read a file of replies, or of errors, into the journal.

    Args:
        path: What the provider gave back.
        plan: That the requests were written for.
        models: As for writing.
        journal: Where the replies are kept.

    Raises:
        InvalidArgument: The file cannot be read, or a line is none of a batch's; the message has its number.
    """
    wanted = _wanted(plan, models, journal)
    added = known = strange = 0
    failed: list[str] = []
    for where, row in _rows(Path(path)):
        custom_id = row["custom_id"]
        if custom_id not in wanted:
            is_ours = str(custom_id).startswith(plan.fingerprint[:8] + "-")
            known, strange = known + is_ours, strange + (not is_ours)
            continue
        answer = _answer(row, where)
        if isinstance(answer, str):
            failed.append(answer)
            continue
        cell, request = wanted.pop(custom_id)
        _keep(journal, cell, request, answer)
        added += 1
    return BatchRead(added, known, tuple(failed), strange)


def _require_one_model(plan: RunPlan) -> None:
    models = list(dict.fromkeys(variant.model for variant in plan.variants))
    if len(models) > 1:
        raise InvalidArgument(
            f"models={models}: expected one: a batch file is of one model, write one for each"
        )


def _wanted(
    plan: RunPlan, models: Mapping[str, Model], journal: Journal | None
) -> dict[str, tuple[Cell, MissingReply]]:
    number = {cell.key: at for at, cell in enumerate(plan.cells())}
    return {
        f"{plan.fingerprint[:8]}-{number[cell.key]}-{wanted.attempt}": (cell, wanted)
        for cell, wanted in missing(plan, models, journal)
    }


def _keep(journal: Journal, cell: Cell, request: MissingReply, reply: Reply) -> None:
    at = time()
    replies = journal.replies.setdefault(cell.key, [])
    call_id, started_at = replies[0][1:3] if replies else (new_call_id(at), at)
    # How long it took is not known: a batch is answered when there is time.
    entry = JournalReply(request.attempt, call_id, started_at, prompt_digest(request.prompt), reply, None)
    replies.append(entry)
    journal.add(cell.key, entry)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    shown = safe(str(path))
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"{shown}: expected a readable file of JSON Lines: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{shown}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{where}: broken JSON: {error}") from error
        if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
            raise InvalidArgument(f"{where}: expected an object with 'custom_id', got {clip(line, 80)}")
        yield where, row


def _answer(row: dict[str, Any], where: str) -> Reply | str:
    """Give the reply of a line, or the words of the provider that gave none."""
    response = row.get("response")
    if isinstance(response, dict) and response.get("status_code") == _OK:
        reply = read(response.get("body"))
        if reply.failure is None or reply.failure.kind != "transport":
            return reply
        return f"{where}: {reply.failure.message}"
    words = row.get("error") or (response.get("body") if isinstance(response, dict) else None)
    return f"{where}: {clip(json.dumps(words), 200)}"
