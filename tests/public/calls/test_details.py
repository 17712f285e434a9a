"""Details of calls: ids, retries of SDKs, attributes of functions, adapters, and what errors carry."""

import pytest

from schema_guard import CallFailed, guard
from tests.public.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'


def test_id_begins_with_the_time():
    """The first 12 hex digits of an id are the milliseconds at which the call began."""
    call = guard(True, store=None, name="timed")(lambda prompt: "1").outcome("t").call

    assert int(call.id[:12], 16) == int(call.started_at * 1000)


@pytest.mark.parametrize(
    ("told", "kept"), [(0, 0), (2, 2), (1000, 1000), (1001, None), (-1, None), (True, None), ("1", None), (None, None)]
)  # fmt: skip
def test_retries_of_boto3_are_kept(told, kept):
    """How often an SDK had repeated the request is known, zero included."""
    reply = {
        "output": {"message": {"role": "assistant", "content": [{"text": GOOD}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "ResponseMetadata": {"RetryAttempts": told},
    }
    outcome = guard(TOTAL, store=None, name="repeated")(lambda prompt: reply).outcome("t")

    assert (outcome.value, outcome.attempts[0].retries) == ({"total": 1}, kept)


def test_attributes_of_a_function_stay():
    """A guarded function has the attributes of the function; a guarded object has not those of the object."""

    def ask(prompt):
        return GOOD

    ask.marker = "x"

    class Asker:
        def __init__(self):
            self.marker = "x"

        def __call__(self, prompt):
            return GOOD

    assert guard(TOTAL, store=None)(ask).marker == "x"
    assert not hasattr(guard(TOTAL, store=None)(Asker()), "marker")


class Adapted:
    """A model by its shape, with an adapter of its own."""

    name, target, adapter = "base", "llamacpp", "invoices-7"
    capabilities = frozenset({"bare", "system_prompt"})

    def __call__(self, prompt, *, options=None):
        return GOOD

    async def acall(self, prompt, *, options=None):
        return GOOD

    stream, astream = __call__, acall


def test_model_with_an_adapter_is_tuned():
    """A model that an adapter changes is another configuration, and a tuned one."""
    call = guard(TOTAL, store=None)(Adapted()).outcome("t").call

    assert (call.model, call.target, call.tuned) == ("base", "llamacpp", True)
    assert '"adapter":"invoices-7"' in call.settings


class IncompleteOutputException(Exception):
    """As instructor raises it for a reply that was cut off."""

    last_completion = wire.chat('{"total":', finish_reason="stop")


def test_cut_off_reply_of_a_library_has_its_finish_reason():
    """An exception for a reply that was cut off is a truncation, whatever the reply says."""

    def ask(prompt):
        raise IncompleteOutputException

    outcome = guard(TOTAL, store=None)(ask).outcome("t")

    (attempt,) = outcome.attempts
    assert (attempt.finish_reason, attempt.reply) == ("length", '{"total":')
    assert (attempt.failure.kind, attempt.failure.code) == ("truncation", "max_tokens")


def test_call_failed_carries_every_attempt():
    """The error of a call without a reply has the attempts before it too."""
    given = iter(["no", {"object": "chat.completion", "choices": []}])

    with pytest.raises(CallFailed) as caught:
        guard(TOTAL, store=None)(lambda prompt: next(given))("t")

    assert [(one.number, one.failure.code) for one in caught.value.outcome.attempts] == [
        (1, "no_json"), (2, "provider_error"),
    ]  # fmt: skip
