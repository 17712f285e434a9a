"""What one row of the table of SDKs is: functions as the documentation of an SDK writes them, and how they are tried.

An SDK is imported where a function of its cases is made, so that all cases are known without any SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class Said(NamedTuple):
    """What a server answers with.

    Attributes:
        name: How the table calls it.
        reply: The text.
        finish_reason: In the library's words.
        fault: What goes wrong instead, by a name of `schema_guard.testing.serve`.
    """

    name: str
    reply: str
    finish_reason: str = "stop"
    fault: str | None = None


VALID = Said("a valid value", GOOD)
WRONG = Said("a wrong value", BAD)
PROSE = Said("prose", "There is no invoice here.")
CUT = Said("cut off", GOOD[:20], "length")
REFUSED = Said("refused", "I cannot help with that.", "refusal")
BUSY = Said("status 503", GOOD, fault="http_503")
PAGE = Said("a page of HTML", GOOD, fault="html")

Serving = Callable[[Said], AbstractContextManager[Any]]


def turns(prompt: str) -> list[dict[str, str]]:
    """Return a list with one message of the user, in the form that most SDKs share."""
    return [{"role": "user", "content": prompt}]


def serve_openai(said: Said) -> AbstractContextManager[Any]:
    """Give a server that answers every request in the formats of OpenAI and Anthropic with one reply."""
    usage = {"input_tokens": INPUT, "cached_input_tokens": CACHED, "output_tokens": OUTPUT}
    chunks = [said.reply[at : at + 5] for at in range(0, len(said.reply), 5)]
    scripted = {"chunks": chunks, "finish_reason": said.finish_reason, "usage": usage}
    return serve(ScriptedModel([scripted], cycle=True), faults=said.fault)


class Case(NamedTuple):
    """One way to call a model with an SDK.

    Attributes:
        sdk: The name that its package is installed by.
        returns: What the function gives, in words of the SDK; with *sdk* the name of a row.
        how: The column.
        make: Makes the function, given the URL of a server.
        serving: Starts a server.
        finish_reason: In the library's words, what the SDK's answer says.
        said: What the server answers with.
        model: The model that the function names.
    """

    sdk: str
    returns: str
    how: How
    make: Callable[[str], Callable[[str], Any]]
    serving: Serving
    finish_reason: str
    said: Said = VALID
    model: str = MODEL

    @property
    def id(self) -> str:
        """Give a name to tell it by."""
        wrong = "" if self.said is VALID else f", {self.said.name}"
        return f"{self.sdk} {self.returns} {self.how}{wrong}"


class Sdk:
    """Collects the cases of one SDK, as a decorator of what makes their functions."""

    def __init__(self, name: str, serving: Serving = serve_openai, model: str = MODEL) -> None:
        self.name, self.model = name, model
        self.cases: list[Case] = []
        self.failures: list[Case] = []
        self.serving = serving

    def case(
        self, returns: str, how: How = "whole", *, finish_reason: str = "stop", wrong: Sequence[Said] = ()
    ) -> Callable[[Any], Any]:
        """Give a decorator that keeps a case; *wrong* is what else the server may answer it with."""

        def keep(make: Any) -> Any:
            case = Case(self.name, returns, how, make, self.serving, finish_reason, model=self.model)
            self.cases.append(case)
            self.failures += [case._replace(said=text) for text in wrong]
            return make

        return keep
