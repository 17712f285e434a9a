# SPDX-License-Identifier: Apache-2.0
"""The wire format of Cohere's chat, its second version, whole and as events. Its replies do not name the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.openai_chat import call_id
from schema_guard.ext.loopback.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    Streamed,
    ToolCall,
    check_content,
    forced_tool,
    messages_of,
    model_of,
    options_of,
    pieces,
    tool_names,
)
from schema_guard.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import Usage

__all__ = ["COHERE"]

_ROLES: Final = ("system", "user", "assistant", "tool")
_PARTS: Final = ("text", "image_url", "document", "thinking")
_REASONS: Final = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_call": "TOOL_CALL",
    "refusal": "COMPLETE",
    "content_filter": "ERROR",
}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model, turns = model_of(body), messages_of(body, "messages")
    for at, turn in enumerate(turns):
        if turn["role"] not in _ROLES:
            raise BadRequest(
                f"invalid request: messages[{at}].role: expected one of {', '.join(_ROLES)}, got {clip(repr(turn['role']))}"
            )
        if not turn.get("tool_calls"):
            check_content(turn.get("content"), f"messages[{at}].content", _PARTS)
    kind = (body.get("response_format") or {}).get("type")
    if kind not in (None, "text", "json_object"):
        raise BadRequest(
            f"invalid request: response_format.type: expected text or json_object, got {clip(repr(kind))}"
        )
    choice = body.get("tool_choice")
    if choice not in (None, "REQUIRED", "NONE"):
        raise BadRequest("invalid request: tool_choice: expected REQUIRED or NONE")
    tools = tool_names(body, "function")
    return Question(
        index,
        model,
        turns,
        options_of(body, ("model", "messages", "stream")),
        tools if choice != "NONE" else (),
        forced_tool(choice, tools, any_words=("REQUIRED",)),
        body.get("stream") is True,
    )


def _usage(usage: Usage) -> dict[str, Any]:
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return {"billed_units": tokens, "tokens": tokens}


def _call(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(question, number), "type": "function", "function": function}


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    text = answer.written
    message: dict[str, Any] = {
        "role": "assistant",
        "content": [{"type": "text", "text": text}] if text is not None else [],
    }
    if answer.calls:
        message["tool_calls"] = [_call(question, at, call) for at, call in enumerate(answer.calls)]
    return {
        "id": f"c_{question.index}",
        "finish_reason": _REASONS.get(answer.finish_reason, "ERROR"),
        "message": message,
        "usage": _usage(answer.usage),
    }


def _events(question: Question, streamed: Streamed) -> Iterator[Event]:
    opening = {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}}
    yield _event("message-start", id=f"c_{question.index}", delta=opening)
    yield _event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
    for piece in streamed:
        yield _piece({"content": {"text": piece}}, "content-delta", 0)
    answer = streamed.answer
    for piece in pieces(answer.refusal or ""):
        yield _piece({"content": {"text": piece}}, "content-delta", 0)
    yield _event("content-end", index=0)
    for at, call in enumerate(answer.calls):
        begun = _call(question, at, call._replace(arguments=""))
        yield _event("tool-call-start", index=at, delta={"message": {"tool_calls": begun}})
        for piece in pieces(call.arguments):
            yield _piece({"tool_calls": {"function": {"arguments": piece}}}, "tool-call-delta", at)
        yield _event("tool-call-end", index=at)
    reason = _REASONS.get(answer.finish_reason, "ERROR")
    yield _event("message-end", delta={"finish_reason": reason, "usage": _usage(answer.usage)})
    yield Event("[DONE]")


def _event(name: str, **fields: Any) -> Event:
    return Event({"type": name, **fields}, name)


def _piece(message: dict[str, Any], name: str, index: int) -> Event:
    return _event(name, index=index, delta={"message": message})._replace(is_piece=True)


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "e", "message": message, **more}


COHERE: Final = Api(
    providers=frozenset(),
    holds="content",
    question=_question,
    whole=_whole,
    events=_events,
    error=_error,
    error_event=Event,
)
"""POST /v2/chat."""
