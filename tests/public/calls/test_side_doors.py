"""Facts about what errors carry out of the process: no value where that is switched off, and no prompt."""

import copy
import pickle
from dataclasses import dataclass

import pydantic
import pytest

from schema_guard import CallFailed, GuardFailed, guard
from tests.public.calls.functions import BROKEN_CHAT, even

NUMBER = "4111-1111"
CARD = {
    "title": "card",
    "type": "object",
    "properties": {"number": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
    "required": ["number"],
    "additionalProperties": False,
}


class Card(pydantic.BaseModel):
    number: str

    @pydantic.field_validator("number")
    @classmethod
    def luhn(cls, number):
        raise ValueError(f"{number} is no number of a card")


@dataclass
class Plain:
    number: int


def refusing(value):
    return f"{value} is refused"


LEAKS = (
    (CARD, f'{{"number": "{NUMBER}"}}', (), "at /number: expected integer, got string  "),
    (CARD, f'{{"number": 1, "kind": "{NUMBER}"}}', (), "at /kind: expected"),
    (CARD, f'{{"number": 1, "{NUMBER}": 2}}', (), "at (root): expected"),
    (CARD, f'{{"{NUMBER}": 1, "{NUMBER}": 2}}', (), "had the same key twice"),
    (CARD, f"{NUMBER} is the number", (), "It held no JSON"),
    ({"additionalProperties": {"type": "integer"}}, f'{{"{NUMBER}": "x"}}', (), "at /*: expected integer, got string"),
    ({}, f'"{NUMBER}"', (refusing,), "The check 'refusing' refused it"),
    (Card, f'{{"number": "{NUMBER}"}}', (), "The check 'pydantic' refused it"),
    (Plain, f'{{"number": "{NUMBER}"}}', (), "at /number: expected integer, got string"),
    ({"anyOf": [{"type": "integer"}, {"properties": {"a": {"type": "integer"}}, "type": "object"}]},
     f'{{"a": "{NUMBER}"}}', (), "got string"),
)  # fmt: skip


def failed(schema, reply, checks=(), **settings):
    """Give the error of a call whose replies are not valid."""

    @guard(schema, checks=checks, max_attempts=2, **settings)
    def ask(prompt):
        return reply

    with pytest.raises(GuardFailed) as caught:
        ask(f"Read {NUMBER} please.")
    return caught.value


@pytest.mark.parametrize("word", ["off", "OFF", "0", "false", "no"])
def test_values_can_be_switched_off_by_many_words(monkeypatch, word):
    """Whoever means no by the variable is understood."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", word)

    assert NUMBER not in str(failed(*LEAKS[0][:3]))


@pytest.mark.parametrize(("schema", "reply", "checks", "told"), LEAKS)
def test_a_message_without_values_says_what_and_where(monkeypatch, schema, reply, checks, told):
    """With SCHEMA_GUARD_VALUES=off no message holds a value or a key of a reply, or what a check says of it."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")

    error = failed(schema, reply, checks)

    assert NUMBER not in str(error) + repr(error)
    assert told in str(error)
    assert NUMBER in error.outcome.attempts[-1].reply


def test_values_are_told_where_nobody_says_otherwise(monkeypatch):
    """Without the variable the message shows what came."""
    monkeypatch.delenv("SCHEMA_GUARD_VALUES", raising=False)

    assert NUMBER in str(failed(*LEAKS[0][:3]))


LONG = "m" * 5_000


def chunks(prompt):
    yield {
        "object": "chat.completion.chunk",
        "model": LONG,
        "choices": [{"index": 0, "delta": {"content": "{}"}}],
    }
    yield {"object": "chat.completion.chunk", "model": LONG, "choices": [
        {"index": 0, "delta": {}, "finish_reason": "stop"}
    ]}  # fmt: skip


def whole(prompt):
    return {"object": "chat.completion", "model": LONG, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}
    ]}  # fmt: skip


@pytest.mark.parametrize("function", [whole, chunks])
def test_a_name_that_a_reply_says_is_cut(function):
    """A reply may say anything for the name of its model: 200 characters of it are kept."""
    outcome = guard({})(function).outcome("t")

    assert outcome.call.model == "m" * 199 + "…"


@pytest.mark.parametrize("word", ["malformed" + LONG, "error" + LONG])
def test_a_stop_word_is_cut(word):
    """A provider's word for why a reply ended is cut in every message."""
    reply = whole("t")
    reply["choices"][0]["finish_reason"] = word

    outcome = guard({}, max_attempts=1)(lambda prompt: reply).outcome("t")

    assert outcome.failure is None or len(outcome.failure.message) < 200


def test_a_refusals_words_are_not_told(monkeypatch):
    """What a model wrote as it refused is a text of the reply too."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")
    chat = {"object": "chat.completion", "model": "m", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, "refusal": NUMBER}}
    ]}  # fmt: skip

    error = failed(CARD, chat)

    assert NUMBER not in str(error)
    assert error.outcome.failure.kind == "refusal"


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_of_an_error_has_no_prompt(protocol):
    """What was asked stays in the process: neither the pickle of an error nor its repr has it."""
    error = failed({}, "no", (even,))

    data = pickle.dumps(error, protocol)
    again = pickle.loads(data)

    assert NUMBER.encode() not in data
    assert NUMBER not in repr(error)
    assert [attempt.prompt for attempt in again.outcome.attempts] == [None, None]
    assert [a._replace(prompt=None) for a in error.outcome.attempts] == list(again.outcome.attempts)
    assert str(again) == str(error)
    assert all(NUMBER in attempt.prompt for attempt in error.outcome.attempts)


def test_a_prompt_is_pickled_where_it_is_asked_for(monkeypatch):
    """With SCHEMA_GUARD_PROMPTS=on an error carries its prompts everywhere."""
    monkeypatch.setenv("SCHEMA_GUARD_PROMPTS", "on")
    error = failed({}, "no")

    assert pickle.loads(pickle.dumps(error)).outcome == error.outcome


def test_a_copy_in_the_process_keeps_its_prompts():
    """A copy is no pickle."""
    error = failed({}, "no")

    for again in (copy.copy(error), copy.deepcopy(error)):
        assert again.outcome == error.outcome


def test_a_pickle_of_a_failed_call_has_no_prompt():
    """CallFailed is as silent as GuardFailed."""

    @guard({})
    def ask(prompt):
        return BROKEN_CHAT

    with pytest.raises(CallFailed) as caught:
        ask(f"Read {NUMBER} please.")

    assert NUMBER.encode() not in pickle.dumps(caught.value)


def test_what_a_function_raises_about_a_reply_is_not_told(monkeypatch):
    """A function that parses by itself raises errors that quote the reply; the message of the guard does not."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", "off")

    class Wanted(pydantic.BaseModel):
        number: int

    @guard(Wanted)
    def ask(prompt):
        return Wanted.model_validate_json(f'{{"number": "{NUMBER}"}}')

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert NUMBER not in str(caught.value) + repr(caught.value)
