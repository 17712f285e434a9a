"""Facts about what a fake server says as Mistral, Cohere and Bedrock do, asked without their packages."""

# ruff: noqa: S310 - loopback

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from benchmarks.provider_refusals import refuse
from schema_guard import Usage
from schema_guard.ext.loopback import bedrock, cohere, mistral
from schema_guard.ext.loopback.model_call import Ready
from schema_guard.ext.loopback.wire import Answer, Question, ToolCall
from schema_guard.received.replies import read
from schema_guard.received.streams import StreamReader
from schema_guard.testing import serve

MISTRAL, COHERE = "/mistral/v1/chat/completions", "/v2/chat"
CONVERSE = "/model/eu.m%3A0/converse"
HI = {"messages": [{"role": "user", "content": "hi"}]}
BEDROCK_HI = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def strict(schema):
    described = {"name": "r", "schema": schema, "strict": True}
    return {**HI, "response_format": {"type": "json_schema", "json_schema": described}}


def of_cohere(schema):
    return {**HI, "response_format": {"type": "json_object", "json_schema": schema}}


def of_bedrock(schema):
    described = {"name": "r", "schema": json.dumps(schema)}
    return {
        **BEDROCK_HI,
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": described}}},
    }


def with_property(schema):
    return {**CLOSED, "properties": {"a": schema}}


@pytest.fixture(scope="module")
def server():
    with serve(lambda _: "{}", faults=refuse) as running:
        yield running


def answered(server, path, body):
    """The status of a request, and its body."""
    sent = Request(f"{server.url}{path}", json.dumps({"model": "m", **body}).encode())
    try:
        with urlopen(sent, timeout=10) as reply:
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


REFUSED = {
    "mistral, format": (
        MISTRAL,
        strict(with_property({"type": "string", "format": "date"})),
        400,
        "Received unsupported keyword `format` in schema.",
    ),
    "mistral, a field": (MISTRAL, {**HI, "max_completion_tokens": 3}, 422, "extra_forbidden"),
    "mistral, a field of a message": (
        MISTRAL,
        {"messages": [{"role": "user", "content": "hi", "name": "n"}]},
        422,
        "Extra inputs are not permitted",
    ),
    "mistral, who speaks last": (
        MISTRAL,
        {"messages": [{"role": "assistant", "content": "hi"}]},
        400,
        "messages: expected the last role to be user, tool, or assistant with prefix=True, got assistant",
    ),
    "cohere, a bound": (COHERE, of_cohere(with_property({"type": "integer", "minimum": 1})), 400, "minimum"),
    "cohere, none required": (
        COHERE,
        of_cohere({**CLOSED, "required": []}),
        400,
        "at least one required field",
    ),
    "cohere, a tool by name": (COHERE, {**HI, "tool_choice": {"type": "function"}}, 400, "REQUIRED or NONE"),
    "bedrock, open": (
        CONVERSE,
        of_bedrock({"type": "object", "properties": {}}),
        400,
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "bedrock, a bound": (
        CONVERSE,
        of_bedrock(with_property({"type": "integer", "minimum": 1})),
        400,
        "For 'integer' type, property 'minimum' is not supported",
    ),
    "bedrock, blank": (
        CONVERSE,
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        400,
        "is blank. Add text to the text field",
    ),
    "bedrock, who speaks first": (
        CONVERSE,
        {"messages": [{"role": "assistant", "content": [{"text": "hi"}]}]},
        400,
        "A conversation must start with a user message",
    ),
}


@pytest.mark.parametrize(("path", "body", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_what_the_provider_refuses_is_refused(server, path, body, status, words):
    """With its status and its words."""
    result, text = answered(server, path, body)

    assert (result, words in json.dumps(text)) == (status, True)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MISTRAL, strict(with_property({"type": "integer", "minimum": 1}))),
        (COHERE, of_cohere(CLOSED)),
        (CONVERSE, of_bedrock(with_property({"type": "string", "maxLength": 3}))),
    ],
    ids=["mistral", "cohere", "bedrock"],
)
def test_what_is_taken_is_answered(server, path, body):
    """A schema that the provider takes gets a reply that is read as its own."""
    status, reply = answered(server, path, body)

    assert (status, read(reply).text, read(reply).finish_reason) == (200, "{}", "stop")


# What a provider's package makes of an event.
AS_CHUNKS = {
    "mistral": (mistral.MISTRAL, lambda event: event.data),
    "cohere": (cohere.COHERE, lambda event: event.data),
    "bedrock": (bedrock.CONVERSE, lambda event: {event.name: event.data}),
}
USAGE = Usage(7, 5)
ANSWERS = {
    "text": Answer('{"a": "b"}', usage=USAGE),
    "cut off": Answer('{"a": ', finish_reason="length", usage=USAGE),
    "a call": Answer(None, (ToolCall("reply", '{"a": "b"}'),), "tool_call", USAGE),
    "a refusal": Answer("", (), "refusal", USAGE, "I cannot help with that."),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(("api", "as_chunk"), AS_CHUNKS.values(), ids=AS_CHUNKS)
def test_a_stream_says_what_the_whole_reply_says(api, as_chunk, answer):
    """Its text or its call, why it ended, and its tokens."""
    question = Question(0, "m", [], {}, ("reply",), None, is_stream=True)
    whole = read(api.whole(question, answer))
    events = [event for event in api.events(question, Ready(answer)) if isinstance(event.data, dict)]
    reader = StreamReader()
    text = "".join([reader.feed(as_chunk(event)) for event in events])
    end = reader.end()

    assert all(event.as_bytes() for event in events)
    assert (text, end.finish_reason, end.usage, end.failure) == (
        whole.text if answer.calls == () else '{"a": "b"}',
        whole.finish_reason,
        whole.usage,
        whole.failure,
    )
