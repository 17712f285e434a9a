"""Facts about what a fake server refuses of a prompt, because the provider does."""

# ruff: noqa: S310 - loopback

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from schema_guard.testing import serve
from tests.ext.loopback.answers import answer_to

USER = {"role": "user", "content": "t"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "r"}
CHATS = [
    ([{"role": "model", "content": "t"}], "'messages[0].role': expected one of system, developer, user"),
    ([{"role": "user"}], "'messages[0].content': expected a list that is not empty, got None"),
    ([{"role": "user", "content": []}], "'messages[0].content': expected a list that is not empty, got []"),
    (
        [{"role": "user", "content": [{"text": "t"}]}],
        "'messages[0].content[0].type': expected one of text, image_url",
    ),
    ([USER, {"role": "assistant", "content": None}], "'messages[1].content': expected a list"),
    (
        [USER, {"role": "assistant", "content": None, "tool_calls": []}],
        "'messages[1].tool_calls': expected a list",
    ),
    ([USER, RESULT], "'messages[1]': expected a tool call before this result"),
    ([USER, {**CALL, "tool_calls": ["c1"]}], "'messages[1]': expected the results"),
    ([USER, CALL], "'messages[1]': expected the results of all tool calls after this message"),
    ([USER, CALL, USER, RESULT], "'messages[2]': expected the results of all tool calls before this message"),
]
ITEM = {"type": "function_call", "call_id": "c1", "name": "n", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "r"}
RESPONSES = [
    ([{"role": "model", "content": "t"}], "'input[0].role': expected one of user, system"),
    (
        [{"role": "user", "content": [{"type": "text", "text": "t"}]}],
        "'input[0].content[0].type': expected one of input_text",
    ),
    (
        [USER, {"role": "assistant", "content": [{"type": "input_text", "text": "t"}]}],
        "'input[1].content[0].type': expected one of output_text",
    ),
    ([{"role": "user", "content": None}], "'input[0].content': expected a list"),
    ([{"text": "t"}], "'input[0].role': expected one of"),
    ([USER, ITEM], "'input[1]': expected the results of all tool calls after this message"),
    ([USER, OUTPUT], "'input[1]': expected a tool call before this result"),
    (
        [USER, {"type": "reasoning", "id": "r1"}, USER],
        "'input[1]': an item of type 'reasoning' needs the item",
    ),
    (
        [USER, {"type": "reasoning", "id": "r1"}],
        "'input[1]': an item of type 'reasoning' needs the item that",
    ),
]
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "n", "input": {}}]}
USE_2 = {
    "role": "assistant",
    "content": [*USE["content"], {"type": "tool_use", "id": "t2", "name": "n", "input": {}}],
}
GIVEN = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "r"}]}
MESSAGES = [
    ([{"role": "assistant", "content": "t"}], "messages: first message must use the 'user' role"),
    (
        [{"role": "user", "content": [{"type": "input_text", "text": "t"}]}],
        "'messages.0.content[0].type': expected one of text",
    ),
    ([USER, USE], "'messages.1': expected the results of all tool calls after this message"),
    ([USER, USE, USER], "'messages.2': expected the results of all tool calls before this message"),
    ([USER, GIVEN], "'messages.1': expected a tool call before this result"),
    ([USER, USE_2, GIVEN, USER], "'messages.2': expected the results of all tool calls before this message"),
    (
        [USER, {"role": "assistant", "content": [*USE["content"], {"type": "call"}]}, GIVEN],
        "'messages.1.content[1].type': expected one of text",
    ),
    ([{"role": "user", "content": "t", "name": "n"}], "messages.0.name: this field is not permitted"),
    (
        [USER, {"role": "assistant", "content": ""}, USER],
        "messages.1: all messages must have non-empty content",
    ),
    (
        [{"role": "user", "content": [{"type": "text", "text": " "}]}],
        "messages.0.content.0: text content blocks must be non-empty",
    ),
    (
        [USER, {"role": "assistant", "content": "{ "}],
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    (
        [USER, USE, {"role": "user", "content": [{"type": "text", "text": "t"}, *GIVEN["content"]]}],
        "messages.2: 'tool_result' blocks must come first",
    ),
]
SAID = {"role": "user", "parts": [{"text": "t"}]}
ASKED = {"role": "model", "parts": [{"functionCall": {"name": "n", "args": {}}}]}
ASKED_2 = {"role": "model", "parts": ASKED["parts"] * 2}
ANSWERED = {"role": "user", "parts": [{"functionResponse": {"name": "n", "response": {}}}]}
CONTENTS = [
    ([], "'contents': expected a list that is not empty"),
    (["t"], "Invalid value at 'contents[0]': expected a content object, got 't'"),
    ([{"role": "assistant", "parts": [{"text": "t"}]}], "'contents[0].role': expected one of user, model"),
    ([{"role": "user", "content": "t"}], "Unknown name 'content' at 'contents[0]': this field does not exist"),
    ([{"role": "user", "parts": []}], "'contents[0].parts': expected a list that is not empty"),
    ([{"role": "user", "parts": [{"type": "text", "text": "t"}]}], "Invalid value at 'contents[0].parts[0]': expected"),
    ([{"role": "user", "parts": [{}]}], "Invalid value at 'contents[0].parts[0]': expected exactly one data field"),
    ([SAID, ASKED_2, ANSWERED, SAID], "'contents[2]': expected the results of all tool calls before this message"),
    ([SAID, ASKED, SAID], "'contents[2]': expected the results of all tool calls before this message"),
    ([SAID, ANSWERED], "'contents[1]': expected a tool call before this result"),
]  # fmt: skip
APIS = {
    "/v1/chat/completions": ("messages", CHATS),
    "/v1/responses": ("input", RESPONSES),
    "/v1/messages": ("messages", MESSAGES),
    "/v1beta/models/m:generateContent": ("contents", CONTENTS),
}
REFUSED = [(path, key, turns, message) for path, (key, cases) in APIS.items() for turns, message in cases]


def answered(server, path, body):
    """Return the status of a request, and the message of its error."""
    sent = Request(f"{server.url}{path}", json.dumps({"model": "m", "max_tokens": 9, **body}).encode())
    return answer_to(sent)


@pytest.fixture(scope="module")
def server():
    with serve(lambda _: "{}") as running:
        yield running


@pytest.mark.parametrize(("path", "key", "turns", "message"), REFUSED, ids=[case[3] for case in REFUSED])
def test_what_a_provider_refuses_is_refused(server, path, key, turns, message):
    """A turn that the provider would not take is status 400, in words that name its place."""
    status, text = answered(server, path, {key: turns})

    assert (status, text[: len(message)]) == (400, message)


TAKEN = [
    ("/v1/chat/completions", {"messages": [{"role": "developer", "content": "s"}, USER, CALL, RESULT, USER]}),
    ("/v1/chat/completions", {"messages": [USER, {"role": "assistant", "content": "a"}, USER, USER]}),
    (
        "/v1/chat/completions",
        {"messages": [USER, {"role": "assistant", "function_call": {"name": "n"}}, USER]},
    ),
    (
        "/v1/chat/completions",
        {"messages": [USER, {"role": "assistant", "content": None, "audio": {"id": "a"}}]},
    ),
    ("/v1/responses", {"input": [USER, {"type": "reasoning", "id": "r1"}, ITEM, OUTPUT, USER]}),
    ("/v1/responses", {"input": [OUTPUT, USER], "previous_response_id": "r"}),
    ("/v1/responses", {"input": "t"}),
    ("/v1/messages", {"messages": [USER, USE, GIVEN, {"role": "assistant", "content": "a"}, USER]}),
    ("/v1/messages", {"messages": [USER, {"role": "assistant", "content": "{"}], "system": "s"}),
    (
        "/v1beta/models/m:generateContent",
        {"contents": [SAID, ASKED, ANSWERED, SAID], "systemInstruction": SAID},
    ),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "t"}]}]}),
]


@pytest.mark.parametrize(("path", "body"), TAKEN, ids=str)
def test_what_a_provider_takes_is_taken(server, path, body):
    """Turns in every role that there is, with calls of tools and their results, are answered."""
    assert answered(server, path, body) == (200, "")


def test_gemini_is_answered_whole_and_as_events():
    """The model and the form stand in the path; a reply has its text, finish reason, usage and model."""
    with serve(['{"n": 1}', '{"n": 1}'], faults={2: "http_503"}) as server:
        path = f"{server.google_url}/v1beta/models/m-1:"
        body = json.dumps({"contents": [SAID]}).encode()
        with urlopen(Request(f"{path}generateContent", body), timeout=10) as reply:
            whole = json.load(reply)
        with urlopen(Request(f"{path}streamGenerateContent?alt=sse", body), timeout=10) as reply:
            events = [json.loads(line[6:]) for line in reply.read().decode().splitlines() if line]
        with pytest.raises(HTTPError, match="503"):
            urlopen(Request(f"{path}generateContent", body), timeout=10)

    candidate = whole["candidates"][0]
    assert (candidate["content"], candidate["finishReason"]) == (
        {"role": "model", "parts": [{"text": '{"n": 1}'}]},
        "STOP",
    )
    assert (whole["modelVersion"], whole["usageMetadata"]["totalTokenCount"]) == ("m-1", 3)
    texts = [part["text"] for event in events for part in event["candidates"][0]["content"]["parts"]]
    assert "".join(texts) == '{"n": 1}'
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


def test_gemini_calls_a_function_that_is_asked_for():
    """A request that lets only calls of functions be made gets a call with the reply as its arguments."""
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["give"]}}
    tools = [{"functionDeclarations": [{"name": "take"}, {"name": "give"}]}]
    with serve(['{"n": 1}']) as server:
        body = {"contents": [SAID], "tools": tools, "toolConfig": config}
        sent = Request(f"{server.url}/v1beta/models/m:generateContent", json.dumps(body).encode())
        with urlopen(sent, timeout=10) as reply:
            parts = json.load(reply)["candidates"][0]["content"]["parts"]

    assert parts == [{"functionCall": {"name": "give", "args": {"n": 1}}}]
