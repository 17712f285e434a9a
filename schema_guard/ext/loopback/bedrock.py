# SPDX-License-Identifier: Apache-2.0
"""The wire format of Bedrock's Converse, whole and as AWS's binary events. The model and the form stand in the path."""

from __future__ import annotations

import json
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from schema_guard.ext.loopback.openai_chat import call_id, total_tokens
from schema_guard.ext.loopback.wire import (
    Answer,
    Api,
    BadRequest,
    Event,
    Question,
    Streamed,
    ToolCall,
    as_json,
    items_of,
    messages_of,
    model_of,
    options_of,
    pieces,
)
from schema_guard.text import clip
from schema_guard.values import Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schema_guard.values import Usage

__all__ = ["CONVERSE", "bedrock_request"]

_PATH: Final = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_call": "tool_use",
    "refusal": "guardrail_intervened",
    "content_filter": "content_filtered",
}
_EXCEPTIONS: Final = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_TEXT: Final = 7  # the type of a header's value


class Frame(Event):
    """One event of a stream, in the frame that AWS has for it."""

    def as_bytes(self) -> bytes:
        """Give lengths, their checksum, headers, body, the checksum of all."""
        kind = "exception" if self.name and self.name.endswith("Exception") else "event"
        fields = {
            f":{kind}-type": self.name or "",
            ":content-type": "application/json",
            ":message-type": kind,
        }
        headers = b"".join([_header(name, value) for name, value in fields.items()])
        content = self.data.encode() if isinstance(self.data, str) else as_json(self.data)
        lengths = struct.pack("!II", 16 + len(headers) + len(content), len(headers))
        frame = lengths + struct.pack("!I", zlib.crc32(lengths)) + headers + content
        return frame + struct.pack("!I", zlib.crc32(frame))


def _header(name: str, value: str) -> bytes:
    head, content = name.encode(), value.encode()
    return struct.pack("!B", len(head)) + head + struct.pack("!BH", _TEXT, len(content)) + content


def bedrock_request(path: str) -> dict[str, Any] | None:
    """Return what a path says of a request: the model, and whether events are wanted; None for another path."""
    match = _PATH.fullmatch(path)
    return match and {"model": unquote(match[1]), "stream": match[2] == "converse-stream"}


def _question(index: int, body: Mapping[str, Any]) -> Question:
    turns = messages_of(body, "messages")
    for at, turn in enumerate(turns):
        if turn["role"] not in ("user", "assistant"):
            role = clip(repr(turn["role"]))
            raise BadRequest(
                f"Value {role} at 'messages.{at + 1}.member.role' failed to satisfy constraint: Member must satisfy enum "
                "value set: [user, assistant]"
            )
        _check_parts(turn.get("content"), f"messages.{at}")
    if turns[0]["role"] != "user":
        raise BadRequest(
            "A conversation must start with a user message. Add one at the start, and try again."
        )
    _check_format(body.get("outputConfig"))
    config = body.get("toolConfig") or {}
    tools = tuple([str(tool["toolSpec"]["name"]) for tool in config.get("tools") or [] if "toolSpec" in tool])
    system = body.get("system")
    before = [Message("system", _text(system)).as_dict()] if isinstance(system, list) and system else []
    return Question(
        index,
        model_of(body),
        [*before, *[{**turn, "content": _text(turn["content"])} for turn in turns]],
        options_of(body, ("model", "messages", "system", "stream")),
        tools,
        _forced(config.get("toolChoice") or {}, tools),
        body.get("stream") is True,
    )


def _check_parts(content: object, where: str) -> None:
    for at, part in enumerate(items_of(content, f"{where}.content")):
        if not isinstance(part, dict) or len(part) != 1:
            raise BadRequest(
                f"{where}.content.{at}: expected a block with exactly one field, such as text, got {clip(repr(part))}"
            )
        if "text" in part and not str(part["text"]).strip():
            raise BadRequest(
                f"The text field in the ContentBlock object at {where}.content.{at} is blank. Add text to the text field, "
                "and try again."
            )


def _check_format(config: object) -> None:
    text_format = (config or {}).get("textFormat") if isinstance(config, dict) or config is None else None
    if text_format is None:
        return
    described = (text_format.get("structure") or {}).get("jsonSchema") or {}
    try:
        is_schema = isinstance(json.loads(described.get("schema") or ""), dict)
    except (TypeError, ValueError):
        is_schema = False
    if text_format.get("type") != "json_schema" or not is_schema:
        raise BadRequest(
            "outputConfig.textFormat: expected the type json_schema and a schema in a JSON string"
        )


def _forced(choice: Mapping[str, Any], tools: tuple[str, ...]) -> str | None:
    if "any" in choice and tools:
        return tools[0]
    named = (choice.get("tool") or {}).get("name")
    if named is not None and named not in tools:
        raise BadRequest(
            f"toolConfig.toolChoice.tool.name: expected the name of one of the tools, got {clip(repr(named))}"
        )
    return named if isinstance(named, str) else None


def _text(parts: object) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "".join([text for text in texts if isinstance(text, str)])


def _usage(usage: Usage) -> dict[str, Any]:
    cached = usage.cached_input_tokens or 0
    return {
        "inputTokens": max(0, (usage.input_tokens or 0) - cached),
        "cacheReadInputTokens": cached,
        "outputTokens": usage.output_tokens or 0,
        "totalTokens": total_tokens(usage),
    }


def _use(question: Question, number: int, call: ToolCall) -> dict[str, Any]:
    return {"toolUseId": call_id(question, number), "name": call.name, "input": call.value}


def _reason(answer: Answer) -> str:
    return _REASONS.get(answer.finish_reason, "malformed_model_output")


def _whole(question: Question, answer: Answer) -> dict[str, Any]:
    text = answer.written
    content: list[dict[str, Any]] = [{"text": text}] if text else []
    content += [{"toolUse": _use(question, at, call)} for at, call in enumerate(answer.calls)]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _reason(answer),
        "usage": _usage(answer.usage),
        "metrics": {"latencyMs": 1},
    }


def _events(question: Question, streamed: Streamed) -> Iterator[Event]:
    yield Frame({"role": "assistant"}, "messageStart")
    blocks = 0
    for piece in streamed:
        yield _piece(0, {"text": piece})
        blocks = 1
    answer = streamed.answer
    for piece in pieces(answer.refusal or ""):
        yield _piece(0, {"text": piece})
        blocks = 1
    if blocks:
        yield Frame({"contentBlockIndex": 0}, "contentBlockStop")
    for at, call in enumerate(answer.calls, blocks):
        use = {"toolUseId": call_id(question, at), "name": call.name}
        yield Frame({"contentBlockIndex": at, "start": {"toolUse": use}}, "contentBlockStart")
        for piece in pieces(call.arguments):
            yield _piece(at, {"toolUse": {"input": piece}})
        yield Frame({"contentBlockIndex": at}, "contentBlockStop")
    yield Frame({"stopReason": _reason(answer)}, "messageStop")
    yield Frame({"usage": _usage(answer.usage), "metrics": {"latencyMs": 1}}, "metadata")


def _piece(index: int, delta: dict[str, Any]) -> Event:
    return Frame({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta", is_piece=True)


def _error(status: int, message: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {"__type": _EXCEPTIONS.get(status, "InternalServerException"), "message": message, **more}


def _error_event(body: dict[str, Any]) -> Event:
    return Frame({"message": body["message"]}, "internalServerException")


CONVERSE: Final = Api(
    providers=frozenset(),
    holds="output",
    question=_question,
    whole=_whole,
    events=_events,
    error=_error,
    error_event=_error_event,
    content_type="application/vnd.amazon.eventstream",
)
"""POST /model/MODEL/converse and /converse-stream."""
