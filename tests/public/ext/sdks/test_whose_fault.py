"""Facts about whose fault it was, with the packages themselves: pages of a proxy, settings, inputs, other validators.

A test whose package is not installed is skipped; `tests/received` has the same by the shapes of the exceptions.
"""

from __future__ import annotations

import contextlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from schema_guard import InvalidArgument, guard, open_store
from schema_guard.testing import serve

GOOD = '{"vendor": "A", "total": 3}'


class Invoice(BaseModel):
    """An invoice."""

    vendor: str
    total: float


class _Proxy(BaseHTTPRequestHandler):
    """Answers as a proxy whose provider is gone, and one path as a server of the caller's own."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = GOOD.encode() if self.path == "/ok" else b"<html><h1>502 Bad Gateway</h1></html>"
        self.send_response(200 if self.path == "/ok" else 502)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def observed(function, schema=Invoice):
    """Observe one call and give its only attempt; what the function raises is let through."""
    with open_store("sqlite://") as store:

        @guard(schema, observe=True, store=store)
        def ask(prompt):
            return function()

        with contextlib.suppress(Exception):
            ask("t")
        [row] = store.attempts()
        return row


def ending(function):
    row = observed(function)
    return row["kind"], row["code"], row["exception"]


@pytest.mark.parametrize("package", ["httpx", "requests"])
def test_a_page_of_a_proxy_is_the_providers(package, url):
    """A 502 page is the provider's fault, read as JSON, as text, by its status, or given back as the response."""
    client = pytest.importorskip(package)

    assert ending(lambda: client.post(url, json={}).json())[:2] == ("transport", "provider_error")
    assert ending(lambda: json.loads(client.post(url, json={}).text))[:2] == ("transport", "provider_error")
    assert ending(lambda: client.post(url, json={}).raise_for_status())[:2] == ("transport", "provider_error")
    assert ending(lambda: client.post(url, json={}))[:2] == ("transport", "provider_error")
    assert ending(lambda: client.post("http://127.0.0.1:9", json={}))[:2] == ("transport", "provider_error")


@pytest.mark.parametrize("package", ["httpx", "requests"])
def test_a_good_response_is_the_reply(package, url):
    """A response whose body has come is read, and so is what its `json()` gives."""
    client = pytest.importorskip(package)

    assert observed(lambda: client.post(f"{url}/ok", json={}))["form"] == "clean"
    assert observed(lambda: client.post(f"{url}/ok", json={}).json())["form"] == "parsed"


class Billed(BaseModel):
    """An invoice of an agent."""

    number: str
    total: float


@pytest.mark.parametrize(
    ("is_redacted", "failure"), [(True, ("syntax", "provider_rejected")), (False, ("structure", "type"))]
)
def test_agents_that_do_not_redact_tell_the_exact_failure(is_redacted, failure, monkeypatch):
    """openai-agents removes text and reason from its exception, unless the environment says otherwise."""
    agents = pytest.importorskip("agents")
    from openai import AsyncOpenAI

    monkeypatch.setattr("agents._debug.DONT_LOG_MODEL_DATA", is_redacted)
    agents.set_tracing_disabled(True)
    with serve(['{"number": "A-7", "total": "twelve"}']) as server:
        client = AsyncOpenAI(api_key="k", base_url=server.openai_url, max_retries=0)
        model = agents.OpenAIChatCompletionsModel("model-x", client)
        agent = agents.Agent("billing", model=model, output_type=Billed)
        row = observed(lambda: agents.Runner.run_sync(agent, "Read this."), Billed)

    assert (row["kind"], row["code"]) == failure


def test_a_run_without_a_final_output_is_no_reply():
    """A run that waits for an approval has not ended, which the message says."""
    result = SimpleNamespace(raw_responses=[SimpleNamespace()], final_output=None, last_agent=object())

    with pytest.raises(InvalidArgument, match="the run has no final output"):
        guard(Billed, store=None)(lambda prompt: result)("t")


def test_settings_are_no_matter_of_the_model():
    """What pydantic-settings refuses is excluded, by its title."""
    settings = pytest.importorskip("pydantic_settings")

    class Conf(settings.BaseSettings):
        port_of_a_service: int

    assert ending(Conf) == ("transport", "call_raised", "ValidationError of Conf")


def test_other_validators_are_no_matter_of_the_model():
    """jsonschema's and Django's errors have the name and not the shape."""
    jsonschema = pytest.importorskip("jsonschema")
    assert ending(lambda: jsonschema.validate(3, {"type": "string"})) == (
        "transport",
        "call_raised",
        "ValidationError",
    )


def test_djangos_errors_are_no_matter_of_the_model():
    """A form's or field's error is excluded."""
    exceptions = pytest.importorskip("django.core.exceptions")

    def refuses():
        raise exceptions.ValidationError({"total": ["bad"]})

    assert ending(refuses) == ("transport", "call_raised", "ValidationError")
