"""Servers on loopback in the formats of Ollama, Gemini, Cohere, Mistral, Groq and Bedrock, that answer every request with one reply."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from tests.public.ext.sdks.case import CACHED, INPUT, OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from tests.public.ext.sdks.case import Said

PIECE_CHARS = 5


class Received(NamedTuple):
    """A request: its path without the query, and its body."""

    path: str
    content: bytes


class SentResponse(NamedTuple):
    """The response to a request."""

    parts: Iterable[bytes]
    status: int = 200
    content_type: str = "application/json"


_BUSY = SentResponse((b'{"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}',), 503)


class _Handler(BaseHTTPRequestHandler):
    """Answers each request on a separate connection."""

    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sent = self.server.respond(Received(urlsplit(self.path).path, content))  # type: ignore[attr-defined]
        self.send_response(sent.status)
        headers = ("Content-Type", sent.content_type), ("Connection", "close")
        for name, value in (*headers, ("Transfer-Encoding", "chunked")):
            self.send_header(name, value)
        self.end_headers()
        for part in sent.parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class Served:
    """The address of a running server."""

    def __init__(self, url: str) -> None:
        self.url = url


@contextmanager
def _served(said: Said, respond: Callable[[Received], SentResponse]) -> Iterator[Served]:
    def answered(received: Received) -> SentResponse:
        return _BUSY if said.fault == "http_503" else respond(received)

    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.respond = answered  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _pieces(reply: str) -> list[str]:
    return [reply[at : at + PIECE_CHARS] for at in range(0, len(reply), PIECE_CHARS)]


def _whole(body: dict[str, Any]) -> SentResponse:
    return SentResponse((json.dumps(body).encode(),))


def _lines(bodies: list[dict[str, Any]]) -> SentResponse:
    lines = [json.dumps(body).encode() + b"\n" for body in bodies]
    return SentResponse(lines, content_type="application/x-ndjson")


def _events(bodies: list[dict[str, Any]]) -> SentResponse:
    events = [b"data: %s\n\n" % json.dumps(body).encode() for body in bodies]
    return SentResponse(events, content_type="text/event-stream")


def serve_ollama(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /api/chat` and `/api/generate`."""

    def respond(received: Received) -> SentResponse:
        asked = json.loads(received.content)
        is_chat = received.path == "/api/chat"

        def part(text: str, **more: Any) -> dict[str, Any]:
            shown = {"message": {"role": "assistant", "content": text}} if is_chat else {"response": text}
            created = "2026-11-01T00:00:00.000000Z"
            return {"model": asked["model"], "created_at": created, **shown, "done": False, **more}

        counts = {"prompt_eval_count": INPUT, "eval_count": OUTPUT, "total_duration": 1_000}
        end = {"done": True, "done_reason": "stop", **counts}
        if not asked.get("stream", True):
            return _whole(part(said.reply, **end))
        return _lines([*map(part, _pieces(said.reply)), part("", **end)])

    return _served(said, respond)


def serve_gemini(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`."""
    usage = {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT,
        "totalTokenCount": INPUT + OUTPUT,
    }

    def respond(received: Received) -> SentResponse:
        model = received.path.rpartition("/")[2].partition(":")[0]

        def part(text: str, **more: Any) -> dict[str, Any]:
            content = {"role": "model", "parts": [{"text": text}]}
            candidate = {"content": content, "index": 0, **more}
            return {"candidates": [candidate], "modelVersion": model, "responseId": "r1"}

        end = {"finishReason": "STOP"}
        if not received.path.endswith(":streamGenerateContent"):
            return _whole({**part(said.reply, **end), "usageMetadata": usage})
        *first, last = _pieces(said.reply)
        return _events([*map(part, first), {**part(last, **end), "usageMetadata": usage}])

    return _served(said, respond)


def serve_cohere(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /v2/chat`."""
    tokens = {"input_tokens": INPUT, "output_tokens": OUTPUT}
    usage = {"billed_units": {"input_tokens": 2, "output_tokens": OUTPUT}, "tokens": tokens}

    def respond(received: Received) -> SentResponse:
        if not json.loads(received.content).get("stream"):
            message = {"role": "assistant", "content": [{"type": "text", "text": said.reply}]}
            return _whole({"id": "c1", "finish_reason": "COMPLETE", "message": message, "usage": usage})
        return _events(
            [
                {
                    "type": "message-start",
                    "id": "c1",
                    "delta": {"message": {"role": "assistant", "content": []}},
                },
                _content("content-start", type="text", text=""),
                *[_content("content-delta", text=piece) for piece in _pieces(said.reply)],
                {"type": "content-end", "index": 0},
                {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
            ]
        )

    return _served(said, respond)


def _content(kind: str, **content: str) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": {"content": content}}}


def serve_mistral(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /v1/chat/completions` as Mistral does: a stream's last chunk has the usage."""
    return _served(said, lambda received: _chat(received, said.reply, lambda usage: {"usage": usage}))


def serve_groq(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /openai/v1/chat/completions` as Groq does: a stream's last chunk has the usage in `x_groq`."""
    return _served(
        said, lambda received: _chat(received, said.reply, lambda usage: {"x_groq": {"usage": usage}})
    )


def _chat(received: Received, reply: str, ending: Callable[[dict[str, Any]], dict[str, Any]]) -> SentResponse:
    asked = json.loads(received.content)
    usage = {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    head = {"id": "c1", "created": 1_700_000_000, "model": asked["model"]}

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return {**head, "object": "chat.completion.chunk", "choices": [choice], **more}

    if not asked.get("stream"):
        message = {"role": "assistant", "content": reply}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return _whole({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
    pieces = [chunk({"content": piece}) for piece in _pieces(reply)]
    first = chunk({"role": "assistant", "content": ""})
    sent = _events([first, *pieces, chunk({}, "stop", **ending(usage))])
    return sent._replace(parts=[*(sent.parts or ()), b"data: [DONE]\n\n"])


_BEDROCK_STOPS = {"length": "max_tokens", "refusal": "guardrail_intervened"}


def serve_bedrock(said: Said) -> AbstractContextManager[Served]:
    """Answer `POST /model/MODEL/converse` and `/converse-stream`, the latter in AWS's binary frames."""
    stop = _BEDROCK_STOPS.get(said.finish_reason, "end_turn")
    usage = {"inputTokens": INPUT, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT}

    def respond(received: Received) -> SentResponse:
        if not received.path.endswith("-stream"):
            message = {"role": "assistant", "content": [{"text": said.reply}]}
            more = {"usage": usage, "metrics": {"latencyMs": 1}}
            return _whole({"output": {"message": message}, "stopReason": stop, **more})
        pieces = [{"contentBlockIndex": 0, "delta": {"text": piece}} for piece in _pieces(said.reply)]
        frames = [
            _frame("messageStart", {"role": "assistant"}),
            *[_frame("contentBlockDelta", piece) for piece in pieces],
            _frame("contentBlockStop", {"contentBlockIndex": 0}),
            _frame("messageStop", {"stopReason": stop}),
            _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
        ]
        return SentResponse(frames, content_type="application/vnd.amazon.eventstream")

    return _served(said, respond)


def _frame(kind: str, body: dict[str, Any]) -> bytes:
    """Give an event: lengths, their checksum, headers, body, the checksum of all."""
    texts = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join([_header(name.encode(), value.encode()) for name, value in texts.items()])
    content = json.dumps(body).encode()
    lengths = struct.pack("!II", 16 + len(headers) + len(content), len(headers))
    frame = lengths + struct.pack("!I", zlib.crc32(lengths)) + headers + content
    return frame + struct.pack("!I", zlib.crc32(frame))


def _header(name: bytes, value: bytes) -> bytes:
    is_text = 7
    return struct.pack("!B", len(name)) + name + struct.pack("!BH", is_text, len(value)) + value
