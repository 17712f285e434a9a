"""Read replies and streams through a guarded call: text, finish reason, tokens, and model."""

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
    """The fields of an attempt. *failure* is None if the text alone causes it."""

    text: str | None = None
    finish_reason: str | None = None
    usage: Usage = NO_TOKENS
    refusal: str | None = None
    model: str | None = None
    failure: Failure | None = None


class MemoryStore:
    """A store that holds outcomes in a list."""

    def __init__(self):
        self.outcomes = []

    def record(self, outcome, task=None):
        self.outcomes.append(outcome)


def last_attempt(function, **settings):
    """Return the fields of the last attempt of a call."""
    store = MemoryStore()
    guarded = guard(ANYTHING, store=store, max_attempts=1, name=f"read {next(NUMBERS)}", **settings)(function)
    with suppress(SchemaGuardError):
        guarded.outcome("t")
    attempt = store.outcomes[-1].attempts[-1]
    text, failure = attempt.reply, attempt.failure
    refusal = text or None if attempt.finish_reason == "refusal" else None
    expected = judge(text or "", ANYTHING, finish_reason=attempt.finish_reason).failure
    follows_from_text = failure is not None and (failure == expected or failure.kind == "refusal")
    return Reply(
        "" if refusal else text, attempt.finish_reason, attempt.usage, refusal, attempt.snapshot or attempt.model,
        None if follows_from_text else failure,
    )  # fmt: skip


def read_reply(reply):
    """Return the fields that a guarded call reads from a reply."""
    return last_attempt(lambda prompt: reply, observe=True)


def drain(chunks):
    """Return the text of a stream, and its other fields."""
    end = last_attempt(lambda prompt: iter(chunks), observe=True)
    return end.text, end._replace(text=None)


def reply_in(error):
    """Return the fields of the reply in a provider's exception, or None if it has no reply."""

    def fail(prompt):
        raise error

    try:
        return last_attempt(fail)
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

    @property
    def expected(self):
        """The text and the other fields, or the kind and code of the failure."""
        if isinstance(self.end, Reply):
            return "".join(self.texts) + (self.end.text or ""), self.end._replace(text=None)
        return self.end


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


def read_case(case, form):
    """Return the fields of a reply, or the kind and code of its failure if the case expects one."""
    reply = read_reply(form(case.reply))
    return reply if isinstance(case.expected, Reply) else code_of(reply)


def read_stream_case(case, form):
    """Return the text and other fields of a stream, or its failure's kind and code if the case expects one."""
    text, end = drain([form(chunk) for chunk in case.chunks])
    return (text, end) if isinstance(case.end, Reply) else code_of(end)
