"""A model repeats requests only with `max_retries`. A raw response of an SDK is read as the reply that it holds."""

import asyncio
import importlib
import json
from types import MappingProxyType, SimpleNamespace

import pytest

from schema_guard import guard
from schema_guard.models import connect
from schema_guard.models.providers import PROVIDERS
from schema_guard.received.wrappers import unwrapped
from schema_guard.testing import ScriptedModel, serve

SCHEMA = {"type": "object", "required": ["total"]}
TEXT = '{"total": 12}'
# The first two differ by what they ask, not by their package.
NAMES = [
    pytest.param(one, marks=pytest.mark.slow if one == "openai-responses" else ())
    for one in ("openai", "openai-responses", "anthropic")
]
MESSAGES = [{"role": "user", "content": "hi"}]
# What a request is answered by, the next one rightly.
FAULTS = ["http_503", None, None, None]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Packages wait half a second before they ask again."""
    for name in ("openai", "anthropic"):
        try:
            package = importlib.import_module(f"{name}._base_client")
        except ImportError:
            continue
        for kind in (package.SyncAPIClient, package.AsyncAPIClient):
            monkeypatch.setattr(kind, "_calculate_retry_timeout", lambda *_: 0.0)


@pytest.fixture
def at(monkeypatch):
    """Connect the model of a provider to a server."""

    def connected(server, name, **more):
        pytest.importorskip("anthropic" if name == "anthropic" else "openai")
        root = server.url if name == "anthropic" else server.openai_url
        moved = {**PROVIDERS, name: PROVIDERS[name].moved(root)}
        monkeypatch.setattr("schema_guard.models.names.PROVIDERS", moved)
        return connect(f"{name}:m", key="k", **more)

    return connected


def outcome_of(model, way):
    settings = guard(SCHEMA, store=None)
    if way == "call":
        with model:
            return settings(model).outcome("hi")
    if way == "stream":
        with model:
            return settings(model.stream).outcome("hi")

    async def ask():
        async with model:
            return await settings(model.acall if way == "acall" else model.astream).outcome("hi")

    return asyncio.run(ask())


@pytest.mark.parametrize("way", ["call", "acall", "stream", "astream"])
@pytest.mark.parametrize("name", NAMES)
def test_model_repeats_requests_if_it_is_told_to(at, name, way):
    """With `max_retries`, a busy server does not end the call."""
    with serve(ScriptedModel([TEXT], cycle=True), faults=FAULTS) as server:
        values = [outcome_of(at(server, name, max_retries=2), way).value for _ in range(2)]

        assert (values, len(server.requests)) == ([{"total": 12}] * 2, 3)


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_function_of_ones_own_that_gives_the_raw_response(name):
    """A response that is not parsed is read as the reply that it holds."""
    package = pytest.importorskip(name)
    with serve(ScriptedModel([TEXT], cycle=True), faults=FAULTS) as server:
        root = server.url if name == "anthropic" else server.openai_url
        client = getattr(package, "Anthropic" if name == "anthropic" else "OpenAI")(
            base_url=root, api_key="k"
        )
        with client:
            api = client.messages if name == "anthropic" else client.chat.completions
            more = {"max_tokens": 9} if name == "anthropic" else {}

            def whole(prompt):
                return api.with_raw_response.create(model="m", messages=MESSAGES, **more)

            def streamed(prompt):
                return api.create(model="m", messages=MESSAGES, stream=True, **more)

            def parsed(prompt):
                return api.create(model="m", messages=MESSAGES, **more)

            outcomes = [guard(SCHEMA, store=None)(one).outcome("hi") for one in (whole, streamed, parsed)]

    assert [outcome.value for outcome in outcomes] == [{"total": 12}] * 3
    assert outcomes[0].attempts[0].usage.output_tokens


class Raw:
    """A response of an SDK that is not parsed."""

    def __init__(self, text, kind="application/json"):
        self.http_response = SimpleNamespace(text=text, headers=MappingProxyType({"content-type": kind}))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (Raw("<html></html>", "text/html"), "provider_error"),
        (Raw("not json"), "provider_error"),
        (Raw("[" * 100_000), "provider_error"),
        (Raw("", "text/event-stream"), "no_reply"),
        (Raw(json.dumps({"a": 1})), None),
    ],
    ids=["page", "broken", "deep", "stream", "other"],
)
def test_a_raw_response_that_holds_no_reply_is_no_failure_of_the_model(given, code):
    """A page, what is no JSON and a stream are faults of transport; what is no provider's is judged as the value it is."""
    stored = []

    class Kept:
        def record(self, outcome, task):
            stored.append(outcome)

    call = guard(SCHEMA, store=Kept(), max_attempts=1)(lambda prompt: given)
    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is not what this is about
        call("hi")

    failure = stored[0].failure
    assert (failure.kind == "transport", failure.code if code else None) == (code is not None, code)


def test_what_tells_nothing_is_left_alone():
    """Values of the user's own are not looked into."""
    own = type("Own", (), {})()

    for value in (None, 3, "x", {}, [], own, object()):
        assert unwrapped(value) is value
