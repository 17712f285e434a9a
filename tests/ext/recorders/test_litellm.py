"""The recorder of litellm: an application as its documentation writes it, against a server with known failures."""

import asyncio
import os
import time

import pytest
from pydantic import ValidationError

from schema_guard import guard, tags
from schema_guard.ext.recorders import counts
from tests.ext.recorders.applications import (
    INPUT,
    MODEL,
    OUTPUT,
    PROSE,
    REPLIES,
    RIGHT,
    TRUTH,
    WRONG,
    Invoice,
    Kept,
    kinds,
    server,
    tokens,
)

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches a list of prices when it is imported
litellm = pytest.importorskip("litellm", reason="needs litellm")

from schema_guard.ext.recorders import litellm as recorder  # noqa: E402 - after the skip

pytestmark = pytest.mark.filterwarnings("ignore")  # what litellm itself warns of
litellm.suppress_debug_info = True


# The application: nothing in it knows of a recorder.


def arguments(url, **more):
    return {
        "model": f"openai/{MODEL}",
        "api_base": url,
        "api_key": "k",
        "messages": [{"role": "user", "content": "Read this invoice."}],
        "response_format": Invoice,
        "max_retries": 0,
        **more,
    }


def whole(url):
    return litellm.completion(**arguments(url)).choices[0].message.content


def streamed(url):
    chunks = litellm.completion(**arguments(url, stream=True, stream_options={"include_usage": True}))
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def awaited(url):
    reply = await litellm.acompletion(**arguments(url))
    return reply.choices[0].message.content


async def streamed_async(url):
    chunks = await litellm.acompletion(**arguments(url, stream=True, stream_options={"include_usage": True}))
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])


def responses(url):
    return litellm.responses(
        model=f"openai/{MODEL}", api_base=url, api_key="k", input="Read this invoice.", text_format=Invoice
    )


def forced(url):
    tool = {"type": "function", "function": {"name": "save", "parameters": Invoice.model_json_schema()}}
    choice = {"type": "function", "function": {"name": "save"}}
    return litellm.completion(**arguments(url, response_format=None, tools=[tool], tool_choice=choice))


def extract_invoices(ask, url, many=6):
    values = []
    for _ in range(many):
        try:
            values.append(Invoice.model_validate_json(ask(url)))
        except ValidationError:
            values.append(None)
    return values


async def extract_invoices_async(ask, url, many=6):
    values = []
    for _ in range(many):
        try:
            values.append(Invoice.model_validate_json(await ask(url)))
        except ValidationError:
            values.append(None)
    await asyncio.sleep(0.2)  # as long as the loop of an application lives
    return values


@pytest.fixture
def kept():
    store = Kept()
    recorder.install(store=store)
    yield store
    recorder.uninstall()


def counted(before):
    now = counts().get("litellm", {})
    return {name: many - before.get(name, 0) for name, many in now.items() if many != before.get(name, 0)}


@pytest.mark.parametrize("ask", [whole, streamed])
def test_the_recorded_rate_is_the_true_one(kept, ask):
    """Whole and streamed, each call is recorded with what it was worth and its own tokens."""
    with server() as served:
        values = extract_invoices(ask, served.openai_url)

    kept.wait(len(REPLIES))
    assert kinds(kept) == TRUTH
    assert [value is not None for value in values] == [kind is None for kind in TRUTH]
    assert tokens(kept) == [(INPUT, OUTPUT)] * len(REPLIES)


@pytest.mark.parametrize("ask", [awaited, streamed_async])
def test_the_recorded_rate_of_tasks_is_the_true_one(kept, ask):
    """The same of asynchronous calls."""
    with server() as served:
        asyncio.run(extract_invoices_async(ask, served.openai_url))

    kept.wait(len(REPLIES))
    assert kinds(kept) == TRUTH
    assert tokens(kept) == [(INPUT, OUTPUT)] * len(REPLIES)


def test_a_call_says_how_it_was_asked(kept):
    """Schema, way, provider, model, and the settings that change results."""
    with server([RIGHT]) as served:
        litellm.completion(**arguments(served.openai_url, temperature=0.5))

    call = kept.wait(1)[0].call
    assert (call.schema_name, call.strategies, call.provider, call.model) == (
        "Invoice",
        "strict_schema",
        "openai",
        MODEL,
    )
    assert '"temperature":0.5' in call.settings
    assert '"recorder":"litellm"' in call.settings


def test_two_functions_of_one_schema_are_told_apart(kept):
    """By a block, by the call's own metadata, else by the schema."""
    with server([RIGHT] * 3) as served:
        with tags(function="block", segment="s"):
            whole(served.openai_url)
        litellm.completion(**arguments(served.openai_url, metadata={"function": "own"}))
        whole(served.openai_url)

    assert {one.call.function for one in kept.wait(3)} == {"block", "own", "litellm:Invoice"}
    assert [one.call.segment for one in kept if one.call.function == "block"] == ["s"]


def test_tokens_that_were_estimated_are_unknown(kept):
    """A stream that counts no tokens has none: litellm's own guess is no count."""
    with server([RIGHT]) as served:
        list(litellm.completion(**arguments(served.openai_url, stream=True)))

    assert tokens(kept.wait(1)) == [(None, None)]


@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_reply_out_of_the_cache_is_no_call(kept, ask, monkeypatch):
    """A second call that the cache answers asked no model."""
    for package in ("fastapi", "soundfile"):
        pytest.importorskip(package, reason=f"litellm's cache needs {package}")
    from litellm.caching.caching import Cache

    monkeypatch.setattr(litellm, "cache", Cache())
    with server([RIGHT, WRONG]) as served:
        lines = [ask(served.openai_url) for _ in range(2)]
        time.sleep(0.5)  # for the threads in which litellm tells of its calls

    assert lines == [RIGHT, RIGHT]
    assert kinds(kept.wait(1)) == [None]


def test_the_responses_api(kept):
    """Its schema, its reply and its tokens."""
    with server([WRONG]) as served:
        responses(served.openai_url)

    outcome = kept.wait(1)[0]
    assert (kinds(kept), outcome.call.provider) == (["structure"], "openai-responses")
    assert tokens(kept) == [(INPUT, OUTPUT)]


def test_a_forced_tool_is_a_schema(kept):
    """The only tool, forced, is the schema of the call; another one that is called is unknown."""
    with server([WRONG]) as served:
        forced(served.openai_url)
    with server([RIGHT], faults="wrong_tool") as served:
        forced(served.openai_url)

    assert [(one.call.strategies, one.failure.code) for one in kept.wait(2)] == [
        ("tool_call", "type"),
        ("tool_call", "unknown_tool"),
    ]


def test_what_has_no_schema_is_counted(kept):
    """A call without a schema, and one that may call tools, are counted and not recorded."""
    before = counts().get("litellm", {})
    tool = {"type": "function", "function": {"name": "save", "parameters": {"type": "object"}}}
    with server([PROSE] * 2) as served:
        litellm.completion(**arguments(served.openai_url, response_format=None))
        litellm.completion(**arguments(served.openai_url, response_format=None, tools=[tool]))

    assert counted(before) == {"without_schema": 1, "tool_turns": 1}
    assert kept == []


def test_what_litellm_refuses_itself_is_judged(kept, monkeypatch):
    """Its own validation raises, and the reply is in the exception."""
    monkeypatch.setattr(litellm, "enable_json_schema_validation", True)
    with server([WRONG]) as served, pytest.raises(litellm.JSONSchemaValidationError):
        whole(served.openai_url)

    outcome = kept.wait(1)[0]
    assert (outcome.failure.kind, outcome.attempts[0].reply) == ("structure", WRONG)


def router(url, **more):
    params = {"api_base": url, "api_key": "k", "max_retries": 0}
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{MODEL}-{name}", **params}} for name in "ab"
    ]
    return litellm.Router(model_list=models, fallbacks=[{"a": ["b"]}], **more)


def asked(routed):
    return routed.completion(
        model="a", messages=[{"role": "user", "content": "Read it."}], response_format=Invoice
    )


def test_a_router_that_asks_again_makes_attempts(kept, monkeypatch):
    """A retry of a reply that was refused is the next attempt of the same call."""
    monkeypatch.setattr(litellm, "enable_json_schema_validation", True)
    with server([WRONG, RIGHT]) as served:
        asked(router(served.openai_url, num_retries=1))

    outcome = kept.wait(1)[0]
    assert outcome.ok
    assert [attempt.failure is None for attempt in outcome.attempts] == [False, True]


def test_a_fallback_without_a_reply_is_no_attempt(kept):
    """A model that was not reached has given nothing that could be judged: the call is that of the next one."""
    with server([RIGHT], faults=["http_503"]) as served:
        asked(router(served.openai_url, num_retries=0))

    outcome = kept.wait(1)[0]
    assert (len(outcome.attempts), outcome.call.model) == (1, f"{MODEL}-b")


def test_a_call_that_failed_is_recorded_when_nobody_asks_again(kept):
    """The last try of a router is a call excluded from the rate, once it is clear that it was the last."""
    with server([], faults="http_503") as served, pytest.raises(litellm.ServiceUnavailableError):
        asked(router(served.openai_url, num_retries=0))
    time.sleep(0.3)
    watch = next(one for one in litellm.callbacks if hasattr(one, "release"))

    watch.release(everything=True)

    assert kinds(kept.wait(1)) == ["transport"]


def test_a_retry_that_nobody_saw_is_said(kept, monkeypatch):
    """litellm asks again by itself and tells nothing of the first reply: the call was not valid at its first attempt."""
    monkeypatch.setattr(litellm, "enable_json_schema_validation", True)
    with server([WRONG, RIGHT]) as served:
        litellm.completion(**arguments(served.openai_url, max_retries=None, num_retries=2))

    assert kept.wait(1)[0].attempts[0].unseen


def test_what_was_not_reached_is_excluded(kept):
    """A provider's error is transport, and reaches the caller as it is."""
    with server([], faults="http_503") as served, pytest.raises(litellm.ServiceUnavailableError):
        whole(served.openai_url)

    assert kinds(kept.wait(1)) == ["transport"]


def test_inside_of_a_guarded_function_nothing_is_recorded_twice(kept):
    """The guarded function's record is the call's."""

    @guard(Invoice, observe=True, store=kept, name="extract")
    def extract(prompt: str):
        return whole(prompt)

    with server([RIGHT]) as served:
        extract(served.openai_url)

    time.sleep(0.2)
    assert [one.call.function for one in kept] == ["extract"]


def test_a_fault_of_the_recorder_reaches_nobody(caplog):
    """A store that cannot be handed anything is one warning, and the calls are as they were."""

    class Broken:
        def record(self, outcome, task=None):
            raise RuntimeError("broken")

    before = counts().get("litellm", {})
    recorder.install(store=Broken())
    try:
        with server([RIGHT] * 2) as served:
            assert [whole(served.openai_url) for _ in range(2)] == [RIGHT] * 2
        until = time.monotonic() + 5
        while counted(before).get("errors") != 2 and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        recorder.uninstall()

    assert counted(before)["errors"] == 2
    assert [record.name for record in caplog.records].count("schema_guard") == 1


def test_the_proxy_finds_an_instance():
    """The proxy's configuration names `schema_guard.ext.recorders.litellm.proxy`, and is given a callback of its own kind."""
    from litellm.integrations.custom_logger import CustomLogger

    assert isinstance(recorder.proxy, CustomLogger)
    assert recorder.proxy is recorder.proxy
