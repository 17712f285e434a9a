"""The server that a playbook asks for a function of a store. Stored inputs go to no server that the user has not named."""

import pytest

from schema_guard import About, guard, open_store
from schema_guard.testing import serve
from tests.needs import needs
from tests.public.commands.command_lines import main
from tests.public.decide.production import GOOD, TICKET

pytestmark = needs("playbook")
TRIAL = ("bench", "run", "--playbook", "--function", "shop.extract", "--max-calls", "5")
VARIABLES = ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "TOGETHER_BASE_URL", "FIREWORKS_BASE_URL")


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """No variable names a server, and each provider has a key."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY"):
        monkeypatch.setenv(name, "dummy")


def trial(tmp_path, provider, *options):
    """Record 20 calls of a function with its own client, and run the playbook on them."""
    url = f"sqlite:///{tmp_path}/r.db"
    with open_store(f"{url}?payload=redacted") as store:

        def extract(prompt, options: dict | None = None):
            return GOOD

        known = {} if provider is None else {"provider": provider}
        ask = guard(TICKET, name="shop.extract", store=store, about=About(model="m1"), **known)(extract)
        for number in range(20):
            ask(f"ticket {number}")
        store.flush(30.0)
    return main([*TRIAL, "--store", url, *options])


@pytest.mark.parametrize("provider", [None, "openai", "anthropic", "groq"])
def test_without_an_address_nothing_is_sent(tmp_path, provider, capsys):
    """The report names the options that name a server."""
    assert trial(tmp_path, provider) == 1

    text = " ".join(capsys.readouterr().out.split())
    assert "NOT MEASURED, because nothing was sent" in text
    assert "'http://HOST:PORT/v1#m1' for another server" in text
    assert ("--model openai:m1 for https://api.openai.com/v1" in text) == (provider == "openai")
    variable = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}.get(provider)
    assert variable is None or f"for another server, or set {variable}" in text


def test_an_address_elsewhere_is_not_asked_for_a_model_without_a_provider(tmp_path, monkeypatch, capsys):
    """The variable of one provider says nothing about the server of an unknown one."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://elsewhere.example/v1")

    assert trial(tmp_path, None) == 1
    assert "NOT MEASURED, because nothing was sent" in capsys.readouterr().out


def test_the_named_server_of_the_recorded_provider_is_asked(tmp_path, monkeypatch):
    """The variable of the provider names the server."""
    with serve(lambda _: GOOD) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.anthropic_url)
        assert trial(tmp_path, "anthropic", "--max-failure-rate", "50%") in (0, 1)
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("step", "missing", "option"),
    [
        ("smaller_model", "the smaller model (name it with --model", ("--model", "openai:small")),
        ("reasoning_limit", "limits reasoning (name it with --option", ("--option", "reasoning_effort=low")),
        ("larger_model", "the larger model (name it with --larger", ("--larger", "openai:big")),
    ],
)
def test_a_step_names_its_missing_option_and_runs_with_it(
    tmp_path, monkeypatch, capsys, step, missing, option
):
    """Without its option the step sends nothing. With it, the trial runs."""
    with serve(lambda _: GOOD) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.openai_url)
        assert trial(tmp_path, "openai", "--first-step", step) == 1
        assert missing in " ".join(capsys.readouterr().out.split())
        assert server.requests == []

        assert trial(tmp_path, "openai", "--first-step", step, *option) in (0, 1)
        assert len(server.requests) == 5
