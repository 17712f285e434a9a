# SPDX-License-Identifier: Apache-2.0
"""A tuning host on loopback with OpenAI's files and fine-tuning jobs, for tests of code that uploads and tunes.

Rules:
1. A job advances with each status request, never by the clock. If its rows are invalid, it fails at the first one.
2. Faults are named by request, never left to chance. The host compares keys and doesn't keep them.
"""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.http import Listener, SentResponse
from schema_guard.ext.loopback.responder import Responder
from schema_guard.ext.loopback.server import Server
from schema_guard.models.scripted import ScriptedModel
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from schema_guard.ext.loopback.http import Received
    from schema_guard.models.scripted import Replies

TUNING_FAULTS: Final[Mapping[str, str]] = {
    "http_429": "status 429, with Retry-After: 1, and no effect",
    "http_500": "status 500, and no effect",
    "http_503": "status 503, and no effect",
    "reset": "a connection reset, and no effect",
    "lost": "the request takes effect, and the connection is reset before the answer",
    "http_500_done": "the request takes effect, and the answer is status 500",
    "silent": "no effect, and no answer until the client times out",
}
"""Name of each fault of a host -> its effect."""
_STATUSES: Final = {"http_429": 429, "http_500": 500, "http_503": 503, "http_500_done": 500}
_DONE: Final = ("lost", "http_500_done")
_ENDS: Final = ("succeeded", "failed", "cancelled")
_LEAST_ROWS: Final = 10
_TOKEN_CHARACTERS: Final = 4
_PURPOSES: Final = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")
_LONGEST_SUFFIX: Final = 64
_FORMS: Final = ({"messages"}, {"prompt", "completion"})
_DAY: Final = 1_790_000_000  # of everything here


def serve_tuning(
    *,
    bases: Iterable[str] = ("small",),
    answering: Replies = (),
    faults: Callable[[TuningRequest], str | None] | Mapping[int, str] | None = None,
    looks: int = 3,
    ends: str = "succeeded",
    key: str | None = None,
) -> TuningServer:
    """Start a fake tuning host on this machine. The host is listening when this function returns.

    Args:
        bases: Names of the models that the host can tune.
        answering: Replies of a tuned model, in a form that `ScriptedModel` accepts.
        faults: Faults from `TUNING_FAULTS`: a dict from the indices of requests to the names of faults, or a function
            that takes a request and returns the name of a fault or None.
        looks: Number of times that you can request the status of a job before the job ends.
        ends: Final state of a job: `succeeded`, `failed`, or `cancelled`.
        key: API key that the host accepts. With None, the host accepts requests with any key, or without a key.

    Raises:
        InvalidArgument: `ends` isn't one of these final states.
    """
    if ends not in _ENDS:
        raise InvalidArgument(f"ends={clip(repr(ends))}: expected succeeded, failed, or cancelled")
    course = [*["queued", *["running"] * looks][:looks], ends]
    return TuningServer(tuple(bases), answering, faults, course, key)


class TuningRequest(NamedTuple):
    """A request for files or jobs.

    Attributes:
        method: `GET` or `POST`.
        path: Path without a query.
        query: Query of the path.
        body: JSON object, or the fields of a form without its files.
        files: Name and content of each file of a form.
    """

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    files: Mapping[str, tuple[str, bytes]]


class _Refused(Exception):
    """A request that the host refuses: its status, and its words."""

    def __init__(self, status: int, words: str, code: str | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.code = status, words, code


@dataclass
class HostFile:
    """A file at the host."""

    id: str
    name: str
    content: bytes
    purpose: str

    @property
    def rows(self) -> list[Any]:
        """The lines as JSON. None for a line that is no JSON."""
        return [_json(line) for line in self.content.decode("utf-8-sig", "replace").splitlines()]

    def fault(self) -> tuple[str, str] | None:
        """Return the code and the message with which a job on this file fails."""
        rows = self.rows
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict) or set(row) not in _FORMS:
                return "invalid_file_format", f"Invalid file format. Line {number} has another form."
        if len(rows) < _LEAST_ROWS:
            count = f"{len(rows)} example(s), but must have at least {_LEAST_ROWS} examples"
            return "invalid_n_examples", f"Training file has {count}"
        return None

    def as_json(self) -> dict[str, Any]:
        """Return the file as the API has it."""
        return {
            "id": self.id, "object": "file", "bytes": len(self.content), "created_at": _DAY, "filename": self.name,
            "purpose": self.purpose, "status": "processed",
        }  # fmt: skip


@dataclass
class HostJob:
    """A job at the host."""

    id: str
    base: str
    training: HostFile
    validation: HostFile | None
    suffix: str
    epochs: int
    ahead: Iterator[str] = field(repr=False)
    error: tuple[str, str] | None = None
    status: str = "queued"

    def look(self) -> HostJob:
        """Advance by one step."""
        if self.status not in _ENDS:
            self.status = next(self.ahead, self.status)
            if self.status == "failed" and self.error is None:
                self.error = ("server_error", "the training ended with an error")
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the job as the API has it."""
        is_done = self.status == "succeeded"
        code, message = self.error or (None, None)
        tokens = self.epochs * len(self.training.content) // _TOKEN_CHARACTERS
        return {
            "id": self.id, "object": "fine_tuning.job", "created_at": _DAY, "model": self.base, "status": self.status,
            "fine_tuned_model": f"ft:{self.base}:shop:{self.suffix}:{self.id[-1]}" if is_done else None,
            "finished_at": _DAY if is_done else None, "organization_id": "org-1", "result_files": [], "seed": 1,
            "hyperparameters": {"n_epochs": self.epochs}, "trained_tokens": tokens if is_done else None,
            "training_file": self.training.id, "validation_file": self.validation and self.validation.id,
            "error": {"code": code, "message": message, "param": "training_file"} if self.status == "failed" else None,
        }  # fmt: skip

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the job as the API has them."""
        event = {"id": "ftevent-1", "object": "fine_tuning.job.event", "created_at": _DAY, "level": "info"}
        message = f"Step 1/{self.epochs}: training loss=0.50"
        return [{**event, "type": "metrics", "message": message, "data": {"step": 1, "train_loss": 0.5}}]


class TuningServer(Server):
    """A running fake tuning host from `serve_tuning`. Each item of `requests` is a `TuningRequest`.

    Attributes:
        files: Files on the host, with the file ids as keys.
        jobs: Jobs on the host, with the job ids as keys.
    """

    def __init__(
        self,
        bases: tuple[str, ...],
        answering: Replies,
        faults: Callable[[TuningRequest], str | None] | Mapping[int, str] | None,
        course: list[str],
        key: str | None,
    ) -> None:
        self.files: dict[str, HostFile] = {}
        self.jobs: dict[str, HostJob] = {}
        self._bases, self._faults, self._course, self._key = bases, faults, course, key
        self._numbers = itertools.count(1)
        self._answering = Responder(ScriptedModel(answering, cycle=True), None)
        self._lock = threading.Lock()
        listener = Listener(("127.0.0.1", 0), self._respond)
        super().__init__([], listener)
        listener.start()

    def _respond(self, came: Received) -> SentResponse:
        if came.path.endswith("/chat/completions"):
            return self._answering.respond(came)
        with self._lock:
            try:
                request, index = _request(came), len(self.requests)
                self.requests.append(request)
                named = self._faults(request) if callable(self._faults) else (self._faults or {}).get(index)
                if named is not None and named not in _DONE:
                    return _faulty(named)
                self._check_key(came)
                answer = self._answer(request)
            except _Refused as refused:
                error = {"message": refused.words, "type": "invalid_request_error", "code": refused.code}
                return _sent({"error": error}, refused.status)
        return _sent(answer) if named is None else _faulty(named)

    def _check_key(self, came: Received) -> None:
        key = came.headers.get("authorization", "").removeprefix("Bearer ") or came.headers.get("api-key")
        if self._key not in (None, key):
            raise _Refused(401, "Incorrect API key provided", "invalid_api_key")

    def _answer(self, request: TuningRequest) -> Any:
        """Return the JSON that answers a request."""
        is_post = request.method == "POST"
        where, _, rest = request.path.removeprefix("/v1/").removeprefix("fine_tuning/").partition("/")
        id_, _, what = rest.partition("/")
        if where == "files" and id_:
            return _named(self.files, id_, "No such File object").as_json()
        if where == "files":
            return (
                self._upload(request) if is_post else _listed(file.as_json() for file in self.files.values())
            )
        if where == "jobs" and id_:
            job = _named(self.jobs, id_, "Could not find fine tune")
            if what == "events":
                return _listed(job.events())
            return _cancelled(job).as_json() if what == "cancel" else job.look().as_json()
        if where == "jobs":
            return (
                self._begin(request.body) if is_post else _listed(job.as_json() for job in self.jobs.values())
            )
        raise _Refused(404, f"Unknown request URL: {request.method} {request.path}")

    def _upload(self, request: TuningRequest) -> dict[str, Any]:
        purpose = request.body.get("purpose")
        if purpose not in _PURPOSES:
            raise _Refused(400, f"'{purpose}' is not one of {list(_PURPOSES)} - 'purpose'")
        if "file" not in request.files:
            raise _Refused(400, "'file' is a required property")
        file = HostFile(f"file-{next(self._numbers)}", *request.files["file"], purpose)
        self.files[file.id] = file
        return file.as_json()

    def _begin(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for name in ("model", "training_file"):
            if not body.get(name):
                raise _Refused(400, f"you must provide a {name} parameter")
        base, validation, suffix = body["model"], body.get("validation_file"), body.get("suffix") or ""
        if len(suffix) > _LONGEST_SUFFIX:
            raise _Refused(400, f"'{suffix}' is too long - 'suffix'")
        if base not in self._bases:
            words = f"Model {base} is not available for fine-tuning or does not exist."
            raise _Refused(400, words, "model_not_available")
        usable = {id_: file for id_, file in self.files.items() if file.purpose == "fine-tune"}
        training = _named(usable, body["training_file"], "invalid training_file", 400)
        error = training.fault()
        epochs = (body.get("method") or {}).get("supervised", {}).get("hyperparameters", {}).get("n_epochs")
        job = HostJob(
            f"ftjob-{next(self._numbers)}",
            base,
            training,
            validation and _named(usable, validation, "invalid validation_file", 400),
            suffix,
            epochs if isinstance(epochs, int) else 3,  # "auto"
            iter(self._course if error is None else ["failed"]),
            error,
        )
        self.jobs[job.id] = job
        return job.as_json()


def _request(came: Received) -> TuningRequest:
    """Read a request. Azure has the same API under another path."""
    kind = came.headers.get("content-type", "")
    fields: dict[str, Any] = {}
    files: dict[str, tuple[str, bytes]] = {}
    if kind.startswith("multipart/form-data"):
        message: Any = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + came.content)
        for part in message.get_payload():
            name = str(part.get_param("name", header="content-disposition"))
            held, file = part.get_payload(decode=True), part.get_filename()
            if file is None:
                fields[name] = held.decode()
            else:
                files[name] = (file, held)
    elif came.content:
        fields = _json(came.content)
        if not isinstance(fields, dict):
            raise _Refused(400, "We could not parse the JSON body of your request.")
    path = came.path.removeprefix("/openai")
    return TuningRequest(came.method, path, dict(parse_qsl(came.query)), fields, files)


def _named(held: Mapping[str, Any], id_: Any, words: str, status: int = 404) -> Any:
    if id_ not in held:
        raise _Refused(status, f"{words}: {id_}")
    return held[id_]


def _cancelled(job: HostJob) -> HostJob:
    if job.status in _ENDS:
        raise _Refused(400, f"Job has already {job.status}", "invalid_request_error")
    job.status = "cancelled"
    return job


def _listed(documents: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a page of the API, the newest first."""
    return {"object": "list", "data": list(documents)[::-1], "has_more": False}


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _faulty(fault: str) -> SentResponse:
    if fault not in _STATUSES:
        return SentResponse(None, ending="silence" if fault == "silent" else "reset")
    headers = {"Retry-After": "1"} if fault == "http_429" else {}
    return _sent({"error": {"message": f"the host had a fault: {fault}"}}, _STATUSES[fault], headers)


def _sent(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> SentResponse:
    return SentResponse([json.dumps(body).encode()], status, headers=headers or {})
