"""A key goes to the host that it belongs to, and stands nowhere else."""

import asyncio
import contextlib
import io
import json
import logging
import pickle
import traceback
from urllib.parse import quote, quote_plus

import pytest

import schema_guard
from schema_guard import guard
from schema_guard.errors import InvalidArgument
from schema_guard.models import connect
from schema_guard.models.apis.openai_api import OpenAIModel
from schema_guard.models.endpoint import Endpoint
from schema_guard.models.providers import PROVIDERS
from tests.models.listeners import Listener

openai = pytest.importorskip("openai", reason="needs the extra 'openai'")

CANARIES = {name: f"canary-{name.lower()}" for row in PROVIDERS.values() for name in row.keys}
NAMES = sorted(set(PROVIDERS) - {"openai-decisions"})  # it answers questions, not prompts
# One of each package and way of asking; the others differ by their row.
FIRST = ("openai", "openai-responses", "anthropic", "google", "groq")
EACH = [pytest.param(name, marks=() if name in FIRST else pytest.mark.slow) for name in NAMES]
MODULES = {
    "anthropic": "anthropic",
    "google": "google.genai",
}
# Headers of one's own. Those of google stand elsewhere.
HEADERS = {"x-corp": "canary-mine"}
WITH_MINE = {
    "google": {},
}
# Whose SDK reads more headers of theirs from the environment.
WITH_HEADERS = ("openai", "openai-responses", "anthropic")


@pytest.fixture
def listener():
    with Listener() as running:
        yield running


@pytest.fixture
def canaries(monkeypatch):
    """Every provider's variable holds a key of its own."""
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    for name in (
        "SCHEMA_GUARD_MODEL_KEY",
        *[row.url_variable for row in PROVIDERS.values() if row.url_variable],
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_ORG_ID", "canary-org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "canary-project")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-corp-token: canary-custom")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-corp-token-2: canary-custom")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9")
    return CANARIES


def at(monkeypatch, name, url):
    """Put a provider behind a loopback address."""
    row = PROVIDERS[name]
    path = "" if row.url is None else f"/{row.url.partition('://')[2].partition('/')[2]}"
    moved = row.moved(f"{url}{row.path or path}".rstrip("/"))
    monkeypatch.setattr("schema_guard.models.names.PROVIDERS", {**PROVIDERS, name: moved})


def package_of(name):
    """Skip where the provider's package is not here."""
    pytest.importorskip(MODULES.get(name, "openai"), reason=f"needs the package of {name}")


def asked(model, way="call"):
    """Ask a model that is refused; give the exception."""

    async def acall():
        async with model:
            await model.acall("x")

    ways = {
        "call": lambda: model("x"),
        "acall": lambda: asyncio.run(acall()),
        "stream": lambda: list(model.stream("x")),
    }
    with model, pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
        ways[way]()
    return caught.value


def canaries_in(*texts):
    return {
        word
        for text in texts
        for word in str(text).replace('"', " ").replace("'", " ").split()
        if "canary" in word
    }


def test_a_url_gets_the_key_of_no_provider(listener, canaries):
    """A server that is named by its URL gets nothing that stands in the variables of others."""
    asked(connect(f"{listener.url}/v1#m"))

    assert canaries_in(*listener.came[0].values()) == set()
    assert listener.came[0]["authorization"] == "Bearer none"


@pytest.mark.parametrize("way", ["key", "variable"])
def test_a_url_gets_its_own_key(listener, canaries, monkeypatch, way):
    """The key of a URL is the one of the call, else that of SCHEMA_GUARD_MODEL_KEY."""
    monkeypatch.setenv("SCHEMA_GUARD_MODEL_KEY", "mine" if way == "variable" else "other")
    asked(connect(f"{listener.url}/v1#m", key=None if way == "variable" else "mine"))

    assert listener.came[0]["authorization"] == "Bearer mine"


def test_an_endpoint_without_a_key_reads_no_variable(listener, canaries):
    """A model that is made without `connect` gets none of the environment's keys either."""
    asked(OpenAIModel("m", Endpoint(f"{listener.url}/v1")))

    assert listener.came[0]["authorization"] == "Bearer none"


@pytest.mark.parametrize("way", ["call", "acall", "stream"])
@pytest.mark.parametrize("name", EACH)
def test_a_provider_gets_its_own_key_alone(listener, canaries, monkeypatch, name, way):
    """Each provider that is known by name gets what its own variable holds, and nothing of another's."""
    package_of(name)
    at(monkeypatch, name, listener.url)
    asked(connect(f"{name}:m"), way)

    result = canaries_in(*listener.came[0].values())
    assert result & set(CANARIES.values()) == {CANARIES[PROVIDERS[name].keys[0]]}
    if name not in WITH_HEADERS:
        assert result <= set(CANARIES.values())


@pytest.mark.parametrize("way", ["call", "acall", "stream"])
@pytest.mark.parametrize("name", EACH)
def test_follows_no_redirect_to_another_origin(listener, canaries, monkeypatch, name, way):
    """A server that redirects a prompt to another origin gets an error, and the other server gets no request."""
    package_of(name)
    with Listener(leads_to=listener.url) as first:
        at(monkeypatch, name, first.url)
        error = asked(connect(f"{name}:m", options=WITH_MINE.get(name, {"extra_headers": HEADERS})), way)

    assert canaries_in(*first.came[0].values()) != set()
    assert listener.came == []
    assert str(error).startswith(f"{first.url} redirects to {listener.url}, but ")


def test_a_refused_redirect_is_an_error_of_the_provider(listener, tmp_path):
    """A guarded call records a refused redirect as an error of the provider."""
    with schema_guard.open_store(f"sqlite:///{tmp_path}/r.db") as store:
        with (
            Listener(leads_to=listener.url) as first,
            connect(f"{first.url}/v1#m") as model,
            pytest.raises(ConnectionError),
        ):
            guard({"type": "object"}, store=store)(model)("x")
        rows = [(row["kind"], row["code"]) for row in store.attempts()]

    assert rows == [("transport", "provider_error")]


def test_follows_a_redirect_inside_an_origin():
    """A server may redirect a request to another path of its own."""
    with Listener() as server:
        server.leads_to = f"{server.url}/moved"
        asked(connect(f"{server.url}/v1#m"))

    assert len(server.came) > 1


@pytest.mark.parametrize("name", EACH)
def test_a_key_stands_nowhere(listener, canaries, monkeypatch, caplog, tmp_path, name):
    """No `repr`, setting, record, log or exception holds a key, not even where the server says it."""
    package_of(name)
    at(monkeypatch, name, listener.url)
    caplog.set_level(logging.DEBUG)
    store = schema_guard.open_store(f"sqlite:///{tmp_path}/r.db?payload=full")
    with connect(f"{name}:m") as model:
        guarded = guard({"type": "object"}, store=store)(model)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each SDK has its own
            guarded("x")
        error = caught.value
    store.flush()
    store.close()
    text = b"".join(file.read_bytes() for file in sorted(tmp_path.iterdir()))
    written = io.StringIO()
    traceback.print_exception(error, file=written)
    shown = [repr(model), repr(model.endpoint), repr(guarded), written.getvalue(), repr(error), caplog.text]
    parts = [getattr(error, part, "") for part in ("message", "body", "details")]
    held = [getattr(error, "request", None), getattr(getattr(error, "response", None), "request", None)]
    headers = [value for one in held if one is not None for value in one.headers.values()]

    assert listener.came != []
    assert [value for value in CANARIES.values() if value.encode() in text] == []
    assert canaries_in(*shown, *parts, *headers) & set(CANARIES.values()) == set()


@pytest.mark.parametrize("key", ["k", "bad"])
def test_a_short_key_garbles_no_message(listener, canaries, key):
    """A key of one to three letters occurs in ordinary words, so it is not replaced there."""
    with (
        connect(f"{listener.url}/v1#m", key=key) as model,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        model("x")

    assert "bad key: {" in str(caught.value)


def test_a_key_of_four_characters_is_hidden(listener, canaries):
    """A server's answer shows no key of four or more characters."""
    with (
        connect(f"{listener.url}/v1#m", key="zq7x") as model,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        model("x")

    assert "Bearer ***" in str(caught.value)


def words_in(value, seen):
    """Return all texts and bytes that can be reached from a value, except through connections and tracebacks."""
    if id(value) in seen or type(value).__name__.endswith(("Client", "Connection", "Pool", "traceback")):
        return []
    seen[id(value)] = value
    if isinstance(value, (str, bytes)):
        return [value if isinstance(value, str) else value.decode("latin-1")]
    slots = [
        getattr(value, name, None) for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())
    ]
    parts = [*getattr(value, "__dict__", {}).values(), *slots]
    if isinstance(value, dict):
        parts += [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set)):
        parts += value
    if isinstance(value, BaseException):
        parts += [value.args, value.__cause__, value.__context__, str(value), repr(value)]
    return [word for part in parts for word in words_in(part, seen)]


@pytest.mark.parametrize("way", ["call", "acall", "stream"])
@pytest.mark.parametrize("name", EACH)
def test_no_part_of_an_error_holds_a_key(canaries, monkeypatch, name, way):
    """A server echoes the key in body and headers. Neither the error, nor its response, nor its pickle holds the key."""
    package_of(name)
    with Listener(echoes_in_header=True) as listener:
        at(monkeypatch, name, listener.url)
        error = asked(connect(f"{name}:m"), way)
    response = getattr(error, "response", None) or getattr(error, "raw_response", None)
    words = [
        *words_in(error, {}),
        *words_in(vars(response) if hasattr(response, "headers") else response, {}),
    ]
    with contextlib.suppress(TypeError, pickle.PicklingError, AttributeError):
        words.append(pickle.dumps(error).decode("latin-1"))
    if hasattr(response, "headers"):
        words.append(str(response.headers))
    if hasattr(response, "_content"):
        words += [response.text, str(response.content)]

    keys = {
        value for value in CANARIES.values() if any(value in header for header in listener.came[0].values())
    }
    assert keys != set()
    assert {key for key in keys for word in words if key in word} == set()


@pytest.mark.parametrize("key", ['a"b\\canary/key', "canary key+1"])
def test_no_form_of_a_key_stays_in_an_error(listener, key):
    """JSON escapes and URL escapes of a key are replaced too."""
    echoes = [
        key,
        json.dumps(key),
        json.dumps(key).replace("/", "\\/"),
        quote(key),
        quote_plus(key),
        repr(key),
    ]
    with pytest.raises(LookupError) as caught, Endpoint(listener.url, key).keyless():
        raise LookupError(*echoes)

    assert [echo for echo in caught.value.args if "canary" in echo] == []


def test_a_deeply_nested_body_of_an_error_holds_no_key():
    """A body that is nested too deep to be searched is cut."""
    error = LookupError("x")
    error.body = "canary"
    for _ in range(700):
        error.body = [error.body]
    with pytest.raises(LookupError), Endpoint("http://h/v1", "canary").keyless():
        raise error

    assert "canary" not in repr(error.body)


def test_a_value_that_an_error_holds_twice_holds_no_key():
    """Each place of a shared value loses the key."""
    error = LookupError("x")
    shared = ("canary",)
    error.body, error.details = [shared], {"again": shared}
    with pytest.raises(LookupError), Endpoint("http://h/v1", "canary").keyless():
        raise error

    assert (error.body, error.details) == ([("***",)], {"again": ("***",)})


@pytest.mark.parametrize("name", [name for name in NAMES if PROVIDERS[name].needs_key])
def test_a_key_that_is_missing_is_named(canaries, monkeypatch, name):
    """Without a key the error says which variable holds it, and no other one is taken."""
    for variable in PROVIDERS[name].keys:
        monkeypatch.delenv(variable)

    with pytest.raises(
        InvalidArgument, match=f"{PROVIDERS[name].label} needs a key. Set {PROVIDERS[name].keys[0]}"
    ):
        connect(f"{name}:m")


def test_no_variable_belongs_to_two_hosts():
    """A key's variable is that of one provider."""
    owners = {}
    for row in PROVIDERS.values():
        for variable in row.keys:
            owners.setdefault(variable, set()).add(row.label)

    assert {variable: labels for variable, labels in owners.items() if len(labels) > 1} == {}


def test_a_key_that_is_none_is_not_shown():
    """A key of another type is refused without being shown."""
    with pytest.raises(InvalidArgument) as caught:
        connect("http://h/v1#m", key=["canary"])

    assert str(caught.value) == "key: expected a nonempty str or None, got a value of type list"
