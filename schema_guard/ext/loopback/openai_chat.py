# SPDX-License-Identifier: Apache-2.0
"""The wire format of OpenAI's Chat Completions, whole and as events.

Ids and times are fixed by the request's index, so that a test sees the same reply each time.
"""

from __future__ import annotations

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
    forced_tool,
    items_of,
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

CREATED = 1_700_000_000
"""The creation time of every reply."""
_FORMATS = ("text", "json_object", "json_schema")
# The `type` and `code` of an error, by status.
_ERRORS: Final[dict[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error_body(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of an error."""
    default = ("server_error" if status >= 500 else "invalid_request_error", None)
    kind, code = _ERRORS.get(status, default)
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def check_format(format_: object, where: str, schema_at: str | None) -> None:
    """Check the requested format. Its name and schema are in the field *schema_at*, or beside the type."""
    if format_ is None:
        return
    kind = format_.get("type") if isinstance(format_, dict) else None
    if not isinstance(format_, dict) or kind not in _FORMATS:
        raise BadRequest(f"'{where}.type': expected one of {', '.join(_FORMATS)}, got {clip(repr(kind))}")
    if kind != "json_schema":
        return
    holder = format_ if schema_at is None else format_.get(schema_at)
    for key in ("name", "schema"):
        if not isinstance(holder, dict) or not holder.get(key):
            path = where if schema_at is None else f"{where}.{schema_at}"
            raise BadRequest(f"missing required parameter: '{path}.{key}'")


_PARTS = ("text", "image_url", "input_audio", "file", "refusal")
_ROLES: Final = dict.fromkeys(("system", "developer", "user", "assistant", "tool", "function"), _PARTS)


def _turn(turn: dict[str, Any], where: str) -> SentTurn:
    calls = turn.get("tool_calls")
    made = () if calls is None else items_of(calls, f"{where}.tool_calls")
    ids = tuple(call.get("id") if isinstance(call, dict) else None for call in made)
    results = (turn.get("tool_call_id"),) if turn["role"] == "tool" else ()
    is_spare = turn["role"] == "assistant" and any(turn.get(name) for name in ("function_call", "audio"))
    return SentTurn(where, turn["role"], "" if is_spare else turn.get("content"), ids, results)


_REASONS = {"tool_call": "tool_calls", "refusal": "stop"}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model, prompt = model_of(body), messages_of(body, "messages")
    check_turns((_turn(turn, f"messages[{at}]") for at, turn in enumerate(prompt)), _ROLES)
    if body.get("n") not in (None, 1):
        raise BadRequest(f"'n': expected 1, got {clip(repr(body['n']))}. This server returns only one reply")
    check_format(body.get("response_format"), "response_format", "json_schema")
    tools = tool_names(body, "function", "custom")
    is_stream, options = body.get("stream") is True, body.get("stream_options") or {}
    return Question(
        index,
        model,
        prompt,
        options_of(body, ("model", "messages", "stream", "stream_options")),
        tools if body.get("tool_choice") != "none" else (),
        forced_tool(body.get("tool_choice"), tools, any_words=("required",)),
        is_stream,
        not is_stream or (isinstance(options, dict) and options.get("include_usage") is True),
    )


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{question.index}",
        "object": kind,
        "created": CREATED,
        "model": question.model,
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens": usage.output_tokens,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": total_tokens(usage),
    }


def total_tokens(usage: Usage) -> int:
    """Return the tokens of input and output together."""
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def call_id(question: Question, number: int) -> str:
    """Return the id of a reply's tool call."""
    return f"call_{question.index}_{number}"


def _call(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call_id(question, number), "type": "function", "function": function}


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    content = None if answer.refusal is not None else answer.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": answer.refusal}
    if answer.calls:
        message["tool_calls"] = [_call(question, at, call) for at, call in enumerate(answer.calls)]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _REASONS.get(answer.finish_reason, answer.finish_reason),
    }
    return {
        **_head(question, "chat.completion"),
        "choices": [choice],
        "usage": _usage(answer.usage),
    }


def _events(question: Question, answer: Answer) -> Iterator[Event]:
    head = _head(question, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, *, is_piece: bool = False) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return Event({**head, "choices": [choice]}, is_piece=is_piece)

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in answer.streamed:
        yield chunk({"content": piece}, is_piece=True)
    for piece in pieces(answer.refusal or ""):
        yield chunk({"refusal": piece}, is_piece=True)
    for at, call in enumerate(answer.calls):
        opening = _call(question, at, call._replace(arguments=""))
        yield chunk({"tool_calls": [{"index": at, **opening}]})
        for piece in pieces(call.arguments):
            yield chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, is_piece=True)
    yield chunk({}, _REASONS.get(answer.finish_reason, answer.finish_reason))
    if question.with_usage:
        yield Event({**head, "choices": [], "usage": _usage(answer.usage)})
    yield Event("[DONE]")


CHAT: Final = Api(
    providers=frozenset({"openai", "deepseek", "llamacpp", "llamacpp-llguidance", "sglang", "vllm"}),
    holds="choices",
    question=_question,
    whole=_whole,
    events=_events,
    error=error_body,
    error_event=Event,
)
"""POST /v1/chat/completions."""
