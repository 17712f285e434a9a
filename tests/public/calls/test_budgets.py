"""Budgets of one call over all of its attempts: seconds, tokens, and repeats."""

import asyncio
import itertools
import json

import pytest

from schema_guard import About, GuardFailed, Limits, flush, guard, open_store
from tests.needs import marked, needs
from tests.public.calls import wire
from tests.public.clock import stopped_clock
from tests.public.commands.command_lines import command

SCHEMA = {
    "title": "total",
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
GOOD, BAD = '{"total": 1}', '{"total": "x"}'
NUMBERS = itertools.count()
SHAPES = ("plain", "async", "stream", "async stream")
STREAMS = ("stream", "async stream")


def function_of(shape, attempts):
    """Return a function of this shape that returns one attempt for each call. An attempt is an iterator of pieces."""
    left = iter(attempts)

    def whole(prompt):
        pieces = list(next(left))
        return pieces[0] if len(pieces) == 1 else "".join(pieces)

    async def whole_later(prompt):
        return whole(prompt)

    def stream(prompt):
        yield from next(left)

    async def stream_later(prompt):
        for piece in next(left):
            yield piece

    return {"plain": whole, "async": whole_later, "stream": stream, "async stream": stream_later}[shape]


def outcome_of(shape, attempts, **settings):
    """Return the outcome of one call."""
    named = {"store": None, "name": f"ask_{next(NUMBERS)}", "max_attempts": 4, "about": About(version="1")}
    outcome = guard(SCHEMA, **{**named, **settings})(function_of(shape, attempts)).outcome("t")
    return asyncio.run(_waited(outcome)) if hasattr(outcome, "__await__") else outcome


async def _waited(found):
    return await found


def codes_and_seconds(outcome):
    return [(one.failure and one.failure.code, one.elapsed_s) for one in outcome.attempts]


def attempts_with_time(clock, lengths, text=BAD):
    """Yield one attempt for each length. Its four pieces take a quarter of the length each."""

    def pieces(seconds):
        for start in range(0, len(text), -(-len(text) // 4)):
            clock.spent += seconds / 4
            yield text[start : start + -(-len(text) // 4)]

    return map(pieces, lengths)


# Seconds. All are sums of eighths, so a sum never misses a bound by a rounding error.

LENGTHS = {
    "equal": (0.5, 0.5, 0.5, 0.5),
    "growing": (0.5, 1.0, 2.0, 4.0),
    "falling": (4.0, 2.0, 1.0, 0.5),
    "a long second one": (0.5, 8.0, 0.5, 0.5),
    "no time at all": (0.0, 0.0, 0.5, 0.0),
}
BOUNDS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 1.0, 1.125, 1.5, 2.0, 3.5, 3.75, 4.0, 7.5, 8.5, 100.0)


def attempts_in_time(lengths, bound, *, is_stream):
    """Return the code and seconds of each attempt. Reaching the bound prevents a retry; passing it cuts off a stream."""
    spent, result = 0.0, []
    for seconds in lengths:
        if result and spent >= bound:
            return result
        passed = [n for n in range(1, 5) if spent + n * seconds / 4 > bound]
        if is_stream and passed:
            return [*result, ("cancelled", passed[0] * seconds / 4)]
        result.append(("type", seconds))
        spent += seconds
    return result


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_seconds_are_counted_over_all_attempts(shape, lengths, bound):
    """The seconds of all attempts count. A stream is cut off at the first piece after the bound, a whole reply never."""
    with stopped_clock() as clock:
        result = outcome_of(
            shape, attempts_with_time(clock, LENGTHS[lengths]), limits=Limits(max_elapsed_s=bound)
        )

    assert codes_and_seconds(result) == attempts_in_time(LENGTHS[lengths], bound, is_stream=shape in STREAMS)
    assert not result.ok


@pytest.mark.parametrize("shape", SHAPES)
def test_time_is_unlimited_by_default(shape):
    """Without a bound, a call retries after attempts of an hour each."""
    with stopped_clock() as clock:
        result = outcome_of(shape, attempts_with_time(clock, (3600.0,) * 4))

    assert codes_and_seconds(result) == [("type", 3600.0)] * 4


@pytest.mark.parametrize(("bound", "is_cut"), [(1.0, False), (0.875, False), (0.625, True), (0.5, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_late_reply_is_valid_unless_it_was_cut_off(shape, bound, is_cut):
    """A reply that arrives completely after the bound is valid. A stream that was cut off is not."""
    with stopped_clock() as clock:
        result = outcome_of(
            shape, attempts_with_time(clock, (1.0,), GOOD), limits=Limits(max_elapsed_s=bound)
        )

    assert result.ok is not (is_cut and shape in STREAMS)
    assert result.value == ({"total": 1} if result.ok else None)


@pytest.mark.parametrize("shape", SHAPES)
def test_time_between_two_calls_is_not_counted(shape):
    """Each call starts with the whole budget."""
    with stopped_clock() as clock:
        attempts = attempts_with_time(clock, (0.5,) * 6)
        function = guard(
            SCHEMA,
            store=None,
            limits=Limits(max_elapsed_s=1.0),
            name=f"twice_{shape}",
            about=About(version="1"),
        )(function_of(shape, attempts))
        for _ in range(3):
            result = function.outcome("t")
            result = asyncio.run(_waited(result)) if hasattr(result, "__await__") else result
            clock.spent += 50.0

            assert codes_and_seconds(result) == [("type", 0.5)] * 2


@pytest.mark.parametrize("shape", SHAPES)
def test_all_strategies_share_one_budget(shape):
    """The attempts of all strategies count against the same budget."""
    with stopped_clock() as clock:
        result = outcome_of(
            shape,
            attempts_with_time(clock, (0.5,) * 4),
            limits=Limits(max_elapsed_s=1.5),
            strategy=["bare", "system_prompt"],
        )

    assert [one.strategy for one in result.attempts] == ["bare", "system_prompt", "system_prompt"]


# Tokens.

USED = {
    "equal": ((10, 5),) * 4,
    "growing": ((10, 5), (30, 5), (50, 20), (90, 1)),
    "input alone": ((25, 0),) * 4,
    "output alone": ((0, 25),) * 4,
    "a large first one": ((900, 100), (1, 1), (1, 1), (1, 1)),
    "unknown at first": (None, (10, 5), None, (10, 5)),
}
TOKENS = (0, 1, 14, 15, 16, 24, 25, 26, 29, 30, 31, 49, 50, 51, 75, 120, 121, 1000, 1001, 1002, 5000)


def attempts_with_usage(shape, used):
    """Yield attempts that are OpenAI replies with these tokens, whole or in chunks."""
    for one in used:
        usage = {} if one is None else {"usage": {"prompt_tokens": one[0], "completion_tokens": one[1]}}
        if shape in STREAMS:
            chunks = [
                wire.chunk({"content": BAD[:5]}),
                wire.chunk({"content": BAD[5:]}),
                wire.chunk({}, "stop"),
            ]
            yield iter([*chunks, *([{**wire.usage_chunk(), **usage}] if usage else [])])
        else:
            yield iter([{name: value for name, value in wire.chat(BAD).items() if name != "usage"} | usage])


def attempts_in_tokens(used, bound):
    """Return the number of attempts. None begins after the tokens so far reach the bound."""
    spent = 0
    for count, one in enumerate(used):
        if count and spent >= bound:
            return count
        spent += sum(one or ())
    return len(used)


@pytest.mark.parametrize("bound", TOKENS)
@pytest.mark.parametrize("used", USED)
@pytest.mark.parametrize("shape", SHAPES)
def test_tokens_are_counted_over_all_attempts(shape, used, bound):
    """Input and output tokens count together. An attempt without usage counts as 0 tokens."""
    result = outcome_of(shape, attempts_with_usage(shape, USED[used]), limits=Limits(max_tokens=bound))

    # A bound of 0 is reached before anything is spent.
    assert len(result.attempts) == (1 if bound == 0 else attempts_in_tokens(USED[used], bound))
    recorded = [(one.usage.input_tokens, one.usage.output_tokens) for one in result.attempts]
    assert recorded == [one or (None, None) for one in USED[used][: len(recorded)]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("budget", "attempts"),
    [
        (Limits(max_tokens=30, max_elapsed_s=100.0), 2),
        (Limits(max_tokens=31, max_elapsed_s=100.0), 3),
        (Limits(max_tokens=1000, max_elapsed_s=1.0), 2),
        (Limits(max_tokens=1000, max_elapsed_s=1.5), 3),
        (Limits(max_tokens=15, max_elapsed_s=0.5), 1),
        (Limits(max_tokens=45, max_elapsed_s=1.0), 2),
    ],
)
def test_the_first_bound_ends_the_call(shape, budget, attempts):
    """Time and tokens apply together: the call ends at the bound that it reaches first."""
    with stopped_clock() as clock:

        def slowly(pieces):
            clock.spent += 0.5
            yield from pieces

        result = outcome_of(shape, map(slowly, attempts_with_usage(shape, USED["equal"])), limits=budget)

    assert len(result.attempts) == attempts


STOPPED = '{"total": "much", "note": "' + "a b c " * 20


@needs("streaming")
@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize(
    ("times", "more", "attempts"), [(1, 0, 1), (1, 1, 2), (2, 0, 2), (2, 1, 3), (3, 0, 3), (9, 0, 4)]
)
def test_stopped_stream_counts_with_its_estimated_tokens(shape, times, more, attempts):
    """A stream that was stopped early has no usage, so its estimated tokens count."""

    def stopped(**budget):
        pieces = (iter([STOPPED[at : at + 4] for at in range(0, len(STOPPED), 4)]) for _ in range(4))
        return outcome_of(shape, pieces, early_stop=True, limits=Limits(**budget)).attempts

    each, *others = (one.estimated_output_tokens for one in stopped())

    assert others == [each] * 3
    assert 3 <= each <= 6
    assert len(stopped(max_tokens=times * each + more)) == attempts


# Repeats.

RUNAWAY = '{"total": 1, "note": "' + "desk " * 200
WHITE = GOOD[:-1] + " " * 600
CASES = {
    "none": ([BAD, BAD, GOOD], ["type", "type", None]),
    "first": ([RUNAWAY, GOOD], ["runaway", None]),
    "first two": ([RUNAWAY, WHITE, GOOD], ["runaway", "runaway", None]),
    "between": ([BAD, RUNAWAY, GOOD], ["type", "runaway", None]),
    "all": ([RUNAWAY, RUNAWAY, WHITE, RUNAWAY], ["runaway"] * 4),
}


@pytest.mark.parametrize("early_stop", marked([False, True], "streaming", bool))
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", STREAMS)
def test_repeats_are_counted_for_each_attempt(shape, case, early_stop):
    """A runaway reply is stopped and retried. The repeats of an earlier attempt do not count."""
    replies, codes = CASES[case]
    attempts = (iter([text[at : at + 7] for at in range(0, len(text), 7)]) for text in replies)
    result = outcome_of(shape, attempts, limits=Limits(max_repeats=6), early_stop=early_stop)

    assert [one.failure and one.failure.code for one in result.attempts] == codes
    stopped = [one.stopped_at for one in result.attempts if one.failure and one.failure.code == "runaway"]
    assert all(at is not None and at < 700 for at in stopped)


@pytest.mark.parametrize("shape", SHAPES)
def test_repeats_stop_only_streams_with_a_bound(shape):
    """A stream without a bound is read to its end. A whole reply is never stopped."""
    settings = {} if shape in STREAMS else {"limits": Limits(max_repeats=2)}
    result = outcome_of(shape, (iter([RUNAWAY]) for _ in range(4)), max_attempts=1, **settings)

    assert result.attempts[0].reply == RUNAWAY
    assert result.attempts[0].stopped_at is None


@pytest.mark.parametrize("shape", STREAMS)
def test_time_of_stopped_attempts_counts(shape):
    """A call with runaway replies ends when their seconds reach the bound."""
    with stopped_clock() as clock:

        def pieces():
            for at in range(0, len(RUNAWAY), 8):
                clock.spent += 0.125
                yield RUNAWAY[at : at + 8]

        probe = outcome_of(shape, [pieces()], max_attempts=1, limits=Limits(max_repeats=6))
        (seconds,) = [one.elapsed_s for one in probe.attempts]
        result = outcome_of(
            shape, (pieces() for _ in range(4)), limits=Limits(max_repeats=6, max_elapsed_s=2 * seconds + 1.0)
        )

    assert codes_and_seconds(result) == [("runaway", seconds), ("runaway", seconds), ("cancelled", 1.125)]


# Errors and records.

ENDS = {
    "seconds": (
        Limits(max_elapsed_s=0.75),
        "plain",
        "  the limits ended the call before attempt 3: 1 s of max_elapsed_s=0.75 were spent",
    ),
    "seconds, exactly": (
        Limits(max_elapsed_s=1.0),
        "stream",
        "  the limits ended the call before attempt 3: 1 s of max_elapsed_s=1 were spent",
    ),
    "a stream": (
        Limits(max_elapsed_s=0.75),
        "stream",
        "    the time limit ended before the reply was complete",
    ),
    "none": (Limits(max_elapsed_s=9.0), "plain", "to allow more attempts: max_attempts=6"),
}


@pytest.mark.parametrize("end", ENDS)
def test_error_names_the_bound_that_ended_the_call(end):
    """The message has the bound, the amount spent, and the number of the attempt that did not begin."""
    budget, shape, line = ENDS[end]
    with stopped_clock() as clock:
        function = guard(
            SCHEMA, store=None, name=f"ends {end}", about=About(version="1"), max_attempts=4, limits=budget
        )(function_of(shape, attempts_with_time(clock, (0.5,) * 4)))
        with pytest.raises(GuardFailed) as caught:
            function("t")

    assert line in str(caught.value)
    assert ("the limits ended" in str(caught.value)) == end.startswith("seconds")


@pytest.mark.parametrize("settings", [{"on_failure": "return"}, {"default": "none"}], ids=str)
@pytest.mark.parametrize("end", ENDS)
def test_call_that_a_bound_ended_is_a_failed_call(end, settings):
    """A call that a bound ended returns its outcome with `on_failure="return"`, and the default with `default=`."""
    budget, shape, _ = ENDS[end]
    with stopped_clock() as clock:
        result = guard(
            SCHEMA,
            store=None,
            name=f"ends {end} {settings}",
            about=About(version="1"),
            max_attempts=4,
            limits=budget,
            **settings,
        )(function_of(shape, attempts_with_time(clock, (0.5,) * 4)))("t")

    if "default" in settings:
        assert result == "none"
    else:
        assert not result.ok


COUNTED = {
    "plain": (("type", 0.5), ("type", 0.5)),
    "stream": (("type", 0.5), ("cancelled", 0.375)),
}


@pytest.mark.parametrize("shape", COUNTED)
def test_report_counts_calls_that_a_bound_ended(tmp_path, shape):
    """The calls count as failures, and their attempts have the codes of their failures."""
    with stopped_clock() as clock, open_store(str(tmp_path / "r.db")) as store:
        for number in range(5):
            result = outcome_of(
                shape, attempts_with_time(clock, (0.5,) * 4), limits=Limits(max_elapsed_s=0.75), store=store,
                name="app.total", on_failure="return",
            )  # fmt: skip
            assert codes_and_seconds(result) == list(COUNTED[shape]), number
        store.flush(60.0)
    flush()
    (group,) = json.loads(command("report", "--store", tmp_path / "r.db", "--format", "json")[1])["groups"]

    assert (group["attempts"], group["elapsed_s"]) == (
        10,
        pytest.approx(5 * sum(s for _, s in COUNTED[shape])),
    )
    assert {(one["code"], one["attempts"]) for one in group["failures"]} == (
        {("type", 10)} if shape == "plain" else {("type", 5), ("cancelled", 5)}
    )
    assert (group["failed"]["count"], group["failed"]["n"]) == (5, 5)
