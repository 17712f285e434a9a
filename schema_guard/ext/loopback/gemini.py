# SPDX-License-Identifier: Apache-2.0
"""The wire format of Gemini's generateContent, whole and as events. The path contains the model and the form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    SentTurn,
    ToolCall,
    check_turns,
    items_of,
    model_of,
    options_of,
)
from schema_guard.text import clip
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import Usage

_PATH = re.compile(r"/v1(?:beta|alpha)?/models/([^/:]+):(generateContent|streamGenerateContent)")
_REASONS = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_call": "STOP",
    "refusal": "SAFETY",
    "content_filter": "SAFETY",
    "error": "MALFORMED_FUNCTION_CALL",
}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}
_ROLES: Final[dict[str, tuple[str, ...]]] = {"user": (), "model": (), "function": ()}
_CALL, _RESULT = ("functionCall", "function_call"), ("functionResponse", "function_response")


def gemini_request(path: str) -> dict[str, Any] | None:
    """Return the model from a path, and whether the client wants events. None for another path."""
    match = _PATH.fullmatch(path)
    return match and {"model": match[1], "stream": match[2] == "streamGenerateContent"}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    contents = items_of(body.get("contents"), "contents")
    turns = [_turn(content, f"contents[{at}]") for at, content in enumerate(contents)]
    check_turns(turns, _ROLES)
    prompt = [
        {"role": "assistant" if turn.role == "model" else "user", "content": turn.content} for turn in turns
    ]
    system = body.get("systemInstruction")
    before = [Message("system", _text(system.get("parts"))).as_dict()] if isinstance(system, dict) else []
    tools = _tools(body)
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = config.get("allowedFunctionNames") or tools
    return Question(
        index,
        model_of(body),
        [*before, *prompt],
        options_of(body, ("model", "contents", "systemInstruction", "stream")),
        tools if config.get("mode") != "NONE" else (),
        allowed[0] if config.get("mode") == "ANY" and allowed else None,
        body.get("stream") is True,
    )


def _turn(content: object, where: str) -> SentTurn:
    """Convert a content to a turn. A part has one field, which is its kind."""
    if not isinstance(content, dict):
        raise BadRequest(f"Invalid value at '{where}': expected a content object, got {clip(repr(content))}")
    unknown = content.keys() - {"role", "parts"}
    if unknown:
        raise BadRequest(f"Unknown name {min(unknown)!r} at '{where}': this field does not exist. Remove it")
    parts = items_of(content.get("parts"), f"{where}.parts")
    for at, part in enumerate(parts):
        if not isinstance(part, dict) or not part or "type" in part:
            raise BadRequest(
                f"Invalid value at '{where}.parts[{at}]': expected exactly one data field, such as text, got {clip(repr(part))}"
            )
    # Gemini counts calls and results, and doesn't compare their names.
    calls, results = (sum(name in part for part in parts for name in kind) for kind in (_CALL, _RESULT))
    role = content.get("role", "user")
    return SentTurn(where, role, _text(parts), tuple(range(calls)), tuple(range(results)))


def _text(parts: object) -> str:
    return (
        "".join([str(part.get("text") or "") for part in parts if isinstance(part, dict)])
        if isinstance(parts, list)
        else ""
    )


def _tools(body: Mapping[str, Any]) -> tuple[str, ...]:
    declared = [
        tool.get("functionDeclarations") or [] for tool in body.get("tools") or [] if isinstance(tool, dict)
    ]
    return tuple([function["name"] for functions in declared for function in functions])


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "promptTokenCount": usage.input_tokens,
        "cachedContentTokenCount": usage.cached_input_tokens,
        "candidatesTokenCount": (usage.output_tokens or 0) - (usage.reasoning_tokens or 0),
        "thoughtsTokenCount": usage.reasoning_tokens,
        "totalTokenCount": (usage.input_tokens or 0) + (usage.output_tokens or 0),
    }


def _call(call: ToolCall) -> dict[str, Any]:
    return {"functionCall": {"name": call.name, "args": call.value}}


def _part(question: Question, parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **more}
    return {"candidates": [candidate], "modelVersion": question.model, "responseId": f"r_{question.index}"}


def _end(answer: Answer) -> dict[str, Any]:
    return {"finishReason": _REASONS.get(answer.finish_reason, "OTHER")}


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    text = [{"text": answer.text}] if answer.text else []
    parts = [*text, *[_call(call) for call in answer.calls]]
    return {**_part(question, parts, **_end(answer)), "usageMetadata": _usage(answer.usage)}


def _events(question: Question, answer: Answer) -> Iterator[Event]:
    for piece in answer.streamed:
        yield Event(_part(question, [{"text": piece}]), is_piece=True)
    for call in answer.calls:
        yield Event(_part(question, [_call(call)]), is_piece=True)
    yield Event({**_part(question, [], **_end(answer)), "usageMetadata": _usage(answer.usage)})


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "error": {"code": status, "message": message, "status": _STATUSES.get(status, "INTERNAL"), **more}
    }


CONTENTS: Final = Api(
    providers=frozenset({"gemini"}),
    holds="candidates",
    question=_question,
    whole=_whole,
    events=_events,
    error=_error,
    error_event=Event,
)
"""POST /v1beta/models/MODEL:generateContent and :streamGenerateContent."""
