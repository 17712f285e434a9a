# SPDX-License-Identifier: Apache-2.0
"""The wire format of Anthropic's Messages, whole and as events.

Ids are fixed by the request's index, so that a test sees the same reply each time.
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
    messages_of,
    model_of,
    options_of,
    pieces,
    tool_names,
)
from schema_guard.text import clip
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import Usage

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_call": "tool_use",
    "refusal": "refusal",
    "content_filter": "refusal",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    model, turns = model_of(body), messages_of(body, "messages")
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise BadRequest(f"max_tokens: expected an integer >= 1, got {clip(repr(limit))}")
    check_turns((_turn(turn, f"messages.{at}") for at, turn in enumerate(turns)), _ROLES)
    if turns[0]["role"] != "user":
        raise BadRequest("messages: first message must use the 'user' role")
    _check_messages(turns)
    tools, choice = tool_names(body), body.get("tool_choice")
    is_barred = isinstance(choice, dict) and choice.get("type") == "none"
    return Question(
        index,
        model,
        [*_system(body.get("system")), *turns],
        options_of(body, ("model", "messages", "system", "stream")),
        () if is_barred else tools,
        forced_tool(choice, tools, any_words=("any",)),
        body.get("stream") is True,
    )


_BLOCKS = (
    "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
    "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
    "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "mcp_tool_use", "mcp_tool_result",
    "container_upload",
)  # fmt: skip


_ROLES: Final = dict.fromkeys(("user", "assistant"), _BLOCKS)


def _turn(turn: dict[str, Any], where: str) -> SentTurn:
    content = turn.get("content")
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    calls = tuple(block.get("id") for block in blocks if block.get("type") == "tool_use")
    results = tuple(block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result")
    return SentTurn(where, turn["role"], content, calls, results)


def _check_messages(turns: list[dict[str, Any]]) -> None:
    """Raise BadRequest for turns that only Anthropic refuses."""
    for at, turn in enumerate(turns):
        where, content, is_last = f"messages.{at}", turn["content"], at + 1 == len(turns)
        more = turn.keys() - {"role", "content"}
        if more:
            raise BadRequest(f"{where}.{min(more)}: this field is not permitted. Remove it")
        if not content and not is_last:
            raise BadRequest(
                f"{where}: all messages must have non-empty content except for the final assistant message"
            )
        if isinstance(content, list):
            _check_blocks(content, where)
        elif is_last and turn["role"] == "assistant" and content != content.rstrip():
            raise BadRequest(
                "messages: final assistant content cannot end with trailing whitespace. Remove the whitespace"
            )


def _check_blocks(blocks: list[dict[str, Any]], where: str) -> None:
    kinds = [block["type"] for block in blocks]
    for at, block in enumerate(blocks):
        if kinds[at] == "text" and not str(block.get("text") or "").strip():
            raise BadRequest(f"{where}.content.{at}: text content blocks must be non-empty")
    if "tool_result" in kinds[kinds.count("tool_result") :]:
        raise BadRequest(f"{where}: 'tool_result' blocks must come first in the content")


def _system(content: object) -> list[dict[str, Any]]:
    return [Message("system", content).as_dict()] if content else []


def _usage(usage: Usage) -> dict[str, Any]:
    # Input tokens include the cached ones in schema_guard, but not in Anthropic's usage.
    cached = usage.cached_input_tokens or 0
    return {
        "input_tokens": max(0, (usage.input_tokens or 0) - cached),
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.output_tokens,
    }


def _stop(answer: Answer) -> dict[str, Any]:
    reason = _STOP_REASONS.get(answer.finish_reason, "end_turn")
    stop: dict[str, Any] = {"stop_reason": reason, "stop_sequence": None}
    if reason == "refusal":
        stop["stop_details"] = {"type": "refusal", "category": None, "explanation": answer.refusal}
    return stop


def _tool_use(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": f"toolu_{question.index}_{number}",
        "name": call.name,
        "input": call.value,
    }


def _message(question: Question, content: list[dict[str, Any]], stop: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{question.index}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": content,
        **stop,
    }


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    text = [{"type": "text", "text": answer.text, "citations": None}] if answer.text else []
    calls = [_tool_use(question, at, call) for at, call in enumerate(answer.calls)]
    return {**_message(question, [*text, *calls], _stop(answer)), "usage": _usage(answer.usage)}


def _events(question: Question, answer: Answer) -> Iterator[Event]:
    # The first event has the tokens at the start. The last one has those of the reply.
    begun = {"input_tokens": 0, "output_tokens": 1}
    stop = {"stop_reason": None, "stop_sequence": None}
    yield _event("message_start", message={**_message(question, [], stop), "usage": begun})
    yield _event("ping")
    blocks = int(bool(answer.streamed))
    if blocks:
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for piece in answer.streamed:
            yield _piece(0, {"type": "text_delta", "text": piece})
        yield _event("content_block_stop", index=0)
    for at, call in enumerate(answer.calls):
        opening = {**_tool_use(question, at, call), "input": {}}
        yield _event("content_block_start", index=blocks + at, content_block=opening)
        for piece in pieces(call.arguments):
            yield _piece(blocks + at, {"type": "input_json_delta", "partial_json": piece})
        yield _event("content_block_stop", index=blocks + at)
    yield _event("message_delta", delta=_stop(answer), usage=_usage(answer.usage))
    yield _event("message_stop")


def _event(name: str, **fields: Any) -> Event:
    return Event({"type": name, **fields}, name)


def _piece(index: int, delta: dict[str, Any]) -> Event:
    return _event("content_block_delta", index=index, delta=delta)._replace(is_piece=True)


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    kind = _ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": message, **more}}


def _error_event(body: dict[str, Any]) -> Event:
    return Event(body, "error")


MESSAGES: Final = Api(
    providers=frozenset({"anthropic"}),
    holds="content",
    question=_question,
    whole=_whole,
    events=_events,
    error=_error,
    error_event=_error_event,
)
"""POST /v1/messages."""
