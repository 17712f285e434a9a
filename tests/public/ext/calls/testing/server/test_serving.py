"""Facts about the wire formats of the server on loopback, asked by the real clients of OpenAI and Anthropic."""

import asyncio
import json
from urllib.error import HTTPError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import anthropic
import openai
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard.testing import ScriptedModel, serve

TIMEOUT_S = 10.0
TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 12, "name": "Grüße, 你好"}'
MESSAGES = [{"role": "user", "content": "hi"}]
USAGE = {"input_tokens": 9, "output_tokens": 5, "cached_input_tokens": 4, "reasoning_tokens": 2}
CHAT_TOOL = {"type": "function", "function": {"name": "give", "parameters": TOTAL}}
RESPONSES_TOOL = {"type": "function", "name": "give", "parameters": TOTAL, "strict": False}
MESSAGES_TOOL = {"name": "give", "input_schema": TOTAL}


@pytest.fixture(scope="module")
def echo():
    with serve(lambda prompt: prompt) as server:
        yield server


@pytest.fixture(scope="module")
def echo_by_bytes():
    with serve(lambda prompt: prompt, faults="split_utf8") as server:
        yield server


def text_of(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(text=texts)
def test_any_text_arrives_as_it_is(open_clients, echo, text):
    """A reply comes out of each provider's client unchanged, whole and as a stream."""
    of_openai = open_clients[0].with_options(base_url=echo.openai_url)
    of_anthropic = open_clients[1].with_options(base_url=echo.anthropic_url)
    turn = [{"role": "user", "content": text}]

    whole = of_openai.chat.completions.create(model="m", messages=turn)
    stream = of_openai.chat.completions.create(model="m", messages=turn, stream=True)
    message = of_anthropic.messages.create(model="m", max_tokens=9, messages=turn)

    assert whole.choices[0].message.content == text
    assert text_of(stream) == text
    assert of_openai.responses.create(model="m", input=text).output_text == text
    assert message.content[0].text == text


@given(text=texts)
def test_any_text_arrives_byte_by_byte(open_clients, echo_by_bytes, text):
    """A stream that is cut at every byte, within characters too, is the same stream."""
    of_openai = open_clients[0].with_options(base_url=echo_by_bytes.openai_url)
    turn = [{"role": "user", "content": text}]

    assert text_of(of_openai.chat.completions.create(model="m", messages=turn, stream=True)) == text


# Chat Completions.


def test_chat_completion_says_all_that_the_script_says(chat):
    """Text, finish reason and usage of a script arrive in a chat completion."""
    with serve([{"reply": GOOD, "finish_reason": "stop", "usage": USAGE}]) as server:
        reply = chat(server)

    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == (GOOD, "stop")
    assert (reply.model, reply.usage.prompt_tokens, reply.usage.completion_tokens) == ("m", 9, 5)
    assert reply.usage.total_tokens == 14
    assert reply.usage.prompt_tokens_details.cached_tokens == 4
    assert reply.usage.completion_tokens_details.reasoning_tokens == 2


def test_tokens_that_are_not_known_are_taken_from_the_texts(chat):
    """Without usage a token is four characters of the prompt and of the reply."""
    with serve(["12345678"]) as server:
        usage = chat(server, [{"role": "user", "content": "12345"}]).usage

    assert (usage.prompt_tokens, usage.completion_tokens) == (2, 2)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", ("stop", "max", None)),
        ("length", ("length", "max", None)),
        ("content_filter", ("content_filter", "max", None)),
        ("refusal", ("stop", None, "max")),
    ],
)
def test_chat_completion_has_the_providers_finish_reasons(chat, reason, expected):
    """Each finish reason is told in OpenAI's words; a refusal is a field of its own."""
    with serve([{"reply": "max", "finish_reason": reason}]) as server:
        choice = chat(server).choices[0]

    assert (choice.finish_reason, choice.message.content, choice.message.refusal) == expected


def test_chat_stream_ends_with_its_finish_reason(chat):
    """Text comes in the script's chunks, then the finish reason; usage is not told unless asked for."""
    with serve([{"chunks": ['{"to', 'tal": 1}']}]) as server:
        chunks = list(chat(server, stream=True))

    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", '{"to', 'tal": 1}', None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "stop"]


def test_chat_stream_tells_its_usage_when_asked(chat):
    """`include_usage` brings a last chunk without choices."""
    with serve([{"reply": GOOD, "usage": USAGE}]) as server:
        chunks = list(chat(server, stream=True, stream_options={"include_usage": True}))

    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 14)


def test_refusal_is_streamed_as_a_refusal(chat):
    """A refusal comes in `delta.refusal`."""
    with serve([{"reply": "I can't.", "finish_reason": "refusal"}]) as server:
        deltas = [chunk.choices[0].delta for chunk in chat(server, stream=True)]

    assert "".join(delta.refusal or "" for delta in deltas) == "I can't."
    assert not any(delta.content for delta in deltas)


def test_stream_of_a_script_without_finish_reason_is_cut(chat):
    """A finish reason that is null makes a stream without its last events."""
    with serve([{"reply": "{}", "finish_reason": None}]) as server:
        chunks = list(chat(server, stream=True))

    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None]


def test_stream_can_be_cut_before_its_first_text(chat):
    """A reply without text and without an end is a stream with its first event alone."""
    with serve([{"reply": "", "finish_reason": None}]) as server:
        chunks = list(chat(server, stream=True))

    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant"]


FORCED = [{"type": "function", "function": {"name": "give"}}, "required"]


@pytest.mark.parametrize("choice", FORCED, ids=["by name", "required"])
def test_forced_tool_of_a_chat_gets_the_reply_as_arguments(chat, choice):
    """A request that forces a tool is answered with a call of it."""
    with serve([GOOD]) as server:
        choice = chat(server, tools=[CHAT_TOOL], tool_choice=choice).choices[0]

    call = choice.message.tool_calls[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert (call.function.name, call.function.arguments) == ("give", GOOD)


def test_tool_is_called_when_the_script_says_so(chat):
    """Where the model may choose, the script's finish reason chooses."""
    with serve(["{}", {"reply": "{}", "finish_reason": "tool_call"}]) as server:
        messages = [chat(server, tools=[CHAT_TOOL]).choices[0].message for _ in range(2)]

    assert [(message.content, message.tool_calls is None) for message in messages] == [
        ("{}", True),
        (None, False),
    ]


def test_arguments_of_a_chat_are_streamed_in_pieces(chat):
    """A streamed tool call names its tool first, and brings its arguments in several deltas."""
    with serve([GOOD]) as server:
        chunks = list(chat(server, tools=[CHAT_TOOL], tool_choice="required", stream=True))

    calls = [call.function for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.name for call in calls] == ["give", *[None] * (len(calls) - 1)]
    assert "".join(call.arguments for call in calls) == GOOD
    assert len(calls) > 2
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


class Total(pydantic.BaseModel):
    total: float


def test_structured_chat_is_parsed(open_clients):
    """`parse` with a Pydantic model sends a schema and gives the value."""
    with serve([GOOD]) as server:
        client = open_clients[0].with_options(base_url=server.openai_url)
        reply = client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Total)

    assert reply.choices[0].message.parsed == Total(total=12)
    assert server.requests[0].body["response_format"]["json_schema"]["name"] == "Total"


def test_asynchronous_clients_get_the_same():
    """The asynchronous clients of both providers, whole and streamed."""

    async def main(server):
        arguments = {"api_key": "k", "max_retries": 0, "timeout": TIMEOUT_S}
        async with (
            openai.AsyncOpenAI(base_url=server.openai_url, **arguments) as of_openai,
            anthropic.AsyncAnthropic(base_url=server.anthropic_url, **arguments) as of_anthropic,
        ):
            create = of_openai.chat.completions.create
            whole = await create(model="m", messages=MESSAGES)
            chunks = [chunk async for chunk in await create(model="m", messages=MESSAGES, stream=True)]
            message = await of_anthropic.messages.create(model="m", max_tokens=9, messages=MESSAGES)
            return whole.choices[0].message.content, text_of(chunks), message.content[0].text

    with serve(ScriptedModel([GOOD], cycle=True)) as server:
        assert asyncio.run(main(server)) == (GOOD, GOOD, GOOD)


# Responses.


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", ("completed", None, "max")),
        ("length", ("incomplete", "max_output_tokens", "max")),
        ("content_filter", ("incomplete", "content_filter", "max")),
        ("refusal", ("completed", None, "")),
    ],
)
def test_response_has_the_providers_status(responses, reason, expected):
    """Each finish reason is told by the status of a response, and why it is incomplete."""
    with serve([{"reply": "max", "finish_reason": reason, "usage": USAGE}]) as server:
        reply = responses(server).create(model="m", input="hi", instructions="Be short.")

    why = reply.incomplete_details.reason if reply.incomplete_details else None
    assert (reply.status, why, reply.output_text) == expected
    assert (reply.usage.input_tokens, reply.usage.output_tokens_details.reasoning_tokens) == (9, 2)


def test_stream_of_a_response_ends_with_the_response(responses):
    """The client's helper reads the events to a response, in the order of their numbers."""
    with serve([GOOD]) as server, responses(server).stream(model="m", input="hi") as stream:
        events = list(stream)
        final = stream.get_final_response()

    assert final.output_text == GOOD
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]


@pytest.mark.parametrize("text", ["", "{"])
def test_every_stream_of_a_response_opens_and_closes_its_text(responses, text):
    """A text that is empty has its events too."""
    with serve([text]) as server:
        kinds = [event.type for event in responses(server).create(model="m", input="hi", stream=True)]

    assert [kind for kind in kinds if kind.endswith((".added", ".done"))] == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]


def test_refusal_of_a_response_is_streamed(responses):
    """A refusal has events of its own."""
    with serve([{"reply": "No, sorry, not that.", "finish_reason": "refusal"}]) as server:
        events = list(responses(server).create(model="m", input="hi", stream=True))

    deltas = [event.delta for event in events if event.type == "response.refusal.delta"]
    assert "".join(deltas) == "No, sorry, not that."
    assert events[-1].response.output[0].content[0].refusal == "No, sorry, not that."


@pytest.mark.parametrize("stream", [False, True])
def test_function_of_a_response_is_called(responses, stream):
    """A forced function is called, its arguments streamed in deltas."""
    with serve([GOOD]) as server:
        choice = {"type": "function", "name": "give"}
        reply = responses(server).create(
            model="m", input="hi", tools=[RESPONSES_TOOL], tool_choice=choice, stream=stream
        )
        if stream:
            events = list(reply)
            reply = events[-1].response
            deltas = [
                event.delta for event in events if event.type == "response.function_call_arguments.delta"
            ]
            assert "".join(deltas) == GOOD

    assert [(item.type, item.name, item.arguments) for item in reply.output] == [
        ("function_call", "give", GOOD)
    ]


def test_input_of_a_response_is_the_prompt(responses):
    """Instructions, messages and the results of earlier calls are the messages that the model is asked with."""
    model = ScriptedModel(["{}"])
    turns = [
        *MESSAGES,
        {"type": "function_call", "call_id": "c", "name": "give", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
    ]
    with serve(model) as server:
        responses(server).create(model="m", input=turns, instructions="Be short.")

    assert model.asked[0].prompt == [
        {"role": "system", "content": "Be short."},
        *MESSAGES,
        {"role": "assistant", "content": "{}"},
        {"role": "tool", "content": "done", "tool_call_id": "c"},
    ]


# Anthropic's Messages.


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", ("end_turn", ["max"])),
        ("length", ("max_tokens", ["max"])),
        ("refusal", ("refusal", [])),
        ("content_filter", ("refusal", ["max"])),
    ],
)
def test_message_has_the_providers_stop_reasons(messages, reason, expected):
    """Each finish reason is told in Anthropic's words; cached tokens are not in its input tokens."""
    with serve([{"reply": "max", "finish_reason": reason, "usage": USAGE}]) as server:
        reply = messages(server).create(model="m", max_tokens=9, messages=MESSAGES)

    assert (reply.stop_reason, [block.text for block in reply.content]) == expected
    usage = reply.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (5, 4, 5)


def test_refusal_of_a_message_says_why(messages):
    """The words of a refusal are its explanation."""
    with serve([{"reply": "I can't.", "finish_reason": "refusal"}]) as server:
        reply = messages(server).create(model="m", max_tokens=9, messages=MESSAGES)

    assert reply.stop_details.explanation == "I can't."


def test_stream_of_a_message_is_read_by_the_clients_helper(messages):
    """Text comes in deltas; the message at the end has all of it, and the usage."""
    with (
        serve([{"reply": GOOD, "usage": USAGE}]) as server,
        messages(server).stream(model="m", max_tokens=9, messages=MESSAGES) as stream,
    ):
        parts = list(stream.text_stream)
        final = stream.get_final_message()

    assert "".join(parts) == final.content[0].text == GOOD
    assert len(parts) > 1
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)


@pytest.mark.parametrize("choice", [{"type": "tool", "name": "give"}, {"type": "any"}], ids=["name", "any"])
def test_tool_of_a_message_is_used(messages, choice):
    """A forced tool gets the reply as its input."""
    with serve([GOOD]) as server:
        reply = messages(server).create(
            model="m", max_tokens=9, messages=MESSAGES, tools=[MESSAGES_TOOL], tool_choice=choice
        )

    assert (reply.stop_reason, reply.content[0].name, reply.content[0].input) == (
        "tool_use",
        "give",
        json.loads(GOOD),
    )


def test_input_of_a_message_is_streamed_in_pieces(messages):
    """A streamed tool call brings its input in several deltas of JSON text."""
    with serve([GOOD]) as server:
        events = messages(server).create(
            model="m",
            max_tokens=9,
            messages=MESSAGES,
            tools=[MESSAGES_TOOL],
            tool_choice={"type": "any"},
            stream=True,
        )
        deltas = [event.delta for event in events if event.type == "content_block_delta"]

    assert "".join(delta.partial_json for delta in deltas) == GOOD
    assert len(deltas) > 1


def test_system_text_of_a_message_is_in_the_prompt(messages):
    """Anthropic's system parameter is a message of the prompt."""
    model = ScriptedModel(["{}"])
    with serve(model) as server:
        messages(server).create(model="m", max_tokens=9, messages=MESSAGES, system="Be short.")

    assert model.asked[0].prompt == [{"role": "system", "content": "Be short."}, *MESSAGES]


# What is not served.

BAD_CHATS = [
    ({"messages": MESSAGES}, "you must provide a model parameter"),
    ({"model": "m"}, "'messages': expected a list of at least one message, got None"),
    (
        {"model": "m", "messages": [{"content": "x"}]},
        "'messages[0].role': expected a message with a role, got {'content': 'x'}",
    ),
    ({"n": 2}, "'n': expected 1, got 2. This server returns only one reply"),
    ({"tools": 3}, "'tools': expected a list, got 3"),
    ({"tools": [{"type": "function"}]}, "'tools[0]': expected a tool with a name, got {'type': 'function'}"),
    ({"tool_choice": "required"}, "'tool_choice' needs 'tools' in the same request"),
    ({"tool_choice": FORCED[0]}, "'tool_choice': expected the name of a tool in 'tools', got 'give'"),
    (
        {"response_format": {"type": "xml"}},
        "'response_format.type': expected one of text, json_object, json_schema, got 'xml'",
    ),
    (
        {"response_format": {"type": "json_schema"}},
        "missing required parameter: 'response_format.json_schema.name'",
    ),
]


@pytest.mark.parametrize(("changes", "message"), BAD_CHATS, ids=[text for _, text in BAD_CHATS])
def test_bad_chat_is_refused_as_openai_does(changes, message):
    """What OpenAI would not take is status 400 with its error body, and uses up no reply."""
    model = ScriptedModel(["{}"])
    body = (
        changes if {"model", "messages"} & changes.keys() else {"model": "m", "messages": MESSAGES} | changes
    )
    with serve(model) as server:
        status, reply = post(f"{server.openai_url}/chat/completions", body)

    assert (status, reply["error"]["type"], reply["error"]["message"]) == (
        400,
        "invalid_request_error",
        message,
    )
    assert model.asked == []


def post(url, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urlopen(HttpRequest(url, content, headers), timeout=TIMEOUT_S) as reply:  # noqa: S310 - loopback
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("content", [b"", b"{", b"3", b"\xff", b"[" * 100_000])
def test_body_that_is_no_object_is_refused(content):
    """A body that cannot be read is status 400."""
    with serve(["{}"]) as server:
        status, reply = post(f"{server.openai_url}/responses", content)

    assert (status, reply["error"]["message"]) == (400, "expected a JSON object as the body of the request")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": 0}, "max_tokens: expected an integer >= 1, got 0"),
        (
            {"messages": [{"role": "system", "content": "x"}]},
            "'messages.0.role': expected one of user, assistant, got 'system'",
        ),
    ],
)
def test_bad_message_is_refused_as_anthropic_does(messages, changes, message):
    """What Anthropic would not take is its own error."""
    request = {"model": "m", "max_tokens": 9, "messages": MESSAGES, **changes}
    with serve(["{}"]) as server, pytest.raises(anthropic.BadRequestError) as caught:
        messages(server).create(**request)

    assert caught.value.body == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": message},
    }


def test_unknown_paths_are_not_found(open_clients):
    """Status 404 in each provider's words."""
    of_openai, of_anthropic = open_clients
    with serve(["{}"]) as server:
        with pytest.raises(openai.NotFoundError, match=r"invalid URL \(POST /v1/embeddings\)"):
            of_openai.with_options(base_url=server.openai_url).embeddings.create(model="m", input="x")
        with pytest.raises(anthropic.NotFoundError) as caught:
            of_anthropic.with_options(base_url=server.anthropic_url).messages.count_tokens(
                model="m", messages=MESSAGES
            )

    assert caught.value.body["error"]["type"] == "not_found_error"
    assert [(request.path, request.index) for request in server.requests] == [
        ("/v1/embeddings", None),
        ("/v1/messages/count_tokens", None),
    ]


def test_models_are_listed_for_both_clients(open_clients):
    """Each client finds the model by its name."""
    of_openai, of_anthropic = open_clients
    with serve(ScriptedModel(["{}"], name="small")) as server:
        models = of_openai.with_options(base_url=server.openai_url).models
        listed = [model.id for model in models.list()]
        others = [
            model.id for model in of_anthropic.with_options(base_url=server.anthropic_url).models.list()
        ]

        assert (listed, others, models.retrieve("small").id) == (["small"], ["small"], "small")
