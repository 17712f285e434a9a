"""Gateways that mend replies are seen in the request, and stand in the configuration."""

import functools
import json

import pytest

from schema_guard import guard
from schema_guard.guards.between import Retrying, healers_in, retrying_in
from schema_guard.healing import healers, healers_of
from schema_guard.models import connect
from schema_guard.testing import ScriptedModel, serve

SCHEMA = {"type": "object", "required": ["total"]}
TEXT = '{"total": 12}'
HEALING = {"extra_body": {"plugins": [{"id": "response-healing"}]}}
PLUGINS = [{"id": "web"}, {"id": "response_healing", "enabled": True}]


def written(prompt, options=None):
    send(prompt, extra_body={"plugins": [{"id": "response-healing"}]})
    return TEXT


def by_another(prompt):
    return written(prompt)


def by_a_name(prompt):
    send(prompt, plugins=PLUGINS)
    return TEXT


def by_default(prompt, options=HEALING):
    return TEXT


def plain(prompt, options=None):
    send(prompt)
    return TEXT


def send(prompt, **arguments):
    """What a client would do."""


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
    ("function", "found"),
    [
        (written, ["response-healing"]),
        (by_another, ["response-healing"]),
        (by_a_name, ["response_healing"]),
        (by_default, ["response-healing"]),
        (functools.partial(by_a_name), ["response_healing"]),
        (plain, None),
    ],
)
def test_what_a_function_sends_stands_in_its_settings(function, found):
    """It is seen in the code, in what the code reads by a name, and in defaults; a function without has no word of it."""
    outcome = guard(SCHEMA, store=None)(function).outcome("hi")

    assert json.loads(outcome.call.settings).get("healed") == found
    assert [attempt.healed for attempt in outcome.attempts] == [found is not None]


@pytest.mark.parametrize("observe", [False, True])
def test_observed_and_enforced_functions_are_told_alike(observe):
    """Observing finds it too, and changes nothing of the call."""
    kept = []

    class Kept:
        def record(self, outcome, task):
            kept.append(outcome)

    guard(SCHEMA, store=Kept(), observe=observe)(written)("hi")

    assert healers_of(kept[0].call.settings) == ("response-healing",)


def test_what_a_call_gives_is_of_that_call_alone():
    """Options of one call make it one of another configuration; the next is as before."""
    ask = guard(SCHEMA, store=None)(plain)
    mended, before = ask.outcome("hi", options=HEALING), ask.outcome("hi")

    assert (healers_of(mended.call.settings), mended.attempts[0].healed) == (("response-healing",), True)
    assert (healers_of(before.call.settings), before.attempts[0].healed) == ((), False)


def test_options_of_a_model_are_seen():
    """What `connect` was given goes out with each request, and is told."""
    pytest.importorskip("openai", reason="needs the extra 'openai'")
    with serve(ScriptedModel([TEXT], cycle=True)) as server:
        with connect(f"{server.openai_url}#m", options=HEALING, max_retries=1) as model:
            outcome = guard(SCHEMA, store=None)(model).outcome("hi")

        assert server.requests[0].body["plugins"] == [{"id": "response-healing"}]
    said = json.loads(outcome.call.settings)
    assert (said["healed"], said["max_retries"], outcome.attempts[0].healed) == (
        ["response-healing"],
        1,
        True,
    )


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
    """What is no request of a gateway that mends is none."""
    assert healers(options) == ()


@pytest.mark.parametrize("settings", [None, "", "{", "[]", '{"healed": 3}', '{"healed": [3]}', "[" * 100_000])
def test_any_settings_can_be_read(settings):
    """Settings come out of stores, and may be anything."""
    assert healers_of(settings) == ()


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

    found = Retrying("client", "test_healing.Client", 2)
    assert [one._replace(kind=found.kind) for one in retrying_in(closes)] == [found]
    assert [one.name for one in retrying_in(parted)] == ["part"]
    assert [one.name for one in retrying_in(wrapped)] == ["whole"]
    assert [one.name for one in retrying_in(defaulted)] == ["a default"]
    assert [one.name for one in retrying_in(Service(client).ask)] == ["self.client"]
    assert retrying_in(Service(quiet).ask) == retrying_in(plain) == retrying_in(len) == retrying_in(3) == []


def test_what_mends_replies_is_found_in_sets_of_words_too():
    """The code of a function has the words of a set, as it has those of a tuple."""

    def ask(prompt):
        return prompt in {"response-healing", "web"}

    assert healers_in(ask) == ("response-healing",)


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
    assert healers_in(direct) == ()
    client.close()
