"""The same reply is judged the same, however it arrives: whole, or streamed at any cut; sync, async, observed."""

import asyncio
import inspect

import openai
import pytest

from schema_guard import Call, CallFailed, Schema, guard
from schema_guard.calls import drive
from schema_guard.calls.observe import observe
from schema_guard.calls.received.receiver import Receiver
from schema_guard.core.enforce import enforce
from schema_guard.core.strategy import STRATEGIES, Plan, Step
from tests.public.calls import wire
from tests.public.calls.formats import FORMATS, Said
from tests.thinned import costly

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"total": {"type": "number"}, "note": {"type": "string"}},
        "required": ["total"],
        "additionalProperties": False,
    },
    name="give",
)
CALL = Call(
    "0" * 32, "f", "give", SCHEMA.fingerprint, None, None, "tool_call", "{}", "1", None, None, None, 0.0
)
GOOD = '{"total":12.5,"note":"né, a longer note: so that there are cuts"}'
SAID = [
    Said("valid", GOOD),
    Said("prose", f"Sure, here it is:\n```json\n{GOOD}\n```\nDone."),
    Said("reasoned", f"<think>{{so}}</think>{GOOD}"),
    Said("broken", "{'total': 12.5,}"),
    Said("wrong", '{"total":"twelve"}'),
    Said("an encoded value", '{"total":"[1]"}'),
    Said("two documents", f"{GOOD} {GOOD[:-1]},"),
    Said("empty"),
    Said("refused in prose", "I'm sorry, but I can't help with that."),
    Said("cut off", GOOD[:30], stop="length"),
    Said("a runaway", '{"total":' + " " * 300, stop="length"),
    Said("thoughts first", GOOD, thinks="hm, so"),
    Said("thoughts alone", thinks="hm, hm, hm", stop="length"),
    Said("a call", calls=(("give", GOOD),), stop="tool_call"),
    Said("text before a call", "Let me see: [1] or {2}.", (("give", GOOD),), stop="tool_call"),
    Said("JSON before a call", '{"total":1}', (("give", GOOD),), stop="tool_call"),
    Said("a wrong call", "So:", (("give", '{"total":"x"}'),), stop="tool_call"),
    Said("another tool", "So:", (("take", GOOD),), stop="tool_call"),
    Said("two calls", "So:", (("give", GOOD), ("give", '{"total":2}')), stop="tool_call"),
    Said("a call without arguments", "So:", (("give", "{}"),), stop="tool_call"),
    Said("refused", refusal="I will not.", stop="refusal"),
    Said("refused behind text", '{"total":', refusal="No, I will not.", stop="refusal"),
    Said("filtered", GOOD[:20], stop="filter"),
    Said("a page", "<!DOCTYPE html><html><body>Sign in, please</body></html>"),
]
CASES = [(form, said) for form in FORMATS for said in SAID if form.can(said)]
WIDTHS = (1, 2, 3, 7, 16, 64)


def known():
    """What is known of every call here."""
    return CALL


def a_plan(*, observed=False):
    strategy = STRATEGIES["bare" if observed else "tool_call"]
    return Plan(schema=SCHEMA, steps=(Step.of(strategy, SCHEMA),), max_attempts=1, tool="give")


class Started:
    """A call that is observed, as the guard starts one."""

    def __init__(self, function):
        self.function, self.outcome = function, None
        self.flow = enforce("t", a_plan(observed=True), known)
        self.receiver = Receiver(SCHEMA)

    def invoke_untouched(self):
        return self.function()

    def enter(self):
        """Nothing knows that this call is under way."""

    def leave(self, entered):
        """Nothing was changed."""

    def finish(self, done):
        self.outcome = done.outcome


def facts(outcome):
    """All that is known of the only attempt of a call, but its times and its prompt."""
    (attempt,) = outcome.attempts
    kept = attempt._asdict()
    for name in ("elapsed_s", "prompt", "strategy"):
        del kept[name]
    return {
        **kept,
        "ok": outcome.ok,
        "value": outcome.value,
        "failed": outcome.failure,
        "named": outcome.call.model,
    }


def driven(function):
    """What a call of a function gives: driven at one go, piece by piece, and asynchronously."""
    receiver = Receiver(SCHEMA)
    flow = lambda: enforce("t", a_plan(), known)  # noqa: E731 - a new one each time
    nothing = lambda done: None  # noqa: E731

    async def later(ask):
        result = function()
        return async_of(result) if inspect.isgenerator(result) else result

    def at_the_end(pieces):
        while True:
            try:
                next(pieces)
            except StopIteration as stop:
                return stop.value

    yield drive.run(flow(), lambda ask: function(), nothing, receiver)
    yield at_the_end(drive.stream(flow(), lambda ask: function(), nothing, receiver))
    yield asyncio.run(drive.arun(flow(), later, nothing, receiver))


async def async_of(chunks):
    for chunk in chunks:
        yield chunk


def observed(function):
    """What is recorded of a function that is observed, sync and async."""
    started = Started(function)
    result = observe(started)
    if hasattr(type(result), "__next__"):
        for _ in result:
            pass
    yield started.outcome

    async def later():
        result = function()
        return async_of(result) if inspect.isgenerator(result) else result

    async def run(started):
        result = await observe(started)
        if hasattr(type(result), "__anext__"):
            async for _ in result:
                pass

    started = Started(later)
    asyncio.run(run(started))
    yield started.outcome


def others(form, said, widths, *, all_ways):
    """Give the widths at which a reply in pieces has other fields than the whole one, by any driver, with those fields."""
    expected = facts(
        drive.run(
            enforce("t", a_plan(), known), lambda ask: form.whole(said), lambda _: None, Receiver(SCHEMA)
        ).outcome
    )
    for width in widths:
        pieces = lambda width=width: form.pieces(said, width)  # noqa: E731 - a new one each time
        ways = driven(pieces)
        found = [facts(way.outcome) for way in (ways if all_ways else [next(ways)])]
        # A tool that was not asked for by us is not compared.
        if all_ways and said.id != "another tool":
            found += [facts(outcome) for outcome in observed(pieces)]
        yield from [(width, one) for one in found if one != expected]


@pytest.mark.parametrize(
    ("form", "said"), costly(CASES, 4), ids=[f"{form.name}: {said.id}" for form, said in CASES]
)
def test_whole_and_streamed_are_one(form, said):
    """A reply that comes in pieces, however wide and by whichever driver, has all fields of the whole one."""
    assert not [*others(form, said, (16,), all_ways=True), *others(form, said, WIDTHS, all_ways=False)]


SAID_WRONG = [
    Said("wrong and long", '{"total":"twelve","note":"né, a longer note: so that there are cuts"}'),
    Said("wrong behind text", f"Sure: [1, {{]\n{GOOD[:-1]},"),
    Said("wrong after a while", GOOD[:-1] + ',"more":"and more, and more, and more"}'),
    Said("wrong and cut off", '{"total":"twelve","note":"né, a lon', stop="length"),
    Said("wrong and refused", '{"total":"twelve","note":', refusal="No, I will not.", stop="refusal"),
    Said(
        "a wrong and long call", "So:", (("give", '{"total":"x","note":"a longer note"}'),), stop="tool_call"
    ),
    Said(
        "a wrong call of another tool",
        "So:",
        (("take", '{"total":"x","note":"a longer"}'),),
        stop="tool_call",
    ),
    Said("wrong JSON before a call", '{"total":"x","note":', (("give", GOOD),), stop="tool_call"),
]
STOPPED = [(form, said) for form in FORMATS for said in [*SAID, *SAID_WRONG] if form.can(said)]


@pytest.mark.parametrize(
    ("form", "said"), costly(STOPPED, 7), ids=[f"{form.name}: {said.id}" for form, said in STOPPED]
)
def test_a_stream_that_may_be_stopped_early_comes_to_the_same(form, said):
    """Early or not, a reply is valid or is not; what is asked again is asked again."""
    receiver = Receiver(SCHEMA)
    for width in WIDTHS:
        kept, stopped = (
            drive.run(
                enforce("t", a_plan()._replace(early_stop=early_stop), known),
                lambda ask, width=width: form.pieces(said, width),
                lambda outcome: None,
                receiver,
            ).outcome
            for early_stop in (False, True)
        )

        (attempt,) = stopped.attempts
        assert (stopped.ok, stopped.value) == (kept.ok, kept.value)
        # What had failed before it was cut off is no truncation, whether or not it was stopped in time.
        is_other = kept.failure is not None and kept.failure.kind == "truncation" != attempt.failure.kind
        if attempt.stopped_at is None and not is_other:
            assert facts(stopped) == facts(kept)
        else:
            assert attempt.failure.kind in ("syntax", "structure", "value")
            assert kept.failure.kind in ("syntax", "structure", "value", "truncation", "refusal")


@pytest.mark.slow
@pytest.mark.parametrize(("form", "said"), CASES, ids=[f"{form.name}: {said.id}" for form, said in CASES])
def test_whole_and_streamed_are_one_at_every_cut(form, said):
    """The same at every width from 1 to 64 characters, by every driver."""
    assert not list(others(form, said, range(1, 65), all_ways=True))


def test_another_tool_is_a_failure_of_structure():
    """A call of a tool that was not given is a failure with a code of its own, whole and streamed."""
    said = next(said for said in SAID if said.id == "another tool")
    outcome = drive.run(
        enforce("t", a_plan(), known),
        lambda ask: FORMATS[0].pieces(said, 5),
        lambda _: None,
        Receiver(SCHEMA),
    ).outcome

    assert (outcome.failure.kind, outcome.failure.code) == ("structure", "unknown_tool")
    assert "'take'" in outcome.failure.message


@pytest.mark.parametrize("form", [form for form in FORMATS if form.can_think], ids=lambda form: form.name)
def test_output_that_was_all_reasoning_is_told(form):
    """A reply at the limit without text is exhausted where the provider shows that the model reasoned."""
    said = next(said for said in SAID if said.id == "thoughts alone")
    for given in (form.whole(said), form.pieces(said, 3)):
        outcome = drive.run(
            enforce("t", a_plan(), known), lambda ask, given=given: given, lambda _: None, Receiver(SCHEMA)
        ).outcome

        assert (outcome.failure.kind, outcome.failure.code) == ("truncation", "reasoning_exhausted")


def test_a_page_is_a_page_however_a_client_asks():
    """An HTML page in a reply's place is the provider's error, whole, and where a stream was asked for."""
    for options in ({}, {"stream": True}):
        with (
            wire.Wire([wire.HTML]) as server,
            openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        ):
            ask = guard(SCHEMA, store=None)(
                lambda prompt, client=client, options=options: client.chat.completions.create(
                    model="m", messages=[], **options
                )
            )

            with pytest.raises(CallFailed, match="an HTML page came instead") as failed:
                ask("t")

        assert failed.value.outcome.failure.code == "provider_error"
