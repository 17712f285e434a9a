"""Guarded functions of every shape, and the schemas and replies that the tests of guards share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypedDict

import pydantic
import pytest

import schema_guard
from schema_guard import (
    guard,
)

TOTAL = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
GOOD = '{"total": 1}'
BAD = '{"total": "one"}'
VALUE = {"total": 1}


@dataclass
class Invoice:
    """An invoice."""

    total: float


class Note(TypedDict):
    """A note."""

    total: float


class Bill(pydantic.BaseModel):
    """A bill whose total is even."""

    total: int

    @pydantic.field_validator("total")
    @classmethod
    def even(cls, total):
        if total % 2:
            raise ValueError("must be even")
        return total


def rows(store, *columns):
    """The recorded attempts, as the given columns."""
    return [tuple(row[column] for column in columns) for row in store.attempts()]


def recorded(store):
    return rows(store, "number", "kind", "code")


# How functions are made of what they shall give, one for each shape. `called` runs it and gives what came out.


def plain(give, settings):
    @guard(TOTAL, **settings)
    def ask(prompt):
        return give(prompt)

    return ask


def asynchronous(give, settings):
    @guard(TOTAL, **settings)
    async def ask(prompt):
        await asyncio.sleep(0)
        return give(prompt)

    return ask


def streaming(give, settings):
    @guard(TOTAL, **settings)
    def ask(prompt):
        yield from give(prompt)

    return ask


def async_streaming(give, settings):
    @guard(TOTAL, **settings)
    async def ask(prompt):
        for chunk in give(prompt):
            await asyncio.sleep(0)
            yield chunk

    return ask


def awaited(result):
    """What a call gave, awaited if it has to be."""

    async def wait():
        return await result

    return asyncio.run(wait()) if hasattr(type(result), "__await__") else result


def run(function, *args, **kwargs):
    """Call a guarded function, in an event loop if it is asynchronous."""

    async def wait():
        return await function(*args, **kwargs)

    return (
        asyncio.run(wait())
        if isinstance(function, schema_guard.AsyncGuarded)
        else awaited(function(*args, **kwargs))
    )


whole = pytest.mark.parametrize("make", [plain, asynchronous])
streams = pytest.mark.parametrize("make", [streaming, async_streaming])
both = pytest.mark.parametrize("make", [plain, asynchronous, streaming, async_streaming])


def giving(*replies):
    """Give one reply after the other, and keep the prompts."""
    value = iter(replies)

    def give(prompt):
        give.prompts.append(prompt)
        return next(value)

    give.prompts = []
    return give


BROKEN_CHAT = {"id": "c1", "object": "chat.completion", "model": "m", "choices": []}


def ask(prompt):
    return GOOD


async def later(value):
    return value


async def async_generator(prompt) -> AsyncIterator[Invoice]:
    yield GOOD


class Asking:
    """Callables of a class that say what they give."""

    key: str = "k"

    def __call__(self, prompt) -> Invoice:
        return GOOD

    def method(self, prompt) -> Invoice:
        return GOOD


class NotAFunction:
    def __repr__(self):
        return "<no function>"


def raising(error):
    def give(prompt):
        give.count += 1
        raise error

    give.count = 0
    return give


def even(value):
    return None if value["total"] % 2 == 0 else f"{value['total']} is odd"


class Checker:
    def __call__(self, value):
        return "never"
