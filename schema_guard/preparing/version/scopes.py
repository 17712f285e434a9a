# SPDX-License-Identifier: Apache-2.0
"""What the names of a source are bound to, read off its syntax.

Rules: a name has a value that counts only where it is bound once, by a literal, or by text that is read from a
file. What a call gives may differ in every process (`uuid4()`), so it has none; neither has a name that is bound
twice, or that some function rebinds.
"""

from __future__ import annotations

import ast
import linecache
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from schema_guard.light.lazy import cached_property
from schema_guard.preparing.version.canonical import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

__all__ = ["Scope", "Source", "module_source", "source_of"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_CONTAINERS = (ast.Tuple, ast.List, ast.Set, ast.Dict, ast.JoinedStr, ast.FormattedValue)
_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.Slice, ast.Starred)
_READING = frozenset({"read_text", "read_bytes", "get_data"})
_SHAPING = frozenset({"dedent", "cleandoc"})
_MOST_CACHED = 16


class Scope:
    """A module, a class or a function, and what its names are bound to."""

    def __init__(self, node: ast.AST, outer: Scope | None, package: str) -> None:
        self.node = node
        self.outer = outer
        self.package = package

    @cached_property
    def bound(self) -> dict[str, list[ast.AST]]:
        """Every name that is bound here, with what binds it: the value, an import, or what gives it none."""
        bindings: dict[str, list[ast.AST]] = {}
        for name, by in _bindings(self.node):
            bindings.setdefault(name, []).append(by)
        return bindings

    def binding(self, name: str) -> ast.AST | None:
        """Give what a name is bound to, when it is bound once; None for every other."""
        nodes = self.bound.get(name, ())
        return nodes[0] if len(nodes) == 1 else None

    def holding(self, name: str) -> Scope | None:
        """Give the scope that a name in this one means, as Python has it: a class is seen from itself alone."""
        if name in self.bound:
            return self
        scope = self.outer
        while scope is not None and (isinstance(scope.node, ast.ClassDef) or name not in scope.bound):
            scope = scope.outer
        return scope

    def literal(self, name: str) -> str | None:
        """Give what a name is bound to as it is written, when it is bound once by a literal; else None."""
        node = self.binding(name)
        return None if node is None or not self.is_literal(node) else " ".join(self.written(node))

    def written(self, node: ast.AST) -> Iterator[str]:
        """Give a literal as it is written, and what is named in it."""
        if isinstance(node, ast.ImportFrom):
            source = self.imported(node)
            by = None if source is None else source.module.binding(node.names[0].name)
            if source is not None and by is not None:
                yield from source.module.written(by)
            return
        yield as_text(node)
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and (scope := self.holding(part.id)) is not None:
                by = scope.binding(part.id)
                yield from () if by is None else scope.written(by)

    def inside(self, name: str) -> Scope | None:
        """Give the scope of a class that is defined here."""
        node = self.binding(name)
        return Scope(node, self, self.package) if isinstance(node, ast.ClassDef) else None

    def is_literal(self, node: ast.AST | None, seen: tuple[ast.AST, ...] = ()) -> bool:
        """Say whether an expression has the same value in every process."""
        if isinstance(node, ast.Constant):
            return True
        if node is None or node in seen:
            return False
        seen = (*seen, node)
        if isinstance(node, (ast.Name, ast.ImportFrom)):
            return self._is_name_of_literal(node, seen)
        if isinstance(node, ast.Call):
            return self._is_text_read(node) or self._is_text_shaped(node, seen)
        if not isinstance(node, (*_CONTAINERS, *_OPERATIONS)):
            return False
        parts = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
        return all(self.is_literal(part, seen) for part in parts)

    def _is_name_of_literal(self, node: ast.Name | ast.ImportFrom, seen: tuple[ast.AST, ...]) -> bool:
        if isinstance(node, ast.Name):
            scope, name = self.holding(node.id), node.id
        else:
            # What stands here is one name of the statement: see `_names_bound_by`.
            source, name = self.imported(node), node.names[0].name
            scope = None if source is None else source.module
        return scope is not None and scope.is_literal(scope.binding(name), seen)

    def _is_text_read(self, call: ast.Call) -> bool:
        """Say whether a call reads a file: `Path(...).read_text()`, `open(...).read()`."""
        if not isinstance(call.func, ast.Attribute):
            return False
        return call.func.attr in _READING or (
            call.func.attr == "read" and self._is_open_file(call.func.value)
        )

    def _is_open_file(self, file: ast.AST | None) -> bool:
        if isinstance(file, ast.Name):
            scope = self.holding(file.id)
            file = None if scope is None else scope.binding(file.id)
        opened = file.func if isinstance(file, ast.Call) else None
        return (isinstance(opened, ast.Name) and opened.id == "open") or (
            isinstance(opened, ast.Attribute) and opened.attr == "open"
        )

    def _is_text_shaped(self, call: ast.Call, seen: tuple[ast.AST, ...]) -> bool:
        """Say whether a call only brings literals into shape: `"...".strip()`, `dedent("...")`."""
        parts = [*call.args, *(keyword.value for keyword in call.keywords)]
        if isinstance(call.func, ast.Attribute) and call.func.attr not in _SHAPING:
            if not (hasattr(str, call.func.attr) or hasattr(bytes, call.func.attr)):
                return False
            parts.append(call.func.value)
        elif getattr(call.func, "attr", getattr(call.func, "id", None)) not in _SHAPING:
            return False
        return all(self.is_literal(part, seen) for part in parts)

    def imported(self, statement: ast.ImportFrom) -> Source | None:
        """Give the source of the module that a name is imported from, when it is loaded."""
        parents = self.package.split(".")
        base = ".".join(parents[: len(parents) - statement.level + 1]) if statement.level else ""
        return module_source(sys.modules.get(".".join(part for part in (base, statement.module) if part)))


class Source:
    """The syntax of one file."""

    def __init__(self, text: str, package: str) -> None:
        self.module = Scope(ast.parse(text), None, package)

    @cached_property
    def _functions(self) -> dict[tuple[str, int], Scope]:
        scopes: dict[tuple[str, int], Scope] = {}
        waiting = [(node, self.module) for node in ast.iter_child_nodes(self.module.node)]
        while waiting:
            node, outer = waiting.pop()
            if isinstance(node, _SCOPES):
                outer = Scope(node, outer, outer.package)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                scopes[node.name, min([node.lineno, *(part.lineno for part in node.decorator_list)])] = outer
            waiting += [(child, outer) for child in ast.iter_child_nodes(node)]
        return scopes

    def function(self, code: CodeType) -> Scope | None:
        """Give the scope of a function by its code; None for a lambda and for code that stands elsewhere."""
        return self._functions.get((code.co_name, code.co_firstlineno))


def source_of(file: str | None, names: dict[str, Any]) -> Source | None:
    """Give the syntax of a file; None where there is none to read, as in a notebook or under `python -c`.

    Args:
        file: Where the code says that it stands.
        names: Of its module.
    """
    if file is None or file.startswith("<") or names.get("__file__") is None:
        return None
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, names))
    return _parsed(text, names.get("__package__") or "") if text else None


@lru_cache(maxsize=_MOST_CACHED)
def _parsed(text: str, package: str) -> Source | None:
    try:
        return Source(text, package)
    except (SyntaxError, ValueError):
        return None


def module_source(module: Any) -> Source | None:
    """Give the source of a loaded module; None for the standard library, which differs between Pythons."""
    name = getattr(module, "__name__", None)
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return None
    return source_of(getattr(module, "__file__", None), vars(module))


def _bindings(scope: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give every binding of a name in a scope, and what it is bound to."""
    if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        yield from ((part.arg, part) for part in ast.walk(scope.args) if isinstance(part, ast.arg))
    body = getattr(scope, "body", [])
    waiting: list[ast.AST] = list(body) if isinstance(body, list) else [body]
    while waiting:
        node = waiting.pop()
        valued = [target for target in _targets(node) if isinstance(target, ast.Name)]
        value = getattr(node, "context_expr", None) or getattr(node, "value", None)
        # An annotation alone binds nothing.
        yield from ((target.id, value) for target in valued if value is not None)
        yield from _names_bound_by(node)
        if isinstance(node, _SCOPES):
            # A function inside may rebind a name of this scope.
            declared = (part for part in ast.walk(node) if isinstance(part, (ast.Global, ast.Nonlocal)))
            yield from ((name, part) for part in declared for name in part.names)
        else:
            waiting += [child for child in ast.iter_child_nodes(node) if child not in valued]


def _targets(node: ast.AST) -> list[ast.expr]:
    """Give what a node binds to a value that stands beside it."""
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
        return [node.target]
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return [node.optional_vars]
    return []


def _names_bound_by(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Give the names that a node binds by itself."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id, node
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            statement = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
            yield alias.asname or alias.name, statement
    elif isinstance(node, ast.Import):
        yield from ((alias.asname or alias.name.partition(".")[0], node) for alias in node.names)
    elif isinstance(node, ast.alias):
        return  # of the import that it is a part of
    elif isinstance(name := getattr(node, "name", None) or getattr(node, "rest", None), str):
        # Functions, classes, caught exceptions, parts of patterns.
        yield name, node
