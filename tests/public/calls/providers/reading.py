"""What a guarded call reads of a reply or a stream: its text, finish reason, tokens and model."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from types import SimpleNamespace
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from pydantic import BaseModel

from schema_guard import Failure, Schema, SchemaGuardError, Usage, guard, judge
from tests.public.calls import wire

NUMBERS = count()
ANYTHING = Schema.of(True)
NO_TOKENS = Usage(None, None, None, None)


class Reply(NamedTuple):
    """What an attempt keeps of a reply; *failure* is what does not follow from the text."""

    text: str | None = None
    finish_reason: str | None = None
    usage: Usage = NO_TOKENS
    refusal: str | None = None
    model: str | None = None
    failure: Failure | None = None


class Kept:
    """A store that keeps outcomes as they are."""

    def __init__(self):
        self.outcomes = []

    def record(self, outcome, task=None):
        self.outcomes.append(outcome)


def told(function, **settings):
    """Return what the last attempt of a call keeps."""
    kept = Kept()
    with suppress(SchemaGuardError):
        guard(ANYTHING, store=kept, max_attempts=1, name=f"told {next(NUMBERS)}", **settings)(
            function
        ).outcome("t")
    attempt = kept.outcomes[-1].attempts[-1]
    text, failure = attempt.reply, attempt.failure
    refusal = text or None if attempt.finish_reason == "refusal" else None
    expected = judge(text or "", ANYTHING, finish_reason=attempt.finish_reason).failure
    told_by_text = failure is not None and (failure == expected or failure.kind == "refusal")
    return Reply(
        "" if refusal else text, attempt.finish_reason, attempt.usage, refusal, attempt.snapshot or attempt.model,
        None if told_by_text else failure,
    )  # fmt: skip


def read(reply):
    """Return what is read of a reply."""
    return told(lambda prompt: reply, observe=True)


def drain(chunks):
    """Return the text of a stream, and what else is read of it."""
    end = told(lambda prompt: iter(chunks), observe=True)
    return end.text, end._replace(text=None)


def rejected(error):
    """Return what is read of an exception of a provider's."""

    def fail(prompt):
        raise error

    try:
        return told(fail)
    except type(error):
        return None


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
    reply, expected = read(form(case.reply)), case.expected

    if isinstance(expected, Reply):
        assert reply == expected
    else:
        assert code_of(reply) == expected


def check_stream(case, form):
    """Hold that a stream reads as it should."""
    text, end = drain([form(chunk) for chunk in case.chunks])

    if isinstance(case.end, Reply):
        assert text == "".join(case.texts) + (case.end.text or "")
        assert end == case.end._replace(text=None)
    else:
        assert code_of(end) == case.end
