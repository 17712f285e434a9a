"""A loopback server that speaks the wire formats of OpenAI and Anthropic, from a script.

`Wire([...])` answers each request with the next item: a dict is a JSON body, a `Stream` is server-sent
events, a `Raw` is whatever a broken server would send. The path decides how events are written.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Stream:
    """Server-sent events; *done* writes OpenAI's `[DONE]`, *reset* drops the connection after them."""

    events: tuple[dict[str, Any] | bytes, ...]
    done: bool = True
    reset: bool = False


@dataclass(frozen=True)
class Raw:
    """Any body at all."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


HTML = Raw(b"<!DOCTYPE html><html><body>Sign in</body></html>", content_type="text/html")
BAD_JSON = Raw(b'{"id": "c1", "choi')


class Wire:
    """The server, for a `with` block; `requests` holds the bodies that came, in order."""

    def __init__(self, script: list[dict[str, Any] | Stream | Raw]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script = deque(script)
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.wire = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """The address without a path: Anthropic's base URL; OpenAI's has `/v1` behind it."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def next(self, request: dict[str, Any]) -> dict[str, Any] | Stream | Raw:
        self.requests.append(request)
        return self.script.popleft()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for them
    request_queue_size = 256  # as many callers may come at once
    wire: Wire


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: _Server

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        item = self.server.wire.next(json.loads(self.rfile.read(size)))
        if isinstance(item, Stream):
            self.send_stream(item)
        else:
            raw = item if isinstance(item, Raw) else Raw(json.dumps(item).encode())
            self.head(raw.status, raw.content_type, ("Content-Length", str(len(raw.body))))
            self.wfile.write(raw.body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def head(self, status: int, content_type: str, *more: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", content_type), ("Connection", "close"), *more):
            self.send_header(name, value)
        self.end_headers()

    def send_stream(self, stream: Stream) -> None:
        self.head(200, "text/event-stream", ("Transfer-Encoding", "chunked"))
        is_chat = self.path.endswith("/chat/completions")
        for event in stream.events:
            self.send_chunk(event if isinstance(event, bytes) else written(event, named=not is_chat))
        if is_chat and stream.done and not stream.reset:
            self.send_chunk(b"data: [DONE]\n\n")
        if stream.reset:
            # Linger 0: the close is a reset, as of a server that died.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def send_chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()


def written(event: dict[str, Any], *, named: bool) -> bytes:
    name = f"event: {event['type']}\n" if named else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


# Bodies and events, whole and valid; a keyword replaces a part.

CHAT_USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def chat(content: str | None, *, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion with one choice."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-x",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": CHAT_USAGE,
    }


def tool_calls(*arguments: str) -> list[dict[str, Any]]:
    """The tool calls of a chat message."""
    return [
        {"id": f"t{n}", "type": "function", "function": {"name": "give", "arguments": text}}
        for n, text in enumerate(arguments)
    ]


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """A chunk of a chat completion."""
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-x",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def usage_chunk() -> dict[str, Any]:
    """The last chunk of a stream that was asked for its usage."""
    return {**chunk({}), "choices": [], "usage": CHAT_USAGE}


def tool_chunk(index: int, arguments: str, call_id: str | None = None) -> dict[str, Any]:
    """A chunk that brings a piece of a tool call."""
    call = {"index": index, "id": call_id, "type": "function", "function": {"arguments": arguments}}
    return chunk({"tool_calls": [call]})


def output_message(*content: dict[str, Any], phase: str | None = None) -> dict[str, Any]:
    """A message item of a Responses reply."""
    return {
        "type": "message",
        "id": "m1",
        "role": "assistant",
        "status": "completed",
        "phase": phase,
        "content": list(content),
    }


def output_text(text: str) -> dict[str, Any]:
    """A text part of a message item."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def function_call(arguments: str) -> dict[str, Any]:
    """A function call item of a Responses reply."""
    return {"type": "function_call", "id": "f1", "call_id": "k1", "name": "give", "arguments": arguments}


def response(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    """A reply of the Responses API."""
    return {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-x",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(output),
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 12,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
            "output_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 19,
        },
        **more,
    }


def output_event(kind: str, **more: Any) -> dict[str, Any]:
    """An event of a Responses stream, of the item at index 0 unless told."""
    return {
        "type": f"response.{kind}",
        "sequence_number": 1,
        "output_index": 0,
        "content_index": 0,
        "item_id": "m1",
        **more,
    }


def message(*content: dict[str, Any], stop_reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    """A message of Anthropic's."""
    return {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 3,
            "output_tokens": 7,
        },
        **more,
    }


def text_block(text: str) -> dict[str, Any]:
    """A text block of a message."""
    return {"type": "text", "text": text, "citations": None}


def tool_block(given: object) -> dict[str, Any]:
    """A tool_use block of a message."""
    return {"type": "tool_use", "id": "t1", "name": "give", "input": given}


def message_start() -> dict[str, Any]:
    """The first event of a message stream; its output_tokens are not the reply's."""
    usage = {
        "input_tokens": 5,
        "cache_read_input_tokens": 4,
        "cache_creation_input_tokens": 3,
        "output_tokens": 1,
    }
    return {"type": "message_start", "message": message(stop_reason=None, usage=usage)}  # type: ignore[arg-type]


def block_start(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """The start of a content block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def block_delta(index: int = 0, **delta: Any) -> dict[str, Any]:
    """A piece of a content block."""
    return {"type": "content_block_delta", "index": index, "delta": delta}


def block_stop(index: int = 0) -> dict[str, Any]:
    """The end of a content block."""
    return {"type": "content_block_stop", "index": index}


def message_end(stop_reason: str = "end_turn", **delta: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The last two events of a message stream."""
    return (
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None, **delta},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
    )
