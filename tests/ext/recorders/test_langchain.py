"""The recorder of LangChain: an application as its documentation writes it, against a server with known failures."""

import asyncio
import gc

import pytest

from schema_guard import guard, open_store, tags
from schema_guard.ext.recorders import counts
from tests.ext.recorders.applications import (
    INPUT,
    MODEL,
    OUTPUT,
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

openai = pytest.importorskip("langchain_openai", reason="needs langchain-openai")

from langchain_core.prompts import ChatPromptTemplate  # noqa: E402 - after the skip

from schema_guard.ext.recorders.langchain import SWITCH, LangChainRecorder  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # what LangChain and the SDK under it warn of
METHODS = ("json_schema", "function_calling", "json_mode")


# The application: it takes a config, as applications do, and knows of no recorder.


def model(url, **more):
    return openai.ChatOpenAI(model=MODEL, api_key="k", base_url=url, max_retries=0, stream_usage=True, **more)


def chain(url, method="json_schema", **more):
    prompt = ChatPromptTemplate.from_messages([("system", "Read the invoice."), ("user", "{text}")])
    return prompt | model(url).with_structured_output(Invoice, method=method, **more)


def whole(runnable, config):
    return runnable.invoke({"text": "Invoice A-7"}, config=config)


def streamed(runnable, config):
    return list(runnable.stream({"text": "Invoice A-7"}, config=config))


def awaited(runnable, config):
    return asyncio.run(runnable.ainvoke({"text": "Invoice A-7"}, config=config))


def streamed_async(runnable, config):
    async def chunks():
        return [chunk async for chunk in runnable.astream({"text": "Invoice A-7"}, config=config)]

    return asyncio.run(chunks())


def extract_invoices(runnable, ask, config, many=6):
    values = []
    for _ in range(many):
        try:
            values.append(ask(runnable, config))
        except Exception:  # noqa: BLE001 - as applications have it
            values.append(None)
    return values


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def config(kept):
    return {"callbacks": [LangChainRecorder(store=kept)], "run_name": "extract"}


def counted(before):
    now = counts().get("langchain", {})
    return {name: many - before.get(name, 0) for name, many in now.items() if many != before.get(name, 0)}


@pytest.mark.parametrize("ask", [whole, awaited])
@pytest.mark.parametrize("method", METHODS)
def test_the_recorded_rate_is_the_true_one(kept, config, method, ask):
    """In every method, each call is recorded with what it was worth, its own tokens and its name."""
    with server() as served:
        extract_invoices(chain(served.openai_url, method), ask, config)

    assert kinds(kept) == TRUTH
    assert tokens(kept) == [(INPUT, OUTPUT)] * len(REPLIES)
    assert {one.call.function for one in kept} == {"extract"}


@pytest.mark.parametrize("ask", [streamed, streamed_async])
@pytest.mark.parametrize("method", METHODS)
def test_the_recorded_rate_of_streams_is_the_true_one(kept, config, method, ask):
    """The same of streams; tokens are known where the stream was not ended by what it said."""
    with server() as served:
        extract_invoices(chain(served.openai_url, method), ask, config)

    assert kinds(kept) == TRUTH
    assert all(known in [(INPUT, OUTPUT), (None, None)] for known in tokens(kept))
    assert [known for one, known in zip(kept, tokens(kept), strict=True) if one.ok] == [(INPUT, OUTPUT)] * 3


@pytest.mark.parametrize(
    ("method", "strategy"), [*zip(METHODS, ("strict_schema", "tool_call", "json_mode"), strict=True)]
)
def test_a_call_says_how_it_was_asked(kept, config, method, strategy):
    """Way, provider and model; the raw message that is given beside the value changes nothing."""
    with server([RIGHT]) as served:
        whole(chain(served.openai_url, method, include_raw=True), config)

    call = kept[0].call
    assert (call.strategies, call.provider, call.model, call.schema_name) == (
        strategy,
        "openai",
        MODEL,
        "Invoice",
    )


@pytest.mark.parametrize("ask", [whole, awaited])
@pytest.mark.parametrize("method", METHODS)
def test_a_retry_is_the_next_attempt(kept, config, method, ask):
    """with_retry makes attempts of one call, each with its own tokens; another call is another one."""
    with server([WRONG, RIGHT, RIGHT]) as served:
        retried = chain(served.openai_url, method).with_retry(
            stop_after_attempt=2, wait_exponential_jitter=False
        )
        extract_invoices(retried, ask, config, 2)

    assert [[attempt.failure is None for attempt in one.attempts] for one in kept] == [[False, True], [True]]
    assert tokens(kept) == [(INPUT, OUTPUT)] * 3


def test_a_try_that_was_not_answered_is_no_attempt(kept, config):
    """A retry after a provider's error is the first attempt."""
    with server([RIGHT], faults=["http_503"]) as served:
        retried = chain(served.openai_url).with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
        whole(retried, config)

    assert [len(one.attempts) for one in kept] == [1]


def test_a_provider_that_was_not_reached_is_excluded(kept, config):
    """Its error is transport, and reaches the caller."""
    with server([], faults="http_503") as served:
        assert extract_invoices(chain(served.openai_url), whole, config, 1) == [None]

    assert kinds(kept) == ["transport"]


def test_a_refusal_is_one_also_in_a_stream(kept, config):
    """A stream that a refusal ends is not taken for one that was given up."""
    for ask in (whole, streamed):
        with server([RIGHT], faults="refusal") as served:
            extract_invoices(chain(served.openai_url), ask, config, 1)
    gc.collect()  # a stream that nobody holds any more ends when it is collected

    assert kinds(kept) == ["refusal", "refusal"]


def test_what_a_validator_refuses_is_semantic(kept, config):
    """LangChain's parser knows more than the schema: what it refuses is no valid reply."""
    from pydantic import field_validator

    class Strict(Invoice):
        @field_validator("total")
        @classmethod
        def small(cls, total: float) -> float:
            assert total < 10, "too much"
            return total

    with server([RIGHT]) as served:
        runnable = model(served.openai_url).with_structured_output(Strict, method="function_calling")
        extract_invoices(runnable, lambda one, with_: one.invoke("Invoice A-7", config=with_), config, 1)

    assert kinds(kept) == ["semantic"]


def test_two_functions_of_one_schema_are_told_apart(kept, config):
    """By the name of the outermost run that has one; a block goes first, the recorder's own last."""
    unnamed = {"callbacks": config["callbacks"]}
    with server([RIGHT] * 4) as served:
        runnable = chain(served.openai_url)
        whole(runnable, config)
        whole(runnable.with_config(run_name="other"), unnamed)
        with tags(function="block"):
            whole(runnable, config)
        whole(runnable, unnamed)

    assert [one.call.function for one in kept] == ["extract", "other", "block", "langchain:Invoice"]


def test_what_has_no_schema_is_counted(kept, config):
    """A message without a schema, and one that may call tools, are counted and not recorded."""
    before = counts().get("langchain", {})
    with server([RIGHT] * 2) as served:
        model(served.openai_url).invoke("hello", config=config)
        model(served.openai_url).bind_tools([Invoice]).invoke("hello", config=config)

    assert counted(before) == {"without_schema": 1, "tool_turns": 1}
    assert kept == []


def test_a_bound_format_is_a_schema(kept, config):
    """A response_format that was bound by hand, without with_structured_output."""
    asked = {"name": "Invoice", "schema": Invoice.model_json_schema(), "strict": True}
    with server([WRONG]) as served:
        bound = model(served.openai_url).bind(response_format={"type": "json_schema", "json_schema": asked})
        bound.invoke("hello", config=config)

    assert [(one.failure.kind, one.call.strategies) for one in kept] == [("structure", "strict_schema")]


def test_inside_of_a_guarded_function_nothing_is_recorded_twice(kept, config):
    """The guarded function's record is the call's."""

    @guard(Invoice, observe=True, store=kept, name="guarded")
    def extract(prompt: str):
        return whole(chain(prompt), config)

    with server([RIGHT]) as served:
        extract(served.openai_url)

    assert [one.call.function for one in kept] == ["guarded"]


@pytest.mark.parametrize("ask", [whole, streamed, awaited, streamed_async])
def test_over_litellm_a_call_is_recorded_once(kept, config, ask):
    """With both recorders, the call is LangChain's; one that litellm makes by itself is its own."""
    litellm = pytest.importorskip("langchain_litellm", reason="needs langchain-litellm")
    from schema_guard.ext.recorders import litellm as recorder

    recorder.install(store=kept)
    try:
        with server([WRONG, RIGHT]) as served:
            chat = litellm.ChatLiteLLM(
                model=f"openai/{MODEL}", api_base=served.openai_url, api_key="k", max_retries=0
            )
            prompt = ChatPromptTemplate.from_messages([("user", "{text}")])
            runnable = prompt | chat.with_structured_output(Invoice)
            extract_invoices(runnable, ask, config, 1)
            extract_invoices(runnable, whole, {}, 1)
            kept.wait(2)
    finally:
        recorder.uninstall()

    assert [(one.call.function, one.ok) for one in kept] == [("extract", False), ("litellm:Invoice", True)]


def test_a_variable_switches_it_on(monkeypatch, tmp_path):
    """Once the recorder is imported, the environment switches it on for calls that name none, once for each call."""
    url = f"sqlite:///{tmp_path / 'records.db'}"
    monkeypatch.setenv("SCHEMA_GUARD_STORE", url)
    monkeypatch.setenv(SWITCH, "1")
    with server([RIGHT, WRONG]) as served:
        extract_invoices(chain(served.openai_url), whole, {}, 2)
    monkeypatch.setenv(SWITCH, "0")
    with server([RIGHT]) as served:
        whole(chain(served.openai_url), {})

    from schema_guard import flush

    flush()
    with open_store(url) as store:
        assert sum(row.calls for row in store.configurations()) == 2
