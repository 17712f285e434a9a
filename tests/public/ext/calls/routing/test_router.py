"""Facts about routers: what they refuse, how a call is answered and recorded, and what costs no call."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from schema_guard import (
    About,
    CallFailed,
    Evidence,
    GuardFailed,
    InvalidArgument,
    Partial,
    Router,
    guard,
    open_store,
    tags,
)
from tests.public.ext.calls.routing.routers import SHAPES, TOTAL, Branches, outcome_of, streamed, value_of


@pytest.fixture
def store():
    with open_store("sqlite://") as opened:
        yield opened


def tuned_fails(branch, task):
    return branch == "tuned"


def raising(error):
    return lambda branch, task: error if branch == "tuned" else False


@pytest.mark.parametrize("shape", SHAPES)
def test_a_failed_call_of_the_tuned_model_is_asked_again_of_the_prompt(shape):
    """The prompt answers, in every way of asking, and the outcome says which branch did."""
    router = Branches(shape, tuned_fails).router()

    assert value_of(router, "t") == {"by": "prompt"}
    assert streamed(router, "t")[-1] == {"by": "prompt"}
    outcome = outcome_of(router, "t")
    assert (outcome.value, Router.branch_of(outcome)) == ({"by": "prompt"}, "fallback")
    assert router.counts()[:4] == (3, 0, 3, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_says_to_which_attempt_a_value_belongs(shape):
    """The attempts of a fallback count on from those of the tuned model, whose values they void."""
    branches = Branches(shape)
    replies = {"tuned": ['{"by": 1}', '{"by": 2}'], "prompt": ['{"by": "prompt"}']}
    branches.reply = lambda branch, task: replies[branch].pop(0)
    tuned = replace(branches.tuned.guard, max_attempts=2)(branches.tuned.__wrapped__)

    text = streamed(Router(tuned=tuned, prompt=branches.prompt), "t", partial=True)

    assert {type(one) for one in text} == {Partial}
    assert list(dict.fromkeys(one.attempt for one in text)) == [1, 2, 3]
    assert text[-1] == Partial({"by": "prompt"}, None, 3)
    assert [one.open for one in text].count(None) == 1


@pytest.mark.parametrize(("share", "branch"), [(1.0, "tuned"), (0.0, "prompt")])
def test_an_outcome_says_which_branch_answered(share, branch):
    """A call's own marks tell it; no other kind of outcome is needed."""
    outcome = Branches().router(share=share).outcome("t")

    assert (Router.branch_of(outcome), outcome.value) == (branch, {"by": branch})


def test_a_fallback_is_a_call_of_its_own_under_the_same_name(store):
    """It is recorded with the tuned call as its parent, so both costs stand in the records, and in settings of its own."""
    Branches(fails=tuned_fails, store=store).router()("t")

    first, second = store.attempts()
    assert second["parent_call_id"] == first["call_id"]
    assert (first["function"], first["tuned"], first["kind"]) == ("extract", 1, "syntax")
    assert (second["function"], second["tuned"], second["kind"]) == ("extract", 0, None)
    after = f"small {first['version']}"
    assert json.loads(second["settings"]) == {
        "layout": "text",
        "max_attempts": 1,
        "routed": "fallback",
        "after": after,
    }
    assert first["input_hash"] == second["input_hash"]


def test_without_a_fallback_the_settings_of_the_tuned_function_say_what_is_given():
    """What its failed call gives is what it gives without a router."""
    assert Branches(fails=tuned_fails, tuned={"default": "none"}).router(fallback=False)("t") == "none"
    with pytest.raises(GuardFailed):
        Branches(fails=tuned_fails).router(fallback=False)("t")


def test_where_both_fail_the_settings_of_the_prompt_say_what_is_given():
    """The function that answers last is the one whose failure the caller sees."""
    everything = Branches(fails=lambda branch, task: True, default="none", tuned={"default": "other"})

    assert everything.router()("t") == "none"
    assert everything.router().outcome("t").ok is False


def test_a_tuned_function_that_raises_is_asked_again_and_said_once(caplog):
    """A server that is down costs no call; the first one is a warning, by the type alone, and all are counted."""
    router = Branches(fails=raising(ConnectionError("secret"))).router()

    assert [router("a"), router("b")] == [{"by": "prompt"}] * 2
    assert router.counts().tuned_errors == 2
    assert [record.getMessage() for record in caplog.records] == [
        "extract: the tuned function failed with ConnectionError, so the prompt answers such calls. Further ones are only counted"
    ]


def test_what_is_no_reply_is_asked_again():
    """An answer of the server without a reply in it is the tuned branch's fault, and costs no call."""
    prompt = Branches().prompt
    tuned = guard(TOTAL, about=About(tuned=True), store=None)(
        lambda prompt: {"object": "chat.completion", "choices": []}
    )
    fallback = Router(tuned=tuned, prompt=prompt)

    assert fallback("t") == {"by": "prompt"}
    with pytest.raises(CallFailed):
        Router(tuned=tuned, prompt=prompt, fallback=False)("t")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError()], ids=repr)
@pytest.mark.parametrize("shape", ["def", "async def"])
def test_what_ends_a_program_or_a_task_is_no_failure_of_the_model(shape, error):
    """It goes on as it is, and the prompt is not asked."""
    branches = Branches(shape, raising(error))

    with pytest.raises(type(error)):
        value_of(branches.router(), "t")
    assert branches.asked == [("tuned", "t")]


@pytest.mark.parametrize("where", ["tuned", "primary"])
def test_an_interruption_is_never_eaten(where):
    """A soft time limit that lands in the tuned function, or in `primary`, ends the call."""

    class SoftTimeLimitExceeded(Exception):
        pass

    def strike(number, frame):
        raise SoftTimeLimitExceeded

    def busy(branch="tuned", task=None):
        if branch == "tuned":
            signal.raise_signal(signal.SIGALRM)
        return False

    router = Branches(fails=busy).router() if where == "tuned" else Branches().router(primary=busy)
    before = signal.signal(signal.SIGALRM, strike)
    try:
        with pytest.raises(SoftTimeLimitExceeded):
            router("tuned")
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_cancelled_task_asks_nobody_else(store):
    """A time limit around a routed call ends it: the tuned call is recorded as cancelled, the prompt is not asked."""

    async def forever(prompt):
        await asyncio.sleep(60)

    settings = {"store": store, "name": "extract"}
    router = Router(
        tuned=guard(TOTAL, about=About(tuned=True), store=store)(forever),
        prompt=guard(TOTAL, **settings)(forever),
    )

    async def limited():
        async with asyncio.timeout(0.02):
            await router("t")

    with pytest.raises(TimeoutError):
        asyncio.run(limited())
    assert [(row["tuned"], row["code"]) for row in store.attempts()] == [(1, "cancelled")]


@pytest.mark.parametrize("shape", ["stream", "async stream"])
def test_a_stream_that_is_left_asks_nobody_else(shape, store):
    """Who stops reading a stream wants no fallback: the tuned call is recorded as cancelled."""
    branches = Branches(shape, store=store)

    async def first():
        values = branches.router().stream("t")
        assert await anext(values)
        await values.aclose()

    if shape == "stream":
        values = branches.router().stream("t")
        assert next(values)
        values.close()
    else:
        asyncio.run(first())

    assert branches.asked == [("tuned", "t")]
    assert [row["code"] for row in store.attempts()] == ["cancelled"]


def test_primary_says_which_calls_the_tuned_model_is_asked():
    """It is given the arguments of the call, and the prompt answers what it does not name."""
    router = Branches().router(primary=lambda prompt: prompt.startswith("invoice"))

    assert [router("invoice 1"), router("letter 1")] == [{"by": "tuned"}, {"by": "prompt"}]


def test_a_primary_that_raises_costs_no_call(caplog):
    """The prompt answers, the first one is a warning, all are counted."""
    router = Branches().router(primary=lambda prompt: prompt.missing)

    assert [router("a"), router("b")] == [{"by": "prompt"}] * 2
    assert router.counts().primary_errors == 2
    assert [record.getMessage() for record in caplog.records] == [
        "extract: primary= raised AttributeError, so the prompt answers such calls. Further ones are only counted"
    ]


def test_evidence_goes_by_the_segment_of_the_call():
    """What `tags` says goes before what the function has by itself."""
    router = Branches(about=About(model="large", segment="letters")).router(
        primary=Evidence(segments=["invoices"])
    )

    assert router("t") == {"by": "prompt"}
    with tags(segment="invoices"):
        assert router("t") == {"by": "tuned"}


@pytest.mark.parametrize("kind", ["file", "function"])
def test_the_kill_switch_is_looked_at_in_each_call(kind, tmp_path):
    """The tuned model is out of use with the next call, and back with the one after the switch is let go."""
    path, pulled = tmp_path / "off", []
    router = Branches().router(kill_switch=path if kind == "file" else lambda: bool(pulled))
    answers = [router("t")]
    path.touch()
    pulled.append(1)
    answers.append(router("t"))
    path.unlink()
    pulled.clear()
    answers.append(router("t"))

    assert [answer["by"] for answer in answers] == ["tuned", "prompt", "tuned"]
    assert router.counts().switched_off == 1


@pytest.mark.parametrize("kind", ["file", "function"])
def test_a_switch_that_cannot_be_looked_at_counts_as_pulled(kind, tmp_path, caplog):
    """The prompt is what was there before; it is said once."""
    (tmp_path / "file").touch()
    router = Branches().router(
        kill_switch=tmp_path / "file" / "off" if kind == "file" else lambda: Path("/no/such").stat()
    )

    assert [router("a"), router("b")] == [{"by": "prompt"}] * 2
    assert len(caplog.records) == 1
    assert "so the prompt answers such calls" in caplog.text


def test_refuses_a_folder_for_a_switch(tmp_path):
    """With a wrong path, the tuned model would be off for weeks without a sign."""
    with pytest.raises(InvalidArgument, match="expected the path of a file, got a folder"):
        Branches().router(kill_switch=tmp_path)


def test_shadows_are_recorded_as_trials_of_the_function_under_its_tags(store):
    """The tuned model is asked beside the answer, as a part of the call that it shadows, and under its segment."""
    router = Branches(store=store).router(share=0.0, shadow=1.0)
    with tags(segment="invoices"):
        assert router("t") == {"by": "prompt"}
    assert router.flush() == 0

    answer, shadow = sorted(store.attempts(), key=lambda row: row["tuned"])
    assert (shadow["function"], shadow["segment"]) == ("shadow:route:tuned:extract", "invoices")
    assert shadow["parent_call_id"] == answer["call_id"]
    assert router.counts()[6:] == (1, 0, 0)


def test_an_answer_waits_for_no_shadow():
    """The tuned model takes as long as it likes; what finds too many waiting is dropped and counted."""
    held = threading.Event()
    branches = Branches(fails=lambda branch, task: branch == "tuned" and not held.wait(10))
    router = branches.router(share=0.0, shadow=1.0)
    begun = time.monotonic()

    for number in range(103):
        router(str(number))

    assert time.monotonic() - begun < 5
    assert router.counts()[7:] == (100, 3)
    held.set()
    assert router.flush() == 0
    assert router.counts()[6:] == (100, 0, 3)


def test_a_shadow_that_is_cancelled_before_it_begins_is_dropped():
    """A server that ends cancels all tasks: nothing stays pending, and the end of the process waits for nothing."""
    router = Branches("async def").router(share=0.0, shadow=1.0)

    async def ended():
        await router("t")
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(ended())

    assert router.counts()[6:] == (0, 0, 1)


def test_a_shadow_is_asked_what_was_asked_then():
    """A caller that goes on writing into its list changes no shadow."""
    held, seen = threading.Event(), []

    def tuned(messages):
        held.wait(10)
        seen.append(messages[-1]["content"])
        return '{"by": "tuned"}'

    def prompt(messages):
        return '{"by": "prompt"}'

    router = Router(
        tuned=guard(TOTAL, strategy="bare", about=About(tuned=True), store=None)(tuned),
        prompt=guard(TOTAL, store=None)(prompt),
        share=0.0,
        shadow=1.0,
    )
    messages = [{"role": "user", "content": "then"}]
    router(messages)
    messages[0]["content"] = "now"
    held.set()

    assert router.flush() == 0
    assert seen == ["then"]


def test_methods_are_routed_as_functions_are():
    """A router in a class is bound as a method is, and all instances share its counts."""

    class Extractor:
        @guard(TOTAL, about=About(tuned=True), store=None)
        def tuned(self, prompt):
            return f'{{"by": "{self.name}"}}'

        @guard(TOTAL, store=None)
        def prompt(self, prompt):
            return '{"by": "prompt"}'

        extract = Router(tuned=tuned, prompt=prompt, primary=lambda prompt: prompt != "edge")

    one, other = Extractor(), Extractor()
    one.name, other.name = "one", "other"

    assert [one.extract("t"), other.extract("t"), one.extract("edge")] == [
        {"by": "one"},
        {"by": "other"},
        {"by": "prompt"},
    ]
    assert Extractor.extract.counts()[:2] == (2, 1)


@guard(TOTAL, about=About(tuned=True), store=None)
def tuned_of_module(prompt: str) -> str:
    """Ask the tuned model."""
    return '{"by": "tuned"}'


@guard(TOTAL, store=None)
def prompt_of_module(prompt: str) -> str:
    """Ask with a prompt."""
    return '{"by": "prompt"}'


def test_a_router_looks_like_the_function_of_its_prompt():
    """It has its name, its text and its parameters; pickled, it is made anew of the two functions."""
    router = Router(tuned=tuned_of_module, prompt=prompt_of_module, share=0.25)

    assert (router.__name__, router.__doc__) == ("prompt_of_module", "Ask with a prompt.")
    assert str(inspect.signature(router)) == "(prompt: 'str') -> 'str'"
    assert pickle.loads(pickle.dumps(router)).share == 0.25


def test_frameworks_take_an_async_router_for_a_coroutine_function():
    """`inspect` and asyncio say so, as of the functions that it stands over."""
    assert asyncio.iscoroutinefunction(Branches("async def").router())
    assert not asyncio.iscoroutinefunction(Branches().router())


OTHER = {"type": "object", "properties": {"by": {"type": "integer"}}}


def refused(**settings):
    tuned, prompt = settings.pop("tuned", tuned_of_module), settings.pop("prompt", prompt_of_module)
    with pytest.raises(InvalidArgument) as caught:
        Router(tuned=tuned, prompt=prompt, **settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tuned": len}, "tuned=<built-in function len>: expected a function with the decorator @guard(...)"),
        (
            {"tuned": prompt_of_module, "prompt": tuned_of_module},
            "Guard it with about=About(tuned=True), or swap the arguments 'tuned' and 'prompt'",
        ),
        (
            {"tuned": guard(OTHER, about=About(tuned=True))(tuned_of_module.__wrapped__)},
            "expected the same schema, got",
        ),
        (
            {"tuned": guard(TOTAL, about=About(tuned=True))(lambda prompt, n: "")},
            "the same parameters, got (prompt, n) and",
        ),
        ({"tuned": Branches("async def").tuned}, "expected two `def` functions or two `async def` functions"),
        (
            {"tuned": guard(TOTAL, about=About(tuned=True), observe=True)(lambda prompt: "")},
            "schema_guard only observes",
        ),
        ({"share": 1.2}, "share=1.2: expected a number in [0, 1] or Rollout(...)"),
        ({"shadow": True}, "shadow=True: expected a number in [0, 1]"),
        ({"shadow": 0.1}, "shadow=0.1 and share=1: the tuned model answers every primary call"),
        ({"primary": "invoices"}, "primary='invoices': expected a function of the call's arguments"),
        ({"primary": Branches("async def").tuned}, "expected a `def` function"),
        ({"kill_switch": 3}, "kill_switch=3: expected a path or a function"),
        ({"kill_switch": ""}, "kill_switch='': expected a path or a function"),
    ],
    ids=lambda part: part if isinstance(part, str) else next(iter(part)),
)
def test_what_cannot_be_routed_is_refused_at_once(settings, said):
    """The message names the argument, and what was expected of it."""
    assert said in refused(**settings)


def test_parameters_by_which_a_guard_asks_need_not_be_the_same():
    """One branch may take the provider's options, and the other a prompt that is ready: no caller gives either."""
    with_options = guard(TOTAL, provider="openai", strategy="json_mode", store=None)(
        lambda prompt, options=None: '{"by": "prompt"}'
    )

    assert Router(tuned=tuned_of_module, prompt=with_options, share=0.0)("t") == {"by": "prompt"}
