# SPDX-License-Identifier: Apache-2.0
"""The responses of a fake server: the model's reply in the provider's format, or the fault.

Rules: `Responder.respond` never raises, whatever the client and the model do. An error of the client is status 400 or
404. An exception of the model is status 500.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.anthropic import MESSAGES
from schema_guard.ext.loopback.faults import (
    HOLLOW,
    ON_ANSWERS,
    STATUSES,
    check_fit,
    cut_stream,
    half,
    hollow,
    schedule,
)
from schema_guard.ext.loopback.gemini import CONTENTS, gemini_request
from schema_guard.ext.loopback.http import SentResponse
from schema_guard.ext.loopback.model_call import ask
from schema_guard.ext.loopback.openai_chat import CHAT
from schema_guard.ext.loopback.openai_decisions import DECISIONS
from schema_guard.ext.loopback.openai_responses import RESPONSES
from schema_guard.ext.loopback.wire import BadRequest, as_json
from schema_guard.text import clip

if TYPE_CHECKING:
    from schema_guard.ext.loopback.faults import Faults
    from schema_guard.ext.loopback.http import Received
    from schema_guard.ext.loopback.model_call import FunctionModel
    from schema_guard.ext.loopback.wire import Answer, Api, Question
    from schema_guard.models import Model

_APIS: Final[dict[str, Api]] = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSES,
    "/v1/decisions": DECISIONS,
    "/v1/messages": MESSAGES,
}
_MODELS = "/v1/models"
_SECRETS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)
_HIDDEN = "***"
_EVENTS = "text/event-stream"
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
_RETRY_AFTER = {"Retry-After": "1"}
_TO_RETRY = ("http_429", "http_503")
# Faults that send half of a stream.
_HALVED = frozenset({"reset", "stall", "cut_stream", "malformed_sse", "error_event"})
# Under these, the model doesn't stream its answer.
_ON_WHOLE_ANSWERS = {*ON_ANSWERS, "json_validate_failed"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that a server from `serve` received.

    Attributes:
        method: `"GET"` or `"POST"`.
        path: Path of the request, without the query, such as `"/v1/chat/completions"`.
        headers: Header values, with the lowercase header names as keys. The text `"***"` replaces the value of each
            header that contains a credential.
        body: The JSON object in the body of the request, or None if there is no object.
        index: Number of earlier requests that asked for a reply, or None if this request doesn't ask for a reply.
        fault: Name of the fault that the response contains, or None if it contains no fault.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any] | None
    index: int | None = None
    fault: str | None = None


class Responder:
    """Answers requests and stores them.

    Attributes:
        requests: All requests so far, in order.
    """

    def __init__(self, model: Model | FunctionModel, faults: Faults[Request]) -> None:
        self.requests: list[Request] = []
        self._model = model
        self._choose = schedule(faults)
        self._request_count = 0
        self._lock = threading.Lock()

    def respond(self, received: Received) -> SentResponse:
        """Return the response to a request."""
        known = _api_of(received.path)
        api = known if received.method == "POST" else None
        request, at = self._noted(received, is_asking=api is not None)
        format_ = api or (MESSAGES if "anthropic-version" in request.headers else CHAT)
        try:
            if api is None:
                return self._listed(format_, request)
            return _identified(self._replied(api, self._with_fault(request, at)), request)
        except BadRequest as error:
            return _identified(_failed(format_, 400, str(error), **error.more), request)
        except InvalidArgument as error:
            return _identified(_failed(format_, 400, str(error)), request)
        except Exception as error:  # noqa: BLE001 - as for a provider, any other error is status 500
            return _identified(_failed(format_, 500, f"{type(error).__name__}: {error}"), request)

    def _noted(self, received: Received, *, is_asking: bool) -> tuple[Request, int]:
        """Store a request. Return it and its index among all requests."""
        headers = {name: _HIDDEN if name in _SECRETS else value for name, value in received.headers.items()}
        body = _parsed(received.content)
        with self._lock:
            index = self._request_count if is_asking else None
            self._request_count += is_asking
            request = Request(received.method, received.path, headers, body, index)
            self.requests.append(request)
            return request, len(self.requests) - 1

    def _with_fault(self, request: Request, at: int) -> Request:
        assert request.index is not None
        fault = self._choose(request.index, request)
        if fault is not None:
            request = replace(request, fault=fault)
            with self._lock:
                self.requests[at] = request
        return request

    def _listed(self, api: Api, request: Request) -> SentResponse:
        """Return the available models, or status 404 for any other path."""
        name = self._model.name
        # The fields of both providers, because each client reads its own.
        known = {"object": "model", "created": 0, "owned_by": "schema_guard"}
        model = {
            "id": name,
            **known,
            "type": "model",
            "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
        }
        if (request.method, request.path) == ("GET", _MODELS):
            page = {"has_more": False, "first_id": name, "last_id": name}
            return SentResponse((as_json({"object": "list", "data": [model], **page}),))
        if (request.method, request.path) == ("GET", f"{_MODELS}/{name}"):
            return SentResponse((as_json(model),))
        return _failed(api, 404, f"invalid URL ({request.method} {clip(request.path)})")

    def _replied(self, api: Api, request: Request) -> SentResponse:
        fault = request.fault
        if fault in STATUSES:
            status, message = STATUSES[fault]
            return _failed(api, status, message)._replace(headers=_RETRY_AFTER if fault in _TO_RETRY else {})
        if fault == "read_timeout":
            return SentResponse(None, ending="silence")
        if fault == "html":
            return SentResponse((_HTML,), content_type="text/html")
        if request.body is None:
            raise BadRequest("expected a JSON object as the body of the request")
        assert request.index is not None
        question = api.question(request.index, {**request.body, **(gemini_request(request.path) or {})})
        check_fit(fault, question, api.holds)
        if fault == "empty_stream":
            return SentResponse((), content_type=_EVENTS)
        return self._respond(api, question, fault)

    def _respond(self, api: Api, question: Question, fault: str | None) -> SentResponse:
        is_streamed = question.is_stream and not question.tools and fault not in _ON_WHOLE_ANSWERS
        answer = ask(self._model, api, question, is_streamed=is_streamed)
        if fault == "json_validate_failed":
            return _rejected(api, answer)
        if fault is not None and fault in ON_ANSWERS:
            answer = ON_ANSWERS[fault](answer, question)
        if question.is_stream:
            return _stream(api, question, answer, fault)
        return _whole(api, question, answer, fault)


def _api_of(path: str) -> Api | None:
    """Return the wire format for a path, or None for an unknown path."""
    return _APIS.get(path) if gemini_request(path) is None else CONTENTS


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _identified(sent: SentResponse, request: Request) -> SentResponse:
    """Set the id of the request, in the header of each provider."""
    name = f"req_{request.index}"
    return sent._replace(headers={**sent.headers, "x-request-id": name, "request-id": name})


def _failed(api: Api, status: int, message: str, **more: Any) -> SentResponse:
    return SentResponse((as_json(api.error(status, message, more)),), status)


def _rejected(api: Api, answer: Answer) -> SentResponse:
    code = "json_validate_failed"
    message = "failed to generate JSON: see 'failed_generation' for what the model wrote"
    written = answer.calls[0].arguments if answer.calls else answer.text
    return _failed(api, 400, message, code=code, failed_generation=written)


def _whole(api: Api, question: Question, answer: Answer, fault: str | None) -> SentResponse:
    body: Mapping[str, Any] | str = api.whole(question, answer)
    if fault is not None and fault in HOLLOW:
        body = hollow(body, api.holds, HOLLOW[fault])
    content = as_json(body)
    if fault == "split_utf8":
        return SentResponse(_bytes(content))
    if fault in ("broken_json", "reset", "stall"):
        # Half of the characters, because half of the bytes could cut a character, which is another fault.
        return _with_ending(SentResponse((half(content.decode()).encode(),)), fault)
    return SentResponse((content,))


def _stream(api: Api, question: Question, answer: Answer, fault: str | None) -> SentResponse:
    events = list(api.events(question, answer))
    if answer.is_cut:
        events = cut_stream(events, is_half=False)
    if fault is not None and fault in HOLLOW:
        value = HOLLOW[fault]
        events = [event._replace(data=hollow(event.data, api.holds, value)) for event in events]
    if fault in _HALVED:
        sent = cut_stream(events)
        if fault == "malformed_sse":
            sent.append(sent[-1]._replace(data='{"id": "', is_piece=False))
        elif fault == "error_event":
            sent.append(api.error_event(api.error(*STATUSES["http_529"], {})))
        return _with_ending(SentResponse([event.as_bytes() for event in sent], content_type=_EVENTS), fault)
    parts = [event.as_bytes() for event in events]
    return SentResponse(_bytes(b"".join(parts)) if fault == "split_utf8" else parts, content_type=_EVENTS)


def _bytes(content: bytes) -> list[bytes]:
    return [content[at : at + 1] for at in range(len(content))]


def _with_ending(sent: SentResponse, fault: str | None) -> SentResponse:
    if fault == "reset":
        return sent._replace(ending="reset")
    return sent._replace(ending="silence" if fault == "stall" else "proper")
