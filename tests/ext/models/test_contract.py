"""What every model keeps, asked through the provider's own package against a server of its wire format."""

import asyncio
import json
import sys

import pytest

from schema_guard import About, guard
from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.models import Model, connect
from schema_guard.models.interface import details_of
from schema_guard.models.providers import PROVIDERS
from schema_guard.providers.options import TEXT_STRATEGIES
from schema_guard.received.replies import read
from schema_guard.received.streams import StreamReader
from schema_guard.testing import ScriptedModel, serve
from schema_guard.values import Usage

SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "integer"}},
    "required": ["total"],
    "additionalProperties": False,
}
TEXT = '{"total": 12}'
ANSWER = {
    "chunks": ['{"total"', ": 12}"],
    "finish_reason": "stop",
    "usage": {"input_tokens": 7, "output_tokens": 5},
}
BROKEN = {**ANSWER, "chunks": ['{"total": "twelve"}']}
MODULES = {
    "anthropic": "anthropic",
    "google": "google.genai",
    "outlines": "outlines",
}
PACKAGES = {
    "anthropic": "anthropic",
    "google": "google-genai",
}
NAMES = (
    *(name for name in PROVIDERS if name != "openai-decisions"),  # it answers questions, not prompts
    "url",
    "url-anthropic",
    "url-gemini",
    "url-vllm",
    "url-llamacpp",
    "url-mistral",
    "outlines",
    "outlines-async",
)
# One of each package and way of asking; the others differ by their row.
FIRST = (
    "openai",
    "openai-responses",
    "anthropic",
    "google",
    "mistral",
    "url",
    "outlines",
    "outlines-async",
)
STRATEGIES = ("json_mode", "tool_call", "strict_schema")
ENFORCING = {"strict_schema", "strict_only", "reason_then_strict"}
# What each one has, as the chapter prints it.
HAVE = {
    "anthropic": ("tool_call", "strict_schema"),
    "url-anthropic": ("tool_call", "strict_schema"),
    "deepseek": ("json_mode", "tool_call"),
    "ollama": ("json_mode", "strict_schema"),
    "lmstudio": ("strict_schema",),
    "url-llamacpp": ("json_mode", "strict_schema"),
    "outlines": ("json_mode", "strict_schema"),
    "outlines-async": ("json_mode", "strict_schema"),
}
WAYS = ("__call__", "acall", "stream", "astream")


def kind_of(name):
    kinds = {"url-gemini": "google", "outlines-async": "outlines"}
    own = name.removeprefix("url-")
    return kinds.get(name, own if own in MODULES else name)


def of_outlines(server, name, **more):
    """Connect a model of outlines, whose client is its owner's."""
    import openai
    import outlines

    is_async = name == "outlines-async"
    client = (openai.AsyncOpenAI if is_async else openai.OpenAI)(
        base_url=server.openai_url, api_key="k", max_retries=0
    )
    return connect(outlines.from_openai(client, "m"), **more)


def limited(name, tokens):
    """Give the options that limit a reply."""
    return {"config": {"temperature": tokens}} if kind_of(name) == "google" else {"temperature": tokens}


def sent(body):
    """Give the temperature that a request says."""
    return {**body, **body.get("generationConfig", {})}.get("temperature")


@pytest.fixture(params=[pytest.param(one, marks=() if one in FIRST else pytest.mark.slow) for one in NAMES])
def name(request, monkeypatch):
    """The name of each kind of model, whose package is here."""
    module = MODULES.get(kind_of(request.param), "openai")
    pytest.importorskip(module, reason=f"needs the package of {request.param}")
    for row in PROVIDERS.values():
        for variable in row.keys:
            monkeypatch.setenv(variable, "k")
    return request.param


@pytest.fixture
def at(monkeypatch, name):
    """Connect the model of a name to a server."""

    def connected(server, **more):
        if kind_of(name) == "outlines":
            return of_outlines(server, name, **more)
        root = server.url if kind_of(name) in MODULES else server.openai_url
        if name.endswith("mistral"):
            # Mistral sends the tokens of each stream. The server is OpenAI's, which has to be asked for them.
            more.setdefault("options", {"stream_options": {"include_usage": True}})
        if name in PROVIDERS:
            moved = {**PROVIDERS, name: PROVIDERS[name].moved(root)}
            monkeypatch.setattr("schema_guard.models.names.PROVIDERS", moved)
            return connect(f"{name}:m", **more)
        provider = name.partition("-")[2] or None
        return connect(f"{root}#m", provider=provider, **more)

    return connected


@pytest.fixture
def server():
    with serve(ScriptedModel([ANSWER], cycle=True)) as running:
        yield running


def told(reply):
    return reply.text, reply.finish_reason, reply.usage[:2], reply.model, reply.failure


def read_stream(chunks):
    reader = StreamReader()
    text = "".join([reader.feed(chunk) for chunk in chunks])
    return told(reader.end()._replace(text=text))


def known(name):
    """Give what is told of a reply: outlines gives its text alone."""
    if kind_of(name) == "outlines":
        return (TEXT, None, (None, None), None, None)
    return (TEXT, "stop", Usage(7, 5)[:2], "m", None)


def ways_of(model):
    """Give the ways in which a model can be asked."""
    return [way for way in WAYS if way not in details_of(model).lacks]


def asked(model, way, options=None):
    """Ask a model in one of its ways, to the end: its reply, or its chunks."""

    async def ask():
        # A model's asynchronous client is left with its event loop.
        if way == "acall":
            return await model.acall("hi", options=options)
        return [chunk async for chunk in model.astream("hi", options=options)]

    if way in ("acall", "astream"):
        return asyncio.run(ask())
    return model("hi", options=options) if way == "__call__" else list(model.stream("hi", options=options))


def test_replies_are_told_in_every_way(at, name, server):
    """Whole it gives the text, why it ended, its tokens and the model as answered; streamed it tells the same."""
    with at(server) as model:
        assert isinstance(model, Model)
        for way in ways_of(model):
            reply = asked(model, way)
            assert (read_stream(reply) if "stream" in way else told(read(reply))) == known(name), way


def test_what_it_lacks_is_told_at_decoration(at, server):
    """A way in which it cannot be asked is an error when a function is decorated, and by the way itself."""
    with at(server) as model:
        for way in details_of(model).lacks:
            with pytest.raises(InvalidArgument, match=r"model 'm': outlines.*Guard the model"):
                guard(SCHEMA, store=None)(getattr(model, way))
            with pytest.raises(InvalidArgument, match=r"model 'm': outlines"):
                asked(model, way)


def test_who_asks_many_at_once_can_ask_each(at, name, server):
    """What asks without blocking the event loop gives the reply, where the package has no such call too."""
    if name == "outlines":
        return
    with at(server) as model:
        reply = asyncio.run(details_of(model).areply("hi"))

    assert told(read(reply)) == known(name)


PRICES = {"m": {"p_in": 1.0, "p_cached": 0.1, "p_out": 2.0}}


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(one, marks=pytest.mark.slow if one in ("acall", "stream") else ())
        for one in ("call", "acall", "stream", "astream")
    ],
)
def test_a_call_costs_what_the_model_that_answered_costs(at, name, server, way):
    """Asked in each way, the tokens of the reply are priced by the model that it names; unknown ones have no price."""

    async def ask():
        async with at(server) as model:
            return await guard(SCHEMA, store=None, about=About(prices=PRICES))(getattr(model, way)).outcome(
                "hi"
            )

    with at(server) as model:
        method = "__call__" if way == "call" else way
        if method not in ways_of(model):
            return
        if way in ("call", "stream"):
            decorated = guard(SCHEMA, store=None, about=About(prices=PRICES))
            outcome = decorated(model if way == "call" else model.stream).outcome("hi")
    if way in ("acall", "astream"):
        outcome = asyncio.run(ask())

    (attempt,) = outcome.attempts
    messages = (json.dumps(outcome.value), attempt.finish_reason, attempt.usage[:2], attempt.model, None)
    assert messages == known(name)
    priced = kind_of(name) != "outlines"
    assert outcome.cost == (pytest.approx((7 * 1.0 + 5 * 2.0) / 1e6) if priced else None)


def test_a_stream_can_be_left(at, server):
    """A stream that is closed after its first chunk leaves the model of use, in both ways."""

    async def leave():
        async with at(server) as model:
            stream = model.astream("hi")
            await anext(stream)
            await stream.aclose()
            return read(await model.acall("hi")).text

    with at(server) as model:
        ways = ways_of(model)
        if "stream" in ways:
            stream = model.stream("hi")
            next(stream)
            stream.close()
            assert read(model("hi")).text == TEXT
    if "astream" in ways:
        assert asyncio.run(leave()) == TEXT


def test_options_are_sent_with_every_call(at, name, server):
    """Options of the model go with each request, those of a call before them, and None takes one away."""
    with at(server, options=limited(name, 0.5)) as model:
        way, *_, streamed = ways_of(model)
        for options in (None, limited(name, 1), limited(name, None)):
            asked(model, way, options)
        asked(model, streamed)

    assert [sent(request.body) for request in server.requests] == [0.5, 1, None, 0.5]


def test_options_stand_in_the_configuration(at, name, server):
    """Options of the model are a part of the settings that are recorded, its key is not."""
    secret = {} if kind_of(name) == "outlines" else {"key": "canary"}
    with at(server, options=limited(name, 0.5), **secret) as model:
        outcome = outcome_of(model)

    assert json.loads(outcome.call.settings)["options"] == limited(name, 0.5)
    assert "canary" not in repr(outcome)


def test_a_call_is_one_request(at):
    """What fails is asked for once, in every way."""
    with serve(ScriptedModel([ANSWER], cycle=True), faults="http_503") as server, at(server) as model:
        ways = ways_of(model)
        for way in ways:
            with pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
                asked(model, way)

        assert len(server.requests) == len(ways)


def test_a_request_is_given_up_in_time(at, name):
    """After timeout_s without an answer the call fails, in one request; a model of outlines has its client's."""
    if kind_of(name) == "outlines":
        return
    slow = {**ANSWER, "delay_s": 0.5}
    with serve(ScriptedModel([slow], cycle=True)) as server:
        with at(server, timeout_s=0.1) as model, pytest.raises(Exception, match=r"(?i)time|disconnect"):
            model("hi")

        assert len(server.requests) == 1


def test_a_closed_model_says_so(at, server):
    """Closed twice it is closed, and asks nobody again."""
    model = at(server)
    model.close()
    model.close()

    with pytest.raises(InvalidArgument, match=r"model 'm' is closed. Call connect\(\) again"):
        asked(model, ways_of(model)[0])


def outcome_of(model, **settings):
    """Give what comes of a guarded model."""
    decorated = guard(SCHEMA, store=None, **settings)
    if "__call__" in ways_of(model):
        return decorated(model).outcome("hi")
    return asyncio.run(decorated(model.acall).outcome("hi"))


@pytest.mark.parametrize(
    "strategy", [*sorted(TEXT_STRATEGIES), *STRATEGIES, *sorted(ENFORCING - {*STRATEGIES})]
)
def test_each_strategy_that_it_has_gives_the_value(at, name, strategy):
    """A guarded model takes each strategy of its capabilities, corrections too; another is an error at once."""
    with serve(ScriptedModel([BROKEN, ANSWER], cycle=True)) as server, at(server) as model:
        if strategy not in model.capabilities:
            with pytest.raises(InvalidArgument) as caught:
                outcome_of(model, strategy=strategy)

            strongest = next(one for one in ("strict_schema", "tool_call") if one in model.capabilities)
            assert f"provider {model.provider!r} does not support the strategy {strategy!r}" in str(
                caught.value
            )
            assert str(caught.value).endswith(f"Use another strategy. The strongest one is {strongest!r}")
            return
        outcome = outcome_of(model, strategy=strategy)

        assert (outcome.value, len(outcome.attempts)) == ({"total": 12}, 2)
        assert outcome.attempts[-1].usage[:2] == known(name)[2]


def test_capabilities_are_those_of_the_table(at, name, server):
    """What it has beside the text strategies is what the chapter prints."""
    with at(server) as model:
        have = set(HAVE.get(name, STRATEGIES))
        assert model.capabilities - TEXT_STRATEGIES == have | (
            ENFORCING if "strict_schema" in have else set()
        )


def test_a_missing_package_is_named(at, name, server, monkeypatch):
    """Without its package the error names the pip command; who has a model of outlines has its package."""
    kind = kind_of(name)
    if kind == "outlines":
        return
    for module in (MODULES.get(kind, "openai"), *(["google"] if kind == "google" else [])):
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra) as caught:
        at(server)

    extra = kind if kind in MODULES else "openai"
    package = PACKAGES.get(kind, "openai")
    assert str(caught.value) == f"model 'm' needs {package}. Run pip install 'schema-guard[{extra}]'"
