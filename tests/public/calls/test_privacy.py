"""Private text: replies in error messages, and prompts in pickles."""

import copy
import pickle

import pytest

from schema_guard import About, CallFailed, GuardFailed, guard
from tests.public.calls import wire

TOTAL = {
    "title": "Total",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}


def reject(value):
    return "secret"


# The reply, the settings, and the lines of the message between the first and the last.
HIDDEN = {
    "a value": (
        '{"total":"secret"}', {},
        ["structure type:", "    at /total: expected number, got string    [/properties/total/type]"],
    ),
    "no JSON": ("secret", {}, ["syntax no_json:", "    It held no JSON"]),
    "a refusal in prose": ("I'm sorry, but I can't help with that.", {}, ["refusal refusal:"]),
    "a refusal": (wire.chat(None, refusal="secret"), {}, ["refusal refusal:"]),
    "a check": (
        '{"total":1}', {"checks": [reject]}, ["semantic reject:", "    The check 'reject' refused it"],
    ),
    "a made-up key": (
        '{"secret":{"n":"x"}}',
        {"schema": {"title": "A", "additionalProperties": {"properties": {"n": {"type": "integer"}}}}},
        [
            "structure type:",
            "    at /*/n: expected integer, got string    [/additionalProperties/properties/n/type]",
        ],
    ),
    "cut off": (
        '{"total":', {}, ["truncation unfinished:", "    It was cut off before the JSON was complete"],
    ),
    "an encoded value": (
        '{"total":"[1]"}', {"schema": {"properties": {"total": {"type": "array"}}}},
        ["structure encoded_value:", "    at /total: expected array, got string    [/properties/total/type]"],
    ),
    "an extra key": (
        '{"secret":1}', {"schema": {"title": "B", "properties": {"a": {}}, "additionalProperties": False}},
        [
            "structure additionalProperties:",
            "    at (root): expected no further properties, got object    [/additionalProperties]",
        ],
    ),
}  # fmt: skip


def failed(reply, schema=TOTAL, **settings):
    @guard(schema, store=None, name="hidden", about=About(version="1"), max_attempts=1, **settings)
    def ask(prompt):
        return reply

    with pytest.raises(GuardFailed) as caught:
        ask("t")
    return caught.value


@pytest.mark.parametrize("off", ["off", "0", "no", "FALSE", " off "])
@pytest.mark.parametrize("case", HIDDEN)
def test_message_without_values_quotes_nothing(case, off, monkeypatch):
    """With SCHEMA_GUARD_VALUES=off, the message quotes no value and no key of the reply."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", off)
    reply, settings, lines = HIDDEN[case]

    first, *others = str(failed(reply, **settings)).split("\n")[1:-1]

    assert [first.removeprefix("  attempt 1, "), *others] == lines


@pytest.mark.parametrize("on", ["on", "1", "", "x"])
def test_message_has_values_by_default(on, monkeypatch):
    """With any other value of the variable, the message quotes values of the reply."""
    monkeypatch.setenv("SCHEMA_GUARD_VALUES", on)

    assert "string 'secret'" in str(failed('{"total":"secret"}'))


@pytest.mark.parametrize(
    ("setting", "has_prompts"),
    [(None, False), ("off", False), ("0", False), ("x", False), ("on", True), ("1", True), (" YES ", True), ("true", True)],
)  # fmt: skip
def test_pickle_has_no_prompts(setting, has_prompts, monkeypatch):
    """A pickled error has all of its outcome, except the prompts unless SCHEMA_GUARD_PROMPTS=on."""
    if setting is None:
        monkeypatch.delenv("SCHEMA_GUARD_PROMPTS", raising=False)
    else:
        monkeypatch.setenv("SCHEMA_GUARD_PROMPTS", setting)
    error = failed('{"total":"x"}')
    error.add_note("a note")

    again = pickle.loads(pickle.dumps(error))

    (attempt,) = again.outcome.attempts
    (before,) = error.outcome.attempts
    assert attempt.prompt == (before.prompt if has_prompts else None)
    assert attempt._replace(prompt=None) == before._replace(prompt=None)
    assert again.outcome._replace(attempts=()) == error.outcome._replace(attempts=())
    assert (type(again), str(again), again.__notes__) == (GuardFailed, str(error), ["a note"])


def test_copy_has_the_whole_outcome():
    """A copy of an error in the same process has the same outcome, with its prompts."""
    error = failed('{"total":"x"}')

    for again in (copy.copy(error), copy.deepcopy(error)):
        assert again.outcome is error.outcome
        assert str(again) == str(error)


def test_pickled_call_failed_has_its_outcome():
    """A pickled CallFailed has its message and its failure."""
    ask = guard(TOTAL, store=None, name="hidden call", about=About(version="1"))(
        lambda prompt: {"choices": [], "object": "chat.completion"}
    )
    with pytest.raises(CallFailed) as caught:
        ask("t")

    again = pickle.loads(pickle.dumps(caught.value))

    assert (type(again), str(again)) == (CallFailed, "hidden call: the provider sent no reply")
    assert again.outcome.failure == caught.value.outcome.failure
