"""Facts about bare @guard: the schema is the return annotation."""

from __future__ import annotations

import asyncio
import functools
import gc
import pickle
import threading
import types
import weakref
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from schema_guard import (
    InvalidArgument,
    guard,
)
from tests.needs import needs
from tests.public.calls.functions import GOOD, Asking, Bill, Invoice, async_generator, awaited, later, run


def test_bare_guard_takes_the_return_annotation():
    """Bare @guard on a function takes the schema from its annotation."""

    @guard
    def extract(prompt: str) -> Invoice:
        return GOOD

    assert extract("t") == Invoice(1.0)


def test_bare_guard_takes_an_async_functions_annotation():
    """Bare @guard on an async function gives an awaitable of the annotated type."""

    @guard
    async def extract(prompt: str) -> Bill:
        return '{"total": 2}'

    assert run(extract, "t") == Bill(total=2)


def generator(prompt) -> Generator[Invoice, None, None]:
    yield GOOD


def iterator(prompt) -> Iterator[Invoice]:
    return iter([GOOD])


def coroutine(prompt) -> Coroutine[Any, Any, Invoice]:
    return later(GOOD)


def awaitable(prompt) -> Awaitable[Invoice]:
    return later(GOOD)


def forward(prompt) -> Later:
    return GOOD


@dataclass
class Later:
    total: float


@pytest.mark.parametrize(
    "function",
    [
        generator,
        iterator,
        async_generator,
        coroutine,
        awaitable,
        functools.partial(generator),
        Asking(),
        Asking().method,
    ],
)
def test_the_annotation_may_be_wrapped(function):
    """What is annotated to be awaited or iterated gives the type inside, of any kind of callable."""
    guarded = guard()(function)

    assert run(guarded, "t") == Invoice(1.0)


def test_the_annotation_may_stand_further_down():
    """An annotation may name a type that the module defines behind the function."""
    assert guard(forward)("t") == Later(1.0)


def test_bare_guard_works_on_methods():
    """Bare @guard works on methods, under staticmethod and classmethod and over them."""

    class Extractor:
        @guard
        def method(self, prompt: str) -> Invoice:
            return GOOD

        @guard
        @staticmethod
        def over_static(prompt: str) -> Invoice:
            return GOOD

        @staticmethod
        @guard
        def under_static(prompt: str) -> Invoice:
            return GOOD

        @guard
        @classmethod
        def over_class(cls, prompt: str) -> Invoice:
            return GOOD

    one = Extractor()

    values = [
        f("t") for f in (one.method, one.over_static, one.under_static, one.over_class, Extractor.over_class)
    ]

    assert values == [Invoice(1.0)] * 5


def untyped(prompt):
    return GOOD


def of_none(prompt) -> None:
    return GOOD


def of_any(prompt) -> Any:
    return GOOD


@pytest.mark.parametrize("function", [untyped, of_none, of_any, functools.partial(untyped)])
def test_a_guard_without_a_schema_is_refused(function):
    """Without a schema and without an annotation that is one there is nothing to keep to."""
    with pytest.raises(InvalidArgument) as caught:
        guard()(function)

    name = getattr(function, "__name__", "untyped")
    assert str(caught.value) == (
        f"{name}: guard has no schema. Pass it, as in @guard(Invoice), or use a return annotation that has a schema"
    )


# Names that are not defined at decoration.


@guard(store=None)
def early(prompt: str) -> Early:
    return GOOD


@guard(store=None)
async def early_async(prompt: str) -> Early:
    return GOOD


@guard(store=None)
def early_list(prompt: str) -> list[Early]:
    return f"[{GOOD}]"


class Client:
    """Methods whose return types are defined later, or in the class."""

    @dataclass
    class Inner:
        total: float

    def __init__(self, reply=GOOD):
        self.reply = reply

    @guard(store=None)
    def method(self, prompt: str) -> Early:
        return self.reply

    @guard(store=None)
    async def method_async(self, prompt: str) -> Early:
        return self.reply

    @guard(store=None)
    @classmethod
    def of_class(cls, prompt: str) -> Early:
        return GOOD

    @guard(store=None)
    def inner(self, prompt: str) -> Inner:
        return self.reply


BEFORE = {name: repr(function) for name, function in (("early", early), ("early_async", early_async))}


@dataclass
class Early:
    total: float


def test_represents_a_guard_before_its_annotation_can_be_resolved():
    """The representation of a guarded function never raises. It shows the schema as soon as it's known."""
    assert {
        name: f"<guarded {name} under a return annotation that can't be resolved yet>"
        for name in ("early", "early_async")
    } == BEFORE
    assert repr(early).startswith("<guarded early under Schema('Early'")


@pytest.mark.parametrize(
    "function",
    [early, early_async, Client().method, Client().method_async, Client.of_class, Client().of_class],
)
def test_resolves_a_return_type_that_the_module_defines_later(function):
    """The first call resolves the annotation. `.outcome`, `.stream`, and `.schema` do as well."""
    assert run(function, "t") == Early(1.0)
    assert awaited(function.outcome("t")).value == Early(1.0)
    assert function.schema.name == "Early"


def test_resolves_a_list_of_a_type_that_the_module_defines_later():
    """The name can be a part of the annotation."""
    assert early_list("t") == [Early(1.0)]


def test_resolves_a_type_of_the_class_around_a_method():
    """A name in the body of a class is found, as Python finds it."""
    assert Client().inner("t") == Client.Inner(1.0)


def test_resolves_a_local_type_for_a_method_of_a_local_class():
    """The scope around the class counts, above and below it."""

    class Asker:
        @guard(store=None)
        def ask(self, prompt: str) -> Local:
            return GOOD

    @dataclass
    class Local:
        total: float

    assert Asker().ask("t") == Local(1.0)


WAYS = {
    "outcome": lambda function: function.outcome("t"),
    "schema": lambda function: function.schema,
    "repr": repr,
    "prepared again": lambda function: replace(function.guard, max_attempts=1)(function.__wrapped__),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_to_use_a_guard_resolves_the_annotation(way):
    """The schema is known whatever is used first, and the same one stays."""

    @guard(store=None)
    def extract(prompt: str) -> Local:
        return GOOD

    @dataclass
    class Local:
        total: float

    way(extract)

    assert extract("t") == Local(1.0)
    assert extract.schema is extract.schema


@needs("streaming")
def test_the_first_stream_resolves_the_annotation():
    """`.stream` is a first call too, sync and async."""

    @guard(store=None)
    def extract(prompt: str) -> Local:
        yield GOOD

    @guard(store=None)
    async def extract_async(prompt: str) -> Local:
        yield GOOD

    @dataclass
    class Local:
        total: float

    async def last():
        return [value async for value in extract_async.stream("t")][-1]

    assert list(extract.stream("t"))[-1] == Local(1.0)
    assert asyncio.run(last()) == Local(1.0)


def test_resolves_a_local_type_that_stands_above_the_function():
    """The function is guarded in the scope of the type. It can be called anywhere."""

    def make():
        @dataclass
        class Local:
            total: float

        @guard(store=None)
        def extract(prompt: str) -> Local:
            return GOOD

        class Asker:
            @guard(store=None)
            def ask(self, prompt: str) -> Local:
                return GOOD

        return extract, Asker().ask, Local

    extract, ask, local = make()

    assert extract("t") == local(1.0)
    assert ask("t") == local(1.0)


def test_resolves_a_local_type_that_the_function_uses():
    """A name in the closure is found even after the scope has ended."""

    def make():
        @guard(store=None)
        def extract(prompt: str) -> Local:
            return GOOD if Local else ""

        @dataclass
        class Local:
            total: float

        return extract, Local

    extract, local = make()

    assert extract("t") == local(1.0)


def test_a_local_type_takes_precedence_over_one_of_the_module():
    """A name means what it means in the scope of the function, as in Python."""

    @dataclass
    class Invoice:
        total: float
        local: bool = True

    @guard(store=None)
    def extract(prompt: str) -> Invoice:
        return GOOD

    assert extract("t") == Invoice(1.0)


def test_resolves_a_local_type_behind_another_decorator():
    """The scope is that of the function, also if a decorator of yours guards it."""

    def my_guard(function):
        @functools.wraps(function)
        def logged(*args, **kwargs):
            return function(*args, **kwargs)

        return guard(store=None)(logged)

    @dataclass
    class Local:
        total: float

    @my_guard
    def extract(prompt: str) -> Local:
        return GOOD

    assert extract("t") == Local(1.0)


def test_ignores_the_annotations_of_parameters():
    """Only the return annotation has to be resolved."""

    @guard(store=None)
    def extract(prompt: str, hint: Nowhere = None) -> Invoice:  # noqa: F821
        return GOOD

    assert extract("t") == Invoice(1.0)


def test_the_scope_of_a_function_is_not_kept():
    """A guarded function doesn't keep the local variables around it."""

    class Large:
        pass

    def make():
        large = Large()

        @guard(store=None)
        def extract(prompt: str) -> Nowhere:  # noqa: F821
            return GOOD

        return extract, weakref.ref(large)

    _extract, large = make()
    gc.collect()

    assert large() is None


def test_an_annotation_that_cannot_be_resolved_is_refused_at_the_first_call():
    """The error names the function, the name, and the fix. A later call tries again."""

    @guard(store=None)
    def lost(prompt: str) -> Missing:
        return GOOD

    with pytest.raises(InvalidArgument) as caught:
        lost("t")

    assert str(caught.value) == (
        f"{lost.__qualname__}: resolving the return annotation 'Missing' failed: name 'Missing' is not defined. Define "
        "the name in the module or above the function, or pass the schema itself: @guard(Invoice)"
    )

    Missing = Invoice  # noqa: N806

    assert lost("t") == Invoice(1.0)


def test_a_module_may_lack_the_name_yet():
    """An attribute of a module that is still missing is an error of the first call."""

    @guard(store=None)
    def lost(prompt: str) -> functools.Missing:
        return GOOD

    with pytest.raises(
        InvalidArgument, match=r"'functools\.Missing' failed: module 'functools' has no attribute"
    ):
        lost("t")


def test_an_annotation_that_becomes_no_schema_is_refused_at_the_first_call():
    """A type without a schema is refused as at decoration."""

    @guard(store=None)
    def lost(prompt: str) -> Local:
        return GOOD

    class Local:
        pass

    with pytest.raises(InvalidArgument, match="no JSON Schema for"):
        lost("t")


def of_object(prompt) -> Asking:
    return GOOD


def with_options(prompt, options: dict) -> Nowhere:  # noqa: F821
    return GOOD


def of_two(a: str, b: str) -> Nowhere:  # noqa: F821
    return GOOD


@pytest.mark.parametrize(
    ("function", "settings", "message"),
    [
        (of_object, {}, "no JSON Schema for"),
        (of_two, {}, "more than one parameter can receive the prompt"),
        (with_options, {"strategy": "json_mode"}, "provider= is missing. Name the provider that receives"),
        (
            early.__wrapped__,
            {"strategy": "json_mode", "provider": "openai"},
            "needs a parameter for the provider's arguments",
        ),
    ],
)
def test_what_is_wrong_without_the_schema_is_refused_at_decoration(function, settings, message):
    """An annotation that can't be resolved yet doesn't delay other errors."""
    with pytest.raises(InvalidArgument, match=message):
        guard(**settings)(function)


def test_threads_may_make_the_first_call_together():
    """All threads get a value, of one schema."""

    @guard(store=None)
    def extract(prompt: str) -> Later:
        return GOOD

    function = types.FunctionType(
        extract.__wrapped__.__code__, {**extract.__wrapped__.__globals__}, "extract"
    )
    function.__annotations__, function.__qualname__ = {"return": "Coming"}, "extract"
    guarded = guard(store=None)(function)
    function.__globals__["Coming"] = Later
    started, results = threading.Barrier(8), []

    def call():
        started.wait()
        results.append((guarded("t"), guarded.schema))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [value for value, _ in results] == [Later(1.0)] * 8
    assert len({id(schema) for _, schema in results}) == 1


def test_a_resolved_guard_is_pickled_by_its_name():
    """A guarded function is pickled as before, resolved or not."""
    assert pickle.loads(pickle.dumps(early)) is early
