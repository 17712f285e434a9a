"""How often an SDK had repeated a request is recorded where it tells it, and nothing is claimed otherwise."""

import asyncio
import importlib
import json
from types import MappingProxyType, SimpleNamespace

import pytest

from schema_guard import guard
from schema_guard.models import connect
from schema_guard.models.providers import PROVIDERS
from schema_guard.received.retries import NOTED, retries_of_reply, unwrapped
from schema_guard.records import open_store
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
def test_retries_of_a_model_are_recorded(at, name, way):
    """With retries on, the attempt says how many were taken; without them the failure is raised after one request."""
    with serve(ScriptedModel([TEXT], cycle=True), faults=FAULTS) as server:
        messages = [outcome_of(at(server, name, max_retries=2), way).attempts[0].retries for _ in range(2)]

        assert (messages, len(server.requests)) == ([1, 0], 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_reply_with_retries_is_the_same_reply(at, name):
    """What is kept beside it stands in no copy of it as data."""
    with (
        serve(ScriptedModel([TEXT], cycle=True)) as server,
        at(server, name, max_retries=1) as model,
        at(server, name) as plain,
    ):
        noted, other = model("hi"), plain("hi")

    assert type(noted) is type(other)
    assert noted.model_dump().keys() == other.model_dump().keys()
    assert (getattr(noted, NOTED), retries_of_reply(other)) == (0, None)


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_a_function_of_ones_own_that_gives_the_raw_response(name):
    """The SDK tells it of a response that is not parsed, which is read as the reply that it holds."""
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
    assert [outcome.attempts[0].retries for outcome in outcomes] == [1, 0, None]
    assert outcomes[0].attempts[0].usage.output_tokens


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_failed_at_last_tells_it_too(at, name, tmp_path):
    """The exception has the last request, and the stored attempt its number."""
    with (
        serve(ScriptedModel([TEXT], cycle=True), faults="http_503") as server,
        open_store(str(tmp_path / "r.db")) as store,
    ):
        with at(server, name, max_retries=2) as model, pytest.raises(Exception):  # noqa: B017, PT011 - each SDK has its own
            guard(SCHEMA, store=store)(model)("hi")
        store.flush()

        (row,) = store.attempts()
        assert (row["kind"], row["retries"], len(server.requests)) == ("transport", 2, 3)


class Raw:
    """A response of an SDK that is not parsed."""

    def __init__(self, text, kind="application/json"):
        self.retries_taken = 1
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
    assert stored[0].attempts[0].retries == 1


def test_what_tells_nothing_is_left_alone():
    """Values of the user's own are not looked into."""
    own = type("Own", (), {})()
    own.retries_taken = 3

    for value in (None, 3, "x", {}, [], own, object()):
        assert (retries_of_reply(value), unwrapped(value)) == (None, value)


def test_boto3_tells_its_retries_in_each_reply(monkeypatch):
    """An attempt is one request without them."""
    boto3 = pytest.importorskip("boto3", reason="needs boto3")
    from botocore.retries.standard import ExponentialBackoff

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    with serve(ScriptedModel([TEXT], cycle=True), faults=["http_503"]) as server:
        known = {"aws_access_key_id": "k", "aws_secret_access_key": "s"}
        config = importlib.import_module("botocore.config").Config(
            retries={"total_max_attempts": 3, "mode": "standard"}
        )
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=server.bedrock_url,
            config=config,
            **known,
        )

        @guard(SCHEMA, store=None)
        def ask(prompt):
            return client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": prompt}]}])

        try:
            retries = [ask.outcome("hi").attempts[0].retries for _ in range(2)]
        finally:
            client.close()

    assert (retries, len(server.requests)) == ([1, 0], 3)
