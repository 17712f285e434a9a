"""Gateways that fix replies are seen in the request, and stand in the configuration."""

import pytest

from schema_guard.configuration.gateway_repair import repairers, repairers_of
from schema_guard.preparing.intermediaries import Retrying, repairers_in, retrying_in
from tests.public.ext.calls.test_options_told import (
    TEXT,
    plain,
    send,
)


class Client:
    """As the SDKs of OpenAI and Anthropic have it."""

    max_retries = 2


class Service:
    def __init__(self, client):
        self.client = client

    def ask(self, prompt):
        send(prompt, client=self.client)
        return TEXT


@pytest.mark.parametrize(
    "options",
    [
        None,
        3,
        [],
        {},
        {"plugins": None},
        {"plugins": "response-healing"},
        {"plugins": [3, {"id": 3}]},
        {"extra_body": []},
    ],
)
def test_anything_can_be_looked_at(options):
    """What is no request of a gateway that fixes is none."""
    assert repairers(options) == ()


@pytest.mark.parametrize(
    "settings", [None, "", "{", "[]", '{"gateway_repaired": 3}', '{"gateway_repaired": [3]}', "[" * 100_000]
)
def test_any_settings_can_be_read(settings):
    """Settings come out of stores, and may be anything."""
    assert repairers_of(settings) == ()


def test_clients_that_repeat_requests_are_found():
    """Those that a function reads by a name, an object's own, a closure's, and a part of one; not one without retries."""
    client, quiet = Client(), Client()
    quiet.max_retries = 0

    class Part:
        _client = client

    class Whole:
        client = Client()

    class Odd:
        max_retries = True

    part, whole, odd = Part(), Whole(), Odd()

    def closes(prompt):
        return client if prompt else quiet

    def parted(prompt):
        return part, odd

    def wrapped(prompt):
        return whole

    def defaulted(prompt, *, by=client):
        return by

    result = Retrying("client", "test_healing.Client", 2)
    assert [one._replace(kind=result.kind) for one in retrying_in(closes)] == [result]
    assert [one.name for one in retrying_in(parted)] == ["part"]
    assert [one.name for one in retrying_in(wrapped)] == ["whole"]
    assert [one.name for one in retrying_in(defaulted)] == ["a default"]
    assert [one.name for one in retrying_in(Service(client).ask)] == ["self.client"]
    assert retrying_in(Service(quiet).ask) == retrying_in(plain) == retrying_in(len) == retrying_in(3) == []


def test_what_fixes_replies_is_found_in_sets_of_words_too():
    """The code of a function has the words of a set, as it has those of a tuple."""

    def ask(prompt):
        return prompt in {"response-healing", "web"}

    assert repairers_in(ask) == ("response-healing",)


def test_the_clients_of_the_packages_are_known():
    """Their own default is to repeat a failed request twice."""
    openai = pytest.importorskip("openai", reason="needs the extra 'openai'")
    client = openai.OpenAI(api_key="k")
    chat = client.chat

    def ask(prompt):
        return chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])

    def direct(prompt):
        return client.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])

    assert retrying_in(ask) == [Retrying("chat", "openai.OpenAI", 2)]
    assert retrying_in(direct) == [Retrying("client", "openai.OpenAI", 2)]
    assert repairers_in(direct) == ()
    client.close()
