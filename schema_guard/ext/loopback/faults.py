# SPDX-License-Identifier: Apache-2.0
"""The faults of a fake server, by name, and the choice of a fault for each request.

Rules: A fault depends on the request, never on chance. A fault that replaces a reply doesn't ask the model, so it uses
up no reply of a script. A fault in a reply uses one up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from schema_guard.errors import InvalidArgument
from schema_guard.ext.loopback.model_call import tool_of
from schema_guard.ext.loopback.wire import Answer, BadRequest, Event, Question, ToolCall
from schema_guard.text import clip, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

Faults: TypeAlias = "str | Sequence[str | None] | Mapping[int, str | None] | Callable[[R], str | None] | None"
"""A fault for all requests, for each one in order, by index, or from a function of the request. None: no fault."""

REFUSAL = "I'm sorry, but I cannot help with that."

STATUSES: Final = {
    "http_400": (400, "the request is invalid"),
    "http_401": (401, "the API key is invalid"),
    "http_404": (404, "the model does not exist"),
    "http_409": (409, "the request conflicts with another one"),
    "http_429": (429, "too many requests: try again later"),
    "http_500": (500, "the server had an error"),
    "http_503": (503, "the server is overloaded"),
    "http_529": (529, "the server is overloaded"),
}
"""Fault that is an HTTP status -> the status and the message."""

CONNECT_REFUSED = "connect_refused"

_INSTEAD: Final[dict[str, str]] = {
    **{name: f"status {status}, with the provider's error body" for name, (status, _) in STATUSES.items()},
    "http_429": "status 429, with Retry-After: 1",
    "http_503": "status 503, with Retry-After: 1",
    CONNECT_REFUSED: "the port is closed for all requests of a server",
    "read_timeout": "the server sends nothing until the client times out",
    "html": "status 200 and an HTML page",
    "empty_stream": "status 200 and a stream without any event",
}

_TO_A_REPLY: Final[dict[str, str]] = {
    "json_validate_failed": "status 400 with the reply as failed_generation, as from Groq",
    "reset": "the server resets the connection after half of the reply",
    "stall": "the server sends half of the reply, and then nothing until the client times out",
    "broken_json": "half of the body, which then ends normally",
    "cut_stream": "half of the stream, which then ends normally, without its last events",
    "malformed_sse": "half of the stream, and then an event whose data is not JSON",
    "error_event": "half of the stream, and then the provider's error event",
    "split_utf8": "a valid reply, sent byte by byte, so that characters are split",
    "no_choices": "the list of replies (choices, output, or content) is empty",
    "null_choices": "the list of replies is null",
    "null_content": "the reply has no text, no calls, and no refusal",
    "refusal": "the model refuses",
    "content_filter": "a filter stopped the reply halfway (finish reason refusal for Anthropic)",
    "length": "the output limit stopped the reply halfway",
    "half_tool_call": "the output limit stopped the arguments of a tool call halfway",
    "wrong_tool": "the reply calls a tool that the request does not offer",
    "parallel_calls": "the reply calls the tool twice, with the same arguments",
    "malformed_call": "the provider reports a malformed tool call (only Gemini)",
}

FAULTS: Final[Mapping[str, str]] = {**_INSTEAD, **_TO_A_REPLY}
"""Name of each fault -> its effect."""

_OF_STREAMS: Final = frozenset({"empty_stream", "cut_stream", "malformed_sse", "error_event"})
_OF_WHOLES: Final = frozenset({"broken_json"})
# The field of a reply in the only API that has the fault.
_OF_ONE_API: Final = {"malformed_call": "candidates"}
HOLLOW: Final[Mapping[str, Any]] = {"no_choices": [], "null_choices": None}
"""Fault -> the value of the field that holds the reply otherwise."""


def schedule(faults: Faults[R]) -> Callable[[int, R], str | None]:
    """Return a function that returns the fault of a request, from its index and the request.

    Raises:
        InvalidArgument: A name is unknown, or *faults* has a wrong type. If *faults* is a function, the returned
            function raises this error for an invalid result.
    """
    if faults is None or isinstance(faults, str):
        always = None if faults is None else _checked(faults, "faults")
        return lambda index, _: always
    if isinstance(faults, Mapping):
        listed = {_index(at): _checked_one(name, f"faults[{at!r}]") for at, name in faults.items()}
        return lambda index, _: listed.get(index)
    if isinstance(faults, Sequence):
        return schedule(dict(enumerate(faults)))
    if not callable(faults):
        raise InvalidArgument(
            f"faults={clip(repr(faults))}: expected the name of a fault, a list or mapping of names, or a function"
        )
    choose = faults
    return lambda index, request: _checked_one(choose(request), f"faults(request {index})")


def _index(index: object) -> int:
    if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
        return index
    raise InvalidArgument(f"faults: expected the index of a request (an int >= 0), got {clip(repr(index))}")


def _checked_one(name: object, where: str) -> str | None:
    """Validate the fault of a single request. None if it has none."""
    if name is None:
        return None
    if name == CONNECT_REFUSED:
        raise InvalidArgument(
            f"{where}={name!r}: this fault closes the port, so it applies to all requests. Use serve(..., faults={name!r})"
        )
    return _checked(name, where)


def _checked(name: object, where: str) -> str:
    if isinstance(name, str) and name in FAULTS:
        return name
    raise InvalidArgument(
        f"{where}={clip(repr(name))}: expected one of {', '.join(FAULTS)}{did_you_mean(name, FAULTS)}"
    )


def check_fit(fault: str | None, question: Question, holds: str) -> None:
    """Raise BadRequest if a request's kind of reply cannot have the fault. *holds* is the field of the reply."""
    if _OF_ONE_API.get(fault or "", holds) != holds:
        raise BadRequest(
            f"fault {fault!r} applies only to Gemini, but this request is for another API. Use another fault"
        )
    if fault in _OF_STREAMS and not question.is_stream:
        raise BadRequest(f"fault {fault!r} applies only to streams. Request a stream, or use another fault")
    if fault in _OF_WHOLES and question.is_stream:
        raise BadRequest(
            f"fault {fault!r} applies only to complete replies. Remove 'stream' from the request, or use another fault"
        )


# Changes to an answer.


def _null_content(answer: Answer, question: Question) -> Answer:
    return answer._replace(text=None, calls=(), finish_reason="stop", refusal=None)


def _refusal(answer: Answer, question: Question) -> Answer:
    return answer._replace(text="", calls=(), finish_reason="refusal", refusal=REFUSAL)


def _content_filter(answer: Answer, question: Question) -> Answer:
    return _halved(answer)._replace(finish_reason="content_filter")


def _length(answer: Answer, question: Question) -> Answer:
    return _halved(answer)._replace(finish_reason="length")


def _malformed_call(answer: Answer, question: Question) -> Answer:
    return answer._replace(text=None, calls=(), finish_reason="error")


def _half_tool_call(answer: Answer, question: Question) -> Answer:
    return _length(_as_tool_call(answer, question), question)


def _wrong_tool(answer: Answer, question: Question) -> Answer:
    call = _as_tool_call(answer, question).calls[0]
    return _as_tool_call(answer, question)._replace(calls=(call._replace(name=f"not_{call.name}"),))


def _parallel_calls(answer: Answer, question: Question) -> Answer:
    called = _as_tool_call(answer, question)
    return called._replace(calls=called.calls[:1] * 2)


ON_ANSWERS: Final[Mapping[str, Callable[[Answer, Question], Answer]]] = {
    "null_content": _null_content,
    "no_choices": _null_content,
    "null_choices": _null_content,
    "refusal": _refusal,
    "content_filter": _content_filter,
    "length": _length,
    "half_tool_call": _half_tool_call,
    "wrong_tool": _wrong_tool,
    "parallel_calls": _parallel_calls,
    "malformed_call": _malformed_call,
}
"""Fault that changes an answer -> the change."""


def _halved(answer: Answer) -> Answer:
    calls = tuple([call._replace(arguments=half(call.arguments)) for call in answer.calls])
    return answer._replace(text=None if answer.text is None else half(answer.text), calls=calls)


def _as_tool_call(answer: Answer, question: Question) -> Answer:
    """Return an answer as a tool call."""
    calls = answer.calls or (ToolCall(tool_of(question), answer.text or ""),)
    return answer._replace(text=None, calls=calls, finish_reason="tool_call")


# Changes to a written reply.


def half(content: str) -> str:
    """Return the first half, rounded down.

    >>> half("abcde")
    'ab'
    """
    return content[: len(content) // 2]


def cut_stream(events: list[Event], *, is_half: bool = True) -> list[Event]:
    """Return the events of a stream up to the middle one that carries text, or up to the last one."""
    carrying = [at for at, event in enumerate(events) if event.is_piece]
    last = (len(carrying) - 1) // 2 if is_half else -1
    return events[: carrying[last] + 1 if carrying else 1]


def hollow(data: Mapping[str, Any] | str, holds: str, value: object) -> Mapping[str, Any] | str:
    """Return a body or an event with *value* in place of the reply."""
    if isinstance(data, str):
        return data
    outer = {key: hollow(data[key], holds, value) for key in ("response", "message") if key in data}
    return {**data, **outer, **({holds: value} if holds in data else {})}
