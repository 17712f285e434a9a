"""Objects like those that the packages of providers make: Pydantic models that keep what they do not know."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """What SDKs make of what came: declared fields, and others as they came."""

    model_config = ConfigDict(extra="allow")


class Message(Part):
    content: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    role: Any = "assistant"


class ParsedMessage(Message):
    parsed: Any = None


class Choice(Part):
    message: Any = None
    finish_reason: Any = None
    index: int = 0


class Completion(Part):
    choices: Any = None
    model: Any = None
    usage: Any = None
    object: Any = "chat.completion"


class Block(Part):
    type: Any = "text"
    text: Any = None


class Claude(Part):
    content: Any = None
    stop_reason: Any = None
    model: Any = None
    usage: Any = None
    type: Any = "message"
    role: Any = "assistant"


class Item(Part):
    type: Any = "message"
    content: Any = None
    phase: Any = None
    name: Any = None
    arguments: Any = None


class Response(Part):
    output: Any = None
    status: Any = None
    model: Any = None
    usage: Any = None
    object: Any = "response"
    error: Any = None
    incomplete_details: Any = None


def chat(text, finish="stop", **beside):
    """A chat completion of one choice, with what else it holds."""
    choice = Choice(message=Message(content=text), finish_reason=finish)
    usage = {"prompt_tokens": 12, "completion_tokens": 7}
    return Completion(choices=[choice], model="m-2026-01-01", usage=usage, **beside)


def message(text, stop="end_turn"):
    """A message of one block."""
    usage = {"input_tokens": 9, "output_tokens": 9}
    return Claude(content=[Block(text=text)], stop_reason=stop, model="m-2026-01-01", usage=usage)


def response(text, *before, status="completed"):
    """A response with the items that came before its text."""
    item = Item(content=[Block(type="output_text", text=text)])
    return Response(output=[*before, item], status=status, model="m-2026-01-01")
