"""What type checkers know of the public names: checked by mypy and pyright, never run.

A decorated function keeps its parameters and gives the schema's type.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Coroutine, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeAlias, TypedDict, assert_type

import pydantic

from schema_guard import (
    About,
    CallJudgement,
    Evidence,
    Failure,
    Guard,
    Outcome,
    Params,
    Partial,
    PrefixChecker,
    Router,
    Schema,
    guard,
    guard_tools,
    judge,
    judge_calls,
    open_store,
    prefix_checker,
    tags,
)
from schema_guard.models import Model


@dataclass
class Invoice:
    """A dataclass."""

    total: float


class Note(TypedDict):
    """A TypedDict."""

    total: float


class Bill(pydantic.BaseModel):
    """A Pydantic model."""

    total: float


INVOICE: Schema[Invoice] = Schema.of(Invoice)
Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None


# A plain function: its parameters stay, its type becomes the schema's.


@guard(Invoice)
def plain(prompt: str, pages: int, *, tone: str = "dry") -> str:
    """Give a text."""
    return prompt


assert_type(plain("t", 3), Invoice)
assert_type(plain("t", pages=3, tone="warm"), Invoice)
assert_type(plain.outcome("t", 3), Outcome[Invoice])
assert_type(plain.outcome("t", 3).value, Invoice | None)
assert_type(plain.schema, Schema[Invoice])
assert_type(plain.stream("t", 3), Iterator[Invoice | Json])
assert_type(plain.stream("t", 3, partial=True), Iterator[Partial])

plain()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
plain(3, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
plain("t", 3, color="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
plain.outcome("t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
plain.stream(prompt=3, pages=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


@guard(Note)
def of_note(prompt: str) -> object:
    """Give a reply object."""


@guard(Bill)
def of_bill(prompt: str) -> object:
    """Give a reply object."""


@guard(list[Invoice])
def of_list(prompt: str) -> object:
    """Give a reply object."""


@guard(INVOICE)
def of_schema(prompt: str) -> object:
    """Give a reply object."""


@guard(Invoice | None)
def of_optional(prompt: str) -> object:
    """Give a reply object."""


@guard(Invoice | Bill, max_attempts=2)
async def of_union(prompt: str) -> object:
    """Give a reply object."""


@guard(Literal["refund", "other"])
def of_literal(prompt: str) -> object:
    """Give a reply object."""


@guard(Annotated[int, "from 1 to 5"])
def of_annotated(prompt: str) -> object:
    """Give a reply object."""


@guard(dict[str, Invoice | None], default=None)
def of_mapping(prompt: str) -> object:
    """Give a reply object."""


@guard(Optional[Invoice], on_failure="return")  # noqa: UP045 - as older code has it
def of_old_optional(prompt: str) -> object:
    """Give a reply object."""


@guard(Literal[1, 2], observe=True)
def observed_literal(prompt: str) -> bytes:
    """Give bytes."""
    return b""


async def forms() -> None:
    """Look at what comes of types that are no class."""
    assert_type(of_optional("t"), Invoice | None)
    assert_type(of_optional.outcome("t"), Outcome[Invoice | None])
    assert_type(await of_union("t"), Invoice | Bill)
    assert_type(of_literal("t"), Literal["refund", "other"])
    assert_type(of_annotated("t"), int)
    assert_type(of_mapping("t"), dict[str, Invoice | None] | None)
    assert_type(of_old_optional("t"), Invoice | None | Outcome[Invoice | None])
    assert_type(observed_literal("t"), bytes)
    assert_type(observed_literal.outcome("t"), Outcome[Literal[1, 2]])
    of_optional(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


assert_type(of_note("t"), Note)
assert_type(of_bill("t"), Bill)
assert_type(of_list("t"), list[Invoice])
assert_type(of_schema("t"), Invoice)


# What the guard fills in need not be given, and may be.


@guard(Invoice, strategy="strict_schema", provider="openai", params=Params(feedback="again"))
def filled(
    prompt: str, instructions: str = "", again: str | None = None, options: dict[str, Any] | None = None
) -> str:
    """Give a text."""
    return str((prompt, instructions, again, {**(options or {})}))


@guard(Invoice, params=Params(options=None, instructions=None))
def not_filled(prompt: str, options: dict[str, Any] | None = None) -> str:
    """Give a text."""
    return str((prompt, options))


assert_type(filled("t"), Invoice)
assert_type(filled("t", "Be brief.", options={"temperature": 0}), Invoice)
assert_type(not_filled("t"), Invoice)
filled("t", options="fast")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
guard(Invoice, params=Params(options=3))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# A function that is said to give Any is no coroutine function. Mypy gives up on it, pyright does not.


@guard(Invoice)
def of_any(prompt: str) -> Any:
    """Give a reply object."""


assert_type(of_any("t"), Invoice)  # type: ignore[assert-type]


# Schemas without a Python type.


@guard({"type": "object"})
def of_dict(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(True)
async def of_true(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Path("invoice.json"), max_attempts=2)
def of_path(prompt: str) -> str:
    """Give a text."""
    return prompt


assert_type(of_dict("t"), Any)
assert_type(of_dict.outcome("t"), Outcome[Any])
assert_type(of_path("t"), Any)
of_dict(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


# The other shapes.


@guard(Invoice)
async def coroutine(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Invoice)
def generator(prompt: str) -> Iterator[str]:
    """Give texts."""
    yield prompt


@guard(Invoice)
def true_generator(prompt: str) -> Generator[str, None, None]:
    """Give texts."""
    yield prompt


@guard(Invoice)
async def async_generator(prompt: str) -> AsyncIterator[str]:
    """Give texts."""
    yield prompt


@guard(Invoice)
def awaitable(prompt: str) -> Awaitable[str]:
    """Give something to await."""
    raise NotImplementedError


async def shapes() -> None:
    """Await what is to be awaited."""
    assert_type(await coroutine("t"), Invoice)
    assert_type(await coroutine.outcome("t"), Outcome[Invoice])
    assert_type(generator("t"), Invoice)
    assert_type(generator.outcome("t"), Outcome[Invoice])
    assert_type(true_generator("t"), Invoice)
    assert_type(await async_generator("t"), Invoice)
    assert_type(await async_generator.outcome("t"), Outcome[Invoice])
    assert_type(async_generator.stream("t"), AsyncIterator[Invoice | Json])
    assert_type(async_generator.stream("t", partial=True), AsyncIterator[Partial])
    assert_type(await awaitable("t"), Invoice)
    assert_type(await of_true("t"), Any)
    await coroutine(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    async for value in coroutine.stream("t"):
        assert_type(value, Invoice | Json)
    async for value in coroutine.stream("t"):
        if isinstance(value, Invoice):
            assert_type(value.total, float)
        value.total  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]


# Methods.


class Client:
    """Guarded methods."""

    @guard(Invoice)
    def method(self, prompt: str, pages: int) -> str:
        """Give a text."""
        return prompt

    @guard(Invoice)
    async def async_method(self, prompt: str) -> str:
        """Give a text."""
        return prompt

    @staticmethod
    @guard(Invoice)
    def static(prompt: str) -> str:
        """Give a text."""
        return prompt

    @guard
    def bare(self, prompt: str) -> Invoice:
        """Give a text."""
        raise NotImplementedError


async def methods(client: Client) -> None:
    """Call them bound and unbound."""
    assert_type(client.method("t", 3), Invoice)
    assert_type(client.method("t", pages=3), Invoice)
    assert_type(client.method.outcome("t", 3), Outcome[Invoice])
    assert_type(Client.method(client, "t", 3), Invoice)
    assert_type(await client.async_method("t"), Invoice)
    assert_type(await client.async_method.outcome("t"), Outcome[Invoice])
    assert_type(Client.static("t"), Invoice)
    assert_type(client.bare("t"), Invoice)
    client.method("t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.method("t", "3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.async_method()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# What a failed call gives.


@guard(Invoice, on_failure="return")
def returning(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Invoice, default=None)
def defaulting(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Invoice, default="nothing", strategy=["bare", "few_shot"])
async def async_defaulting(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(INVOICE, on_failure="return")
async def async_returning(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Invoice, on_failure="raise")
def raising(prompt: str) -> str:
    """Give a text."""
    return prompt


async def failures() -> None:
    """Look at what comes."""
    assert_type(returning("t"), Invoice | Outcome[Invoice])
    assert_type(defaulting("t"), Invoice | None)
    assert_type(await async_defaulting("t"), Invoice | str)
    assert_type(await async_returning("t"), Invoice | Outcome[Invoice])
    assert_type(raising("t"), Invoice)
    assert_type(returning.outcome("t"), Outcome[Invoice])
    assert_type(defaulting.outcome("t"), Outcome[Invoice])


# Bare.


@guard
def bare(prompt: str, pages: int = 1) -> Invoice:
    """Give a text, untyped."""
    raise NotImplementedError


@guard
async def async_bare(prompt: str) -> Invoice:
    """Give a text, untyped."""
    raise NotImplementedError


@guard
def bare_generator(prompt: str) -> Iterator[Invoice]:
    """Give texts, untyped."""
    raise NotImplementedError


@guard
async def bare_async_generator(prompt: str) -> AsyncIterator[Invoice]:
    """Give texts, untyped."""
    raise NotImplementedError
    yield


async def bares() -> None:
    """Look at what comes."""
    assert_type(bare("t"), Invoice)
    assert_type(bare("t", pages=2), Invoice)
    assert_type(bare.outcome("t"), Outcome[Invoice])
    assert_type(await async_bare("t"), Invoice)
    assert_type(bare_generator("t"), Invoice)
    assert_type(await bare_async_generator("t"), Invoice)
    bare(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await async_bare()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# Observing gives what the function gave.


@guard(Invoice, observe=True)
def observed(prompt: str, pages: int) -> bytes:
    """Give bytes."""
    return b""


@guard({"type": "object"}, observe=True, about=About(segment="a"))
async def observed_coroutine(prompt: str) -> bytes:
    """Give bytes."""
    return b""


@guard(Invoice, observe=True)
def observed_generator(prompt: str) -> Iterator[bytes]:
    """Give bytes."""
    yield b""


@guard(Invoice, observe=True)
async def observed_async_generator(prompt: str) -> AsyncIterator[bytes]:
    """Give bytes."""
    yield b""


async def observations() -> None:
    """Look at what comes."""
    assert_type(observed("t", 3), bytes)
    assert_type(observed.outcome("t", 3), Outcome[Invoice])
    assert_type(await observed_coroutine("t"), bytes)
    assert_type(observed_generator("t"), Iterator[bytes])
    assert_type(observed_async_generator("t"), AsyncIterator[bytes])
    async for chunk in observed_async_generator("t"):
        assert_type(chunk, bytes)
    observed("t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


# Settings.


def even(invoice: Invoice) -> str | None:
    """Refuse odd totals."""
    return None if invoice.total % 2 == 0 else "odd"


def positive(invoice: Invoice) -> bool:
    """Accept positive totals."""
    return invoice.total > 0


def short(text: str) -> str | None:
    """Refuse long texts."""
    return None if len(text) < 9 else "long"


assert_type(guard(Invoice), Guard[Invoice, Invoice])
assert_type(guard(Invoice, checks=[even], max_attempts=1), Guard[Invoice, Invoice])
assert_type(guard(Invoice, checks=[positive]), Guard[Invoice, Invoice])
assert_type(guard(Invoice, default=3), Guard[Invoice, Invoice | int])
assert_type(guard({}, default=3), Guard[Any, Any | int])
assert_type(guard(INVOICE, default=3), Guard[Invoice, Invoice | int])
assert_type(guard(), Guard[Any, Any])
flag: bool = bool(INVOICE)
assert_type(guard(Invoice, observe=flag), Guard[Invoice, Any])
guard(Invoice, checks=[short])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType, reportCallIssue]
guard({}, max_attempt=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
guard(Invoice, version="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
guard(Invoice, early_stop="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
guard({}, max_attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
guard({}, on_failure="retrun")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
guard({}, about={"version": "1"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
guard({}, coerce="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]

assert_type(judge("{}", INVOICE).value, Invoice | None)
assert_type(prefix_checker(INVOICE), PrefixChecker)
assert_type(prefix_checker(INVOICE).feed("{"), Failure | None)
assert_type(judge("{}", Invoice).value, Invoice | None)
assert_type(judge("{}", Invoice | Bill).value, Invoice | Bill | None)
assert_type(judge("{}", {"type": "object"}, finish_reason="stop").value, Any | None)
assert_type(judge("{}", Path("invoice.json")).value, Any | None)
assert_type(prefix_checker(Invoice), PrefixChecker)
assert_type(prefix_checker({"type": "object"}), PrefixChecker)

# Models that are asked one after the other.


@guard(Invoice, models=["small", "large"], strategy=["system_prompt", "few_shot"])
def escalating(prompt: str, model: str = "small") -> str:
    """Give a text."""
    return prompt


assert_type(escalating("t"), Invoice)
assert_type(escalating("t", model="own"), Invoice)


def escalate(small: Model, large: Model) -> None:
    """Hand over to the larger one."""
    assert_type(guard(Invoice, models=[small, large], about=About(tuned=True)), Guard[Invoice, Invoice])
    assert_type(guard(Invoice, early_stop=True, default=None), Guard[Invoice, Invoice | None])
    guard({}, models=[3])  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]


with tags(segment="a", cluster="b"), open_store("sqlite://") as store:
    guard(Invoice, store=store)


def later(value: Coroutine[Any, Any, Invoice]) -> None:
    """Take what an async guarded function gives."""


later(coroutine("t"))


# Turns of agents: a function keeps its parameters and what it gives.


@guard_tools([Invoice, Bill], max_attempts=2)
def turn(messages: list[dict[str, Any]], *, temperature: float = 0) -> bytes:
    """A turn."""
    return b""


@guard_tools([Invoice], observe=True)
async def async_turn(messages: list[dict[str, Any]]) -> bytes:
    """A turn."""
    return b""


async def turns() -> None:
    """Call them."""
    assert_type(turn([], temperature=1), bytes)
    assert_type(await async_turn([]), bytes)
    assert_type(judge_calls({}, [Invoice]), list[CallJudgement])


# A router keeps the parameters and the types of its two functions, and the way in which they are called.


@guard(Invoice, about=About(tuned=True))
def tuned_model(prompt: str, pages: int, *, tone: str = "dry") -> str:
    """Give a text."""
    return prompt


def is_short(prompt: str, pages: int, *, tone: str = "dry") -> bool:
    """Say whether an input is primary."""
    return pages < 3


routed = Router(tuned=tuned_model, prompt=plain, primary=is_short)
assert_type(routed("t", 3), Invoice)
assert_type(routed("t", pages=3, tone="warm"), Invoice)
assert_type(routed.outcome("t", 3), Outcome[Invoice])
assert_type(routed.stream("t", 3), Iterator[Invoice | Json])
assert_type(routed.branch_of(routed.outcome("t", 3)), Literal["tuned", "prompt", "fallback"])
routed()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
routed(3, 3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Router(tuned=tuned_model, prompt=plain, primary=Evidence(segments=["invoices"]), share=0.5)


@guard(Invoice)
async def awaited_prompt(prompt: str) -> str:
    """Give a text."""
    return prompt


@guard(Invoice, about=About(tuned=True))
async def awaited_tuned(prompt: str) -> str:
    """Give a text."""
    return prompt


routed_async = Router(tuned=awaited_tuned, prompt=awaited_prompt)
assert_type(routed_async.stream("t"), AsyncIterator[Invoice | Json])


async def routed_and_awaited() -> None:
    """Await a router over asynchronous functions."""
    assert_type(await routed_async("t"), Invoice)
    assert_type(await routed_async.outcome("t"), Outcome[Invoice])


class Extractor:
    """A router in a class is bound as its functions are."""

    @guard(Invoice, about=About(tuned=True))
    def tuned(self, prompt: str) -> str:
        """Give a text."""
        return prompt

    @guard(Invoice)
    def prompted(self, prompt: str) -> str:
        """Give a text."""
        return prompt

    extract = Router(tuned=tuned, prompt=prompted)


assert_type(Extractor().extract("t"), Invoice)
