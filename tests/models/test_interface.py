"""What a model may have beside what every model has."""

import asyncio
from types import MappingProxyType

from schema_guard.models.interface import details_of
from schema_guard.models.scripted import ScriptedModel


class Own:
    """A model of a user's, with what is asked of all."""

    name, target, capabilities = "own", "openai", frozenset({"bare"})

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
