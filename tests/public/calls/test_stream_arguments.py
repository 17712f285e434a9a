"""`partial=` of `.stream`, lists of models, and the end of observed streams."""

import pytest

from schema_guard import InvalidArgument, Partial, guard
from schema_guard.testing import ScriptedModel
from tests.needs import needs
from tests.public.calls import wire
from tests.public.calls.providers.reading import MemoryStore

GOOD = '{"total": 1}'


def pieces(prompt):
    yield from ["[1", "]"]


@needs("streaming")
@pytest.mark.parametrize("more", [{}, {"partial": False}])
def test_values_are_plain_by_default(more):
    """Without `partial=`, or with False, the stream yields plain values."""
    assert list(guard(True, store=None, name="plain")(pieces).stream("t", **more)) == [[1], [1]]


@needs("streaming")
def test_stream_yields_partial_values():
    """With `partial=True`, each value is a Partial."""
    items = list(guard(True, store=None, name="partial")(pieces).stream("t", partial=True))

    assert items == [Partial([1], "/0", 1), Partial([1], "", 1), Partial([1], None, 1)]


@pytest.mark.parametrize("partial", [None, 1, "yes"])
def test_rejects_partial_that_is_not_a_bool(partial):
    """A value of `partial=` other than True and False raises InvalidArgument."""
    with pytest.raises(InvalidArgument, match=r"^stream: partial="):
        list(guard(True, store=None)(pieces).stream("t", partial=partial))


@needs("streaming")
def test_parameter_named_partial_gets_the_argument():
    """If the function has a parameter `partial`, the argument is passed to it."""
    seen = []

    @guard(True, store=None)
    def ask(prompt, partial=None):
        seen.append(partial)
        yield "[1]"

    assert list(ask.stream("t", partial=True)) == [[1], [1]]
    assert seen == [True]


@pytest.mark.parametrize(
    ("strategy", "strategies", "models", "recorded"),
    [
        (["bare", "system_prompt"], ["bare", "system_prompt", "system_prompt", "system_prompt"], "abcc", "bare>system_prompt"),
        ("bare", ["bare"] * 4, "abcc", "bare"),
        (["bare"] * 4, ["bare"] * 4, "abcc", "bare>bare>bare>bare"),
    ],
)  # fmt: skip
def test_each_attempt_has_the_next_model_and_strategy(strategy, strategies, models, recorded):
    """Attempt k has strategy k and model k. After the last one of each list, it stays."""
    seen = []

    @guard({"required": ["a"]}, store=None, strategy=strategy, models=["a", "b", "c"], max_attempts=4)
    def ask(prompt, model):
        seen.append(model)
        return "{}"

    outcome = ask.outcome("t")

    assert [attempt.strategy for attempt in outcome.attempts] == strategies
    assert "".join(seen) == models
    assert (outcome.call.strategies, outcome.call.model) == (recorded, "a>b>c")


def test_each_connected_model_has_the_next_strategy():
    """If there are more models than strategies, the last strategy stays."""
    models = [ScriptedModel([reply], cycle=True) for reply in ("{}", "no", GOOD)]

    outcome = guard(
        {"required": ["total"]}, store=None, strategy=["bare", "system_prompt"], models=models, max_attempts=5
    )(models[0]).outcome("t")

    assert [attempt.strategy for attempt in outcome.attempts] == ["bare", "system_prompt", "system_prompt"]
    assert [attempt.reply for attempt in outcome.attempts] == ["{}", "no", GOOD]
    assert outcome.call.strategies == "bare>system_prompt"


ENDED = {
    "responses": [
        wire.output_event("output_text.delta", delta=GOOD, output_index=0, content_index=0, item_id="m", logprobs=[]),
        wire.output_event("completed", response=wire.response(wire.output_message(wire.output_text(GOOD)))),
    ],
    "anthropic": [
        wire.message_start(),
        wire.block_start(wire.text_block("")),
        wire.block_delta(type="text_delta", text=GOOD),
        wire.block_stop(),
        *wire.message_end(),
    ],
}  # fmt: skip


@pytest.mark.parametrize("provider", ENDED)
@pytest.mark.parametrize("way", ["exhausted", "looped"])
def test_observed_stream_is_recorded_at_its_end(provider, way):
    """An observed stream that was read to its end is recorded once, with its finish reason."""
    store = MemoryStore()
    stream = guard(True, store=store, observe=True, name="ended")(lambda prompt: iter(ENDED[provider]))("t")

    if way == "looped":
        assert all(one is other for one, other in zip(stream, ENDED[provider], strict=True))
    else:
        assert len([next(stream) for _ in ENDED[provider]]) == len(ENDED[provider])
        assert store.outcomes == []
        assert next(stream, None) is None

    (outcome,) = store.outcomes
    assert (outcome.ok, outcome.value, outcome.attempts[0].finish_reason) == (True, {"total": 1}, "stop")


def test_closed_observed_stream_is_cancelled():
    """An observed stream that is closed before its end is recorded as cancelled, with the text so far."""
    store = MemoryStore()
    stream = guard(True, store=store, observe=True, name="left")(lambda prompt: iter(['{"a"', ": 1}"]))("t")
    next(stream)
    stream.close()

    (outcome,) = store.outcomes
    assert (outcome.failure.kind, outcome.failure.code) == ("transport", "cancelled")
    assert outcome.attempts[0].reply == '{"a"'
