"""Facts about reading what a function gave back."""

import asyncio
import copy
import enum
import json
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schema_guard.calls.providers.order import READERS
from schema_guard.calls.replies import Reply, read, read_shape, rejected
from schema_guard.core.values import UNKNOWN_USAGE, Failure, Usage
from tests.calls import wire

TOKENS = Usage(12, 7, 4, 2)
CLAUDE_TOKENS = Usage(12, 7, 4)


PAYLOAD = {"args", "input", "arguments", "parsed"}  # the model's values stay JSON


def as_objects(value):
    """The same reply with attributes in place of keys."""
    if isinstance(value, dict):
        return SimpleNamespace(
            **{key: part if key in PAYLOAD else as_objects(part) for key, part in value.items()}
        )
    return [as_objects(part) for part in value] if isinstance(value, list) else value


def code_of(reply):
    return reply.failure and (reply.failure.kind, reply.failure.code)


def ask_chat(body, **options):
    with (
        wire.Wire([body]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
    ):
        return client.chat.completions.create(model="m", messages=[], **options)


def ask_responses(body):
    with (
        wire.Wire([body]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
    ):
        return client.responses.create(model="m", input="x")


def ask_messages(body):
    with (
        wire.Wire([body]) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client,
    ):
        return client.messages.create(model="m", max_tokens=9, messages=[])


@dataclass(frozen=True)
class Case:
    id: str
    reply: Any
    expected: Reply | tuple[str, str]


def ids(case):
    return case.id


# Texts and bytes.


def test_a_text_is_the_reply():
    """A text is taken as it is."""
    assert read(" {} ") == Reply(" {} ")


def test_an_empty_text_is_left_to_the_judge():
    """An empty text is a text, not a failure."""
    assert read("") == Reply("")


@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>", "\ufeff\n <!doctype HTML>", "<html lang=en>"])
@pytest.mark.parametrize("form", [str, str.encode])
def test_an_html_page_is_no_reply_of_a_model(page, form):
    """An HTML page is the provider's error, as text and as bytes."""
    assert code_of(read(form(page))) == ("transport", "provider_error")


def test_a_text_that_only_begins_like_markup_is_judged():
    """Markup that is no HTML page is a text."""
    assert read("<json>{}</json>") == Reply("<json>{}</json>")


@pytest.mark.parametrize("content", ['{"a":"é"}'.encode(), bytearray(b"{}")])
def test_bytes_are_utf_8(content):
    """Bytes are read as UTF-8."""
    assert read(content) == Reply(content.decode())


def test_bytes_that_are_not_utf_8_are_refused_with_the_place():
    """Bytes that are no UTF-8 are a syntax failure that names the first bad byte."""
    failure = Failure("syntax", "bad_unicode", "the reply is not UTF-8: invalid start byte at byte 2")

    assert read(b"{}\xff") == Reply(failure=failure)


@given(st.binary(max_size=40))
def test_bytes_read_as_their_text(content):
    """Bytes are read as the text that they encode, or refused."""
    try:
        expected = read(content.decode())
    except UnicodeDecodeError:
        assert code_of(read(content)) == ("syntax", "bad_unicode")
    else:
        assert read(content) == expected


def test_a_reply_that_was_read_stays():
    """A Reply is given back as it is."""
    reply = Reply("x", "stop")

    assert read(reply) is reply


# What no provider sends.


class Invoice(BaseModel):
    choices: list[str] = []
    content: str = "secret"
    output: int = 0


@pytest.mark.parametrize(
    ("given_back", "named"),
    [
        (None, "None"),
        (3, "'int'"),
        (True, "'bool'"),
        (object(), "'object'"),
        ({"total": "secret"}, "'dict'"),
        (["secret"], "'list'"),
        ((), "'tuple'"),
        (Invoice(), "'Invoice'"),
        ({"choices": ["secret"]}, "'dict'"),
        ({"choices": []}, "'dict'"),
        ({"choices": [{"text": "secret"}]}, "'dict'"),
        ({"choices": {"0": "secret"}}, "'dict'"),
        ({"choices": [{"message": "secret"}]}, "'dict'"),
        ({"content": "secret"}, "'dict'"),
        ({"content": [{"type": "text"}]}, "'dict'"),
        ({"candidates": [{"name": "secret"}]}, "'dict'"),
        ({"candidates": []}, "'dict'"),
        ({"output": {"message": "secret"}}, "'dict'"),
        ({"output": []}, "'dict'"),
        ({"message": "secret"}, "'dict'"),
        ({"message": {"content": "secret"}}, "'dict'"),
        ({"response": "secret"}, "'dict'"),
        ({"error": "secret", "line": 3}, "'dict'"),
        (MagicMock(), "'MagicMock'"),
        (wire.chunk({"content": "x"}), "'dict'"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_is_no_reply_is_told_by_its_type(given_back, named):
    """A value that is no reply is refused by its type; its content is never told."""
    kind = "None" if given_back is None else f"a value of type {named}"
    message = f"the function gave {kind}, not a model's reply: return the reply or its text"

    assert read(given_back) == Reply(failure=Failure("transport", "no_reply", message))


def test_a_mock_of_a_completion_is_a_completion():
    """A mock that was given a text where a completion has it is read."""
    mock = MagicMock()
    mock.choices[0].message.content = "{}"

    assert read(mock) == Reply("{}")


class Hostile:
    def __getattr__(self, name):
        raise RuntimeError(name)


class HostileDict(dict):
    def get(self, *_):
        raise RuntimeError


class HostileList(list):
    def __iter__(self):
        raise RuntimeError

    def __getitem__(self, _):
        raise RuntimeError


@pytest.mark.parametrize(
    "reply",
    [
        Hostile(),
        HostileDict(choices=1),
        SimpleNamespace(choices=HostileList([1]), model="m"),
        {"output": HostileList([1]), "object": "response"},
    ],
    ids=lambda reply: type(reply).__name__,
)
def test_an_object_that_raises_is_no_reply(reply):
    """What raises when it is looked at is no reply, and nothing is raised."""
    assert code_of(read(reply)) == ("transport", "no_reply")


FIELDS = sorted(
    {marker for marker, _ in READERS.replies}
    | {"tool_calls", "function", "arguments", "text", "object", "status", "parts", "finish_reason", "role"}
    | {"stop_reason", "stopReason", "usage", "type", "done", "delta", "name", "model", "stop_type", "stats"}
    | {"parsed", "timings", "refusal", "incomplete_details", "truncated", "finishReason", "blockReason"}
)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON_LIKE)
def test_reading_never_raises(value):
    """Whatever a function gives back is read, without the net under foreign objects too."""
    before = copy.deepcopy(value)

    reply = read(value)
    if not isinstance(value, str):
        read_shape(value)
        read_shape(as_objects(value))

    assert (reply.text is None) <= (reply.failure is not None)
    assert repr(value) == repr(before)


# The real SDKs, against a server on loopback.


def test_an_openai_chat_completion():
    """A chat completion gives its text and all that stands beside it."""
    assert read(ask_chat(wire.chat("{}"))) == Reply("{}", "stop", TOKENS, model="gpt-x")


def test_an_openai_tool_call():
    """The arguments of the only tool call are the text."""
    body = wire.chat(None, finish_reason="tool_calls", tool_calls=wire.tool_calls('{"a": 1}'))

    assert read(ask_chat(body)) == Reply('{"a": 1}', "tool_call", TOKENS, model="gpt-x")


def test_parallel_tool_calls_are_several_documents():
    """Of several tool calls none is picked; their texts are kept for the record."""
    reply = read(ask_chat(wire.chat(None, tool_calls=wire.tool_calls("{}", "[]"))))

    assert (reply.text, code_of(reply)) == ("{}\n[]", ("syntax", "several_documents"))


def test_a_refusal_of_openai():
    """A refusal is no failure of reading: its words and its finish reason are given."""
    body = wire.chat(None, refusal="I cannot.")

    assert read(ask_chat(body)) == Reply("", "refusal", TOKENS, "I cannot.", "gpt-x")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_text_that_was_stopped_is_kept(reason):
    """A cut or filtered text is kept beside its finish reason."""
    body = wire.chat('{"a"', finish_reason=reason)

    assert read(ask_chat(body)) == Reply('{"a"', reason, TOKENS, model="gpt-x")


@pytest.mark.parametrize("content", [None, ""])
def test_content_without_text_is_left_to_the_judge(content):
    """No content and no refusal is an empty text."""
    assert read(ask_chat(wire.chat(content))) == Reply("", "stop", TOKENS, model="gpt-x")


@pytest.mark.parametrize("choices", [[], None])
def test_a_completion_without_choices_is_the_providers_error(choices):
    """A chat completion without choices is transport; its cost still counts."""
    failure = Failure("transport", "provider_error", "the provider sent no reply")
    body = {**wire.chat("{}"), "choices": choices}

    assert read(ask_chat(body)) == Reply(None, None, TOKENS, model="gpt-x", failure=failure)


def test_an_error_in_a_body_with_status_200():
    """OpenRouter's error in a good response is transport and told by its code."""
    body = {"error": {"code": 502, "message": "Provider returned error"}, "user_id": "u"}
    told = "the provider sent an error, no reply: 502, 'Provider returned error'"
    expected = Reply(failure=Failure("transport", "provider_error", told))

    assert read(ask_chat(body)) == expected
    assert read(body) == expected


def test_an_html_page_with_status_200():
    """The SDK gives an HTML page as a str; it is transport."""
    assert code_of(read(ask_chat(wire.HTML))) == ("transport", "provider_error")


@pytest.mark.parametrize("ask", [ask_chat, ask_responses, ask_messages])
def test_a_broken_body_stays_the_functions_exception(ask):
    """A body that is no JSON raises in the SDK, and that exception carries no reply."""
    with pytest.raises(json.JSONDecodeError) as caught:
        ask(wire.BAD_JSON)

    assert rejected(caught.value) is None


def test_a_responses_reply():
    """A Responses reply gives its output text."""
    body = wire.response(
        {"type": "reasoning", "id": "x", "summary": [{"type": "summary_text", "text": "hm"}]},
        wire.output_message(wire.output_text("{"), wire.output_text("}")),
    )

    assert read(ask_responses(body)) == Reply("{}", "stop", TOKENS, model="gpt-x")


def test_commentary_of_a_responses_reply_is_not_text():
    """A message of the phase commentary is not part of the answer."""
    body = wire.response(
        wire.output_message(wire.output_text("Let me see."), phase="commentary"),
        wire.output_message(wire.output_text("{}"), phase="final_answer"),
    )

    assert read(ask_responses(body)).text == "{}"


def test_a_function_call_of_a_responses_reply():
    """The arguments of the only function call are the text."""
    body = wire.response(wire.function_call("{}"))

    assert read(ask_responses(body)) == Reply("{}", "tool_call", TOKENS, model="gpt-x")


def test_a_refusal_of_a_responses_reply():
    """A refusal part gives its words."""
    body = wire.response(wire.output_message({"type": "refusal", "refusal": "No."}))

    assert read(ask_responses(body)) == Reply("", "refusal", TOKENS, "No.", "gpt-x")


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        ("steered", "length"),
        (None, "length"),
    ],
)
def test_an_incomplete_responses_reply(reason, expected):
    """An incomplete reply gives its text and why it is incomplete."""
    body = wire.response(
        wire.output_message(wire.output_text("{")), status="incomplete", incomplete_details={"reason": reason}
    )

    assert read(ask_responses(body)) == Reply("{", expected, TOKENS, model="gpt-x")


def test_a_failed_responses_reply():
    """A failed reply is transport and told by its error."""
    body = wire.response(status="failed", error={"code": "server_error", "message": "boom"}, usage=None)
    told = "the provider sent an error, no reply: 'server_error', 'boom'"

    assert read(ask_responses(body)) == Reply(
        "", "error", model="gpt-x", failure=Failure("transport", "provider_error", told)
    )


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_responses_reply_that_is_not_finished(status):
    """A background reply that still runs is no reply, and the message says what to do."""
    message = f"the function gave a response that is still {status}: return it when it is completed"

    assert read(ask_responses(wire.response(status=status))) == Reply(
        failure=Failure("transport", "no_reply", message)
    )


def test_an_anthropic_message():
    """A message gives its text blocks; its input tokens count the cache too."""
    body = wire.message(
        {"type": "thinking", "thinking": "hm", "signature": "s"}, wire.text_block("{"), wire.text_block("}")
    )

    assert read(ask_messages(body)) == Reply("{}", "stop", CLAUDE_TOKENS, model="claude-x")


def test_an_anthropic_tool_use():
    """The input of the only tool call is the text, written as JSON; text beside it is not."""
    body = wire.message(wire.text_block("Here:"), wire.tool_block({"é": [1.5, None]}), stop_reason="tool_use")

    assert read(ask_messages(body)) == Reply('{"é":[1.5,null]}', "tool_call", CLAUDE_TOKENS, model="claude-x")


def test_parallel_tool_uses_are_several_documents():
    """Of several tool uses none is picked."""
    reply = read(ask_messages(wire.message(wire.tool_block({}), wire.tool_block({}))))

    assert code_of(reply) == ("syntax", "several_documents")


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"category": "bio", "explanation": "Harmful."}, "Harmful."),
        ({"category": "bio"}, "bio"),
        (None, None),
    ],
)
def test_a_refusal_of_anthropic(details, told):
    """A refusal gives the provider's explanation, where there is one."""
    details = details and {"type": "refusal", **details}
    body = wire.message(stop_reason="refusal", stop_details=details)

    assert read(ask_messages(body)) == Reply("", "refusal", CLAUDE_TOKENS, told, "claude-x")


@pytest.mark.parametrize(
    "reason", ["max_tokens", "model_context_window_exceeded", "pause_turn", "compaction"]
)
def test_a_message_that_was_cut(reason):
    """Every way in which Anthropic ends a message early is `length`."""
    reply = read(ask_messages(wire.message(wire.text_block("{"), stop_reason=reason)))

    assert (reply.text, reply.finish_reason, reply.failure) == ("{", "length", None)


def test_thinking_tokens_of_anthropic():
    """The thinking tokens are the reasoning part of the output."""
    usage = {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}}

    assert read(ask_messages(wire.message(usage=usage))).usage == Usage(1, 9, None, 5)


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

    assert [read(reply).text for reply in asyncio.run(ask())] == ["{}"] * 3


class Total(BaseModel):
    total: int


def parse(body):
    with (
        wire.Wire([body]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
    ):
        return client.chat.completions.parse(model="m", messages=[], response_format=Total)


def test_a_parsed_completion():
    """A completion that the SDK has parsed is judged by its text."""
    assert read(parse(wire.chat('{"total":1}'))) == Reply('{"total":1}', "stop", TOKENS, model="gpt-x")


def test_a_completion_that_was_parsed_and_refused():
    """With parse() a refusal leaves parsed None and is read as a refusal."""
    assert read(parse(wire.chat(None, refusal="No."))).refusal == "No."


# Dicts, and objects of the same fields.

OPENAI_LIKE = wire.chat('{"a":1}')
CHOICE = OPENAI_LIKE["choices"][0]
GEMINI = {
    "candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "{"}, {"text": "}"}]}}],
    "usageMetadata": {
        "promptTokenCount": 10,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 3,
        "cachedContentTokenCount": 4,
        "totalTokenCount": 18,
    },
    "modelVersion": "gemini-x",
}
GEMINI_TOKENS = Usage(10, 8, 4, 3)


def gemini(reason, **candidate):
    return {**GEMINI, "candidates": [{**GEMINI["candidates"][0], "finishReason": reason, **candidate}]}


def gemini_call(*given_args):
    parts = [{"functionCall": {"name": "give", "args": args}} for args in given_args]
    return gemini("STOP", content={"role": "model", "parts": parts})


def bedrock(*content, stop="end_turn"):
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": {"inputTokens": 5, "outputTokens": 7, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 3},
    }


OLLAMA = {
    "model": "qwen",
    "message": {"role": "assistant", "content": "{}", "thinking": "hm"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 12,
    "eval_count": 7,
}
COHERE = {
    "id": "c",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "{}"}],
    },
    "usage": {"tokens": {"input_tokens": 12.0, "output_tokens": 7.0}, "cached_tokens": 4.0},
}
LLAMACPP = {
    "content": "{}",
    "stop": True,
    "stop_type": "eos",
    "truncated": False,
    "tokens_predicted": 7,
    "tokens_evaluated": 12,
    "model": "qwen",
    "timings": {"cache_n": 4, "prompt_n": 8, "predicted_n": 7},
}
TIMINGS = {"cache_n": 4, "prompt_n": 8, "predicted_n": 7}

CASES = [
    Case("chat", OPENAI_LIKE, Reply('{"a":1}', "stop", TOKENS, model="gpt-x")),
    Case(
        "chat with the timings of llama.cpp",
        {**OPENAI_LIKE, "usage": None, "timings": TIMINGS},
        Reply('{"a":1}', "stop", Usage(12, 7, 4), model="gpt-x"),
    ),
    Case(
        "chat without usage",
        {"object": "chat.completion", "choices": [{"message": {"content": "{}"}}]},
        Reply("{}"),
    ),
    Case(
        "content in parts",
        {
            "choices": [
                {
                    "message": {
                        "content": ["{", {"type": "thinking", "text": "hm"}, {"type": "text", "text": "}"}]
                    }
                }
            ]
        },
        Reply("{}"),
    ),
    Case(
        "a function call of the old API",
        {
            "choices": [
                {
                    "finish_reason": "function_call",
                    "message": {"content": None, "function_call": {"arguments": "{}"}},
                }
            ]
        },
        Reply("{}", "tool_call"),
    ),
    Case(
        "a custom tool call",
        {"choices": [{"message": {"tool_calls": [{"type": "custom", "custom": {"input": "{}"}}]}}]},
        Reply("{}"),
    ),
    Case(
        "only parsed",
        {"choices": [{"message": {"role": "assistant", "content": None, "parsed": {"a": 1}}}]},
        Reply('{"a":1}'),
    ),
    Case(
        "a text completion",
        {"object": "text_completion", "choices": [{"text": "{}", "finish_reason": "stop"}]},
        Reply("{}", "stop"),
    ),
    Case(
        "a filtered choice without message",
        {"choices": [{"message": None, "finish_reason": "content_filter"}]},
        Reply("", "content_filter"),
    ),
    Case(
        "an error as finish reason",
        {"choices": [{**CHOICE, "finish_reason": "error"}]},
        ("transport", "provider_error"),
    ),
    Case("a message alone", CHOICE["message"], Reply('{"a":1}')),
    Case("a message of Anthropic with a text", {"type": "message", "content": "{}"}, Reply("{}")),
    Case("an empty message alone", {"role": "assistant", "content": None}, Reply("")),
    Case(
        "an error of Anthropic",
        {"type": "error", "error": {"type": "x", "message": "m"}},
        ("transport", "provider_error"),
    ),
    Case("gemini", gemini("STOP"), Reply("{}", "stop", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini cut", gemini("MAX_TOKENS"), Reply("{}", "length", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini continued", gemini("CONTINUATION"), Reply("{}", "length", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini filtered", gemini("SAFETY"), Reply("{}", "content_filter", GEMINI_TOKENS, model="gemini-x")),
    Case(
        "gemini recitation",
        gemini("RECITATION"),
        Reply("{}", "content_filter", GEMINI_TOKENS, model="gemini-x"),
    ),
    Case("gemini new reason", gemini("NEW"), Reply("{}", None, GEMINI_TOKENS, model="gemini-x")),
    Case("gemini call", gemini_call({"a": 1}), Reply('{"a":1}', "stop", GEMINI_TOKENS, model="gemini-x")),
    Case("gemini calls", gemini_call({}, {}), ("syntax", "several_documents")),
    Case("gemini malformed call", gemini("MALFORMED_FUNCTION_CALL"), ("syntax", "provider_rejected")),
    Case("gemini malformed", gemini("MALFORMED_RESPONSE", content=None), ("syntax", "provider_rejected")),
    Case("gemini unexpected call", gemini("UNEXPECTED_TOOL_CALL"), ("syntax", "provider_rejected")),
    Case("gemini other", gemini("OTHER"), ("transport", "provider_error")),
    Case(
        "gemini blocked",
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}},
        Reply("", "content_filter", Usage(9)),
    ),
    Case("gemini without candidates", {**GEMINI, "candidates": []}, ("transport", "provider_error")),
    Case("gemini with nothing", {"usageMetadata": {}}, ("transport", "provider_error")),
    Case(
        "gemini that only thought",
        {
            **gemini("MAX_TOKENS", content=None),
            "usageMetadata": {"promptTokenCount": 1, "thoughtsTokenCount": 9},
        },
        Reply("", "length", Usage(1, 9, None, 9), model="gemini-x"),
    ),
    Case("bedrock", bedrock({"reasoningContent": {}}, {"text": "{}"}), Reply("{}", "stop", CLAUDE_TOKENS)),
    Case(
        "bedrock call",
        bedrock({"toolUse": {"input": {"a": 1}}}, stop="tool_use"),
        Reply('{"a":1}', "tool_call", CLAUDE_TOKENS),
    ),
    Case(
        "bedrock filtered", bedrock(stop="guardrail_intervened"), Reply("", "content_filter", CLAUDE_TOKENS)
    ),
    Case("bedrock malformed", bedrock(stop="malformed_model_output"), ("syntax", "provider_rejected")),
    Case("bedrock malformed call", bedrock(stop="malformed_tool_use"), ("syntax", "provider_rejected")),
    Case("ollama", OLLAMA, Reply("{}", "stop", Usage(12, 7), model="qwen")),
    Case(
        "ollama cut", {**OLLAMA, "done_reason": "length"}, Reply("{}", "length", Usage(12, 7), model="qwen")
    ),
    Case(
        "ollama call",
        {
            **OLLAMA,
            "message": {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"arguments": {"a": 1}}}],
            },
        },
        Reply('{"a":1}', "stop", Usage(12, 7), model="qwen"),
    ),
    Case(
        "ollama generate",
        {"model": "qwen", "response": "{}", "done": True, "done_reason": "stop"},
        Reply("{}", "stop", model="qwen"),
    ),
    Case("cohere", COHERE, Reply("{}", "stop", Usage(12, 7, 4))),
    Case("cohere cut", {**COHERE, "finish_reason": "MAX_TOKENS"}, Reply("{}", "length", Usage(12, 7, 4))),
    Case("cohere timeout", {**COHERE, "finish_reason": "TIMEOUT"}, ("transport", "provider_error")),
    Case(
        "cohere billed",
        {**COHERE, "usage": {"billed_units": {"input_tokens": 2.5, "output_tokens": 1}}},
        Reply("{}", "stop", Usage(None, 1)),
    ),
    Case("llama.cpp", LLAMACPP, Reply("{}", "stop", Usage(12, 7, 4), model="qwen")),
    Case(
        "llama.cpp cut",
        {**LLAMACPP, "stop_type": "limit"},
        Reply("{}", "length", Usage(12, 7, 4), model="qwen"),
    ),
    Case(
        "llama.cpp context",
        {**LLAMACPP, "truncated": True},
        Reply("{}", "length", Usage(12, 7, 4), model="qwen"),
    ),
    Case(
        "llama.cpp of old",
        {"content": "{}", "stopped_eos": True, "stopped_limit": False},
        Reply("{}", "stop"),
    ),
    Case(
        "llama.cpp of old, cut",
        {"content": "{", "stopped_eos": False, "stopped_limit": True},
        Reply("{", "length"),
    ),
    Case(
        "lm studio",
        {
            "content": "{}",
            "stats": {"stopReason": "eosFound", "promptTokensCount": 12, "predictedTokensCount": 7},
        },
        Reply("{}", "stop", Usage(12, 7)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=ids)
@pytest.mark.parametrize("form", [lambda reply: reply, as_objects], ids=["dict", "object"])
def test_a_reply_is_read_by_its_shape(case, form):
    """A reply reads the same as a dict and as an object, and without its SDK."""
    reply = read(form(case.reply))

    assert (reply if isinstance(case.expected, Reply) else code_of(reply)) == case.expected


def test_an_error_of_ollama():
    """Ollama's error is a bare text in a dict of its own."""
    told = "the provider sent an error, no reply: 'model not found'"
    failure = Failure("transport", "provider_error", told)

    assert read({"error": "model not found"}) == Reply(failure=failure)


class FinishReason(enum.Enum):
    MAX_TOKENS = 2
    MALFORMED_RESPONSE = 3


def test_the_objects_of_google_genai():
    """Gemini's objects have snake_case fields and enums, and read as its dicts."""
    reply = SimpleNamespace(
        candidates=[
            SimpleNamespace(
                content=SimpleNamespace(parts=[SimpleNamespace(text="{", thought=None, function_call=None)]),
                finish_reason=FinishReason.MAX_TOKENS,
            )
        ],
        prompt_feedback=None,
        usage_metadata=SimpleNamespace(
            prompt_token_count=10,
            candidates_token_count=5,
            thoughts_token_count=None,
            cached_content_token_count=None,
            tool_use_prompt_token_count=2,
        ),
        model_version="gemini-x",
        parsed=None,
    )

    assert read(reply) == Reply("{", "length", Usage(12, 5), model="gemini-x")


def test_an_unknown_stop_word_is_unknown():
    """A finish reason that nobody knows is None and no failure."""
    assert read(wire.chat("{}", finish_reason="because")).finish_reason is None


@pytest.mark.parametrize("tokens", [-1, True, "7", 1.5, float("nan"), float("inf"), [], None])
def test_a_count_that_is_no_count_is_unknown(tokens):
    """A number of tokens that is no whole number from 0 up is unknown."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 0}

    assert read({**OPENAI_LIKE, "usage": usage}).usage == Usage(None, 0)


def test_a_tool_input_that_is_no_json_is_no_reply():
    """A tool call's input that cannot be written as JSON is told by its type."""
    assert code_of(read(wire.message(wire.tool_block({1, 2})))) == ("transport", "no_reply")


def test_a_tool_input_of_foreign_containers_is_written():
    """Mappings and sequences that are not dict and list are written as JSON."""
    given_input = {"a": Total(total=1), "b": range(2), "c": MappingProxyType({})}

    assert read(wire.message(wire.tool_block(given_input))).text == '{"a":{"total":1},"b":[0,1],"c":{}}'


def test_a_tool_call_without_arguments_is_empty():
    """A tool call that has no arguments gives an empty text."""
    assert read({"choices": [{"message": {"tool_calls": [{"function": {"name": "give"}}]}}]}) == Reply("")


# Exceptions that carry what the model wrote.

FAILED = {"message": "Failed to generate JSON", "code": "json_validate_failed", "failed_generation": '{"a"'}
PROVIDER_REJECTED = ("syntax", "provider_rejected")


def raised(**fields):
    error = RuntimeError("x")
    error.__dict__.update(fields)
    return error


class BrokenBody:
    def json(self):
        raise ValueError


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
    message = "the provider could not use what the model wrote: 'json_validate_failed'"

    assert rejected(raised(**fields)) == Reply('{"a"', "error", failure=Failure(*PROVIDER_REJECTED, message))


def test_the_error_that_the_sdk_raises_for_groq():
    """The openai SDK's own exception carries the rejected text."""
    body = wire.Raw(json.dumps({"error": FAILED}).encode(), status=400)

    with pytest.raises(openai.BadRequestError) as caught:
        ask_chat(body)
    reply = rejected(caught.value)

    assert (reply.text, code_of(reply)) == ('{"a"', PROVIDER_REJECTED)


def test_a_rejection_without_the_text_has_none():
    """Where the provider keeps the text to itself, the reply has none."""
    reply = rejected(raised(body={"code": "tool_use_failed"}))

    assert (reply.text, code_of(reply)) == (None, PROVIDER_REJECTED)


def test_what_bedrock_rejected_is_the_models_failure():
    """Bedrock's ModelErrorException about the model's output is a syntax failure."""
    said = "Model produced invalid sequence as part of ToolUse."
    error = raised(response={"Error": {"Code": "ModelErrorException", "Message": said}})

    assert code_of(rejected(error)) == PROVIDER_REJECTED


def test_a_completion_that_was_cut_before_it_was_parsed():
    """The SDK's LengthFinishReasonError gives the text that it threw away."""
    with pytest.raises(openai.LengthFinishReasonError) as caught:
        parse(wire.chat('{"tot', finish_reason="length"))
    failure = Failure("truncation", "max_tokens", "the reply was cut off at the output limit")

    assert rejected(caught.value) == Reply('{"tot', "length", TOKENS, model="gpt-x", failure=failure)


def test_a_completion_that_was_filtered_before_it_was_parsed():
    """The SDK's ContentFilterFinishReasonError is a refusal by a filter."""
    with pytest.raises(openai.ContentFilterFinishReasonError) as caught:
        parse(wire.chat("", finish_reason="content_filter"))
    failure = Failure("refusal", "content_filter", "a content filter stopped the reply")
    reply = rejected(caught.value)

    assert (reply.finish_reason, reply.failure) == ("content_filter", failure)
    assert rejected(openai.ContentFilterFinishReasonError()) == Reply(
        finish_reason="content_filter", failure=failure
    )


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
    assert rejected(error) is None


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

    assert rejected(Odd()) is None


def test_unknown_usage_is_none():
    """A reply without usage has every count unknown."""
    assert read({"choices": [{"message": {"content": ""}}]}).usage == UNKNOWN_USAGE
