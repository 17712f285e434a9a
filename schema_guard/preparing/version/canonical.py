# SPDX-License-Identifier: Apache-2.0
"""Syntax and values as texts that are the same on every machine and Python.

Not `ast.dump` and not `ast.unparse`: both write differently from one Python to the next. Layout, comments, docstrings,
and how a text is quoted leave no trace.
"""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["as_text", "is_plain"]

# What stands in a tree and says nothing, or not in every Python.
_SILENT = frozenset({"ctx", "kind", "type_comment", "simple"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TEXTS_AND_NUMBERS = (str, bytes, bool, int, float, complex, type(None), type(...))


def as_text(node: Any, *, without: tuple[str, ...] = ()) -> str:
    """Give the text of a tree, of a list of trees, or of a plain value.

    Args:
        node: What to write.
        without: Fields of the tree's root to leave out.
    """
    if isinstance(node, ast.JoinedStr):
        return _joined(node)
    if isinstance(node, ast.AST) and not isinstance(node, ast.Constant):
        fields = sorted((name, value) for name, value in _filled_fields(node).items() if name not in without)
        return f"{type(node).__name__}({' '.join(f'{name}={as_text(value)}' for name, value in fields)})"
    value = node.value if isinstance(node, ast.Constant) else node
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({' '.join(map(as_text, value))})"
    if isinstance(value, frozenset):
        return f"{{{' '.join(sorted(map(as_text, value)))}}}"
    # Decimal digits of a large number are refused. What counts as printable, and so stands in a repr as it is, differs
    # with the Unicode of each Python.
    return hex(value) if type(value) is int else ascii(value)


def is_plain(value: Any) -> bool:
    """Say whether a value is a text, a number or a tuple of them, which nothing can change."""
    if isinstance(value, (tuple, frozenset)):
        return type(value) in (tuple, frozenset) and all(map(is_plain, value))
    return type(value) in _TEXTS_AND_NUMBERS


def _filled_fields(node: ast.AST) -> dict[str, Any]:
    """Give the fields that say something: lists that are empty came with later Pythons, or leave nothing to say."""
    fields = {
        name: value
        for name, value in ast.iter_fields(node)
        if name not in _SILENT and value is not None and value != []
    }
    if isinstance(node, _DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = fields["body"][1:]
    return fields


def _joined(node: ast.JoinedStr) -> str:
    """Give an f-string; how its texts are cut into pieces differs."""
    parts: list[str] = []
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        parts += [ascii(text), _field(value)]
        text = ""
    return f"f({' '.join([*parts, ascii(text)])})" if parts else ascii(text)


def _field(node: ast.expr) -> str:
    assert isinstance(node, ast.FormattedValue)
    spec = "" if node.format_spec is None else as_text(node.format_spec)
    return f"{as_text(node.value)}!{node.conversion}:{'' if spec == ascii('') else spec}"
