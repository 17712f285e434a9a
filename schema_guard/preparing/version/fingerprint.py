# SPDX-License-Identifier: Apache-2.0
"""The version of a function: 12 hex digits, the same on every machine and Python until its author changes something.

What counts: the source from `def` on, without comments, docstring and decorators; the functions of its own module that
it calls, and what those call; texts and numbers by the rules of `scopes`; what a `partial` holds; and what the strategy
says. Where there is no source to read (`python -c`, a notebook, a lambda), names and constants stand for it.
"""

from __future__ import annotations

import ast
import json
from functools import partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from schema_guard.interruptions import is_interruption
from schema_guard.light.digest import hex_digest
from schema_guard.preparing.parameters import innermost
from schema_guard.preparing.shapes import name_of
from schema_guard.preparing.version.canonical import as_text, is_plain
from schema_guard.preparing.version.code import code_text, names_of
from schema_guard.preparing.version.scopes import module_source, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.preparing.version.scopes import Scope
    from schema_guard.strategies import Step

__all__ = ["version_of"]

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def version_of(function: Any, steps: Sequence[Step]) -> str:
    """Give the version of a function as it is asked with these steps."""
    step_parts = [
        [step.strategy.name, step.instructions, [[example.task, example.value] for example in step.examples]]
        for step in steps
    ]
    return hex_digest(json.dumps([step_parts, sorted(_parts_of(function).items())], default=repr), 12)


def _parts_of(function: Any) -> dict[str, str]:
    """Give every part that counts, by what it is."""
    parts = {"bound": as_text(list(_bound_arguments(function)))}
    runs = innermost(function)
    if not isinstance(runs, FunctionType):
        return {**parts, "name": name_of(function)}
    try:
        return {**parts, **_Parts(runs).parts}
    except Exception as error:
        if is_interruption(error):
            raise
        # No source, however odd, may cost its function a call.
        return {**parts, "code": code_text(runs.__code__)}


def _bound_arguments(function: Any) -> Iterator[str]:
    """Give what partials hold: texts and numbers, of all else only that it is there."""
    while isinstance(function, partial):
        held = [*enumerate(function.args), *sorted(function.keywords.items())]
        yield from (f"{key}={as_text(value) if is_plain(value) else ''}" for key, value in held)
        function = function.func


class _Parts:
    """The parts of one function, found from it on."""

    def __init__(self, function: FunctionType) -> None:
        self.parts: dict[str, str] = {}
        self._names = function.__globals__
        self._add_function(function)

    def _add_function(self, function: FunctionType) -> None:
        key = f"def {function.__qualname__}"
        if key in self.parts:
            return
        code = function.__code__
        source = source_of(code.co_filename, self._names)
        scope = None if source is None else source.function(code)
        if scope is not None:
            assert isinstance(scope.node, _DEFINITIONS)
            self.parts[key] = as_text(scope.node, without=("decorator_list",))
            self._add_names(function, scope, _chains(scope.node))
            return
        self.parts[key] = f"{code_text(code)}{as_text(_defaults(function))}"
        names: list[tuple[str, ...]] = [(name,) for name in sorted(names_of(code))]
        self._add_names(function, None if source is None else source.module, names)

    def _add_names(self, function: FunctionType, scope: Scope | None, chains: list[tuple[str, ...]]) -> None:
        held = _cells(function)
        for first, *rest in chains:
            if scope is not None and first == _instance_name(scope):
                self._add_member(_class_of(function), rest, scope.outer)
            elif first in held:
                self._add(first, held[first], rest, scope)
            elif scope is None or isinstance(scope.node, ast.Module) or scope.holding(first) is not scope:
                self._add(first, self._names.get(first), rest, scope)

    def _add(self, name: str, value: Any, rest: list[str], scope: Scope | None) -> None:
        """Add what a name means, or what is reached from it."""
        home = None if scope is None else scope.holding(name)
        while isinstance(value, ModuleType) and rest:
            source = module_source(value)
            home = None if source is None else source.module
            # What a module only makes when it is asked for is not asked for here.
            value = vars(value).get(rest[0])
            name, rest = f"{name}.{rest[0]}", rest[1:]
        if isinstance(value, type):
            self._add_member(value, rest, None)
        elif callable(value):
            self._add_callee(value)
        else:
            self._add_value(name, value, home)

    def _add_callee(self, value: Any) -> bool:
        """Add a function of the same module; say whether it is one."""
        runs = innermost(value)
        is_own = isinstance(runs, FunctionType) and runs.__globals__ is self._names
        if is_own:
            self._add_function(runs)
        return is_own

    def _add_member(self, owner: Any, rest: list[str], scope: Scope | None) -> None:
        """Add what is reached from a class: `self.name`, `Class.name`; *scope* is its own, where that is known."""
        if owner is None or not rest:
            return
        home = next((base for base in owner.__mro__ if rest[0] in vars(base)), None)
        if home is None or home.__module__ != self._names.get("__name__"):
            return
        value = vars(home)[rest[0]]
        value = next(
            (
                function
                for part in ("__func__", "fget", "func")
                if (function := getattr(value, part, None)) is not None
            ),
            value,
        )
        if self._add_callee(value):
            return
        if home is not owner or scope is None:
            source = source_of(self._names.get("__file__"), self._names)
            scope = None if source is None else source.module.inside(home.__name__)
        self._add_value(f"{home.__name__}.{rest[0]}", value, scope)

    def _add_value(self, key: str, value: Any, scope: Scope | None) -> None:
        """Add the value of a name that its scope binds once, by a literal."""
        if scope is None or (bound := scope.literal(key.rpartition(".")[2])) is None:
            return
        # What can be changed while it runs counts as it is written.
        self.parts[f"value {key}"] = as_text(value) if is_plain(value) else bound


def _chains(node: ast.AST) -> list[tuple[str, ...]]:
    """Give the names that are read, and those with the attributes that are asked of them."""
    read: set[tuple[str, ...]] = set()
    for part in ast.walk(node):
        attributes: list[str] = []
        while isinstance(part, ast.Attribute):
            attributes.insert(0, part.attr)
            part = part.value  # noqa: PLW2901 - down to the name
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            read.add((part.id, *attributes))
    return sorted(read)


def _instance_name(scope: Scope) -> str | None:
    """Give the name by which a method calls its instance; None for a function that is none."""
    if scope.outer is None or not isinstance(scope.outer.node, ast.ClassDef):
        return None
    assert isinstance(scope.node, _DEFINITIONS)
    parameters = [*scope.node.args.posonlyargs, *scope.node.args.args]
    return parameters[0].arg if parameters else None


def _class_of(function: FunctionType) -> Any:
    """Give the class that a method stands in; None where no name leads to it."""
    owner: Any = None
    for depth, name in enumerate(function.__qualname__.split(".")[:-1]):
        owner = function.__globals__.get(name) if depth == 0 else getattr(owner, name, None)
    return owner if isinstance(owner, type) else None


def _cells(function: FunctionType) -> dict[str, Any]:
    """Give what a function holds of those around it."""
    held = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            held[name] = cell.cell_contents
        except ValueError:  # not bound yet
            held[name] = None
    return held


def _defaults(function: FunctionType) -> list[str]:
    defaults = [*enumerate(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())]
    return [f"{key}={as_text(value)}" for key, value in defaults if is_plain(value)]
