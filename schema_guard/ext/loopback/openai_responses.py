# SPDX-License-Identifier: Apache-2.0
"""The wire format of OpenAI's Responses, whole and as events.

Ids and times are fixed by the request's index, so that a test sees the same reply each time.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from schema_guard.ext.loopback.openai_chat import (
    CREATED,
    call_id,
    check_format,
    error_body,
    total_tokens,
)
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
    messages_of,
    model_of,
    options_of,
    pieces,
    tool_names,
)
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schema_guard.values import Usage


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model = model_of(body)
    text = body.get("text")
    check_format(text.get("format") if isinstance(text, dict) else None, "text.format", None)
    tools = tool_names(body)
    return Question(
        index,
        model,
        _prompt(body),
        options_of(body, ("model", "input", "instructions", "stream", "stream_options")),
        tools if body.get("tool_choice") != "none" else (),
        forced_tool(body.get("tool_choice"), tools, any_words=("required",)),
        body.get("stream") is True,
    )


_ASKED = ("input_text", "input_image", "input_file")
_ROLES: Final = {
    **dict.fromkeys(("user", "system", "developer"), _ASKED),
    "assistant": ("output_text", "refusal"),
}


def _item(item: object, where: str) -> SentTurn:
    """Return an item as a turn. Only messages have a role."""
    entry = item if isinstance(item, dict) else {}
    kind, id_ = entry.get("type", "message"), (entry.get("call_id"),)
    if kind == "message":
        return SentTurn(where, entry.get("role", ""), entry.get("content"))
    is_call, is_result = kind == "function_call", kind == "function_call_output"
    return SentTurn(where, None, None, id_ if is_call else (), id_ if is_result else ())


def _prompt(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    value, instructions = body.get("input"), body.get("instructions")
    system = [Message("system", instructions).as_dict()] if isinstance(instructions, str) else []
    if isinstance(value, str):
        return [*system, Message("user", value).as_dict()]
    if isinstance(value, list):
        turns = (_item(item, f"input[{at}]") for at, item in enumerate(value))
        check_turns(turns, _ROLES, is_whole=body.get("previous_response_id") is None)
        for at, (item, after) in enumerate(pairwise([*value, {"role": "user"}])):
            if item.get("type") == "reasoning" and after.get("role") not in (None, "assistant"):
                words = "an item of type 'reasoning' needs the item that followed it. Add that item"
                raise BadRequest(f"'input[{at}]': {words}")
    # Items without a role are the tool calls of earlier turns, and their results.
    prompt = [_turn(item) for item in value] if isinstance(value, list) else value
    return [*system, *messages_of({"input": prompt}, "input")]


def _turn(item: object) -> object:
    if not isinstance(item, dict) or "role" in item:
        return item
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": item.get("output"), "tool_call_id": item.get("call_id")}
    return {"role": "assistant", "content": item.get("arguments", "")}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": total_tokens(usage),
    }


_TEXT, _REFUSAL = "output_text", "refusal"
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def _output_message(question: Question, status: str, *content: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{question.index}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(content),
    }


def _part(kind: str, text: str) -> dict[str, Any]:
    if kind == _REFUSAL:
        return {"type": kind, "refusal": text}
    return {"type": kind, "text": text, "annotations": [], "logprobs": []}


def _output_call(question: Question, number: int, status: str, call: ToolCall) -> dict[str, Any]:
    return {
        "id": f"fc_{question.index}_{number}",
        "type": "function_call",
        "status": status,
        "call_id": call_id(question, number),
        "name": call.name,
        "arguments": call.arguments,
    }


def _status(answer: Answer) -> str:
    return "incomplete" if answer.finish_reason in _INCOMPLETE else "completed"


def _output(question: Question, answer: Answer) -> list[dict[str, Any]]:
    status = _status(answer)
    calls = [_output_call(question, at, status, call) for at, call in enumerate(answer.calls)]
    kind = _TEXT if answer.refusal is None else _REFUSAL
    if answer.written is not None:
        return [_output_message(question, status, _part(kind, answer.written)), *calls]
    return calls or [_output_message(question, status)]


def _response(
    question: Question, status: str, output: list[dict[str, Any]], answer: Answer | None
) -> dict[str, Any]:
    reason = None if answer is None else _INCOMPLETE.get(answer.finish_reason)
    return {
        "id": f"resp_{question.index}",
        "object": "response",
        "created_at": CREATED,
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
        "usage": None if answer is None else _usage(answer.usage),
    }


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    return _response(question, _status(answer), _output(question, answer), answer)


def _events(question: Question, answer: Answer) -> Iterator[Event]:
    for number, (kind, fields) in enumerate(_steps(question, answer)):
        name = f"response.{kind}"
        data = {"type": name, "sequence_number": number, **fields}
        yield Event(data, name, is_piece=kind.endswith(".delta"))


def _steps(question: Question, answer: Answer) -> Iterator[tuple[str, dict[str, Any]]]:
    begun = {"response": _response(question, "in_progress", [], None)}
    yield "created", begun
    yield "in_progress", begun
    if answer.streamed or (answer.text is not None and answer.refusal is None):
        yield from _written(question, _TEXT, answer.streamed, answer)
    if answer.refusal is not None:
        yield from _written(question, _REFUSAL, pieces(answer.refusal), answer)
    for at, call in enumerate(answer.calls):
        yield from _called(question, at, _status(answer), call)
    yield _status(answer), {"response": _whole(question, answer)}


def _written(
    question: Question, kind: str, texts: Iterable[str], answer: Answer
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the steps of a message with one part: a text, or a refusal."""
    place = {"item_id": f"msg_{question.index}", "output_index": 0, "content_index": 0}
    key: str = "text" if kind == _TEXT else kind
    more: dict[str, Any] = {"logprobs": []} if kind == _TEXT else {}
    yield "output_item.added", {"output_index": 0, "item": _output_message(question, "in_progress")}
    yield "content_part.added", {**place, "part": _part(kind, "")}
    whole = ""
    for piece in texts:
        whole += piece
        yield f"{kind}.delta", {**place, "delta": piece, **more}
    part = _part(kind, whole)
    yield f"{kind}.done", {**place, key: whole, **more}
    yield "content_part.done", {**place, "part": part}
    item = _output_message(question, _status(answer), part)
    yield "output_item.done", {"output_index": 0, "item": item}


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


def _error_event(body: dict[str, Any]) -> Event:
    error = body["error"]
    data = {"code": error["code"] or error["type"], "message": error["message"], "param": None}
    return Event({"type": "error", "sequence_number": 0, **data}, "error")


RESPONSES: Final = Api(
    providers=frozenset({"openai-responses"}),
    holds="output",
    question=_question,
    whole=_whole,
    events=_events,
    error=error_body,
    error_event=_error_event,
)
"""POST /v1/responses."""
