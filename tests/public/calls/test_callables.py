"""Facts about the kinds of callables that can be guarded."""

from __future__ import annotations

import asyncio
import functools
import inspect
from dataclasses import replace

import pytest

from schema_guard import (
    GuardFailed,
    Limits,
    connect,
    guard,
)
from schema_guard.testing import ScriptedModel
from tests.needs import needs
from tests.public.calls.functions import (
    BAD,
    GOOD,
    TOTAL,
    VALUE,
    Asking,
    ask,
    async_generator,
    async_streaming,
    awaited,
    later,
    rows,
    run,
    streaming,
)


class Client:
    """Guarded functions of a class."""

    tail = "!"

    def __init__(self, tail):
        self.tail = tail

    @guard(TOTAL, strategy="bare")
    def method(self, prompt, n=1):
        return f'{{"total": {n}, "x": "{prompt}{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    async def async_method(self, prompt):
        return f'{{"total": 1, "x": "{prompt}{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    def chunks(self, prompt):
        yield f'{{"total": 1, "x": "{prompt}'
        yield f'{self.tail}"}}'

    @guard(TOTAL, strategy="bare")
    @classmethod
    def class_method(cls, prompt):
        return f'{{"total": 1, "x": "{prompt}{cls.tail}"}}'

    @classmethod
    @guard(TOTAL, strategy="bare")
    def inner_class_method(cls, prompt):
        return f'{{"total": 1, "x": "{prompt}{cls.tail}"}}'

    @guard(TOTAL, strategy="bare")
    @staticmethod
    def static(prompt):
        return f'{{"total": 1, "x": "{prompt}"}}'

    @staticmethod
    @guard(TOTAL, strategy="bare")
    def inner_static(prompt):
        return f'{{"total": 1, "x": "{prompt}"}}'


class Child(Client):
    tail = "?"

    def method(self, prompt, n=2):
        return super().method(prompt, n)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (Client("a").method, "ta"),
        (functools.partial(Client.method, Client("a")), "ta"),
        (Client("a").async_method, "ta"),
        (Client("a").chunks, "ta"),
        (Client.class_method, "t!"),
        (Client("a").class_method, "t!"),
        (Child.class_method, "t?"),
        (Client.inner_class_method, "t!"),
        (Client.static, "t"),
        (Client("a").static, "t"),
        (Client.inner_static, "t"),
        (Child("a").method, "ta"),
    ],
)
def test_methods_are_bound_as_functions_are(function, said):
    """Methods, class methods and static methods work, from an instance, a class and a child class."""
    assert run(function, "t")["x"] == said
    assert run(function, prompt="t")["x"] == said


@needs("streaming")
def test_a_bound_method_has_all_that_a_function_has():
    """.outcome and .stream of a method are bound as well."""
    client = Client("a")

    assert client.method.outcome("t").value == {"total": 1, "x": "ta"}
    assert list(client.method.stream("t"))[-1] == {"total": 1, "x": "ta"}
    assert client.method.outcome("t", n=3).value["total"] == 3


class Held:
    """Guarded callables of other kinds, as attributes of a class."""

    by_object = guard(TOTAL, strategy="bare")(Asking())
    by_partial = guard(TOTAL, strategy="bare")(functools.partial(ask))
    by_model = guard(TOTAL, strategy="bare")(ScriptedModel([GOOD]))


class Asker:
    def ask(self, prompt):
        return GOOD


class HeldMethod:
    by_method = guard(TOTAL, strategy="bare")(Asker().ask)


@pytest.mark.filterwarnings("ignore:functools.partial will be a method descriptor:FutureWarning")
@pytest.mark.parametrize("name", ["by_object", "by_partial", "by_model"])
def test_what_is_no_function_is_not_bound(name):
    """An object, a partial or a model that a class holds is called without the instance, as in plain Python."""
    assert getattr(Held(), name)("t") == VALUE


def test_a_bound_method_is_not_bound_again():
    """A guarded method of an object is that object's, whatever class holds it."""
    assert HeldMethod().by_method("t") == VALUE


def test_a_guarded_function_has_the_names_of_its_function():
    """Name, docstring, module and the function itself are kept."""

    @guard(TOTAL)
    def ask_it(prompt: str):
        """Ask it."""

    assert (ask_it.__name__, ask_it.__doc__, ask_it.__module__) == ("ask_it", "Ask it.", __name__)
    assert ask_it.__wrapped__.__qualname__ == ask_it.__qualname__
    assert ask_it.schema.document == TOTAL
    assert repr(ask_it).startswith(f"<guarded {ask_it.__qualname__} under Schema(")


def test_attributes_of_an_object_stay_its_own():
    """A guarded object is not a copy of the object's attributes: none of them can take a name of ours."""

    class Noisy:
        def __init__(self):
            self.outcome = self.stream = self.guard = None

        def __call__(self, prompt):
            return GOOD

    assert guard(TOTAL)(Noisy()).outcome("t").value == VALUE


def test_a_plain_function_may_give_something_to_await():
    """A plain `def` that gives an awaitable is driven as one, and asked again when it must be."""
    prompts = []

    @guard(TOTAL)
    def ask_later(prompt):
        prompts.append(prompt)
        return later(GOOD if len(prompts) > 1 else BAD)

    assert awaited(ask_later("t")) == VALUE
    assert awaited(ask_later.outcome("t")).ok
    assert len(prompts) == 3


def test_a_plain_function_may_give_an_asynchronous_stream():
    """A plain `def` that gives an async iterator is driven as one."""

    @guard(TOTAL)
    def ask_later(prompt):
        return async_generator(prompt)

    assert awaited(ask_later("t")) == VALUE


def test_a_coroutine_function_may_give_an_asynchronous_stream():
    """An `async def` whose result is an async iterator, as of a provider's client, is driven as one."""

    @guard(TOTAL)
    async def ask_later(prompt):
        return async_generator(prompt)

    assert run(ask_later, "t") == VALUE


def test_a_coroutine_function_may_give_a_stream():
    """An `async def` whose result is an iterator is driven as one."""

    @guard(TOTAL)
    async def ask_later(prompt):
        return iter(GOOD)

    assert run(ask_later, "t") == VALUE


def test_a_stream_is_closed_when_it_is_not_read_to_its_end(store):
    """A reply that is stopped for its size is closed, and so is one that breaks."""
    closed = []

    def give(prompt):
        try:
            yield "x" * 10
            yield "y" * 10
        finally:
            closed.append(prompt)

    for make in (streaming, async_streaming):
        function = make(give, {"limits": Limits(max_bytes=5), "max_attempts": 1, "strategy": "bare"})
        with pytest.raises(GuardFailed):
            run(function, "t")

    assert closed[0] == "t"


@needs("fitting")
def test_a_model_is_guarded_with_its_own_name_and_provider(tmp_path, store):
    """A model has a name and a provider, and takes options."""
    path = tmp_path / "replies.jsonl"
    path.write_text('"no"\n"{\\"total\\": 1}"')

    with connect(f"scripted:{path}") as model:
        function = guard(TOTAL, strategy="strict_schema", store=store)(model)

        assert function("t") == VALUE
    assert (
        rows(store, "function", "model", "provider", "strategies")
        == [("replies", "replies", "openai", "strict_schema")] * 2
    )


def test_an_object_that_has_a_target_is_not_a_model_for_that(store):
    """A model has a provider and capabilities; an object with only one of them is a callable like others."""
    client = Asking()
    client.provider = "openai"

    assert guard(TOTAL, store=store)(client)("t") == VALUE
    assert rows(store, "function", "provider") == [(f"{Asking.__module__}.Asking", None)]


def test_settings_can_be_changed():
    """The settings are a value: replaced in part, they guard the function anew."""
    function = guard(TOTAL, strategy="bare")(ScriptedModel([BAD, GOOD]))

    once = replace(function.guard, max_attempts=1, on_failure="return")(function.__wrapped__)

    assert once("t").ok is False
    assert once("t") == VALUE


@guard(TOTAL)
async def asked_later(prompt):
    return GOOD


@pytest.mark.parametrize(
    "function", [asked_later, Client("a").async_method, Client.async_method, guard(TOTAL)(async_generator)]
)
def test_an_async_guard_is_taken_for_a_coroutine_function(function):
    """Frameworks that tell coroutine functions from others await a guarded one."""
    assert asyncio.iscoroutinefunction(function)
    assert inspect.iscoroutinefunction(function)


@pytest.mark.parametrize("function", [guard(TOTAL)(ask), Client("a").method])
def test_a_plain_guard_is_no_coroutine_function(function):
    """A guarded function that gives its value at once is called by frameworks as a plain one."""
    assert not asyncio.iscoroutinefunction(function)
    assert not inspect.iscoroutinefunction(function)
