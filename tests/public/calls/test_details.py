"""Details of calls: ids, attributes of functions, adapters, and outcomes in errors."""

import pytest

from schema_guard import CallFailed, guard
from tests.public.calls import wire

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'


def test_id_begins_with_the_time():
    """The first 12 hex digits of an id are the milliseconds at which the call began."""
    call = guard(True, store=None, name="timed")(lambda prompt: "1").outcome("t").call

    assert int(call.id[:12], 16) == int(call.started_at * 1000)


def test_guarded_function_has_the_attributes_of_the_function():
    """A guarded function copies the attributes of the function. A guarded object does not copy those of the object."""

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
    """A model that has an adapter."""

    name, provider, adapter = "base", "llamacpp", "invoices-7"
    capabilities = frozenset({"bare", "system_prompt"})

    def __call__(self, prompt, *, options=None):
        return GOOD

    async def acall(self, prompt, *, options=None):
        return GOOD

    stream, astream = __call__, acall


def test_model_with_an_adapter_is_tuned():
    """A model with an adapter is tuned, and the adapter is part of the configuration."""
    call = guard(TOTAL, store=None)(Adapted()).outcome("t").call

    assert (call.model, call.provider, call.tuned) == ("base", "llamacpp", True)
    assert '"adapter":"invoices-7"' in call.settings


class IncompleteOutputException(Exception):
    """The exception of instructor for a reply that was cut off."""

    __module__ = "instructor.core.exceptions"
    last_completion = wire.chat('{"total":', finish_reason="stop")


def test_exception_for_a_cut_off_reply_is_a_truncation():
    """The exception decides, even if the finish reason of the reply is `stop`."""

    def ask(prompt):
        raise IncompleteOutputException

    outcome = guard(TOTAL, store=None)(ask).outcome("t")

    (attempt,) = outcome.attempts
    assert (attempt.finish_reason, attempt.reply) == ("length", '{"total":')
    assert (attempt.failure.kind, attempt.failure.code) == ("truncation", "max_tokens")


def test_call_failed_carries_every_attempt():
    """The error of a call without a reply has the earlier attempts too."""
    value = iter(["no", {"object": "chat.completion", "choices": []}])

    with pytest.raises(CallFailed) as caught:
        guard(TOTAL, store=None)(lambda prompt: next(value))("t")

    assert [(one.number, one.failure.code) for one in caught.value.outcome.attempts] == [
        (1, "no_json"), (2, "provider_error"),
    ]  # fmt: skip
