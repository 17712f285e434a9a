import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest

from schema_guard.errors import InvalidArgument
from schema_guard.models import Model, connect
from schema_guard.models.openai_api import Endpoint, OpenAIModel

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


def completion(text):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def chunk(text, finish_reason=None):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "id": "o",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
}
DELTA = {
    "type": "response.output_text.delta",
    "delta": "hel",
    "item_id": "o",
    "output_index": 0,
    "content_index": 0,
    "sequence_number": 1,
    "logprobs": [],
}


@dataclass
class Loopback:
    """What a server on loopback was asked, and the status it answers."""

    port: int
    status: int = 200
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving():
    seen = Loopback(0)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.requests.append(body)
            seen.keys.append(self.headers["authorization"])
            responses = self.path.endswith("/responses")
            if body.get("stream"):
                events = [DELTA] if responses else [chunk("hel"), chunk("lo"), chunk("", "stop")]
                lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"]
                self.answer("text/event-stream", "".join(lines))
            else:
                self.answer("application/json", json.dumps(RESPONSE if responses else completion("hello")))

        def answer(self, kind, text):
            self.send_response(seen.status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        seen.port = server.server_port
        seen.url = f"http://127.0.0.1:{seen.port}/v1#m"
        yield seen
        server.shutdown()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving() as seen:
        yield seen


def test_call_sends_the_prompt_and_gives_the_reply_object(server):
    """A text is one user message, messages go as they are, options are passed on."""
    with connect(server.url) as model:
        reply = model("hi", options={"max_completion_tokens": 5})
        model(MESSAGES)

    assert isinstance(model, Model)
    assert isinstance(reply, openai.types.chat.ChatCompletion)
    assert reply.choices[0].message.content == "hello"
    assert server.requests == [
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5},
        {"model": "m", "messages": MESSAGES},
    ]
    assert server.keys == ["Bearer none"] * 2


def test_stream_gives_chunks_and_asks_for_usage(server):
    """The chunks are the SDK's; usage is asked for, unless options say otherwise."""
    with connect(server.url) as model:
        texts = [part.choices[0].delta.content for part in model.stream("hi")]
        list(model.stream("hi", options={"stream_options": None}))

    assert texts == ["hel", "lo", ""]
    assert server.requests[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in server.requests[1]


def test_stream_that_is_left_early_closes_its_connection(server):
    """Closing the generator after the first chunk leaves nothing open."""
    with connect(server.url) as model:
        stream = model.stream("hi")
        next(stream)
        stream.close()

        assert model("hi").choices[0].message.content == "hello"


def test_async_forms_give_the_same(server):
    """`acall` and `astream` give what the synchronous forms give, several at once."""

    async def ask():
        async with connect(server.url) as model:
            replies = await asyncio.gather(*(model.acall("hi") for _ in range(4)))
            texts = [part.choices[0].delta.content async for part in model.astream("hi")]
            return [reply.choices[0].message.content for reply in replies], texts

    assert asyncio.run(ask()) == (["hello"] * 4, ["hel", "lo", ""])


def test_one_model_serves_several_event_loops(server):
    """Each event loop has connections of its own."""
    model = connect(server.url)

    async def ask():
        reply = await model.acall("hi")
        await model._async_clients[asyncio.get_running_loop()].close()
        return reply.choices[0].message.content

    assert [asyncio.run(ask()), asyncio.run(ask())] == ["hello", "hello"]


def test_responses_api_gets_input(server):
    """With target openai-responses the prompt goes as `input`, to the other path."""
    with connect(server.url, target="openai-responses") as model:
        reply = model("hi", options={"max_output_tokens": 16})
        model(MESSAGES)
        events = list(model.stream("hi"))

    assert reply.output_text == "hello"
    assert events[0].delta == "hel"
    assert server.requests == [
        {"model": "m", "input": "hi", "max_output_tokens": 16},
        {"model": "m", "input": MESSAGES},
        {"model": "m", "input": "hi", "stream": True},
    ]


@pytest.mark.parametrize("retries", [0, 1])
def test_errors_are_not_retried_unless_asked_for(server, retries):
    """A request that fails is one request: the SDK's own retries are off by default."""
    server.status = 409

    with connect(server.url, max_retries=retries) as model, pytest.raises(openai.ConflictError):
        model("hi")

    assert len(server.requests) == 1 + retries


def test_key_of_the_environment_is_sent(server, monkeypatch):
    """A server gets OPENAI_API_KEY when there is one."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    with connect(server.url) as model:
        model("hi")

    assert server.keys == ["Bearer k"]


def test_defaults_yield_to_options(server):
    """A default is sent, replaced by an option, and taken away by None."""
    endpoint = Endpoint(server.url.partition("#")[0], "secret", direct=True)
    with OpenAIModel("m", endpoint, defaults={"temperature": 0}) as model:
        for options in (None, {"temperature": 1}, {"temperature": None}):
            model("hi", options=options)

    assert [request.get("temperature") for request in server.requests] == [0, 1, None]
    assert "secret" not in repr(model) + repr(endpoint)


@pytest.mark.parametrize("name", ["messages", "input", "stream"])
def test_options_of_ours_are_refused(server, name):
    """The prompt is no option."""
    with connect(server.url) as model, pytest.raises(InvalidArgument) as caught:
        model("hi", options={name: 1})

    assert str(caught.value) == f"options[{name!r}]: expected the model to set it; pass the prompt"


def test_closed_model_says_so(server):
    """A closed model opens nothing again, and closes what stands behind it once."""
    closed = []
    model = OpenAIModel("m", Endpoint(server.url), on_close=lambda: closed.append(1))
    model.close()
    model.close()

    assert closed == [1]
    with pytest.raises(InvalidArgument, match="model 'm' is closed: connect again"):
        model("hi")
