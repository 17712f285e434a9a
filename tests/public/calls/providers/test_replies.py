"""Facts about reading what a function gave back."""

import asyncio
import json
from types import MappingProxyType, SimpleNamespace

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import Failure, Usage
from tests.public.calls import wire
from tests.public.calls.providers.reading import (
    NO_TOKENS,
    OPENAI_LIKE,
    Reply,
    Total,
    ask_chat,
    ask_messages,
    ask_responses,
    code_of,
    raised,
    read_reply,
    reply_in,
)


def test_a_text_is_the_reply():
    """A text is taken as it is."""
    assert read_reply(" {} ") == Reply(" {} ")


def test_an_empty_text_is_left_to_the_judge():
    """An empty text is a text, not a failure."""
    assert read_reply("") == Reply("")


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>", "\ufeff\n <!doctype HTML>", "<html lang=en>"])
@pytest.mark.parametrize("form", [str, str.encode])
def test_an_html_page_is_no_reply_of_a_model(page, form):
    """An HTML page is the provider's error, as text and as bytes."""
    assert code_of(read_reply(form(page))) == ("transport", "provider_error")


def test_a_text_that_only_begins_like_markup_is_judged():
    """Markup that is no HTML page is a text."""
    assert read_reply("<json>{}</json>") == Reply("<json>{}</json>")


@pytest.mark.parametrize("content", ['{"a":"é"}'.encode(), bytearray(b"{}")])
def test_bytes_are_utf_8(content):
    """Bytes are read as UTF-8."""
    assert read_reply(content) == Reply(content.decode())


def test_bytes_that_are_not_utf_8_are_refused_with_the_place():
    """Bytes that are no UTF-8 are a syntax failure that names the first bad byte."""
    failure = Failure("syntax", "bad_unicode", "the reply is not UTF-8: invalid start byte at byte 2")

    assert read_reply(b"{}\xff") == Reply("{}", failure=failure)


@given(st.binary(max_size=40))
def test_bytes_read_as_their_text(content):
    """Bytes are read as the text that they encode, or refused."""
    try:
        expected = read_reply(content.decode())
    except UnicodeDecodeError:
        assert code_of(read_reply(content)) == ("syntax", "bad_unicode")
    else:
        assert read_reply(content) == expected


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize("ask", [ask_chat, ask_responses, ask_messages])
def test_a_broken_body_stays_the_functions_exception(ask):
    """A body that is no JSON raises in the SDK, and that exception carries no reply."""
    with pytest.raises(json.JSONDecodeError) as caught:
        ask(wire.BAD_JSON)

    assert reply_in(caught.value) is None


def test_asynchronous_clients():
    """What the asynchronous clients give reads the same."""

    async def ask():
        script = [wire.chat("{}"), wire.response(wire.output_message(wire.output_text("{}")))]
        with wire.Wire([*script, wire.message(wire.text_block("{}"))]) as server:
            async with openai.AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client:
                first = await client.chat.completions.create(model="m", messages=[])
                second = await client.responses.create(model="m", input="x")
            async with anthropic.AsyncAnthropic(api_key="k", base_url=server.url, max_retries=0) as client:
                return first, second, await client.messages.create(model="m", max_tokens=9, messages=[])

    assert [read_reply(reply).text for reply in asyncio.run(ask())] == ["{}"] * 3


def test_an_unknown_stop_word_is_unknown():
    """A finish reason that nobody knows is None and no failure."""
    assert read_reply(wire.chat("{}", finish_reason="because")).finish_reason is None


@pytest.mark.parametrize("tokens", [-1, True, "7", 1.5, float("nan"), float("inf"), [], None])
def test_a_count_that_is_no_count_is_unknown(tokens):
    """A number of tokens that is no whole number from 0 up is unknown."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 0}

    assert read_reply({**OPENAI_LIKE, "usage": usage}).usage == Usage(None, 0)


def test_a_tool_input_of_foreign_containers_is_written():
    """Mappings and sequences that are not dict and list are written as JSON."""
    given_input = {"a": Total(total=1), "b": range(2), "c": MappingProxyType({})}

    assert read_reply(wire.message(wire.tool_block(given_input))).text == '{"a":{"total":1},"b":[0,1],"c":{}}'


def test_a_tool_call_without_arguments_is_empty():
    """A tool call that has no arguments gives an empty text."""
    assert read_reply({"choices": [{"message": {"tool_calls": [{"function": {"name": "give"}}]}}]}) == Reply(
        ""
    )


class BrokenBody:
    def json(self):
        raise ValueError


@pytest.mark.parametrize(
    "error",
    [
        ValueError("json_validate_failed"),
        KeyboardInterrupt(),
        raised(body={"error": {"code": "rate_limit_exceeded"}}),
        raised(body="json_validate_failed"),
        raised(response=BrokenBody()),
        raised(response={"Error": {"Code": "ModelErrorException", "Message": "timed out"}}),
        raised(response={"Error": {"Code": "ThrottlingException", "Message": "malformed"}}),
        raised(body=Hostile(), response=Hostile()),
        type("LengthFinishReasonError", (Exception,), {})(),
    ],
    ids=repr,
)
def test_other_exceptions_carry_no_reply(error):
    """Every other exception stays the function's own."""
    assert reply_in(error) is None


def test_an_exception_that_raises_carries_no_reply():
    """An exception that raises when it is looked at carries no reply."""

    class NoCode:
        __hash__ = None

        def __eq__(self, _):
            raise RuntimeError

    class Odd(Exception):
        body = SimpleNamespace(code=NoCode())

        @property
        def response(self):
            raise KeyError

    assert reply_in(Odd()) is None


def test_unknown_usage_is_none():
    """A reply without usage has every count unknown."""
    assert read_reply({"choices": [{"message": {"content": ""}}]}).usage == NO_TOKENS
