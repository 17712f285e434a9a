"""What each tool call of a reply is worth."""

import json
from types import SimpleNamespace
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from schema_guard import InvalidArgument, InvalidSchema, Schema, judge, judge_calls
from tests.public.ext.calls.tools.replies import PROVIDERS, chat, chat_message, gemini
from tests.thinned import examples

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "tags": {"type": "array"}},
    "required": ["city"],
    "additionalProperties": False,
}


def get_weather(city: str, days: int = 3, tags: list[str] | None = None): ...


class Mail(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: str
    body: str


GEMINI = {
    "type": "OBJECT",
    "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER", "nullable": True}},
    "required": ["city"],
}
FORMS = {
    "chat": [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}],
    "responses": [{"type": "function", "name": "get_weather", "parameters": WEATHER}],
    "anthropic": [{"name": "get_weather", "input_schema": WEATHER}],
    "gemini": [{"functionDeclarations": [{"name": "get_weather", "parameters": GEMINI}]}],
    "gemini's JSON Schema": {
        "function_declarations": [{"name": "get_weather", "parametersJsonSchema": WEATHER}]
    },
    "gemini's objects": [
        SimpleNamespace(function_declarations=[SimpleNamespace(name="get_weather", parameters=GEMINI)])
    ],
    "bedrock": {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER}}}]},
    "mcp": [SimpleNamespace(name="get_weather", inputSchema=WEATHER)],
    "schema": [Schema.of(WEATHER, name="get_weather")],
    "function": [get_weather],
}


def one(text, tools=FORMS["chat"], *, finish="tool_call", name="get_weather", **how):
    [result] = judge_calls(chat(("c", name, text), finish=finish), tools, **how)
    return result


def test_names_of_dependent_schemas_stay():
    """A property that a dependent schema is about may have the name of a keyword of Gemini's."""
    schema = {"type": "object", "dependentSchemas": {"nullable": {"required": ["reason"]}}}
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]

    assert one('{"nullable": true}', tools).failure.violations[0].keyword == "required"


@pytest.mark.parametrize("form", FORMS)
def test_tools_are_read_in_every_form(form):
    """The same tool in each provider's form takes the same call, and refuses the same."""
    tools = FORMS[form]

    assert one('{"city": "Paris", "days": 2}', tools).arguments == {"city": "Paris", "days": 2}
    assert one('{"days": 2}', tools).failure.code == "required"
    assert one('{"city": 7}', tools).failure.violations[0].instance_location == "/city"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_calls_are_read_in_every_form(provider):
    """Two calls of one reply are judged apart, whoever sent them, with their ids and names."""
    calls = (("1", "get_weather", {"city": "Paris"}), ("2", "get_wether", {"city": "Rome"}))

    first, second = judge_calls(PROVIDERS[provider](*calls), FORMS["chat"])

    ids = (None, None) if provider == "ollama" else ("1", "2")
    assert (first.ok, first.id, first.name, first.arguments) == (
        True,
        ids[0],
        "get_weather",
        {"city": "Paris"},
    )
    assert (second.ok, second.id, second.name, second.failure.code) == (
        False,
        ids[1],
        "get_wether",
        "unknown_tool",
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_last_call_is_cut_off(provider):
    """Where the output limit ended the reply its last call is a truncation; those before it are whole."""
    left = {} if provider in ("anthropic", "gemini", "bedrock", "ollama") else '{"city": "Pa'
    reply = PROVIDERS[provider](
        ("1", "get_weather", {"city": "Rome"}), ("2", "get_weather", left), finish="length"
    )

    whole, cut = judge_calls(reply, FORMS["chat"])

    assert whole.ok
    assert (cut.failure.kind, cut.failure.code) == ("truncation", "max_tokens")
    assert "cut off" in cut.message


def test_a_message_alone_may_have_been_cut_off():
    """Of a message without its stop word nobody knows whether it was whole."""
    [result] = judge_calls(chat_message(("1", "get_weather", '{"city": "Pa')), FORMS["chat"])

    assert (result.failure.kind, result.failure.code) == ("truncation", "unfinished")


def test_a_message_alone_may_have_no_content():
    """Servers leave it out of a message that calls tools."""
    message = chat_message(("1", "get_weather", {"city": "Paris"}))
    del message["content"]

    assert judge_calls(message, FORMS["chat"])[0].ok


@pytest.mark.parametrize("reply", ["Sunny.", chat(text="Sunny.", finish="stop"), gemini(text="Sunny.")])
def test_a_reply_without_calls_has_no_judgements(reply):
    """What calls nothing has nothing to judge."""
    assert judge_calls(reply, FORMS["chat"]) == []


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ('"{\\"city\\": \\"Paris\\"}"', "structure", "encoded_value"),
        ('"{\\"days\\": 1}"', "structure", "encoded_value"),
        ('{"city": "Paris", "tags": "[\\"a\\"]"}', "structure", "encoded_value"),
        ('{"city": "Paris",}', "syntax", "malformed"),
        ('```json\n{"city": "Paris"}\n```', "syntax", "malformed"),
        ('{"city": "Paris"} {"city": "Rome"}', "syntax", "several_documents"),
        ('{"city": "Paris", "city": "Rome"}', "syntax", "duplicate_key"),
        ("", "syntax", "empty"),
        ('{"city": "Paris", "unit": "K"}', "structure", "additionalProperties"),
        ('"Paris"', "structure", "type"),
        ("null", "structure", "type"),
    ],
)
def test_codes_of_bad_arguments(text, kind, code):
    """What is wrong with arguments has the kind and the code that it has everywhere."""
    result = one(text)

    assert (result.failure.kind, result.failure.code) == (kind, code)
    assert (result.ok, result.arguments, result.text) == (False, None, text)


def test_repair_fixes_what_it_is_told_to():
    """Arguments that need unwrapping or fixing are valid where the caller asks for that, and say so."""
    assert one('"{\\"city\\": \\"Paris\\"}"', repair="lossless").repairs == ("unwrapped",)
    assert one('{"city": "Paris",}', repair="lossless").arguments == {"city": "Paris"}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("get_wether", "get_weather"),
        ("functions.get_weather", "get_weather"),
        ("GetWeather", "get_weather"),
        ("mail", "Mail"),
    ],
)
def test_an_unknown_tool_is_told_the_near_names(name, near):
    """The failure and the message to the model have the name that was meant; the message has not the wrong one."""
    result = one("{}", [get_weather, Mail], name=name)

    assert result.failure.code == "unknown_tool"
    assert f"Did you mean {near!r}" in result.failure.message
    assert f"Did you mean {near}?" in result.message
    assert name not in result.message.replace(near, "")


@pytest.mark.parametrize("prefix", ["functions.", "server/", "default_api:", "tools.of.the.weather.office/"])
def test_prefix_of_a_tool_name_is_ignored(prefix):
    """A prefix of any length leads to the one tool with the rest of the name."""
    result = one("{}", [get_weather, Mail], name=f"{prefix}get_weather")

    assert "Did you mean get_weather?" in result.message


def test_an_unknown_tool_is_told_the_tools():
    """Without a near name the model is told what there is."""
    assert "The tools are: get_weather, Mail." in one("{}", [get_weather, Mail], name="xyz").message


def test_a_call_where_there_are_no_tools():
    """The model is told to answer without one."""
    result = one("{}", [])

    assert result.failure.message == "there is no tool 'get_weather': there are no tools"
    assert result.message.endswith("There are no tools. Answer without one.")


def test_values_come_in_the_type_of_the_tool():
    """Of a Pydantic model's call the arguments are an instance of it."""
    [result] = judge_calls(chat(("1", "Mail", {"to": "a", "body": "b"})), [get_weather, Mail])

    assert result.arguments == Mail(to="a", body="b")


def test_messages_hold_no_value_of_the_reply():
    """What is sent back to the model quotes neither a value nor a key that it made up."""
    result = one('{"city": 7, "canary_key": "canary_value"}')

    assert "canary" not in result.message
    assert "/city: expected string" in result.message


def test_a_function_takes_what_its_parameters_say():
    """Defaults make arguments optional, `**` takes more, notes of Annotated hold."""

    class At(BaseModel):
        lat: float

    def find(at: At, radius: Annotated[int, "km"] = 5, **more): ...

    [result] = judge_calls(chat(("1", "find", {"at": {"lat": 1}, "why": 1})), [find])

    assert result.ok


def test_methods_and_callable_objects_are_tools():
    """`self` is no argument."""

    class Shop:
        def order(self, item: str): ...

        def __call__(self, item: str): ...

    calls = (("1", "order", {"item": "a"}), ("2", "Shop", {"item": 1}))
    first, second = judge_calls(chat(*calls), [Shop().order, Shop()])

    assert (first.ok, second.failure.code) == (True, "type")


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "custom", "name": "run"},
        {"type": "custom", "custom": {"name": "run"}},
        {"type": "bash_20250124", "name": "run"},
    ],
)
def test_a_tool_that_nobody_describes_takes_anything(tool):
    """A tool without a schema of its arguments may be called with any text."""
    call = {"id": "1", "type": "custom", "custom": {"name": "run", "input": "ls -l"}}
    reply = {"role": "assistant", "content": None, "tool_calls": [call]}

    assert judge_calls(reply, [tool])[0].arguments == "ls -l"


def test_a_tool_without_parameters_may_be_called_without_arguments():
    """Providers leave the arguments out."""
    tools = [{"type": "function", "function": {"name": "now"}}]

    assert judge_calls(gemini(("1", "now", None)), tools)[0].arguments == {}


def test_what_a_provider_threw_away_is_a_call_without_a_name():
    """Gemini says that it could not use what the model wrote as a call: that is a call that failed."""
    reply = {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL"}], "usageMetadata": {}}

    [result] = judge_calls(reply, FORMS["gemini"])

    assert (result.name, result.failure.code) == (None, "provider_rejected")


@pytest.mark.parametrize("reply", [None, 3, {"a": 1}, object()])
def test_what_is_no_reply_is_refused(reply):
    """A value of no known shape is the caller's mistake."""
    with pytest.raises(InvalidArgument, match="is not a model reply"):
        judge_calls(reply, FORMS["chat"])


@pytest.mark.parametrize("tools", [3, ["get_weather"], [{"a": 1}], [{"type": "function"}], [None]])
def test_what_are_no_tools_is_refused(tools):
    """What is no tool is told with the forms that are."""
    with pytest.raises(InvalidArgument, match="tools"):
        judge_calls("", tools)


def test_two_tools_of_one_name_are_refused():
    """A name has to mean one tool; the same tool twice is one."""
    with pytest.raises(InvalidArgument, match="two different tools have the name 'get_weather'"):
        judge_calls("", [get_weather, *FORMS["chat"]])
    assert judge_calls("", [get_weather, get_weather]) == []


def test_a_schema_that_cannot_be_loaded_names_its_tool():
    """The error of a bad schema says whose it is."""
    with pytest.raises(InvalidSchema) as raised:
        judge_calls("", [{"name": "bad", "input_schema": {"type": "strin"}}])
    assert "'bad'" in "".join(raised.value.__notes__)


PIECES = st.lists(
    st.sampled_from([*'{}[]":, \\', "city", "Paris", "```json\n", '{"city": "Paris"}', "7", "null", "é"])
)
READ = FORMS["chat"]


@examples(60)
@given(PIECES.map("".join), st.sampled_from(["tool_call", "length"]))
def test_what_is_valid_is_valid_for_whoever_runs_it(text, finish):
    """A call that is valid gives by `json.loads` an object that `judge` takes; nothing is raised for any text."""
    result = one(text, READ, finish=finish)

    assert result.ok == (result.message is None) == (result.failure is None)
    if result.ok:
        assert judge(text, result.schema).form == "clean"
        assert json.loads(text) == result.arguments


class Parcel(BaseModel):
    number: int


def test_arguments_are_not_converted():
    """The arguments of a tool call must be valid as they are, because other code runs the tool."""
    call = {"function": {"name": "Parcel", "arguments": '{"number": "12"}'}, "id": "1", "type": "function"}

    (judged,) = judge_calls({"role": "assistant", "content": None, "tool_calls": [call]}, [Parcel])

    assert judged.failure.code == "type"
