"""Facts about the loop: what it asks for, when it asks again, and what it makes of what it is sent."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema_guard import Attempt, Call, Failure, InvalidArgument, Limits, Message, Schema, Usage, drive
from schema_guard.loop import Done, enforce
from schema_guard.strategies import STRATEGIES, Plan, Step, strategies_of
from schema_guard.values import Ask, Chunk, More, ParsedValue, Reply, Stop
from tests.needs import is_installed

TOTAL = Schema.of(
    {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}, name="total"
)
CALL = Call("0" * 32, "f", "total", TOTAL.fingerprint, None, None, "bare", "{}", "1", None, None, None, 0.0)
GOOD = '{"total": 1}'
BAD = '{"total": "one"}'


def known():
    """What is known of every call here."""
    return CALL


def plan(*strategies, schema=TOTAL, **settings):
    steps = tuple(Step.of(strategy, schema) for strategy in strategies_of(strategies or ("bare",)))
    return Plan(schema=schema, steps=steps, **settings)


def answered(flow, *answers):
    """Answer a loop's asks in turn, each with chunks and then a Reply; give the outcome and what was asked."""
    asks, step = [], next(flow)
    given = iter(answers)
    while isinstance(step, Ask):
        asks.append(step)
        *chunks, end = next(given)
        for text in chunks:
            flow.send(Chunk(text))
        step = flow.send(end)
    assert isinstance(step, Done)
    return step.outcome, asks


def whole(*texts):
    return [(text, Reply(finish_reason="stop")) for text in texts]


def codes(outcome):
    return [attempt.failure and (attempt.failure.kind, attempt.failure.code) for attempt in outcome.attempts]


# Laws.

PIECES = [*'{}[]":,\\ \n1-.', "total", '"total"', "null", "true", "1e999", "NaN", "```json\n", "```"]
PIECES += ["<think>", "</think>", "\\ud800", "\ud800", "\ufeff", "I cannot help with that.", GOOD, BAD, "\0"]
TEXTS = st.one_of(
    st.text(st.characters(), max_size=40),
    st.binary(max_size=40).map(lambda content: content.decode("latin-1")),
    st.binary(max_size=40).map(lambda content: content.decode("utf-8", "surrogateescape")),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
COUNTS = st.none() | st.integers(0, 1000)
ENDS = st.builds(
    Reply,
    finish_reason=st.sampled_from(
        [None, "stop", "length", "tool_call", "refusal", "content_filter", "error"]
    ),
    usage=st.builds(Usage, COUNTS, COUNTS),
    elapsed_s=st.floats(0, 9),
    refusal=st.sampled_from([None, None, None, "no"]),
    failure=st.sampled_from([None, None, None, Failure("transport", "stream_cut", "cut")]),
    model=st.sampled_from([None, "m"]),
    parsed=st.sampled_from(
        [None, None, None, ParsedValue(1), ParsedValue({"total": 1}), ParsedValue([float("nan")])]
    ),
    refused=st.sampled_from([None, None, None, Failure("semantic", "refused", "no")]),
    judged=st.none(),
    tries=st.just(()),
    calls=st.just(()),
    stopped=st.none(),
    is_final=st.booleans(),
)
ANSWERS = st.lists(
    st.tuples(st.lists(TEXTS, max_size=3), ENDS).map(lambda a: (*a[0], a[1])), min_size=4, max_size=4
)
LIMITS = st.builds(
    Limits,
    max_bytes=st.integers(0, 99),
    max_elapsed_s=st.none() | st.floats(0, 20),
    max_tokens=COUNTS,
    output_tokens=st.none() | st.integers(1, 500),
    max_output_tokens=st.none() | st.integers(500, 1000),
)
DELIVERIES = st.sampled_from(["prompt", "feedback", "instructions"])
TASKS = st.text(st.characters(), max_size=9) | st.lists(
    st.builds(Message, st.sampled_from(["system", "user"]), st.text(max_size=5)), min_size=1, max_size=2
).map(tuple)


PLANS = st.builds(
    plan,
    max_attempts=st.integers(1, 4),
    delivery=DELIVERIES,
    repair=st.sampled_from(["off", *(("lossless", "lossy") if is_installed("repair") else ())]),
    limits=LIMITS,
)


@given(TASKS, ANSWERS, PLANS)
def test_no_text_makes_the_loop_raise(task, answers, terms):
    """For any replies the loop ends in 1 to max_attempts attempts of which all but the last failed."""
    outcome, asks = answered(enforce(task, terms, known), *answers)

    assert [ask.number for ask in asks] == [attempt.number for attempt in outcome.attempts]
    assert 1 <= len(outcome.attempts) <= terms.max_attempts
    assert all(attempt.failure is not None for attempt in outcome.attempts[:-1])
    assert outcome.failure == outcome.attempts[-1].failure
    assert outcome.ok == (outcome.failure is None)
    assert not outcome.ok or TOTAL.is_valid(outcome.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON, st.booleans())
def test_a_valid_value_comes_out_as_it_went_in(value, ascii_only):
    """Any JSON value, written out, comes back equal and of the same types from the first attempt."""
    schema = Schema.of(True)

    outcome, _ = answered(
        enforce("t", plan(schema=schema), known), *whole(json.dumps(value, ensure_ascii=ascii_only))
    )

    assert (outcome.ok, len(outcome.attempts)) == (True, 1)
    assert repr(outcome.value) == repr(value)


def cut(text, widths):
    """Cut a text into chunks of the given widths, round and round."""
    chunks, start = [], 0
    while start < len(text):
        width = widths[len(chunks) % len(widths)]
        chunks.append(text[start : start + width])
        start += width
    return chunks


def finished(coroutine):
    """Run a coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


def driven_in_every_shape(replies, widths, terms):
    """Drive one script in each of the four shapes of functions, and give the four outcomes."""

    def flow():
        return enforce("t", terms, known)

    def reply(ask):
        return replies[ask.number - 1]

    def generator(ask):
        yield from cut(reply(ask), widths)

    async def coroutine(ask):
        return reply(ask)

    async def async_generator(ask):
        for piece in cut(reply(ask), widths):
            yield piece

    def prepare(function):
        return lambda ask: partial(function, ask)

    seen = []
    driven = [
        drive.run(flow(), prepare(reply), seen.append),
        drive.run(flow(), prepare(generator), seen.append),
        finished(drive.arun(flow(), prepare(coroutine), seen.append)),
        finished(drive.arun(flow(), prepare(async_generator), seen.append)),
    ]
    assert [end.done for end in driven] == seen
    return [done.outcome for done in seen]


WIDTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@given(st.lists(TEXTS, min_size=3, max_size=3), WIDTHS, st.sampled_from([0, 10, 10**6]))
@example(["", "<html>", GOOD], [1], 10**6)
@example(["x", GOOD, "x"], [1], 10)
def test_every_shape_and_every_chunk_width_give_the_same(replies, widths, max_bytes):
    """Sync or async, whole or in chunks of any width: the same attempts, the same ok, the same value."""
    terms = plan(limits=Limits(max_bytes=max_bytes))

    first, *others = [
        (codes(outcome), outcome.ok, repr(outcome.value))
        for outcome in driven_in_every_shape(replies, widths, terms)
    ]

    assert others == [first] * 3


def size(prompt):
    texts = [prompt] if isinstance(prompt, str) else [message.content for message in prompt]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def wide(text):
    """A schema with many properties, each of which says much when it is broken."""
    names = [f"{text[:3]}{n}" for n in range(60)]
    return Schema.of(
        {"type": "object", "properties": {name: {"enum": [text]} for name in names}, "required": names}
    )


ASCII, WIDE = wide("a" * 60), wide("🧪" * 60)
EMOJI = json.dumps({f"🧪🧪🧪{n}": "🧪" * 100 for n in range(60)}, ensure_ascii=False)
LONG = st.tuples(TEXTS | st.sampled_from(["{}", "🧪", "emoji"]), st.sampled_from([1, 1, 2, 500]))


def requests(schema, task="t", replies=(), strategy="bare", delivery="prompt", **settings):
    """The prompts that are sent for bad replies."""
    terms = plan(strategy, schema=schema, max_attempts=4, delivery=delivery, **settings)
    _, asks = answered(enforce(task, terms, known), *whole(*replies))
    return [
        size(ask.prompt) + len((ask.correction or "").encode()) * (delivery == "feedback") for ask in asks
    ]


@given(TASKS, st.lists(LONG, min_size=4, max_size=4), st.sampled_from(sorted(STRATEGIES)), DELIVERIES)
def test_a_prompt_does_not_grow_with_bad_replies(task, replies, strategy, delivery):
    """Every retry is at most 2 kB larger than the first request, whatever the replies."""
    texts = [(EMOJI if text == "emoji" else text) * times for text, times in replies]

    first, *others = requests(ASCII, task, texts, strategy, delivery)

    assert all(other <= first + 2000 for other in others)


def test_a_prompt_does_not_grow_with_what_a_schema_says():
    """A correction that quotes a schema in another script keeps to the same bound in bytes."""
    first, *others = requests(WIDE, replies=[EMOJI] * 4)

    assert max(others) <= first + 2000


def test_a_prompt_does_not_grow_with_what_a_check_says():
    """A check's message in another script keeps to the same bound in bytes."""
    first, *others = requests(Schema.of(True), replies=[EMOJI] * 4, checks=(lambda value: "🧪" * 500,))

    assert max(others) <= first + 2000


# What is asked again, and what is not.


@pytest.mark.parametrize(
    ("text", "end", "code"),
    [
        ('{"total": ' + " " * 200, Reply(finish_reason="length"), "runaway"),
        ("", Reply(finish_reason="length", usage=Usage(None, 99, None, 99)), "reasoning_exhausted"),
        ("\n", Reply(finish_reason="length", usage=Usage(None, 99, None, 90)), "reasoning_exhausted"),
    ],
)
def test_what_a_larger_limit_does_not_fix_is_asked_again_with_the_same(text, end, code):
    """A reply that ran away, or was spent on reasoning, is asked again as a bad one is, and no limit is raised."""
    budget = Limits(output_tokens=100, max_output_tokens=350)

    outcome, asks = answered(enforce("t", plan(max_attempts=2, limits=budget), known), *[(text, end)] * 2)

    assert codes(outcome) == [("truncation", code)] * 2
    assert [ask.output_tokens for ask in asks] == [100, 100]


@pytest.mark.parametrize(
    ("text", "usage"),
    [("", Usage(None, 99, None, 0)), ("", Usage(None, 99)), ("{", Usage(None, 99, None, 90))],
)
def test_a_reply_is_spent_on_reasoning_only_where_that_is_known(text, usage):
    """Without tokens of reasoning, or with text, a reply at the limit was too long."""
    outcome, _ = answered(enforce("t", plan(), known), (text, Reply(finish_reason="length", usage=usage)))

    assert codes(outcome) == [("truncation", "max_tokens")]


@pytest.mark.parametrize("times", [None, 6])
def test_with_a_time_budget_each_piece_is_looked_at(times):
    """No piece is kept for a while, and the seconds of attempts before count."""
    flow = enforce("t", plan(limits=Limits(max_elapsed_s=3.0, max_repeats=times)), known)
    next(flow)
    flow.send(Reply(text="no", elapsed_s=2.0))

    assert [flow.send(Chunk("x" * 30, at)) for at in (0.5, 0.9)] == [More(0), More(0)]
    assert flow.send(Chunk("x", 1.1)) == Stop()


def test_an_attempt_holds_all_that_is_known():
    """An attempt has what was sent, what came back and what the end said."""
    outcome, asks = answered(
        enforce("t", plan(), known),
        (
            '{"total"',
            ": 1}",
            Reply(finish_reason="stop", usage=Usage(3, 2, 1, 0), elapsed_s=0.5, model="a", unseen=True),
        ),
    )

    assert outcome.attempts == (
        Attempt(
            1, "bare", asks[0].prompt, GOOD, None, "clean", (), Usage(3, 2, 1, 0), None, "stop", 0.5,
            model="a", unseen=True,
        ),
    )  # fmt: skip


def test_a_call_that_raised_keeps_the_name_of_the_exception():
    """An attempt without a judged reply says which exception ended it."""
    end = Reply(failure=Failure("transport", "call_raised", "raised"), exception="TimeoutError")
    outcome, _ = answered(enforce("t", plan(), known), (end,))

    assert outcome.attempts[0].exception == "TimeoutError"


@dataclass(frozen=True)
class Kept:
    """What stands as the reply of an attempt."""

    id: str
    answer: tuple[Any, ...]
    reply: str | None


CUT = Failure("transport", "stream_cut", "cut")
REJECTED = Failure("syntax", "provider_rejected", "rejected")
KEPT = (
    Kept("nothing was received", (Reply(failure=CUT),), None),
    Kept("a part was received", ("{", Reply(failure=CUT)), "{"),
    Kept("an empty reply is one", ("", Reply()), ""),
    Kept("no chunk is an empty reply", (Reply(),), ""),
    Kept("rejected without its text", (Reply(failure=REJECTED),), None),
    Kept("a value whose text is unknown", (Reply(parsed=ParsedValue(1)),), None),
    Kept("the words of a refusal", (Reply(refusal="no"),), "no"),
    Kept("text before a refusal", ("well", Reply(refusal="no")), "well"),
)


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.id)
def test_what_was_received_is_the_reply(case):
    """The reply of an attempt is the text that came, the words of a refusal, or None where no text was known."""
    outcome, _ = answered(enforce("t", plan(max_attempts=1), known), case.answer)

    assert outcome.attempts[0].reply == case.reply


# What is sent.


CORRECTION = "Your last reply was not valid. At /total: expected number, got string. Reply again with only the JSON value."


def test_messages_are_asked_again_as_turns():
    """A retry of messages adds the bad reply and the correction as turns; the messages stay the same objects."""
    task = (Message("user", "task", {"name": "ann"}),)

    _, asks = answered(enforce(task, plan(), known), *whole(BAD, GOOD))

    assert asks[1].prompt == (*task, Message("assistant", BAD), Message("user", CORRECTION))
    assert asks[0].prompt[0] is asks[1].prompt[0] is task[0]


@pytest.mark.parametrize("delivery", ["prompt", "feedback", "instructions"])
def test_what_a_check_says_stays_out_of_instructions(delivery):
    """A check's message may quote the reply, so it is passed on but not into the system role."""
    terms = plan(checks=(no_total,), delivery=delivery)

    _, asks = answered(enforce("task", terms, known), *whole(GOOD, GOOD, GOOD))

    assert asks[1].correction.startswith("Your last reply was not valid. The check 'no_total' refused it")
    assert ("is 1" in asks[1].correction) == (delivery != "instructions")


def no_total(value):
    return f"total is {value['total']}"


# Strategies by name.


KNOWN = (
    "bare, system_prompt, few_shot, reason_then_format, json_mode, tool_call, strict_schema, strict_only, "
    "reason_then_strict, decision"
)


@pytest.mark.parametrize(
    ("given_names", "message"),
    [
        ("system_promt", f"strategy='system_promt': expected one of {KNOWN}. Did you mean 'system_prompt'?"),
        ("", f"strategy='': expected one of {KNOWN}"),
        (["bare", 3], f"strategy=3: expected one of {KNOWN}"),
        ([], f"strategy=[]: expected one of {KNOWN}, or a list of these names"),
        (None, f"strategy=None: expected one of {KNOWN}, or a list of these names"),
    ],
    ids=repr,
)
def test_unknown_strategies_are_refused(given_names, message):
    """A name that no strategy has is refused with the names that there are."""
    with pytest.raises(InvalidArgument) as caught:
        strategies_of(given_names)

    assert str(caught.value) == message


def test_tries_of_the_function_itself_are_attempts_of_the_call():
    """What a library inside the function had asked for stands before its last reply, and is not asked once more."""
    refused = Failure("semantic", "refused", "no")
    tries = (Reply(text="no"), Reply(text=GOOD, refused=refused), Reply(text=GOOD))

    outcome, asks = answered(enforce("t", plan(), known), ("no", Reply(tries=tries, is_final=True)))

    assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3, 4]
    assert [attempt.failure.code for attempt in outcome.attempts] == [
        "no_json",
        "refused",
        "retry",
        "no_json",
    ]
    assert (len(asks), outcome.ok) == (1, False)
