"""What the facts about reading replies and streams share."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import anthropic
import openai
import pytest
from pydantic import BaseModel

from schema_guard import Usage
from schema_guard.calls.replies import Reply, read
from schema_guard.calls.streams import StreamReader
from tests.public.calls import wire

TOKENS = Usage(12, 7, 4, 2)


CLAUDE_TOKENS = Usage(12, 7, 4)


PLAIN_TOKENS = Usage(12, 7)


CUT = ("transport", "stream_cut")


PROVIDER_ERROR = ("transport", "provider_error")


PROVIDER_REJECTED = ("syntax", "provider_rejected")


PAYLOAD = {"args", "input", "arguments", "parsed"}  # the model's values stay JSON


OPENAI_LIKE = wire.chat('{"a":1}')


@dataclass(frozen=True)
class Case:
    id: str
    reply: Any
    expected: Reply | tuple[str, str]


class Total(BaseModel):
    total: int


@dataclass(frozen=True)
class StreamCase:
    id: str
    chunks: tuple[Any, ...]
    texts: list[str]
    end: Reply | tuple[str, str]


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


def raised(**fields):
    error = RuntimeError("x")
    error.__dict__.update(fields)
    return error


def drain(chunks):
    """Give the text of each chunk that had one, and the end."""
    reader = StreamReader()
    texts = [text for chunk in chunks if (text := reader.feed(chunk))]
    # What calls a stream holds, each for itself, is tested where they are judged.
    return texts, reader.end()._replace(calls=())


def drain_chat(*events, **options):
    with (
        wire.Wire([wire.Stream(events, **options)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.chat.completions.create(model="m", messages=[], stream=True) as stream,
    ):
        return drain(stream)


def drain_responses(*events):
    with (
        wire.Wire([wire.Stream(events)]) as server,
        openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        client.responses.create(model="m", input="x", stream=True) as stream,
    ):
        return drain(stream)


def drain_messages(*events):
    with (
        wire.Wire([wire.Stream(events)]) as server,
        anthropic.Anthropic(api_key="k", base_url=server.url, max_retries=0) as client,
        client.messages.create(model="m", max_tokens=9, messages=[], stream=True) as stream,
    ):
        return drain(stream)


FORMS = pytest.mark.parametrize("form", [lambda value: value, as_objects], ids=["dict", "object"])
"""Each reply as the dict that it is, and as an object of the same fields."""


def ids(case):
    return case.id


def check_reply(case, form):
    """Hold that a reply reads as it should."""
    reply = read(form(case.reply))

    assert (reply if isinstance(case.expected, Reply) else code_of(reply)) == case.expected


def check_stream(case, form):
    """Hold that a stream reads as it should."""
    texts, end = drain([form(chunk) for chunk in case.chunks])

    assert texts == case.texts
    assert (end if isinstance(case.end, Reply) else code_of(end)) == case.end
