"""The loop of a call: retries, budgets, limits, and the fields of the outcome."""

import asyncio
import json
from itertools import count

import pytest

from schema_guard import About, CallFailed, GuardFailed, Limits, Schema, Usage, guard
from schema_guard.testing import ScriptedModel
from tests.needs import needs
from tests.public.calls import wire
from tests.public.clock import stopped_clock

TOTAL = {
    "title": "Total",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
GOOD, BAD = '{"total": 1}', '{"total": "one"}'
UNKNOWN = Usage(None, None, None, None)
NUMBERS = count()
CUT = wire.chat('{"total":', finish_reason="length")


def usage(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def outcome_of(*replies, schema=TOTAL, **settings):
    """Return the outcome of a call, and the number of replies that it requested."""
    value, asked = iter(replies), []

    @guard(schema, store=None, **{"max_attempts": len(replies), "name": f"ask_{next(NUMBERS)}", **settings})
    def ask(prompt):
        asked.append(prompt)
        return next(value)

    return ask.outcome("t"), len(asked)


def failures(outcome):
    return [a.failure and (a.failure.kind, a.failure.code) for a in outcome.attempts]


# Retries.

RETRIED = {
    "no JSON": "no",
    "empty": "",
    "malformed": "{'a'}",
    "duplicate key": '{"a":1,"a":2}',
    "not finite": '{"total":NaN}',
    "several documents": "{}{}",
    "structure": "{}",
    "value": '{"total": 1, "a": 9}',
    "white space to the limit": wire.chat('{"total":' + " " * 99, finish_reason="length"),
    "bytes": b"\xff",
}
SCHEMA = {**TOTAL, "properties": {**TOTAL["properties"], "a": {"maximum": 5}}}


@pytest.mark.parametrize("case", RETRIED)
def test_retries_a_reply_that_does_not_fit(case):
    """The call retries until a reply fits the schema."""
    outcome, asked = outcome_of(RETRIED[case], RETRIED[case], GOOD, GOOD, schema=SCHEMA)

    assert (outcome.ok, outcome.value, asked) == (True, {"total": 1}, 3)
    assert [attempt.number for attempt in outcome.attempts] == [1, 2, 3]
    assert [attempt.failure is None for attempt in outcome.attempts] == [False, False, True]
    assert outcome.failure is None


NOT_AGAIN = {
    "refusal": (wire.chat(None, refusal="No."), ("refusal", "refusal")),
    "refusal by its finish reason": (
        wire.message(wire.text_block("x"), stop_reason="refusal"),
        ("refusal", "refusal"),
    ),
    "refusal in prose": ("I'm sorry, but I can't help with that.", ("refusal", "refusal")),
    "content filter": (wire.chat(GOOD, finish_reason="content_filter"), ("refusal", "content_filter")),
    "cut off": (CUT, ("truncation", "max_tokens")),
    "unfinished": ('{"total":', ("truncation", "unfinished")),
}


@pytest.mark.parametrize("case", NOT_AGAIN)
def test_refusal_and_truncation_end_the_call(case):
    """A refusal is never retried. A cut-off reply is not retried if its limit cannot grow."""
    reply, failure = NOT_AGAIN[case]
    outcome, asked = outcome_of(reply, GOOD, GOOD)

    assert (outcome.ok, asked, failures(outcome)) == (False, 1, [failure])
    assert outcome.failure == outcome.attempts[-1].failure


@pytest.mark.parametrize("case", NOT_AGAIN)
def test_refusal_and_truncation_end_a_call_after_a_retry(case):
    """A retry that is refused or cut off ends the call too."""
    reply, failure = NOT_AGAIN[case]
    outcome, asked = outcome_of(BAD, reply, GOOD)

    assert (outcome.ok, asked, failures(outcome)) == (False, 2, [("structure", "type"), failure])


@pytest.mark.parametrize("most", [1, 2, 3, 4])
def test_no_more_attempts_than_allowed(most):
    """`max_attempts` includes the first attempt."""
    outcome, asked = outcome_of("no", BAD, BAD, BAD, max_attempts=most)

    assert (asked, len(outcome.attempts), outcome.ok) == (most, most, False)
    assert (outcome.value, outcome.failure) == (None, outcome.attempts[-1].failure)


def test_three_attempts_are_the_default():
    """Without `max_attempts=`, a call makes at most three attempts."""
    asked = []

    @guard(TOTAL, store=None)
    def ask(prompt):
        asked.append(prompt)
        return BAD

    assert len(ask.outcome("t").attempts) == len(asked) == 3


def test_transport_failure_is_not_retried():
    """A reply of the provider without content raises CallFailed at once."""
    asked = []

    @guard(TOTAL, store=None)
    def ask(prompt):
        asked.append(prompt)
        return BAD if len(asked) == 1 else {"object": "chat.completion", "choices": []}

    with pytest.raises(CallFailed):
        ask("t")

    assert len(asked) == 2


# Budgets.


@pytest.mark.parametrize(
    ("tokens", "attempts"), [(0, 1), (18, 1), (19, 1), (20, 2), (38, 2), (39, 3), (57, 3), (1000, 4)]
)
def test_token_budget_ends_the_call(tokens, attempts):
    """No attempt begins after the input and output tokens reach `max_tokens`."""
    outcome, asked = outcome_of(*[wire.chat(BAD)] * 4, limits=Limits(max_tokens=tokens))

    assert (asked, outcome.failure.code) == (attempts, "type")


def test_unknown_usage_counts_as_zero_tokens():
    """Replies without usage never reach `max_tokens`."""
    _, asked = outcome_of(*[BAD] * 4, limits=Limits(max_tokens=1))

    assert asked == 4


def test_time_budget_ends_the_call():
    """No attempt begins after the seconds reach `max_elapsed_s`."""
    outcome, asked = outcome_of(*[BAD] * 4, limits=Limits(max_elapsed_s=0.0))

    assert (asked, outcome.failure.code) == (1, "type")


def test_valid_reply_over_budget_is_the_value():
    """A budget prevents retries only. It does not reject a valid reply."""
    outcome, _ = outcome_of(wire.chat(GOOD), limits=Limits(max_tokens=1, max_elapsed_s=0.0))

    assert outcome.value == {"total": 1}


@pytest.mark.parametrize(
    ("budget", "sent"),
    [
        (Limits(output_tokens=10, max_output_tokens=100), [10, 20, 40, 80, 100]),
        (Limits(output_tokens=10, max_output_tokens=40), [10, 20, 40]),
        (Limits(output_tokens=10, max_output_tokens=10), [10]),
        (Limits(output_tokens=10), [10]),
        (Limits(max_output_tokens=100), [None, 14, 28, 56, 100]),
        (Limits(), [None]),
    ],
)
def test_output_limit_doubles_up_to_the_budget(budget, sent):
    """A cut-off reply is retried with twice its limit, or with twice its output tokens if it had no limit."""
    limits = []

    @guard(TOTAL, store=None, provider="openai", max_attempts=9, limits=budget)
    def ask(prompt, options=None):
        limits.append(options.get("max_completion_tokens"))
        return CUT

    assert ask.outcome("t").failure.code == "max_tokens"
    assert limits == sent


def test_cut_off_reply_of_unknown_length_is_retried_with_the_largest_limit():
    """Without a count of output tokens, the retry has the largest limit of the budget."""
    limits, value = [], iter([{**CUT, "usage": None}] * 2)

    @guard(TOTAL, store=None, provider="openai", limits=Limits(max_output_tokens=1000))
    def ask(prompt, options=None):
        limits.append(options.get("max_completion_tokens"))
        return next(value)

    assert ask.outcome("t").failure.code == "max_tokens"
    assert limits == [None, 1000]


def test_later_attempts_have_the_raised_limit():
    """After a cut-off reply, every later attempt has the larger limit."""
    limits, value = [], iter([CUT, BAD, GOOD])

    @guard(TOTAL, store=None, provider="openai", limits=Limits(output_tokens=5, max_output_tokens=50))
    def ask(prompt, options=None):
        limits.append(options.get("max_completion_tokens"))
        return next(value)

    assert ask("t") == {"total": 1}
    assert limits == [5, 10, 10]


def test_every_attempt_has_the_output_limit():
    """Without a cut-off reply, every attempt sends `output_tokens`."""
    limits, value = [], iter([BAD, GOOD])

    @guard(TOTAL, store=None, provider="anthropic", limits=Limits(output_tokens=5, max_output_tokens=50))
    def ask(prompt, options=None):
        limits.append(options)
        return next(value)

    ask("t")

    assert limits == [{"max_tokens": 5}, {"max_tokens": 5}]


# Limits of a reply.


@pytest.mark.parametrize(
    ("text", "limits", "code"),
    [
        ("[1]", Limits(max_bytes=3), None),
        ("[1]", Limits(max_bytes=2), "too_large"),
        ('"é"', Limits(max_bytes=4), None),
        ('"é"', Limits(max_bytes=3), "too_large"),
        ("[[1]]", Limits(max_depth=2), None),
        ("[[1]]", Limits(max_depth=1), "too_deep"),
        ("[1,2]", Limits(max_nodes=3), None),
        ("[1,2]", Limits(max_nodes=2), "too_many_nodes"),
        ("[1234]", Limits(max_number_chars=4), None),
        ("[1234]", Limits(max_number_chars=3), "number_too_long"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_rejects_a_reply_beyond_a_limit(text, limits, code, is_stream):
    """A reply at a limit is valid. One step beyond it fails, whole or in pieces."""
    outcome, _ = outcome_of(iter(text) if is_stream else text, schema=True, limits=limits)

    assert (outcome.failure and outcome.failure.code) == code


def test_default_limits():
    """`Limits()` bounds the size of a reply, and neither time nor tokens nor repeats."""
    sizes = {
        "max_bytes": 8_388_608,
        "max_depth": 100,
        "max_nodes": 200_000,
        "max_number_chars": 400,
        "max_steps": 50_000_000,
    }
    rest = ("max_elapsed_s", "max_tokens", "output_tokens", "max_output_tokens", "max_repeats")

    assert {name: getattr(Limits(), name) for name in sizes} == sizes
    assert {name: getattr(Limits(), name) for name in rest} == dict.fromkeys(rest)


def test_too_large_stream_is_not_read_further():
    """Reading ends at the first piece beyond the limit."""
    read = []

    def ask(prompt):
        for piece in ["[1", ",2", ",3", ",4]"]:
            read.append(piece)
            yield piece

    outcome = guard(True, store=None, max_attempts=1, limits=Limits(max_bytes=3))(ask).outcome("t")

    assert (outcome.failure.code, read) == ("too_large", ["[1", ",2"])


# Fields of an outcome.


def test_usage_is_summed_over_attempts():
    """The usage of a call is the sum over its attempts."""
    one = {**wire.chat(BAD), "usage": usage(10, 1)}
    two = {**wire.chat(GOOD), "usage": usage(20, 3)}
    outcome, _ = outcome_of(one, two)

    assert [attempt.usage for attempt in outcome.attempts] == [
        Usage(10, 1, None, None),
        Usage(20, 3, None, None),
    ]
    assert outcome.usage == Usage(30, 4, None, None)


def test_details_of_usage_are_summed():
    """The sum includes cached tokens and reasoning tokens."""
    outcome, _ = outcome_of(wire.chat(BAD), wire.chat(GOOD))

    assert outcome.usage == Usage(24, 14, 8, 4)


def test_unknown_usage_makes_the_sum_unknown():
    """If the usage of one attempt is unknown, so is that of the call."""
    outcome, _ = outcome_of(wire.chat(BAD), GOOD)

    assert [attempt.usage for attempt in outcome.attempts] == [Usage(12, 7, 4, 2), UNKNOWN]
    assert outcome.usage == UNKNOWN


def test_seconds_are_summed_over_attempts():
    """The time of a call is the sum over its attempts."""
    outcome, _ = outcome_of(BAD, BAD, GOOD)

    assert outcome.elapsed_s == pytest.approx(sum(attempt.elapsed_s for attempt in outcome.attempts))
    assert all(attempt.elapsed_s > 0 for attempt in outcome.attempts)


def test_attempt_has_reply_prompt_strategy_and_finish_reason():
    """Every attempt has its prompt, its strategy, and its reply with form and finish reason."""
    outcome, _ = outcome_of(wire.chat(BAD), wire.chat(f"```json\n{GOOD}\n```"), strategy="bare")

    first, second = outcome.attempts
    assert (first.number, first.strategy, first.prompt, first.reply) == (1, "bare", "t", BAD)
    assert (first.form, first.repairs, first.finish_reason, first.model) == (None, (), "stop", "gpt-x")
    assert (second.reply, second.form, second.failure) == (f"```json\n{GOOD}\n```", "unwrapped", None)
    assert second.prompt.startswith(f"t\n\nYour last reply:\n{BAD}\n\n")


@needs("repair")
def test_repaired_attempt_has_its_steps():
    """The attempt of a repaired reply has its form and the steps of repair."""
    outcome, _ = outcome_of("{'total': 1,}", repair="lossless")

    (attempt,) = outcome.attempts
    assert (attempt.form, attempt.repairs) == ("repaired_lossless", ("single_quotes", "trailing_comma"))


def test_refusal_is_the_reply_of_its_attempt():
    """The text of a refusal is the reply of its attempt."""
    outcome, _ = outcome_of(wire.chat(None, refusal="I will not."))

    assert (outcome.attempts[0].reply, outcome.attempts[0].finish_reason) == ("I will not.", "refusal")


def test_call_has_its_configuration():
    """The call has its function, schema, strategies, settings, segment, and model."""
    outcome, _ = outcome_of(
        wire.chat(GOOD),
        name="shop.ask",
        about=About(version="7", segment="eu"),
        strategy=["bare", "system_prompt"],
        max_attempts=2,
    )

    call = outcome.call
    assert (call.function, call.version, call.segment, call.strategies) == (
        "shop.ask", "7", "eu", "bare>system_prompt",
    )  # fmt: skip
    assert (call.schema_name, call.schema_fingerprint) == ("Total", Schema.of(TOTAL).fingerprint)
    assert (call.model, call.provider, call.parent_call_id, call.tuned) == ("gpt-x", None, None, False)
    assert json.loads(call.settings) == {"layout": "text", "max_attempts": 2}


def accept(value):
    return None


@pytest.mark.parametrize(
    ("settings", "recorded"),
    [
        pytest.param({"repair": "lossy"}, {"repair": "lossy"}, marks=needs("repair")),
        ({"checks": [accept]}, {"checks": ["accept"]}),
        ({"limits": Limits(max_depth=5)}, {"limits": {"max_depth": 5}}),
        ({"limits": Limits(max_tokens=9)}, {"limits": {"max_tokens": 9}}),
        pytest.param({"early_stop": True}, {"early_stop": True}, marks=needs("streaming")),
        ({"observe": True}, {"observe": True, "max_attempts": 1}),
    ],
)
def test_settings_are_part_of_the_configuration(settings, recorded):
    """The call records each setting that can change its result."""
    outcome, _ = outcome_of('"A"', schema={"type": "string"}, max_attempts=3, **settings)

    layout = {} if settings.get("observe") else {"layout": "text"}
    assert json.loads(outcome.call.settings) == {"max_attempts": 3, **layout, **recorded}


def test_model_setting_names_the_call():
    """The call has the name of `model=`. The attempt has the name in the reply."""
    outcome, _ = outcome_of(wire.chat(GOOD), about=About(model="mine"))

    assert (outcome.call.model, outcome.attempts[0].model) == ("mine", "gpt-x")


def test_model_setting_overrides_a_connected_model():
    """The call has the name of `model=`, not the name of the guarded model."""
    model = ScriptedModel([GOOD], cycle=True)

    named = guard(TOTAL, store=None, about=About(model="mine"))(model).outcome("t")
    unnamed = guard(TOTAL, store=None)(model).outcome("t")

    assert (named.call.model, unnamed.call.model) == ("mine", model.name)


def test_date_of_a_name_is_the_snapshot():
    """For a name with a date, the model has no date, and the snapshot is the whole name."""
    outcome, _ = outcome_of({**wire.chat(GOOD), "model": "gpt-4o-2024-08-06"})

    (attempt,) = outcome.attempts
    assert (outcome.call.model, attempt.model, attempt.snapshot) == ("gpt-4o", "gpt-4o", "gpt-4o-2024-08-06")


def test_first_model_names_the_call():
    """The call has the model of the first reply that names one."""
    outcome, _ = outcome_of(
        BAD, {**wire.chat(BAD), "model": "one"}, {**wire.chat(GOOD), "model": "two"}, max_attempts=3
    )

    assert outcome.call.model == "one"
    assert [attempt.model for attempt in outcome.attempts] == [None, "one", "two"]


def test_strategies_escalate_and_the_last_one_stays():
    """Each attempt has the next strategy. After the last strategy, all attempts have it."""
    outcome, _ = outcome_of(BAD, BAD, BAD, BAD, strategy=["bare", "system_prompt", "reason_then_format"])

    assert [attempt.strategy for attempt in outcome.attempts] == [
        "bare", "system_prompt", "reason_then_format", "reason_then_format",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "recorded"),
    [
        ("bare", "bare"),
        (["bare"], "bare"),
        (["bare", "bare"], "bare>bare"),
        (("bare", "system_prompt"), "bare>system_prompt"),
        (["bare", "system_prompt", "system_prompt"], "bare>system_prompt>system_prompt"),
        ("bare>few_shot", "bare>few_shot"),
    ],
)
def test_strategies_are_recorded_in_order(strategy, recorded):
    """A list of strategies is recorded as one text, joined with `>`."""
    outcome, _ = outcome_of(GOOD, strategy=strategy, max_attempts=3)

    assert outcome.call.strategies == recorded


# Results of failed calls.


def test_guard_failed_has_the_outcome():
    """The error has the outcome that `.outcome` would have returned."""

    @guard(TOTAL, store=None, max_attempts=2)
    def ask(prompt):
        return BAD

    with pytest.raises(GuardFailed) as caught:
        ask("t")

    assert failures(caught.value.outcome) == [("structure", "type")] * 2
    assert caught.value.outcome.call.function.endswith("ask")


@pytest.mark.parametrize("default", [None, 0, {"total": 9}])
def test_failed_call_returns_the_default(default):
    """With `default=`, only a failed call returns the default."""
    value = iter([BAD, GOOD])
    ask = guard(TOTAL, store=None, max_attempts=1, default=default)(lambda prompt: next(value))

    assert ask("t") == default
    assert ask("t") == {"total": 1}


def test_failed_call_returns_its_outcome():
    """With `on_failure="return"`, only a failed call returns its outcome."""
    value = iter([BAD, GOOD])
    ask = guard(TOTAL, store=None, max_attempts=1, on_failure="return")(lambda prompt: next(value))

    assert failures(ask("t")) == [("structure", "type")]
    assert ask("t") == {"total": 1}


# Kinds of functions, and chunk widths.

CONVERSATIONS = {
    "valid": [GOOD],
    "fenced": [f"```json\n{GOOD}\n```"],
    "retried": [BAD, "no", GOOD],
    "failed": [BAD, "", "{}"],
    "refused": ["I'm sorry, but I can't help with that."],
    "unfinished": ['{"total":'],
    "two": [GOOD + GOOD, f"<think>{BAD}</think>{GOOD}"],
    "emoji": ['{"🧪": "🧪", "total": 1}'],
}


def fields(outcome):
    return (
        outcome.ok, outcome.value, failures(outcome),
        [(a.number, a.prompt, a.reply, a.form, a.finish_reason) for a in outcome.attempts],
    )  # fmt: skip


def pieces(text, width):
    return [text[at : at + width] for at in range(0, len(text), width)]


def plain(given, width):
    return lambda prompt: next(given)


def generator(given, width):
    def ask(prompt):
        yield from pieces(next(given), width)

    return ask


def asynchronous(given, width):
    async def ask(prompt):
        return next(given)

    return ask


def asynchronous_generator(given, width):
    async def ask(prompt):
        for piece in pieces(next(given), width):
            yield piece

    return ask


def outcomes_of_every_shape(replies, width):
    """Yield the outcome of a plain function, a generator, and the asynchronous forms of both."""
    settings = {"store": None, "name": f"ask_{next(NUMBERS)}", "about": About(version="1")}
    for make in (plain, generator, asynchronous, asynchronous_generator):
        guarded = guard(TOTAL, **settings)(make(iter(replies), width))
        outcome = guarded.outcome("t")
        yield asyncio.run(wait(outcome)) if hasattr(outcome, "__await__") else outcome


async def wait(awaitable):
    return await awaitable


@pytest.mark.parametrize("case", CONVERSATIONS)
@pytest.mark.parametrize("width", [1, 2, 3, 7, 1000])
def test_every_shape_and_width_has_the_same_outcome(case, width):
    """Plain, asynchronous, and streaming functions have equal outcomes at every chunk width."""
    outcomes = [fields(outcome) for outcome in outcomes_of_every_shape(CONVERSATIONS[case], width)]

    assert outcomes == [outcomes[0]] * 4


def test_time_of_earlier_attempts_counts_within_a_stream():
    """The second stream is cut off after the time that the first one left of the budget."""
    with stopped_clock() as clock:

        @guard({"type": "object"}, limits=Limits(max_elapsed_s=1.0), max_attempts=2, store=None)
        def extract(prompt: str):
            """Stream six pieces of prose, 0.1 seconds each."""
            for _ in range(6):
                clock.spent += 0.1
                yield "no "

        outcome = extract.outcome("x")

    assert [attempt.failure.code for attempt in outcome.attempts] == ["no_json", "cancelled"]
    assert [round(attempt.elapsed_s, 9) for attempt in outcome.attempts] == [0.6, 0.5]


def test_sum_of_unknown_cached_tokens_is_none():
    """If one attempt has no count of cached tokens, only that sum is None."""
    one = {**wire.chat(BAD), "usage": usage(10, 1) | {"prompt_tokens_details": {"cached_tokens": 4}}}
    two = {**wire.chat(GOOD), "usage": usage(20, 3)}

    outcome, _ = outcome_of(one, two)

    assert [attempt.usage.cached_input_tokens for attempt in outcome.attempts] == [4, None]
    assert outcome.usage == Usage(30, 4, None, None)
