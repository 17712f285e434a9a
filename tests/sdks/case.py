"""What one row of the table of SDKs is: functions as the documentation of an SDK writes them, and how they are tried.

An SDK is imported where a function of its cases is made, so that all cases are known without any SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from schema_guard.testing import ScriptedModel, serve

How = Literal["whole", "async", "streamed", "async streamed"]
HOWS: tuple[How, ...] = ("whole", "async", "streamed", "async streamed")

MODEL = "model-x"
PROMPT = "Read this invoice."
INPUT, CACHED, OUTPUT = 12, 4, 7


class Invoice(BaseModel):
    """An invoice."""

    number: str
    total: float


GOOD = '{"number": "A-7", "total": 12.5}'
BAD = '{"number": "A-7", "total": "twelve"}'
VALUE = Invoice(number="A-7", total=12.5)

Serving = Callable[[str], AbstractContextManager[Any]]


def serve_openai(reply: str) -> AbstractContextManager[Any]:
    """Give a server that answers every request in the formats of OpenAI and Anthropic with one reply."""
    usage = {"input_tokens": INPUT, "cached_input_tokens": CACHED, "output_tokens": OUTPUT}
    chunks = [reply[at : at + 5] for at in range(0, len(reply), 5)]
    scripted = {"chunks": chunks, "finish_reason": "stop", "usage": usage}
    return serve(ScriptedModel([scripted], cycle=True))


class Case(NamedTuple):
    """One way to call a model with an SDK.

    Attributes:
        sdk: The name that its package is installed by.
        returns: What the function gives, in words of the SDK; with *sdk* the name of a row.
        how: The column.
        make: Makes the function, given the URL of a server.
        serving: Starts a server that answers with a reply.
        finish_reason: In the library's words, what the SDK's answer says.
    """

    sdk: str
    returns: str
    how: How
    make: Callable[[str], Callable[[str], Any]]
    serving: Serving
    finish_reason: str

    @property
    def id(self) -> str:
        """Give a name to tell it by."""
        return f"{self.sdk} {self.returns} {self.how}"


class Sdk:
    """Collects the cases of one SDK, as a decorator of what makes their functions."""

    def __init__(self, name: str, serving: Serving = serve_openai) -> None:
        self.name = name
        self.cases: list[Case] = []
        self._serving = serving

    def case(self, returns: str, how: How = "whole", *, finish_reason: str = "stop") -> Callable[[Any], Any]:
        """Give a decorator that keeps a case."""

        def keep(make: Any) -> Any:
            self.cases.append(Case(self.name, returns, how, make, self._serving, finish_reason))
            return make

        return keep
