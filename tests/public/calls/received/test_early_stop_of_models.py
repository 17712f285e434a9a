"""`early_stop=True` streams the replies of a model, so that a stopped reply costs no more tokens."""

import asyncio
import time
from typing import ClassVar

import pytest

from schema_guard import GuardFailed, connect, guard
from schema_guard.testing import ScriptedModel
from tests.needs import needs
from tests.public.calls.functions import TOTAL
from tests.public.calls.received.test_cleanup import EndlessServer

pytestmark = needs("streaming")

CLOSED = {**TOTAL, "additionalProperties": False}
HOPELESS = {"chunks": ['{"total": "', "twelve", '", "more": 1}']}
GOOD = {"chunks": ['{"total"', ": 1}"], "finish_reason": "stop"}


@pytest.fixture
def server():
    server = EndlessServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("package", ["openai", "anthropic"])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_server_of_a_model_sees_that_a_hopeless_reply_is_left(server, package, is_async):
    """The connection is closed after the first pieces of a reply that would never end."""
    url = f"{server.url}/v1#m" if package == "openai" else f"{server.url}#m"
    settings = guard(CLOSED, early_stop=True, max_attempts=1, store=None)

    def call():
        with connect(url, provider=package, key="k") as model:
            settings(model)("t")

    async def call_async():
        async with connect(url, provider=package, key="k") as model:
            await settings(model.acall)("t")

    with pytest.raises(GuardFailed, match="stopped after"):
        asyncio.run(call_async()) if is_async else call()
    since = time.perf_counter()

    assert server.left.wait(5)
    assert server.left_at - since < 1
    assert server.sent < 500


def outcome_of(model, *, is_async=False, **settings):
    """Give the outcome of a call of a guarded model, or of its method `acall`."""
    function = guard(CLOSED, store=None, **settings)(model.acall if is_async else model)
    return asyncio.run(function.outcome("t")) if is_async else function.outcome("t")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_hopeless_reply_of_a_model_is_stopped(is_async):
    """No other option is needed, and the retry is streamed too."""
    outcome = outcome_of(ScriptedModel([HOPELESS, GOOD]), is_async=is_async, early_stop=True)

    assert outcome.value == {"total": 1}
    assert [(attempt.reply, attempt.stopped_at) for attempt in outcome.attempts] == [
        ('{"total": "', 11),
        ('{"total": 1}', None),
    ]


@pytest.mark.parametrize("settings", [{}, {"early_stop": True, "repair": "lossless"}])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_model_is_asked_for_a_whole_reply_if_none_is_stopped(is_async, settings):
    """Without `early_stop`, or if a reply may be repaired, the reply comes whole."""
    model = ScriptedModel([{**HOPELESS, "usage": {"output_tokens": 9}}])

    outcome = outcome_of(model, is_async=is_async, max_attempts=1, on_failure="return", **settings)

    (attempt,) = outcome.attempts
    assert (attempt.stopped_at, attempt.usage.output_tokens) == (None, 9)


class Whole(ScriptedModel):
    """A model that says that it has no streams."""

    lacks: ClassVar = {"stream": "no streams", "astream": "no streams"}


@pytest.mark.parametrize("is_async", [False, True])
def test_a_model_without_streams_is_asked_for_a_whole_reply(is_async):
    """Early stop then changes nothing, as for a function that returns whole replies."""
    outcome = outcome_of(Whole([HOPELESS, GOOD]), is_async=is_async, early_stop=True)

    assert outcome.value == {"total": 1}
    assert [attempt.stopped_at for attempt in outcome.attempts] == [None, None]


@pytest.mark.parametrize(("other", "stopped_at"), [(ScriptedModel, 11), (Whole, None)])
def test_models_are_streamed_if_each_of_them_can(other, stopped_at):
    """The models of a call are asked in one way."""
    first, second = ScriptedModel([HOPELESS]), other([GOOD])

    outcome = outcome_of(first, early_stop=True, models=[first, second])

    assert outcome.value == {"total": 1}
    assert [attempt.stopped_at for attempt in outcome.attempts] == [stopped_at, None]


def test_a_guarded_model_stays_what_was_guarded():
    """The streaming method is a matter of the call. The model can be guarded again."""
    model = ScriptedModel([HOPELESS, GOOD])
    function = guard(CLOSED, early_stop=True, store=None)(model)

    assert function.__wrapped__ is model
    assert repr(function).startswith("<guarded scripted under ")


def test_values_of_a_model_that_is_stopped_early_grow():
    """`.stream` follows the reply, which is streamed."""
    model = ScriptedModel([{"chunks": ['{"total": 1', "2", "}"]}])
    values = list(guard(TOTAL, early_stop=True, store=None)(model).stream("t"))

    assert values == [{"total": 1}, {"total": 12}, {"total": 12}]
