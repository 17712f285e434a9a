"""Facts about bare @guard: the schema is the return annotation."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from schema_guard import (
    InvalidArgument,
    guard,
)
from tests.public.calls.functions import GOOD, Asking, Bill, Invoice, async_generator, later, run


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
        f"{name}: guard has no schema: expected @guard(Invoice), or a return annotation that is one"
    )


def test_an_annotation_that_cannot_be_resolved_is_refused():
    """An annotation whose name is not known is refused with that name."""

    def lost(prompt) -> Nowhere:  # noqa: F821
        return GOOD

    with pytest.raises(InvalidArgument) as caught:
        guard(lost)

    assert str(caught.value).endswith(
        "lost: its return annotation cannot be resolved: name 'Nowhere' is not defined"
    )
