"""What a model may have beside what every model has."""

import asyncio
from types import MappingProxyType, SimpleNamespace

import pytest
from openai.types.chat import ChatCompletionMessage

from schema_guard import guard, testing
from schema_guard.models import connect
from schema_guard.models.interface import details_of, messages
from schema_guard.models.scripted import ScriptedModel
from tests.needs import needs


class Own:
    """A model of a user's, with what is asked of all."""

    name, provider, capabilities = "own", "openai", frozenset({"bare"})

    async def acall(self, prompt, *, options=None):
        return f"reply to {prompt}"


def test_a_model_that_says_nothing_more():
    """It is asked by `acall`, has no arguments of its own, and its seconds count."""
    details = details_of(Own())

    assert (details.defaults, details.is_timed) == ({}, True)
    assert asyncio.run(details.areply("x")) == "reply to x"


def test_what_a_model_says_holds():
    """Replies that are written beforehand take no time, and one may give them bare."""

    class Bare(ScriptedModel):
        defaults = MappingProxyType({"temperature": 0})

        async def areply(self, prompt, *, options=None):
            return {"bare": prompt}

    details = details_of(Bare(["x"]))

    assert (details.defaults, details.is_timed) == ({"temperature": 0}, False)
    assert asyncio.run(details.areply("x")) == {"bare": "x"}


def test_items_and_objects_are_messages():
    """Items without a role, and objects of an SDK or the user's own, are sent as dicts; empty fields are left out."""
    item = {"type": "function_call_output", "call_id": "c1", "output": "r"}
    reply = ChatCompletionMessage(role="assistant", content="a")
    own = SimpleNamespace(role="user", content="t")

    assert messages([item, reply, own]) == [
        item,
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": "t"},
    ]


@needs("loopback")
@pytest.mark.parametrize("provider", ["openai", "openai-responses"])
def test_a_guarded_model_takes_what_its_api_takes(provider):
    """A retry of a guarded model has the dialect of its provider."""
    image = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
    turns = [{"role": "user", "content": [image] if provider == "openai-responses" else "t"}]
    with testing.serve(["{", "{}"]) as server, connect(f"{server.openai_url}#m", provider=provider) as model:
        assert guard({"type": "object"}, store=None)(model)(turns) == {}
        asked = server.requests[1].body["input" if provider == "openai-responses" else "messages"]

    assert [turn["role"] for turn in asked] == ["user", "assistant", "user"]
    if provider == "openai-responses":
        assert asked[0]["content"][0]["type"] == "input_text"
        assert asked[0]["content"][1] == image
