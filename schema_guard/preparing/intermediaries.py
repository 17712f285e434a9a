# SPDX-License-Identifier: Apache-2.0
"""What stands between a function and its model, as far as its code shows: clients that repeat requests, gateways that repair.

Rules: nothing is called, and no attribute of a user's object asked for but those that clients of SDKs have. What is not
found may be there: a client that is made inside of the function, or comes as an argument, is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from schema_guard.configuration.gateway_repair import PLUGINS, repairers
from schema_guard.configuration.thinking import thinking
from schema_guard.preparing.parameters import innermost

__all__ = ["Retrying", "repairers_in", "retrying_in", "thinking_in"]

# Functions of a module that a function calls, and those that they call: a chain that is longer says little of it.
_MOST_FUNCTIONS = 50
# Where a part of a client keeps the whole.
_CLIENTS = ("_client", "client")


class Retrying(NamedTuple):
    """A client that repeats failed requests by itself.

    Attributes:
        name: As the function calls it.
        kind: Of which class it is: `openai.OpenAI`.
        retries: The most that it repeats one request.
    """

    name: str
    kind: str
    retries: int


def retrying_in(function: Any) -> list[Retrying]:
    """Give the clients that a function reads by a name, and that repeat requests; in the order of their names."""
    clients: dict[int, Retrying] = {}
    for name, value in _read_by(function):
        for client in (value, *[getattr(value, part, None) for part in _CLIENTS if _is_of_sdk(value)]):
            retries = getattr(client, "max_retries", None) if _is_of_sdk(client) else None
            if isinstance(retries, int) and not isinstance(retries, bool) and retries > 0:
                kind = f"{type(client).__module__.partition('.')[0]}.{type(client).__name__}"
                clients.setdefault(id(client), Retrying(name, kind, retries))
    return sorted(clients.values())


def repairers_in(function: Any) -> tuple[str, ...]:
    """Give what a function's code, or the values that it reads by a name, names that repairs replies."""
    found: list[str] = []
    for _, code in _codes(function):
        found += [text for text in _texts(code) if text in PLUGINS]
    for _, value in _read_by(function):
        found += repairers(value) or repairers({"plugins": value})
    return tuple(dict.fromkeys(found))


def thinking_in(function: Any) -> str | None:
    """Give what the values that a function reads by a name say of thinking; None where they say nothing, or several things."""
    values = {thinking(value) for _, value in _read_by(function) if isinstance(value, Mapping)} - {None}
    return values.pop() if len(values) == 1 else None


def _is_of_sdk(value: object) -> bool:
    """Tell whether an object may be asked for attributes: a client is no number, text, module or class."""
    return not isinstance(
        value, str | int | float | bytes | type | FunctionType | Mapping | list | tuple
    ) and (
        hasattr(type(value), "__module__")
        and type(value).__module__.partition(".")[0] not in ("builtins", "unittest")
    )


def _codes(function: Any) -> Iterator[tuple[FunctionType, CodeType]]:
    """Give a function that somebody wrote, and those of its own module that it calls."""
    waiting: list[Any] = [innermost(function)]
    seen: set[FunctionType] = set()
    while waiting and len(seen) < _MOST_FUNCTIONS:
        callee = waiting.pop(0)
        if not isinstance(callee, FunctionType) or callee in seen:
            continue
        seen.add(callee)
        yield callee, callee.__code__
        for name in sorted(_names_of(callee.__code__)):
            called = innermost(callee.__globals__.get(name))
            if isinstance(called, FunctionType) and called.__module__ == callee.__module__:
                waiting.append(called)


def _read_by(function: Any) -> Iterator[tuple[str, Any]]:
    """Give what is read by a name: globals, what a closure holds, what an object has, and defaults."""
    owner = getattr(function, "__self__", None)
    for callee, code in _codes(function):
        names = sorted(_names_of(code))
        yield from ((name, callee.__globals__[name]) for name in names if name in callee.__globals__)
        for name, cell in zip(code.co_freevars, callee.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:  # not filled yet
                continue
            yield name, content
        held = getattr(owner, "__dict__", {})
        yield from ((f"self.{name}", held[name]) for name in names if name in held)
        yield from (
            ("a default", value)
            for value in (*(callee.__defaults__ or ()), *(callee.__kwdefaults__ or {}).values())
        )


def _names_of(code: CodeType) -> set[str]:
    inner = [part for part in code.co_consts if isinstance(part, CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*map(_names_of, inner))


def _texts(code: CodeType) -> Iterator[str]:
    waiting = list(code.co_consts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, CodeType):
            waiting += part.co_consts
        elif isinstance(part, tuple | frozenset):
            waiting += part
