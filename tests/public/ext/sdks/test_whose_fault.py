"""Facts about whose fault it was, with the packages themselves: pages of a proxy, settings, inputs, other validators.

A test whose package is not installed is skipped; `tests/received` has the same by the shapes of the exceptions.
"""

from __future__ import annotations

import contextlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import BaseModel

from schema_guard import guard, open_store

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


def observed(function):
    """Observe one call and give its only attempt; what the function raises is let through."""
    with open_store("sqlite://") as store:

        @guard(Invoice, observe=True, store=store)
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
