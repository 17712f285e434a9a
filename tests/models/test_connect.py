import re
import sys

import pytest

from schema_guard.errors import InvalidArgument, MissingExtra
from schema_guard.models import connect
from schema_guard.models.providers import PROVIDERS
from schema_guard.providers.options import PROVIDER_OPTIONS
from tests.public.pages.blocks import ROOT

NAMED = ", ".join(f"{name}:NAME" for name in PROVIDERS)
FORMS = f"expected one of local, local-decisions, {NAMED}, litellm-decisions:NAME, http://HOST:PORT/v1#NAME, tuned:DIR, scripted:FILE"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("locale", f"model 'locale': {FORMS}. Did you mean 'local'?"),
        ("opanai:gpt", f"model 'opanai:gpt': {FORMS}. Did you mean 'openai'?"),
        ("openai:", f"model 'openai:': {FORMS}. Did you mean 'openai'?"),
        ("grok:x", f"model 'grok:x': {FORMS}. Did you mean 'groq'?"),
        ("", f"model '': {FORMS}"),
        (None, "model None: expected a name (local, local-decisions, openai:NAME"),
        ("http://u:secret@h/v1#x", "model 'http://***@h/v1#x': expected a URL without a password or a query"),
        ("http://h/v1?key=secret#x", "model 'http://h/v1': expected a URL without a password or a query"),
        ("http://127.0.0.1:1/v1", "model 'http://127.0.0.1:1/v1': expected http://HOST:PORT/v1#NAME"),
        ("http:#x", "model 'http:#x': expected http://HOST:PORT/v1#NAME"),
        ("openai:gpt", "OpenAI needs a key. Set OPENAI_API_KEY, or pass key="),
        (
            "scripted:/nowhere/x",
            "scripted:/nowhere/x: expected a JSON Lines file, but reading it failed: [Errno 2] No such file",
        ),
    ],
)
def test_unknown_name_lists_the_forms(monkeypatch, name, message):
    """A name that stands for no model is refused with what could stand there."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(InvalidArgument) as caught:
        connect(name)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "shown", "provider"),
    [
        ("openai:gpt-5-mini", "gpt-5-mini", "openai"),
        ("openai-responses:gpt-5-mini", "gpt-5-mini", "openai-responses"),
        ("http://127.0.0.1:1/v1#org/m", "org/m", "openai"),
        ("https://127.0.0.1/v1#m#2", "m#2", "openai"),
    ],
)
def test_name_gives_model_and_provider(monkeypatch, name, shown, provider):
    """The name says the model and whose arguments it takes; nothing is opened yet."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")

    with connect(name) as model:
        assert (model.name, model.provider) == (shown, provider)
        assert "strict_schema" in model.capabilities


def test_target_can_be_said():
    """A server whose engine is known gets that engine's arguments."""
    model = connect("http://127.0.0.1:1/v1#m", provider="llamacpp-llguidance")

    assert (model.provider, "tool_call" in model.capabilities) == ("llamacpp-llguidance", False)


def test_unknown_target_is_refused():
    """A provider that nobody knows is refused when connecting."""
    with pytest.raises(InvalidArgument, match="provider='vlm': expected one of"):
        connect("http://127.0.0.1:1/v1#m", provider="vlm")
    with pytest.raises(InvalidArgument, match="the model 'local' requires 'llamacpp-llguidance'"):
        connect("local", provider="openai")


def test_missing_package_is_a_missing_extra(monkeypatch):
    """Without openai the message names the pip command."""
    monkeypatch.setitem(sys.modules, "openai", None)

    with pytest.raises(MissingExtra) as caught:
        connect("http://127.0.0.1:1/v1#m")

    assert str(caught.value) == "model 'm' needs openai. Run pip install 'schema-guard[openai]'"


def test_the_chapter_has_a_line_for_each_provider():
    """Everybody who is known by name is connected there in one line, and no other name is."""
    chapter = (ROOT / "schema_guard/docs/providers.md").read_text(encoding="utf-8")

    assert set(re.findall(r'connect\("([a-z-]+):[A-Z/]+"', chapter)) == {*PROVIDERS, "litellm-decisions"}
    assert set(re.findall(r'provider="([a-z-]+)"', chapter)) <= set(PROVIDER_OPTIONS)


@pytest.mark.parametrize("provider", ["cohere", "bedrock"])
def test_provider_with_an_api_of_its_own_is_left_to_a_function(provider):
    """The error says what to do instead."""
    with pytest.raises(
        InvalidArgument, match=r"does not support this provider. Write a function that calls it"
    ):
        connect("http://h/v1#m", provider=provider)
