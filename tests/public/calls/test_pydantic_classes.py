"""Facts about guarded functions in the body of a Pydantic class."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from typing import Any
from unittest.mock import create_autospec

import pydantic
import pytest
from langchain_core.tools import BaseTool, tool

from schema_guard import guard
from tests.needs import needs
from tests.public.calls.functions import TOTAL, run


def reply(prompt, tail):
    return f'{{"total": 1, "x": "{prompt.splitlines()[-1]}{tail}"}}'


class Client(pydantic.BaseModel):
    """Guarded methods of each kind."""

    tail: str = "!"

    @guard(TOTAL, strategy="bare")
    def public(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    def _run(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    async def later(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    async def _arun(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    def chunks(self, prompt: str):
        yield reply(prompt, self.tail)

    @staticmethod
    @guard(TOTAL, strategy="bare")
    def static(prompt: str):
        return reply(prompt, "!")

    @classmethod
    @guard(TOTAL, strategy="bare")
    def of_class(cls, prompt: str):
        return reply(prompt, cls.model_fields["tail"].default)

    @guard(TOTAL, strategy="bare")
    @staticmethod
    def outer_static(prompt: str):
        return reply(prompt, "!")

    @guard(TOTAL, strategy="bare")
    @classmethod
    def outer_of_class(cls, prompt: str):
        return reply(prompt, cls.model_fields["tail"].default)


class Child(Client):
    tail: str = "?"

    def public(self, prompt: str) -> Any:
        return super().public(prompt + " of the child")

    @guard(TOTAL, strategy="bare")
    def _run(self, prompt: str):
        return reply(prompt, super()._run("parent")["x"])


@pydantic.dataclasses.dataclass
class Data:
    tail: str = "!"

    @guard(TOTAL, strategy="bare")
    def public(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    def _run(self, prompt: str):
        return reply(prompt, self.tail)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (Client().public, "t!"),
        (Client(tail="?").public, "t?"),
        (Client()._run, "t!"),
        (Client().later, "t!"),
        (Client()._arun, "t!"),
        (Client().chunks, "t!"),
        (Client.static, "t!"),
        (Client().static, "t!"),
        (Client.of_class, "t!"),
        (Child().of_class, "t?"),
        (Client().outer_static, "t!"),
        (Child.outer_of_class, "t?"),
        (Child().public, "t of the child?"),
        (Child()._run, "tparent?"),
        (Data().public, "t!"),
        (Data(tail="?")._run, "t?"),
    ],
)
def test_a_guarded_function_is_a_method_of_a_pydantic_class(function, said):
    """Public, private, static, and class methods work, sync and async, also from a subclass."""
    assert run(function, "t")["x"] == said


def test_guarded_methods_are_no_fields():
    """Pydantic doesn't take a guarded function for a field or a private attribute."""
    assert list(Client.model_fields) == ["tail"]
    assert Client.__private_attributes__ == {}
    assert Client().model_dump() == {"tail": "!"}


@needs("streaming")
def test_the_variants_of_a_method_are_bound():
    """`.outcome` and `.stream` get the instance, sync and async."""
    client = Client(tail="?")

    async def streamed():
        return [value async for value in client.later.stream("t")]

    assert client.public.outcome("t").value["x"] == "t?"
    assert client._run.outcome("t").value["x"] == "t?"
    assert list(client.chunks.stream("t"))[-1]["x"] == "t?"
    assert asyncio.run(client.later.outcome("t")).value["x"] == "t?"
    assert asyncio.run(streamed())[-1]["x"] == "t?"


class Extract(BaseTool):
    """A LangChain tool whose two methods are guarded."""

    name: str = "extract"
    description: str = "Extract a total."
    tail: str = "!"

    @guard(TOTAL, strategy="bare")
    def _run(self, prompt: str):
        return reply(prompt, self.tail)

    @guard(TOTAL, strategy="bare")
    async def _arun(self, prompt: str):
        return reply(prompt, f"{self.tail} later")


class Configured(BaseTool):
    """A tool that takes what LangChain passes beside the arguments."""

    name: str = "configured"
    description: str = "Extract a total."

    @guard(TOTAL, strategy="bare")
    def _run(self, prompt: str, run_manager: Any = None):
        return reply(prompt, run_manager is not None)


def test_langchain_calls_guarded_methods_of_a_tool():
    """`invoke` and `ainvoke` call the guarded `_run` and `_arun` with the tool's arguments."""
    extract = Extract()

    assert extract.invoke({"prompt": "t"}) == {"total": 1, "x": "t!"}
    assert asyncio.run(extract.ainvoke({"prompt": "t"})) == {"total": 1, "x": "t! later"}
    assert extract.invoke("t") == {"total": 1, "x": "t!"}
    assert Configured().invoke({"prompt": "t"}) == {"total": 1, "x": "tTrue"}
    assert list(extract.args) == ["prompt"]


@guard(TOTAL, strategy="bare")
def ask(prompt: str):
    """Ask for a total."""
    return reply(prompt, "!")


@guard(TOTAL, strategy="bare")
async def ask_later(prompt: str):
    """Ask for a total, later."""
    return reply(prompt, "!")


@guard(TOTAL, strategy="bare")
def ask_in_pieces(prompt: str):
    """Ask for a total, in pieces."""
    yield reply(prompt, "!")


@pytest.mark.parametrize("function", [ask, ask_later])
def test_a_guarded_function_is_a_tool_of_langchain(function):
    """`@tool` takes a guarded function, sync or async, with its arguments and its description."""
    made = tool(function)

    called = asyncio.run(made.ainvoke({"prompt": "t"}))

    assert (list(made.args), made.description, called["x"]) == (["prompt"], function.__doc__, "t!")


@pytest.mark.parametrize("function", [ask, ask_later, ask_in_pieces])
def test_pydantic_validates_the_arguments_of_a_guarded_function(function):
    """`validate_call` takes a guarded function for a function."""
    checked = pydantic.validate_call(function)

    assert run(checked, "t")["x"] == "t!"
    with pytest.raises(pydantic.ValidationError):
        run(checked, 3)


@pytest.mark.parametrize("function", [ask, ask_later, ask_in_pieces, Client().public, Client().later])
def test_inspect_reads_a_guarded_function(function):
    """`inspect` reads signature, source, and kind; a function that yields isn't a generator function once guarded."""
    assert list(inspect.signature(function).parameters) == ["prompt"]
    assert "return reply" in inspect.getsource(function) or "yield reply" in inspect.getsource(function)
    assert inspect.iscoroutinefunction(function) is (function.__name__ in ("ask_later", "later"))
    assert not inspect.isgeneratorfunction(function)
    assert not inspect.isasyncgenfunction(function)
    assert inspect.getclosurevars(ask).nonlocals == {}


@pytest.mark.parametrize("function", [ask, ask_later])
def test_copies_of_a_guarded_function_are_itself(function):
    """A guarded function is copied and pickled by its name, as a function is."""
    assert copy.copy(function) is function
    assert copy.deepcopy(function) is function
    assert pickle.loads(pickle.dumps(function)) is function


def test_mock_makes_a_stand_in_with_the_signature_and_the_variants():
    """`create_autospec` checks arguments and has `.outcome`."""
    stand_in = create_autospec(ask, return_value={"total": 2})

    assert stand_in("t") == {"total": 2}
    assert callable(stand_in.outcome)
    with pytest.raises(TypeError):
        stand_in("t", "u")


def test_lists_the_names_of_a_guarded_function():
    """`dir` names the variants, which editors offer."""
    assert {"outcome", "stream", "schema", "guard", "__wrapped__"} <= set(dir(ask))
