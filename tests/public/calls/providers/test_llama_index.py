"""Facts about llama-index's responses, as objects of its shape. The real package is among the SDKs."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from schema_guard import guard
from tests.public.calls import wire
from tests.public.calls.providers.reading import MemoryStore, drain, read_reply

KEEPS = {"logprobs": None, "delta": None, "additional_kwargs": {}}


def message(content: str | None, *blocks: Any, **more: Any) -> Any:
    return SimpleNamespace(role="assistant", content=content, blocks=list(blocks), additional_kwargs=more)


def chat(said: Any, raw: Any = None, **more: Any) -> Any:
    return SimpleNamespace(**{**KEEPS, "message": said, "raw": raw, **more})


def agent(**more: Any) -> Any:
    fields = {"structured_response": None, "tool_calls": [], "raw": None, "current_agent_name": "Agent"}
    return SimpleNamespace(**{**fields, **more})


def test_a_response_is_the_reply_inside_it():
    """Tokens, model, and finish reason are those of the provider's reply."""
    reply = read_reply(chat(message("{}"), wire.chat("{}")))

    assert reply == read_reply(wire.chat("{}"))


@pytest.mark.parametrize(
    "response",
    [
        chat(message("{}"), {"unknown": 1}),
        SimpleNamespace(**KEEPS, text="{}", raw=None),
        agent(response=message("{}")),
        agent(response=message("no"), structured_response={}),
    ],
    ids=["chat", "completion", "agent", "structured agent"],
)
def test_a_response_of_an_unknown_provider_is_its_text(response):
    """A custom model has no reply that is known."""
    assert read_reply(response).text == "{}"


def test_a_tool_call_is_its_arguments():
    """The arguments are in a block of the message, or in a call of the older form."""
    block = SimpleNamespace(block_type="tool_call", tool_call_id="1", tool_name="f", tool_kwargs={"a": 1})
    older = SimpleNamespace(id="1", function=SimpleNamespace(name="f", arguments='{"a":1}'))

    assert read_reply(chat(message(None, block))).text == '{"a":1}'
    assert read_reply(chat(message(None, tool_calls=[older]))).text == '{"a":1}'


def test_a_stream_is_the_chunks_inside_it():
    """Each response of a stream holds the provider's chunk."""
    chunks = [wire.chunk({"content": "{"}), wire.chunk({"content": "}"}, "stop")]

    text, reply = drain([chat(message("{"), chunk, delta="{") for chunk in chunks])

    assert (text, reply.finish_reason, reply.failure) == ("{}", "stop", None)


def test_a_stream_of_anthropic_is_complete_without_its_last_event():
    """llama-index leaves out `message_stop`."""
    events = [wire.block_delta(type="text_delta", text="{}"), wire.message_end()[0]]

    text, reply = drain([chat(message("{}"), event, delta="{}") for event in events])

    assert (text, reply.finish_reason, reply.failure) == ("{}", "stop", None)


def test_a_stream_of_an_unknown_provider_is_its_deltas():
    """A custom model has no chunks that are known."""
    text, reply = drain([chat(message("{"), delta="{"), chat(message("{}"), delta="}")])

    assert (text, reply.failure) == ("{}", None)


def test_what_an_agent_streams_is_read():
    """The events of an agent hold the chunk too, as a dict."""
    text, reply = drain(
        [SimpleNamespace(delta="{}", raw=wire.chunk({"content": "{}"}, "stop"), current_agent_name="Agent")]
    )

    assert (text, reply.failure) == ("{}", None)


class Invoice(BaseModel):
    number: str
    total: float


class FlexibleModel(BaseModel):
    model_config = ConfigDict(extra="allow")


class FlexibleInvoice(FlexibleModel):
    number: Any = None
    total: Any = None


@pytest.mark.parametrize(
    ("last", "failed"),
    [
        (FlexibleInvoice(number="A-7", total="twelve"), "type"),
        (FlexibleInvoice(number="A-7"), "required"),
        (Invoice(number="A-7", total=1.0), None),
    ],
)
def test_the_last_value_of_a_stream_that_fills_a_class_is_validated(last, failed):
    """llama-index yields a class that takes any value, until the values are valid."""
    store = MemoryStore()

    @guard(Invoice, observe=True, store=store)
    def extract(prompt: str):
        yield FlexibleInvoice(number="A")
        yield last

    list(extract("t"))

    failure = store.outcomes[0].failure
    assert (failure and failure.code) == failed


PROGRAM = """
def program(source=None, agent_response=None, text=None, response=None):
    raise ValueError(message)
"""


def program(message, **names):
    """Return a function that raises in a program of llama-index."""
    module = {"__name__": "llama_index.core.program", "message": message}
    exec(PROGRAM, module)  # noqa: S102 - a frame of the package
    return lambda prompt: module["program"](**names)


def failed_call(function):
    """Return kind and code of the failure of a call that is observed, and its text."""
    store = MemoryStore()
    with suppress(ValueError):
        guard(Invoice, observe=True, store=store)(function)("t")
    attempt = store.outcomes[0].attempts[0]
    return attempt.failure.kind, attempt.failure.code, attempt.reply


def test_a_tool_call_that_does_not_fit_is_a_failure():
    """The program raises a ValueError without a cause. Its frame holds the arguments."""
    source = SimpleNamespace(raw_input={"number": "A-7", "total": "twelve"}, exception=None)

    failed = failed_call(program("Structured output extraction failed: ...", source=source))

    assert failed == ("structure", "type", '{"number":"A-7","total":"twelve"}')


def test_a_text_without_a_tool_call_is_a_failure():
    """The text is the model's reply."""
    answer = SimpleNamespace(response="There is none.", sources=[])

    failed = failed_call(program("LLM did not return any tool calls", agent_response=answer))

    assert failed == ("syntax", "no_json", "There is none.")


def test_a_text_without_json_is_a_failure():
    """The parser of a program by text raises for it."""
    failed = failed_call(program("Could not extract json string from output: ...", text="There is none."))

    assert failed == ("syntax", "no_json", "There is none.")


def test_the_reply_of_a_request_of_a_package_is_read():
    """Anthropic's package holds the provider's reply."""
    reply = wire.message(wire.text_block('{"number":'), stop_reason="max_tokens")

    kind, _, text = failed_call(
        program("It was not possible to produce a structured response", response=reply)
    )

    assert (kind, text) == ("truncation", '{"number":')


def test_another_value_error_is_excluded():
    """It may be a fault of the application."""
    assert failed_call(program("no such model"))[:2] == ("transport", "call_raised")
