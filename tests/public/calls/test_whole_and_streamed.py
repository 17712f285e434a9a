"""The same reply is judged the same, whole or streamed at any cut: sync, async and observed."""

import asyncio
import inspect
from itertools import count

import openai
import pytest

from schema_guard import CallFailed, Schema, guard
from tests.public.calls import wire
from tests.public.calls.formats import FORMATS, Said
from tests.public.calls.providers.reading import MemoryStore
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
CASES = [(form, said) for form in FORMATS for said in SAID if form.can(said)]
# What becomes of each reply, in every format: failure or form, and the text that was judged.
RESULT = {
    "valid": "exact",
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
    "thoughts first": "exact",
    "thoughts alone": ("truncation", "reasoning_exhausted"),
    "a call": "exact",
    "text before a call": "exact",
    "JSON before a call": "exact",
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


def called(function, *, is_async=False, observe=False, stream=False, early_stop=False):
    """Return the recorded outcome of a call of a function that takes nothing."""
    store = MemoryStore()
    settings = {} if observe else {"strategy": "tool_call", "target": "openai", "early_stop": early_stop}

    def ask(prompt, options=None):
        return function()

    async def later(prompt, options=None):
        result = function()
        return async_of(result) if inspect.isgenerator(result) else result

    guarded = guard(
        SCHEMA, store=store, max_attempts=1, observe=observe, on_failure="return",
        name=f"asked_{next(NUMBERS)}", version="1", **settings,
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
    """Return all that is known of the only attempt of a call, except its times and its prompt."""
    (attempt,) = outcome.attempts
    kept = attempt._asdict()
    for name in ("elapsed_s", "prompt", "strategy", "target"):
        del kept[name]
    return {
        **kept,
        "ok": outcome.ok,
        "value": outcome.value,
        "failed": outcome.failure,
        "model": outcome.call.model,
    }


@pytest.mark.parametrize(("form", "said"), CASES, ids=[f"{form.name}: {said.id}" for form, said in CASES])
def test_whole_and_streamed_are_one(form, said):
    """A reply in pieces has all fields of the whole one, by every way to call."""
    whole = called(lambda: form.whole(said))
    expected = facts(whole)
    ways = [
        called(lambda: form.pieces(said, 16)),
        called(lambda: form.pieces(said, 1)),
        called(lambda: form.pieces(said, 7), stream=True),
        called(lambda: form.pieces(said, 5), is_async=True),
        called(lambda: form.whole(said), is_async=True),
    ]
    if said.id != "another tool":
        ways += [
            called(lambda: form.pieces(said, 16), observe=True),
            called(lambda: form.pieces(said, 3), observe=True, is_async=True),
        ]

    assert [facts(way) for way in ways] == [expected] * len(ways)
    attempt = whole.attempts[0]
    found = attempt.form or (attempt.failure.kind, attempt.failure.code)
    is_page = said.id == "a page" and form.name in ("text", "bytes")
    assert found == (("transport", "provider_error") if is_page else RESULT[said.id])


@pytest.mark.parametrize(
    ("form", "said"), costly(CASES, 4), ids=[f"{form.name}: {said.id}" for form, said in CASES]
)
def test_early_stop_changes_no_value(form, said):
    """With `early_stop` a reply is valid or not as without it."""
    stopped, kept = (
        called(lambda: form.pieces(said, 7), early_stop=early_stop) for early_stop in (True, False)
    )

    assert (stopped.ok, stopped.value) == (kept.ok, kept.value)


def test_another_tool_is_named():
    """A call of a tool that was not given is named, whole and streamed."""
    said = next(said for said in SAID if said.id == "another tool")
    for outcome in (called(lambda: FORMATS[0].whole(said)), called(lambda: FORMATS[0].pieces(said, 5))):
        assert outcome.failure.message == "the reply calls the tool 'take': expected 'give'"


def test_a_page_is_a_page_however_a_client_asks():
    """An HTML page in a reply's place is the provider's error, also if a stream was asked for."""
    for options in ({}, {"stream": True}):
        with (
            wire.Wire([wire.HTML]) as server,
            openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0) as client,
        ):
            ask = guard(SCHEMA, store=None, name=f"paged_{next(NUMBERS)}")(
                lambda prompt, client=client, options=options: client.chat.completions.create(
                    model="m", messages=[], **options
                )
            )

            with pytest.raises(CallFailed, match="an HTML page came instead") as failed:
                ask("t")

        assert failed.value.outcome.failure.code == "provider_error"
