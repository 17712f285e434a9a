"""A whole reply and its stream have the same outcome, for sync, async, and observed calls."""

import asyncio
import inspect
from itertools import count

import openai
import pytest

from schema_guard import About, CallFailed, Schema, guard
from tests.public.calls import wire
from tests.public.calls.formats import FORMATS, Said
from tests.public.calls.providers.reading import MemoryStore

SCHEMA = Schema.of(
    {
        "type": "object",
        "properties": {"total": {"type": "number"}, "note": {"type": "string"}},
        "required": ["total"],
        "additionalProperties": False,
    },
    name="give",
)
NUMBERS = count()
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
# Calls of tools need a part: tests/public/ext/calls/test_whole_and_streamed.py has these cases.
CASES = [(form, said) for form in FORMATS for said in SAID if form.can(said) and not said.calls]
IDS = [f"{form.name}: {said.id}" for form, said in CASES]
WIDTHS = (1, 2, 3, 7, 16, 64)
# The form of each valid reply, or the kind and code of its failure, in every format.
RESULT = {
    "valid": "clean",
    "prose": "unwrapped",
    "reasoned": "unwrapped",
    "broken": ("syntax", "malformed"),
    "wrong": ("structure", "type"),
    "an encoded value": ("structure", "type"),
    "two documents": ("syntax", "several_documents"),
    "empty": ("syntax", "empty"),
    "refused in prose": ("refusal", "refusal"),
    "cut off": ("truncation", "max_tokens"),
    "a runaway": ("truncation", "runaway"),
    "thoughts first": "clean",
    "thoughts alone": ("truncation", "reasoning_exhausted"),
    "a call": "clean",
    "text before a call": "clean",
    "JSON before a call": "clean",
    "a wrong call": ("structure", "type"),
    "another tool": ("structure", "unknown_tool"),
    "two calls": ("syntax", "several_documents"),
    "a call without arguments": ("structure", "required"),
    "refused": ("refusal", "refusal"),
    "refused behind text": ("refusal", "refusal"),
    "filtered": ("refusal", "content_filter"),
    "a page": ("syntax", "no_json"),
}


async def async_of(chunks):
    for chunk in chunks:
        yield chunk


async def awaited(result):
    result = await result if inspect.isawaitable(result) else result
    if hasattr(type(result), "__anext__"):
        async for _ in result:
            pass


def outcome_of(function, said, *, is_async=False, observe=False, stream=False, **settings):
    """Return the recorded outcome of a call whose reply the function returns."""
    store = MemoryStore()
    if said.calls and not observe:
        settings |= {"strategy": "tool_call", "provider": "openai"}

    def ask(prompt, options=None):
        return function()

    async def later(prompt, options=None):
        result = function()
        return async_of(result) if inspect.isgenerator(result) else result

    guarded = guard(
        SCHEMA, store=store, max_attempts=1, observe=observe, on_failure="return",
        name=f"ask_{next(NUMBERS)}", about=About(version="1"), **settings,
    )(later if is_async else ask)  # fmt: skip
    try:
        result = guarded.stream("t") if stream else guarded("t")
        if is_async:
            asyncio.run(awaited(result))
        elif hasattr(type(result), "__next__"):
            list(result)
    except CallFailed:
        pass
    return store.outcomes[0]


def facts(outcome):
    """Return the fields of a call's only attempt, except its time, prompt, strategy, and provider."""
    (attempt,) = outcome.attempts
    fields = attempt._asdict()
    for name in ("elapsed_s", "prompt", "strategy", "provider"):
        del fields[name]
    return {
        **fields,
        "ok": outcome.ok,
        "value": outcome.value,
        "failed": outcome.failure,
        "model": outcome.call.model,
    }


def streamed_outcomes(form, said, width):
    """Yield the outcome of a reply in pieces for each kind of call."""
    pieces = lambda: form.pieces(said, width)  # noqa: E731 - a new stream for each call
    yield outcome_of(pieces, said)
    yield outcome_of(pieces, said, is_async=True)
    # An observed function may call any tool.
    if said.id != "another tool":
        yield outcome_of(pieces, said, observe=True)
        yield outcome_of(pieces, said, observe=True, is_async=True)


def expected_result(form, said):
    """Return the form or failure of a reply in this format."""
    is_page = said.id == "a page" and form.name in ("text", "bytes")
    return ("transport", "provider_error") if is_page else RESULT[said.id]


def whole_results(form, said):
    """Return the form or failure of a whole reply, sync and async."""
    outcomes = [outcome_of(lambda: form.whole(said), said, is_async=is_async) for is_async in (False, True)]
    attempts = [attempt for outcome in outcomes for attempt in outcome.attempts]
    return [attempt.form or (attempt.failure.kind, attempt.failure.code) for attempt in attempts]


def whole_facts(form, said):
    """Return the fields of the only attempt at a whole reply."""
    return facts(outcome_of(lambda: form.whole(said), said))


def streamed_facts(form, said, widths):
    """Return the fields of the only attempt at a reply in pieces, for each width and each kind of call."""
    outcomes = [outcome for width in widths for outcome in streamed_outcomes(form, said, width)]
    outcomes += [outcome_of(lambda width=width: form.pieces(said, width), said) for width in WIDTHS]
    return [facts(outcome) for outcome in outcomes]


@pytest.mark.parametrize(("form", "said"), CASES, ids=IDS)
def test_whole_reply_has_its_result(form, said):
    """Each reply has the same form or failure in every format, sync and async."""
    assert whole_results(form, said) == [expected_result(form, said)] * 2


@pytest.mark.parametrize(("form", "said"), CASES, ids=IDS)
def test_stream_has_the_outcome_of_the_whole_reply(form, said):
    """A reply in pieces has all fields of the whole reply, for each kind of call."""
    streamed = streamed_facts(form, said, (3, 16))

    assert streamed == [whole_facts(form, said)] * len(streamed)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "said"), CASES, ids=IDS)
def test_stream_has_the_outcome_of_the_whole_reply_at_every_width(form, said):
    """The width of the pieces changes no field, from 1 to 64 characters."""
    streamed = streamed_facts(form, said, range(1, 65))

    assert streamed == [whole_facts(form, said)] * len(streamed)


def test_html_page_is_an_error_of_the_provider():
    """An HTML page instead of a reply is the provider's error, also if the client requested a stream."""
    for options in ({}, {"stream": True}):
        with (
            wire.Wire([wire.HTML]) as server,
            openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        ):
            ask = guard(SCHEMA, store=None, name=f"page_{next(NUMBERS)}")(
                lambda prompt, client=client, options=options: client.chat.completions.create(
                    model="m", messages=[], **options
                )
            )

            with pytest.raises(CallFailed, match="an HTML page instead of a reply") as failed:
                ask("t")

        assert failed.value.outcome.failure.code == "provider_error"
