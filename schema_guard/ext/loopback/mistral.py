# SPDX-License-Identifier: Apache-2.0
"""The wire format of Mistral's chat: OpenAI's, with fewer fields, whose others it refuses one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.openai_chat import CREATED, call_id, check_format, total_tokens
from schema_guard.ext.loopback.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    Streamed,
    ToolCall,
    Unprocessable,
    check_content,
    forced_tool,
    messages_of,
    model_of,
    options_of,
    pieces,
    tool_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import Usage

__all__ = ["MISTRAL"]

# The fields of a request, as mistralai 3.7.0 sends them.
_FIELDS: Final = frozenset(
    {
        "frequency_penalty", "guardrails", "logprobs", "max_tokens", "messages", "metadata", "min_tokens", "model", "n",
        "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_logprobs", "prompt_mode",
        "random_seed", "reasoning_effort", "repetition_penalty", "response_format", "safe_prompt", "service_tier",
        "stop", "stream", "temperature", "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "top_prompt_logprobs",
    }
)  # fmt: skip
_OF_ROLES: Final[dict[str, frozenset[str]]] = {
    "system": frozenset({"role", "content"}),
    "user": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls", "prefix"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_PARTS: Final = ("text", "image_url", "document_url", "reference", "file", "thinking", "input_audio")
_REASONS: Final = {"tool_call": "tool_calls", "refusal": "stop", "content_filter": "stop"}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model, turns = model_of(body), messages_of(body, "messages")
    extra = [(["body", name], value) for name, value in body.items() if name not in _FIELDS]
    for at, turn in enumerate(turns):
        role = turn["role"]
        if role not in _OF_ROLES:
            raise BadRequest(f"messages[{at}].role: expected one of {', '.join(_OF_ROLES)}, got '{role}'")
        where = ["body", "messages", at, role]
        extra += [([*where, name], value) for name, value in turn.items() if name not in _OF_ROLES[role]]
        if not turn.get("tool_calls"):
            check_content(turn.get("content"), f"messages[{at}].content", _PARTS)
    if extra:
        raise Unprocessable(
            f"These fields are not permitted: {', '.join(str(loc[-1]) for loc, _ in extra)}. Remove them",
            detail=[
                {
                    "type": "extra_forbidden",
                    "loc": loc,
                    "msg": "Extra inputs are not permitted",
                    "input": value,
                }
                for loc, value in extra
            ],
        )
    if turns[-1]["role"] not in ("user", "tool") and not turns[-1].get("prefix"):
        raise BadRequest(
            f"messages: expected the last role to be user, tool, or assistant with prefix=True, got {turns[-1]['role']}"
        )
    check_format(body.get("response_format"), "response_format", "json_schema")
    tools = tool_names(body, "function")
    return Question(
        index,
        model,
        turns,
        options_of(body, ("model", "messages", "stream")),
        tools if body.get("tool_choice") != "none" else (),
        forced_tool(body.get("tool_choice"), tools, any_words=("any", "required")),
        body.get("stream") is True,
    )


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": total_tokens(usage),
    }


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {"id": f"cmpl-{question.index}", "object": kind, "created": CREATED, "model": question.model}


def _call(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(question, number), "function": function, "index": number}


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.written, "tool_calls": None}
    if answer.calls:
        message["tool_calls"] = [_call(question, at, call) for at, call in enumerate(answer.calls)]
    choice = {"index": 0, "message": message, "finish_reason": _reason(answer)}
    return {**_head(question, "chat.completion"), "choices": [choice], "usage": _usage(answer.usage)}


def _reason(answer: Answer) -> str:
    return _REASONS.get(answer.finish_reason, answer.finish_reason)


def _events(question: Question, streamed: Streamed) -> Iterator[Event]:
    head = _head(question, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> Event:
        return Event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})

    yield chunk({"role": "assistant", "content": ""})
    for piece in streamed:
        yield chunk({"content": piece})._replace(is_piece=True)
    answer = streamed.answer
    for piece in pieces(answer.refusal or ""):
        yield chunk({"content": piece})._replace(is_piece=True)
    calls = [_call(question, at, call) for at, call in enumerate(answer.calls)]
    last_delta = {"content": "", **({"tool_calls": calls} if calls else {})}
    # A call comes in one piece, and the tokens with the end.
    yield chunk(last_delta, _reason(answer), usage=_usage(answer.usage))._replace(is_piece=bool(calls))
    yield Event("[DONE]")


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    content: Any = {"detail": more["detail"]} if "detail" in more else message
    kind = "invalid_request_error" if status < 500 else "internal_server_error"
    return {"object": "error", "message": content, "type": kind, "param": None, "code": None}


MISTRAL: Final = Api(
    providers=frozenset({"mistral"}),
    holds="choices",
    question=_question,
    whole=_whole,
    events=_events,
    error=_error,
    error_event=Event,
)
"""POST /mistral/v1/chat/completions."""
