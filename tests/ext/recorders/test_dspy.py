"""The recorder of DSPy: programs as its documentation writes them, against a server with known failures."""

import asyncio
import os
from contextlib import suppress
from enum import Enum
from typing import Literal

import pytest

from schema_guard import guard, tags
from schema_guard.ext.recorders import counts
from schema_guard.testing import serve
from tests.ext.recorders.applications import (
    CUT,
    INPUT,
    MODEL,
    OUTPUT,
    PROSE,
    RIGHT,
    WRONG,
    Invoice,
    Kept,
    kinds,
    scripted,
    server,
    tokens,
)

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise it downloads a list of prices when imported
dspy = pytest.importorskip("dspy", reason="needs dspy")

from schema_guard.ext.recorders.dspy import callback  # noqa: E402 - after the skip

pytestmark = pytest.mark.filterwarnings("ignore")  # DSPy and litellm warn about their own parts

CHAT = "[[ ## number ## ]]\nA-7\n\n[[ ## total ## ]]\n{total}\n\n[[ ## completed ## ]]"
CHAT_RIGHT, CHAT_WRONG = CHAT.format(total="12.5"), CHAT.format(total="twelve")
REASONED = "[[ ## reasoning ## ]]\nIt is easy.\n\n" + CHAT_RIGHT
FAILING = [WRONG, PROSE, CUT, ""]
TRUTH = ["structure", "syntax", "truncation", "syntax"]


class ReadInvoice(dspy.Signature):
    """Read an invoice."""

    text: str = dspy.InputField()
    number: str = dspy.OutputField()
    total: float = dspy.OutputField()


class ReadReceipt(dspy.Signature):
    """Read a receipt."""

    text: str = dspy.InputField()
    number: str = dspy.OutputField()
    total: float = dspy.OutputField()


@pytest.fixture
def kept():
    before = counts().get("dspy", {}).get("errors", 0)
    yield Kept()
    assert counts()["dspy"].get("errors", 0) == before


@pytest.fixture
def configured(kept):
    """Return a context with a model of a server, and the one line of the application: `callbacks`."""

    def context(answering, adapter=None, model=MODEL, **more):
        more = {"cache": False, "num_retries": 0, **more}
        lm = dspy.LM(f"openai/{model}", api_base=answering.openai_url, api_key="k", **more)
        return dspy.context(lm=lm, adapter=adapter, callbacks=[callback(store=kept)])

    return context


def codes(outcome):
    return [attempt.failure and attempt.failure.code for attempt in outcome.attempts]


# Every way of running a program: a function that is given a signature and runs it 20 times.


def whole(signature):
    predict = dspy.Predict(signature)
    for number in range(20):
        with suppress(Exception):
            predict(text=f"Invoice {number}")


def asynchronous(signature):
    predict = dspy.Predict(signature)

    async def run():
        await asyncio.gather(*[predict.acall(text=str(i)) for i in range(20)], return_exceptions=True)

    asyncio.run(run())


def streamed(signature):
    stream = dspy.streamify(dspy.Predict(signature))

    async def run():
        for number in range(20):
            with suppress(Exception):
                assert [chunk async for chunk in stream(text=f"Invoice {number}")]

    asyncio.run(run())


def asyncified(signature):
    predict = dspy.asyncify(dspy.Predict(signature))

    async def run():
        await asyncio.gather(*[predict(text=str(i)) for i in range(20)], return_exceptions=True)

    asyncio.run(run())


def parallel(signature):
    predict = dspy.Predict(signature)
    examples = [dspy.Example(text=f"Invoice {number}").with_inputs("text") for number in range(20)]
    run = dspy.Parallel(num_threads=4, max_errors=100, disable_progress_bar=True)
    run([(predict, example) for example in examples])


@pytest.mark.parametrize("way", [whole, asynchronous, streamed, asyncified, parallel])
def test_recorded_rates_are_the_true_ones(kept, configured, way):
    """Each of 20 good and 20 failing runs is one call of its signature, as many as the server received requests."""
    with server([RIGHT] * 20 + FAILING * 5) as answering, configured(answering, dspy.JSONAdapter()):
        way(ReadInvoice)
        way(ReadReceipt)
        requests = len(answering.requests)

    kept.wait(40)
    good, failing = (
        [one for one in kept if one.call.function == name] for name in ("ReadInvoice", "ReadReceipt")
    )
    assert (kinds(good), sorted(kinds(failing))) == ([None] * 20, sorted(TRUTH * 5))
    assert sum(len(one.attempts) for one in kept) == requests == 40
    known = set(tokens(kept))
    assert known == {(INPUT, OUTPUT)} or (way is streamed and known <= {(INPUT, OUTPUT), (None, None)})


def test_fallback_to_another_adapter_is_another_attempt(kept, configured):
    """If DSPy falls back to JSON, the reply that it could not parse is the first attempt, and the next one the second."""
    replies = [CHAT_RIGHT] * 20 + [CHAT_WRONG, RIGHT] * 10 + [PROSE, PROSE] * 10
    with server(replies) as answering, configured(answering):
        whole(ReadInvoice)
        whole(ReadReceipt)
        requests = len(answering.requests)

    assert [codes(one) for one in kept[:20]] == [[None]] * 20
    assert [codes(one) for one in kept[20:30]] == [["type", None]] * 10
    assert [codes(one) for one in kept[30:]] == [["malformed", "no_json"]] * 10
    assert sum(len(one.attempts) for one in kept) == requests == 60
    assert kept[20].attempts[0].reply == CHAT_WRONG
    assert kept[20].call.strategies == "system_prompt"


class Billing(dspy.Module):
    """A program with two predictors of the same fields."""

    def __init__(self):
        self.read = dspy.ChainOfThought(ReadInvoice)
        self.audit = dspy.Predict(ReadReceipt)

    def forward(self, text):
        return self.read(text=text), self.audit(text=text)


def test_predictors_of_a_program_are_functions_of_their_own(kept, configured):
    """A program's predictors have its name and their path, as `named_predictors()` has it."""
    replies = [text for _ in range(20) for text in (REASONED, CHAT_WRONG, PROSE)]
    with server(replies) as answering, configured(answering):
        program = Billing()
        for number in range(20):
            with suppress(Exception):
                program(text=f"Invoice {number}")

    by_name = {name: [one.ok for one in kept if one.call.function == name] for name in map(function_of, kept)}
    assert by_name == {"Billing.read.predict": [True] * 20, "Billing.audit": [False] * 20}
    assert [name for name, _ in program.named_predictors()] == ["read.predict", "audit"]


def function_of(outcome):
    return outcome.call.function


def test_functions_of_dspys_own_modules_have_the_signatures_name(kept, configured):
    """A class is named as it is, a text by its fields; `tags` goes first."""
    with server([CHAT_RIGHT, CHAT_RIGHT, REASONED, CHAT_RIGHT]) as answering, configured(answering):
        dspy.Predict(ReadInvoice)(text="t")
        dspy.Predict("text -> number, total: float")(text="t")
        dspy.ChainOfThought("text -> number, total: float")(text="t")
        with tags(function="billing"):
            dspy.Predict(ReadInvoice)(text="t")

    assert [function_of(one) for one in kept] == [
        "ReadInvoice",
        "text -> number, total",
        "text -> number, total",
        "billing",
    ]
    assert all(one.ok for one in kept)


def test_run_that_a_module_repeats_is_another_attempt(kept, configured):
    """`BestOfN` runs a predictor again that failed: one call. A run that it repeats for its reward is another call."""
    with server([CHAT_WRONG, PROSE, CHAT_RIGHT, CHAT_RIGHT, CHAT_RIGHT]) as answering, configured(answering):
        predict = dspy.Predict(ReadInvoice)
        dspy.BestOfN(predict, N=3, reward_fn=lambda *_: 1.0, threshold=1.0)(text="t")
        dspy.BestOfN(predict, N=2, reward_fn=lambda *_: 0.0, threshold=1.0)(text="t")

    assert [codes(one) for one in kept] == [["type", "no_json", None], [None], [None]]


def test_failure_of_the_provider_is_excluded(kept, configured):
    """A busy server is nobody's format failure, and its exception reaches the application."""
    failed = pytest.raises(Exception, match=r"503|unavailable|overloaded")
    serving = server([RIGHT], faults=["http_503"] * 5)
    with serving as answering, configured(answering, dspy.JSONAdapter()), failed as caught:
        dspy.Predict(ReadInvoice)(text="t")

    assert "AdapterParseError" not in type(caught.value).__name__
    (outcome,) = kept
    assert outcome.failure.kind == "transport"


def test_replies_from_the_cache_are_counted(kept, configured):
    """One of three equal runs asks the model. The other two are not recorded."""
    before = counts().get("dspy", {}).get("cached", 0)
    with server([RIGHT] * 3) as answering, configured(answering, dspy.JSONAdapter(), cache=True):
        for _ in range(3):
            dspy.Predict(ReadInvoice)(text=f"at {answering.url}")

    assert (len(kept), counts()["dspy"]["cached"] - before, len(answering.requests)) == (1, 2, 1)


def is_paid(number: str) -> bool:
    """Return whether an invoice is paid."""
    return number == "A-7"


STEP = "[[ ## next_thought ## ]]\nLook.\n\n[[ ## next_tool_name ## ]]\n{}\n\n[[ ## next_tool_args ## ]]\n{}\n\n[[ ## completed ## ]]"


def test_tool_calls_of_an_agent_are_calls_of_their_tools(kept, configured):
    """A wrong call and the one that corrects it are one call of the tool; the end of the agent is none."""
    steps = [
        STEP.format(name, arguments)
        for name, arguments in (
            ("is_paid", '{"no": "A-7"}'),
            ("is_paid", '{"number": "A-7"}'),
            ("finish", "{}"),
        )
    ]
    with server([*steps, REASONED] * 20) as answering, configured(answering):
        agent = dspy.ReAct(ReadInvoice, tools=[is_paid])
        for number in range(20):
            agent(text=f"Invoice {number}")
        requests = len(answering.requests)

    called = [one for one in kept if one.call.schema_name == "is_paid"]
    assert [codes(one) for one in called] == [["additionalProperties", None]] * 20
    assert {function_of(one) for one in kept} == {"ReadInvoice"}
    assert len(kept) - len(called) == requests == 80
    assert {tokens([one])[0] for one in called} == {(None, None)}


def test_tools_of_an_agent_in_a_program_are_the_agents(kept, configured):
    """The tool's call has the function of the step that made it, and a correction continues it."""

    class Desk(dspy.Module):
        def __init__(self):
            self.agent = dspy.ReAct(ReadInvoice, tools=[is_paid])

        def forward(self, text):
            return self.agent(text=text)

    steps = [STEP.format("is_paid", '{"number": "A-7"}'), STEP.format("finish", "{}"), REASONED]
    with server(steps) as answering, configured(answering):
        Desk()(text="t")

    assert [
        (function_of(one), one.call.schema_name) for one in kept if one.call.strategies == "tool_call"
    ] == [("Desk.agent.react", "is_paid")]
    assert {function_of(one) for one in kept} == {"Desk.agent.react", "Desk.agent.extract.predict"}


def test_native_tool_calls_have_the_tokens_of_their_reply(kept, configured):
    """A model that calls tools by its API: each call is one of its tool."""

    class Act(dspy.Signature):
        text: str = dspy.InputField()
        tools: list[dspy.Tool] = dspy.InputField()
        calls: dspy.ToolCalls = dspy.OutputField()

    right, wrong = (
        {"text": text, "finish_reason": "tool_call"} for text in ('{"number": "A-7"}', '{"no": 1}')
    )
    adapter = dspy.ChatAdapter(use_native_function_calling=True)
    with server([right] * 20 + [wrong] * 20) as answering, configured(answering, adapter, "gpt-4o-mini"):
        act = dspy.Predict(Act)
        for number in range(40):
            act(text=f"Invoice {number}", tools=[dspy.Tool(is_paid)])

    assert [one.ok for one in kept] == [True] * 20 + [False] * 20
    assert {one.call.schema_name for one in kept} == {"is_paid"}
    assert set(tokens(kept)) == {(INPUT, OUTPUT)}


class Currency(Enum):
    """A currency."""

    EUR = "EUR"
    USD = "USD"


def test_kind_of_each_failure_is_that_of_the_field(kept, configured):
    """A type, an enum, a literal, a missing field and a limit have the code and the place that a JSON Schema has."""

    class Read(dspy.Signature):
        text: str = dspy.InputField()
        currency: Currency = dspy.OutputField()
        kind: Literal["invoice", "receipt"] = dspy.OutputField()
        total: float = dspy.OutputField(ge=0)

    good = '{"currency": "EUR", "kind": "invoice", "total": 1.5}'
    replies = [
        good,
        good.replace("EUR", "GBP"),
        good.replace("invoice", "letter"),
        good.replace(', "total": 1.5', ""),
        good.replace("1.5", "-1"),
    ]
    with server(replies) as answering, configured(answering, dspy.JSONAdapter()):
        for number in range(5):
            with suppress(Exception):
                dspy.Predict(Read)(text=str(number))

    assert [codes(one) for one in kept] == [[None], ["enum"], ["enum"], ["required"], ["minimum"]]
    if dspy.__version__ < "3.4":  # it does not name the field
        return
    places = [violation.instance_location for one in kept[1:] for violation in one.failure.violations]
    assert places == ["/currency", "/kind", "", "/total"]


def test_run_inside_a_guarded_function_of_its_fields_is_the_guards(kept, configured):
    """A guarded function that runs a program is recorded once, by the guard, with or without reasoning."""

    @guard(Invoice, observe=True, store=kept, name="guarded")
    def read(text):
        predictor = dspy.ChainOfThought(ReadInvoice)
        return predictor(text=text)

    @guard(Invoice, observe=True, store=kept, name="guarded")
    def read_nested(text):
        return dspy.Predict(
            dspy.Signature("text -> invoice", "").with_updated_fields("invoice", type_=Invoice)
        )(text=text)

    with server([REASONED, '{"invoice": ' + RIGHT + "}"]) as answering:
        with configured(answering):
            read("t")
        with configured(answering, dspy.JSONAdapter()):
            read_nested("t")

    assert [(function_of(one), one.ok) for one in kept] == [("guarded", True)] * 2


def test_threads_of_dspy_belong_to_the_code_that_starts_them(kept, configured):
    """Tags and a guarded function around an evaluation or a parallel program apply in its threads."""
    if dspy.__version__ < "3.4":
        pytest.skip("threads of DSPy before 3.4 lose the call around them")

    class Both(dspy.Module):
        def __init__(self):
            self.read = dspy.Predict(ReadInvoice)

        def forward(self, texts):
            run = dspy.Parallel(num_threads=2, disable_progress_bar=True)
            return run([(self.read, {"text": text}) for text in texts])[0]

    @guard(Invoice, observe=True, store=kept, name="guarded")
    def read(text):
        return Both()(texts=[text, text])

    example = dspy.Example(text="t").with_inputs("text")
    with server([RIGHT] * 6) as answering, configured(answering, dspy.JSONAdapter()):
        evaluate = dspy.Evaluate(devset=[example] * 2, metric=lambda *_: 1.0, num_threads=2)
        with tags(segment="evaluation"):
            evaluate(dspy.Predict(ReadInvoice))
            Both()(texts=["t", "u"])
        read("t")

    assert [(one.call.segment, function_of(one)) for one in kept] == [
        ("evaluation", "ReadInvoice"),
        ("evaluation", "ReadInvoice"),
        ("evaluation", "Both.read"),
        ("evaluation", "Both.read"),
        (None, "guarded"),
    ]


def test_request_without_a_program_is_counted(kept, configured):
    """`lm(prompt)` has no signature, so it counts as a call without a schema."""
    before = counts().get("dspy", {}).get("without_schema", 0)
    with server([RIGHT]) as answering, configured(answering):
        dspy.settings.lm("Hello.")

    assert (len(kept), counts()["dspy"]["without_schema"] - before) == (0, 1)


def test_cancelled_run_is_excluded(kept, configured):
    """A run that its caller cancels is no failure of the format."""

    async def run():
        task = asyncio.ensure_future(dspy.Predict(ReadInvoice).acall(text="t"))
        await asyncio.sleep(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with server([RIGHT], faults="stall") as answering, configured(answering, dspy.JSONAdapter()):
        asyncio.run(run())

    assert [codes(one) for one in kept] == [["cancelled"]]


def test_callback_that_is_registered_twice_records_once(kept, configured):
    """A callback of all programs and of one of them is the same."""
    with server([RIGHT]) as answering, configured(answering, dspy.JSONAdapter()):
        (one,) = dspy.settings.callbacks
        dspy.Predict(ReadInvoice, callbacks=[one])(text="t")

    assert len(kept) == 1


def test_two_step_adapter_makes_one_attempt(kept, configured):
    """The free text that another model reads is no attempt; the reply that holds the fields is."""
    with server([PROSE, CHAT_RIGHT]) as answering:
        lm = dspy.LM(f"openai/{MODEL}", api_base=answering.openai_url, api_key="k", cache=False)
        with configured(answering, dspy.TwoStepAdapter(lm)):
            dspy.Predict(ReadInvoice)(text="t")

    assert [codes(one) for one in kept] == [[None]]


def test_calls_beside_other_recorders_are_counted_once(kept):
    """DSPy over litellm, instructor, and litellm in one process, with a recorder each."""
    instructor = pytest.importorskip("instructor", reason="needs instructor")
    litellm = pytest.importorskip("litellm", reason="needs litellm")
    from openai import OpenAI

    from schema_guard.ext.recorders import litellm as litellms
    from schema_guard.ext.recorders.instructor import record

    litellms.install(store=kept, function="by_litellm")
    try:
        with serve(scripted([RIGHT, WRONG, RIGHT] * 60)) as answering:
            lm = dspy.LM(
                f"openai/{MODEL}", api_base=answering.openai_url, api_key="k", cache=False, engine="litellm"
            )
            client = instructor.from_openai(OpenAI(api_key="k", base_url=answering.openai_url))
            client = record(client, function="by_instructor", store=kept)
            messages = [{"role": "user", "content": "Read this invoice."}]
            for _ in range(20):
                with dspy.context(lm=lm, adapter=dspy.JSONAdapter(), callbacks=[callback(store=kept)]):
                    dspy.Predict(ReadInvoice)(text="t")
                client.create(model=MODEL, messages=messages, response_model=Invoice)
            kept.wait(40)
            for _ in range(20):
                litellm.completion(
                    model=f"openai/{MODEL}", api_base=answering.openai_url, api_key="k", messages=messages,
                    response_format=Invoice,
                )  # fmt: skip
            requests = len(answering.requests)
        kept.wait(60)
    finally:
        litellms.uninstall()

    counted = {
        name: [codes(one) for one in kept if function_of(one) == name] for name in map(function_of, kept)
    }
    assert sum(len(one.attempts) for one in kept) == requests
    assert {name: len(calls) for name, calls in counted.items()} == {
        "ReadInvoice": 20,
        "by_instructor": 20,
        "by_litellm": 20,
    }
