"""Facts about reading what Groq sends."""

import json
from types import SimpleNamespace

import openai
import pytest

from schema_guard import Failure
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    FORMS,
    PROVIDER_REJECTED,
    TOKENS,
    Reply,
    StreamCase,
    ask_chat,
    code_of,
    ids,
    raised,
    read_stream_case,
    reply_in,
)

FAILED = {"message": "Failed to generate JSON", "code": "json_validate_failed", "failed_generation": '{"a"'}


@pytest.mark.parametrize(
    "fields",
    [
        {"body": {"error": FAILED}},
        {"body": FAILED},
        {"body": None, "response": SimpleNamespace(json=lambda: {"error": FAILED})},
        {"response": {"error": FAILED}},
    ],
    ids=["groq", "openai", "response", "dict"],
)
def test_what_groq_rejected_is_the_models_failure(fields):
    """An error that carries `failed_generation` gives that text and a syntax failure."""
    message = "the provider could not use the model's reply: 'json_validate_failed'"

    assert reply_in(raised(**fields)) == Reply('{"a"', "error", failure=Failure(*PROVIDER_REJECTED, message))


def test_the_error_that_the_sdk_raises_for_groq():
    """The openai SDK's own exception carries the rejected text."""
    body = wire.Raw(json.dumps({"error": FAILED}).encode(), status=400)

    with pytest.raises(openai.BadRequestError) as caught:
        ask_chat(body)
    reply = reply_in(caught.value)

    assert (reply.text, code_of(reply)) == ('{"a"', PROVIDER_REJECTED)


def test_a_rejection_without_the_text_has_none():
    """Where the provider keeps the text to itself, the reply has none."""
    reply = reply_in(raised(body={"code": "tool_use_failed"}))

    assert (reply.text, code_of(reply)) == (None, PROVIDER_REJECTED)


STREAMS = [
    StreamCase(
        "groq",
        ({**wire.chunk({"content": "{}"}, "stop"), "x_groq": {"usage": wire.CHAT_USAGE}},),
        ["{}"],
        Reply(None, "stop", TOKENS, model="gpt-x"),
    ),
]


@pytest.mark.parametrize("case", STREAMS, ids=ids)
@FORMS
def test_a_stream_is_read_by_its_shape(case, form):
    """A stream reads the same in dicts and in objects, and without its SDK."""
    assert read_stream_case(case, form) == case.expected
