"""A playbook: which steps are measured, on what, when each stops, and what is never lost."""

import os
import random
import signal
from collections import Counter
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema_guard import About, guard
from schema_guard.decide import decide
from schema_guard.decide.playbook import STEPS
from schema_guard.decide.recorded.from_store import gather
from schema_guard.errors import InvalidArgument
from schema_guard.ext.playbook import run
from schema_guard.ext.playbook.run import MOST_LOST_IN_A_ROW
from schema_guard.ext.playbook.steps import CONFIGURATIONS, PlaybookSettings
from schema_guard.prompting import Example
from schema_guard.records import open_store
from schema_guard.schema import Schema
from schema_guard.stats import bounds
from schema_guard.text import plural
from tests.ext.playbook.playbook_models import (
    BROKEN,
    CUT_OFF,
    PROSE,
    SCHEMA,
    VALID,
    WRONG_SHAPE,
    Answering,
    Slow,
    always,
    fails_after,
    in_turn,
    inputs,
    inputs_of,
    is_strict,
    passes_after,
    run_playbook,
    task_of,
    texts,
)

SIMPLIFY = {"schema_simplify": "one field is all there is"}
# Of the steps, no other model and no limit of reasoning is named, no share of right values is asked for, the schema is
# as simple as it can be, no decision model is named, and `improve` is another command.
N_STEPS = len(STEPS) - 8
TARGET = 0.2
ALPHA_EACH = 0.05 / N_STEPS
FAIL, PASS = fails_after(TARGET, ALPHA_EACH), passes_after(TARGET, ALPHA_EACH)


def settings(**changes):
    return PlaybookSettings(**{"target": TARGET, "declined": SIMPLIFY, "concurrency": 1, **changes})


def playbook_result(model, *, count=60, **changes):
    larger, store = changes.pop("larger", None), changes.pop("store", None)
    return run_playbook(inputs(count), model, larger=larger, store=store, settings=settings(**changes))


def steps_of(result):
    return [results.step for results in result.steps]


def step_of(result, step):
    """What the verdict says of a step."""
    return next(one for one in result.verdict.figures["ladder"] if one["rung"] == step)


def claim_of(result, step):
    return next(one for one in result.evidence["ladder"] if one["rung"] == step)


def timeless(evidence):
    """Evidence without the seconds that calls took."""
    trials = [{**one, "trial": {**one["trial"], "seconds": None}} for one in evidence["strategies"]]
    return {**evidence, "strategies": trials}


class BadRequestError(Exception):
    """What an SDK raises for a request that the provider does not take."""

    status_code = 400


@st.composite
def models(draw):
    """A model whose every call is valid, or fails in some way, with probabilities of its own for strict decoding."""
    random = draw(st.randoms(use_true_random=False))
    plain, strict = draw(st.sampled_from([0.0, 0.2, 0.6, 1.0])), draw(st.sampled_from([0.0, 0.3, 1.0]))
    failures = draw(st.lists(st.sampled_from([PROSE, WRONG_SHAPE, CUT_OFF]), min_size=1, max_size=3))

    def answer(_, prompt, options):
        failing = random.random() < (strict if is_strict(options) else plain)
        return random.choice(failures) if failing else VALID

    return Answering(answer)


class TestLaws:
    @given(models(), st.sampled_from([0.1, 0.2, 0.4]), st.integers(1, 60))
    def test_steps_are_those_that_decide_names(self, model, target, count):
        """The step after each one is the one that the verdict on all before it names."""
        verdicts = []

        def spying(evidence):
            verdicts.append(decide(evidence))
            return verdicts[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "decide", spying)
            result = playbook_result(model, count=count, target=target)

        named = [verdict.figures["next_rung"] for verdict in verdicts if "next_rung" in verdict.figures]
        assert steps_of(result) == ["system_prompt", *named]

    @given(models(), st.sampled_from([0.1, 0.2, 0.4]), st.integers(1, 60))
    def test_what_a_step_stopped_for_holds_in_the_verdict(self, model, target, count):
        """A step that was stopped as passed or failed has that state in the verdict, which is that of the evidence."""
        result = playbook_result(model, count=count, target=target)

        states = {
            results.strategy: result.verdict.figures["rates"][results.strategy]["state"]
            for results in result.steps
        }
        for results in result.steps:
            if results.stopped.startswith(("passed", "failed")):
                assert results.stopped == f"{states[results.strategy]}ed after {plural(results.n, 'call')}"
            else:
                assert results.stopped == f"stopped after {plural(count, 'call')}, because no input is left"
        assert decide(result.evidence).as_dict() == result.verdict.as_dict()

    @given(models(), st.integers(1, 40))
    def test_every_step_is_asked_the_same_inputs_in_the_same_order(self, model, count):
        """The tasks of each step are the first ones of the inputs."""
        asked = inputs(count)
        messages = []
        run_playbook(asked, model, settings=settings(), on_asked=messages.append)

        for step in {call.step for call in messages}:
            tasks = [call.task for call in messages if call.step == step]
            assert tuple(tasks) == asked.tasks[: len(tasks)]

    @given(st.integers(0, 2**32), st.integers(2, 8))
    def test_concurrency_changes_nothing_that_is_measured(self, seed, concurrency):
        """However many calls run at once and in whatever order they end, the steps are the same."""

        def answer(_, prompt, options):
            failing = crc32(f"{seed} {task_of(prompt)} {is_strict(options)}".encode()) % 10 < 3
            return PROSE if failing else VALID

        one, many = (
            playbook_result(model, count=30, concurrency=at_once)
            for model, at_once in ((Answering(answer), 1), (Slow(answer), concurrency))
        )

        assert timeless(many.evidence) == timeless(one.evidence)
        assert many.ended == one.ended


def test_playbook_ends_where_a_step_passes():
    """Strict decoding jumps the queue where it can help, and where it passes prompting is enough."""
    model = Answering(lambda number, prompt, options: VALID if is_strict(options) else PROSE)
    result = playbook_result(model)

    assert [(results.step, results.n, results.k, results.stopped) for results in result.steps] == [
        ("system_prompt", FAIL, FAIL, f"failed after {FAIL} calls"),
        ("strict_schema", PASS, 0, f"passed after {PASS} calls"),
    ]
    assert (result.verdict.verdict, result.verdict.figures["strategy"]) == (
        "PROMPTING_ENOUGH",
        "strict_schema",
    )
    assert result.ended == "the verdict is PROMPTING_ENOUGH"
    assert result.calls == len(model.heard) == FAIL + PASS


def test_playbook_ends_where_the_playbook_does():
    """A model that never replies with JSON fails every step after the fewest calls, and the playbook is exhausted."""
    model, larger = always(PROSE), always(PROSE, name="big")
    result = playbook_result(model, larger=larger, alpha=0.05 * (N_STEPS + 1) / N_STEPS)

    assert [(results.step, results.strategy) for results in result.steps] == [
        ("system_prompt", "system_prompt"),
        ("strict_schema", "strict_schema"),
        ("json_mode", "json_mode"),
        ("few_shot", "few_shot"),
        ("temperature", "system_prompt temperature=0"),
        ("reason_then_format", "reason_then_format"),
        ("repair_retry", "system_prompt max_attempts=3"),
        ("larger_model", "system_prompt larger_model"),
    ]
    assert {(results.n, results.k) for results in result.steps} == {(FAIL, FAIL)}
    assert (len(model.heard), len(larger.heard)) == ((6 + 3) * FAIL, FAIL)
    assert result.verdict.verdict == "NEED_ECONOMICS"
    assert result.verdict.figures["ladder_exhausted"] is True


@pytest.mark.parametrize("target", [0.01, 0.1, 0.3])
def test_failing_step_stops_as_soon_as_its_bounds_allow(target):
    """An all-failing step takes the fewest calls that prove it above the target, at its part of alpha."""
    result = playbook_result(always(PROSE), target=target)

    assert result.alpha_each == pytest.approx(ALPHA_EACH)
    assert result.steps[0].n == fails_after(target, ALPHA_EACH)


def in_production(store, calls):
    """Call a guarded function with two models, all of whose calls succeed."""
    for model in ("m1", "m2"):
        ask = guard(SCHEMA, name="shop.extract", store=store, about=About(model=model))(lambda prompt: VALID)
        for number in range(calls):
            ask(f"ticket {number}")
    store.flush(30.0)


def test_production_has_its_part_of_alpha():
    """A step that is measured beside two configurations in production stops at the alpha of the verdict."""
    only = {step: "not now" for step in CONFIGURATIONS if step != "system_prompt"}
    with open_store("sqlite://") as store:
        in_production(store, 30)
        result = playbook_result(
            always(VALID), store=store, function="shop.extract", layout="text", declined={**SIMPLIFY, **only}
        )

        assert result.verdict.figures["alpha_each"] == pytest.approx(0.05 / 3)
        assert result.alpha_each == result.verdict.figures["alpha_each"]


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.6])
def test_a_step_that_is_decided_while_it_runs_is_decided_in_the_verdict(rate):
    """The verdict never has a smaller alpha than the run, so it calls no decided step open."""
    with open_store("sqlite://") as store:
        in_production(store, 30)
        chance = random.Random(15)
        model = Answering(lambda *_: PROSE if chance.random() < rate else VALID)
        result = playbook_result(model, count=300, store=store, function="shop.extract", layout="text")

        assert result.alpha_each <= result.verdict.figures["alpha_each"]
        for step in result.steps:
            limits = bounds(step.k, step.n, alpha=result.verdict.figures["alpha_each"])
            assert not step.stopped.startswith("passed") or limits.upper <= TARGET
            assert not step.stopped.startswith("failed") or limits.lower > TARGET


def test_inputs_that_run_out_leave_a_step_undecided():
    """With too few inputs to prove anything the verdict asks for more."""
    result = playbook_result(always(VALID), count=5)

    assert [(results.n, results.stopped) for results in result.steps] == [
        (5, "stopped after 5 calls, because no input is left")
    ]
    assert (result.verdict.verdict, result.ended) == ("NEED_MORE_DATA", "the verdict is NEED_MORE_DATA")


@pytest.mark.parametrize(
    ("budget", "calls", "words"),
    [
        ({"max_calls": FAIL + 1}, FAIL + 1, f"the budget of {FAIL + 1} calls is used up"),
    ],
)
def test_budget_ends_a_step(budget, calls, words):
    """No call is begun once the budget is spent, and what was measured is decided on."""
    model = always({"reply": PROSE, "usage": {"output_tokens": 10}})
    result = playbook_result(model, **budget)

    assert len(model.heard) == result.calls == calls
    assert [(results.n, results.stopped) for results in result.steps] == [
        (FAIL, f"failed after {FAIL} calls"),
        (1, f"stopped after 1 call, because {words}"),
    ]
    assert result.verdict.verdict == "NEED_MORE_DATA"


def test_budget_that_ends_with_a_step_begins_no_other():
    """A playbook run whose budget is spent when a step is decided names the next one and does not begin it."""
    result = playbook_result(always(PROSE), max_calls=FAIL)

    assert steps_of(result) == ["system_prompt"]
    assert result.ended == f"the budget of {FAIL} calls is used up"
    assert result.verdict.figures["next_rung"] == "strict_schema"


def test_seconds_end_a_playbook_run():
    """A playbook run whose time is up begins no further call."""
    result = playbook_result(always({"reply": VALID, "delay_s": 0.01}), max_seconds=0.005)

    assert result.calls <= 1


def test_steps_are_compared_on_their_common_inputs():
    """A step is paired with the best one before it, input by input."""

    def answer(number, prompt, options):
        hit = is_strict(options) and task_of(prompt) != asked.tasks[1]
        return VALID if hit else PROSE

    asked = inputs()
    result = run_playbook(asked, Answering(answer), settings=settings())

    strict = result.steps[1]
    assert strict.n > FAIL
    assert result.evidence["comparisons"][0] == {
        "before": "system_prompt",
        "after": "strict_schema",
        "n": FAIL,
        "b": FAIL - 1,
        "c": 0,
    }


def test_what_a_step_took_and_sent_is_evidence():
    """Tokens of all calls of a step, and temperature and examples as they were sent, stand in the evidence."""
    used = {"input_tokens": 40, "output_tokens": 7}
    model = always({"reply": PROSE, "usage": used})
    asked = inputs_of(SCHEMA, texts(60), examples=[Example({"n": 1}, "one"), Example({"n": 2}, "two")])
    result = run_playbook(asked, model, settings=settings(first="few_shot", options={"temperature": 0.7}))

    results = {one["rung"]: one for one in result.evidence["strategies"]}
    assert results["few_shot"]["sent"] == {"temperature": 0.7, "examples": 2}
    assert results["temperature"]["sent"]["temperature"] == 0
    assert results["few_shot"]["trial"]["input_tokens"] == 40 * FAIL
    assert results["few_shot"]["trial"]["dollars"] is None


def test_exception_of_the_provider_is_excluded():
    """A call that raises is lost, and the playbook run goes on with the next input."""
    result = playbook_result(in_turn(PROSE, TimeoutError("slow"), then=PROSE), declined={})

    first = result.steps[0]
    assert (first.n, first.k, first.lost) == (FAIL, FAIL, 1)
    assert len(result.steps) > 1


def test_provider_that_is_down_ends_the_playbook_run_and_loses_nothing():
    """After some calls in a row that raised, the playbook run ends with what it had measured until then."""
    replies = [PROSE] * FAIL + [VALID]
    result = playbook_result(in_turn(*replies, then=ConnectionError("no route")))

    assert [(results.step, results.n, results.k, results.lost) for results in result.steps] == [
        ("system_prompt", FAIL, FAIL, 0),
        ("strict_schema", 1, 0, MOST_LOST_IN_A_ROW),
    ]
    assert result.ended == (
        f"{MOST_LOST_IN_A_ROW} calls in a row got no validated reply. The last error is: ConnectionError: no route"
    )
    assert result.steps[1].stopped == f"{result.ended} after 1"


def test_provider_that_never_answers_gives_a_verdict_without_data():
    """Where no reply was judged, the verdict says so."""
    result = playbook_result(always(ConnectionError("no route")))

    assert [(results.step, results.n) for results in result.steps] == [("system_prompt", 0)]
    assert result.verdict.verdict == "NEED_MORE_DATA"
    assert "no strategy has data" in result.verdict.why


def test_step_whose_few_calls_were_all_lost_is_not_tried_again():
    """With fewer inputs than a provider may fail in a row, a step without data ends the playbook run."""
    result = playbook_result(always(ConnectionError("no route")), count=2)

    assert result.ended == "system_prompt got no validated reply"


def test_page_of_a_proxy_is_lost():
    """A reply that is no reply of a model is excluded from the rate, as an exception is."""
    result = playbook_result(always("<!DOCTYPE html><html></html>"))

    assert [(results.n, results.lost) for results in result.steps] == [(0, MOST_LOST_IN_A_ROW)]
    assert result.ended.startswith(
        f"{MOST_LOST_IN_A_ROW} calls in a row got no validated reply. The last error is: playbook:"
    )


def test_call_that_is_cut_after_a_judged_reply_is_failed():
    """A call counts when a reply of it was judged, by the kind of that failure."""
    page = "<!DOCTYPE html><html></html>"
    model = Answering(lambda number, *_: page if number % 2 == 0 else PROSE)
    result = playbook_result(model, first="repair_retry")

    first = result.steps[0]
    assert (first.n, first.k, first.lost, first.failure_kinds) == (FAIL, FAIL, 0, {"syntax": FAIL})
    assert first.attempts == ((FAIL, FAIL),)


def test_request_that_the_provider_refuses_makes_a_step_not_applicable():
    """Where the first request is refused as such, the step cannot be run with this provider, and the playbook run goes on."""

    def answer(number, prompt, options):
        return BadRequestError("response_format is not supported") if is_strict(options) else PROSE

    result = playbook_result(Answering(answer))

    assert claim_of(result, "strict_schema") == {
        "rung": "strict_schema",
        "status": "not_applicable",
        "reason": "the provider refuses the request: BadRequestError: response_format is not supported",
    }
    assert steps_of(result)[:2] == ["system_prompt", "json_mode"]


def test_what_a_target_cannot_be_sent_is_not_applicable():
    """A step that the library cannot ask for is not applicable, with the library's own reason."""
    schema = Schema.of({"type": "integer", "not": {}})
    result = run_playbook(inputs_of(schema, texts(20)), always(PROSE), settings=settings())

    claim = claim_of(result, "strict_schema")
    assert claim["status"] == "not_applicable"
    assert "nothing can be sent: no value is valid" in claim["reason"]
    assert "strict_schema" not in steps_of(result)


def half_right(reply):
    """Gives a reply under strict decoding for every second input, the same at every attempt."""

    def answer(number, prompt, options):
        return reply if is_strict(options) and int(task_of(prompt).split()[1]) % 2 else PROSE

    return Answering(answer)


def test_larger_model_that_cannot_be_asked_is_not_applicable():
    """The best way so far may be one that the larger model does not take; the playbook run then ends without it."""
    schema = Schema.of({"type": "integer", "not": {"const": 1}})
    larger = always(PROSE, name="big", provider="deepseek")
    result = run_playbook(inputs_of(schema, texts(60)), half_right("2"), larger=larger, settings=settings())

    assert claim_of(result, "larger_model")["status"] == "not_applicable"
    assert larger.heard == []
    assert result.verdict.verdict == "NEED_ECONOMICS"


def test_larger_model_is_declined_when_none_is_named():
    """Without a larger model its step is declined, with that reason."""
    result = playbook_result(always(VALID))

    assert claim_of(result, "larger_model") == {
        "rung": "larger_model",
        "status": "declined",
        "reason": "you named no larger model",
    }


def test_schema_is_simplified_by_people():
    """Where simplifying the schema is next and not declined, the playbook run ends there and the step stays untested."""
    result = playbook_result(always(PROSE), declined={})

    assert steps_of(result)[-1] == "reason_then_format"
    assert result.ended == (
        "the next step, schema_simplify, needs your own work. Do it and run the playbook again, or decline it with a reason"
    )
    assert result.verdict.figures["next_rung"] == "schema_simplify"
    assert claim_of(result, "schema_simplify") == {"rung": "schema_simplify", "status": "untested"}


def test_a_reply_that_ran_away_asks_for_no_larger_limit():
    """A larger output limit is not tried where replies were cut off in white space."""
    result = playbook_result(always({"reply": CUT_OFF["reply"] + " " * 200, "finish_reason": "length"}))

    assert "raise_max_output_tokens" not in steps_of(result)
    assert "this step fixes none of" in step_of(result, "raise_max_output_tokens")["reason"]


@pytest.mark.parametrize(
    ("reply", "tried", "left"),
    [
        (CUT_OFF, "raise_max_output_tokens", "lenient_parse"),
        (BROKEN, "lenient_parse", "raise_max_output_tokens"),
        (PROSE, "json_mode", "lenient_parse"),
    ],
)
def test_step_that_can_fix_nothing_is_not_tried(reply, tried, left):
    """A larger output limit is tried where replies were cut off, lenient parsing where there is JSON to be fixed."""
    result = playbook_result(always(reply))

    assert tried in steps_of(result)
    assert left not in steps_of(result)
    assert step_of(result, left)["status"] == "no_help"


def test_a_steps_output_limit_stands_before_that_of_every_request():
    """A limit among the provider's own arguments does not undo what a step changes."""
    model = always(CUT_OFF)
    playbook_result(model, output_tokens=100, options={"max_completion_tokens": 7, "seed": 4})

    assert {options["seed"] for _, options in model.heard} == {4}
    assert {options["max_completion_tokens"] for _, options in model.heard} >= {100, 200}
    assert 7 not in {options["max_completion_tokens"] for _, options in model.heard}


def test_larger_output_limit_is_twice_the_first():
    """The step asks as the best one did, with twice its output limit."""
    model = always(CUT_OFF)
    result = playbook_result(model, output_tokens=100)

    limits = [options["max_completion_tokens"] for _, options in model.heard]
    assert [(results.step, results.strategy) for results in result.steps][:2] == [
        ("system_prompt", "system_prompt"),
        ("raise_max_output_tokens", "system_prompt output_tokens=200"),
    ]
    assert limits[: 2 * FAIL] == [100] * FAIL + [200] * FAIL


def test_retries_ask_again():
    """The step asks up to three times, and how often each attempt failed is evidence."""
    model = Answering(lambda number, prompt, options: VALID if len(prompt) > 2 and number % 3 else PROSE)
    result = playbook_result(model, first="repair_retry", count=20)

    first = result.steps[0]
    assert first.strategy == "system_prompt max_attempts=3"
    assert first.attempts[0] == (first.n, first.n)
    assert first.attempts == tuple(map(tuple, result.evidence["strategies"][0]["attempts"]))


def temperatures(model):
    return Counter(options.get("temperature") for _, options in model.heard)


def test_temperature_step_asks_at_zero():
    """The step sets the temperature to 0 and the steps after it that stand alone do not."""
    model = always(PROSE)
    result = playbook_result(model, options={"temperature": 0.7, "seed": 4})

    cold = next(results for results in result.steps if results.step == "temperature")
    after = next(results for results in result.steps if results.step == "repair_retry")
    assert cold.strategy == "system_prompt temperature=0"
    assert after.strategy == "system_prompt max_attempts=3"
    assert temperatures(model) == {0: cold.n, 0.7: len(model.heard) - cold.n}
    assert {options["seed"] for _, options in model.heard} == {4}


def test_temperature_that_is_zero_already_is_no_step():
    """Where the request or the model says that it is 0, the step is not applicable."""
    model = always(PROSE)
    model.defaults = {"temperature": 0}

    for result in (playbook_result(model), playbook_result(always(PROSE), options={"temperature": 0.0})):
        assert claim_of(result, "temperature")["reason"] == "the model already runs at temperature 0"
        assert "temperature" not in steps_of(result)


def test_larger_model_asks_as_the_best_step_did():
    """The last step asks another model in the best way so far, the earlier one on the playbook among equals."""
    larger = always(VALID, name="big")
    result = playbook_result(half_right(VALID), larger=larger)

    last = result.steps[-1]
    assert (last.step, last.strategy) == ("larger_model", "strict_schema larger_model")
    assert all(is_strict(options) for _, options in larger.heard)
    assert (result.larger, result.verdict.figures["strategy"]) == ("big", last.strategy)


def test_every_attempt_is_recorded_under_the_playbook_run_and_the_step():
    """The rows of the store are the attempts of the playbook run, under its id and their step."""
    with open_store("sqlite://", durability="sync") as store:
        result = playbook_result(always(PROSE), store=store)
        rows = list(store.attempts())

    names = Counter(row["function"] for row in rows)
    assert names == {
        f"{result.id}:{results.step}": sum(n for n, _ in results.attempts) for results in result.steps
    }
    assert result.id.startswith("playbook:")


def test_inputs_are_the_same_to_the_store_in_every_step():
    """An input is known by the keyed hash of its task, which no step changes; its text is not stored."""
    with open_store("sqlite://", durability="sync") as store:
        result = playbook_result(always(PROSE), store=store)
        rows = list(store.attempts())

    hashes = {
        step: {row["input_hash"] for row in rows if row["function"] == f"{result.id}:{step}"}
        for step in ("system_prompt", "strict_schema")
    }
    assert hashes["system_prompt"] == hashes["strict_schema"]
    assert len(hashes["system_prompt"]) == FAIL
    assert {row["cluster"] for row in rows} == {None}


@pytest.mark.usefixtures("interruptible")
def test_interrupt_keeps_what_is_there():
    """Ctrl-C ends the playbook run with the verdict on what was measured."""

    def answer(number, *_):
        if number == FAIL + 3:
            os.kill(os.getpid(), signal.SIGINT)
            return {"reply": VALID, "delay_s": 30}
        return PROSE if number <= FAIL else VALID

    result = playbook_result(Answering(answer))

    assert [(results.n, results.stopped) for results in result.steps] == [
        (FAIL, f"failed after {FAIL} calls"),
        (2, "interrupted after 2"),
    ]
    assert (result.ended, result.verdict.verdict) == ("interrupted", "NEED_MORE_DATA")


def test_calls_ahead_of_a_decision_are_cancelled():
    """When a step stops, calls that were begun for later inputs are cancelled and not counted."""
    model = Slow(lambda *_: PROSE)
    result = playbook_result(model, concurrency=4)

    assert result.steps[0].n == FAIL
    assert result.calls > sum(results.n for results in result.steps)


def test_calls_are_told_in_the_order_of_the_inputs():
    """Whoever watches is told of every call, lost ones too."""
    messages = []
    asked = inputs(3)
    replies = in_turn(VALID, TimeoutError("slow"), VALID)
    run_playbook(asked, replies, settings=settings(), on_asked=messages.append)

    assert [(call.step, call.task, call.outcome is not None, call.error) for call in messages] == [
        ("system_prompt", asked.tasks[0], True, None),
        ("system_prompt", asked.tasks[1], False, "TimeoutError: slow"),
        ("system_prompt", asked.tasks[2], True, None),
    ]


def test_what_no_playbook_run_can_measure_is_handed_in():
    """Volume and further settings of the verdict are a part of the evidence."""
    given_ = {"calls_per_month": 100, "config": {"horizon_months": 3}}
    result = playbook_result(always(VALID), count=5, extra=given_)

    assert result.evidence["calls_per_month"] == 100
    assert result.evidence["config"] == {"horizon_months": 3, "target": TARGET, "alpha": 0.05}
    assert result.verdict.figures["months_to_answer"] > 0


def test_defaults_are_for_one_percent():
    """A playbook run without settings begins with the system prompt, for a target of 1 %."""
    result = run_playbook(inputs(3), always(VALID))

    assert (result.target, steps_of(result)) == (0.01, ["system_prompt"])


WRONG_SETTINGS = [
    ({"extra": {"strategies": []}}, "extra['strategies']: the playbook measures this fact"),
    ({"target": 1.5}, "evidence at /config/target: expected a number < 1, got number 1.5"),
    ({"extra": {"calls": 1}}, "evidence at (root): expected no further properties, got object with 'calls'"),
    (
        {"first": "schema_simplify", "declined": {}},
        "first='schema_simplify': expected another step, because the playbook can't start with this one",
    ),
    (
        {"first": "larger_model"},
        "first='larger_model': expected another step, because you named no larger model",
    ),
    (
        {"first": "temperature", "options": {"temperature": 0}},
        "first='temperature': expected another step, because the model already runs at temperature 0",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_SETTINGS, ids=range(len(WRONG_SETTINGS)))
def test_wrong_settings_are_refused_before_a_call(changes, message):
    """What cannot be run is an error before the model is asked anything."""
    model = always(VALID)

    with pytest.raises(InvalidArgument) as caught:
        playbook_result(model, **changes)

    assert str(caught.value).startswith(message)
    assert model.heard == []


def test_names_of_schema_and_model_are_told():
    """The result says what was climbed and with whom."""
    result = playbook_result(always(VALID, name="m1"), count=4)

    assert (result.schema, result.schema_fingerprint) == (SCHEMA.name, SCHEMA.fingerprint)
    assert (result.model, result.larger, result.inputs, result.repeated, result.seed) == ("m1", None, 4, 0, 0)


def test_tuned_model_is_asked_behind_the_playbook_and_is_the_pilot():
    """When the playbook has been run the tuned model is asked the same inputs bare; the verdict takes it as the pilot."""
    tuned = always(VALID)
    tuned.tuned = True
    with open_store("sqlite://", durability="sync") as store:
        result = run_playbook(inputs(80), always(PROSE), tuned=tuned, store=store, settings=settings())
        recorded = gather(store).evidence["pilot"]

    last = result.steps[-1]
    assert (last.step, last.strategy, last.k) == ("tuned", "bare tuned", 0)
    pilot = result.evidence["pilot"]
    assert (pilot["n"], pilot["k_final"], pilot["paired"]["c"]) == (last.n, 0, 0)
    assert {prompt[-1]["content"] for prompt, _ in tuned.heard} <= set(inputs(80).tasks)
    assert {len(prompt) for prompt, _ in tuned.heard} == {1}
    assert result.ended == f"the verdict is {result.verdict.verdict}"
    assert recorded["k_final"] == 0
    assert recorded["paired"]["b"] >= pilot["paired"]["b"] > 0


def adapted(plain, enforced):
    """A model with an adapter on its own weights, which fails so often without and with a grammar."""

    def answer(number, prompt, options):
        share = enforced if is_strict(options) else plain
        return WRONG_SHAPE if crc32(task_of(prompt).encode()) % 100 < 100 * share else VALID

    model = Answering(answer)
    model.tuned, model.adapter = True, "adapter.gguf@0123456789abcdef"
    return model


@pytest.mark.parametrize(
    ("plain", "enforced", "words"),
    [
        (0.5, 0.0, "the grammar is better (95% confidence). The verdict counts the trial with it"),
        (
            0.0,
            0.0,
            "0 failed only without the grammar, and 0 only with it; neither form is proved to be better",
        ),
        (0.0, 1.0, "The verdict counts the trial without it"),
    ],
)
def test_tuned_model_with_a_grammar_is_compared_with_the_same_without(plain, enforced, words):
    """The form with the lower failure rate is the pilot, and both share alpha. The store tells the same."""
    with open_store("sqlite://", durability="sync") as store:
        tuned = adapted(plain, enforced)
        result = run_playbook(inputs(80), always(PROSE), tuned=tuned, store=store, settings=settings())
        recorded = gather(store).evidence

    forms = {step.strategy: step for step in result.steps if step.step == "tuned"}
    chosen = forms["strict_only tuned" if plain else "bare tuned"]
    for evidence in (result.evidence, recorded):
        pilot = evidence["pilot"]
        assert (pilot["n"], pilot["k_final"], pilot["forms"]) == (chosen.n, chosen.k, 2)
        assert any(words in line for line in evidence["notes"])


def test_tuned_model_at_a_host_is_asked_without_a_grammar():
    """Only an adapter on its own weights is enforced without another prompt."""
    tuned = always(VALID)
    tuned.tuned = True
    result = run_playbook(inputs(80), always(PROSE), tuned=tuned, settings=settings())

    assert [step.strategy for step in result.steps if step.step == "tuned"] == ["bare tuned"]


def test_tuned_model_is_not_asked_where_the_budget_ended_the_playbook_run():
    """What the playbook has spent is not there for the pilot."""
    tuned = always(VALID)
    result = run_playbook(inputs(80), always(PROSE), tuned=tuned, settings=settings(max_calls=5))

    assert tuned.heard == []
    assert "tuned" not in {step.step for step in result.steps}
