# SPDX-License-Identifier: Apache-2.0
"""The version of a function: 12 hex digits that change when its author would speak of a change.

Rules:
1. The version is a hash of normalized source: the function, and each statement of its module or class that binds a name
   that it reads. It is the same on every machine and Python. Layout, comments, docstrings, and decorators don't count.
2. Statements of other modules count if they are assignments. A statement that reads a file counts with its value.
3. The values of a closure and of a partial count, because one factory makes several functions of the same source.
4. For code without source (`python -c`, a notebook), its bytes, names, and constants count.
"""

from __future__ import annotations

import ast
import copy
import json
import linecache
import logging
import sys
from functools import lru_cache, partial
from importlib.util import resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from schema_guard.interruptions import value_or
from schema_guard.preparing.parameters import innermost
from schema_guard.preparing.shapes import name_of
from schema_guard.text import hex_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schema_guard.strategies import Step

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_READING: Final = frozenset({"read", "read_text", "read_bytes", "get_data"})
# Fields of a tree that carry no information, or don't exist in every Python version.
_SILENT: Final = frozenset({"ctx", "kind", "type_comment", "simple"})
_PLAIN: Final = (str, bytes, bool, int, float, complex, type(None))
# Most closures of one function. A function that each call creates anew contains that call's values.
_MOST_CLOSURES: Final = 20
_logger = logging.getLogger("schema_guard")
_closures: dict[tuple[str, str, int], set[int | None]] = {}


def version_of(function: Any, steps: Sequence[Step]) -> str:
    """Return the version of a function that is called with these steps."""
    step_parts = [
        [step.strategy.name, step.instructions, [[example.task, example.value] for example in step.examples]]
        for step in steps
    ]
    parts = [step_parts, *_bound_arguments(function), *_function_parts(function)]
    return hex_digest(json.dumps(parts, default=repr), 12)


def _bound_arguments(function: Any) -> Iterator[str]:
    """Yield the arguments of partials."""
    while isinstance(function, partial):
        arguments = [*enumerate(function.args), *sorted(function.keywords.items())]
        yield from (f"{key}={as_text(value) if _is_plain(value) else ''}" for key, value in arguments)
        function = function.func


def _function_parts(function: Any) -> list[str]:
    inner = innermost(function)
    if not isinstance(inner, FunctionType):
        return [name_of(function)]
    # Unusual source code must not make a call fail.
    source = value_or(None, _Source, inner)
    if source is None:
        return [_code_text(inner)]
    return [*sorted(source.texts), _limited(inner, "; ".join(sorted(source.values)))]


def _limited(function: FunctionType, values: str) -> str:
    """Return the values of a closure. `""` if too many closures of the same code have other values."""
    code, digest = function.__code__, hash(values)
    known = _closures.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), set())
    if digest in known or len(known) < _MOST_CLOSURES:
        known.add(digest)
        return values
    if None not in known:
        known.add(None)
        _logger.warning(
            "%s reads values of the function around it, and these values often differ. They no longer count as its version. Pass them as arguments, or name the version: guard(..., about=About(version=...))",
            function.__qualname__,
        )
    return ""


class _Source:
    """Source of a function, and of the functions and values that it reads.

    Attributes:
        texts: Normalized statements, and the values of those that read a file.
        values: Plain values of closures.
    """

    def __init__(self, function: FunctionType) -> None:
        self.texts: set[str] = set()
        self.values: set[str] = set()
        self._module = function.__globals__
        self._seen: set[object] = set()
        self._add_function(function)

    def _add_function(self, function: FunctionType) -> None:
        """Add a function, the names that it reads in modules, and its closure."""
        if function in self._seen:
            return
        self._seen.add(function)
        code, names = function.__code__, function.__globals__
        tree = _tree(code.co_filename, names)
        nodes = [] if tree is None else _functions(tree).get((code.co_name, code.co_firstlineno), [])
        for node, owner in nodes:
            self._add(node, names, owner)
        if not nodes:
            self.texts.add(_code_text(function))
            for name in code.co_names:
                self._add_callee(names.get(name))
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            value = value_or(None, getattr, cell, "cell_contents")  # none if it isn't bound yet
            if _is_plain(value):
                self.values.add(f"{name}={as_text(value)}")
            self._add_callee(value)

    def _add_callee(self, value: Any) -> None:
        inner = innermost(value) if callable(value) else None
        if isinstance(inner, FunctionType) and inner.__globals__ is self._module:
            self._add_function(inner)

    def _add(self, node: ast.AST, names: dict[str, Any], owner: ast.ClassDef | None = None) -> None:
        """Add a statement or function, and the names that it reads. *owner* is the class that contains it."""
        if node in self._seen:
            return
        self._seen.add(node)
        bare = copy.copy(node)
        if isinstance(bare, _DEFINITIONS):
            bare.decorator_list = []
        self.texts.add(as_text(bare))
        for first, *rest in _chains(bare):
            if owner is not None and rest and first in ("self", "cls"):
                self._add_member(owner, rest[0], names)
            else:
                self._follow(first, rest, names)

    def _follow(self, first: str, rest: list[str], names: dict[str, Any]) -> None:
        """Add the statements of a module that bind a name, or a member of a class or module of that name."""
        tree = _tree(names.get("__file__"), names)
        read = (id(names), first, *rest[:1])
        if tree is None or read in self._seen:
            return
        self._seen.add(read)
        for statement in _bindings(tree).get(first, ()):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self._follow_import(statement, first, rest, names)
            elif isinstance(statement, _DEFINITIONS) and names is not self._module:
                continue
            elif isinstance(statement, ast.ClassDef):
                if rest:
                    self._add_member(statement, rest[0], names)
            else:
                self._add_value(statement, first, names.get(first))
                self._add(statement, names)

    def _follow_import(
        self, statement: ast.Import | ast.ImportFrom, name: str, rest: list[str], names: dict[str, Any]
    ) -> None:
        module = names.get(name)
        if isinstance(statement, ast.ImportFrom):
            source = "." * statement.level + (statement.module or "")
            module = sys.modules.get(resolve_name(source, names.get("__package__")))
            rest = [
                next(alias.name for alias in statement.names if name in (alias.asname, alias.name)),
                *rest,
            ]
        while rest and isinstance(inner := getattr(module, rest[0], None), ModuleType):
            module, rest = inner, rest[1:]
        # The standard library differs between Pythons.
        if isinstance(module, ModuleType) and module.__name__.split(".")[0] not in sys.stdlib_module_names:
            for first in rest[:1]:
                self._follow(first, rest[1:], vars(module))

    def _add_member(self, owner: ast.ClassDef, name: str, names: dict[str, Any]) -> None:
        """Add a member of a class, or of its base."""
        members = _bindings(owner).get(name, ())
        for member in members:
            self._add_value(member, f"{owner.name}.{name}", getattr(names.get(owner.name), name, None))
            self._add(member, names, owner)
        for first, *rest in () if members else _chains(ast.Tuple(owner.bases)):
            self._follow(first, [*rest, name], names)

    def _add_value(self, statement: ast.AST, name: str, value: Any) -> None:
        """Add the value of a statement that reads a file."""
        reads = (part.attr in _READING for part in ast.walk(statement) if isinstance(part, ast.Attribute))
        if not isinstance(statement, _DEFINITIONS) and any(reads) and _is_plain(value):
            self.texts.add(f"{name}={as_text(value)}")


def _code_text(function: FunctionType) -> str:
    """Return a text that represents a function without source."""
    return as_text([list(_code_parts(function.__code__, function.__doc__)), _plain_defaults(function)])


def _plain_defaults(function: FunctionType) -> list[Any]:
    values = [*(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())]
    return [value for value in values if _is_plain(value)]


def _code_parts(code: CodeType, docstring: str | None) -> Iterator[Any]:
    yield from (code.co_code, code.co_names)
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _code_parts(part, None)
        elif part != docstring:
            yield part


# Syntax.


def _tree(file: str | None, names: dict[str, Any]) -> ast.Module | None:
    """Return the syntax of a module. None if there is none to read, as in a notebook or under `python -c`."""
    if file is None or file.startswith("<") or names.get("__file__") is None:
        return None
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file, names))
    return _parsed(text) if text else None


@lru_cache(maxsize=16)
def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


@lru_cache(maxsize=16)
def _functions(tree: ast.Module) -> dict[tuple[str, int], list[tuple[ast.AST, ast.ClassDef | None]]]:
    """Return each function, and the class that contains it, by the name and first line of its code."""
    functions: dict[tuple[str, int], list[tuple[ast.AST, ast.ClassDef | None]]] = {}
    for parent in ast.walk(tree):
        owner = parent if isinstance(parent, ast.ClassDef) else None
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, _FUNCTIONS):
                line = min([node.lineno, *(part.lineno for part in getattr(node, "decorator_list", ()))])
                functions.setdefault((getattr(node, "name", "<lambda>"), line), []).append((node, owner))
    return functions


@lru_cache(maxsize=128)
def _bindings(scope: ast.Module | ast.ClassDef) -> dict[str, list[ast.stmt]]:
    """Return the names of a module or class, with the statements that bind each of them."""
    bindings: dict[str, list[ast.stmt]] = {}
    for statement in scope.body:
        parts = [statement] if isinstance(statement, _DEFINITIONS) else ast.walk(statement)
        for name in dict.fromkeys(filter(None, map(_bound_name, parts))):
            bindings.setdefault(name, []).append(statement)
    return bindings


def _bound_name(part: ast.AST) -> str | None:
    """Return the name that a part of a statement binds."""
    if isinstance(part, ast.alias):
        return part.asname or part.name.partition(".")[0]
    if isinstance(part, _DEFINITIONS):
        return part.name
    return part.id if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store) else None


def _chains(node: ast.AST) -> list[tuple[str, ...]]:
    """Return the names that code reads outside annotations, each with the attributes that are read from it."""
    chains: set[tuple[str, ...]] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        fields = [value for name, value in ast.iter_fields(part) if name not in ("annotation", "returns")]
        values = [each for value in fields for each in (value if isinstance(value, list) else [value])]
        waiting += [value for value in values if isinstance(value, ast.AST)]
        attributes: list[str] = []
        while isinstance(part, ast.Attribute):
            attributes.insert(0, part.attr)
            part = part.value
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            chains.add((part.id, *attributes))
    return sorted(chains)


# Texts. `ast.dump` and `ast.unparse` differ between Pythons.


def as_text(part: Any) -> str:
    """Return the text of a tree, of a list of trees, or of a plain value."""
    if isinstance(part, ast.JoinedStr):
        return f"f({_pieces(part)})"
    if isinstance(part, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(part) if name not in _SILENT]
        if isinstance(part, _DEFINITIONS) and ast.get_docstring(part, clean=False) is not None:
            fields = [(name, value[1:] if name == "body" else value) for name, value in fields]
        filled = sorted(
            f"{name}={as_text(value)}" for name, value in fields if value is not None and value != []
        )
        return f"{type(part).__name__}({' '.join(filled)})"
    if isinstance(part, dict):
        return f"{{{' '.join(sorted(f'{as_text(key)}:{as_text(value)}' for key, value in part.items()))}}}"
    if isinstance(part, (set, frozenset)):
        return f"{{{' '.join(sorted(map(as_text, part)))}}}"
    if isinstance(part, (list, tuple)):
        return f"{type(part).__name__}({' '.join(map(as_text, part))})"
    # Python rejects decimal digits of a large number, and printable characters differ between Pythons.
    return hex(part) if type(part) is int else ascii(part)


def _pieces(text: ast.JoinedStr) -> str:
    """Return the pieces of an f-string. Pythons cut its texts differently."""
    pieces: list[str] = [""]
    for value in text.values:
        if isinstance(value, ast.Constant):
            pieces[-1] += str(value.value)
        else:
            assert isinstance(value, ast.FormattedValue)
            spec = _pieces(value.format_spec) if isinstance(value.format_spec, ast.JoinedStr) else ascii("")
            pieces[-1:] = [pieces[-1], f"{as_text(value.value)}!{value.conversion}:{spec}", ""]
    return " ".join(piece if i % 2 else ascii(piece) for i, piece in enumerate(pieces))


def _is_plain(value: Any) -> bool:
    """Return whether a value is a text, a number, or a list or dict of them."""
    if type(value) is dict:
        return all(map(_is_plain, value)) and all(map(_is_plain, value.values()))
    if type(value) in (tuple, list, frozenset):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN
