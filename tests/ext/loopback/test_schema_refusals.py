"""Facts about what a fake server refuses of a schema, because the provider does: one planted schema for each rule."""

# ruff: noqa: S310 - loopback

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from benchmarks.provider_refusals import refuse
from benchmarks.provider_refusals.sent_schema import SentSchema, broken
from schema_guard.testing import serve
from tests.ext.loopback.planted import APIS, PLANTED, TEXT, UNKNOWN, UNTOLD, chat, closed, of, plain

ERRORS = {
    "openai": {"type": "invalid_request_error", "param": "response_format", "code": None},
    "anthropic": {"type": "invalid_request_error"},
    "gemini": {"code": 400, "status": "INVALID_ARGUMENT"},
    "gemini-openapi": {"code": 400, "status": "INVALID_ARGUMENT"},
}


@pytest.fixture(scope="module")
def server():
    with serve(lambda _: "{}", faults=refuse) as running:
        yield running


def answered(server, path, body):
    """The status of a request, and the error in its body."""
    sent = Request(f"{server.url}{path}", json.dumps({"model": "m", **body}).encode())
    try:
        with urlopen(sent, timeout=10) as reply:
            return reply.status, None
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]


@pytest.mark.parametrize("api", APIS)
def test_every_rule_has_a_planted_schema(api):
    """The rules are those that are planted here, in their order."""
    _, rules, planted = APIS[api]

    assert [rule.name for rule in rules] == list(planted)


@pytest.mark.parametrize(("api", "rule"), PLANTED)
def test_a_schema_that_breaks_one_rule_is_refused(server, api, rule):
    """Its status, its words and the rest of its error are the provider's, asked for a stream or not."""
    asked, _, planted = APIS[api]
    schema, words = planted[rule]

    whole = answered(server, *asked(schema))
    assert whole == answered(server, *asked(schema, stream=True))
    status, error = whole
    assert (status, error.pop("message")[: len(words)]) == (400, words)
    assert error == ERRORS[api]


@pytest.mark.parametrize(
    ("api", "rule"), [case for case in PLANTED if "name" not in case[1] and "tools" not in case[1]]
)
def test_a_planted_schema_breaks_that_rule_alone(api, rule):
    """No other rule of the provider is broken by it."""
    _, rules, planted = APIS[api]

    result = broken(rules, [SentSchema(planted[rule][0], "where", name=("reply", "name"))])

    assert [each.name for each, _ in result] == [rule]


ADDRESS = closed(kind={"const": "address"}, street=TEXT)
PERSON = closed(kind={"const": "person"}, name=TEXT)
TAKEN = {
    "openai": {**of({"anyOf": [{"$ref": "#/$defs/P"}, ADDRESS, {"type": "null"}]}), "$defs": {"P": PERSON}},
    "anthropic": closed([], v={**TEXT, "pattern": "^a+$"}, w={"type": "array", "items": TEXT, "minItems": 1}),
    "gemini": {
        "$defs": {"Node": closed(["text"], text={**TEXT, "minLength": 3}, below={"$ref": "#/$defs/Node"})},
        "$ref": "#/$defs/Node",
    },
    "gemini-openapi": plain({"type": "STRING", "nullable": True}),
}


@pytest.mark.parametrize("api", APIS)
def test_a_schema_that_breaks_no_rule_is_taken(server, api):
    """Unions told apart by their first key, optional properties, circles through optional ones are answered."""
    assert answered(server, *APIS[api][0](TAKEN[api])) == (200, None)


BAD, TURN = {"type": "object", "properties": {"v": TEXT}}, [{"role": "user", "content": "t"}]
FUNCTION = {"name": "give", "parameters": BAD}
ELSEWHERE = {
    "strict function": (
        ("/v1/chat/completions", {"messages": TURN, "tools": [{"type": "function", "function": {**FUNCTION, "strict": True}}]}),
        "Invalid schema for function 'give': In context=(), 'additionalProperties' is",
    ),
    "strict function of responses": (
        ("/v1/responses", {"input": "t", "tools": [{"type": "function", **FUNCTION, "strict": True}]}),
        "Invalid schema for function 'give': In context=(), 'additionalProperties' is",
    ),
    "format of responses": (
        ("/v1/responses", {"input": "t", "text": {"format": {"type": "json_schema", "name": "r", "schema": BAD, "strict": True}}}),
        "Invalid schema for response_format 'r': In context=(), 'additionalProperties' is",
    ),
    "strict tool": (
        ("/v1/messages", {"max_tokens": 9, "messages": TURN, "tools": [{"name": "give", "input_schema": BAD, "strict": True}]}),
        "tools.0.custom: For 'object' type, 'additionalProperties' must be",
    ),
    "function of Gemini": (
        ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "t"}]}],
         "tools": [{"functionDeclarations": [{"name": "give", "parameters": {"type": "OBJECT", "additionalProperties": False}}]}]}),
        f"""{UNKNOWN} "additionalProperties" at 'tools[0].function_declarations[0].parameters'""",
    ),
    "both dialects": (
        ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "t"}]}],
         "generationConfig": {"responseSchema": plain({"type": "STRING"}), "responseJsonSchema": of(TEXT)}}),
        UNTOLD,
    ),
    "no schema at all": (chat({"type": "object", "properties": 3}), "Invalid schema for response_format 'reply': 3 is not of type"),
}  # fmt: skip


@pytest.mark.parametrize("where", ELSEWHERE)
def test_schemas_are_refused_wherever_they_are_sent(server, where):
    """In functions, in tools and in the other formats a schema is refused by the same rules."""
    request, words = ELSEWHERE[where]

    status, error = answered(server, *request)

    assert (status, error["message"][: len(words)]) == (400, words)


LAX = {
    "format": ("/v1/chat/completions", {"messages": TURN, "response_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": BAD}}}),
    "function": ("/v1/chat/completions", {"messages": TURN, "tools": [{"type": "function", "function": FUNCTION}]}),
    "tool": ("/v1/messages", {"max_tokens": 9, "messages": TURN, "tools": [{"name": "give", "input_schema": BAD}]}),
}  # fmt: skip


@pytest.mark.parametrize("where", LAX)
def test_what_is_not_strict_is_not_refused(server, where):
    """Providers take any schema where they do not promise to keep it."""
    assert answered(server, *LAX[where]) == (200, None)


def test_schemas_are_taken_unless_it_is_asked_for():
    """A server refuses no schema by itself."""
    with serve(lambda _: "{}") as server:
        assert answered(server, *chat(BAD)) == (200, None)
