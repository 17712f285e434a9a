# SPDX-License-Identifier: Apache-2.0
"""A host of tuning on loopback, for tests of what uploads and tunes without one.

Rules: it takes what the host would take, and refuses the rest with the host's status; what goes wrong is asked for by
request, never left to chance; keys that come in are compared and not kept.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Final, Self

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.http import Listener, SentResponse
from schema_guard.ext.loopback.responder import Responder
from schema_guard.ext.loopback.tuning.host import Host, HostRefusal
from schema_guard.ext.loopback.tuning.openai_host import openai_answer
from schema_guard.ext.loopback.tuning.requests import read_request
from schema_guard.models.scripted import ScriptedModel
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from schema_guard.ext.loopback.http import Received
    from schema_guard.ext.loopback.tuning.requests import TuningRequest
    from schema_guard.models.scripted import Replies

__all__ = ["TUNING_FAULTS", "TuningServer", "serve_tuning"]

TUNING_FAULTS: Final[Mapping[str, str]] = {
    "http_429": "status 429, with Retry-After: 1; nothing is done",
    "http_500": "status 500; nothing is done",
    "http_503": "status 503; nothing is done",
    "reset": "the connection is reset; nothing is done",
    "lost": "it is done, and the connection is reset before the answer",
    "http_500_done": "it is done, and the answer is status 500",
    "silent": "nothing is done, and no byte comes until the client gives up",
}
"""What a host can do wrong, by name."""
_LEAST_ROWS: Final = 10
_STATUSES: Final = {"http_429": 429, "http_500": 500, "http_503": 503, "http_500_done": 500}
_DONE: Final = ("lost", "http_500_done")


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
        bases: Models that the host can tune.
        answering: Replies from a tuned model, as for `ScriptedModel`.
        faults: Faults from `TUNING_FAULTS`: a dict by the index of the request, or a function that takes the request.
        looks: Number of status requests before a job ends.
        ends: Final state of a job: `succeeded`, `failed`, or `cancelled`.
        key: Key that the host accepts. With None, the host accepts requests with any key, or without a key.
        dates: Retirement date of each model in the list of models.

    Raises:
        InvalidArgument: The final state is unknown.
    """
    if ends not in ("succeeded", "failed", "cancelled"):
        raise InvalidArgument(f"ends={clip(repr(ends))}: expected succeeded, failed, or cancelled")
    return TuningServer(Host(bases, _LEAST_ROWS, looks, ends), answering, faults, key)


class TuningServer:
    """A running fake host, as returned by `serve_tuning`. Close it, or use it in a `with` block.

    Attributes:
        desk: Files and jobs of the host.
        requests: All requests so far, in order.
    """

    def __init__(
        self,
        desk: Host,
        answering: Replies,
        faults: Callable[[TuningRequest], str | None] | Mapping[int, str] | None,
        key: str | None,
    ) -> None:
        self.desk = desk
        self.requests: list[TuningRequest] = []
        self._faults, self._key = faults, key
        self._answering = Responder(ScriptedModel(answering, cycle=True), None)
        self._lock = threading.Lock()
        self._listener = Listener(("127.0.0.1", 0), self._respond)
        self._listener.start()

    @property
    def url(self) -> str:
        """The address without a path: `"http://127.0.0.1:PORT"`."""
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def openai_url(self) -> str:
        """The `base_url` for `openai.OpenAI`."""
        return f"{self.url}/v1"

    def close(self) -> None:
        """Close the port."""
        self._listener.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _respond(self, came: Received) -> SentResponse:
        if came.path.endswith("/chat/completions"):
            return self._answering.respond(came)
        try:
            with self._lock:
                # Azure has the same behind a path of its own.
                request = read_request(came._replace(path=came.path.removeprefix("/openai")))
                index = len(self.requests)
                self.requests.append(request)
                fault = self._fault(index, request)
                if fault is not None and fault not in _DONE:
                    return _faulty(fault)
                self._check_key(came)
                answered = openai_answer(self.desk, request)
        except HostRefusal as refused:
            body = {
                "error": {"message": refused.words, "type": "invalid_request_error", "code": refused.code}
            }
            return _sent(body, refused.status)
        if fault is not None:
            return _faulty(fault)
        return _sent(answered)

    def _fault(self, index: int, request: TuningRequest) -> str | None:
        if callable(self._faults):
            return self._faults(request)
        return (self._faults or {}).get(index)

    def _check_key(self, came: Received) -> None:
        key = came.headers.get("authorization", "").removeprefix("Bearer ") or came.headers.get("api-key")
        if self._key not in (None, key):
            raise HostRefusal(401, "Incorrect API key provided", "invalid_api_key")


def _faulty(fault: str) -> SentResponse:
    if fault == "silent":
        return SentResponse(None, ending="silence")
    if fault not in _STATUSES:
        return SentResponse(None, ending="reset")
    headers = {"Retry-After": "1"} if fault == "http_429" else {}
    return _sent({"error": {"message": f"the host had a fault: {fault}"}}, _STATUSES[fault], headers)


def _sent(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> SentResponse:
    return SentResponse([json.dumps(body).encode()], status, headers=headers or {})
