"""The wire formats of OpenAI: Chat Completions and Responses, whole and as events.

Ids and times are fixed by the request's index, so that a test sees the same reply each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schema_guard.core.values import Message
from schema_guard.testing.server.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    Streamed,
    ToolCall,
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

    from schema_guard.core.values import Usage

_CREATED = 1_700_000_000
_FORMATS = ("text", "json_object", "json_schema")
# Of a status, what stands in an error's `type` and `code`.
_ERRORS: Final[dict[int, tuple[str, str | None]]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    default = ("server_error" if status >= 500 else "invalid_request_error", None)
    kind, code = _ERRORS.get(status, default)
    return {"error": {"message": message, "type": kind, "param": None, "code": code, **more}}


def _check_format(given: object, where: str, schema_at: str | None) -> None:
    """Check the format that is asked for; its name and schema stand in *schema_at*, or beside the type."""
    if given is None:
        return
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(given, dict) or kind not in _FORMATS:
        raise BadRequest(f"'{where}.type': expected one of {', '.join(_FORMATS)}, got {clip(repr(kind))}")
    if kind != "json_schema":
        return
    holder = given if schema_at is None else given.get(schema_at)
    for key in ("name", "schema"):
        if not isinstance(holder, dict) or not holder.get(key):
            path = where if schema_at is None else f"{where}.{schema_at}"
            raise BadRequest(f"missing required parameter: '{path}.{key}'")


# Chat Completions.

_CHAT_REASONS = {"tool_call": "tool_calls", "refusal": "stop"}


def _chat_question(index: int, body: Mapping[str, Any]) -> Question:
    model, prompt = model_of(body), messages_of(body, "messages")
    if body.get("n") not in (None, 1):
        raise BadRequest(f"'n': expected 1, the only number that is served, got {clip(repr(body['n']))}")
    _check_format(body.get("response_format"), "response_format", "json_schema")
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


def _chat_head(question: Question, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{question.index}",
        "object": kind,
        "created": _CREATED,
        "model": question.model,
    }


def _chat_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens": usage.output_tokens,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": _total(usage),
    }


def _total(usage: Usage) -> int:
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def _call_id(question: Question, number: int) -> str:
    return f"call_{question.index}_{number}"


def _chat_call(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": _call_id(question, number), "type": "function", "function": function}


def _chat_whole(question: Question, answer: Answer) -> dict[str, Any]:
    content = None if answer.refusal is not None else answer.text
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": answer.refusal}
    if answer.calls:
        message["tool_calls"] = [_chat_call(question, at, call) for at, call in enumerate(answer.calls)]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _CHAT_REASONS.get(answer.finish_reason, answer.finish_reason),
    }
    return {
        **_chat_head(question, "chat.completion"),
        "choices": [choice],
        "usage": _chat_usage(answer.usage),
    }


def _chat_events(question: Question, streamed: Streamed) -> Iterator[Event]:
    head = _chat_head(question, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, *, is_piece: bool = False) -> Event:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return Event({**head, "choices": [choice]}, is_piece=is_piece)

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    for piece in streamed:
        yield chunk({"content": piece}, is_piece=True)
    answer = streamed.answer
    for piece in pieces(answer.refusal or ""):
        yield chunk({"refusal": piece}, is_piece=True)
    for at, call in enumerate(answer.calls):
        opening = _chat_call(question, at, call._replace(arguments=""))
        yield chunk({"tool_calls": [{"index": at, **opening}]})
        for piece in pieces(call.arguments):
            yield chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]}, is_piece=True)
    yield chunk({}, _CHAT_REASONS.get(answer.finish_reason, answer.finish_reason))
    if question.with_usage:
        yield Event({**head, "choices": [], "usage": _chat_usage(answer.usage)})
    yield Event("[DONE]")


CHAT: Final = Api(
    targets=frozenset({"openai", "llamacpp-llguidance"}),
    holds="choices",
    question=_chat_question,
    whole=_chat_whole,
    events=_chat_events,
    error=_error,
    error_event=Event,
)
"""POST /v1/chat/completions."""


# Responses.


def _responses_question(index: int, body: Mapping[str, Any]) -> Question:
    model = model_of(body)
    text = body.get("text")
    _check_format(text.get("format") if isinstance(text, dict) else None, "text.format", None)
    tools = tool_names(body)
    return Question(
        index,
        model,
        _responses_prompt(body),
        options_of(body, ("model", "input", "instructions", "stream", "stream_options")),
        tools if body.get("tool_choice") != "none" else (),
        forced_tool(body.get("tool_choice"), tools, any_words=("required",)),
        body.get("stream") is True,
    )


def _responses_prompt(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given, instructions = body.get("input"), body.get("instructions")
    system = [Message("system", instructions).as_dict()] if isinstance(instructions, str) else []
    if isinstance(given, str):
        return [*system, Message("user", given).as_dict()]
    # Items without a role are the tool calls of earlier turns, and what came of them.
    turns = [_turn(item) for item in given] if isinstance(given, list) else given
    return [*system, *messages_of({"input": turns}, "input")]


def _turn(item: object) -> object:
    if not isinstance(item, dict) or "role" in item:
        return item
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output"), "tool_call_id": item.get("call_id")}
    return {"role": "assistant", "content": item.get("arguments")}


def _responses_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": _total(usage),
    }


_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _output_message(question: Question, status: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{question.index}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(content),
    }


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _refusal(text: str) -> dict[str, Any]:
    return {"type": "refusal", "refusal": text}


def _output_call(question: Question, number: int, status: str, call: ToolCall) -> dict[str, Any]:
    return {
        "id": f"fc_{question.index}_{number}",
        "type": "function_call",
        "status": status,
        "call_id": _call_id(question, number),
        "name": call.name,
        "arguments": call.arguments,
    }


def _status(answer: Answer) -> str:
    return "incomplete" if answer.finish_reason in _INCOMPLETE else "completed"


def _output(question: Question, answer: Answer) -> list[dict[str, Any]]:
    status = _status(answer)
    calls = [_output_call(question, at, status, call) for at, call in enumerate(answer.calls)]
    if answer.refusal is not None:
        return [_output_message(question, status, _refusal(answer.refusal)), *calls]
    if answer.text is not None:
        return [_output_message(question, status, _output_text(answer.text)), *calls]
    return calls or [_output_message(question, status)]


def _response(
    question: Question, status: str, output: list[dict[str, Any]], answer: Answer | None
) -> dict[str, Any]:
    reason = None if answer is None else _INCOMPLETE.get(answer.finish_reason)
    return {
        "id": f"resp_{question.index}",
        "object": "response",
        "created_at": _CREATED,
        "model": question.model,
        "status": status,
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "instructions": None,
        "metadata": {},
        "output": output,
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None if answer is None else _responses_usage(answer.usage),
    }


def _responses_whole(question: Question, answer: Answer) -> dict[str, Any]:
    return _response(question, _status(answer), _output(question, answer), answer)


def _responses_events(question: Question, streamed: Streamed) -> Iterator[Event]:
    for number, (kind, fields) in enumerate(_responses_steps(question, streamed)):
        name = f"response.{kind}"
        data = {"type": name, "sequence_number": number, **fields}
        yield Event(data, name, is_piece=kind.endswith(".delta"))


def _responses_steps(question: Question, streamed: Streamed) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = {"response": _response(question, "in_progress", [], None)}
    yield "created", begun
    yield "in_progress", begun
    given: list[str] = []
    for piece in streamed:
        if not given:
            yield from _opened(question, _output_text(""))
        given.append(piece)
        yield "output_text.delta", {**_place(question), "delta": piece, "logprobs": []}
    answer = streamed.answer
    if answer.text is not None and answer.refusal is None and not given:
        yield from _opened(question, _output_text(""))
        given.append("")
    if given:
        text = "".join(given)
        yield "output_text.done", {**_place(question), "text": text, "logprobs": []}
        yield from _closed(question, _status(answer), _output_text(text))
    if answer.refusal is not None:
        yield from _refused(question, answer.refusal)
    for at, call in enumerate(answer.calls):
        yield from _called(question, at, _status(answer), call)
    yield _status(answer), {"response": _responses_whole(question, answer)}


def _place(question: Question) -> dict[str, Any]:
    return {"item_id": f"msg_{question.index}", "output_index": 0, "content_index": 0}


def _opened(question: Question, part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "output_item.added", {"output_index": 0, "item": _output_message(question, "in_progress")}
    yield "content_part.added", {**_place(question), "part": part}


def _closed(question: Question, status: str, part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "content_part.done", {**_place(question), "part": part}
    yield "output_item.done", {"output_index": 0, "item": _output_message(question, status, part)}


def _refused(question: Question, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _opened(question, _refusal(""))
    for piece in pieces(text):
        yield "refusal.delta", {**_place(question), "delta": piece}
    yield "refusal.done", {**_place(question), "refusal": text}
    yield from _closed(question, "completed", _refusal(text))


def _called(
    question: Question, number: int, status: str, call: ToolCall
) -> Iterator[tuple[str, dict[str, Any]]]:
    opening = _output_call(question, number, "in_progress", call._replace(arguments=""))
    place = {"item_id": opening["id"], "output_index": number}
    yield "output_item.added", {"output_index": number, "item": opening}
    for piece in pieces(call.arguments):
        yield "function_call_arguments.delta", {**place, "delta": piece}
    done = {**place, "name": call.name, "arguments": call.arguments}
    yield "function_call_arguments.done", done
    closing = _output_call(question, number, status, call)
    yield "output_item.done", {"output_index": number, "item": closing}


def _responses_error_event(body: dict[str, Any]) -> Event:
    error = body["error"]
    data = {"code": error["code"] or error["type"], "message": error["message"], "param": None}
    return Event({"type": "error", "sequence_number": 0, **data}, "error")


RESPONSES: Final = Api(
    targets=frozenset({"openai-responses"}),
    holds="output",
    question=_responses_question,
    whole=_responses_whole,
    events=_responses_events,
    error=_error,
    error_event=_responses_error_event,
)
"""POST /v1/responses."""
