"""Replies that are stopped while they stream: early or not, the same value comes out."""

import asyncio
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import GuardFailed, InvalidArgument, Limits, Schema, guard, judge
from tests.public.schemas.fuzzing import drawn_schema, drawn_value, sent, written
from tests.thinned import costly, examples

ORDER = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "note": {"type": "string"}, "lines": {"type": "array"}},
    "required": ["id"],
    "additionalProperties": False,
}
HOPELESS = '{"id": "seven", "note": "two desks", "lines": [1, 2, 3]}'
GOOD = '{"id": 7, "note": "two desks"}'


def in_pieces(text, width):
    """A text in pieces of one width; the whole of it for 0."""
    return [text[at : at + (width or len(text))] for at in range(0, len(text), width or len(text))]


def script(replies, heard=None):
    """Give what makes one reply after the other, and hears how much of each was taken."""
    left = iter(replies)

    def give(prompt, width):
        text = next(left)
        if heard is not None:
            heard.append([prompt, 0])
        for piece in in_pieces(text, width):
            if heard is not None:
                heard[-1][1] += len(piece)
            yield piece

    return give


def functions(give, width):
    """A function that streams, and an asynchronous one."""

    def ask(prompt: str, options: dict | None = None):
        yield from give(prompt, width)

    async def ask_later(prompt: str, options: dict | None = None):
        for piece in give(prompt, width):
            yield piece

    return ask, ask_later


def outcomes(schema, replies, width, **settings):
    """The outcomes of one script: called, awaited, and with growing values."""

    def guarded(is_async, store=None):
        return guard(schema, store=store, on_failure="return", **settings)(
            functions(script(replies), width)[is_async]
        )

    yield guarded(False).outcome("t")
    yield asyncio.run(guarded(True).outcome("t"))
    stored = Kept()
    for _ in guarded(False, stored).stream("t"):
        pass
    yield stored.seen[-1]


def told(outcome):
    return outcome.ok, repr(outcome.value), len(outcome.attempts)


# Settings.


@pytest.mark.parametrize("early_stop", [None, 1, "yes"])
def test_whether_replies_are_stopped_is_yes_or_no(early_stop):
    """Anything but a bool is refused at decoration."""
    with pytest.raises(InvalidArgument, match=r"^early_stop=.*: expected True or False$"):
        guard(ORDER, early_stop=early_stop)


@pytest.mark.parametrize("most", [1, 0, 2.5, True, "6"])
def test_a_part_may_be_repeated_twice_at_least(most):
    """`max_repeats` is an int from 2 on."""
    with pytest.raises(
        InvalidArgument, match=r"^limits\.max_repeats=.*: expected an int >= 2, or None for no limit$"
    ):
        guard(ORDER, limits=Limits(max_repeats=most))


SETTINGS = [
    ({"early_stop": True}, True),
    ({}, None),
    ({"early_stop": False}, None),
    ({"early_stop": True, "observe": True}, None),
    ({"early_stop": True, "repair": "lossless"}, None),
    ({"early_stop": True, "checks": [lambda value: None]}, True),
]


@pytest.mark.parametrize(("settings", "said"), SETTINGS)
def test_the_configuration_says_it_only_where_it_is_on(settings, said):
    """What stops replies is another configuration; observed or fixed replies are not stopped."""

    @guard(ORDER, store=None, max_attempts=1, name="f", **settings)
    def ask(prompt: str):
        return GOOD

    assert json.loads(ask.outcome("t").call.settings).get("early_stop") is said


def test_repeats_of_an_observed_call_are_not_looked_for():
    """A call that is only observed is never stopped."""
    repeated = '{"note": "' + "and so on " * 40
    function = guard(ORDER, observe=True, limits=Limits(max_repeats=6), store=None)(
        lambda prompt: iter(repeated)
    )

    assert "".join(function("t")) == repeated


# What is stopped.


@pytest.mark.parametrize("is_async", [False, True])
def test_a_hopeless_reply_is_stopped_and_asked_again(is_async):
    """The attempt keeps the text so far and the failure that dooms it; the model is told, and that no more was read."""
    heard = []
    function = functions(script([HOPELESS, GOOD], heard), 4)[is_async]
    ask = guard(ORDER, store=None, early_stop=True)(function)

    outcome = asyncio.run(ask.outcome("t")) if is_async else ask.outcome("t")

    first, second = outcome.attempts
    assert outcome.value == {"id": 7, "note": "two desks"}
    assert (first.failure.kind, first.failure.code) == ("structure", "type")
    assert first.failure.message == "at /id: expected integer, got string"
    assert (first.reply, first.stopped_at, first.finish_reason) == (HOPELESS[:8], 8, None)
    assert (second.stopped_at, second.reply) == (None, GOOD)
    assert heard[0][1] == 8
    assert HOPELESS[:8] in heard[1][0]
    assert heard[1][0].endswith(
        "At /id: expected integer, got string. It was stopped there: the rest was not looked at. "
        "Reply again with only the JSON value."
    )


@pytest.mark.parametrize("is_async", [False, True])
def test_of_a_hopeless_reply_whose_values_are_followed_no_more_is_taken_either(is_async):
    """A stream of growing values leaves what it was stopped in, as a call does."""
    heard = []
    ask = guard(ORDER, store=None, max_attempts=1, early_stop=True, default=None)(
        functions(script([HOPELESS], heard), 4)[is_async]
    )

    async def follow():
        return [value async for value in ask.stream("t")]

    values = asyncio.run(follow()) if is_async else list(ask.stream("t"))

    assert values[-1] is None
    assert heard[0][1] == 8


@pytest.mark.parametrize("settings", [{}, {"repair": "lossless"}, {"observe": True}])
def test_without_it_a_reply_is_read_to_its_end(settings):
    """Nothing is stopped that nobody asked to stop, that is to be fixed, or that is only observed."""
    heard = []
    give = script([HOPELESS], heard)

    @guard(ORDER, store=None, max_attempts=1, early_stop=bool(settings), default=None, **settings)
    def ask(prompt: str):
        yield from give(prompt, 4)

    made = ask("t")
    if settings.get("observe"):
        list(made)

    assert heard[0][1] == len(HOPELESS)


def test_a_reply_in_the_form_that_was_sent_is_held_against_no_other():
    """OpenAI is asked for null where a part may be left out, which the user's own schema does not take."""
    give = script([HOPELESS, '{"id": 7, "note": null, "lines": [1]}'])
    lines = {"type": "array", "items": {"type": "integer"}}
    schema = {**ORDER, "properties": {**ORDER["properties"], "lines": lines}}
    strategy = ["system_prompt", "strict_schema"]

    @guard(schema, store=None, max_attempts=2, early_stop=True, provider="openai", strategy=strategy)
    def ask(prompt: str, options: dict | None = None):
        yield from give(prompt, 4)

    outcome = ask.outcome("t")

    assert outcome.value == {"id": 7, "lines": [1]}
    assert [attempt.stopped_at for attempt in outcome.attempts] == [8, None]


def test_a_whole_reply_is_judged_whole():
    """What comes in one piece has all its violations."""
    both = guard(ORDER, store=None, max_attempts=1, early_stop=True)(lambda prompt: '{"id": "x", "note": 1}')

    (attempt,) = both.outcome("t").attempts

    assert attempt.stopped_at is None
    assert len(attempt.failure.violations) == 2


def test_what_comes_to_its_own_end_is_judged_whole():
    """Of a reply that ends before it was looked at again nothing is left out."""
    text = '{"note": "' + "x" * 400 + '", "id": "x", "more": 1}'
    give = script([text])

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def ask(prompt: str):
        yield from give(prompt, len(text) - 20)

    (attempt,) = ask.outcome("t").attempts

    assert attempt.stopped_at is None
    assert len(attempt.failure.violations) == 2


CHAT = {
    "id": "c1",
    "object": "chat.completion.chunk",
    "model": "m",
    "usage": {"prompt_tokens": 9, "completion_tokens": 3},
}


def events(*deltas):
    for delta in deltas:
        yield {**CHAT, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**CHAT, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def called(text):
    return {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "give", "arguments": text}}]}


def test_a_stopped_stream_lacks_no_event_and_its_tokens_are_not_all():
    """Left early, a provider's stream was not cut; what it cost nobody says."""
    pieces = [{"content": piece} for piece in in_pieces(HOPELESS, 4)]

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def ask(prompt: str):
        yield from events(*pieces)

    (attempt,) = ask.outcome("t").attempts

    assert (attempt.failure.code, attempt.stopped_at, attempt.model) == ("type", 8, "m")
    assert (attempt.usage.input_tokens, attempt.usage.output_tokens) == (9, None)


def test_how_a_reply_would_have_ended_says_nothing_of_one_that_was_stopped():
    """Also where the piece that doomed it says so: the rest is known of neither."""

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def ask(prompt: str):
        choice = {"index": 0, "delta": {"content": HOPELESS}, "finish_reason": "length"}
        yield {**CHAT, "choices": [choice]}

    (attempt,) = ask.outcome("t").attempts

    assert (attempt.failure.code, attempt.stopped_at, attempt.finish_reason) == ("type", len(HOPELESS), None)


def test_text_before_a_tool_call_dooms_nothing():
    """What counts begins with the call, and is looked at from there."""

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def ask(prompt: str):
        yield from events({"content": '{"id": '}, *map(called, in_pieces(GOOD, 4)))

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def fail(prompt: str):
        yield from events({"content": "Here: "}, *map(called, in_pieces(HOPELESS, 4)))

    (attempt,) = fail.outcome("t").attempts
    assert ask("t") == {"id": 7, "note": "two desks"}
    assert (attempt.reply, attempt.stopped_at, attempt.failure.code) == (HOPELESS[:8], 8, "type")


def test_text_beside_a_call_that_is_asked_for_dooms_nothing():
    """Where the model is to call a tool, what it says before that may be JSON that no valid reply begins with."""
    lines = [{"content": piece} for piece in in_pieces(HOPELESS, 4)]

    @guard(
        {**ORDER, "title": "give"},
        store=None,
        max_attempts=1,
        early_stop=True,
        strategy="tool_call",
        provider="groq",
    )
    def ask(prompt: str, options: dict | None = None):
        yield from events(*lines, *map(called, in_pieces(GOOD, 4)))

    assert ask("t") == {"id": 7, "note": "two desks"}


def test_bytes_may_be_stopped_inside_a_character():
    """A character whose rest was not read is no broken one."""

    @guard(ORDER, store=None, max_attempts=1, early_stop=True)
    def ask(prompt: str):
        yield '{"id": "é'.encode()[:-1]
        yield b"\xa9"

    (attempt,) = ask.outcome("t").attempts

    assert (attempt.failure.code, attempt.reply) == ("type", '{"id": "')


@pytest.mark.parametrize("is_async", [False, True])
def test_an_exception_after_a_hopeless_piece_goes_on(is_async):
    """What the function raises before it is stopped is its own, and the text before it is kept."""

    stored = Kept()

    def give(prompt, width):
        yield '{"note": "' + "x" * 400
        yield '", "id": "x"'
        raise RuntimeError

    ask = guard(ORDER, store=stored, max_attempts=1, early_stop=True)(functions(give, 0)[is_async])

    with pytest.raises(RuntimeError):
        asyncio.run(ask("t")) if is_async else ask("t")

    (attempt,) = stored.seen[0].attempts
    assert (attempt.failure.code, len(attempt.reply), attempt.stopped_at) == ("call_raised", 422, None)


def test_what_the_function_says_of_a_reply_that_was_stopped_is_about_the_whole_of_it():
    """An exception that carries the text, as the function leaves, stands in the place of what came until then."""

    @guard(ORDER, store=None, max_attempts=1, early_stop=True, default=None)
    def ask(prompt: str):
        try:
            yield from in_pieces(HOPELESS, 4)
        finally:
            raise json.JSONDecodeError("no", "{1}", 1)

    (attempt,) = ask.outcome("t").attempts

    assert (attempt.failure.code, attempt.reply, attempt.stopped_at) == ("malformed", "{1}", None)


class Kept:
    """A recorder that keeps outcomes."""

    def __init__(self):
        self.seen = []

    def record(self, outcome, task):
        self.seen.append(outcome)


def test_the_message_of_a_call_says_that_its_reply_was_stopped():
    """Who reads it knows that the rest of the reply is not known."""
    give = script([HOPELESS])

    @guard(ORDER, store=None, max_attempts=1, early_stop=True, name="ask")
    def ask(prompt: str):
        yield from give(prompt, 4)

    with pytest.raises(GuardFailed, match=r"\n  attempt 1, structure type, stopped after 8 characters:\n"):
        ask("t")


@pytest.mark.parametrize("width", [1, 5, 16, 0])
@pytest.mark.parametrize("is_async", [False, True])
def test_what_had_failed_before_it_was_cut_off_is_asked_again(width, is_async):
    """In whatever pieces it came, it is no truncation: a larger limit would not fix it."""
    function = functions(script([HOPELESS[:12], GOOD]), width)[is_async]
    ask = guard(ORDER, store=None, early_stop=True)(function)

    outcome = asyncio.run(ask.outcome("t")) if is_async else ask.outcome("t")

    assert [attempt.failure and attempt.failure.code for attempt in outcome.attempts] == ["type", None]


def test_a_whole_reply_that_had_failed_before_it_was_cut_off_is_asked_again():
    """As a streamed one is; one that more could make valid is not, as without early stop."""
    replies = iter([HOPELESS[:12], GOOD, GOOD[:12]])
    ask = guard(ORDER, store=None, early_stop=True, on_failure="return")(lambda prompt: next(replies))

    assert ask("t") == {"id": 7, "note": "two desks"}
    assert ask("t").failure.code == "unfinished"


# Repeats.

REPEATED = '{"id": 7, "note": "' + "desk " * 200


@pytest.mark.parametrize("early_stop", [False, True])
@pytest.mark.parametrize("width", [1, 16, 300])
def test_a_reply_that_repeats_itself_is_stopped(early_stop, width):
    """It is a truncation that no larger limit fixes: it is asked again with the one that it had."""
    heard = []
    give = script([REPEATED, GOOD], heard)

    @guard(ORDER, store=None, early_stop=early_stop, limits=Limits(max_repeats=6))
    def ask(prompt: str):
        yield from give(prompt, width)

    first, second = ask.outcome("t").attempts

    assert (first.failure.kind, first.failure.code) == ("truncation", "runaway")
    assert first.failure.message == "the reply repeated a part of 5 characters and was stopped"
    assert 256 <= first.stopped_at == len(first.reply) == heard[0][1] < 700
    assert (second.failure, second.form) == (None, "clean")
    assert "It repeated itself" in heard[1][0]


@pytest.mark.parametrize("end", ["\n" * 300, " " * 300])
@pytest.mark.parametrize("repair", ["off", "lossy"])
def test_white_space_without_end_behind_a_valid_document_costs_no_value(end, repair):
    """The stream is stopped, and what came of it is valid, as it is when it comes whole."""
    give = script([GOOD + end])

    @guard(ORDER, store=None, max_attempts=1, repair=repair, limits=Limits(max_repeats=6))
    def ask(prompt: str):
        yield from give(prompt, 4)

    outcome = ask.outcome("t")

    (attempt,) = outcome.attempts
    assert (outcome.value, attempt.form) == ({"id": 7, "note": "two desks"}, "clean")
    assert attempt.stopped_at == len(attempt.reply) < len(GOOD) + 300


def test_a_stopped_reply_that_repeats_itself_is_not_repaired():
    """What a fixed one would hold is what it was stopped for."""
    give = script([REPEATED])

    @guard(ORDER, store=None, max_attempts=1, repair="lossy", limits=Limits(max_repeats=6))
    def ask(prompt: str):
        yield from give(prompt, 4)

    assert ask.outcome("t").failure.code == "runaway"


def test_a_time_budget_stops_a_reply_that_repeats_itself_too():
    """Both bounds are looked at with each piece."""
    give = script([REPEATED])

    @guard(ORDER, store=None, max_attempts=1, limits=Limits(max_repeats=6, max_elapsed_s=60))
    def ask(prompt: str):
        yield from give(prompt, 4)

    assert ask.outcome("t").failure.code == "runaway"


@pytest.mark.parametrize("name", costly(["local_replies.jsonl", "real_outputs.jsonl"], 2))
def test_no_valid_reply_of_a_model_is_stopped(corpora, name):
    """Of 314 valid replies of real models none is stopped, for what it is or for what it repeats."""
    rows = [json.loads(line) for line in (corpora / name).read_text().splitlines()]
    texts = [(row["reply"] if "reply" in row else row["text"], Schema.of(row["schema"])) for row in rows]
    valid = [(text, schema) for text, schema in texts if isinstance(text, str) and judge(text, schema).ok]

    for text, schema in valid:
        settings = {"max_attempts": 1, "early_stop": True, "limits": Limits(max_repeats=6)}
        assert next(outcomes(schema, [text], 4, **settings)).ok
    assert len(valid) > 90


@pytest.mark.costly
def test_hostile_replies_come_to_the_same(corpora):
    """Replies that are made to exhaust a reader are no more valid, and no less, where they may be stopped."""
    cases = json.loads((corpora / "hostile_cases.json").read_text(encoding="utf-8"))["cases"]
    light = [case for case in cases if case["kind"] == "output" and case["weight"] != "heavy"]
    for case in light:
        output = eval(case["expr"], {"json": json})  # noqa: S307 - the cases are expressions
        text = output.decode("utf-8", "surrogateescape") if isinstance(output, bytes) else output
        for width in (7, 1_000):
            outcome = next(
                outcomes(Schema.of(case["schema"]), [text or " "], width, max_attempts=1, early_stop=True)
            )

            assert outcome.ok == (case["outcome"] == "accept"), case["id"]
    assert light


# Laws.


def damaged(text, rng):
    at = rng.randrange(len(text) + 1)
    mark = rng.choice(("", '"', ",", "}", "]", "1", "\\", "{", " ", "e", "-"))
    return text[:at] + mark + text[at + rng.randint(0, 2) :]


def drawn_replies(schemas, rng):
    """Three replies to any of these schemas, most of them as they should be."""
    replies = []
    for _ in range(3):
        text = sent(written(drawn_value(rng.choice(schemas), rng), rng), rng)
        replies.append(damaged(text, rng) if rng.random() < 0.5 else text)
    return replies


def differing(schema, replies, width, **settings):
    """The outcomes, on and off, that are not the same; what was cut off or refused is not asked again, unless it had
    failed before that.
    """
    return [
        (on, off)
        for on, off in zip(
            outcomes(schema, replies, width, early_stop=True, **settings),
            outcomes(schema, replies, width, early_stop=False, **settings),
            strict=True,
        )
        if not are_same(on, off)
    ]


def are_same(on, off):
    pairs = zip(on.attempts, off.attempts, strict=False)
    ended = off.failure is not None and off.failure.kind in ("truncation", "refusal")
    return (
        all((one.failure is None) == (other.failure is None) for one, other in pairs)
        and (told(on) == told(off) or (ended and len(on.attempts) > len(off.attempts)))
        and all(a.stopped_at == len(a.reply) for a in on.attempts if a.stopped_at is not None)
    )


@examples(30)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 4, 7, 16, 40, 0]))
def test_on_and_off_give_the_same(seed, width):
    """For any schema and any replies the same value comes out of as many attempts, whatever the pieces."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)

    assert not differing(schema, drawn_replies([schema.document], rng), width)


@examples(20)
@given(st.integers(0, 2**32), st.sampled_from([2, 7, 40, 0]))
def test_pieces_change_nothing_that_comes_out(seed, width):
    """Whatever the pieces of a reply that may be stopped, the same value comes out of as many attempts."""
    rng = random.Random(seed)
    schema = drawn_schema(rng)
    replies = drawn_replies([schema.document], rng)

    one, other = (next(outcomes(schema, replies, at, early_stop=True)) for at in (1, width))

    refused = any(
        attempt.failure and attempt.failure.kind == "refusal" for attempt in one.attempts + other.attempts
    )
    assert told(one) == told(other) or refused
